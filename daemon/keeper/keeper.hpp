// SPDX-License-Identifier: Apache-2.0
/// The keeper: the parent of the daemon, which it starts again when it crashes. It is small enough to be read in one sitting, parses
/// nothing and allocates nothing, so that it outlives what the daemon does not. keeper.cpp tells how, message.hpp what is said.
#pragma once

#include "daemon/keeper/message.hpp"

#include <cstddef>
#include <cstdint>

namespace backplane::keeper {

/// Everything that the keeper must know, made by its caller. What it points to must live until keep() returns; the descriptors are
/// the keeper's from then on: it moves them and closes them.
struct KeeperPlan {
    int executable = -1;                         ///< the program of the first daemon
    char* const* arguments = nullptr;            ///< of every daemon; ends with a null pointer
    char* const* environment = nullptr;          ///< likewise
    const HeldDescriptor* held = nullptr;        ///< what is held from the start, each under a key of its own
    std::size_t held_count = 0;                  ///< less than held_max: the executable is held too
    std::uint64_t watchdog_us = 0;               ///< how long the daemon may hang at most; 0: it is not watched
    const char* notify = nullptr;                ///< the service manager's socket: a path, or '@' and an abstract name; null: none
    std::uint64_t restart_delay_us = 10 * 1000;  ///< the first wait between failed starts
};

/// How many daemons in a row may end before they serve.
constexpr std::uint32_t failures_max = 10;

/// How long to wait for the next start, in microseconds, when so many (less than failures_max) in a row have failed.
constexpr std::uint64_t restart_wait_us(std::uint32_t failures, std::uint64_t delay_us) {
    const std::uint64_t wait = failures < 2 ? 0 : delay_us << (failures - 2);
    return wait < 5'000'000 ? wait : 5'000'000;
}

/// Keeps a daemon alive until one ends in an orderly way, the first start fails or too many did; answers the exit code. The process
/// must have one thread and is the keeper's: its signal mask, its children, their zombies. SIGTERM, SIGINT, SIGHUP and SIGUSR2 are
/// passed on to the daemon, which finds them blocked and should ignore those that a terminal sends to both.
[[nodiscard]] int keep(const KeeperPlan& plan) noexcept;

}  // namespace backplane::keeper
