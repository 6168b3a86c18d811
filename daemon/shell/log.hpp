// SPDX-License-Identifier: Apache-2.0
/// The operator's log: plain lines on stderr, through spdlog. Nothing a stranger says reaches it unescaped, and a reader that
/// does not read loses lines, counted, instead of stopping the daemon.
#pragma once

#include "config/settings.hpp"

#include <string>
#include <string_view>

namespace backplane::shell {

/// Sets up the log, once, before the first line. `show_time`: lines begin with it; without, the service manager stamps them.
void open_log(config::LogLevel level, bool show_time);
void set_log_level(config::LogLevel level);

void log_debug(std::string_view line);
void log_info(std::string_view line);
void log_warning(std::string_view line);
void log_error(std::string_view line);

/// The line with each control character, and each byte that is no part of valid UTF-8, as `\xHH`.
[[nodiscard]] std::string escape_line(std::string_view line);

}  // namespace backplane::shell
