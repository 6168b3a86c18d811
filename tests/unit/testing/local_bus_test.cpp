// SPDX-License-Identifier: Apache-2.0
/// LocalBus: every statement of its header. No test here waits, but those of managed runs for their work.
#include <backplane/backplane.hpp>
#include <backplane/testing/local_bus.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace backplane {
namespace {

using backplane::testing::LocalBus;
using backplane::testing::LocalBusOptions;

constexpr Duration second = Duration::seconds(1);

bool is_readable(const Client& client) {
    pollfd watched{client.fd(), POLLIN, 0};
    return ::poll(&watched, 1, 0) == 1;
}

Disconnected gone(const Expected<Message>& message) {
    if (!message || !std::holds_alternative<Disconnected>(*message)) {
        ADD_FAILURE() << (message ? "a shutdown request" : message.error().text());
        return {};
    }
    return std::get<Disconnected>(*message);
}

std::string text_of(const std::optional<Fault>& fault) { return fault ? fault_text(*fault, Epoch{}) : "none"; }

template <class T>
std::optional<T> event_of(Client& client) {
    while (auto event = client.try_event()) {
        if (auto* wanted = std::get_if<T>(&*event)) {
            return std::move(*wanted);
        }
    }
    return std::nullopt;
}

int until_stopped(std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    stopped.wait(lock, stop, [] { return false; });
    return 7;
}

class LocalBusTest : public ::testing::Test {
  protected:
    /// A Device of theirs that our own Device monitors.
    Device watched() {
        Device device = std::move(*theirs.open_device());
        EXPECT_TRUE(ours.device().link_wait(device.line(), LinkMode::monitor));
        return device;
    }

    LocalBus bus;
    Client ours = bus.connect({.name = "ours/1"});
    Client theirs = bus.connect({.name = "theirs/1"});
};

// ---- bytes -----------------------------------------------------------------------------------------------------------

TEST_F(LocalBusTest, ClientIsReadyAtOnce) {
    EXPECT_FALSE(ours.ended());
    EXPECT_EQ(ours.epoch(), Epoch{1});
    EXPECT_FALSE(ours.is_worker());
    EXPECT_FALSE(is_readable(ours));
    ASSERT_TRUE(ours.device());
    EXPECT_TRUE(ours.device().line());
}

TEST_F(LocalBusTest, AnyCallHandsInWhatAllHaveBuffered) {
    const Device device = std::move(*theirs.open_device());
    EXPECT_TRUE(is_readable(theirs)) << "there is something to write";
    ASSERT_TRUE(ours.device().link(device.line(), LinkMode::monitor));
    bus.advance(Duration{});
    ASSERT_TRUE(ours.dispatch());
    EXPECT_FALSE(ours.device().try_receive()) << "what is linked was there before the link, or it were unreachable";
    EXPECT_EQ(ours.list()->size(), 2U);
}

TEST_F(LocalBusTest, WhatComesWaitsForDispatchAndIsSeenOnTheDescriptor) {
    Device device = watched();
    ASSERT_TRUE(ours.dispatch());
    EXPECT_FALSE(is_readable(ours));
    device.disconnect(Fault::error("full"));
    EXPECT_TRUE(is_readable(ours));
    EXPECT_FALSE(ours.device().try_receive());
    ASSERT_TRUE(ours.dispatch());
    EXPECT_FALSE(is_readable(ours));
    EXPECT_EQ(text_of(gone(*ours.device().try_receive()).fault), "error{full}");
}

TEST_F(LocalBusTest, DescriptorTellsWhatABlockingCallHasTakenIn) {
    Device device = watched();
    ASSERT_TRUE(ours.dispatch());
    device.disconnect();
    ASSERT_TRUE(ours.ping());
    EXPECT_TRUE(is_readable(ours)) << "a loop must look at what the ping has brought";
    EXPECT_TRUE(*ours.wait(Within{Duration{}}));
    EXPECT_FALSE(is_readable(ours));
    EXPECT_FALSE(*ours.wait(Within{second}));
}

TEST_F(LocalBusTest, WhoNeverReadsIsASlowConsumer) {  // T-7
    ASSERT_TRUE(ours.subscribe({.graph = true}));
    for (int i = 0; i < 20'000; ++i) {
        ASSERT_TRUE(theirs.open_device());  // and lets it go
    }
    ASSERT_TRUE(theirs.ping());
    bus.advance(Duration::seconds(3600));
    while (ours.dispatch()) {
    }
    ASSERT_TRUE(ours.ended());
    EXPECT_EQ(ours.ended()->code, ErrorCode::slow_consumer);
    EXPECT_TRUE(theirs.ping());
}

// ---- time ------------------------------------------------------------------------------------------------------------

TEST(LocalBusTime, BeginsAndStandsStill) {
    LocalBus bus{{.begin = Instant{5'000}}};
    Client client = bus.connect();
    EXPECT_EQ(*client.ping(), Duration{});
    ASSERT_TRUE(client.list());
    EXPECT_EQ(bus.now(), Instant{5'000});
    bus.advance(second);
    EXPECT_EQ(bus.now(), Instant{5'000} + second);
    bus.advance(Duration{-7});
    EXPECT_EQ(bus.now(), Instant{5'000} + second);
}

TEST_F(LocalBusTest, WaitPassesTimeWithoutWaiting) {
    const Instant begin = bus.now();
    const auto nothing = ours.device().next(Within{Duration::seconds(3600)});
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code, ErrorCode::timeout);
    EXPECT_EQ(bus.now(), begin + Duration::seconds(3600));
    EXPECT_FALSE(*ours.wait(Within{second}));
    EXPECT_EQ(bus.now(), begin + Duration::seconds(3601));
}

TEST_F(LocalBusTest, WaitForEverEndsWhereNothingCanHappen) {
    const Instant begin = bus.now();
    const auto nothing = ours.device().next(Within::forever());
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().text(), "timeout: nothing can happen any more on this bus");
    EXPECT_EQ(bus.now(), begin);
    EXPECT_FALSE(*ours.wait(Within::forever()));
    EXPECT_EQ(ours.next_event(Within::forever()).error().code, ErrorCode::timeout);
}

TEST_F(LocalBusTest, WaitJumpsToWhatIsDue) {
    Device device = watched();
    const Instant begin = bus.now();
    bus.after(Duration::seconds(3), [&] { device.disconnect(Fault::error()); });
    const auto early = ours.device().next(Within{second});
    ASSERT_FALSE(early);
    EXPECT_EQ(bus.now(), begin + second);
    EXPECT_EQ(text_of(gone(ours.device().next(Within::forever())).fault), "error");
    EXPECT_EQ(bus.now(), begin + Duration::seconds(3));
}

TEST_F(LocalBusTest, AdvanceLetsEachThingHappenAtItsTime) {
    const Instant begin = bus.now();
    std::vector<std::pair<char, Duration>> done;
    const auto act = [&](char name) { return [&, name] { done.emplace_back(name, bus.now() - begin); }; };
    bus.after(Duration::seconds(2), act('c'));
    bus.after(second, act('a'));
    bus.after(second, [&] {
        act('b')();
        bus.after(Duration::seconds(2), act('d'));
        EXPECT_FALSE(theirs.device().next(Within{Duration::milliseconds(500)})) << "an act may wait itself";
    });
    bus.after(Duration::seconds(9), act('e'));
    bus.advance(Duration::seconds(5));
    const std::vector<std::pair<char, Duration>> expected{
        {'a', second}, {'b', second}, {'c', Duration::seconds(2)}, {'d', Duration::seconds(3)}};
    EXPECT_EQ(done, expected);
    EXPECT_EQ(bus.now(), begin + Duration::seconds(5));
    bus.advance(Duration::forever());
    EXPECT_EQ(bus.now(), begin + Duration::seconds(9)) << "where the last act was due";
    bus.after(second, [&] { EXPECT_FALSE(theirs.device().next(Within{Duration::seconds(50)})); });
    bus.advance(Duration::seconds(2));
    EXPECT_EQ(bus.now(), begin + Duration::seconds(60)) << "the clock never goes back";
    bus.after(Duration::forever(), [] { FAIL(); });
    bus.advance(Duration::forever());
}

// ---- managed runs ----------------------------------------------------------------------------------------------------

TEST_F(LocalBusTest, QuickWorkTakesNoTime) {
    Device device = std::move(*ours.open_device());
    const Instant begin = bus.now();
    const auto run = device.part_manage([](std::stop_token) { return 1; });
    ASSERT_TRUE(run);
    EXPECT_EQ(bus.now(), begin);
}

TEST_F(LocalBusTest, WhatIsOnItsWayReachesTheRun) {  // W-2, W-4
    Device device = watched();
    const Line line = device.line();
    bus.kill(theirs);
    const auto run = ours.device().manage(until_stopped);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::cascade);
    EXPECT_EQ(run.crash().by, line);
    EXPECT_EQ(run.crash().fault.kind, FaultKind::drop);
}

TEST_F(LocalBusTest, ClockJumpsWhereTheWorkIsBusy) {  // W-2
    Device device = watched();
    const Instant begin = bus.now();
    bool is_working = false;
    bus.after(Duration::seconds(30), [&] {
        is_working = static_cast<bool>(ours.device());
        device.disconnect(Fault::error());
    });
    const auto run = ours.device().manage(until_stopped);
    ASSERT_FALSE(run);
    EXPECT_TRUE(is_working);
    EXPECT_EQ(run.crash().fault.kind, FaultKind::error);
    EXPECT_EQ(bus.now(), begin + Duration::seconds(30));
}

TEST_F(LocalBusTest, ShutdownRequestPowersARunOff) {  // M-2, W-2
    Device device = std::move(*ours.open_device());
    ASSERT_TRUE(ours.flush());
    ASSERT_TRUE(theirs.device().link_wait(device.line(), LinkMode::monitor));
    ASSERT_TRUE(theirs.device().request_shutdown(device.line()));
    const auto run = device.manage(until_stopped);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.crash().kind, CrashKind::power_off);
    EXPECT_EQ(run.crash().by, theirs.device().line());
    EXPECT_FALSE(gone(theirs.device().next(Within{second})).fault);
}

TEST_F(LocalBusTest, ManagedDeviceFallsWithoutARun) {  // decision 13
    Device root = std::move(*theirs.open_device());
    Device middle = std::move(*theirs.open_device({.managed = true}));
    ASSERT_TRUE(middle.link(root, LinkMode::monitor));
    ASSERT_TRUE(theirs.flush());
    ASSERT_TRUE(ours.device().link_wait(middle.line(), LinkMode::monitor));
    root.disconnect(Fault::error());
    const auto told = gone(ours.device().next(Within{second}));
    ASSERT_TRUE(told.fault);
    EXPECT_EQ(told.fault->cascade, root.id());
}

// ---- what there is ---------------------------------------------------------------------------------------------------

TEST_F(LocalBusTest, NamesAndTheirWatches) {  // D-11, X-20
    Device device = std::move(*theirs.open_device());
    ASSERT_TRUE(theirs.register_name("db", device));
    EXPECT_EQ(*ours.lookup("db"), device.line());
    ASSERT_TRUE(ours.watch_name("db"));
    auto change = event_of<NameChange>(ours);
    ASSERT_TRUE(change);
    EXPECT_TRUE(change->up);
    bus.kill(theirs);
    ASSERT_TRUE(ours.dispatch());
    change = event_of<NameChange>(ours);
    ASSERT_TRUE(change);
    EXPECT_FALSE(change->up);
    EXPECT_EQ(change->fault, "drop");
    EXPECT_EQ(ours.lookup("db").error().code, ErrorCode::not_found);
}

TEST_F(LocalBusTest, QuestionsAreAnswered) {
    Device device = watched();
    const auto rows = ours.list();
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->size(), 2U);
    const auto description = ours.describe(ours.device().line());
    ASSERT_TRUE(description);
    ASSERT_EQ(description->links.size(), 1U);
    EXPECT_EQ(description->links[0].other, device.line());
    bus.advance(second);
    const auto info = ours.daemon_info();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->sessions, 2U);
    EXPECT_EQ(info->uptime_ms, 1000);
    EXPECT_EQ(info->daemon_restarts, 0U);
}

TEST_F(LocalBusTest, LogIsToldWithTheBusesTime) {
    std::vector<LogEvent> told;
    ASSERT_TRUE(ours.subscribe({.graph = true}, [&](const LogEvent& event) { told.push_back(event); }));
    bus.advance(second);
    const Device device = std::move(*theirs.open_device());
    ASSERT_TRUE(theirs.flush());
    ASSERT_TRUE(ours.dispatch());
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].event, "device_up");
    EXPECT_EQ(told[0].time_us, bus.now().ns / 1000);
}

TEST_F(LocalBusTest, NothingIsSupervised) {
    EXPECT_EQ(ours.start("db").error().code, ErrorCode::not_found);
    EXPECT_EQ(ours.stop("db").error().code, ErrorCode::not_found);
    EXPECT_EQ(ours.restart("db").error().code, ErrorCode::not_found);
    EXPECT_EQ(ours.ready().error().code, ErrorCode::not_owner);
    EXPECT_EQ(ours.upgrade().error().code, ErrorCode::not_supported);
    EXPECT_EQ(ours.detach().error().code, ErrorCode::not_supported);
    EXPECT_TRUE(ours.ping());
}

TEST(LocalBusEpoch, LineOfAnotherBusIsUnreachable) {  // D-10
    LocalBus here;
    LocalBus there{{.epoch = Epoch{0xabc}}};
    Client ours = here.connect();
    Client theirs = there.connect();
    EXPECT_EQ(theirs.epoch(), Epoch{0xabc});
    ASSERT_TRUE(ours.device().link(theirs.device(), LinkMode::monitor));
    EXPECT_EQ(text_of(gone(ours.device().next(Within{second})).fault), "unreachable");
}

TEST(LocalBusEnd, ClientsThatLiveOnAreOver) {
    auto bus = std::make_unique<LocalBus>();
    Client client = bus->connect();
    Device device = std::move(*client.open_device());
    bus.reset();
    EXPECT_TRUE(is_readable(client)) << "the end is to be told";
    EXPECT_EQ(client.ping().error().code, ErrorCode::unreachable);
    EXPECT_FALSE(client.dispatch());
    EXPECT_FALSE(is_readable(client)) << "and told once";
    EXPECT_TRUE(event_of<ConnectionLost>(client));
    EXPECT_FALSE(device);
    EXPECT_EQ(device.next(Within::forever()).error().code, ErrorCode::unreachable);
}

TEST_F(LocalBusTest, ClientEndsInOrder) {  // D-2, D-3
    Device kept;
    {
        Client leaving = bus.connect();
        kept = std::move(*leaving.open_device());
        ASSERT_TRUE(leaving.flush());
        ASSERT_TRUE(ours.device().link_wait(kept.line(), LinkMode::monitor));
    }
    EXPECT_EQ(text_of(gone(ours.device().next(Within{second})).fault), "drop");
    EXPECT_FALSE(kept);
    EXPECT_EQ(ours.daemon_info()->sessions, 2U);
}

// ---- the same every time ---------------------------------------------------------------------------------------------

/// A little history, as text.
std::string history(std::uint64_t seed) {
    LocalBus bus{{.seed = seed}};
    std::vector<Client> clients;
    std::string told;
    Client log = bus.connect();
    static_cast<void>(log.subscribe({.graph = true}, [&](const LogEvent& event) {
        told += std::to_string(event.seq) + " " + event.event + " " + (event.line ? event.line->text() : "-") + "\n";
    }));
    for (int i = 0; i < 5; ++i) {
        clients.push_back(bus.connect());
        static_cast<void>(clients.back().device());
        static_cast<void>(clients.back().device().link(clients.front().device(), LinkMode::peer));
    }
    bus.after(second, [&] { bus.kill(clients.front()); });
    bus.after(Duration::seconds(2), [&] { bus.crash(); });
    for (Client& client : clients) {
        const auto message = client.device().next(Within{Duration::seconds(3)});
        told += message ? "told\n" : message.error().text() + "\n";
    }
    static_cast<void>(log.dispatch());
    return told + std::to_string(bus.now().ns);
}

TEST(LocalBusSeed, SameCallsGiveTheSameHistory) {
    const std::string once = history(7);
    EXPECT_NE(once.find("device_down"), std::string::npos) << once;
    EXPECT_EQ(history(7), once);
}

}  // namespace
}  // namespace backplane
