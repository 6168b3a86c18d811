// SPDX-License-Identifier: Apache-2.0
/// Links, notices and cascades over the real daemon: sections 1 to 6 of the rules as a client sees them.
#include "tests/integration/daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <algorithm>
#include <thread>

namespace backplane::integration {
namespace {

Disconnected gone(const Expected<Message>& message) {
    if (!message || !std::holds_alternative<Disconnected>(*message)) {
        ADD_FAILURE() << (message ? "a shutdown request" : message.error().text());
        return {};
    }
    return std::get<Disconnected>(*message);
}

std::string text_of(const std::optional<Fault>& fault, Epoch epoch = {}) { return fault ? fault_text(*fault, epoch) : "none"; }

/// After a pong everything that the daemon had to say before is here: what has not come by then, has not been sent.
void expect_silence(Client& client, Device& device) {
    ASSERT_TRUE(client.ping(plenty));
    EXPECT_FALSE(device.try_receive());
}

TEST(LinkTest, KilledWorkerIsToldOnceAndComesBackAsAnother) {  // D-1, D-6, F-5, P-1
    Daemon daemon{R"([{"name": "w", "exec": ["sleep", "1000"], "backoff": "none"}])"};
    const DeviceRow before = daemon.await_state("w", "running");
    Client client = daemon.connect();
    Device& self = client.device();
    ASSERT_TRUE(self.link_wait(*before.line, LinkMode::monitor, plenty));
    ASSERT_EQ(::kill(static_cast<pid_t>(*before.pid), SIGKILL), 0);
    const Disconnected told = gone(self.next(plenty));
    EXPECT_EQ(told.device, *before.line);
    EXPECT_EQ(text_of(told.fault), "signal(9)");
    const DeviceRow after = daemon.await_restart(before);
    EXPECT_NE(after.line, before.line);
    EXPECT_EQ(after.restarts, 1U);
    expect_silence(client, self);
}

TEST(LinkTest, ClosedConnectionDropsItsDevices) {  // D-2, D-3
    Daemon daemon;
    Client watcher = daemon.connect();
    Line line;
    {
        Client other = daemon.connect();
        auto device = other.open_device();
        ASSERT_TRUE(device);
        line = device->line();
        ASSERT_TRUE(other.ping(plenty));
        ASSERT_TRUE(watcher.device().link_wait(line, LinkMode::monitor, plenty));
        *device = Device{};
    }
    EXPECT_EQ(text_of(gone(watcher.device().next(plenty)).fault), "drop");
}

TEST(LinkTest, ExplicitFaultIsToldWithItsTextOnce) {  // D-4
    Daemon daemon;
    Client a = daemon.connect();
    Client b = daemon.connect();
    auto device = b.open_device();
    ASSERT_TRUE(b.ping(plenty));
    ASSERT_TRUE(a.device().link_wait(device->line(), LinkMode::monitor, plenty));
    device->disconnect(Fault::error("disk full"));
    *device = Device{};
    EXPECT_EQ(text_of(gone(a.device().next(plenty)).fault), "error{disk full}");
    ASSERT_TRUE(b.ping(plenty));
    expect_silence(a, a.device());
}

TEST(LinkTest, CleanEndHasNoFault) {
    Daemon daemon;
    Client client = daemon.connect();
    auto device = client.open_device();
    ASSERT_TRUE(client.device().link(*device, LinkMode::monitor));
    device->disconnect();
    EXPECT_EQ(text_of(gone(client.device().next(plenty)).fault), "none");
}

TEST(LinkTest, LinksAddUpAndTellOnce) {  // L-2, L-4
    Daemon daemon;
    Client client = daemon.connect();
    auto a = client.open_device();
    auto b = client.open_device();
    ASSERT_TRUE(a->link(*b, LinkMode::monitor));
    ASSERT_TRUE(b->link(*a, LinkMode::notify));
    ASSERT_TRUE(a->link(*b, LinkMode::peer));
    b->disconnect(Fault::error());
    EXPECT_EQ(gone(a->next(plenty)).device, Line(client.epoch(), b->id()));
    expect_silence(client, *a);
}

TEST(LinkTest, AfterTheAcknowledgedUnlinkNothingIsTold) {  // T-5: unlinks that race with the death
    Daemon daemon;
    Client watcher = daemon.connect();
    Client owner = daemon.connect();
    for (int round = 0; round < 200; ++round) {
        auto victim = owner.open_device();
        ASSERT_TRUE(owner.ping(plenty));
        const Line line = victim->line();
        ASSERT_TRUE(watcher.device().link_wait(line, LinkMode::monitor, plenty));
        victim->disconnect(Fault::error());
        ASSERT_TRUE(watcher.device().unlink_wait(line, LinkMode::monitor, plenty));
        expect_silence(watcher, watcher.device());
    }
}

TEST(LinkTest, DeadTargetIsAnsweredLikeADeath) {  // L-9: its three forms
    Daemon daemon;
    Client client = daemon.connect();
    Device& self = client.device();
    auto dead = client.open_device();
    const Line line = dead->line();
    dead->disconnect(Fault::error("before"));
    ASSERT_TRUE(client.ping(plenty));

    ASSERT_TRUE(self.link(line, LinkMode::monitor));
    EXPECT_EQ(text_of(gone(self.next(plenty)).fault), "error{before}");

    EXPECT_EQ(self.link_wait(line, LinkMode::peer, plenty).error().code, ErrorCode::link_down);
    expect_silence(client, self);

    ASSERT_TRUE(self.link(line, LinkMode::notify));
    const auto event = client.next_event(plenty);
    ASSERT_TRUE(event);
    EXPECT_EQ(std::get<Refused>(*event).error.code, ErrorCode::link_down);
    expect_silence(client, self);
}

TEST(LinkTest, UnknownTargetIsUnreachable) {  // L-9, T-11
    Daemon daemon;
    Client client = daemon.connect();
    ASSERT_TRUE(client.device().link(Line{client.epoch(), DeviceId::make(77, 4711)}, LinkMode::monitor));
    EXPECT_EQ(text_of(gone(client.device().next(plenty)).fault), "unreachable");
}

TEST(CascadeTest, ManagedTasksGoOneAfterAnotherWithTheRootKept) {  // W-2, W-6, F-2, decision 13
    Daemon daemon;
    Client a = daemon.connect();
    Client b = daemon.connect();
    Client c = daemon.connect();
    auto root = a.open_device();
    auto middle = b.open_device({.managed = true});
    ASSERT_TRUE(a.ping(plenty));
    ASSERT_TRUE(middle->link_wait(root->line(), LinkMode::monitor, plenty));
    Device& watcher = c.device();
    ASSERT_TRUE(watcher.link_wait(middle->line(), LinkMode::monitor, plenty));
    root->disconnect(Fault::error("root cause"));

    const Disconnected told = gone(watcher.next(plenty));
    ASSERT_TRUE(told.fault);
    EXPECT_EQ(told.fault->kind, FaultKind::cascade);
    EXPECT_EQ(told.fault->cascade, root->id());
    EXPECT_EQ(told.fault->root, root->id());
    EXPECT_EQ(told.fault->root_kind, FaultKind::error);
    EXPECT_EQ(told.fault->hops, 1U);

    EXPECT_EQ(middle->next(plenty).error().code, ErrorCode::device_down);
    ASSERT_TRUE(middle->ended());
    EXPECT_EQ(middle->ended()->by.id(), root->id());
}

TEST(CascadeTest, CircleOfPeersEndsWithOneNoticeEach) {  // W-8: k Devices, at most k disconnects
    Daemon daemon;
    Client client = daemon.connect();
    Client watcher = daemon.connect();
    constexpr std::size_t count = 20;
    std::vector<Device> circle;
    for (std::size_t i = 0; i < count; ++i) {
        circle.push_back(std::move(*client.open_device({.managed = true})));
    }
    for (std::size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(circle[i].link(circle[(i + 1) % count], LinkMode::peer));
    }
    ASSERT_TRUE(client.ping(plenty));
    for (const Device& device : circle) {
        ASSERT_TRUE(watcher.device().link_wait(device.line(), LinkMode::monitor, plenty));
    }
    circle[7].disconnect(Fault::error());
    std::vector<Line> told;
    for (std::size_t i = 0; i < count; ++i) {
        told.push_back(gone(watcher.device().next(plenty)).device);
    }
    std::sort(told.begin(), told.end());
    EXPECT_EQ(std::unique(told.begin(), told.end()), told.end());
    expect_silence(watcher, watcher.device());
}

TEST(ShutdownTest, RequestIsDeliveredAndForcesNothing) {  // M-2, M-6
    Daemon daemon;
    Client a = daemon.connect();
    Client b = daemon.connect();
    Device& self = b.device();
    ASSERT_TRUE(self);
    ASSERT_TRUE(b.ping(plenty));
    ASSERT_TRUE(a.device().request_shutdown(self.line()));
    const auto message = self.next(plenty);
    ASSERT_TRUE(message && std::holds_alternative<Shutdown>(*message));
    EXPECT_EQ(std::get<Shutdown>(*message).from, a.device().line());
    EXPECT_TRUE(self);
}

TEST(ShutdownTest, ManagedTaskEndsWell) {  // W-2: power_off
    Daemon daemon;
    Client a = daemon.connect();
    Client b = daemon.connect();
    auto task = b.open_device();
    ASSERT_TRUE(b.ping(plenty));
    ASSERT_TRUE(a.device().link_wait(task->line(), LinkMode::monitor, plenty));
    ASSERT_TRUE(a.device().request_shutdown(task->line()));
    const auto run = task->manage([](std::stop_token stop) {
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
    });
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::power_off);
    EXPECT_EQ(text_of(gone(a.device().next(plenty)).fault), "none");
}

TEST(ShutdownTest, DaemonTellsTasksBeforeItGoes) {  // T-13
    Daemon daemon;
    Client client = daemon.connect();
    ASSERT_TRUE(client.device());
    ASSERT_TRUE(client.ping(plenty));
    daemon.signal(SIGTERM);
    const auto last = client.device().next(plenty);
    ASSERT_TRUE(last) << last.error().text();
    EXPECT_TRUE(std::holds_alternative<Shutdown>(*last));
    client.device().disconnect();
    while (client.wait(plenty)) {
    }
    ASSERT_TRUE(client.ended());
    EXPECT_EQ(client.ended()->code, ErrorCode::shutting_down);
}

TEST(ManyTest, ThousandsOfDevicesOnOneConnection) {  // decisions 1 and 2: nothing waits, ids are granted ahead
    Daemon daemon;
    Client client = daemon.connect();
    Device& self = client.device();
    std::vector<Device> devices;
    for (int i = 0; i < 5000; ++i) {
        auto device = client.open_device({.within = plenty});
        ASSERT_TRUE(device) << device.error().text();
        ASSERT_TRUE(self.link(*device, LinkMode::monitor));
        devices.push_back(std::move(*device));
    }
    for (Device& device : devices) {
        device.disconnect(Fault::error());
    }
    for (const Device& device : devices) {
        EXPECT_EQ(gone(self.next(plenty)).device.id(), device.id()) << "from one receiver's side they come in order (M-4)";
    }
}

}  // namespace
}  // namespace backplane::integration
