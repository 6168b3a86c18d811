// SPDX-License-Identifier: Apache-2.0
/// Sessions across crashes of the daemon (T-10, PROTOCOL.md 5.6), where the welcome or the way to it is lost more than once.
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

namespace backplane::session {
namespace {

/// Keeps the events, as a journal does.
class Kept final : public Recorder {
  public:
    [[nodiscard]] bool record(Instant now, const core::Event& event) override {
        events.push_back({now, event, std::string{event.text}});
        return true;
    }
    [[nodiscard]] std::uint64_t bytes() const override { return events.size(); }
    struct One {
        Instant at;
        core::Event event;
        std::string text;
    };
    std::vector<One> events;
};

/// One client of a daemon that crashes when it is told to.
class HubResumeTest : public ::testing::Test {
  protected:
    void SetUp() override {
        start();
        hub_->feed(core::Event::boot(Epoch{5}, 1, 0));
        socket_ = connect({});
        welcome_ = *take_welcome();
    }
    void start() {
        HubOptions options;
        options.outbox_mark = 200;
        hub_.reset();
        engine_ = std::make_unique<core::Engine>();
        hub_ = std::make_unique<Hub>(*engine_, options);
        hub_->set_time(Instant{1'000}, 1);
    }
    void crash() {
        start();
        for (const Kept::One& one : kept_.events) {
            core::Event event = one.event;
            event.text = one.text;
            hub_->replay(one.at, event);
        }
        hub_->record_to(&kept_);
        hub_->feed(core::Event::of(core::EventKind::recovered));
        hub_->restore();
        socket_ = connect(wire::Resume{welcome_.session, welcome_.token, received_});
    }
    core::SessionIndex connect(std::optional<wire::Resume> resume) {
        hub_->record_to(&kept_);
        const core::SessionIndex made = hub_->accept(PeerFacts{0, 0, 7, core::no_child, 0, core::Token{++tokens_, 1}});
        wire::Hello hello;
        hello.client = "test/1";
        hello.resume = std::move(resume);
        std::string bytes;
        wire::encode(bytes, hello);
        hub_->receive(made, std::as_bytes(std::span{bytes}));
        std::vector<Move> moves;
        hub_->take_moves(moves);
        if (moves.empty()) {
            return made;
        }
        hub_->release(moves.front().from);
        return moves.front().to;
    }
    /// The next frame that the client is told; none: the outbox is empty.
    std::optional<std::string> next() {
        const std::string out{hub_->outbox(socket_)};
        const wire::FrameResult frame = wire::next_frame(std::as_bytes(std::span{out}));
        if (frame.status != wire::FrameStatus::whole) {
            return std::nullopt;
        }
        hub_->wrote(socket_, frame.size);
        return out.substr(0, frame.size);
    }
    std::optional<wire::Welcome> take_welcome() {
        const std::string bytes = next().value_or("");
        const wire::FrameResult frame = wire::next_frame(std::as_bytes(std::span{bytes}));
        EXPECT_EQ(frame.frame.type, wire::FrameType::welcome);
        const auto welcome = wire::decode_welcome(frame.frame);
        return welcome ? std::optional{*welcome} : std::nullopt;
    }

    Kept kept_;
    std::unique_ptr<core::Engine> engine_;
    std::unique_ptr<Hub> hub_;
    core::SessionIndex socket_ = 0;
    wire::Welcome welcome_;
    std::uint64_t received_ = 0, tokens_ = 0;
};

/// Whatever the daemon made of its words: the token that the client has is good until the client has acknowledged a newer one.
TEST_F(HubResumeTest, ManyWelcomesAreLost) {
    for (int n = 0; n < 5; ++n) {
        crash();
    }
    const auto welcome = take_welcome();
    ASSERT_TRUE(welcome.has_value());
    EXPECT_TRUE(welcome->resumed) << error_name(welcome->resume_error);
    EXPECT_EQ(welcome->session, welcome_.session);
    // It heard this one. Its acknowledgement gets lost, and so does the next welcome: both tokens that it may have are good.
    welcome_.token = welcome->token;
    crash();
    crash();
    EXPECT_TRUE(take_welcome()->resumed);
}

/// 5.2 and 5.6: refusals stand before the acknowledgement that covers them, also where they do not fit into one outbox.
TEST_F(HubResumeTest, AcknowledgementStandsBehindAllRefusals) {
    constexpr std::uint64_t refused = 40;
    std::string bytes;
    for (std::uint64_t n = 0; n < refused; ++n) {
        wire::encode(bytes, wire::Create{DeviceId::make(9, 9), false});
    }
    hub_->receive(socket_, std::as_bytes(std::span{bytes}));
    while (next()) {  // they are told and get lost
    }
    ASSERT_EQ(engine_->graph().session(socket_).operations, refused);
    crash();
    ASSERT_EQ(take_welcome()->received, refused);
    std::uint64_t told = 0;
    std::uint64_t acknowledgements = 0;
    for (auto frame = next(); frame; frame = next()) {
        const auto type = wire::next_frame(std::as_bytes(std::span{*frame})).frame.type;
        told += type == wire::FrameType::refusal ? 1U : 0U;
        if (type == wire::FrameType::ack) {
            ++acknowledgements;
            EXPECT_EQ(told, refused);
        }
    }
    EXPECT_EQ(told, refused);
    EXPECT_EQ(acknowledgements, 1U);
}

}  // namespace
}  // namespace backplane::session
