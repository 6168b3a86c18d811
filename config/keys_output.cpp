// SPDX-License-Identifier: Apache-2.0
/// The rows of a program's output: where stdout and stderr go, and how long a file becomes.
#include "config/keys.hpp"

#include "config/reader.hpp"
#include "config/values.hpp"

#include <array>
#include <optional>

namespace backplane::config {
namespace {

using core::ChildSpec;
using core::LaunchSpec;
using core::OutputKind;
using core::OutputSpec;

// The words stand in the order of the table; what they mean does not stand in a row.
constexpr std::array<std::string_view, 4> output_words{"inherit", "null", "relay", "journal"};
constexpr std::array<OutputKind, 4> output_kinds{OutputKind::inherit, OutputKind::null, OutputKind::relay, OutputKind::journal};
constexpr std::string_view output_expected = "\"inherit\", \"null\", \"relay\", \"journal\", an absolute path, or an object with \"file\"";
constexpr std::string_view output_problem = "invalid_output";

constexpr std::uint64_t rotated_bytes_default = 10U << 20U;
constexpr std::uint32_t keep_default = 5;
constexpr std::int64_t keep_max = 1000;

/// What an object is before its keys are read.
OutputSpec fresh_rotated() { return {OutputKind::rotated, {}, rotated_bytes_default, keep_default}; }

template <OutputSpec LaunchSpec::*Which>
bool read_output(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    OutputSpec& target = child.launch.*Which;
    for (std::size_t i = 0; value.kind == NodeKind::string && i < output_words.size(); ++i) {
        if (output_words[i] == value.text) {
            target = OutputSpec{.kind = output_kinds[i]};
            return true;
        }
    }
    if (is_absolute(value)) {
        target = OutputSpec{OutputKind::file, value.text};
        return true;
    }
    if (value.kind != NodeKind::object) {
        return false;
    }
    OutputSpec rotated = fresh_rotated();
    reader.object(value, output_fields(), info.problem, rotated);
    target = std::move(rotated);
    return true;
}

template <OutputSpec LaunchSpec::*Which>
std::optional<Node> write_output(const KeyInfo& /*info*/, const ChildSpec& child) {
    const OutputSpec& source = child.launch.*Which;
    if (source == fresh<LaunchSpec>().*Which) {
        return std::nullopt;
    }
    if (source.kind == OutputKind::rotated) {
        return written_object(output_fields(), source);
    }
    if (source.kind == OutputKind::file) {
        return text_value(source.path);
    }
    for (std::size_t i = 0; i < output_kinds.size(); ++i) {
        if (output_kinds[i] == source.kind) {
            return text_value(output_words[i]);
        }
    }
    return std::nullopt;
}

template <OutputSpec LaunchSpec::*Which>
constexpr Field<ChildSpec> output_row(std::string_view key, std::string_view problem, std::string_view fallback, std::string_view about) {
    return {{.section = Section::child,
             .key = key,
             .shape = Shape::destination,
             .problem = problem,
             .expected = output_expected,
             .fallback = fallback,
             .words = output_words,
             .inner = Section::output,
             .holder = Holder::process,
             .about = about},
            {read_output<Which>, write_output<Which>}};
}

constexpr std::array<Field<ChildSpec>, 2> rows_of_child{{
    output_row<&LaunchSpec::stdout_to>(
        "stdout", "invalid_stdout", "\"inherit\"",
        "Where the worker's standard output goes: straight to where the daemon's goes, nowhere, through the "
        "daemon to there or to the journal, to the end of a file, or to a file that the daemon puts aside when "
        "it is full. What goes through the daemon is what backplanectl logs shows."),
    output_row<&LaunchSpec::stderr_to>("stderr", "invalid_stderr", "\"relay\"",
                                       "Where the worker's standard error goes, as with stdout. The end of what goes through the daemon is "
                                       "kept with each exit."),
}};

// ---- a file that is put aside ----------------------------------------------------------------------------------------------

bool read_file(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, OutputSpec& output) {
    output.path = value.text;
    return is_absolute(value) && !value.text.ends_with('/');
}

std::optional<Node> write_file(const KeyInfo& /*info*/, const OutputSpec& output) { return text_value(output.path); }

bool read_max_size(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, OutputSpec& output) {
    const std::optional<std::uint64_t> bytes = byte_count(value);
    output.max_bytes = bytes.value_or(output.max_bytes);
    return bytes && *bytes >= core::rotated_bytes_min;
}

std::optional<Node> write_max_size(const KeyInfo& /*info*/, const OutputSpec& output) {
    return output.max_bytes == rotated_bytes_default ? std::nullopt : std::optional{byte_count_value(output.max_bytes)};
}

std::optional<Node> write_keep(const KeyInfo& info, const OutputSpec& output) {
    return output.keep == keep_default ? std::nullopt : std::optional{value_of(info, output.keep)};
}

constexpr std::array<Field<OutputSpec>, 3> file_rows{{
    {{.section = Section::output,
      .key = "file",
      .shape = Shape::path,
      .problem = output_problem,
      .expected = "an absolute path",
      .missing = "missing_output_file",
      .about = "The file; it is created with mode 0640, and no symbolic link is followed. Older ones are called FILE.1, FILE.2 and so on."},
     {read_file, write_file}},
    {{.section = Section::output,
      .key = "max_size",
      .shape = Shape::bytes,
      .problem = output_problem,
      .expected = "a number of bytes from 4096, such as \"10M\"",
      .fallback = "\"10M\"",
      .about = "How long the file becomes at most: a line that would make it longer begins the next one. At least 4096."},
     {read_max_size, write_max_size}},
    {{.section = Section::output,
      .key = "keep",
      .shape = Shape::whole,
      .problem = output_problem,
      .fallback = "5",
      .high = keep_max,
      .about = "How many older files stay beside it."},
     {read_member<&OutputSpec::keep, OutputSpec>, write_keep}},
}};

}  // namespace

Fields<ChildSpec> output_of_child_fields() { return rows_of_child; }
Fields<OutputSpec> output_fields() { return file_rows; }

}  // namespace backplane::config
