// SPDX-License-Identifier: Apache-2.0
/// Limits of single children, exit policies (X-7, F-5), and what follows a give-up (S-43, S-46). Groups that wait for a
/// quarantined member stand in supervision_park_test.cpp.
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

Lines counts(World& w) { return w.take({"restart", "child_quarantined", "child_released", "sup_giving_up"}); }

// ---- a limit of its own ----------------------------------------------------------------------------------------

TEST(supervision_limit, x4_the_stricter_one_acts) {
    World own(team({limited(no_backoff(worker("a")), 1, OnLimit::escalate), worker("b")}, 5));
    own.start().exits("a", 1).take();
    own.exits("a", 1);
    EXPECT_EQ(counts(own), Lines{"sup_giving_up / 2"});
    EXPECT_EQ(own.state("/"), ChildState::down);
    World supervisors(team({limited(no_backoff(worker("a")), 5, OnLimit::quarantine)}, 1));
    supervisors.start().exits("a", 1).take();
    supervisors.exits("a", 1);
    EXPECT_EQ(counts(supervisors), Lines{"sup_giving_up / 2"});
    EXPECT_EQ(supervisors.state("/"), ChildState::down);
}

TEST(supervision_limit, x4_its_window_is_its_own_and_forgets) {
    World w(team({limited(no_backoff(worker("a")), 1, OnLimit::quarantine), no_backoff(worker("b"))}, 99));
    w.start().exits("b", 1).exits("b", 1).exits("b", 1).exits("a", 1);
    EXPECT_EQ(w.states({"a", "b"}), "running running");
    w.pass(Duration::seconds(5)).pass(Duration{1}).exits("a", 1);  // S-31: older than the period by a nanosecond
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.exits("a", 1);
    EXPECT_EQ(w.state("a"), ChildState::quarantined);
}

TEST(supervision_limit, x4_an_entry_exactly_as_old_as_the_period_counts) {
    World w(team({limited(no_backoff(worker("a")), 1, OnLimit::quarantine)}, 99));
    w.start().exits("a", 1).pass(Duration::seconds(5)).exits("a", 1);
    EXPECT_EQ(w.state("a"), ChildState::quarantined);
}

TEST(supervision_limit, x4_it_starts_empty_in_each_incarnation_of_the_supervisor) {
    World w(team({supervisor("S", team({limited(no_backoff(worker("a")), 1, OnLimit::quarantine)}, 9))}));
    w.start().exits("S/a", 1).command(Verb::restart, "S").exits("S/a", 1);
    EXPECT_EQ(w.state("S/a"), ChildState::running);
    w.exits("S/a", 1);
    EXPECT_EQ(w.state("S/a"), ChildState::quarantined);
}

// ---- quarantine ------------------------------------------------------------------------------------------------

TEST(supervision_limit, x2_the_child_alone_goes_and_its_siblings_live) {
    World w(team({limited(no_backoff(worker("a")), 1, OnLimit::quarantine), worker("b")}, 1));
    w.start().exits("a", 1).take();
    w.exits("a", 1);
    EXPECT_EQ(counts(w), Lines{"child_quarantined a"});
    w.pass(Duration::seconds(3600));
    EXPECT_EQ(w.states({"/", "a", "b"}), "running quarantined running");
    EXPECT_EQ(w.starts("a"), 2);
    EXPECT_EQ(w.fault("a"), "exit(1)");
    EXPECT_TRUE(w.view("a").next_start.is_never());
}

TEST(supervision_limit, x2_release_starts_it_with_a_clean_record) {
    World w(team({limited(worker("a"), 0, OnLimit::quarantine)}, 9));
    w.start().exits("a", 1).take();
    w.command(Verb::release, "a", true, 4);
    EXPECT_EQ(w.take({"child_released", "child_starting", "answer"}), (Lines{"child_released a", "child_starting a", "answer 4 ok"}));
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.view("a").failures, 0U);
}

TEST(supervision_limit, x2_or_its_cooldown_does) {
    World w(team({limited(worker("a"), 0, OnLimit::quarantine, Duration::seconds(30))}, 9));
    w.start().exits("a", 1);
    EXPECT_EQ(w.view("a").next_start, w.now + Duration::seconds(30));
    w.pass(Duration::milliseconds(29'999));
    EXPECT_EQ(w.state("a"), ChildState::quarantined);
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.exits("a", 1);
    EXPECT_EQ(w.state("a"), ChildState::quarantined);
}

TEST(supervision_limit, x2_a_release_before_the_cooldown_cancels_it) {
    World w(team({limited(worker("a"), 0, OnLimit::quarantine, Duration::seconds(30))}, 9));
    w.start().exits("a", 1).command(Verb::release, "a").pass(Duration::seconds(20)).exits("a", 1);
    w.pass(Duration::seconds(29));
    EXPECT_EQ(w.state("a"), ChildState::quarantined) << "the first cooldown would have ended by now";
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_limit, x2_what_the_verbs_say_to_it) {
    World w(team({limited(worker("a"), 0, OnLimit::quarantine), worker("b")}, 9));
    w.start().exits("a", 1).take();
    w.command(Verb::start, "a", true, 1);
    EXPECT_EQ(answers(w), Lines{"answer 1 quarantined"});
    EXPECT_EQ(w.state("a"), ChildState::quarantined);
    w.command(Verb::start_now, "a", true, 2);
    EXPECT_EQ(answers(w), Lines{"answer 2 ok"});
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.exits("a", 1).command(Verb::stop, "a", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.reason("a"), DownReason::terminated);
    w.command(Verb::start, "a", true, 4).exits("a", 1).command(Verb::remove, "a", true, 5);
    EXPECT_EQ(answers(w), (Lines{"answer 4 ok", "answer 5 ok"}));
    EXPECT_EQ(w.child("a"), no_child);
}

TEST(supervision_limit, x2_a_start_that_fails_again_and_again_is_quarantined_too) {
    World w(team({limited(worker("a"), 2, OnLimit::quarantine)}, 9));
    w.start();
    w.spawn_fails.insert("a");
    w.exits("a", 1).pass(Duration::seconds(2));
    EXPECT_EQ(w.state("a"), ChildState::quarantined);
    EXPECT_EQ(w.starts("a"), 3);
    EXPECT_EQ(w.view("/").window_used, 2U);
}

TEST(supervision_limit, x2_at_boot_the_root_comes_up_without_it) {
    World w(team({limited(worker("a"), 1, OnLimit::quarantine), worker("b")}, 9));
    w.spawn_fails.insert("a");
    w.start().pass(Duration::seconds(1));
    EXPECT_EQ(w.states({"/", "a", "b"}), "running quarantined running");
}

TEST(supervision_limit, x2_it_waits_for_its_old_group_before_it_comes_back) {
    World w(team({limited(worker("a"), 0, OnLimit::quarantine)}, 9));
    w.start();
    w.group_held.insert("a");
    w.exits("a", 1).command(Verb::release, "a", true, 4);
    EXPECT_EQ(w.starts("a"), 1);
    EXPECT_EQ(w.state("a"), ChildState::restarting);
    w.release_group("a");
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_limit, p4_one_whose_old_group_lives_is_not_deleted) {
    World w(team({limited(worker("a"), 0, OnLimit::quarantine), worker("b")}, 9));
    w.start();
    w.group_held.insert("a");
    w.exits("a", 1).take();
    w.command(Verb::remove, "a", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 stopping"});
    w.release_group("a").command(Verb::remove, "a", true, 5);
    EXPECT_EQ(answers(w), Lines{"answer 5 ok"});
    EXPECT_EQ(w.child("a"), no_child);
}

TEST(supervision_limit, x2_a_supervisor_may_be_quarantined) {
    World w(
        team({limited(supervisor("S", team({no_backoff(worker("a"))}, 0)), 1, OnLimit::quarantine, Duration::seconds(9)), worker("b")}));
    w.start().exits("S/a", 1).exits("S/a", 1);
    EXPECT_EQ(w.states({"/", "S", "S/a", "b"}), "running quarantined down running");
    w.pass(Duration::seconds(9));
    EXPECT_EQ(w.states({"/", "S", "S/a", "b"}), "running running running running");
}

TEST(supervision_limit, x2_its_supervisors_stop_takes_it_along) {
    World w(team({supervisor("S", team({limited(worker("a"), 0, OnLimit::quarantine, Duration::seconds(9))}))}));
    w.start().exits("S/a", 1).command(Verb::stop, "S", true, 3);
    EXPECT_EQ(w.states({"S", "S/a"}), "down down");
    w.pass(Duration::seconds(10));
    EXPECT_EQ(w.state("S/a"), ChildState::down);
    w.command(Verb::start, "S", true, 4);
    EXPECT_EQ(w.states({"S", "S/a"}), "running running");
}

TEST(supervision_limit, x2_stop_child_leaves_it_down_with_its_reason) {
    World w(team({limited(worker("a"), 0, OnLimit::stop_child), worker("b")}, 9));
    w.start().exits("a", 3).pass(Duration::seconds(60));
    EXPECT_EQ(w.states({"/", "a", "b"}), "running down running");
    EXPECT_EQ(w.reason("a"), DownReason::gave_up);
    EXPECT_EQ(w.fault("a"), "exit(3)");
    w.command(Verb::start, "a", true, 4);
    EXPECT_EQ(w.state("a"), ChildState::running);
}

// ---- exit policies ---------------------------------------------------------------------------------------------

ChildSpec with_policy(RestartType restart) {
    ChildSpec spec = no_backoff(worker("a", restart));
    spec.exits.success_codes = {10};
    spec.exits.shutdown_codes = {11};
    spec.exits.no_restart_codes = {12, 14};
    spec.exits.force_restart_codes = {0, 13, 14};
    spec.exits.success_signals = {1};
    spec.exits.no_restart_signals = {2};
    spec.exits.force_restart_signals = {1, 3};
    return spec;
}

TEST(supervision_limit, f5_x7_each_row_for_a_transient_child) {
    struct Row {
        ExitHow how;
        std::int32_t status;
        ExitClass exit_class;
        std::string fault;
        int starts;
    };
    const auto by_code = ExitHow::exited;
    const auto by_signal = ExitHow::signalled;
    for (const Row& row :
         {Row{by_code, 10, ExitClass::normal, "", 1}, Row{by_code, 11, ExitClass::shutdown, "", 1},
          Row{by_code, 12, ExitClass::abnormal, "exit(12)", 1}, Row{by_code, 13, ExitClass::abnormal, "", 2},
          Row{by_code, 14, ExitClass::abnormal, "exit(14)", 1}, Row{by_code, 15, ExitClass::abnormal, "", 2},
          Row{by_code, 0, ExitClass::normal, "", 2}, Row{by_signal, 1, ExitClass::normal, "", 2},
          Row{by_signal, 2, ExitClass::abnormal, "signal(2)", 1}, Row{by_signal, 3, ExitClass::abnormal, "", 2},
          Row{ExitHow::dumped, 2, ExitClass::abnormal, "signal(2){core}", 1}, Row{ExitHow::unknown, 0, ExitClass::abnormal, "", 2}}) {
        World w(team({with_policy(RestartType::transient), worker("b")}, 9));
        w.start().ends("a", row.how, row.status);
        EXPECT_EQ(w.starts("a"), row.starts) << row.status;
        EXPECT_EQ(w.view("a").last_class, row.exit_class) << row.status;
        EXPECT_EQ(w.fault("a"), row.fault) << row.status;
        EXPECT_EQ(w.view("/").window_used, static_cast<std::uint32_t>(row.starts - 1)) << row.status;
    }
}

TEST(supervision_limit, x7_no_restart_beats_permanent_and_force_restart_beats_temporary) {
    World permanent(team({with_policy(RestartType::permanent), worker("b")}, 9));
    permanent.start().exits("a", 12);
    EXPECT_EQ(permanent.state("a"), ChildState::down);
    EXPECT_EQ(permanent.reason("a"), DownReason::ended);
    World temporary(team({with_policy(RestartType::temporary), worker("b")}, 9));
    temporary.start().exits("a", 13);
    EXPECT_EQ(temporary.starts("a"), 2);
    temporary.exits("a", 12);
    EXPECT_EQ(temporary.child("a"), no_child);
}

TEST(supervision_limit, f5_a_success_code_completes_a_oneshot_and_another_one_fails_it) {
    ChildSpec init = oneshot(worker("init"));
    init.exits.success_codes = {4};
    World w(team({init, worker("b")}, 9));
    w.start().exits("init", 4);
    EXPECT_EQ(w.states({"/", "init", "b"}), "running down running");
    EXPECT_EQ(w.reason("init"), DownReason::completed);
}

TEST(supervision_limit, s37_a_code_of_the_policy_is_a_clean_end_of_a_stop) {
    ChildSpec spec = worker("a");
    spec.exits.success_codes = {143};
    World w(team({spec}));
    w.manners["a"] = Manners{Manners::On::exits, 143};
    w.start().take();
    w.command(Verb::stop, "a", true, 2);
    EXPECT_EQ(w.take({"shutdown_error", "child_down"}), Lines{"child_down a none shutdown"});
}

// ---- who gives up, and then -----------------------------------------------------------------------------------------

TEST(supervision_limit, s46_on_root_give_up_exit_ends_the_daemon_in_order) {
    SupervisorSpec root = team({no_backoff(worker("a")), worker("b")}, 0);
    root.on_root_give_up = OnRootGiveUp::exit;
    World w(root);
    w.start().take();
    w.exits("a", 1);
    EXPECT_TRUE(w.engine().supervision().wants_exit());
    EXPECT_EQ(w.take({"child_stopping", "alert", "halt"}), (Lines{"child_stopping b 15", "alert /", "halt 1"}));
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_limit, s46_without_it_the_daemon_stays) {
    World w(team({no_backoff(worker("a"))}, 0));
    w.start().exits("a", 1);
    EXPECT_FALSE(w.engine().supervision().wants_exit());
    EXPECT_EQ(w.state("/"), ChildState::down);
}

TEST(supervision_limit, s43_a_supervisor_that_gave_up_by_type_and_by_on_give_up) {
    struct Case {
        RestartType restart;
        OnGiveUp on_give_up;
        std::string state;
    };
    for (const Case& one :
         {Case{RestartType::permanent, OnGiveUp::shutdown, "running"}, Case{RestartType::transient, OnGiveUp::shutdown, "down"},
          Case{RestartType::transient, OnGiveUp::crash, "running"}, Case{RestartType::temporary, OnGiveUp::shutdown, "gone"},
          Case{RestartType::temporary, OnGiveUp::crash, "gone"}}) {
        SupervisorSpec nested = team({no_backoff(worker("a"))}, 0);
        nested.on_give_up = one.on_give_up;
        World w(team({supervisor("S", nested, one.restart), worker("b")}, 9));
        w.start().exits("S/a", 1);
        EXPECT_EQ(w.states({"S"}), one.state);
        EXPECT_EQ(w.view("/").window_used, one.state == "running" ? 1U : 0U);
        EXPECT_EQ(w.states({"/", "b"}), "running running");
    }
}

TEST(supervision_limit, s34_starts_of_a_leaf_before_the_top_gives_up) {
    World w(team({no_backoff(supervisor("S", team({no_backoff(worker("a"))}, 1)))}, 1));
    w.dies_at_once.insert("S/a");
    w.start().pass(Duration::seconds(5));
    EXPECT_EQ(w.starts("S/a"), 4);
    EXPECT_EQ(w.state("/"), ChildState::down);
}

}  // namespace
