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
    launch.exec = launch.drain.command;
    launch.environment.emplace_back("MAINPID", std::to_string(pid));
    // What it has to say is for whoever looks after the daemon, and no part of what the worker says.
    launch.stdout_to = {core::OutputKind::inherit, ""};
    launch.stderr_to = {core::OutputKind::inherit, ""};
    process::SpawnOptions options;
    options.socket_path = socket_path;
    const process::SpawnOutcome outcome = host_.spawn_aside(worker.child, launch, options);
    if (outcome.started) {
        drain->pid = outcome.pid;
        // Where it cannot be watched its timeout looks after it.
        (void)drain->watch.start(loop_, outcome.pidfd, watch_readable, *this, worker.child);
    } else {
        log_warning("the drain hook of " + drain->name + " cannot be run: " + core::spawn_failure_text(outcome.step, outcome.error_number));
        is_touched_ = true;
    }
    drains_.push_back(std::move(drain));
}

void Drains::end(core::ChildIndex child) {
    std::erase_if(drains_, [&](const std::unique_ptr<Drain>& drain) {
        if (drain->worker.child != child) {
            return false;
        }
        drain->watch.stop();
        if (drain->pid != 0) {
            host_.drop_aside(drain->pid);
        }
        return true;
    });
}

void Drains::clear() {
    while (!drains_.empty()) {
        end(drains_.back()->worker.child);
    }
}

void Drains::on_ready(std::uint64_t, unsigned) noexcept { is_touched_ = true; }

const std::vector<process::Incarnation>& Drains::run() {
    over_.clear();
    if (std::exchange(is_touched_, false)) {
        std::erase_if(drains_, [this](const std::unique_ptr<Drain>& drain) { return is_over(*drain); });
    }
    return over_;
}

bool Drains::is_over(Drain& drain) {
    if (drain.pid != 0) {
        const auto ended = host_.take_aside(drain.pid);
        if (!ended) {
            return false;
        }
        drain.watch.stop();
        if (ended->how != core::ExitHow::exited || ended->status != 0) {
            const std::string how = ended->how == core::ExitHow::exited ? "exit(" : "signal(";
            log_warning("the drain hook of " + drain.name + " ended with " + how + std::to_string(ended->status) + ")");
        }
    }
    over_.push_back(drain.worker);
    return true;
}

}  // namespace backplane::shell
