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

/// S-57, S-58: whether an operator may have this child started now.
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
    return is_ahead(i) && children_[i].skip == 0 ? ErrorCode::busy : ErrorCode::ok;
}

/// Its supervisor's own start is still on its way to it.
bool Supervision::is_ahead(ChildIndex i) const {
    const ChildIndex supervisor = children_[i].supervisor;
    return supervisor != no_child && team_of(supervisor).state == TeamState::starting && children_[i].reached == 0;
}

void Supervision::command(Step& step, const Event& event) {
    const ChildIndex i = event.child;
    if (!contains(i)) {
        step.answer(event.session, event.number, ErrorCode::not_found);
        return;
    }
    Waiter waiter;
    waiter.session = event.session;
    waiter.request = event.number;
    waiter.child = i;
    const auto verb = static_cast<Verb>(event.mode);
    const bool wait = (event.flag & command_waits) != 0;
    if ((event.flag & command_again_flag) != 0) {
        command_again(step, verb, waiter, wait);
        return;
    }
    switch (verb) {
        case Verb::start: command_start(step, i, waiter, wait); break;
        case Verb::stop: command_stop(step, i, waiter, wait); break;
        case Verb::restart: command_restart(step, i, waiter, wait); break;
    }
    settle(step);
}

/// It was carried out before a crash of the daemon, and its answer got lost: whoever still waits is answered when it is done,
/// and everybody else is told what became of it. Nothing is done a second time.
void Supervision::command_again(Step& step, Verb verb, const Waiter& waiter, bool wait) {
    const auto same = [&](const Waiter& other) { return other.session == waiter.session && other.request == waiter.request; };
    if (std::any_of(waiters_.begin(), waiters_.end(), same)) {
        return;
    }
    const Child& child = children_[waiter.child];
    if (!wait || verb == Verb::stop || child.state == ChildState::running) {
        step.answer(waiter.session, waiter.request, ErrorCode::ok);
    } else if (child.state == ChildState::down) {
        const std::string text = reason_text(child.last_fault, texts_[child.last_fault.text], graph_.epoch());
        step.answer(waiter.session, waiter.request, ErrorCode::start_failed, text);
    } else {
        waiters_.push_back(waiter);
    }
}

/// `restart_child` of the table.
void Supervision::command_start(Step& step, ChildIndex i, const Waiter& waiter, bool wait) {
    ErrorCode refusal = may_start(i);
    switch (children_[i].state) {
        case ChildState::starting:
        case ChildState::running: refusal = ErrorCode::running; break;
        case ChildState::restarting: refusal = ErrorCode::restarting; break;
        case ChildState::stopping: refusal = ErrorCode::stopping; break;
        case ChildState::down: break;
    }
    if (refusal != ErrorCode::ok) {
        step.answer(waiter.session, waiter.request, refusal);
        return;
    }
    begin_start(step, i, Attempt::command);
    wait_or_answer(step, waiter, wait);
}

/// `terminate_child`: never starts a strategy, cancels a retry, ends an attempt (decision 34).
void Supervision::command_stop(Step& step, ChildIndex i, const Waiter& waiter, bool wait) {
    Child& child = children_[i];
    if (child.state == ChildState::down) {
        child.skip = is_ahead(i) ? 1 : 0;
        step.answer(waiter.session, waiter.request, ErrorCode::ok);
        return;
    }
    Waiter waiting = waiter;
    waiting.wants_down = 1;
    child.then_start = 0;
    child.remove = child.restart == RestartType::temporary ? 1 : 0;
    wait_or_answer(step, waiting, wait);  // accepted before it is carried out (S-59)
    stop_child(step, i);
}

/// Stop, then start, as one operation; what is down is started.
void Supervision::command_restart(Step& step, ChildIndex i, const Waiter& waiter, bool wait) {
    if (const ErrorCode refusal = may_start(i); refusal != ErrorCode::ok) {
        step.answer(waiter.session, waiter.request, refusal);
        return;
    }
    Child& child = children_[i];
    wait_or_answer(step, waiter, wait);
    if (child.state == ChildState::down) {
        begin_start(step, i, Attempt::command);
        return;
    }
    child.then_start = 1;
    child.remove = 0;
    stop_child(step, i);
}

void Supervision::wait_or_answer(Step& step, const Waiter& waiter, bool wait) {
    if (!wait) {
        step.answer(waiter.session, waiter.request, ErrorCode::ok);
    } else if (waiter.session != daemon_session) {
        waiters_.push_back(waiter);
    }
}

/// Answers those who wait for this child's end, or for its start, in the order in which they asked.
void Supervision::answer_waiters(Step& step, ChildIndex i, bool wants_down, ErrorCode code) {
    if (waiters_.empty()) {
        return;
    }
    std::string text;
    if (code == ErrorCode::start_failed) {
        text = reason_text(children_[i].last_fault, texts_[children_[i].last_fault.text], graph_.epoch());
    }
    std::size_t kept = 0;
    for (const Waiter& waiter : waiters_) {
        if (waiter.child == i && (waiter.wants_down != 0) == wants_down) {
            step.answer(waiter.session, waiter.request, code, text);
        } else {
            waiters_[kept++] = waiter;
        }
    }
    waiters_.resize(kept);
}

void Supervision::forget_session(SessionIndex session) {
    std::erase_if(waiters_, [session](const Waiter& waiter) { return waiter.session == session; });
}

}  // namespace backplane::core
