// SPDX-License-Identifier: Apache-2.0
/// Everything that can happen to the core. An event is plain data: what replays it needs nothing else.
///
/// One flat struct of 64 bytes serves all kinds, so that a journal record is the struct and its text. Each kind's
/// factory below is the one place that says which fields it uses.
#pragma once

#include "daemon/core/types.hpp"

#include <backplane/ids.hpp>
#include <backplane/link.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace backplane::core {

/// The longest that a Device may promise to be silent.
inline constexpr std::uint32_t heartbeat_ms_max = 86'400'000;
/// How much of what a worker last wrote on its stderr is kept with its exit.
inline constexpr std::size_t last_words_bytes_max = 512;

enum class EventKind : std::uint8_t {
    boot,   ///< first event of a state: epoch, seed
    tick,   ///< nothing but the time: fires what is due
    go_on,  ///< the next slice of what an earlier event began (decision 11)

    recovered,  ///< this daemon took over from one that crashed: what that one may have left undone is done again

    session_open,     ///< a connection was accepted; hello is still to come
    session_greeted,  ///< hello was taken
    session_resumed,  ///< a session that was away came back over another connection (T-10)
    session_asked,    ///< a request that changes nothing, but counts
    session_refused,  ///< an operation that the journal has no room for: answered by limit_reached
    session_close,    ///< its end was seen, or it was cut
    session_ack,      ///< it has taken counted frames up to a number
    grant,            ///< it wants pages of ids

    create,
    link,
    unlink,
    disconnect,
    shutdown_request,
    manage,
    register_name,
    release_name,
    watch_name,
    unwatch_name,
    subscribe,  ///< it begins (or ends) to want graph events

    configure,  ///< a tree of supervisors, encoded by spec.hpp
    command,    ///< start, stop or restart a child, for a session
    spawned,
    spawn_failed,
    ready,
    exited,       ///< a process's leader is dead and not yet reaped
    group_empty,  ///< it is reaped and nothing of its group is left (P-4)
    terminate,    ///< the daemon is asked to stop (T-13); again: faster
    exiting,      ///< a process is on its way out; `exited` will tell how

    heartbeat,  ///< a Device gives a sign of life and says when the next is due
    label,      ///< what a Device has for labels from now on

    alive,      ///< a process gave the sign of life that its watchdog waits for (X-5)
    add_child,  ///< a child more for a supervisor, for a session (`start_child` of 8.10)
    reload,     ///< a new configuration for the tree (S-66)
    task_said,  ///< a client says what became of a task that it was asked to start (S-8)
    drained,    ///< a child's drain hook is over (X-16)
    late,       ///< a tick after a gap in which nobody was there: what came due in it has one grace (X-5)
};

/// Flags of a `reload`.
inline constexpr std::uint8_t reload_starts_new = 1;
inline constexpr std::uint8_t reload_removes_missing = 2;

/// What a `command` asks for. `start` is `restart_child` of the table of 8.10, `stop` `terminate_child`, `remove` `delete_child`.
enum class Verb : std::uint8_t {
    start,
    stop,
    restart,    ///< stop and start as one
    start_now,  ///< as `start`; ends a backoff
    remove,
    enable,
    disable,
    hold,     ///< what runs goes on, nothing is restarted
    release,  ///< ends hold or quarantine
    reset,    ///< forgets failures and the window
};
inline constexpr Verb verb_last = Verb::reset;

/// Flags of a `command`.
inline constexpr std::uint8_t command_waits = 1;
inline constexpr std::uint8_t command_again_flag = 2;

/// What a client says of a task that it was asked to start. `running` is readiness (S-8); the three behind it end an attempt; `over` tells
/// that nothing of a task is left whose Device the daemon has ended (decision 13).
enum class TaskWord : std::uint8_t { running, completed, ignored, failed, over };
inline constexpr TaskWord task_word_last = TaskWord::over;

/// How a process ended, as waitid tells it.
enum class ExitHow : std::uint8_t { exited = 0, signalled = 1, dumped = 2, unknown = 3 };

/// Where a start failed before exec (F-5).
enum class SpawnStep : std::uint8_t {
    prepare = 0,
    clone = 1,
    session = 2,
    descriptors = 3,
    output = 4,
    directory = 5,
    exec = 6,
    notify_socket = 7,
    unsupported = 8,
    limits = 9,
    nice = 10,
    oom_score = 11,
    helper = 12,  ///< the program that takes on user and capabilities before exec: it cannot be executed, or hangs
    user = 13,
    group = 14,
    groups = 15,
    capabilities = 16,
    cgroup = 17
};

struct Event {
    EventKind kind = EventKind::tick;
    std::uint8_t mode = 0;
    std::uint8_t fault = 0;
    std::uint8_t flag = 0;
    SessionIndex session = daemon_session;
    DeviceId device{};
    DeviceId other{};
    std::int32_t argument = 0;
    ChildIndex child = no_child;
    std::uint32_t generation = 0;
    std::uint32_t extra = 0;
    std::uint64_t number = 0;
    std::string_view text{};  ///< lives as long as the step

    [[nodiscard]] static Event of(EventKind kind, SessionIndex session = daemon_session) {
        Event e;
        e.kind = kind;
        e.session = session;
        return e;
    }

    /// `seed`: feeds jitter and hashes. `uid`: the daemon's own. `limits`: encoded by `encode_limits`; empty: the engine's own.
    /// Must be the first event of an engine, once.
    [[nodiscard]] static Event boot(Epoch epoch, std::uint64_t seed, std::uint32_t uid, std::string_view limits = {}) {
        Event e = of(EventKind::boot);
        e.device = DeviceId{epoch.value};
        e.number = seed;
        e.extra = uid;
        e.text = limits;
        return e;
    }
    /// `worker`, `generation`: the child whose inherited socket this is, or `no_child`. `uid` as the kernel told.
    /// `token`: what resumes the session after a crash of the daemon.
    [[nodiscard]] static Event session_open(SessionIndex s, std::uint32_t uid, std::int32_t pid, ChildIndex worker,
                                            std::uint32_t generation, const Token& token = {}) {
        Event e = of(EventKind::session_open, s);
        e.extra = uid;
        e.argument = pid;
        e.child = worker;
        e.generation = generation;
        e.device = DeviceId{token.high};
        e.other = DeviceId{token.low};
        return e;
    }
    /// `received`: counted frames of the daemon that the client has taken. `token`: the next one; the one that it came with stays good
    /// until the client has acknowledged something. `by_last`: that was the one before the last, whose successor it never heard.
    [[nodiscard]] static Event session_resumed(SessionIndex s, std::int32_t pid, std::uint64_t received, const Token& token,
                                               bool by_last = false) {
        Event e = of(EventKind::session_resumed, s);
        e.argument = pid;
        e.number = received;
        e.flag = by_last ? 1 : 0;
        e.device = DeviceId{token.high};
        e.other = DeviceId{token.low};
        return e;
    }
    /// In the place of `event`, which is not carried out.
    [[nodiscard]] static Event session_refused(const Event& event) {
        Event e = event;
        e.kind = EventKind::session_refused;
        e.mode = static_cast<std::uint8_t>(event.kind);
        e.text = {};
        return e;
    }
    [[nodiscard]] static Event session_greeted(SessionIndex s) { return of(EventKind::session_greeted, s); }
    /// From here nobody tells this session anything; its Devices drop with the next slice (decision 22).
    /// `why`: detail of the drops, such as `slow_consumer`; mostly empty. `said_bye`: the client ended it in order.
    [[nodiscard]] static Event session_close(SessionIndex s, std::string_view why = {}, bool said_bye = false) {
        Event e = of(EventKind::session_close, s);
        e.text = why;
        e.flag = said_bye ? 1 : 0;
        return e;
    }
    [[nodiscard]] static Event session_ack(SessionIndex s, std::uint64_t count) {
        Event e = of(EventKind::session_ack, s);
        e.number = count;
        return e;
    }
    /// `request`: answered by a `granted` effect.
    [[nodiscard]] static Event grant(SessionIndex s, std::uint32_t pages, std::uint64_t request) {
        Event e = of(EventKind::grant, s);
        e.extra = pages;
        e.number = request;
        return e;
    }

    /// `operation`: the client's number of the frame, for a refusal.
    [[nodiscard]] static Event create(SessionIndex s, DeviceId id, bool managed, std::uint64_t operation) {
        Event e = of(EventKind::create, s);
        e.device = id;
        e.flag = managed ? 1 : 0;
        e.number = operation;
        return e;
    }
    /// `acknowledged`: the frame asked for an ack, so a dead target is refused and never answered by a notice (L-9).
    [[nodiscard]] static Event link(SessionIndex s, DeviceId from, DeviceId to, LinkMode mode, bool acknowledged, std::uint64_t operation) {
        Event e = of(EventKind::link, s);
        e.device = from;
        e.other = to;
        e.mode = static_cast<std::uint8_t>(mode);
        e.flag = acknowledged ? 1 : 0;
        e.number = operation;
        return e;
    }
    [[nodiscard]] static Event unlink(SessionIndex s, DeviceId from, DeviceId to, LinkMode mode, bool acknowledged,
                                      std::uint64_t operation) {
        Event e = link(s, from, to, mode, acknowledged, operation);
        e.kind = EventKind::unlink;
        return e;
    }
    /// `cascade`: stored in `other`.
    [[nodiscard]] static Event disconnect(SessionIndex s, DeviceId id, FaultKind fault, std::int32_t argument, DeviceId cascade,
                                          std::string_view text, std::uint64_t operation) {
        Event e = of(EventKind::disconnect, s);
        e.device = id;
        e.fault = static_cast<std::uint8_t>(fault);
        e.argument = argument;
        e.other = cascade;
        e.text = text;
        e.number = operation;
        return e;
    }
    [[nodiscard]] static Event shutdown_request(SessionIndex s, DeviceId from, DeviceId to, std::uint64_t operation) {
        Event e = of(EventKind::shutdown_request, s);
        e.device = from;
        e.other = to;
        e.number = operation;
        return e;
    }
    [[nodiscard]] static Event manage(SessionIndex s, DeviceId id, bool on, std::uint64_t operation) {
        Event e = of(EventKind::manage, s);
        e.device = id;
        e.flag = on ? 1 : 0;
        e.number = operation;
        return e;
    }
    /// `interval_ms`: until the next one is due; 0: none is.
    [[nodiscard]] static Event heartbeat(SessionIndex s, DeviceId id, std::uint32_t interval_ms, std::uint64_t operation) {
        Event e = of(EventKind::heartbeat, s);
        e.device = id;
        e.extra = interval_ms;
        e.number = operation;
        return e;
    }
    /// `labels`: all of them, as `labels_text` makes it. `request` is answered by an `answer` effect.
    [[nodiscard]] static Event label(SessionIndex s, DeviceId id, std::string_view labels, std::uint64_t request) {
        return naming(EventKind::label, s, labels, id, request);
    }
    /// Names and commands: `request` is answered by an `answer` effect.
    [[nodiscard]] static Event naming(EventKind kind, SessionIndex s, std::string_view name, DeviceId id, std::uint64_t request) {
        Event e = of(kind, s);
        e.device = id;
        e.text = name;
        e.number = request;
        return e;
    }
    /// `on`: the session's subscription wants graph events from now on.
    [[nodiscard]] static Event subscribe(SessionIndex s, bool on) {
        Event e = of(EventKind::subscribe, s);
        e.flag = on ? 1 : 0;
        return e;
    }

    /// `tree`: a supervisor encoded by `encode_spec`.
    [[nodiscard]] static Event configure(std::string_view tree) {
        Event e = of(EventKind::configure);
        e.text = tree;
        return e;
    }
    /// `wait`: answer when it is done, not when it is accepted. `again`: it was carried out before; what became of it?
    /// `deadline_ms`: a command that would have to wait for its supervisor's step is given up after so long; 0: never.
    [[nodiscard]] static Event command(SessionIndex s, Verb verb, ChildIndex child, bool wait, std::uint64_t request, bool again = false,
                                       std::uint32_t deadline_ms = 0) {
        Event e = of(EventKind::command, s);
        e.mode = static_cast<std::uint8_t>(verb);
        e.extra = deadline_ms;
        e.child = child;
        e.flag = static_cast<std::uint8_t>((wait ? command_waits : 0) | (again ? command_again_flag : 0));
        e.number = request;
        return e;
    }
    /// `added`: as `encode_new_child` makes it.
    [[nodiscard]] static Event add_child(SessionIndex s, ChildIndex supervisor, std::string_view added, bool wait, std::uint64_t request,
                                         bool again = false, std::uint32_t deadline_ms = 0) {
        Event e = command(s, Verb::start, supervisor, wait, request, again, deadline_ms);
        e.kind = EventKind::add_child;
        e.text = added;
        return e;
    }
    /// `tree`: a supervisor encoded by `encode_spec`.
    [[nodiscard]] static Event reload(std::string_view tree, bool start_new, bool remove_missing) {
        Event e = configure(tree);
        e.kind = EventKind::reload;
        e.flag = static_cast<std::uint8_t>((start_new ? reload_starts_new : 0) | (remove_missing ? reload_removes_missing : 0));
        return e;
    }
    [[nodiscard]] static Event alive(ChildIndex child, std::uint32_t generation) {
        Event e = of(EventKind::alive);
        e.child = child;
        e.generation = generation;
        return e;
    }
    /// It asks to be taken for hung: its watchdog acts at once.
    [[nodiscard]] static Event silent(ChildIndex child, std::uint32_t generation) {
        Event e = alive(child, generation);
        e.flag = 1;
        return e;
    }
    /// `started_at`: when the process began, as the kernel counts it; with pid and boot it names it for ever.
    [[nodiscard]] static Event spawned(ChildIndex child, std::uint32_t generation, std::int32_t pid, std::uint64_t started_at = 0) {
        Event e = of(EventKind::spawned);
        e.child = child;
        e.generation = generation;
        e.argument = pid;
        e.number = started_at;
        return e;
    }
    [[nodiscard]] static Event spawn_failed(ChildIndex child, std::uint32_t generation, SpawnStep step, std::int32_t error_number) {
        Event e = of(EventKind::spawn_failed);
        e.child = child;
        e.generation = generation;
        e.mode = static_cast<std::uint8_t>(step);
        e.argument = error_number;
        return e;
    }
    /// `session`: the one whose request said so, or the daemon's where it came over NOTIFY_SOCKET.
    [[nodiscard]] static Event ready(ChildIndex child, std::uint32_t generation, SessionIndex session = daemon_session) {
        Event e = of(EventKind::ready, session);
        e.child = child;
        e.generation = generation;
        return e;
    }
    /// `words`: the tail of its stderr.
    [[nodiscard]] static Event exited(ChildIndex child, std::uint32_t generation, ExitHow how, std::int32_t status,
                                      std::string_view words = {}) {
        Event e = of(EventKind::exited);
        e.child = child;
        e.generation = generation;
        e.mode = static_cast<std::uint8_t>(how);
        e.argument = status;
        e.text = words;
        return e;
    }
    /// `request` is answered by an `answer` effect. `why`: of a failed one.
    [[nodiscard]] static Event task_said(SessionIndex s, ChildIndex child, std::uint32_t generation, TaskWord word, std::string_view why,
                                         std::uint64_t request) {
        Event e = of(EventKind::task_said, s);
        e.child = child;
        e.generation = generation;
        e.mode = static_cast<std::uint8_t>(word);
        e.text = why;
        e.number = request;
        return e;
    }
    [[nodiscard]] static Event exiting(ChildIndex child, std::uint32_t generation) {
        Event e = of(EventKind::exiting);
        e.child = child;
        e.generation = generation;
        return e;
    }
    [[nodiscard]] static Event drained(ChildIndex child, std::uint32_t generation) {
        Event e = of(EventKind::drained);
        e.child = child;
        e.generation = generation;
        return e;
    }
    [[nodiscard]] static Event group_empty(ChildIndex child, std::uint32_t generation) {
        Event e = of(EventKind::group_empty);
        e.child = child;
        e.generation = generation;
        return e;
    }
};
static_assert(sizeof(Event) == 64);

}  // namespace backplane::core
