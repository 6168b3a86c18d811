// SPDX-License-Identifier: Apache-2.0
/// The table of all keys: one row says what a key is called, what it takes and means, what is said when that is not what
/// stands there, and which functions take it over and write it back. The reader, `--check-config`, the published schema, the
/// text of one child and the manual's test are driven by it.
#pragma once

#include "config/document.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace backplane::config {

class Reader;

/// The kind of object in which a key stands.
enum class Section : std::uint8_t { settings, supervisor, child, backoff, link, probe, drain, limits, limit, output };

/// The form of a key's value, as far as hints and the schema need it. `words` of a row may stand beside any of them.
enum class Shape : std::uint8_t {
    text,         ///< any string
    path,         ///< a string that begins with a slash
    duration,     ///< `"500ms"`; with `low` 1 not zero
    whole,        ///< a number without fraction from `low` to `high`
    real,         ///< any number from `low` to `high`
    yes_no,       ///< true or false
    choice,       ///< nothing but one of `words`
    texts,        ///< an array of strings
    settings,     ///< an object of strings
    objects,      ///< an array of objects of the section `inner`
    object,       ///< an object of the section `inner`
    signal,       ///< a signal's name, or its number
    codes,        ///< an array of exit codes
    signals,      ///< an array of signals
    ends,         ///< an array of exit codes and names of signals
    bytes,        ///< a number of bytes, or a text with one of K, M and G
    octal,        ///< `"027"`
    bound,        ///< a number, or an object of the section `inner`
    destination,  ///< a string that begins with a slash, or an object of the section `inner`
};

/// Which objects of its section may have a key.
enum class Holder : std::uint8_t {
    any,
    process,  ///< children with `exec` only
    task,     ///< children with `task` only
    worker,   ///< children with either
    root,     ///< the root supervisor only
};

/// A row of the table without the function.
struct KeyInfo {
    Section section{};
    std::string_view key{};
    Shape shape{};
    std::string_view problem{};   ///< the name in brackets for a wrong value
    std::string_view expected{};  ///< fits behind "expected"; empty: made from `words`, or from `low` and `high`
    std::string_view fallback{};  ///< the default, as one would write it; empty: none
    std::string_view missing{};   ///< the name in brackets where it is absent; empty: it may be
    std::span<const std::string_view> words{};
    std::int64_t low = 0;
    std::int64_t high = 0;
    Section inner{};
    Holder holder = Holder::any;
    std::string_view about{};  ///< what it means, one sentence or two
};

/// The two ways between a value and the target. `read` answers false for a value that is not as expected, which the reader
/// then reports from the row; what it reports by itself (inner objects do) it answers with true. `write` makes a value that
/// `read` takes back to the same target, and nothing where the target is as without the key. Only keys that one child can
/// have need it.
template <class Target>
struct Ways {
    bool (*read)(Reader& reader, const Node& value, const KeyInfo& info, Target& target);
    std::optional<Node> (*write)(const KeyInfo& info, const Target& target);
};

/// A row.
template <class Target>
struct Field {
    KeyInfo info;
    Ways<Target> ways;
};

template <class Target>
using Fields = std::span<const Field<Target>>;

// Values are taken over in the order of a table's rows, whatever the order in the text: what depends on others of its
// object stands behind them.
[[nodiscard]] Fields<Settings> settings_fields();
[[nodiscard]] Fields<core::SupervisorSpec> supervisor_fields();
/// What a further file may hold: its children join those of the root.
[[nodiscard]] Fields<core::SupervisorSpec> part_fields();
[[nodiscard]] Fields<core::ChildSpec> child_fields();
[[nodiscard]] Fields<core::BackoffSpec> backoff_fields();
[[nodiscard]] Fields<core::StandingLink> link_fields();
[[nodiscard]] Fields<core::ProbeSpec> probe_fields();
[[nodiscard]] Fields<core::DrainSpec> drain_fields();
[[nodiscard]] Fields<std::vector<core::ResourceLimit>> limits_fields();
[[nodiscard]] Fields<core::ResourceLimit> limit_fields();
[[nodiscard]] Fields<core::OutputSpec> output_fields();

// The rows of children by what they are about; `child_fields` has them all.
[[nodiscard]] Fields<core::ChildSpec> process_fields();          ///< keys_process.cpp: how a program is started and found ready
[[nodiscard]] Fields<core::ChildSpec> output_of_child_fields();  ///< keys_output.cpp: where what it says goes
[[nodiscard]] Fields<core::ChildSpec> ending_fields();           ///< keys_ending.cpp: how it is stopped, and what its ends mean
[[nodiscard]] Fields<core::ChildSpec> machine_fields();          ///< keys_machine.cpp: who it is, and how much it may have

/// The object in which a child stands, as far as it has been read.
struct Surroundings {
    const core::SupervisorSpec& supervisor;
    bool sound = true;  ///< false: something is wrong with it, so that what depends on it is not to be judged
};

/// Whether a child has a name: an element of `children` has one, a template has none (S-4), and what is given to a dynamic
/// supervisor may have one.
enum class Naming : std::uint8_t { wanted, refused, optional };

/// Reads one child by the table, and settles what depends on several keys.
void read_child(Reader& reader, const Node& value, const Surroundings& around, Naming naming, core::ChildSpec& child);
/// The same for a supervisor; false: it is no object, which has been reported as `problem`.
void read_supervisor(Reader& reader, const Node& value, std::string_view problem, bool is_root, core::SupervisorSpec& supervisor);

// The ways back: an object that is read as the same child or nested supervisor, with what is not as by default.
[[nodiscard]] Node written_child(const core::ChildSpec& child);
[[nodiscard]] Node written_supervisor(const core::SupervisorSpec& supervisor);

/// All rows, for whoever describes the configuration rather than reads it.
[[nodiscard]] std::vector<KeyInfo> all_keys();

/// What is said to be expected by a row, however it is told.
[[nodiscard]] std::string expectation(const KeyInfo& info);

/// The key that people mean who know another supervisor: `exec` for `command`. Empty where there is none.
[[nodiscard]] std::string_view key_for_stranger(std::string_view key);

}  // namespace backplane::config
