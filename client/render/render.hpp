// SPDX-License-Identifier: Apache-2.0
/// Values to text, for people and for programs. Pure: the same value always gives the same text.
///
/// Whatever stands in a value may come from a stranger. In text for people control characters and bytes that are not UTF-8
/// are shown as `\xNN`, so that no name can move the cursor or end a line; in JSON they are escaped by its own rules.
#pragma once

#include <backplane/error.hpp>
#include <backplane/message.hpp>
#include <backplane/values.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::render {

/// What `ping` and `version` found out.
struct Pong {
    DaemonInfo daemon;
    Duration time;
};
struct Versions {
    std::string program;
    std::optional<DaemonInfo> daemon;  ///< nothing if it cannot be reached
};

/// What `watch` saw.
struct Ended {
    std::string name;
    Line device;
    std::optional<std::string> fault;
};

/// What `journal save` has copied.
struct Saved {
    std::string file;     ///< where to
    std::string journal;  ///< of what
    std::uint64_t bytes = 0;
    Epoch epoch;
};

// ---- for people; each ends with a line's end ----
[[nodiscard]] std::string list_text(const std::vector<DeviceRow>& rows);
[[nodiscard]] std::string tree_text(const std::vector<DeviceRow>& rows);
[[nodiscard]] std::string status_text(const Description& description);
/// The last exits of a child, a line each and its last words below; empty where there is none.
[[nodiscard]] std::string exits_text(const std::vector<ExitRecord>& exits, std::size_t at_most);
/// One line as `TIME stream| TEXT`.
[[nodiscard]] std::string log_line_text(const LogLine& line);
/// What is to be known beside the lines of a page: some are missing, or a stream is not kept. Empty where there is nothing.
[[nodiscard]] std::string log_page_notes(const LogPage& page, bool is_first);
[[nodiscard]] std::string event_text(const LogEvent& event);
[[nodiscard]] std::string ended_text(const Ended& ended);
[[nodiscard]] std::string pong_text(const Pong& pong);
[[nodiscard]] std::string versions_text(const Versions& versions);
[[nodiscard]] std::string saved_text(const Saved& saved);
[[nodiscard]] std::string plan_text(const ReloadPlan& plan, const ReloadOptions& options);
[[nodiscard]] std::string counts_text(const ChildCounts& counts);
/// `backplanectl: NAME: DETAIL`.
[[nodiscard]] std::string error_line(const Error& error);

// ---- for programs; each is one line of JSON ----
[[nodiscard]] std::string list_json(const std::vector<DeviceRow>& rows);
[[nodiscard]] std::string status_json(const Description& description, const std::vector<ExitRecord>& exits = {});
/// One object for each line, each on a line of its own.
[[nodiscard]] std::string log_page_json(const LogPage& page);
[[nodiscard]] std::string event_json(const LogEvent& event);
[[nodiscard]] std::string ended_json(const Ended& ended);
[[nodiscard]] std::string pong_json(const Pong& pong);
[[nodiscard]] std::string versions_json(const Versions& versions);
[[nodiscard]] std::string saved_json(const Saved& saved);
[[nodiscard]] std::string plan_json(const ReloadPlan& plan);
[[nodiscard]] std::string added_json(const AddedChild& added);
[[nodiscard]] std::string counts_json(const ChildCounts& counts);
[[nodiscard]] std::string run_json(std::string_view name, std::string_view end);
[[nodiscard]] std::string named_json(std::string_view name);
[[nodiscard]] std::string error_json(const Error& error);

// ---- pieces ----
/// A stranger's text made harmless for a terminal.
[[nodiscard]] std::string shown(std::string_view text);
/// Last words, a line each behind `| `, so far to the right; nothing where there are none.
[[nodiscard]] std::string words_text(std::string_view words, std::size_t indent);
/// How many columns `shown` text takes, one for each character.
[[nodiscard]] std::size_t columns(std::string_view text);
/// `waits for db: blocked`, `terminated`, `in backoff, 1.2 s left`: why a child does not run. Empty where there is nothing to say.
[[nodiscard]] std::string why_text(const DeviceRow& row);
/// The first line of a status, and the rows below it.
[[nodiscard]] std::string status_head(const Description& description);
[[nodiscard]] std::vector<std::vector<std::string>> status_cells(const Description& description);
/// `2025-01-31T12:00:00.000001Z`.
[[nodiscard]] std::string time_text(std::int64_t time_us);
/// Rows of cells as aligned columns, two spaces apart.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace backplane::render
