// SPDX-License-Identifier: Apache-2.0
/// The operator's hand on what there is: hold, release, reset, and children that a call adds (8.10, 8.11, decisions 31 and 37).
///
/// A command that would touch the step that its supervisor's operation is in waits for that step's end, first come first served, and
/// no longer than its caller wants to (S-58). Stop, disable, hold and reset act at once.
#include "daemon/core/supervision.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace backplane::core {

// ---- hold, release, reset ----------------------------------------------------------------------------------------------------

/// The child, or where it is a supervisor all that is below it and itself.
template <class What>
void Supervision::each_meant(ChildIndex i, What what) {
    for (ChildIndex meant = i; meant != no_child; meant = next_below(i, meant)) {
        if (children_[meant].removed == 0 && meant != root_) {
            what(meant);
        }
    }
}

void Supervision::set_held(ChildIndex i, bool held) {
    Child& child = children_[i];
    if (i != root_) {
        team_of(child.supervisor).held += (held ? 1U : 0U) - child.held;
    }
    child.held = held ? 1 : 0;
}

/// What runs goes on, nothing is restarted. What is added below later is held as its supervisor is.
void Supervision::hold(Step&, ChildIndex i) {
    set_held(i, true);
    each_meant(i, [this](ChildIndex meant) { set_held(meant, true); });
}

/// Ends a hold or a quarantine. What was to be restarted meanwhile is: it was not counted, and has no delay.
void Supervision::let_go(Step& step, ChildIndex i) {
    std::vector<ChildIndex> waiting;
    if (i == root_) {
        set_held(i, false);
    }
    each_meant(i, [&](ChildIndex meant) {
        const Child& child = children_[meant];
        const bool waits = child.held != 0 && child.state == ChildState::restarting;
        set_held(meant, false);
        agenda_.push_back(child.supervisor);
        if (waits || child.state == ChildState::quarantined) {
            waiting.push_back(meant);
        }
    });
    for (const ChildIndex meant : waiting) {
        Child& child = children_[meant];
        if (child.state == ChildState::quarantined) {
            release(step, meant, Attempt::restart);
        } else if (child.pending != 0) {
            try_begin(step, meant);
        } else if (is_under_way(meant) || is_frozen(child.supervisor) || is_ahead(meant)) {
            continue;  // it is being started, or its group still comes to it
        } else if (has_groups(child.supervisor)) {
            begin_group(step, meant);
        } else {
            child.pending = 1;
            child.attempt = Attempt::restart;
            try_begin(step, meant);
        }
    }
}

/// Forgets failures, windows and the delay that came of them.
void Supervision::reset(Step& step, ChildIndex i) {
    if (children_[i].is_supervisor()) {
        windows_[children_[i].team].clear();
    }
    each_meant(i, [&](ChildIndex meant) {
        Child& child = children_[meant];
        child.failures = 0;
        child.frozen = Duration{};
        deadlines_.cancel(child.backoff_timer);
        if (child.is_supervisor()) {
            windows_[child.team].clear();
        }
        if (child.limit != 0) {
            limits_[child.limit].clear();
        }
        try_begin(step, meant);
        agenda_.push_back(child.supervisor);
    });
}

// ---- start_child ---------------------------------------------------------------------------------------------------------------

void Supervision::add_child(Step& step, const Event& event) {
    if (!contains(event.child) || !children_[event.child].is_supervisor()) {
        step.answer(event.session, event.number, ErrorCode::no_supervisor);
    } else if ((event.flag & command_again_flag) != 0 || !postpone(step, event, event.child)) {
        carry_out_add(step, event);
        settle(step);
    }
}

void Supervision::carry_out_add(Step& step, const Event& event) {
    const ChildIndex supervisor = event.child;
    const auto refuse = [&](ErrorCode code, std::string_view text = {}) { step.answer(event.session, event.number, code, text); };
    Expected<NewChild> added = decode_new_child(event.text);
    if (!added) {
        return refuse(ErrorCode::bad_spec, added.error().detail);
    }
    if (closing_ != 0 || is_frozen(supervisor)) {
        return refuse(team_of(supervisor).state == TeamState::down && closing_ == 0 ? ErrorCode::no_supervisor : ErrorCode::stopping);
    }
    if (team_of(supervisor).partitions != 0) {
        return refuse(ErrorCode::not_supported, "the number of partitions is fixed");  // S-64
    }
    ChildSpec spec;
    if (const ErrorCode wrong = name_new(supervisor, *added, spec); wrong != ErrorCode::ok) {
        return refuse(wrong, added->key);
    }
    const ChildIndex known = sibling(supervisor, spec.name);
    if ((event.flag & command_again_flag) != 0) {
        return add_again(step, event, known);
    }
    if (known != no_child) {
        const bool runs = children_[known].state == ChildState::running || children_[known].state == ChildState::starting;
        return refuse(runs ? ErrorCode::already_started : ErrorCode::already_present, texts_[children_[known].path]);
    }
    if (const Team& team = team_of(supervisor); team.max_children != 0 && team.children >= team.max_children) {
        return refuse(ErrorCode::max_children, std::to_string(team.max_children));
    }
    std::vector<Made> made;
    const ChildIndex child = make_entry(spec, supervisor, made);
    for (const Made& entry : made) {
        children_[entry.child].added = entry.child == child ? 1 : 0;
    }
    const bool too_deep =
        std::any_of(made.begin(), made.end(), [this](const Made& entry) { return children_[entry.child].depth > depth_max; });
    if (too_deep || !settle_names(made)) {
        free_subtree(nullptr, child);
        return refuse(ErrorCode::bad_spec, spec.name);
    }
    log(step, RecordKind::child_added, child);
    children_[child].fresh = 1;
    Waiter waiter;
    waiter.session = event.session;
    waiter.request = event.number;
    waiter.child = child;
    waiter.added = 1;
    const bool waits = (event.flag & command_waits) != 0;
    if (waits && waiter.session != daemon_session) {
        waiters_.push_back(waiter);
    }
    join(step, child);
    if (!waits) {
        answer_well(step, waiter);  // with the Device that it may have by now
    }
}

/// It was added before a crash of the daemon, and the answer got lost.
void Supervision::add_again(Step& step, const Event& event, ChildIndex known) {
    if (known == no_child) {
        step.answer(event.session, event.number, ErrorCode::start_failed, "it is not there any more");
        return;
    }
    Waiter waiter;
    waiter.session = event.session;
    waiter.request = event.number;
    waiter.child = known;
    waiter.added = 1;
    command_again(step, Verb::start, waiter, (event.flag & command_waits) != 0);
}

/// What the child is and how it is called: as given, or for a dynamic supervisor its template with more arguments (decision 31).
ErrorCode Supervision::name_new(ChildIndex supervisor, NewChild& added, ChildSpec& spec) {
    Team& team = team_of(supervisor);
    const bool dynamic = team.strategy == Strategy::dynamic;
    if (!added.spec.empty()) {
        spec = std::move(added.spec.front());
    } else if (!dynamic) {
        return ErrorCode::bad_spec;
    } else {
        Expected<ChildSpec> read = decode_child(texts_[team.template_child], true);
        if (!read || (read->is_supervisor && !added.arguments.empty())) {
            return ErrorCode::bad_spec;
        }
        spec = std::move(*read);
        std::vector<std::string>& arguments = spec.is_task() ? spec.task.arguments : spec.launch.exec;
        arguments.insert(arguments.end(), added.arguments.begin(), added.arguments.end());
        if (spec.is_task() && !is_sound_task(spec.task)) {
            return ErrorCode::bad_spec;
        }
    }
    if (!added.key.empty()) {
        spec.name = added.key;
    }
    while (dynamic && (spec.name.empty() || (added.key.empty() && sibling(supervisor, spec.name) != no_child))) {
        spec.name = std::to_string(team.next_key++);  // one that somebody gave by hand is passed over
    }
    added.key = spec.name;
    return spec.name.empty() ? ErrorCode::bad_spec : ErrorCode::ok;
}

/// A new child is started: now, or in its turn where an operation walks towards the end of the row.
void Supervision::join(Step& step, ChildIndex i) {
    Team& team = team_of(children_[i].supervisor);
    const bool walks = team.phase == GroupPhase::starting || (team.phase == GroupPhase::stopping && has_groups(children_[i].supervisor));
    if (!walks) {
        want_start(step, i, Attempt::command);
    } else if (team.phase == GroupPhase::starting && team.cursor.at == no_child) {
        team.cursor = Cursor{i, 0};
    }
    if (team.from == no_child && team.phase != GroupPhase::none) {
        team.from = i;
    }
    agenda_.push_back(children_[i].supervisor);
}

// ---- commands that wait -----------------------------------------------------------------------------------------------------------

/// Whether an operation of this supervisor is in the middle of a step.
bool Supervision::must_wait(ChildIndex supervisor) const {
    if (supervisor == no_child || closing_ != 0) {
        return false;
    }
    const Team& team = team_of(supervisor);
    const bool lives = team.state == TeamState::starting || team.state == TeamState::up;
    const bool in_step = lives && team.phase != GroupPhase::none && team.cursor.begun != 0;
    return in_step && (team.cursor.at == no_child ? team.parked_on == no_child : !is_parked(team.cursor.at));
}

/// True: it waits, or is refused because its caller would not.
bool Supervision::postpone(Step& step, const Event& event, ChildIndex supervisor) {
    const auto verb = static_cast<Verb>(event.mode);
    const bool touches = event.kind == EventKind::add_child || verb == Verb::start || verb == Verb::start_now || verb == Verb::restart ||
                         verb == Verb::remove || verb == Verb::enable;
    // What is meant for the very one that the step is about does not wait for itself.
    const bool at_hand = event.kind == EventKind::command && supervisor != no_child && team_of(supervisor).cursor.at == event.child;
    if (!touches || at_hand || !must_wait(supervisor) || is_frozen(supervisor)) {
        return false;
    }
    Postponed waiting;
    waiting.kind = static_cast<std::uint8_t>(event.kind);
    waiting.mode = event.mode;
    waiting.flag = event.flag;
    waiting.session = event.session;
    waiting.request = event.number;
    waiting.child = event.child;
    waiting.supervisor = supervisor;
    waiting.number = ++next_postponed_;
    waiting.text = texts_.add(event.text);
    if (event.extra != 0) {
        waiting.deadline = deadlines_.set(step.now + Duration::milliseconds(event.extra), DeadlineKind::postponed, waiting.number);
    }
    postponed_.push_back(waiting);
    return true;
}

/// The step is over: those that waited for it are carried out, until one begins another.
void Supervision::serve_postponed(Step& step, ChildIndex supervisor) {
    const auto of_this = [supervisor](const Postponed& waiting) { return waiting.supervisor == supervisor; };
    for (;;) {
        const auto found = std::find_if(postponed_.begin(), postponed_.end(), of_this);
        if (found == postponed_.end() || must_wait(supervisor)) {
            return;
        }
        Postponed waiting = *found;
        postponed_.erase(found);
        deadlines_.cancel(waiting.deadline);
        const std::string text{texts_[waiting.text]};
        texts_.release(waiting.text);
        Event event = Event::command(waiting.session, static_cast<Verb>(waiting.mode), waiting.child, false, waiting.request);
        event.flag = waiting.flag;
        event.text = text;
        if (static_cast<EventKind>(waiting.kind) == EventKind::add_child) {
            carry_out_add(step, event);
        } else if (!contains(waiting.child)) {
            step.answer(waiting.session, waiting.request, ErrorCode::not_found);
        } else {
            carry_out(step, static_cast<Verb>(waiting.mode), Waiter{waiting.request, waiting.session, waiting.child, 0, 0},
                      (waiting.flag & command_waits) != 0);
        }
    }
}

/// Its caller waits no longer: nothing happened.
void Supervision::postponed_due(Step& step, std::uint32_t number) {
    std::erase_if(postponed_, [&](Postponed& waiting) {
        if (waiting.number != number) {
            return false;
        }
        step.answer(waiting.session, waiting.request, ErrorCode::timeout);
        texts_.release(waiting.text);
        return true;
    });
}

void Supervision::refuse_postponed(Step& step, ChildIndex supervisor, ErrorCode code) {
    std::erase_if(postponed_, [&](Postponed& waiting) {
        if (waiting.supervisor != supervisor) {
            return false;
        }
        step.answer(waiting.session, waiting.request, code);
        texts_.release(waiting.text);
        deadlines_.cancel(waiting.deadline);
        return true;
    });
}

bool Supervision::is_postponed(std::uint32_t number) const {
    return std::any_of(postponed_.begin(), postponed_.end(), [number](const Postponed& waiting) { return waiting.number == number; });
}

}  // namespace backplane::core
