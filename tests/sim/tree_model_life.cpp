// SPDX-License-Identifier: Apache-2.0
/// The model's starts and stops: S-5 to S-12, S-23, S-35 to S-42.
#include "tests/sim/tree_model.hpp"

#include <algorithm>

namespace backplane::sim {

bool TreeModel::is_gone(ChildIndex i) const {
    return entries_[i].spec.is_supervisor ? entries_[i].part == Part::down : entries_[i].body == Body::none;
}

/// Section 10: below what is stopping, or down, nothing is started.
bool TreeModel::is_frozen(ChildIndex i) const {
    if (i == 0) {
        return urgency_ >= 0;
    }
    if (entries_[i].part == Part::down) {
        return true;
    }
    for (; i != 0; i = entries_[i].parent) {
        if (entries_[i].part == Part::stopping) {
            return true;
        }
    }
    return false;
}

bool TreeModel::is_current(ChildIndex i, std::uint32_t generation) const { return entries_[i].generation == generation; }

// ---- starting ----------------------------------------------------------------------------------------------------------------

/// The id is the core's choice. One that is stopped as it starts may start twice in a step.
DeviceId TreeModel::new_device_of(ChildIndex i) const {
    for (const wire::Event& told : events_) {
        if (told.event == "child_starting" && told.name == entries_[i].path && told.id && !ids_.contains(*told.id)) {
            return *told.id;
        }
    }
    return {};
}

void TreeModel::begin(ChildIndex i, Attempt attempt) {
    Entry& e = at(i);
    if (!is_gone(i) || is_frozen(e.parent)) {
        note_wrong("the model itself starts " + e.path + " where it may not");
    }
    e.cause = Cause::none;
    e.stage = Stage::none;
    e.ready = e.early = e.asked = e.adopted = e.told = e.brutal = e.term_sent = e.by_program = false;
    e.failed = e.skip = e.remove = e.then_start = false;
    e.reached = true;
    e.managed = e.spec.managed;
    e.cascades.clear();
    e.attempt = attempt;
    e.excused = attempt == Attempt::command;
    ++e.generation;
    e.state = attempt == Attempt::restart ? ChildState::restarting : ChildState::starting;
    e.device = i == 1 ? hub_.engine().supervision().view(i, now_).device : new_device_of(i);
    if (!ids_.insert(e.device).second || !e.device) {
        note_wrong(e.path + " has no Device of its own in its new incarnation");  // D-1, D-10
    }
    live_.insert(e.device);
    if (i != 1) {
        ++e.name_ups;
        expect("child_starting", i);
    }
    // It hears of those that are up before it runs (decision 14, D-12).
    for (const auto& [other, mode] : e.orders) {
        if (has(mode, LinkMode::monitor) && at(other).state == ChildState::running) {
            add_edge(e.device, at(other).device);
        }
    }
    for (const auto& [other, mode] : e.orders_to) {
        if (has(mode, LinkMode::notify) && at(other).state == ChildState::running) {
            add_edge(e.device, at(other).device);
        }
    }
    set(e.life, e.spec.start_timeout, Tick::start);
    if (!e.spec.is_supervisor) {
        e.body = Body::spawning;
        expect_effect(core::EffectKind::spawn, i, 0);
        return;
    }
    e.part = Part::starting;
    e.cursor = 0;
    e.begun = false;
    e.manual = attempt == Attempt::command || starts_by_hand(e.parent);
    e.harsh = 0;
    e.window.clear();  // S-32
    e.roots.clear();
    for (const ChildIndex c : e.children) {
        Entry& child = at(c);
        child.failed = child.reached = child.skip = child.excused = false;
        child.failures = 0;
        for (ChildIndex below = c; child.removed && below < entries_.size(); ++below) {
            if (below != c && is_below(below, c)) {
                at(below).removed = false;
            }
        }
        child.removed = false;  // S-44
    }
}

/// A supervisor that starts by command, or with one that does: what starts with it is no restart (decision 32).
bool TreeModel::starts_by_hand(ChildIndex s) const { return s != 0 && entries_[s].part == Part::starting && entries_[s].manual; }

/// S-8: its end is a crash from here on (S-11).
void TreeModel::started(ChildIndex i) {
    Entry& e = at(i);
    if (e.ever && e.attempt != Attempt::command && !starts_by_hand(e.parent)) {
        ++e.restarts;  // decision 32
    }
    e.life = Timer{};
    e.ready = e.ever = true;
    e.excused = false;
    e.ready_at = now_;
    e.attempt = Attempt::none;
    e.state = ChildState::running;
    e.spec.is_supervisor ? expect("sup_up", i) : expect("child_ready", i, " pid=" + std::to_string(e.pid));
    for (const auto& [other, mode] : e.orders) {
        if (has(mode, LinkMode::notify)) {
            add_edge(at(other).device, e.device);
        }
    }
    for (const auto& [other, mode] : e.orders_to) {
        if (has(mode, LinkMode::monitor)) {
            add_edge(at(other).device, e.device);
        }
    }
    answer_waiters(i, false, ErrorCode::ok);
}

void TreeModel::spawned(ChildIndex i, std::uint32_t generation, std::int32_t pid) {
    Entry& e = at(i);
    if (!is_current(i, generation) || e.body != Body::spawning) {
        return;
    }
    e.body = Body::alive;
    e.pid = pid;
    if (e.stage == Stage::wanted) {
        send_stop(i);
    } else if (e.spec.readiness == core::Readiness::exec || e.early) {
        started(i);
    }
}

void TreeModel::ready(ChildIndex i, std::uint32_t generation) {
    Entry& e = at(i);
    if (!is_current(i, generation)) {
        return;
    }
    if (e.body == Body::spawning) {
        e.early = true;
    } else if (e.body == Body::alive && !e.ready && e.stage == Stage::none) {
        started(i);
    }
}

/// S-5, S-6: one after the other. True where something changed.
bool TreeModel::advance_start(ChildIndex i) {
    Entry& e = at(i);
    for (;;) {
        if (!e.begun) {
            serve_postponed(i);
        }
        if (e.cursor == e.children.size()) {
            break;
        }
        const ChildIndex c = e.children[e.cursor];
        if (!e.begun && is_frozen(i)) {
            return false;
        }
        if (!e.begun && !at(c).skip) {
            e.begun = true;
            if (!at(c).reached) {
                begin(c, Attempt::first);
                return true;
            }
        }
        if (e.begun && at(c).state != ChildState::down && at(c).state != ChildState::running) {
            return false;
        }
        at(c).reached = true;  // or passed over
        ++e.cursor;
        e.begun = false;
    }
    e.part = Part::up;
    started(i);
    serve_postponed(i);
    return true;
}

// ---- stopping ----------------------------------------------------------------------------------------------------------------

Duration TreeModel::grace(const Entry& e) const {
    return urgency_ > 0 && !e.spec.shutdown.is_forever() ? Duration{e.spec.shutdown.ns / 10} : e.spec.shutdown;
}

void TreeModel::show_stopping(Entry& e) {
    if (e.ready || e.asked || e.cause == Cause::line) {
        e.state = ChildState::stopping;
    }
}

void TreeModel::stop_child(ChildIndex i) {
    Entry& e = at(i);
    if (e.state == ChildState::down) {
        return;
    }
    e.backoff = Timer{};
    e.asked = true;
    e.state = ChildState::stopping;
    if (is_gone(i)) {
        return settled(i);
    }
    if (!e.spec.is_supervisor) {
        return end_process(i, Cause::asked, false);
    }
    stop_team(i, Why::asked);
    if (e.spec.shutdown_kind == core::ShutdownKind::brutal_kill) {
        make_harsh(i, 2);
    } else if (e.spec.shutdown_kind == core::ShutdownKind::timed && e.life.at.is_never()) {
        set(e.life, grace(e), Tick::stop);
    }
}

/// The first cause fixes the fault (W-8).
void TreeModel::end_process(ChildIndex i, Cause cause, bool patient) {
    Entry& e = at(i);
    if (e.body != Body::spawning && e.body != Body::alive) {
        return;  // S-38
    }
    if (e.cause == Cause::none) {
        e.cause = cause;
    }
    show_stopping(e);
    if (e.body == Body::spawning) {
        e.stage = Stage::wanted;
    } else if (e.stage == Stage::none && patient) {
        e.stage = Stage::patient;
        const bool infinite = e.spec.shutdown_kind == core::ShutdownKind::infinity;
        const bool brutal = e.spec.shutdown_kind == core::ShutdownKind::brutal_kill;
        set(e.life, infinite ? Duration::forever() : brutal ? Duration{} : grace(e), Tick::stop);
    } else if (e.stage < Stage::signalled && !patient) {
        send_stop(i);
    }
}

/// S-35.
void TreeModel::send_stop(ChildIndex i) {
    Entry& e = at(i);
    const int harsh = at(e.parent).harsh;
    if (e.spec.shutdown_kind == core::ShutdownKind::brutal_kill || harsh == 2) {
        return kill(i, true);
    }
    if (harsh != 0 || urgency_ > 1) {
        return kill(i, false);
    }
    e.stage = Stage::signalled;
    e.term_sent = true;
    e.life = Timer{};
    expect("child_stopping", i, " signal=15");
    expect_effect(core::EffectKind::signal, i, 15);
    if (e.spec.shutdown_kind == core::ShutdownKind::infinity) {
        return;
    }
    if (e.spec.shutdown.ns == 0) {
        return kill(i, false);
    }
    set(e.life, grace(e), Tick::stop);
}

void TreeModel::kill(ChildIndex i, bool brutal) {
    Entry& e = at(i);
    if (e.body != Body::alive || e.stage == Stage::killed) {
        return;
    }
    e.stage = Stage::killed;
    e.brutal = brutal;
    expect("child_killing", i);
    expect_effect(core::EffectKind::signal_group, i, 9);
    set(e.life, kill_patience, Tick::overdue);
}

void TreeModel::make_harsh(ChildIndex top, int harsh) {
    for (ChildIndex i = top; i < entries_.size(); ++i) {
        Entry& e = at(i);
        if (!is_below(i, top)) {
            continue;
        }
        if (e.spec.is_supervisor) {
            e.harsh = std::max(e.harsh, harsh);
        } else if (e.body == Body::spawning || e.body == Body::alive) {
            e.asked = true;
            end_process(i, Cause::asked, false);
            kill(i, harsh == 2);
        }
    }
}

void TreeModel::stop_team(ChildIndex i, Why why) {
    Entry& e = at(i);
    if (e.part != Part::starting && e.part != Part::up) {
        return;
    }
    e.part = Part::stopping;
    e.why = why;
    e.cursor = e.children.size();
    e.begun = false;
    e.life = Timer{};
    refuse_postponed(i);
    show_stopping(e);
    expect("sup_stopping", i);
}

/// S-23, S-41: backwards, the next when the one before is down.
bool TreeModel::advance_stop(ChildIndex i) {
    Entry& e = at(i);
    while (e.cursor > 0) {
        const ChildIndex c = e.children[e.cursor - 1];
        if (at(c).state == ChildState::down) {
            answer_waiters(c, false, ErrorCode::stopping);  // it was still to be started
            --e.cursor;
            e.begun = false;
            continue;
        }
        if (e.begun) {
            return false;
        }
        e.begun = true;
        at(c).then_start = false;
        stop_child(c);
        return true;
    }
    team_down(i);
    return true;
}

void TreeModel::advance() {
    for (bool changed = true; changed;) {
        changed = false;
        for (ChildIndex i = 1; i < entries_.size(); ++i) {
            if (entries_[i].part == Part::starting) {
                changed = advance_start(i) || changed;
            } else if (entries_[i].part == Part::stopping) {
                changed = advance_stop(i) || changed;
            }
        }
    }
}

/// S-33, S-43, S-46.
void TreeModel::team_down(ChildIndex i) {
    Entry& e = at(i);
    e.part = Part::down;
    Verdict end;
    end.exit_class = core::ExitClass::abnormal;
    switch (e.why) {
        case Why::asked:
            end.exit_class = core::ExitClass::shutdown;
            if (e.harsh == 1) {
                end.fault.kind = FaultKind::timeout;
                end.fault.argument = static_cast<std::int32_t>(TimeoutOf::stop);
            }
            break;
        case Why::gave_up:
            end.fault.kind = FaultKind::error;
            end.fault.argument = static_cast<std::int32_t>(ErrorDetail::gave_up);
            if (e.spec.supervisor.front().on_give_up == core::OnGiveUp::shutdown) {
                end.exit_class = core::ExitClass::shutdown;
            }
            break;
        case Why::child_failed:
            end.fault.kind = FaultKind::error;
            end.fault.argument = static_cast<std::int32_t>(ErrorDetail::failed_to_start_child);
            end.fault.text = at(e.offender).spec.name;
            break;
        case Why::start_timeout:
            end.fault.kind = FaultKind::timeout;
            end.fault.argument = static_cast<std::int32_t>(TimeoutOf::start);
            break;
    }
    if (e.asked) {
        end.exit_class = core::ExitClass::shutdown;  // S-42
    }
    end.start_failure = !e.ready && i != 1 && !e.asked && e.why != Why::asked;
    const bool alert = i == 1 && e.why == Why::gave_up;
    take_end(i, end);
    if (alert) {
        expect("alert", i, reason("reason", end.fault, end.exit_class));
    }
    over(i, end);
}

}  // namespace backplane::sim
