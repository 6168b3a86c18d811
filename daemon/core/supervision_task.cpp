// SPDX-License-Identifier: Apache-2.0
/// Tasks as children: a client offers a start function under a name, and is asked to start and to end what it runs (S-8..S-10, S-28,
/// decision 13). The Device is the daemon's and speaks through the client's session, as that of a worker does through its socket.
///
///   asked of the client             by                             it answers
///   start it with this Device       `start`, owed to its session   running, completed, ignored, failed; or it ends the Device
///   end it in order                 `shutdown` to the Device       it ends the Device
///   let go of it                    `ended` of the Device          over
///
/// A task has no process, so it cannot be killed: a Device that is ended by the daemon is gone for everybody at once, but its entry is down
/// only when the client confirms, or is gone itself. Whoever does not is reported (`child_unkillable`, P-6), and no second one runs
/// beside it.
#include "daemon/core/exit_verdict.hpp"
#include "daemon/core/supervision.hpp"

#include <algorithm>
#include <utility>

namespace backplane::core {

namespace {
/// P-6, for a client that does not confirm.
constexpr Duration over_patience = Duration::seconds(10);
}  // namespace

TaskSpec Supervision::task(ChildIndex i) const {
    if (i >= children_.size() || children_[i].is_task == 0) {
        return {};
    }
    Expected<TaskSpec> read = decode_task(texts_[children_[i].launch]);
    return read ? std::move(*read) : TaskSpec{};
}

/// Of its process, or of the client that runs it, which may itself be a child.
std::int32_t Supervision::pid_of(const Child& child) const {
    if (child.client == daemon_session) {
        return child.pid;
    }
    const SessionState& client = graph_.session(child.client);
    return client.worker != no_child ? children_[client.worker].pid : client.pid;
}

/// Who offers what starts it: a live Device of that name that a client speaks for. Nobody: zero.
DeviceId Supervision::find_starter(ChildIndex i) const {
    const std::uint32_t entry = graph_.names().find(task(i).starter);
    const Device* device = entry != 0 ? graph_.find(graph_.names()[entry].device) : nullptr;
    const bool offered = device != nullptr && device->state == DeviceState::live && device->owner != daemon_session &&
                         graph_.is_open(device->owner) && graph_.session(device->owner).greeted != 0;
    return offered ? graph_.names()[entry].device : DeviceId{};
}

/// It waits until somebody offers that.
void Supervision::await_starter(ChildIndex i) {
    if (children_[i].awaits_starter == 0) {
        children_[i].awaits_starter = 1;
        starter_waiters_.push_back(i);
    }
}

void Supervision::starter_up(Step& step, std::string_view name) {
    wake_started_by(step, name);
    settle(step);
}

void Supervision::wake_started_by(Step& step, std::string_view name) {
    std::vector<ChildIndex> woken;
    std::erase_if(starter_waiters_, [&](ChildIndex i) {
        const bool waits = children_[i].blocked != 0 && children_[i].is_task != 0;
        const bool meant = waits && task(i).starter == name;
        if (!waits || meant) {
            children_[i].awaits_starter = 0;
        }
        if (meant) {
            woken.push_back(i);
        }
        return !waits || meant;
    });
    for (const ChildIndex i : woken) {
        unblock(step, i);
    }
}

void Supervision::begin_task(Step& step, ChildIndex i) {
    Child& child = children_[i];
    child.starter = find_starter(i);
    child.client = graph_.device(child.starter.slot()).owner;
    child.body = Body::alive;
    child.life.adopted = 1;
    if (child.client >= tasks_.size()) {
        tasks_.resize(child.client + std::size_t{1}, no_child);
    }
    child.next_task = tasks_[child.client];
    if (child.next_task != no_child) {
        children_[child.next_task].previous_task = i;
    }
    tasks_[child.client] = i;
    graph_.set_owner(child.device, child.client);
    graph_.owe_start(step, child.device);
    if (child.readiness != Readiness::notify) {
        child.watch_timer = deadlines_.set(step.now + child.ready_delay, DeadlineKind::ready_delay, i);
    }
    if (child.start_timeout.is_forever()) {
        free_slot(step, i);
    }
}

/// Nobody runs it any more.
void Supervision::leave_client(ChildIndex i) {
    Child& child = children_[i];
    if (child.previous_task != no_child) {
        children_[child.previous_task].next_task = child.next_task;
    } else if (child.client < tasks_.size() && tasks_[child.client] == i) {
        tasks_[child.client] = child.next_task;
    }
    if (child.next_task != no_child) {
        children_[child.next_task].previous_task = child.previous_task;
    }
    child.next_task = child.previous_task = no_child;
    child.client = daemon_session;
}

void Supervision::task_said(Step& step, const Event& event) {
    const ChildIndex i = event.child;
    if (!is_current(i, event.generation) || children_[i].is_task == 0 || children_[i].client != event.session) {
        step.answer(event.session, event.number, ErrorCode::not_found, "task: none that this client was asked to start");
        return;
    }
    const Child& child = children_[i];
    const bool attempt = child.life.ready == 0 && child.life.cause == StopCause::none && child.life.told == 0;
    const auto word = static_cast<TaskWord>(event.mode);
    step.answer(event.session, event.number, ErrorCode::ok);
    if (word == TaskWord::running) {
        if (attempt) {
            started(step, i);
        }
    } else if (word == TaskWord::ignored && attempt) {
        Ending ending;
        ending.completed = ending.ignored = true;
        finish_task(step, i, ending);
    } else {
        FaultRecord fault;
        fault.kind = word == TaskWord::failed ? FaultKind::error : word == TaskWord::over ? FaultKind::drop : FaultKind::none;
        fault.text = event.text.empty() ? TextIndex{0} : texts_.add(event.text);
        if (child.life.told == 0) {
            announce(step, i, fault);
        }
        texts_.release(fault.text);
        end_task(step, i);
    }
    settle(step);
}

/// What was told of its Device says how it ended.
void Supervision::end_task(Step& step, ChildIndex i) {
    const Child& child = children_[i];
    const bool killed = child.life.stage == StopStage::killed;
    const Ending ending = killed ? judge(i, ExitHow::signalled, signal_kill) : judge(i, ExitHow::exited, child.verdict.is_error() ? 1 : 0);
    finish_task(step, i, ending);
}

void Supervision::finish_task(Step& step, ChildIndex i, Ending ending) {
    leave_client(i);
    children_[i].body = Body::none;
    take_end(step, i, ending);
    over(step, i, ending);
    texts_.release(ending.fault.text);
}

/// Its Device goes by the daemon's word, and its client is told to let go of it.
void Supervision::withdraw_task(Step& step, ChildIndex i, const FaultRecord& fault, StopCause cause) {
    Child& child = children_[i];
    child.life.cause = child.life.cause == StopCause::none ? cause : child.life.cause;
    show_stopping(step, child);
    if (child.life.told == 0) {
        keep_fault(child.verdict, fault);
        child.life.told = 1;
        FaultRecord told = fault;
        texts_.share(told.text);
        graph_.withdraw(step, child.device, told);
    }
    child.life.stage = StopStage::killed;
    deadlines_.cancel(child.life_timer);
    child.life_timer = deadlines_.set(step.now + over_patience, DeadlineKind::kill_overdue, i);
    if (closing_ != 0) {
        end_task(step, i);  // nobody is left to wait for the word: the daemon ends, and its client loses the connection
    }
}

/// Its grace is over, or it has none.
void Supervision::kill_task(Step& step, ChildIndex i) {
    const ExitPolicy policy;
    const ExitVerdict verdict = judge_exit(children_[i].life, ExitRules{policy, signal_terminate, false}, ExitHow::signalled, signal_kill);
    FaultRecord fault;
    fault.kind = verdict.kind;
    fault.argument = verdict.argument;
    withdraw_task(step, i, fault, children_[i].life.cause);
}

/// T-13: a daemon that ends starts nothing any more, so it waits for no word either that what is gone is let go of; what is withdrawn from
/// here on is not waited for from the beginning.
void Supervision::end_withdrawn_tasks(Step& step) {
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        if (children_[i].client != daemon_session && children_[i].life.stage == StopStage::killed) {
            end_task(step, i);
        }
    }
}

std::vector<ChildIndex> Supervision::tasks_of(SessionIndex session) const {
    std::vector<ChildIndex> tasks;
    for (ChildIndex i = session < tasks_.size() ? tasks_[session] : no_child; i != no_child; i = children_[i].next_task) {
        tasks.push_back(i);
    }
    return tasks;
}

/// Where the client is a worker of ours, it and its tasks fall for one cause: its own Device. A client from outside has a Device for each
/// of its offers, and the one by which its first task was started stands for all.
DeviceId Supervision::cause_of_end(SessionIndex session, ChildIndex first) const {
    const SessionState& client = graph_.session(session);
    if (!contains(client.worker)) {
        return children_[first].starter;
    }
    const Child& worker = children_[client.worker];
    const bool lives = worker.generation == client.worker_generation && worker.device;
    return lives ? worker.device : worker.last_device;  // its next incarnation may have begun by now
}

/// In the order in which they were started (T-6). It is one cause for them all, whatever each was offered by (S-29).
void Supervision::client_gone(Step& step, SessionIndex session, std::string_view why) {
    const std::vector<ChildIndex> left = tasks_of(session);
    client_left_ = left.empty() ? DeviceId{} : cause_of_end(session, left.back());
    for (auto at = left.rbegin(); at != left.rend(); ++at) {
        graph_.set_owner(children_[*at].device, daemon_session);
        FaultRecord fault;
        fault.kind = FaultKind::drop;
        fault.text = why.empty() ? TextIndex{0} : texts_.add(why);
        if (children_[*at].life.told == 0) {
            announce(step, *at, fault);
        }
        texts_.release(fault.text);
        end_task(step, *at);
    }
    client_left_ = DeviceId{};
    settle(step);
}

/// Each task that a client runs stands once on that client's list, and those lists hold no other and end.
bool Supervision::tasks_hold() const {
    std::size_t running = 0, met = 0;
    for (const Child& child : children_) {
        running += child.client != daemon_session ? 1U : 0U;
    }
    for (SessionIndex s = 0; s < tasks_.size(); ++s) {
        if (tasks_[s] != no_child && !graph_.is_open(s)) {
            return false;
        }
        ChildIndex before = no_child;
        for (ChildIndex i = tasks_[s]; i != no_child; i = children_[i].next_task) {
            if (++met > running || i >= children_.size() || children_[i].client != s || children_[i].previous_task != before ||
                children_[i].is_task == 0 || children_[i].body != Body::alive) {
                return false;
            }
            before = i;
        }
    }
    const auto is_entry = [this](ChildIndex child) {
        return child != no_child && child < children_.size() && children_[child].awaits_starter == 1;
    };
    return met == running && std::all_of(starter_waiters_.begin(), starter_waiters_.end(), is_entry);
}

}  // namespace backplane::core
