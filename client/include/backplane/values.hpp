// SPDX-License-Identifier: Apache-2.0
/// The answers of a Client's calls and the events that it receives, as plain values.
///
/// Texts that describe a fault have the forms of `fault_text`: `exit(3)`, `signal(9)`, `cascade(LINE)`, `drop` …
/// States and kinds are text so that a newer daemon can have more of them than this library knows.
#pragma once

#include <backplane/error.hpp>
#include <backplane/ids.hpp>
#include <backplane/labels.hpp>
#include <backplane/line.hpp>
#include <backplane/link.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace backplane {

/// One Device or one configured child, as `list` tells it. A child that is down has a row without `id` and `pid`.
struct DeviceRow {
    std::optional<std::string> name;  ///< full name: the path below the root supervisor; `/` is the root itself
    std::optional<Line> line;
    std::string kind;   ///< `process`, `task` or `supervisor`
    std::string state;  ///< `starting`, `running`, `stopping`, `restarting`, `down`, `quarantined`, `disabled`
    std::optional<std::int64_t> pid;
    std::optional<std::uint64_t> restarts;  ///< since the entry was configured
    std::optional<std::string> supervisor;  ///< the full name of its supervisor
    std::optional<std::string> fault;       ///< the last fault, while it does not run
    /// Why it is down (`ended`, `completed`, `ignored`, `failed`, `terminated`, `gave_up`, `waiting`), or what a start that is wanted
    /// waits for (`backoff`, `draining`, `blocked`, `held`, `slot`, `group`, `starter`).
    std::optional<std::string> reason;
    /// The child that it waits for, one that it requires or that its group is parked on; or the name that no client offers.
    std::optional<std::string> waits_for;
    bool held = false;                          ///< nothing is restarted until it is released
    std::optional<std::int64_t> next_start_ms;  ///< milliseconds until its backoff or quarantine is over
    std::optional<std::string> strategy;        ///< of a supervisor, as the two that follow
    std::optional<std::uint64_t> window_used;   ///< restarts within the period
    std::optional<std::uint64_t> intensity;     ///< so many are allowed
    Labels labels;                              ///< in the order of their keys; none while it is down
};

/// One link, as its Device sees it.
struct LinkValue {
    Line other;
    LinkMode mode = LinkMode::none;
    std::optional<std::string> name;  ///< the other's
};

/// A link that configuration says, laid whenever both ends are up.
struct OrderValue {
    std::string name;  ///< the other child's
    LinkMode mode = LinkMode::none;
};

/// One Device or child with all that is known of it.
struct Description {
    DeviceRow row;
    std::optional<std::string> last_exit;       ///< fault text of the incarnation before, or `normal`, `shutdown`
    std::optional<std::uint64_t> failures;      ///< consecutive, as backoff counts them (rule X-1)
    std::optional<std::int64_t> next_start_ms;  ///< milliseconds until the next attempt, while it waits for one
    std::optional<std::string> restart;         ///< `permanent`, `transient`, `temporary`
    std::optional<std::string> strategy;        ///< of a supervisor, as the four that follow
    std::optional<std::uint64_t> window_used;   ///< restarts within the period
    std::optional<std::uint64_t> intensity;
    std::optional<std::int64_t> period_ms;
    std::optional<std::int64_t> since_ms;       ///< how long it has been in its state
    std::optional<std::int64_t> watchdog_ms;    ///< the longest silence that is allowed
    bool significant = false;                   ///< its end may end its supervisor (S-48)
    std::optional<std::string> auto_shutdown;   ///< of a supervisor, as those that follow
    std::optional<std::uint64_t> children;      ///< entries
    std::optional<std::uint64_t> max_children;  ///< of a dynamic one with a bound
    std::optional<std::uint64_t> partitions;
    std::vector<LinkValue> links;  ///< the first of them, where there are many
    std::uint64_t links_total = 0;
    bool managed = false;                       ///< it falls with what it monitors
    std::optional<std::string> readiness;       ///< of a process: `exec`, `notify`, `probe`, `delay`
    std::optional<Line> last_line;              ///< of the incarnation before
    std::vector<OrderValue> orders;             ///< links that configuration says it has
    std::vector<OrderValue> ordered_by;         ///< and that others have to it
    std::vector<std::string> needs;             ///< who must be up before it is started
    std::vector<std::string> needed_by;         ///< whom it must be up for
    std::uint64_t orders_total = 0;             ///< of these four, which hold the first of them
    std::vector<std::string> names;             ///< that a task has registered
    std::optional<std::uint64_t> name_watches;  ///< how many watch its name
    std::optional<std::string> client;          ///< the program that speaks for it, by its own word
};

/// One end of a child (rule X-10).
struct ExitRecord {
    std::int64_t time_us = 0;  ///< wall clock, microseconds since 1970-01-01 UTC
    std::int64_t uptime_ms = 0;
    std::uint64_t incarnation = 0;
    bool was_ready = false;            ///< else its start failed
    std::string exit_class;            ///< `normal`, `shutdown`, `abnormal`: what its supervisor decides on
    std::optional<std::string> fault;  ///< nothing: it ended without one
    std::optional<std::int64_t> code;  ///< of a process that ended by itself
    std::optional<std::int64_t> signal;
    bool core = false;                      ///< it left a core dump
    std::optional<Line> root;               ///< of a cascade: who faulted by itself
    std::optional<std::string> root_fault;  ///< and how
    std::string last_words;                 ///< the tail of its stderr, where that goes through the daemon; a stranger's bytes
};

/// One line that a child wrote. The text is a stranger's, with whatever control characters it has.
struct LogLine {
    std::uint64_t number = 0;
    std::int64_t time_us = 0;
    std::uint64_t incarnation = 0;
    std::string stream;    ///< `stdout` or `stderr`
    bool goes_on = false;  ///< it was too long: the next line of the same stream is the rest of it
    std::string text;
};

/// A page of a child's lines, as far as they are kept.
struct LogPage {
    std::string name;  ///< full
    std::vector<LogLine> lines;
    std::uint64_t next = 0;            ///< what to ask for next
    std::uint64_t end = 0;             ///< the number of the line that is to come: there is more while `next` is below
    std::uint64_t missed = 0;          ///< lines that were asked for and are not kept any more
    bool anew = false;                 ///< another daemon answers than the one before: what lies between is not known
    std::uint64_t dropped = 0;         ///< bytes so far that did not get to where they were to go
    std::string stdout_to, stderr_to;  ///< in the words of the configuration: `inherit`, `null` and `file` keep no lines
};
struct LogOptions {
    std::optional<std::uint64_t> since;  ///< from this line on
    std::uint32_t lines = 0;             ///< without `since`: so many of the last ones; 0: all that are kept
    bool wait = false;                   ///< where there is none yet, answer when there is
};

/// What an operator can ask of a child (rules 8.10, X-2, X-14).
enum class ChildVerb : std::uint8_t {
    start,      ///< one that is down
    start_now,  ///< also one in backoff or quarantine
    stop,
    restart,
    enable,
    disable,  ///< it stays down until it is enabled, whatever its group does
    hold,     ///< what runs goes on, nothing is restarted; of a supervisor: for all below it, as the two that follow
    release,  ///< ends a hold or a quarantine
    reset,    ///< forgets failures and the restart window, and the delay that came of them
    remove,   ///< one that is down is taken out
};

/// A child that `start_child` has made.
struct AddedChild {
    std::string name;          ///< full
    std::string key;           ///< its name within its supervisor
    std::optional<Line> line;  ///< of what was started; nothing where it is to start yet, or has done its work
};

/// How many there are below a supervisor (S-56). `active` are those that really run.
struct ChildCounts {
    std::uint64_t specs = 0, active = 0, supervisors = 0, workers = 0;
};

/// What `start_child` adds: a child as text in the form of the configuration, or more arguments for the template of a dynamic
/// supervisor (decision 31).
struct NewChild {
    std::optional<std::string> spec;
    std::vector<std::string> arguments;
    std::string key;  ///< dynamic: its name; empty: the next number
};

/// What a reload of the configuration does, or would do (S-66).
struct ReloadPlan {
    struct Change {
        std::string name;      ///< full
        std::string change;    ///< `added`, `changed`, `missing`
        bool restart = false;  ///< changed: it holds after a restart of the child only
    };
    std::vector<Change> changes;
    std::vector<std::string> warnings;
};
struct ReloadOptions {
    bool dry_run = false;         ///< only say what would be done
    bool start_new = false;       ///< start what is new; OTP leaves it down
    bool remove_missing = false;  ///< stop and remove what is there no more; OTP keeps it
};

/// The daemon about itself.
struct DaemonInfo {
    std::int64_t pid = 0;
    std::string version;
    Epoch epoch;
    std::uint64_t devices = 0;
    std::uint64_t links = 0;
    std::uint64_t sessions = 0;
    std::int64_t uptime_ms = 0;
    std::int64_t keeper_pid = 0;        ///< the parent that starts the daemon again when it crashes; 0: there is none
    std::uint64_t daemon_restarts = 0;  ///< how often it has done so
    std::uint64_t journal_bytes = 0;    ///< written of the journal that the next daemon would begin with
    std::string journal;                ///< its path
    std::string containment;            ///< what holds a worker's descendants together: `cgroup` or `group`; empty: the daemon does not say
    std::vector<std::pair<std::string, std::uint64_t>> counters;  ///< refusals and drops, by reason
    std::vector<std::string> weaker;                              ///< guarantees that this machine or configuration weakens, in words
};

/// One event of the daemon's log, in the words of the supervision rules (`child_down`, `restart` …).
/// A `gap` stands for events that were lost to this reader: its fields are `from` and `to`, its `seq` is 0.
struct LogEvent {
    struct Field {
        std::string key;
        std::variant<std::int64_t, std::string, Line> value;
    };
    std::uint64_t seq = 0;     ///< strictly increasing; events are ordered by it and by nothing else
    std::int64_t time_us = 0;  ///< wall clock, microseconds since 1970-01-01 UTC; for people
    std::string event;
    std::optional<std::string> name;
    std::optional<Line> line;
    std::vector<Field> fields;
};

/// What now stands behind a watched name (rule X-20). States, not steps: a slow reader may miss an incarnation, which
/// shows in the count, and never the last state.
struct NameChange {
    std::string name;
    bool up = false;
    Line device;                       ///< up: who; down: who it was, false where nobody was
    std::uint64_t incarnation = 0;     ///< how many have come up under the name since the watch began
    std::optional<std::string> fault;  ///< down: why; nothing for a clean end
};

/// An operation that nobody waited for was refused (decision 6). Nothing of it was carried out.
struct Refused {
    Error error;
    /// `create`, `link`, `unlink`, `disconnect`, `shutdown`, `manage`, `heartbeat`, `label`; `subscribe` if a daemon that came back
    /// does not let this Client follow its log any longer.
    std::string operation;
    Line device;  ///< whose operation it was
    Line other;   ///< its other end, where it had one
};

/// The connection is over, and with it every Device of the Client (rule D-2). The last event of a Client.
struct ConnectionLost {
    /// What the daemon said last; `unreachable` if it went without a word and did not come back in time, `unknown_session` if it came
    /// back and had lost the session.
    Error error;
};

/// The daemon crashed, is back, and the session goes on where it was: Devices, links, names, watches and the log's
/// subscription are there, what was asked meanwhile is on its way, and no message was lost or comes twice. Nothing has to be done; who
/// mirrors the log's `graph` events finds a `gap` for those of the time between.
struct Resumed {
    Duration away;  ///< from the loss to the daemon's welcome
};

/// Everything that a Client has to say outside its Devices' messages, in the order in which it came.
using ClientEvent = std::variant<Refused, ConnectionLost, NameChange, LogEvent, Resumed>;

}  // namespace backplane
