// SPDX-License-Identifier: Apache-2.0
/// The life of a child by the rules: starts, ends, restarts and stops (8.2 to 8.9, X-1 to X-7).
#include "tests/sim/naive_supervision.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace backplane::sim {

using namespace core;

// ---- starting ------------------------------------------------------------------------------------------------------------------

void NaiveSupervision::want(int k, Attempt attempt) {
    Kid& kid = at(k);
    kid.wish = kid.reached = true;
    kid.attempt = attempt;
    kid.skip = kid.remove = kid.then_start = kid.regroup = false;
    kid.reason = DownReason::none;
    kid.state = attempt == Attempt::restart ? ChildState::restarting : ChildState::starting;
    grant(k);
}

void NaiveSupervision::begin(int k) {
    Kid& kid = at(k);
    kid.wish = kid.ready = kid.early = kid.asked = kid.late_start = false;
    kid.frozen = Duration{};
    kid.stage = StopStage::none;
    ++kid.generation;
    kid.state = kid.attempt == Attempt::restart ? ChildState::restarting : ChildState::starting;
    if (k != 0) {
        say(RecordKind::child_starting, k);
    }
    set(Tick::life, k, kid.spec.start_timeout);
    if (kid.spec.is_supervisor) {
        begin_team(k);
        return;
    }
    if (kid.spec.is_task()) {
        begin_task(k);
        return;
    }
    kid.body = Body::spawning;
    deed(EffectKind::spawn, k, 0);
}

/// S-32, S-44.
void NaiveSupervision::begin_team(int s) {
    for (const int k : std::vector<int>(at(s).kids)) {
        if (at(k).added) {
            free(k);
        }
    }
    at(s).team = TeamState::starting;
    at(s).op = GroupPhase::starting;
    at(s).from = 0;
    at(s).parked = -1;
    at(s).manual = is_manual(s);
    at(s).lingering = false;
    at(s).harsh = 0;
    at(s).events.clear();
    at(s).causes.clear();
    for (const int k : at(s).kids) {
        Kid& kid = at(k);
        kid.turn = Turn::todo;
        kid.reached = kid.skip = kid.was_up = kid.regroup = false;
        kid.failures = 0;
        kid.reason = kid.reason == DownReason::completed ? DownReason::none : kid.reason;
        kid.window.clear();
        for (const int back : kid.removed ? below(k) : std::vector<int>{}) {
            at(back).removed = false;
            at(back).held = at(at(back).parent).held;
        }
    }
    at(s).from = at(s).kids.empty() ? nobody : at(s).kids.front();
    turns_.push_back(s);
}

/// Decision 32.
bool NaiveSupervision::is_manual(int k) const {
    const int above = at(k).parent;
    return at(k).attempt == Attempt::command || (above >= 0 && at(above).team == TeamState::starting && at(above).manual);
}

void NaiveSupervision::note_started(int k) {
    Kid& kid = at(k);
    kid.restarts += kid.ever && !is_manual(k) ? 1U : 0U;
    cancel(Tick::life, k);
    cancel(Tick::ready, k);
    kid.ever = kid.was_up = true;
    kid.fresh = false;
    kid.attempt = Attempt::none;
}

/// S-8.
void NaiveSupervision::started(int k) {
    note_started(k);
    at(k).ready = true;
    at(k).ready_at = now_;
    at(k).state = ChildState::running;
    say(at(k).spec.is_supervisor ? RecordKind::sup_up : RecordKind::child_ready, k);
    answer_all(k, false, ErrorCode::ok);
    wake(k);
    turns_.push_back(at(k).parent);
}

/// Whoever requires it may be started now.
void NaiveSupervision::wake(int k) {
    for (int other = 0; other < static_cast<int>(kids_.size()); ++other) {
        const auto& wanted = at(other).spec.requires_up;
        if (!at(other).freed && std::find(wanted.begin(), wanted.end(), at(k).path) != wanted.end()) {
            grant(other);
        }
    }
}

void NaiveSupervision::spawned(int k) {
    Kid& kid = at(k);
    kid.body = Body::alive;
    if (kid.stage == StopStage::wanted) {
        send_stop(k);
    } else if (kid.spec.oneshot) {
        return;
    } else if (kid.spec.readiness == Readiness::exec || kid.early) {
        started(k);
    } else if (kid.spec.readiness == Readiness::delay) {
        set(Tick::ready, k, kid.spec.ready_delay);
    }
}

// ---- ends ----------------------------------------------------------------------------------------------------------------------

/// F-5, X-7.
void NaiveSupervision::exited(int k, ExitHow how, std::int32_t status) {
    Kid& kid = at(k);
    const bool whole = kid.spec.kill_mode == KillMode::group;
    if (whole) {
        deed(EffectKind::signal_group, k, 9);  // P-2
    }
    const ExitPolicy& exits = kid.spec.exits;
    const auto is_in = [&](const std::vector<std::uint8_t>& codes) {
        return how == ExitHow::exited && std::find(codes.begin(), codes.end(), status) != codes.end();
    };
    const bool normal = how == ExitHow::exited && (status == 0 || is_in(exits.success_codes));
    const bool clean = normal || is_in(exits.shutdown_codes);
    Ending ending;
    ending.exit_class = normal ? ExitClass::normal : clean ? ExitClass::shutdown : ExitClass::abnormal;
    if (kid.asked) {
        ending.exit_class = ExitClass::shutdown;
    } else if (kid.late_start || !kid.ready) {
        ending.completed = !kid.late_start && kid.spec.oneshot && clean;
        ending.failed_start = !ending.completed;
        ending.exit_class = ending.completed ? ExitClass::normal : ExitClass::abnormal;
    } else {
        ending.wish = is_in(exits.no_restart_codes)      ? RestartWish::never
                      : is_in(exits.force_restart_codes) ? RestartWish::always
                                                         : RestartWish::by_type;
    }
    kid.body = Body::draining;
    deed(EffectKind::reap, k, whole ? 0 : 1);
    cancel(Tick::life, k);
    cancel(Tick::ready, k);
    set(Tick::life, k, Duration::seconds(10));  // P-6
    end(k, ending);
}

void NaiveSupervision::end(int k, const Ending& ending) {
    const auto number = static_cast<std::int64_t>(ending.exit_class);
    if (at(k).spec.is_supervisor) {
        say(RecordKind::sup_down, k, number);
    }
    if (ending.completed) {
        say(RecordKind::child_completed, k, number);
    } else if (ending.failed_start) {
        say(RecordKind::child_start_failed, k, number);
    } else if (!at(k).spec.is_supervisor) {
        say(RecordKind::child_down, k, number);
    }
    for (int other = 0; other < static_cast<int>(kids_.size()); ++other) {  // their delays stand still
        const auto& wanted = at(other).spec.requires_up;
        const Timer* delay = timer(Tick::backoff, other);
        const bool with_group = at(other).parent == at(k).parent && in_group(other) && in_group(k);  // which waits for that delay
        if (delay != nullptr && !with_group && std::find(wanted.begin(), wanted.end(), at(k).path) != wanted.end()) {
            at(other).frozen = delay->at - now_;
            cancel(Tick::backoff, other);
        }
    }
    over(k, ending);
}

/// S-13, S-21, S-24, S-37: what follows is decided at the end (S-29), whenever it is carried out.
void NaiveSupervision::over(int k, const Ending& ending) {
    Kid& kid = at(k);
    const int s = kid.parent;
    const bool decided = kid.asked || s < 0 || frozen(s);
    const bool abnormal = ending.exit_class == ExitClass::abnormal;
    bool again = kid.spec.restart == RestartType::permanent || (kid.spec.restart == RestartType::transient && abnormal);
    again = ending.wish == RestartWish::by_type ? again : ending.wish == RestartWish::always;
    if (ending.failed_start) {  // decision 35
        const bool boot = kid.attempt == Attempt::first && s == 0 && at(0).sup().on_start_failure == OnStartFailure::retry;
        again = kid.attempt == Attempt::restart || boot;
    }
    const bool for_good = kid.spec.restart == RestartType::temporary && !kid.spec.retain;
    if (!decided && in_group(k) && at(s).op == GroupPhase::stopping) {
        kid.regroup = !for_good && !kid.skip;
        kid.remove = for_good;
        kid.state = kid.regroup ? ChildState::restarting : ChildState::stopping;
    } else if (!decided && !ending.completed && again) {
        count(k);
    } else {
        stay_down(k, ending, decided);
    }
    kid.attempt = kid.wish ? kid.attempt : Attempt::none;
    if (gone(k)) {
        settled(k);
    }
}

void NaiveSupervision::stay_down(int k, const Ending& ending, bool decided) {
    Kid& kid = at(k);
    const int s = kid.parent;
    const bool for_good = kid.spec.restart == RestartType::temporary && !kid.spec.retain;
    kid.state = ChildState::stopping;
    if (kid.asked) {
        kid.reason = DownReason::terminated;
    } else if (ending.completed) {
        note_started(k);
        kid.reason = ending.ignored ? DownReason::ignored : DownReason::completed;
        kid.remove = for_good || (ending.ignored && dynamic(k));  // S-9, S-28
    } else if (ending.failed_start && !decided) {                 // S-6, S-54
        kid.reason = DownReason::failed;
        if (kid.fresh || dynamic(k)) {
            kid.remove = true;
        } else if (kid.attempt == Attempt::first && at(s).team == TeamState::starting) {
            stop_team(s, TeamEnd::child_failed);
        } else if (in_group(k) && at(s).op == GroupPhase::starting && current(s) == k && at(s).team == TeamState::up) {
            park(k);
        }
    } else {
        kid.reason = DownReason::ended;
        kid.remove = for_good || dynamic(k);
        if (!decided) {
            weigh(k);
        }
    }
}

/// S-48 to S-52.
void NaiveSupervision::weigh(int k) {
    const int s = at(k).parent;
    const AutoShutdown when = at(s).sup().auto_shutdown;
    const bool others = std::any_of(at(s).kids.begin(), at(s).kids.end(), [&](int other) {
        const ChildState state = at(other).state;
        const bool works = state == ChildState::running || state == ChildState::starting || state == ChildState::restarting;
        return other != k && at(other).spec.significant && !at(other).removed && works;
    });
    if (at(k).spec.significant && (when == AutoShutdown::any_significant || (when == AutoShutdown::all_significant && !others))) {
        stop_team(s, TeamEnd::auto_shutdown);
    }
}

/// S-29, S-30: to the nanosecond.
void NaiveSupervision::count(int k) {
    Kid& kid = at(k);
    Kid& s = at(kid.parent);
    if (kid.held) {
        kid.state = ChildState::restarting;
        return;
    }
    if (own_limit(k)) {
        return;
    }
    std::erase_if(s.events, [&](Instant event) { return now_ - event > s.sup().period; });
    const bool counts = left_ == 0 || s.causes.insert(left_).second;  // all that a client leaves behind is one event
    if (counts && (forget_each == 0 || ++forgotten_ % forget_each != 0)) {
        s.events.push_back(now_);
    }
    if (s.events.size() > s.sup().intensity) {
        give_up(k, s.events.size());
        return;
    }
    if (counts) {
        say(RecordKind::restart, k, static_cast<std::int64_t>(s.events.size()));
    }
    schedule(k);
    if (groups(kid.parent) && !ahead(k)) {  // one that began in parallel is waited for in its turn
        begin_group(k);
    } else {
        kid.wish = true;
        kid.attempt = Attempt::restart;
    }
}

///
bool NaiveSupervision::own_limit(int k) {
    Kid& kid = at(k);
    const LimitSpec& limit = kid.spec.limit;
    if (!limit.enabled) {
        return false;
    }
    std::erase_if(kid.window, [&](Instant event) { return now_ - event > limit.period; });
    kid.window.push_back(now_);
    if (kid.window.size() <= limit.intensity) {
        return false;
    }
    if (limit.on_limit == OnLimit::escalate) {
        give_up(k, kid.window.size());
        return true;
    }
    const bool quarantine = limit.on_limit == OnLimit::quarantine;
    if (quarantine) {
        say(RecordKind::child_quarantined, k, static_cast<std::int64_t>(kid.window.size()));
        set(Tick::cooldown, k, limit.cooldown);
    }
    kid.reason = quarantine ? DownReason::none : DownReason::gave_up;
    kid.state = quarantine ? ChildState::quarantined : ChildState::stopping;
    if (ahead(k)) {
        kid.skip = !quarantine;
    } else if (groups(kid.parent)) {
        begin_group(k);
        park(k);
    }
    return true;
}

void NaiveSupervision::give_up(int k, std::size_t count) {
    at(k).state = ChildState::stopping;
    at(k).reason = DownReason::ended;
    say(RecordKind::sup_giving_up, at(k).parent, static_cast<std::int64_t>(count));
    stop_team(at(k).parent, TeamEnd::gave_up);
}

/// X-1; the jitter is the core's.
void NaiveSupervision::schedule(int k) {
    Kid& kid = at(k);
    const BackoffSpec& spec = kid.spec.backoff;
    kid.failures = (kid.ready && now_ - kid.ready_at >= spec.reset_after ? 0 : kid.failures) + 1;
    kid.state = ChildState::restarting;
    if (!spec.enabled || kid.failures < 2) {
        return;
    }
    const double longest = static_cast<double>(spec.max.ns);
    const double plain = std::min(longest, static_cast<double>(spec.initial.ns) * std::pow(spec.factor, kid.failures - 2));
    for (const Record& record : told_->records) {
        if (record.kind == RecordKind::child_backoff && record.child == kid.index) {
            const auto told = static_cast<double>(record.number);
            const bool within = told >= plain * (1 - spec.jitter) - 1 && told <= std::min(longest, plain * (1 + spec.jitter)) + 1;
            wrong_ = within ? wrong_ : kid.path + " waits for " + std::to_string(record.number) + " ns";
            missing(kid) ? void(kid.frozen = Duration{record.number}) : set(Tick::backoff, k, Duration{record.number});
        }
    }
}

/// Nothing of it is left: what was decided at its end is carried out.
void NaiveSupervision::settled(int k) {
    Kid& kid = at(k);
    turns_.push_back(kid.parent);
    if (kid.wish || (kid.state == ChildState::restarting && !kid.regroup)) {
        grant(k);
        return;
    }
    if (kid.state == ChildState::quarantined) {
        answer_all(k, true, ErrorCode::ok);
        answer_all(k, false, ErrorCode::start_failed);
    } else if (kid.regroup && !kid.disabled && !kid.removed && !kid.skip && !frozen(kid.parent)) {
        await_group(k);
    } else {
        came_down(k);
    }
}

void NaiveSupervision::await_group(int k) {
    const bool waits = parked(k);
    at(k).then_start = false;
    at(k).state = waits ? ChildState::down : ChildState::restarting;
    at(k).reason = waits ? DownReason::not_reached : DownReason::none;
    if (waits) {
        at(k).frozen = Duration{};
        cancel(Tick::backoff, k);
    }
    answer_all(k, true, ErrorCode::ok);
}

void NaiveSupervision::came_down(int k) {
    Kid& kid = at(k);
    kid.regroup = false;
    kid.state = ChildState::down;
    answer_all(k, true, ErrorCode::ok);
    if (kid.reason == DownReason::ignored) {
        answer_all(k, false, ErrorCode::ok);
    } else if (kid.reason == DownReason::completed) {
        answer_all(k, false, ErrorCode::ok);
        wake(k);  // before it goes, where it is temporary
    }
    if (kid.then_start && !kid.disabled && !kid.removed && !frozen(kid.parent)) {
        kid.skip = false;
        ahead(k) ? await_group(k) : want(k, Attempt::command);
        return;
    }
    kid.then_start = false;
    answer_all(k, false, !kid.asked || kid.reason == DownReason::failed ? ErrorCode::start_failed : ErrorCode::stopping);
    if (kid.remove) {
        remove(k);
    }
}

// ---- stopping ------------------------------------------------------------------------------------------------------------------

void NaiveSupervision::stop(int k) {
    Kid& kid = at(k);
    if (kid.state == ChildState::down) {
        return;
    }
    kid.wish = false;
    kid.frozen = Duration{};
    cancel(Tick::backoff, k);
    cancel(Tick::cooldown, k);
    kid.asked = true;
    kid.reason = kid.state != ChildState::stopping ? DownReason::terminated : kid.reason;
    kid.remove = kid.remove || dynamic(k);
    kid.state = ChildState::stopping;
    if (gone(k)) {
        settled(k);
    } else if (!kid.spec.is_supervisor) {
        end_process(k);
    } else {
        stop_team(k, TeamEnd::asked);
        if (kid.spec.shutdown_kind == ShutdownKind::brutal_kill) {
            make_harsh(k, 2);
        } else if (kid.spec.shutdown_kind != ShutdownKind::infinity && timer(Tick::life, k) == nullptr) {
            const bool no_wait = kid.spec.shutdown_kind == ShutdownKind::no_wait;
            set(Tick::life, k, no_wait ? kid.spec.kill_after : kid.spec.shutdown);
        }
    }
}

void NaiveSupervision::end_process(int k) {
    Kid& kid = at(k);
    if (kid.body != Body::spawning && kid.body != Body::alive) {
        return;  // S-38
    }
    kid.state = kid.ready || kid.asked ? ChildState::stopping : kid.state;
    if (kid.body == Body::spawning) {
        kid.stage = StopStage::wanted;
    } else if (kid.stage == StopStage::none && kid.asked && kid.ready && !kid.spec.launch.drain.command.empty() &&
               kid.spec.shutdown_kind != ShutdownKind::brutal_kill && at(kid.parent).harsh == 0) {
        kid.stage = StopStage::hook;
        deed(EffectKind::drain, k, 0);
        cancel(Tick::life, k);
        set(Tick::life, k, kid.spec.launch.drain.timeout);
    } else if (kid.stage < StopStage::hook) {
        send_stop(k);
    }
}

/// S-35.
void NaiveSupervision::send_stop(int k) {
    Kid& kid = at(k);
    cancel(Tick::life, k);
    if (kid.spec.shutdown_kind == ShutdownKind::brutal_kill || at(kid.parent).harsh != 0) {
        kill(k);
        return;
    }
    kid.stage = StopStage::signalled;
    kid.spec.is_task() ? ask(Owed::shutdown, k)
                       : deed(kid.spec.signal_group ? EffectKind::signal_group : EffectKind::signal, k, kid.spec.stop_signal);
    const Duration patience = kid.spec.shutdown_kind == ShutdownKind::no_wait    ? kid.spec.kill_after
                              : kid.spec.shutdown_kind == ShutdownKind::infinity ? Duration::forever()
                                                                                 : kid.spec.shutdown;
    patience.ns == 0 ? kill(k) : set(Tick::life, k, patience);
}

void NaiveSupervision::kill(int k) {
    Kid& kid = at(k);
    if (kid.body == Body::alive && kid.stage != StopStage::killed) {
        kid.stage = StopStage::killed;
        kid.spec.is_task() ? ask(Owed::ended, k)
                           : deed(kid.spec.kill_mode == KillMode::group ? EffectKind::signal_group : EffectKind::signal, k, 9);
        cancel(Tick::life, k);
        set(Tick::life, k, Duration::seconds(10));
        closing_&& kid.spec.is_task() ? end_task(k, true) : void();  // nobody waits for its client's word
    }
}

/// S-40.
void NaiveSupervision::make_harsh(int s, int harsh) {
    for (const int k : below(s)) {
        if (at(k).spec.is_supervisor) {
            at(k).harsh = std::max(at(k).harsh, harsh);
        } else if (at(k).body == Body::spawning || at(k).body == Body::alive) {
            at(k).asked = true;
            end_process(k);
            kill(k);
        }
    }
}

void NaiveSupervision::stop_team(int s, TeamEnd end) {
    Kid& kid = at(s);
    if (kid.team != TeamState::starting && kid.team != TeamState::up) {
        return;
    }
    kid.team = TeamState::stopping;
    kid.end = end;
    kid.op = GroupPhase::none;
    kid.parked = -1;
    kid.lingering = false;
    for (const int k : kid.kids) {
        at(k).turn = Turn::todo;
    }
    cancel(Tick::life, s);
    refuse(s, ErrorCode::stopping);
    kid.state = kid.ready || kid.asked ? ChildState::stopping : kid.state;
    say(RecordKind::sup_stopping, s);
    turns_.push_back(s);
}

/// S-33, S-43.
void NaiveSupervision::team_down(int s) {
    Kid& kid = at(s);
    kid.team = TeamState::down;
    cancel(Tick::life, s);
    const bool crash = kid.end == TeamEnd::gave_up && kid.sup().on_give_up == OnGiveUp::crash;
    const bool failed = kid.end == TeamEnd::child_failed || kid.end == TeamEnd::start_timeout;
    Ending ending;
    ending.exit_class = !kid.asked && (crash || failed) ? ExitClass::abnormal : ExitClass::shutdown;
    ending.failed_start = !kid.ready && s != 0 && !kid.asked && (failed || kid.end == TeamEnd::gave_up);
    end(s, ending);
}

}  // namespace backplane::sim
