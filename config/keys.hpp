// SPDX-License-Identifier: Apache-2.0
/// The table of all keys: one row says what a key is called, what it takes, what is said when that is not what stands
/// there, and which function takes it over. The reader, `--check-config` and the manual's test are driven by it, and the
/// published schema will be.
#pragma once

#include "config/document.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace backplane::config {

class Reader;

/// The kind of object in which a key stands.
enum class Section : std::uint8_t { settings, supervisor, child, backoff, link };

/// The form of a key's value, as far as hints and a schema need it.
enum class Shape : std::uint8_t {
    text,      ///< any string
    duration,  ///< `"500ms"`
    wait,      ///< a duration or one of `words`
    whole,     ///< a number without fraction, not negative
    real,      ///< any number
    yes_no,    ///< true or false
    choice,    ///< one of `words`
    texts,     ///< an array of strings
    settings,  ///< an object of strings
    objects,   ///< an array of objects
    object,    ///< one object, or one of `words`
};

/// A row of the table without the function.
struct KeyInfo {
    Section section{};
    std::string_view key;
    Shape shape{};
    std::string_view problem;    ///< the name in brackets for a wrong value
    std::string_view expected;   ///< fits behind "expected"; empty for a choice: made from `words`
    std::string_view fallback;   ///< the default, as one would write it; empty: none
    std::string_view missing{};  ///< the name in brackets where it is absent; empty: it may be
    std::span<const std::string_view> words{};
    std::span<const std::string_view> later{};  ///< words that a later version will know
    bool process_only = false;                  ///< child: makes no sense on a supervisor
};

/// A row: `read` takes the value over into the target. It answers false for a value that is not as expected, which the
/// reader then reports from the row; what it reports by itself (inner objects do) it answers with true.
template <class Target>
struct Field {
    KeyInfo info;
    bool (*read)(Reader& reader, const Node& value, const KeyInfo& info, Target& target);
};

[[nodiscard]] std::span<const Field<Settings>> settings_fields();
[[nodiscard]] std::span<const Field<core::SupervisorSpec>> supervisor_fields();
[[nodiscard]] std::span<const Field<core::ChildSpec>> child_fields();
[[nodiscard]] std::span<const Field<core::BackoffSpec>> backoff_fields();
[[nodiscard]] std::span<const Field<core::StandingLink>> link_fields();

/// Reads one element of `children` by the table, and settles what depends on several of its keys.
void read_child(Reader& reader, const Node& value, core::ChildSpec& child);

/// All rows, for whoever describes the configuration rather than reads it.
[[nodiscard]] std::vector<KeyInfo> all_keys();

/// Keys of decision 29 that a later version will know in this section.
[[nodiscard]] std::span<const std::string_view> later_keys(Section section);

/// The key that people mean who know another supervisor: `exec` for `command`. Empty where there is none.
[[nodiscard]] std::string_view key_for_stranger(std::string_view key);

}  // namespace backplane::config
