// SPDX-License-Identifier: Apache-2.0
/// Starting: a wish that waits at the gate, then a new incarnation, then ready (S-5..S-12, X-3).
#include "daemon/core/supervision.hpp"

#include "daemon/core/exit_verdict.hpp"

namespace backplane::core {

/// It is to be started, now or when nothing keeps it from that any more.
void Supervision::want_start(Step& step, ChildIndex i, Attempt attempt) {
    Child& child = children_[i];
    child.pending = 1;
    child.attempt = attempt;
    child.failed = 0;
    child.reached = 1;
    child.skip = 0;
    child.remove = 0;
    child.then_start = 0;
    child.regroup = 0;
    child.reason = DownReason::none;
    set_state(step, child, attempt == Attempt::restart ? ChildState::restarting : ChildState::starting);
    try_begin(step, i);
}

/// The wish is given up.
void Supervision::drop_wish(Child& child) {
    child.pending = 0;
    child.blocked = 0;
    child.queued = 0;
    child.frozen = Duration{};
    deadlines_.cancel(child.backoff_timer);
}

/// Both must be over, the old group and the delay; a supervisor that is going down starts nobody, nor does a group that is being
/// stopped (S-22); and the gate must be open.
void Supervision::try_begin(Step& step, ChildIndex i) {
    const Child& child = children_[i];
    if (child.pending == 0 || child.backoff_timer != 0 || !is_gone(i) || is_frozen(child.supervisor)) {
        return;
    }
    if (in_group(i) && team_of(child.supervisor).phase == GroupPhase::stopping) {
        return;
    }
    if (pass_gate(step, i)) {
        begin_start(step, i);
    }
}

/// A new incarnation: a new Device (D-1), its links, then the process or the children. Nothing of the old one is left.
void Supervision::begin_start(Step& step, ChildIndex i) {
    Child& child = children_[i];
    child.pending = 0;
    child.blocked = 0;
    child.queued = 0;
    child.life = Life{};
    child.alive_until = Instant{};
    child.began = step.now;
    ++child.generation;
    texts_.release(child.verdict.text);
    child.verdict = FaultRecord{};
    set_state(step, child, child.attempt == Attempt::restart ? ChildState::restarting : ChildState::starting);
    const DeviceKind kind = child.is_supervisor() ? DeviceKind::supervisor : child.is_task != 0 ? DeviceKind::task : DeviceKind::process;
    const std::string_view name = i == root_ ? std::string_view{} : texts_[child.path];
    child.device = graph_.create_own(step, kind, i, child.managed != 0, name);
    if (i != root_) {
        log(step, RecordKind::child_starting, i);
    }
    lay_own(step, i);  // before it runs (D-12)
    child.life_timer = deadlines_.set(step.now + child.start_timeout, DeadlineKind::start_timeout, i);
    if (child.is_supervisor()) {
        begin_team(step, i);
        return;
    }
    if (child.is_task != 0) {
        begin_task(step, i);
        return;
    }
    child.body = Body::spawning;
    Effect& effect = step.effect(EffectKind::spawn);
    effect.child = i;
    effect.generation = child.generation;
    effect.device = child.device;
}

/// A supervisor begins with its static children, an empty window and no memory of failures (S-32, S-44).
void Supervision::begin_team(Step& step, ChildIndex i) {
    for (ChildIndex c = children_[i].first; c != no_child;) {
        const ChildIndex next = children_[c].next;
        if (children_[c].added != 0) {
            free_subtree(&step, c);
        }
        c = next;
    }
    Team& team = team_of(i);
    team.state = TeamState::starting;
    team.phase = GroupPhase::starting;
    team.from = children_[i].first;
    team.cursor = Cursor{children_[i].first, 0};
    team.offender = no_child;
    team.parked_on = no_child;
    team.manual = is_manual(i) ? 1 : 0;
    team.harsh = 0;
    team.lingering = 0;
    windows_[children_[i].team].clear();
    for (ChildIndex c = children_[i].first; c != no_child; c = children_[c].next) {
        Child& child = children_[c];
        child.failed = 0;
        child.reached = 0;
        child.skip = 0;
        child.was_up = 0;
        child.regroup = 0;
        child.failures = 0;
        child.reason = child.reason == DownReason::completed ? DownReason::none : child.reason;  // that was for those of then
        if (child.limit != 0) {
            limits_[child.limit].clear();
        }
        if (child.removed != 0) {
            mark_removed(c, false);
            (void)reserve(c);
            ++team.children;
        }
    }
    agenda_.push_back(i);
}

/// An operator has it started, or what is above it, so that it is no restart (decision 32).
bool Supervision::is_manual(ChildIndex i) const {
    const Child& child = children_[i];
    const Team* const above = child.supervisor != no_child ? &team_of(child.supervisor) : nullptr;
    return child.attempt == Attempt::command || (above != nullptr && above->state == TeamState::starting && above->manual != 0);
}

/// What every start that came to something means: it has run, or done its work (S-8, decision 32).
void Supervision::note_started(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.ever_started != 0 && !is_manual(i)) {
        ++child.restarts;
    }
    deadlines_.cancel(child.life_timer);
    deadlines_.cancel(child.watch_timer);
    child.ever_started = 1;
    child.was_up = 1;
    child.fresh = 0;
    child.attempt = Attempt::none;
    free_slot(step, i);
}

/// S-8: it is started; from here on its end is a crash (S-11).
void Supervision::started(Step& step, ChildIndex i) {
    Child& child = children_[i];
    note_started(step, i);
    child.life.ready = 1;
    child.ready_at = step.now;
    set_state(step, child, ChildState::running);
    if (child.is_supervisor()) {
        log(step, RecordKind::sup_up, i);
    } else {
        log(step, RecordKind::child_ready, i).number = pid_of(child);
        if (child.watchdog.ns > 0) {
            child.alive_until = step.now + child.watchdog;
        }
        if (child.alive_until.ns > 0) {
            child.watch_timer = deadlines_.set(child.alive_until, DeadlineKind::watchdog, i);
        }
    }
    if (i == root_) {
        show_root(step);
    }
    lay_others(step, i);
    answer_waiters(step, i, false, ErrorCode::ok);
    wake_dependants(step, i);
    if (child.is_task != 0) {
        wake_started_by(step, texts_[child.path]);  // its name is one that its client registered, as it were
    }
    agenda_.push_back(child.supervisor);
}

void Supervision::spawned(Step& step, ChildIndex i, std::uint32_t generation, std::int32_t pid, std::uint64_t started_at) {
    if (!is_current(i, generation) || children_[i].body != Body::spawning) {
        return;
    }
    Child& child = children_[i];
    child.body = Body::alive;
    child.pid = pid;
    child.leader = pid;
    child.started_at = started_at;
    child.began = step.now;
    if (child.life.stage == StopStage::wanted) {
        send_stop(step, i);  // the stop came while it was on its way (S-42)
    } else {
        spawned_well(step, i);
    }
    if (child.start_timeout.is_forever()) {
        free_slot(step, i);  // nothing else would give it back in time
    }
    settle(step);
}

/// Its program runs; whether that is ready is for X-3 to say.
void Supervision::spawned_well(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.oneshot != 0) {
        return;  // its readiness is its completion (decision 36)
    }
    if (child.readiness == Readiness::exec || child.life.early_ready != 0) {
        started(step, i);
    } else if (child.readiness == Readiness::delay) {
        child.watch_timer = deadlines_.set(step.now + child.ready_delay, DeadlineKind::ready_delay, i);
    }
}

void Supervision::ready_after_delay(Step& step, ChildIndex i) {
    const Child& child = children_[i];
    if (child.body == Body::alive && child.life.ready == 0 && child.life.stage == StopStage::none) {
        started(step, i);
    }
}

void Supervision::ready(Step& step, ChildIndex i, std::uint32_t generation) {
    if (!is_current(i, generation) || children_[i].oneshot != 0) {
        return;
    }
    Child& child = children_[i];
    if (child.body == Body::spawning) {
        child.life.early_ready = 1;
    } else if (child.body == Body::alive && child.life.ready == 0 && child.life.stage == StopStage::none) {
        started(step, i);
    }
    settle(step);
}

void Supervision::spawn_failed(Step& step, ChildIndex i, std::uint32_t generation, SpawnStep where, std::int32_t error_number) {
    if (!is_current(i, generation) || children_[i].body != Body::spawning) {
        return;
    }
    Child& child = children_[i];
    child.body = Body::none;
    Ending ending;
    ending.fault.kind = FaultKind::drop;  // D-3: it never got as far as exec
    ending.fault.argument = error_number;
    ending.fault.text = texts_.add(spawn_failure_text(where, error_number));
    ending.exit_class = child.life.asked != 0 ? ExitClass::shutdown : ExitClass::abnormal;
    ending.start_failure = true;
    take_end(step, i, ending);
    over(step, i, ending);
    texts_.release(ending.fault.text);
    settle(step);
}

}  // namespace backplane::core
