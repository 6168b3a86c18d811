// SPDX-License-Identifier: Apache-2.0
/// The calls of an operator by the rules (8.10, decision 37), rows, time, and the comparison with the core.
#include "tests/sim/naive_supervision.hpp"

#include <algorithm>

namespace backplane::sim {

using namespace core;

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
        const auto next = std::find_if(s.kids.begin(), s.kids.end(), [k](int other) { return other > k; });
        s.from = next == s.kids.end() ? k + 1 : *next;
    }
}

/// S-18, S-44.
void NaiveSupervision::remove(int k) {
    say(RecordKind::child_removed, k);
    at(k).remove = false;
    if (at(k).added) {
        free(k);
        return;
    }
    leave_row(k);
    at(k).held = false;
    for (const int gone : below(k)) {
        at(gone).removed = true;
    }
}

void NaiveSupervision::free(int k) {
    leave_row(k);
    for (const int kid : below(k)) {
        answer_all(kid, true, ErrorCode::ok);
        answer_all(kid, false, ErrorCode::not_found);
        std::erase_if(postponed_, [&](const Command& waiting) {
            const bool its = waiting.kid == kid;
            its ? answer(waiting.request, ErrorCode::not_found) : void();
            return its;
        });
        std::erase_if(timers_, [kid](const Timer& timer) { return timer.kid == kid && timer.tick != Tick::postponed; });
        at(kid).freed = true;
    }
    std::erase(at(at(k).parent).kids, k);
}

// ---- time ----------------------------------------------------------------------------------------------------------------------

void NaiveSupervision::set(Tick tick, int k, Duration delay, std::uint64_t request) {
    if (!(now_ + delay).is_never()) {
        timers_.push_back(Timer{now_ + delay, ++order_, tick, k, request});
    }
}

void NaiveSupervision::cancel(Tick tick, int k) {
    std::erase_if(timers_, [&](const Timer& timer) { return timer.tick == tick && timer.kid == k; });
}

const NaiveSupervision::Timer* NaiveSupervision::timer(Tick tick, int k) const {
    const auto found =
        std::find_if(timers_.begin(), timers_.end(), [&](const Timer& timer) { return timer.tick == tick && timer.kid == k; });
    return found == timers_.end() ? nullptr : &*found;
}

void NaiveSupervision::fire(const Timer& due) {
    Kid& kid = at(due.kid);
    switch (due.tick) {
        case Tick::backoff: break;
        case Tick::ready:
            if (kid.body == Body::alive && !kid.ready && kid.stage == StopStage::none) {
                started(due.kid);
            }
            break;
        case Tick::cooldown: release(due.kid); break;
        case Tick::postponed:
            std::erase_if(postponed_, [&](const Command& waiting) { return waiting.request == due.request; });
            answer(due.request, ErrorCode::timeout);
            break;
        case Tick::life:
            if (kid.stage == StopStage::killed || kid.body == Body::draining) {
                break;  // it is told that it cannot be killed
            }
            if (kid.spec.is_supervisor) {
                kid.team == TeamState::stopping ? make_harsh(due.kid, 1) : stop_team(due.kid, TeamEnd::start_timeout);
            } else if (kid.stage == StopStage::signalled) {
                kill(due.kid);
            } else {
                kid.late_start = true;
                end_process(due.kid);
            }
            break;
    }
}

// ---- one step --------------------------------------------------------------------------------------------------------------------

void NaiveSupervision::step(Instant now, const Event& event, const Effects& told) {
    told_ = &told;
    deeds_.clear();
    said_.clear();
    answers_.clear();
    now_ = now;
    for (;;) {
        const auto due = std::min_element(timers_.begin(), timers_.end(),
                                          [](const Timer& a, const Timer& b) { return a.at != b.at ? a.at < b.at : a.order < b.order; });
        if (due == timers_.end() || due->at > now) {
            break;
        }
        const Timer fired = *due;
        timers_.erase(due);
        fire(fired);
        settle();
    }
    take(event);
    settle();
}

void NaiveSupervision::take(const Event& event) {
    const int k = kid_at(event.child);
    const bool current = k >= 0 && !at(k).freed && !at(k).spec.is_supervisor && at(k).generation == event.generation;
    Kid* const kid = current ? &at(k) : nullptr;
    switch (event.kind) {
        case EventKind::configure: begin(0); break;
        case EventKind::terminate:
            closing_ = true;
            at(0).then_start = false;
            for (int s = 0; s < static_cast<int>(kids_.size()); ++s) {
                refuse(s, ErrorCode::stopping);
            }
            stop(0);
            break;
        case EventKind::command:
        case EventKind::add_child:
            command(Command{event.kind, static_cast<Verb>(event.mode), k, (event.flag & command_waits) != 0, event.number,
                            std::string{event.text}});
            if (event.extra != 0 && !postponed_.empty() && postponed_.back().request == event.number) {
                set(Tick::postponed, 0, Duration::milliseconds(event.extra), event.number);
            }
            break;
        case EventKind::spawned:
            if (kid != nullptr && kid->body == Body::spawning) {
                spawned(k);
            }
            break;
        case EventKind::spawn_failed:
            if (kid != nullptr && kid->body == Body::spawning) {
                kid->body = Body::none;
                cancel(Tick::life, k);
                end(k, Ending{kid->asked ? ExitClass::shutdown : ExitClass::abnormal, true, false, RestartWish::by_type});
            }
            break;
        case EventKind::ready:
            if (kid != nullptr && !kid->spec.oneshot) {
                kid->early = kid->early || kid->body == Body::spawning;
                if (kid->body == Body::alive && !kid->ready && kid->stage == StopStage::none) {
                    started(k);
                }
            }
            break;
        case EventKind::exited:
            if (kid != nullptr && kid->body == Body::alive) {
                exited(k, static_cast<ExitHow>(event.mode), event.argument);
            }
            break;
        case EventKind::group_empty:
            if (kid != nullptr && kid->body == Body::draining) {
                kid->body = Body::none;
                cancel(Tick::life, k);
                settled(k);
            }
            break;
        default: break;
    }
}

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

void NaiveSupervision::refuse(int s, ErrorCode code) {
    std::erase_if(postponed_, [&](const Command& waiting) {
        const bool its = (waiting.kind == EventKind::add_child ? waiting.kid : at(waiting.kid).parent) == s;
        if (its) {
            answer(waiting.request, code);
            std::erase_if(timers_, [&](const Timer& timer) { return timer.tick == Tick::postponed && timer.request == waiting.request; });
        }
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
    switch (at(k).state) {
        case ChildState::starting:
        case ChildState::running: refusal = ErrorCode::running; break;
        case ChildState::restarting: refusal = now && refusal == ErrorCode::ok ? ErrorCode::ok : ErrorCode::restarting; break;
        case ChildState::stopping: refusal = ErrorCode::stopping; break;
        case ChildState::quarantined: refusal = now && refusal == ErrorCode::ok ? ErrorCode::ok : ErrorCode::quarantined; break;
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
    } else {
        at(k).state == ChildState::quarantined ? release(k) : start_now(k);
    }
}

/// Now, or in its turn; the group that waited for it goes on (S-53a).
void NaiveSupervision::start_now(int k) {
    at(k).skip = false;
    const int s = at(k).parent;
    if (s >= 0 && at(s).parked == k && at(s).op == GroupPhase::starting && k <= current(s)) {
        at(s).parked = -1;
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
    kid.remove = kid.spec.restart == RestartType::temporary;
    accept(asked, true);
    const bool pends = kid.state == ChildState::restarting || kid.state == ChildState::starting;
    const bool waited_for = grouped && at(kid.parent).team == TeamState::up && pends && !kid.regroup;
    kid.skip = grouped || ahead(k);
    if (waited_for && !kid.remove) {
        park(k);
    }
    stop(k);
}

void NaiveSupervision::hand(const Command& asked) {
    const int k = asked.kid;
    Kid& kid = at(k);
    switch (asked.verb) {
        case Verb::start:
        case Verb::start_now: start_command(asked); return;
        case Verb::stop: stop_command(asked); return;
        case Verb::restart:
            if (const ErrorCode refusal = may_start(k); refusal != ErrorCode::ok) {
                answer(asked.request, refusal);
                return;
            }
            accept(asked, false);
            if (kid.state == ChildState::down || kid.state == ChildState::quarantined) {
                kid.state == ChildState::down ? start_now(k) : release(k);
                return;
            }
            kid.then_start = true;
            kid.remove = false;
            stop(k);
            return;
        case Verb::remove: {
            const bool rests = kid.state == ChildState::down || (kid.state == ChildState::quarantined && gone(k));
            const ErrorCode refusal = k == 0 || dynamic(k)                                                        ? ErrorCode::not_supported
                                      : rests                                                                     ? ErrorCode::ok
                                      : kid.state == ChildState::restarting                                       ? ErrorCode::restarting
                                      : kid.state == ChildState::stopping || kid.state == ChildState::quarantined ? ErrorCode::stopping
                                                                                                                  : ErrorCode::running;
            answer(asked.request, refusal);
            if (refusal == ErrorCode::ok) {
                cancel(Tick::cooldown, k);
                kid.state = ChildState::down;
                remove(k);
            }
            return;
        }
        case Verb::enable:
            if (!std::exchange(kid.disabled, false) || kid.state != ChildState::down || may_start(k) != ErrorCode::ok) {
                break;
            }
            accept(asked, false);
            start_now(k);
            return;
        case Verb::disable:
            if (k == 0 || dynamic(k)) {
                answer(asked.request, ErrorCode::not_supported);
                return;
            }
            kid.disabled = true;
            if (kid.state == ChildState::down) {
                answer_all(k, false, ErrorCode::stopping);
                unpark(k);
                break;
            }
            kid.then_start = false;
            accept(asked, true);
            stop(k);
            unpark(k);
            return;
        case Verb::hold:
            for (const int meant : below(k)) {
                at(meant).held = meant != 0 && !at(meant).removed ? true : at(meant).held;
            }
            break;
        case Verb::release: let_go(k); break;
        case Verb::reset:
            for (const int meant : below(k)) {
                if (!at(meant).removed) {
                    at(meant).failures = meant != 0 ? 0 : at(meant).failures;
                    at(meant).frozen = Duration{};
                    at(meant).window.clear();
                    at(meant).events.clear();
                    cancel(Tick::backoff, meant);
                }
            }
            break;
    }
    answer(asked.request, ErrorCode::ok);
}

/// What was to be restarted during the hold is: it was not counted, and has no delay.
void NaiveSupervision::let_go(int k) {
    std::vector<int> waiting;
    for (const int meant : below(k)) {
        Kid& kid = at(meant);
        if (meant == 0 || kid.removed) {
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
            release(meant);
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
    }
}

// ---- the comparison ----------------------------------------------------------------------------------------------------------------

std::string NaiveSupervision::compare_kid(Instant now, const Kid& kid, const Engine& engine) const {
    const ChildView view = engine.supervision().view(kid.index, now);
    const Timer* delay =
        timer(kid.state == ChildState::quarantined ? Tick::cooldown : Tick::backoff, static_cast<int>(&kid - kids_.data()));
    const ChildState state = kid.disabled && kid.state == ChildState::down ? ChildState::disabled : kid.state;
    const DownReason reason = kid.state == ChildState::down ? kid.reason : DownReason::none;
    std::uint32_t children = 0;
    std::uint32_t used = 0;
    for (const int k : kid.kids) {
        children += at(k).removed ? 0U : 1U;
    }
    for (const Instant event : kid.events) {
        used += now - event > kid.sup().period ? 0U : 1U;
    }
    const auto differs = [&](const char* what, auto is, auto should) {
        return is == should ? std::string{}
                            : kid.path + ": " + what + " is " + std::to_string(static_cast<long long>(is)) + "; should be " +
                                  std::to_string(static_cast<long long>(should)) + "  ";
    };
    return differs("state", view.state, state) + differs("reason", view.reason, reason) +
           differs("generation", view.generation, kid.generation) + differs("restarts", view.restarts, kid.restarts) +
           differs("failures", view.failures, kid.failures) + differs("held", view.is_held, kid.held) +
           differs("next start", view.next_start.ns, delay != nullptr ? delay->at.ns : Instant::never().ns) +
           differs("window", view.window_used, used) + differs("children", view.children, children);
}

std::string NaiveSupervision::compare(Instant now, const Engine& engine, const Effects& told) {
    std::size_t there = 0;
    for (std::size_t k = 0; k < kids_.size(); ++k) {
        Kid& kid = kids_[k];
        if (kid.index == 0 && !kid.freed) {
            kid.index = k == 0 ? engine.supervision().root() : engine.supervision().find(kid.path);
            // A place that is used again has its generations going on.
            const std::uint32_t before = kid_at(kid.index) < 0 ? 0 : at(kid_at(kid.index)).generation;
            kid.generation += before;
            for (Deed& done : deeds_) {
                done.generation += done.child == k ? before : 0;
            }
            by_index_[kid.index] = static_cast<int>(k);
        }
        if (kid.freed) {
            continue;
        }
        there += kid.removed ? 0 : 1;
        if (const std::string wrong = !kid.removed ? compare_kid(now, kid, engine) : std::string{}; !wrong.empty() && wrong_.empty()) {
            wrong_ = wrong;
        }
    }
    for (ChildIndex i = engine.supervision().root(); i != no_child; i = engine.supervision().next_in_tree(i)) {
        --there;
    }
    wrong_ = wrong_.empty() && there != 0 ? "there are other entries than there should be" : wrong_;
    got_deeds_.clear();
    got_said_.clear();
    got_answers_.clear();
    for (const Effect& effect : told.list) {
        const int k = kid_at(effect.child);
        if (effect.kind == EffectKind::answer) {
            got_answers_.push_back(Answered{effect.number, effect.code});
        } else if (effect.kind >= EffectKind::spawn && effect.kind <= EffectKind::reap && k >= 0) {
            const std::int32_t argument = effect.kind == EffectKind::spawn ? 0 : effect.argument;
            got_deeds_.push_back(Deed{at(k).parent, effect.kind, static_cast<ChildIndex>(k), effect.generation, argument});
        }
    }
    for (const Record& record : told.records) {
        const bool ends = record.kind == RecordKind::child_completed || record.kind == RecordKind::child_start_failed ||
                          record.kind == RecordKind::child_down || record.kind == RecordKind::sup_down;
        const bool counts =
            record.kind == RecordKind::restart || record.kind == RecordKind::sup_giving_up || record.kind == RecordKind::child_quarantined;
        const bool other = record.kind == RecordKind::child_stopping || record.kind == RecordKind::child_killing ||
                           record.kind == RecordKind::child_backoff || record.kind == RecordKind::child_blocked ||
                           record.kind == RecordKind::shutdown_error || record.kind == RecordKind::child_unkillable ||
                           record.kind == RecordKind::alert || record.kind <= RecordKind::notice;
        if (!other) {
            const std::int64_t number = ends ? static_cast<std::int64_t>(record.exit_class) : counts ? record.number : 0;
            got_said_.push_back(Said{record.kind, std::string{told.name_of(record)}, number});
        }
    }
    // Order is a matter of one supervisor's row, and of groups only.
    const auto by_row = [&](const Deed& a, const Deed& b) {
        const bool free = a.parent == b.parent && !groups(a.parent);
        return a.parent != b.parent ? a.parent < b.parent : free && a < b;
    };
    std::stable_sort(deeds_.begin(), deeds_.end(), by_row);
    std::stable_sort(got_deeds_.begin(), got_deeds_.end(), by_row);
    std::sort(said_.begin(), said_.end());
    std::sort(got_said_.begin(), got_said_.end());
    std::sort(answers_.begin(), answers_.end());
    std::sort(got_answers_.begin(), got_answers_.end());
    std::string wrong = std::exchange(wrong_, {});
    const auto name = [&](ChildIndex k) { return at(static_cast<int>(k)).path; };
    const auto list = [&](std::string_view what, const auto& got, const auto& should, auto words) {
        if (got == should) {
            return;
        }
        wrong += "\n    " + std::string{what} + ":";
        for (const auto& one : got) {
            wrong += " " + words(one);
        }
        wrong += "\n    should be:";
        for (const auto& one : should) {
            wrong += " " + words(one);
        }
    };
    list("effects", got_deeds_, deeds_, [&](const Deed& deed) {
        constexpr const char* names[] = {"spawn", "?", "?", "?", "signal", "signal group", "reap"};
        return std::string{names[static_cast<int>(deed.kind) - static_cast<int>(EffectKind::spawn)]} + "(" + name(deed.child) + "." +
               std::to_string(deed.generation) + (deed.argument != 0 ? ", " + std::to_string(deed.argument) : "") + ")";
    });
    list("events", got_said_, said_, [&](const Said& said) {
        return "#" + std::to_string(static_cast<int>(said.kind)) + "(" + said.path + ", " + std::to_string(said.number) + ")";
    });
    list("answers", got_answers_, answers_,
         [&](const Answered& one) { return std::to_string(one.request) + ":" + std::string{error_name(one.code)}; });
    return wrong;
}

}  // namespace backplane::sim
