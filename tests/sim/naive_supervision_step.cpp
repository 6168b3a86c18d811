// SPDX-License-Identifier: Apache-2.0
/// Time and events of the model, and the comparison with the core.
#include "tests/sim/naive_supervision.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace backplane::sim {

using namespace core;

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
        case Tick::cooldown: release(due.kid, Attempt::restart); break;
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
            } else if (kid.stage == StopStage::hook) {
                send_stop(due.kid);
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
    owed_.clear();
    now_ = now;
    if (event.kind == EventKind::late) {  // X-5
        std::vector<Timer> late;
        std::copy_if(timers_.begin(), timers_.end(), std::back_inserter(late), [&](const Timer& timer) { return timer.at <= now; });
        std::erase_if(timers_, [&](const Timer& timer) { return timer.at <= now; });
        std::sort(late.begin(), late.end(), [](const Timer& a, const Timer& b) {
            return std::pair{a.at, a.order} < std::pair{b.at, b.order};
        });
        for (Timer& timer : late) {
            timer.at = now + Duration::seconds(1);
            timer.order = ++order_;
            timers_.push_back(timer);
        }
    }
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
            settle();
            end_withdrawn_tasks();
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
                end(k, Ending{kid->asked ? ExitClass::shutdown : ExitClass::abnormal, true, false, false, RestartWish::by_type});
            }
            break;
        case EventKind::drained:
            if (kid != nullptr && kid->body == Body::alive && kid->stage == StopStage::hook) {
                send_stop(k);
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
        default: take_from_client(event); break;
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

/// Of an entry that came and went within one step: the log has it.
ChildIndex NaiveSupervision::index_told(std::string_view path) const {
    const auto found = std::find_if(told_->records.begin(), told_->records.end(),
                                    [&](const Record& record) { return record.child != no_child && told_->name_of(record) == path; });
    return found == told_->records.end() ? no_child : found->child;
}

/// The entries of the core are those of the model, and are shown as they are there.
void NaiveSupervision::compare_rows(Instant now, const Engine& engine) {
    std::size_t there = 0;
    for (std::size_t k = 0; k < kids_.size(); ++k) {
        Kid& kid = kids_[k];
        if (kid.index == 0 && (!kid.freed || k >= met_)) {
            kid.index = k == 0 ? engine.supervision().root() : kid.freed ? index_told(kid.path) : engine.supervision().find(kid.path);
            // A place that is used again has its generations going on.
            const std::uint32_t before = kid_at(kid.index) < 0 ? 0 : at(kid_at(kid.index)).generation;
            kid.generation += before;
            for (Deed& done : deeds_) {
                done.generation += done.child == k ? before : 0;
            }
            for (Owing& owing : owed_) {
                owing.generation += owing.child == k ? before : 0;
            }
            by_index_[kid.index] = static_cast<int>(k);
        }
        if (kid.freed) {
            continue;
        }
        there += kid.removed ? 0 : 1;
        kid.device = kid.client != daemon_session ? engine.supervision().view(kid.index, now).device : DeviceId{};
        if (const std::string wrong = !kid.removed ? compare_kid(now, kid, engine) : std::string{}; !wrong.empty() && wrong_.empty()) {
            wrong_ = wrong;
        }
    }
    met_ = kids_.size();
    for (ChildIndex i = engine.supervision().root(); i != no_child; i = engine.supervision().next_in_tree(i)) {
        --there;
    }
    wrong_ = wrong_.empty() && there != 0 ? "there are other entries than there should be" : wrong_;
}

/// What the core did, in the model's words.
void NaiveSupervision::take_told(const Effects& told) {
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
                           record.kind == RecordKind::alert || record.kind == RecordKind::child_draining ||
                           record.kind <= RecordKind::notice;
        if (!other) {
            const std::int64_t number = ends ? static_cast<std::int64_t>(record.exit_class) : counts ? record.number : 0;
            got_said_.push_back(Said{record.kind, std::string{told.name_of(record)}, number});
        }
    }
    // Order is a matter of one supervisor's row, and of groups only.
    const auto by_row = [&](const Deed& a, const Deed& b) {
        const bool free = a.parent == b.parent && (!groups(a.parent) || at(a.parent).sup().start_order == StartOrder::parallel);
        return a.parent != b.parent ? a.parent < b.parent : free && a < b;
    };
    std::stable_sort(deeds_.begin(), deeds_.end(), by_row);
    std::stable_sort(got_deeds_.begin(), got_deeds_.end(), by_row);
    std::sort(said_.begin(), said_.end());
    std::sort(got_said_.begin(), got_said_.end());
    std::sort(answers_.begin(), answers_.end());
    std::sort(got_answers_.begin(), got_answers_.end());
}

std::string NaiveSupervision::compare(Instant now, const Engine& engine, const Effects& told, const std::vector<Owing>& owed) {
    compare_rows(now, engine);
    take_told(told);
    take_owed(owed);
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
    list("owed", got_owed_, owed_, [&](const Owing& owing) {
        const char* const what = owing.kind == Owed::start ? "start" : owing.kind == Owed::shutdown ? "shutdown" : "ended";
        return std::string{what} + "(" + name(owing.child) + "." + std::to_string(owing.generation) + ", client " +
               std::to_string(owing.client) + ")";
    });
    list("events", got_said_, said_, [&](const Said& said) {
        return "#" + std::to_string(static_cast<int>(said.kind)) + "(" + said.path + ", " + std::to_string(said.number) + ")";
    });
    list("answers", got_answers_, answers_,
         [&](const Answered& one) { return std::to_string(one.request) + ":" + std::string{error_name(one.code)}; });
    return wrong;
}

}  // namespace backplane::sim
