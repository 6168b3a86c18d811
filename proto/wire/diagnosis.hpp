// SPDX-License-Identifier: Apache-2.0
/// What an operator is told in an incident: why something is as it is, and what the death of something would lead to.
#pragma once

#include "proto/wire/views.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backplane::wire {

/// One link of a chain of causes. What is not known is nothing.
struct Cause {
    /// How it explains the one before: `ended` (the first), `depended_on`, `group`, `supervisor`, `gave_up`, `start_failed`,
    /// `requires`, `asked` (of whom nothing is known), `root` (what lies between is forgotten).
    std::string because;
    std::optional<std::string> name;
    std::optional<DeviceId> id;  ///< of the incarnation that ended
    std::optional<std::string> kind;
    std::optional<std::string> state;     ///< of the child now
    std::optional<std::string> reason;    ///< how it ended: fault text, `normal`, `shutdown`
    std::optional<std::int64_t> time_us;  ///< when, by the wall clock
    std::optional<std::int64_t> age_ms;   ///< how long ago
    std::optional<std::int64_t> uptime_ms;
    std::optional<bool> was_ready;
    std::optional<std::uint64_t> window_count;  ///< `gave_up`: the restart that was one too many
    std::string last_words;                     ///< the end of its stderr, where that is kept (X-10)
};

/// `why`.
struct Why {
    Row row;
    std::optional<std::string> restart;
    std::optional<std::uint64_t> failures;
    std::optional<std::int64_t> since_ms;
    std::optional<std::uint64_t> restart_count;  ///< which restart in its supervisor's window its last one was
    std::optional<std::uint64_t> window_used;    ///< of its supervisor, as the two that follow
    std::optional<std::uint64_t> window_intensity;
    std::optional<std::int64_t> window_period_ms;
    std::vector<Cause> ends;   ///< from its last end back to the root
    std::vector<Cause> waits;  ///< whom its start waits for, and why that one is as it is
};

/// Who would be told.
struct ToldRow {
    DeviceId id;
    std::optional<std::string> name;
    std::string kind;
    std::optional<std::string> client;  ///< the program that owns it, by its own word
    Labels labels;
    DeviceId about;
    std::optional<std::string> about_name;
    std::optional<std::string> fault;
    bool falls = false;
    std::int64_t after_ms = 0;
};

/// What would become of a child that would not be as it is.
struct FateRow {
    std::string name;
    std::string was;
    std::string state;  ///< `gone` where it is removed
    std::optional<std::string> reason;
    std::optional<std::string> waits_for;
    std::int64_t after_ms = 0;
};

/// `impact`.
struct Impact {
    std::optional<std::string> name;
    std::optional<DeviceId> id;
    std::string kind;
    std::string fault;  ///< what it would die of; of a supervisor: what all below it would
    bool complete = true;
    std::int64_t length_ms = 0;
    std::uint64_t ends = 0, falls = 0, starts = 0, gives_up = 0;
    std::vector<ToldRow> told;
    std::uint64_t told_total = 0;
    std::vector<Event> events;  ///< `seq` is zero, and `time_us` how long after the death
    std::uint64_t events_total = 0;
    std::vector<FateRow> fates;
    std::uint64_t fates_total = 0;
};

}  // namespace backplane::wire
