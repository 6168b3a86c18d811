// SPDX-License-Identifier: Apache-2.0
/// What a start that is wanted waits for: what it requires, a hold, a slot.
///
///   waits      noted as            ends by
///   backoff    `backoff_timer`     the timer, `start --now`, `reset`
///   draining   `body`              nothing of the old group is left (P-4)
///   held       `held`              release
///   blocked    `blocked`           the last of what it requires is up; a backoff stands still meanwhile
///   starter    `blocked`           a client offers what starts the task; nothing is counted, as with `blocked`
///   slot       `queued`            a slot is free, and a restart has its token: in the order in which they came
///   group      the group's cursor  its turn
#include "daemon/core/supervision.hpp"

namespace backplane::core {

std::string_view waits_name(Waits waits) {
    switch (waits) {
        case Waits::nothing: return "";
        case Waits::backoff: return "backoff";
        case Waits::draining: return "draining";
        case Waits::blocked: return "blocked";
        case Waits::held: return "held";
        case Waits::slot: return "slot";
        case Waits::group: return "group";
        case Waits::starter: return "starter";
    }
    return "unknown";
}

/// Whether those that require it may start: it runs, or has done its work.
bool Supervision::is_up(ChildIndex i) const {
    const Child& child = children_[i];
    const bool done = child.state == ChildState::down && child.reason == DownReason::completed;
    return child.removed == 0 && (child.state == ChildState::running || done);
}

/// The first of what it requires that is not up; `no_child` where nothing is missing. What was removed is not waited for.
ChildIndex Supervision::missing(ChildIndex i) const {
    for (std::uint32_t o = children_[i].orders_from; o != 0; o = orders_[o].next_from) {
        if (orders_[o].need != 0 && children_[orders_[o].to].removed == 0 && !is_up(orders_[o].to)) {
            return orders_[o].to;
        }
    }
    return no_child;
}

bool Supervision::pass_gate(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.held != 0 && child.attempt == Attempt::restart) {
        return false;
    }
    if (const ChildIndex on = missing(i); on != no_child) {
        block(step, i, on);
        return false;
    }
    if (child.is_task != 0 && !find_starter(i)) {
        block(step, i, no_child);
        return false;
    }
    child.blocked = 0;
    return child.is_supervisor() || take_slot(step, i);
}

/// Nothing is counted, and its backoff stands still.
void Supervision::block(Step& step, ChildIndex i, ChildIndex on) {
    Child& child = children_[i];
    if (child.backoff_timer != 0) {
        child.frozen = deadlines_.at(child.backoff_timer) - step.now;
        deadlines_.cancel(child.backoff_timer);
    }
    if (child.blocked == 0) {
        child.blocked = 1;
        Record& record = log(step, RecordKind::child_blocked, i);
        record.supervisor = on;
    }
    if (on == no_child) {
        await_starter(i);
    }
}

/// It came up, or went for good: whoever was blocked by it looks again.
void Supervision::wake_dependants(Step& step, ChildIndex i) {
    std::vector<ChildIndex> blocked;
    for (std::uint32_t o = children_[i].orders_to; o != 0; o = orders_[o].next_to) {
        if (orders_[o].need != 0 && children_[orders_[o].from].blocked != 0 && missing(orders_[o].from) == no_child) {
            blocked.push_back(orders_[o].from);
        }
    }
    // Lists begin with the youngest; elders come first.
    for (auto at = blocked.rbegin(); at != blocked.rend(); ++at) {
        unblock(step, *at);
    }
}

/// It looks again; its backoff goes on.
void Supervision::unblock(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.blocked == 0) {
        return;
    }
    child.blocked = 0;
    if (child.frozen.ns > 0) {
        child.backoff_timer = deadlines_.set(step.now + child.frozen, DeadlineKind::backoff, i);
        child.frozen = Duration{};
    }
    try_begin(step, i);
    agenda_.push_back(child.supervisor);
}

/// It is down for the restart of a group that brings it back before this one. The group waits for the delays of its members, so these
/// must not wait for one of the group.
bool Supervision::comes_with_group(ChildIndex on, ChildIndex i) const {
    while (on != no_child && children_[on].supervisor != children_[i].supervisor) {
        on = children_[on].supervisor;
    }
    return on != no_child && in_group(on) && in_group(i);
}

/// It went down: the delays of those that require it stand still from here.
void Supervision::freeze_dependants(Step& step, ChildIndex i) {
    for (std::uint32_t o = children_[i].orders_to; o != 0; o = orders_[o].next_to) {
        if (orders_[o].need != 0 && children_[orders_[o].from].backoff_timer != 0 && !comes_with_group(i, orders_[o].from)) {
            block(step, orders_[o].from, i);
        }
    }
}

// ---- slots ------------------------------------------------------------------------------------------------------------------

/// Takes one of the slots, and a token where it needs one, or a place in the queue for them.
bool Supervision::take_slot(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (slots_used_ >= starts_at_once_ || !has_token(step, child)) {
        if (child.queued == 0) {
            child.queued = 1;
            slot_queue_.push_back(i);
        }
        return false;
    }
    child.slot = 1;
    ++slots_used_;
    bucket_.used += needs_token(child) ? 1U : 0U;
    return true;
}

/// A first start and one by command need none, so that a storm of restarts keeps nobody from being started otherwise.
bool Supervision::needs_token(const Child& child) const { return team_of(root_).restart_burst != 0 && child.attempt == Attempt::restart; }

/// Where there is none, the queue is served again when the next one has come back.
bool Supervision::has_token(Step& step, const Child& child) {
    if (!needs_token(child)) {
        return true;
    }
    const Team& root = team_of(root_);
    const std::int64_t came_back = (step.now - bucket_.at).ns / root.restart_every.ns;
    bucket_.used = came_back < bucket_.used ? bucket_.used - static_cast<std::uint32_t>(came_back) : 0;
    bucket_.at = bucket_.used == 0 ? step.now : bucket_.at + Duration{came_back * root.restart_every.ns};
    const bool has = bucket_.used < root.restart_burst;
    if (!has && bucket_.timer == 0) {
        bucket_.timer = deadlines_.set(bucket_.at + root.restart_every, DeadlineKind::token, 0);
    }
    return has;
}

/// Its start is over, in whatever way.
void Supervision::free_slot(Step& step, ChildIndex i) {
    if (children_[i].slot == 0) {
        return;
    }
    children_[i].slot = 0;
    --slots_used_;
    serve_slots(step);
}

void Supervision::serve_slots(Step& step) {
    while (slots_used_ < starts_at_once_ && slot_first_ < slot_queue_.size()) {
        const ChildIndex next = slot_queue_[slot_first_];
        if (children_[next].queued != 0 && !has_token(step, children_[next])) {
            break;
        }
        ++slot_first_;
        if (children_[next].queued != 0) {
            children_[next].queued = 0;
            try_begin(step, next);
        }
    }
    if (slot_first_ == slot_queue_.size()) {
        slot_queue_.clear();
        slot_first_ = 0;
    } else if (slot_first_ >= 1024 && slot_first_ * 2 >= slot_queue_.size()) {
        slot_queue_.erase(slot_queue_.begin(), slot_queue_.begin() + static_cast<std::ptrdiff_t>(slot_first_));
        slot_first_ = 0;
    }
}

// ---- what a reader is told -----------------------------------------------------------------------------------------------------

/// `whom`: what it requires and is not up, or the member that its group is parked on or about.
Waits Supervision::waits_of(ChildIndex i, ChildIndex& whom) const {
    const Child& child = children_[i];
    const bool wanted = child.state == ChildState::restarting || child.state == ChildState::starting;
    const Team* const above = child.supervisor != no_child ? &team_of(child.supervisor) : nullptr;
    if (child.state == ChildState::down && child.reason == DownReason::not_reached) {
        whom = above->parked_on != no_child ? above->parked_on : above->cursor.at;
        return Waits::group;
    }
    if (!wanted || child.body == Body::spawning || child.body == Body::alive || (child.is_supervisor() && !is_gone(i))) {
        return Waits::nothing;
    }
    if (child.blocked != 0) {
        whom = missing(i);
        return whom == no_child && child.is_task != 0 && !find_starter(i) ? Waits::starter : Waits::blocked;
    }
    if (child.held != 0 && (child.pending == 0 || child.attempt == Attempt::restart)) {
        return Waits::held;
    }
    if (child.backoff_timer != 0) {
        return Waits::backoff;
    }
    if (!is_gone(i)) {
        return Waits::draining;
    }
    if (child.queued != 0) {
        return Waits::slot;
    }
    whom = above != nullptr && above->cursor.at != i ? above->cursor.at : no_child;
    return Waits::group;
}

}  // namespace backplane::core
