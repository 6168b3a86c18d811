// SPDX-License-Identifier: Apache-2.0
/// The rule for the socket's path.
#include "daemon/shell/socket_path.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

namespace backplane::shell {
namespace {

constexpr const char* file_below_runtime = "/backplane/backplane.sock";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

/// The first rule that has something to say; empty where none has.
std::string first_hint(const PathHints& hints) {
    if (!hints.argument.empty()) {
        return hints.argument;
    }
    if (!hints.configured.empty()) {
        return hints.configured;
    }
    if (!hints.environment.empty()) {
        return hints.environment;
    }
    if (hints.uid == 0) {
        return std::string{"/run"} + file_below_runtime;
    }
    return hints.runtime_folder.empty() ? std::string{} : hints.runtime_folder + file_below_runtime;
}

}  // namespace

Expected<std::string> choose_socket_path(const PathHints& hints) {
    std::string path = first_hint(hints);
    if (path.empty()) {
        return unexpected(ErrorCode::usage,
                          "no place for the socket: XDG_RUNTIME_DIR is not set; give --socket PATH, or set BACKPLANE_SOCKET");
    }
    if (path.front() != '/') {
        path = hints.working_folder + "/" + path;
    }
    if (path.find('\0') != std::string::npos || path.back() == '/') {
        return unexpected(ErrorCode::usage, "the socket's path must name a file: " + path);
    }
    if (path.size() > socket_path_bytes_max) {
        return unexpected(ErrorCode::usage,
                          "the socket's path is longer than " + std::to_string(socket_path_bytes_max) + " bytes: " + path);
    }
    return path;
}

PathHints path_hints(const std::string& argument, const std::string& configured) {
    PathHints hints;
    hints.argument = argument;
    hints.configured = configured;
    hints.environment = variable("BACKPLANE_SOCKET");
    hints.runtime_folder = variable("XDG_RUNTIME_DIR");
    std::array<char, PATH_MAX> folder{};
    if (getcwd(folder.data(), folder.size()) != nullptr) {
        hints.working_folder = folder.data();
    }
    hints.uid = geteuid();
    return hints;
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace backplane::shell
