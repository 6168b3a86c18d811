// SPDX-License-Identifier: Apache-2.0
/// Drain hooks as processes: what they know, when they begin, and that none is left.
#include "tests/unit/shell/workers_fixture.hpp"

#include <signal.h>

#include <iterator>

namespace backplane::shell {
namespace {

class DrainsTest : public WorkersFixture {
  protected:
    static core::ChildSpec drained(const std::string& name, std::vector<std::string> exec, std::vector<std::string> hook,
                                   Duration timeout = Duration::seconds(1000)) {
        core::ChildSpec spec = child(name, std::move(exec));
        spec.restart = core::RestartType::permanent;
        spec.shutdown = Duration::seconds(1000);
        spec.launch.drain = {std::move(hook), timeout};
        return spec;
    }
    [[nodiscard]] bool there(const std::string& name) const { return std::filesystem::exists(path(name)); }
    [[nodiscard]] std::string contents(const std::string& name) const {
        std::ifstream file{path(name)};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    void stop_child(const std::string& name) {
        hub_.feed(core::Event::command(core::daemon_session, core::Verb::stop, engine_.supervision().find(name), false, 0));
        settle();
    }
    /// A process that has ended and is not yet reaped.
    static bool is_dead(std::int32_t pid) { return process::facts_of(pid).is_dead; }
};

TEST_F(DrainsTest, X16_TheHookKnowsItsWorkerAndTheStopWaitsForItsEnd) {
    boot({drained("w", {"sleep", "1000"},
                  {"sh", "-c", "echo $MAINPID > " + path("told") + "; until test -e " + path("go") + "; do sleep 0.01; done; exit 3"})});
    ASSERT_TRUE(ticks_until([&] { return is("w", ChildState::running); }));
    const std::int32_t pid = view("w").pid;
    stop_child("w");
    EXPECT_TRUE(ticks_until([&] { return !contents("told").empty(); }));
    EXPECT_EQ(contents("told"), std::to_string(pid) + "\n");
    EXPECT_TRUE(view("w").runs_hook);
    EXPECT_EQ(children(), 2U);
    touch(path("go"));
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::down) && children() == 0; })) << "however it ended";
}

TEST_F(DrainsTest, X16_WhenItsTimeIsOverItIsKilledWithItsGroupAndTheWorkerIsAsked) {
    boot({drained("w", {"sh", "-c", "trap 'echo x > " + path("asked") + "' TERM; echo > " + path("up") + "; while :; do sleep 0.01; done"},
                  {"sh", "-c", "sleep 1000 & echo > " + path("hung") + "; wait"}, Duration::milliseconds(200))});
    ASSERT_TRUE(ticks_until([&] { return there("up"); }));
    stop_child("w");
    EXPECT_TRUE(ticks_until([&] { return there("asked"); }));
    EXPECT_EQ(view("w").body, core::Body::alive) << "it lives on, so what ended the hook was not its end";
    EXPECT_TRUE(ticks_until([&] { return children() == 1; })) << "the hook is left";
}

TEST_F(DrainsTest, X16_OneThatCannotBeRunHoldsNothingUp) {
    boot({drained("w", {"sleep", "1000"}, {"/no/such/program"})});
    ASSERT_TRUE(ticks_until([&] { return is("w", ChildState::running); }));
    stop_child("w");
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::down) && children() == 0; }));
}

/// The stop of the second is asked for by the end of the first, and both ends are read in one go.
TEST_F(DrainsTest, X16_NoneIsRunBesideOneThatIsDeadByThen) {
    core::ChildSpec second = drained("b", {"sleep", "1000"}, {"sh", "-c", "echo > " + path("ran")});
    second.kill_mode = core::KillMode::leader;
    core::ChildSpec first = child("a", {"sleep", "1000"});
    first.restart = core::RestartType::permanent;
    boot({first, second}, core::Strategy::one_for_all);
    ASSERT_TRUE(ticks_until([&] { return is("b", ChildState::running); }));
    const std::int32_t old[] = {view("a").pid, view("b").pid};
    for (const std::int32_t pid : old) {
        ASSERT_EQ(kill(pid, SIGKILL), 0);
    }
    for (const std::int32_t pid : old) {
        while (!is_dead(pid)) {
            usleep(1000);
        }
    }
    EXPECT_TRUE(ticks_until([&] { return is("b", ChildState::running) && view("b").pid != old[1]; }));
    EXPECT_EQ(children(), 2U) << "a hook runs beside the new one";
    EXPECT_FALSE(there("ran"));
}

TEST_F(DrainsTest, X16_WhatIsHaltedBeginsAnew) {
    boot({drained("w", {"sleep", "1000"},
                  {"sh", "-c", "test -e " + path("go") + " && exit 0; echo > " + path("asked") + "; exec sleep 1000"})});
    ASSERT_TRUE(ticks_until([&] { return is("w", ChildState::running); }));
    stop_child("w");
    EXPECT_TRUE(ticks_until([&] { return there("asked"); }));
    touch(path("go"));
    workers_->halt_asides();  // and the program is not replaced after all
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::down) && children() == 0; }));
}

TEST_F(DrainsTest, X16_OfAWholePoolFewBeginInATickAndNoneIsLeft) {
    boot({});
    Drains drains(&loop_, host_);
    constexpr core::ChildIndex pool = 2 * drains_per_tick_max + 1;
    for (core::ChildIndex w = 1; w <= pool; ++w) {
        core::LaunchSpec launch;
        launch.exec = {"unused"};
        launch.drain.command = {"sleep", "1000"};
        drains.begin({w, 1}, 1, launch, path("s"), "w");
    }
    EXPECT_EQ(children(), 0U);
    for (const std::size_t running : {drains_per_tick_max, 2 * drains_per_tick_max, std::size_t{pool}}) {
        EXPECT_TRUE(drains.has_work());
        EXPECT_TRUE(drains.run().empty());
        EXPECT_EQ(children(), running);
    }
    EXPECT_FALSE(drains.has_work());
    drains.clear();
    EXPECT_TRUE(ticks_until([&] { return children() == 0; }));
}

}  // namespace
}  // namespace backplane::shell
