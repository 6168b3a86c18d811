// SPDX-License-Identifier: Apache-2.0
/// The messages of the protocol as plain structs, one for each frame of PROTOCOL.md. They hold no bytes of the wire:
/// texts of hot messages are views into the frame that they were read from and live as long as it does.
#pragma once

#include "proto/wire/diagnosis.hpp"
#include "proto/wire/views.hpp"

#include <backplane/error.hpp>
#include <backplane/ids.hpp>
#include <backplane/labels.hpp>
#include <backplane/link.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace backplane::wire {

enum class FrameType : std::uint16_t {
    // client to daemon, hot, counted
    create = 0x01,
    link = 0x02,
    unlink = 0x03,
    disconnect = 0x04,
    shutdown = 0x05,
    manage = 0x06,
    heartbeat = 0x07,
    // daemon to client, hot, counted
    notice = 0x11,
    shutdown_requested = 0x12,
    ended = 0x13,
    refusal = 0x14,
    withdrawn = 0x15,
    // both, not counted
    ack = 0x21,
    ping = 0x22,
    pong = 0x23,
    bye = 0x24,
    // control: JSON
    hello = 0x101,
    welcome = 0x102,
    request = 0x103,  // client to daemon, counted
    reply = 0x104,
    event = 0x105,
    name_state = 0x106,  // daemon to client, counted
    start_task = 0x107,  // daemon to client, counted
};

namespace flag {
inline constexpr std::uint16_t ack = 1;       ///< answer with an `ack` as soon as this frame is carried out
inline constexpr std::uint16_t optional = 2;  ///< whoever does not know the type skips the frame
inline constexpr std::uint16_t tail = 4;      ///< a text follows the fixed body
inline constexpr std::uint16_t known = ack | optional | tail;
}  // namespace flag

// ---- hot ----------------------------------------------------------------------------------------------------------

struct Create {
    DeviceId id;
    bool managed = false;
};

/// `link` and `unlink` alike.
struct LinkOperation {
    DeviceId from;
    DeviceId to;
    LinkMode mode = LinkMode::none;
};

struct Disconnect {
    DeviceId id;
    FaultKind fault = FaultKind::none;
    std::int32_t argument = 0;
    DeviceId cascade;
    std::string_view text;
};

/// From the client: `from` asks `to` to shut down. From the daemon (shutdown_requested): the same, delivered.
struct Shutdown {
    DeviceId from;
    DeviceId to;
};

struct Manage {
    DeviceId id;
    bool on = false;
};

/// A sign of life, and the promise of the next one.
struct Heartbeat {
    DeviceId id;
    std::uint32_t interval_ms = 0;  ///< until the next one is due; 0: none is any more
};

/// `notice` (to a Device about another) and `ended` (to a Device about itself: the daemon disconnected it).
struct Notice {
    DeviceId to;
    DeviceId about;
    FaultKind fault = FaultKind::none;
    FaultKind root_fault = FaultKind::none;
    std::uint32_t hops = 0;
    std::int32_t argument = 0;
    std::int32_t root_argument = 0;
    DeviceId cascade;
    DeviceId root;
    std::string_view text;
};

/// The failure of one counted operation of the client (rules L-6, L-9).
struct Refusal {
    std::uint64_t operation = 0;  ///< its number in the client's count, from 1
    ErrorCode code = ErrorCode::ok;
    FrameType refused = FrameType::create;
    DeviceId device;
    DeviceId other;
    std::string_view text;
};

struct Ack {
    std::uint64_t count = 0;
};
struct Ping {
    std::uint64_t nonce = 0;
};
struct Bye {
    ErrorCode code = ErrorCode::closed;
    std::string_view text;
};

// ---- control ------------------------------------------------------------------------------------------------------

struct Resume {
    std::string session;  ///< as told in the welcome
    std::string token;
    std::uint64_t received = 0;  ///< counted frames of the daemon that the client has taken
};

struct Hello {
    std::uint16_t version_min = 1;
    std::uint16_t version_max = 1;
    std::string client;  ///< "name/version", for lists and logs
    std::vector<std::string> features;
    std::optional<Resume> resume;
};

struct Grant {
    DeviceId first;
    std::uint32_t count = 0;
};

struct Welcome {
    std::uint16_t version = 1;
    std::string daemon;  ///< "backplaned/0.1.0"
    Epoch epoch;
    std::string session;
    std::string token;
    bool resumed = false;
    ErrorCode resume_error = ErrorCode::ok;  ///< why a resume that was asked for did not happen
    std::uint64_t received = 0;              ///< counted frames of the client that the daemon has carried out
    std::vector<std::string> features;
    std::vector<Grant> grants;
    DeviceId device;  ///< the worker's own Device on an inherited socket, zero elsewhere
    /// The bounds in force, by the names of PROTOCOL.md section 9. Filled from limits.hpp by the codec when empty.
    std::vector<std::pair<std::string, std::uint64_t>> limits;
};

enum class Call : std::uint8_t {
    grant,
    register_name,
    release_name,
    lookup,
    watch_name,
    unwatch_name,
    list,
    describe,
    start,
    stop,
    restart,
    subscribe,
    unsubscribe,
    daemon,
    ready,
    upgrade,
    detach,
    label,
    enable,
    disable,
    hold,
    release_child,
    reset,
    start_child,
    delete_child,
    count_children,
    child_spec,
    reload,
    task,
    impact,
    why,
    exits,
    logs,
};
inline constexpr Call call_last = Call::logs;

/// What a client says of a task by the call `task`, in the order of the core's words.
inline constexpr std::array<std::string_view, 5> task_states{"running", "completed", "ignored", "failed", "over"};

/// One control request. Each call uses the arguments that PROTOCOL.md names for it; the codec refuses others.
struct Request {
    std::uint64_t id = 0;  ///< chosen by the client, unique among its open requests, never 0
    Call call = Call::daemon;
    std::string name;                    ///< what it is about; list: the supervisor whose children alone are wanted
    DeviceId device;                     ///< register_name, describe, label, impact, why
    Epoch epoch;                         ///< the epoch in the text form of `device`
    std::uint32_t count = 0;             ///< grant: how many pages; list: how many rows at most; logs: how many of the last lines, 0: all
    std::string after;                   ///< list: the cursor of the reply before
    bool wait = true;                    ///< commands: answer when done, not when accepted; logs: when there is something
    bool again = false;                  ///< commands: asked before the daemon's crash; not to be done twice
    std::uint32_t within_ms = 0;         ///< commands: how long to wait for the supervisor's present step at most; 0: for ever (S-58)
    bool now = false;                    ///< start: a backoff ends, and a quarantine
    bool dry_run = false;                ///< reload: say what it would do
    bool start_new = false;              ///< reload
    bool remove_missing = false;         ///< reload
    std::string key;                     ///< start_child: the name of a dynamic supervisor's child; empty: the next number
    std::vector<std::string> arguments;  ///< start_child: what a dynamic supervisor's template gets more
    std::optional<std::string> spec;     ///< start_child: a child as text, in the form of the configuration
    bool graph = false;                  ///< subscribe: graph events too
    bool follow = true;                  ///< subscribe: stay subscribed behind the ring's content
    std::optional<std::uint64_t> since;  ///< subscribe: what the ring holds after this seq, none: nothing old; logs: from this line on
    Labels labels;                       ///< label: all that the Device has from now on
    std::string task;                    ///< task: which, as start_task named it
    std::string state;                   ///< task: one of `task_states`
    std::string why;                     ///< task: of a failed one
};

struct Listing {
    std::vector<Row> rows;
    std::string next;  ///< the cursor of the next page; empty at the end
};

struct Grants {
    std::vector<Grant> grants;
};
struct Found {
    DeviceId device;
    std::string name;
};
struct Named {
    std::string name;  ///< commands: the full name acted on
};
/// `start_child`.
struct Added {
    std::string name;
    std::string key;  ///< its name within its supervisor
    std::optional<DeviceId> device;
};
struct ChildCounts {
    std::uint64_t specs = 0, active = 0, supervisors = 0, workers = 0;
};
struct SpecText {
    std::string spec;  ///< a child in the form of the configuration
};
struct DaemonInfo {
    std::int64_t pid = 0;
    std::string version;
    Epoch epoch;
    std::uint64_t devices = 0;
    std::uint64_t links = 0;
    std::uint64_t sessions = 0;
    std::int64_t uptime_ms = 0;
    std::int64_t keeper_pid = 0;                                  ///< the parent that outlives a crash of the daemon; 0: there is none
    std::uint64_t daemon_restarts = 0;                            ///< daemons that died before this one under the same keeper
    std::uint64_t journal_bytes = 0;                              ///< written of it; 0: there is none
    std::string journal;                                          ///< its path
    std::string containment;                                      ///< `cgroup` or `group`; empty: not told
    std::vector<std::pair<std::string, std::uint64_t>> counters;  ///< refusals and drops by reason
    std::vector<std::string> weaker;                              ///< guarantees that this kernel or configuration weakens, in words
};

/// `exits`: the last ends of a child, the newest first.
struct ExitRow {
    std::int64_t time_us = 0;  ///< wall clock, microseconds since 1970-01-01 UTC
    std::int64_t uptime_ms = 0;
    std::uint64_t incarnation = 0;
    bool was_ready = false;
    std::string exit_class;            ///< `normal`, `shutdown`, `abnormal`
    std::optional<std::string> fault;  ///< its text; null: none
    std::optional<std::int64_t> code;  ///< a process ended by itself, or by a signal
    std::optional<std::int64_t> signal;
    bool core = false;                      ///< and left a core dump
    std::optional<DeviceId> root;           ///< a cascade: who faulted by itself
    std::optional<std::string> root_fault;  ///< and how
    std::string last_words;                 ///< the tail of its stderr
};
struct ExitRows {
    std::string name;
    std::uint64_t total = 0;  ///< of its ends; the oldest are not kept
    std::vector<ExitRow> rows;
};

/// `logs`: lines that a child wrote.
struct LogRow {
    std::uint64_t number = 0;
    std::int64_t time_us = 0;
    std::uint64_t incarnation = 0;
    std::string stream;    ///< `stdout` or `stderr`
    bool goes_on = false;  ///< the next line of the same stream is the rest of it
    std::string text;
};
struct LogRows {
    std::string name;
    std::vector<LogRow> rows;
    std::uint64_t next = 0;            ///< what to ask for next
    std::uint64_t end = 0;             ///< the number of the line that is to come
    std::uint64_t missed = 0;          ///< lines from `since` on that are not kept any more
    bool anew = false;                 ///< the daemon is another one than the one that `since` is of: what lies between is not known
    std::uint64_t dropped = 0;         ///< bytes so far that did not get to where they were to go
    std::string stdout_to, stderr_to;  ///< in the words of the configuration; `inherit`, `null` and `file` are not kept
};

/// What `reload` does, or would do.
struct PlannedChange {
    std::string name;
    std::string change;    ///< `added`, `changed`, `missing`
    bool restart = false;  ///< what runs was started otherwise: it holds after a restart
};
struct Plan {
    std::vector<PlannedChange> changes;
    std::vector<std::string> warnings;
};

struct Reply {
    std::uint64_t id = 0;
    Error error;  ///< code ok: carried out
    std::variant<std::monostate, Grants, Listing, Description, Found, Named, DaemonInfo, Added, ChildCounts, SpecText, Plan, Impact, Why,
                 ExitRows, LogRows>
        body;
};

/// What now runs under a watched name (rule X-20). Level and count: a slow reader may miss an incarnation, never the end.
struct NameState {
    std::string name;
    bool up = false;
    DeviceId device;                   ///< up: who; down: who it was, zero where nobody was
    std::uint64_t incarnation = 0;     ///< how many have come up under this name since the watch began
    std::optional<std::string> fault;  ///< down: the fault's text, nothing for a clean end
};

/// The daemon asks for a task (rule S-8): the client that offered `starter` runs it with this Device, which is the daemon's and speaks
/// through this session from here on.
struct StartTask {
    std::string task;  ///< names this attempt in what the client says of it
    DeviceId device;
    std::string name;     ///< the child's
    std::string starter;  ///< what was offered
    DeviceId by;          ///< the Device that offered it
    std::vector<std::string> arguments;
    bool managed = false;
    bool restart = false;                          ///< it ran before
    std::optional<std::int64_t> start_timeout_ms;  ///< nothing: for ever
    std::optional<std::int64_t> shutdown_ms;       ///< its grace; nothing: for ever
};

}  // namespace backplane::wire
