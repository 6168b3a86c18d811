// SPDX-License-Identifier: Apache-2.0
/// Stopping (rules S-35..S-42, T-13, P-3, P-6).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

TEST(supervision_stop, s41_depth_first_reverse_and_strictly_one_after_the_other) {
    World w(team({worker("x"), supervisor("S1", team({worker("w1"), worker("w2")})), worker("y"),
                  supervisor("S2", team({worker("w3"), worker("w4")}))}));
    w.start().take();
    w.terminate();
    Lines expected;
    for (const char* name : {"S2/w4", "S2/w3", "y", "S1/w2", "S1/w1", "x"}) {
        expected.push_back(std::string{"signal "} + name + " 15");
        expected.push_back(std::string{"reap "} + name);
    }
    EXPECT_EQ(w.take({"signal", "reap"}), expected);
    EXPECT_TRUE(w.engine().supervision().all_down());
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_stop, s41_order_of_the_log_and_the_roots_state) {
    World w(team({supervisor("S", team({worker("a")})), worker("b")}));
    w.start().take();
    w.terminate();
    EXPECT_EQ(w.take({"child_down", "sup_stopping", "sup_down", "root", "halt"}),
              (Lines{"sup_stopping /", "root 3", "child_down b none shutdown", "sup_stopping S", "child_down S/a none shutdown",
                     "sup_down S none shutdown", "sup_down / none shutdown", "root 0", "halt"}));
}

TEST(supervision_stop, s35_s36_a_grace_that_runs_out_ends_in_sigkill) {
    ChildSpec child = worker("a");
    child.shutdown = Duration::milliseconds(200);
    World w(team({child}));
    w.manners["a"] = ignores;
    w.start().take();
    w.command(Verb::stop, "a");
    w.pass(Duration::milliseconds(199));
    EXPECT_TRUE(w.alive("a"));
    w.pass(Duration::milliseconds(1));
    EXPECT_FALSE(w.alive("a"));
    EXPECT_EQ(
        w.take({"child_stopping", "child_killing", "child_down", "signal_group"}),
        (Lines{"child_stopping a 15", "child_killing a", "signal_group a 9", "child_down a timeout(stop) shutdown", "signal_group a 9"}));
}

TEST(supervision_stop, s35_zero_is_both_signals_at_once) {
    ChildSpec child = worker("a");
    child.shutdown = Duration{};
    World w(team({child}));
    w.manners["a"] = ignores;
    w.start().take();
    w.command(Verb::stop, "a");
    EXPECT_EQ(w.take({"child_stopping", "child_killing", "child_down", "signal"}),
              (Lines{"child_stopping a 15", "child_killing a", "signal a 15", "child_down a timeout(stop) shutdown"}));
    EXPECT_EQ(w.state("a"), ChildState::down);
}

TEST(supervision_stop, s35_infinity_waits_for_ever) {
    ChildSpec child = worker("a");
    child.shutdown_kind = ShutdownKind::infinity;
    World w(team({child}));
    w.manners["a"] = ignores;
    w.start().command(Verb::stop, "a").pass(Duration::seconds(1'000'000));
    EXPECT_EQ(w.state("a"), ChildState::stopping);
    w.exits("a", 0);
    EXPECT_EQ(w.state("a"), ChildState::down);
}

TEST(supervision_stop, s35_brutal_kill_is_killing_without_stopping) {
    ChildSpec child = worker("a");
    child.shutdown_kind = ShutdownKind::brutal_kill;
    World w(team({child}));
    w.start().take();
    w.command(Verb::stop, "a");
    EXPECT_EQ(w.take({"child_stopping", "child_killing", "child_down", "signal", "shutdown_error"}),
              (Lines{"child_killing a", "child_down a killed shutdown"}));
}

TEST(supervision_stop, s37_a_bad_end_is_an_event_and_the_sequence_goes_on) {
    World w(team({worker("a"), worker("b")}));
    w.manners["b"] = Manners{Manners::On::exits, 7};
    w.start().take();
    w.terminate();
    EXPECT_EQ(w.take({"child_down", "shutdown_error", "restart"}),
              (Lines{"child_down b exit(7) shutdown", "shutdown_error b exit(7) shutdown", "child_down a none shutdown"}));
}

TEST(supervision_stop, s37_exit_zero_after_sigterm_is_clean_for_every_type) {
    for (const RestartType type : {RestartType::permanent, RestartType::transient}) {
        World w(team({worker("a", type)}));
        w.manners["a"] = Manners{Manners::On::exits, 0};
        w.start().take();
        w.command(Verb::stop, "a");
        EXPECT_EQ(w.take({"child_down", "shutdown_error", "restart"}), Lines{"child_down a none shutdown"});
    }
}

TEST(supervision_stop, s38_one_that_dies_by_itself_meanwhile_keeps_its_reason_and_gets_no_signal) {
    World w(team({worker("a"), worker("b"), worker("c")}));
    w.manners["c"] = ignores;
    w.start().terminate().take();
    w.exits("a", 9);
    EXPECT_EQ(w.take({"child_down", "restart", "signal", "spawn"}), Lines{"child_down a exit(9) abnormal"});
    w.exits("c", 0);
    EXPECT_EQ(w.take({"child_down", "signal", "shutdown_error"}),
              (Lines{"child_down c none shutdown", "signal b 15", "child_down b none shutdown"}));
    EXPECT_TRUE(w.engine().supervision().all_down());
}

TEST(supervision_stop, nothing_starts_below_a_supervisor_that_goes_down_above) {
    World w(team({supervisor("S", team({no_backoff(worker("a")), worker("b")})), worker("slow")}));
    w.manners["slow"] = ignores;
    w.start();
    w.spawn_fails.insert("S/b");
    w.exits("S/b", 1);  // in its backoff
    w.terminate().take();
    w.exits("S/a", 1);  // S itself has not been reached yet
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.take({"spawn", "restart"}), Lines{});
    EXPECT_EQ(w.state("S"), ChildState::running);
    w.exits("slow", 0);
    EXPECT_TRUE(w.engine().supervision().all_down());
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_stop, s40_a_supervisor_whose_time_is_over_is_killed_whole) {
    ChildSpec s = supervisor("S", team({worker("a"), worker("b"), supervisor("T", team({worker("c")}))}));
    s.shutdown_kind = ShutdownKind::timed;
    s.shutdown = Duration::seconds(1);
    World w(team({s, worker("x")}));
    for (const char* name : {"S/a", "S/b", "S/T/c"}) {
        w.manners[name] = ignores;
    }
    w.start().take();
    w.command(Verb::stop, "S").pass(Duration::seconds(1));
    EXPECT_EQ(w.alive_count(), 1U);
    EXPECT_EQ(w.state("S"), ChildState::down);
    EXPECT_EQ(w.state("x"), ChildState::running);
    EXPECT_EQ(w.take({"child_down", "sup_down"}), (Lines{"child_down S/a timeout(stop) shutdown", "child_down S/b timeout(stop) shutdown",
                                                         "child_down S/T/c timeout(stop) shutdown", "sup_down S/T timeout(stop) shutdown",
                                                         "sup_down S timeout(stop) shutdown"}));
}

TEST(supervision_stop, a_supervisor_with_brutal_kill_gives_no_grace_to_anybody_below) {
    ChildSpec s = supervisor("S", team({worker("a"), worker("b")}));
    s.shutdown_kind = ShutdownKind::brutal_kill;
    World w(team({s}));
    w.start().take();
    w.terminate();
    EXPECT_EQ(w.take({"signal", "child_stopping"}), Lines{});
    EXPECT_EQ(w.view("S/a").last_fault.kind, FaultKind::killed);
    EXPECT_TRUE(w.engine().supervision().all_down());
}

// ---- S-42: a stop is never lost -----------------------------------------------------------------------------------------

TEST(supervision_stop, s42_during_backoff) {
    World w(team({worker("a")}));
    w.start().exits("a", 1).exits("a", 1);
    ASSERT_EQ(w.state("a"), ChildState::restarting);
    w.take();
    w.command(Verb::stop, "a", true, 3);
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.take({"answer", "spawn"}), Lines{"answer 3 ok"});
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.state("a"), ChildState::down);
}

TEST(supervision_stop, s42_while_the_old_group_drains) {
    World w(team({worker("a")}));
    w.start();
    w.group_held.insert("a");
    w.exits("a", 1).command(Verb::stop, "a", true, 3);
    EXPECT_EQ(w.state("a"), ChildState::stopping);
    w.take();
    w.release_group("a");
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.take({"answer", "spawn"}), Lines{"answer 3 ok"});
}

TEST(supervision_stop, s42_during_an_attempt) {
    World w(team({notifying(worker("a"))}));
    w.start().says_ready("a").exits("a", 1);
    ASSERT_EQ(w.state("a"), ChildState::restarting);
    w.take();
    w.command(Verb::stop, "a", true, 3);
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.take({"child_down", "child_start_failed", "answer", "spawn"}), (Lines{"child_down a none shutdown", "answer 3 ok"}));
}

TEST(supervision_stop, s42_during_a_spawn_on_its_way) {
    World w(team({worker("a")}));
    w.start();
    w.spawn_held.insert("a");
    w.exits("a", 1).command(Verb::stop, "a", true, 3);
    EXPECT_EQ(w.state("a"), ChildState::stopping);
    w.release_spawn("a");
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_FALSE(w.alive("a"));
}

TEST(supervision_stop, s42_a_parents_stop_during_a_childs_giving_up_is_kept) {
    World w(team({no_backoff(supervisor("S", team({worker("a"), no_backoff(worker("b"))}, 0)))}));
    w.manners["S/a"] = ignores;
    w.start().exits("S/b", 1);  // S gives up and waits for a
    w.command(Verb::stop, "S", true, 3).take();
    w.exits("S/a", 0);
    EXPECT_EQ(w.state("S"), ChildState::down);
    EXPECT_EQ(w.take({"spawn", "restart", "answer", "sup_down"}), (Lines{"sup_down S error{gave_up} shutdown", "answer 3 ok"}));
}

TEST(supervision_stop, s42_a_second_stop_during_a_stop_changes_nothing) {
    World w(team({worker("a")}));
    w.manners["a"] = ignores;
    w.start().take();
    w.command(Verb::stop, "a", true, 3).command(Verb::stop, "a", true, 4);
    EXPECT_EQ(w.take({"signal"}), Lines{"signal a 15"});
    w.exits("a", 0);
    EXPECT_EQ(w.take({"answer"}), (Lines{"answer 3 ok", "answer 4 ok"}));
}

TEST(supervision_stop, s42_a_line_holder_may_end_a_supervisor_and_its_parent_decides) {
    World w(team({no_backoff(supervisor("S", team({worker("a")}))), supervisor("T", team({worker("b")}), RestartType::transient)}));
    w.start().watch("S", 1).watch("T", 2);
    w.asks_to_shut_down("S", 1).asks_to_shut_down("T", 2);
    EXPECT_EQ(w.state("S"), ChildState::running);
    EXPECT_EQ(w.starts("S/a"), 2);
    EXPECT_EQ(w.state("T"), ChildState::down);
    EXPECT_EQ(w.view("/").window_used, 1U);
}

TEST(supervision_stop, m6_who_ignores_a_shutdown_request_stays) {
    World w(team({worker("a")}));
    w.start().watch("a", 1).take();
    w.asks_to_shut_down("a", 1).pass(Duration::seconds(60));
    EXPECT_EQ(w.take({"signal", "signal_group"}), Lines{});
    EXPECT_EQ(w.state("a"), ChildState::running);
}

// ---- the unkillable, and the impatient --------------------------------------------------------------------------------------

TEST(supervision_stop, p6_unkillable_is_reported_after_ten_seconds_and_waited_for) {
    ChildSpec child = worker("a");
    child.shutdown = Duration::milliseconds(100);
    World w(team({child, worker("b")}));
    w.manners["a"] = ignores;
    w.unkillable.insert("a");
    w.start().command(Verb::stop, "a", true, 3).take();
    w.pass(Duration::milliseconds(10'099));
    EXPECT_EQ(w.take({"child_unkillable"}), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.take({"child_unkillable"}), Lines{"child_unkillable a"});
    w.exits("b", 1);
    EXPECT_EQ(w.state("b"), ChildState::running);  // the supervisor stays responsive
    w.is_killed("a", 9);
    EXPECT_EQ(w.state("a"), ChildState::down);
}

TEST(supervision_stop, t13_a_second_request_shortens_the_graces_a_third_kills) {
    World w(team({worker("a"), worker("b")}));
    w.manners["a"] = ignores;
    w.manners["b"] = ignores;
    w.start().terminate().pass(Duration::seconds(1)).terminate();
    w.pass(Duration::milliseconds(500));  // a tenth of 5 s for b
    EXPECT_FALSE(w.alive("b"));
    EXPECT_TRUE(w.alive("a"));
    w.terminate();
    EXPECT_EQ(w.alive_count(), 0U);
    EXPECT_TRUE(w.engine().supervision().all_down());
}

TEST(supervision_stop, t13_a_third_request_kills_also_what_is_being_spawned) {
    World w(team({worker("a"), worker("b")}));
    w.manners["b"] = ignores;
    w.spawn_held.insert("b");
    w.start().terminate().terminate().terminate();
    EXPECT_FALSE(w.alive("a"));
    w.release_spawn("b");
    EXPECT_EQ(w.alive_count(), 0U);
    EXPECT_TRUE(w.engine().supervision().all_down());
}

}  // namespace
