// SPDX-License-Identifier: Apache-2.0
/// The small grammar inside a configuration's texts: durations, names, and words that were probably meant.
#pragma once

#include <backplane/ids.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace backplane::config {

/// A whole child's path below the root takes at most this many bytes; the wire has the same bound for names.
inline constexpr std::size_t name_bytes_max = 255;

/// No configured duration is longer, so that an instant plus a duration is always an instant.
inline constexpr Duration duration_max = Duration::seconds(100LL * 365 * 24 * 3600);

/// Reads `"500ms"`: a whole number and one of the units ns, us, ms, s, m, h (decision 30). Nothing for any other form,
/// a sign, a blank, or more than `duration_max`.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

/// The shortest form that `parse_duration` reads back to the same duration; `infinity` for `forever()`.
[[nodiscard]] std::string duration_text(Duration duration);

/// What is wrong with a child's name, in words that fit behind "expected"; nothing where it is a good one.
/// Good: 1 to 255 of `A-Z a-z 0-9 . _ @ : + -`, without `..` and not `.` alone.
[[nodiscard]] std::optional<std::string_view> name_flaw(std::string_view name);

/// The text in double quotes, fit for one line of a log: control characters escaped, at most 40 characters and `...`.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The text as `in_quotes` shows it, without the quotes and the bound.
[[nodiscard]] std::string escaped(std::string_view text);

/// Lengthens a path of keys such as `supervisor.children[2]`; a key is shown as `in_quotes` shows it.
void append_key(std::string& path, std::string_view key);
void append_index(std::string& path, std::size_t index);

/// The known word that `word` was probably meant to be: the fewest insertions, deletions, replacements and swaps of
/// neighbours away, and no more than a third of the longer word; the first of equals. Empty where there is none.
[[nodiscard]] std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known);

/// `"a", "b" or "c"`.
[[nodiscard]] std::string alternatives(std::span<const std::string_view> words);

}  // namespace backplane::config
