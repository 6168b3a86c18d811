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
    output.kind = static_cast<OutputKind>(chance.below(6));
    if (output.kind == OutputKind::file || output.kind == OutputKind::rotated) {
        output.path = "/" + chance.text(30);
    }
    if (output.kind == OutputKind::rotated) {
        output.max_bytes = rotated_bytes_min + chance.below(1U << 30U);
        output.keep = static_cast<std::uint32_t>(chance.below(1001));
    }
    return output;
}

std::vector<std::string> random_texts(Chance& chance) {
    std::vector<std::string> texts;
    for (std::uint64_t n = chance.below(3); n > 0; --n) {
        texts.push_back(chance.text(12));
    }
    return texts;
}

/// Ascending, none twice, none below `low`.
std::vector<std::uint8_t> random_codes(Chance& chance, unsigned low) {
    std::vector<std::uint8_t> codes;
    for (auto code = static_cast<unsigned>(low + chance.below(90)); code < 256; code += 1 + static_cast<unsigned>(chance.below(120))) {
        codes.push_back(static_cast<std::uint8_t>(code));
    }
    return codes;
}

ExitPolicy random_exits(Chance& chance) {
    ExitPolicy exits;
    exits.success_codes = random_codes(chance, 0);
    exits.shutdown_codes = random_codes(chance, 0);
    exits.no_restart_codes = random_codes(chance, 0);
    exits.force_restart_codes = random_codes(chance, 0);
    exits.success_signals = random_codes(chance, 1);
    exits.no_restart_signals = random_codes(chance, 1);
    exits.force_restart_signals = random_codes(chance, 1);
    return exits;
}

/// Between two bounds, both included and both met often.
std::int32_t random_between(Chance& chance, std::int32_t low, std::int32_t high) {
    const auto span = static_cast<std::uint64_t>(high - low);
    return chance.below(4) == 0 ? (chance.coin() ? low : high) : low + static_cast<std::int32_t>(chance.below(span + 1));
}

void random_machine(Chance& chance, LaunchSpec& launch) {
    launch.credentials = {chance.text(8), chance.text(8), random_texts(chance), random_texts(chance)};
    for (std::uint64_t n = chance.below(3); n > 0; --n) {
        const std::uint64_t soft = chance.below(1ULL << 50);
        launch.limits.push_back({"limit" + std::to_string(n), soft, chance.coin() ? no_limit : soft + chance.below(1000)});
    }
    launch.set_nice = chance.coin();
    launch.nice = random_between(chance, -20, 19);
    launch.umask = static_cast<std::uint32_t>(random_between(chance, 0, 0777));
    launch.set_oom_score = chance.coin();
    launch.oom_score = random_between(chance, -1000, 1000);
    launch.control = {chance.below(1ULL << 60), chance.below(1ULL << 30), chance.below(10001)};
    launch.probe.command = random_texts(chance);
    launch.probe.connect = chance.text(20);
    launch.probe.interval = Duration{static_cast<std::int64_t>(1 + chance.below(1ULL << 40))};
    launch.probe.timeout = chance.duration();
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
    random_machine(chance, launch);
    return launch;
}

/// What a child has beside its place in the tree and what it runs.
void random_flags(Chance& chance, ChildSpec& child) {
    child.ready_delay = chance.duration();
    child.significant = chance.coin();
    child.retain = chance.coin();
    child.oneshot = chance.coin();
    child.limit.enabled = chance.coin();
    child.limit.intensity = static_cast<std::uint32_t>(chance.below(1ULL << 32));
    child.limit.period = Duration{static_cast<std::int64_t>(1 + chance.below(1ULL << 40))};
    child.limit.on_limit = static_cast<OnLimit>(chance.below(3));
    child.limit.cooldown = chance.duration();
    child.watchdog = chance.duration();
    child.stop_signal = random_between(chance, 1, 64);
    child.signal_group = chance.coin();
    child.kill_mode = static_cast<KillMode>(chance.below(2));
    child.kill_after = chance.duration();
    child.exits = random_exits(chance);
    child.requires_up = random_texts(chance);
}

ChildSpec random_child(Chance& chance, std::string name, int depth) {
    ChildSpec child;
    child.name = std::move(name);
    child.is_supervisor = depth < 4 && chance.below(3) == 0;
    child.restart = static_cast<RestartType>(chance.below(3));
    child.shutdown_kind = static_cast<ShutdownKind>(chance.below(4));
    child.shutdown = chance.duration();
    child.start_timeout = chance.duration();
    child.readiness = static_cast<Readiness>(chance.below(4));
    child.managed = chance.coin();
    child.backoff.enabled = chance.coin();
    child.backoff.initial = chance.duration();
    child.backoff.factor = 1.0 + static_cast<double>(chance.below(1000)) / 7.0;
    child.backoff.max = chance.duration();
    child.backoff.jitter = static_cast<double>(chance.below(101)) / 100.0;
    child.backoff.reset_after = chance.duration();
    random_flags(chance, child);
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
    tree.strategy = static_cast<Strategy>(chance.below(4));
    tree.on_give_up = static_cast<OnGiveUp>(chance.below(2));
    tree.auto_shutdown = static_cast<AutoShutdown>(chance.below(3));
    tree.on_start_failure = static_cast<OnStartFailure>(chance.below(2));
    tree.on_root_give_up = static_cast<OnRootGiveUp>(chance.below(2));
    tree.start_order = static_cast<StartOrder>(chance.below(2));
    tree.max_children = static_cast<std::uint32_t>(chance.below(1ULL << 32));
    tree.partitions = static_cast<std::uint32_t>(chance.below(1ULL << 32));
    if (tree.strategy == Strategy::dynamic) {
        tree.template_child.push_back(random_child(chance, "", depth));
    }
    for (std::size_t n = chance.below(5), index = 0; index < n; ++index) {
        tree.children.push_back(random_child(chance, "c" + std::to_string(index) + chance.text(6), depth));
    }
    return tree;
}

void expect_same(const SupervisorSpec& a, const SupervisorSpec& b);

void expect_same(const CredentialSpec& a, const CredentialSpec& b) {
    EXPECT_EQ(a.user, b.user);
    EXPECT_EQ(a.group, b.group);
    EXPECT_EQ(a.groups, b.groups);
    EXPECT_EQ(a.capabilities, b.capabilities);
}

void expect_same(const ProbeSpec& a, const ProbeSpec& b) {
    EXPECT_EQ(a.command, b.command);
    EXPECT_EQ(a.connect, b.connect);
    EXPECT_EQ(a.interval, b.interval);
    EXPECT_EQ(a.timeout, b.timeout);
}

void expect_same_machine(const LaunchSpec& a, const LaunchSpec& b) {
    expect_same(a.credentials, b.credentials);
    ASSERT_EQ(a.limits.size(), b.limits.size());
    for (std::size_t i = 0; i < a.limits.size(); ++i) {
        EXPECT_EQ(a.limits[i].name, b.limits[i].name);
        EXPECT_EQ(a.limits[i].soft, b.limits[i].soft);
        EXPECT_EQ(a.limits[i].hard, b.limits[i].hard);
    }
    EXPECT_EQ(a.set_nice, b.set_nice);
    EXPECT_EQ(a.nice, b.nice);
    EXPECT_EQ(a.umask, b.umask);
    EXPECT_EQ(a.set_oom_score, b.set_oom_score);
    EXPECT_EQ(a.oom_score, b.oom_score);
    EXPECT_EQ(a.control.memory_max, b.control.memory_max);
    EXPECT_EQ(a.control.pids_max, b.control.pids_max);
    EXPECT_EQ(a.control.cpu_weight, b.control.cpu_weight);
    expect_same(a.probe, b.probe);
}

void expect_same(const ExitPolicy& a, const ExitPolicy& b) {
    EXPECT_EQ(a.success_codes, b.success_codes);
    EXPECT_EQ(a.shutdown_codes, b.shutdown_codes);
    EXPECT_EQ(a.no_restart_codes, b.no_restart_codes);
    EXPECT_EQ(a.force_restart_codes, b.force_restart_codes);
    EXPECT_EQ(a.success_signals, b.success_signals);
    EXPECT_EQ(a.no_restart_signals, b.no_restart_signals);
    EXPECT_EQ(a.force_restart_signals, b.force_restart_signals);
}

void expect_same_flags(const ChildSpec& a, const ChildSpec& b) {
    EXPECT_EQ(a.ready_delay, b.ready_delay);
    EXPECT_EQ(a.significant, b.significant);
    EXPECT_EQ(a.retain, b.retain);
    EXPECT_EQ(a.oneshot, b.oneshot);
    EXPECT_EQ(a.limit.enabled, b.limit.enabled);
    EXPECT_EQ(a.limit.intensity, b.limit.intensity);
    EXPECT_EQ(a.limit.period, b.limit.period);
    EXPECT_EQ(a.limit.on_limit, b.limit.on_limit);
    EXPECT_EQ(a.limit.cooldown, b.limit.cooldown);
    EXPECT_EQ(a.watchdog, b.watchdog);
    EXPECT_EQ(a.stop_signal, b.stop_signal);
    EXPECT_EQ(a.signal_group, b.signal_group);
    EXPECT_EQ(a.kill_mode, b.kill_mode);
    EXPECT_EQ(a.kill_after, b.kill_after);
    expect_same(a.exits, b.exits);
    EXPECT_EQ(a.requires_up, b.requires_up);
}

void expect_same(const LaunchSpec& a, const LaunchSpec& b) {
    EXPECT_EQ(a.exec, b.exec);
    EXPECT_EQ(a.environment, b.environment);
    EXPECT_EQ(a.working_directory, b.working_directory);
    EXPECT_EQ(a.stdout_to, b.stdout_to);
    EXPECT_EQ(a.stderr_to, b.stderr_to);
    expect_same_machine(a, b);
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
    expect_same_flags(a, b);
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
    EXPECT_EQ(a.auto_shutdown, b.auto_shutdown);
    EXPECT_EQ(a.on_start_failure, b.on_start_failure);
    EXPECT_EQ(a.on_root_give_up, b.on_root_give_up);
    EXPECT_EQ(a.start_order, b.start_order);
    EXPECT_EQ(a.max_children, b.max_children);
    EXPECT_EQ(a.partitions, b.partitions);
    ASSERT_EQ(a.template_child.size(), b.template_child.size());
    for (std::size_t i = 0; i < a.template_child.size(); ++i) {
        expect_same(a.template_child[i], b.template_child[i]);
    }
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

TEST(spec, random_children_and_exits_round_trip_alone) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        Chance chance(seed);
        const bool is_template = chance.coin();
        const ChildSpec child = random_child(chance, is_template ? "" : "name", 2);
        const auto back = decode_child(encode_child(child), is_template);
        ASSERT_TRUE(back) << back.error().text();
        expect_same(child, *back);
        EXPECT_EQ(decode_child(encode_child(child), !is_template).error().text(), "corrupt_image: child: name");
        const auto exits = decode_exits(encode_exits(child.exits));
        ASSERT_TRUE(exits) << exits.error().text();
        expect_same(child.exits, *exits);
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

/// What is said about a worker that `change` has spoiled.
template <class Change>
std::string refusal_of(Change change) {
    SupervisorSpec tree;
    tree.children = {worker("a")};
    change(tree.children[0]);
    const std::string text = refusal(tree);
    constexpr std::string_view head = "corrupt_image: supervision tree: ";
    return text.starts_with(head) ? text.substr(head.size()) : text;
}

TEST(spec, what_is_out_of_range_is_refused_by_its_name) {
    EXPECT_EQ(refusal_of([](ChildSpec&) {}), "accepted");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.ready_delay = Duration{-1}; }), "ready_delay");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.shutdown_kind = static_cast<ShutdownKind>(4); }), "shutdown_kind");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.readiness = static_cast<Readiness>(4); }), "readiness");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.limit.period = Duration{0}; }), "period");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.limit.on_limit = static_cast<OnLimit>(3); }), "on_limit");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.limit.cooldown = Duration{-1}; }), "cooldown");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.watchdog = Duration{-1}; }), "watchdog");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.stop_signal = 0; }), "stop_signal");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.stop_signal = 65; }), "stop_signal");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.kill_mode = static_cast<KillMode>(2); }), "kill_mode");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.kill_after = Duration{-1}; }), "kill_after");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.exits.success_codes = {3, 3}; }), "success_exit_codes");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.exits.shutdown_codes = {4, 3}; }), "shutdown_exit_codes");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.exits.success_signals = {0}; }), "success_signals");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.exits.no_restart_signals = {0}; }), "no_restart_exit_codes");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.exits.force_restart_codes = {2, 1}; }), "force_restart_exit_codes");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.requires_up = {std::string("a\0b", 3)}; }), "requires");
}

TEST(spec, what_no_machine_can_give_is_refused_by_its_name) {
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.credentials.user = std::string("a\0", 2); }), "user");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.credentials.capabilities = {std::string("a\0", 2)}; }), "capabilities");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.limits = {{"nofile", 2, 1}}; }), "limits");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.limits = {{"", 1, 1}}; }), "limits");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.nice = 20; }), "nice");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.nice = -21; }), "nice");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.umask = 01000; }), "umask");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.oom_score = 1001; }), "oom_score");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.control.cpu_weight = 10001; }), "cgroup");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.probe.interval = Duration{0}; }), "probe.interval");
    EXPECT_EQ(refusal_of([](ChildSpec& c) { c.launch.probe.timeout = Duration{-1}; }), "probe.timeout");
}

TEST(spec, a_template_belongs_to_a_dynamic_supervisor_and_to_no_other_S_4) {
    SupervisorSpec tree;
    tree.strategy = Strategy::dynamic;
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: template");
    tree.template_child = {worker("")};
    EXPECT_EQ(refusal(tree), "accepted");
    tree.template_child[0].name = "named";
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: name");
    tree.template_child = {worker(""), worker("")};
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: template");
    tree.template_child.pop_back();
    tree.strategy = Strategy::one_for_all;
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: template");
    tree.strategy = static_cast<Strategy>(4);
    EXPECT_EQ(refusal(tree), "corrupt_image: supervision tree: strategy");
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
    EXPECT_EQ(strategy_name(Strategy::rest_for_one), "rest_for_one");
    EXPECT_EQ(strategy_name(Strategy::one_for_all), "one_for_all");
    EXPECT_EQ(strategy_name(Strategy::dynamic), "dynamic");
    EXPECT_EQ(auto_shutdown_name(AutoShutdown::never), "never");
    EXPECT_EQ(auto_shutdown_name(AutoShutdown::any_significant), "any_significant");
    EXPECT_EQ(auto_shutdown_name(AutoShutdown::all_significant), "all_significant");
    EXPECT_EQ(restart_type_name(RestartType::permanent), "permanent");
    EXPECT_EQ(restart_type_name(RestartType::transient), "transient");
    EXPECT_EQ(restart_type_name(RestartType::temporary), "temporary");
}

}  // namespace
