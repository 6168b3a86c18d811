// SPDX-License-Identifier: Apache-2.0
/// The operator's verbs: table 8.10, S-53..S-59, decisions 34 and 37.
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

TEST(supervision_command, unknown_is_not_found) {
    World w(team({worker("a")}));
    w.start();
    EXPECT_EQ(answers(w.command(Verb::stop, "nobody", true, 3)), Lines{"answer 3 not_found"});
    w.send(Event::command(1, Verb::stop, 4711, true, 4));
    EXPECT_EQ(answers(w), Lines{"answer 4 not_found"});
}

TEST(supervision_command, start_by_the_table) {
    World w(team({worker("a")}));
    w.manners["a"] = ignores;
    w.start();
    EXPECT_EQ(answers(w.command(Verb::start, "a", true, 1)), Lines{"answer 1 running"});
    w.command(Verb::stop, "a", false, 2);
    EXPECT_EQ(answers(w.command(Verb::start, "a", true, 3)), (Lines{"answer 2 ok", "answer 3 stopping"}));
    w.exits("a", 0);
    EXPECT_EQ(answers(w.command(Verb::start, "a", true, 4)), Lines{"answer 4 ok"});
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.exits("a", 1).exits("a", 1);
    EXPECT_EQ(answers(w.command(Verb::start, "a", true, 5)), Lines{"answer 5 restarting"});
}

TEST(supervision_command, start_answers_when_it_is_ready_or_at_once) {
    World w(team({notifying(worker("a"))}));
    w.start().says_ready("a").command(Verb::stop, "a").take();
    w.command(Verb::start, "a", true, 4);
    EXPECT_EQ(answers(w), Lines{});
    EXPECT_EQ(w.state("a"), ChildState::starting);
    w.says_ready("a");
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    w.command(Verb::stop, "a").take();
    EXPECT_EQ(answers(w.command(Verb::start, "a", false, 5)), Lines{"answer 5 ok"});
}

TEST(supervision_command, s54_a_start_that_fails_is_not_retried_and_not_counted) {
    World w(team({worker("a")}, 0));
    w.start().command(Verb::stop, "a").take();
    w.spawn_fails.insert("a");
    EXPECT_EQ(answers(w.command(Verb::start, "a", true, 4)), Lines{"answer 4 start_failed drop{exec: No such file or directory}"});
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.state("/"), ChildState::running);
    EXPECT_EQ(w.view("/").window_used, 0U);
}

TEST(supervision_command, s53_stop_waits_for_the_end_and_down_is_ok) {
    World w(team({worker("a")}));
    w.manners["a"] = ignores;
    w.start().command(Verb::stop, "a", true, 3);
    EXPECT_EQ(answers(w), Lines{});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(answers(w.command(Verb::stop, "a", true, 4)), Lines{"answer 4 ok"});
    EXPECT_EQ(w.view("/").window_used, 0U);
}

TEST(supervision_command, s53_a_stopped_temporary_goes) {
    World w(team({worker("a", RestartType::temporary)}));
    w.start().command(Verb::stop, "a", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.child("a"), no_child);
}

TEST(supervision_command, s53_what_the_start_has_passed_over_is_started_at_once) {
    World w(team({worker("a"), worker("b"), worker("c"), notifying(worker("d"), Duration::seconds(60))}));
    w.spawn_held = {"a"};
    w.start().command(Verb::stop, "b").command(Verb::disable, "c").release_spawn("a").take();
    EXPECT_EQ(w.states({"/", "a", "b", "c", "d"}), "starting running down disabled starting");
    w.command(Verb::start, "b", true, 5).command(Verb::enable, "c", true, 6);
    EXPECT_EQ(answers(w), Lines{}) << "they wait for the step, as d is being started (S-58)";
    w.says_ready("d");
    EXPECT_EQ(w.states({"/", "a", "b", "c", "d"}), "running running running running running");
    EXPECT_EQ(answers(w), (Lines{"answer 5 ok", "answer 6 ok"}));
}

TEST(supervision_command, restart_is_one_operation_and_not_counted) {
    World w(team({worker("a", RestartType::temporary), worker("b")}, 0));
    w.start().take();
    w.command(Verb::restart, "a", true, 3);
    EXPECT_EQ(w.take({"child_down", "spawn", "answer", "restart", "child_removed"}),
              (Lines{"child_down a none shutdown", "spawn a", "answer 3 ok"}));
    EXPECT_EQ(w.view("a").restarts, 0U);  // decision 32: manual ones are not counted
    EXPECT_EQ(w.starts("b"), 1);
}

TEST(supervision_command, decision32_what_is_started_with_its_supervisors_by_hand_is_not_restarted) {
    World w(team({supervisor("S", team({supervisor("T", team({worker("a")}))}))}));
    w.start().command(Verb::stop, "/").command(Verb::start, "/").command(Verb::restart, "S");
    EXPECT_EQ(w.states({"S", "S/T", "S/T/a"}), "running running running");
    for (const std::string name : {"S", "S/T", "S/T/a"}) {
        EXPECT_EQ(w.view(name).restarts, 0U) << name;
    }
    w.exits("S/T/a", 1);
    EXPECT_EQ(w.view("S/T/a").restarts, 1U);
}

TEST(supervision_command, restart_of_what_is_down_or_waiting_starts_it_now) {
    World w(team({worker("a")}));
    w.start().command(Verb::stop, "a").take();
    EXPECT_EQ(answers(w.command(Verb::restart, "a", true, 3)), Lines{"answer 3 ok"});
    w.exits("a", 1).exits("a", 1);
    ASSERT_EQ(w.state("a"), ChildState::restarting);
    EXPECT_EQ(answers(w.command(Verb::restart, "a", true, 4)), Lines{"answer 4 ok"});
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.pass(Duration::seconds(10));
    EXPECT_EQ(w.starts("a"), 4);  // the cancelled backoff does not fire
}

TEST(supervision_command, restart_whose_start_fails_says_so) {
    World w(team({worker("a")}));
    w.start();
    w.spawn_fails.insert("a");
    EXPECT_EQ(answers(w.command(Verb::restart, "a", true, 4)), Lines{"answer 4 start_failed drop{exec: No such file or directory}"});
    EXPECT_EQ(w.state("a"), ChildState::down);
}

TEST(supervision_command, a_stop_takes_a_waiting_restart_away) {
    World w(team({worker("a")}));
    w.manners["a"] = ignores;
    w.start().command(Verb::restart, "a", true, 3).command(Verb::stop, "a", true, 4).take();
    w.exits("a", 0);
    EXPECT_EQ(answers(w), (Lines{"answer 4 ok", "answer 3 stopping"}));
    EXPECT_EQ(w.state("a"), ChildState::down);
}

TEST(supervision_command, a_restart_during_a_stop_starts_it_afterwards) {
    World w(team({worker("a")}));
    w.manners["a"] = ignores;
    w.start().command(Verb::stop, "a", true, 3).command(Verb::restart, "a", true, 4).take();
    w.exits("a", 0);
    EXPECT_EQ(answers(w), (Lines{"answer 3 ok", "answer 4 ok"}));
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_command, supervisors_are_stopped_started_and_restarted_whole) {
    World w(team({supervisor("S", team({worker("a"), worker("b")})), worker("x")}, 0));
    w.start().take();
    w.command(Verb::restart, "S", true, 3);
    EXPECT_EQ(w.take({"signal", "spawn", "answer"}), (Lines{"signal S/b 15", "signal S/a 15", "spawn S/a", "spawn S/b", "answer 3 ok"}));
    EXPECT_EQ(w.view("S/a").restarts, 0U);
    w.command(Verb::stop, "S", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    EXPECT_EQ(w.state("S"), ChildState::down);
    EXPECT_EQ(w.state("S/a"), ChildState::down);
    EXPECT_EQ(answers(w.command(Verb::start, "S/a", true, 5)), Lines{"answer 5 no_supervisor"});  // S-57
    EXPECT_EQ(answers(w.command(Verb::stop, "S/a", true, 6)), Lines{"answer 6 ok"});
    EXPECT_EQ(answers(w.command(Verb::start, "S", true, 7)), Lines{"answer 7 ok"});
    EXPECT_EQ(w.state("S/b"), ChildState::running);
    EXPECT_EQ(w.state("x"), ChildState::running);
}

TEST(supervision_command, the_root_too) {
    World w(team({worker("a"), worker("b")}));
    w.start().take();
    w.command(Verb::restart, "/", true, 3);
    EXPECT_EQ(w.take({"signal", "spawn", "answer"}), (Lines{"signal b 15", "signal a 15", "spawn a", "spawn b", "answer 3 ok"}));
    w.command(Verb::stop, "/", true, 4);
    EXPECT_EQ(w.take({"answer", "halt"}), Lines{"answer 4 ok"});
    EXPECT_EQ(w.state("/"), ChildState::down);
    w.command(Verb::start, "/", true, 5);
    EXPECT_EQ(answers(w), Lines{"answer 5 ok"});
}

TEST(supervision_command, s57_under_a_stopping_supervisor) {
    World w(team({supervisor("S", team({worker("a"), worker("b")}))}));
    w.manners["S/b"] = ignores;
    w.start().command(Verb::stop, "S", true, 2).take();
    EXPECT_EQ(answers(w.command(Verb::restart, "S/a", true, 3)), Lines{"answer 3 stopping"});
    w.command(Verb::stop, "S/a", true, 4);  // at once, out of turn (S-58)
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    w.exits("S/b", 0);
    EXPECT_EQ(answers(w), Lines{"answer 2 ok"});
}

TEST(supervision_command, decision34_a_stop_in_the_middle_of_an_attempt_ends_it_and_its_retries) {
    World w(team({notifying(worker("a")), worker("b")}));
    w.start().take();
    w.command(Verb::stop, "a", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.state("b"), ChildState::running);  // the start goes on without it
    EXPECT_EQ(w.state("/"), ChildState::running);
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.starts("a"), 1);
}

TEST(supervision_command, s53a_s58_a_stop_ahead_of_the_start_is_kept_and_a_start_ahead_waits_for_its_turn) {
    World w(team({notifying(worker("a")), worker("b"), worker("c")}));
    w.start().take();
    EXPECT_EQ(answers(w.command(Verb::start, "c", true, 2)), Lines{});
    EXPECT_EQ(answers(w.command(Verb::stop, "b", true, 3)), Lines{"answer 3 ok"});
    w.says_ready("a");
    EXPECT_EQ(w.state("b"), ChildState::down);
    EXPECT_EQ(w.state("c"), ChildState::running);
    EXPECT_EQ(w.state("/"), ChildState::running);
    EXPECT_EQ(answers(w), Lines{"answer 2 ok"});
    EXPECT_EQ(answers(w.command(Verb::start, "b", true, 4)), Lines{"answer 4 ok"});
}

TEST(supervision_command, s58_commands_ahead_of_the_start_are_carried_out_in_their_order_when_its_step_is_over) {
    World w(team({notifying(worker("a")), worker("t", RestartType::temporary), worker("n", RestartType::transient), worker("c")}));
    w.start();
    w.command(Verb::stop, "t", true, 1).command(Verb::start, "t", true, 2).command(Verb::remove, "n", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 1 ok"});
    w.says_ready("a");
    EXPECT_EQ(answers(w), (Lines{"answer 3 ok", "answer 2 ok"}));  // t is started in its turn; n has gone before that
    EXPECT_EQ(w.state("t"), ChildState::running);
    EXPECT_EQ(w.child("n"), no_child);
    EXPECT_EQ(w.starts("n"), 0);
    EXPECT_EQ(w.state("c"), ChildState::running);
    EXPECT_EQ(w.state("/"), ChildState::running);
}

TEST(supervision_command, restart_of_the_one_that_a_start_waits_for) {
    World w(team({supervisor("S", team({notifying(worker("a")), worker("b")}))}));
    w.start().take();
    w.command(Verb::restart, "S/a", true, 3);
    EXPECT_EQ(w.state("S/a"), ChildState::starting);
    EXPECT_EQ(w.starts("S/b"), 0);
    w.says_ready("S/a");
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.state("S"), ChildState::running);
    EXPECT_EQ(w.starts("S/b"), 1);
}

TEST(supervision_command, s55_a_crash_before_the_call_is_handled_first) {
    World w(team({no_backoff(worker("a"))}, 0));
    w.start().exits("a", 1);  // trips the limit
    w.take();
    EXPECT_EQ(answers(w.command(Verb::start, "a", true, 3)), Lines{"answer 3 no_supervisor"});
}

TEST(supervision_command, a_session_that_went_gets_no_answer) {
    World w(team({worker("a")}));
    w.manners["a"] = ignores;
    w.start().watch("a", 2);
    w.command(Verb::stop, "a", true, 3, 2).send(Event::session_close(2)).take();
    w.exits("a", 0);
    EXPECT_EQ(answers(w), Lines{});
    EXPECT_EQ(w.state("a"), ChildState::down);
}

TEST(supervision_command, a_stop_of_a_nested_supervisor_while_it_starts) {
    World w(team({supervisor("S", team({worker("a"), notifying(worker("b"))})), worker("x")}));
    w.start().take();
    w.command(Verb::stop, "S", true, 3);
    EXPECT_EQ(w.take({"child_down", "sup_down", "answer", "child_start_failed"}),
              (Lines{"child_down S/b none shutdown", "child_down S/a none shutdown", "sup_down S none shutdown", "answer 3 ok"}));
    EXPECT_EQ(w.state("x"), ChildState::running);
    EXPECT_EQ(w.state("/"), ChildState::running);
}

}  // namespace
