// SPDX-License-Identifier: Apache-2.0
/// The daemon's configuration as checked values, and everything that can be wrong with its text.
///
/// Reading is pure: the caller brings the text and the name to show, nothing is expanded and no file is opened. The keys
/// are those of the table in keys.hpp, which also makes the messages; `backplaned.json(5)` explains them to people.
#pragma once

#include "daemon/core/spec.hpp"

#include <backplane/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::config {

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error };

/// What a configuration file decides. A fresh one is what the daemon does without any file.
struct Settings {
    std::string socket;  ///< absolute path, at most 107 bytes; empty: the default rule decides
    LogLevel log_level = LogLevel::info;
    core::SupervisorSpec root;
    Duration task_grace = Duration::seconds(5);    ///< how long tasks may take to end when the daemon stops (T-13); no key yet
    Duration resume_grace = Duration::seconds(5);  ///< how long sessions may take to come back after a crash of the daemon (T-10)
};

/// One thing that is wrong, or dubious, and where.
struct Problem {
    std::string file;
    std::uint32_t line = 1;    ///< from 1
    std::uint32_t column = 1;  ///< from 1, in characters
    std::string key;           ///< `supervisor.children[2].restart`; empty: the file as a whole
    std::string text;          ///< `expected "permanent", "transient" or "temporary", got "alwys"`
    std::string_view name;     ///< the name of rule S-3 or one like it: `invalid_restart`
};

/// `FILE:LINE:COLUMN: key "KEY": TEXT [NAME]`, one line, without an end of line and without control characters. A file without
/// a name is left out, with its colon.
[[nodiscard]] std::string problem_text(const Problem& problem);

/// At most this many errors, and as many warnings, are kept from one reading.
inline constexpr std::size_t problems_max = 20;

/// The result of reading. Where there are errors `settings` holds what could be read and must not be used.
struct Reading {
    Settings settings;
    std::vector<Problem> errors;    ///< in the order of the text
    std::vector<Problem> warnings;  ///< in the order of the text
    std::size_t errors_hidden = 0;  ///< further ones that were not kept
    std::size_t warnings_hidden = 0;
    std::size_t children = 0;  ///< configured children at all depths, each instance and partition one

    [[nodiscard]] bool ok() const { return errors.empty(); }
};

/// One file of a configuration: the name to show, and its text.
struct SourceFile {
    std::string name;
    std::string text;
};

/// Reads a whole configuration. Takes any bytes; never fails otherwise than by `errors`. `cpus` is what the word stands for
/// as a number of partitions (S-64), at least 1.
[[nodiscard]] Reading read_settings(std::string_view text, std::string_view file_name, std::uint32_t cpus = 1);
/// The same in several files, at least one: the first as above, each further one an object whose `children` join those of
/// the root supervisor, in the order of the files.
[[nodiscard]] Reading read_settings(std::span<const SourceFile> files, std::uint32_t cpus = 1);

/// What `--check-config` prints and answers: 0 where there is no error (warnings are no errors), else 1.
struct CheckResult {
    std::string out;  ///< for stdout: `FILE: ok, N children`
    std::string err;  ///< for stderr: errors and warnings, a line each
    int exit_code = 0;
};
[[nodiscard]] CheckResult check_config(std::string_view text, std::string_view file_name, std::uint32_t cpus = 1);
[[nodiscard]] CheckResult check_config(std::span<const SourceFile> files, std::uint32_t cpus = 1);

/// The problems of a reading as lines for stderr: errors as `problem_text`, warnings with `warning: ` behind the place.
[[nodiscard]] std::string problem_lines(const Reading& reading, std::string_view file_name);

[[nodiscard]] std::string_view log_level_name(LogLevel level);

}  // namespace backplane::config
