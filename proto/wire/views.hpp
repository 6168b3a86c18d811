// SPDX-License-Identifier: Apache-2.0
/// What the daemon shows of Devices, children and its log: the parts of which replies and events are made.
#pragma once

#include <backplane/ids.hpp>
#include <backplane/labels.hpp>
#include <backplane/link.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace backplane::wire {

/// One row of `list` (keys: name, id, kind, state, pid, restarts, supervisor, fault, labels; null where there is none).
struct Row {
    std::optional<std::string> name;
    std::optional<DeviceId> id;
    std::string kind;
    std::string state;
    std::optional<std::int64_t> pid;
    std::optional<std::uint64_t> restarts;
    std::optional<std::string> supervisor;
    std::optional<std::string> fault;
    std::optional<std::string> reason;     ///< why it is down, or what a start that is wanted waits for
    std::optional<std::string> waits_for;  ///< whom it waits for
    bool held = false;
    std::optional<std::int64_t> next_start_ms;  ///< in backoff or quarantine: until it ends by itself
    std::optional<std::string> strategy;        ///< supervisors, as what follows
    std::optional<std::uint64_t> window_used;   ///< restarts in the window
    std::optional<std::uint64_t> intensity;
    Labels labels;
};

struct LinkRow {
    DeviceId other;
    LinkMode mode = LinkMode::none;
    std::optional<std::string> name;
};

/// A link that configuration says, to be laid whenever both ends are up.
struct OrderRow {
    std::string name;  ///< the other child's
    LinkMode mode = LinkMode::none;
};

/// `describe`: a row and what else is known. Readers ignore keys they do not know.
struct Description {
    Row row;
    std::optional<std::string> last_exit;   ///< the last incarnation's fault text, or `normal`, `shutdown`
    std::optional<std::uint64_t> failures;  ///< consecutive, as backoff counts them (rule X-1)
    std::optional<std::int64_t> period_ms;  ///< supervisors
    std::optional<std::string> restart;
    std::optional<std::int64_t> since_ms;  ///< how long it has been in its state
    std::optional<std::int64_t> watchdog_ms;
    bool significant = false;
    std::optional<std::string> auto_shutdown;   ///< supervisors, as what follows
    std::optional<std::uint64_t> children;      ///< entries
    std::optional<std::uint64_t> max_children;  ///< dynamic ones with a bound
    std::optional<std::uint64_t> partitions;
    std::vector<LinkRow> links;
    std::uint64_t links_total = 0;
    bool managed = false;                       ///< it falls with what it monitors
    std::optional<std::string> readiness;       ///< children that are processes: `exec`, `notify`, `probe`, `delay`
    std::optional<DeviceId> last_id;            ///< of the incarnation before
    std::vector<OrderRow> orders;               ///< links by configuration, its own
    std::vector<OrderRow> ordered_by;           ///< those of others to it
    std::vector<std::string> needs;             ///< children that must be up before it is started
    std::vector<std::string> needed_by;         ///< those that it must be up for
    std::uint64_t orders_total = 0;             ///< of these four lists
    std::vector<std::string> names;             ///< that a task has registered
    std::optional<std::uint64_t> name_watches;  ///< how many watch its name
    std::optional<std::string> client;          ///< the program that speaks for it, by its own word
};

/// One event of the log as it is told to subscribers.
struct Event {
    struct Field {
        std::string key;
        std::variant<std::int64_t, std::string, DeviceId> value;
    };
    std::uint64_t seq = 0;
    std::int64_t time_us = 0;  ///< wall clock, microseconds since 1970-01-01 UTC
    std::string event;         ///< a name of section 0 of the rules, or `gap`
    std::optional<std::string> name;
    std::optional<DeviceId> id;
    std::vector<Field> fields;
};

}  // namespace backplane::wire
