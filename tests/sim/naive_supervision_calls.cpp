// SPDX-License-Identifier: Apache-2.0
/// The calls of an operator by the rules (8.10, decision 37).
#include "tests/sim/naive_supervision.hpp"

#include <algorithm>
#include <utility>

namespace backplane::sim {

using namespace core;

// ---- calls -----------------------------------------------------------------------------------------------------------------------

void NaiveSupervision::deed(EffectKind kind, int k, std::int32_t argument) {
    deeds_.push_back(Deed{at(k).parent, kind, static_cast<ChildIndex>(k), at(k).generation, argument});
}

void NaiveSupervision::say(RecordKind kind, int k, std::int64_t number) { said_.push_back(Said{kind, at(k).path, number}); }

void NaiveSupervision::answer(std::uint64_t request, ErrorCode code) { answers_.push_back(Answered{request, code}); }

void NaiveSupervision::accept(const Command& asked, bool wants_down) {
    asked.wait ? waiters_.push_back(Waiter{asked.kid, wants_down, asked.request}) : answer(asked.request, ErrorCode::ok);
}

void NaiveSupervision::answer_all(int k, bool wants_down, ErrorCode code) {
    std::erase_if(waiters_, [&](const Waiter& waiter) {
        const bool its = waiter.kid == k && waiter.wants_down == wants_down;
        its ? answer(waiter.request, code) : void();
        return its;
    });
}

void NaiveSupervision::forget(const Command& waiting, ErrorCode code) {
    answer(waiting.request, code);
    std::erase_if(timers_, [&](const Timer& timer) { return timer.tick == Tick::postponed && timer.request == waiting.request; });
}

void NaiveSupervision::refuse(int s, ErrorCode code) {
    std::erase_if(postponed_, [&](const Command& waiting) {
        const bool its = (waiting.kind == EventKind::add_child ? waiting.kid : at(waiting.kid).parent) == s;
        its ? forget(waiting, code) : void();
        return its;
    });
}

/// S-58: the first that waited for the step to end. False where none did.
bool NaiveSupervision::serve(int s) {
    const auto first = std::find_if(postponed_.begin(), postponed_.end(), [&](const Command& waiting) {
        return (waiting.kind == EventKind::add_child ? waiting.kid : at(waiting.kid).parent) == s;
    });
    if (first == postponed_.end()) {
        return false;
    }
    const Command next = *first;
    postponed_.erase(first);
    std::erase_if(timers_, [&](const Timer& timer) { return timer.tick == Tick::postponed && timer.request == next.request; });
    if (next.kind == EventKind::add_child) {
        add(next);
    } else {
        at(next.kid).removed ? answer(next.request, ErrorCode::not_found) : hand(next);
    }
    return true;
}

void NaiveSupervision::command(const Command& asked) {
    const bool adds = asked.kind == EventKind::add_child;
    const bool known = asked.kid >= 0 && !at(asked.kid).freed && !at(asked.kid).removed;
    if (closing_ || !known || (adds && !at(asked.kid).spec.is_supervisor)) {
        answer(asked.request, closing_ ? ErrorCode::stopping : adds ? ErrorCode::no_supervisor : ErrorCode::not_found);
        return;
    }
    const int s = adds ? asked.kid : at(asked.kid).parent;
    const bool touches = asked.verb == Verb::start || asked.verb == Verb::start_now || asked.verb == Verb::restart ||
                         asked.verb == Verb::remove || asked.verb == Verb::enable;
    const bool at_hand = !adds && s >= 0 && current(s) == asked.kid;
    if ((adds || touches) && !at_hand && busy(s) && !frozen(s)) {
        postponed_.push_back(asked);
    } else {
        adds ? add(asked) : hand(asked);
    }
}

ErrorCode NaiveSupervision::may_start(int k) const {
    const int s = at(k).parent;
    if (s < 0) {
        return ErrorCode::ok;
    }
    return at(s).team == TeamState::down ? ErrorCode::no_supervisor
           : frozen(s)                   ? ErrorCode::stopping
           : dynamic(k)                  ? ErrorCode::not_supported
           : at(k).disabled              ? ErrorCode::disabled
                                         : ErrorCode::ok;
}

void NaiveSupervision::start_command(const Command& asked) {
    const int k = asked.kid;
    const bool now = asked.verb == Verb::start_now;
    ErrorCode refusal = may_start(k);
    switch (refusal == ErrorCode::ok ? at(k).state : ChildState::down) {  // S-57, S-60 before its own state
        case ChildState::starting:
        case ChildState::running: refusal = ErrorCode::running; break;
        case ChildState::restarting: refusal = now ? ErrorCode::ok : ErrorCode::restarting; break;
        case ChildState::stopping: refusal = ErrorCode::stopping; break;
        case ChildState::quarantined: refusal = now ? ErrorCode::ok : ErrorCode::quarantined; break;
        case ChildState::disabled:
        case ChildState::down: break;
    }
    if (refusal == ErrorCode::ok && at(k).state == ChildState::down && at(k).reason == DownReason::not_reached) {
        refusal = ErrorCode::busy;
    }
    if (refusal != ErrorCode::ok) {
        answer(asked.request, refusal);
        return;
    }
    accept(asked, false);
    if (at(k).state == ChildState::restarting) {
        cancel(Tick::backoff, k);
        at(k).frozen = Duration{};
        grant(k);
    } else {
        at(k).state == ChildState::quarantined ? release(k, Attempt::command) : start_now(k);
    }
}

/// Now, or in its turn; the group that waited for it goes on (S-53a).
void NaiveSupervision::start_now(int k) {
    at(k).skip = false;
    const int s = at(k).parent;
    if (s >= 0 && at(s).parked == k && at(s).op == GroupPhase::starting && k <= current(s)) {
        at(s).parked = -1;
        for (const int other : at(s).kids) {  // it will come to them anew
            at(other).turn = at(other).turn == Turn::now ? Turn::todo : at(other).turn;
        }
        at(k).turn = Turn::now;
    } else if (ahead(k)) {
        unpark(k);
        return;
    }
    want(k, Attempt::command);
}

void NaiveSupervision::stop_command(const Command& asked) {
    const int k = asked.kid;
    Kid& kid = at(k);
    const bool grouped = in_group(k);
    if (kid.state == ChildState::down) {
        kid.skip = grouped || ahead(k);
        kid.reason = kid.reason == DownReason::not_reached ? DownReason::terminated : kid.reason;
        answer_all(k, false, ErrorCode::stopping);
        answer(asked.request, ErrorCode::ok);
        return;
    }
    kid.then_start = false;
    kid.remove = kid.spec.restart == RestartType::temporary && !kid.spec.retain;
    accept(asked, true);
    const bool pends = kid.state == ChildState::restarting || kid.state == ChildState::starting;
    const bool waited_for = grouped && at(kid.parent).team == TeamState::up && pends && !kid.regroup;
    kid.skip = grouped || ahead(k);
    if (waited_for && !kid.remove) {
        park(k);
    }
    stop(k);
}

void NaiveSupervision::restart_command(const Command& asked) {
    Kid& kid = at(asked.kid);
    if (const ErrorCode refusal = may_start(asked.kid); refusal != ErrorCode::ok) {
        answer(asked.request, refusal);
        return;
    }
    accept(asked, false);
    if (kid.state == ChildState::down) {
        start_now(asked.kid);
    } else if (kid.state == ChildState::quarantined) {
        release(asked.kid, Attempt::command);
    } else {
        kid.then_start = true;
        kid.remove = false;
        stop(asked.kid);
    }
}

void NaiveSupervision::remove_command(const Command& asked) {
    Kid& kid = at(asked.kid);
    ErrorCode refusal = ErrorCode::ok;
    switch (kid.state) {
        case ChildState::starting:
        case ChildState::running: refusal = ErrorCode::running; break;
        case ChildState::restarting: refusal = ErrorCode::restarting; break;
        case ChildState::stopping: refusal = ErrorCode::stopping; break;
        case ChildState::quarantined: refusal = gone(asked.kid) ? ErrorCode::ok : ErrorCode::stopping; break;
        case ChildState::disabled:
        case ChildState::down: break;
    }
    refusal = asked.kid == 0 || dynamic(asked.kid) ? ErrorCode::not_supported : refusal;
    answer(asked.request, refusal);
    if (refusal == ErrorCode::ok) {
        cancel(Tick::cooldown, asked.kid);
        kid.state = ChildState::down;
        remove(asked.kid);
    }
}

///
void NaiveSupervision::disable_command(const Command& asked) {
    const int k = asked.kid;
    if (k == 0 || dynamic(k)) {
        answer(asked.request, ErrorCode::not_supported);
        return;
    }
    at(k).disabled = true;
    if (at(k).state == ChildState::down) {
        answer_all(k, false, ErrorCode::stopping);
        answer(asked.request, ErrorCode::ok);
    } else {
        at(k).then_start = false;
        accept(asked, true);
        stop(k);
    }
    unpark(k);
}

void NaiveSupervision::forget_failures(int k) {
    for (const int meant : below(k)) {
        if (!at(meant).removed) {
            at(meant).failures = meant != 0 ? 0 : at(meant).failures;
            at(meant).frozen = Duration{};
            at(meant).window.clear();
            at(meant).events.clear();
            cancel(Tick::backoff, meant);
        }
    }
}

void NaiveSupervision::hand(const Command& asked) {
    const int k = asked.kid;
    switch (asked.verb) {
        case Verb::start:
        case Verb::start_now: start_command(asked); return;
        case Verb::stop: stop_command(asked); return;
        case Verb::restart: restart_command(asked); return;
        case Verb::remove: remove_command(asked); return;
        case Verb::disable: disable_command(asked); return;
        case Verb::enable:
            if (!std::exchange(at(k).disabled, false) || at(k).state != ChildState::down || may_start(k) != ErrorCode::ok) {
                break;
            }
            accept(asked, false);
            start_now(k);
            return;
        case Verb::hold:
            for (const int meant : below(k)) {
                at(meant).held = at(meant).held || !at(meant).removed;
            }
            break;
        case Verb::release: let_go(k); break;
        case Verb::reset: forget_failures(k); break;
    }
    answer(asked.request, ErrorCode::ok);
}

/// What was to be restarted during the hold is: it was not counted, and has no delay.
void NaiveSupervision::let_go(int k) {
    std::vector<int> waiting;
    for (const int meant : below(k)) {
        Kid& kid = at(meant);
        if (kid.removed) {
            continue;
        }
        const bool waits = std::exchange(kid.held, false) && kid.state == ChildState::restarting;
        if (waits || kid.state == ChildState::quarantined) {
            waiting.push_back(meant);
        }
    }
    for (const int meant : waiting) {
        Kid& kid = at(meant);
        if (kid.state == ChildState::quarantined) {
            release(meant, Attempt::restart);
        } else if (kid.wish) {
            grant(meant);
        } else if (frozen(kid.parent) || ahead(meant) || kid.body == Body::spawning || kid.body == Body::alive ||
                   (kid.spec.is_supervisor && !gone(meant))) {
            continue;
        } else if (groups(kid.parent)) {
            begin_group(meant);
        } else {
            kid.wish = true;
            kid.attempt = Attempt::restart;
            grant(meant);
        }
    }
    for (const int meant : below(k)) {  // from above
        const int s = at(meant).parent;
        while (s >= 0 && !at(s).freed && move(s)) {
        }
    }
}

/// `start_child`: S-54, S-62, decision 31.
void NaiveSupervision::add(const Command& asked) {
    const int s = asked.kid;
    const Expected<NewChild> added = decode_new_child(asked.text);
    if (closing_ || frozen(s)) {
        answer(asked.request, at(s).team == TeamState::down && !closing_ ? ErrorCode::no_supervisor : ErrorCode::stopping);
        return;
    }
    const bool dynamic = at(s).sup().strategy == Strategy::dynamic;
    const auto named = [&](const std::string& name) {
        const auto found =
            std::find_if(at(s).kids.begin(), at(s).kids.end(), [&](int k) { return at(k).spec.name == name && !at(k).removed; });
        return found == at(s).kids.end() ? -1 : *found;
    };
    if (!dynamic && added->spec.empty()) {
        answer(asked.request, ErrorCode::bad_spec);
        return;
    }
    ChildSpec spec = added->spec.empty() ? at(s).sup().template_child.front() : added->spec.front();
    spec.name = added->key.empty() ? spec.name : added->key;
    while (dynamic && (spec.name.empty() || (added->key.empty() && named(spec.name) >= 0))) {
        spec.name = std::to_string(at(s).next_key++);
    }
    if (const int known = named(spec.name); known >= 0) {
        const bool runs = at(known).state == ChildState::running || at(known).state == ChildState::starting;
        answer(asked.request, runs ? ErrorCode::already_started : ErrorCode::already_present);
        return;
    }
    const auto there = std::count_if(at(s).kids.begin(), at(s).kids.end(), [&](int k) { return !at(k).removed; });
    if (at(s).sup().max_children != 0 && there >= static_cast<std::ptrdiff_t>(at(s).sup().max_children)) {
        answer(asked.request, ErrorCode::max_children);
        return;
    }
    const int k = make(spec, s);
    at(k).added = at(k).fresh = true;
    say(RecordKind::child_added, k);
    accept(Command{asked.kind, asked.verb, k, asked.wait, asked.request, {}}, false);
    const bool walks = at(s).op == GroupPhase::starting || (at(s).op == GroupPhase::stopping && groups(s));
    if (!walks) {
        want(k, Attempt::command);
    } else if (at(s).op == GroupPhase::stopping) {
        at(k).turn = Turn::over;  // there is nothing to stop
    }
}

}  // namespace backplane::sim
