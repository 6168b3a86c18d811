// SPDX-License-Identifier: Apache-2.0
/// The only clock of the daemon, read once a tick (decision 10), and the only source of random bits.
#pragma once

#include <backplane/ids.hpp>

#include <cstdint>

namespace backplane::shell {

/// One reading of both clocks.
struct Moment {
    Instant now{};             ///< CLOCK_MONOTONIC, for everything that is decided
    std::int64_t wall_us = 0;  ///< microseconds since 1970, for what people read; it may leap
};

[[nodiscard]] Moment read_clock();

/// 64 bits from the kernel. Waits only where the machine has just booted and the kernel has none yet.
[[nodiscard]] std::uint64_t random_bits();

/// Milliseconds from `now` until `deadline`, rounded up, for timers that count in milliseconds (decision 22): 0 where it
/// is due, -1 for `never()`.
[[nodiscard]] std::int64_t milliseconds_until(Instant deadline, Instant now);

}  // namespace backplane::shell
