// SPDX-License-Identifier: Apache-2.0
/// Ends, and what follows from them: the order of P-2, the table of S-13, the limit, the backoff (S-24..S-34, X-1).
#include "daemon/core/exit_verdict.hpp"
#include "daemon/core/supervision.hpp"

#include <bit>

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

void Supervision::exited(Step& step, ChildIndex i, std::uint32_t generation, ExitHow how, std::int32_t status) {
    if (is_current(i, generation) && children_[i].body == Body::spawning) {
        spawned(step, i, generation, 0, 0);  // whoever reports an exit has spawned it
    }
    if (!is_current(i, generation) || children_[i].body != Body::alive) {
        return;
    }
    Child& child = children_[i];
    Effect& rest = step.effect(EffectKind::signal_group);
    rest.child = i;
    rest.generation = generation;
    rest.argument = signal_kill;
    const ExitVerdict verdict = judge_exit(child.life, how, status);
    Ending ending;
    ending.exit_class = verdict.exit_class;
    ending.start_failure = verdict.start_failure;
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
    child.body = Body::draining;
    take_end(step, i, ending);
    if (verdict.shutdown_error) {
        log_end(step, RecordKind::shutdown_error, i, ending);
    }
    child.life_timer = deadlines_.set(step.now + group_patience, DeadlineKind::kill_overdue, i);
    Effect& reap = step.effect(EffectKind::reap);
    reap.child = i;
    reap.generation = generation;
    over(step, i, ending);
    texts_.release(ending.fault.text);
    settle(step);
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
    FaultRecord told = ending.fault;
    texts_.share(told.text);
    graph_.end_device(step, child.device, told);  // nothing where it was told before (D-4)
    if (child.is_supervisor()) {
        log_end(step, RecordKind::sup_down, i, ending);
    }
    if (ending.start_failure) {
        log_end(step, RecordKind::child_start_failed, i, ending);
    } else if (!child.is_supervisor()) {
        log_end(step, RecordKind::child_down, i, ending);
    }
    keep_fault(child.last_fault, ending.fault);
    child.last_class = ending.exit_class;
    child.ended = 1;
    child.last_device = child.device;
    child.device = DeviceId{};
    child.pid = 0;
    fall_told(step);
}

/// S-13, and S-24 for an attempt that failed.
bool Supervision::is_retried(const Child& child, const Ending& ending) const {
    if (ending.start_failure) {
        const bool at_boot = child.attempt == Attempt::first && child.supervisor == root_;  // decision 35
        return child.attempt == Attempt::restart || at_boot;
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
    if (!decided && is_retried(child, ending)) {
        count_restart(step, i, ending);
    } else {
        child.state = ChildState::stopping;
        if (!decided && ending.start_failure) {
            child.failed = child.attempt == Attempt::first ? 1 : 0;
        } else if (child.life.asked == 0 && child.restart == RestartType::temporary) {
            child.remove = 1;
        }
    }
    child.attempt = Attempt::none;
    if (is_gone(i)) {
        settled(step, i);
    }
}

/// S-19: one_for_one concerns the child alone. The other strategies answer a longer row of siblings here.
Supervision::Members Supervision::concerned(ChildIndex i) const {
    switch (team_of(children_[i].supervisor).strategy) {
        case Strategy::one_for_one:
        case Strategy::rest_for_one:
        case Strategy::one_for_all:
        case Strategy::dynamic: break;
    }
    return Members{i, i};
}

/// A restart event (S-29): counted now; it goes on, or breaks the limit.
void Supervision::count_restart(Step& step, ChildIndex i, const Ending& ending) {
    Child& child = children_[i];
    const Team& team = team_of(child.supervisor);
    const bool cascade = ending.fault.kind == FaultKind::cascade && ending.fault.root;
    const DeviceId root = cascade ? ending.fault.root : child.last_device;
    // S-29 gathers siblings that fell together. One that falls again for the same root is a new event, else a ring of
    // dependencies could restart for ever without being counted.
    const bool again = child.last_root == root;
    child.last_root = root;
    RestartWindow& window = windows_[children_[child.supervisor].team];
    const RestartWindow::Verdict verdict = window.add(step.now, again ? DeviceId{} : root, team.intensity, team.period);
    if (verdict.exceeded) {
        child.state = ChildState::stopping;
        Record& record = log(step, RecordKind::sup_giving_up, child.supervisor);
        record.number = verdict.count;
        step.set_fault(record, ending.fault);
        stop_team(step, child.supervisor, TeamEnd::gave_up);
        return;
    }
    if (verdict.counted) {
        log_end(step, RecordKind::restart, i, ending).number = verdict.count;
    }
    const Members members = concerned(i);
    for (ChildIndex member = members.first; member != no_child; member = member == members.last ? no_child : children_[member].next) {
        schedule(step, member);
    }
}

/// It will be started again: now, or when its backoff is over, and never before its group is empty. The delay runs from
/// the exit on.
void Supervision::schedule(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.life.ready != 0 && step.now - child.ready_at >= child.reset_after) {
        child.failures = 0;
    }
    child.failures += child.failures < UINT32_MAX ? 1 : 0;
    child.state = ChildState::restarting;
    const Duration delay = backoff_delay(child);
    if (delay.ns > 0) {
        log(step, RecordKind::child_backoff, i).number = delay.ns;
        child.backoff_timer = deadlines_.set(step.now + delay, DeadlineKind::backoff, i);
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
    if (child.state == ChildState::restarting) {
        try_attempt(step, i);
        return;
    }
    child.state = ChildState::down;
    if (i == root_) {
        show_root(step);
    }
    answer_waiters(step, i, true, ErrorCode::ok);
    if (child.then_start != 0 && !is_frozen(child.supervisor)) {
        begin_start(step, i, Attempt::command);
    } else {
        child.then_start = 0;
        if (child.remove != 0) {
            child.remove = 0;
            mark_removed(i, true);
            log(step, RecordKind::child_removed, i);
        }
        answer_waiters(step, i, false, child.life.asked != 0 ? ErrorCode::stopping : ErrorCode::start_failed);
    }
    agenda_.push_back(child.supervisor);
}

/// Both must be over, the old group and the delay; and a supervisor that is going down starts nobody.
void Supervision::try_attempt(Step& step, ChildIndex i) {
    const Child& child = children_[i];
    if (child.state == ChildState::restarting && child.backoff_timer == 0 && is_gone(i) && !is_frozen(child.supervisor)) {
        begin_start(step, i, Attempt::restart);
    }
}

}  // namespace backplane::core
