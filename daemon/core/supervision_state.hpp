// SPDX-License-Identifier: Apache-2.0
/// What the supervision keeps of each entry, as trivially copyable structs linked by index (decision 9).
///
/// Four facts of an entry are kept apart, because they change at different times:
///  - `ChildState`: what its supervisor is about with it, as `list` shows it;
///  - `Body`: what there is of its process (none, asked for, alive, dead with its group not yet seen empty, P-4);
///  - `pending` and `attempt`: whether a start is wanted and not yet begun, and for whom;
///  - `StopStage` and `StopCause`: how far a stop has come, and the first reason for it, which fixes the fault (F-7, W-8).
#pragma once

#include "daemon/core/deadlines.hpp"
#include "daemon/core/spec.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace backplane::core {

/// How deep entries may nest, the root and a leaf included.
inline constexpr std::uint32_t depth_max = 66;

/// As `list` shows it (decision 32). `disabled` is what `down` looks like on an entry that is disabled; it is never stored.
enum class ChildState : std::uint8_t { down, starting, running, stopping, restarting, quarantined, disabled };
[[nodiscard]] std::string_view child_state_name(ChildState state);

/// Why an entry is down (section 10).
enum class DownReason : std::uint8_t {
    none,         ///< it was never started
    ended,        ///< by itself, and its exit is answered with no restart (S-13)
    completed,    ///< it did its work before it was ready (S-9)
    failed,       ///< its start failed
    terminated,   ///< its supervisor or an operator wanted it down
    gave_up,      ///< it broke its own limit (`stop_child`, X-2)
    not_reached,  ///< its group waits for an older member (S-53a)
    ignored,      ///< its client declined to start it (S-8, S-28)
};
[[nodiscard]] std::string_view down_reason_name(DownReason reason);

/// What there is of an entry's process, or of its task in a client, which is never spawning nor draining; a supervisor's entry has none.
enum class Body : std::uint8_t { none, spawning, alive, draining };

/// For whom a start is attempted, which decides what a failed one leads to (S-6, S-24, S-54).
enum class Attempt : std::uint8_t { none, first, restart, command };

/// Why an incarnation is ended. The first cause stays; `asked` of `Life` says whether its supervisor or an operator wants
/// it, which alone rules out a restart (S-37).
enum class StopCause : std::uint8_t { none, asked, line, start_timeout, doomed, left, dropped, watchdog };

/// How far the stop of a process has come.
enum class StopStage : std::uint8_t {
    none,
    wanted,     ///< it is being spawned; the stop begins when that is known
    hook,       ///< its drain hook runs, and it still does its work (X-16)
    patient,    ///< its program was told and has its shutdown time to end by itself (T-9)
    signalled,  ///< the stop signal is sent
    killed,     ///< SIGKILL is sent
};

/// What keeps a start that is wanted from being begun.
enum class Waits : std::uint8_t { nothing, backoff, draining, blocked, held, slot, group, starter };
[[nodiscard]] std::string_view waits_name(Waits waits);

/// One incarnation of an entry. All zero at its start.
struct Life {
    std::uint8_t ready = 0;        ///< it was started (S-8); from here an end is a crash, not a start failure (S-11)
    std::uint8_t early_ready = 0;  ///< it said ready before its spawn was known
    std::uint8_t asked = 0;        ///< its supervisor or an operator wants it down
    std::uint8_t adopted = 0;      ///< its program speaks on the inherited socket
    std::uint8_t told = 0;         ///< its Device went before it; `Child::verdict` is what was told (D-4)
    std::uint8_t brutal = 0;       ///< SIGKILL was sent by specification, not because a grace had run out
    std::uint8_t signalled = 0;    ///< its stop signal was sent
    StopCause cause = StopCause::none;
    StopStage stage = StopStage::none;
};

/// One child entry: a process or a supervisor, the root included.
struct Child {
    // The specification.
    Duration shutdown{};
    Duration start_timeout{};
    Duration ready_delay{};
    Duration watchdog{};
    Duration kill_after{};
    Duration drain{};  ///< how long its drain hook may take; zero: it has none (X-16)
    Duration cooldown{};
    Duration limit_period{};
    Duration backoff_initial{};
    Duration backoff_max{};
    Duration reset_after{};
    std::uint64_t backoff_factor = 0;  ///< bits of a double
    std::uint64_t backoff_jitter = 0;  ///< bits of a double
    // This incarnation and the last one.
    DeviceId device{};       ///< from its start until its end is seen
    DeviceId last_device{};  ///< of the incarnation that ended last
    DeviceId last_root{};    ///< root cause of the restart before (S-29)
    DeviceId starter{};      ///< a task: the Device that offered to start it
    Instant ready_at{};
    Instant since{};        ///< when it came into its state
    Instant alive_until{};  ///< watchdog: the next sign of life is due by then
    Duration frozen{};      ///< what was left of its backoff when it was blocked (X-6)
    Instant began{};        ///< this incarnation: when its process was spawned, or a start was begun that came to none
    std::uint64_t restarts = 0;
    std::uint64_t started_at = 0;  ///< of the leader, as the kernel counts it (X-12)
    std::uint64_t rank = 0;        ///< ascending along a row of siblings (S-20)
    FaultRecord verdict{};         ///< the fault fixed before the end: cascade (W-8), or what was told (D-4); holds its text
    FaultRecord last_fault{};      ///< holds its text
    // The tree and the texts.
    TextIndex name = 0, path = 0;
    TextIndex launch = 0;  ///< the encoded LaunchSpec, or TaskSpec
    TextIndex exits = 0;   ///< the encoded ExitPolicy; 0: none
    ChildIndex supervisor = no_child;
    ChildIndex first = no_child, last = no_child;     ///< a supervisor's children, in start order (S-20)
    ChildIndex next = no_child, previous = no_child;  ///< siblings; `next` also links free entries
    std::uint32_t team = 0;                           ///< a supervisor's own part; 0 for a process
    std::uint32_t limit = 0;                          ///< its own restart window; 0: none (X-4)
    std::uint32_t limit_intensity = 0;
    std::uint32_t orders_from = 0, orders_to = 0;               ///< what configuration says that begins and ends here
    SessionIndex client = daemon_session;                       ///< a task: the session that runs it
    ChildIndex next_task = no_child, previous_task = no_child;  ///< of the same client
    std::uint32_t history = 0;                                  ///< its last exits (X-10); 0: none yet
    std::uint32_t reserved1 = 0;
    std::uint32_t depth = 0;
    std::uint32_t generation = 0;
    std::int32_t pid = 0;
    std::int32_t stop_signal = 0;
    std::uint32_t failures = 0;  ///< consecutive, for the backoff (X-1)
    DeadlineId life_timer = 0;   ///< start timeout, then stop timeout, then kill overdue
    DeadlineId backoff_timer = 0;
    DeadlineId settle_timer = 0;
    DeadlineId watch_timer = 0;    ///< the ready delay, then the watchdog; in quarantine the cooldown
    std::int32_t last_status = 0;  ///< exit code or signal of the last end
    std::int32_t leader = 0;       ///< the process's pid until its group is seen empty; zero while it is not known
    // Small facts of the specification.
    RestartType restart = RestartType::permanent;
    ShutdownKind shutdown_kind = ShutdownKind::timed;
    Readiness readiness = Readiness::exec;
    OnLimit on_limit = OnLimit::escalate;
    KillMode kill_mode = KillMode::group;
    std::uint8_t managed = 0;
    std::uint8_t backoff = 0;
    std::uint8_t significant = 0;
    std::uint8_t retain = 0;
    std::uint8_t oneshot = 0;
    std::uint8_t signal_group = 0;
    std::uint8_t is_task = 0;  ///< a client runs it
    std::uint8_t added = 0;    ///< by a call, not by configuration: gone for good when it is removed (S-44)
    // Small facts of the entry.
    std::uint8_t disabled = 0;  ///< X-14: stays down until it is enabled
    std::uint8_t held = 0;      ///< what runs goes on, nothing is restarted
    ChildState state = ChildState::down;
    DownReason reason = DownReason::none;
    Attempt attempt = Attempt::none;
    std::uint8_t pending = 0;     ///< a start is wanted, and waits for what `waits_of` says
    std::uint8_t blocked = 0;     ///< noted among those that wait for what they require
    std::uint8_t queued = 0;      ///< stands in the queue for a slot
    std::uint8_t slot = 0;        ///< holds one of the slots for starts (X-13)
    std::uint8_t regroup = 0;     ///< stopped with its group, and comes back with it
    std::uint8_t was_up = 0;      ///< its supervisor has started it in this incarnation
    std::uint8_t failed = 0;      ///< its first start in this incarnation of its supervisor failed (S-6)
    std::uint8_t reached = 0;     ///< its supervisor has come to it in this incarnation
    std::uint8_t skip = 0;        ///< stopped before its supervisor's start reached it (S-53a)
    std::uint8_t remove = 0;      ///< goes when it is down: a temporary one that ended (S-13)
    std::uint8_t removed = 0;     ///< gone until its supervisor starts anew (S-18, S-44)
    std::uint8_t then_start = 0;  ///< a restart command waits for its end
    std::uint8_t fresh = 0;       ///< added and not yet started: a failed start discards it (S-54)
    std::uint8_t ended = 0;       ///< `last_*` mean something
    std::uint8_t ever_started = 0;
    ExitClass last_class = ExitClass::normal;
    std::uint8_t last_how = 0;  ///< ExitHow
    std::uint8_t free = 0;      ///< nobody's: on the list of free entries
    Body body = Body::none;
    Life life{};
    std::uint8_t awaits_starter = 0;  ///< stands among those that wait for somebody who starts it
    std::uint8_t reserved2 = 0;

    [[nodiscard]] bool is_supervisor() const { return team != 0; }
};
static_assert(std::is_trivially_copyable_v<Child> && std::has_unique_object_representations_v<Child>);

enum class TeamState : std::uint8_t { down, starting, up, stopping };

/// Why a supervisor goes down.
enum class TeamEnd : std::uint8_t { asked, gave_up, child_failed, start_timeout, auto_shutdown };

/// What a supervisor is about with a group of its children: all of them when it starts, else those that a strategy concerns.
enum class GroupPhase : std::uint8_t { none, stopping, starting };

/// Where an operation on a group of siblings stands: it walks from one to the next in its direction and waits at each.
struct Cursor {
    ChildIndex at = no_child;
    std::uint32_t begun = 0;  ///< `at` has been asked for, and is waited for
};

/// A supervisor's own part.
struct Team {
    Duration period{};
    Duration restart_every{};
    std::uint64_t next_rank = 0;  ///< of the next child
    std::uint64_t next_key = 0;   ///< of the next dynamic child without a key of its own
    ChildIndex child = no_child;  ///< its entry; free teams: the next free one
    std::uint32_t intensity = 0;
    Cursor cursor;
    ChildIndex from = no_child;       ///< the group's first member
    ChildIndex parked_on = no_child;  ///< the group goes on when this member does (S-53a, X-2)
    ChildIndex offender = no_child;   ///< end child_failed: who
    TextIndex template_child = 0;     ///< dynamic: the encoded child
    std::uint32_t children = 0;       ///< entries, removed ones not counted
    std::uint32_t max_children = 0;   ///< zero: no bound (S-62)
    std::uint32_t partitions = 0;
    std::uint32_t held = 0;           ///< children that are held
    std::uint32_t restart_burst = 0;  ///< the root's: see TokenBucket
    std::uint32_t reserved1 = 0;
    Strategy strategy = Strategy::one_for_one;
    OnGiveUp on_give_up = OnGiveUp::shutdown;
    AutoShutdown auto_shutdown = AutoShutdown::never;
    OnStartFailure on_start_failure = OnStartFailure::retry;
    OnRootGiveUp on_root_give_up = OnRootGiveUp::stay;
    StartOrder start_order = StartOrder::list;
    TeamState state = TeamState::down;
    TeamEnd end = TeamEnd::asked;
    GroupPhase phase = GroupPhase::none;
    std::uint8_t manual = 0;     ///< started by command, or with one that is: its children's starts are no restarts (decision 32)
    std::uint8_t harsh = 0;      ///< 1: its time is over, 2: brutal_kill; nothing below it gets a grace (S-40)
    std::uint8_t lingering = 0;  ///< stopping: all were asked; now those that were not waited for are (S-35)
    std::uint8_t free = 0;
    std::uint8_t reserved[3] = {};
};
static_assert(std::is_trivially_copyable_v<Team> && std::has_unique_object_representations_v<Team>);

/// What configuration says of two entries, on the lists of both its ends: a link (decision 14), or that `from` requires `to` to be
/// up before it is started. `next_from` also links free ones.
struct Order {
    ChildIndex from = no_child, to = no_child;
    std::uint32_t next_from = 0, next_to = 0;
    LinkMode mode = LinkMode::none;  ///< none for a requirement
    std::uint8_t need = 0;           ///< a requirement
    std::uint8_t reserved[2] = {};
};
static_assert(std::is_trivially_copyable_v<Order> && std::has_unique_object_representations_v<Order>);

/// A command that waits for its supervisor to end the step that it is in (S-58).
struct Postponed {
    std::uint64_t request = 0;
    std::uint32_t session = 0;
    std::uint32_t number = 0;     ///< names it to its deadline
    ChildIndex child = no_child;  ///< as the command names it
    ChildIndex supervisor = no_child;
    TextIndex text = 0;
    DeadlineId deadline = 0;
    std::uint8_t kind = 0;  ///< EventKind
    std::uint8_t mode = 0;
    std::uint8_t flag = 0;
    std::uint8_t reserved[5] = {};
};
static_assert(std::is_trivially_copyable_v<Postponed> && std::has_unique_object_representations_v<Postponed>);

/// What all restarts of the daemon share: a token each. One comes back every `restart_every` of the root, up to `restart_burst`.
struct TokenBucket {
    Instant at{};  ///< when the one that comes back next began to
    std::uint32_t used = 0;
    DeadlineId timer = 0;  ///< somebody waits for the next one
};
static_assert(std::is_trivially_copyable_v<TokenBucket> && std::has_unique_object_representations_v<TokenBucket>);

/// A session that waits for the outcome of its command.
struct Waiter {
    std::uint64_t request = 0;
    std::uint32_t session = 0;
    ChildIndex child = no_child;
    std::uint32_t wants_down = 0;  ///< 1: answered when it is down; 0: when it runs, or will not
    std::uint32_t added = 0;       ///< 1: it asked for the entry to be made, and is told its path and Device
};
static_assert(std::is_trivially_copyable_v<Waiter> && std::has_unique_object_representations_v<Waiter>);

}  // namespace backplane::core
