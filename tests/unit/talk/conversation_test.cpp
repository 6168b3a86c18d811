// SPDX-License-Identifier: Apache-2.0
/// The client's side of the protocol, fed with a scripted daemon's bytes.
#include "client/talk/conversation.hpp"

#include "tests/unit/client/scripted_daemon.hpp"

#include <gtest/gtest.h>

namespace backplane {
namespace {

using talk::Ask;
using talk::Conversation;

/// A greeted conversation, the daemon that greeted it, and the frames that the client has sent since.
class ConversationTest : public testing::Test {
  protected:
    void greet(std::uint32_t pages = 4, DeviceId own = {}) {
        static_cast<void>(sent());
        hear(daemon.welcome(pages, own));
    }
    void hear(ScriptedDaemon& from) {
        const std::string bytes = from.say();
        heard = talk.take(std::as_bytes(std::span{bytes}));
    }
    std::vector<SentFrame> sent() {
        auto frames = frames_of(talk.outgoing());
        talk.sent(talk.outgoing().size());
        return frames;
    }
    /// The next message of a Device as text: `gone LINE FAULT`, `shutdown LINE`, or `-`.
    std::string next(DeviceId id) {
        const auto message = talk.inboxes().take(id);
        if (!message) {
            return "-";
        }
        if (const auto* gone = std::get_if<Disconnected>(&*message)) {
            return "gone " + gone->device.text() + " " + (gone->fault ? fault_text(*gone->fault, gone->device.epoch()) : "none");
        }
        return "shutdown " + std::get<Shutdown>(*message).from.text();
    }

    Conversation talk{"test/1"};
    ScriptedDaemon daemon;
    Expected<void> heard;
};

TEST_F(ConversationTest, SaysHelloFirstAndIsGreeted) {
    const auto frames = sent();
    ASSERT_EQ(frames.size(), 1U);
    const auto hello = wire::decode_hello(frames[0].view());
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->client, "test/1");
    EXPECT_FALSE(talk.greeted());
    hear(daemon.welcome());
    EXPECT_TRUE(talk.greeted());
    EXPECT_EQ(talk.epoch(), ScriptedDaemon::epoch);
    EXPECT_FALSE(talk.own_device());
}

TEST_F(ConversationTest, WorkerLearnsItsOwnDevice) {
    greet(4, ScriptedDaemon::worker);
    EXPECT_EQ(talk.own_device(), ScriptedDaemon::worker);
    hear(daemon.notice(ScriptedDaemon::worker, ScriptedDaemon::line(1)));
    EXPECT_EQ(next(ScriptedDaemon::worker), "gone 9f3a.3.1 signal(9)");
}

TEST_F(ConversationTest, CreatesOutOfTheGrantEachIdOnce) {  // D-10, decision 1
    greet();
    const auto a = talk.create(false);
    const auto b = talk.create(true);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, ScriptedDaemon::first);
    EXPECT_EQ(b->value, a->value + 1);
    const auto frames = sent();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_FALSE(wire::decode_create(frames[0].view())->managed);
    EXPECT_TRUE(wire::decode_create(frames[1].view())->managed);
}

TEST_F(ConversationTest, AsksForMoreIdsBeforeItRunsOut) {
    greet();
    for (int i = 0; i < 129; ++i) {
        ASSERT_TRUE(talk.create(false));
    }
    const auto frames = sent();
    ASSERT_EQ(frames.back().type, wire::FrameType::create);
    std::size_t requests = 0;
    for (const auto& frame : frames) {
        requests += frame.type == wire::FrameType::request ? 1U : 0U;
    }
    EXPECT_EQ(requests, 1U) << "one request for more, however many creations follow it";
    hear(daemon.reply(1, wire::Grants{{{DeviceId::make(2, 0), 64}, {DeviceId::make(2, 64), 64}}}));
    ASSERT_TRUE(heard);
    for (int i = 0; i < 127 + 128; ++i) {
        ASSERT_TRUE(talk.create(false)) << i;
    }
}

TEST_F(ConversationTest, SaysWhyNoMoreIdsCome) {
    greet(0);
    EXPECT_FALSE(talk.create(false));
    EXPECT_EQ(talk.ids_refused(), nullptr);
    hear(daemon.reply_error(1, ErrorCode::limit_reached, "devices"));
    ASSERT_NE(talk.ids_refused(), nullptr);
    EXPECT_EQ(talk.ids_refused()->code, ErrorCode::limit_reached);
}

TEST_F(ConversationTest, FramesMayComeInAnyPieces) {
    static_cast<void>(sent());
    daemon.welcome();
    const DeviceId id = ScriptedDaemon::first;
    const std::string greeting = daemon.say();
    for (const char& byte : greeting) {
        ASSERT_TRUE(talk.take(std::as_bytes(std::span{&byte, 1})));
    }
    ASSERT_TRUE(talk.create(false));
    daemon.notice(id, ScriptedDaemon::line(1)).shutdown_requested(id, ScriptedDaemon::line(2)).notice(id, ScriptedDaemon::line(3));
    const std::string rest = daemon.say();
    for (const char& byte : rest) {
        ASSERT_TRUE(talk.take(std::as_bytes(std::span{&byte, 1})));
    }
    EXPECT_EQ(next(id), "gone 9f3a.3.1 signal(9)");  // in order: M-4
    EXPECT_EQ(next(id), "shutdown 9f3a.3.2");
    EXPECT_EQ(next(id), "gone 9f3a.3.3 signal(9)");
    EXPECT_EQ(next(id), "-");
}

TEST_F(ConversationTest, AcknowledgesOncePerBatchAndEverySixtyFour) {  // PROTOCOL 5.2
    greet();
    const DeviceId id = *talk.create(false);
    static_cast<void>(sent());
    for (std::uint32_t i = 0; i < 3; ++i) {
        daemon.notice(id, ScriptedDaemon::line(i + 1));
    }
    hear(daemon);
    auto frames = sent();
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(wire::decode_ack(frames[0].view())->count, 3U);
    for (std::uint32_t i = 0; i < 130; ++i) {
        daemon.notice(id, ScriptedDaemon::line(i + 100));
    }
    hear(daemon);
    frames = sent();
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(wire::decode_ack(frames[0].view())->count, 67U);
    EXPECT_EQ(wire::decode_ack(frames[1].view())->count, 131U);
    EXPECT_EQ(wire::decode_ack(frames[2].view())->count, 133U);
    hear(daemon.pong(0));
    EXPECT_TRUE(sent().empty()) << "uncounted frames are not acknowledged";
}

TEST_F(ConversationTest, AcknowledgedLinkSettlesWithTheAck) {  // L-9, T-4
    greet();
    const DeviceId id = *talk.create(false);
    const auto operation = talk.link(id, ScriptedDaemon::line(1), LinkMode::monitor, Ask::acknowledgement);
    ASSERT_TRUE(operation);
    EXPECT_EQ(*operation, 2U);
    EXPECT_TRUE(sent().back().view().asks_ack());
    EXPECT_FALSE(talk.settled(*operation));
    hear(daemon.ack(2));
    const auto settled = talk.settled(*operation);
    ASSERT_TRUE(settled);
    EXPECT_TRUE(settled->has_value());
}

TEST_F(ConversationTest, RefusedLinkSettlesWithItsError) {  // L-6
    greet();
    const DeviceId id = *talk.create(false);
    const auto operation = *talk.link(id, ScriptedDaemon::line(1), LinkMode::monitor, Ask::acknowledgement);
    hear(daemon.refuse(operation, ErrorCode::link_down, wire::FrameType::link, id, ScriptedDaemon::line(1).id()).ack(operation));
    const auto settled = talk.settled(operation);
    ASSERT_TRUE(settled);
    ASSERT_FALSE(settled->has_value());
    EXPECT_EQ(settled->error().code, ErrorCode::link_down);
    EXPECT_TRUE(talk.news().empty()) << "whoever waited has been told";
}

TEST_F(ConversationTest, RefusalThatNobodyAwaitsIsAnEvent) {  // decision 6, M-1
    greet();
    const DeviceId id = *talk.create(false);
    ASSERT_TRUE(talk.link(id, ScriptedDaemon::line(1), LinkMode::notify, Ask::nothing));
    hear(daemon.refuse(2, ErrorCode::link_down, wire::FrameType::link, id, ScriptedDaemon::line(1).id()));
    const auto event = talk.news().take();
    ASSERT_TRUE(event);
    const auto& refused = std::get<Refused>(*event);
    EXPECT_EQ(refused.operation, "link");
    EXPECT_EQ(refused.error.code, ErrorCode::link_down);
    EXPECT_EQ(refused.other, ScriptedDaemon::line(1));
    EXPECT_EQ(next(id), "-");
}

TEST_F(ConversationTest, RefusalAfterTheWaitWasGivenUpIsAnEvent) {
    greet();
    const DeviceId id = *talk.create(false);
    const auto operation = *talk.link(id, ScriptedDaemon::line(1), LinkMode::peer, Ask::acknowledgement);
    talk.stop_waiting(operation);
    hear(daemon.refuse(operation, ErrorCode::not_permitted, wire::FrameType::link, id).ack(operation));
    EXPECT_FALSE(talk.news().empty());
    EXPECT_FALSE(talk.settled(operation));
}

TEST_F(ConversationTest, RefusedCreateLeavesADeadDevice) {
    greet();
    const DeviceId id = *talk.create(false);
    hear(daemon.refuse(1, ErrorCode::limit_reached, wire::FrameType::create, id));
    EXPECT_FALSE(talk.inboxes().is_live(id));
    ASSERT_NE(talk.inboxes().ending(id), nullptr);
    EXPECT_EQ(talk.inboxes().ending(id)->fault.kind, FaultKind::drop);
    EXPECT_EQ(talk.link(id, ScriptedDaemon::line(1), LinkMode::peer, Ask::nothing).error().code, ErrorCode::device_down);
}

TEST_F(ConversationTest, UnlinkTakesBackWhatWasNotDelivered) {  // T-5
    greet();
    const DeviceId id = *talk.create(false);
    const auto unlink = *talk.unlink(id, ScriptedDaemon::line(1), LinkMode::monitor, Ask::acknowledgement);
    hear(daemon.notice(id, ScriptedDaemon::line(2)).notice(id, ScriptedDaemon::line(1)).ack(unlink));
    const auto settled = talk.settled(unlink);
    ASSERT_TRUE(settled && settled->has_value());
    EXPECT_TRUE((*settled)->was_down);
    EXPECT_EQ(next(id), "gone 9f3a.3.2 signal(9)");
    EXPECT_EQ(next(id), "-");
}

TEST_F(ConversationTest, UnlinkThatNobodyWaitsForTakesBackWhatHasArrived) {  // T-5
    greet();
    const DeviceId id = *talk.create(false);
    hear(daemon.notice(id, ScriptedDaemon::line(2)).notice(id, ScriptedDaemon::line(1)));
    ASSERT_TRUE(talk.unlink(id, ScriptedDaemon::line(1), LinkMode::monitor, Ask::nothing));
    ASSERT_TRUE(talk.unlink(id, ScriptedDaemon::line(2), LinkMode::notify, Ask::nothing)) << "whose notices are none of its own";
    EXPECT_EQ(next(id).substr(0, 5), "gone ");
    EXPECT_EQ(next(id), "-");
}

TEST_F(ConversationTest, UnlinkKeepsTheNoticeOfALinkLaidBehindIt) {  // T-5, L-9
    greet();
    const DeviceId id = *talk.create(false);
    const auto unlink = *talk.unlink(id, ScriptedDaemon::line(1), LinkMode::monitor, Ask::acknowledgement);
    ASSERT_TRUE(talk.link(id, ScriptedDaemon::line(1), LinkMode::monitor, Ask::nothing));
    hear(daemon.ack(unlink).notice(id, ScriptedDaemon::line(1)));
    const auto settled = talk.settled(unlink);
    ASSERT_TRUE(settled && settled->has_value());
    EXPECT_FALSE((*settled)->was_down);
    EXPECT_EQ(next(id), "gone 9f3a.3.1 signal(9)");
}

TEST_F(ConversationTest, UnlinkOfNotifyTakesNoNoticeBack) {  // L-3
    greet();
    const DeviceId id = *talk.create(false);
    const auto unlink = *talk.unlink(id, ScriptedDaemon::line(1), LinkMode::notify, Ask::acknowledgement);
    hear(daemon.notice(id, ScriptedDaemon::line(1)).ack(unlink));
    EXPECT_FALSE((*talk.settled(unlink))->was_down);
    EXPECT_EQ(next(id), "gone 9f3a.3.1 signal(9)");
}

TEST_F(ConversationTest, UnlinkAfterTheDeathSucceedsAndSaysSo) {  // T-5
    greet();
    const DeviceId id = *talk.create(false);
    const auto unlink = *talk.unlink(id, ScriptedDaemon::line(1), LinkMode::peer, Ask::acknowledgement);
    hear(daemon.refuse(unlink, ErrorCode::was_down, wire::FrameType::unlink, id, ScriptedDaemon::line(1).id()).ack(unlink));
    const auto settled = talk.settled(unlink);
    ASSERT_TRUE(settled && settled->has_value());
    EXPECT_TRUE((*settled)->was_down);
    EXPECT_TRUE(talk.news().empty());
}

TEST_F(ConversationTest, ForgottenUnlinkOfTheDeadIsNoNews) {  // L-3
    greet();
    const DeviceId id = *talk.create(false);
    ASSERT_TRUE(talk.unlink(id, ScriptedDaemon::line(1), LinkMode::peer, Ask::nothing));
    hear(daemon.refuse(2, ErrorCode::link_down, wire::FrameType::unlink, id, ScriptedDaemon::line(1).id()));
    EXPECT_TRUE(talk.news().empty());
}

TEST_F(ConversationTest, LinksWithOneselfAndWithNobodyAreRefusedHere) {  // L-5
    greet();
    const DeviceId id = *talk.create(false);
    static_cast<void>(sent());
    EXPECT_EQ(talk.link(id, Line{ScriptedDaemon::epoch, id}, LinkMode::peer, Ask::nothing).error().code, ErrorCode::self_link);
    EXPECT_EQ(talk.link(id, Line{}, LinkMode::peer, Ask::nothing).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(talk.link(id, ScriptedDaemon::line(1), LinkMode::none, Ask::nothing).error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(sent().empty());
}

TEST_F(ConversationTest, LineOfAnotherEpochIsAnsweredAsUnreachable) {  // D-10
    greet();
    const DeviceId id = *talk.create(false);
    static_cast<void>(sent());
    const Line stranger{Epoch{1}, DeviceId::make(3, 1)};
    ASSERT_TRUE(talk.link(id, stranger, LinkMode::monitor, Ask::nothing));
    EXPECT_EQ(next(id), "gone 1.3.1 unreachable");
    EXPECT_EQ(talk.link(id, stranger, LinkMode::monitor, Ask::acknowledgement).error().code, ErrorCode::link_down);
    EXPECT_EQ(next(id), "-") << "an acknowledged link that failed has no notice (L-9)";
    ASSERT_TRUE(talk.link(id, stranger, LinkMode::notify, Ask::nothing));
    EXPECT_TRUE(std::holds_alternative<Refused>(*talk.news().take()));
    EXPECT_TRUE(talk.unlink(id, stranger, LinkMode::peer, Ask::nothing));
    ASSERT_TRUE(talk.request_shutdown(id, stranger));
    EXPECT_TRUE(std::holds_alternative<Refused>(*talk.news().take()));
    EXPECT_TRUE(sent().empty()) << "nothing of this is the daemon's business";
}

TEST_F(ConversationTest, DisconnectIsSaidOnceAndDiscardsTheInbox) {  // D-4, D-9
    greet();
    const DeviceId id = *talk.create(false);
    hear(daemon.notice(id, ScriptedDaemon::line(1)));
    static_cast<void>(sent());
    talk.disconnect(id, Fault::error("disk full"));
    talk.release(id);
    const auto frames = sent();
    ASSERT_EQ(frames.size(), 1U);
    const auto frame = wire::decode_disconnect(frames[0].view());
    EXPECT_EQ(frame->fault, FaultKind::error);
    EXPECT_EQ(frame->text, "disk full");
    EXPECT_EQ(next(id), "-");
    hear(daemon.notice(id, ScriptedDaemon::line(2)));  // it was on its way
    EXPECT_TRUE(heard) << "discarded without error (D-7)";
    EXPECT_EQ(next(id), "-");
}

TEST_F(ConversationTest, EveryFaultThatAClientCanGiveIsAFrameThatTheDaemonTakes) {  // F-1
    greet();
    for (std::uint8_t kind = 0; kind <= fault_kind_max; ++kind) {
        const DeviceId id = *talk.create(false);
        static_cast<void>(sent());
        Fault fault;
        fault.kind = static_cast<FaultKind>(kind);
        fault.argument = kind == 0 ? 0 : 77;
        fault.hops = 4;
        talk.disconnect(id, fault);
        EXPECT_TRUE(wire::decode_disconnect(sent().at(0).view())) << int{kind};
    }
}

TEST_F(ConversationTest, ReleaseDrops) {  // D-3
    greet();
    const DeviceId id = *talk.create(false);
    static_cast<void>(sent());
    talk.release(id);
    EXPECT_EQ(wire::decode_disconnect(sent().at(0).view())->fault, FaultKind::drop);
}

TEST_F(ConversationTest, CascadeByTheDaemonEndsTheDevice) {  // decision 13, D-9
    greet();
    const DeviceId id = *talk.create(true);
    hear(daemon.notice(id, ScriptedDaemon::line(2), FaultKind::none).cascaded(id, ScriptedDaemon::line(1)));
    EXPECT_FALSE(talk.inboxes().is_live(id));
    EXPECT_EQ(next(id), "-");
    const talk::Ending* ending = talk.inboxes().ending(id);
    ASSERT_NE(ending, nullptr);
    EXPECT_EQ(ending->by, ScriptedDaemon::line(1));
    EXPECT_EQ(ending->fault.kind, FaultKind::cascade);
}

TEST_F(ConversationTest, CleanEndNamesWhoAskedForIt) {  // W-2: power_off(from)
    greet();
    const DeviceId id = *talk.create(true);
    hear(daemon.shutdown_requested(id, ScriptedDaemon::line(5)).ended_well(id));
    ASSERT_NE(talk.inboxes().ending(id), nullptr);
    EXPECT_EQ(talk.inboxes().ending(id)->by, ScriptedDaemon::line(5));
    EXPECT_FALSE(talk.inboxes().ending(id)->fault.is_error());
}

TEST_F(ConversationTest, KeepsOperationsUntilTheyAreAcknowledged) {  // decision 2
    greet();
    const DeviceId id = *talk.create(false);
    ASSERT_TRUE(talk.link(id, ScriptedDaemon::line(1), LinkMode::peer, Ask::nothing));
    static_cast<void>(talk.ping());
    const auto kept = [&] { return frames_of(talk.outbox().kept()).size(); };
    static_cast<void>(sent());
    EXPECT_EQ(kept(), 2U) << "counted frames, written or not, and no others";
    hear(daemon.ack(1));
    EXPECT_EQ(kept(), 1U);
    EXPECT_EQ(frames_of(talk.outbox().kept())[0].type, wire::FrameType::link);
    hear(daemon.ack(2));
    EXPECT_EQ(kept(), 0U);
}

TEST_F(ConversationTest, ImpossibleAcknowledgementEndsIt) {
    greet();
    hear(daemon.ack(1));
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::bad_ack);
    EXPECT_EQ(sent().back().type, wire::FrameType::bye);
}

TEST_F(ConversationTest, UnknownFramesAreSkippedIfOptionalElseTheEnd) {
    using namespace std::string_view_literals;
    greet();
    hear(daemon.raw("\x08\0\0\0\x77\0\x02\0"sv));
    EXPECT_TRUE(heard);
    EXPECT_EQ(talk.received(), 0U);
    hear(daemon.raw("\x08\0\0\0\x77\0\0\0"sv));
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::unknown_frame);
}

TEST_F(ConversationTest, FramesOutOfPlaceEndIt) {
    static_cast<void>(sent());
    hear(daemon.notice(ScriptedDaemon::first, ScriptedDaemon::line(1)));
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::out_of_order);
    Conversation other{"test/1"};
    const std::string twice = daemon.welcome().welcome().say();
    EXPECT_EQ(other.take(std::as_bytes(std::span{twice})).error().code, ErrorCode::out_of_order);
}

TEST_F(ConversationTest, RepliesFindTheirCallsAndAbandonedOnesNobody) {
    greet();
    wire::Request lookup;
    lookup.call = wire::Call::lookup;
    lookup.name = "db";
    const auto first = talk.request(lookup);
    const auto second = talk.request(lookup);
    const auto third = talk.request(lookup);
    EXPECT_FALSE(talk.answer(first));
    talk.abandon(second);
    const wire::Found found{ScriptedDaemon::line(1).id(), "db"};
    hear(daemon.reply_error(third, ErrorCode::not_found).reply(second, found).reply(first, found));
    ASSERT_TRUE(heard);
    const auto answer = talk.answer(first);
    ASSERT_TRUE(answer && answer->has_value());
    EXPECT_EQ(std::get<talk::Found>(**answer).device, ScriptedDaemon::line(1));
    EXPECT_FALSE(talk.answer(second));
    EXPECT_EQ(talk.answer(third)->error().code, ErrorCode::not_found);
    EXPECT_FALSE(talk.answer(first)) << "once";
}

TEST_F(ConversationTest, ReplyToNothingEndsIt) {
    greet();
    hear(daemon.reply(99));
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::malformed);
}

TEST_F(ConversationTest, EndOfTheStreamFailsWhatIsOpenAndKeepsWhatArrived) {  // T-13: the last words count
    greet();
    const DeviceId id = *talk.create(false);
    const auto operation = *talk.link(id, ScriptedDaemon::line(1), LinkMode::peer, Ask::acknowledgement);
    const auto call = talk.request(wire::Request{});
    hear(daemon.shutdown_requested(id, ScriptedDaemon::line(4)).bye(ErrorCode::shutting_down, "bye"));
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::shutting_down);
    EXPECT_EQ(talk.settled(operation)->error().code, ErrorCode::shutting_down);
    EXPECT_EQ(talk.answer(call)->error().code, ErrorCode::shutting_down);
    EXPECT_EQ(next(id), "shutdown 9f3a.3.4");
    EXPECT_FALSE(talk.inboxes().is_live(id));
    EXPECT_TRUE(std::holds_alternative<ConnectionLost>(*talk.news().take()));
    talk.lost(Error{ErrorCode::unreachable, ""});
    EXPECT_TRUE(talk.news().empty()) << "it ends once";
    EXPECT_FALSE(talk.create(false));
}

TEST_F(ConversationTest, AnswersPingsAndHearsPongs) {
    greet();
    std::string ping;
    wire::encode_ping(ping, wire::Ping{77});
    hear(daemon.raw(ping));
    EXPECT_EQ(wire::decode_ping(sent().at(0).view())->nonce, 77U);
    const auto nonce = talk.ping();
    EXPECT_FALSE(talk.ponged(nonce));
    hear(daemon.pong(nonce));
    EXPECT_TRUE(talk.ponged(nonce));
}

TEST_F(ConversationTest, EventsAndNameStatesComeInOrder) {
    greet();
    hear(daemon.event(5, "child_down").name_state("db", true, 2).event(6, "restart"));
    EXPECT_EQ(std::get<LogEvent>(*talk.news().take()).seq, 5U);
    const auto change = std::get<NameChange>(*talk.news().take());
    EXPECT_TRUE(change.up);
    EXPECT_EQ(change.incarnation, 2U);
    EXPECT_EQ(std::get<LogEvent>(*talk.news().take()).event, "restart");
    EXPECT_EQ(talk.received(), 1U) << "only the name state counts";
}

TEST(NewsTest, LogEventsAreBoundedAndCounted) {  // T-7
    talk::Wakes wakes;
    talk::News news{wakes};
    constexpr auto too_many = talk::News::log_events_max + 10;
    news.add(NameChange{});
    for (std::uint64_t i = 1; i <= too_many; ++i) {
        LogEvent event;
        event.seq = i;
        news.add(std::move(event));
    }
    EXPECT_TRUE(std::holds_alternative<NameChange>(*news.take())) << "nothing else gives way";
    const auto gap = std::get<LogEvent>(*news.take());
    EXPECT_EQ(gap.event, "gap");
    EXPECT_EQ(std::get<std::int64_t>(gap.fields.at(0).value), 1);
    EXPECT_EQ(std::get<std::int64_t>(gap.fields.at(1).value), 11);
    EXPECT_EQ(news.take_log_event()->seq, 12U);
    std::size_t rest = 0;
    while (news.take()) {
        ++rest;
    }
    EXPECT_EQ(rest, talk::News::log_events_max - 2);
}

}  // namespace
}  // namespace backplane
