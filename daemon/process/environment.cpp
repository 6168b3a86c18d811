// SPDX-License-Identifier: Apache-2.0
/// The clean slate of a worker. Names are kept unique by replacing, so the order of building is the order of precedence.
#include "daemon/process/environment.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace backplane::process {
namespace {

constexpr std::array<std::string_view, 6> own_names = {"BACKPLANE_FD",  "BACKPLANE_SOCKET", "BACKPLANE_RESUME",
                                                       "NOTIFY_SOCKET", "WATCHDOG_USEC",    "WATCHDOG_PID"};

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

void set(std::vector<std::string>& all, std::string_view name, std::string_view value) {
    std::string variable;
    variable.reserve(name.size() + 1 + value.size());
    variable.append(name).append("=").append(value);
    const auto same = std::find_if(all.begin(), all.end(), [&](const std::string& other) { return name_of(other) == name; });
    if (same == all.end()) {
        all.push_back(std::move(variable));
    } else {
        *same = std::move(variable);
    }
}

bool is_own(std::string_view name) { return std::find(own_names.begin(), own_names.end(), name) != own_names.end(); }

bool is_valid(std::string_view name, std::string_view value) {
    constexpr std::string_view never_in_a_name{"=\0", 2};
    return !name.empty() && name.find_first_of(never_in_a_name) == std::string_view::npos && value.find('\0') == std::string_view::npos;
}

void set_slate(const Identity& identity, std::vector<std::string>& all) {
    set(all, "PATH", default_path);
    set(all, "HOME", identity.home);
    set(all, "SHELL", identity.shell);
    set(all, "LANG", "C.UTF-8");
    if (!identity.user.empty()) {
        set(all, "USER", identity.user);
        set(all, "LOGNAME", identity.user);
    }
}

void set_addresses(const WorkerAddresses& addresses, std::vector<std::string>& all) {
    if (addresses.has_descriptor) {
        set(all, "BACKPLANE_FD", "3");
    }
    if (!addresses.socket_path.empty()) {
        set(all, "BACKPLANE_SOCKET", addresses.socket_path);
    }
    if (!addresses.notify_path.empty()) {
        set(all, "NOTIFY_SOCKET", addresses.notify_path);
    }
    if (addresses.watchdog_us != 0) {
        set(all, "WATCHDOG_USEC", std::to_string(addresses.watchdog_us));
        set(all, "WATCHDOG_PID", std::string(watchdog_pid_digits, '0'));
    }
    if (!addresses.resume.empty()) {
        set(all, "BACKPLANE_RESUME", addresses.resume);
    }
}

}  // namespace

Identity own_identity() {
    passwd record{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    if (getpwuid_r(geteuid(), &record, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        return {};
    }
    return identity_of(found->pw_name, found->pw_dir, found->pw_shell);
}

Identity identity_of(const char* name, const char* home, const char* shell) {
    Identity identity;
    identity.user = name;
    if (home != nullptr && *home != '\0') {
        identity.home = home;
    }
    if (shell != nullptr && *shell != '\0') {
        identity.shell = shell;
    }
    return identity;
}

char* watchdog_pid_place(std::vector<std::string>& environment) {
    const auto found =
        std::find_if(environment.begin(), environment.end(), [](const std::string& v) { return name_of(v) == "WATCHDOG_PID"; });
    return found == environment.end() ? nullptr : found->data() + sizeof "WATCHDOG_PID=" - 1;
}

bool build_environment(const Identity& identity, const std::vector<std::pair<std::string, std::string>>& configured,
                       const WorkerAddresses& addresses, std::vector<std::string>& out) {
    out.clear();
    set_slate(identity, out);
    for (const auto& [name, value] : configured) {
        if (!is_valid(name, value)) {
            return false;
        }
        if (!is_own(name)) {
            set(out, name, value);
        }
    }
    set_addresses(addresses, out);
    return true;
}

std::vector<std::string> program_candidates(std::string_view program, const std::vector<std::string>& environment) {
    std::vector<std::string> candidates;
    if (program.find('/') != std::string_view::npos) {
        if (program.front() == '/') {
            candidates.emplace_back(program);
        }
        return candidates;
    }
    const auto path = std::find_if(environment.begin(), environment.end(), [](const std::string& v) { return name_of(v) == "PATH"; });
    if (program.empty() || path == environment.end()) {
        return candidates;
    }
    std::string_view rest = std::string_view{*path}.substr(sizeof "PATH=" - 1);
    while (!rest.empty()) {
        const std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
        // An empty or relative element would mean a place that depends on the working directory.
        if (!directory.empty() && directory.front() == '/') {
            candidates.emplace_back(directory).append("/").append(program);
        }
    }
    return candidates;
}

}  // namespace backplane::process
