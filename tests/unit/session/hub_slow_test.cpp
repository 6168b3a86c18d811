// SPDX-License-Identifier: Apache-2.0
/// A client that does not read (T-7, decision 4): it is not read from, nothing that it is owed is dropped, and after a time it is cut.
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/limits.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace backplane::session {
namespace {

class HubSlowTest : public ::testing::Test {
  protected:
    void SetUp() override {
        hub_.set_time(now_, 1);
        hub_.feed(core::Event::boot(Epoch{5}, 1, 0));
        socket_ = hub_.accept(PeerFacts{0, 0, 7, core::no_child, 0, core::Token{1, 1}});
        wire::Hello hello;
        hello.client = "test/1";
        say([&](std::string& out) { wire::encode(out, hello); });
        read_all();
    }
    template <class Encode>
    void say(const Encode& encode) {
        std::string bytes;
        encode(bytes);
        hub_.receive(socket_, std::as_bytes(std::span{bytes}));
    }
    void pass(Duration time) {
        now_ = now_ + time;
        hub_.set_time(now_, 1);
        hub_.feed(core::Event::of(core::EventKind::tick));
        while (hub_.wants_go_on()) {
            hub_.go_on();
        }
    }
    /// Its frames, by type; all of them are written.
    std::vector<wire::FrameType> read_all() {
        std::vector<wire::FrameType> types;
        for (;;) {
            const std::string out{hub_.outbox(socket_)};
            const wire::FrameResult frame = wire::next_frame(std::as_bytes(std::span{out}));
            if (frame.status != wire::FrameStatus::whole) {
                return types;
            }
            types.push_back(frame.frame.type);
            last_ = out.substr(0, frame.size);
            hub_.wrote(socket_, frame.size);
        }
    }
    /// Pings whose answers nobody reads.
    void stop_reading() {
        for (std::uint64_t n = 1; hub_.wants_read(socket_); ++n) {
            ASSERT_LT(n, 100'000U);
            say([&](std::string& out) { wire::encode_ping(out, wire::Ping{n}); });
        }
    }

    core::Engine engine_;
    Hub hub_{engine_, {}};
    Instant now_{1'000'000'000};
    core::SessionIndex socket_ = 0;
    std::string last_;
};

constexpr Duration patience = Duration::milliseconds(wire::stalled_timeout_ms);

TEST_F(HubSlowTest, T7_OneThatDoesNotReadIsNotReadFromAndThenCut) {
    ASSERT_NO_FATAL_FAILURE(stop_reading());
    EXPECT_LE(hub_.outbox(socket_).size(), wire::outbox_mark_bytes + wire::frame_bytes_max);
    EXPECT_EQ(hub_.next_deadline(), now_ + patience);
    pass(Duration{patience.ns - 1});
    EXPECT_FALSE(hub_.is_finished(socket_));
    pass(Duration{1});
    ASSERT_TRUE(hub_.is_finished(socket_));
    // What it did not read it does not get; the last word says why.
    EXPECT_EQ(read_all(), std::vector<wire::FrameType>{wire::FrameType::bye});
    const wire::FrameResult bye = wire::next_frame(std::as_bytes(std::span{last_}));
    EXPECT_EQ(wire::decode_bye(bye.frame)->code, ErrorCode::slow_consumer);
}

TEST_F(HubSlowTest, T7_OneThatReadsInTimeGoesOn) {
    ASSERT_NO_FATAL_FAILURE(stop_reading());
    pass(Duration{patience.ns - 1});
    EXPECT_FALSE(read_all().empty());
    EXPECT_TRUE(hub_.wants_read(socket_));
    EXPECT_TRUE(hub_.next_deadline().is_never());
    pass(patience);
    EXPECT_FALSE(hub_.is_finished(socket_));
    say([](std::string& out) { wire::encode_ping(out, wire::Ping{9}); });
    EXPECT_EQ(read_all(), std::vector<wire::FrameType>{wire::FrameType::pong});
}

}  // namespace
}  // namespace backplane::session
