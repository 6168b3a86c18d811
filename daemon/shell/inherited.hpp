// SPDX-License-Identifier: Apache-2.0
/// The one door for descriptors that the daemon was given from outside (decision 19): sockets of the service manager, and
/// what a keeper holds.
#pragma once

#include "daemon/process/descriptor.hpp"

#include <cstdint>
#include <vector>

namespace backplane::shell {

/// What came through the door from a service manager.
struct Inherited {
    std::vector<process::Descriptor> listening;  ///< sockets that it listens on for us; none where it did not mean this process
};

/// Takes what was given by sd_listen_fds(3), once: its variables go from the environment, so that no daemon and no worker takes other
/// descriptors for the same. Every descriptor above 2 is marked to be closed on exec, so that nothing that the daemon's starter left
/// open gets any further.
[[nodiscard]] Inherited inherited();

/// Gives a socket to the program that this process is about to become, in the way that `inherited` takes it.
void bequeath(int listening);

/// An environment variable that is a number; 0 where it is not.
[[nodiscard]] std::uint64_t number_of(const char* variable);

}  // namespace backplane::shell
