// SPDX-License-Identifier: Apache-2.0
/// Tests of the tree's flat form: what is written is read back (decision 9), hostile bytes are refused by field name,
/// and a refused input neither crashes nor takes memory that it did not bring (threats, "journal read as hostile").
#include "daemon/core/spec.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace {

using namespace backplane;
using namespace backplane::core;

/// A small deterministic source of choices, so that a failing seed is enough to see a failure again.
class Chance {
  public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    bool coin() { return below(2) == 1; }
    std::string text(std::size_t bytes_max) {
        std::string out(below(bytes_max + 1), 'a');
        for (char& c : out) {
            c = static_cast<char>('a' + below(26));
        }
        return out;
    }
    Duration duration() { return below(8) == 0 ? Duration::forever() : Duration{static_cast<std::int64_t>(below(1ULL << 40))}; }

  private:
    std::mt19937_64 engine_;
};

SupervisorSpec random_tree(Chance& chance, int depth);

OutputSpec random_output(Chance& chance) {
    OutputSpec output;
    output.kind = static_cast<OutputKind>(chance.below(3));
    if (output.kind == OutputKind::file) {
        output.path = "/" + chance.text(30);
    }
    return output;
}

LaunchSpec random_launch(Chance& chance) {
    LaunchSpec launch;
    launch.exec.push_back("/bin/" + chance.text(10) + "x");
    for (std::uint64_t n = chance.below(4); n > 0; --n) {
        launch.exec.push_back(chance.text(20));
    }
    for (std::uint64_t n = chance.below(4); n > 0; --n) {
        launch.environment.emplace_back("K" + chance.text(5), chance.text(40));
    }
    launch.working_directory = chance.coin() ? "" : "/" + chance.text(12);
    launch.stdout_to = random_output(chance);
    launch.stderr_to = random_output(chance);
    return launch;
}

ChildSpec random_child(Chance& chance, std::size_t index, int depth) {
    ChildSpec child;
    child.name = "c" + std::to_string(index) + chance.text(6);
    child.is_supervisor = depth < 4 && chance.below(3) == 0;
    child.restart = static_cast<RestartType>(chance.below(3));
    child.shutdown_kind = static_cast<ShutdownKind>(chance.below(3));
    child.shutdown = chance.duration();
    child.start_timeout = chance.duration();
    child.readiness = static_cast<Readiness>(chance.below(2));
    child.managed = chance.coin();
    child.backoff.enabled = chance.coin();
    child.backoff.initial = chance.duration();
    child.backoff.factor = 1.0 + static_cast<double>(chance.below(1000)) / 7.0;
    child.backoff.max = chance.duration();
    child.backoff.jitter = static_cast<double>(chance.below(101)) / 100.0;
    child.backoff.reset_after = chance.duration();
    for (std::uint64_t n = chance.below(3); n > 0; --n) {
        child.links.push_back(StandingLink{"to" + chance.text(4), static_cast<LinkMode>(1 + chance.below(3))});
    }
    if (child.is_supervisor) {
        child.supervisor.push_back(random_tree(chance, depth + 1));
    } else {
        child.launch = random_launch(chance);
    }
    return child;
}

SupervisorSpec random_tree(Chance& chance, int depth) {
    SupervisorSpec tree;
    tree.intensity = static_cast<std::uint32_t>(chance.below(1ULL << 32));
    tree.period = Duration{static_cast<std::int64_t>(1 + chance.below(1ULL << 40))};
    tree.on_give_up = static_cast<OnGiveUp>(chance.below(2));
    for (std::size_t n = chance.below(5), index = 0; index < n; ++index) {
        tree.children.push_back(random_child(chance, index, depth));
    }
    return tree;
}

void expect_same(const SupervisorSpec& a, const SupervisorSpec& b);

void expect_same(const LaunchSpec& a, const LaunchSpec& b) {
    EXPECT_EQ(a.exec, b.exec);
    EXPECT_EQ(a.environment, b.environment);
    EXPECT_EQ(a.working_directory, b.working_directory);
    EXPECT_EQ(a.stdout_to.kind, b.stdout_to.kind);
    EXPECT_EQ(a.stdout_to.path, b.stdout_to.path);
    EXPECT_EQ(a.stderr_to.kind, b.stderr_to.kind);
    EXPECT_EQ(a.stderr_to.path, b.stderr_to.path);
}

void expect_same(const BackoffSpec& a, const BackoffSpec& b) {
    EXPECT_EQ(a.enabled, b.enabled);
    EXPECT_EQ(a.initial, b.initial);
    EXPECT_EQ(a.factor, b.factor);
    EXPECT_EQ(a.max, b.max);
    EXPECT_EQ(a.jitter, b.jitter);
    EXPECT_EQ(a.reset_after, b.reset_after);
}

void expect_same(const ChildSpec& a, const ChildSpec& b) {
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.is_supervisor, b.is_supervisor);
    EXPECT_EQ(a.restart, b.restart);
    EXPECT_EQ(a.shutdown_kind, b.shutdown_kind);
    EXPECT_EQ(a.shutdown, b.shutdown);
    EXPECT_EQ(a.start_timeout, b.start_timeout);
    EXPECT_EQ(a.readiness, b.readiness);
    EXPECT_EQ(a.managed, b.managed);
    expect_same(a.backoff, b.backoff);
    ASSERT_EQ(a.links.size(), b.links.size());
    for (std::size_t i = 0; i < a.links.size(); ++i) {
        EXPECT_EQ(a.links[i].to, b.links[i].to);
        EXPECT_EQ(a.links[i].mode, b.links[i].mode);
    }
    expect_same(a.launch, b.launch);
    ASSERT_EQ(a.supervisor.size(), b.supervisor.size());
    for (std::size_t i = 0; i < a.supervisor.size(); ++i) {
        expect_same(a.supervisor[i], b.supervisor[i]);
    }
}

void expect_same(const SupervisorSpec& a, const SupervisorSpec& b) {
    EXPECT_EQ(a.strategy, b.strategy);
    EXPECT_EQ(a.intensity, b.intensity);
    EXPECT_EQ(a.period, b.period);
    EXPECT_EQ(a.on_give_up, b.on_give_up);
    ASSERT_EQ(a.children.size(), b.children.size());
    for (std::size_t i = 0; i < a.children.size(); ++i) {
        expect_same(a.children[i], b.children[i]);
    }
}

ChildSpec worker(std::string name) {
    ChildSpec child;
    child.name = std::move(name);
    child.launch.exec = {"/bin/true"};
    return child;
}

/// A tree of `depth` supervisors, each the only child of the one above.
SupervisorSpec nested(int depth) {
    SupervisorSpec inner;
    for (int level = 1; level < depth; ++level) {
        ChildSpec child;
        child.name = "s";
        child.is_supervisor = true;
        child.supervisor.push_back(std::move(inner));
        inner = SupervisorSpec{};
        inner.children.push_back(std::move(child));
    }
    return inner;
}

std::string refusal(const SupervisorSpec& tree) {
    const auto back = decode_spec(encode_spec(tree));
    return back ? "accepted" : back.error().text();
}

TEST(spec, random_trees_round_trip_decision_9) {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        SCOPED_TRACE(seed);
        Chance chance(seed);
        const SupervisorSpec tree = random_tree(chance, 0);
        const std::string bytes = encode_spec(tree);
        const auto back = decode_spec(bytes);
        ASSERT_TRUE(back) << back.error().text();
        expect_same(tree, *back);
        EXPECT_EQ(encode_spec(*back), bytes);
    }
}

TEST(spec, random_launches_round_trip) {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        SCOPED_TRACE(seed);
        Chance chance(seed);
        const LaunchSpec launch = random_launch(chance);
        const auto back = decode_launch(encode_launch(launch));
        ASSERT_TRUE(back) << back.error().text();
        expect_same(launch, *back);
    }
}

TEST(spec, every_prefix_is_refused) {
    Chance chance(7);
    SupervisorSpec tree = random_tree(chance, 0);
    tree.children.push_back(worker("last"));
    const std::string bytes = encode_spec(tree);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto back = decode_spec(std::string_view{bytes}.substr(0, size));
        ASSERT_FALSE(back) << size;
        EXPECT_EQ(back.error().code, ErrorCode::corrupt_image);
    }
    EXPECT_EQ(decode_spec(bytes + "x").error().text(), "corrupt_image: supervision tree: trailing bytes");
}

TEST(spec, altered_bytes_never_crash_and_never_break_an_invariant) {
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        Chance chance(seed);
        std::string bytes = encode_spec(random_tree(chance, 1));
        for (std::uint64_t n = 1 + chance.below(3); n > 0; --n) {
            bytes[chance.below(bytes.size())] = static_cast<char>(chance.below(256));
        }
        if (const auto back = decode_spec(bytes)) {
            EXPECT_TRUE(decode_spec(encode_spec(*back))) << seed;
        }
    }
}

TEST(spec, errors_name_the_field) {
    SupervisorSpec tree;
    tree.period = Duration{0};
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: period");

    tree = SupervisorSpec{};
    tree.children = {worker("a"), worker("a")};
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: name");

    tree.children = {worker("a/b")};
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: name");

    tree.children = {worker("a")};
    tree.children[0].launch.exec.clear();
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: exec");

    tree.children = {worker("a")};
    tree.children[0].launch.exec.push_back(std::string("x\0y", 3));
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: exec");

    tree.children = {worker("a")};
    tree.children[0].launch.environment.emplace_back("A=B", "c");
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: environment");

    tree.children = {worker("a")};
    tree.children[0].is_supervisor = true;
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: supervisor");

    tree.children = {worker("a")};
    tree.children[0].backoff.factor = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: backoff.factor");

    tree.children = {worker("a")};
    tree.children[0].shutdown = Duration{-1};
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: shutdown");

    tree.children = {worker("a")};
    tree.children[0].links = {StandingLink{"b", LinkMode::none}};
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: links");
}

TEST(spec, nesting_is_bounded_at_64) {
    EXPECT_TRUE(decode_spec(encode_spec(nested(64))));
    EXPECT_EQ(refusal(nested(65)), "corrupt_image: supervision tree: nesting");
}

TEST(spec, a_count_that_lies_is_refused_before_memory_is_taken) {
    std::string bytes = encode_spec(SupervisorSpec{});
    for (std::size_t i = bytes.size() - 8; i < bytes.size(); ++i) {
        bytes[i] = '\x7f';
    }
    EXPECT_EQ(decode_spec(bytes).error().text(), "corrupt_image: supervision tree: children");
}

TEST(spec, names_of_enumerators_are_those_of_rules_S_1_and_S_13) {
    EXPECT_EQ(strategy_name(Strategy::one_for_one), "one_for_one");
    EXPECT_EQ(restart_type_name(RestartType::permanent), "permanent");
    EXPECT_EQ(restart_type_name(RestartType::transient), "transient");
    EXPECT_EQ(restart_type_name(RestartType::temporary), "temporary");
}

}  // namespace
