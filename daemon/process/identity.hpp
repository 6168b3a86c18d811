// SPDX-License-Identifier: Apache-2.0
/// Which process a pid means: within one boot pid and start time together name a process for ever. A bare pid does not.
#pragma once

#include <cstdint>
#include <string_view>

namespace backplane::process {

/// What the kernel tells of a process, a zombie included.
struct ProcessFacts {
    std::int32_t parent = 0;
    std::int32_t group = 0;
    std::int32_t session = 0;
    std::uint32_t uid = 0;         ///< whose it is; root's where it hides (prctl(2), PR_SET_DUMPABLE)
    std::uint64_t started_at = 0;  ///< clock ticks since boot; 0: there is no such process
    bool is_dead = false;          ///< a zombie
    bool is_ending = false;        ///< that, or on its way there: its memory is gone, which the kernel lets go before descriptors
};
[[nodiscard]] ProcessFacts facts_of(std::int32_t pid);
/// Whether the environment that a process was started with holds this text. False for a zombie, and where we may not look.
[[nodiscard]] bool environment_holds(std::int32_t pid, std::string_view text);

}  // namespace backplane::process
