// SPDX-License-Identifier: Apache-2.0
/// Random trees: each knob of a child and a supervisor that this version has, often at its edge.
#include "tests/sim/tree_history.hpp"

namespace backplane::sim {

namespace {

constexpr std::size_t entries_max = 12;

class Gardener {
  public:
    explicit Gardener(Chance& chance) : chance_(chance) {}

    core::SupervisorSpec team(int depth, const std::string& prefix) {
        core::SupervisorSpec spec;
        spec.intensity = static_cast<std::uint32_t>(chance_.below(6));
        spec.period = Duration{chance_.between(1, 3'000'000'000)};
        spec.on_give_up = chance_.one_in(3) ? core::OnGiveUp::crash : core::OnGiveUp::shutdown;
        for (std::uint64_t n = 0, count = chance_.below(depth == 0 ? 4 : 3) + 1; n < count && paths_.size() < entries_max; ++n) {
            spec.children.push_back(child(depth, prefix));
        }
        return spec;
    }

    /// Links lead anywhere, also to what stands behind in the configuration.
    void link(core::SupervisorSpec& spec, const std::string& prefix) {
        for (core::ChildSpec& child : spec.children) {
            const std::string path = prefix + child.name;
            if (child.is_supervisor) {
                link(child.supervisor.front(), path + "/");
            }
            for (std::uint64_t n = chance_.below(4); n > 1; --n) {
                const std::string& to = chance_.of(paths_);
                if (to != path) {
                    child.links.push_back(core::StandingLink{to, static_cast<LinkMode>(chance_.between(1, 3))});
                }
            }
        }
    }

  private:
    core::ChildSpec child(int depth, const std::string& prefix) {
        core::ChildSpec spec;
        spec.is_supervisor = depth < 3 && chance_.one_in(3);
        spec.name = (spec.is_supervisor ? "s" : "w") + std::to_string(paths_.size());
        paths_.push_back(prefix + spec.name);
        constexpr core::RestartType types[] = {core::RestartType::permanent, core::RestartType::permanent, core::RestartType::transient,
                                               core::RestartType::temporary};
        spec.restart = chance_.of(types);
        spec.shutdown_kind = static_cast<core::ShutdownKind>(chance_.below(3));
        spec.shutdown = Duration::milliseconds(chance_.below(3) == 0 ? 0 : chance_.between(1, 500));
        spec.backoff.enabled = !chance_.one_in(3);
        spec.backoff.initial = Duration::milliseconds(chance_.between(1, 200));
        spec.backoff.factor = chance_.one_in(4) ? 1.0 : 2.0;
        spec.backoff.max = Duration::milliseconds(chance_.between(100, 1500));
        spec.backoff.jitter = chance_.one_in(3) ? 0.0 : 0.2;
        spec.backoff.reset_after = Duration::milliseconds(chance_.between(1, 1000));
        if (spec.is_supervisor) {
            spec.start_timeout = chance_.one_in(3) ? Duration::milliseconds(chance_.between(50, 500)) : Duration::forever();
            spec.supervisor.push_back(team(depth + 1, prefix + spec.name + "/"));
            return spec;
        }
        spec.start_timeout = chance_.one_in(3) ? Duration::forever() : Duration::milliseconds(chance_.between(20, 800));
        spec.readiness = chance_.one_in(3) ? core::Readiness::notify : core::Readiness::exec;
        spec.managed = chance_.one_in(2);
        spec.launch.exec = {"/bin/worker"};
        return spec;
    }

    Chance& chance_;
    std::vector<std::string> paths_;
};

}  // namespace

core::SupervisorSpec random_tree(Chance& chance) {
    Gardener gardener(chance);
    core::SupervisorSpec tree = gardener.team(0, "");
    gardener.link(tree, "");
    return tree;
}

}  // namespace backplane::sim
