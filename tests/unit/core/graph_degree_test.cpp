// SPDX-License-Identifier: Apache-2.0
/// Links at any degree: the edge of a pair is found by walking the shorter side up to eight, by the index beyond. Every
/// crossing of that bound, on either side and back, hashed or not, owed or dying, must not lose or double an edge (L-2).
#include "tests/unit/core/graph_world.hpp"

#include <chrono>

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::testing;

std::string name(const char* kind, int number) { return kind + std::to_string(number); }

class GraphDegree : public ::testing::Test {
  protected:
    GraphDegree() : one_(world_.open()), two_(world_.open()) {
        world_.create(one_, "a");
        world_.create(two_, "b");
    }
    void others(int count) {
        for (int i = 0; i < count; ++i) {
            world_.create(two_, name("o", i));
        }
    }
    /// "a" hears of the first `count` others, and so many others hear of "b".
    void crowd(int in, int out) {
        for (int i = 0; i < in; ++i) {
            world_.link("a", name("o", i), monitor);
        }
        for (int i = 0; i < out; ++i) {
            world_.link(name("o", i), "b", monitor);
        }
    }
    GraphWorld world_;
    SessionIndex one_, two_;
};

/// For each pair of degrees around the bound: the link is laid once, found again, removed, laid again, and told once.
TEST_F(GraphDegree, L2_each_crossing_of_the_bound_keeps_one_edge_a_pair) {
    others(12);
    for (int in = 6; in <= 10; ++in) {
        for (int out = 6; out <= 10; ++out) {
            SCOPED_TRACE("in " + std::to_string(in) + " out " + std::to_string(out));
            crowd(in, out);
            const std::uint64_t before = world_.graph().link_count();
            world_.link("a", "b", monitor);
            world_.link("b", "a", notify);
            ASSERT_EQ(world_.graph().link_count(), before + 1);
            world_.unlink("a", "b", monitor);
            ASSERT_EQ(world_.graph().link_count(), before);
            world_.link("a", "b", monitor);
            // Down again below the bound, on both sides, with the edge still there.
            for (int i = 0; i < 12; ++i) {
                world_.unlink("a", name("o", i), monitor);
                world_.unlink(name("o", i), "b", monitor);
                world_.link("a", "b", monitor);
            }
            ASSERT_EQ(world_.graph().link_count(), 1U);
            world_.unlink("b", "a", notify);
            ASSERT_EQ(world_.graph().link_count(), 0U);
        }
    }
}

TEST_F(GraphDegree, the_watchers_side_may_become_crowded_first_or_last) {
    others(20);
    world_.link("a", "b", monitor);
    crowd(20, 0);
    world_.link("a", "b", monitor);
    crowd(0, 20);
    world_.link("a", "b", monitor);
    EXPECT_EQ(world_.graph().link_count(), 41U);
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.owed(one_), Lines{"a told of b: error"});
    EXPECT_EQ(world_.owed(two_).size(), 20U);
    world_.link("a", "o3", monitor);
    EXPECT_EQ(world_.graph().link_count(), 41U);
}

TEST_F(GraphDegree, the_targets_side_may_become_crowded_first) {
    others(20);
    crowd(0, 20);
    world_.link("a", "b", monitor);
    crowd(20, 0);
    world_.unlink("a", "b", monitor);
    world_.link("a", "b", monitor);
    world_.link("a", "b", monitor);
    EXPECT_EQ(world_.graph().link_count(), 41U);
    world_.end("a");
    EXPECT_EQ(world_.graph().link_count(), 20U);
    world_.end("b", FaultKind::error);
    EXPECT_EQ(world_.owed(one_), Lines{});
}

TEST_F(GraphDegree, T5_a_notice_that_is_owed_is_found_at_every_degree_of_its_watcher) {
    others(12);
    for (int in = 0; in <= 12; ++in) {
        SCOPED_TRACE(in);
        world_.create(two_, "t");
        crowd(in, 0);
        world_.link("a", "t", monitor);
        world_.end("t", FaultKind::error);
        world_.unlink("a", "t", monitor, true);
        ASSERT_EQ(world_.owed(one_), (Lines{"withdrawn", "refused a t: was_down"}));
        world_.take(one_);
        ASSERT_EQ(world_.graph().link_count(), static_cast<std::uint64_t>(in));
    }
}

TEST_F(GraphDegree, T5_owed_notices_crowd_their_watcher_and_are_still_found) {
    others(20);
    crowd(20, 0);
    for (int i = 0; i < 20; ++i) {
        world_.end(name("o", i), FaultKind::error);
    }
    EXPECT_EQ(world_.graph().link_count(), 20U);
    Lines expected;
    for (int i = 0; i < 20; ++i) {
        if (i % 2 == 0) {
            world_.unlink("a", name("o", i), monitor);
        }
        expected.push_back(i % 2 == 0 ? "withdrawn" : "a told of " + name("o", i) + ": error");
    }
    EXPECT_EQ(world_.owed(one_), expected);
    world_.link("a", "b", monitor);
    EXPECT_EQ(world_.graph().link_count(), 11U);
    world_.acknowledge(one_, 7);
    world_.unlink("a", "b", monitor);
    world_.take(one_);
    EXPECT_EQ(world_.graph().link_count(), 0U);
}

/// An unlink may find the edge in the middle of its target's death, told already or not yet.
TEST_F(GraphDegree, an_unlink_meets_a_target_that_is_dying_in_slices) {
    world_.trust();
    const int count = static_cast<int>(slice_edges) + 3'000;
    const SessionIndex many = world_.open();
    for (int i = 0; i < count; ++i) {
        world_.create(many, name("w", i));
        world_.link(name("w", i), "b", monitor);
    }
    for (int i = 0; i < 20; ++i) {  // two of the last watchers are crowded themselves
        world_.create(two_, name("o", i));
        world_.link(name("w", count - 1), name("o", i), monitor);
        world_.link(name("w", count - 2), name("o", i), monitor);
    }
    world_.end("b", FaultKind::error);
    ASSERT_TRUE(world_.graph().work_left());
    const std::size_t told = world_.owed(many).size();
    ASSERT_LT(told, static_cast<std::size_t>(count));
    world_.unlink("w0", "b", monitor, true);                  // told already
    world_.unlink(name("w", count - 1), "b", monitor, true);  // not told yet, crowded
    world_.unlink(name("w", count - 5), "b", monitor, true);  // not told yet, few links
    world_.link(name("w", count - 2), "b", monitor, true);    // its notice is on the way: the link is refused
    EXPECT_EQ(world_.engine().check(), "");
    world_.settle();
    const Lines owed = world_.owed(many);
    EXPECT_EQ(owed[0], "withdrawn");
    EXPECT_EQ(std::count(owed.begin(), owed.end(), "refused w0 b: was_down"), 1);
    EXPECT_EQ(std::count(owed.begin(), owed.end(), name("w", count - 1) + " told of b: error"), 0);
    EXPECT_EQ(std::count(owed.begin(), owed.end(), name("w", count - 5) + " told of b: error"), 0);
    EXPECT_EQ(std::count(owed.begin(), owed.end(), name("w", count - 2) + " told of b: error"), 1);
    EXPECT_EQ(std::count(owed.begin(), owed.end(), "refused " + name("w", count - 2) + " b: link_down"), 1);
    EXPECT_EQ(world_.engine().check(), "");
}

/// A large watcher that dies in slices takes its own edges away, hashed and owed ones too.
TEST_F(GraphDegree, a_watcher_with_many_links_takes_them_along) {
    world_.trust();
    const int count = static_cast<int>(slice_edges) + 500;
    for (int i = 0; i < count; ++i) {
        world_.create(two_, name("t", i));
        world_.link("a", name("t", i), peer);
    }
    for (int i = 0; i < 300; ++i) {
        world_.end(name("t", i));
    }
    world_.end("a", FaultKind::error);
    while (world_.graph().work_left()) {
        ASSERT_EQ(world_.engine().check(), "");
        world_.step(Event::of(EventKind::go_on));
    }
    EXPECT_EQ(world_.graph().link_count(), static_cast<std::uint64_t>(count - 300)) << "what is owed to the other session";
    EXPECT_EQ(world_.owed(two_).size(), static_cast<std::size_t>(count - 300));
    world_.take(one_);
    world_.take(two_);
    EXPECT_EQ(world_.graph().link_count(), 0U);
    EXPECT_EQ(world_.engine().check(), "");
}

/// Counting instead of timing: a clique of crowded Devices, linked and unlinked many times, keeps exactly its edges.
TEST_F(GraphDegree, a_clique_keeps_exactly_one_edge_for_each_ordered_pair) {
    world_.trust();
    constexpr int size = 60;
    for (int i = 0; i < size; ++i) {
        world_.create(i % 2 == 0 ? one_ : two_, name("q", i));
    }
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < size; ++i) {
            for (int j = 0; j < size; ++j) {
                if (i != j) {
                    world_.link(name("q", i), name("q", j), (i + j) % 2 == 0 ? monitor : notify);
                    world_.link(name("q", i), name("q", j), (i + j) % 2 == 0 ? notify : monitor);
                }
            }
        }
        ASSERT_EQ(world_.graph().link_count(), static_cast<std::uint64_t>(size * (size - 1)));
        ASSERT_EQ(world_.engine().check(), "");
    }
    for (int i = 0; i < size; i += 3) {
        for (int j = 0; j < size; ++j) {
            if (i != j) {
                world_.unlink(name("q", i), name("q", j), peer);
            }
        }
    }
    ASSERT_EQ(world_.engine().check(), "");
    const std::uint64_t left = static_cast<std::uint64_t>(size - size / 3);
    ASSERT_EQ(world_.graph().link_count(), left * (left - 1));
    for (int i = 0; i < size; ++i) {
        world_.end(name("q", i), FaultKind::error);
    }
    EXPECT_EQ(world_.owed(one_).size() + world_.owed(two_).size(), left * (left - 1) / 2) << "each pair tells the one that is left";
}

}  // namespace
