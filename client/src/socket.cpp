// SPDX-License-Identifier: Apache-2.0
/// See socket.hpp.
#include "client/src/socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace backplane::client_detail {

namespace {

constexpr const char* inherited_variable = "BACKPLANE_FD";
constexpr const char* resume_variable = "BACKPLANE_RESUME";
constexpr const char* path_variable = "BACKPLANE_SOCKET";

/// A variable's value; empty where it is missing, which means the same in all that we read.
std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::string_view{value} : std::string_view{};
}

/// A Unix connect only waits when the daemon's backlog is full. The send timeout bounds that wait.
void limit_connect(const Descriptor& socket, Instant deadline) {
    if (deadline.is_never()) {
        return;
    }
    const std::int64_t left_us = std::max<std::int64_t>((deadline - now()).ns / 1000, 1);
    timeval limit{};
    limit.tv_sec = left_us / 1'000'000;
    limit.tv_usec = left_us % 1'000'000;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

Error connect_error(const std::string& path) {
    const int number = errno;
    ErrorCode code = ErrorCode::system;
    switch (number) {
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
        case ENOTSOCK: code = ErrorCode::unreachable; break;
        case EACCES:
        case EPERM: code = ErrorCode::not_permitted; break;
        case EAGAIN: code = ErrorCode::timeout; break;
        default: break;
    }
    return Error{code, path + ": " + std::generic_category().message(number)};
}

Expected<Descriptor> connected(Descriptor socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return unexpected(ErrorCode::invalid_argument, "a socket's path has 1 to 107 bytes: " + path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    int done = 0;
    do {
        done = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    } while (done != 0 && errno == EINTR);
    if (done != 0) {
        return unexpected(connect_error(path));
    }
    return socket;
}

}  // namespace

Expected<std::string> default_socket_path() {
    if (const auto path = variable(path_variable); !path.empty()) {
        return std::string{path};
    }
    if (::geteuid() == 0) {
        return std::string{"/run/backplane/backplane.sock"};
    }
    if (const auto folder = variable("XDG_RUNTIME_DIR"); !folder.empty()) {
        return std::string{folder} + "/backplane/backplane.sock";
    }
    return unexpected(ErrorCode::unreachable, "no socket is named: neither BACKPLANE_SOCKET nor XDG_RUNTIME_DIR is set");
}

Expected<Descriptor> connect_socket(const std::string& path, Instant deadline) {
    auto socket = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket) {
        return unexpected(system_error("socket"));
    }
    limit_connect(socket, deadline);
    return connected(std::move(socket), path);
}

Expected<Descriptor> connect_at_once(const std::string& path) {
    auto socket = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) {
        return unexpected(system_error("socket"));
    }
    return connected(std::move(socket), path);
}

std::string lasting_path(const std::string& path) {
    std::error_code wrong;
    std::string whole = std::filesystem::absolute(path, wrong).string();
    return wrong || whole.size() >= sizeof(sockaddr_un::sun_path) ? path : whole;
}

bool has_inherited_socket() { return !variable(inherited_variable).empty(); }

Expected<Inheritance> take_inheritance() {
    const std::string text{variable(inherited_variable)};
    if (text.empty()) {
        return unexpected(ErrorCode::not_found, "BACKPLANE_FD is not set: not started by a daemon, or adopted already");
    }
    Inheritance inheritance;
    if (const std::string path{variable(path_variable)}; !path.empty()) {
        inheritance.path = lasting_path(path);
    }
    const std::string resume{variable(resume_variable)};
    if (const auto colon = resume.find(':'); colon != std::string::npos) {
        inheritance.session = resume.substr(0, colon);
        inheritance.token = resume.substr(colon + 1);
    }
    // Whatever they name, they are used up: a grandchild must not take them for its own.
    ::unsetenv(inherited_variable);
    ::unsetenv(resume_variable);
    int number = -1;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    int type = 0;
    socklen_t size = sizeof(type);
    const bool is_number = wrong == std::errc{} && end == text.data() + text.size() && number >= 0;
    if (!is_number || ::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
        return unexpected(ErrorCode::invalid_argument, "BACKPLANE_FD names no stream socket: " + text);
    }
    inheritance.socket = Descriptor{number};
    return inheritance;
}

Expected<void> prepare_socket(const Descriptor& socket) {
    const int status = ::fcntl(socket.get(), F_GETFL);
    const bool done =
        ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) == 0 && status >= 0 && ::fcntl(socket.get(), F_SETFL, status | O_NONBLOCK) == 0;
    return done ? Expected<void>{} : unexpected(system_error("fcntl"));
}

}  // namespace backplane::client_detail
