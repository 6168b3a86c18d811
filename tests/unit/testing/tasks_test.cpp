// SPDX-License-Identifier: Apache-2.0
/// Tasks as children: supervisors whose children a client runs (rules S-8 to S-10, S-28, D-2, T-10, W-2; decisions 13 and 36).
#include <backplane/backplane.hpp>
#include <backplane/testing/local_bus.hpp>

#include <gtest/gtest.h>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace backplane {
namespace {

using backplane::testing::LocalBus;

/// A tree of these children, which are written without their braces' ends.
std::string tree(const std::string& children, const std::string& flags = {}) {
    return R"({"supervisor": {)" + flags + R"("children": [)" + children + "]}}";
}

/// A client that starts what it is asked for, as its `manners` say.
struct Runner {
    explicit Runner(LocalBus& bus, const std::string& offer = "pool") : client(bus.connect()) {
        const auto offered = client.offer(offer, [this](TaskStart& start) { take(start); });
        EXPECT_TRUE(offered) << offered.error().text();
    }
    void take(TaskStart& start) {
        asked.push_back(start.name());
        arguments = start.arguments();
        restart = start.is_restart();
        const std::string manner = manners.contains(start.name()) ? manners[start.name()] : "run";
        if (manner == "run") {
            running.insert_or_assign(start.name(), start.running());
        } else if (manner == "complete") {
            start.completed();
        } else if (manner == "ignore") {
            start.ignored();
        } else if (manner == "fail") {
            start.failed("no room");
        } else if (manner == "throw") {
            throw std::runtime_error("out of luck");
        } else if (manner == "hang") {
            pending.emplace_back(std::move(start));
        }
    }
    void move() { (void)client.dispatch(); }

    Client client;
    std::map<std::string, std::string> manners;
    std::vector<std::string> asked;
    std::vector<std::string> arguments;
    bool restart = false;
    std::map<std::string, Device> running;
    std::vector<TaskStart> pending;
};

class Tasks : public ::testing::Test {
  protected:
    void configure(const std::string& json) {
        const auto done = bus.configure(json);
        ASSERT_TRUE(done) << done.error().text();
        (void)ops.subscribe({.since = 0});
    }
    DeviceRow row(const std::string& name) {
        const auto found = ops.describe(name);
        return found ? found->row : DeviceRow{};
    }
    /// State, and why.
    std::string state(const std::string& name) {
        const DeviceRow found = row(name);
        const std::string waits = found.waits_for ? " for " + *found.waits_for : std::string{};
        return found.state.empty() ? "gone" : found.state + (found.reason ? " (" + *found.reason + waits + ")" : std::string{});
    }
    std::string last_exit(const std::string& name) {
        const auto found = ops.describe(name);
        return found && found->last_exit ? *found->last_exit : "none";
    }
    /// What the log told since the last call, of these kinds.
    std::vector<std::string> told(const std::vector<std::string>& kinds) {
        (void)ops.ping();
        std::vector<std::string> lines;
        while (auto event = ops.try_event()) {
            const auto* said = std::get_if<LogEvent>(&*event);
            if (said != nullptr && std::find(kinds.begin(), kinds.end(), said->event) != kinds.end()) {
                lines.push_back(said->event + " " + said->name.value_or("-"));
            }
        }
        return lines;
    }
    void pass(Duration time, Runner& runner) {
        bus.advance(time);
        runner.move();
        bus.advance(Duration{});
    }

    LocalBus bus;
    Client ops = bus.connect();
};

constexpr Duration moment{};
constexpr Duration second = Duration::seconds(1);

// ---- starting ----------------------------------------------------------------------------------------------------------

TEST_F(Tasks, S5_WaitUntilSomebodyOffersWhatStartsThemAndCountNothing) {
    configure(tree(R"({"name": "a", "task": "pool", "arguments": ["x", "y"]}, {"name": "b", "task": "pool"})"));
    EXPECT_EQ(state("a"), "starting (starter for pool)");
    EXPECT_EQ(state("b"), "down");
    bus.advance(Duration::seconds(60));
    EXPECT_EQ(state("a"), "starting (starter for pool)");
    Runner other(bus, "lake");
    Runner runner(bus);
    pass(moment, runner);
    EXPECT_EQ(state("a"), "running");
    EXPECT_EQ(runner.arguments, (std::vector<std::string>{"x", "y"}));
    pass(moment, runner);
    EXPECT_EQ(state("b"), "running");
    EXPECT_EQ(runner.asked, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(other.asked.empty());
    EXPECT_EQ(row("/").window_used, 0U);
}

TEST_F(Tasks, D1_RunWithADeviceOfTheirOwnUnderTheNameOfTheirEntry) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"})"));
    pass(moment, runner);
    const DeviceRow a = row("a");
    EXPECT_EQ(a.kind, "task");
    EXPECT_EQ(a.supervisor, "/");
    EXPECT_EQ(a.line, runner.running.at("a").line());
    EXPECT_EQ(*ops.lookup("a"), *a.line);
    ASSERT_TRUE(ops.device().link_wait(*a.line, LinkMode::monitor));
    runner.running.at("a").disconnect(Fault{});
    const auto told = ops.device().next(second);
    ASSERT_TRUE(told);
    EXPECT_FALSE(std::get<Disconnected>(*told).fault);
}

TEST_F(Tasks, D12_WhatIsLinkedBeforeTheyRunIsHonoured) {
    Runner runner(bus);
    runner.manners["a"] = "hang";
    configure(tree(R"({"name": "a", "task": "pool"})"));
    pass(moment, runner);
    ASSERT_TRUE(ops.device().link_wait(runner.pending.at(0).device().line(), LinkMode::monitor));
    runner.pending.clear();  // never ran
    const auto told = ops.device().next(second);
    ASSERT_TRUE(told);
    EXPECT_EQ(std::get<Disconnected>(*told).fault->kind, FaultKind::error);
}

TEST_F(Tasks, S8_CompletedIsDownAndTheNextIsStarted) {
    Runner runner(bus);
    runner.manners["a"] = "complete";
    configure(tree(R"({"name": "a", "task": "pool"}, {"name": "b", "task": "pool", "requires": ["a"]})"));
    pass(moment, runner);
    pass(moment, runner);
    EXPECT_EQ(state("a"), "down (completed)");
    EXPECT_EQ(state("b"), "running");
    pass(Duration::seconds(60), runner);
    EXPECT_EQ(runner.asked, (std::vector<std::string>{"a", "b"})) << "S-9: not restarted, though permanent";
}

TEST_F(Tasks, S9_CompletedRunsAgainWithItsGroup) {
    Runner runner(bus);
    runner.manners["a"] = "complete";
    configure(tree(R"({"name": "a", "task": "pool"}, {"name": "b", "task": "pool"})", R"("strategy": "one_for_all", )"));
    pass(moment, runner);
    pass(moment, runner);
    runner.running.erase("b");  // dropped
    pass(moment, runner);
    pass(moment, runner);
    EXPECT_EQ(runner.asked, (std::vector<std::string>{"a", "b", "a", "b"}));
    EXPECT_EQ(row("/").window_used, 1U);
}

TEST_F(Tasks, S28_IgnoredIsDownAndNotTriedAgain) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"}, {"name": "b", "task": "pool", "requires": ["a"]})"));
    pass(moment, runner);
    pass(moment, runner);
    runner.manners["a"] = "ignore";
    runner.running.erase("a");
    pass(moment, runner);
    EXPECT_EQ(state("a"), "down (ignored)");
    pass(Duration::seconds(60), runner);
    EXPECT_EQ(state("a"), "down (ignored)");
    EXPECT_EQ(row("/").window_used, 0U);
    runner.running.erase("b");
    pass(moment, runner);
    EXPECT_EQ(state("b"), "restarting (blocked for a)") << "what was declined is not up";
}

TEST_F(Tasks, S28_AnIgnoredDynamicOneLeavesNoGhost) {
    Runner runner(bus);
    runner.manners["team/0"] = "ignore";
    configure(tree(R"({"name": "team", "supervisor": {"strategy": "dynamic", "template": {"task": "pool", "arguments": ["t"]}}})"));
    pass(moment, runner);
    const auto added = ops.start_child("team", NewChild{{}, {"u"}, {}}, WaitFor::accepted);
    ASSERT_TRUE(added) << added.error().text();
    pass(moment, runner);
    EXPECT_EQ(runner.arguments, (std::vector<std::string>{"t", "u"}));
    EXPECT_EQ(state("team/0"), "gone");
    EXPECT_EQ(ops.count_children("team")->specs, 0U);
}

TEST_F(Tasks, S24_AFailedRestartIsTriedAgainAndCounted) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"})"));
    pass(moment, runner);
    runner.manners["a"] = "fail";
    runner.running.erase("a");
    pass(moment, runner);
    EXPECT_TRUE(runner.restart);
    EXPECT_EQ(last_exit("a"), "error{no room}");
    EXPECT_EQ(row("/").window_used, 2U);
    runner.manners["a"] = "run";
    pass(second, runner);
    EXPECT_EQ(state("a"), "running");
    EXPECT_EQ(row("a").restarts, 1U);
}

TEST_F(Tasks, S54_StartChildThatFailsLeavesNothingBehind) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"})"));
    pass(moment, runner);
    runner.manners["b"] = "throw";
    bus.after(moment, [&] { runner.move(); });
    const auto added = ops.start_child("/", NewChild{R"({"name": "b", "task": "pool"})", {}, {}});
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().text(), "start_failed: error{out of luck}");
    EXPECT_EQ(state("b"), "gone");
}

TEST_F(Tasks, S10_AnAttemptThatTakesTooLongIsEndedAndTriedAgain) {
    Runner runner(bus);
    runner.manners["a"] = "hang";
    configure(tree(R"({"name": "a", "task": "pool", "start_timeout": "2s", "shutdown": "1s"})"));
    pass(moment, runner);
    EXPECT_EQ(runner.pending.at(0).start_timeout(), Duration::seconds(2));
    EXPECT_EQ(runner.pending.at(0).shutdown(), second);
    pass(Duration::seconds(2), runner);
    ASSERT_TRUE(runner.pending.at(0).device());
    EXPECT_TRUE(runner.pending.at(0).device().try_receive()) << "it was asked to end";
    pass(second, runner);
    EXPECT_FALSE(runner.pending.at(0).device()) << "its grace is over";
    EXPECT_EQ(runner.asked.size(), 1U) << "no second one beside it";
    runner.manners["a"] = "run";
    runner.pending.clear();
    pass(moment, runner);
    EXPECT_EQ(last_exit("a"), "timeout(start)");
    pass(second, runner);
    EXPECT_EQ(state("a"), "running");
}

TEST_F(Tasks, S10_NoWaitIsStartedAtOnce) {
    Runner runner(bus);
    runner.manners["a"] = "hang";
    configure(tree(R"({"name": "a", "task": "pool", "start_timeout": "no_wait"}, {"name": "b", "task": "pool"})"));
    pass(moment, runner);
    pass(moment, runner);
    EXPECT_EQ(state("a"), "running");
    EXPECT_EQ(state("b"), "running");
    runner.pending.clear();
    pass(moment, runner);
    EXPECT_EQ(row("/").window_used, 1U) << "a crash, not a failed start";
}

// ---- ends --------------------------------------------------------------------------------------------------------------

TEST_F(Tasks, S13_AGoodEndAndADropFollowTheTable) {
    Runner runner(bus);
    configure(tree(R"({"name": "p", "task": "pool"}, {"name": "t", "task": "pool", "restart": "transient"},
                      {"name": "o", "task": "pool", "restart": "temporary"})"));
    for (int i = 0; i < 3; ++i) {
        pass(moment, runner);
    }
    for (const char* name : {"p", "t", "o"}) {
        runner.running.at(name).disconnect(Fault{});
        runner.running.erase(name);
    }
    pass(moment, runner);
    EXPECT_EQ(state("p"), "running");
    EXPECT_EQ(state("t"), "down (ended)");
    EXPECT_EQ(state("o"), "gone");
    EXPECT_EQ(row("p").restarts, 1U);
    ASSERT_TRUE(ops.start("t", WaitFor::accepted));
    pass(moment, runner);
    runner.running.erase("t");
    pass(moment, runner);
    EXPECT_EQ(row("t").restarts, 1U) << "a drop is abnormal";
}

TEST_F(Tasks, S35_AStopAsksAndTheTaskEndsByItself) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"})"));
    pass(moment, runner);
    ASSERT_TRUE(ops.stop("a", WaitFor::accepted));
    pass(moment, runner);
    EXPECT_EQ(state("a"), "stopping");
    Device& a = runner.running.at("a");
    const auto asked = a.try_receive();
    ASSERT_TRUE(asked && std::holds_alternative<Shutdown>(*asked));
    EXPECT_EQ(std::get<Shutdown>(*asked).from, *row("/").line);
    a.disconnect(Fault{});
    pass(moment, runner);
    EXPECT_EQ(state("a"), "down (terminated)");
    EXPECT_EQ(last_exit("a"), "shutdown");
}

TEST_F(Tasks, S35_WhenItsGraceIsOverItsDeviceGoesAndItIsDownWhenTheClientHasLetGo) {  // decision 13
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool", "shutdown": "2s"})"));
    pass(moment, runner);
    ASSERT_TRUE(ops.device().link_wait(*row("a").line, LinkMode::monitor));
    ASSERT_TRUE(ops.stop("a", WaitFor::accepted));
    pass(Duration::seconds(2), runner);
    const auto told_end = ops.device().next(second);
    ASSERT_TRUE(told_end) << "all that watch it know at once";
    EXPECT_EQ(fault_text(*std::get<Disconnected>(*told_end).fault, Epoch{}), "timeout(stop)");
    EXPECT_FALSE(runner.running.at("a"));
    EXPECT_EQ(state("a"), "stopping");
    (void)told({});
    pass(Duration::seconds(10), runner);
    EXPECT_EQ(told({"child_unkillable"}), std::vector<std::string>{"child_unkillable a"});
    runner.running.erase("a");
    pass(moment, runner);
    EXPECT_EQ(state("a"), "down (terminated)");
    EXPECT_EQ(last_exit("a"), "timeout(stop)");
}

TEST_F(Tasks, S35_BrutalKillTakesTheDeviceAtOnce) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool", "shutdown": "brutal_kill"})"));
    pass(moment, runner);
    ASSERT_TRUE(ops.restart("a", WaitFor::accepted));
    pass(moment, runner);
    EXPECT_FALSE(runner.running.at("a"));
    runner.running.erase("a");
    pass(moment, runner);
    EXPECT_EQ(last_exit("a"), "killed");
    EXPECT_EQ(state("a"), "running");
    EXPECT_EQ(row("a").restarts, 0U) << "a manual one is none (decision 32)";
}

TEST_F(Tasks, D2_AllTasksGoWithTheirClientAndTheirSupervisorCountsThatOnce) {  // S-29
    auto first = std::make_unique<Runner>(bus);
    configure(tree(R"({"name": "a@1..8", "task": "pool"})"));
    for (int i = 0; i < 8; ++i) {
        pass(moment, *first);
    }
    EXPECT_EQ(first->running.size(), 8U);
    bus.kill(first->client);
    EXPECT_EQ(last_exit("a@1"), "drop");
    EXPECT_EQ(state("a@1"), "restarting (starter for pool)");
    EXPECT_EQ(state("a@8"), "restarting (starter for pool)");
    EXPECT_EQ(row("/").window_used, 1U);
    bus.advance(Duration::seconds(60));
    Runner second_one(bus);
    pass(moment, second_one);
    EXPECT_EQ(second_one.running.size(), 8U);
    EXPECT_EQ(state("/"), "running");
}

TEST_F(Tasks, W2_AManagedOneCascadesAtOnceAndIsStartedAgainWhenItsClientHasLetGo) {
    Runner runner(bus);
    configure(tree(R"({"name": "db", "task": "pool"}, {"name": "api", "task": "pool", "managed": true, "links": [{"to": "db"}]})"));
    pass(moment, runner);
    pass(moment, runner);
    runner.running.erase("db");
    pass(moment, runner);
    EXPECT_FALSE(runner.running.at("api"));
    EXPECT_EQ(state("db"), "running");
    EXPECT_EQ(runner.asked.size(), 3U);
    runner.running.erase("api");
    pass(moment, runner);
    EXPECT_EQ(state("api"), "running");
    EXPECT_EQ(last_exit("api").substr(0, 8), "cascade(");
    EXPECT_EQ(row("/").window_used, 1U) << "S-29: one cause";
}

TEST_F(Tasks, W2_ACoroutineServesOneAsLongAsItRuns) {
    Client client = bus.connect();
    int served = 0;
    const auto serve = [&served](TaskStart start) -> Task<> {
        Device device = start.running();
        ++served;
        auto forever = []() -> Task<int> { co_return 7; };
        const auto result = co_await device.manage(forever());
        EXPECT_TRUE(result);
    };
    ASSERT_TRUE(client.offer("pool", [&](TaskStart& start) { client.spawn(serve(std::move(start))); }));
    configure(tree(R"({"name": "a", "task": "pool", "restart": "transient"})"));
    (void)client.dispatch();
    bus.advance(moment);
    EXPECT_EQ(served, 1);
    EXPECT_EQ(state("a"), "down (ended)");
    EXPECT_EQ(last_exit("a"), "normal");
}

// ---- the offer, and faults -----------------------------------------------------------------------------------------------

TEST_F(Tasks, AnOfferThatIsWithdrawnLeavesWhatRunsAlone) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"})"));
    pass(moment, runner);
    runner.client.withdraw_offer("pool");
    pass(moment, runner);
    EXPECT_EQ(state("a"), "running");
    runner.running.erase("a");
    pass(moment, runner);
    EXPECT_EQ(state("a"), "restarting (starter for pool)");
    Client twice = bus.connect();
    ASSERT_TRUE(twice.offer("pool", [](TaskStart& start) { start.ignored(); }));
    EXPECT_EQ(runner.client.offer("pool", [](TaskStart&) {}).error().code, ErrorCode::name_taken);
}

TEST_F(Tasks, AFunctionThatSaysNothingHasFailed) {
    Client client = bus.connect();
    ASSERT_TRUE(client.offer("pool", [](TaskStart& start) { const TaskStart lost = std::move(start); }));
    configure(tree(R"({"name": "a", "task": "pool"})"));
    (void)client.dispatch();
    bus.advance(moment);
    EXPECT_EQ(last_exit("a"), "error{its start function did not say what became of it}");
}

TEST_F(Tasks, T10_ACrashOfTheDaemonLeavesThemRunningAndTellsNothingTwice) {
    Runner runner(bus);
    runner.manners["b"] = "hang";
    configure(tree(R"({"name": "a", "task": "pool"}, {"name": "b", "task": "pool"})"));
    pass(moment, runner);
    bus.crash(second);  // what asks for b may be on its way
    pass(moment, runner);
    EXPECT_EQ(state("a"), "running");
    EXPECT_EQ(row("a").restarts, 0U);
    EXPECT_EQ(runner.asked, (std::vector<std::string>{"a", "b"}));
    bus.crash(second);
    runner.running.insert_or_assign("b", runner.pending.at(0).running());
    pass(moment, runner);
    EXPECT_EQ(state("b"), "running");
    EXPECT_EQ(row("b").line, runner.running.at("b").line());
}

TEST_F(Tasks, T10_AClientThatDoesNotComeBackTakesItsTasksAlong) {
    Client gone = bus.connect({.resume = false});
    std::optional<Device> kept;
    ASSERT_TRUE(gone.offer("pool", [&](TaskStart& start) { kept = start.running(); }));
    configure(tree(R"({"name": "a", "task": "pool"})"));
    (void)gone.dispatch();
    bus.advance(moment);
    EXPECT_EQ(state("a"), "running");
    bus.crash();
    EXPECT_EQ(state("a"), "running") << "within its grace";
    bus.advance(Duration::seconds(5));
    EXPECT_EQ(state("a"), "restarting (starter for pool)");
    EXPECT_EQ(last_exit("a"), "drop{unreachable}");
}

TEST_F(Tasks, T13_TheDaemonsStopAsksThemAndEndsWithoutWaitingForWhatIsSaidAfterItsGrace) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool", "shutdown": "2s"})"));
    pass(moment, runner);
    bus.stop();
    runner.move();
    EXPECT_TRUE(std::holds_alternative<Shutdown>(*runner.running.at("a").try_receive()));
    EXPECT_FALSE(runner.client.ended());
    bus.advance(Duration::seconds(8));
    runner.move();
    ASSERT_TRUE(runner.client.ended());
    EXPECT_EQ(runner.client.ended()->code, ErrorCode::shutting_down);
}

TEST_F(Tasks, X17_TheDeathOfOneIsForetoldWithWhatItsClientWouldDo) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"}, {"name": "b", "task": "pool"})", R"("strategy": "one_for_all", )"));
    pass(moment, runner);
    pass(moment, runner);
    const auto impact = ops.impact("a");
    ASSERT_TRUE(impact) << impact.error().text();
    std::vector<std::string> events;
    for (const LogEvent& event : impact->events) {
        events.push_back(event.event + " " + event.name.value_or("-"));
    }
    EXPECT_EQ(events, (std::vector<std::string>{"child_down a", "restart a", "child_stopping b", "child_down b", "child_starting a",
                                                "child_ready a", "child_starting b", "child_ready b"}));
    EXPECT_TRUE(impact->complete);
    EXPECT_EQ(impact->kind, "task");
    EXPECT_EQ(impact->fault, "drop") << "it is no process that a signal could end";
    EXPECT_EQ(runner.asked.size(), 2U) << "nobody was really asked";
}

TEST_F(Tasks, X17_TheCauseOfItsEndIsATaskAndNoProcess) {
    Runner runner(bus);
    configure(tree(R"({"name": "a", "task": "pool"})"));
    pass(moment, runner);
    runner.running.at("a").disconnect(Fault::error("full"));
    runner.running.erase("a");
    pass(moment, runner);
    const auto why = ops.why("a");
    ASSERT_TRUE(why) << why.error().text();
    EXPECT_EQ(why->row.kind, "task");
    ASSERT_FALSE(why->ends.empty());
    EXPECT_EQ(why->ends.front().kind, "task");
}

TEST_F(Tasks, S3_WhatIsWrongInTheConfigurationIsNamed) {
    const auto wrong = [this](const std::string& child) {
        const auto done = bus.configure(tree(child));
        return done ? std::string{"nothing"} : done.error().detail;
    };
    EXPECT_EQ(wrong(R"({"name": "a", "task": "pool", "exec": ["/bin/true"]})"),
              R"(1:30: key "supervisor.children[0]": expected "exec", "task" or "supervisor", got more than one [bad_combination])");
    EXPECT_EQ(wrong(R"({"name": "a"})"),
              R"(1:30: key "supervisor.children[0]": expected "exec", "task" or "supervisor", got none [missing_start])");
    EXPECT_EQ(wrong(R"({"name": "a", "task": "pool", "user": "nobody"})"),
              R"(1:68: key "supervisor.children[0].user": expected on a child with "exec" only, got it on a task [bad_combination])");
    EXPECT_EQ(wrong(R"({"name": "a", "exec": ["/bin/true"], "arguments": []})"),
              R"(1:80: key "supervisor.children[0].arguments": expected on a child with "task" only, got it on another [bad_combination])");
    EXPECT_EQ(wrong(R"({"name": "a", "task": "pool", "arguments": [")" + std::string(9000, 'x') + R"("]})").substr(0, 53),
              R"(1:73: key "supervisor.children[0].arguments": expecte)");
}

TEST_F(Tasks, ChildSpecGivesThemBackAsTheyWereWritten) {
    configure(tree(R"({"name": "a", "task": "pool", "arguments": ["x"], "start_timeout": "no_wait", "managed": true})"));
    EXPECT_EQ(*ops.child_spec("a"), R"({"name":"a","start_timeout":"no_wait","task":"pool","arguments":["x"],"managed":true})");
}

}  // namespace
}  // namespace backplane
