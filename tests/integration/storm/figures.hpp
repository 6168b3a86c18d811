// SPDX-License-Identifier: Apache-2.0
/// What a storm prints, and the floor that its times stand beside.
#pragma once

#include "tests/integration/storm/board.hpp"

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <vector>

namespace backplane::storm {

/// The least that a new program and a conversation with it take here and now: start and end of /bin/true, then a connection
/// over a Unix socket at `path`, accepted and answered with one byte.
[[nodiscard]] std::int64_t floor_ns(const std::string& path);

/// Median, p99 and the longest, in milliseconds.
void print_times(const char* what, std::vector<std::int64_t> times);

/// Lines `N tried, M lost`; answers how many of them lost something.
std::size_t print_checks(const Board& board);

/// The backplaned among the keeper's children, as soon as it is another than `not_this`; 0 where there is none.
[[nodiscard]] pid_t daemon_child_of(pid_t keeper, pid_t not_this);
/// Children that have ended and that nobody takes away, in the end.
[[nodiscard]] std::size_t zombies_of(pid_t pid);

}  // namespace backplane::storm
