// SPDX-License-Identifier: Apache-2.0
/// How the log's reader goes on when the daemon died and came back: nothing told twice, and what is missing told as a gap.
#include "tests/unit/talk/resume_fixture.hpp"

namespace backplane {
namespace {

TEST_F(ResumeTest, SubscriptionIsRenewedBehindTheLastEventSeen) {
    const auto id = subscribe(std::nullopt);
    hear(daemon.reply(id).event(7, "child_down").event(9, "restart"));
    EXPECT_EQ(come_back(1), "ack 0, request 2 subscribe since 9");
    hear(daemon.event(12, "child_ready").reply(2).event(14, "child_down"));
    ASSERT_TRUE(heard) << heard.error().text();
    EXPECT_EQ(news(), "event 7, event 9, resumed, event 12, event 14");
    EXPECT_EQ(come_back(2, "t3"), "ack 0, request 3 subscribe since 14");
}

TEST_F(ResumeTest, MissedGraphEventsAreOneGap) {
    const auto id = subscribe(3, true);
    hear(daemon.event(5, "link").reply(id));
    EXPECT_EQ(come_back(1), "ack 0, request 2 subscribe since 5 graph");
    hear(daemon.event(8, "child_down").event(9, "restart").reply(2).event(20, "link"));
    EXPECT_EQ(news(), "event 5, resumed, event 8, event 9, gap 6-9, event 20");
}

TEST_F(ResumeTest, WhereNoNumberIsKnownAllMayBeMissed) {
    const auto id = subscribe(std::nullopt);
    hear(daemon.reply(id));
    EXPECT_EQ(come_back(1), "ack 0, request 2 subscribe");
    hear(daemon.reply(2));
    EXPECT_EQ(news(), "resumed, gap 1-1");
}

TEST_F(ResumeTest, SinceIsANumberToBeginFrom) {
    const auto id = subscribe(40);
    hear(daemon.reply(id));
    EXPECT_EQ(come_back(1), "ack 0, request 2 subscribe since 40");
    hear(daemon.reply(2));
    EXPECT_EQ(news(), "resumed") << "the ring tells what happened";
}

TEST_F(ResumeTest, GapOfTheDaemonIsANumberToo) {
    const auto id = subscribe(0);
    wire::Event gap;
    gap.event = "gap";
    gap.fields = {{"from", std::int64_t{1}}, {"to", std::int64_t{30}}};
    std::string bytes;
    wire::encode(bytes, gap, ScriptedDaemon::epoch);
    hear(daemon.raw(bytes).reply(id));
    ASSERT_TRUE(heard) << heard.error().text();
    EXPECT_EQ(come_back(1), "ack 0, request 2 subscribe since 30");
}

TEST_F(ResumeTest, ReplayThatWasCutGoesOnWhereItWas) {
    static_cast<void>(subscribe(0, false, false));
    hear(daemon.event(4, "child_down").event(6, "restart"));
    EXPECT_EQ(come_back(1), "ack 0, request 1 subscribe since 6");
    hear(daemon.event(7, "child_ready").reply(1));
    EXPECT_EQ(news(), "event 4, event 6, resumed, event 7");
    EXPECT_EQ(come_back(2, "t3"), "ack 0") << "it did not want to follow";
}

TEST_F(ResumeTest, SecondSubscriptionThatWasCutGoesOnByItself) {
    const auto first = subscribe(std::nullopt);
    hear(daemon.reply(first).event(50, "child_down"));
    static_cast<void>(subscribe(10));
    EXPECT_EQ(come_back(2, "t2"), "ack 0, request 2 subscribe since 10") << "its replay had not begun";
    hear(daemon.event(12, "restart"));
    EXPECT_EQ(come_back(3, "t3"), "ack 0, request 2 subscribe since 12") << "and now it has";
}

TEST_F(ResumeTest, SubscribeThatIsSentAgainReplacesWhatWasFollowed) {
    const auto first = subscribe(std::nullopt);
    hear(daemon.reply(first).event(50, "child_down"));
    talk.lost(gone, noon);
    static_cast<void>(subscribe(10));
    talk.resume();
    static_cast<void>(sent());
    hear(daemon.welcome_back(1));
    EXPECT_EQ(text_of(sent()), "ack 0, request 2 subscribe since 10") << "and no renewal behind it, which would replace it";
}

TEST_F(ResumeTest, UnsubscribedIsUnsubscribed) {
    const auto first = subscribe(std::nullopt);
    hear(daemon.reply(first).event(50, "child_down"));
    talk.lost(gone, noon);
    static_cast<void>(ask(wire::Call::unsubscribe));
    talk.resume();
    static_cast<void>(sent());
    hear(daemon.welcome_back(1));
    EXPECT_EQ(text_of(sent()), "ack 0, request 2 unsubscribe");
    hear(daemon.reply(2));
    EXPECT_EQ(come_back(2, "t3"), "ack 0");
}

TEST_F(ResumeTest, RenewalThatWasLostIsMadeAnewUnlessNobodyFollowsAnyMore) {
    const auto first = subscribe(0);
    hear(daemon.reply(first).event(50, "child_down"));
    EXPECT_EQ(come_back(1, "t2"), "ack 0, request 2 subscribe since 50");
    hear(daemon.event(60, "restart"));
    EXPECT_EQ(come_back(2, "t3"), "ack 0, request 3 subscribe since 60");
    EXPECT_EQ(come_back(2, "t4"), "ack 0, request 3 subscribe since 60") << "not carried out: the same frame, and no second one";
    static_cast<void>(ask(wire::Call::unsubscribe));
    EXPECT_EQ(come_back(3, "t5"), "ack 0, request 4 unsubscribe");
    hear(daemon.reply(4));
    EXPECT_TRUE(heard) << heard.error().text();
    EXPECT_EQ(come_back(4, "t6"), "ack 0");
}

TEST_F(ResumeTest, RefusedRenewalIsTold) {
    const auto first = subscribe(0, true);
    hear(daemon.reply(first).event(50, "link"));
    come_back(1);
    hear(daemon.reply_error(2, ErrorCode::limit_reached));
    EXPECT_EQ(news(), "event 50, resumed, refused subscribe");
    EXPECT_EQ(come_back(2, "t3"), "ack 0");
}

}  // namespace
}  // namespace backplane
