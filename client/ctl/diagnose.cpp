// SPDX-License-Identifier: Apache-2.0
/// See diagnose.hpp.
#include "client/ctl/diagnose.hpp"

#include "client/render/diagnosis.hpp"

#include <fstream>
#include <utility>

namespace backplane::ctl {

namespace {

/// Asks by line where the name is one.
template <class Ask>
auto by_name_or_line(const std::string& name, Ask ask) {
    const auto line = Line::parse(name);
    return line ? ask(*line) : ask(std::string_view{name});
}

/// Where the kernel has a process, if it lets us know and there is a cgroup v2.
std::optional<std::string> cgroup_of(std::int64_t pid) {
    constexpr std::string_view unified = "0::";
    std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(unified)) {
            return line.substr(unified.size());
        }
    }
    return std::nullopt;
}

Expected<std::string> describe(Client& client, const Arguments& arguments, Within within) {
    auto about = by_name_or_line(arguments.name, [&](const auto& name) { return client.describe(name, within); });
    if (!about) {
        return unexpected(about.error());
    }
    render::Details details;
    details.about = std::move(*about);
    const DeviceRow& row = details.about.row;
    if (row.name && row.kind != "task") {
        // It may have gone between two questions; then what is known of it has to do.
        if (auto spec = client.child_spec(*row.name, within)) {
            details.spec = std::move(*spec);
        }
    }
    if (row.pid && row.kind == "process") {
        details.cgroup = cgroup_of(*row.pid);
        if (auto daemon = client.daemon_info(within); daemon && !daemon->containment.empty()) {
            details.containment = std::move(daemon->containment);
        }
    }
    return arguments.json ? render::details_json(details) : render::details_text(details);
}

Expected<std::string> why(Client& client, const Arguments& arguments, Within within) {
    const auto told = by_name_or_line(arguments.name, [&](const auto& name) { return client.why(name, within); });
    if (!told) {
        return unexpected(told.error());
    }
    return arguments.json ? render::why_it_is_json(*told) : render::why_it_is_text(*told);
}

Expected<std::string> impact(Client& client, const Arguments& arguments, Within within) {
    const auto told = by_name_or_line(arguments.name, [&](const auto& name) { return client.impact(name, within); });
    if (!told) {
        return unexpected(told.error());
    }
    return arguments.json ? render::impact_json(*told) : render::impact_text(*told);
}

}  // namespace

Expected<std::string> diagnose(Client& client, const Arguments& arguments, Within within) {
    switch (arguments.command) {
        case Command::why: return why(client, arguments, within);
        case Command::impact: return impact(client, arguments, within);
        default: return describe(client, arguments, within);
    }
}

}  // namespace backplane::ctl
