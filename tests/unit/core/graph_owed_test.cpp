// SPDX-License-Identifier: Apache-2.0
/// What a session is owed (decisions 2, 3): the list as state, its acknowledgement, notices taken back by an unlink (T-5),
/// and what a session that does not acknowledge is charged.
#include "tests/unit/core/graph_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::testing;

class GraphOwed : public ::testing::Test {
  protected:
    GraphOwed() : one_(world_.open()), two_(world_.open()) {
        world_.create(one_, "a");
        world_.create(two_, "b");
        world_.create(two_, "c");
    }
    GraphWorld world_;
    SessionIndex one_, two_;
};

TEST_F(GraphOwed, decision3_the_list_is_freed_from_its_front_as_it_is_acknowledged) {
    world_.link("a", "b", monitor);
    world_.link("a", "c", monitor);
    world_.end("b");
    world_.end("c", FaultKind::error);
    EXPECT_EQ(world_.owed(one_), (Lines{"a told of b: well", "a told of c: error"}));
    EXPECT_EQ(world_.graph().link_count(), 2U) << "what is owed is still a link, so what can be owed is bounded (T-7)";
    world_.acknowledge(one_, 1);
    EXPECT_EQ(world_.owed(one_), Lines{"a told of c: error"});
    EXPECT_EQ(world_.graph().link_count(), 1U);
    world_.acknowledge(one_, 2);
    EXPECT_EQ(world_.owed(one_), Lines{});
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphOwed, an_acknowledgement_of_what_was_never_owed_cuts_the_session) {
    world_.acknowledge(one_, 1);
    ASSERT_EQ(world_.effects().list.size(), 1U);
    EXPECT_EQ(world_.effects().list[0].kind, EffectKind::session_cut);
    EXPECT_EQ(world_.effects().list[0].code, ErrorCode::bad_ack);
}

TEST_F(GraphOwed, a_step_says_once_that_there_is_something_new) {
    for (const char* name : {"x", "y", "z"}) {
        world_.create(one_, name);
        world_.link(name, "b", monitor);
    }
    world_.end("b");
    EXPECT_EQ(world_.ready_effects(one_), 1);
    EXPECT_EQ(world_.owed(one_).size(), 3U);
}

TEST_F(GraphOwed, T5_an_acknowledged_unlink_takes_the_notice_back_and_says_so) {
    world_.link("a", "b", monitor);
    world_.end("b", FaultKind::error);
    world_.unlink("a", "b", monitor, true);
    EXPECT_EQ(world_.owed(one_), (Lines{"withdrawn", "refused a b: was_down"}));
    world_.acknowledge(one_, 1);
    world_.unlink("a", "b", monitor, true);
    EXPECT_EQ(world_.news(one_), Lines{"refused a b: was_down"}) << "there is no second one to take back";
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphOwed, T5_an_unlink_without_ack_takes_it_back_in_silence) {
    world_.link("a", "b", peer);
    world_.end("b", FaultKind::error);
    world_.unlink("a", "b", peer);
    EXPECT_EQ(world_.owed(one_), Lines{"withdrawn"}) << "its place keeps the count right";
}

TEST_F(GraphOwed, T5_after_the_acknowledgement_there_is_nothing_to_take_back) {
    world_.link("a", "b", monitor);
    world_.end("b", FaultKind::error);
    world_.take(one_);
    world_.unlink("a", "b", monitor, true);
    EXPECT_EQ(world_.owed(one_), Lines{});
}

TEST_F(GraphOwed, an_unlink_by_the_other_side_takes_nothing_back_from_the_dead) {
    world_.link("a", "b", monitor);
    world_.end("b", FaultKind::error);
    world_.unlink("b", "a", notify, true);
    EXPECT_EQ(world_.owed(one_), Lines{"a told of b: error"});
    EXPECT_EQ(world_.owed(two_), Lines{"refused b a: device_down"});
}

TEST_F(GraphOwed, a_link_to_the_dead_while_its_notice_is_owed_is_one_more_operation_with_one_more_outcome) {
    world_.link("a", "b", monitor);
    world_.end("b", FaultKind::error);
    world_.link("a", "b", monitor);
    EXPECT_EQ(world_.owed(one_), (Lines{"a told of b: error", "a told of b: error"})) << "L-9: each link operation has its outcome";
    world_.unlink("a", "b", monitor);
    EXPECT_EQ(world_.owed(one_), (Lines{"withdrawn", "a told of b: error"}));
}

TEST_F(GraphOwed, T7_a_session_that_goes_is_owed_nothing_and_holds_nothing) {
    world_.link("a", "b", monitor);
    world_.end("b", FaultKind::error, 0, {}, "some text");
    world_.ask("c", "a");
    world_.unlink("a", "a", monitor);
    EXPECT_EQ(world_.owed(one_).size(), 3U);
    world_.close(one_);
    world_.settle();
    EXPECT_EQ(world_.graph().link_count(), 0U);
    world_.reopen(one_);
    EXPECT_EQ(world_.owed(one_), Lines{}) << "the index's next session inherits nothing";
    EXPECT_EQ(world_.graph().session(one_).owed_total, 0U);
}

TEST_F(GraphOwed, refusals_that_are_never_acknowledged_end_the_session_before_they_cost_memory) {
    EngineLimits limits;
    limits.graph.refusals_per_session = 5;
    GraphWorld world(limits);
    const SessionIndex s = world.open();
    world.create(s, "a");
    for (int i = 0; i < 4; ++i) {
        world.link("a", "a", monitor);
        EXPECT_TRUE(world.effects().list.size() == 1 && world.effects().list[0].kind == EffectKind::session_ready);
    }
    world.link("a", "a", monitor);
    ASSERT_FALSE(world.effects().list.empty());
    EXPECT_EQ(world.effects().list[0].kind, EffectKind::session_cut);
    EXPECT_EQ(world.effects().list[0].code, ErrorCode::limit_reached);
}

TEST_F(GraphOwed, acknowledged_refusals_are_charged_no_more) {
    EngineLimits limits;
    limits.graph.refusals_per_session = 3;
    GraphWorld world(limits);
    const SessionIndex s = world.open();
    world.create(s, "a");
    for (int i = 0; i < 20; ++i) {
        world.link("a", "a", monitor);
        world.unlink("a", "a", monitor);
        EXPECT_EQ(world.news(s).size(), 2U);
    }
    EXPECT_EQ(world.graph().session(s).refusal_count, 0U);
}

TEST_F(GraphOwed, a_refusal_names_the_operation_of_the_client) {
    world_.link("a", "a", monitor);
    const OwedView view = world_.graph().owed(world_.graph().first_owed(one_));
    ASSERT_EQ(view.kind, Owed::refusal);
    EXPECT_EQ(view.refusal->operation, world_.operation());
    EXPECT_EQ(static_cast<EventKind>(view.refusal->event), EventKind::link);
}

TEST_F(GraphOwed, T13_the_daemons_end_asks_each_task_once_and_waits_for_its_grace) {
    world_.step(Event::of(EventKind::terminate));
    EXPECT_EQ(world_.owed(one_), Lines{"a asked by nobody"});
    EXPECT_EQ(world_.owed(two_), (Lines{"b asked by nobody", "c asked by nobody"}));
    world_.end("a");
    world_.end("b");
    EXPECT_TRUE(world_.effects().list.empty() || world_.effects().list.back().kind != EffectKind::halt);
    world_.end("c");
    ASSERT_FALSE(world_.effects().list.empty());
    EXPECT_EQ(world_.effects().list.back().kind, EffectKind::halt);
}

TEST_F(GraphOwed, T13_tasks_that_stay_are_left_when_the_grace_is_over) {
    world_.step(Event::of(EventKind::terminate));
    world_.wait(Duration::milliseconds(4'999));
    EXPECT_TRUE(world_.effects().list.empty());
    world_.wait(Duration::milliseconds(1));
    ASSERT_EQ(world_.effects().list.size(), 1U);
    EXPECT_EQ(world_.effects().list[0].kind, EffectKind::halt);
}

TEST_F(GraphOwed, graph_records_are_made_only_while_somebody_wants_them) {
    world_.link("a", "b", peer);
    EXPECT_TRUE(world_.effects().records.empty());
    world_.step(Event::subscribe(two_, true));
    world_.link("a", "c", monitor);
    ASSERT_EQ(world_.effects().records.size(), 1U);
    EXPECT_EQ(world_.effects().records[0].kind, RecordKind::link);
    world_.end("c", FaultKind::error);
    ASSERT_EQ(world_.effects().records.size(), 2U);
    EXPECT_EQ(world_.effects().records[0].kind, RecordKind::device_down);
    EXPECT_EQ(world_.effects().records[1].kind, RecordKind::notice);
    EXPECT_LT(world_.effects().records[0].seq, world_.effects().records[1].seq);
    world_.close(two_);
    world_.settle();
    world_.create(one_, "z");
    EXPECT_TRUE(world_.effects().records.empty()) << "the subscription went with its session";
}

TEST_F(GraphOwed, a_session_that_does_not_say_hello_in_time_is_cut) {
    const SessionIndex late = 9;
    world_.step(Event::session_open(late, 1000, 1, no_child, 0));
    EXPECT_EQ(world_.engine().next_deadline(), (Instant{1'000} + Duration::seconds(5)));
    world_.wait(Duration::seconds(5));
    ASSERT_EQ(world_.effects().list.size(), 1U);
    EXPECT_EQ(world_.effects().list[0].kind, EffectKind::session_cut);
    EXPECT_EQ(world_.effects().list[0].session, late);
    EXPECT_EQ(world_.effects().list[0].code, ErrorCode::handshake_timeout);
}

}  // namespace
