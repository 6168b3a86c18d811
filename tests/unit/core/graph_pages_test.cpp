// SPDX-License-Identifier: Apache-2.0
/// Ids in pages (decision 1, D-10): granted to one owner, used once, burnt with their session, told as known for a while
/// after their end (L-8), and never the same again.
#include "tests/unit/core/graph_world.hpp"

#include <set>

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::testing;

TEST(GraphPages, an_id_is_created_by_its_grants_owner_and_once) {
    GraphWorld world;
    const SessionIndex one = world.open();
    const SessionIndex two = world.open();
    const DeviceId id = world.fresh_id(one);
    world.define(two, "id", id);
    world.step(Event::create(two, id, false, 1));
    EXPECT_EQ(world.news(two), Lines{"refused id nobody: not_owner"});
    world.step(Event::create(one, id, false, 1));
    EXPECT_EQ(world.news(one), Lines{});
    world.step(Event::create(one, id, false, 2));
    EXPECT_EQ(world.news(one), Lines{"refused id nobody: id_in_use"});
}

TEST(GraphPages, ids_that_were_never_granted_are_nobodys) {
    GraphWorld world;
    const SessionIndex one = world.open();
    const DeviceId real = world.fresh_id(one);
    for (const DeviceId id : {DeviceId::make(real.generation() + 1, real.slot()), DeviceId::make(real.generation(), 1),
                              DeviceId::make(1, 0x7fffffff), DeviceId{UINT64_MAX}, DeviceId::make(0, real.slot())}) {
        world.step(Event::create(one, id, false, 1));
        EXPECT_EQ(world.news(one).size(), 1U) << id.value;
        EXPECT_EQ(world.graph().device_count(), 0U);
    }
}

TEST(GraphPages, a_grant_beyond_the_slots_that_there_are_is_refused) {
    EngineLimits limits;
    limits.graph.slots = 64 * 4;
    GraphWorld world(limits);
    const SessionIndex one = world.open();
    world.step(Event::grant(one, 2, 5));
    ASSERT_EQ(world.effects().list.size(), 1U);
    EXPECT_EQ(world.effects().list[0].code, ErrorCode::ok);
    EXPECT_EQ(world.effects().list[0].argument, 2);
    world.step(Event::grant(one, 2, 6));
    EXPECT_EQ(world.effects().list[0].argument, 1) << "as many as there are";
    world.step(Event::grant(one, 1, 7));
    EXPECT_EQ(world.effects().list[0].code, ErrorCode::limit_reached);
    EXPECT_EQ(world.effects().list[0].number, 7U);
}

/// D-10: over many generations of pages and sessions no id comes twice, and ids of before do not name what came after.
TEST(GraphPages, D10_ids_are_never_reused) {
    GraphWorld world;
    world.trust();
    std::set<std::uint64_t> seen;
    const SessionIndex witness = world.open();
    world.create(witness, "witness");
    seen.insert(world.id("witness").value);
    DeviceId early{};
    SessionIndex session = world.open();
    for (int round = 0; round < 60; ++round) {
        for (int i = 0; i < 500; ++i) {
            const DeviceId id = world.create(session, "d");
            ASSERT_TRUE(seen.insert(id.value).second) << "id twice";
            early = early ? early : id;
            if (i % 3 != 0) {
                world.end("d");
            }
        }
        world.close(session);
        world.settle();
        ASSERT_EQ(world.engine().check(), "");
        world.reopen(session);
        world.take(session);
    }
    EXPECT_EQ(world.graph().device_count(), 1U);
    EXPECT_EQ(world.graph().find(early), nullptr) << "its slot serves another by now";
    world.define(witness, "early", early);
    world.link("witness", "early", monitor);
    EXPECT_EQ(world.news(witness), Lines{"witness told of early: unreachable"});
}

TEST(GraphPages, D10_unused_ids_are_burnt_with_their_session) {
    GraphWorld world;
    const SessionIndex one = world.open();
    const DeviceId unused = world.fresh_id(one);
    world.close(one);
    world.settle();
    world.reopen(one);
    world.define(one, "unused", unused);
    world.step(Event::create(one, unused, false, 1));
    EXPECT_EQ(world.news(one), Lines{"refused unused nobody: not_owner"});
}

TEST(GraphPages, slots_are_used_again_so_that_coming_and_going_costs_no_memory) {
    GraphWorld world;
    world.trust();
    const SessionIndex one = world.open();
    const auto churn = [&](int count) {
        for (int i = 0; i < count; ++i) {
            world.create(one, "d");
            world.end("d");
        }
    };
    churn(20'000);
    const std::uint32_t slots = world.graph().slots();
    churn(100'000);
    EXPECT_EQ(world.graph().slots(), slots);
    EXPECT_EQ(world.engine().check(), "");
}

/// L-8: whatever the order of ends, what went among the last 4096 is still known with its fault.
TEST(GraphPages, L8_the_last_4096_exits_are_still_told) {
    GraphWorld world;
    world.trust();
    const SessionIndex one = world.open();
    world.create(one, "witness");
    std::vector<DeviceId> gone;
    for (int i = 0; i < 30'000; ++i) {
        gone.push_back(world.create(one, "d"));
        world.end("d", FaultKind::exit, i % 200);
        if (i % 997 == 0 && i >= 4096) {
            for (std::size_t k = gone.size() - 4096; k < gone.size(); ++k) {
                const Device* found = world.graph().find(gone[k]);
                ASSERT_NE(found, nullptr) << "after " << i << " the one " << gone.size() - k << " before is forgotten";
                ASSERT_EQ(world.graph().fault_of(*found).argument, static_cast<std::int32_t>(k % 200));
            }
        }
    }
}

/// Decision 3: a corpse whose notice is not acknowledged keeps its slot, and with it its fault, as long as it takes.
TEST(GraphPages, decision3_an_unacknowledged_notice_keeps_its_exit_record) {
    GraphWorld world;
    world.trust();
    const SessionIndex one = world.open();
    const SessionIndex two = world.open();
    world.create(one, "witness");
    const DeviceId dead = world.create(two, "dead");
    world.link("witness", "dead", monitor);
    world.end("dead", FaultKind::error, 0, {}, "kept");
    for (int i = 0; i < 30'000; ++i) {
        world.create(two, "d");
        world.end("d");
    }
    EXPECT_EQ(world.owed(one), Lines{"witness told of dead: error \"kept\""});
    world.take(one);
    for (int i = 0; i < 30'000; ++i) {
        world.create(two, "d");
        world.end("d");
    }
    EXPECT_EQ(world.graph().find(dead), nullptr) << "the acknowledgement freed it";
    EXPECT_EQ(world.engine().check(), "");
}

/// Links to the dead are told without holding them: their ids were closed once and must not be closed again, or a page
/// would come back while some of its ids still live.
TEST(GraphPages, D10_L9_links_to_the_dead_do_not_close_their_ids_twice) {
    GraphWorld world;
    const SessionIndex one = world.open();
    world.create(one, "witness");
    for (int i = 0; i < 70; ++i) {
        world.create(one, "d" + std::to_string(i));
        world.end("d" + std::to_string(i), FaultKind::exit, 5);
        world.link("witness", "d" + std::to_string(i), monitor);
        EXPECT_EQ(world.news(one), Lines{"witness told of d" + std::to_string(i) + ": exit(5)"});
        world.link("witness", "d0", monitor);
        EXPECT_EQ(world.news(one), Lines{"witness told of d0: exit(5)"});
    }
    EXPECT_TRUE(world.graph().is_live(world.id("witness")));
    world.trust();
    std::set<std::uint64_t> seen{world.id("witness").value};
    for (int i = 0; i < 64 * 200; ++i) {
        ASSERT_TRUE(seen.insert(world.create(one, "n").value).second);
        ASSERT_EQ(world.graph().session(one).owed_total, world.graph().session(one).taken) << "a create was refused";
        world.end("n");
    }
    EXPECT_TRUE(world.graph().is_live(world.id("witness")));
    EXPECT_EQ(world.engine().check(), "");
}

/// The same for a managed task that falls by its own late link, whose end is over before its session is told.
TEST(GraphPages, D10_L9_a_fall_by_a_late_link_closes_its_id_once) {
    GraphWorld world;
    const SessionIndex one = world.open();
    world.create(one, "witness");
    world.create(one, "dead");
    world.end("dead", FaultKind::error);
    for (int i = 0; i < 61; ++i) {
        world.create(one, "m", true);
        world.link("m", "dead", monitor);
        EXPECT_EQ(world.news(one), Lines{"m ended: cascade(dead) root dead error hops 1"});
    }
    world.create(one, "last");
    EXPECT_TRUE(world.graph().is_live(world.id("witness")));
    EXPECT_TRUE(world.graph().is_live(world.id("last")));
    world.link("witness", "last", monitor);
    world.end("last", FaultKind::error);
    EXPECT_EQ(world.news(one), Lines{"witness told of last: error"});
    world.naming(EventKind::register_name, one, "w", "witness");
    world.close(one);
    world.settle();
    EXPECT_EQ(world.engine().check(), "");
}

TEST(GraphPages, a_session_keeps_to_its_number_of_devices) {
    EngineLimits limits;
    limits.graph.devices_per_session = 2;
    GraphWorld world(limits);
    const SessionIndex one = world.open();
    world.create(one, "a");
    world.create(one, "b");
    world.create(one, "c");
    EXPECT_EQ(world.news(one), Lines{"refused c nobody: limit_reached"});
    world.end("a");
    world.step(Event::create(one, world.id("c"), false, 1));
    EXPECT_EQ(world.news(one), Lines{}) << "a refused operation changed nothing: the id is still good";
}

}  // namespace
