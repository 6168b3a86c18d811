// SPDX-License-Identifier: Apache-2.0
/// The model's ends and what follows: F-5, S-13, S-24 to S-34, X-1, and the notices of section 1, 5 and 6.
#include "tests/sim/tree_model.hpp"

#include <algorithm>
#include <cmath>

namespace backplane::sim {

namespace {

constexpr Duration settle_time = Duration::milliseconds(20);  // T-9
constexpr std::size_t candidates_max = 32;

/// F-2: the immediate neighbour, and the root carried along.
Fault cascade_of(DeviceId dead, const Fault& fault) {
    Fault cascade;
    cascade.kind = FaultKind::cascade;
    cascade.cascade = dead;
    const bool first = fault.kind != FaultKind::cascade;
    cascade.root = first ? dead : fault.root;
    cascade.root_kind = first ? fault.kind : fault.root_kind;
    cascade.root_argument = first ? fault.argument : fault.root_argument;
    cascade.hops = first ? 1 : fault.hops + 1;
    return cascade;
}

/// What an end looks like to one who knows nothing of us.
Fault raw_fault(core::ExitHow how, std::int32_t status) {
    Fault fault;
    if (how == core::ExitHow::unknown) {
        fault.kind = FaultKind::unreachable;
        fault.text = "unknown";
    } else if (how != core::ExitHow::exited) {
        fault.kind = FaultKind::signal;
        fault.argument = status;
        fault.text = how == core::ExitHow::dumped ? "core" : "";
    } else if (status != 0) {
        fault.kind = FaultKind::exit;
        fault.argument = status;
    }
    return fault;
}

Fault timeout_fault(TimeoutOf of) {
    Fault fault;
    fault.kind = FaultKind::timeout;
    fault.argument = static_cast<std::int32_t>(of);
    return fault;
}

}  // namespace

// ---- the table of F-5 --------------------------------------------------------------------------------------------------------

TreeModel::Verdict TreeModel::judge(const Entry& e, core::ExitHow how, std::int32_t status) {
    using core::ExitClass;
    Verdict verdict;
    const bool wanted = e.asked || e.cause == Cause::line;
    const bool by_our_term = e.term_sent && how == core::ExitHow::signalled && status == 15;
    const bool by_our_kill = e.stage == Stage::killed && how == core::ExitHow::signalled && status == 9;
    verdict.fault = raw_fault(how, status);
    verdict.start_failure = !e.ready && !wanted;
    verdict.exit_class = verdict.fault.is_error() ? ExitClass::abnormal : ExitClass::normal;
    if (e.cause == Cause::start_timeout) {
        verdict.fault = timeout_fault(TimeoutOf::start);
        verdict.exit_class = ExitClass::abnormal;
    } else if (e.cause == Cause::doomed) {
        verdict.fault = resolve_cascade(entry_of(e.device));
        verdict.exit_class = ExitClass::abnormal;
    } else if (wanted) {
        if (by_our_kill) {
            verdict.fault = timeout_fault(TimeoutOf::stop);
            if (e.brutal) {
                verdict.fault = Fault{};
                verdict.fault.kind = FaultKind::killed;
            }
        } else if (by_our_term) {
            verdict.fault = Fault{};
        } else {
            verdict.shutdown_error = verdict.fault.is_error();
        }
        verdict.exit_class = ExitClass::shutdown;
    } else if (verdict.start_failure) {
        if (!verdict.fault.is_error()) {
            verdict.fault.kind = FaultKind::exit;  // exit 0 before ready is a failure all the same
        }
        verdict.exit_class = ExitClass::abnormal;
    } else if (e.cause == Cause::dropped) {
        verdict.fault.kind = FaultKind::drop;
        verdict.exit_class = ExitClass::abnormal;
    } else if (e.cause == Cause::left && by_our_term) {
        verdict.fault = Fault{};
        verdict.exit_class = ExitClass::shutdown;  // it said goodbye and went by our signal
    }
    if (e.asked) {
        verdict.exit_class = ExitClass::shutdown;
    }
    if (e.told && e.told_fault.is_error() && e.cause != Cause::doomed) {
        verdict.fault = e.told_fault;  // F-7
    }
    return verdict;
}

/// Which of the notices of one step was the first is the daemon's choice (D-8); it must be one of them.
Fault TreeModel::resolve_cascade(ChildIndex i) {
    const wire::Event* told = told_of("child_down", i);
    told = told != nullptr ? told : told_of("child_start_failed", i);
    const auto text = [&](std::string_view key) -> std::string {
        for (const wire::Event::Field& field : told->fields) {
            if (field.key == key) {
                const auto* words = std::get_if<std::string>(&field.value);
                const auto* id = std::get_if<DeviceId>(&field.value);
                return words != nullptr ? *words
                       : id != nullptr  ? std::to_string(id->value)
                                        : std::to_string(std::get<std::int64_t>(field.value));
            }
        }
        return {};
    };
    for (Fault& candidate : at(i).cascades) {
        if (told != nullptr && text("reason") == fault_text(candidate, epoch_) && text("root") == std::to_string(candidate.root.value)) {
            const auto hops = std::strtoul(text("hops").c_str(), nullptr, 10);
            if (hops >= 1 && hops <= entries_.size()) {
                candidate.hops = static_cast<std::uint32_t>(hops);
            }
            return candidate;
        }
    }
    return at(i).cascades.front();
}

// ---- ends --------------------------------------------------------------------------------------------------------------------

void TreeModel::spawn_failed(ChildIndex i, std::uint32_t generation) {
    Entry& e = at(i);
    if (!is_current(i, generation) || e.body != Body::spawning) {
        return;
    }
    e.body = Body::none;
    Verdict verdict;
    verdict.fault.kind = FaultKind::drop;  // D-3
    verdict.fault.argument = 2;
    verdict.fault.text = "exec: No such file or directory";
    verdict.exit_class = e.asked ? core::ExitClass::shutdown : core::ExitClass::abnormal;
    verdict.start_failure = true;
    take_end(i, verdict);
    over(i, verdict);
}

void TreeModel::exited(ChildIndex i, std::uint32_t generation, core::ExitHow how, std::int32_t status) {
    Entry& e = at(i);
    if (!is_current(i, generation) || e.body != Body::alive) {
        return;
    }
    const Verdict verdict = judge(e, how, status);
    e.body = Body::draining;
    expect_effect(core::EffectKind::signal_group, i, 9);  // P-2
    take_end(i, verdict);
    if (verdict.shutdown_error) {
        expect("shutdown_error", i, reason("reason", verdict.fault, verdict.exit_class));
    }
    expect_effect(core::EffectKind::reap, i, 0);
    set(e.life, kill_patience, Tick::overdue);
    over(i, verdict);
}

void TreeModel::group_empty(ChildIndex i, std::uint32_t generation) {
    Entry& e = at(i);
    if (!is_current(i, generation) || e.body != Body::draining) {
        return;
    }
    e.body = Body::none;
    e.life = Timer{};
    settled(i);
}

void TreeModel::take_end(ChildIndex i, const Verdict& verdict) {
    Entry& e = at(i);
    const std::string words = reason("reason", verdict.fault, verdict.exit_class);
    e.life = e.settle = Timer{};
    if (e.spec.is_supervisor) {
        expect("sup_down", i, words);
    }
    if (verdict.start_failure) {
        expect("child_start_failed", i, words);
    } else if (!e.spec.is_supervisor) {
        expect("child_down", i, words);
    }
    end_device(e.device, verdict.fault);
    e.last_fault = verdict.fault;
    e.last_class = verdict.exit_class;
    e.last_device = e.device;
    e.device = DeviceId{};
    e.pid = 0;
}

/// S-13, S-24, S-37: whether it is started again falls here, at the exit (S-29).
void TreeModel::over(ChildIndex i, const Verdict& verdict) {
    Entry& e = at(i);
    const bool decided = e.asked || i == 1 || is_frozen(e.parent);
    bool again = e.spec.restart == core::RestartType::permanent ||
                 (e.spec.restart == core::RestartType::transient && verdict.exit_class == core::ExitClass::abnormal);
    if (verdict.start_failure) {
        again = e.attempt == Attempt::restart || (e.attempt == Attempt::first && e.parent == 1);  // decision 35
    }
    if (!decided && again) {
        count_restart(i, verdict);
    } else {
        e.state = ChildState::stopping;
        if (!decided && verdict.start_failure) {
            e.failed = true;
            if (e.attempt == Attempt::first && at(e.parent).part == Part::starting) {  // S-6
                at(e.parent).offender = i;
                stop_team(e.parent, Why::child_failed);
            }
        } else if (!e.asked && e.spec.restart == core::RestartType::temporary) {
            e.remove = true;
        }
    }
    e.attempt = Attempt::none;
    if (is_gone(i)) {
        settled(i);
    }
}

/// S-29 to S-33, to the nanosecond.
void TreeModel::count_restart(ChildIndex i, const Verdict& verdict) {
    Entry& e = at(i);
    Entry& team = at(e.parent);
    const core::SupervisorSpec& spec = team.spec.supervisor.front();
    const DeviceId root = verdict.fault.kind == FaultKind::cascade ? verdict.fault.root : e.last_device;
    const bool counted = e.last_root == root || team.roots.insert(root).second;
    e.last_root = root;
    std::erase_if(team.window, [&](Instant entry) { return now_ - entry > spec.period; });
    if (counted) {
        team.window.push_back(now_);
    }
    const std::string count = " window_count=" + std::to_string(team.window.size());
    if (team.window.size() > spec.intensity) {
        e.state = ChildState::stopping;
        expect("sup_giving_up", e.parent, " child=" + e.path + reason("cause", verdict.fault, verdict.exit_class) + count);
        stop_team(e.parent, Why::gave_up);
        return;
    }
    if (counted) {
        expect("restart", i, " supervisor=" + team.path + reason("cause", verdict.fault, verdict.exit_class) + count);
    }
    schedule(i);
}

/// X-1.
void TreeModel::schedule(ChildIndex i) {
    Entry& e = at(i);
    const core::BackoffSpec& spec = e.spec.backoff;
    if (e.ready && now_ - e.ready_at >= spec.reset_after) {
        e.failures = 0;
    }
    ++e.failures;
    e.state = ChildState::restarting;
    if (!spec.enabled || e.failures < 2) {
        return;
    }
    expect("child_backoff", i);
    const double longest = static_cast<double>(spec.max.ns);
    const double plain = std::min(longest, static_cast<double>(spec.initial.ns) * std::pow(spec.factor, e.failures - 2));
    const wire::Event* told = told_of("child_backoff", i);
    if (told == nullptr) {
        return;  // missing, which end_step says
    }
    const core::ChildView view = hub_.engine().supervision().view(i, now_);
    Duration delay = Duration::milliseconds(std::get<std::int64_t>(told->fields.front().value));
    if (!view.next_start.is_never()) {
        const Duration exact = view.next_start - now_;
        if (exact.ns / 1'000'000 != delay.ns / 1'000'000) {
            note_wrong(e.path + " waits for another time than was told");
        }
        delay = exact;
    }
    const double low = plain * (1 - spec.jitter) - 1e6;
    const double high = std::min(longest, plain * (1 + spec.jitter)) + 1;
    if (static_cast<double>(delay.ns) < low || static_cast<double>(delay.ns) > high) {
        note_wrong(e.path + " waits for " + std::to_string(delay.ns) + " ns; should be about " + std::to_string(plain));
    }
    set(e.backoff, delay, Tick::backoff);
}

/// Nothing of it is left: what was decided at its end is carried out.
void TreeModel::settled(ChildIndex i) {
    Entry& e = at(i);
    if (e.state == ChildState::restarting) {
        return try_attempt(i);
    }
    e.state = ChildState::down;
    answer_waiters(i, true, ErrorCode::ok);
    if (e.then_start && !is_frozen(e.parent)) {
        return begin(i, Attempt::command);
    }
    e.then_start = false;
    if (e.remove) {  // S-18
        e.remove = false;
        for (ChildIndex below = i; below < entries_.size(); ++below) {
            at(below).removed = at(below).removed || is_below(below, i);
        }
        expect("child_removed", i);
    }
    answer_waiters(i, false, e.asked && !e.failed ? ErrorCode::stopping : ErrorCode::start_failed);
}

void TreeModel::try_attempt(ChildIndex i) {
    const Entry& e = at(i);
    if (e.state == ChildState::restarting && e.backoff.at.is_never() && is_gone(i) && !is_frozen(e.parent)) {
        begin(i, Attempt::restart);
    }
}

// ---- Devices and edges -------------------------------------------------------------------------------------------------------

void TreeModel::add_edge(DeviceId watcher, DeviceId target) {
    const std::pair edge{target, watcher};
    if (watcher != target && is_live(watcher) && is_live(target) && std::find(edges_.begin(), edges_.end(), edge) == edges_.end()) {
        edges_.push_back(edge);
    }
}

void TreeModel::owe(std::uint32_t peer, std::string words) {
    if (forget_each_ == 0 || ++forget_count_ % forget_each_ != 0) {
        notices.push_back(OwedNotice{peer, std::move(words)});
    }
}

/// D-5 to D-7, L-12: one notice along each edge, then no edge is left. What is managed falls, once (W-6, W-8).
void TreeModel::end_device(DeviceId id, const Fault& fault) {
    if (live_.erase(id) == 0) {
        return;
    }
    dead_[id] = fault;
    speakers_.erase(id);
    const auto edges = edges_;
    std::erase_if(edges_, [&](const auto& edge) { return edge.first == id || edge.second == id; });
    for (const auto& [target, watcher] : edges) {
        if (target != id || !is_live(watcher)) {
            continue;
        }
        const auto task = std::find_if(tasks_.begin(), tasks_.end(), [w = watcher](const Task& one) { return one.id == w; });
        if (task != tasks_.end()) {
            owe(task->peer, notice_words(watcher, id, fault));
        } else if (const auto speaker = speakers_.find(watcher); speaker != speakers_.end()) {
            owe(speaker->second, notice_words(watcher, id, fault));
        }
        if (const ChildIndex heard = entry_of(watcher); heard != 0 && at(heard).managed && fault.is_error()) {
            if (late_dooms_) {
                dooms_.emplace_back(heard, cascade_of(id, fault));
            } else {
                doom(heard, cascade_of(id, fault));
            }
        }
    }
}

void TreeModel::doom(ChildIndex i, const Fault& cascade) {
    Entry& e = at(i);
    const bool lives = e.body == Body::spawning || e.body == Body::alive;
    if (e.spec.is_supervisor || !lives || e.told) {
        return;
    }
    const bool known = std::any_of(e.cascades.begin(), e.cascades.end(),
                                   [&](const Fault& other) { return other.cascade == cascade.cascade && other.root == cascade.root; });
    if (e.cause == Cause::doomed && e.doomed_in == step_ && !known && e.cascades.size() < candidates_max) {
        e.cascades.push_back(cascade);
        fall_dependants(i, cascade);
    }
    if (e.cause != Cause::none) {
        return;
    }
    e.cascades.push_back(cascade);
    e.doomed_in = step_;
    end_process(i, Cause::doomed, e.adopted && e.by_program);
    fall_dependants(i, cascade);
}

/// W-7: who depends on it by standing order is certain to cascade, unless its program may still unlink.
void TreeModel::fall_dependants(ChildIndex i, const Fault& own) {
    const Entry& e = at(i);
    if (!e.ready) {
        return;
    }
    const Fault cascade = cascade_of(e.device, own);
    const auto join = [&](ChildIndex other) {
        if (at(other).managed && !at(other).adopted) {
            doom(other, cascade);
        }
    };
    for (const auto& [other, mode] : e.orders_to) {
        if (has(mode, LinkMode::monitor)) {
            join(other);
        }
    }
    for (const auto& [other, mode] : e.orders) {
        if (has(mode, LinkMode::notify)) {
            join(other);
        }
    }
}

/// L-9, the form that asks for no acknowledgement: a dead target is told of like by a later death, while it is known.
void TreeModel::link(std::uint32_t peer, DeviceId from, DeviceId to, LinkMode mode) {
    if (!is_live(to)) {
        Fault unknown;
        unknown.kind = FaultKind::unreachable;
        const bool monitors = has(mode, LinkMode::monitor);
        owe(peer, monitors ? notice_words(from, to, dead_[to]) : "refusal");
        if (monitors && !notices.empty()) {
            notices.back().or_words = notice_words(from, to, unknown);
        }
        return;
    }
    if (has(mode, LinkMode::monitor)) {
        add_edge(from, to);
    }
    if (has(mode, LinkMode::notify)) {
        add_edge(to, from);
    }
}

void TreeModel::unlink(DeviceId from, DeviceId to, LinkMode mode) {
    std::erase_if(edges_, [&](const auto& edge) {
        return (has(mode, LinkMode::monitor) && edge == std::pair{to, from}) ||
               (has(mode, LinkMode::notify) && edge == std::pair{from, to});
    });
}

// ---- programs that speak (T-9, D-4, W-6) ------------------------------------------------------------------------------------

void TreeModel::adopted(ChildIndex i, std::uint32_t generation, std::uint32_t peer) {
    Entry& e = at(i);
    if (!is_current(i, generation) || e.body == Body::none || e.body == Body::draining) {
        return;
    }
    e.adopted = true;
    if (is_live(e.device)) {
        speakers_[e.device] = peer;
    }
}

void TreeModel::socket_ended(ChildIndex i, std::uint32_t generation, bool said_bye) {
    Entry& e = at(i);
    if (!is_current(i, generation) || !e.adopted) {
        return;
    }
    e.adopted = false;
    speakers_.erase(e.device);
    if (e.body != Body::alive || e.cause != Cause::none || e.told) {
        return;
    }
    const bool patient = said_bye && e.spec.shutdown_kind != core::ShutdownKind::brutal_kill;
    const bool infinite = e.spec.shutdown_kind == core::ShutdownKind::infinity;
    set(e.settle, patient ? std::max(infinite ? Duration::forever() : grace(e), settle_time) : settle_time, Tick::settle);
}

void TreeModel::announce(ChildIndex i, const Fault& fault) {
    at(i).told = true;
    at(i).told_fault = fault;
    late_dooms_ = true;  // no decision hangs on it, so those who fall do so when the step is done
    end_device(at(i).device, fault);
    late_dooms_ = false;
}

void TreeModel::said_goodbye(ChildIndex i, std::uint32_t generation, const Fault& fault) {
    Entry& e = at(i);
    if (!is_current(i, generation) || !is_live(e.device) || !e.adopted) {
        return;
    }
    e.settle = Timer{};
    if (fault.kind == FaultKind::cascade) {  // W-7 holds it back until the leader is dead
        if (e.cause == Cause::none) {
            e.cascades.push_back(fault);
        }
        return end_process(i, Cause::doomed, true);
    }
    if (e.cause != Cause::doomed) {
        announce(i, fault);
    }
    end_process(i, Cause::left, true);
}

void TreeModel::manage(ChildIndex i, std::uint32_t generation, bool on) {
    if (is_current(i, generation) && at(i).adopted && is_live(at(i).device)) {
        at(i).managed = at(i).by_program = on;
    }
}

void TreeModel::shutdown_request(DeviceId, ChildIndex i) {
    Entry& e = at(i);
    if (const auto speaker = speakers_.find(e.device); speaker != speakers_.end()) {
        owe(speaker->second, "shutdown to #" + std::to_string(e.device.value));  // its program decides (M-6)
    } else if (e.spec.is_supervisor) {
        e.cause = e.cause == Cause::none ? Cause::line : e.cause;
        stop_team(i, Why::asked);
    } else if (e.spec.managed && !e.adopted && e.cause == Cause::none) {
        end_process(i, Cause::line, false);
    }
}

}  // namespace backplane::sim
