// SPDX-License-Identifier: Apache-2.0
/// What a session is told, in which order, and what of its words counts at its end (rules D-2, L-8, T-1, T-4, T-6, T-7).
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace backplane::session {
namespace {

using Lines = std::vector<std::string>;

class HubOrderTest : public ::testing::Test {
  protected:
    /// A client with the ids that its welcome granted it.
    struct Client {
        core::SessionIndex socket = 0;
        DeviceId first;
        [[nodiscard]] DeviceId id(std::uint32_t n) const { return DeviceId::make(first.generation(), first.slot() + n); }
    };

    void SetUp() override {
        hub_.set_time(Instant{1'000'000'000}, 1);
        hub_.feed(core::Event::boot(Epoch{5}, 1, 0));
        one_ = connect();
        two_ = connect();
    }
    Client connect() {
        Client made;
        made.socket = hub_.accept(PeerFacts{0, 0, 7, core::no_child, 0, core::Token{1, 1}});
        wire::Hello hello;
        hello.client = "test/1";
        std::string bytes;
        wire::encode(bytes, hello);
        receive(made, bytes);
        const std::string out{hub_.outbox(made.socket)};
        const auto welcome = wire::decode_welcome(wire::next_frame(std::as_bytes(std::span{out})).frame);
        EXPECT_TRUE(welcome && !welcome->grants.empty());
        made.first = welcome && !welcome->grants.empty() ? welcome->grants[0].first : DeviceId{};
        hub_.wrote(made.socket, out.size());
        return made;
    }
    void receive(const Client& client, const std::string& bytes) { hub_.receive(client.socket, std::as_bytes(std::span{bytes})); }
    void go_on() {
        while (hub_.wants_go_on()) {
            hub_.go_on();
        }
    }

    static std::string create(DeviceId id) {
        std::string bytes;
        wire::encode(bytes, wire::Create{id, false});
        return bytes;
    }
    static std::string link(DeviceId from, DeviceId to, LinkMode mode, bool acknowledged = false) {
        std::string bytes;
        wire::encode_link(bytes, wire::LinkOperation{from, to, mode}, acknowledged ? wire::flag::ack : std::uint16_t{0});
        return bytes;
    }
    static std::string end(DeviceId id, FaultKind fault = FaultKind::none, std::int32_t argument = 0, std::string_view text = {}) {
        std::string bytes;
        wire::encode(bytes, wire::Disconnect{id, fault, argument, {}, text});
        return bytes;
    }
    static std::string ping(std::uint64_t nonce) {
        std::string bytes;
        wire::encode_ping(bytes, wire::Ping{nonce});
        return bytes;
    }
    static std::string request(std::uint64_t number, wire::Call call, const std::string& name = {}, DeviceId device = {}) {
        wire::Request made;
        made.id = number;
        made.call = call;
        made.name = name;
        made.device = device;
        made.epoch = Epoch{5};
        made.count = wire::list_rows_max;
        std::string bytes;
        wire::encode(bytes, made);
        return bytes;
    }

    /// All that a client is told, in words; acknowledgements by what they cover.
    Lines told(const Client& client) {
        Lines lines;
        std::string out{hub_.outbox(client.socket)};
        hub_.wrote(client.socket, out.size());
        for (;;) {
            const wire::FrameResult next = wire::next_frame(std::as_bytes(std::span{out}));
            if (next.status != wire::FrameStatus::whole) {
                EXPECT_TRUE(out.empty());
                return lines;
            }
            lines.push_back(words(next.frame));
            out.erase(0, next.size);
        }
    }
    static std::string words(const wire::FrameView& frame) {
        switch (frame.type) {
            case wire::FrameType::ack: return "ack " + std::to_string(wire::decode_ack(frame)->count);
            case wire::FrameType::pong: return "pong " + std::to_string(wire::decode_ping(frame)->nonce);
            case wire::FrameType::bye: return "bye " + std::string{error_name(wire::decode_bye(frame)->code)};
            case wire::FrameType::reply: return "reply " + std::to_string(*wire::decode_reply_id(frame));
            case wire::FrameType::refusal: {
                const auto refusal = wire::decode_refusal(frame);
                return "refusal of " + std::to_string(refusal->operation) + ": " + std::string{error_name(refusal->code)} + " " +
                       std::string{refusal->text};
            }
            case wire::FrameType::notice: {
                const auto notice = wire::decode_notice(frame);
                return "notice of " + std::to_string(notice->about.slot() % 64) + ": " + std::to_string(static_cast<int>(notice->fault)) +
                       " " + std::string{notice->text};
            }
            default: return "frame " + std::to_string(static_cast<int>(frame.type));
        }
    }

    core::Engine engine_;
    Hub hub_{engine_, [] {
                 HubOptions options;
                 options.outbox_mark = 4096;
                 return options;
             }()};
    Client one_, two_;
};

TEST_F(HubOrderTest, T4_TheAcknowledgementOfALinkStandsBeforeItsNotice) {
    receive(one_, create(one_.id(0)) + create(one_.id(1)));
    receive(two_, create(two_.id(2)));
    (void)told(one_);
    // In one go, by one connection.
    receive(one_, link(one_.id(0), one_.id(1), LinkMode::monitor, true) + end(one_.id(1)));
    EXPECT_EQ(told(one_), (Lines{"ack 3", "notice of 1: 0 ", "ack 4"}));
    // Of two, whose words the daemon reads in one tick: nothing is written in between.
    receive(one_, link(one_.id(0), two_.id(2), LinkMode::peer, true));
    receive(two_, end(two_.id(2), FaultKind::error));
    EXPECT_EQ(told(one_), (Lines{"ack 5", "notice of 2: 2 "}));
}

TEST_F(HubOrderTest, T1_AllThatIsToldComesInTheOrderOfWhatCausedIt) {
    const DeviceId a = one_.id(0), b = one_.id(1), unknown = one_.id(9);
    receive(one_, create(a) + create(b) + request(70, wire::Call::register_name, "n", b) + link(a, b, LinkMode::monitor) +
                      request(69, wire::Call::lookup, "n") + link(a, unknown, LinkMode::notify) + ping(1) + end(b) +
                      request(68, wire::Call::lookup, "n") + link(a, b, LinkMode::peer, true) + ping(2));
    EXPECT_EQ(told(one_), (Lines{"reply 70", "reply 69", "refusal of 6: link_down unknown", "pong 1", "notice of 1: 0 ", "reply 68",
                                 "refusal of 9: link_down dead", "ack 9", "pong 2"}));
}

TEST_F(HubOrderTest, L8_ARefusalSaysHowItDied) {
    const DeviceId a = one_.id(0);
    receive(one_, create(a) + create(one_.id(1)) + create(one_.id(2)) + create(one_.id(3)));
    receive(one_, end(one_.id(1)) + end(one_.id(2), FaultKind::exit, 3) + end(one_.id(3), FaultKind::error, 0, "disk full"));
    (void)told(one_);
    for (const LinkMode mode : {LinkMode::monitor, LinkMode::notify, LinkMode::peer}) {
        const std::uint64_t before = engine_.graph().session(one_.socket).operations;
        std::string bytes;
        for (const std::uint32_t n : {1U, 2U, 3U, 9U}) {
            bytes += link(a, one_.id(n), mode, true);
        }
        receive(one_, bytes);
        Lines refusals;
        for (std::string& line : told(one_)) {
            if (line.starts_with("refusal")) {
                refusals.push_back(std::move(line));
            }
        }
        const auto of = [&](std::uint64_t n) { return "refusal of " + std::to_string(before + n) + ": link_down "; };
        EXPECT_EQ(refusals, (Lines{of(1) + "dead", of(2) + "dead(exit(3))", of(3) + "dead(error{disk full})", of(4) + "unknown"}));
    }
}

TEST_F(HubOrderTest, D2_ABreachIsTheEndOfItsDevices) {
    receive(one_, create(one_.id(0)));
    receive(two_, create(two_.id(1)) + create(two_.id(2)));
    receive(one_, link(one_.id(0), two_.id(1), LinkMode::monitor) + link(one_.id(0), two_.id(2), LinkMode::monitor));
    (void)told(one_);
    (void)told(two_);
    std::string forged;
    wire::encode_notice(forged, wire::Notice{});
    receive(two_, end(two_.id(1), FaultKind::error) + forged + end(two_.id(2), FaultKind::error));
    EXPECT_TRUE(hub_.is_finished(two_.socket));
    EXPECT_EQ(told(two_), Lines{"bye out_of_order"});
    go_on();
    EXPECT_EQ(told(one_), (Lines{"notice of 1: 2 ", "notice of 2: 1 out_of_order"})) << "what came before it counts, and nothing behind it";
}

TEST_F(HubOrderTest, T6_WholeFramesThatWaitedAreCarriedOutAtTheEnd) {
    receive(one_, create(one_.id(0)));
    receive(two_, create(two_.id(1)) + create(two_.id(2)) + create(two_.id(3)));
    receive(one_, link(one_.id(0), two_.id(1), LinkMode::monitor) + link(one_.id(0), two_.id(2), LinkMode::monitor) +
                      link(one_.id(0), two_.id(3), LinkMode::monitor));
    (void)told(one_);
    // It does not read, and so its words wait: these are read by the daemon and not carried out yet.
    std::string pings;
    for (std::uint64_t n = 0; n < 4096 / 8; ++n) {
        pings += ping(n);
    }
    receive(two_, pings + end(two_.id(2), FaultKind::error, 0, "in time") + end(two_.id(1), FaultKind::error, 0, "half").substr(0, 20));
    EXPECT_FALSE(hub_.wants_read(two_.socket));
    EXPECT_EQ(told(one_), Lines{});
    hub_.ended(two_.socket);
    go_on();
    EXPECT_EQ(told(one_), (Lines{"notice of 2: 2 in time", "notice of 1: 1 ", "notice of 3: 1 "}));
}

/// Questions that wait are bounded by their own bytes alone; what they would give is bounded by the budget.
TEST_F(HubOrderTest, T7_OneThatIsOwedMoreThanItsBudgetIsCut) {
    receive(one_, create(one_.id(0)));
    std::string questions;
    for (std::uint64_t n = 1; n <= 400; ++n) {
        questions += request(1'000 + n, wire::Call::list);
    }
    const auto ask_and_go = [&](std::size_t bytes) {
        const Client client = connect();
        std::string names;
        for (std::uint32_t n = 1; n <= 40; ++n) {
            names += create(client.id(n)) + request(n, wire::Call::register_name, std::string(240, 'n') + std::to_string(n), client.id(n));
        }
        receive(client, names);
        (void)told(client);
        receive(one_, link(one_.id(0), client.id(1), LinkMode::monitor));
        receive(client, questions.substr(0, bytes));
        EXPECT_LT(hub_.outbox(client.socket).size(), 64U * 1024) << "nothing beyond the mark is answered yet";
        hub_.ended(client.socket);
        EXPECT_LE(hub_.outbox(client.socket).size(), wire::outbox_bytes_max);
        const Lines last = told(client);
        hub_.release(client.socket);
        go_on();
        return std::pair{last, told(one_)};
    };
    (void)told(one_);
    const auto [few, told_of_few] = ask_and_go(questions.size() / 10);
    EXPECT_EQ(std::count_if(few.begin(), few.end(), [](const std::string& line) { return line.starts_with("reply"); }), 40);
    EXPECT_EQ(told_of_few.back(), "notice of 1: 1 ");
    const auto [many, told_of_many] = ask_and_go(questions.size());
    EXPECT_EQ(many, Lines{"bye slow_consumer"});
    EXPECT_EQ(told_of_many.back(), "notice of 1: 1 slow_consumer");
}

}  // namespace
}  // namespace backplane::session
