// SPDX-License-Identifier: Apache-2.0
/// Restarts: types, limit, backoff, escalation (rules S-13..S-18, S-24, S-25, S-29..S-34, S-43..S-46, X-1, P-2, P-4).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

// ---- restart types ---------------------------------------------------------------------------------------------------

TEST(supervision_restart, s13_permanent_comes_back_after_every_end) {
    World w(team({no_backoff(worker("a"))}, 9));
    w.start().exits("a", 0).exits("a", 1).is_killed("a", 9);
    EXPECT_EQ(w.starts("a"), 4);
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.view("a").restarts, 3U);
    EXPECT_EQ(w.view("/").window_used, 3U);
    EXPECT_EQ(w.fault("a"), "");  // decision 32: null while it runs
}

TEST(supervision_restart, s13_transient_comes_back_only_after_a_bad_end) {
    World w(team({no_backoff(worker("a", RestartType::transient))}));
    w.start().exits("a", 1);
    EXPECT_EQ(w.starts("a"), 2);
    w.exits("a", 0);
    EXPECT_EQ(w.starts("a"), 2);
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.view("/").window_used, 1U);  // only what the table answers with "restart" counts
    EXPECT_EQ(w.fault("a"), "");
}

TEST(supervision_restart, s13_transient_stays_down_after_a_line_holders_shutdown) {
    World w(team({managed(worker("a", RestartType::transient), {}), worker("b")}));
    w.start();
    w.watch("a", 1);
    w.asks_to_shut_down("a", 1);
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.view("a").last_class, ExitClass::shutdown);
    EXPECT_EQ(w.view("/").window_used, 0U);
}

TEST(supervision_restart, s13_s18_temporary_is_removed_whatever_its_end) {
    for (const int code : {0, 1}) {
        World w(team({worker("a", RestartType::temporary), worker("b")}));
        w.start().take();
        w.exits("a", code);
        const Lines lines = w.take({"child_down", "child_removed", "restart"});
        ASSERT_EQ(lines.size(), 2U);
        EXPECT_EQ(lines[1], "child_removed a");
        EXPECT_EQ(w.child("a"), no_child);
        EXPECT_EQ(w.engine().supervision().next_in_tree(w.engine().supervision().root()), w.child("b"));
        EXPECT_EQ(w.starts("b"), 1);
    }
}

TEST(supervision_restart, s44_a_restarted_supervisor_starts_with_all_its_static_children) {
    World w(team({no_backoff(supervisor("S", team({worker("t", RestartType::temporary), no_backoff(worker("a"))}, 0)))}));
    w.start().exits("S/t", 0);
    EXPECT_EQ(w.child("S/t"), no_child);
    w.exits("S/a", 1);  // intensity 0: S gives up and its parent starts it again
    EXPECT_EQ(w.state("S"), ChildState::running);
    EXPECT_EQ(w.state("S/t"), ChildState::running);
    EXPECT_EQ(w.starts("S/t"), 2);
}

// ---- the order of an end ----------------------------------------------------------------------------------------------

TEST(supervision_restart, p2_group_then_notices_then_reap_then_restart) {
    World w(team({no_backoff(worker("a"))}));
    w.start().watch("a", 1).take();
    w.group_held.insert("a");
    w.exits("a", 3);
    const Lines lines = w.take();
    const Lines expected{"child_down a exit(3) abnormal", "restart a 1", "signal_group a 9", "session_ready 1", "reap a"};
    EXPECT_EQ(lines, expected);
    EXPECT_EQ(w.owed(1), Lines{"a exit(3)"});
    EXPECT_EQ(w.state("a"), ChildState::restarting);
    w.pass(Duration::seconds(2));
    EXPECT_EQ(w.starts("a"), 1) << "P-4: a grandchild that lives delays the restart, never the notice";
    w.release_group("a");
    EXPECT_EQ(w.starts("a"), 2);
}

TEST(supervision_restart, p4_both_the_group_and_the_delay_must_be_over) {
    World w(team({worker("a")}));
    w.start().exits("a", 1);
    w.group_held.insert("a");
    w.exits("a", 1);  // n = 2: 100 ms, from the exit on
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.starts("a"), 2);
    w.release_group("a");
    EXPECT_EQ(w.starts("a"), 3);
}

TEST(supervision_restart, p6_a_group_that_does_not_die_is_reported) {
    World w(team({worker("a")}));
    w.start();
    w.group_held.insert("a");
    w.exits("a", 1).take();
    w.pass(Duration::milliseconds(9'999));
    EXPECT_EQ(w.take({"child_unkillable"}), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.take({"child_unkillable"}), Lines{"child_unkillable a"});
}

// ---- the limit and the backoff ------------------------------------------------------------------------------------------

TEST(supervision_restart, x1_defaults_give_six_starts_and_give_up_after_about_a_second_and_a_half) {
    for (std::uint64_t seed = 1; seed < 6; ++seed) {
        World w(team({worker("a"), worker("other")}), seed);
        w.dies_at_once.insert("a");
        const Instant begin = w.now;
        w.start();
        while (w.state("/") != ChildState::down) {
            ASSERT_FALSE(w.engine().next_deadline().is_never());
            w.pass(w.engine().next_deadline() - w.now);
        }
        const Duration took = w.now - begin;
        EXPECT_EQ(w.starts("a"), 6);
        EXPECT_GE(took, Duration::milliseconds(1200));
        EXPECT_LE(took, Duration::milliseconds(1800));
        EXPECT_EQ(w.fault("/"), "error{gave_up}");
        const Lines told = w.take({"restart", "sup_giving_up", "alert"});
        EXPECT_EQ(told, (Lines{"restart a 1", "restart a 2", "restart a 3", "restart a 4", "restart a 5", "sup_giving_up / 6", "alert /"}));
        EXPECT_EQ(w.alive_count(), 0U);
    }
}

TEST(supervision_restart, x1_delays_grow_by_the_factor_within_the_jitter_and_never_over_max) {
    ChildSpec child = worker("a");
    child.backoff.max = Duration::seconds(1);
    World w(team({child}, 1000));
    w.dies_at_once.insert("a");
    w.start().pass(Duration::seconds(20));
    std::int64_t expected = 100'000'000;
    int seen = 0;
    for (const std::string& line : w.take({"child_backoff"})) {
        const std::int64_t delay = std::stoll(line.substr(line.rfind(' ') + 1));
        EXPECT_GE(delay, expected * 8 / 10);
        EXPECT_LE(delay, std::min<std::int64_t>(expected * 12 / 10, 1'000'000'000));
        expected = std::min<std::int64_t>(expected * 2, 1'000'000'000);
        ++seen;
    }
    EXPECT_GT(seen, 10);
}

TEST(supervision_restart, x1_staying_ready_for_reset_after_resets_the_count) {
    World w(team({worker("a")}, 100));
    w.start().exits("a", 1).exits("a", 1);
    EXPECT_EQ(w.view("a").failures, 2U);
    w.pass(Duration::seconds(1)).pass(Duration::milliseconds(9'999));
    w.exits("a", 1);
    EXPECT_EQ(w.view("a").failures, 1U);
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.pass(Duration::milliseconds(9'999)).exits("a", 1);
    EXPECT_EQ(w.view("a").failures, 2U);
}

TEST(supervision_restart, x1_none_is_pure_otp) {
    World w(team({no_backoff(worker("a"))}, 10));
    w.dies_at_once.insert("a");
    const Instant begin = w.now;
    w.start();
    EXPECT_EQ(w.now, begin);
    EXPECT_EQ(w.starts("a"), 11);
    EXPECT_EQ(w.state("/"), ChildState::down);
}

TEST(supervision_restart, s24_each_further_attempt_counts_one_more) {
    World w(team({worker("a")}, 4));
    w.start();
    w.spawn_fails.insert("a");
    w.exits("a", 1).pass(Duration::seconds(4));
    EXPECT_EQ(w.take({"restart", "sup_giving_up"}),
              (Lines{"restart a 1", "restart a 2", "restart a 3", "restart a 4", "sup_giving_up / 5"}));
    EXPECT_EQ(w.starts("a"), 5);
}

TEST(supervision_restart, s24_a_later_attempt_that_succeeds_ends_the_loop) {
    World w(team({worker("a")}, 4));
    w.start();
    w.spawn_fails.insert("a");
    w.exits("a", 1);
    EXPECT_EQ(w.state("a"), ChildState::restarting);
    w.spawn_fails.clear();
    w.pass(Duration::seconds(4));
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.view("a").restarts, 1U);  // failed attempts are not counted there
}

TEST(supervision_restart, s30_exactly_a_period_counts_and_a_nanosecond_more_does_not) {
    for (const std::int64_t more : {0, 1}) {
        World w(team({no_backoff(worker("a"))}, 1, Duration::seconds(5)));
        w.start().exits("a", 1);
        w.pass(Duration{Duration::seconds(5).ns + more}).exits("a", 1);
        EXPECT_EQ(w.state("/"), more == 0 ? ChildState::down : ChildState::running);
    }
}

TEST(supervision_restart, s21_one_for_one_two_crashes_are_two_restarts_and_touch_nobody_else) {
    World w(team({no_backoff(worker("a")), no_backoff(worker("b")), worker("c")}));
    w.start().take();
    w.exits("a", 1).exits("c", 1);
    EXPECT_EQ(w.take({"restart"}), (Lines{"restart a 1", "restart c 2"}));
    EXPECT_EQ(w.starts("b"), 1);
}

TEST(supervision_restart, s33_give_up_stops_the_others_in_reverse_and_does_not_start_the_offender) {
    World w(team({supervisor("S", team({worker("x"), no_backoff(worker("a")), worker("y"), worker("z")}, 0), RestartType::transient)}));
    w.start().take();
    w.exits("S/a", 1);
    EXPECT_EQ(w.take({"child_down", "sup_giving_up", "sup_stopping", "sup_down", "spawn", "restart"}),
              (Lines{"child_down S/a exit(1) abnormal", "sup_giving_up S 1", "sup_stopping S", "child_down S/z none shutdown",
                     "child_down S/y none shutdown", "child_down S/x none shutdown", "sup_down S error{gave_up} shutdown"}));
    EXPECT_EQ(w.starts("S/a"), 1);
}

TEST(supervision_restart, s34_one_and_one_give_four_starts) {
    World w(team({no_backoff(supervisor("S", team({no_backoff(worker("a"))}, 1)))}, 1));
    w.dies_at_once.insert("S/a");
    w.start().pass(Duration::seconds(3));
    EXPECT_EQ(w.starts("S/a"), 4);
    EXPECT_EQ(w.state("/"), ChildState::down);
}

// ---- escalation -------------------------------------------------------------------------------------------------------------

World gave_up_under(RestartType type, OnGiveUp on_give_up) {
    SupervisorSpec inner = team({no_backoff(worker("a"))}, 0);
    inner.on_give_up = on_give_up;
    World w(team({no_backoff(supervisor("S", inner, type)), worker("b")}));
    w.start().exits("S/a", 1);
    return w;
}

TEST(supervision_restart, s43_f6_permanent_is_restarted_transient_left_down_temporary_removed) {
    World permanent = gave_up_under(RestartType::permanent, OnGiveUp::shutdown);
    EXPECT_EQ(permanent.state("S"), ChildState::running);
    EXPECT_EQ(permanent.view("S").restarts, 1U);
    World transient = gave_up_under(RestartType::transient, OnGiveUp::shutdown);
    EXPECT_EQ(transient.state("S"), ChildState::down);
    EXPECT_EQ(transient.fault("S"), "error{gave_up}");  // F-6: a fault to its watchers, class shutdown to its parent
    EXPECT_EQ(transient.view("S").last_class, ExitClass::shutdown);
    World temporary = gave_up_under(RestartType::temporary, OnGiveUp::shutdown);
    EXPECT_EQ(temporary.child("S"), no_child);
    EXPECT_EQ(temporary.child("S/a"), no_child);
    EXPECT_EQ(temporary.starts("b"), 1);
}

TEST(supervision_restart, s43_crash_makes_it_abnormal) {
    World w = gave_up_under(RestartType::transient, OnGiveUp::crash);
    EXPECT_EQ(w.state("S"), ChildState::running);
    EXPECT_EQ(w.view("/").window_used, 1U);
}

TEST(supervision_restart, s45_a_restarted_supervisor_that_cannot_start_is_counted_at_the_parent) {
    World w(team({no_backoff(supervisor("S", team({worker("a"), worker("b")}, 0)))}, 3));
    w.start();
    w.spawn_fails.insert("S/b");
    w.exits("S/a", 1).pass(Duration::seconds(1));
    EXPECT_EQ(w.take({"restart", "sup_giving_up"}),
              (Lines{"sup_giving_up S 1", "restart S 1", "restart S 2", "restart S 3", "sup_giving_up / 4"}));
    EXPECT_EQ(w.starts("S/b"), 4);
}

TEST(supervision_restart, s46_root_gives_up_and_can_be_started_again) {
    World w(team({no_backoff(worker("a")), worker("b")}, 0));
    w.start().exits("a", 1);
    EXPECT_EQ(w.state("/"), ChildState::down);
    EXPECT_EQ(w.take({"sup_down", "alert"}), (Lines{"sup_down / error{gave_up} shutdown", "alert /"}));
    w.watch("/", 1).command(Verb::start, "/", true, 5);
    EXPECT_EQ(w.state("/"), ChildState::running);
    EXPECT_EQ(w.take({"answer"}), Lines{"answer 5 ok"});
    EXPECT_EQ(w.view("/").window_used, 0U);
}

// ---- root causes ---------------------------------------------------------------------------------------------------------------

TEST(supervision_restart, s29_a_database_and_five_managed_siblings_are_one_event) {
    std::vector<ChildSpec> children{no_backoff(worker("db"))};
    for (const char* name : {"a", "b", "c", "d", "e"}) {
        children.push_back(no_backoff(managed(worker(name), {StandingLink{"db", LinkMode::monitor}})));
    }
    World w(team(children, 1));
    w.start().take();
    w.is_killed("db", 9);
    EXPECT_EQ(w.take({"restart"}), Lines{"restart db 1"});
    EXPECT_EQ(w.view("/").window_used, 1U);
    EXPECT_EQ(w.starts("e"), 2);
    EXPECT_EQ(w.state("/"), ChildState::running);
}

}  // namespace
