// SPDX-License-Identifier: Apache-2.0
/// How a conversation comes back when its daemon died (PROTOCOL.md section 5.6), fed with a scripted daemon's bytes.
#include "tests/unit/talk/resume_fixture.hpp"

namespace backplane {
namespace {

TEST_F(ResumeTest, LossIsTheEndForWhoMayNotComeBack) {
    Conversation alone{"test/1"};
    const std::string bytes = daemon.welcome().say();
    ASSERT_TRUE(alone.take(std::as_bytes(std::span{bytes})));
    alone.lost(gone);
    ASSERT_NE(alone.over(), nullptr);
    EXPECT_FALSE(alone.is_apart());
    alone.resume();
    EXPECT_EQ(text_of(frames_of(alone.outgoing())), "hello") << "the first one, and no other";
}

TEST_F(ResumeTest, LossBeforeTheFirstWelcomeIsTheEnd) {  // contract 1: after welcome
    Conversation early{"test/1", Comeback{true, {}, {}}};
    early.lost(gone);
    ASSERT_NE(early.over(), nullptr);
    EXPECT_EQ(early.over()->code, ErrorCode::unreachable);
}

TEST_F(ResumeTest, HelloNamesTheSessionAndWhatWasTaken) {  // contract 1
    const DeviceId id = *talk.create(false);
    hear(daemon.notice(id, other).shutdown_requested(id, other));
    const auto hello = lose_and_return();
    ASSERT_TRUE(hello.resume);
    EXPECT_EQ(hello.resume->session, "s");
    EXPECT_EQ(hello.resume->token, "t");
    EXPECT_EQ(hello.resume->received, 2U);
    EXPECT_EQ(hello.client, "test/1");
    EXPECT_EQ(talk.over(), nullptr);
}

TEST_F(ResumeTest, NothingButHelloIsSaidBeforeTheWelcome) {  // contract 1
    const DeviceId id = *talk.create(false);
    talk.lost(gone, noon);
    EXPECT_TRUE(talk.link(id, other, LinkMode::peer, Ask::nothing));
    static_cast<void>(talk.ping());
    static_cast<void>(ask(wire::Call::lookup));
    EXPECT_TRUE(talk.outgoing().empty());
    talk.resume();
    EXPECT_TRUE(talk.link(id, other, LinkMode::monitor, Ask::nothing));
    static_cast<void>(talk.ping());
    static_cast<void>(ask(wire::Call::daemon));
    EXPECT_EQ(text_of(sent()), "hello");
}

TEST_F(ResumeTest, CatchesUpInTheOrderOfTheContract) {                   // contract 2
    const DeviceId id = *talk.create(false);                             // 1
    static_cast<void>(ask(wire::Call::start));                           // 2
    ASSERT_TRUE(talk.link(id, other, LinkMode::monitor, Ask::nothing));  // 3
    static_cast<void>(ask(wire::Call::lookup));                          // 4
    hear(daemon.notice(id, other));
    static_cast<void>(sent());
    static_cast<void>(talk.ping());
    talk.lost(gone, noon);
    talk.manage(id, true);  // 5, made while away
    talk.resume();
    static_cast<void>(sent());
    static_cast<void>(talk.create(true));  // 6, made before the welcome
    hear(daemon.welcome_back(3));
    EXPECT_EQ(text_of(sent()), "ack 1, request 2 lookup, manage, create, request 1 start again, ping");
    EXPECT_EQ(talk.outbox().operations(), 7U) << "what is asked again is a new frame";
}

TEST_F(ResumeTest, AckComesAlsoWhereThereIsNothingNew) {  // contract 2: it confirms the token
    EXPECT_EQ(come_back(0), "ack 0");
    const DeviceId id = *talk.create(false);
    hear(daemon.notice(id, other).notice(id, other).ack(1));
    EXPECT_EQ(text_of(sent()), "create, ack 2");
    EXPECT_EQ(come_back(1, "t3"), "ack 2");
}

TEST_F(ResumeTest, NewTokenIsTheNextOnesProof) {  // contract 2
    EXPECT_EQ(come_back(0, "t2"), "ack 0");
    EXPECT_EQ(lose_and_return().resume->token, "t2");
}

TEST_F(ResumeTest, SecondLossBeforeTheWelcomeUsesTheSameToken) {
    static_cast<void>(talk.create(false));
    lose_and_return();
    talk.lost(gone, Instant{noon.ns + 500});
    EXPECT_TRUE(talk.is_away());
    EXPECT_EQ(talk.lost_at(), noon) << "the grace runs from the first";
    talk.resume();
    const auto frames = sent();
    ASSERT_EQ(text_of(frames), "hello");
    EXPECT_EQ(wire::decode_hello(frames[0].view())->resume->token, "t");
    hear(daemon.welcome_back(0), Instant{noon.ns + 800});
    EXPECT_EQ(text_of(sent()), "ack 0, create");
    EXPECT_EQ(std::get<Resumed>(*talk.news().take()).away, Duration{800});
}

TEST_F(ResumeTest, NothingIsSentTwiceThatWasCarriedOutOverTwoCrashes) {
    for (int i = 0; i < 4; ++i) {
        static_cast<void>(talk.create(false));
    }
    hear(daemon.ack(1));
    EXPECT_EQ(come_back(3), "ack 0, create");
    hear(daemon.ack(3));
    EXPECT_EQ(frames_of(talk.outbox().kept()).size(), 1U);
    static_cast<void>(talk.create(false));
    EXPECT_EQ(come_back(4, "t3"), "ack 0, create");
    EXPECT_EQ(talk.outbox().operations(), 5U);
}

TEST_F(ResumeTest, HalfAFrameIsDroppedAndComesAgainWhole) {
    const DeviceId id = *talk.create(false);
    const std::string notice = daemon.notice(id, other).say();
    const std::string half = notice.substr(0, 30);
    hear(daemon.raw(half));
    EXPECT_EQ(lose_and_return().resume->received, 0U);
    hear(daemon.welcome_back(1).notice(id, other).ack(1));
    ASSERT_TRUE(heard) << heard.error().text();
    EXPECT_TRUE(talk.inboxes().take(id));
    EXPECT_FALSE(talk.inboxes().take(id));
    EXPECT_EQ(text_of(sent()), "ack 0, ack 1");
}

TEST_F(ResumeTest, UnreadMessagesAndDevicesStay) {
    const DeviceId id = *talk.create(false);
    hear(daemon.notice(id, other));
    come_back(1);
    EXPECT_TRUE(talk.inboxes().is_live(id));
    hear(daemon.shutdown_requested(id, other).ack(1));
    EXPECT_TRUE(std::holds_alternative<Disconnected>(*talk.inboxes().take(id)));
    EXPECT_TRUE(std::holds_alternative<Shutdown>(*talk.inboxes().take(id)));
    EXPECT_TRUE(talk.create(false)) << "out of the pool that it had";
}

TEST_F(ResumeTest, OnlyAnAckSettlesAndRefusalsComeBeforeIt) {  // contract 3
    const DeviceId id = *talk.create(false);
    const auto good = *talk.link(id, other, LinkMode::peer, Ask::acknowledgement);
    const auto bad = *talk.link(id, ScriptedDaemon::line(2), LinkMode::peer, Ask::acknowledgement);
    come_back(3);
    ASSERT_FALSE(talk.settled(good)) << "welcome.received is no acknowledgement";
    ASSERT_FALSE(talk.settled(bad));
    hear(daemon.refuse(bad, ErrorCode::link_down, wire::FrameType::link, id).ack(3));
    EXPECT_TRUE(talk.settled(good)->has_value());
    EXPECT_EQ(talk.settled(bad)->error().code, ErrorCode::link_down);
}

TEST_F(ResumeTest, RefusalBeforeTheCrashCountsAfterIt) {  // contract 3
    const DeviceId id = *talk.create(false);
    const auto link = *talk.link(id, other, LinkMode::peer, Ask::acknowledgement);
    hear(daemon.refuse(link, ErrorCode::link_down, wire::FrameType::link, id));
    EXPECT_EQ(lose_and_return().resume->received, 1U);
    hear(daemon.welcome_back(2).ack(2));
    EXPECT_EQ(talk.settled(link)->error().code, ErrorCode::link_down);
}

TEST_F(ResumeTest, UnlinkAwaitedThroughACrashTakesTheNoticeBack) {  // T-5
    const DeviceId id = *talk.create(false);
    const auto unlink = *talk.unlink(id, other, LinkMode::monitor, Ask::acknowledgement);
    come_back(2);
    hear(daemon.notice(id, other).ack(2));
    EXPECT_TRUE((*talk.settled(unlink))->was_down);
    EXPECT_FALSE(talk.inboxes().take(id));
}

TEST_F(ResumeTest, OpenCallsAreAskedAgainOnlyIfTheyWereCarriedOut) {  // contract 2
    const auto stop = ask(wire::Call::stop);
    const auto restart = ask(wire::Call::restart);
    const auto answered = ask(wire::Call::lookup);
    const auto list = ask(wire::Call::list);
    const auto late = ask(wire::Call::start);
    hear(daemon.reply(answered, wire::Found{other.id(), "db"}));
    EXPECT_EQ(come_back(4), "ack 0, request 5 start, request 1 stop again, request 2 restart again, request 4 list");
    hear(daemon.ack(4)
             .reply(late, wire::Named{"db"})
             .reply(stop, wire::Named{"db"})
             .reply_error(restart, ErrorCode::start_failed)
             .reply(list, wire::Listing{}));
    ASSERT_TRUE(heard) << heard.error().text();
    EXPECT_TRUE(talk.answer(answered)->has_value());
    EXPECT_TRUE(talk.answer(late)->has_value());
    EXPECT_TRUE(talk.answer(stop)->has_value());
    EXPECT_EQ(talk.answer(restart)->error().code, ErrorCode::start_failed);
    EXPECT_TRUE(talk.answer(list)->has_value());
    EXPECT_FALSE(talk.answer(list)) << "once";
}

TEST_F(ResumeTest, WhatWasAskedAgainAndLostAgainIsAskedOnceMore) {
    static_cast<void>(ask(wire::Call::start));                      // 1
    EXPECT_EQ(come_back(1, "t2"), "ack 0, request 1 start again");  // 2
    EXPECT_EQ(come_back(1, "t3"), "ack 0, request 1 start again") << "the second was not carried out: sent again as it was";
    EXPECT_EQ(talk.outbox().operations(), 2U);
    EXPECT_EQ(come_back(2, "t4"), "ack 0, request 1 start again") << "it was, and its reply was lost";
    EXPECT_EQ(talk.outbox().operations(), 3U);
}

TEST_F(ResumeTest, WhatIsGoneWhenAskedAgainWasTakenAwayByTheFirst) {  // contract 2
    const auto release = ask(wire::Call::release_name);
    const auto unwatch = ask(wire::Call::unwatch_name);
    const auto lookup = ask(wire::Call::lookup);
    come_back(3);
    hear(daemon.reply_error(release, ErrorCode::not_found)
             .reply_error(unwatch, ErrorCode::not_found)
             .reply_error(lookup, ErrorCode::not_found));
    EXPECT_TRUE(talk.answer(release)->has_value());
    EXPECT_TRUE(talk.answer(unwatch)->has_value());
    EXPECT_EQ(talk.answer(lookup)->error().code, ErrorCode::not_found);
}

TEST_F(ResumeTest, NotFoundOfACallSentAgainAsItWasIsAFailure) {
    const auto release = ask(wire::Call::release_name);
    const auto other_error = ask(wire::Call::unwatch_name);
    come_back(0);
    hear(daemon.reply_error(release, ErrorCode::not_found).reply_error(other_error, ErrorCode::not_permitted));
    EXPECT_EQ(talk.answer(release)->error().code, ErrorCode::not_found);
    EXPECT_EQ(talk.answer(other_error)->error().code, ErrorCode::not_permitted);
}

TEST_F(ResumeTest, NobodyAsksAgainForWhoeverStoppedWaiting) {
    const auto carried_out = ask(wire::Call::start);
    const auto kept = ask(wire::Call::stop);
    talk.abandon(carried_out);
    talk.abandon(kept);
    EXPECT_EQ(come_back(1), "ack 0, request 2 stop");
    hear(daemon.reply(kept, wire::Named{"db"}));
    EXPECT_TRUE(heard) << heard.error().text();
}

TEST_F(ResumeTest, GrantWhoseReplyWasLostIsAskedAgain) {  // contract 2
    std::uint64_t made = 0;
    while (talk.create(false)) {
        ++made;
    }
    EXPECT_EQ(made, 256U);
    const auto text = come_back(257);
    EXPECT_EQ(text, "ack 0, request 1 grant");
    EXPECT_FALSE(talk.create(false));
    hear(daemon.reply(1, wire::Grants{{{DeviceId::make(5, 0), 64}}}));
    EXPECT_EQ(*talk.create(false), DeviceId::make(5, 0));
}

TEST_F(ResumeTest, PingsAreSentAgainAndOneAnswersForAll) {
    const auto first = talk.ping();
    talk.lost(gone, noon);
    const auto second = talk.ping();
    talk.resume();
    static_cast<void>(sent());
    hear(daemon.welcome_back(0));
    const auto frames = sent();
    ASSERT_EQ(text_of(frames), "ack 0, ping");
    hear(daemon.pong(wire::decode_ping(frames[1].view())->nonce));
    EXPECT_TRUE(talk.ponged(first));
    EXPECT_TRUE(talk.ponged(second));
    EXPECT_EQ(come_back(0), "ack 0") << "answered";
}

TEST_F(ResumeTest, LostSessionIsTheEnd) {  // contract 4
    const DeviceId id = *talk.create(false);
    const auto link = *talk.link(id, other, LinkMode::peer, Ask::acknowledgement);
    const auto call = ask(wire::Call::daemon);
    lose_and_return();
    hear(daemon.welcome_instead());
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::unknown_session);
    EXPECT_EQ(text_of(sent()), "bye") << "and none of what was kept";
    EXPECT_EQ(talk.settled(link)->error().code, ErrorCode::unknown_session);
    EXPECT_EQ(talk.answer(call)->error().code, ErrorCode::unknown_session);
    EXPECT_EQ(talk.inboxes().ending(id)->fault.kind, FaultKind::unreachable);
    EXPECT_EQ(news(), "lost");
    EXPECT_EQ(talk.epoch(), ScriptedDaemon::epoch) << "lines keep their text";
}

TEST_F(ResumeTest, LostSessionWithoutAReasonOrWithAnother) {  // contract 4
    lose_and_return();
    hear(daemon.welcome_instead(ErrorCode::not_permitted));
    EXPECT_EQ(heard.error().code, ErrorCode::not_permitted);
    Conversation second{"test/1", Comeback{true, {}, {}}};
    std::string bytes = daemon.welcome().say();
    ASSERT_TRUE(second.take(std::as_bytes(std::span{bytes})));
    second.lost(gone);
    second.resume();
    bytes = daemon.welcome_instead(ErrorCode::ok).say();
    EXPECT_EQ(second.take(std::as_bytes(std::span{bytes})).error().code, ErrorCode::unknown_session);
}

TEST_F(ResumeTest, WelcomeOfAnotherSessionIsABreach) {
    wire::Welcome welcome;
    welcome.daemon = "scripted/2";
    welcome.epoch = ScriptedDaemon::epoch;
    welcome.session = "s";
    welcome.token = "t2";
    welcome.resumed = true;
    const auto wrong = [&](auto change) {
        Conversation own{"test/1", Comeback{true, {}, {}}};
        std::string bytes = daemon.welcome().say();
        EXPECT_TRUE(own.take(std::as_bytes(std::span{bytes})));
        static_cast<void>(own.create(false));
        static_cast<void>(own.create(false));
        bytes = daemon.ack(1).say();
        EXPECT_TRUE(own.take(std::as_bytes(std::span{bytes})));
        own.lost(gone);
        own.resume();
        own.sent(own.outgoing().size());
        wire::Welcome changed = welcome;
        changed.received = 1;
        change(changed);
        bytes = daemon.say_welcome(changed).say();
        const auto taken = own.take(std::as_bytes(std::span{bytes}));
        EXPECT_EQ(text_of(frames_of(own.outgoing())), taken ? "ack 0, create" : "bye");
        return taken ? std::string{"taken"} : taken.error().detail;
    };
    EXPECT_EQ(wrong([](wire::Welcome&) {}), "taken");
    EXPECT_EQ(wrong([](wire::Welcome& w) { w.session = "t"; }).substr(0, 15), "welcome.session");
    EXPECT_EQ(wrong([](wire::Welcome& w) { w.epoch = Epoch{1}; }).substr(0, 13), "welcome.epoch");
    EXPECT_EQ(wrong([](wire::Welcome& w) { w.device = ScriptedDaemon::worker; }).substr(0, 14), "welcome.device");
    EXPECT_EQ(wrong([](wire::Welcome& w) { w.received = 3; }), "welcome.received: 3");
    EXPECT_EQ(wrong([](wire::Welcome& w) { w.received = 0; }), "welcome.received: 0") << "less than it acknowledged";
}

TEST_F(ResumeTest, ResumedWithoutBeingAskedIsABreach) {
    Conversation fresh{"test/1", Comeback{true, {}, {}}};
    const std::string bytes = daemon.welcome_back(0).say();
    EXPECT_EQ(fresh.take(std::as_bytes(std::span{bytes})).error().code, ErrorCode::malformed);
}

TEST_F(ResumeTest, OtherFramesBeforeTheWelcomeAreABreach) {
    lose_and_return();
    hear(daemon.ack(0));
    EXPECT_EQ(heard.error().code, ErrorCode::out_of_order);
}

TEST_F(ResumeTest, ByeIsFinal) {
    lose_and_return();
    hear(daemon.bye(ErrorCode::shutting_down));
    EXPECT_EQ(heard.error().code, ErrorCode::shutting_down);
    talk.lost(gone);
    EXPECT_FALSE(talk.is_apart());
    talk.resume();
    EXPECT_TRUE(talk.outgoing().empty());
}

TEST_F(ResumeTest, BreachesAndGivingUpAreFinal) {
    hear(daemon.ack(5));
    ASSERT_FALSE(heard);
    talk.lost(gone);
    EXPECT_FALSE(talk.is_apart());
    Conversation other_talk{"test/1", Comeback{true, "s", "t"}};
    other_talk.lost(gone);
    ASSERT_TRUE(other_talk.is_away());
    other_talk.give_up(Error{ErrorCode::unreachable, "too late"});
    EXPECT_EQ(other_talk.over()->detail, "too late");
    EXPECT_FALSE(other_talk.is_apart());
}

TEST_F(ResumeTest, OurOwnByeIsFinalAndNeedsAStream) {
    talk.lost(gone, noon);
    talk.say_bye();
    EXPECT_TRUE(talk.outgoing().empty());
    EXPECT_EQ(talk.over()->code, ErrorCode::closed);
    talk.resume();
    EXPECT_TRUE(talk.outgoing().empty());
}

TEST_F(ResumeTest, LateBytesOfALostStreamSayNothing) {
    talk.lost(gone, noon);
    hear(daemon.ack(99));
    EXPECT_TRUE(heard);
    EXPECT_TRUE(talk.is_away());
}

TEST_F(ResumeTest, TellsThatItIsBackOnceAndFirst) {
    static_cast<void>(ask(wire::Call::watch_name));
    hear(daemon.reply(1));
    talk.lost(gone, noon);
    EXPECT_EQ(news(), "") << "nothing is known yet";
    talk.resume();
    static_cast<void>(sent());
    const auto before = talk.arrivals();
    hear(daemon.welcome_back(1).name_state("db", true, 2).ack(1));
    EXPECT_EQ(text_of(sent()), "ack 0, ack 1") << "the daemon remembers the watch";
    EXPECT_EQ(talk.arrivals(), before + 2);
    EXPECT_EQ(news(), "resumed, name");
}

TEST_F(ResumeTest, GraceIsTheDaemonsToSay) {  // contract 5
    EXPECT_EQ(talk.grace(), Duration::milliseconds(wire::resume_grace_ms));
    wire::Welcome welcome;
    welcome.session = "s";
    welcome.token = "t";
    welcome.epoch = ScriptedDaemon::epoch;
    welcome.limits = {{"resume_grace_ms", 70}};
    Conversation short_lived{"test/1", Comeback{true, {}, {}}};
    std::string bytes = daemon.say_welcome(welcome).say();
    ASSERT_TRUE(short_lived.take(std::as_bytes(std::span{bytes})));
    EXPECT_EQ(short_lived.grace(), Duration::milliseconds(70));
    welcome.limits = {{"resume_grace_ms", UINT64_MAX}};
    Conversation patient{"test/1", Comeback{true, {}, {}}};
    bytes = daemon.say_welcome(welcome).say();
    ASSERT_TRUE(patient.take(std::as_bytes(std::span{bytes})));
    EXPECT_GT(patient.grace(), Duration::seconds(3600));
}

TEST_F(ResumeTest, SessionKnownBeforehandIsResumedIfTheStreamEndsUngreeted) {  // contract 6
    Conversation worker{"test/1", Comeback{true, "s", "t0"}};
    auto frames = frames_of(worker.outgoing());
    EXPECT_FALSE(wire::decode_hello(frames.at(0).view())->resume) << "on its own socket it is a worker like any other";
    worker.lost(gone, noon);
    ASSERT_TRUE(worker.is_away());
    worker.resume();
    frames = frames_of(worker.outgoing());
    worker.sent(worker.outgoing().size());
    ASSERT_EQ(text_of(frames), "hello");
    const auto hello = wire::decode_hello(frames[0].view());
    EXPECT_EQ(hello->resume->session, "s");
    EXPECT_EQ(hello->resume->token, "t0");
    EXPECT_EQ(hello->resume->received, 0U);
    const std::string bytes = daemon.welcome_back(0, "t1", ScriptedDaemon::worker).notice(ScriptedDaemon::worker, other).ack(0).say();
    ASSERT_TRUE(worker.take(std::as_bytes(std::span{bytes})));
    EXPECT_TRUE(worker.greeted());
    EXPECT_EQ(worker.own_device(), ScriptedDaemon::worker);
    EXPECT_EQ(worker.epoch(), ScriptedDaemon::epoch);
    EXPECT_TRUE(worker.inboxes().take(ScriptedDaemon::worker));
    EXPECT_TRUE(worker.news().empty()) << "its user has never seen it away";
    EXPECT_FALSE(worker.create(false)) << "no grants came with it";
    EXPECT_EQ(text_of(frames_of(worker.outgoing())), "ack 0, ack 1, request 1 grant");
}

TEST_F(ResumeTest, OwnDeviceThatEndedDoesNotComeBack) {
    Conversation worker{"test/1", Comeback{true, "s", "t0"}};
    std::string bytes = daemon.welcome(0, ScriptedDaemon::worker).ended_well(ScriptedDaemon::worker).say();
    ASSERT_TRUE(worker.take(std::as_bytes(std::span{bytes})));
    worker.forget(ScriptedDaemon::worker);
    worker.lost(gone);
    worker.resume();
    bytes = daemon.welcome_back(0, "t1", ScriptedDaemon::worker).say();
    ASSERT_TRUE(worker.take(std::as_bytes(std::span{bytes})));
    EXPECT_FALSE(worker.inboxes().is_known(ScriptedDaemon::worker));
}

}  // namespace
}  // namespace backplane
