// SPDX-License-Identifier: Apache-2.0
/// A history that fails is made as short as it goes: acts and children are left out as long as it still fails.
#include "tests/sim/supervision_history.hpp"

#include <algorithm>

namespace backplane::sim {

namespace {

constexpr int tries_max = 3000;
constexpr std::uint64_t forget_restarts = 3;  ///< the planted bug: each so many are forgotten
constexpr std::size_t story_max = 100;        ///< lines of a story that are told, its last ones

class Shrinker {
  public:
    Shrinker(Plan plan, std::uint64_t forget_each) : best_(std::move(plan)), forget_each_(forget_each) {}

    Plan shrink() {
        std::size_t before = 0;
        do {
            before = size();
            acts();
            children(Path{});
        } while (size() < before && tries_ < tries_max);
        return best_;
    }

  private:
    using Path = std::vector<std::size_t>;  ///< from the root down, by place

    [[nodiscard]] std::size_t size() const { return best_.acts.size() * 1000 + core::encode_spec(best_.tree).size(); }
    bool keep(const Plan& plan) {
        if (++tries_ > tries_max || SupervisionHistory(plan, forget_each_).run().empty()) {
            return false;
        }
        best_ = plan;
        return true;
    }
    void acts() {
        for (std::size_t chunk = std::max<std::size_t>(best_.acts.size() / 2, 1); chunk > 0; chunk /= 2) {
            for (std::size_t from = 0; from < best_.acts.size();) {
                Plan less = best_;
                const auto begin = less.acts.begin() + static_cast<std::ptrdiff_t>(from);
                less.acts.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(chunk, less.acts.size() - from)));
                from += keep(less) ? 0 : chunk;
            }
        }
    }
    static core::SupervisorSpec& team(Plan& plan, const Path& path) {
        core::SupervisorSpec* spec = &plan.tree;
        for (const std::size_t place : path) {
            spec = &spec->children[place].supervisor.front();
        }
        return *spec;
    }
    static void forget_requirements(core::SupervisorSpec& spec, const std::string& name) {
        for (core::ChildSpec& child : spec.children) {
            std::erase_if(child.requires_up, [&](const std::string& on) {
                return on == name || on.find(name + "/") != std::string::npos || on.ends_with("/" + name);
            });
            if (child.is_supervisor) {
                forget_requirements(child.supervisor.front(), name);
            }
        }
    }
    void children(const Path& path) {
        for (std::size_t n = 0; n < team(best_, path).children.size();) {
            Plan less = best_;
            const std::string name = team(less, path).children[n].name;
            team(less, path).children.erase(team(less, path).children.begin() + static_cast<std::ptrdiff_t>(n));
            forget_requirements(less.tree, name);
            if (keep(less)) {
                continue;
            }
            if (team(best_, path).children[n].is_supervisor) {
                Path below = path;
                below.push_back(n);
                children(below);
            }
            ++n;
        }
    }

    Plan best_;
    std::uint64_t forget_each_;
    int tries_ = 0;
};

void describe(const core::SupervisorSpec& spec, const std::string& indent, std::string& text) {
    text += indent + std::string{core::strategy_name(spec.strategy)} + " intensity " + std::to_string(spec.intensity) + ", auto_shutdown " +
            std::string{core::auto_shutdown_name(spec.auto_shutdown)} + "\n";
    for (const core::ChildSpec& child : spec.children) {
        text += indent + "- " + child.name + " " + std::string{core::restart_type_name(child.restart)} + (child.retain ? " retain" : "") +
                (child.significant ? " significant" : "") + (child.oneshot ? " oneshot" : "") +
                (child.readiness != core::Readiness::exec ? " readiness " + std::to_string(static_cast<int>(child.readiness)) : "") +
                " shutdown " + std::to_string(static_cast<int>(child.shutdown_kind)) + (child.backoff.enabled ? " backoff" : "") +
                (child.limit.enabled ? " limit " + std::to_string(child.limit.intensity) + " on_limit " +
                                           std::to_string(static_cast<int>(child.limit.on_limit))
                                     : "") +
                (child.requires_up.empty() ? "" : " requires " + child.requires_up.front()) +
                (child.is_task() ? " task " + child.task.starter : "") + "\n";
        if (child.is_supervisor) {
            describe(child.supervisor.front(), indent + "    ", text);
        }
    }
}

}  // namespace

Outcome run_supervision_history(const Options& options) {
    Chance chance(options.seed);
    Plan plan;
    plan.seed = options.seed;
    plan.tree = random_supervision(chance);
    for (int n = 0; n < options.steps; ++n) {
        plan.acts.push_back(chance.next());
    }
    const std::uint64_t forget_each = options.forget_each != 0 ? forget_restarts : 0;
    SupervisionHistory history(plan, forget_each);
    Outcome outcome;
    outcome.wrong = history.run();
    outcome.trace = history.trace();
    outcome.steps = history.steps();
    outcome.crashes = history.crashes();
    if (options.verbose) {
        for (const std::string& line : history.story()) {
            std::printf("%s\n", line.c_str());
        }
    }
    if (!outcome.wrong.empty()) {
        const Plan shortest = Shrinker(plan, forget_each).shrink();
        SupervisionHistory again(shortest, forget_each);
        outcome.wrong = again.run();
        std::string text = "\n";
        describe(shortest.tree, "    ", text);
        const std::size_t lines = again.story().size();
        for (std::size_t n = lines > story_max ? lines - story_max : 0; n < lines; ++n) {
            text += "    " + again.story()[n] + "\n";
        }
        outcome.wrong += text;
    }
    return outcome;
}

}  // namespace backplane::sim
