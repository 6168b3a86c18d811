// SPDX-License-Identifier: Apache-2.0
/// LocalBus: the faults that it makes, `kill` and `crash`.
#include <backplane/backplane.hpp>
#include <backplane/testing/local_bus.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <optional>
#include <string>
#include <utility>

namespace backplane {
namespace {

using backplane::testing::LocalBus;

constexpr Duration second = Duration::seconds(1);

std::string told_fault(Device& device) {
    const auto message = device.next(Within{Duration{}});
    if (!message) {
        return message.error().text();
    }
    const auto* notice = std::get_if<Disconnected>(&*message);
    return notice == nullptr ? "shutdown" : notice->fault ? fault_text(*notice->fault, Epoch{}) : "none";
}

template <class T>
std::optional<T> event_of(Client& client) {
    while (auto event = client.try_event()) {
        if (auto* wanted = std::get_if<T>(&*event)) {
            return std::move(*wanted);
        }
    }
    return std::nullopt;
}

class LocalBusFaults : public ::testing::Test {
  protected:
    Device watched(Client& of) {
        Device device = std::move(*of.open_device());
        EXPECT_TRUE(ours.device().link_wait(device.line(), LinkMode::monitor));
        return device;
    }

    LocalBus bus;
    Client ours = bus.connect();
    Client theirs = bus.connect();
};

TEST_F(LocalBusFaults, WhoIsRefusedIsOverFromTheBeginning) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::dup(theirs.fd());  // the lowest that is free
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    Client refused = bus.connect();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(refused.ended());
    EXPECT_EQ(refused.ended()->code, ErrorCode::system);
    EXPECT_EQ(refused.ping().error().code, ErrorCode::system);
    EXPECT_TRUE(ours.ping());
}

// ---- kill ------------------------------------------------------------------------------------------------------------

TEST_F(LocalBusFaults, KilledClientDropsItsDevices) {  // D-2, D-3
    const Device a = watched(theirs);
    const Device b = watched(theirs);
    bus.kill(theirs);
    EXPECT_EQ(told_fault(ours.device()), "drop");
    EXPECT_EQ(told_fault(ours.device()), "drop");
    EXPECT_FALSE(a);
}

TEST_F(LocalBusFaults, KilledClientAnswersUnreachable) {
    Device device = watched(theirs);
    bus.kill(theirs);
    ASSERT_TRUE(theirs.ended());
    EXPECT_EQ(theirs.ended()->code, ErrorCode::unreachable);
    EXPECT_EQ(theirs.ping().error().code, ErrorCode::unreachable);
    EXPECT_EQ(theirs.dispatch().error().code, ErrorCode::unreachable);
    EXPECT_EQ(theirs.open_device().error().code, ErrorCode::unreachable);
    EXPECT_EQ(device.link(ours.device(), LinkMode::monitor).error().code, ErrorCode::unreachable);
    EXPECT_EQ(device.next(Within::forever()).error().code, ErrorCode::unreachable);
    EXPECT_TRUE(event_of<ConnectionLost>(theirs));
}

TEST_F(LocalBusFaults, WhatAKilledClientHadBufferedIsLost) {
    Device device = watched(theirs);
    ASSERT_TRUE(device.link(ours.device(), LinkMode::notify));
    const auto another = theirs.open_device();
    bus.kill(theirs);
    EXPECT_EQ(told_fault(ours.device()), "drop") << "once: the second link was never laid";
    EXPECT_EQ(told_fault(ours.device()), "timeout: the daemon did not answer in time");
    EXPECT_EQ(ours.describe(another->line()).error().code, ErrorCode::not_found);
}

TEST_F(LocalBusFaults, KillingWhatIsNotThereDoesNothing) {
    LocalBus other;
    Client foreign = other.connect();
    bus.kill(foreign);
    EXPECT_TRUE(foreign.ping());
    Client moved = std::move(theirs);
    bus.kill(theirs);  // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(moved.ping());
    bus.kill(moved);
    bus.kill(moved);
    EXPECT_TRUE(ours.ping());
}

TEST_F(LocalBusFaults, ABlockingCallOfTheKilledEnds) {
    bus.after(second, [&] { bus.kill(ours); });
    EXPECT_EQ(ours.device().next(Within::forever()).error().text(), "unreachable: this client was killed");
}

// ---- crash -----------------------------------------------------------------------------------------------------------

TEST_F(LocalBusFaults, SessionsComeBackFromACrash) {  // T-10
    Device device = watched(theirs);
    ASSERT_TRUE(theirs.register_name("db", device));
    ASSERT_TRUE(ours.dispatch());
    bus.crash(Duration::milliseconds(20));
    pollfd watched_by_a_loop{ours.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&watched_by_a_loop, 1, 0), 1) << "the event is to be told";
    const auto resumed = event_of<Resumed>(ours);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->away, Duration::milliseconds(20));
    EXPECT_TRUE(event_of<Resumed>(theirs));
    EXPECT_EQ(*ours.lookup("db"), device.line());
    EXPECT_EQ(ours.daemon_info()->daemon_restarts, 1U);
    device.disconnect(Fault::error());
    EXPECT_EQ(told_fault(ours.device()), "error");
}

TEST_F(LocalBusFaults, ACrashLosesAndDoublesNothing) {  // T-10: each operation once, each notice once
    Device a = watched(theirs);
    Device b = watched(theirs);
    Device c = watched(theirs);
    a.disconnect(Fault::error("a"));  // its notice is on its way
    const Device handed_in = std::move(*ours.open_device());
    ASSERT_TRUE(ours.flush());  // carried out, and its acknowledgement is on its way
    const Device buffered = std::move(*ours.open_device());
    bus.crash();
    b.disconnect(Fault::error("b"));
    bus.crash();
    bus.crash();
    c.disconnect(Fault::error("c"));
    EXPECT_EQ(told_fault(ours.device()), "error{a}");
    EXPECT_EQ(told_fault(ours.device()), "error{b}");
    EXPECT_EQ(told_fault(ours.device()), "error{c}");
    EXPECT_EQ(told_fault(ours.device()), "timeout: the daemon did not answer in time");
    EXPECT_EQ(ours.list()->size(), 3U) << "our own, the one that was handed in, the one that was not";
    EXPECT_TRUE(handed_in);
    EXPECT_TRUE(buffered);
    EXPECT_FALSE(ours.ended()) << "a create that is sent twice would have been a breach";
}

TEST_F(LocalBusFaults, ACallGoesOnThroughACrash) {
    Device device = watched(theirs);
    bus.after(second, [&] { bus.crash(Duration::milliseconds(100)); });
    bus.after(Duration::seconds(2), [&] { device.disconnect(); });
    const auto message = ours.device().next(Within::forever());
    ASSERT_TRUE(message) << message.error().text();
    EXPECT_FALSE(std::get<Disconnected>(*message).fault);
}

TEST_F(LocalBusFaults, WhoDoesNotResumeIsOverAndDropsAfterTheGrace) {  // T-10
    Client frail = bus.connect({.resume = false});
    const Device device = watched(frail);
    bus.crash();
    ASSERT_TRUE(frail.ended());
    EXPECT_EQ(frail.ended()->code, ErrorCode::unreachable);
    bus.advance(Duration::milliseconds(4'999));
    EXPECT_EQ(told_fault(ours.device()), "timeout: the daemon did not answer in time");
    bus.advance(Duration::milliseconds(1));
    EXPECT_EQ(told_fault(ours.device()).substr(0, 4), "drop");
}

TEST_F(LocalBusFaults, ACrashThatLastsTooLongIsTheEndForAll) {
    bool is_called = false;
    bus.after(second, [&] { is_called = true; });
    bus.crash(Duration::seconds(5));
    ASSERT_TRUE(ours.ended());
    EXPECT_EQ(ours.ended()->code, ErrorCode::unreachable);
    EXPECT_EQ(theirs.ping().error().code, ErrorCode::unreachable);
    EXPECT_FALSE(is_called);
    Client fresh = bus.connect();
    EXPECT_TRUE(fresh.ping());
    EXPECT_FALSE(*fresh.wait(Within::forever())) << "until their sessions are gone";
    EXPECT_TRUE(is_called);
    EXPECT_EQ(fresh.daemon_info()->sessions, 1U);
}

// ---- stop ------------------------------------------------------------------------------------------------------------

TEST_F(LocalBusFaults, StopAsksEveryDeviceAndEndsEveryClient) {  // T-13
    ASSERT_TRUE(ours.device());
    Device theirs_open = std::move(*theirs.open_device());
    const Instant begin = bus.now();
    bus.stop();
    const auto asked = ours.device().next(Within::forever());
    ASSERT_TRUE(asked) << asked.error().text();
    ASSERT_TRUE(std::holds_alternative<Shutdown>(*asked));
    EXPECT_FALSE(std::get<Shutdown>(*asked).from);
    ours.device().disconnect();
    EXPECT_EQ(bus.now(), begin);
    EXPECT_FALSE(ours.ended());
    EXPECT_EQ(ours.next_event(Within::forever())->index(), ClientEvent{ConnectionLost{}}.index());
    EXPECT_EQ(bus.now(), begin + Duration::seconds(5)) << "the other one did not go";
    EXPECT_EQ(ours.ended()->code, ErrorCode::shutting_down);
    EXPECT_EQ(theirs.ping().error().code, ErrorCode::shutting_down);
    Client late = bus.connect();
    ASSERT_TRUE(late.ended());
    EXPECT_EQ(late.ended()->code, ErrorCode::shutting_down);
}

TEST_F(LocalBusFaults, StopIsQuickWhereEveryDeviceGoes) {
    ASSERT_TRUE(ours.device());
    const Instant begin = bus.now();
    bus.stop();
    ours.device().disconnect();
    EXPECT_EQ(ours.ping().error().code, ErrorCode::shutting_down);
    EXPECT_EQ(bus.now(), begin);
}

TEST(LocalBusGrace, IsWhatTheOptionsSay) {
    LocalBus bus{{.resume_grace = Duration::seconds(60)}};
    Client client = bus.connect();
    bus.crash(Duration::seconds(59));
    EXPECT_TRUE(client.ping());
    bus.crash(Duration::seconds(60));
    EXPECT_TRUE(client.ended());
}

TEST_F(LocalBusFaults, TheLogGoesOnBehindACrash) {
    std::string told;
    ASSERT_TRUE(ours.subscribe({.graph = true}, [&](const LogEvent& event) { told += event.event + " "; }));
    bus.crash();
    ASSERT_TRUE(ours.ping());
    told.clear();
    const Device device = std::move(*theirs.open_device());
    ASSERT_TRUE(theirs.flush());
    ASSERT_TRUE(ours.dispatch());
    EXPECT_NE(told.find("device_up"), std::string::npos) << told;
}

}  // namespace
}  // namespace backplane
