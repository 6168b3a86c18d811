// SPDX-License-Identifier: Apache-2.0
/// See turns.hpp.
#include "client/ctl/turns.hpp"

#include "client/render/render.hpp"

namespace backplane::ctl {

Expected<std::string> restart_in_turn(Client& client, const std::string& supervisor, const Arguments& arguments, Within within) {
    const auto restarted = client.rolling_restart(supervisor, within);
    if (!restarted) {
        return unexpected(restarted.error());
    }
    std::string text;
    for (const std::string& child : *restarted) {
        text += arguments.json ? render::named_json(child) : render::shown(child) + ": restarted\n";
    }
    return text;
}

Expected<std::string> route_to(Client& client, const std::string& supervisor, const Arguments& arguments, Within within) {
    const auto line = client.route(supervisor, arguments.key, within);
    const auto partition = line ? client.describe(*line, within) : unexpected(line.error());
    if (!partition) {
        return unexpected(partition.error());
    }
    return arguments.json ? render::status_json(*partition, {})
                          : render::shown(partition->row.name.value_or("-")) + "  " + line->text() + "\n";
}

}  // namespace backplane::ctl
