// SPDX-License-Identifier: Apache-2.0
/// The operator's verbs, answered by the table of section 8.10 (S-53..S-59, decision 37). Nothing here is counted.
#include "daemon/core/supervision.hpp"

#include <algorithm>
#include <string>

namespace backplane::core {

namespace {

/// Why a start came to nothing, for the one who asked for it.
std::string reason_text(const FaultRecord& record, std::string_view text, Epoch epoch) {
    Fault fault;
    fault.kind = record.kind;
    fault.argument = record.argument;
    fault.cascade = record.cascade;
    fault.text = text;
    return fault_text(fault, epoch);
}

}  // namespace

/// S-57, S-60, X-14: whether an operator may have this child started now.
ErrorCode Supervision::may_start(ChildIndex i) const {
    const ChildIndex supervisor = children_[i].supervisor;
    if (closing_ != 0) {
        return ErrorCode::stopping;
    }
    if (supervisor == no_child) {
        return ErrorCode::ok;
    }
    if (team_of(supervisor).state == TeamState::down) {
        return ErrorCode::no_supervisor;
    }
    if (is_frozen(supervisor)) {
        return ErrorCode::stopping;
    }
    if (is_dynamic(i)) {
        return ErrorCode::not_supported;
    }
    return children_[i].disabled != 0 ? ErrorCode::disabled : ErrorCode::ok;
}

/// An operation of its supervisor is still on its way to it.
bool Supervision::is_ahead(ChildIndex i) const {
    const ChildIndex supervisor = children_[i].supervisor;
    if (supervisor == no_child) {
        return false;
    }
    const Team& team = team_of(supervisor);
    if (team.state == TeamState::starting && !has_groups(supervisor)) {
        return children_[i].reached == 0;
    }
    if (!in_group(i) || team.phase != GroupPhase::starting || team.cursor.at == no_child) {
        return in_group(i) && team.phase == GroupPhase::stopping;
    }
    return children_[i].rank > children_[team.cursor.at].rank || (team.cursor.at == i && team.cursor.begun == 0);
}

void Supervision::command(Step& step, const Event& event) {
    if (!contains(event.child)) {
        step.answer(event.session, event.number, ErrorCode::not_found);
        return;
    }
    Waiter waiter;
    waiter.session = event.session;
    waiter.request = event.number;
    waiter.child = event.child;
    const auto verb = static_cast<Verb>(event.mode);
    const bool wait = (event.flag & command_waits) != 0;
    if ((event.flag & command_again_flag) != 0) {
        command_again(step, verb, waiter, wait);
    } else if (!postpone(step, event, children_[event.child].supervisor)) {
        carry_out(step, verb, waiter, wait);
        settle(step);
    }
}

void Supervision::carry_out(Step& step, Verb verb, const Waiter& waiter, bool wait) {
    const ChildIndex i = waiter.child;
    switch (verb) {
        case Verb::start: command_start(step, waiter, wait, false); return;
        case Verb::start_now: command_start(step, waiter, wait, true); return;
        case Verb::stop: command_stop(step, waiter, wait); return;
        case Verb::restart: command_restart(step, waiter, wait); return;
        case Verb::remove: command_remove(step, waiter); return;
        case Verb::enable: command_enable(step, waiter, wait); return;
        case Verb::disable: command_disable(step, waiter, wait); return;
        case Verb::hold: hold(step, i); break;
        case Verb::release: let_go(step, i); break;
        case Verb::reset: reset(step, i); break;
    }
    step.answer(waiter.session, waiter.request, ErrorCode::ok);
}

/// It was carried out before a crash of the daemon, and its answer got lost: whoever still waits is answered when it is done,
/// and everybody else is told what became of it. Nothing is done a second time.
void Supervision::command_again(Step& step, Verb verb, const Waiter& waiter, bool wait) {
    const auto same = [&](const auto& other) { return other.session == waiter.session && other.request == waiter.request; };
    if (std::any_of(waiters_.begin(), waiters_.end(), same) || std::any_of(postponed_.begin(), postponed_.end(), same)) {
        return;
    }
    const Child& child = children_[waiter.child];
    const bool starts = verb == Verb::start || verb == Verb::start_now || verb == Verb::restart || verb == Verb::enable;
    if (!wait || !starts || child.state == ChildState::running || child.reason == DownReason::completed) {
        answer_well(step, waiter);
    } else if (child.state == ChildState::down || child.state == ChildState::quarantined) {
        const std::string text = reason_text(child.last_fault, texts_[child.last_fault.text], graph_.epoch());
        step.answer(waiter.session, waiter.request, ErrorCode::start_failed, text);
    } else {
        waiters_.push_back(waiter);
    }
}

/// `restart_child` of the table.
void Supervision::command_start(Step& step, const Waiter& waiter, bool wait, bool now) {
    const ChildIndex i = waiter.child;
    Child& child = children_[i];
    ErrorCode refusal = may_start(i);
    switch (refusal == ErrorCode::ok ? child.state : ChildState::down) {
        case ChildState::starting:
        case ChildState::running: refusal = ErrorCode::running; break;
        case ChildState::restarting: refusal = now ? ErrorCode::ok : ErrorCode::restarting; break;
        case ChildState::stopping: refusal = ErrorCode::stopping; break;
        case ChildState::quarantined: refusal = now ? ErrorCode::ok : ErrorCode::quarantined; break;
        case ChildState::disabled:
        case ChildState::down: break;
    }
    if (refusal == ErrorCode::ok && child.state == ChildState::down && child.reason == DownReason::not_reached) {
        ChildIndex first = no_child;
        (void)waits_of(i, first);
        step.answer(waiter.session, waiter.request, ErrorCode::busy, texts_[children_[first].path]);
        return;
    }
    if (refusal != ErrorCode::ok) {
        step.answer(waiter.session, waiter.request, refusal);
        return;
    }
    wait_or_answer(step, waiter, wait);
    if (child.state == ChildState::restarting) {  // `start --now`: nothing of its backoff is left
        deadlines_.cancel(child.backoff_timer);
        child.frozen = Duration{};
        try_begin(step, i);
        agenda_.push_back(child.supervisor);
    } else if (child.state == ChildState::quarantined) {
        release(step, i, Attempt::command);
    } else {
        start_by_command(step, i);
    }
}

/// What is down is started: in its turn where an operation is on its way to it, else now. The group that waited for it goes on (S-53a).
void Supervision::start_by_command(Step& step, ChildIndex i) {
    Child& child = children_[i];
    child.skip = 0;
    const bool parked = i != root_ && team_of(child.supervisor).parked_on == i;
    const Team* const team = parked ? &team_of(child.supervisor) : nullptr;
    if (parked && team->phase == GroupPhase::starting && team->cursor.at != no_child && child.rank <= children_[team->cursor.at].rank) {
        team_of(child.supervisor).parked_on = no_child;
        team_of(child.supervisor).cursor = Cursor{i, 1};
    } else if (is_ahead(i)) {
        unpark(i);
        return;
    }
    want_start(step, i, Attempt::command);
}

/// `terminate_child`: never starts a strategy, cancels a retry, ends an attempt (decision 34).
void Supervision::command_stop(Step& step, const Waiter& waiter, bool wait) {
    const ChildIndex i = waiter.child;
    Child& child = children_[i];
    Waiter waiting = waiter;
    waiting.wants_down = 1;
    if (child.state == ChildState::down) {
        child.skip = is_ahead(i) || in_group(i) ? 1 : 0;
        child.reason = child.reason == DownReason::not_reached ? DownReason::terminated : child.reason;
        answer_waiters(step, i, false, ErrorCode::stopping);  // whoever wanted it started in its turn
        agenda_.push_back(child.supervisor);
        step.answer(waiter.session, waiter.request, ErrorCode::ok);
        return;
    }
    child.then_start = 0;
    child.remove = child.restart == RestartType::temporary && child.retain == 0 ? 1 : 0;
    wait_or_answer(step, waiting, wait);  // accepted before it is carried out (S-59)
    stop_by_command(step, i);
}

/// Where its group waits for it, the group stays where it is until it is started again (S-53a); one that was still to come goes
/// without it.
void Supervision::stop_by_command(Step& step, ChildIndex i) {
    Child& child = children_[i];
    const bool grouped = i != root_ && in_group(i);
    const bool pends = child.state == ChildState::restarting || child.state == ChildState::starting;
    const bool waited_for = grouped && team_of(child.supervisor).state == TeamState::up && pends && child.regroup == 0;
    child.skip = grouped || is_ahead(i) ? 1 : 0;
    if (waited_for && child.remove == 0) {
        park(step, i);
    }
    stop_child(step, i);
}

/// Stop, then start, as one operation; what is down is started.
void Supervision::command_restart(Step& step, const Waiter& waiter, bool wait) {
    const ChildIndex i = waiter.child;
    if (const ErrorCode refusal = may_start(i); refusal != ErrorCode::ok) {
        step.answer(waiter.session, waiter.request, refusal);
        return;
    }
    Child& child = children_[i];
    wait_or_answer(step, waiter, wait);
    if (child.state == ChildState::down) {
        start_by_command(step, i);
    } else if (child.state == ChildState::quarantined) {
        release(step, i, Attempt::command);
    } else {
        child.then_start = 1;
        child.remove = 0;
        stop_child(step, i);
    }
}

/// `delete_child`: what is down goes.
void Supervision::command_remove(Step& step, const Waiter& waiter) {
    const ChildIndex i = waiter.child;
    ErrorCode refusal = i == root_ ? ErrorCode::not_supported : ErrorCode::ok;
    if (i != root_ && is_dynamic(i)) {
        refusal = ErrorCode::not_supported;  // S-60
    }
    switch (children_[i].state) {
        case ChildState::starting:
        case ChildState::running: refusal = refusal == ErrorCode::ok ? ErrorCode::running : refusal; break;
        case ChildState::restarting: refusal = refusal == ErrorCode::ok ? ErrorCode::restarting : refusal; break;
        case ChildState::stopping: refusal = refusal == ErrorCode::ok ? ErrorCode::stopping : refusal; break;
        case ChildState::quarantined:  // something of it may still live (P-4)
            refusal = refusal == ErrorCode::ok && !is_gone(i) ? ErrorCode::stopping : refusal;
            break;
        case ChildState::disabled:
        case ChildState::down: break;
    }
    step.answer(waiter.session, waiter.request, refusal);
    if (refusal == ErrorCode::ok) {
        deadlines_.cancel(children_[i].watch_timer);
        set_state(step, children_[i], ChildState::down);
        remove_child(step, i);
    }
}

/// the stop that lasts.
void Supervision::command_disable(Step& step, const Waiter& waiter, bool wait) {
    const ChildIndex i = waiter.child;
    if (i == root_ || is_dynamic(i)) {
        step.answer(waiter.session, waiter.request, ErrorCode::not_supported);
        return;
    }
    Child& child = children_[i];
    child.disabled = 1;
    Waiter waiting = waiter;
    waiting.wants_down = 1;
    if (child.state == ChildState::down) {
        answer_waiters(step, i, false, ErrorCode::stopping);
        agenda_.push_back(child.supervisor);
        step.answer(waiter.session, waiter.request, ErrorCode::ok);
        unpark(i);
        return;
    }
    child.then_start = 0;
    wait_or_answer(step, waiting, wait);
    stop_child(step, i);
    unpark(i);  // its group goes on without it
}

/// It may run again, and does.
void Supervision::command_enable(Step& step, const Waiter& waiter, bool wait) {
    Child& child = children_[waiter.child];
    const bool was = child.disabled != 0;
    child.disabled = 0;
    if (!was || child.state != ChildState::down || may_start(waiter.child) != ErrorCode::ok) {
        step.answer(waiter.session, waiter.request, ErrorCode::ok);
        return;
    }
    wait_or_answer(step, waiter, wait);
    start_by_command(step, waiter.child);
}

void Supervision::wait_or_answer(Step& step, const Waiter& waiter, bool wait) {
    if (!wait) {
        step.answer(waiter.session, waiter.request, ErrorCode::ok);
    } else if (waiter.session != daemon_session) {
        waiters_.push_back(waiter);
    }
}

/// It was done. Whoever had the entry made is told its path and its Device.
void Supervision::answer_well(Step& step, const Waiter& waiter) {
    const Child& child = children_[waiter.child];
    const bool tells = waiter.added != 0;
    step.answer(waiter.session, waiter.request, ErrorCode::ok, tells ? texts_[child.path] : std::string_view{},
                tells ? child.device : DeviceId{});
}

/// Answers those who wait for this child's end, or for its start, in the order in which they asked.
void Supervision::answer_waiters(Step& step, ChildIndex i, bool wants_down, ErrorCode code) {
    if (waiters_.empty()) {
        return;
    }
    std::string failure;
    if (code == ErrorCode::start_failed) {
        failure = reason_text(children_[i].last_fault, texts_[children_[i].last_fault.text], graph_.epoch());
    }
    std::size_t kept = 0;
    for (const Waiter& waiter : waiters_) {
        if (waiter.child == i && (waiter.wants_down != 0) == wants_down) {
            code == ErrorCode::ok ? answer_well(step, waiter) : step.answer(waiter.session, waiter.request, code, failure);
        } else {
            waiters_[kept++] = waiter;
        }
    }
    waiters_.resize(kept);
}

void Supervision::forget_session(SessionIndex session) {
    std::erase_if(waiters_, [session](const Waiter& waiter) { return waiter.session == session; });
    std::erase_if(postponed_, [&](Postponed& waiting) {
        if (waiting.session != session) {
            return false;
        }
        texts_.release(waiting.text);
        deadlines_.cancel(waiting.deadline);
        return true;
    });
}

}  // namespace backplane::core
