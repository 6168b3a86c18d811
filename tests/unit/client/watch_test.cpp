// SPDX-License-Identifier: Apache-2.0
/// watch, manage and part_manage of Tasks and functions (rules W-1 to W-4) over a scripted connection.
#include "tests/unit/client/scripted_client.hpp"

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace backplane {
namespace {

enum class Trouble : std::uint8_t { none, full, stuck };

class WatchTest : public ScriptedClient {
  public:
    /// Work that ends when `finish` is called.
    Task<int> until_finished() {
        struct Awaiter {
            WatchTest& test;
            [[nodiscard]] bool await_ready() const { return test.is_finished; }
            void await_suspend(std::coroutine_handle<> handle) { test.waiting = handle; }
            void await_resume() const {}
        };
        co_await Awaiter{*this};
        co_return 42;
    }
    void finish() {
        is_finished = true;
        if (waiting) {
            std::exchange(waiting, nullptr).resume();
        }
    }
    /// Runs a task until it is done or everything waits.
    template <class T>
    void drive(Task<T>& task) {
        task.start();
        ASSERT_TRUE(client->dispatch());
    }

    bool is_finished = false;
    std::coroutine_handle<> waiting;
};

TEST_F(WatchTest, W1_TheResultIfItComesFirst) {
    greet();
    auto work = until_finished();
    auto watch = device.watch(work);
    drive(watch);
    EXPECT_FALSE(watch.is_done());
    finish();
    ASSERT_TRUE(watch.is_done());
    auto watched = watch.take();
    ASSERT_TRUE(watched.is_completed());
    EXPECT_EQ(watched.value(), 42);
    EXPECT_TRUE(device) << "the Device stays usable";
}

TEST_F(WatchTest, W1_AMessageIfItComesFirstAndTheWorkGoesOn) {
    greet();
    auto work = until_finished();
    auto first = device.watch(work);
    drive(first);
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(first.is_done());
    auto watched = first.take();
    ASSERT_TRUE(watched.is_message());
    EXPECT_EQ(watched.message().sender(), ScriptedDaemon::line(1));
    finish();  // while nobody watches
    auto second = device.watch(work);
    drive(second);
    ASSERT_TRUE(second.is_done());
    auto completed = second.take();
    ASSERT_TRUE(completed.is_completed());
    EXPECT_EQ(completed.value(), 42);
}

TEST_F(WatchTest, W1_TheMessageWinsWhereBothAreThere) {
    greet();
    finish();
    say(daemon.shutdown_requested(device.id(), ScriptedDaemon::line(1)));
    auto work = until_finished();
    auto watch = device.watch(work);
    watch.start();  // not even dispatched: it lies in the socket
    ASSERT_TRUE(watch.is_done());
    EXPECT_TRUE(watch.take().is_message());
}

TEST_F(WatchTest, W1_APanicIsGivenAndTheDeviceStays) {
    greet();
    const auto thrower = []() -> Task<int> {
        throw std::runtime_error{"boom"};
        co_return 1;
    };
    auto work = thrower();
    auto watch = device.watch(work);
    drive(watch);
    auto watched = watch.take();
    ASSERT_TRUE(watched.is_panic());
    EXPECT_EQ(watched.panic().what, "boom");
    EXPECT_TRUE(device);
}

TEST_F(WatchTest, W1_OfAFunction) {
    greet();
    auto done = device.watch([](std::stop_token) { return 7; });
    ASSERT_TRUE(done.is_completed());
    EXPECT_EQ(done.value(), 7);
    auto panic = device.watch([](std::stop_token) { throw std::runtime_error{"boom"}; });
    ASSERT_TRUE(panic.is_panic());
    EXPECT_EQ(panic.panic().what, "boom");
    auto told = device.watch([&](std::stop_token stop) {
        say(daemon.notice(device.id(), ScriptedDaemon::line(1), FaultKind::none));
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock{mutex};
        stopped.wait(lock, std::move(stop), [] { return false; });
    });
    ASSERT_TRUE(told.is_message());
    EXPECT_FALSE(told.message().is_fatal());
    EXPECT_TRUE(device);
}

TEST_F(WatchTest, AWatchOfADeviceThatGoesIsLost) {
    greet();
    auto work = until_finished();
    auto watch = device.watch(work);
    drive(watch);
    device.disconnect();
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(watch.is_done());
    auto watched = watch.take();
    ASSERT_TRUE(watched.is_lost());
    EXPECT_EQ(watched.lost().code, ErrorCode::device_down);
}

TEST_F(WatchTest, W3_ATaskThatSucceedsEndsTheDeviceWell) {
    greet();
    auto run = device.manage(until_finished());
    drive(run);
    finish();
    ASSERT_TRUE(run.is_done());
    const auto managed = run.take();
    ASSERT_TRUE(managed);
    EXPECT_EQ(*managed, 42);
    EXPECT_FALSE(device);
    EXPECT_EQ(said_fault(), "none");
}

TEST_F(WatchTest, W2_PartManageKeepsTheDevice) {
    greet();
    auto run = device.part_manage(until_finished());
    drive(run);
    finish();
    ASSERT_TRUE(run.is_done());
    EXPECT_TRUE(run.take());
    EXPECT_TRUE(device);
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_TRUE(wire::decode_manage(frames[0].view())->on);
    EXPECT_FALSE(wire::decode_manage(frames[1].view())->on);
}

TEST_F(WatchTest, W2_AFatalNoticeCascadesAndCancelsTheWork) {
    greet();
    bool cancelled = false;
    const auto guarded = [&]() -> Task<int> {
        struct Guard {
            bool& flag;
            ~Guard() { flag = true; }
        } guard{cancelled};
        co_return co_await until_finished();
    };
    auto run = device.manage(guarded());
    drive(run);
    say(daemon.notice(device.id(), ScriptedDaemon::line(1), FaultKind::none));
    ASSERT_TRUE(client->dispatch());
    EXPECT_FALSE(run.is_done()) << "a clean end is not fatal";
    say(daemon.notice(device.id(), ScriptedDaemon::line(2)));
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(run.is_done());
    EXPECT_TRUE(cancelled);
    const auto managed = run.take();
    ASSERT_FALSE(managed);
    EXPECT_TRUE(managed.crash().is_cascade());
    EXPECT_EQ(managed.crash().by, ScriptedDaemon::line(2));
    EXPECT_EQ(fault_text(managed.crash().fault, ScriptedDaemon::epoch), "signal(9)");
    EXPECT_EQ(said_fault(), "cascade(" + ScriptedDaemon::line(2).text() + ")");
}

TEST_F(WatchTest, F2_ACascadeByTheDaemonKnowsRootAndHops) {
    greet();
    auto run = device.manage(until_finished());
    drive(run);
    say(daemon.cascaded(device.id(), ScriptedDaemon::line(2), 3));
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(run.is_done());
    const auto managed = run.take();
    ASSERT_TRUE(managed.crash().is_cascade());
    EXPECT_EQ(managed.crash().fault.root, DeviceId::make(9, 9));
    EXPECT_EQ(managed.crash().fault.hops, 2U) << "as the neighbour's own fault counts them";
}

TEST_F(WatchTest, W2_AShutdownRequestIsAPowerOff) {
    greet();
    auto run = device.part_manage(until_finished());
    drive(run);
    say(daemon.shutdown_requested(device.id(), ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(run.is_done());
    const auto managed = run.take();
    ASSERT_TRUE(managed.crash().is_power_off());
    EXPECT_EQ(managed.crash().by, ScriptedDaemon::line(1));
    EXPECT_EQ(said_fault(), "none") << "a crash to the caller and a success to the watchers";
}

TEST_F(WatchTest, W4_WhatIsFatalAndThereWinsOverWorkThatIsDone) {
    greet();
    auto run = device.manage(until_finished());
    drive(run);
    say(daemon.notice(device.id(), ScriptedDaemon::line(2)));
    finish();  // the notice lies unread in the socket
    ASSERT_TRUE(run.is_done());
    EXPECT_TRUE(run.take().crash().is_cascade());
}

TEST_F(WatchTest, F3_AnErrorOfOnesOwnKind) {
    greet();
    const auto work = []() -> Task<Expected<int, Trouble>> { co_return failure(Trouble::full); };
    auto run = device.part_manage(work());
    drive(run);
    ASSERT_TRUE(run.is_done());
    const auto managed = run.take();
    ASSERT_FALSE(managed);
    ASSERT_TRUE(managed.crash().is_error());
    EXPECT_EQ(managed.crash().error, Trouble::full);
    EXPECT_EQ(said_fault(), "error");
}

TEST_F(WatchTest, F3_AnErrorOfOnesOwnKindFromAFunction) {
    greet();
    const auto managed = device.manage([](std::stop_token) -> Expected<void, Trouble> { return failure(Trouble::stuck); });
    ASSERT_FALSE(managed);
    EXPECT_EQ(managed.crash().error, Trouble::stuck);
}

TEST_F(WatchTest, F3_APanicCanBeThrownAgain) {
    greet();
    const auto work = []() -> Task<> {
        throw std::runtime_error{"boom"};
        co_return;
    };
    auto run = device.manage(work());
    drive(run);
    const auto managed = run.take();
    ASSERT_TRUE(managed.crash().is_panic());
    EXPECT_THROW(std::rethrow_exception(managed.crash().panic.exception), std::runtime_error);
    EXPECT_EQ(said_fault(), "error{panic: boom}");
}

TEST_F(WatchTest, D3_ARunThatIsCancelledMidwayDropsItsDevice) {
    greet();
    {
        auto run = device.manage(until_finished());
        drive(run);
    }
    EXPECT_EQ(said_fault(), "drop");
    EXPECT_FALSE(device);
}

TEST_F(WatchTest, TheEndOfTheConnectionIsALostRun) {
    greet();
    auto run = device.manage(until_finished());
    drive(run);
    ::shutdown(peer, SHUT_RDWR);
    static_cast<void>(client->dispatch());
    ASSERT_TRUE(run.is_done());
    const auto managed = run.take();
    ASSERT_TRUE(managed.crash().is_lost());
    EXPECT_EQ(managed.crash().lost.code, ErrorCode::unreachable);
}

TEST_F(WatchTest, ARunOfWhatHasGoneIsLostBeforeTheWorkBegins) {
    greet();
    device.disconnect();
    auto run = device.manage(until_finished());
    run.start();
    ASSERT_TRUE(run.is_done());
    EXPECT_TRUE(run.take().crash().is_lost());
    EXPECT_FALSE(waiting);
}

}  // namespace
}  // namespace backplane
