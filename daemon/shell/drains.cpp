// SPDX-License-Identifier: Apache-2.0
#include "daemon/shell/drains.hpp"

#include "daemon/core/exit_verdict.hpp"
#include "daemon/shell/log.hpp"

#include <algorithm>
#include <utility>

namespace backplane::shell {

Drains::Drains(uv_loop_t* loop, process::Host& host) : loop_(loop), host_(host) {}

Drains::~Drains() { clear(); }

void Drains::begin(process::Incarnation worker, std::int32_t pid, core::LaunchSpec launch, const std::string& socket_path,
                   std::string name) {
    end(worker.child);
    auto drain = std::make_unique<Drain>();
    drain->worker = worker;
    drain->name = std::move(name);
    drain->launch = std::move(launch);
    drain->launch.exec = drain->launch.drain.command;
    drain->launch.environment.emplace_back("MAINPID", std::to_string(pid));
    // What it has to say is for whoever looks after the daemon, and no part of what the worker says.
    drain->launch.stdout_to = {core::OutputKind::inherit, ""};
    drain->launch.stderr_to = {core::OutputKind::inherit, ""};
    drain->options.socket_path = socket_path;
    drains_.push_back(std::move(drain));
}

bool Drains::has_work() const {
    return is_touched_ || std::any_of(drains_.begin(), drains_.end(), [](const auto& drain) { return drain->pid == 0; });
}

/// It does not run any more: it waits, where it is kept.
void Drains::stop(Drain& drain) {
    drain.watch.stop();
    if (drain.pid != 0) {
        host_.drop_aside(std::exchange(drain.pid, 0));
    }
}

void Drains::end(core::ChildIndex child) {
    std::erase_if(drains_, [&](const std::unique_ptr<Drain>& drain) {
        const bool is_its = drain->worker.child == child;
        is_its ? stop(*drain) : void();
        return is_its;
    });
}

void Drains::clear() {
    for (const auto& drain : drains_) {
        stop(*drain);
    }
    drains_.clear();
}

void Drains::halt() {
    for (const auto& drain : drains_) {
        stop(*drain);
    }
}

void Drains::on_ready(std::uint64_t, unsigned) noexcept { is_touched_ = true; }

const std::vector<process::Incarnation>& Drains::run() {
    over_.clear();
    if (!has_work()) {
        return over_;
    }
    is_touched_ = false;
    std::size_t started = 0;
    std::erase_if(drains_, [&](const std::unique_ptr<Drain>& drain) {
        if (drain->pid == 0 && started++ >= drains_per_tick_max) {
            return false;
        }
        const bool over = drain->pid == 0 ? !start(*drain) : is_over(*drain);
        if (over) {
            over_.push_back(drain->worker);
        }
        return over;
    });
    return over_;
}

/// False where it cannot be run.
bool Drains::start(Drain& drain) {
    const process::SpawnOutcome outcome = host_.spawn_aside(drain.worker.child, drain.launch, drain.options);
    if (!outcome.started) {
        log_warning("the drain hook of " + drain.name + " cannot be run: " + core::spawn_failure_text(outcome.step, outcome.error_number));
        return false;
    }
    drain.pid = outcome.pid;
    // Where it cannot be watched its timeout looks after it.
    (void)drain.watch.start(loop_, outcome.pidfd, watch_readable, *this, drain.worker.child);
    return true;
}

bool Drains::is_over(Drain& drain) {
    const auto ended = host_.take_aside(drain.pid);
    if (!ended) {
        return false;
    }
    drain.watch.stop();
    if (ended->how != core::ExitHow::exited || ended->status != 0) {
        const std::string how = ended->how == core::ExitHow::exited ? "exit(" : "signal(";
        log_warning("the drain hook of " + drain.name + " ended with " + how + std::to_string(ended->status) + ")");
    }
    return true;
}

}  // namespace backplane::shell
