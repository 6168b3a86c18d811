// SPDX-License-Identifier: Apache-2.0
/// SO_PEERCRED and SO_PEERPIDFD.
#include "daemon/process/peer.hpp"

#include <sys/socket.h>

namespace backplane::process {
namespace {

/// Newer than the distribution's headers; the same on every architecture that has no numbers of its own.
constexpr int so_peerpidfd = 77;

}  // namespace

std::optional<PeerCredentials> peer_credentials(int socket) {
    ucred found{};
    socklen_t size = sizeof found;
    // A kernel says uid -1 for a socket that has no peer.
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0 || size != sizeof found || found.uid == static_cast<uid_t>(-1)) {
        return std::nullopt;
    }
    return PeerCredentials{found.uid, found.gid, found.pid};
}

Descriptor peer_pidfd(int socket) {
    int fd = -1;
    socklen_t size = sizeof fd;
    if (getsockopt(socket, SOL_SOCKET, so_peerpidfd, &fd, &size) != 0) {
        return Descriptor{};
    }
    return Descriptor{fd};
}

}  // namespace backplane::process
