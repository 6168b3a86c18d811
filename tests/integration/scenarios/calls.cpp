// SPDX-License-Identifier: Apache-2.0
/// The calls of a scenario, and rows and answers as its lines write them.
#include "tests/integration/scenarios/stage.hpp"
#include "tests/integration/scenarios/tree.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <utility>

namespace backplane::integration::scenarios {
namespace {

const std::vector<std::pair<std::string, ChildVerb>>& verbs() {
    static const std::vector<std::pair<std::string, ChildVerb>> table{
        {"start", ChildVerb::start},   {"start_now", ChildVerb::start_now}, {"stop", ChildVerb::stop}, {"restart", ChildVerb::restart},
        {"enable", ChildVerb::enable}, {"disable", ChildVerb::disable},     {"hold", ChildVerb::hold}, {"release", ChildVerb::release},
        {"reset", ChildVerb::reset},   {"delete", ChildVerb::remove},
    };
    return table;
}

Answer failed(const Error& error) { return {std::string{error_name(error.code)}, error.text()}; }

Within within_of(const Words& words) {
    const auto found = std::find(words.begin(), words.end(), "within");
    return found == words.end() || found + 1 == words.end() ? Within::forever() : Within{Duration::milliseconds(std::stoi(*(found + 1)))};
}

WaitFor wait_of(const Words& words) {
    return std::find(words.begin(), words.end(), "unawaited") == words.end() ? WaitFor::done : WaitFor::accepted;
}

Answer counts_of(Client& client, const std::string& name) {
    const auto counts = client.count_children(name, plenty);
    if (!counts) {
        return failed(counts.error());
    }
    std::ostringstream text;
    text << "specs " << counts->specs << ", active " << counts->active << ", supervisors " << counts->supervisors << ", workers "
         << counts->workers;
    return {text.str(), {}};
}

Answer children_of(Client& client, const std::string& name) {
    const auto rows = client.children(name, plenty);
    if (!rows) {
        return failed(rows.error());
    }
    std::string text;
    for (const DeviceRow& row : *rows) {
        text += (text.empty() ? "" : ", ") + row.name.value_or("?") + " " + row.state;
    }
    return {text.empty() ? "nobody" : text, {}};
}

bool is_state(const std::string& word) {
    static const std::vector<std::string> states{"starting", "running", "stopping", "restarting", "down", "quarantined", "disabled"};
    return std::find(states.begin(), states.end(), word.substr(0, word.find(','))) != states.end();
}

}  // namespace

bool is_call(const std::string& verb) {
    const auto found = std::find_if(verbs().begin(), verbs().end(), [&](const auto& one) { return one.first == verb; });
    return found != verbs().end() || verb == "add" || verb == "count" || verb == "children" || verb == "spec";
}

Answer call_daemon(Client& client, const Words& words, const NewChild& child) {
    const std::string& verb = words[0];
    const std::string& name = words[1];
    if (verb == "count") {
        return counts_of(client, name);
    }
    if (verb == "children") {
        return children_of(client, name);
    }
    if (verb == "spec") {
        const auto spec = client.child_spec(name, plenty);
        return spec ? Answer{*spec, {}} : failed(spec.error());
    }
    if (verb == "add") {
        const auto added = client.start_child(parent_of(name), child, wait_of(words), within_of(words));
        return added ? Answer{"ok " + added->name, {}} : failed(added.error());
    }
    const auto found = std::find_if(verbs().begin(), verbs().end(), [&](const auto& one) { return one.first == verb; });
    const auto done = client.command(found->second, name, wait_of(words), within_of(words));
    return done ? Answer{"ok", {}} : failed(done.error());
}

std::string text_of(const DeviceRow& row) {
    std::string text = row.name.value_or("?") + " " + row.state + ", restarts " + std::to_string(row.restarts.value_or(0));
    text += row.reason ? ", " + *row.reason : "";
    text += row.waits_for ? " on " + *row.waits_for : "";
    text += row.held && row.reason != "held" ? ", held" : "";
    return text + (row.fault ? ", " + *row.fault : "");
}

std::vector<std::string> expand_rows(const std::vector<Line>& lines) {
    std::vector<std::string> rows;
    for (const Line& line : lines) {
        const Words words = split(line.text);
        const auto state = std::find_if(words.begin(), words.end(), is_state);
        const std::string behind = joined(words, static_cast<std::size_t>(state - words.begin()));
        for (auto name = words.begin(); name != state; ++name) {
            rows.push_back(*name + " " + behind);
        }
    }
    return rows;
}

std::vector<std::string> shortened_rows(const std::vector<std::string>& rows) {
    std::vector<std::pair<std::string, std::string>> groups;
    for (const std::string& row : rows) {
        const Words words = split(row);
        if (const std::string behind = joined(words, 1); !groups.empty() && groups.back().second == behind) {
            groups.back().first += " " + words[0];
        } else {
            groups.emplace_back(words[0], behind);
        }
    }
    std::vector<std::string> out;
    for (const auto& [names, behind] : groups) {
        out.push_back(names + " " + behind);
    }
    return out;
}

std::string side_by_side(const std::vector<std::string>& expected, const std::vector<std::string>& got) {
    std::size_t width = std::string_view{"expected"}.size();
    for (const std::string& line : expected) {
        width = std::max(width, line.size());
    }
    std::ostringstream out;
    const auto put = [&](const std::string& left, const char* between, const std::string& right) {
        out << "  " << std::left << std::setw(static_cast<int>(width)) << left << between << right << "\n";
    };
    put("expected", "   ", "got");
    for (std::size_t i = 0; i < std::max(expected.size(), got.size()); ++i) {
        const std::string left = i < expected.size() ? expected[i] : "";
        const std::string right = i < got.size() ? got[i] : "";
        put(left, left == right ? " = " : " ! ", right);
    }
    return out.str();
}

}  // namespace backplane::integration::scenarios
