// SPDX-License-Identifier: Apache-2.0
/// Where the daemon's socket is and how a connected descriptor is had: by path, or inherited by a worker.
#pragma once

#include "client/src/descriptor.hpp"

#include <backplane/expected.hpp>

#include <string>

namespace backplane::client_detail {

/// The path of section 1 of PROTOCOL.md, or `unreachable` where none of its steps gives one.
[[nodiscard]] Expected<std::string> default_socket_path();

/// A connected stream socket. Errors: `unreachable`, `not_permitted`, `timeout`, `invalid_argument` (a path that is too
/// long), `system`; the detail names the path.
[[nodiscard]] Expected<Descriptor> connect_socket(const std::string& path, Instant deadline);

/// The same without waiting: a daemon whose backlog is full is a `timeout`. The socket is prepared already.
[[nodiscard]] Expected<Descriptor> connect_at_once(const std::string& path);

/// The path as it will be found from any working folder, where that is no longer than a socket's path may be.
[[nodiscard]] std::string lasting_path(const std::string& path);

/// What a daemon leaves in the environment of its workers.
struct Inheritance {
    Descriptor socket;    ///< the worker's own
    std::string path;     ///< where its daemon listens; empty if the environment does not say
    std::string session;  ///< with the token, what the worker resumes if the socket ends before it is greeted; may be empty
    std::string token;
};

/// Takes $BACKPLANE_FD and $BACKPLANE_RESUME, which are removed from the environment, and $BACKPLANE_SOCKET. `not_found` without
/// the first, `invalid_argument` if it does not name a stream socket.
[[nodiscard]] Expected<Inheritance> take_inheritance();

/// Whether $BACKPLANE_FD is there.
[[nodiscard]] bool has_inherited_socket();

/// Makes a descriptor close-on-exec and non-blocking.
[[nodiscard]] Expected<void> prepare_socket(const Descriptor& socket);

}  // namespace backplane::client_detail
