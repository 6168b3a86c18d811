// SPDX-License-Identifier: Apache-2.0
/// Strategies that concern groups (rules S-9, S-12, S-14..S-23, S-26, S-27, S-33, S-38, X-1, decisions 34 and 35). What is taken
/// out of a group, or waited for by it, stands in supervision_park_test.cpp.
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

std::vector<ChildSpec> row(const std::vector<std::string>& names) {
    std::vector<ChildSpec> children;
    for (const std::string& name : names) {
        children.push_back(worker(name));
    }
    return children;
}

// ---- whom a strategy concerns, and in which order -------------------------------------------------------------------

TEST(supervision_group, s19_one_for_one_concerns_only_the_one) {
    World w(team(row({"a", "b", "c"}), 9));
    w.start().take();
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 1", "child_starting b"}));
}

TEST(supervision_group, s19_s20_s23_rest_for_one_stops_those_behind_in_reverse_and_starts_them_in_order) {
    World w(rest_for_one(row({"a", "b", "c", "d"})));
    w.start().take();
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 1", "child_stopping d 15", "child_stopping c 15", "child_starting b", "child_starting c",
                              "child_starting d"}));
    EXPECT_EQ(w.starts("a"), 1);
    EXPECT_EQ(w.view("c").restarts, 1U);  // decision 32: group restarts included
    EXPECT_EQ(w.view("/").window_used, 1U);
    w.exits("d", 1);
    EXPECT_EQ(walk(w), (Lines{"restart d 2", "child_starting d"}));
}

TEST(supervision_group, s19_s20_one_for_all_stops_all_others_in_reverse_and_starts_all_in_order) {
    World w(one_for_all(row({"a", "b", "c"})));
    w.start().take();
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 1", "child_stopping c 15", "child_stopping a 15", "child_starting a", "child_starting b",
                              "child_starting c"}));
    w.exits("c", 1);
    EXPECT_EQ(walk(w), (Lines{"restart c 2", "child_stopping b 15", "child_stopping a 15", "child_starting a", "child_starting b",
                              "child_starting c"}));
}

TEST(supervision_group, s23_the_next_is_stopped_when_the_one_before_is_down) {
    World w(one_for_all(row({"a", "b", "c"})));
    w.manners["c"] = ignores;
    w.start().take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), (Lines{"restart a 1", "child_stopping c 15"}));
    w.pass(Duration::milliseconds(4'999));
    EXPECT_TRUE(w.alive("b"));
    EXPECT_EQ(w.starts("a"), 1);
    w.group_held.insert("c");
    w.pass(Duration::milliseconds(1));
    EXPECT_FALSE(w.alive("c"));
    EXPECT_EQ(walk(w), Lines{}) << "P-4: a grandchild of c lives on";
    w.release_group("c");
    EXPECT_EQ(walk(w), (Lines{"child_stopping b 15", "child_starting a", "child_starting b", "child_starting c"}));
}

TEST(supervision_group, s5_the_next_is_started_when_the_one_before_is_ready) {
    World w(one_for_all({notifying(worker("a")), worker("b")}));
    w.start().says_ready("a").take();
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 1", "child_stopping a 15", "child_starting a"}));
    EXPECT_EQ(w.states({"a", "b"}), "restarting restarting");
    EXPECT_EQ(w.waits("b"), Waits::group);
    w.says_ready("a");
    EXPECT_EQ(walk(w), Lines{"child_starting b"});
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_group, p4_the_offenders_own_group_must_be_empty_before_anybody_starts) {
    World w(one_for_all(row({"a", "b"})));
    w.start().take();
    w.group_held.insert("b");
    w.exits("b", 1);
    EXPECT_EQ(walk(w), Lines{"restart b 1"});
    w.release_group("b");
    EXPECT_EQ(walk(w), (Lines{"child_stopping a 15", "child_starting a", "child_starting b"}));
}

// ---- who comes back -------------------------------------------------------------------------------------------------

TEST(supervision_group, s14_a_temporary_childs_exit_touches_nobody) {
    for (const Strategy strategy : {Strategy::one_for_one, Strategy::rest_for_one, Strategy::one_for_all}) {
        World w(with(team({worker("t", RestartType::temporary), worker("a")}), strategy));
        w.start().take();
        w.exits("t", 1);
        EXPECT_EQ(walk(w), Lines{});
        EXPECT_EQ(w.states({"t", "a"}), "gone running");
    }
}

TEST(supervision_group, s15_a_temporary_child_that_is_stopped_with_its_group_is_removed) {
    World w(one_for_all({worker("a"), worker("t", RestartType::temporary), worker("b")}));
    w.start().take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), (Lines{"restart a 1", "child_stopping b 15", "child_stopping t 15", "child_starting a", "child_starting b"}));
    EXPECT_EQ(w.child("t"), no_child);
    EXPECT_EQ(w.children_of("/"), (Lines{"a", "b"}));
}

TEST(supervision_group, s15_also_where_it_dies_by_itself_meanwhile) {
    World w(one_for_all({worker("a"), worker("t", RestartType::temporary), worker("b")}));
    w.manners["b"] = ignores;
    w.start().exits("a", 1).exits("t", 7);
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.states({"a", "t", "b"}), "running gone running");
    EXPECT_EQ(w.starts("t"), 1);
    EXPECT_EQ(w.view("/").window_used, 1U);
}

TEST(supervision_group, s16_a_transient_one_that_had_ended_is_started_again) {
    World w(rest_for_one({worker("a"), worker("b", RestartType::transient)}));
    w.start().exits("b", 0);
    EXPECT_EQ(w.states({"a", "b"}), "running down");
    EXPECT_EQ(w.reason("b"), DownReason::ended);
    w.exits("a", 1);
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_group, s16_one_that_was_terminated_is_started_again) {
    World w(one_for_all(row({"a", "b"})));
    w.start().command(Verb::stop, "b");
    EXPECT_EQ(w.states({"a", "b"}), "running down");
    EXPECT_EQ(w.reason("b"), DownReason::terminated);
    w.exits("a", 1);
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_group, s16_not_outside_the_group) {
    World w(rest_for_one(row({"a", "b"})));
    w.start().command(Verb::stop, "a").exits("b", 1);
    EXPECT_EQ(w.states({"a", "b"}), "down running");
}

TEST(supervision_group, s17_a_retained_one_never_by_its_own_exit_but_with_its_group) {
    World w(one_for_all({worker("a"), retained(worker("r"))}));
    w.start().exits("r", 1);
    EXPECT_EQ(w.states({"a", "r"}), "running down");
    EXPECT_EQ(w.view("/").window_used, 0U);
    w.exits("a", 1);
    EXPECT_EQ(w.states({"a", "r"}), "running running");
    w.exits("a", 1).pass(Duration::seconds(1));
    EXPECT_EQ(w.states({"a", "r"}), "running running") << "stopped with its group, it is kept";
}

TEST(supervision_group, s17_s16_a_retained_one_that_was_terminated_too) {
    World w(one_for_all({worker("a"), retained(worker("r"))}));
    w.start().command(Verb::stop, "r");
    EXPECT_EQ(w.states({"a", "r"}), "running down");
    w.exits("a", 1);
    EXPECT_EQ(w.states({"a", "r"}), "running running");
}

TEST(supervision_group, s9_a_completed_one_runs_again_with_its_group_and_is_waited_for) {
    World w(rest_for_one({worker("a"), oneshot(worker("init")), worker("b")}));
    w.start();
    EXPECT_EQ(w.states({"a", "init", "b"}), "running starting down");
    w.exits("init", 0);
    EXPECT_EQ(w.states({"a", "init", "b"}), "running down running");
    w.take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), (Lines{"restart a 1", "child_stopping b 15", "child_starting a", "child_starting init"}));
    w.exits("init", 0);
    EXPECT_EQ(walk(w), Lines{"child_starting b"});
    EXPECT_EQ(w.reason("init"), DownReason::completed);
}

TEST(supervision_group, x14_a_disabled_member_stays_down) {
    World w(one_for_all(row({"a", "b", "c"})));
    w.start().command(Verb::disable, "b");
    w.exits("a", 1);
    EXPECT_EQ(w.states({"a", "b", "c"}), "running disabled running");
    w.command(Verb::enable, "b");
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
}

// ---- exits while a group is being stopped ---------------------------------------------------------------------------

TEST(supervision_group, s21_two_at_once_are_one_two_or_one_by_strategy) {
    struct Case {
        Strategy strategy;
        std::string first, second;
        std::uint32_t count;
    };
    for (const Case& one :
         {Case{Strategy::one_for_all, "a", "b", 1}, Case{Strategy::one_for_all, "b", "a", 1}, Case{Strategy::rest_for_one, "a", "b", 1},
          Case{Strategy::rest_for_one, "b", "a", 2}, Case{Strategy::one_for_one, "a", "b", 2}, Case{Strategy::one_for_one, "b", "a", 2}}) {
        World w(with(team(row({"a", "b"}), 9), one.strategy));
        w.start().take();
        w.crashes_unseen(one.first).crashes_unseen(one.second).run();
        EXPECT_EQ(w.view("/").window_used, one.count) << one.first << " first, strategy " << static_cast<int>(one.strategy);
        EXPECT_EQ(w.states({"a", "b"}), "running running");
        EXPECT_EQ(w.starts("a"), 2);
        EXPECT_EQ(w.starts("b"), 2);
    }
}

TEST(supervision_group, s21_s38_a_member_that_crashes_meanwhile_is_part_of_it_and_keeps_its_reason) {
    World w(one_for_all(row({"a", "b", "c"})));
    w.manners["c"] = ignores;
    w.start().exits("a", 1);
    w.take();
    w.exits("b", 7);
    EXPECT_EQ(w.take({"child_down", "restart", "child_stopping", "shutdown_error"}), Lines{"child_down b exit(7) abnormal"});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.take({"restart", "child_stopping", "child_starting"}), (Lines{"child_starting a", "child_starting b", "child_starting c"}));
    EXPECT_EQ(w.view("/").window_used, 1U);
}

TEST(supervision_group, s37_a_member_that_ends_badly_at_its_stop_is_no_crash) {
    World w(one_for_all(row({"a", "b"})));
    w.manners["b"] = Manners{Manners::On::exits, 3};
    w.start().take();
    w.exits("a", 1);
    EXPECT_EQ(w.take({"restart", "shutdown_error"}), (Lines{"restart a 1", "shutdown_error b exit(3) shutdown"}));
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_group, s22_a_crash_of_an_older_one_widens_what_is_being_stopped) {
    World w(rest_for_one(row({"a", "b", "c", "d"})));
    w.manners["d"] = ignores;
    w.start().exits("c", 1);
    w.take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), Lines{"restart a 2"}) << "both count, and nobody starts while an older one is known dead";
    w.pass(Duration::seconds(5));
    EXPECT_EQ(walk(w), (Lines{"child_stopping b 15", "child_starting a", "child_starting b", "child_starting c", "child_starting d"}));
}

TEST(supervision_group, s22_a_crash_of_a_newer_one_never_narrows_it) {
    World w(rest_for_one(row({"a", "b", "c", "d"})));
    w.manners["d"] = ignores;
    w.start().exits("a", 1);
    w.take();
    w.exits("c", 1);
    EXPECT_EQ(walk(w), Lines{}) << "S-21: part of the operation";
    w.pass(Duration::seconds(5));
    EXPECT_EQ(walk(w), (Lines{"child_stopping b 15", "child_starting a", "child_starting b", "child_starting c", "child_starting d"}));
}

TEST(supervision_group, s22_decision34_while_it_waits_for_its_delay) {
    World w(rest_for_one(row({"a", "b", "c"})));
    w.start().exits("b", 1).exits("b", 1);  // the second one waits 100 ms
    EXPECT_EQ(w.states({"a", "b", "c"}), "running restarting restarting");
    w.take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), Lines{"restart a 3"}) << "the delay of b still counts";
    w.pass(Duration::milliseconds(200));
    EXPECT_EQ(walk(w), (Lines{"child_starting a", "child_starting b", "child_starting c"}));
}

TEST(supervision_group, s22_decision34_while_it_starts_the_attempt_is_aborted_and_not_counted) {
    World w(rest_for_one({worker("a"), notifying(worker("b")), worker("c")}));
    w.start().says_ready("b");
    w.exits("b", 1);
    EXPECT_EQ(w.states({"a", "b", "c"}), "running restarting restarting");
    w.take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), (Lines{"restart a 2", "child_stopping b 15", "child_starting a", "child_starting b"}));
    EXPECT_EQ(w.view("/").window_used, 2U);
    EXPECT_EQ(w.view("b").failures, 1U);
    w.says_ready("b");
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
}

TEST(supervision_group, s22_while_a_spawn_is_on_its_way) {
    World w(rest_for_one(row({"a", "b", "c"})));
    w.start();
    w.spawn_held.insert("c");
    w.exits("b", 1);
    EXPECT_TRUE(w.is_being_spawned("c"));
    w.take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), Lines{"restart a 2"});
    w.release_spawn("c");
    EXPECT_EQ(walk(w), (Lines{"child_stopping c 15", "child_stopping b 15", "child_starting a", "child_starting b", "child_starting c"}));
}

TEST(supervision_group, s22_a_member_started_in_this_round_that_crashes_begins_it_anew) {
    World w(one_for_all({worker("a"), notifying(worker("b")), worker("c")}));
    w.start().says_ready("b").exits("c", 1);
    EXPECT_EQ(w.states({"a", "b", "c"}), "running restarting restarting");
    w.take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), (Lines{"restart a 2", "child_stopping b 15", "child_starting a", "child_starting b"}));
}

// ---- failed restarts ------------------------------------------------------------------------------------------------

TEST(supervision_group, s26_one_for_all_begins_the_round_again_from_the_first) {
    World w(one_for_all(row({"a", "b", "c"})));
    w.start().take();
    w.spawn_fails.insert("b");
    w.exits("c", 1);
    EXPECT_EQ(w.view("/").window_used, 3U);  // the crash, the failed attempt, and the one after it, which has no delay yet
    w.spawn_fails.clear();
    w.pass(Duration::milliseconds(200));
    EXPECT_EQ(walk(w), (Lines{"restart c 1", "child_stopping b 15", "child_stopping a 15", "child_starting a", "child_starting b",
                              "restart b 2", "child_stopping a 15", "child_starting a", "child_starting b", "restart b 3",
                              "child_stopping a 15", "child_starting a", "child_starting b", "child_starting c"}));
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
}

TEST(supervision_group, s26_rest_for_one_keeps_the_earlier_ones_and_retries_at_the_failed_one) {
    World w(rest_for_one(row({"a", "b", "c"})));
    w.start().take();
    w.spawn_fails.insert("b");
    w.exits("a", 1).pass(Duration::milliseconds(50));
    w.spawn_fails.clear();
    w.pass(Duration::milliseconds(200));
    EXPECT_EQ(walk(w), (Lines{"restart a 1", "child_stopping c 15", "child_stopping b 15", "child_starting a", "child_starting b",
                              "restart b 2", "child_starting b", "restart b 3", "child_starting b", "child_starting c"}));
    EXPECT_EQ(w.starts("a"), 2);
}

TEST(supervision_group, s27_one_pending_retry_even_where_an_older_one_crashes_meanwhile) {
    World w(rest_for_one(row({"a", "b"})));
    w.start();
    w.spawn_fails.insert("b");
    w.exits("b", 1);
    EXPECT_EQ(w.waits("b"), Waits::backoff);
    w.spawn_fails.clear();
    w.exits("a", 1).take();
    w.pass(Duration::seconds(5));
    EXPECT_EQ(walk(w), (Lines{"child_starting a", "child_starting b"}));
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_group, s33_a_give_up_in_a_round_stops_those_already_restarted) {
    World w(one_for_all(row({"a", "b", "c"}), 1));
    w.start().take();
    w.spawn_fails.insert("c");
    w.exits("a", 1);
    EXPECT_EQ(walk(w), (Lines{"restart a 1", "child_stopping c 15", "child_stopping b 15", "child_starting a", "child_starting b",
                              "child_starting c", "sup_giving_up / 2", "child_stopping b 15", "child_stopping a 15"}));
    EXPECT_EQ(w.state("/"), ChildState::down);
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_group, s33_a_give_up_while_the_group_is_being_stopped) {
    World w(rest_for_one(row({"a", "b", "c"}), 1));
    w.manners["c"] = ignores;
    w.start().exits("b", 1);
    w.take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), Lines{"sup_giving_up / 2"});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(walk(w), Lines{});
    EXPECT_EQ(w.state("/"), ChildState::down);
    EXPECT_EQ(w.alive_count(), 0U);
}

// ---- the delay of a group -------------------------------------------------------------------------------------------

TEST(supervision_group, x1_siblings_are_stopped_at_once_and_the_start_waits_for_the_delay) {
    ChildSpec b = worker("b");
    b.backoff.jitter = 0;
    World w(one_for_all({worker("a"), b}));
    w.start().exits("b", 1).take();
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 2", "child_stopping a 15"}));
    EXPECT_EQ(w.states({"a", "b"}), "restarting restarting");
    EXPECT_EQ(w.waits("a"), Waits::group);
    EXPECT_EQ(w.waits("b"), Waits::backoff);
    w.pass(Duration::milliseconds(99));
    EXPECT_EQ(walk(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(walk(w), (Lines{"child_starting a", "child_starting b"}));
}

TEST(supervision_group, x1_of_two_failures_the_later_time) {
    ChildSpec a = worker("a");
    a.backoff.jitter = 0;
    a.backoff.initial = Duration::milliseconds(500);
    ChildSpec b = worker("b");
    b.backoff.jitter = 0;
    for (const bool older_is_later : {true, false}) {
        std::swap(a.backoff.initial, b.backoff.initial);
        World w(rest_for_one({a, b}));
        w.start().exits("a", 1).exits("b", 1).take();
        w.exits("b", 1).exits("a", 1);
        w.take();
        w.pass(Duration::milliseconds(499));
        EXPECT_EQ(walk(w), Lines{}) << older_is_later;
        w.pass(Duration::milliseconds(1));
        EXPECT_EQ(walk(w), (Lines{"child_starting a", "child_starting b"})) << older_is_later;
    }
}

// ---- stops ----------------------------------------------------------------------------------------------------------

TEST(supervision_group, s12_s42_a_stop_in_each_phase_is_kept_and_starts_nobody) {
    for (const std::string phase : {"stopping", "delay", "starting", "spawning"}) {
        World w(team({supervisor("S", one_for_all({worker("a"), notifying(worker("b"), Duration::seconds(60)), worker("c")}))}));
        w.start().says_ready("S/b");
        if (phase == "stopping") {
            w.manners["S/c"] = ignores;
        } else if (phase == "delay") {
            w.exits("S/a", 1).says_ready("S/b");
        } else if (phase == "spawning") {
            w.spawn_held.insert("S/a");
        }
        w.exits("S/a", 1);
        w.take();
        w.command(Verb::stop, "S", true, 7);
        w.manners.clear();
        w.release_spawn("S/a").pass(Duration::seconds(5));
        EXPECT_EQ(w.take({"child_starting", "answer"}), Lines{"answer 7 ok"}) << phase;
        EXPECT_EQ(w.state("S"), ChildState::down) << phase;
        EXPECT_EQ(w.alive_count(), 0U) << phase;
    }
}

// ---- supervisors as members -----------------------------------------------------------------------------------------

TEST(supervision_group, s41_a_supervisor_is_stopped_whole_and_comes_back_whole) {
    World w(one_for_all({supervisor("S", team(row({"x", "y"}))), worker("b")}));
    w.start().take();
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 1", "child_stopping S/y 15", "child_stopping S/x 15", "child_starting S", "child_starting S/x",
                              "child_starting S/y", "child_starting b"}));
    EXPECT_EQ(w.view("S").restarts, 1U);
}

TEST(supervision_group, s43_a_supervisor_that_gave_up_is_the_crash_of_its_group) {
    World w(rest_for_one({worker("a"), supervisor("S", team(row({"x"}), 0)), worker("b")}));
    w.start().take();
    w.exits("S/x", 1);
    EXPECT_EQ(walk(w), (Lines{"sup_giving_up S 1", "restart S 1", "child_stopping b 15", "child_starting S", "child_starting S/x",
                              "child_starting b"}));
}

TEST(supervision_group, a_supervisor_that_was_giving_up_when_its_group_was_stopped) {
    World w(one_for_all({worker("a"), supervisor("S", team(row({"x", "y"}), 0))}));
    w.manners["S/x"] = ignores;
    w.start().exits("S/y", 1);
    EXPECT_EQ(w.state("S"), ChildState::stopping);
    w.exits("a", 1).take();
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.states({"a", "S", "S/x", "S/y"}), "running running running running");
    EXPECT_EQ(w.view("/").window_used, 1U);
    EXPECT_EQ(walk(w), (Lines{"child_starting a", "child_starting S", "child_starting S/x", "child_starting S/y"}));
}

TEST(supervision_group, s45_a_supervisor_that_fails_to_start_again_is_a_failed_attempt_of_the_round) {
    World w(one_for_all({worker("a"), supervisor("S", team(row({"x", "y"})))}));
    w.start().take();
    w.spawn_fails.insert("S/y");
    w.exits("a", 1);
    w.spawn_fails.clear();
    w.pass(Duration::milliseconds(200));
    EXPECT_EQ(w.states({"a", "S", "S/x", "S/y"}), "running running running running");
    const Lines lines = w.take({"restart", "sup_down"});
    ASSERT_GE(lines.size(), 3U);
    EXPECT_EQ(lines[0], "restart a 1");
    EXPECT_EQ(lines[2], "sup_down S error{failed_to_start_child: y} abnormal");
    EXPECT_EQ(lines[3], "restart S 2");
}

// ---- the root at boot -----------------------------------------------------------------------------------------------

TEST(supervision_group, decision35_at_boot_the_root_begins_its_round_again) {
    World all(one_for_all(row({"a", "b"})));
    all.spawn_fails.insert("b");
    all.start();
    all.spawn_fails.clear();
    all.pass(Duration::milliseconds(200));
    EXPECT_EQ(walk(all), (Lines{"child_starting a", "child_starting b", "restart b 1", "child_stopping a 15", "child_starting a",
                                "child_starting b", "restart b 2", "child_stopping a 15", "child_starting a", "child_starting b"}));
    EXPECT_EQ(all.states({"/", "a", "b"}), "running running running");
    World rest(rest_for_one(row({"a", "b"})));
    rest.spawn_fails.insert("b");
    rest.start();
    rest.spawn_fails.clear();
    rest.pass(Duration::milliseconds(200));
    EXPECT_EQ(rest.starts("a"), 1);
    EXPECT_EQ(rest.starts("b"), 3);
    EXPECT_EQ(rest.states({"/", "a", "b"}), "running running running");
}

TEST(supervision_group, decision35_a_child_that_crashes_at_boot_while_a_later_one_starts) {
    World w(rest_for_one({worker("a"), notifying(worker("b")), worker("c")}));
    w.start().take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), (Lines{"restart a 1", "child_stopping b 15", "child_starting a", "child_starting b"}));
    w.says_ready("b");
    EXPECT_EQ(w.states({"/", "a", "b", "c"}), "running running running running");
}

TEST(supervision_group, s6_decision35_on_start_failure_stop_leaves_the_root_down) {
    for (const Strategy strategy : {Strategy::one_for_one, Strategy::rest_for_one, Strategy::one_for_all}) {
        SupervisorSpec root = with(team(row({"a", "b", "c"})), strategy);
        root.on_start_failure = OnStartFailure::stop;
        World w(root);
        w.spawn_fails.insert("b");
        w.start().pass(Duration::seconds(60));
        EXPECT_EQ(w.state("/"), ChildState::down);
        EXPECT_EQ(w.fault("/"), "error{failed_to_start_child: b}");
        EXPECT_EQ(w.take({"child_starting", "child_stopping", "halt"}),
                  (Lines{"child_starting a", "child_starting b", "child_stopping a 15"}));
        EXPECT_FALSE(w.engine().supervision().wants_exit());
        w.spawn_fails.clear();
        w.command(Verb::start, "/", true, 5);
        EXPECT_EQ(w.take({"answer"}), Lines{"answer 5 ok"});
        EXPECT_EQ(w.states({"/", "a", "b", "c"}), "running running running running");
    }
}

TEST(supervision_group, x6_the_delay_of_a_member_does_not_stand_still_for_one_that_comes_with_its_group) {
    World w(one_for_all({worker("a"), requiring(worker("b"), {"a"})}));
    w.start().exits("b", 1).exits("b", 1);  // the second time it has a delay, for which its group waits
    EXPECT_EQ(w.states({"a", "b"}), "restarting restarting");
    w.pass(Duration::seconds(2));
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

}  // namespace
