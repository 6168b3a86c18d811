// SPDX-License-Identifier: Apache-2.0
/// The awaited forms over a scripted connection: who is resumed, by what, when, and that nobody is after he was cancelled.
#include "tests/unit/client/scripted_client.hpp"

#include <poll.h>
#include <algorithm>
#include <stdexcept>

namespace backplane {
namespace {

class AwaitTest : public ScriptedClient {
  public:
    /// Whether `fd()` says that there is something to do.
    bool is_readable() {
        pollfd watched{client->fd(), POLLIN, 0};
        return ::poll(&watched, 1, 0) == 1;
    }
};

Task<> note_next(Device& device, std::vector<std::string>& notes) {
    while (true) {
        const auto message = co_await device.next();
        if (!message) {
            notes.push_back(std::string{error_name(message.error().code)});
            co_return;
        }
        notes.push_back(message->is_shutdown() ? "shutdown" : "disconnected");
    }
}

TEST_F(AwaitTest, MessagesResumeWithinDispatchInOrder) {  // M-4, M-5
    greet();
    std::vector<std::string> notes;
    client->spawn(note_next(device, notes));
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)).shutdown_requested(device.id(), ScriptedDaemon::line(2)));
    EXPECT_TRUE(is_readable());
    EXPECT_TRUE(notes.empty()) << "not before dispatch";
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(notes, (std::vector<std::string>{"disconnected", "shutdown"}));
    device.disconnect();
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(notes.back(), "device_down");
}

TEST_F(AwaitTest, WhatABlockingCallReadLeavesTheDescriptorReadable) {
    greet();
    std::vector<std::string> notes;
    client->spawn(note_next(device, notes));
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)).reply(1));
    ASSERT_TRUE(client->watch_name("db", plenty));
    EXPECT_TRUE(notes.empty()) << "never within another call";
    EXPECT_TRUE(is_readable());
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(notes.size(), 1U);
    EXPECT_FALSE(is_readable());
}

TEST_F(AwaitTest, WhatAnUnlinkTookBackIsNotWaitedForInVain) {  // T-5
    greet();
    std::vector<std::string> notes;
    client->spawn(note_next(device, notes));
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)).reply(1));
    ASSERT_TRUE(client->watch_name("db", plenty));  // has read the notice, and wakes nobody yet
    ASSERT_TRUE(device.unlink(ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    EXPECT_TRUE(notes.empty());
    say(daemon.shutdown_requested(device.id(), ScriptedDaemon::line(2)));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(notes, std::vector<std::string>{"shutdown"});
}

TEST_F(AwaitTest, OneWaitsForADeviceAtATime) {
    greet();
    std::vector<std::string> first;
    std::vector<std::string> second;
    client->spawn(note_next(device, first));
    client->spawn(note_next(device, second));
    EXPECT_EQ(second, std::vector<std::string>{"busy"});
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(first.size(), 1U);
}

TEST_F(AwaitTest, WhoIsCancelledIsNotResumed) {
    greet();
    std::vector<std::string> notes;
    {
        auto task = note_next(device, notes);
        task.start();
    }
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    EXPECT_TRUE(notes.empty());
    EXPECT_TRUE(device.try_receive()) << "the message is still there";
}

TEST_F(AwaitTest, WhoIsCancelledBetweenWakeAndResumeIsNotResumed) {
    greet();
    auto other = std::move(*client->open_device());
    ASSERT_TRUE(client->dispatch());
    std::vector<std::string> notes;
    auto victim = note_next(other, notes);
    const auto killer = [&]() -> Task<> {
        static_cast<void>(co_await device.next());
        victim.cancel();
    };
    client->spawn(killer());
    victim.start();
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)).notice(other.id(), ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    EXPECT_TRUE(notes.empty());
}

TEST_F(AwaitTest, LinkIsAwaitedAndMayBeRefused) {  // L-9
    greet();
    std::vector<std::string> notes;
    const auto link = [](Device& from, std::vector<std::string>& list) -> Task<> {
        const auto laid = co_await from.link_async(ScriptedDaemon::line(1), LinkMode::monitor);
        list.push_back(laid ? "laid" : std::string{error_name(laid.error().code)});
    };
    client->spawn(link(device, notes));
    client->spawn(link(device, notes));
    ASSERT_TRUE(client->dispatch());
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_NE(frames[0].flags & wire::flag::ack, 0);
    // Create was the first counted frame, and the grant that came with it may be another: both links are the last two.
    const std::uint64_t last = 3;
    say(daemon.refuse(last, ErrorCode::link_down, wire::FrameType::link, device.id(), ScriptedDaemon::line(1).id()).ack(last));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(notes, (std::vector<std::string>{"laid", "link_down"}));
}

TEST_F(AwaitTest, UnlinkSaysWhetherItCameTooLate) {  // T-5
    greet();
    std::optional<Unlinked> found;
    const auto unlink = [&]() -> Task<> {
        const auto outcome = co_await device.unlink_async(ScriptedDaemon::line(1), LinkMode::monitor);
        found = outcome ? std::optional{*outcome} : std::nullopt;
    };
    client->spawn(unlink());
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)).ack(2));
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->was_down);
    EXPECT_FALSE(device.try_receive());
}

TEST_F(AwaitTest, TheEndOfTheConnectionResumesAll) {  // D-2
    greet();
    std::vector<std::string> notes;
    const auto link = [&]() -> Task<> {
        const auto laid = co_await device.link_async(ScriptedDaemon::line(1), LinkMode::monitor);
        notes.push_back(laid ? "laid" : std::string{error_name(laid.error().code)});
    };
    const auto lookup = [&]() -> Task<> {
        const auto line = co_await client->lookup_async("db");
        notes.push_back(line ? "found" : std::string{error_name(line.error().code)});
    };
    const auto events = [&]() -> Task<> {
        while (const auto event = co_await client->next_event()) {
            notes.push_back(std::holds_alternative<ConnectionLost>(*event) ? "lost" : "event");
        }
    };
    client->spawn(note_next(device, notes));
    client->spawn(link());
    client->spawn(lookup());
    client->spawn(events());
    ::shutdown(peer, SHUT_RDWR);
    EXPECT_FALSE(client->dispatch());
    std::sort(notes.begin(), notes.end());
    EXPECT_EQ(notes, (std::vector<std::string>{"lost", "unreachable", "unreachable", "unreachable"}));
}

TEST_F(AwaitTest, SleepsEndInTheOrderOfTheirTimesAndWakeTheLoop) {
    greet();
    std::vector<int> order;
    const auto sleeper = [&](int number, Duration length) -> Task<> {
        EXPECT_TRUE(co_await client->sleep(length));
        order.push_back(number);
    };
    client->spawn(sleeper(2, Duration::milliseconds(20)));
    client->spawn(sleeper(1, Duration::milliseconds(5)));
    client->spawn(sleeper(0, Duration{}));
    EXPECT_EQ(order, std::vector<int>{0}) << "no time has passed by then";
    while (order.size() < 3) {
        pollfd watched{client->fd(), POLLIN, 0};
        ASSERT_EQ(::poll(&watched, 1, 30'000), 1) << "the descriptor says when it is time";
        ASSERT_TRUE(client->dispatch());
    }
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
    EXPECT_FALSE(is_readable());
}

TEST_F(AwaitTest, RunGivesTheValueOrThrows) {
    greet();
    const auto answer = [&]() -> Task<int> {
        co_await client->sleep(std::chrono::milliseconds{1});
        co_return 42;
    };
    const auto value = client->run(answer(), plenty);
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, 42);
    const auto refused = [&]() -> Task<Expected<int>> {
        co_await client->sleep(std::chrono::milliseconds{1});
        co_return unexpected(ErrorCode::busy, "no");
    };
    const Expected<int> error = client->run(refused(), plenty);
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().code, ErrorCode::busy);
    const auto thrower = [&]() -> Task<> {
        co_await client->sleep(std::chrono::milliseconds{1});
        throw std::runtime_error{"boom"};
    };
    EXPECT_THROW(static_cast<void>(client->run(thrower(), plenty)), std::runtime_error);
}

TEST_F(AwaitTest, RunEndsInTimeAndCancels) {
    greet();
    std::vector<std::string> notes;
    const auto late = client->run(note_next(device, notes), std::chrono::milliseconds{5});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::timeout);
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    EXPECT_TRUE(notes.empty());
}

TEST_F(AwaitTest, WhatIsSpawnedIsCancelledWithTheClientAndItsDevicesDrop) {  // D-3
    greet();
    const auto owner = [](Device mine) -> Task<> { static_cast<void>(co_await mine.next()); };
    client->spawn(owner(std::move(device)));
    ASSERT_TRUE(client->dispatch());
    client.reset();
    EXPECT_EQ(said_fault(), "drop");
}

TEST_F(AwaitTest, LinkByNameAsksAndLinks) {
    greet();
    ASSERT_TRUE(device.link("db", LinkMode::monitor));
    ASSERT_TRUE(client->dispatch());
    wire::Found found;
    found.device = ScriptedDaemon::line(4).id();
    found.name = "db";
    say(daemon.reply(1, found));
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(client->dispatch());
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[1].type, wire::FrameType::link);
    EXPECT_EQ(wire::decode_link(frames[1].view())->to, found.device);
}

TEST_F(AwaitTest, NamesAreAwaitedToo) {
    greet();
    std::vector<std::string> notes;
    const auto both = [&]() -> Task<> {
        const auto laid = co_await device.link_async("db", LinkMode::monitor);
        notes.push_back(laid ? "laid" : std::string{error_name(laid.error().code)});
        const auto gone = co_await device.unlink_async("db");
        notes.push_back(gone ? "unlinked" : std::string{error_name(gone.error().code)});
    };
    client->spawn(both());
    wire::Found found;
    found.device = ScriptedDaemon::line(4).id();
    found.name = "db";
    say(daemon.reply(1, found));
    ASSERT_TRUE(client->dispatch());
    EXPECT_TRUE(notes.empty()) << "found, and not linked yet";
    say(daemon.ack(3));  // create, lookup, and the link
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(notes, std::vector<std::string>{"laid"});
    say(daemon.reply_error(2, ErrorCode::not_found));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(notes, (std::vector<std::string>{"laid", "unlinked"})) << "nobody has the name any more: nothing to unlink";
}

TEST_F(AwaitTest, LinkByANameThatNobodyHasIsRefusedAsAnEvent) {  // decision 6
    greet();
    ASSERT_TRUE(device.link("db", LinkMode::monitor));
    ASSERT_TRUE(device.unlink("db"));
    say(daemon.reply_error(1, ErrorCode::not_found).reply_error(2, ErrorCode::not_found));
    ASSERT_TRUE(client->dispatch());
    const auto event = client->try_event();
    ASSERT_TRUE(event);
    const auto& refused = std::get<Refused>(*event);
    EXPECT_EQ(refused.error.code, ErrorCode::not_found);
    EXPECT_EQ(refused.operation, "link");
    EXPECT_EQ(refused.device, device.line());
    EXPECT_FALSE(client->try_event()) << "no link, nothing to unlink";
}

TEST_F(AwaitTest, LinesAreLinkedByAThirdParty) {  // L-11
    greet();
    EXPECT_TRUE(client->link(ScriptedDaemon::line(1), ScriptedDaemon::line(2), LinkMode::peer));
    EXPECT_TRUE(client->unlink(ScriptedDaemon::line(1), ScriptedDaemon::line(2), LinkMode::notify));
    EXPECT_TRUE(client->request_shutdown(ScriptedDaemon::line(1)));
    ASSERT_TRUE(client->dispatch());
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(wire::decode_link(frames[0].view())->from, ScriptedDaemon::line(1).id());
    EXPECT_EQ(wire::decode_link(frames[1].view())->mode, LinkMode::notify);
    EXPECT_EQ(frames[2].type, wire::FrameType::shutdown);
    const Line foreign{Epoch{1}, DeviceId::make(1, 1)};
    EXPECT_EQ(client->link(foreign, ScriptedDaemon::line(2), LinkMode::peer).error().code, ErrorCode::device_down);
    EXPECT_EQ(client->link(ScriptedDaemon::line(2), foreign, LinkMode::peer).error().code, ErrorCode::link_down);
    EXPECT_EQ(client->link(foreign, foreign, LinkMode::peer).error().code, ErrorCode::self_link);
    EXPECT_EQ(client->link(Line{}, foreign, LinkMode::peer).error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(client->unlink(foreign, ScriptedDaemon::line(2)));
}

TEST_F(AwaitTest, OpenWithANameThatIsTakenOpensNothing) {
    greet();
    say(daemon.reply_error(1, ErrorCode::name_taken, "db"));
    const auto opened = client->open_device({.name = "db", .within = plenty});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::name_taken);
    EXPECT_EQ(said_fault(), "drop");
}

}  // namespace
}  // namespace backplane
