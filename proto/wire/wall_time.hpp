// SPDX-License-Identifier: Apache-2.0
/// The protocol's wall time: RFC 3339, UTC, six digits behind the second. For display; nothing is decided by it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backplane::wire {

/// `2025-01-31T12:00:00.000001Z` for microseconds since 1970-01-01 UTC; before 1970 and after 9999 the nearest that has a text.
[[nodiscard]] std::string wall_time_text(std::int64_t time_us);

/// Reads that form, and no other.
[[nodiscard]] std::optional<std::int64_t> parse_wall_time(std::string_view text);

}  // namespace backplane::wire
