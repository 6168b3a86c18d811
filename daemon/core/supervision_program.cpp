// SPDX-License-Identifier: Apache-2.0
/// Managed processes and programs that speak for themselves (W-6..W-8, T-9, D-4).
#include "daemon/core/supervision.hpp"

#include <algorithm>
#include <utility>

namespace backplane::core {

namespace {
/// T-9: how long after its socket's end the exit of an adopted process is waited for before it counts as a drop.
constexpr Duration settle_time = Duration::milliseconds(20);
}  // namespace

/// Something that it depends on faulted. It is stopped by its specification; its own watchers hear of it when it is dead,
/// not before (W-7). A stop that is already under way swallows the notice (W-8). False where nothing began.
bool Supervision::fall(Step& step, ChildIndex i, const FaultRecord& cascade) {
    Child& child = children_[i];
    const bool lives = child.body == Body::spawning || child.body == Body::alive;
    if (!lives || child.life.cause != StopCause::none || child.life.told != 0) {
        return false;
    }
    keep_fault(child.verdict, cascade);
    if (child.is_task != 0) {
        withdraw_task(step, i, cascade, StopCause::doomed);  // at once (decision 13)
        return true;
    }
    // A program that manages itself was told so, and has its shutdown time to end by itself.
    const Device* device = graph_.find(child.device);
    const bool by_program = device != nullptr && (device->traits & trait_by_program) != 0;
    end_process(step, i, StopCause::doomed, child.life.adopted != 0 && by_program);
    return true;
}

/// W-7: those who depend on it by standing order are certain to cascade, so their stop begins now; each is announced on
/// its own death. Thereby a chain takes one grace and not one for each link, and a ring falls once: nobody in it is
/// started again and linked to one that is still to fall.
void Supervision::fall_dependants(Step& step, ChildIndex i, std::vector<ChildIndex>& fallen) {
    const Child& child = children_[i];
    if (child.life.ready == 0) {
        return;  // it was never up for them (decision 14)
    }
    FaultRecord cascade = child.verdict;
    cascade.cascade = child.device;
    cascade.hops = child.verdict.hops + 1;
    cascade.text = 0;
    const auto join = [&](ChildIndex other) {
        const Child& dependant = children_[other];
        const Device* device = graph_.find(dependant.device);
        const bool managed = device != nullptr && (device->traits & trait_managed) != 0;  // its program may have changed it
        if (managed && dependant.life.adopted == 0 && fall(step, other, cascade)) {
            fallen.push_back(other);  // a program that speaks may still unlink, so it is not certain to fall
        }
    };
    for (std::uint32_t o = child.orders_to; o != 0; o = orders_[o].next_to) {
        if (has(orders_[o].mode, LinkMode::monitor)) {
            join(orders_[o].from);
        }
    }
    for (std::uint32_t o = child.orders_from; o != 0; o = orders_[o].next_from) {
        if (has(orders_[o].mode, LinkMode::notify)) {
            join(orders_[o].to);
        }
    }
}

void Supervision::fall_all(Step& step, ChildIndex i, const FaultRecord& cascade) {
    if (!contains(i) || children_[i].is_supervisor() || !fall(step, i, cascade)) {
        return;
    }
    std::vector<ChildIndex> fallen{i};
    for (std::size_t n = 0; n < fallen.size(); ++n) {
        fall_dependants(step, fallen[n], fallen);
    }
}

void Supervision::doom(Step& step, ChildIndex i, const FaultRecord& cascade) {
    fall_all(step, i, cascade);
    settle(step);
}

/// The notices of an end stand before what its supervisor decides on it (P-2). Else a supervisor that gives up stops those
/// who depended on the dead one as if they had been asked, and their own dependants hear of a clean end (W-8).
void Supervision::fall_told(Step& step) {
    if (graph_.doomed.empty()) {
        return;
    }
    for (const Graph::Doomed& fallen : std::exchange(graph_.doomed, {})) {
        fall_all(step, fallen.child, fallen.fault);
    }
}

void Supervision::shutdown_requested(Step& step, ChildIndex i, DeviceId) {
    if (!contains(i)) {
        return;
    }
    Child& child = children_[i];
    if (child.is_supervisor()) {
        // S-42: it ends with class shutdown, and S-13 decides whether it comes back.
        if (child.life.cause == StopCause::none) {
            child.life.cause = StopCause::line;
        }
        stop_team(step, i, TeamEnd::asked);
    } else if (child.managed != 0 && child.life.adopted == 0 && child.life.cause == StopCause::none) {
        end_process(step, i, StopCause::line, false);  // one that is not managed may ignore it (M-6)
    }
    settle(step);
}

void Supervision::adopted(Step& step, ChildIndex i, std::uint32_t generation, SessionIndex session) {
    if (!is_current(i, generation) || children_[i].body == Body::none || children_[i].body == Body::draining) {
        return;
    }
    children_[i].life.adopted = 1;
    deadlines_.cancel(children_[i].settle_timer);  // it speaks again
    graph_.set_owner(children_[i].device, session);
    starter_up(step, texts_[children_[i].path]);
}

void Supervision::socket_ended(Step& step, ChildIndex i, std::uint32_t generation, bool said_bye) {
    if (!is_current(i, generation) || children_[i].life.adopted == 0) {
        return;
    }
    Child& child = children_[i];
    child.life.adopted = 0;
    graph_.set_owner(child.device, daemon_session);
    // While it is being stopped the end of its socket is part of that, and its exit tells the rest.
    if (child.body == Body::alive && child.life.cause == StopCause::none && child.life.told == 0) {
        const bool patient = said_bye && child.shutdown_kind != ShutdownKind::brutal_kill;
        const Duration shutdown = child.shutdown_kind == ShutdownKind::infinity ? Duration::forever() : grace_of(child);
        const Duration wait = patient ? std::max(shutdown, settle_time) : settle_time;
        child.settle_timer = deadlines_.set(step.now + wait, DeadlineKind::settle, i);
    }
}

/// Its socket ended because it ends: its exit comes, be it later than the settle time, and gives the fault.
void Supervision::exiting(ChildIndex i, std::uint32_t generation) {
    if (is_current(i, generation) && children_[i].body == Body::alive) {
        deadlines_.cancel(children_[i].settle_timer);
    }
}

/// No exit within the settle time: it has let go of its Device and lives on. That is a drop, told now.
void Supervision::settle_over(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.body != Body::alive || child.life.cause != StopCause::none || child.life.told != 0) {
        return;
    }
    FaultRecord fault;
    fault.kind = FaultKind::drop;
    announce(step, i, fault);
    end_process(step, i, StopCause::dropped, false);
}

/// Only a word is written; the deadline looks at it when it comes.
void Supervision::alive(Step& step, ChildIndex i, std::uint32_t generation, Duration next) {
    if (!is_current(i, generation) || children_[i].body != Body::alive) {
        return;
    }
    Child& child = children_[i];
    if (child.life.stage != StopStage::none && child.life.stage != StopStage::hook) {
        return;
    }
    const Duration until = next.ns > 0 ? next : child.watchdog;
    if (until.ns <= 0) {
        return;
    }
    child.alive_until = step.now + until;
    const bool watched = child.life.ready != 0 && child.watch_timer != 0;
    if (child.life.ready != 0 && (!watched || deadlines_.at(child.watch_timer) > child.alive_until)) {
        deadlines_.cancel(child.watch_timer);
        child.watch_timer = deadlines_.set(child.alive_until, DeadlineKind::watchdog, i);
    }
}

void Supervision::silent(Step& step, ChildIndex i, std::uint32_t generation) {
    if (is_current(i, generation) && children_[i].body == Body::alive) {
        end_process(step, i, StopCause::watchdog, false);
        settle(step);
    }
}

void Supervision::heartbeat(Step& step, ChildIndex i, Duration next) {
    if (!contains(i)) {
        return;
    }
    Child& child = children_[i];
    if (next.ns == 0 && child.watchdog.ns == 0 && child.life.ready != 0) {
        deadlines_.cancel(child.watch_timer);
    } else {
        alive(step, i, child.generation, next);
    }
}

/// It was silent for too long, or the deadline is an old one.
void Supervision::watch_due(Step& step, ChildIndex i) {
    Child& child = children_[i];
    if (child.body != Body::alive || child.life.ready == 0) {
        return;
    }
    if (child.alive_until > step.now) {
        child.watch_timer = deadlines_.set(child.alive_until, DeadlineKind::watchdog, i);
    } else {
        end_process(step, i, StopCause::watchdog, false);
    }
}

/// Ends the Device of a process that lives on. What is told now stays (F-7).
void Supervision::announce(Step& step, ChildIndex i, const FaultRecord& fault) {
    Child& child = children_[i];
    keep_fault(child.verdict, fault);
    child.life.told = 1;
    FaultRecord told = fault;
    texts_.share(told.text);
    graph_.end_device(step, child.device, told);
}

/// Its program said goodbye: told at once, except a cascade, which is held back until it is dead (W-7). Then it has its
/// shutdown time to exit. Takes over the fault's share of its text.
void Supervision::disconnected(Step& step, ChildIndex i, const FaultRecord& fault) {
    TextIndex text = fault.text;
    const bool known = contains(i) && !children_[i].is_supervisor();
    if (!known || children_[i].body == Body::none || children_[i].body == Body::draining || children_[i].life.told != 0) {
        texts_.release(text);
        return;
    }
    Child& child = children_[i];
    if (child.is_task != 0) {
        announce(step, i, fault);
        end_task(step, i);
        texts_.release(text);
        settle(step);
        return;
    }
    deadlines_.cancel(child.settle_timer);
    if (fault.kind != FaultKind::cascade) {
        // Once it is doomed the cascade is fixed, whatever its program says on its way out (W-8).
        if (child.life.cause != StopCause::doomed) {
            announce(step, i, fault);
        }
        end_process(step, i, StopCause::left, true);
    } else {
        if (child.life.cause == StopCause::none) {
            keep_fault(child.verdict, fault);
        }
        end_process(step, i, StopCause::doomed, true);
    }
    texts_.release(text);
    settle(step);
}

}  // namespace backplane::core
