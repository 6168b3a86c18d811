// SPDX-License-Identifier: Apache-2.0
/// Children as the reader makes them, by chance: every key of the table at some time, and only what goes together.
#pragma once

#include "config/system_words.hpp"

#include "daemon/core/spec.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::config {

/// A seed is enough to see a failure again. Partitions are left as the template that makes them.
class RandomChild {
  public:
    explicit RandomChild(std::uint64_t seed) : engine_(seed) {}

    /// The supervisor that a child is for: its own part, without children.
    core::SupervisorSpec among() {
        core::SupervisorSpec supervisor;
        flags(supervisor);
        return supervisor;
    }
    core::ChildSpec child(const core::SupervisorSpec& among, std::string name, int depth = 0) {
        core::ChildSpec child;
        child.name = std::move(name);
        child.is_supervisor = depth < depth_max && below(3) == 0;
        shared(among, child);
        if (child.is_supervisor) {
            child.start_timeout = coin() ? Duration::forever() : child.start_timeout;
            nested(child.supervisor.emplace_back(), depth + 1);
        } else if (below(5) == 0) {
            task(child);
        } else {
            program(child);
        }
        return child;
    }
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    bool coin() { return below(2) == 1; }

  private:
    static constexpr int depth_max = 3;

    template <class E>
    E word(std::uint64_t words) {
        return static_cast<E>(below(words));
    }
    Duration duration(std::int64_t low = 0) {
        constexpr std::array<std::int64_t, 5> units{1, 1'000, 1'000'000, 1'000'000'000, 3'600'000'000'000};
        return Duration{(low + static_cast<std::int64_t>(below(1000))) * units[below(units.size())]};
    }
    /// With whatever JSON or a placeholder could trip over.
    std::string text() {
        constexpr std::array<std::string_view, 14> pieces{
            "a", "0", "1", "/", " ", "\"", "\\", "\n", "\x7f", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "{partition}", "{"};
        std::string out;
        for (std::uint64_t n = below(6); n > 0; --n) {
            out.append(pieces[below(pieces.size())]);
        }
        return out;
    }
    std::vector<std::string> texts(std::string_view first) {
        std::vector<std::string> list;
        for (std::uint64_t n = below(3); n > 0; --n) {
            list.push_back(std::string{first} + text());
        }
        return list;
    }

    void shared(const core::SupervisorSpec& among, core::ChildSpec& child) {
        child.restart = word<core::RestartType>(3);
        child.shutdown_kind = child.is_supervisor && coin() ? core::ShutdownKind::infinity : word<core::ShutdownKind>(4);
        if (child.shutdown_kind == core::ShutdownKind::timed && coin()) {
            child.shutdown = duration();
        }
        child.start_timeout = below(3) == 0 ? Duration::forever() : coin() ? duration() : child.start_timeout;
        child.significant = child.restart != core::RestartType::permanent && among.auto_shutdown != core::AutoShutdown::never && coin();
        child.retain = child.restart == core::RestartType::temporary && coin();
        child.requires_up = texts("elsewhere");
        for (std::uint64_t n = below(3); n > 0; --n) {
            child.links.push_back({"other" + text(), static_cast<LinkMode>(1 + below(3))});
        }
        backoff(child.backoff);
        limit(among, child.limit);
    }
    void backoff(core::BackoffSpec& backoff) {
        backoff.enabled = below(4) != 0;
        if (backoff.enabled && coin()) {
            backoff.initial = duration();
            backoff.factor = coin() ? 1.0 + static_cast<double>(below(1000)) / 7.0 : 3.0;
            backoff.max = duration();
            backoff.jitter = static_cast<double>(below(101)) / 100.0;
            backoff.reset_after = duration();
        }
    }
    void limit(const core::SupervisorSpec& among, core::LimitSpec& limit) {
        limit.enabled = coin();
        limit.intensity = limit.enabled ? static_cast<std::uint32_t>(below(1ULL << 32)) : among.intensity;
        limit.period = limit.enabled ? duration(1) : among.period;
        limit.on_limit = limit.enabled ? word<core::OnLimit>(3) : core::OnLimit::escalate;
        if (limit.on_limit == core::OnLimit::quarantine && coin()) {
            limit.cooldown = duration();
        }
    }

    void flags(core::SupervisorSpec& supervisor) {
        supervisor.strategy = word<core::Strategy>(4);
        supervisor.intensity = coin() ? static_cast<std::uint32_t>(below(1ULL << 32)) : supervisor.intensity;
        supervisor.period = coin() ? duration(1) : supervisor.period;
        supervisor.on_give_up = word<core::OnGiveUp>(2);
        supervisor.auto_shutdown = word<core::AutoShutdown>(3);
        const bool grouped = supervisor.strategy == core::Strategy::one_for_all || supervisor.strategy == core::Strategy::rest_for_one;
        supervisor.start_order = grouped ? core::StartOrder::list : word<core::StartOrder>(2);
    }
    void nested(core::SupervisorSpec& supervisor, int depth) {
        flags(supervisor);
        const bool dynamic = supervisor.strategy == core::Strategy::dynamic;
        if (dynamic) {
            supervisor.max_children = static_cast<std::uint32_t>(below(3));
        } else if (below(3) == 0) {
            supervisor.partitions = 1 + static_cast<std::uint32_t>(below(3));
            supervisor.auto_shutdown = core::AutoShutdown::never;
        }
        if (dynamic || supervisor.partitions > 0) {
            supervisor.template_child.push_back(child(supervisor, "", depth));
            return;
        }
        for (std::uint64_t i = 0, n = below(4); i < n; ++i) {
            core::ChildSpec next = child(supervisor, "c" + std::to_string(i), depth);
            if (i > 0 && coin()) {
                next.requires_up.emplace_back("c0");
                next.links.push_back({"c0", LinkMode::peer});
            }
            supervisor.children.push_back(std::move(next));
        }
    }

    void task(core::ChildSpec& child) {
        child.task.starter = "t" + text();
        child.task.arguments = texts("");
        child.managed = coin();
        child.kill_after = coin() ? duration() : child.kill_after;
        child.readiness = coin() ? core::Readiness::exec : core::Readiness::notify;
        if (child.readiness == core::Readiness::exec) {
            child.start_timeout = core::ChildSpec{}.start_timeout;  // it says "no_wait"
        }
    }
    void program(core::ChildSpec& child) {
        child.launch.exec = texts("");
        child.launch.exec.insert(child.launch.exec.begin(), coin() ? "worker" : "/bin/" + text());
        readiness(child);
        child.managed = coin();
        child.stop_signal = coin() ? 15 : 1 + static_cast<std::int32_t>(below(signal_max));
        child.signal_group = coin();
        child.kill_mode = word<core::KillMode>(2);
        child.kill_after = coin() ? duration() : child.kill_after;
        if (!child.oneshot && child.shutdown_kind != core::ShutdownKind::brutal_kill && coin()) {
            child.launch.drain.command = texts("");
            child.launch.drain.command.insert(child.launch.drain.command.begin(), "drain");
            child.launch.drain.timeout = duration(1);
        }
        ends(child.exits);
        around(child.launch);
        machine(child.launch);
    }
    void readiness(core::ChildSpec& child) {
        child.readiness = word<core::Readiness>(4);
        core::ProbeSpec& probe = child.launch.probe;
        switch (child.readiness) {
            case core::Readiness::delay: child.ready_delay = duration(); break;
            case core::Readiness::probe:
                if (coin()) {
                    probe.command = texts("");
                    probe.command.insert(probe.command.begin(), "/bin/true");
                } else {
                    probe.connect = coin() ? "localhost:80" : "/run/socket";
                }
                probe.interval = duration(1);
                probe.timeout = duration(1);
                break;
            case core::Readiness::exec: child.oneshot = coin(); break;
            case core::Readiness::notify: break;
        }
        child.watchdog = !child.oneshot && coin() ? duration(1) : Duration{};
    }
    /// Each end means one thing, or nothing.
    void ends(core::ExitPolicy& exits) {
        for (unsigned code = static_cast<unsigned>(below(100)); code < 256; code += 1 + static_cast<unsigned>(below(100))) {
            std::vector<std::uint8_t>* const lists[] = {&exits.success_codes, &exits.shutdown_codes, &exits.no_restart_codes,
                                                        &exits.force_restart_codes};
            lists[below(4)]->push_back(static_cast<std::uint8_t>(code));
        }
        for (unsigned signal = 1 + static_cast<unsigned>(below(40)); signal <= signal_max; signal += 1 + static_cast<unsigned>(below(20))) {
            std::vector<std::uint8_t>* const lists[] = {&exits.success_signals, &exits.no_restart_signals, &exits.force_restart_signals};
            // Numbers there are codes, so a signal without a name can only be a success.
            const bool named = signal_name(static_cast<std::int32_t>(signal)).has_value();
            lists[named ? below(3) : 0]->push_back(static_cast<std::uint8_t>(signal));
        }
    }
    core::OutputSpec output() {
        core::OutputSpec output;
        output.kind = word<core::OutputKind>(6);
        const bool is_rotated = output.kind == core::OutputKind::rotated;
        output.path = is_rotated ? "/" + text() + "x" : output.kind == core::OutputKind::file ? "/" + text() : "";
        output.max_bytes = is_rotated ? core::rotated_bytes_min + below(1000) * 1024 : 0;
        output.keep = is_rotated ? static_cast<std::uint32_t>(below(1001)) : 0;
        return output;
    }
    void around(core::LaunchSpec& launch) {
        for (std::uint64_t n = below(3); n > 0; --n) {
            launch.environment.emplace_back("K" + std::to_string(n) + text(), text());
        }
        launch.working_directory = coin() ? "" : "/" + text();
        launch.stdout_to = output();
        launch.stderr_to = output();
    }
    void machine(core::LaunchSpec& launch) {
        launch.credentials.user = coin() ? "" : "u" + text();
        launch.credentials.group = coin() ? "" : "g" + text();
        launch.credentials.groups = texts("g");
        for (const std::string_view name : capability_names()) {
            if (below(30) == 0) {
                launch.credentials.capabilities.emplace_back(name);
            }
        }
        for (const std::string_view name : {"nofile", "nproc", "core", "as", "memlock", "fsize", "stack", "cpu", "data", "rtprio", "nice",
                                            "msgqueue", "sigpending", "locks", "rss"}) {
            if (below(8) == 0) {
                const std::uint64_t soft = coin() ? core::no_limit : below(1ULL << 60);
                launch.limits.push_back({std::string{name}, soft, coin() ? core::no_limit : soft});
            }
        }
        launch.set_nice = coin();
        launch.nice = launch.set_nice ? static_cast<std::int32_t>(below(40)) - 20 : 0;
        launch.umask = coin() ? launch.umask : static_cast<std::uint32_t>(below(01000));
        launch.set_oom_score = coin();
        launch.oom_score = launch.set_oom_score ? static_cast<std::int32_t>(below(2001)) - 1000 : 0;
        launch.control.memory_max = below(1024) << (10 * below(5));
        launch.control.pids_max = coin() ? 0 : 1 + below(4'194'304);
        launch.control.cpu_weight = coin() ? 0 : 1 + below(10'000);
    }

    std::mt19937_64 engine_;
};

}  // namespace backplane::config
