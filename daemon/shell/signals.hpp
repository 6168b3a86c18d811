// SPDX-License-Identifier: Apache-2.0
/// Signals to the daemon, as a descriptor: they are blocked and read, so no handler ever runs.
#pragma once

#include "daemon/process/descriptor.hpp"

#include <backplane/expected.hpp>

#include <cstdint>

namespace backplane::shell {

/// What came since the last look. Signals of one kind that came together count once, as the kernel keeps them.
struct SignalsSeen {
    std::uint32_t terminate = 0;  ///< SIGTERM: stop; each one again: faster (T-13)
    std::uint32_t interrupt = 0;  ///< SIGINT: the same; a terminal sends it to keeper and daemon alike
    bool hangup = false;          ///< SIGHUP; likewise
    bool upgrade = false;         ///< SIGUSR2
    bool child = false;           ///< SIGCHLD: orphans may have become ours (P-5)
};

class Signals {
  public:
    /// Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR2 and SIGCHLD in this thread, ignores SIGPIPE, and opens the descriptor. Call before any
    /// thread is made.
    [[nodiscard]] static Expected<Signals> open();

    /// Readable when a signal waits.
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Takes all that wait; never blocks.
    [[nodiscard]] SignalsSeen take();

  private:
    explicit Signals(process::Descriptor fd) : fd_(std::move(fd)) {}
    process::Descriptor fd_;
};

}  // namespace backplane::shell
