// SPDX-License-Identifier: Apache-2.0
/// The agenda by which operations go on, the questions that every part asks, and what comes due.
#include "daemon/core/supervision.hpp"

namespace backplane::core {

Supervision::Supervision(Graph& graph, Deadlines& deadlines, Texts& texts)
    : graph_(graph), deadlines_(deadlines), texts_(texts), children_(1), teams_(1), windows_(1), limits_(1), orders_(1), histories_(1) {}

void Supervision::seed(std::uint64_t seed) { random_ = seed; }

// ---- the agenda -----------------------------------------------------------------------------------------------------------

void Supervision::settle(Step& step) {
    for (std::size_t i = 0; i < agenda_.size(); ++i) {
        advance(step, agenda_[i]);
    }
    agenda_.clear();
}

void Supervision::advance(Step& step, ChildIndex supervisor) {
    if (supervisor == no_child || !children_[supervisor].is_supervisor()) {
        return;  // it may have been taken out meanwhile
    }
    switch (team_of(supervisor).state) {
        case TeamState::starting:
        case TeamState::up: advance_group(step, supervisor); break;
        case TeamState::stopping: advance_stop(step, supervisor); break;
        case TeamState::down: break;
    }
}

// ---- small questions --------------------------------------------------------------------------------------------------------

bool Supervision::is_current(ChildIndex child, std::uint32_t generation) const {
    return child != no_child && child < children_.size() && !children_[child].is_supervisor() && children_[child].generation == generation;
}

bool Supervision::has_process(ChildIndex child, std::uint32_t generation) const {
    return is_current(child, generation) && (children_[child].body == Body::spawning || children_[child].body == Body::alive);
}

/// Nothing of it is left that a new incarnation could meet (P-4).
bool Supervision::is_gone(ChildIndex child) const {
    return children_[child].is_supervisor() ? team_of(child).state == TeamState::down : children_[child].body == Body::none;
}

/// An incarnation of it is there whose end is still to come.
bool Supervision::is_under_way(ChildIndex child) const {
    const Body body = children_[child].body;
    return children_[child].is_supervisor() ? !is_gone(child) : body == Body::spawning || body == Body::alive;
}

/// Whether nothing may be started below this supervisor, because it or one above it is going down.
bool Supervision::is_frozen(ChildIndex supervisor) const {
    if (supervisor == no_child) {
        return closing_ != 0;
    }
    if (team_of(supervisor).state == TeamState::down) {
        return true;
    }
    for (ChildIndex i = supervisor; i != no_child; i = children_[i].supervisor) {
        if (team_of(i).state == TeamState::stopping) {
            return true;
        }
    }
    return false;
}

/// Whether its supervisor may start it at all.
bool Supervision::is_wanted(ChildIndex i) const {
    const Child& child = children_[i];
    return child.disabled == 0 && child.removed == 0;
}

void Supervision::set_state(Step& step, Child& child, ChildState state) {
    if (child.state != state) {
        child.since = step.now;
    }
    child.state = state;
}

Record& Supervision::log(Step& step, RecordKind kind, ChildIndex child) {
    const Child& about = children_[child];
    Record& record = step.record(kind, texts_[about.path]);
    record.child = child;
    record.supervisor = about.supervisor;
    record.device = about.device ? about.device : about.last_device;
    return record;
}

Record& Supervision::log_end(Step& step, RecordKind kind, ChildIndex child, const Ending& ending) {
    Record& record = log(step, kind, child);
    record.exit_class = ending.exit_class;
    step.set_fault(record, ending.fault);
    return record;
}

void Supervision::due(Step& step, const Due& due) {
    if (due.kind == DeadlineKind::postponed) {
        postponed_due(step, due.owner);
        return;
    }
    if (due.kind == DeadlineKind::token) {
        bucket_.timer = 0;
        serve_slots(step);
        settle(step);
        return;
    }
    if (due.owner == no_child || due.owner >= children_.size()) {
        return;
    }
    const ChildIndex i = due.owner;
    Child& child = children_[i];
    switch (due.kind) {
        case DeadlineKind::backoff:
            child.backoff_timer = 0;
            try_begin(step, i);
            agenda_.push_back(child.supervisor);
            break;
        case DeadlineKind::settle:
            child.settle_timer = 0;
            settle_over(step, i);
            break;
        case DeadlineKind::start_timeout:
        case DeadlineKind::stop_timeout:
        case DeadlineKind::kill_overdue:
            child.life_timer = 0;
            life_due(step, i, due.kind);
            break;
        case DeadlineKind::ready_delay:
            child.watch_timer = 0;
            ready_after_delay(step, i);
            break;
        case DeadlineKind::watchdog:
            child.watch_timer = 0;
            watch_due(step, i);
            break;
        case DeadlineKind::cooldown:
            child.watch_timer = 0;
            release(step, i, Attempt::restart);
            break;
        case DeadlineKind::handshake:
        case DeadlineKind::resume_grace:
        case DeadlineKind::heartbeat:
        case DeadlineKind::postponed:
        case DeadlineKind::token:
        case DeadlineKind::task_grace: break;
    }
    settle(step);
}

/// The time is over that an incarnation had for its start, for its stop, or for going at all.
void Supervision::life_due(Step& step, ChildIndex i, DeadlineKind kind) {
    Child& child = children_[i];
    if (kind == DeadlineKind::kill_overdue) {
        log(step, RecordKind::child_unkillable, i);
    } else if (kind == DeadlineKind::start_timeout) {
        if (child.is_supervisor()) {
            stop_team(step, i, TeamEnd::start_timeout);
        } else {
            end_process(step, i, StopCause::start_timeout, false);
        }
    } else if (child.is_supervisor()) {
        make_harsh(step, i, 1);
    } else if (child.life.stage == StopStage::patient || child.life.stage == StopStage::hook) {
        send_stop(step, i);
    } else {
        kill(step, i, false);
    }
}

}  // namespace backplane::core
