// SPDX-License-Identifier: Apache-2.0
/// Sections 1, 3, 4 and 5 of the rules as far as they are the graph's: ends, their notices, faults and managed tasks.
#include "tests/unit/core/graph_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::testing;

class GraphEnds : public ::testing::Test {
  protected:
    GraphEnds() : one_(world_.open()), two_(world_.open()) {}
    GraphWorld world_;
    SessionIndex one_, two_;
};

TEST_F(GraphEnds, D1_a_device_lives_once) {
    const DeviceId a = world_.create(one_, "a");
    EXPECT_TRUE(world_.graph().is_live(a));
    world_.end("a");
    EXPECT_FALSE(world_.graph().is_live(a));
    world_.step(Event::create(one_, a, false, 5));
    EXPECT_EQ(world_.news(one_), Lines{"refused a nobody: id_in_use"});
    EXPECT_FALSE(world_.graph().is_live(a));
}

TEST_F(GraphEnds, a_session_does_not_inherit_what_its_index_once_owned) {
    const DeviceId old = world_.create(two_, "old");
    world_.close(two_);
    world_.settle();
    world_.reopen(two_);
    world_.end("old");
    EXPECT_EQ(world_.news(two_), Lines{"refused old nobody: not_owner"});
    EXPECT_EQ(world_.naming(EventKind::register_name, two_, "db", "old"), ErrorCode::not_owner);
    EXPECT_FALSE(world_.graph().is_live(old));
}

TEST_F(GraphEnds, D3_T6_a_session_that_goes_drops_its_devices_in_creation_order) {
    world_.create(one_, "x");
    for (const char* name : {"a", "b", "c", "d"}) {
        world_.create(two_, name);
    }
    for (const char* name : {"d", "b", "c", "a"}) {
        world_.link("x", name, monitor);
    }
    world_.end("c", FaultKind::error);
    world_.take(one_);
    world_.close(two_, "slow_consumer");
    EXPECT_EQ(world_.owed(one_), Lines{}) << "decision 22: the end alone tells nobody";
    world_.settle();
    EXPECT_EQ(world_.owed(one_),
              (Lines{"x told of a: drop \"slow_consumer\"", "x told of b: drop \"slow_consumer\"", "x told of d: drop \"slow_consumer\""}));
}

TEST_F(GraphEnds, D4_the_first_word_counts) {
    world_.create(one_, "x");
    world_.create(two_, "a");
    world_.link("x", "a", monitor);
    world_.end("a", FaultKind::error);
    world_.close(two_);
    world_.settle();
    EXPECT_EQ(world_.owed(one_), Lines{"x told of a: error"});
}

TEST_F(GraphEnds, D5_all_links_accepted_before_the_end_are_honoured_and_none_after) {
    world_.create(one_, "x");
    world_.create(one_, "y");
    world_.create(two_, "a");
    world_.link("x", "a", monitor, true);
    world_.end("a", FaultKind::error);
    world_.link("y", "a", monitor, true);
    EXPECT_EQ(world_.owed(one_), (Lines{"x told of a: error", "refused y a: link_down"}));
}

TEST_F(GraphEnds, D7_a_receiver_that_is_gone_disturbs_nobody) {
    for (const char* name : {"x", "y", "z"}) {
        world_.create(one_, name);
    }
    world_.create(two_, "a");
    for (const char* name : {"x", "y", "z"}) {
        world_.link(name, "a", monitor);
    }
    world_.end("y");
    world_.end("a", FaultKind::error);
    EXPECT_EQ(world_.owed(one_), (Lines{"x told of a: error", "z told of a: error"}));
}

TEST_F(GraphEnds, D7_D9_what_was_owed_to_a_device_that_went_still_keeps_the_count) {
    world_.create(one_, "x");
    world_.create(two_, "a");
    world_.link("x", "a", monitor);
    world_.end("a", FaultKind::error);
    world_.end("x");
    EXPECT_EQ(world_.owed(one_), Lines{"x told of a: error"}) << "its library discards it";
    world_.take(one_);
    EXPECT_EQ(world_.owed(one_), Lines{});
}

TEST_F(GraphEnds, D8_receivers_are_told_in_the_order_of_their_edges) {
    world_.create(two_, "a");
    Lines expected;
    for (const char* name : {"m", "c", "z", "b"}) {
        world_.create(one_, name);
    }
    for (const char* name : {"z", "b", "m", "c"}) {
        world_.link(name, "a", monitor);
        expected.push_back(std::string{name} + " told of a: error");
    }
    world_.end("a", FaultKind::error);
    EXPECT_EQ(world_.owed(one_), expected);
}

TEST_F(GraphEnds, D11_names_are_free_before_the_first_notice) {
    world_.create(one_, "x");
    world_.create(two_, "a");
    EXPECT_EQ(world_.naming(EventKind::register_name, two_, "db", "a"), ErrorCode::ok);
    EXPECT_EQ(world_.naming(EventKind::watch_name, one_, "db"), ErrorCode::ok);
    world_.link("x", "a", monitor);
    world_.take(one_);
    world_.end("a", FaultKind::error);
    EXPECT_EQ(world_.owed(one_), (Lines{"db down a 1 error", "x told of a: error"}));
    EXPECT_EQ(world_.naming(EventKind::register_name, one_, "db", "x"), ErrorCode::ok);
}

TEST_F(GraphEnds, D12_a_link_made_before_anything_runs_is_honoured) {
    world_.create(one_, "x");
    world_.create(one_, "a");
    world_.link("x", "a", monitor);
    world_.close(one_);
    world_.settle();
    EXPECT_EQ(world_.graph().device_count(), 0U);
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphEnds, M2_a_shutdown_request_is_delivered_and_forces_nothing) {
    world_.create(one_, "a");
    const DeviceId b = world_.create(two_, "b");
    world_.ask("a", "b");
    world_.ask("a", "b");
    EXPECT_EQ(world_.owed(two_), Lines{"b asked by a"}) << "T-7: one that waits says as much as two";
    EXPECT_TRUE(world_.graph().is_live(b)) << "M-6";
    world_.take(two_);
    world_.ask("a", "b");
    EXPECT_EQ(world_.owed(two_), Lines{"b asked by a"}) << "a new one after the acknowledgement";
}

TEST_F(GraphEnds, M2_a_request_to_the_gone_fails_with_link_down) {
    world_.create(one_, "a");
    world_.create(two_, "b");
    world_.end("b");
    world_.ask("a", "b");
    EXPECT_EQ(world_.owed(one_), Lines{"refused a b: link_down"});
    world_.ask("a", "a");
    EXPECT_EQ(world_.news(one_), (Lines{"refused a b: link_down", "refused a a: self_link"}));
}

TEST_F(GraphEnds, M3_root_and_hops_of_a_cascade_are_the_cores_word) {
    world_.create(one_, "x");
    world_.create(two_, "a");
    world_.create(two_, "b");
    world_.link("x", "a", monitor);
    world_.end("b", FaultKind::exit, 4);
    world_.end("a", FaultKind::cascade, 0, "b");
    EXPECT_EQ(world_.owed(one_), Lines{"x told of a: cascade(b) root b exit hops 1"});
}

TEST_F(GraphEnds, M4_delivery_is_in_the_order_of_the_core) {
    world_.create(one_, "x");
    for (const char* name : {"a", "b"}) {
        world_.create(two_, name);
        world_.link("x", name, monitor);
    }
    world_.ask("a", "x");
    world_.end("b", FaultKind::error);
    world_.end("a");
    EXPECT_EQ(world_.owed(one_), (Lines{"x asked by a", "x told of b: error", "x told of a: well"}));
}

TEST_F(GraphEnds, F2_a_cascade_names_its_neighbour_and_carries_root_and_hops) {
    world_.create(one_, "x");
    for (const char* name : {"c", "b", "a"}) {
        world_.create(two_, name, true);
    }
    world_.link("a", "b", monitor);
    world_.link("b", "c", monitor);
    world_.link("x", "a", monitor);
    world_.end("c", FaultKind::exit, 9);
    EXPECT_EQ(world_.owed(two_), (Lines{"b ended: cascade(c) root c exit hops 1", "a ended: cascade(b) root c exit hops 2"}));
    EXPECT_EQ(world_.owed(one_), Lines{"x told of a: cascade(b) root c exit hops 2"});
}

TEST_F(GraphEnds, W2_a_clean_end_of_a_neighbour_is_not_fatal_and_is_not_told_to_a_managed_task) {
    world_.create(one_, "a", true);
    world_.create(two_, "b");
    world_.link("a", "b", monitor);
    world_.end("b");
    EXPECT_TRUE(world_.graph().is_live(world_.id("a")));
    EXPECT_EQ(world_.owed(one_), Lines{});
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphEnds, W5_only_monitor_and_peer_let_a_managed_device_fall) {
    world_.create(one_, "n", true);
    world_.create(one_, "p", true);
    world_.create(two_, "b");
    world_.link("n", "b", notify);
    world_.link("p", "b", peer);
    world_.end("b", FaultKind::error);
    EXPECT_TRUE(world_.graph().is_live(world_.id("n")));
    EXPECT_FALSE(world_.graph().is_live(world_.id("p")));
    EXPECT_EQ(world_.owed(one_), Lines{"p ended: cascade(b) root b error hops 1"});
}

TEST_F(GraphEnds, W8_a_cycle_ends_with_one_end_each) {
    for (const char* name : {"a", "b", "c"}) {
        world_.create(one_, name, true);
    }
    world_.link("a", "b", peer);
    world_.link("b", "c", peer);
    world_.link("c", "a", peer);
    world_.end("a", FaultKind::error);
    EXPECT_EQ(world_.owed(one_), (Lines{"b ended: cascade(a) root a error hops 1", "c ended: cascade(a) root a error hops 1"}));
    EXPECT_EQ(world_.graph().device_count(), 0U);
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphEnds, W8_the_first_fatal_notice_fixes_the_cascade_of_a_diamond) {
    for (const char* name : {"root", "left", "right", "top"}) {
        world_.create(one_, name, true);
    }
    world_.link("left", "root", monitor);
    world_.link("right", "root", monitor);
    world_.link("top", "left", monitor);
    world_.link("top", "right", monitor);
    world_.end("root", FaultKind::signal, 9);
    EXPECT_EQ(world_.owed(one_),
              (Lines{"left ended: cascade(root) root root signal hops 1", "right ended: cascade(root) root root signal hops 1",
                     "top ended: cascade(left) root root signal hops 2"}));
}

TEST_F(GraphEnds, W9_the_unmanaged_decide_for_themselves) {
    world_.create(one_, "a", true);
    world_.create(two_, "b");
    world_.manage("a", false);
    world_.link("a", "b", monitor);
    world_.end("b", FaultKind::error);
    EXPECT_TRUE(world_.graph().is_live(world_.id("a")));
    EXPECT_EQ(world_.owed(one_), Lines{"a told of b: error"});
}

TEST_F(GraphEnds, W_managed_mode_begins_at_its_word) {
    world_.create(one_, "a");
    world_.create(two_, "b");
    world_.link("a", "b", monitor);
    world_.manage("a", true);
    world_.end("b", FaultKind::killed);
    EXPECT_EQ(world_.owed(one_), Lines{"a ended: cascade(b) root b killed hops 1"});
}

TEST_F(GraphEnds, L9_a_managed_task_falls_by_a_link_to_what_is_dead_with_a_fault) {
    world_.create(one_, "well", true);
    world_.create(one_, "fatal", true);
    world_.create(one_, "lost", true);
    world_.create(two_, "b");
    world_.create(two_, "c");
    world_.end("b");
    world_.end("c", FaultKind::error);
    world_.link("well", "b", monitor);
    EXPECT_TRUE(world_.graph().is_live(world_.id("well")));
    EXPECT_EQ(world_.owed(one_), Lines{}) << "a clean end means nothing to a managed task";
    world_.link("fatal", "c", peer);
    EXPECT_EQ(world_.news(one_), Lines{"fatal ended: cascade(c) root c error hops 1"});
    world_.define(one_, "never", DeviceId::make(77, 100'000));
    world_.link("lost", "never", monitor);
    EXPECT_EQ(world_.news(one_), Lines{"lost ended: cascade(never) root never unreachable hops 1"});
}

/// A client may name as its cascade's cause what still lives; whoever depends on it meets a fault all the same.
TEST_F(GraphEnds, L9_a_cascade_whose_root_lives_is_fatal_by_a_late_link_as_by_an_early_one) {
    world_.create(one_, "early", true);
    world_.create(one_, "late", true);
    world_.create(two_, "a");
    world_.create(two_, "alive");
    world_.link("early", "a", monitor);
    world_.end("a", FaultKind::cascade, 0, "alive");
    world_.link("late", "a", monitor);
    EXPECT_EQ(world_.news(one_),
              (Lines{"early ended: cascade(a) root alive well hops 2", "late ended: cascade(a) root alive well hops 2"}));
}

TEST_F(GraphEnds, D2_only_its_owner_disconnects_a_device) {
    world_.create(one_, "a");
    world_.step(Event::disconnect(two_, world_.id("a"), FaultKind::none, 0, {}, {}, 1));
    EXPECT_EQ(world_.news(two_), Lines{"refused a nobody: not_owner"});
    world_.step(Event::manage(two_, world_.id("a"), true, 2));
    EXPECT_EQ(world_.news(two_), Lines{"refused a nobody: not_owner"});
    EXPECT_TRUE(world_.graph().is_live(world_.id("a")));
}

TEST_F(GraphEnds, decision22_all_ends_of_a_tick_are_known_before_anyone_is_told) {
    world_.create(one_, "a");
    world_.create(two_, "b");
    world_.link("a", "b", peer);
    world_.close(one_);
    world_.close(two_);
    world_.settle();
    EXPECT_EQ(world_.graph().device_count(), 0U);
    EXPECT_EQ(world_.owed(one_), Lines{});
    EXPECT_EQ(world_.owed(two_), Lines{});
}

}  // namespace
