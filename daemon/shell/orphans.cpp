// SPDX-License-Identifier: Apache-2.0
/// The kernel's list of the keeper's children, asked again until it is empty.
#include "daemon/shell/orphans.hpp"

#include "daemon/process/group.hpp"
#include "daemon/process/identity.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace backplane::shell {
namespace {

constexpr int grace_ms = 1000;
constexpr int kill_ms = 1000;
constexpr int turn_ms = 5;

std::vector<std::int32_t> living_children(std::int32_t keeper) {
    std::vector<std::int32_t> children = process::children_of(keeper);
    std::erase_if(children, [](std::int32_t pid) { return pid == getpid() || process::facts_of(pid).is_dead; });
    return children;
}

/// Until none is left or the time is up.
bool wait_for_none(std::int32_t keeper, int wait_ms) {
    for (int waited = 0; waited < wait_ms; waited += turn_ms) {
        if (living_children(keeper).empty()) {
            return true;
        }
        (void)poll(nullptr, 0, turn_ms);
    }
    return living_children(keeper).empty();
}

}  // namespace

std::size_t stop_orphans(std::int32_t keeper) {
    if (keeper == 0) {
        return 0;
    }
    // The keeper takes none of them away before we say so, so no number can mean another process meanwhile.
    const std::vector<std::int32_t> orphans = living_children(keeper);
    for (const std::int32_t pid : orphans) {
        kill(pid, SIGTERM);
    }
    if (wait_for_none(keeper, grace_ms)) {
        return orphans.size();
    }
    for (int round = 0; round < 3; ++round) {
        for (const std::int32_t pid : living_children(keeper)) {
            if (process::facts_of(pid).group == pid) {
                (void)process::signal_members(pid, SIGKILL);
            } else {
                kill(pid, SIGKILL);
            }
        }
        if (wait_for_none(keeper, kill_ms)) {
            break;
        }
    }
    return orphans.size();
}

}  // namespace backplane::shell
