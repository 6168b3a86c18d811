// SPDX-License-Identifier: Apache-2.0
/// Starting: one child at a time, in order, the next when the previous is started (S-5..S-12).
#include "daemon/core/exit_verdict.hpp"
#include "daemon/core/supervision.hpp"

namespace backplane::core {

/// A new incarnation: a new Device (D-1), its links, then the process or the children. Nothing of the old one is left.
void Supervision::begin_start(Step& step, ChildIndex i, Attempt attempt) {
    Child& child = children_[i];
    child.life = Life{};
    child.attempt = attempt;
    child.failed = 0;
    child.reached = 1;
    child.skip = 0;
    child.remove = 0;
    child.then_start = 0;
    ++child.generation;
    texts_.release(child.verdict.text);
    child.verdict = FaultRecord{};
    child.state = attempt == Attempt::restart ? ChildState::restarting : ChildState::starting;
    const DeviceKind kind = child.is_supervisor() ? DeviceKind::supervisor : DeviceKind::process;
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
    child.body = Body::spawning;
    Effect& effect = step.effect(EffectKind::spawn);
    effect.child = i;
    effect.generation = child.generation;
    effect.device = child.device;
}

/// A supervisor begins with its static children, an empty window and no memory of failures (S-32, S-44).
void Supervision::begin_team(Step&, ChildIndex i) {
    Team& team = team_of(i);
    team.state = TeamState::starting;
    team.cursor = Cursor{children_[i].first, 0};
    team.offender = no_child;
    team.manual = children_[i].attempt == Attempt::command ? 1 : 0;
    team.harsh = 0;
    windows_[children_[i].team].clear();
    for (ChildIndex c = children_[i].first; c != no_child; c = children_[c].next) {
        Child& child = children_[c];
        child.failed = 0;
        child.reached = 0;
        child.skip = 0;
        if (child.removed != 0) {
            mark_removed(c, false);
        }
        child.failures = 0;
    }
    agenda_.push_back(i);
}

void Supervision::advance_start(Step& step, ChildIndex supervisor) {
    Team& team = team_of(supervisor);
    while (team.cursor.at != no_child) {
        const ChildIndex i = team.cursor.at;
        const Child& child = children_[i];
        if (team.cursor.begun == 0 && is_frozen(supervisor)) {
            return;  // S-12: the stop that freezes it will come by
        }
        if (team.cursor.begun == 0 && child.skip == 0) {
            team.cursor.begun = 1;
            if (child.reached == 0) {  // an operator may have been here before
                begin_start(step, i, Attempt::first);
            }
        }
        const bool waits = child.state != ChildState::down && child.state != ChildState::running;
        if (team.cursor.begun != 0 && waits) {
            return;
        }
        if (team.cursor.begun != 0 && child.state == ChildState::down && child.failed != 0) {
            team.offender = i;
            stop_team(step, supervisor, TeamEnd::child_failed);
            return;
        }
        team.cursor = Cursor{child.next, 0};
    }
    team.state = TeamState::up;
    started(step, supervisor);
}

/// S-8: it is started; from here on its end is a crash (S-11).
void Supervision::started(Step& step, ChildIndex i) {
    Child& child = children_[i];
    const bool manual =
        child.attempt == Attempt::command ||
        (child.supervisor != no_child && team_of(child.supervisor).state == TeamState::starting && team_of(child.supervisor).manual != 0);
    if (child.ever_started != 0 && !manual) {
        ++child.restarts;
    }
    deadlines_.cancel(child.life_timer);
    child.life.ready = 1;
    child.ready_at = step.now;
    child.ever_started = 1;
    child.attempt = Attempt::none;
    child.state = ChildState::running;
    if (child.is_supervisor()) {
        log(step, RecordKind::sup_up, i);
    } else {
        log(step, RecordKind::child_ready, i).number = child.pid;
    }
    if (i == root_) {
        show_root(step);
    }
    lay_others(step, i);
    answer_waiters(step, i, false, ErrorCode::ok);
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
    if (child.life.stage == StopStage::wanted) {
        send_stop(step, i);  // the stop came while it was on its way (S-42)
    } else if (child.readiness == Readiness::exec || child.life.early_ready != 0) {
        started(step, i);
    }
    settle(step);
}

void Supervision::ready(Step& step, ChildIndex i, std::uint32_t generation) {
    if (!is_current(i, generation)) {
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
