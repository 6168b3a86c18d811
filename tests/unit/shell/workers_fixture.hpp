// SPDX-License-Identifier: Apache-2.0
/// The machine's side of supervised processes with core, hub and host as they are, ticked by hand.
#pragma once

#include "daemon/process/group.hpp"
#include "daemon/process/identity.hpp"
#include "daemon/shell/clock.hpp"
#include "daemon/shell/workers.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace backplane::shell {

inline constexpr auto patience = std::chrono::seconds(20);

inline core::ChildSpec child(const std::string& name, std::vector<std::string> exec) {
    core::ChildSpec spec;
    spec.name = name;
    spec.start_timeout = Duration::seconds(60);
    spec.restart = core::RestartType::temporary;
    spec.launch.exec = std::move(exec);
    return spec;
}

class WorkersFixture : public ::testing::Test {
  protected:
    WorkersFixture() : hub_(engine_, {}) {
        std::string pattern = std::filesystem::temp_directory_path() / "backplane-workers-XXXXXX";
        folder_ = mkdtemp(pattern.data());
        uv_loop_init(&loop_);
    }
    ~WorkersFixture() override {
        stop();
        std::filesystem::remove_all(folder_);
    }

    void stop() {
        if (is_stopped_) {
            return;
        }
        is_stopped_ = true;
        if (workers_) {
            workers_->kill_all();
            workers_.reset();
            outputs_.reset();
            connections_->close_all();
            connections_.reset();
        }
        uv_run(&loop_, UV_RUN_DEFAULT);
        uv_loop_close(&loop_);
    }

    void boot(std::vector<core::ChildSpec> children, core::Strategy strategy = core::Strategy::one_for_one) {
        core::SupervisorSpec root;
        root.strategy = strategy;
        root.children = std::move(children);
        connections_.emplace(&loop_, hub_);
        outputs_.emplace(&loop_, hub_, std::uint64_t{1});
        workers_.emplace(&loop_, hub_, host_, *connections_, *outputs_, path("s"), path("s.notify"));
        const Moment moment = read_clock();
        hub_.set_time(moment.now, moment.wall_us);
        hub_.feed(core::Event::boot(Epoch{1}, 1, geteuid()));
        hub_.feed(core::Event::configure(core::encode_spec(root)));
        settle();
    }

    void settle() {
        for (;;) {
            hub_.take_machine(effects_);
            if (effects_.empty()) {
                return;
            }
            for (const core::Effect& effect : effects_) {
                workers_->carry_out(effect);
            }
        }
    }

    void tick() {
        uv_run(&loop_, UV_RUN_NOWAIT);
        const Moment moment = read_clock();
        hub_.set_time(moment.now, moment.wall_us);
        if (hub_.next_deadline() <= moment.now) {
            hub_.feed(core::Event::of(core::EventKind::tick));
        }
        workers_->take_starts(moment.now);
        workers_->take_exits();
        workers_->take_probes(moment.now);
        workers_->take_drains();
        workers_->take_notifications();
        outputs_->run(moment.now);
        settle();
        workers_->spawn_some();
        workers_->sweep(true, moment.now);
        settle();
    }

    bool ticks_until(const std::function<bool()>& is_so) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!is_so()) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            tick();
        }
        return true;
    }

    core::ChildView view(const std::string& name) { return engine_.supervision().view(engine_.supervision().find(name), hub_time()); }
    static Instant hub_time() { return read_clock().now; }
    bool is(const std::string& name, core::ChildState state) { return view(name).state == state; }
    std::string fault_of(const std::string& name) { return std::string{engine_.texts()[view(name).last_fault.text]}; }
    std::string path(const std::string& name) const { return folder_ + "/" + name; }
    static void touch(const std::string& file) { std::ofstream{file} << "x"; }
    std::size_t children() const { return process::own_children().size(); }

    bool is_stopped_ = false;
    std::string folder_;
    uv_loop_t loop_{};
    core::Engine engine_;
    session::Hub hub_;
    process::Host host_;
    std::optional<Connections> connections_;
    std::optional<Outputs> outputs_;
    std::optional<Workers> workers_;
    std::vector<core::Effect> effects_;
};

using core::ChildState;

}  // namespace backplane::shell
