// SPDX-License-Identifier: Apache-2.0
/// Random trees for the naive model of supervision: every strategy, and each knob of a child often at its edge.
#include "tests/sim/supervision_history.hpp"

namespace backplane::sim {

namespace {

using namespace core;

constexpr std::size_t entries_max = 10;

class Nursery {
  public:
    explicit Nursery(Chance& chance) : chance_(chance), parallel_(chance.one_in(3)), many_tasks_(chance.one_in(3)) {}

    SupervisorSpec team(int depth, const std::string& prefix) {
        SupervisorSpec spec;
        spec.strategy = depth > 0 && chance_.one_in(4) ? Strategy::dynamic : static_cast<Strategy>(chance_.below(3));
        spec.intensity = static_cast<std::uint32_t>(chance_.one_in(3) ? 20 : chance_.below(6));
        spec.period = Duration{chance_.between(1, 3'000'000'000)};
        spec.on_give_up = chance_.one_in(3) ? OnGiveUp::crash : OnGiveUp::shutdown;
        spec.auto_shutdown = chance_.one_in(4) ? static_cast<AutoShutdown>(chance_.between(1, 2)) : AutoShutdown::never;
        spec.on_start_failure = chance_.one_in(3) ? OnStartFailure::stop : OnStartFailure::retry;
        spec.start_order = parallel_ && chance_.one_in(3) ? StartOrder::parallel : StartOrder::list;
        if (spec.strategy == Strategy::dynamic) {
            spec.max_children = static_cast<std::uint32_t>(chance_.below(4));
            spec.template_child.push_back(worker("", spec.auto_shutdown));
            return spec;
        }
        for (std::uint64_t n = 0, count = chance_.below(4) + (depth == 0 ? 1 : 0); n < count && paths_.size() < entries_max; ++n) {
            const bool nested = depth < 2 && chance_.one_in(3);
            const std::string name = (nested ? "s" : "w") + std::to_string(paths_.size());
            const std::vector<std::string> before = paths_;
            const std::string path = prefix + name;
            paths_.push_back(path);
            ChildSpec child = worker(name, spec.auto_shutdown);
            if (nested) {
                child.is_supervisor = true;
                child.oneshot = false;
                child.readiness = Readiness::exec;
                child.launch = LaunchSpec{};
                child.task = TaskSpec{};
                child.start_timeout = chance_.one_in(3) ? Duration::milliseconds(chance_.between(50, 900)) : Duration::forever();
                child.supervisor.push_back(team(depth + 1, path + "/"));
            }
            // Only a sibling that stands before it: then every start can come to its end, and it is told which of two supervisors goes on
            // first within one event.
            if (!parallel_ && !before.empty() && chance_.one_in(6)) {
                const std::string& on = chance_.of(before);
                if (on.starts_with(prefix) && on.find('/', prefix.size()) == std::string::npos) {
                    child.requires_up.push_back(on);
                }
            }
            spec.children.push_back(child);
        }
        return spec;
    }

    ChildSpec worker(const std::string& name, AutoShutdown when) {
        ChildSpec spec;
        spec.name = name;
        constexpr RestartType types[] = {RestartType::permanent, RestartType::permanent, RestartType::transient, RestartType::temporary};
        spec.restart = chance_.of(types);
        spec.retain = spec.restart == RestartType::temporary && chance_.one_in(3);
        spec.significant = when != AutoShutdown::never && spec.restart != RestartType::permanent && !chance_.one_in(3);
        spec.shutdown_kind = chance_.one_in(2) ? ShutdownKind::timed : static_cast<ShutdownKind>(chance_.below(4));
        spec.shutdown = Duration::milliseconds(chance_.one_in(4) ? 0 : chance_.between(1, 500));
        spec.kill_after = Duration::milliseconds(chance_.between(0, 300));
        spec.start_timeout = chance_.one_in(3) ? Duration::forever() : Duration::milliseconds(chance_.between(20, 800));
        constexpr Readiness kinds[] = {Readiness::exec, Readiness::exec, Readiness::notify, Readiness::delay};
        spec.readiness = chance_.of(kinds);
        spec.ready_delay = Duration::milliseconds(spec.readiness == Readiness::delay ? chance_.between(1, 100) : 0);
        if (!spec.start_timeout.is_forever()) {
            spec.start_timeout.ns += spec.ready_delay.ns;  // else it never is
        }
        spec.oneshot = chance_.one_in(8);
        spec.kill_mode = chance_.one_in(6) ? KillMode::leader : KillMode::group;
        spec.signal_group = chance_.one_in(6);
        backoff(spec.backoff);
        if (chance_.one_in(3)) {
            spec.limit.enabled = true;
            spec.limit.intensity = static_cast<std::uint32_t>(chance_.below(3));
            spec.limit.period = Duration{chance_.between(1, 3'000'000'000)};
            spec.limit.on_limit = static_cast<OnLimit>(chance_.below(3));
            spec.limit.cooldown = chance_.one_in(2) ? Duration::forever() : Duration::milliseconds(chance_.between(1, 500));
        }
        if (chance_.one_in(4)) {
            spec.exits.success_codes = {1};
            spec.exits.shutdown_codes = {2};
        }
        if (chance_.one_in(6)) {
            (chance_.one_in(2) ? spec.exits.no_restart_codes : spec.exits.force_restart_codes) = {3};
        }
        spec.launch.exec = {"/bin/worker"};
        if (chance_.one_in(4)) {
            spec.launch.drain.command = {"/bin/drain"};
            spec.launch.drain.timeout = Duration::milliseconds(chance_.between(1, 300));
        }
        if (chance_.below(4) < (many_tasks_ ? 3U : 1U)) {
            make_task(spec);
        }
        return spec;
    }

  private:
    /// As configuration would have it: what is a program's alone has no meaning.
    void make_task(ChildSpec& spec) {
        const bool no_wait = chance_.one_in(5);
        spec.task.starter = chance_.one_in(2) ? starters[0] : chance_.of(starters);
        spec.readiness = no_wait ? Readiness::exec : Readiness::notify;
        spec.ready_delay = Duration{};
        spec.oneshot = spec.signal_group = false;
        spec.kill_mode = KillMode::group;
        spec.exits = ExitPolicy{};
        spec.launch = LaunchSpec{};
    }
    void backoff(BackoffSpec& spec) {
        spec.enabled = !chance_.one_in(3);
        spec.initial = Duration::milliseconds(chance_.between(1, 200));
        spec.factor = chance_.one_in(4) ? 1.0 : 2.0;
        spec.max = Duration::milliseconds(chance_.between(100, 1500));
        spec.jitter = chance_.one_in(3) ? 0.0 : 0.2;
        spec.reset_after = Duration::milliseconds(chance_.between(1, 1000));
    }

    Chance& chance_;
    /// Either this or requirements: which of two supervisors comes first that one event set going is no rule's business.
    bool parallel_;
    bool many_tasks_;
    std::vector<std::string> paths_;
};

}  // namespace

SupervisorSpec random_supervision(Chance& chance) { return Nursery(chance).team(0, ""); }

/// What a call adds: for a dynamic supervisor mostly from its template, else a worker or a small supervisor.
std::string random_addition(Chance& chance, bool to_dynamic) {
    NewChild added;
    Nursery nursery(chance);
    if (to_dynamic && !chance.one_in(4)) {
        added.arguments = {"more"};
        added.key = chance.one_in(3) ? "k" + std::to_string(chance.below(3)) : "";
        return encode_new_child(added);
    }
    added.spec.push_back(nursery.worker("a" + std::to_string(chance.below(4)), AutoShutdown::never));
    if (chance.one_in(4)) {
        ChildSpec& child = added.spec.front();
        child.is_supervisor = true;
        child.oneshot = false;
        child.launch = LaunchSpec{};
        child.task = TaskSpec{};
        child.readiness = Readiness::exec;
        SupervisorSpec& team = child.supervisor.emplace_back();
        team.strategy = static_cast<Strategy>(chance.below(3));
        for (std::uint64_t n = chance.below(3); n > 0; --n) {
            team.children.push_back(nursery.worker("b" + std::to_string(n), AutoShutdown::never));
        }
    }
    return encode_new_child(added);
}

}  // namespace backplane::sim
