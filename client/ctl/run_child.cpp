// SPDX-License-Identifier: Apache-2.0
/// See run_child.hpp.
#include "client/ctl/run_child.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

extern "C" char** environ;

namespace backplane::ctl {

namespace {

/// A crash loop ends with the child and not with whoever runs beside it: its own limit is met before the defaults of its supervisor.
constexpr int restarts_max = 3;
constexpr const char* restarts_period = "60s";

bool is_program(const std::string& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

Expected<std::string> working_directory() {
    std::array<char, 4'096> path{};
    if (::getcwd(path.data(), path.size()) == nullptr) {
        return unexpected(ErrorCode::system, std::string{"the working directory: "} + std::strerror(errno));
    }
    return std::string{path.data()};
}

std::optional<std::string> variable(const std::string& name) {
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view one{*at};
        if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=') {
            return std::string{one.substr(name.size() + 1)};
        }
    }
    return std::nullopt;
}

/// As a shell would find it.
Expected<std::string> find_program(const std::string& command, const std::string& directory) {
    const auto absolute = [&directory](const std::string& path) { return path.starts_with('/') ? path : directory + "/" + path; };
    if (command.find('/') != std::string::npos) {
        const std::string path = absolute(command);
        return is_program(path) ? Expected<std::string>{path} : unexpected(ErrorCode::not_found, command + ": no such program");
    }
    const std::string path = variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find(':', at), path.size());
        const std::string folder = path.substr(at, end - at);
        const std::string candidate = absolute((folder.empty() ? std::string{"."} : folder) + "/" + command);
        if (is_program(candidate)) {
            return candidate;
        }
        at = end + 1;
    }
    return unexpected(ErrorCode::not_found, command + ": no such program in PATH");
}

bool goes_along(std::string_view name) { return name == "PATH" || name == "TZ" || name == "LANG" || name.starts_with("LC_"); }

Expected<nlohmann::ordered_json> environment(const Arguments& arguments) {
    nlohmann::ordered_json variables = nlohmann::ordered_json::object();
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view one{*at};
        const std::size_t equals = one.find('=');
        const bool ours = one.starts_with("BACKPLANE_") || one.starts_with("NOTIFY_SOCKET=");
        if (equals != std::string_view::npos && equals != 0 && !ours && (arguments.all_env || goes_along(one.substr(0, equals)))) {
            variables[std::string{one.substr(0, equals)}] = std::string{one.substr(equals + 1)};
        }
    }
    for (const std::string& given : arguments.env) {
        const std::size_t equals = given.find('=');
        const std::string name = given.substr(0, equals);
        const auto value = equals != std::string::npos ? std::optional{given.substr(equals + 1)} : variable(name);
        if (name.empty() || !value) {
            return unexpected(ErrorCode::usage, "--env " + given + ": " + (name.empty() ? "no name" : "it is not set here"));
        }
        variables[name] = *value;
    }
    return variables;
}

}  // namespace

std::string name_to_try(const Arguments& arguments, unsigned attempt) {
    if (!arguments.name.empty()) {
        return arguments.name;
    }
    std::string name = arguments.words.front().substr(arguments.words.front().rfind('/') + 1);
    for (char& c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        c = plain ? c : '-';
    }
    if (name.empty() || name == "." || name == "..") {
        name = "run";
    }
    return attempt == 1 ? name : name + "-" + std::to_string(attempt);
}

Expected<NewChild> make_run_child(const Arguments& arguments, const std::string& name) {
    const auto directory = working_directory();
    if (!directory) {
        return unexpected(directory.error());
    }
    const auto program = find_program(arguments.words.front(), *directory);
    if (!program) {
        return unexpected(program.error());
    }
    auto variables = environment(arguments);
    if (!variables) {
        return unexpected(variables.error());
    }
    nlohmann::ordered_json spec;
    spec["name"] = name;
    spec["exec"] = arguments.words;
    spec["exec"][0] = *program;
    spec["working_directory"] = *directory;
    spec["environment"] = std::move(*variables);
    spec["restart"] = arguments.restart;
    if (arguments.restart != "temporary") {
        spec["intensity"] = restarts_max;
        spec["period"] = restarts_period;
        spec["on_limit"] = "stop_child";
    }
    NewChild child;
    child.spec = spec.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    return child;
}

}  // namespace backplane::ctl
