// SPDX-License-Identifier: Apache-2.0
/// What a Device says of itself, signs of life and labels, and what of it is said again after a crash of the daemon.
#include "tests/unit/talk/resume_fixture.hpp"

#include <limits>

namespace backplane {
namespace {

class DeviceWordsTest : public ResumeTest {
  protected:
    static constexpr Duration second = Duration::seconds(1);
    static Instant at_ms(std::int64_t ms) { return Instant{} + Duration::milliseconds(60'000 + ms); }
    /// The intervals of the heartbeats that were sent since the last look.
    std::vector<std::uint32_t> beats() {
        std::vector<std::uint32_t> intervals;
        for (const SentFrame& frame : sent()) {
            if (const auto beat = wire::decode_heartbeat(frame.view()); frame.type == wire::FrameType::heartbeat && beat) {
                intervals.push_back(beat->interval_ms);
            }
        }
        return intervals;
    }
    static std::string detail_of(const Expected<void>& done) {
        return done ? "done" : std::string{error_name(done.error().code)} + " " + done.error().detail;
    }
};

TEST_F(DeviceWordsTest, ASignOfLifeIsSentEveryTenthOfTheInterval) {
    const DeviceId id = *talk.create(false);
    EXPECT_EQ(detail_of(talk.heartbeat(id, at_ms(0))), "invalid_argument heartbeat: this Device has no interval");
    ASSERT_TRUE(talk.heartbeat(id, second, at_ms(0)));
    for (const std::int64_t ms : {0, 50, 99}) {
        ASSERT_TRUE(talk.heartbeat(id, at_ms(ms)));
    }
    EXPECT_EQ(beats(), (std::vector<std::uint32_t>{1000})) << "the others are too young to be worth a frame";
    ASSERT_TRUE(talk.heartbeat(id, at_ms(100)));
    ASSERT_TRUE(talk.heartbeat(id, at_ms(199)));
    ASSERT_TRUE(talk.heartbeat(id, at_ms(200)));
    EXPECT_EQ(beats(), (std::vector<std::uint32_t>{1000, 1000}));
}

TEST_F(DeviceWordsTest, AnIntervalMayChangeAndEnd) {
    const DeviceId id = *talk.create(false);
    ASSERT_TRUE(talk.heartbeat(id, second, at_ms(0)));
    ASSERT_TRUE(talk.heartbeat(id, Duration{1'500'001}, at_ms(1)));
    ASSERT_TRUE(talk.heartbeat(id, Duration{1}, at_ms(1)));
    ASSERT_TRUE(talk.heartbeat(id, Duration{}, at_ms(1)));
    EXPECT_EQ(beats(), (std::vector<std::uint32_t>{1000, 2, 1, 0})) << "rounded up, never to zero";
    EXPECT_FALSE(talk.heartbeat(id, at_ms(500)));
    ASSERT_TRUE(talk.heartbeat(id, Duration{-5}, at_ms(500))) << "a negative length counts as 0";
    EXPECT_EQ(beats(), (std::vector<std::uint32_t>{0}));
}

TEST_F(DeviceWordsTest, WhatCannotBeIsSaidAtOnce) {
    const DeviceId id = *talk.create(false);
    const Duration day = Duration::seconds(24 * 3600);
    EXPECT_TRUE(talk.heartbeat(id, day, at_ms(0)));
    for (const Duration longer : {Duration{day.ns + 1}, Duration::forever()}) {
        EXPECT_EQ(talk.heartbeat(id, longer, at_ms(0)).error().code, ErrorCode::invalid_argument);
    }
    EXPECT_EQ(detail_of(talk.label(id, {{"good", "x"}, {"bad key", "x"}})), "invalid_argument labels.bad key: not a key");
    EXPECT_EQ(detail_of(talk.label(id, {{"k", "\xff"}})), "invalid_argument labels.k: not UTF-8");
    EXPECT_EQ(beats().size(), 1U);
    talk.disconnect(id, Fault{});
    EXPECT_EQ(talk.heartbeat(id, second, at_ms(0)).error().code, ErrorCode::device_down);
    EXPECT_EQ(talk.heartbeat(id, at_ms(0)).error().code, ErrorCode::device_down);
    EXPECT_EQ(talk.label(id, {}).error().code, ErrorCode::device_down);
}

TEST_F(DeviceWordsTest, LabelsAreARequestThatNobodyWaitsFor) {
    const DeviceId id = *talk.create(false);
    static_cast<void>(sent());
    ASSERT_TRUE(talk.label(id, {{"b", "2"}, {"a", "1"}}));
    const auto frames = sent();
    ASSERT_EQ(text_of(frames), "request 1 label");
    std::uint64_t number = 0;
    const auto request = wire::decode_request(frames[0].view(), number);
    EXPECT_EQ(request->device, id);
    EXPECT_EQ(request->labels, (Labels{{"a", "1"}, {"b", "2"}}));
    hear(daemon.reply(1));
    EXPECT_EQ(news(), "");
    ASSERT_TRUE(talk.label(id, {}));
    hear(daemon.reply_error(2, ErrorCode::limit_reached, "label_bytes_per_session_max"));
    EXPECT_EQ(news(), "refused label");
    ASSERT_TRUE(talk.label(id, {}));
    hear(daemon.reply_error(3, ErrorCode::device_down));
    EXPECT_EQ(news(), "") << "its end says that";
}

TEST_F(DeviceWordsTest, WhatWasNotCarriedOutIsSaidAgainInItsOrder) {
    const DeviceId id = *talk.create(false);            // 1
    ASSERT_TRUE(talk.heartbeat(id, second, at_ms(0)));  // 2
    ASSERT_TRUE(talk.label(id, {{"a", "old"}}));        // 3
    ASSERT_TRUE(talk.heartbeat(id, at_ms(300)));        // 4
    ASSERT_TRUE(talk.label(id, {{"a", "new"}}));        // 5
    static_cast<void>(sent());
    EXPECT_EQ(come_back(3), "ack 0, heartbeat, request 2 label") << "the labels that are set already must not come behind younger ones";
    hear(daemon.reply(2));
    EXPECT_EQ(news(), "resumed");
}

}  // namespace
}  // namespace backplane
