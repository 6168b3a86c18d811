// SPDX-License-Identifier: Apache-2.0
/// Entries, supervisors and their rows: made from specifications, found by name, taken out again (S-18, S-20, S-44).
///
/// A configured entry that is removed stays where it is, marked, and comes back when its supervisor starts anew. One that a call
/// added is gone for good: its place is used again, with its generation going on, so that no late event meets a stranger.
#include "daemon/core/supervision.hpp"

#include <bit>
#include <string>
#include <utility>

namespace backplane::core {

ChildIndex Supervision::take_entry() {
    if (free_child_ == no_child) {
        children_.emplace_back();
        return static_cast<ChildIndex>(children_.size() - 1);
    }
    const ChildIndex taken = free_child_;
    free_child_ = children_[taken].next;
    const std::uint32_t generation = children_[taken].generation;
    children_[taken] = Child{};
    children_[taken].generation = generation;
    return taken;
}

std::uint32_t Supervision::take_team() {
    if (free_team_ == 0) {
        teams_.emplace_back();
        windows_.emplace_back();
        return static_cast<std::uint32_t>(teams_.size() - 1);
    }
    const std::uint32_t taken = free_team_;
    free_team_ = teams_[taken].child;
    teams_[taken] = Team{};
    windows_[taken].clear();
    return taken;
}

std::uint32_t Supervision::take_limit() {
    if (free_limits_.empty()) {
        limits_.emplace_back();
        return static_cast<std::uint32_t>(limits_.size() - 1);
    }
    const std::uint32_t taken = free_limits_.back();
    free_limits_.pop_back();
    limits_[taken].clear();
    return taken;
}

/// Takes over what a specification says, and nothing of what the entry is about.
void Supervision::describe(Child& child, const ChildSpec& spec) {
    child.restart = spec.restart;
    child.shutdown_kind = spec.shutdown_kind;
    child.shutdown = spec.shutdown;
    child.start_timeout = spec.start_timeout;
    child.readiness = spec.readiness;
    child.ready_delay = spec.ready_delay;
    child.watchdog = spec.watchdog;
    child.kill_after = spec.kill_after;
    child.stop_signal = spec.stop_signal;
    child.signal_group = spec.signal_group ? 1 : 0;
    child.kill_mode = spec.kill_mode;
    child.managed = spec.managed ? 1 : 0;
    child.significant = spec.significant ? 1 : 0;
    child.retain = spec.retain ? 1 : 0;
    child.oneshot = spec.oneshot ? 1 : 0;
    child.on_limit = spec.limit.on_limit;
    child.cooldown = spec.limit.cooldown;
    child.limit_period = spec.limit.period;
    child.limit_intensity = spec.limit.intensity;
    child.backoff = spec.backoff.enabled ? 1 : 0;
    child.backoff_initial = spec.backoff.initial;
    child.backoff_max = spec.backoff.max;
    child.backoff_factor = std::bit_cast<std::uint64_t>(spec.backoff.factor);
    child.backoff_jitter = std::bit_cast<std::uint64_t>(spec.backoff.jitter);
    child.reset_after = spec.backoff.reset_after;
    texts_.release(child.exits);
    child.exits = spec.exits.empty() ? 0 : texts_.add(encode_exits(spec.exits));
    if (!spec.is_supervisor) {
        child.drain = spec.launch.drain.command.empty() ? Duration{} : spec.launch.drain.timeout;
        texts_.release(child.launch);
        child.is_task = spec.is_task() ? 1 : 0;
        child.launch = texts_.add(spec.is_task() ? encode_task(spec.task) : encode_launch(spec.launch));
    }
}

/// Recursion is bounded by the nesting that `decode_spec` accepts.
ChildIndex Supervision::make_entry(const ChildSpec& spec, ChildIndex supervisor, std::vector<Made>& made) {
    const ChildIndex i = take_entry();
    made.push_back(Made{i, &spec});
    Child& child = children_[i];
    child.supervisor = supervisor;
    child.name = texts_.add(spec.name);
    describe(child, spec);
    if (supervisor == no_child) {
        child.path = texts_.add("/");
    } else {
        child.depth = children_[supervisor].depth + 1;
        child.path = texts_.add(path_below(supervisor, spec.name));
        append(i);
        set_held(i, children_[supervisor].held != 0);
    }
    if (spec.limit.enabled) {
        child.limit = take_limit();
    }
    if (spec.is_supervisor) {
        make_team(i, spec.supervisor.front(), made);
    }
    return i;
}

/// The same for a supervisor's own part: nothing of its children, nothing of what it is about.
void Supervision::describe_team(Team& team, const SupervisorSpec& spec) {
    team.period = spec.period;
    team.intensity = spec.intensity;
    team.strategy = spec.strategy;
    team.on_give_up = spec.on_give_up;
    team.auto_shutdown = spec.auto_shutdown;
    team.on_start_failure = spec.on_start_failure;
    team.on_root_give_up = spec.on_root_give_up;
    team.start_order = spec.start_order;
    team.restart_burst = spec.restart_burst;
    team.restart_every = spec.restart_every;
    team.max_children = spec.max_children;
    team.partitions = spec.partitions;
    texts_.release(team.template_child);
    team.template_child = spec.template_child.empty() ? 0 : texts_.add(encode_child(spec.template_child.front()));
}

void Supervision::make_team(ChildIndex i, const SupervisorSpec& spec, std::vector<Made>& made) {
    const std::uint32_t number = take_team();
    Team& team = teams_[number];
    team.child = i;
    describe_team(team, spec);
    children_[i].team = number;
    for (const ChildSpec& entry : spec.children) {
        make_entry(entry, i, made);
    }
}

/// At the end of its row: start order is list order (S-20).
void Supervision::append(ChildIndex i) {
    Child& child = children_[i];
    Child& parent = children_[child.supervisor];
    Team& team = teams_[parent.team];
    child.rank = team.next_rank++;
    ++team.children;
    child.previous = parent.last;
    if (parent.last != no_child) {
        children_[parent.last].next = i;
    } else {
        parent.first = i;
    }
    parent.last = i;
}

/// Out of its row; a cursor that stands at it moves on in its direction.
void Supervision::detach(ChildIndex i) {
    leave_group(i);
    Child& child = children_[i];
    Child& parent = children_[child.supervisor];
    Team& team = teams_[parent.team];
    team.offender = team.offender == i ? no_child : team.offender;
    (child.previous != no_child ? children_[child.previous].next : parent.first) = child.next;
    (child.next != no_child ? children_[child.next].previous : parent.last) = child.previous;
    child.previous = no_child;
    child.next = no_child;
}

/// A path is kept for its entry (decision 15). A configured entry that was removed gives it up to one that a call adds.
bool Supervision::reserve(ChildIndex i) {
    const std::string_view path = texts_[children_[i].path];
    if (!is_valid_name(path)) {
        return false;
    }
    if (const std::uint32_t name = graph_.names().find(path); name != 0) {
        const ChildIndex holder = graph_.names()[name].reserved_for;
        if (holder != no_child && holder != i && children_[holder].removed != 0) {
            graph_.names().unreserve(path);
        }
    }
    return graph_.names().reserve(path, i);
}

void Supervision::unreserve(ChildIndex i) {
    const std::string_view path = texts_[children_[i].path];
    const std::uint32_t name = graph_.names().find(path);
    if (name == 0 || graph_.names()[name].reserved_for != i) {
        return;
    }
    graph_.names().unreserve(path);
    // A configured sibling of the same name, whose place it had taken, has it again. Those that were added stand behind them all.
    for (ChildIndex other = children_[i].added != 0 ? children_[children_[i].supervisor].first : no_child;
         other != no_child && children_[other].added == 0; other = children_[other].next) {
        if (children_[other].removed != 0 && texts_[children_[other].path] == path) {
            (void)graph_.names().reserve(path, other);
            return;
        }
    }
}

bool Supervision::settle_names(const std::vector<Made>& made) {
    for (const Made& entry : made) {
        if (entry.child != root_ && !reserve(entry.child)) {
            return false;
        }
    }
    for (const Made& entry : made) {
        if (!add_orders(entry.child, *entry.spec)) {
            return false;
        }
    }
    return true;
}

/// Gives an entry's place back. Nothing of it runs, and nothing below it is left. `step`: null where nobody can have asked anything.
void Supervision::free_entry(Step* step, ChildIndex i) {
    Child& child = children_[i];
    if (step != nullptr) {
        answer_waiters(*step, i, true, ErrorCode::ok);
        answer_waiters(*step, i, false, ErrorCode::not_found);
        std::erase_if(postponed_, [&](Postponed& waiting) {
            if (waiting.child != i) {
                return false;
            }
            step->answer(waiting.session, waiting.request, ErrorCode::not_found);
            texts_.release(waiting.text);
            deadlines_.cancel(waiting.deadline);
            return true;
        });
    }
    if (i != root_) {
        unreserve(i);
        set_held(i, false);
        if (child.removed == 0) {
            --team_of(child.supervisor).children;
        }
        detach(i);
    }
    remove_orders(i);
    if (child.awaits_starter != 0) {
        std::erase(starter_waiters_, i);
    }
    for (TextIndex* text : {&child.name, &child.path, &child.launch, &child.exits, &child.verdict.text, &child.last_fault.text}) {
        texts_.release(*text);
    }
    free_history(child);
    for (DeadlineId* timer : {&child.life_timer, &child.backoff_timer, &child.settle_timer, &child.watch_timer}) {
        deadlines_.cancel(*timer);
    }
    if (child.limit != 0) {
        free_limits_.push_back(child.limit);
    }
    if (child.team != 0) {
        texts_.release(teams_[child.team].template_child);
        teams_[child.team] = Team{};
        teams_[child.team].free = 1;
        teams_[child.team].child = free_team_;
        free_team_ = child.team;
    }
    const std::uint32_t generation = child.generation;
    child = Child{};
    child.generation = generation;
    child.free = 1;
    child.next = free_child_;
    free_child_ = i;
}

/// From its leaves up.
void Supervision::free_subtree(Step* step, ChildIndex top) {
    ChildIndex i = top;
    for (;;) {
        while (children_[i].last != no_child) {
            i = children_[i].last;
        }
        const ChildIndex above = children_[i].supervisor;
        free_entry(step, i);
        if (i == top) {
            return;
        }
        i = above;
    }
}

/// It is down and goes: for good, or until its supervisor starts anew.
void Supervision::remove_child(Step& step, ChildIndex i) {
    Child& child = children_[i];
    log(step, RecordKind::child_removed, i);
    child.remove = 0;
    leave_group(i);
    set_held(i, false);
    --team_of(child.supervisor).children;
    mark_removed(i, true);
    for (ChildIndex gone = i; gone != no_child; gone = next_below(i, gone)) {
        wake_dependants(step, gone);
    }
    answer_waiters(step, i, false, ErrorCode::not_found);
    if (child.added != 0) {
        free_subtree(&step, i);
    }
}

/// Walks an entry's whole subtree in order, removed ones included; `no_child` at its end.
ChildIndex Supervision::next_below(ChildIndex top, ChildIndex i) const {
    ChildIndex next = children_[i].first;
    for (ChildIndex up = i; next == no_child && up != top; up = children_[up].supervisor) {
        next = children_[up].next;
    }
    return next;
}

/// An entry goes, or comes back, with all that is below it (S-18, S-44); what had gone before from below it comes back, too.
void Supervision::mark_removed(ChildIndex top, bool removed) {
    for (ChildIndex i = top; i != no_child; i = next_below(top, i)) {
        children_[i].removed = removed ? 1 : 0;
        if (!removed && children_[i].is_supervisor()) {
            team_of(i).children = 0;
        }
        if (!removed && i != top) {
            ++team_of(children_[i].supervisor).children;
        }
        if (!removed) {
            set_held(i, children_[children_[i].supervisor].held != 0);
        }
    }
}

/// The path of an entry of that name: those of the root's children are their names alone.
std::string Supervision::path_below(ChildIndex supervisor, std::string_view name) const {
    const Child& parent = children_[supervisor];
    std::string path = parent.depth > 0 ? std::string{texts_[parent.path]}.append("/") : std::string{};
    return path.append(name);
}

/// The entry of that name, also one that is removed for now; `no_child` where there is none.
ChildIndex Supervision::entry_of(ChildIndex supervisor, std::string_view name) const {
    const std::uint32_t entry = graph_.names().find(path_below(supervisor, name));
    const ChildIndex found = entry != 0 ? graph_.names()[entry].reserved_for : no_child;
    return found != no_child && children_[found].supervisor == supervisor ? found : no_child;
}

/// The child of that name, removed ones not counted.
ChildIndex Supervision::sibling(ChildIndex supervisor, std::string_view name) const {
    const ChildIndex found = entry_of(supervisor, name);
    return found != no_child && children_[found].removed == 0 ? found : no_child;
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
    std::vector<Made> made;
    root_ = make_entry(spec, no_child, made);
    if (!settle_names(made)) {
        free_subtree(nullptr, root_);
        children_.resize(1);
        teams_.resize(1);
        windows_.resize(1);
        limits_.resize(1);
        orders_.resize(1);
        free_limits_.clear();
        root_ = free_child_ = free_team_ = free_order_ = 0;
        return ErrorCode::config_invalid;
    }
    children_[root_].attempt = Attempt::first;
    begin_start(step, root_);
    settle(step);
    return ErrorCode::ok;
}

}  // namespace backplane::core
