// SPDX-License-Identifier: Apache-2.0
/// What others may know of the tree: rows, walks, and names looked up by whole path or by an unambiguous end of it.
#include "daemon/core/supervision.hpp"

#include <algorithm>

namespace backplane::core {

std::string_view child_state_name(ChildState state) {
    switch (state) {
        case ChildState::down: return "down";
        case ChildState::starting: return "starting";
        case ChildState::running: return "running";
        case ChildState::stopping: return "stopping";
        case ChildState::restarting: return "restarting";
    }
    return "unknown";
}

ChildIndex Supervision::root() const { return root_; }

bool Supervision::contains(ChildIndex i) const {
    return i != no_child && i < children_.size() && root_ != no_child && children_[i].removed == 0;
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

ChildView Supervision::view(ChildIndex i, Instant now) const {
    const Child& child = children_[i];
    ChildView view;
    view.name = texts_[child.name];
    view.path = texts_[child.path];
    view.is_supervisor = child.is_supervisor();
    view.state = child.state;
    view.device = child.device;
    view.pid = child.pid;
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
    view.next_start = deadlines_.at(child.backoff_timer);
    view.restart = child.restart;
    view.readiness = child.readiness;
    if (child.is_supervisor()) {
        const Team& team = team_of(i);
        view.strategy = team.strategy;
        view.intensity = team.intensity;
        view.window_used = windows_[child.team].used(now, team.period);
        view.period = team.period;
    }
    return view;
}

std::string_view Supervision::launch(ChildIndex i) const { return i < children_.size() ? texts_[children_[i].launch] : std::string_view{}; }

// ---- names ------------------------------------------------------------------------------------------------------------------

std::string_view Supervision::path_end(const PathEnd& end) const { return texts_[children_[end.child].path].substr(end.offset); }

/// Every path from each of its elements on, in order, so that one search finds all that a name may mean.
void Supervision::build_index() {
    path_index_.clear();
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        const std::string_view path = texts_[children_[i].path];
        if (children_[i].supervisor == no_child) {
            path_index_.push_back(PathEnd{i, 0});
            continue;
        }
        for (std::size_t at = 0; at != std::string_view::npos;) {
            path_index_.push_back(PathEnd{i, static_cast<std::uint32_t>(at)});
            const std::size_t slash = path.find('/', at);
            at = slash == std::string_view::npos ? slash : slash + 1;
        }
    }
    std::sort(path_index_.begin(), path_index_.end(), [this](const PathEnd& a, const PathEnd& b) {
        const int order = path_end(a).compare(path_end(b));
        return order != 0 ? order < 0 : a.offset != b.offset ? a.offset < b.offset : a.child < b.child;
    });
}

ChildIndex Supervision::find(std::string_view name) const {
    const auto before = [this](const PathEnd& end, std::string_view wanted) { return path_end(end) < wanted; };
    auto at = std::lower_bound(path_index_.begin(), path_index_.end(), name, before);
    ChildIndex found = no_child;
    for (; at != path_index_.end() && path_end(*at) == name; ++at) {
        if (children_[at->child].removed != 0) {
            continue;
        }
        if (at->offset == 0) {
            return at->child;  // a whole path means itself
        }
        if (found != no_child) {
            return no_child;  // ambiguous
        }
        found = at->child;
    }
    return found;
}

void Supervision::show_root(Step& step) {
    Effect& effect = step.effect(EffectKind::supervisor_state);
    effect.child = root_;
    effect.argument = static_cast<std::int32_t>(children_[root_].state);
}

}  // namespace backplane::core
