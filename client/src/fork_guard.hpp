// SPDX-License-Identifier: Apache-2.0
/// ForkGuard: tells a process from the child that it forked, in one load and without a system call.
///
/// Both halves of a fork hold the same socket; if both went on, their frames would mix. So whoever opened a connection
/// notes the mark of its process, and every use compares. The mark stands in a page that the kernel empties in a
/// forked child (MADV_WIPEONFORK); where that does not exist, the process id is asked for each time.
#pragma once

#include <cstdint>

namespace backplane::client_detail {

class ForkGuard {
  public:
    /// Belongs to the process that makes it.
    ForkGuard();

    /// Whether this is still that process.
    [[nodiscard]] bool is_same_process() const;

  private:
    std::uint64_t mark_ = 0;
};

}  // namespace backplane::client_detail
