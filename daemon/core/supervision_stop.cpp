// SPDX-License-Identifier: Apache-2.0
/// Stopping: by the specification, in reverse order, the next when the previous is down (S-12, S-23, S-35..S-42).
///
///   stage      its process                      comes by                                    goes by, beside its end
///   none       works                            its start                                   any stop
///   wanted     is being spawned                 a stop that comes meanwhile                 spawned -> signalled
///   hook       works, and its drain hook runs   a stop in order, once it was ready   drained, or the hook's time -> signalled
///   patient    knows by its own connection      its goodbye, or its own cascade (T-9, W-7)  its shutdown time -> signalled
///   signalled  has its stop signal, or SIGABRT  whatever ends it; its watchdog        its shutdown time -> killed
///   killed     has SIGKILL, with its group      brutal_kill, no grace left, its time        nothing: overdue is told (P-6)
#include "daemon/core/exit_verdict.hpp"
#include "daemon/core/supervision.hpp"

#include <algorithm>

namespace backplane::core {

namespace {
/// P-6: how long after SIGKILL a process may still be there before it is reported.
constexpr Duration kill_patience = Duration::seconds(10);
}  // namespace

/// A child in an attempt that fails by itself stays `starting` or `restarting` (decision 32); any other is stopping.
void Supervision::show_stopping(Step& step, Child& child) {
    if (child.life.ready != 0 || child.life.asked != 0 || child.life.cause == StopCause::line) {
        set_state(step, child, ChildState::stopping);
    }
}

/// Its supervisor or an operator wants it down. Whatever it was about is given up; no restart follows (S-37, S-42).
void Supervision::stop_child(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.state == ChildState::down) {
        return;
    }
    drop_wish(child);
    if (child.state == ChildState::quarantined) {
        deadlines_.cancel(child.watch_timer);
    }
    child.life.asked = 1;
    child.reason = child.state != ChildState::stopping ? DownReason::terminated : child.reason;
    child.remove = is_dynamic(i) ? 1 : child.remove;
    set_state(step, child, ChildState::stopping);
    if (is_gone(i)) {  // it was waiting for its next attempt
        settled(step, i);
        return;
    }
    if (!child.is_supervisor()) {
        end_process(step, i, StopCause::asked, false);
        return;
    }
    stop_team(step, i, TeamEnd::asked);
    // Now its parent waits for it, so its own time runs, also where it was going down for another reason (S-40).
    if (child.shutdown_kind == ShutdownKind::brutal_kill) {
        make_harsh(step, i, 2);
    } else if (child.life_timer == 0) {
        child.life_timer = deadlines_.set(step.now + patience_of(child), DeadlineKind::stop_timeout, i);
    }
}

// ---- processes -----------------------------------------------------------------------------------------------------------------

/// Begins the end of a process for a cause; the first cause fixes the fault (W-8).
/// `patient`: its program knows, and has its shutdown time to end by itself. Where somebody wants it down, and it works, its drain hook
/// comes first.
void Supervision::end_process(Step& step, ChildIndex i, StopCause cause, bool patient) {
    Child& child = children_[i];
    if (child.body != Body::spawning && child.body != Body::alive) {
        return;  // already dead: its end is being taken in (S-38)
    }
    if (child.life.cause == StopCause::none) {
        child.life.cause = cause;
    }
    show_stopping(step, child);
    if (child.body == Body::spawning) {
        child.life.stage = StopStage::wanted;
    } else if (child.life.stage == StopStage::none && patient) {
        child.life.stage = StopStage::patient;
        deadlines_.cancel(child.life_timer);
        child.life_timer = deadlines_.set(step.now + patience_of(child), DeadlineKind::stop_timeout, i);
    } else if (cause == StopCause::watchdog && child.life.stage < StopStage::signalled) {
        child.is_task != 0 ? kill(step, i, false) : send_abort(step, i);
    } else if (child.life.stage < StopStage::signalled && !patient) {
        const bool in_order = cause == StopCause::asked || cause == StopCause::line;
        if (in_order && child.life.stage == StopStage::none && has_drain(child)) {
            begin_drain(step, i);
        } else if (!in_order || child.life.stage != StopStage::hook) {
            send_stop(step, i);
        }
    }
}

/// A program that never was ready has nothing to let run dry, and where no grace is left there is none for this either.
bool Supervision::has_drain(const Child& child) const {
    const bool graceful = child.shutdown_kind != ShutdownKind::brutal_kill && team_of(child.supervisor).harsh == 0 && urgency_ < 2;
    return child.drain.ns > 0 && child.life.ready != 0 && graceful;
}

void Supervision::begin_drain(Step& step, ChildIndex i) {
    Child& child = children_[i];
    child.life.stage = StopStage::hook;
    log(step, RecordKind::child_draining, i);
    Effect& effect = step.effect(EffectKind::drain);
    effect.child = i;
    effect.generation = child.generation;
    deadlines_.cancel(child.life_timer);
    child.life_timer = deadlines_.set(step.now + drain_of(child), DeadlineKind::stop_timeout, i);
}

Duration Supervision::drain_of(const Child& child) const { return urgency_ > 0 ? Duration{child.drain.ns / 10} : child.drain; }

/// Its drain hook is over: now it is told to stop.
void Supervision::drained(Step& step, ChildIndex i, std::uint32_t generation) {
    if (is_current(i, generation) && children_[i].body == Body::alive && children_[i].life.stage == StopStage::hook) {
        send_stop(step, i);
        settle(step);
    }
}

Duration Supervision::grace_of(const Child& child) const {
    const bool hurried = urgency_ > 0 && !child.shutdown.is_forever();
    return hurried ? Duration{child.shutdown.ns / 10} : child.shutdown;
}

/// How long a program that knows that it is to end has for it (T-9).
Duration Supervision::patience_of(const Child& child) const {
    switch (child.shutdown_kind) {
        case ShutdownKind::timed: return grace_of(child);
        case ShutdownKind::no_wait: return child.kill_after;
        case ShutdownKind::infinity: return Duration::forever();
        case ShutdownKind::brutal_kill: break;
    }
    return Duration{};
}

void Supervision::send_signal(Step& step, ChildIndex i, std::int32_t signal, bool whole) {
    Effect& effect = step.effect(whole ? EffectKind::signal_group : EffectKind::signal);
    effect.child = i;
    effect.generation = children_[i].generation;
    effect.argument = signal;
}

/// it is silent. SIGABRT leaves a core to look at; then it has the time of an ordinary stop.
void Supervision::send_abort(Step& step, ChildIndex i) {
    Child& child = children_[i];
    constexpr Duration abort_grace = Duration::seconds(5);
    deadlines_.cancel(child.life_timer);
    child.life.stage = StopStage::signalled;
    log(step, RecordKind::child_stopping, i).number = signal_abort;
    send_signal(step, i, signal_abort, false);
    const Duration grace = child.shutdown_kind == ShutdownKind::timed ? grace_of(child) : abort_grace;
    child.life_timer = deadlines_.set(step.now + grace, DeadlineKind::stop_timeout, i);
}

/// S-35, for a process that is alive.
void Supervision::send_stop(Step& step, ChildIndex i) {
    Child& child = children_[i];
    deadlines_.cancel(child.life_timer);
    const std::uint8_t harsh = team_of(child.supervisor).harsh;
    if (child.shutdown_kind == ShutdownKind::brutal_kill || harsh == 2) {
        kill(step, i, true);
        return;
    }
    if (harsh != 0 || urgency_ > 1) {
        kill(step, i, false);
        return;
    }
    child.life.stage = StopStage::signalled;
    child.life.signalled = 1;
    log(step, RecordKind::child_stopping, i).number = child.is_task != 0 ? 0 : child.stop_signal;
    if (child.is_task != 0) {
        graph_.owe_shutdown(step, children_[child.supervisor].device, child.device);
    } else {
        send_signal(step, i, child.stop_signal, child.signal_group != 0);
    }
    const Duration patience = patience_of(child);
    if (patience.ns == 0) {
        kill(step, i, false);  // both at once
        return;
    }
    child.life_timer = deadlines_.set(step.now + patience, DeadlineKind::stop_timeout, i);
}

/// P-3: SIGKILL goes to the whole group, of which the leader is one; where configuration spares the others, to it alone (P-4).
void Supervision::kill(Step& step, ChildIndex i, bool brutal) {
    Child& child = children_[i];
    if (child.body != Body::alive || child.life.stage == StopStage::killed) {
        return;
    }
    deadlines_.cancel(child.life_timer);
    child.life.stage = StopStage::killed;
    child.life.brutal = brutal ? 1 : 0;
    log(step, RecordKind::child_killing, i).number = signal_kill;
    if (child.is_task != 0) {
        kill_task(step, i);
        return;
    }
    send_signal(step, i, signal_kill, child.kill_mode == KillMode::group);
    child.life_timer = deadlines_.set(step.now + kill_patience, DeadlineKind::kill_overdue, i);
}

// ---- supervisors ---------------------------------------------------------------------------------------------------------------

/// A supervisor goes down: from here nothing below it is started. The first reason stays.
void Supervision::stop_team(Step& step, ChildIndex i, TeamEnd end) {
    Team& team = team_of(i);
    Child& child = children_[i];
    if (team.state != TeamState::starting && team.state != TeamState::up) {
        return;
    }
    team.state = TeamState::stopping;
    team.end = end;
    team.phase = GroupPhase::none;
    team.parked_on = no_child;
    team.lingering = 0;
    team.cursor = Cursor{child.last, 0};
    deadlines_.cancel(child.life_timer);
    refuse_postponed(step, i, ErrorCode::stopping);
    show_stopping(step, child);
    log(step, RecordKind::sup_stopping, i);
    if (i == root_) {
        show_root(step);
    }
    agenda_.push_back(i);
}

/// One after the other, backwards (S-23). A dynamic supervisor's are all asked at once, and one that is not waited for only at the end.
void Supervision::advance_stop(Step& step, ChildIndex supervisor) {
    if (team_of(supervisor).strategy == Strategy::dynamic && team_of(supervisor).lingering == 0) {
        stop_at_once(step, supervisor);
    }
    for (;;) {
        Team& team = team_of(supervisor);
        const ChildIndex i = team.cursor.at;
        if (i == no_child) {
            if (team.lingering != 0) {
                break;
            }
            team.lingering = 1;
            team.cursor = Cursor{children_[supervisor].last, 0};
            continue;
        }
        Child& child = children_[i];
        const bool passes = team.lingering == 0 && team.cursor.begun != 0 && child.shutdown_kind == ShutdownKind::no_wait;
        const bool down = child.state == ChildState::down && is_gone(i);
        if (passes || down) {
            team.cursor = Cursor{child.previous, 0};
            if (down) {
                child.reason = child.reason == DownReason::not_reached ? DownReason::terminated : child.reason;
                answer_waiters(step, i, false, ErrorCode::stopping);  // it was still to be started
            }
            continue;
        }
        if (team.cursor.begun != 0) {
            return;
        }
        team.cursor.begun = 1;
        child.then_start = 0;
        stop_child(step, i);
    }
    team_down(step, supervisor);
}

/// S-23: each has its own deadline, and their order is nobody's business.
void Supervision::stop_at_once(Step& step, ChildIndex supervisor) {
    team_of(supervisor).lingering = 1;
    for (ChildIndex i = children_[supervisor].first; i != no_child;) {
        const ChildIndex next = children_[i].next;  // it may go at once
        children_[i].then_start = 0;
        stop_child(step, i);
        i = next;
    }
    team_of(supervisor).cursor = Cursor{children_[supervisor].last, 0};
}

/// Why it went, as those who depend on it see it, and as its parent does (F-6, S-43).
Supervision::Ending Supervision::team_ending(ChildIndex i) {
    const Team& team = team_of(i);
    Ending ending;
    ending.exit_class = ExitClass::shutdown;
    switch (team.end) {
        case TeamEnd::asked:
            if (team.harsh == 1) {
                ending.fault.kind = FaultKind::timeout;
                ending.fault.argument = static_cast<std::int32_t>(TimeoutOf::stop);
            }
            break;
        case TeamEnd::auto_shutdown: break;
        case TeamEnd::gave_up:
            ending.fault.kind = FaultKind::error;
            ending.fault.argument = static_cast<std::int32_t>(ErrorDetail::gave_up);
            ending.exit_class = team.on_give_up == OnGiveUp::crash ? ExitClass::abnormal : ExitClass::shutdown;
            break;
        case TeamEnd::child_failed:
            ending.fault.kind = FaultKind::error;
            ending.fault.argument = static_cast<std::int32_t>(ErrorDetail::failed_to_start_child);
            ending.fault.text = team.offender != no_child ? texts_.add(texts_[children_[team.offender].name]) : 0;
            ending.exit_class = ExitClass::abnormal;
            break;
        case TeamEnd::start_timeout:
            ending.fault.kind = FaultKind::timeout;
            ending.fault.argument = static_cast<std::int32_t>(TimeoutOf::start);
            ending.exit_class = ExitClass::abnormal;
            break;
    }
    const Child& child = children_[i];
    if (child.life.asked != 0) {
        ending.exit_class = ExitClass::shutdown;  // S-42: whatever it was going down for, it was also told to
    }
    const bool attempt = child.life.ready == 0 && i != root_;  // the root is nobody's child
    ending.start_failure = attempt && child.life.asked == 0 && team.end != TeamEnd::asked && team.end != TeamEnd::auto_shutdown;
    return ending;
}

/// All its children are down: now it is (S-33, S-43, S-46).
void Supervision::team_down(Step& step, ChildIndex i) {
    Team& team = team_of(i);
    team.state = TeamState::down;
    Ending ending = team_ending(i);
    take_end(step, i, ending);
    if (i == root_ && team.end == TeamEnd::gave_up) {
        log_end(step, RecordKind::alert, i, ending);  // S-46
        wants_exit_ = team.on_root_give_up == OnRootGiveUp::exit ? 1 : 0;
    }
    over(step, i, ending);
    texts_.release(ending.fault.text);
}

/// S-40: no grace is left below this supervisor. What lives is killed at once, never orphaned; what is being spawned is
/// killed when that is known.
void Supervision::make_harsh(Step& step, ChildIndex supervisor, std::uint8_t harsh) {
    team_of(supervisor).harsh = std::max(team_of(supervisor).harsh, harsh);
    for (ChildIndex i = next_below(supervisor, supervisor), next = no_child; i != no_child; i = next) {
        next = next_below(supervisor, i);  // a task may go at once, and its entry with it
        Child& child = children_[i];
        if (child.is_supervisor()) {
            team_of(i).harsh = std::max(team_of(i).harsh, harsh);
        } else if (child.body == Body::spawning || child.body == Body::alive) {
            child.life.asked = 1;
            end_process(step, i, StopCause::asked, false);
            kill(step, i, harsh == 2);
        }
    }
}

// ---- the daemon's own stop -------------------------------------------------------------------------------------------------------

/// T-13: a second request leaves a tenth of what was left to wait at the most.
void Supervision::shorten_grace(Step& step, ChildIndex i) {
    Child& child = children_[i];
    const bool drains = child.life.stage == StopStage::hook;
    const bool waiting = drains || child.life.stage == StopStage::patient || child.life.stage == StopStage::signalled;
    const bool applies = child.is_supervisor() ? child.life.asked != 0 : child.body == Body::alive && waiting;
    if (!applies || child.life_timer == 0) {
        return;
    }
    const Instant sooner = std::min(deadlines_.at(child.life_timer), step.now + (drains ? drain_of(child) : patience_of(child)));
    deadlines_.cancel(child.life_timer);
    child.life_timer = deadlines_.set(sooner, DeadlineKind::stop_timeout, i);
}

void Supervision::stop_all(Step& step, int urgency) {
    urgency_ = std::max(urgency_, static_cast<std::uint32_t>(std::clamp(urgency, 0, 2)));
    closing_ = 1;
    if (root_ == no_child) {
        return;
    }
    children_[root_].then_start = 0;
    while (!postponed_.empty()) {
        refuse_postponed(step, postponed_.front().supervisor, ErrorCode::stopping);
    }
    stop_child(step, root_);
    if (urgency_ == 1) {
        for (ChildIndex i = root_; i != no_child; i = next_in_tree(i)) {
            shorten_grace(step, i);
        }
    } else if (urgency_ == 2 && team_of(root_).state != TeamState::down) {
        make_harsh(step, root_, 1);
    }
    settle(step);
    end_withdrawn_tasks(step);
    settle(step);
}

bool Supervision::all_down() const { return root_ == no_child || children_[root_].state == ChildState::down; }

}  // namespace backplane::core
