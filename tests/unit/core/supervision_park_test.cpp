// SPDX-License-Identifier: Apache-2.0
/// Groups that go on without a member, wait for one, or gain and lose one on the way (rules S-16, S-53a, S-58, X-2, X-14,
/// decisions 34 and 37).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

/// `a` crashed twice, so its group {a, b, c} waits for its delay.
World delayed() {
    World w(rest_for_one({worker("z"), worker("a"), worker("b"), worker("c")}));
    w.start().exits("a", 1).exits("a", 1).take();
    return w;
}

// ---- terminate_child of a member (S-53a) ----------------------------------------------------------------------------

TEST(supervision_park, s53a_the_retry_is_cancelled_and_those_behind_stay_down_waiting) {
    World w = delayed();
    w.command(Verb::stop, "a", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    EXPECT_EQ(w.view("/").window_used, 2U);
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.states({"z", "a", "b", "c"}), "running down down down");
    EXPECT_EQ(w.reason("a"), DownReason::terminated);
    for (const std::string waiting : {"b", "c"}) {
        EXPECT_EQ(w.reason(waiting), DownReason::not_reached);
        EXPECT_EQ(w.waits(waiting), Waits::group);
        EXPECT_EQ(w.view(waiting).waits_for, w.child("a"));
    }
    EXPECT_EQ(w.state("/"), ChildState::running);
}

TEST(supervision_park, s53a_restart_child_resumes_the_group) {
    World w = delayed();
    w.command(Verb::stop, "a").take();
    w.command(Verb::start, "a", true, 5);
    EXPECT_EQ(w.take({"child_starting", "answer"}), (Lines{"child_starting a", "child_starting b", "answer 5 ok", "child_starting c"}));
    EXPECT_EQ(w.states({"z", "a", "b", "c"}), "running running running running");
    EXPECT_EQ(w.view("a").restarts, 1U);  // decision 32: a manual one is none
}

TEST(supervision_park, s53a_resuming_waits_for_readiness_as_ever) {
    World w(rest_for_one({notifying(worker("a")), worker("b")}));
    w.start().says_ready("a").exits("a", 1);
    EXPECT_EQ(w.states({"a", "b"}), "restarting restarting");
    w.command(Verb::stop, "a");  // decision 34: an attempt in the middle
    EXPECT_EQ(w.states({"a", "b"}), "down down");
    w.command(Verb::start, "a", true, 3).take();
    EXPECT_EQ(w.states({"a", "b"}), "starting down");
    w.says_ready("a");
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_park, s53a_s54_a_resumption_that_fails_keeps_the_group_waiting) {
    World w = delayed();
    w.command(Verb::stop, "a").take();
    w.spawn_fails.insert("a");
    w.command(Verb::start, "a", true, 5);
    EXPECT_EQ(answers(w), Lines{"answer 5 start_failed drop{exec: No such file or directory}"});
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.states({"a", "b", "c"}), "down down down");
    EXPECT_EQ(w.view("/").window_used, 0U);
    w.spawn_fails.clear();
    w.command(Verb::start, "a", true, 6);
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
}

TEST(supervision_park, s53a_one_that_waits_is_not_started_alone) {
    World w = delayed();
    w.command(Verb::stop, "a").take();
    w.command(Verb::start, "c", true, 5);
    EXPECT_EQ(answers(w), Lines{"answer 5 busy a"});
    EXPECT_EQ(w.states({"a", "b", "c"}), "down down down");
}

TEST(supervision_park, s53a_one_that_waits_may_be_stopped_and_the_group_goes_on_without_it) {
    World w = delayed();
    w.command(Verb::stop, "a").command(Verb::stop, "b", true, 6);
    EXPECT_EQ(w.reason("b"), DownReason::terminated);
    w.command(Verb::start, "a", true, 7);
    EXPECT_EQ(w.states({"a", "b", "c"}), "running down running");
}

TEST(supervision_park, s53a_the_one_waited_for_is_deleted_or_disabled_and_the_group_goes_on) {
    for (const Verb verb : {Verb::remove, Verb::disable}) {
        World w = delayed();
        w.command(Verb::stop, "a").command(verb, "a", true, 6);
        EXPECT_EQ(w.states({"b", "c"}), "running running") << static_cast<int>(verb);
        EXPECT_EQ(w.states({"a"}), verb == Verb::remove ? "gone" : "disabled");
    }
}

TEST(supervision_park, s53a_disable_cancels_the_retry_and_the_group_goes_on_without_it) {
    World w = delayed();
    w.command(Verb::disable, "a", true, 6);
    EXPECT_EQ(w.states({"z", "a", "b", "c"}), "running disabled running running");
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.starts("a"), 2);
}

TEST(supervision_park, s19_s53a_an_elder_does_not_wait_for_the_one_that_its_group_is_parked_on) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.start().exits("b", 1).exits("b", 1);  // b waits for its delay
    w.exits("a", 1);                        // and so does a, with which the group now begins
    EXPECT_EQ(w.states({"a", "b", "c"}), "restarting restarting restarting");
    w.command(Verb::stop, "b", true, 4);
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.states({"a", "b", "c"}), "running down down");
    EXPECT_EQ(w.view("c").waits_for, w.child("b"));
    w.command(Verb::start, "b", true, 5);
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
}

TEST(supervision_park, s53a_one_that_dies_while_the_group_is_held_says_for_whom_it_waits) {
    World w(one_for_all({worker("a"), worker("b")}));
    w.start().command(Verb::hold, "b");
    w.exits("b", 1).exits("a", 1);
    w.command(Verb::stop, "b", true, 4);
    w.command(Verb::release, "b");
    EXPECT_EQ(w.states({"a", "b"}), "down down");
    EXPECT_EQ(w.reason("a"), DownReason::not_reached);
    EXPECT_EQ(w.view("a").waits_for, w.child("b"));
    w.command(Verb::start, "b", true, 5);
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_park, s53a_one_that_waits_has_no_delay_left_when_it_is_deleted) {
    World w(rest_for_one({worker("a"), worker("b")}));
    w.start().exits("b", 1).exits("b", 1).exits("a", 1);
    w.command(Verb::stop, "a", true, 4);
    EXPECT_EQ(w.reason("b"), DownReason::not_reached);
    w.command(Verb::remove, "b", true, 5);  // the fixture saves and loads, and a timer of nobody's would be refused
    EXPECT_EQ(w.states({"a", "b"}), "down gone");
    w.command(Verb::start, "a", true, 6);
    EXPECT_EQ(w.states({"a", "b"}), "running gone");
}

TEST(supervision_park, s53a_a_member_that_is_not_reached_yet_is_left_out) {
    World w(rest_for_one({worker("a"), notifying(worker("b")), worker("c"), worker("d")}));
    w.start().says_ready("b").exits("b", 1);
    w.take();
    w.command(Verb::stop, "c", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    w.says_ready("b");
    EXPECT_EQ(w.states({"a", "b", "c", "d"}), "running running down running");
    EXPECT_EQ(w.starts("c"), 1);
    w.exits("b", 1).pass(Duration::seconds(1));
    w.says_ready("b");
    EXPECT_EQ(w.states({"a", "b", "c", "d"}), "running running running running") << "S-16: the next one includes it";
}

TEST(supervision_park, s53a_a_member_that_is_yet_to_be_stopped_is_left_out) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.manners["c"] = ignores;
    w.start().exits("a", 1);
    w.command(Verb::stop, "b", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.states({"a", "b", "c"}), "running down running");
}

TEST(supervision_park, s53a_a_member_that_is_being_stopped_is_left_out) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.manners["c"] = ignores;
    w.start().exits("a", 1);
    w.command(Verb::stop, "c", true, 4);
    EXPECT_EQ(answers(w), Lines{});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running down");
}

TEST(supervision_park, s53a_a_member_that_was_stopped_already_is_left_out) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.manners["b"] = ignores;
    w.start().exits("a", 1);
    EXPECT_EQ(w.states({"a", "b", "c"}), "restarting stopping restarting");
    w.command(Verb::stop, "c", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running down");
}

TEST(supervision_park, s53_one_that_was_started_in_this_round_is_stopped_alone) {
    World w(one_for_all({worker("a"), notifying(worker("b")), worker("c")}));
    w.start().says_ready("b").exits("c", 1);
    w.take();
    w.command(Verb::stop, "a", true, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
    w.says_ready("b");
    EXPECT_EQ(w.states({"a", "b", "c"}), "down running running");
}

TEST(supervision_park, s16_a_crash_of_an_older_one_takes_the_whole_group_along_again) {
    World w = delayed();
    w.command(Verb::stop, "a").take();
    w.exits("z", 1);
    EXPECT_EQ(walk(w), (Lines{"restart z 3", "child_starting z", "child_starting a", "child_starting b", "child_starting c"}));
    EXPECT_EQ(w.states({"z", "a", "b", "c"}), "running running running running");
}

TEST(supervision_park, a_stop_of_the_supervisor_of_a_group_that_waits) {
    World w(team({supervisor("S", rest_for_one({notifying(worker("a")), worker("b")}))}));
    w.start().says_ready("S/a").exits("S/a", 1).command(Verb::stop, "S/a").take();
    w.command(Verb::stop, "S", true, 9);
    EXPECT_EQ(answers(w), Lines{"answer 9 ok"});
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "down down down");
    w.command(Verb::start, "S", true, 10).says_ready("S/a");
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running running running");
}

TEST(supervision_park, start_now_ends_the_delay_of_the_group) {
    World w = delayed();
    w.command(Verb::start_now, "a", true, 4);
    EXPECT_EQ(w.states({"z", "a", "b", "c"}), "running running running running");
    EXPECT_EQ(answers(w), Lines{"answer 4 ok"});
}

// ---- held members (decision 37) -------------------------------------------------------------------------------------

TEST(supervision_park, decision37_nothing_of_a_group_is_touched_while_a_member_is_held) {
    World w(one_for_all({worker("a"), worker("b")}));
    w.start().command(Verb::hold, "b").take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), Lines{"restart a 1"});
    EXPECT_EQ(w.states({"a", "b"}), "restarting running");
    w.pass(Duration::seconds(60));
    EXPECT_TRUE(w.alive("b"));
    w.command(Verb::release, "b", true, 5);
    EXPECT_EQ(walk(w), (Lines{"child_stopping b 15", "child_starting a", "child_starting b"}));
}

TEST(supervision_park, decision37_a_held_member_whose_start_fails_is_tried_again_at_the_release) {
    World w(rest_for_one({notifying(worker("a")), worker("b")}));
    w.start().command(Verb::hold, "a").exits("a", 1).pass(Duration::seconds(60));
    EXPECT_EQ(w.states({"/", "a", "b"}), "starting restarting down");
    w.command(Verb::release, "a", true, 3);
    EXPECT_EQ(w.starts("a"), 2);
    w.says_ready("a");
    EXPECT_EQ(w.states({"/", "a", "b"}), "running running running");
}

TEST(supervision_park, decision37_a_held_member_that_crashes_is_not_counted_and_its_group_follows_at_the_release) {
    World w(one_for_all({worker("a"), worker("b")}, 0));
    w.start().command(Verb::hold, "a").take();
    w.exits("a", 1);
    EXPECT_EQ(walk(w), Lines{});
    EXPECT_EQ(w.states({"a", "b"}), "restarting running");
    EXPECT_EQ(w.waits("a"), Waits::held);
    w.command(Verb::release, "a", true, 5);
    EXPECT_EQ(walk(w), (Lines{"child_stopping b 15", "child_starting a", "child_starting b"}));
    EXPECT_EQ(w.view("/").window_used, 0U);
}

TEST(supervision_park, s22_a_restart_by_command_in_a_group_that_is_held_waits_for_its_elders) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.start().command(Verb::hold, "b").exits("a", 1).take();
    w.command(Verb::restart, "c", true, 4);
    EXPECT_EQ(w.take({"child_stopping", "child_starting", "answer"}), Lines{"child_stopping c 15"});
    EXPECT_EQ(w.states({"a", "b", "c"}), "restarting running restarting");
    w.command(Verb::release, "b", true, 5);
    EXPECT_EQ(w.take({"child_starting"}), (Lines{"child_starting a", "child_starting b", "child_starting c"}));
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
}

// ---- groups that wait for a quarantined member (X-2) ----------------------------------------------------------------

TEST(supervision_park, x2_the_group_is_stopped_and_waits_for_release) {
    World w(rest_for_one({worker("z"), limited(worker("a"), 0, OnLimit::quarantine), worker("b")}));
    w.start().take();
    w.exits("a", 1);
    EXPECT_EQ(w.take({"child_quarantined", "restart", "child_stopping", "child_starting"}),
              (Lines{"child_quarantined a", "child_stopping b 15"}));
    w.pass(Duration::seconds(3600));
    EXPECT_EQ(w.states({"z", "a", "b"}), "running quarantined down");
    EXPECT_EQ(w.reason("b"), DownReason::not_reached);
    EXPECT_EQ(w.view("b").waits_for, w.child("a"));
    EXPECT_EQ(w.view("/").window_used, 0U);
    w.command(Verb::release, "a", true, 5);
    EXPECT_EQ(walk(w), (Lines{"child_starting a", "child_starting b"}));
    EXPECT_EQ(w.states({"z", "a", "b"}), "running running running");
}

TEST(supervision_park, x2_one_for_all_too_and_by_its_cooldown) {
    World w(one_for_all({worker("a"), limited(worker("b"), 0, OnLimit::quarantine, Duration::seconds(30)), worker("c")}));
    w.start().take();
    w.exits("b", 1).pass(Duration::milliseconds(29'999));
    EXPECT_EQ(w.states({"a", "b", "c"}), "down quarantined down");
    EXPECT_EQ(walk(w), (Lines{"child_stopping c 15", "child_stopping a 15"}));
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(walk(w), (Lines{"child_starting a", "child_starting b", "child_starting c"}));
}

TEST(supervision_park, x2_an_older_crash_does_not_start_a_quarantined_one) {
    World w(rest_for_one({worker("z"), limited(worker("a"), 0, OnLimit::quarantine), worker("b")}));
    w.start().exits("a", 1).take();
    w.exits("z", 1);
    EXPECT_EQ(walk(w), (Lines{"restart z 1", "child_starting z"}));
    EXPECT_EQ(w.states({"z", "a", "b"}), "running quarantined down");
    w.command(Verb::release, "a", true, 5);
    EXPECT_EQ(w.states({"z", "a", "b"}), "running running running");
}

TEST(supervision_park, x2_stop_child_takes_it_out_and_its_group_waits_for_an_operator) {
    World w(rest_for_one({limited(worker("a"), 0, OnLimit::stop_child), worker("b")}));
    w.start().exits("a", 1);
    EXPECT_EQ(w.states({"a", "b"}), "down down");
    EXPECT_EQ(w.reason("a"), DownReason::gave_up);
    EXPECT_EQ(w.reason("b"), DownReason::not_reached);
    w.command(Verb::start, "a", true, 3);
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

// ---- the row changes on the way -------------------------------------------------------------------------------------

TEST(supervision_park, s20_one_that_is_added_while_the_group_stops_or_starts_comes_last) {
    for (const bool stopping : {true, false}) {
        World w(one_for_all({notifying(worker("a")), worker("b")}));
        w.start().says_ready("a");
        if (stopping) {
            w.manners["a"] = ignores;
        }
        w.exits("b", 1).take();
        w.add("/", worker("n"), 8);
        EXPECT_EQ(w.take({"spawn"}), Lines{}) << "S-58: it waits for the step";
        w.pass(Duration::milliseconds(4'999));  // less than the start's own timeout
        w.pass(Duration::milliseconds(1));
        if (stopping) {
            w.says_ready("a");
            EXPECT_EQ(w.take({"spawn", "answer"}), (Lines{"spawn a", "spawn b", "spawn n", "answer 8 ok n"}));
        } else {
            // The attempt ran out of time and the round began again: the new one is part of it.
            w.says_ready("a");
        }
        EXPECT_EQ(w.states({"a", "b", "n"}), "running running running") << stopping;
        EXPECT_EQ(w.children_of("/"), (Lines{"a", "b", "n"}));
    }
}

TEST(supervision_park, s54_an_added_one_whose_start_in_the_group_fails_is_discarded_and_the_group_goes_on) {
    World w(one_for_all({notifying(worker("a")), worker("b")}));
    w.start().says_ready("a").exits("b", 1);
    w.spawn_fails.insert("n");
    w.add("/", worker("n"), 8);
    w.take();
    w.says_ready("a");
    EXPECT_EQ(w.states({"a", "b", "n"}), "running running gone");
    EXPECT_EQ(answers(w), Lines{"answer 8 start_failed drop{exec: No such file or directory}"});
    EXPECT_EQ(w.view("/").window_used, 1U);
    w.exits("b", 1).pass(Duration::seconds(1));
    w.says_ready("a");
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_park, delete_child_of_a_member_that_is_down_while_the_group_waits) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.start().exits("a", 1).exits("a", 1).command(Verb::stop, "c").take();
    w.command(Verb::remove, "c", true, 4).command(Verb::remove, "b", true, 5);
    EXPECT_EQ(answers(w), (Lines{"answer 4 ok", "answer 5 restarting"}));
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running gone");
}

TEST(supervision_park, s20_delete_and_add_moves_it_to_the_end) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.start().command(Verb::stop, "a").command(Verb::remove, "a").add("/", worker("a"), 4);
    EXPECT_EQ(w.children_of("/"), (Lines{"b", "c", "a"}));
    w.take();
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 1", "child_stopping a 15", "child_stopping c 15", "child_starting b", "child_starting c",
                              "child_starting a"}));
}

TEST(supervision_park, s20_a_child_keeps_its_place_through_restart_and_restart_child) {
    World w(rest_for_one({worker("a"), worker("b"), worker("c")}));
    w.start().command(Verb::restart, "a").command(Verb::stop, "b").command(Verb::start, "b").take();
    EXPECT_EQ(w.children_of("/"), (Lines{"a", "b", "c"}));
    w.exits("b", 1);
    EXPECT_EQ(walk(w), (Lines{"restart b 1", "child_stopping c 15", "child_starting b", "child_starting c"}));
}

TEST(supervision_park, s58_commands_that_touch_the_step_wait_for_it_in_their_order) {
    World w(one_for_all({worker("a"), notifying(worker("b")), worker("c")}));
    w.start().says_ready("b").exits("c", 1).take();
    w.command(Verb::restart, "a", true, 4).command(Verb::stop, "c", true, 5).command(Verb::start, "c", true, 6);
    // A stop acts at once; it parks the group, so that what waited for its step is carried out, first come, first served.
    EXPECT_EQ(w.take({"answer", "child_stopping", "child_starting"}),
              (Lines{"child_stopping a 15", "answer 5 ok", "child_starting a", "answer 4 ok"}));
    w.says_ready("b");
    EXPECT_EQ(walk(w), Lines{"child_starting c"}) << "its own start takes the group up again";
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
    EXPECT_EQ(w.starts("a"), 3);
}

}  // namespace
