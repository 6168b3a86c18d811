// SPDX-License-Identifier: Apache-2.0
/// The managed run (rules W-2 to W-4) over a scripted connection. Works that are to be stopped wait for their stop token
/// and for nothing else, so that a test which hangs has found a stop that was never asked for.
#include "tests/unit/client/scripted_client.hpp"

#include <backplane/backplane.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace backplane {
namespace {

/// Returns when the token says so.
int until_stopped(std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    stopped.wait(lock, stop, [] { return false; });
    return 7;
}

class ManageTest : public ScriptedClient {};

TEST_F(ManageTest, SuccessGivesTheValueAndEndsWell) {  // W-3
    greet();
    const auto run = device.manage([](std::stop_token) { return 42; });
    ASSERT_TRUE(run);
    EXPECT_EQ(*run, 42);
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_TRUE(wire::decode_manage(frames[0].view())->on) << "the daemon may cascade it at once (decision 13)";
    EXPECT_EQ(wire::decode_disconnect(frames[1].view())->fault, FaultKind::none);
    EXPECT_FALSE(device);
}

TEST_F(ManageTest, PartManageKeepsTheDevice) {  // W-2
    greet();
    ASSERT_TRUE(device.part_manage([](std::stop_token) {}));
    EXPECT_TRUE(device);
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_FALSE(wire::decode_manage(frames[1].view())->on);
}

TEST_F(ManageTest, FailureIsAnErrorToAll) {  // F-4
    greet();
    const auto run = device.manage([](std::stop_token) -> Expected<int> { return unexpected(ErrorCode::bad_request, "no"); });
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::error);
    EXPECT_EQ(run.crash().error->text(), "bad_request: no");
    EXPECT_EQ(said_fault(), "error{bad_request: no}");
}

TEST_F(ManageTest, PanicIsAnErrorToTheOthers) {  // F-4
    greet();
    const auto run = device.manage([](std::stop_token) { throw std::runtime_error{"boom"}; });
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::panic);
    EXPECT_EQ(run.crash().panic.what, "boom");
    EXPECT_EQ(said_fault(), "error{panic: boom}");
}

TEST_F(ManageTest, FatalNoticeStopsTheWorkAndCascades) {  // W-2
    greet();
    say(daemon.notice(device.id(), ScriptedDaemon::line(1), FaultKind::none));
    bool ran = false;
    const auto run = device.manage([&](std::stop_token stop) {
        ran = true;
        say(daemon.notice(device.id(), ScriptedDaemon::line(2)));  // only now: the work has begun
        return until_stopped(std::move(stop));
    });
    ASSERT_FALSE(run);
    EXPECT_TRUE(ran) << "a neighbour that ended well is not fatal";
    EXPECT_EQ(run.crash().kind, CrashKind::cascade);
    EXPECT_EQ(run.crash().by, ScriptedDaemon::line(2));
    EXPECT_EQ(run.crash().fault.kind, FaultKind::signal);
    EXPECT_EQ(run.crash().text(), "cascade(9f3a.3.2): signal(9)");
    EXPECT_EQ(said_fault(), "cascade(9f3a.3.2)");
}

TEST_F(ManageTest, WhatIsAlreadyFatalWinsOverTheWork) {  // W-4
    greet();
    say(daemon.notice(device.id(), ScriptedDaemon::line(2)));
    ASSERT_TRUE(client->dispatch());
    bool ran = false;
    const auto run = device.manage([&](std::stop_token) { ran = true; });
    ASSERT_FALSE(run);
    EXPECT_FALSE(ran);
    EXPECT_EQ(run.crash().kind, CrashKind::cascade);
}

TEST_F(ManageTest, MessageWinsOverACompletedResult) {  // W-1, W-4
    greet();
    const auto run = device.manage([&](std::stop_token) {
        say(daemon.shutdown_requested(device.id(), ScriptedDaemon::line(3)));
        return 1;
    });
    ASSERT_FALSE(run) << "the request was there when the work was done";
    EXPECT_EQ(run.crash().kind, CrashKind::power_off);
    EXPECT_EQ(run.crash().by, ScriptedDaemon::line(3));
    EXPECT_EQ(said_fault(), "none") << "a crash to the caller, a clean end to the watchers";
}

TEST_F(ManageTest, CascadeByTheDaemonStopsTheWork) {  // decision 13
    greet();
    const auto run = device.manage([&](std::stop_token stop) {
        say(daemon.cascaded(device.id(), ScriptedDaemon::line(2)));
        return until_stopped(std::move(stop));
    });
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::cascade);
    EXPECT_EQ(run.crash().by, ScriptedDaemon::line(2));
    EXPECT_EQ(run.crash().fault.kind, FaultKind::signal);
    EXPECT_EQ(said_fault(), "-") << "the daemon has said it already";
    ASSERT_TRUE(device.ended());
    EXPECT_EQ(device.ended()->fault->kind, FaultKind::cascade);
}

TEST_F(ManageTest, RootOfALongerCascadeIsKept) {  // F-2
    greet();
    const auto run = device.manage([&](std::stop_token stop) {
        say(daemon.cascaded(device.id(), ScriptedDaemon::line(2), 3));
        return until_stopped(std::move(stop));
    });
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().fault.kind, FaultKind::cascade);
    EXPECT_EQ(run.crash().fault.hops, 2U);
    EXPECT_EQ(run.crash().fault.root_kind, FaultKind::signal);
}

TEST_F(ManageTest, PowerOffByTheDaemonIsAPowerOff) {  // F-3
    greet();
    const auto run = device.manage([&](std::stop_token stop) {
        say(daemon.shutdown_requested(device.id(), ScriptedDaemon::line(3)).ended_well(device.id()));
        return until_stopped(std::move(stop));
    });
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::power_off);
    EXPECT_EQ(run.crash().by, ScriptedDaemon::line(3));
}

TEST_F(ManageTest, WorkersOwnDeviceIsManagedByTheLibrary) {  // W-6, W-7
    greet(ScriptedDaemon::worker);
    const auto run = device.manage([&](std::stop_token stop) {
        say(daemon.notice(ScriptedDaemon::worker, ScriptedDaemon::line(2)));
        return until_stopped(std::move(stop));
    });
    ASSERT_FALSE(run);
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 1U) << "no `manage`: the daemon would stop the process";
    EXPECT_EQ(wire::decode_disconnect(frames[0].view())->fault, FaultKind::cascade);
}

TEST_F(ManageTest, LostConnectionEndsTheRun) {  // D-2
    greet();
    const auto run = device.manage([&](std::stop_token stop) {
        ::shutdown(peer, SHUT_RDWR);
        return until_stopped(std::move(stop));
    });
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::lost);
    EXPECT_EQ(run.crash().lost.code, ErrorCode::unreachable);
}

TEST_F(ManageTest, LineOfAnotherEpochIsFatalToo) {  // D-10
    greet();
    ASSERT_TRUE(device.link(Line{Epoch{1}, DeviceId::make(1, 1)}, LinkMode::monitor));
    const auto run = device.manage([](std::stop_token) {});
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().fault.kind, FaultKind::unreachable);
    EXPECT_EQ(said_fault(), "error{unreachable: 1.1.1}");
}

TEST_F(ManageTest, MoveOnlyResultsAndReuse) {
    greet();
    auto run = device.part_manage([](std::stop_token) -> Expected<std::unique_ptr<int>> { return std::make_unique<int>(3); });
    ASSERT_TRUE(run);
    EXPECT_EQ(**run, 3);
    EXPECT_TRUE(device.part_manage([](std::stop_token) -> Expected<void> { return {}; }));
}

}  // namespace
}  // namespace backplane
