// SPDX-License-Identifier: Apache-2.0
/// Decision 11: what a very large death has to tell is told in slices of a constant number of edges; others are served
/// between, nothing is told twice, nothing is lost, and no shape of cascade recurses.
#include "tests/unit/core/graph_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::testing;

class GraphSlices : public ::testing::Test {
  protected:
    GraphSlices() {
        world_.trust();
        one_ = world_.open();
        two_ = world_.open();
    }
    GraphWorld world_;
    SessionIndex one_ = 0, two_ = 0;
};

TEST_F(GraphSlices, a_hundred_thousand_are_told_once_each_and_others_between) {
    constexpr int count = 100'000;
    world_.create(one_, "hub");
    for (int i = 0; i < count; ++i) {
        world_.create(two_, "w");
        world_.link("w", "hub", monitor);
    }
    const SessionIndex third = world_.open();
    world_.create(third, "x");
    world_.create(one_, "y");
    world_.link("x", "y", monitor);
    world_.end("hub", FaultKind::error);
    EXPECT_EQ(world_.graph().session(two_).owed_total, slice_edges);
    world_.end("y", FaultKind::error);
    EXPECT_EQ(world_.news(third), Lines{"x told of y: error"}) << "a small death does not wait behind a large one";
    std::size_t slices = 1;
    while (world_.graph().work_left()) {
        const std::uint64_t before = world_.graph().session(two_).owed_total;
        world_.step(Event::of(EventKind::go_on));
        ASSERT_LE(world_.graph().session(two_).owed_total - before, slice_edges);
        ++slices;
        ASSERT_LT(slices, 20U);
    }
    EXPECT_EQ(world_.graph().session(two_).owed_total, static_cast<std::uint64_t>(count));
    EXPECT_EQ(world_.engine().check(), "");
    world_.take(two_);
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

TEST_F(GraphSlices, a_session_of_many_devices_drops_in_slices_and_in_order) {
    constexpr int count = 40'000;
    world_.create(one_, "x");
    for (int i = 0; i < count; ++i) {
        world_.create(two_, "d" + std::to_string(i));
        if (i % 100 == 0) {
            world_.link("x", "d" + std::to_string(i), monitor);
        }
    }
    world_.close(two_);
    std::size_t slices = 0;
    while (world_.graph().work_left()) {
        world_.step(Event::of(EventKind::go_on));
        ASSERT_LT(++slices, 20U);
    }
    EXPECT_GT(slices, 1U);
    const Lines owed = world_.owed(one_);
    ASSERT_EQ(owed.size(), static_cast<std::size_t>(count / 100));
    for (std::size_t i = 0; i < owed.size(); ++i) {
        EXPECT_EQ(owed[i], "x told of d" + std::to_string(i * 100) + ": drop");
    }
    EXPECT_EQ(world_.graph().device_count(), 1U);
    EXPECT_EQ(world_.engine().check(), "");
}

TEST_F(GraphSlices, W8_a_long_chain_of_managed_tasks_falls_without_recursion_and_with_its_root) {
    constexpr int count = 200'000;
    world_.create(one_, "d0", true);
    for (int i = 1; i < count; ++i) {
        world_.create(one_, "d" + std::to_string(i), true);
        world_.link("d" + std::to_string(i), "d" + std::to_string(i - 1), monitor);
    }
    world_.end("d0", FaultKind::signal, 11);
    world_.settle();
    EXPECT_EQ(world_.graph().device_count(), 0U);
    const OwedView last = world_.graph().owed(world_.graph().session(one_).last_owed);
    EXPECT_EQ(last.kind, Owed::ended);
    EXPECT_EQ(last.fault.hops, static_cast<std::uint32_t>(count - 1));
    EXPECT_EQ(last.fault.root, world_.id("d0"));
    EXPECT_EQ(last.fault.root_kind, FaultKind::signal);
    EXPECT_EQ(last.fault.root_argument, 11);
    EXPECT_EQ(world_.graph().session(one_).owed_total, static_cast<std::uint64_t>(count - 1));
}

TEST_F(GraphSlices, what_is_left_over_from_a_slice_survives_saving_and_loading) {
    GraphWorld world;
    world.trust();
    const SessionIndex one = world.open();
    const SessionIndex two = world.open();
    world.create(one, "hub");
    for (std::uint32_t i = 0; i < slice_edges + 10; ++i) {
        world.create(two, "w");
        world.link("w", "hub", monitor);
    }
    world.end("hub", FaultKind::error);
    ASSERT_TRUE(world.graph().work_left());
    world.trust(false);  // from here each step runs beside a loaded twin
    world.settle();
    EXPECT_EQ(world.graph().session(two).owed_total, slice_edges + 10);
}

/// M-4: a small cause may overtake the rest of a large one, but between a pair of Devices order holds (T-3).
TEST_F(GraphSlices, T3_pair_order_holds_across_slices) {
    world_.create(one_, "hub");
    for (std::uint32_t i = 0; i < slice_edges + 100; ++i) {
        world_.create(two_, "w" + std::to_string(i));
        world_.link("w" + std::to_string(i), "hub", monitor);
    }
    const std::string last = "w" + std::to_string(slice_edges + 99);
    world_.ask("hub", last);
    world_.end("hub", FaultKind::error);
    world_.settle();
    const Lines owed = world_.owed(two_);
    EXPECT_EQ(owed.front(), last + " asked by hub");
    EXPECT_EQ(owed.back(), last + " told of hub: error");
}

}  // namespace
