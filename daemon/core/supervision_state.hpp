// SPDX-License-Identifier: Apache-2.0
/// What the supervision keeps of each entry, as trivially copyable structs linked by index (decision 9).
///
/// Three facts of an entry are kept apart, because they change at different times:
///  - `ChildState`: what its supervisor is about with it, as `list` shows it;
///  - `Body`: what there is of its process (none, asked for, alive, dead with its group not yet seen empty, P-4);
///  - `StopStage` and `StopCause`: how far a stop has come, and the first reason for it, which fixes the fault (F-7, W-8).
#pragma once

#include "daemon/core/deadlines.hpp"
#include "daemon/core/spec.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace backplane::core {

/// As `list` shows it (decision 32).
enum class ChildState : std::uint8_t { down, starting, running, stopping, restarting };
[[nodiscard]] std::string_view child_state_name(ChildState state);

/// What there is of an entry's process; a supervisor's entry has none.
enum class Body : std::uint8_t { none, spawning, alive, draining };

/// For whom a start is attempted, which decides what a failed one leads to (S-6, S-24, S-54).
enum class Attempt : std::uint8_t { none, first, restart, command };

/// Why an incarnation is ended. The first cause stays; `asked` of `Life` says whether its supervisor or an operator wants
/// it, which alone rules out a restart (S-37).
enum class StopCause : std::uint8_t { none, asked, line, start_timeout, doomed, left, dropped };

/// How far the stop of a process has come.
enum class StopStage : std::uint8_t {
    none,
    wanted,     ///< it is being spawned; the stop begins when that is known
    patient,    ///< its program was told and has its shutdown time to end by itself (T-9)
    signalled,  ///< the stop signal is sent
    killed,     ///< SIGKILL is sent
};

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

/// One child entry: a process or a supervisor, the root included. Lives as long as the configuration.
struct Child {
    // The specification.
    Duration shutdown{};
    Duration start_timeout{};
    Duration backoff_initial{};
    Duration backoff_max{};
    Duration reset_after{};
    std::uint64_t backoff_factor = 0;  ///< bits of a double
    std::uint64_t backoff_jitter = 0;  ///< bits of a double
    // This incarnation and the last one.
    DeviceId device{};       ///< from its start until its end is seen
    DeviceId last_device{};  ///< of the incarnation that ended last
    DeviceId last_root{};    ///< root cause of the restart before (S-29)
    Instant ready_at{};
    std::uint64_t restarts = 0;
    std::uint64_t started_at = 0;  ///< of the leader, as the kernel counts it (X-12)
    FaultRecord verdict{};         ///< the fault fixed before the end: cascade (W-8), or what was told (D-4); holds its text
    FaultRecord last_fault{};      ///< holds its text
    // The tree and the texts.
    TextIndex name = 0, path = 0, launch = 0;
    ChildIndex supervisor = no_child;
    ChildIndex first = no_child, last = no_child;     ///< a supervisor's children, in start order (S-20)
    ChildIndex next = no_child, previous = no_child;  ///< siblings
    std::uint32_t team = 0;                           ///< a supervisor's own part; 0 for a process
    std::uint32_t orders_from = 0, orders_to = 0;     ///< standing links that begin and end here
    std::uint32_t depth = 0;
    std::uint32_t generation = 0;
    std::int32_t pid = 0;
    std::uint32_t failures = 0;  ///< consecutive, for the backoff (X-1)
    DeadlineId life_timer = 0;   ///< start timeout, then stop timeout, then kill overdue
    DeadlineId backoff_timer = 0;
    DeadlineId settle_timer = 0;
    std::int32_t last_status = 0;  ///< exit code or signal of the last end
    std::int32_t leader = 0;       ///< the process's pid until its group is seen empty; zero while it is not known
    // Small facts.
    Life life{};
    RestartType restart = RestartType::permanent;
    ShutdownKind shutdown_kind = ShutdownKind::timed;
    Readiness readiness = Readiness::exec;
    std::uint8_t managed = 0;
    std::uint8_t backoff = 0;
    ChildState state = ChildState::down;
    Body body = Body::none;
    Attempt attempt = Attempt::none;
    std::uint8_t failed = 0;      ///< its first start in this incarnation of its supervisor failed (S-6)
    std::uint8_t reached = 0;     ///< its supervisor has started it in this incarnation
    std::uint8_t skip = 0;        ///< stopped before its supervisor's start reached it (S-53a)
    std::uint8_t remove = 0;      ///< goes when it is down: a temporary one that ended (S-13)
    std::uint8_t removed = 0;     ///< gone until its supervisor starts anew (S-18, S-44)
    std::uint8_t then_start = 0;  ///< a restart command waits for its end
    std::uint8_t ended = 0;       ///< `last_*` mean something
    std::uint8_t ever_started = 0;
    ExitClass last_class = ExitClass::normal;
    std::uint8_t last_how = 0;  ///< ExitHow
    std::uint8_t reserved2[5] = {};

    [[nodiscard]] bool is_supervisor() const { return team != 0; }
};
static_assert(std::is_trivially_copyable_v<Child> && std::has_unique_object_representations_v<Child>);

enum class TeamState : std::uint8_t { down, starting, up, stopping };

/// Why a supervisor goes down.
enum class TeamEnd : std::uint8_t { asked, gave_up, child_failed, start_timeout };

/// Where an operation on a group of siblings stands: it walks from one to the next in its direction and waits at each.
struct Cursor {
    ChildIndex at = no_child;
    std::uint32_t begun = 0;  ///< `at` has been asked for, and is waited for
};

/// A supervisor's own part.
struct Team {
    Duration period{};
    ChildIndex child = no_child;  ///< its entry
    std::uint32_t intensity = 0;
    Cursor cursor;                   ///< starting: forwards; stopping: backwards
    ChildIndex offender = no_child;  ///< end child_failed: who
    Strategy strategy = Strategy::one_for_one;
    OnGiveUp on_give_up = OnGiveUp::shutdown;
    TeamState state = TeamState::down;
    TeamEnd end = TeamEnd::asked;
    std::uint8_t manual = 0;  ///< started by command: its children's starts are not counted as restarts (decision 32)
    std::uint8_t harsh = 0;   ///< 1: its time is over, 2: brutal_kill; nothing below it gets a grace (S-40)
    std::uint8_t reserved[6] = {};
};
static_assert(std::is_trivially_copyable_v<Team> && std::has_unique_object_representations_v<Team>);

/// A link given in configuration (decision 14), on the lists of both its ends.
struct Order {
    ChildIndex from = no_child, to = no_child;
    std::uint32_t next_from = 0, next_to = 0;
    LinkMode mode = LinkMode::none;
    std::uint8_t reserved[3] = {};
};
static_assert(std::is_trivially_copyable_v<Order> && std::has_unique_object_representations_v<Order>);

/// A session that waits for the outcome of its command.
struct Waiter {
    std::uint64_t request = 0;
    std::uint32_t session = 0;
    ChildIndex child = no_child;
    std::uint32_t wants_down = 0;  ///< 1: answered when it is down; 0: when it runs, or will not
    std::uint32_t reserved = 0;
};
static_assert(std::is_trivially_copyable_v<Waiter> && std::has_unique_object_representations_v<Waiter>);

}  // namespace backplane::core
