// SPDX-License-Identifier: Apache-2.0
/// What a start waits for: requirements, slots, and the operator's hand: hold, release, reset, `start --now`,
/// disable (X-14, decision 37).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

Lines starts(World& w) { return w.take({"child_starting", "child_blocked"}); }

ChildSpec steady(std::string name, Duration initial = Duration::milliseconds(100)) {
    ChildSpec spec = worker(std::move(name));
    spec.backoff.jitter = 0;
    spec.backoff.initial = initial;
    return spec;
}

// ---- requirements ----------------------------------------------------------------------------------------------

TEST(supervision_gate, x6_no_start_before_what_it_requires_is_ready) {
    SupervisorSpec root = team({requiring(worker("app"), {"S/db"}), supervisor("S", team({notifying(worker("db"))}))});
    root.start_order = StartOrder::parallel;
    World parallel(root);
    parallel.start();
    EXPECT_EQ(starts(parallel), (Lines{"child_blocked app", "child_starting S", "child_starting S/db"}));
    EXPECT_EQ(parallel.waits("app"), Waits::blocked);
    EXPECT_EQ(parallel.view("app").waits_for, parallel.child("S/db"));
    parallel.says_ready("S/db");
    EXPECT_EQ(starts(parallel), Lines{"child_starting app"});
    EXPECT_EQ(parallel.states({"/", "app", "S"}), "running running running");
}

TEST(supervision_gate, x6_a_restart_is_blocked_and_nothing_is_counted_for_the_waiting) {
    World w(team({notifying(steady("db")), requiring(steady("app"), {"db"})}, 5));
    w.start().says_ready("db").exits("db", 1).take();
    EXPECT_EQ(w.states({"db", "app"}), "restarting running") << "what runs goes on";
    w.exits("app", 1);
    EXPECT_EQ(w.take({"restart", "child_blocked", "child_starting"}), (Lines{"restart app 2", "child_blocked app"}));
    EXPECT_EQ(w.waits("app"), Waits::blocked);
    EXPECT_EQ(w.state("app"), ChildState::restarting);
    w.pass(Duration::milliseconds(4'000));
    EXPECT_EQ(w.view("/").window_used, 2U);
    EXPECT_EQ(w.starts("app"), 1);
    w.says_ready("db");
    EXPECT_EQ(w.state("app"), ChildState::running);
    EXPECT_EQ(w.starts("app"), 2);
}

TEST(supervision_gate, x6_the_delay_stands_still_while_it_is_blocked) {
    World w(team({notifying(steady("db"), Duration::forever()), requiring(steady("app", Duration::seconds(1)), {"db"})}, 9));
    w.start().says_ready("db").exits("app", 1).exits("app", 1);  // one second of delay
    w.pass(Duration::milliseconds(400));
    w.exits("db", 1);  // 600 ms are left
    EXPECT_EQ(w.waits("app"), Waits::blocked);
    EXPECT_TRUE(w.view("app").next_start.is_never());
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.starts("app"), 2);
    w.says_ready("db");
    EXPECT_EQ(w.waits("app"), Waits::backoff);
    w.pass(Duration::milliseconds(599));
    EXPECT_EQ(w.starts("app"), 2);
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.starts("app"), 3);
}

TEST(supervision_gate, x6_a_delay_that_begins_while_it_is_blocked_is_kept_whole) {
    World w(team({notifying(steady("db"), Duration::forever()), requiring(steady("app", Duration::seconds(1)), {"db"})}, 9));
    w.start().says_ready("db").exits("app", 1).exits("db", 1).exits("app", 1);
    w.pass(Duration::seconds(60));
    w.says_ready("db");
    EXPECT_EQ(w.waits("app"), Waits::backoff);
    w.pass(Duration::milliseconds(999));
    EXPECT_EQ(w.starts("app"), 2);
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.starts("app"), 3);
}

TEST(supervision_gate, x6_the_last_of_several_opens_the_gate) {
    SupervisorSpec root = team({requiring(worker("app"), {"x", "y"}), notifying(worker("x")), notifying(worker("y"))});
    root.start_order = StartOrder::parallel;
    World w(root);
    w.start().says_ready("x");
    EXPECT_EQ(w.view("app").waits_for, w.child("y"));
    w.says_ready("y");
    EXPECT_EQ(w.state("app"), ChildState::running);
}

TEST(supervision_gate, x6_one_that_has_done_its_work_counts_as_ready) {
    SupervisorSpec root = team({requiring(worker("app"), {"init"}), oneshot(worker("init"))});
    root.start_order = StartOrder::parallel;
    World w(root);
    w.start();
    EXPECT_EQ(w.waits("app"), Waits::blocked);
    w.exits("init", 0);
    EXPECT_EQ(w.states({"init", "app"}), "down running");
    w.exits("app", 1);
    EXPECT_EQ(w.state("app"), ChildState::running) << "and still does when app comes back";
}

TEST(supervision_gate, x6_a_supervisor_may_be_required_and_may_require) {
    SupervisorSpec root = team({requiring(supervisor("S", team({worker("a")})), {"T"}), supervisor("T", team({notifying(worker("b"))}))});
    root.start_order = StartOrder::parallel;
    World w(root);
    w.start();
    EXPECT_EQ(w.waits("S"), Waits::blocked);
    EXPECT_EQ(w.starts("S/a"), 0);
    w.says_ready("T/b");
    EXPECT_EQ(w.states({"S", "S/a", "T"}), "running running running");
}

TEST(supervision_gate, x6_a_stop_takes_a_blocked_one_out) {
    World w(team({notifying(worker("db")), requiring(worker("app"), {"db"})}));
    w.start().says_ready("db").exits("db", 1).exits("app", 1).take();
    w.command(Verb::stop, "app", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    w.says_ready("db");
    EXPECT_EQ(w.states({"db", "app"}), "running down");
    EXPECT_EQ(w.starts("app"), 1);
}

TEST(supervision_gate, x6_a_stopped_requirement_blocks_and_a_started_one_opens) {
    World w(team({worker("db"), requiring(worker("app"), {"db"})}));
    w.start().command(Verb::stop, "db").exits("app", 1);
    EXPECT_EQ(w.waits("app"), Waits::blocked);
    w.command(Verb::start, "db");
    EXPECT_EQ(w.state("app"), ChildState::running);
}

TEST(supervision_gate, x6_a_command_is_blocked_too_and_start_now_does_not_pass) {
    World w(team({worker("db"), requiring(worker("app"), {"db"})}));
    w.start().command(Verb::stop, "app").command(Verb::stop, "db").take();
    w.command(Verb::start, "app", true, 4);
    EXPECT_EQ(answers(w), Lines{});
    EXPECT_EQ(w.waits("app"), Waits::blocked);
    w.command(Verb::start, "db", true, 5);
    EXPECT_EQ(answers(w), (Lines{"answer 5 ok", "answer 4 ok"}));
    EXPECT_EQ(w.state("app"), ChildState::running);
}

TEST(supervision_gate, x6_a_requirement_that_is_removed_is_none_any_more) {
    World w(team({worker("db"), requiring(worker("app"), {"db"})}));
    w.start().command(Verb::stop, "db").exits("app", 1);
    EXPECT_EQ(w.waits("app"), Waits::blocked);
    w.command(Verb::remove, "db");
    EXPECT_EQ(w.state("app"), ChildState::running) << "it waits for nobody who could come";
}

TEST(supervision_gate, x6_in_a_group_the_blocked_member_keeps_those_behind_it_back) {
    World w(team({notifying(worker("db"), Duration::forever()),
                  supervisor("S", rest_for_one({worker("a"), requiring(worker("b"), {"db"}), worker("c")}))}));
    w.start().says_ready("db").exits("db", 1).exits("S/a", 1);
    EXPECT_EQ(w.states({"S/a", "S/b", "S/c"}), "running restarting restarting");
    EXPECT_EQ(w.waits("S/b"), Waits::blocked);
    w.says_ready("db");
    EXPECT_EQ(w.states({"S/a", "S/b", "S/c"}), "running running running");
    EXPECT_EQ(w.view("S").window_used, 1U);
}

TEST(supervision_gate, x6_s22_the_gate_opens_for_nobody_in_a_group_that_is_being_stopped) {
    World w(team({notifying(worker("db"), Duration::forever()),
                  supervisor("S", rest_for_one({worker("a"), requiring(worker("b"), {"db"}), worker("c")}))}));
    w.start().says_ready("db").exits("db", 1).command(Verb::stop, "S/b").command(Verb::start, "S/b", false, 2);
    EXPECT_EQ(w.waits("S/b"), Waits::blocked);
    w.manners["S/c"] = ignores;
    w.exits("S/a", 1).take();
    w.says_ready("db");
    EXPECT_EQ(starts(w), Lines{}) << "a is dead and not yet started";
    w.pass(Duration::seconds(5));
    EXPECT_EQ(starts(w), (Lines{"child_starting S/a", "child_starting S/b", "child_starting S/c"}));
}

// ---- slots ----------------------------------------------------------------------------------------------------

/// Five at once where two may be between spawn and ready.
World crowd() {
    std::vector<ChildSpec> children;
    for (const std::string name : {"a", "b", "c", "d", "e"}) {
        children.push_back(notifying(worker(name)));
    }
    SupervisorSpec root = team(children, 99);
    root.start_order = StartOrder::parallel;
    World w(root, 7, 2);
    w.start();
    return w;
}

TEST(supervision_gate, x13_at_most_so_many_are_between_spawn_and_ready_and_the_rest_queue) {
    World w = crowd();
    EXPECT_EQ(starts(w), (Lines{"child_starting a", "child_starting b"}));
    EXPECT_EQ(w.waits("c"), Waits::slot);
    w.says_ready("b");
    EXPECT_EQ(starts(w), Lines{"child_starting c"});
    w.exits("a", 1);  // a start that failed gives its slot back, and queues behind the others
    EXPECT_EQ(starts(w), Lines{"child_starting d"});
    w.says_ready("c").says_ready("d");
    EXPECT_EQ(starts(w), (Lines{"child_starting e", "child_starting a"}));
    w.says_ready("e").says_ready("a");
    EXPECT_EQ(w.states({"/", "a", "b", "c", "d", "e"}), "running running running running running running");
}

TEST(supervision_gate, x13_a_stop_gives_back_a_slot_and_a_place_in_the_queue) {
    World w = crowd();
    w.take();
    w.command(Verb::stop, "c");
    w.command(Verb::stop, "a");
    EXPECT_EQ(starts(w), Lines{"child_starting d"});
    w.says_ready("b").says_ready("d");
    EXPECT_EQ(starts(w), Lines{"child_starting e"});
    EXPECT_EQ(w.states({"a", "c"}), "down down");
}

TEST(supervision_gate, x13_a_failed_spawn_gives_its_slot_back) {
    std::vector<ChildSpec> children;
    for (const std::string name : {"a", "b", "c"}) {
        children.push_back(worker(name));
    }
    SupervisorSpec root = team(children, 99);
    root.start_order = StartOrder::parallel;
    World w(root, 7, 1);
    w.spawn_fails.insert("a");
    w.start();
    EXPECT_EQ(w.states({"b", "c"}), "running running");
}

TEST(supervision_gate, x13_one_that_may_start_for_ever_does_not_keep_its_slot) {
    std::vector<ChildSpec> children;
    for (const std::string name : {"a", "b", "c"}) {
        children.push_back(notifying(worker(name), Duration::forever()));
    }
    SupervisorSpec root = team(children);
    root.start_order = StartOrder::parallel;
    World w(root, 7, 1);
    w.start();
    EXPECT_EQ(w.alive_count(), 3U);
}

TEST(supervision_gate, x13_the_daemons_stop_leaves_nobody_in_the_queue) {
    World w = crowd();
    w.terminate();
    EXPECT_TRUE(w.engine().supervision().all_down());
    EXPECT_EQ(w.alive_count(), 0U);
    EXPECT_EQ(w.starts("c"), 0);
}

// ---- hold, release, reset, start --now (decision 37) ----------------------------------------------------------------

TEST(supervision_gate, hold_lets_run_what_runs_and_restarts_nothing_and_counts_nothing) {
    World w(team({steady("a")}, 0));
    w.start().command(Verb::hold, "a", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_TRUE(w.view("a").is_held);
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.exits("a", 1).pass(Duration::seconds(60));
    EXPECT_EQ(w.state("a"), ChildState::restarting);
    EXPECT_EQ(w.waits("a"), Waits::held);
    EXPECT_EQ(w.view("/").window_used, 0U);
    w.command(Verb::release, "a", true, 4);
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_FALSE(w.view("a").is_held);
}

TEST(supervision_gate, hold_during_a_delay_keeps_it_from_starting) {
    World w(team({steady("a")}, 9));
    w.start().exits("a", 1).exits("a", 1).command(Verb::hold, "a");
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.starts("a"), 2);
    EXPECT_EQ(w.waits("a"), Waits::held);
    w.command(Verb::release, "a");
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_gate, hold_of_a_supervisor_means_all_below_it) {
    World w(team({supervisor("S", team({steady("a"), supervisor("T", team({steady("b")}))})), steady("c")}, 9));
    w.start().command(Verb::hold, "S");
    w.exits("S/a", 1).exits("S/T/b", 1).exits("c", 1);
    EXPECT_EQ(w.states({"S/a", "S/T/b", "c"}), "restarting restarting running");
    w.command(Verb::release, "S");
    EXPECT_EQ(w.states({"S/a", "S/T/b", "c"}), "running running running");
}

TEST(supervision_gate, what_is_added_below_a_hold_is_held_and_comes_free_with_it) {
    World w(team({supervisor("S", team({steady("a"), supervisor("T", team({steady("b")}), RestartType::temporary)}))}, 9));
    w.start().command(Verb::hold, "/");
    EXPECT_TRUE(w.view("/").is_held);
    w.add("S", supervisor("N", team({steady("x")})), 1);
    EXPECT_TRUE(w.view("S/N/x").is_held);
    w.exits("S/N/x", 1);
    EXPECT_EQ(w.waits("S/N/x"), Waits::held);
    w.command(Verb::stop, "S/T").command(Verb::release, "/");
    EXPECT_EQ(w.state("S/N/x"), ChildState::running);
    EXPECT_FALSE(w.view("/").is_held);
    w.command(Verb::restart, "S").exits("S/T/b", 1);  // S-44: it is back, and was let go of while it was not there
    EXPECT_EQ(w.states({"S/T/b", "S/a"}), "running running");
    w.command(Verb::hold, "S").command(Verb::stop, "S/T").command(Verb::restart, "S");
    EXPECT_TRUE(w.view("S/T/b").is_held) << "it comes back below the hold";
}

TEST(supervision_gate, an_operator_may_start_what_is_held) {
    World w(team({steady("a")}, 9));
    w.start().command(Verb::hold, "a").command(Verb::stop, "a").command(Verb::start, "a", true, 5);
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.exits("a", 1);
    EXPECT_EQ(w.waits("a"), Waits::held);
}

TEST(supervision_gate, reset_forgets_failures_the_window_and_the_delay) {
    World w(team({steady("a", Duration::seconds(20))}, 9));
    w.start().exits("a", 1).exits("a", 1);
    EXPECT_EQ(w.waits("a"), Waits::backoff);
    w.command(Verb::reset, "/", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.view("/").window_used, 0U);
    EXPECT_EQ(w.view("a").failures, 0U);
    EXPECT_EQ(w.state("a"), ChildState::running);
}

TEST(supervision_gate, reset_of_a_group_in_its_delay_starts_it) {
    World w(one_for_all({steady("a", Duration::seconds(20)), worker("b")}));
    w.start().exits("a", 1).exits("a", 1);
    EXPECT_EQ(w.states({"a", "b"}), "restarting restarting");
    w.command(Verb::reset, "a");
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_gate, start_now_ends_a_delay_and_start_does_not) {
    World w(team({steady("a", Duration::seconds(20))}, 9));
    w.start().exits("a", 1).exits("a", 1).take();
    w.command(Verb::start, "a", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 restarting"});
    w.command(Verb::start_now, "a", true, 5);
    EXPECT_EQ(answers(w), Lines{"answer 5 ok"});
    EXPECT_EQ(w.state("a"), ChildState::running);
}

// ---- disable, enable (X-14) -----------------------------------------------------------------------------------------

TEST(supervision_gate, x14_a_disabled_one_stays_down_whatever_comes) {
    World w(team({supervisor("S", team({worker("a"), worker("b")}, 0))}, 9));
    w.start().command(Verb::disable, "S/a", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.states({"S/a", "S/b"}), "disabled running");
    w.command(Verb::start, "S/a", true, 4).command(Verb::restart, "S/a", true, 5);
    EXPECT_EQ(answers(w), (Lines{"answer 4 disabled", "answer 5 disabled"}));
    w.exits("S/b", 1);  // S gives up and comes back
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running disabled running");
    w.command(Verb::enable, "S/a", true, 6);
    EXPECT_EQ(answers(w), Lines{"answer 6 ok"});
    EXPECT_EQ(w.states({"S/a", "S/b"}), "running running");
    EXPECT_EQ(w.view("S").window_used, 0U);
}

TEST(supervision_gate, s27_disable_cancels_a_retry) {
    World w(team({steady("a")}, 9));
    w.start().exits("a", 1).exits("a", 1).command(Verb::disable, "a");
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.state("a"), ChildState::disabled);
    EXPECT_EQ(w.starts("a"), 2);
}

TEST(supervision_gate, x14_disabled_in_the_middle_of_its_supervisors_start) {
    World w(team({notifying(worker("a")), worker("b"), worker("c")}));
    w.start().command(Verb::disable, "b", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    w.says_ready("a");
    EXPECT_EQ(w.states({"/", "a", "b", "c"}), "running running disabled running");
    World v(team({notifying(worker("a")), worker("b")}));
    v.start().command(Verb::disable, "a", true, 3);
    EXPECT_EQ(v.states({"/", "a", "b"}), "running disabled running");
}

// ---- one bucket for all restarts (X-19) ---------------------------------------------------------------------------------

/// Four workers without backoff, of which two may be restarted at once, and one more each second.
SupervisorSpec bucketed(std::vector<ChildSpec> children) {
    SupervisorSpec root = team(std::move(children), 99);
    root.restart_burst = 2;
    root.restart_every = Duration::seconds(1);
    return root;
}

TEST(supervision_gate, x19_restarts_beyond_the_burst_wait_for_their_token_in_order) {
    World w(bucketed({no_backoff(worker("a")), no_backoff(worker("b")), no_backoff(worker("c")), no_backoff(worker("d"))}));
    w.start().exits("a", 1).exits("b", 1).exits("d", 1).exits("c", 1);
    EXPECT_EQ(w.states({"a", "b", "c", "d"}), "running running restarting restarting");
    EXPECT_EQ(w.waits("d"), Waits::slot);
    w.pass(Duration::milliseconds(999));
    EXPECT_EQ(w.states({"c", "d"}), "restarting restarting");
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.states({"c", "d"}), "restarting running") << "who came first";
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.states({"c", "d"}), "running running");
    EXPECT_EQ(w.view("/").window_used, 4U) << "each counts when it happens, not when it is carried out";
}

TEST(supervision_gate, x19_tokens_come_back_up_to_the_burst) {
    World w(bucketed({no_backoff(worker("a"))}));
    w.start().exits("a", 1).exits("a", 1);
    w.pass(Duration::seconds(60));
    w.exits("a", 1).exits("a", 1).exits("a", 1);
    EXPECT_EQ(w.states({"a"}), "restarting");
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.states({"a"}), "running");
}

TEST(supervision_gate, x19_a_first_start_and_one_by_command_need_no_token) {
    World w(bucketed({no_backoff(worker("a")), no_backoff(worker("b"))}));
    w.start().exits("a", 1).exits("a", 1).exits("a", 1);
    w.command(Verb::stop, "b").command(Verb::start, "b");
    EXPECT_EQ(w.states({"a", "b"}), "restarting running");
    w.command(Verb::stop, "a").command(Verb::start, "a");
    EXPECT_EQ(w.states({"a"}), "running");
}

}  // namespace
