// SPDX-License-Identifier: Apache-2.0
/// The search for cycles against a plain play of the starts: there is a cycle exactly where somebody never starts (S-5, X-6),
/// and each step of one that is told is a wait that was given.
#include "config/requirements.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace {

using namespace backplane::config;

constexpr std::uint32_t none = StartGraph::none;

struct Child {
    std::uint32_t supervisor = none;
    std::uint32_t before = none;
    bool on_request = false;
    std::vector<std::uint32_t> requirements{};
    bool begun = false;
    bool started = false;
};

/// Children in the order of a walk: each one's supervisor is the last child, or one above it.
std::vector<Child> random_children(std::mt19937& chance) {
    std::vector<Child> children(1 + chance() % 12);
    std::vector<std::uint32_t> above;  // of the child before, with itself
    std::vector<bool> in_order(children.size() + 1);
    std::generate(in_order.begin(), in_order.end(), [&chance] { return chance() % 3 != 0; });
    for (std::uint32_t i = 0; i < children.size(); ++i) {
        above.resize(chance() % (above.size() + 1));
        Child& child = children[i];
        child.supervisor = above.empty() ? none : above.back();
        child.on_request = child.supervisor != none && chance() % 6 == 0;
        for (std::uint32_t other = 0; other < i; ++other) {
            const bool sibling = children[other].supervisor == child.supervisor && !children[other].on_request;
            child.before =
                sibling && !child.on_request && in_order[child.supervisor == none ? 0 : child.supervisor + 1] ? other : child.before;
        }
        above.push_back(i);
        for (std::uint_fast32_t n = chance() % 2; n > 0; --n) {
            child.requirements.push_back(static_cast<std::uint32_t>(chance() % children.size()));
        }
    }
    return children;
}

bool may_begin(const std::vector<Child>& all, const Child& child) {
    const auto started = [&all](std::uint32_t other) { return other == none || all[other].started; };
    const bool above = child.supervisor == none || (child.on_request ? all[child.supervisor].started : all[child.supervisor].begun);
    return above && started(child.before) && std::all_of(child.requirements.begin(), child.requirements.end(), started);
}

bool is_started(const std::vector<Child>& all, std::uint32_t number) {
    return all[number].begun && std::all_of(all.begin(), all.end(), [number](const Child& other) {
               return other.supervisor != number || other.on_request || other.started;
           });
}

/// Whether all start in the end.
bool play(std::vector<Child> all) {
    for (bool changed = true; changed;) {
        changed = false;
        for (std::uint32_t i = 0; i < all.size(); ++i) {
            const bool begins = !all[i].begun && may_begin(all, all[i]);
            all[i].begun = all[i].begun || begins;
            const bool starts = !all[i].started && is_started(all, i);
            all[i].started = all[i].started || starts;
            changed = changed || begins || starts;
        }
    }
    return std::all_of(all.begin(), all.end(), [](const Child& child) { return child.started; });
}

bool was_given(const std::vector<Child>& all, const StartGraph::Step& step) {
    const Child& child = all.at(step.child);
    switch (step.why) {
        case StartGraph::Why::above: return child.supervisor == step.other;
        case StartGraph::Why::below: return all.at(step.other).supervisor == step.child && !all.at(step.other).on_request;
        case StartGraph::Why::before: return child.before == step.other;
        case StartGraph::Why::required: return child.requirements.at(step.requirement) == step.other;
        case StartGraph::Why::itself: break;
    }
    return false;
}

TEST(start_graph, has_a_cycle_exactly_where_somebody_never_starts) {
    int cycles = 0;
    constexpr int runs = 5000;
    for (std::uint32_t seed = 0; seed < runs; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 chance(seed);
        const std::vector<Child> children = random_children(chance);
        StartGraph graph;
        for (const Child& child : children) {
            graph.add(child.supervisor, child.before, child.on_request);
        }
        for (std::uint32_t i = 0; i < children.size(); ++i) {
            for (std::uint32_t n = 0; n < children[i].requirements.size(); ++n) {
                graph.require(i, children[i].requirements[n], n);
            }
        }
        const auto cycle = graph.find_cycle();
        ASSERT_EQ(cycle.has_value(), !play(children));
        if (!cycle) {
            continue;
        }
        ++cycles;
        EXPECT_EQ(cycle->front().why, StartGraph::Why::required);
        for (std::size_t i = 0; i < cycle->size(); ++i) {
            EXPECT_TRUE(was_given(children, (*cycle)[i]));
            EXPECT_EQ((*cycle)[i].other, (*cycle)[(i + 1) % cycle->size()].child);
        }
    }
    EXPECT_GT(cycles, runs / 10);
    EXPECT_LT(cycles, runs - runs / 10);
}

TEST(start_graph, of_nothing_has_no_cycle) { EXPECT_FALSE(StartGraph{}.find_cycle().has_value()); }

}  // namespace
