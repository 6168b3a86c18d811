// SPDX-License-Identifier: Apache-2.0
/// Who is at the other end of a Unix socket, as the kernel knows it (decision 24, rule T-8).
#pragma once

#include "daemon/process/descriptor.hpp"

#include <cstdint>
#include <optional>

namespace backplane::process {

/// The credentials at the time of connect (or of socketpair: then they name whoever made the pair, rule T-9).
struct PeerCredentials {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int32_t pid = 0;  ///< 0 where the peer is in a namespace that we cannot see
};

/// Nothing where `socket` is not a connected Unix socket.
[[nodiscard]] std::optional<PeerCredentials> peer_credentials(int socket);

/// A pidfd of the process that connected, free of the race that a pid would have. Empty before Linux 6.5, and where that
/// process has been reaped.
[[nodiscard]] Descriptor peer_pidfd(int socket);

}  // namespace backplane::process
