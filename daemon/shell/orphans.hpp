// SPDX-License-Identifier: Apache-2.0
/// Workers of a daemon whose state is lost: nobody knows any more what they are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace backplane::shell {

/// Stops every child of the keeper but this process: SIGTERM, a second's grace, SIGKILL to the whole group (until there are cgroups).
/// Answers how many there were. `keeper` 0: there is none to ask.
std::size_t stop_orphans(std::int32_t keeper);

}  // namespace backplane::shell
