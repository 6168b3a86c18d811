// SPDX-License-Identifier: Apache-2.0
/// The supervision's part of the image. A reader trusts no index and no enumerator.
#include "daemon/core/supervision.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace backplane::core {

namespace {

template <class E>
bool within(E value, E last) {
    return static_cast<std::uint8_t>(value) <= static_cast<std::uint8_t>(last);
}

bool is_sound_real(std::uint64_t bits, double low, double high) {
    const auto value = std::bit_cast<double>(bits);
    return std::isfinite(value) && value >= low && value <= high;
}

constexpr double factor_max = 1e6;

}  // namespace

void Supervision::save(ImageWriter& image) const {
    image.array(children_);
    image.array(teams_);
    image.array(orders_);
    image.array(waiters_);
    image.array(postponed_);
    image.array(slot_queue_.data() + slot_first_, slot_queue_.size() - slot_first_);
    image.array(free_limits_);
    image.array(tasks_);
    image.array(starter_waiters_);
    image.array(histories_);
    image.array(free_histories_);
    image.value(static_cast<std::uint64_t>(limits_.size()));
    for (std::size_t i = 1; i < windows_.size(); ++i) {
        windows_[i].save(image);
    }
    for (std::size_t i = 1; i < limits_.size(); ++i) {
        limits_[i].save(image);
    }
    image.value(random_);
    image.value(bucket_);
    for (const std::uint32_t value : {root_, urgency_, closing_, wants_exit_, free_child_, free_team_, free_order_, next_postponed_}) {
        image.value(value);
    }
}

bool Supervision::load(ImageReader& image) {
    std::uint64_t limits = 0;
    const bool arrays = image.array(children_) && image.array(teams_) && image.array(orders_) && image.array(waiters_) &&
                        image.array(postponed_) && image.array(slot_queue_) && image.array(free_limits_) && image.array(tasks_) &&
                        image.array(starter_waiters_) && image.array(histories_) && image.array(free_histories_) && image.value(limits);
    if (!arrays || children_.empty() || teams_.empty() || orders_.empty() || histories_.empty() || limits == 0 || limits > image.left()) {
        return image.fail();
    }
    children_[0] = Child{};  // nobody's, whatever the bytes say
    teams_[0] = Team{};
    orders_[0] = Order{};
    windows_.assign(teams_.size(), RestartWindow{});
    limits_.assign(static_cast<std::size_t>(limits), RestartWindow{});
    for (std::vector<RestartWindow>* windows : {&windows_, &limits_}) {
        for (std::size_t i = 1; i < windows->size(); ++i) {
            if (!(*windows)[i].load(image)) {
                return false;
            }
        }
    }
    if (!image.value(random_) || !image.value(bucket_) || bucket_.at.ns < 0) {
        return false;
    }
    for (std::uint32_t* value : {&root_, &urgency_, &closing_, &wants_exit_, &free_child_, &free_team_, &free_order_, &next_postponed_}) {
        if (!image.value(*value)) {
            return false;
        }
    }
    if (!numbers_hold() || !orders_hold() || !tree_holds() || !free_lists_hold() || !tasks_hold()) {
        return image.fail();
    }
    derive();
    return true;
}

/// What is not saved because it follows from the rest.
void Supervision::derive() {
    agenda_.clear();
    slot_first_ = 0;
    slots_used_ = 0;
    for (const Child& child : children_) {
        slots_used_ += child.slot;
    }
}

bool Supervision::child_holds(const Child& child) const {
    const std::size_t children = children_.size();
    const bool indexes = child.supervisor < children && child.first < children && child.last < children && child.next < children &&
                         child.previous < children && child.team < teams_.size() && child.orders_from < orders_.size() &&
                         child.orders_to < orders_.size() && child.limit < limits_.size() && child.next_task < children &&
                         child.previous_task < children;
    const bool texts = texts_.contains(child.name) && texts_.contains(child.path) && texts_.contains(child.launch) &&
                       texts_.contains(child.exits) && texts_.contains(child.verdict.text) && texts_.contains(child.last_fault.text);
    const bool spec = within(child.restart, RestartType::temporary) && within(child.shutdown_kind, ShutdownKind::no_wait) &&
                      within(child.readiness, Readiness::delay) && within(child.on_limit, OnLimit::stop_child) &&
                      within(child.kill_mode, KillMode::leader) && child.stop_signal >= 1 && child.stop_signal <= 64;
    const bool kinds = within(child.state, ChildState::quarantined) && within(child.reason, DownReason::ignored) &&
                       within(child.body, Body::draining) && within(child.attempt, Attempt::command) &&
                       within(child.last_class, ExitClass::abnormal) && within(child.life.cause, StopCause::watchdog) &&
                       within(child.life.stage, StopStage::killed) && within(child.verdict.kind, FaultKind::unreachable) &&
                       within(child.last_fault.kind, FaultKind::unreachable);
    const bool flags = (child.slot | child.pending | child.blocked | child.queued | child.held | child.disabled | child.added |
                        child.is_task | child.awaits_starter) <= 1;
    bool lengths = child.ready_at.ns >= 0 && child.since.ns >= 0 && child.alive_until.ns >= 0 && child.began.ns >= 0;
    for (const Duration length :
         {child.shutdown, child.start_timeout, child.ready_delay, child.watchdog, child.kill_after, child.cooldown, child.limit_period,
          child.backoff_initial, child.backoff_max, child.reset_after, child.frozen, child.drain}) {
        lengths = lengths && length.ns >= 0;
    }
    const bool reals = is_sound_real(child.backoff_factor, 1.0, factor_max) && is_sound_real(child.backoff_jitter, 0.0, 1.0);
    const bool body = !child.is_supervisor() || child.body == Body::none;
    const bool limit = (child.limit == 0 || child.limit_period.ns > 0) && (child.state != ChildState::quarantined || child.limit != 0);
    return indexes && texts && spec && kinds && flags && lengths && reals && body && limit;
}

bool Supervision::team_holds(std::size_t i) const {
    const Team& team = teams_[i];
    if (team.free != 0) {
        return team.child < teams_.size();
    }
    const auto is_member = [&](ChildIndex child) {
        return child == no_child || (child < children_.size() && children_[child].supervisor == team.child);
    };
    const bool indexes = team.child < children_.size() && children_[team.child].team == i && is_member(team.cursor.at) &&
                         is_member(team.from) && is_member(team.parked_on) && is_member(team.offender) &&
                         texts_.contains(team.template_child);
    const bool kinds = within(team.strategy, Strategy::dynamic) && within(team.on_give_up, OnGiveUp::crash) &&
                       within(team.auto_shutdown, AutoShutdown::all_significant) && within(team.on_start_failure, OnStartFailure::stop) &&
                       within(team.on_root_give_up, OnRootGiveUp::exit) && within(team.start_order, StartOrder::parallel) &&
                       within(team.state, TeamState::stopping) && within(team.end, TeamEnd::auto_shutdown) &&
                       within(team.phase, GroupPhase::starting);
    return indexes && kinds && team.period.ns > 0 && team.restart_every.ns > 0;
}

bool Supervision::numbers_hold() const {
    for (std::size_t i = 1; i < children_.size(); ++i) {
        if (!(children_[i].free != 0 ? children_[i].next < children_.size() && children_[i].team == 0 : child_holds(children_[i]))) {
            return false;
        }
    }
    for (std::size_t i = 1; i < teams_.size(); ++i) {
        if (!team_holds(i)) {
            return false;
        }
    }
    const auto is_entry = [this](ChildIndex child) { return child != no_child && child < children_.size() && children_[child].free == 0; };
    for (const Waiter& waiter : waiters_) {
        if (!is_entry(waiter.child)) {
            return false;
        }
    }
    for (const Postponed& waiting : postponed_) {
        const bool known = waiting.kind == static_cast<std::uint8_t>(EventKind::command) ||
                           waiting.kind == static_cast<std::uint8_t>(EventKind::add_child);
        if (!known || !is_entry(waiting.child) || !is_entry(waiting.supervisor) || !children_[waiting.supervisor].is_supervisor() ||
            waiting.mode > static_cast<std::uint8_t>(verb_last) || !texts_.contains(waiting.text)) {
            return false;
        }
    }
    for (const ChildIndex child : slot_queue_) {
        if (child >= children_.size()) {
            return false;
        }
    }
    return urgency_ <= 2 && closing_ <= 1 && wants_exit_ <= 1;
}

/// Each order that is in use stands once on the lists of both its ends, and those lists hold no other and end.
bool Supervision::orders_hold() const {
    std::size_t used = 0;
    for (std::size_t i = 1; i < orders_.size(); ++i) {
        const Order& order = orders_[i];
        const bool free = order.from == no_child && order.to == no_child;
        const bool ends = order.from != no_child && order.from < children_.size() && order.to != no_child && order.to < children_.size();
        if ((!free && !ends) || order.next_from >= orders_.size() || order.next_to >= orders_.size() ||
            !within(order.mode, LinkMode::peer)) {
            return false;
        }
        used += free ? 0U : 1U;
    }
    std::size_t from = 0, to = 0;
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        for (std::uint32_t o = children_[i].orders_from; o != 0 && from <= used; o = orders_[o].next_from, ++from) {
            if (orders_[o].from != i) {
                return false;
            }
        }
        for (std::uint32_t o = children_[i].orders_to; o != 0 && to <= used; o = orders_[o].next_to, ++to) {
            if (orders_[o].to != i) {
                return false;
            }
        }
    }
    return from == used && to == used;
}

/// The lists of free places end, and hold what is free and nothing else.
bool Supervision::free_lists_hold() const {
    std::size_t free = 0, steps = 0;
    for (const Child& child : children_) {
        free += child.free;
    }
    for (ChildIndex i = free_child_; i != no_child && steps <= free; i = children_[i].next, ++steps) {
        if (i >= children_.size() || children_[i].free == 0) {
            return false;
        }
    }
    bool holds = steps == free;
    free = steps = 0;
    for (const Team& team : teams_) {
        free += team.free;
    }
    for (std::uint32_t i = free_team_; i != 0 && steps <= free; i = teams_[i].child, ++steps) {
        if (i >= teams_.size() || teams_[i].free == 0) {
            return false;
        }
    }
    holds = holds && steps == free;
    free = steps = 0;
    for (std::size_t i = 1; i < orders_.size(); ++i) {
        free += orders_[i].from == no_child ? 1U : 0U;
    }
    for (std::uint32_t i = free_order_; i != 0 && steps <= free; i = orders_[i].next_from, ++steps) {
        if (i >= orders_.size() || orders_[i].from != no_child) {
            return false;
        }
    }
    return holds && steps == free && limits_hold() && histories_hold();
}

/// No restart window is two children's, or one's and free.
bool Supervision::limits_hold() const {
    std::vector<bool> taken(limits_.size());
    const auto take = [&](std::uint32_t limit) {
        if (limit == 0 || limit >= limits_.size() || taken[limit]) {
            return false;
        }
        taken[limit] = true;
        return true;
    };
    for (const Child& child : children_) {
        if (child.limit != 0 && !take(child.limit)) {
            return false;
        }
    }
    return std::all_of(free_limits_.begin(), free_limits_.end(), take);
}

/// Every entry hangs in the tree once: rows are linked both ways, each knows its supervisor, and walking meets all.
bool Supervision::tree_holds() const {
    std::size_t used = 0;
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        used += children_[i].free == 0 ? 1U : 0U;
    }
    if (root_ == no_child) {
        return used == 0;
    }
    if (root_ >= children_.size() || !children_[root_].is_supervisor() || children_[root_].supervisor != no_child) {
        return false;
    }
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        if (children_[i].free == 0 && !row_holds(i)) {
            return false;
        }
    }
    std::size_t met = 0;
    ChildIndex i = root_;
    while (i != no_child && met < used) {
        ++met;
        ChildIndex following = children_[i].first;
        for (ChildIndex up = i; following == no_child && up != no_child; up = children_[up].supervisor) {
            following = children_[up].next;
        }
        i = following;
    }
    return met == used && i == no_child;
}

bool Supervision::row_holds(ChildIndex i) const {
    const Child& child = children_[i];
    const bool next =
        child.next == no_child || (children_[child.next].previous == i && children_[child.next].supervisor == child.supervisor &&
                                   children_[child.next].rank > child.rank);
    const bool first = child.first == no_child || (children_[child.first].previous == no_child && children_[child.first].supervisor == i);
    const bool last = child.last == no_child || (children_[child.last].next == no_child && children_[child.last].supervisor == i);
    const bool owned = i == root_ || (child.supervisor != no_child && children_[child.supervisor].is_supervisor() &&
                                      child.depth == children_[child.supervisor].depth + 1);
    const bool team = child.team == 0 ? child.first == no_child : teams_[child.team].child == i;
    return next && first && last && owned && team && child.depth <= depth_max;
}

}  // namespace backplane::core
