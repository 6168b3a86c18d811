// SPDX-License-Identifier: Apache-2.0
/// Section 2 of the rules: links as a set of edges, added and taken away by bits, and the one outcome of each operation.
#include "tests/unit/core/graph_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::testing;

class GraphLinks : public ::testing::Test {
  protected:
    GraphLinks() : one_(world_.open()), two_(world_.open()) {
        world_.create(one_, "a");
        world_.create(two_, "b");
    }
    GraphWorld world_;
    SessionIndex one_, two_;
};

TEST_F(GraphLinks, L1_monitor_tells_its_maker) {
    world_.link("a", "b", monitor);
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.news(one_), Lines{"a told of b: error"});
    world_.end("a", FaultKind::error);
    EXPECT_EQ(world_.news(two_), Lines{});
}

TEST_F(GraphLinks, L1_notify_tells_the_other) {
    world_.link("a", "b", notify);
    world_.end("a", FaultKind::exit, 3);
    EXPECT_EQ(world_.news(two_), Lines{"b told of a: exit(3)"});
    world_.end("b");
    EXPECT_EQ(world_.news(one_), Lines{});
}

TEST_F(GraphLinks, L1_peer_tells_whoever_is_left) {
    world_.link("a", "b", peer);
    world_.end("b");
    EXPECT_EQ(world_.news(one_), Lines{"a told of b: well"});
    world_.end("a");
    EXPECT_EQ(world_.news(two_), Lines{}) << "D-7, L-12: the edge towards what is gone went with it";
}

TEST_F(GraphLinks, L2_linking_is_additive_and_does_not_multiply) {
    world_.link("a", "b", monitor);
    world_.link("a", "b", monitor);
    world_.link("a", "b", notify);
    world_.link("a", "b", peer);
    EXPECT_EQ(world_.graph().link_count(), 2U);
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.news(one_), Lines{"a told of b: error"});
}

TEST_F(GraphLinks, L3_unlinking_is_subtractive_and_silent_about_what_is_not_there) {
    world_.link("a", "b", peer);
    world_.unlink("a", "b", notify);
    world_.unlink("a", "b", notify);
    EXPECT_EQ(world_.graph().link_count(), 1U);
    world_.end("a", FaultKind::error);
    EXPECT_EQ(world_.owed(two_), Lines{});
    EXPECT_EQ(world_.owed(one_), Lines{});
}

TEST_F(GraphLinks, L3_monitor_is_taken_away_and_notify_stays) {
    world_.link("a", "b", peer);
    world_.unlink("a", "b", monitor, true);
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.news(one_), Lines{});
}

TEST_F(GraphLinks, L4_both_ends_make_and_remove_the_same_edge) {
    world_.link("a", "b", monitor);
    world_.link("b", "a", notify);
    EXPECT_EQ(world_.graph().link_count(), 1U);
    world_.unlink("b", "a", notify);
    EXPECT_EQ(world_.graph().link_count(), 0U);
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.news(one_), Lines{});
}

TEST_F(GraphLinks, L5_self_links_are_refused_and_change_nothing) {
    for (const LinkMode mode : {monitor, notify, peer}) {
        for (const bool acknowledged : {false, true}) {
            world_.link("a", "a", mode, acknowledged);
            EXPECT_EQ(world_.news(one_), Lines{"refused a a: self_link"});
            world_.unlink("a", "a", mode, acknowledged);
            EXPECT_EQ(world_.news(one_), Lines{"refused a a: self_link"});
        }
    }
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphLinks, L6_L7_the_calling_end_is_judged_first) {
    world_.end("a");
    for (const LinkMode mode : {monitor, notify, peer}) {
        world_.link("a", "b", mode);
        EXPECT_EQ(world_.news(one_), Lines{"refused a b: device_down"});
    }
    world_.end("b");
    world_.link("a", "b", peer, true);
    EXPECT_EQ(world_.news(one_), Lines{"refused a b: device_down"}) << "both gone: device_down";
}

TEST_F(GraphLinks, L7_an_acknowledged_link_to_the_dead_is_refused_in_every_mode) {
    world_.end("b", FaultKind::error);
    for (const LinkMode mode : {monitor, notify, peer}) {
        world_.link("a", "b", mode, true);
        EXPECT_EQ(world_.news(one_), Lines{"refused a b: link_down"});
    }
    EXPECT_EQ(world_.graph().link_count(), 0U);
    world_.end("a");
    EXPECT_EQ(world_.news(one_), Lines{}) << "a refused link never gives a notice";
}

TEST_F(GraphLinks, L9_unacknowledged_links_to_the_dead_give_the_notice_of_a_later_death) {
    world_.end("b", FaultKind::exit, 7, {}, "disk full");
    world_.link("a", "b", monitor);
    EXPECT_EQ(world_.news(one_), Lines{"a told of b: exit(7) \"disk full\""});
    world_.link("a", "b", peer);
    EXPECT_EQ(world_.news(one_), Lines{"a told of b: exit(7) \"disk full\""});
    world_.link("a", "b", notify);
    EXPECT_EQ(world_.news(one_), Lines{"refused a b: link_down"}) << "notify alone is refused, and is no notice";
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphLinks, L9_what_ended_well_is_told_well_and_the_unknown_unreachable) {
    world_.end("b");
    world_.link("a", "b", monitor);
    EXPECT_EQ(world_.news(one_), Lines{"a told of b: well"});
    world_.define(one_, "never", DeviceId::make(9, 4242));
    world_.link("a", "never", monitor);
    EXPECT_EQ(world_.news(one_), Lines{"a told of never: unreachable"});
    world_.link("a", "never", peer, true);
    EXPECT_EQ(world_.news(one_), Lines{"refused a never: link_down"});
    world_.unlink("a", "never", peer);
    EXPECT_EQ(world_.news(one_), Lines{}) << "L-3: no such edge, a silent success";
}

TEST_F(GraphLinks, L10_no_path_resurrects_a_removed_edge) {
    world_.link("a", "b", monitor);
    world_.unlink("b", "a", notify);
    world_.link("b", "a", notify);
    world_.unlink("a", "b", monitor);
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.news(one_), Lines{});
}

TEST_F(GraphLinks, L11_a_third_party_may_link_what_its_user_owns) {
    const SessionIndex third = world_.open();
    world_.step(Event::link(third, world_.id("a"), world_.id("b"), monitor, false, 1));
    EXPECT_EQ(world_.news(third), Lines{});
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.news(one_), Lines{"a told of b: error"});
}

TEST_F(GraphLinks, L11_another_user_is_answered_as_if_there_were_nothing) {
    const SessionIndex stranger = world_.open(2000);
    world_.create(stranger, "s");
    world_.link("s", "b", monitor);
    EXPECT_EQ(world_.news(stranger), Lines{"s told of b: unreachable"});
    world_.link("s", "b", peer, true);
    EXPECT_EQ(world_.news(stranger), Lines{"refused s b: link_down"});
    world_.link("s", "b", notify);
    EXPECT_EQ(world_.news(stranger), Lines{"refused s b: link_down"});
    world_.ask("s", "b");
    EXPECT_EQ(world_.news(stranger), Lines{"refused s b: link_down"});
    world_.step(Event::link(stranger, world_.id("a"), world_.id("b"), monitor, false, 1));
    EXPECT_EQ(world_.news(stranger), Lines{"refused a b: not_owner"});
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphLinks, L11_root_may_link_anybody) {
    const SessionIndex root = world_.open(0);
    world_.create(root, "r");
    world_.link("r", "b", peer);
    world_.end("r", FaultKind::error);
    EXPECT_EQ(world_.news(two_), Lines{"b told of r: error"});
}

TEST_F(GraphLinks, L12_all_edges_of_the_gone_vanish_in_both_directions) {
    world_.create(two_, "c");
    world_.link("a", "b", peer);
    world_.link("c", "a", monitor);
    world_.link("a", "c", monitor);
    world_.end("a", FaultKind::error);
    EXPECT_EQ(world_.news(two_), (Lines{"b told of a: error", "c told of a: error"}));
    EXPECT_EQ(world_.graph().link_count(), 0U);
    world_.end("c");
    EXPECT_EQ(world_.news(one_), Lines{});
}

/// Section 12 (k): a peer link whose second half fails must not leave its first.
TEST_F(GraphLinks, L7_a_peer_link_is_whole_or_nothing) {
    EngineLimits limits;
    limits.graph.links_per_session = 2;
    GraphWorld world(limits);
    const SessionIndex s = world.open();
    const SessionIndex t = world.open();
    world.create(s, "a");
    for (const char* name : {"b", "c", "d"}) {
        world.create(t, name);
    }
    world.link("b", "c", monitor);
    world.link("b", "d", monitor);
    world.link("a", "b", peer);
    EXPECT_EQ(world.news(s), Lines{"refused a b: limit_reached"});
    EXPECT_EQ(world.graph().link_count(), 2U);
    world.end("b", FaultKind::error);
    EXPECT_EQ(world.news(s), Lines{}) << "a refused link gives no notice";
}

TEST_F(GraphLinks, links_are_bounded_for_each_session_and_an_owed_notice_still_counts) {
    EngineLimits limits;
    limits.graph.links_per_session = 2;
    GraphWorld world(limits);
    const SessionIndex s = world.open();
    for (const char* name : {"a", "b", "c", "d"}) {
        world.create(s, name);
    }
    world.link("a", "b", monitor);
    world.link("a", "c", monitor);
    world.link("a", "d", monitor);
    EXPECT_EQ(world.news(s), Lines{"refused a d: limit_reached"});
    world.end("b");
    world.link("a", "d", monitor);
    EXPECT_EQ(world.owed(s), (Lines{"a told of b: well", "refused a d: limit_reached"}));
    world.take(s);
    world.link("a", "d", monitor);
    EXPECT_EQ(world.owed(s), Lines{}) << "decision 3: the acknowledgement frees it";
}

}  // namespace
