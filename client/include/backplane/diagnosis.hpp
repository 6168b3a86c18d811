// SPDX-License-Identifier: Apache-2.0
/// What an operator asks in an incident, as plain values: why something is as it is, and what the death of something would lead to.
#pragma once

#include <backplane/values.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backplane {

/// One link of a chain of causes. What is not known is nothing: the daemon's log reaches back 4096 events.
struct Cause {
    /// How it explains the one before: `ended` (the first one), `depended_on`, `group` (whose restart stopped it), `supervisor` (which
    /// went down), `gave_up` (the child that broke a supervisor's limit), `start_failed`, `requires`, `asked` (somebody had it stopped),
    /// `root` (what lies between is forgotten). Readers take others as they are.
    std::string because;
    std::optional<std::string> name;
    std::optional<Line> line;  ///< of the incarnation that ended
    std::optional<std::string> kind;
    std::optional<std::string> state;           ///< of the child now
    std::optional<std::string> reason;          ///< how it ended: a fault's text, `normal`, `shutdown`
    std::optional<std::int64_t> time_us;        ///< when: wall clock, microseconds since 1970-01-01 UTC
    std::optional<std::int64_t> age_ms;         ///< how long ago
    std::optional<std::int64_t> uptime_ms;      ///< how long it had been ready
    std::optional<bool> was_ready;              ///< false: it ended before
    std::optional<std::uint64_t> window_count;  ///< `gave_up`: the restart that was one too many
    std::string last_words;                     ///< the end of what it wrote on stderr, as far as that is kept (rule X-10)
};

/// Why a child or a Device is as it is.
struct Why {
    DeviceRow row;
    std::optional<std::string> restart;          ///< `permanent`, `transient`, `temporary`
    std::optional<std::uint64_t> failures;       ///< in a row, as backoff counts them
    std::optional<std::int64_t> since_ms;        ///< how long it has been in its state
    std::optional<std::uint64_t> restart_count;  ///< which in its supervisor's window its last restart was
    std::optional<std::uint64_t> window_used;    ///< of its supervisor, as the two that follow
    std::optional<std::uint64_t> window_intensity;
    std::optional<std::int64_t> window_period_ms;
    std::vector<Cause> ends;   ///< from its last end back to the root; empty where it has not ended
    std::vector<Cause> waits;  ///< whom its start waits for, and why that one is as it is; empty where it waits for nobody
};

/// What would happen if a child or Device died now, in a world where everybody else behaves (rule X-17): who is started is ready at once,
/// who is asked to end ends, who is told and is not managed does nothing.
struct Impact {
    struct Told {
        Line line;
        std::optional<std::string> name;
        std::string kind;                   ///< `process`, `task` or `supervisor`
        std::optional<std::string> client;  ///< the program that speaks for it, by its own word
        Labels labels;
        Line about;
        std::optional<std::string> about_name;
        std::optional<std::string> fault;  ///< nothing: a clean end
        bool falls = false;                ///< it is managed, and goes too
        std::int64_t after_ms = 0;
    };
    /// One who would not be as he is in the end.
    struct Fate {
        std::string name;
        std::string was, state;  ///< `gone`: not there
        std::optional<std::string> reason;
        std::optional<std::string> waits_for;
        std::int64_t after_ms = 0;
    };
    std::optional<std::string> name;
    std::optional<Line> line;
    std::string kind;
    std::string fault;           ///< what it dies of; of a supervisor: what each process below it does
    bool complete = true;        ///< false: cut short, as it takes too many steps or more than an hour
    std::int64_t length_ms = 0;  ///< until all is over
    std::uint64_t ends = 0;      ///< processes and tasks that end
    std::uint64_t falls = 0;     ///< of these by a cascade
    std::uint64_t starts = 0;    ///< processes and supervisors that are started
    std::uint64_t gives_up = 0;  ///< supervisors that do
    std::vector<Told> told;      ///< the first of them, as the two lists below; the totals count all
    std::uint64_t told_total = 0;
    std::vector<LogEvent> events;  ///< in the words of the log; `seq` is 0 and `time_us` how long after the death
    std::uint64_t events_total = 0;
    std::vector<Fate> fates;  ///< empty: all is in the end as it was
    std::uint64_t fates_total = 0;
};

}  // namespace backplane
