// SPDX-License-Identifier: Apache-2.0
/// A new configuration for the tree that runs (S-66): all of it as one event, or nothing.
///
///   entry of the tree           in the new configuration   becomes
///   with the same path          yes                        keeps its Device; the new specification holds from its next start on
///   (none)                      yes                        a new entry in the new order, down; started with `start_new`
///   configured or added         no                         stays behind the others until its supervisor starts anew; with
///                                                          `remove_missing` it is stopped and goes
///
/// What is wrong is found before anything is changed: names that a task has, links and requirements that lead nowhere, an entry that
/// would have to become another kind of thing.
#include "daemon/core/supervision.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace backplane::core {

namespace {

std::string below(std::string_view prefix, std::string_view name) {
    std::string path{prefix};
    return path.append(prefix.empty() ? "" : "/").append(name);
}

/// Whether two specifications start the same thing: what differs otherwise holds without a restart.
bool starts_the_same(const ChildSpec& a, const ChildSpec& b) {
    return a.is_supervisor == b.is_supervisor && a.managed == b.managed && a.readiness == b.readiness && a.oneshot == b.oneshot &&
           (a.is_supervisor || (encode_launch(a.launch) == encode_launch(b.launch) && encode_task(a.task) == encode_task(b.task)));
}

}  // namespace

/// A supervisor's own part, apart from those below it.
std::string Supervision::flags_text(const SupervisorSpec& spec) {
    SupervisorSpec flags = spec;
    flags.children.clear();
    return encode_spec(flags);
}

/// The child alone. A limit that it has not is the same whatever its supervisor's figures are.
ChildSpec Supervision::alone(const ChildSpec& spec) {
    ChildSpec child = spec;
    const auto plain = [](ChildSpec& one) { one.limit = one.limit.enabled ? one.limit : LimitSpec{}; };
    plain(child);
    if (!child.supervisor.empty()) {
        child.supervisor.front().children.clear();
        std::for_each(child.supervisor.front().template_child.begin(), child.supervisor.front().template_child.end(), plain);
    }
    return child;
}

/// The path that a link or requirement of a child below `prefix` means: a sibling's, else one below the root; empty for neither.
std::string Supervision::meant_path(const std::vector<std::string>& paths, std::string_view prefix, const std::string& to) {
    for (const std::string& wanted : {below(prefix, to), to}) {
        if (std::binary_search(paths.begin(), paths.end(), wanted)) {
            return wanted;
        }
    }
    return {};
}

void Supervision::list_paths(const SupervisorSpec& spec, const std::string& prefix, std::vector<std::string>& paths) {
    for (const ChildSpec& child : spec.children) {
        const std::string path = below(prefix, child.name);  // its own: the list grows below
        paths.push_back(path);
        if (child.is_supervisor) {
            list_paths(child.supervisor.front(), path, paths);
        }
    }
}

/// Walks the new tree beside the old one and says of each entry what would become of it; the first thing that cannot be is `wrong`.
void Supervision::compare(ChildIndex supervisor, const SupervisorSpec& spec, const std::string& prefix, Comparison& found) const {
    std::vector<ChildIndex> named;
    const bool dynamic = team_of(supervisor).strategy == Strategy::dynamic;
    if (dynamic != (spec.strategy == Strategy::dynamic)) {
        found.wrong = prefix.empty() ? "/" : prefix;
        return;
    }
    for (const ChildSpec& child : spec.children) {
        const std::string path = below(prefix, child.name);
        const ChildIndex known = entry_of(supervisor, child.name);
        const bool lives = known != no_child && children_[known].removed == 0;
        named.push_back(known);
        if (known == no_child || !lives) {
            const std::uint32_t name = graph_.names().find(path);
            const bool taken =
                known == no_child && name != 0 && (graph_.names()[name].device || graph_.names()[name].reserved_for != no_child);
            if (!is_valid_name(path) || taken) {
                found.wrong = path;
                return;
            }
            found.changes.push_back(Change{path, ChangeKind::added, false});
        }
        if (known == no_child) {
            continue;  // all below it is new
        }
        if (child.is_supervisor != children_[known].is_supervisor()) {
            found.wrong = path;
            return;
        }
        if (lives) {
            compare_child(known, child, path, prefix, found);
        }
        if (child.is_supervisor) {
            compare(known, child.supervisor.front(), path, found);
        }
        if (!found.wrong.empty()) {
            return;
        }
    }
    std::sort(named.begin(), named.end());
    for (ChildIndex i = dynamic ? no_child : children_[supervisor].first; i != no_child; i = children_[i].next) {
        if (children_[i].removed == 0 && !std::binary_search(named.begin(), named.end(), i)) {
            found.changes.push_back(Change{std::string{texts_[children_[i].path]}, ChangeKind::missing, false});
        }
    }
}

void Supervision::compare_child(ChildIndex i, const ChildSpec& spec, const std::string& path, const std::string& prefix,
                                Comparison& found) const {
    ChildSpec now = alone(spec_of(i));
    ChildSpec then = alone(spec);
    for (StandingLink& link : then.links) {
        link.to = meant_path(found.paths, prefix, link.to);
    }
    for (std::string& name : then.requires_up) {
        name = meant_path(found.paths, prefix, name);
    }
    if (encode_child(now) != encode_child(then)) {
        found.changes.push_back(Change{path, ChangeKind::changed, !starts_the_same(now, then)});
    }
}

/// Links and requirements of the new tree lead somewhere else than to the child itself.
bool Supervision::orders_lead(const SupervisorSpec& spec, const std::string& prefix, Comparison& found) {
    for (const ChildSpec& child : spec.children) {
        const std::string path = below(prefix, child.name);
        std::vector<std::string> names = child.requires_up;
        for (const StandingLink& link : child.links) {
            names.push_back(link.to);
        }
        const auto leads = [&](const std::string& to) {
            const std::string meant = meant_path(found.paths, prefix, to);
            return !meant.empty() && meant != path;
        };
        if (!std::all_of(names.begin(), names.end(), leads)) {
            found.wrong = path;
            return false;
        }
        if (child.is_supervisor && !orders_lead(child.supervisor.front(), path, found)) {
            return false;
        }
    }
    return true;
}

Expected<std::vector<Change>> Supervision::plan(std::string_view tree) const {
    Expected<SupervisorSpec> spec = decode_spec(tree);
    if (!spec) {
        return unexpected(spec.error());
    }
    if (root_ == no_child) {
        return unexpected(ErrorCode::no_supervisor, "there is no tree yet");
    }
    Comparison found = compare_all(*spec);
    if (!found.wrong.empty()) {
        return unexpected(ErrorCode::config_invalid, found.wrong);
    }
    return std::move(found.changes);
}

Supervision::Comparison Supervision::compare_all(const SupervisorSpec& spec) const {
    Comparison found;
    list_paths(spec, {}, found.paths);
    for (ChildIndex i = root_ + 1; i < children_.size(); ++i) {  // what stays although it is missing can still be meant
        if (contains(i) && i != root_) {
            found.paths.emplace_back(texts_[children_[i].path]);
        }
    }
    std::sort(found.paths.begin(), found.paths.end());
    found.paths.erase(std::unique(found.paths.begin(), found.paths.end()), found.paths.end());
    if (flags_text(spec) != flags_text(flags_of(root_))) {
        found.changes.push_back(Change{"/", ChangeKind::changed, false});
    }
    compare(root_, spec, {}, found);
    if (found.wrong.empty()) {
        (void)orders_lead(spec, {}, found);
    }
    return found;
}

// ---- carrying it out -----------------------------------------------------------------------------------------------------------

void Supervision::reload(Step& step, const Event& event) {
    Expected<SupervisorSpec> spec = decode_spec(event.text);
    if (!spec || root_ == no_child || closing_ != 0) {
        step.answer(event.session, event.number,
                    !spec           ? spec.error().code
                    : closing_ != 0 ? ErrorCode::stopping
                                    : ErrorCode::no_supervisor);
        return;
    }
    if (const Comparison found = compare_all(*spec); !found.wrong.empty()) {
        step.answer(event.session, event.number, ErrorCode::config_invalid, found.wrong);
        return;
    }
    Merge merge;
    merge.start_new = (event.flag & reload_starts_new) != 0;
    merge.remove_missing = (event.flag & reload_removes_missing) != 0;
    merge_team(root_, *spec, merge);
    for (const Made& entry : merge.named) {
        remove_orders_from(entry.child);
    }
    for (const Made& entry : merge.named) {
        (void)add_orders(entry.child, *entry.spec);
    }
    log(step, RecordKind::reloaded, root_);
    for (const ChildIndex i : merge.missing) {
        children_[i].added = 1;  // no more part of the configuration: it does not come back
        children_[i].remove = merge.remove_missing ? 1 : children_[i].remove;
        if (merge.remove_missing) {
            remove_missing(step, i);
        }
    }
    for (const ChildIndex i : merge.fresh) {
        log(step, RecordKind::child_added, i);
        const Team& team = team_of(children_[i].supervisor);
        const bool walks = team.phase != GroupPhase::none && (team.state == TeamState::starting || has_groups(children_[i].supervisor));
        if (merge.start_new && team.state == TeamState::up && !walks && may_start(i) == ErrorCode::ok) {
            want_start(step, i, Attempt::command);
        } else if (!merge.start_new) {
            children_[i].skip = 1;  // an operation that is on its way passes it over
        }
    }
    step.answer(event.session, event.number, ErrorCode::ok);
    settle(step);
}

void Supervision::remove_missing(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.state == ChildState::down && is_gone(i)) {
        remove_child(step, i);
        return;
    }
    child.then_start = 0;
    stop_child(step, i);
}

/// The supervisor's part, then its row: the named ones in their new order, the others behind them in their old one.
void Supervision::merge_team(ChildIndex supervisor, const SupervisorSpec& spec, Merge& merge) {
    describe_team(team_of(supervisor), spec);
    if (spec.strategy == Strategy::dynamic) {
        return;
    }
    std::vector<ChildIndex> row;
    for (const ChildSpec& child : spec.children) {
        row.push_back(merge_child(supervisor, child, merge));
    }
    std::vector<ChildIndex> sorted = row;
    std::sort(sorted.begin(), sorted.end());
    for (ChildIndex i = children_[supervisor].first; i != no_child; i = children_[i].next) {
        if (!std::binary_search(sorted.begin(), sorted.end(), i)) {
            row.push_back(i);
            if (children_[i].removed == 0) {
                merge.missing.push_back(i);
            } else {
                children_[i].added = 1;
            }
        }
    }
    order_row(supervisor, row);
}

ChildIndex Supervision::merge_child(ChildIndex supervisor, const ChildSpec& spec, Merge& merge) {
    const ChildIndex known = entry_of(supervisor, spec.name);
    if (known == no_child) {
        const std::size_t first = merge.named.size();
        const ChildIndex made = make_entry(spec, supervisor, merge.named);
        for (std::size_t i = first; i < merge.named.size(); ++i) {
            (void)reserve(merge.named[i].child);
        }
        merge.fresh.push_back(made);
        return made;
    }
    merge.named.push_back(Made{known, &spec});
    Child& child = children_[known];
    describe(child, spec);
    child.added = 0;
    if (child.removed != 0) {
        mark_removed(known, false);
        (void)reserve(known);
        ++team_of(supervisor).children;
        set_down(known);
        merge.fresh.push_back(known);
    }
    if (spec.limit.enabled && child.limit == 0) {
        child.limit = take_limit();
    } else if (!spec.limit.enabled && child.limit != 0 && child.state != ChildState::quarantined) {
        free_limits_.push_back(child.limit);
        child.limit = 0;
    }
    if (spec.is_supervisor) {
        merge_team(known, spec.supervisor.front(), merge);
    }
    return known;
}

/// One that had gone is there again, and has not run.
void Supervision::set_down(ChildIndex i) {
    children_[i].state = ChildState::down;
    children_[i].reason = DownReason::none;
    children_[i].remove = 0;
}

void Supervision::order_row(ChildIndex supervisor, const std::vector<ChildIndex>& row) {
    Child& parent = children_[supervisor];
    Team& team = team_of(supervisor);
    parent.first = row.empty() ? no_child : row.front();
    parent.last = row.empty() ? no_child : row.back();
    for (std::size_t n = 0; n < row.size(); ++n) {
        Child& child = children_[row[n]];
        child.previous = n > 0 ? row[n - 1] : no_child;
        child.next = n + 1 < row.size() ? row[n + 1] : no_child;
        child.rank = team.next_rank++;
    }
    // What an operation had behind it may stand before it now: it begins its walk anew, and passes over what is as it should be.
    if (team.state == TeamState::stopping || team.phase == GroupPhase::stopping) {
        team.cursor = Cursor{parent.last, 0};
    } else if (team.phase == GroupPhase::starting) {
        team.cursor = Cursor{parent.first, 0};
    }
    if (team.phase != GroupPhase::none) {
        team.from = parent.first;
    }
    agenda_.push_back(supervisor);
}

}  // namespace backplane::core
