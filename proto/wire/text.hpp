// SPDX-License-Identifier: Apache-2.0
/// UTF-8 as the protocol demands it (RFC 3629: no surrogates, nothing over-long, nothing above U+10FFFF).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace backplane::wire {

/// How many bytes at the front of `text` are valid UTF-8 and whole characters; `text.size()` where all of it is.
[[nodiscard]] std::size_t valid_utf8_prefix(std::string_view text);

[[nodiscard]] inline bool is_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

/// `text` with each byte that is not part of a valid character replaced by `?`.
[[nodiscard]] std::string repaired_utf8(std::string_view text);

/// The longest front of valid UTF-8 that is at most `bytes_max` long and does not cut a character.
[[nodiscard]] std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace backplane::wire
