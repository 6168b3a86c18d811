// SPDX-License-Identifier: Apache-2.0
/// Operations on a group of siblings: the supervisor's own start, and what `rest_for_one` and `one_for_all` answer to a crash
/// (S-5, S-15, S-16, S-19..S-23, S-26, S-53a). The table of phases stands in supervision.hpp.
///
/// A member that was stopped with its group is `restarting` until its turn comes. Where the group is parked it is `down(not_reached)`.
#include "daemon/core/supervision.hpp"

namespace backplane::core {

bool Supervision::has_groups(ChildIndex supervisor) const {
    const Strategy strategy = team_of(supervisor).strategy;
    return strategy == Strategy::rest_for_one || strategy == Strategy::one_for_all;
}

/// Whether a group operation of its supervisor is under way that concerns it.
bool Supervision::in_group(ChildIndex i) const {
    const ChildIndex supervisor = children_[i].supervisor;
    if (supervisor == no_child || !has_groups(supervisor)) {
        return false;
    }
    const Team& team = team_of(supervisor);
    const bool under_way = team.phase != GroupPhase::none && (team.state == TeamState::starting || team.state == TeamState::up);
    return under_way && team.from != no_child && children_[i].rank >= children_[team.from].rank;
}

/// A member ended, or failed to start, and was counted: the group begins anew from there, wherever it stood. While it is being stopped
/// that is an older one than it began with (S-22), as the ends of its members are part of it (S-21). Whoever was taken out of the
/// group before is in it again (S-16).
void Supervision::begin_group(Step&, ChildIndex i) {
    const ChildIndex supervisor = children_[i].supervisor;
    Team& team = team_of(supervisor);
    ChildIndex from = team.strategy == Strategy::one_for_all ? children_[supervisor].first : i;
    while (children_[from].removed != 0) {
        from = children_[from].next;  // at the latest it is the member itself
    }
    team.from = from;
    team.phase = GroupPhase::stopping;
    team.cursor = Cursor{children_[supervisor].last, 0};
    team.parked_on = no_child;
    for (ChildIndex member = from; member != no_child; member = children_[member].next) {
        children_[member].skip = 0;
        children_[member].reached = 0;
    }
    agenda_.push_back(supervisor);
}

void Supervision::advance_group(Step& step, ChildIndex supervisor) {
    for (;;) {
        serve_postponed(step, supervisor);
        const Team& team = team_of(supervisor);
        if (team.phase == GroupPhase::none || (team.state != TeamState::starting && team.state != TeamState::up)) {
            return;
        }
        const bool goes_on = team.phase == GroupPhase::stopping ? advance_down(step, supervisor) : advance_member(step, supervisor);
        if (!goes_on) {
            return;
        }
    }
}

/// Stopping: one member further back. False where there is something to wait for.
bool Supervision::advance_down(Step& step, ChildIndex supervisor) {
    Team& team = team_of(supervisor);
    if (is_group_held(supervisor)) {
        return false;
    }
    const ChildIndex i = team.cursor.at;
    if (i == no_child || team.from == no_child || children_[i].rank < children_[team.from].rank) {
        team.phase = GroupPhase::starting;
        team.cursor = Cursor{team.from, 0};
        lay_aside(step, supervisor);
        return true;
    }
    const Child& child = children_[i];
    if (is_gone(i) && child.pending == 0) {
        team.cursor = Cursor{child.previous, 0};
        return true;
    }
    if (team.cursor.begun != 0) {
        return false;
    }
    team.cursor.begun = 1;
    stop_for_group(step, i);
    return true;
}

/// Only what lives is asked to end; one that is already dead is waited for, and keeps the delay that it has earned.
void Supervision::stop_for_group(Step& step, ChildIndex i) {
    Child& child = children_[i];
    const bool for_good = child.restart == RestartType::temporary && child.retain == 0;  // S-15
    const bool comes_back = !for_good && child.skip == 0 && child.reason != DownReason::gave_up;
    const bool dying = child.body == Body::draining;
    if (dying && child.state != ChildState::stopping) {
        return;  // it crashed, or is quarantined
    }
    child.regroup = comes_back ? 1 : 0;
    if (dying) {
        return;
    }
    child.then_start = 0;
    child.remove = for_good ? 1 : 0;
    if (is_gone(i) && comes_back) {  // it was about to be started
        child.pending = 0;
        child.blocked = 0;
        child.queued = 0;
        set_state(step, child, ChildState::restarting);
    } else {
        stop_child(step, i);
    }
}

/// Whether its group waits for another before it comes to this one. Where the order is that of dependence the elders of that one go on
/// (S-19): they do not depend on it.
bool Supervision::is_parked(ChildIndex i) const {
    const Team& team = team_of(children_[i].supervisor);
    const bool elder =
        team.strategy == Strategy::rest_for_one && team.parked_on != no_child && children_[i].rank < children_[team.parked_on].rank;
    return team.parked_on != no_child && !elder;
}

/// Nothing of a restart is begun while a member is held.
bool Supervision::is_group_held(ChildIndex supervisor) const {
    const Team& team = team_of(supervisor);
    const bool holds = has_groups(supervisor) && team.held != 0 && team.state == TeamState::up;
    ChildIndex i = holds ? team.from : no_child;
    while (i != no_child && children_[i].held == 0) {
        i = children_[i].next;
    }
    return i != no_child;
}

/// None of a group is started before the delays of all that failed are over.
bool Supervision::is_group_delayed(ChildIndex supervisor) const {
    const Team& team = team_of(supervisor);
    const bool delays = has_groups(supervisor) && team.phase == GroupPhase::starting && team.cursor.at == team.from;
    ChildIndex i = delays ? team.from : no_child;
    while (i != no_child && children_[i].backoff_timer == 0 && children_[i].frozen.ns == 0) {
        i = children_[i].next;
    }
    return i != no_child;
}

/// Starting: one member further. False where there is something to wait for.
bool Supervision::advance_member(Step& step, ChildIndex supervisor) {
    Team& team = team_of(supervisor);
    const ChildIndex i = team.cursor.at;
    if (i == no_child) {
        team.phase = GroupPhase::none;
        team.from = no_child;
        if (team.state == TeamState::starting) {
            team.state = TeamState::up;
            started(step, supervisor);
        }
        return true;
    }
    if (is_parked(i)) {
        return false;
    }
    if (children_[i].removed != 0) {
        team.cursor = Cursor{children_[i].next, 0};
        return true;
    }
    if (team.cursor.begun == 0) {
        return begin_member(step, supervisor);
    }
    const Child& child = children_[i];
    if (child.state != ChildState::down && child.state != ChildState::running && child.state != ChildState::quarantined) {
        return false;
    }
    if (child.state == ChildState::quarantined && !is_gone(i)) {
        return false;  // as for one that is going down
    }
    if (child.state == ChildState::quarantined && has_groups(supervisor)) {
        park(step, i);
        return false;
    }
    team.cursor = Cursor{child.next, 0};
    return true;
}

bool Supervision::begin_member(Step& step, ChildIndex supervisor) {
    Team& team = team_of(supervisor);
    const ChildIndex i = team.cursor.at;
    if (is_frozen(supervisor) || is_group_delayed(supervisor)) {
        return false;  // S-12: the stop that freezes it will come by
    }
    Child& child = children_[i];
    if (child.state == ChildState::quarantined && (has_groups(supervisor) || !is_gone(i))) {
        is_gone(i) ? park(step, i) : void();
        return false;
    }
    const bool had_its_turn = child.state == ChildState::down && child.reached != 0;  // with the first: it has done its work
    const bool waits = child.state == ChildState::restarting && child.pending == 0 && child.body == Body::draining;
    const bool at_rest = child.state == ChildState::down || (child.state == ChildState::restarting && child.pending == 0 && is_gone(i));
    if (child.state == ChildState::running || had_its_turn || !is_wanted(i) || child.skip != 0) {
        child.reached = 1;  // and passed over: who has it started later does not wait for its turn
        team.cursor = Cursor{child.next, 0};
    } else if (waits || is_group_held(supervisor)) {
        return false;
    } else {
        team.cursor.begun = 1;
        if (at_rest) {
            const Attempt again = child.was_up != 0 || team.state == TeamState::up ? Attempt::restart : Attempt::first;
            want_start(step, i, child.fresh != 0 ? Attempt::command : again);
        }
    }
    const bool ordered = team.start_order == StartOrder::list || has_groups(supervisor);
    if (!ordered && team.state == TeamState::starting && child.previous == no_child) {
        begin_others(step, child.next);
    }
    return true;
}

/// where no order is declared, and none lies in the strategy, all begin with the first.
void Supervision::begin_others(Step& step, ChildIndex i) {
    for (; i != no_child; i = children_[i].next) {
        const Child& child = children_[i];
        if (child.reached == 0 && child.state == ChildState::down && is_wanted(i) && child.skip == 0) {
            want_start(step, i, child.fresh != 0 ? Attempt::command : Attempt::first);
        }
    }
}

/// The group waits for this member, and so do those behind it (S-53a, X-2).
void Supervision::park(Step& step, ChildIndex i) {
    Team& team = team_of(children_[i].supervisor);
    team.parked_on = i;
    agenda_.push_back(children_[i].supervisor);  // what waited for its step waits no longer
    lay_aside(step, children_[i].supervisor);
}

/// Those that a parked group will not come to, and of which nothing is left, are down; a delay of theirs means nothing any more.
void Supervision::lay_aside(Step& step, ChildIndex supervisor) {
    const Team& team = team_of(supervisor);
    for (ChildIndex member = team.parked_on != no_child ? team.from : no_child; member != no_child; member = children_[member].next) {
        Child& child = children_[member];
        const bool passed = team.phase == GroupPhase::starting && team.cursor.at != no_child &&
                            (child.rank < children_[team.cursor.at].rank || (team.cursor.at == member && team.cursor.begun != 0));
        const bool waits = child.state == ChildState::restarting && child.pending == 0 && is_gone(member);
        if (!passed && member != team.parked_on && is_parked(member) && waits) {
            await_group(step, member);
        }
    }
}

/// The group goes on, if it was this member that it waited for.
void Supervision::unpark(ChildIndex i) {
    Team& team = team_of(children_[i].supervisor);
    if (team.parked_on == i) {
        team.parked_on = no_child;
        team.cursor.begun = team.cursor.at == i ? 0 : team.cursor.begun;
        agenda_.push_back(children_[i].supervisor);
    }
}

/// It is taken out of its row or marked as gone: nobody stands at it or waits for it any more.
void Supervision::leave_group(ChildIndex i) {
    const ChildIndex supervisor = children_[i].supervisor;
    Team& team = team_of(supervisor);
    unpark(i);
    agenda_.push_back(supervisor);  // it may have been held
    const bool back = team.state == TeamState::stopping || team.phase == GroupPhase::stopping;
    for (ChildIndex at = team.cursor.at; at == i || (at != no_child && children_[at].removed != 0); at = team.cursor.at) {
        team.cursor = Cursor{back ? children_[at].previous : children_[at].next, 0};
    }
    while (team.from != no_child && (team.from == i || children_[team.from].removed != 0)) {
        team.from = children_[team.from].next;
    }
}

}  // namespace backplane::core
