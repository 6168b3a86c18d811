// SPDX-License-Identifier: Apache-2.0
/// The questions of the rules, and what a supervisor does next.
#include "tests/sim/naive_supervision.hpp"

#include <algorithm>
#include <utility>

namespace backplane::sim {

using namespace core;

// ---- questions ---------------------------------------------------------------------------------------------------------------

bool NaiveSupervision::gone(int k) const { return at(k).spec.is_supervisor ? at(k).team == TeamState::down : at(k).body == Body::none; }

/// Section 10: below what is stopping, or down, nothing is started.
bool NaiveSupervision::frozen(int s) const {
    bool stopping = s < 0 ? closing_ : at(s).team == TeamState::down;
    for (; s >= 0; s = at(s).parent) {
        stopping = stopping || at(s).team == TeamState::stopping;
    }
    return stopping;
}

bool NaiveSupervision::groups(int s) const {
    return at(s).sup().strategy == Strategy::rest_for_one || at(s).sup().strategy == Strategy::one_for_all;
}

bool NaiveSupervision::in_group(int k) const {
    const int s = at(k).parent;
    const bool lives = s >= 0 && (at(s).team == TeamState::starting || at(s).team == TeamState::up);
    return lives && groups(s) && at(s).op != GroupPhase::none && k >= at(s).from;
}

/// Whose turn it is in its supervisor's operation: the last that is not through with it where it stops, the first where it starts.
int NaiveSupervision::current(int s) const {
    std::vector<int> row;
    for (const int k : at(s).kids) {
        if (at(k).turn != Turn::over && (at(s).team == TeamState::stopping || k >= at(s).from)) {
            row.push_back(k);
        }
    }
    const bool back = at(s).team == TeamState::stopping || at(s).op == GroupPhase::stopping;
    return row.empty() || (at(s).op == GroupPhase::none && !back) ? nobody : back ? row.back() : row.front();
}

/// An operation of its supervisor is still on its way to it.
bool NaiveSupervision::ahead(int k) const {
    const int s = at(k).parent;
    if (s < 0) {
        return false;
    }
    if (at(s).team == TeamState::starting && !groups(s)) {
        return !at(k).reached;
    }
    return in_group(k) && (at(s).op == GroupPhase::stopping ||
                           (current(s) != nobody && (k > current(s) || (k == current(s) && at(k).turn == Turn::todo))));
}

///
bool NaiveSupervision::missing(const Kid& kid) const {
    return std::any_of(kid.spec.requires_up.begin(), kid.spec.requires_up.end(), [&](const std::string& path) {
        return std::any_of(kids_.begin(), kids_.end(), [&](const Kid& other) {
            const bool done = other.state == ChildState::down && other.reason == DownReason::completed;
            return other.path == path && !other.removed && !other.freed && other.state != ChildState::running && !done;
        });
    });
}

/// S-53a: its group waits for another; where later ones depend on earlier ones that concerns the later ones only.
bool NaiveSupervision::parked(int k) const {
    const Kid& s = at(at(k).parent);
    return s.parked >= 0 && (s.sup().strategy != Strategy::rest_for_one || k >= s.parked);
}

/// An operation of this supervisor is in the midst of a step (S-58).
bool NaiveSupervision::busy(int s) const {
    const bool lives = s >= 0 && (at(s).team == TeamState::starting || at(s).team == TeamState::up);
    const int k = lives && at(s).op != GroupPhase::none && !closing_ ? current(s) : nobody;
    return k != nobody && at(k).turn == Turn::now && !parked(k);
}

// ---- one thing after the other -----------------------------------------------------------------------------------------------

/// Where one event sets several supervisors going: first come, first served.
void NaiveSupervision::settle() {
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t n = 0; n < turns_.size(); ++n) {
            while (turns_[n] >= 0 && !at(turns_[n]).freed && move(turns_[n])) {
                changed = true;
            }
        }
        turns_.clear();
        for (int k = static_cast<int>(kids_.size()) - 1; k >= 0; --k) {
            while (!at(k).freed && at(k).spec.is_supervisor && move(k)) {
                changed = true;
            }
            changed = (!at(k).freed && grant(k)) || changed;
        }
    }
}

/// The one next thing that this supervisor may do. False where there is none.
bool NaiveSupervision::move(int s) {
    if (at(s).team == TeamState::stopping) {
        return move_stop(s);
    }
    bool served = false;
    while (at(s).team != TeamState::down && !busy(s) && serve(s)) {
        served = true;
    }
    if (served || at(s).team == TeamState::down) {
        return served;
    }
    return at(s).op == GroupPhase::stopping ? move_down(s) : at(s).op == GroupPhase::starting && move_up(s);
}

/// Nothing of a group's restart is begun while a member is held.
bool NaiveSupervision::holds(int s) const {
    const auto held = [&](int k) { return k >= at(s).from && at(k).held; };
    return groups(s) && at(s).team == TeamState::up && std::any_of(at(s).kids.begin(), at(s).kids.end(), held);
}

/// S-19, S-23: backwards to the first of the group, each when the one before is gone.
bool NaiveSupervision::move_down(int s) {
    const int k = current(s);
    if (holds(s)) {
        return false;
    }
    if (k == nobody) {
        at(s).op = GroupPhase::starting;
        for (const int member : at(s).kids) {
            at(member).turn = Turn::todo;
        }
        lay_aside(s);
        return true;
    }
    if (gone(k) && !at(k).wish) {
        at(k).turn = Turn::over;
        return true;
    }
    return at(k).turn == Turn::todo && (at(k).turn = Turn::now, stop_for_group(k), true);
}

/// S-5, S-16, S-19, X-1: forwards, each when the one before is started; none before the delays of all that failed are over.
bool NaiveSupervision::move_up(int s) {
    const int k = current(s);
    if (k == nobody) {
        at(s).op = GroupPhase::none;
        if (at(s).team == TeamState::starting) {
            at(s).team = TeamState::up;
            started(s);
        }
        return true;
    }
    const bool delays =
        groups(s) && k == at(s).from && at(k).turn == Turn::todo && std::any_of(at(s).kids.begin(), at(s).kids.end(), [&](int member) {
            return member >= k && (timer(Tick::backoff, member) != nullptr || at(member).frozen.ns > 0);
        });
    if (parked(k)) {
        return false;
    }
    if (at(k).removed) {
        at(k).turn = Turn::over;
        return true;
    }
    if (at(k).turn == Turn::todo && (frozen(s) || delays)) {
        return false;
    }
    const ChildState state = at(k).state;
    if (state == ChildState::quarantined && (groups(s) || !gone(k))) {
        gone(k) ? park(k) : void();
        return gone(k);
    }
    if (at(k).turn == Turn::now) {
        const bool through = state == ChildState::down || state == ChildState::running || state == ChildState::quarantined;
        at(k).turn = through ? Turn::over : Turn::now;
        return through;
    }
    const bool had_its_turn = state == ChildState::down && at(k).reached;  // with the first
    const bool waits = state == ChildState::restarting && !at(k).wish && at(k).body == Body::draining;
    if (state == ChildState::running || had_its_turn || at(k).disabled || at(k).skip) {
        at(k).turn = Turn::over;
        at(k).reached = true;  // and passed over
    } else if (waits || holds(s)) {
        return false;
    } else {
        at(k).turn = Turn::now;
        if (state == ChildState::down || (state == ChildState::restarting && !at(k).wish && gone(k))) {
            const Attempt again = at(k).was_up || at(s).team == TeamState::up ? Attempt::restart : Attempt::first;
            want(k, at(k).fresh ? Attempt::command : again);
        }
    }
    const bool all = at(s).team == TeamState::starting && at(s).sup().start_order == StartOrder::parallel && !groups(s);
    for (const int other : all&& k == at(s).kids.front() ? at(s).kids : std::vector<int>{}) {
        const Kid& kid = at(other);
        if (other > k && !kid.reached && kid.state == ChildState::down && !kid.disabled && !kid.removed && !kid.skip) {
            want(other, kid.fresh ? Attempt::command : Attempt::first);
        }
    }
    return true;
}

/// S-23, S-35: backwards; one that is not waited for is waited for at the end. A dynamic supervisor asks all at once.
bool NaiveSupervision::move_stop(int s) {
    if (at(s).sup().strategy == Strategy::dynamic && !at(s).lingering) {
        at(s).lingering = true;
        for (const int k : std::vector<int>(at(s).kids)) {
            at(k).then_start = false;
            stop(k);
        }
        return true;
    }
    const int k = current(s);
    if (k == nobody && at(s).lingering) {
        team_down(s);
        return true;
    }
    if (k == nobody) {
        at(s).lingering = true;
        for (const int kid : at(s).kids) {
            at(kid).turn = Turn::todo;
        }
        return true;
    }
    const bool down = at(k).state == ChildState::down && gone(k);
    if (down || (!at(s).lingering && at(k).turn == Turn::now && at(k).spec.shutdown_kind == ShutdownKind::no_wait)) {
        at(k).turn = Turn::over;
        if (down) {
            at(k).reason = at(k).reason == DownReason::not_reached ? DownReason::terminated : at(k).reason;
            answer_all(k, false, ErrorCode::stopping);
        }
        return true;
    }
    const bool first = at(k).turn == Turn::todo;
    if (first) {
        at(k).turn = Turn::now;
        at(k).then_start = false;
        stop(k);
    }
    return first;
}

/// A wish to start is granted when nothing of the old one is left, its delay is over, what it requires is up, and somebody offers to
/// start it, where it is a task.
bool NaiveSupervision::grant(int k) {
    Kid& kid = at(k);
    if (kid.frozen.ns > 0 && !missing(kid)) {
        set(Tick::backoff, k, std::exchange(kid.frozen, Duration{}));
    }
    const bool held = (kid.held && kid.attempt == Attempt::restart) || (in_group(k) && at(kid.parent).op == GroupPhase::stopping);
    if (!kid.wish || timer(Tick::backoff, k) != nullptr || !gone(k) || frozen(kid.parent) || held || missing(kid) || !is_offered(k)) {
        return false;
    }
    begin(k);
    return true;
}

// ---- groups --------------------------------------------------------------------------------------------------------------------

/// S-19, S-22, S-26: anew from there; one that is still stopping only widens.
void NaiveSupervision::begin_group(int k) {
    Kid& s = at(at(k).parent);
    const auto first = std::find_if(s.kids.begin(), s.kids.end(), [&](int member) { return !at(member).removed; });
    const int from = s.sup().strategy == Strategy::one_for_all ? *first : k;
    s.from = s.op == GroupPhase::stopping ? std::min(s.from, from) : from;
    s.op = GroupPhase::stopping;
    s.parked = -1;
    turns_.push_back(at(k).parent);
    for (const int member : s.kids) {
        at(member).turn = Turn::todo;
        at(member).skip = at(member).skip && member < s.from;
        at(member).reached = at(member).reached && member < s.from;
    }
}

/// S-15.
void NaiveSupervision::stop_for_group(int k) {
    Kid& kid = at(k);
    const bool for_good = kid.spec.restart == RestartType::temporary && !kid.spec.retain;
    const bool back = !for_good && !kid.skip && kid.reason != DownReason::gave_up;
    const bool dead = kid.body == Body::draining;
    if (dead && kid.state != ChildState::stopping) {
        return;
    }
    kid.regroup = back;
    if (dead) {
        return;
    }
    kid.then_start = false;
    kid.remove = for_good;
    if (gone(k) && back) {
        kid.wish = false;
        kid.state = ChildState::restarting;
    } else {
        stop(k);
    }
}

/// S-53a.
void NaiveSupervision::park(int k) {
    Kid& s = at(at(k).parent);
    s.parked = k;
    lay_aside(at(k).parent);
}

void NaiveSupervision::lay_aside(int s) {
    for (const int member : at(s).parked >= 0 ? at(s).kids : std::vector<int>{}) {
        const bool passed = at(s).op == GroupPhase::starting && (member < current(s) || at(member).turn == Turn::now);
        const bool waits = at(member).state == ChildState::restarting && !at(member).wish && gone(member);
        if (!passed && member >= at(s).from && member != at(s).parked && parked(member) && waits) {
            await_group(member);
        }
    }
}

void NaiveSupervision::unpark(int k) {
    Kid& s = at(at(k).parent);
    if (s.parked == k) {
        s.parked = -1;
        if (s.op != GroupPhase::none && current(at(k).parent) == k) {
            at(k).turn = Turn::todo;
        }
    }
}

void NaiveSupervision::release(int k, Attempt attempt) {
    Kid& kid = at(k);
    cancel(Tick::cooldown, k);
    if (kid.state != ChildState::quarantined) {
        return;
    }
    kid.failures = 0;
    kid.window.clear();
    say(RecordKind::child_released, k);
    if (frozen(kid.parent)) {
        return;
    }
    kid.state = ChildState::restarting;
    in_group(k) ? unpark(k) : want(k, attempt);
}

// ---- the tree ----------------------------------------------------------------------------------------------------------------

NaiveSupervision::NaiveSupervision(const SupervisorSpec& tree) {
    ChildSpec root;
    root.is_supervisor = true;
    root.shutdown_kind = ShutdownKind::infinity;
    root.start_timeout = Duration::forever();
    root.supervisor.push_back(tree);
    make(root, -1);
}

int NaiveSupervision::make(const ChildSpec& spec, int parent) {
    const int made = static_cast<int>(kids_.size());
    Kid& kid = kids_.emplace_back();
    kid.spec = spec;
    kid.parent = parent;
    kid.path = parent < 0 ? "/" : (parent == 0 ? "" : at(parent).path + "/") + spec.name;
    if (parent >= 0) {
        at(parent).kids.push_back(made);
        kid.held = at(parent).held;
    }
    for (std::size_t n = 0; spec.is_supervisor && n < spec.supervisor.front().children.size(); ++n) {
        make(spec.supervisor.front().children[n], made);
    }
    return made;
}

int NaiveSupervision::kid_at(ChildIndex index) const {
    const auto found = by_index_.find(index);
    return found == by_index_.end() ? -1 : found->second;
}

std::vector<int> NaiveSupervision::below(int k) const {
    std::vector<int> all{k};
    for (std::size_t n = 0; n < all.size(); ++n) {
        all.insert(all.end(), at(all[n]).kids.begin(), at(all[n]).kids.end());
    }
    return all;
}

/// A group that began with it begins with the next.
void NaiveSupervision::leave_row(int k) {
    Kid& s = at(at(k).parent);
    unpark(k);
    at(k).turn = Turn::over;
    if (s.from == k) {
        const auto next = std::find_if(s.kids.begin(), s.kids.end(), [&](int other) { return other > k && !at(other).removed; });
        s.from = next == s.kids.end() ? k + 1 : *next;
    }
}

/// S-18, S-44.
void NaiveSupervision::remove(int k) {
    say(RecordKind::child_removed, k);
    at(k).remove = false;
    leave_row(k);
    at(k).held = false;
    for (const int gone : below(k)) {
        at(gone).removed = true;
    }
    for (const int gone : below(k)) {
        wake(gone);  // what is removed is not waited for
    }
    answer_all(k, false, ErrorCode::not_found);
    if (at(k).added) {
        free(k);
    }
}

void NaiveSupervision::free(int k) {
    leave_row(k);
    for (const int kid : below(k)) {
        answer_all(kid, true, ErrorCode::ok);
        answer_all(kid, false, ErrorCode::not_found);
        std::erase_if(postponed_, [&](const Command& waiting) {
            const bool its = waiting.kid == kid;
            its ? forget(waiting, ErrorCode::not_found) : void();
            return its;
        });
        std::erase_if(timers_, [kid](const Timer& timer) { return timer.kid == kid && timer.tick != Tick::postponed; });
        at(kid).freed = true;
    }
    std::erase(at(at(k).parent).kids, k);
}

}  // namespace backplane::sim
