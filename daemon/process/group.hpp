// SPDX-License-Identifier: Apache-2.0
/// Process groups: a worker's descendants, as far as they did not leave (rules P-2 to P-5).
///
/// While the leader is unreaped its pid cannot be anybody else's, so its group may be signalled. After the reap the number
/// lives on as long as a member does and no longer, so it is only looked at. A descendant that makes a session or group of
/// its own has left the group; it becomes our child when its parents are gone, and only control groups could hold it.
#pragma once

#include <cstdint>
#include <vector>

namespace backplane::process {

/// Orphans of our descendants become our children. Answers 0 or errno.
[[nodiscard]] int become_subreaper();

/// To every member. The leader must be unreaped. Answers 0 or errno (ESRCH: nobody is left; EPERM: nobody may be signalled).
[[nodiscard]] int signal_members(std::int32_t group, int signal_number);

/// Takes the ended members away that are our own children by now. The leader must be reaped.
void reap_members(std::int32_t group);

/// Whether nobody of the group is left, zombies of other parents included. The leader must be reaped.
[[nodiscard]] bool group_is_gone(std::int32_t group);

/// All our children, zombies included. Empty where the kernel does not list them.
[[nodiscard]] std::vector<std::int32_t> own_children();
/// The same of another process.
[[nodiscard]] std::vector<std::int32_t> children_of(std::int32_t parent);

}  // namespace backplane::process
