// SPDX-License-Identifier: Apache-2.0
/// Ends, and what follows from them: the order of P-2, the table of S-13, the limit, the backoff (S-24..S-34, X-1).
#include "daemon/core/exit_verdict.hpp"
#include "daemon/core/supervision.hpp"

#include <bit>
#include <utility>

namespace backplane::core {

namespace {
/// P-6 holds for what a dead leader leaves behind, too.
constexpr Duration group_patience = Duration::seconds(10);
}  // namespace

/// Keeps a fault with a share of its own of the text.
void Supervision::keep_fault(FaultRecord& kept, const FaultRecord& fault) {
    const TextIndex text = texts_.share(fault.text);
    texts_.release(kept.text);
    kept = fault;
    kept.text = text;
}

void Supervision::exited(Step& step, ChildIndex i, std::uint32_t generation, ExitHow how, std::int32_t status, std::string_view words) {
    if (is_current(i, generation) && children_[i].body == Body::spawning) {
        spawned(step, i, generation, 0, 0);  // whoever reports an exit has spawned it
    }
    if (!is_current(i, generation) || children_[i].body != Body::alive) {
        return;
    }
    Child& child = children_[i];
    const bool whole = child.kill_mode == KillMode::group;
    if (whole) {
        send_signal(step, i, signal_kill, true);
    }
    Ending ending = judge(i, how, status);
    ending.of_process = true;
    ending.words = words;
    child.body = Body::draining;
    take_end(step, i, ending);
    child.life_timer = deadlines_.set(step.now + group_patience, DeadlineKind::kill_overdue, i);
    Effect& reap = step.effect(EffectKind::reap);
    reap.child = i;
    reap.generation = generation;
    reap.argument = whole ? 0 : 1;
    over(step, i, ending);
    texts_.release(ending.fault.text);
    settle(step);
}

/// F-5. The ending's fault has a share of its text.
Supervision::Ending Supervision::judge(ChildIndex i, ExitHow how, std::int32_t status) {
    Child& child = children_[i];
    const ExitPolicy policy = policy_of(child);
    const bool may_complete = child.oneshot != 0 || child.is_task != 0;
    const ExitVerdict verdict = judge_exit(child.life, ExitRules{policy, child.stop_signal, may_complete}, how, status);
    Ending ending;
    ending.exit_class = verdict.exit_class;
    ending.start_failure = verdict.start_failure;
    ending.completed = verdict.completed;
    ending.shutdown_error = verdict.shutdown_error;
    ending.wish = verdict.wish;
    ending.fault.kind = verdict.kind;
    ending.fault.argument = verdict.argument;
    // What was fixed or told before stays (F-7); a goodbye without a fault does not hide a bad exit from the log.
    const bool fixed = verdict.kind == FaultKind::cascade || (child.life.told != 0 && child.verdict.is_error());
    if (fixed) {
        keep_fault(ending.fault, child.verdict);
    } else {
        ending.fault.text = texts_.add(verdict.text);
    }
    child.last_how = static_cast<std::uint8_t>(how);
    child.last_status = status;
    return ending;
}

void Supervision::group_empty(Step& step, ChildIndex i, std::uint32_t generation) {
    if (!is_current(i, generation) || children_[i].body != Body::draining) {
        return;
    }
    children_[i].body = Body::none;
    children_[i].leader = 0;
    children_[i].started_at = 0;
    deadlines_.cancel(children_[i].life_timer);
    settled(step, i);
    settle(step);
}

/// The end itself: its Device goes with its fault, the exit record is kept, the log is told, and who depended on it begins
/// to fall. Decides nothing on the child.
void Supervision::take_end(Step& step, ChildIndex i, Ending ending) {
    Child& child = children_[i];
    deadlines_.cancel(child.life_timer);
    deadlines_.cancel(child.settle_timer);
    deadlines_.cancel(child.watch_timer);
    FaultRecord told = ending.fault;
    texts_.share(told.text);
    graph_.end_device(step, child.device, told);  // nothing where it was told before (D-4)
    if (child.is_supervisor()) {
        log_end(step, RecordKind::sup_down, i, ending);
    }
    if (ending.completed) {
        log_end(step, RecordKind::child_completed, i, ending);
    } else if (ending.start_failure) {
        log_end(step, RecordKind::child_start_failed, i, ending);
    } else if (!child.is_supervisor()) {
        log_end(step, RecordKind::child_down, i, ending);
    }
    note_exit(step, i, ending);
    keep_fault(child.last_fault, ending.fault);
    child.last_class = ending.exit_class;
    child.ended = 1;
    child.last_device = child.device;
    child.device = DeviceId{};
    child.pid = 0;
    freeze_dependants(step, i);
    fall_told(step);
    if (ending.shutdown_error) {
        log_end(step, RecordKind::shutdown_error, i, ending);
    }
}

/// S-13, S-24 for an attempt that failed, and what an exit policy makes of it.
bool Supervision::is_retried(const Child& child, const Ending& ending) const {
    if (ending.start_failure) {
        const bool at_boot = child.attempt == Attempt::first && child.supervisor == root_ &&
                             team_of(root_).on_start_failure == OnStartFailure::retry;  // decision 35
        return child.attempt == Attempt::restart || at_boot;
    }
    if (ending.wish != RestartWish::by_type) {
        return ending.wish == RestartWish::always;
    }
    switch (child.restart) {
        case RestartType::permanent: return true;
        case RestartType::transient: return ending.exit_class == ExitClass::abnormal;
        case RestartType::temporary: return false;
    }
    return false;
}

/// What follows from an end. The decision falls here, at the exit, although a process is down only when its group is
/// empty (S-29, P-4).
void Supervision::over(Step& step, ChildIndex i, const Ending& ending) {
    Child& child = children_[i];
    const bool decided = child.life.asked != 0 || i == root_ || is_frozen(child.supervisor);
    const bool in_stop = !decided && in_group(i) && team_of(child.supervisor).phase == GroupPhase::stopping;
    free_slot(step, i);
    if (in_stop) {  // S-21: it is part of the operation, whatever it ended by
        const bool comes_back = (child.restart != RestartType::temporary || child.retain != 0) && child.skip == 0;
        child.regroup = comes_back ? 1 : 0;
        child.remove = child.restart == RestartType::temporary && child.retain == 0 ? 1 : 0;
        set_state(step, child, comes_back ? ChildState::restarting : ChildState::stopping);
    } else if (!decided && !ending.completed && is_retried(child, ending)) {
        count_restart(step, i, ending);
    } else {
        stay_down(step, i, ending, decided);
    }
    if (child.pending == 0) {
        child.attempt = Attempt::none;
    }
    if (is_gone(i)) {
        settled(step, i);
    }
}

/// No restart follows. When nothing of it is left it is down, or goes.
void Supervision::stay_down(Step& step, ChildIndex i, const Ending& ending, bool decided) {
    Child& child = children_[i];
    set_state(step, child, ChildState::stopping);
    if (child.life.asked != 0) {
        child.reason = DownReason::terminated;
    } else if (ending.completed) {
        note_started(step, i);
        child.reason = ending.ignored ? DownReason::ignored : DownReason::completed;
        const bool goes = child.restart == RestartType::temporary && child.retain == 0;
        child.remove = goes || (ending.ignored && is_dynamic(i)) ? 1 : 0;  // S-9, S-28
    } else if (ending.start_failure && !decided) {
        child.reason = DownReason::failed;
        start_failed(step, i);
    } else {
        child.reason = DownReason::ended;
        const bool goes = child.restart == RestartType::temporary && child.retain == 0;
        child.remove = goes || is_dynamic(i) ? 1 : 0;
        if (!decided) {
            weigh_significant(step, i);
        }
    }
}

/// S-6, S-54: a start that is not tried again.
void Supervision::start_failed(Step& step, ChildIndex i) {
    Child& child = children_[i];
    const ChildIndex supervisor = child.supervisor;
    Team& team = team_of(supervisor);
    if (child.fresh != 0 || is_dynamic(i)) {
        child.remove = 1;
    } else if (child.attempt == Attempt::first && team.state == TeamState::starting) {
        child.failed = 1;
        team.offender = i;
        stop_team(step, supervisor, TeamEnd::child_failed);
    } else if (in_group(i) && team.cursor.at == i && team.state == TeamState::up) {
        park(step, i);  // an operator's attempt to resume the group
    }
}

bool Supervision::is_dynamic(ChildIndex i) const {
    const ChildIndex supervisor = children_[i].supervisor;
    return supervisor != no_child && team_of(supervisor).strategy == Strategy::dynamic;
}

/// Whether a significant child still counts as one that works (S-50).
bool Supervision::is_active(const Child& child) const {
    const bool works = child.state == ChildState::running || child.state == ChildState::starting || child.state == ChildState::restarting;
    return child.removed == 0 && works;
}

/// S-48..S-52: a significant child ended by itself.
void Supervision::weigh_significant(Step& step, ChildIndex i) {
    const ChildIndex supervisor = children_[i].supervisor;
    const AutoShutdown when = team_of(supervisor).auto_shutdown;
    if (children_[i].significant == 0 || when == AutoShutdown::never) {
        return;
    }
    for (ChildIndex other = when == AutoShutdown::all_significant ? children_[supervisor].first : no_child; other != no_child;
         other = children_[other].next) {
        if (other != i && children_[other].significant != 0 && is_active(children_[other])) {
            return;
        }
    }
    stop_team(step, supervisor, TeamEnd::auto_shutdown);
}

/// A restart event (S-29): counted now; it goes on, or breaks a limit.
void Supervision::count_restart(Step& step, ChildIndex i, const Ending& ending) {
    Child& child = children_[i];
    if (child.held != 0) {  // not counted: whoever holds it means to
        set_state(step, child, ChildState::restarting);
        return;
    }
    const Team& team = team_of(child.supervisor);
    const bool cascade = ending.fault.kind == FaultKind::cascade && ending.fault.root;
    DeviceId root = cascade ? ending.fault.root : child.last_device;
    if (client_left_) {
        root = client_left_;  // all its tasks went with their client
    }
    // S-29 gathers siblings that fell together. One that falls again for the same root is a new event, else a ring of
    // dependencies could restart for ever without being counted.
    const bool again = child.last_root == root;
    child.last_root = root;
    root = again ? DeviceId{} : root;
    if (breaks_own_limit(step, i, ending, root)) {
        return;
    }
    const RestartWindow::Verdict verdict = windows_[children_[child.supervisor].team].add(step.now, root, team.intensity, team.period);
    if (verdict.exceeded) {
        give_up(step, i, ending, verdict.count);
        return;
    }
    if (verdict.counted) {
        log_end(step, RecordKind::restart, i, ending).number = verdict.count;
    }
    go_on(step, i);
}

/// S-33: the offender is not started again, and its supervisor goes down.
void Supervision::give_up(Step& step, ChildIndex i, const Ending& ending, std::uint32_t count) {
    Child& child = children_[i];
    set_state(step, child, ChildState::stopping);
    child.reason = DownReason::ended;
    team_of(child.supervisor).offender = i;
    Record& record = log(step, RecordKind::sup_giving_up, child.supervisor);
    record.number = count;
    record.supervisor = i;
    record.exit_class = ending.exit_class;
    step.set_fault(record, ending.fault);
    stop_team(step, child.supervisor, TeamEnd::gave_up);
}

/// Beside its supervisor's limit; it is asked first, as it concerns fewer. True: it has decided.
bool Supervision::breaks_own_limit(Step& step, ChildIndex i, const Ending& ending, DeviceId root) {
    Child& child = children_[i];
    if (child.limit == 0) {
        return false;
    }
    const RestartWindow::Verdict verdict = limits_[child.limit].add(step.now, root, child.limit_intensity, child.limit_period);
    if (!verdict.exceeded) {
        return false;
    }
    if (child.on_limit == OnLimit::escalate) {
        give_up(step, i, ending, verdict.count);
        return true;
    }
    const bool quarantined = child.on_limit == OnLimit::quarantine;
    if (quarantined) {
        log_end(step, RecordKind::child_quarantined, i, ending).number = verdict.count;
        child.watch_timer = deadlines_.set(step.now + child.cooldown, DeadlineKind::cooldown, i);
    }
    child.reason = quarantined ? DownReason::none : DownReason::gave_up;
    set_state(step, child, quarantined ? ChildState::quarantined : ChildState::stopping);
    if (is_ahead(i)) {
        child.skip = quarantined ? 0 : 1;
    } else if (has_groups(child.supervisor)) {  // its group is stopped, and waits for it
        begin_group(step, i);
        park(step, i);
    }
    return true;
}

/// By an operator, or because its cooldown is over: it starts with a clean record, and its group with it. `attempt`: who answers for a
/// start that fails, its supervisor or the one who asked.
void Supervision::release(Step& step, ChildIndex i, Attempt attempt) {
    Child& child = children_[i];
    deadlines_.cancel(child.watch_timer);
    if (child.state != ChildState::quarantined) {
        return;
    }
    child.failures = 0;
    limits_[child.limit].clear();
    log(step, RecordKind::child_released, i);
    if (is_frozen(child.supervisor)) {
        return;
    }
    set_state(step, child, ChildState::restarting);
    if (in_group(i)) {
        unpark(i);
    } else {
        want_start(step, i, attempt);
    }
}

/// The restart goes on: the child alone (S-19), or its group.
void Supervision::go_on(Step& step, ChildIndex i) {
    schedule(step, i);
    // One that began in parallel, before its supervisor's start has come to it, is waited for there.
    if (has_groups(children_[i].supervisor) && !is_ahead(i)) {
        begin_group(step, i);
        return;
    }
    children_[i].pending = 1;
    children_[i].attempt = Attempt::restart;
}

/// It will be started again: now, or when its backoff is over, and never before its group is empty. The delay runs from
/// the exit on.
void Supervision::schedule(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.life.ready != 0 && step.now - child.ready_at >= child.reset_after) {
        child.failures = 0;
    }
    child.failures += child.failures < UINT32_MAX ? 1 : 0;
    set_state(step, child, ChildState::restarting);
    const Duration delay = backoff_delay(child);
    if (delay.ns > 0) {
        log(step, RecordKind::child_backoff, i).number = delay.ns;
        child.backoff_timer = deadlines_.set(step.now + delay, DeadlineKind::backoff, i);
    }
    if (const ChildIndex on = missing(i); on != no_child) {
        block(step, i, on);
    }
}

/// none for the first failure, then initial * factor^(n-2), spread by jitter, never over max.
Duration Supervision::backoff_delay(const Child& child) {
    if (child.backoff == 0 || child.failures < 2) {
        return Duration{};
    }
    const auto longest = static_cast<double>(child.backoff_max.ns);
    const auto factor = std::bit_cast<double>(child.backoff_factor);
    double delay = static_cast<double>(child.backoff_initial.ns);
    for (std::uint32_t n = child.failures; n > 2 && delay < longest && factor > 1.0; --n) {
        delay *= factor;
    }
    delay = delay < longest ? delay : longest;
    // 53 random bits as a number in [-1, 1).
    const double spread = static_cast<double>(random() >> 11) * 0x1p-52 - 1.0;
    delay *= 1.0 + std::bit_cast<double>(child.backoff_jitter) * spread;
    return delay < longest ? Duration{static_cast<std::int64_t>(delay)} : child.backoff_max;
}

/// splitmix64: small, seeded by `boot`, and part of the state, so that a replay draws the same numbers.
std::uint64_t Supervision::random() {
    random_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = random_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
}

// ---- when nothing of it is left ---------------------------------------------------------------------------------------------

/// Its group is empty, or the supervisor is down: what was decided at its end is carried out.
void Supervision::settled(Step& step, ChildIndex i) {
    Child& child = children_[i];
    const ChildIndex supervisor = child.supervisor;
    agenda_.push_back(supervisor);
    if (child.pending != 0 || (child.state == ChildState::restarting && child.regroup == 0)) {
        try_begin(step, i);
        return;
    }
    if (child.state == ChildState::quarantined) {
        answer_waiters(step, i, true, ErrorCode::ok);
        answer_waiters(step, i, false, ErrorCode::start_failed);
        return;
    }
    if (child.regroup != 0 && is_wanted(i) && child.skip == 0 && !is_frozen(supervisor)) {
        await_group(step, i);
        return;
    }
    came_down(step, i);
}

/// Its group comes to it.
void Supervision::await_group(Step& step, ChildIndex i) {
    Child& child = children_[i];
    const bool parked = is_parked(i);
    child.then_start = 0;
    set_state(step, child, parked ? ChildState::down : ChildState::restarting);
    child.reason = parked ? DownReason::not_reached : DownReason::none;
    if (parked) {
        drop_wish(child);
    }
    answer_waiters(step, i, true, ErrorCode::ok);
}

void Supervision::came_down(Step& step, ChildIndex i) {
    Child& child = children_[i];
    child.regroup = 0;
    set_state(step, child, ChildState::down);
    if (i == root_) {
        show_root(step);
    }
    answer_waiters(step, i, true, ErrorCode::ok);
    if (child.reason == DownReason::completed || child.reason == DownReason::ignored) {
        answer_waiters(step, i, false, ErrorCode::ok);
        wake_dependants(step, i);
    }
    if (child.then_start != 0 && is_wanted(i) && !is_frozen(child.supervisor)) {
        child.skip = 0;
        is_ahead(i) ? await_group(step, i) : want_start(step, i, Attempt::command);
        return;
    }
    child.then_start = 0;
    const bool failed = child.life.asked == 0 || child.reason == DownReason::failed;
    answer_waiters(step, i, false, failed ? ErrorCode::start_failed : ErrorCode::stopping);
    if (child.remove != 0) {
        remove_child(step, i);
    }
}

/// Nothing where it has none.
ExitPolicy Supervision::policy_of(const Child& child) const {
    if (child.exits == 0) {
        return {};
    }
    Expected<ExitPolicy> policy = decode_exits(texts_[child.exits]);
    return policy ? std::move(*policy) : ExitPolicy{};
}

}  // namespace backplane::core
