// SPDX-License-Identifier: Apache-2.0
/// The tree's making, and the agenda by which operations go on.
#include "daemon/core/supervision.hpp"

#include <bit>
#include <string>

namespace backplane::core {

Supervision::Supervision(Graph& graph, Deadlines& deadlines, Texts& texts)
    : graph_(graph), deadlines_(deadlines), texts_(texts), children_(1), teams_(1), windows_(1), orders_(1) {}

void Supervision::seed(std::uint64_t seed) { random_ = seed; }

// ---- making the tree ----------------------------------------------------------------------------------------------------

void Supervision::add_team(ChildIndex child, const SupervisorSpec& spec) {
    Team team;
    team.child = child;
    team.period = spec.period;
    team.intensity = spec.intensity;
    team.strategy = spec.strategy;
    team.on_give_up = spec.on_give_up;
    children_[child].team = static_cast<std::uint32_t>(teams_.size());
    teams_.push_back(team);
    windows_.emplace_back();
    for (const ChildSpec& entry : spec.children) {
        const ChildIndex made = add_child(entry, child);
        // Appended, not inserted: start order is list order (S-20).
        Child& parent = children_[child];
        children_[made].previous = parent.last;
        if (parent.last != no_child) {
            children_[parent.last].next = made;
        } else {
            parent.first = made;
        }
        parent.last = made;
    }
}

/// Recursion is bounded by the nesting that `decode_spec` accepts.
ChildIndex Supervision::add_child(const ChildSpec& spec, ChildIndex supervisor) {
    const auto made = static_cast<ChildIndex>(children_.size());
    Child child;
    child.supervisor = supervisor;
    child.name = texts_.add(spec.name);
    child.restart = spec.restart;
    child.shutdown_kind = spec.shutdown_kind;
    child.shutdown = spec.shutdown;
    child.start_timeout = spec.start_timeout;
    child.readiness = spec.readiness;
    child.managed = spec.managed ? 1 : 0;
    child.backoff = spec.backoff.enabled ? 1 : 0;
    child.backoff_initial = spec.backoff.initial;
    child.backoff_max = spec.backoff.max;
    child.backoff_factor = std::bit_cast<std::uint64_t>(spec.backoff.factor);
    child.backoff_jitter = std::bit_cast<std::uint64_t>(spec.backoff.jitter);
    child.reset_after = spec.backoff.reset_after;
    if (supervisor == no_child) {
        child.path = texts_.add("/");
    } else {
        const Child& parent = children_[supervisor];
        child.depth = parent.depth + 1;
        std::string path = child.depth > 1 ? std::string{texts_[parent.path]}.append("/") : std::string{};
        child.path = texts_.add(path.append(spec.name));
    }
    if (!spec.is_supervisor) {
        child.launch = texts_.add(encode_launch(spec.launch));
    }
    children_.push_back(child);
    if (spec.is_supervisor) {
        add_team(made, spec.supervisor.front());
    }
    return made;
}

/// Reserves every path, so that nobody takes a child's name while it is down (decision 15).
bool Supervision::name_children(ChildIndex root) {
    for (ChildIndex i = root + 1; i < children_.size(); ++i) {
        const std::string_view path = texts_[children_[i].path];
        if (!is_valid_name(path) || !graph_.names().reserve(path, i)) {
            return false;
        }
    }
    return true;
}

namespace {

/// The specs in the order in which `add_child` made entries of them.
void list_specs(const SupervisorSpec& spec, std::vector<const ChildSpec*>& out) {
    for (const ChildSpec& child : spec.children) {
        out.push_back(&child);
        if (child.is_supervisor) {
            list_specs(child.supervisor.front(), out);
        }
    }
}

}  // namespace

/// Takes back what a refused configuration made.
void Supervision::discard_tree() {
    for (ChildIndex i = 1; i < children_.size(); ++i) {
        Child& child = children_[i];
        if (const std::uint32_t name = graph_.names().find(texts_[child.path]); name != 0 && graph_.names()[name].reserved_for == i) {
            graph_.names().unreserve(texts_[child.path]);
        }
        texts_.release(child.name);
        texts_.release(child.path);
        texts_.release(child.launch);
    }
    children_.resize(1);
    teams_.resize(1);
    windows_.resize(1);
    orders_.resize(1);
    path_index_.clear();
    root_ = no_child;
}

ErrorCode Supervision::configure(Step& step, std::string_view tree) {
    if (root_ != no_child) {
        return ErrorCode::already_present;
    }
    Expected<SupervisorSpec> read = decode_spec(tree);
    if (!read) {
        return read.error().code;
    }
    ChildSpec spec;
    spec.is_supervisor = true;
    spec.shutdown_kind = ShutdownKind::infinity;
    spec.start_timeout = Duration::forever();
    spec.supervisor.push_back(std::move(*read));
    const ChildIndex root = add_child(spec, no_child);
    std::vector<const ChildSpec*> specs;
    list_specs(spec.supervisor.front(), specs);
    bool sound = name_children(root);
    build_index();
    root_ = root;
    for (std::uint32_t i = 0; sound && i < specs.size(); ++i) {
        sound = add_orders(root + 1 + i, *specs[i]);
    }
    if (!sound) {
        discard_tree();
        return ErrorCode::config_invalid;
    }
    begin_start(step, root_, Attempt::first);
    settle(step);
    return ErrorCode::ok;
}

// ---- the agenda -----------------------------------------------------------------------------------------------------------

void Supervision::settle(Step& step) {
    for (std::size_t i = 0; i < agenda_.size(); ++i) {
        advance(step, agenda_[i]);
    }
    agenda_.clear();
}

void Supervision::advance(Step& step, ChildIndex supervisor) {
    if (supervisor == no_child) {
        return;
    }
    switch (team_of(supervisor).state) {
        case TeamState::starting: advance_start(step, supervisor); break;
        case TeamState::stopping: advance_stop(step, supervisor); break;
        case TeamState::down:
        case TeamState::up: break;
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

/// Walks an entry's whole subtree in order, removed ones included; `no_child` at its end.
ChildIndex Supervision::next_below(ChildIndex top, ChildIndex i) const {
    ChildIndex next = children_[i].first;
    for (ChildIndex up = i; next == no_child && up != top; up = children_[up].supervisor) {
        next = children_[up].next;
    }
    return next;
}

/// An entry goes, or comes back, with all that is below it (S-18, S-44).
void Supervision::mark_removed(ChildIndex top, bool removed) {
    for (ChildIndex i = top; i != no_child; i = next_below(top, i)) {
        children_[i].removed = removed ? 1 : 0;
    }
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
    if (due.owner == no_child || due.owner >= children_.size()) {
        return;
    }
    const ChildIndex i = due.owner;
    Child& child = children_[i];
    switch (due.kind) {
        case DeadlineKind::backoff:
            child.backoff_timer = 0;
            try_attempt(step, i);
            break;
        case DeadlineKind::settle:
            child.settle_timer = 0;
            settle_over(step, i);
            break;
        case DeadlineKind::start_timeout:
            child.life_timer = 0;
            if (child.is_supervisor()) {
                stop_team(step, i, TeamEnd::start_timeout);
            } else {
                end_process(step, i, StopCause::start_timeout, false);
            }
            break;
        case DeadlineKind::stop_timeout:
            child.life_timer = 0;
            if (child.is_supervisor()) {
                make_harsh(step, i, 1);
            } else if (child.life.stage == StopStage::patient) {
                send_stop(step, i);
            } else {
                kill(step, i, false);
            }
            break;
        case DeadlineKind::kill_overdue:
            child.life_timer = 0;
            log(step, RecordKind::child_unkillable, i);
            break;
        case DeadlineKind::handshake:
        case DeadlineKind::resume_grace:
        case DeadlineKind::heartbeat:
        case DeadlineKind::task_grace: break;
    }
    settle(step);
}

}  // namespace backplane::core
