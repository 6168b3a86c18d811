// SPDX-License-Identifier: Apache-2.0
/// Starting: order, failure, time limits (rules S-5..S-12, S-24, S-45, decision 35).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

TEST(supervision_start, s5_one_at_a_time_in_order_depth_first) {
    World w(team({worker("x"), supervisor("S1", team({worker("w1"), worker("w2")})), worker("y")}));
    w.start();
    EXPECT_EQ(w.take({"child_starting", "child_ready", "sup_up"}),
              (Lines{"child_starting x", "child_ready x", "child_starting S1", "child_starting S1/w1", "child_ready S1/w1",
                     "child_starting S1/w2", "child_ready S1/w2", "sup_up S1", "child_starting y", "child_ready y", "sup_up /"}));
    EXPECT_EQ(w.state("S1"), ChildState::running);
    EXPECT_EQ(w.state("/"), ChildState::running);
}

TEST(supervision_start, s5_next_waits_for_readiness) {
    World w(team({notifying(worker("a")), worker("b")}));
    w.start();
    EXPECT_EQ(w.starts("b"), 0);
    EXPECT_EQ(w.state("a"), ChildState::starting);
    w.says_ready("a");
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.starts("b"), 1);
}

TEST(supervision_start, ready_before_the_spawn_is_known_counts) {
    World w(team({notifying(worker("a"))}));
    w.spawn_held.insert("a");
    w.start().says_ready("a");
    EXPECT_EQ(w.state("a"), ChildState::starting);
    w.release_spawn("a");
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_start, s6_s7_s45_nested_failure_stops_the_started_in_reverse_and_counts_at_the_parent) {
    World w(team({no_backoff(supervisor("S", team({worker("a"), worker("b"), worker("c"), worker("d")})))}, 1));
    w.spawn_fails.insert("S/c");
    w.start();
    // First attempt: a and b go in reverse; the root counts one, tries again, and gives up at the second (intensity 1).
    const Lines round{"child_starting S",
                      "child_starting S/a",
                      "child_ready S/a",
                      "child_starting S/b",
                      "child_ready S/b",
                      "child_starting S/c",
                      "child_start_failed S/c drop{exec: No such file or directory} abnormal",
                      "sup_stopping S",
                      "child_down S/b none shutdown",
                      "child_down S/a none shutdown",
                      "sup_down S error{failed_to_start_child: c} abnormal",
                      "child_start_failed S error{failed_to_start_child: c} abnormal"};
    Lines expected = round;
    expected.push_back("restart S 1");
    expected.insert(expected.end(), round.begin(), round.end());
    for (const char* line : {"sup_giving_up / 2", "sup_stopping /", "sup_down / error{gave_up} shutdown", "alert /"}) {
        expected.emplace_back(line);
    }
    EXPECT_EQ(w.take({"child_starting", "child_ready", "child_start_failed", "child_down", "sup_stopping", "sup_down", "restart",
                      "sup_giving_up", "alert"}),
              expected);
    EXPECT_EQ(w.starts("S/d"), 0);
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_start, s6_decision35_root_keeps_what_is_started_and_retries_with_backoff) {
    World w(team({worker("a"), worker("b"), worker("c")}));
    w.spawn_fails.insert("b");
    w.start();
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.state("b"), ChildState::restarting);  // the second attempt failed at once, too
    EXPECT_EQ(w.starts("b"), 2);
    EXPECT_EQ(w.state("/"), ChildState::starting);
    EXPECT_EQ(w.starts("c"), 0);
    EXPECT_EQ(w.fault("b"), "drop{exec: No such file or directory}");
    w.spawn_fails.clear();
    w.pass(Duration::milliseconds(121));
    EXPECT_EQ(w.state("b"), ChildState::running);
    EXPECT_EQ(w.state("c"), ChildState::running);
    EXPECT_EQ(w.state("/"), ChildState::running);
    EXPECT_EQ(w.starts("a"), 1);
    EXPECT_EQ(w.view("b").restarts, 0U);  // decision 32: the first success is the first start
    EXPECT_EQ(w.view("/").window_used, 2U);
}

TEST(supervision_start, s6_root_that_cannot_start_gives_up_and_the_daemon_lives) {
    World w(team({worker("a"), worker("b")}, 2));
    w.spawn_fails.insert("b");
    w.start().pass(Duration::seconds(3));
    EXPECT_EQ(w.starts("b"), 3);
    EXPECT_EQ(w.state("/"), ChildState::down);
    EXPECT_EQ(w.fault("/"), "error{gave_up}");
    EXPECT_EQ(w.alive_count(), 0U);
    EXPECT_TRUE(w.take({"halt"}).empty());
}

TEST(supervision_start, s10_start_timeout_stops_by_the_spec_and_is_a_start_failure) {
    World w(team({notifying(worker("a"), Duration::seconds(2))}));
    w.manners["a"] = Manners{Manners::On::ignores, 0};
    w.start().pass(Duration::milliseconds(1999));
    EXPECT_TRUE(w.alive("a"));
    w.take();
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.take(), (Lines{"child_stopping a 15", "signal a 15"}));
    EXPECT_EQ(w.state("a"), ChildState::starting);
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.take({"child_killing", "child_start_failed", "restart"}),
              (Lines{"child_killing a", "child_start_failed a timeout(start) abnormal", "restart a 1"}));
    EXPECT_EQ(w.state("a"), ChildState::restarting);
}

TEST(supervision_start, s10_infinity_waits) {
    World w(team({notifying(worker("a"), Duration::forever())}));
    w.start().pass(Duration::seconds(100'000));
    EXPECT_EQ(w.state("a"), ChildState::starting);
    w.says_ready("a");
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_start, s10_a_supervisors_own_start_timeout_stops_it_whole) {
    ChildSpec slow = supervisor("S", team({worker("a"), notifying(worker("b"), Duration::forever())}));
    slow.start_timeout = Duration::seconds(1);
    World w(team({slow}));
    w.start().pass(Duration::seconds(1));
    const Lines lines = w.take({"child_down", "child_start_failed", "sup_down"});
    ASSERT_GE(lines.size(), 4U);
    EXPECT_EQ(lines[0], "child_down S/b none shutdown");
    EXPECT_EQ(lines[1], "child_down S/a none shutdown");
    EXPECT_EQ(lines[2], "sup_down S timeout(start) abnormal");
    EXPECT_EQ(lines[3], "child_start_failed S timeout(start) abnormal");
}

TEST(supervision_start, s11_ready_and_dead_an_instant_later_is_a_crash) {
    World w(team({supervisor("S", team({notifying(worker("a")), worker("b")}))}));
    w.start().says_ready("S/a").take();
    w.exits("S/a", 3);
    EXPECT_EQ(w.take({"child_down", "child_start_failed", "restart"}), (Lines{"child_down S/a exit(3) abnormal", "restart S/a 1"}));
    EXPECT_EQ(w.state("S"), ChildState::running);
}

TEST(supervision_start, f5_exit_before_ready_is_a_start_failure_even_with_zero) {
    World w(team({notifying(worker("a"))}));
    w.start().take();
    w.exits("a", 0);
    EXPECT_EQ(w.take({"child_down", "child_start_failed"}), Lines{"child_start_failed a exit(0) abnormal"});
}

TEST(supervision_start, s12_stop_during_a_start_stops_the_starting_one_then_the_rest) {
    World w(team({worker("a"), notifying(worker("b")), worker("c")}));
    w.start().take();
    w.terminate();
    EXPECT_EQ(w.take({"child_stopping", "child_down", "child_start_failed", "spawn", "restart", "sup_down"}),
              (Lines{"child_stopping b 15", "child_down b none shutdown", "child_stopping a 15", "child_down a none shutdown",
                     "sup_down / none shutdown"}));
    EXPECT_EQ(w.starts("c"), 0);
}

TEST(supervision_start, s12_stop_while_the_spawn_is_on_its_way_waits_for_it) {
    World w(team({worker("a"), worker("b")}));
    w.spawn_held.insert("b");
    w.start().terminate();
    EXPECT_EQ(w.state("b"), ChildState::stopping);
    EXPECT_FALSE(w.engine().supervision().all_down());
    w.take();
    w.release_spawn("b");
    EXPECT_EQ(w.take({"child_ready", "child_stopping", "child_down"}),
              (Lines{"child_stopping b 15", "child_down b none shutdown", "child_stopping a 15", "child_down a none shutdown"}));
    EXPECT_TRUE(w.engine().supervision().all_down());
}

TEST(supervision_start, s12_stop_while_a_spawn_is_failing) {
    World w(team({worker("a"), worker("b")}));
    w.spawn_held.insert("b");
    w.spawn_fails.insert("b");
    w.start().terminate().release_spawn("b");
    EXPECT_TRUE(w.engine().supervision().all_down());
    EXPECT_EQ(w.starts("b"), 1);
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_start, an_empty_supervisor_is_up_at_once_however_many_there_are) {
    std::vector<ChildSpec> children;
    for (int i = 0; i < 2000; ++i) {
        children.push_back(supervisor("s" + std::to_string(i), team({})));
    }
    Engine engine;
    Effects out;
    engine.step(Instant{1}, Event::boot(Epoch{1}, 1, 0), out);
    const std::string tree = encode_spec(team(children));
    engine.step(Instant{2}, Event::configure(tree), out);
    EXPECT_EQ(engine.supervision().view(engine.supervision().root(), Instant{2}).state, ChildState::running);
    engine.step(Instant{3}, Event::of(EventKind::terminate), out);
    EXPECT_TRUE(engine.supervision().all_down());
}

TEST(supervision_start, generations_that_are_over_are_ignored) {
    World w(team({no_backoff(worker("a"))}));
    w.start();
    const std::uint32_t old = w.view("a").generation;
    w.exits("a", 1);
    ASSERT_EQ(w.view("a").generation, old + 1);
    w.take();
    const ChildIndex a = w.child("a");
    w.send(Event::exited(a, old, ExitHow::exited, 0))
        .send(Event::ready(a, old))
        .send(Event::group_empty(a, old))
        .send(Event::spawned(a, old, 9));
    w.send(Event::spawn_failed(a, old, SpawnStep::exec, 2)).send(Event::exited(99, 1, ExitHow::exited, 0)).send(Event::ready(0, 0));
    w.send(Event::group_empty(a, old + 1));
    EXPECT_EQ(w.take(), Lines{});
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_start, configure_takes_one_sound_tree) {
    World w(team({worker("a")}));
    w.start();
    const std::string tree = encode_spec(team({worker("b")}));
    w.send(Event::configure(tree));
    EXPECT_EQ(w.child("b"), no_child);
    World bad(team({managed(worker("a"), {StandingLink{"nobody", LinkMode::monitor}})}));
    bad.start();
    EXPECT_EQ(bad.engine().supervision().root(), no_child);
    EXPECT_TRUE(bad.engine().supervision().all_down());
    World self(team({managed(worker("a"), {StandingLink{"a", LinkMode::monitor}})}));
    self.start();
    EXPECT_EQ(self.engine().supervision().root(), no_child);
}

}  // namespace
