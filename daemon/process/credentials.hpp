// SPDX-License-Identifier: Apache-2.0
/// The names of a CredentialSpec as the kernel's numbers. Looked up at each spawn, for the user database may change.
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/core/spec.hpp"
#include "daemon/process/environment.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace backplane::process {

/// Who a program becomes. Where `error_number` is not 0 the rest says nothing.
struct Credentials {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    bool keeps_groups = false;  ///< the supplementary groups stay as they are
    std::vector<std::uint32_t> groups;
    std::uint64_t capabilities = 0;  ///< a mask
    Identity identity;               ///< of the user, for its environment
    core::SpawnStep step = core::SpawnStep::user;
    int error_number = 0;
};

/// Names, or decimal ids. A user that nobody knows is ENOENT at step `user`, and so on; `own`: who we are, where no user is given.
[[nodiscard]] Credentials resolve_credentials(const core::CredentialSpec& spec, const Identity& own);

/// The number of a capability by its name (`cap_net_raw`); -1: there is none of that name.
[[nodiscard]] int capability_number(std::string_view name);

}  // namespace backplane::process
