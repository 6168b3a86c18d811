// SPDX-License-Identifier: Apache-2.0
/// Workers of a daemon that crashed: found again, never started beside themselves (X-12, T-12).
#include "daemon/process/identity.hpp"
#include "daemon/shell/log.hpp"
#include "daemon/shell/workers.hpp"

#include <unistd.h>

#include <utility>

namespace backplane::shell {

using core::Event;

/// The session of this incarnation's inherited socket, which is away; none where it ended before.
core::SessionIndex Workers::session_of(const core::Effect& effect) const {
    const core::Graph& graph = hub_.engine().graph();
    for (core::SessionIndex s = 1; s < graph.session_slots(); ++s) {
        const core::SessionState& state = graph.session(s);
        if (graph.is_open(s) && state.worker == effect.child && state.worker_generation == effect.generation) {
            return s;
        }
    }
    return core::daemon_session;
}

void Workers::hold(core::ChildIndex child, int notify_fd) {
    if (keeper_ != nullptr && notify_fd >= 0) {
        keeper_->hold(notify_key + child, notify_fd);
        worker(child).is_held = true;
    }
}

void Workers::drop(core::ChildIndex child) {
    if (keeper_ != nullptr && std::exchange(worker(child).is_held, false)) {
        keeper_->drop(notify_key + child);
    }
}

void Workers::adopt(const core::Effect& effect, std::int32_t pid, std::uint64_t started_at) {
    int wrong = 0;
    process::SpawnOptions options = options_for(effect.child, wrong);
    if (keeper_ != nullptr && options.wants_notify) {
        options.notify_descriptor = keeper_->take_held(notify_key + effect.child).release();
        worker(effect.child).is_held = options.notify_descriptor >= 0;
    }
    const process::SpawnOutcome outcome = host_.adopt(effect.child, effect.generation, pid, started_at, false, options);
    if (!outcome.started) {
        // It ended, and whoever was there to see it is gone: how is unknown, never "exit 0" (F-5).
        exited(effect.child, effect.generation, session_of(effect), core::ExitHow::unknown, 0);
        if (pid <= 1) {  // nor is there a group that could be asked
            return hub_.feed(Event::group_empty(effect.child, effect.generation));
        }
        // The next one waits for the end of its group, which may have outlived it.
        (void)host_.adopt(effect.child, effect.generation, pid, started_at, true, {});
        next_sweep_ = Instant{};
        return;
    }
    outputs_.adopt(effect.child, effect.generation, pid);
    watch(effect, outcome, session_of(effect));
    probe(effect.child, effect.generation);
}

/// The crash came between the spawn and its word of it, or before the spawn. What was spawned left its pid behind, stored by the
/// kernel before it ran; and a child of the keeper's or of ours that is not reaped keeps its pid.
void Workers::spawn_or_find(const core::Effect& effect) {
    const std::int32_t pid = notes_ == nullptr ? 0 : notes_->find(effect.child, effect.generation);
    const process::ProcessFacts facts = pid > 0 ? process::facts_of(pid) : process::ProcessFacts{};
    const core::SessionIndex session = session_of(effect);
    if (pid > 0) {
        const bool is_child = facts.parent == getppid() || facts.parent == getpid();
        const bool is_it = facts.started_at != 0 &&
                           (is_child || (session != core::daemon_session && process::environment_holds(pid, hub_.resume_text(session))));
        hub_.feed(Event::spawned(effect.child, effect.generation, pid, is_it ? facts.started_at : 0));
        return adopt(effect, is_it ? pid : 0, facts.started_at);
    }
    if (session != core::daemon_session) {
        hub_.release(session);  // of the spawn that never was
    }
    core::Effect again = effect;
    again.kind = core::EffectKind::spawn;
    waiting_.push_back(again);
}

void Workers::note_ended(std::int32_t pid, core::ExitHow how, std::int32_t status) {
    if (const auto ended = host_.note_ended(pid, how, status)) {
        ended_.push_back(ended->child);
    }
    next_sweep_ = Instant{};  // what the keeper takes away may have been the last of a group
}

std::vector<HandedWorker> Workers::hand_over() const {
    std::vector<HandedWorker> handed;
    for (const process::Host::Taken& taken : host_.occupants()) {
        const core::ChildIndex child = taken.incarnation.child;
        HandedWorker worker;
        worker.child = child;
        worker.generation = taken.incarnation.generation;
        worker.pid = taken.pid;
        worker.notify_descriptor = taken.notify_descriptor;
        worker.started_at = process::facts_of(taken.pid).started_at;
        worker.session = child < workers_.size() && workers_[child] ? workers_[child]->session : core::daemon_session;
        worker.is_gone = taken.is_gone ? 1 : 0;
        handed.push_back(worker);
    }
    return handed;
}

void Workers::take_over(const HandedWorker& handed) {
    int wrong = 0;
    process::SpawnOptions options = options_for(handed.child, wrong);
    options.notify_descriptor = handed.notify_descriptor;
    const process::SpawnOutcome outcome =
        host_.adopt(handed.child, handed.generation, handed.pid, handed.started_at, handed.is_gone != 0, options);
    core::Effect effect;
    effect.child = handed.child;
    effect.generation = handed.generation;
    if (handed.is_gone != 0) {
        next_sweep_ = Instant{};
    } else if (outcome.started) {
        watch(effect, outcome, handed.session);
        probe(handed.child, handed.generation);
        drain(handed.child, handed.generation);
        worker(handed.child).is_held = handed.notify_descriptor >= 0;
    }
}

void Workers::let_go() {
    forget_all();
    host_.let_go();
}

void Workers::forget_keeper() {
    host_.forget_parent();
    for (core::ChildIndex child = 0; child < workers_.size(); ++child) {
        if (workers_[child] && workers_[child]->is_watched) {
            ended_.push_back(child);
        }
    }
}

}  // namespace backplane::shell
