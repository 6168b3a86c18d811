// SPDX-License-Identifier: Apache-2.0
/// What others may know of the tree: rows, walks, and names looked up by whole path or by an unambiguous end of it.
#include "daemon/core/supervision.hpp"

namespace backplane::core {

std::string_view child_state_name(ChildState state) {
    switch (state) {
        case ChildState::down: return "down";
        case ChildState::starting: return "starting";
        case ChildState::running: return "running";
        case ChildState::stopping: return "stopping";
        case ChildState::restarting: return "restarting";
        case ChildState::quarantined: return "quarantined";
        case ChildState::disabled: return "disabled";
    }
    return "unknown";
}

std::string_view down_reason_name(DownReason reason) {
    switch (reason) {
        case DownReason::none: return "";
        case DownReason::ended: return "ended";
        case DownReason::completed: return "completed";
        case DownReason::failed: return "failed";
        case DownReason::terminated: return "terminated";
        case DownReason::gave_up: return "gave_up";
        case DownReason::not_reached: return "waiting";
        case DownReason::ignored: return "ignored";
    }
    return "unknown";
}

ChildIndex Supervision::root() const { return root_; }

bool Supervision::contains(ChildIndex i) const {
    return i != no_child && i < children_.size() && root_ != no_child && children_[i].removed == 0 && children_[i].free == 0;
}

ChildIndex Supervision::next_in_tree(ChildIndex i) const {
    if (!contains(i)) {
        return no_child;
    }
    ChildIndex next = children_[i].first;
    // At the end of a row, up; a removed entry has no living descendants and is passed over whole.
    for (;;) {
        while (next == no_child && i != no_child) {
            next = children_[i].next;
            i = children_[i].supervisor;
        }
        if (next == no_child || children_[next].removed == 0) {
            return next;
        }
        i = children_[next].supervisor;
        next = children_[next].next;
    }
}

ChildIndex Supervision::next_among(ChildIndex supervisor, ChildIndex after) const {
    ChildIndex next = after == no_child ? children_[supervisor].first : children_[after].next;
    while (next != no_child && children_[next].removed != 0) {
        next = children_[next].next;
    }
    return next;
}

std::string_view Supervision::path(ChildIndex i) const {
    return i < children_.size() && children_[i].free == 0 ? texts_[children_[i].path] : std::string_view{};
}

ChildView Supervision::view(ChildIndex i, Instant now) const {
    const Child& child = children_[i];
    ChildView view;
    view.name = texts_[child.name];
    view.path = texts_[child.path];
    view.is_supervisor = child.is_supervisor();
    view.is_task = child.is_task != 0;
    view.client = child.client;
    const bool disabled = child.disabled != 0 && child.state == ChildState::down;
    view.state = disabled ? ChildState::disabled : child.state;
    view.reason = child.state == ChildState::down ? child.reason : DownReason::none;
    view.waits = waits_of(i, view.waits_for);
    view.is_held = child.held != 0;
    view.is_significant = child.significant != 0;
    view.since = child.since;
    view.watchdog = child.watchdog;
    view.body = child.body;
    view.is_ready = child.life.ready != 0;
    view.is_ending = child.life.stage != StopStage::none;
    view.runs_hook = child.body == Body::alive && child.life.stage == StopStage::hook;
    view.is_killed = child.life.stage == StopStage::killed;
    view.is_oneshot = child.oneshot != 0;
    view.device = child.device;
    view.last_device = child.last_device;
    view.pid = pid_of(child);
    view.generation = child.generation;
    view.restarts = child.restarts;
    view.supervisor = child.supervisor;
    view.depth = child.depth;
    view.ended = child.ended != 0;
    const bool runs = child.life.ready != 0 && (child.is_supervisor() ? !is_gone(i) : child.body == Body::alive);
    view.show_fault = view.ended && !runs && child.last_fault.is_error();
    view.last_fault = child.last_fault;
    view.last_class = child.last_class;
    view.failures = child.failures;
    view.next_start = deadlines_.at(child.state == ChildState::quarantined ? child.watch_timer : child.backoff_timer);
    view.restart = child.restart;
    view.readiness = child.readiness;
    if (child.is_supervisor()) {
        const Team& team = team_of(i);
        view.strategy = team.strategy;
        view.intensity = team.intensity;
        view.window_used = windows_[child.team].used(now, team.period);
        view.period = team.period;
        view.auto_shutdown = team.auto_shutdown;
        view.children = team.children;
        view.max_children = team.max_children;
        view.partitions = team.partitions;
        view.offender = team.offender;
    }
    return view;
}

std::string_view Supervision::launch(ChildIndex i) const { return i < children_.size() ? texts_[children_[i].launch] : std::string_view{}; }

// ---- names ------------------------------------------------------------------------------------------------------------------

/// A whole path means itself, whatever else ends so; a short form is looked for among all, which only people write.
ChildIndex Supervision::find(std::string_view name) const {
    if (root_ != no_child && name == texts_[children_[root_].path]) {
        return root_;
    }
    if (const std::uint32_t entry = graph_.names().find(name); entry != 0) {
        if (const ChildIndex child = graph_.names()[entry].reserved_for; contains(child)) {
            return child;
        }
    }
    ChildIndex found = no_child;
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        const std::string_view path = contains(i) ? texts_[children_[i].path] : std::string_view{};
        const bool ends_so = path.size() > name.size() && path.ends_with(name) && path[path.size() - name.size() - 1] == '/';
        if (!ends_so || name.empty()) {
            continue;
        }
        if (found != no_child) {
            return no_child;  // ambiguous
        }
        found = i;
    }
    return found;
}

void Supervision::show_root(Step& step) {
    Effect& effect = step.effect(EffectKind::supervisor_state);
    effect.child = root_;
    effect.argument = static_cast<std::int32_t>(children_[root_].state);
}

}  // namespace backplane::core
