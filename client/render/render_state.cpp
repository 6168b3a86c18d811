// SPDX-License-Identifier: Apache-2.0
/// A state for people. See state.hpp.
#include "client/render/state.hpp"

#include "client/render/render.hpp"

namespace backplane::render {

namespace {

std::string session_table(const std::vector<SessionRow>& sessions) {
    std::vector<std::vector<std::string>> cells{{"SESSION", "STATE", "PID", "UID", "WORKER", "DEVICES", "LINKS", "OWED"}};
    for (const SessionRow& row : sessions) {
        cells.push_back({std::to_string(row.number), shown(row.state), std::to_string(row.pid), std::to_string(row.uid),
                         row.worker ? shown(*row.worker) : "-", std::to_string(row.devices), std::to_string(row.links),
                         std::to_string(row.owed)});
    }
    return table(cells);
}

}  // namespace

std::string epoch_text(Epoch epoch) {
    const std::string line = line_text(epoch, DeviceId{});
    return line.substr(0, line.find('.'));
}

std::string state_text(const State& state) {
    std::string text = "state after step " + std::to_string(state.steps);
    if (state.seq) {
        text += ", event " + std::to_string(*state.seq);
    }
    if (state.time_us) {
        text += ", " + time_text(*state.time_us);
    }
    text += ": " + std::to_string(state.devices) + " Devices, " + std::to_string(state.links) + " links, " +
            std::to_string(state.sessions.size()) + " sessions\n";
    if (!state.rows.empty()) {
        text += "\n" + tree_text(state.rows) + "\n" + list_text(state.rows);
    }
    return state.sessions.empty() ? text : text + "\n" + session_table(state.sessions);
}

}  // namespace backplane::render
