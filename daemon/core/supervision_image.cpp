// SPDX-License-Identifier: Apache-2.0
/// The supervision's part of the image. A reader trusts no index and no enumerator.
#include "daemon/core/supervision.hpp"

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

/// How deep a configuration may nest, the root and a leaf included.
constexpr std::uint32_t depth_max = 66;
constexpr double factor_max = 1e6;

}  // namespace

void Supervision::save(ImageWriter& image) const {
    image.array(children_);
    image.array(teams_);
    image.array(orders_);
    image.array(waiters_);
    for (std::size_t i = 1; i < windows_.size(); ++i) {
        windows_[i].save(image);
    }
    image.value(random_);
    image.value(root_);
    image.value(urgency_);
    image.value(closing_);
    image.value(std::uint32_t{0});
}

bool Supervision::load(ImageReader& image) {
    if (!image.array(children_) || !image.array(teams_) || !image.array(orders_) || !image.array(waiters_)) {
        return false;
    }
    if (children_.empty() || teams_.empty() || orders_.empty()) {
        return image.fail();
    }
    children_[0] = Child{};  // nobody's, whatever the bytes say
    teams_[0] = Team{};
    orders_[0] = Order{};
    windows_.assign(teams_.size(), RestartWindow{});
    for (std::size_t i = 1; i < windows_.size(); ++i) {
        if (!windows_[i].load(image)) {
            return false;
        }
    }
    std::uint32_t reserved = 0;
    if (!image.value(random_) || !image.value(root_) || !image.value(urgency_) || !image.value(closing_) || !image.value(reserved)) {
        return false;
    }
    if (!numbers_hold() || !tree_holds()) {
        return image.fail();
    }
    agenda_.clear();
    build_index();
    return true;
}

bool Supervision::child_holds(const Child& child) const {
    const std::size_t children = children_.size();
    const bool indexes = child.supervisor < children && child.first < children && child.last < children && child.next < children &&
                         child.previous < children && child.team < teams_.size() && child.orders_from < orders_.size() &&
                         child.orders_to < orders_.size();
    const bool texts = texts_.contains(child.name) && texts_.contains(child.path) && texts_.contains(child.launch) &&
                       texts_.contains(child.verdict.text) && texts_.contains(child.last_fault.text);
    const bool kinds = within(child.restart, RestartType::temporary) && within(child.shutdown_kind, ShutdownKind::brutal_kill) &&
                       within(child.readiness, Readiness::notify) && within(child.state, ChildState::restarting) &&
                       within(child.body, Body::draining) && within(child.attempt, Attempt::command) &&
                       within(child.last_class, ExitClass::abnormal) && within(child.life.cause, StopCause::dropped) &&
                       within(child.life.stage, StopStage::killed) && within(child.verdict.kind, FaultKind::unreachable) &&
                       within(child.last_fault.kind, FaultKind::unreachable);
    const bool lengths = child.shutdown.ns >= 0 && child.start_timeout.ns >= 0 && child.backoff_initial.ns >= 0 &&
                         child.backoff_max.ns >= 0 && child.reset_after.ns >= 0 && child.ready_at.ns >= 0;
    const bool reals = is_sound_real(child.backoff_factor, 1.0, factor_max) && is_sound_real(child.backoff_jitter, 0.0, 1.0);
    const bool body = !child.is_supervisor() || child.body == Body::none;
    return indexes && texts && kinds && lengths && reals && body;
}

bool Supervision::numbers_hold() const {
    for (std::size_t i = 1; i < children_.size(); ++i) {
        if (!child_holds(children_[i])) {
            return false;
        }
    }
    for (std::size_t i = 1; i < teams_.size(); ++i) {
        const Team& team = teams_[i];
        const bool indexes = team.child < children_.size() && children_[team.child].team == i && team.cursor.at < children_.size() &&
                             team.offender < children_.size();
        const bool kinds = within(team.strategy, Strategy::one_for_one) && within(team.on_give_up, OnGiveUp::crash) &&
                           within(team.state, TeamState::stopping) && within(team.end, TeamEnd::start_timeout);
        const bool cursor = indexes && (team.cursor.at == no_child || children_[team.cursor.at].supervisor == team.child);
        if (!cursor || !kinds || team.period.ns <= 0) {
            return false;
        }
    }
    for (std::uint32_t i = 1; i < orders_.size(); ++i) {
        const Order& order = orders_[i];
        const bool ends = order.from != no_child && order.from < children_.size() && order.to != no_child && order.to < children_.size();
        // Lists lead to older orders, so they end.
        if (!ends || order.next_from >= i || order.next_to >= i || !within(order.mode, LinkMode::peer)) {
            return false;
        }
    }
    for (const Waiter& waiter : waiters_) {
        if (waiter.child == no_child || waiter.child >= children_.size()) {
            return false;
        }
    }
    return urgency_ <= 2 && closing_ <= 1;
}

/// Every entry hangs in the tree once: rows are linked both ways, each knows its supervisor, and walking meets all.
bool Supervision::tree_holds() const {
    if (root_ == no_child) {
        return children_.size() == 1;
    }
    if (root_ >= children_.size() || !children_[root_].is_supervisor() || children_[root_].supervisor != no_child) {
        return false;
    }
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        const Child& child = children_[i];
        const bool next =
            child.next == no_child || (children_[child.next].previous == i && children_[child.next].supervisor == child.supervisor);
        const bool first =
            child.first == no_child || (children_[child.first].previous == no_child && children_[child.first].supervisor == i);
        const bool last = child.last == no_child || (children_[child.last].next == no_child && children_[child.last].supervisor == i);
        const bool owned = i == root_ || (child.supervisor != no_child && children_[child.supervisor].is_supervisor() &&
                                          child.depth == children_[child.supervisor].depth + 1);
        const bool team = child.team == 0 ? child.first == no_child : teams_[child.team].child == i;
        if (!next || !first || !last || !owned || !team || child.depth > depth_max) {
            return false;
        }
    }
    std::size_t met = 0;
    ChildIndex i = root_;
    while (i != no_child && met < children_.size()) {
        ++met;
        ChildIndex following = children_[i].first;
        for (ChildIndex up = i; following == no_child && up != no_child; up = children_[up].supervisor) {
            following = children_[up].next;
        }
        i = following;
    }
    return met + 1 == children_.size() && i == no_child;
}

}  // namespace backplane::core
