// SPDX-License-Identifier: Apache-2.0
/// Tasks as the core alone sees them: a client offers, is asked, goes, or never says that it has let go (S-29, S-35, T-13, decision 13).
#include "tests/unit/core/supervision_world.hpp"

namespace backplane::core::world {
namespace {

constexpr SessionIndex client = 5;

ChildSpec task(std::string name, std::string starter, ShutdownKind shutdown = ShutdownKind::timed) {
    ChildSpec spec;
    spec.name = std::move(name);
    spec.readiness = Readiness::notify;
    spec.shutdown_kind = shutdown;
    spec.task.starter = std::move(starter);
    return spec;
}

/// A client that offers each of these by a Device of its own, as the library does.
void offer(World& world, const std::vector<std::string>& names) {
    world.send(Event::session_open(client, 0, 1000, no_child, 0));
    world.send(Event::session_greeted(client));
    world.send(Event::grant(client, 1, 1));
    const DeviceId first = world.engine().graph().granted().front();
    for (std::uint32_t n = 0; n < names.size(); ++n) {
        const DeviceId device = DeviceId::make(first.generation(), first.slot() + n);
        world.send(Event::create(client, device, false, 1));
        world.send(Event::naming(EventKind::register_name, client, names[n], device, 1));
    }
}

void say(World& world, std::string_view path, TaskWord word) {
    world.send(Event::task_said(client, world.child(path), world.view(path).generation, word, {}, 1));
}

TEST(SupervisionTask, S29_TheEndOfAClientIsOneCauseHoweverManyOffersItHad) {
    World world(team({task("a", "pool"), task("b", "lake"), task("c", "pool")}));
    world.start();
    offer(world, {"pool", "lake"});
    for (const char* const path : {"a", "b", "c"}) {
        say(world, path, TaskWord::running);
    }
    EXPECT_EQ(world.states({"/", "a", "b", "c"}), "running running running running");
    world.send(Event::session_close(client));
    world.send(Event::of(EventKind::go_on));
    EXPECT_EQ(world.states({"a", "b", "c"}), "restarting restarting restarting");
    EXPECT_EQ(world.view("/").window_used, 1U);
}

TEST(SupervisionTask, S29_TheEndOfTheNextClientIsAnotherCause) {
    World world(team({task("a", "pool"), task("b", "lake")}));
    world.start();
    for (int n = 0; n < 2; ++n) {
        offer(world, {"pool", "lake"});
        say(world, "a", TaskWord::running);
        say(world, "b", TaskWord::running);
        world.send(Event::session_close(client));
        world.send(Event::of(EventKind::go_on));
        world.pass(Duration::milliseconds(500));
    }
    EXPECT_EQ(world.view("/").window_used, 2U);
}

TEST(SupervisionTask, S29_AWorkerAndTheTasksThatItRanAreOneCause) {
    for (const bool exit_first : {true, false}) {
        World world(team({worker("w"), task("a", "pool"), task("b", "lake")}));
        world.start().adopts("w", client);
        world.send(Event::grant(client, 1, 1));
        const DeviceId first = world.engine().graph().granted().front();
        for (std::uint32_t n = 0; n < 2; ++n) {
            const DeviceId device = DeviceId::make(first.generation(), first.slot() + n);
            world.send(Event::create(client, device, false, 1));
            world.send(Event::naming(EventKind::register_name, client, n == 0 ? "pool" : "lake", device, 1));
        }
        say(world, "a", TaskWord::running);
        say(world, "b", TaskWord::running);
        exit_first ? world.is_killed("w", 9) : world.send(Event::session_close(client));
        exit_first ? world.send(Event::session_close(client)) : world.is_killed("w", 9);
        world.send(Event::of(EventKind::go_on));
        EXPECT_EQ(world.states({"w", "a", "b"}), "running restarting restarting");
        EXPECT_EQ(world.view("/").window_used, 1U) << exit_first;
    }
}

TEST(SupervisionTask, OneThatRunsMayItselfBeWhatStartsAnother) {
    World world(team({task("a", "pool"), task("b", "a")}));
    world.start();
    EXPECT_EQ(world.waits("a"), Waits::starter);
    offer(world, {"pool"});
    say(world, "a", TaskWord::running);
    EXPECT_EQ(world.view("b").client, client) << "who runs a is asked to start b";
    say(world, "b", TaskWord::running);
    EXPECT_EQ(world.states({"a", "b"}), "running running");
}

TEST(SupervisionTask, OneThatWaitsIsWokenByTheTaskThatStartsIt) {
    SupervisorSpec tree = team({task("b", "a"), task("a", "pool")});
    tree.start_order = StartOrder::parallel;
    World world(tree);
    world.start();
    offer(world, {"pool"});
    EXPECT_NE(world.waits("b"), Waits::nothing);
    say(world, "a", TaskWord::running);
    EXPECT_EQ(world.waits("b"), Waits::nothing);
    EXPECT_EQ(world.view("b").client, client);
}

TEST(SupervisionTask, T13_ADaemonThatEndsDoesNotWaitForAWordThatNeverCame) {
    World world(team({task("a", "pool", ShutdownKind::brutal_kill), worker("b")}));
    world.start();
    offer(world, {"pool"});
    say(world, "a", TaskWord::running);
    world.command(Verb::restart, "a", false);
    world.pass(Duration::seconds(60));
    EXPECT_EQ(world.states({"a", "b"}), "stopping running") << "its client has not let go of it";
    world.terminate();
    EXPECT_EQ(world.states({"/", "a", "b"}), "down down down");
}

TEST(SupervisionTask, T13_NorWhereItsStopWasUnderWay) {
    World world(team({supervisor("team", team({worker("a"), task("b", "pool", ShutdownKind::brutal_kill)}))}));
    world.start();
    offer(world, {"pool"});
    say(world, "team/b", TaskWord::running);
    world.command(Verb::stop, "team", false);
    EXPECT_EQ(world.states({"team", "team/a", "team/b"}), "stopping running stopping");
    world.terminate();
    EXPECT_EQ(world.states({"/", "team", "team/a", "team/b"}), "down down down down");
}

TEST(SupervisionTask, T13_AStopAtOnceComesToAnEndWhereTasksThatWereAddedGoWithTheirEntries) {  // S-40
    World world(team({supervisor("pool", dynamic(task("", "swim", ShutdownKind::infinity)))}));
    world.start();
    offer(world, {"swim"});
    for (const char* const path : {"pool/0", "pool/1", "pool/2"}) {
        world.add_one("pool");
        say(world, path, TaskWord::running);
    }
    world.terminate().terminate();
    EXPECT_EQ(world.states({"/", "pool", "pool/0", "pool/2"}), "stopping stopping stopping stopping");
    world.terminate();
    EXPECT_EQ(world.states({"/", "pool", "pool/0", "pool/2"}), "down down gone gone");
}

}  // namespace
}  // namespace backplane::core::world
