// SPDX-License-Identifier: Apache-2.0
/// `logs` over a child whose lines the test has: pages, what is missing, and who waits.
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/limits.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace backplane::session {
namespace {

/// Lines by their number, from `first` on.
class Kept final : public WorkerOutput {
  public:
    Range lines_of(core::ChildIndex) const override { return {origin, first, first + lines.size()}; }
    OutputLine line_of(core::ChildIndex, std::uint64_t number) const override {
        return {Instant{1}, 1, "stderr", false, lines[static_cast<std::size_t>(number - first)]};
    }
    std::uint64_t dropped_of(core::ChildIndex) const override { return 0; }

    std::uint64_t origin = 100, first = 100;
    std::vector<std::string> lines;
};

class HubOutputTest : public ::testing::Test {
  protected:
    void SetUp() override {
        core::SupervisorSpec root;
        core::ChildSpec child;
        child.name = "a";
        child.launch.exec = {"a"};
        root.children = {child};
        hub_.set_time(Instant{1'000'000'000}, 1);
        hub_.feed(core::Event::boot(Epoch{1}, 1, 0));
        hub_.feed(core::Event::configure(core::encode_spec(root)));
        child_ = engine_.supervision().find("a");
        hub_.set_output(&kept_);
        socket_ = connect();
    }
    core::SessionIndex connect() {
        const core::SessionIndex socket = hub_.accept(PeerFacts{0, 0, 1, core::no_child, 0, core::Token{1, 1}});
        wire::Hello hello;
        hello.client = "test/1";
        std::string bytes;
        wire::encode(bytes, hello);
        hub_.receive(socket, std::as_bytes(std::span{bytes}));
        (void)read(socket);
        return socket;
    }
    /// The replies that have come, by their number.
    std::map<std::uint64_t, wire::Reply> read(core::SessionIndex socket) {
        const std::string out{hub_.outbox(socket)};
        hub_.wrote(socket, out.size());
        std::map<std::uint64_t, wire::Reply> replies;
        std::string_view rest = out;
        while (!rest.empty()) {
            const wire::FrameResult next = wire::next_frame(std::as_bytes(std::span{rest}));
            if (next.frame.type == wire::FrameType::reply) {
                auto reply = wire::decode_reply(next.frame, wire::Call::logs);
                EXPECT_TRUE(reply) << reply.error().text();
                replies.emplace(reply->id, std::move(*reply));
            }
            rest.remove_prefix(next.size);
        }
        return replies;
    }
    std::uint64_t ask(std::optional<std::uint64_t> since, std::uint32_t count, bool wait) {
        wire::Request request;
        request.id = ++number_;
        request.call = wire::Call::logs;
        request.name = "a";
        request.since = since;
        request.count = count;
        request.wait = wait;
        std::string bytes;
        wire::encode(bytes, request);
        hub_.receive(socket_, std::as_bytes(std::span{bytes}));
        return number_;
    }
    wire::LogRows answer(std::optional<std::uint64_t> since = std::nullopt, std::uint32_t count = 0) {
        const std::uint64_t id = ask(since, count, false);
        return std::get<wire::LogRows>(read(socket_).at(id).body);
    }
    void write(const std::string& line) {
        kept_.lines.push_back(line);
        hub_.output_came(child_);
    }

    core::Engine engine_;
    Hub hub_{engine_, {}};
    Kept kept_;
    core::ChildIndex child_ = core::no_child;
    core::SessionIndex socket_ = 0;
    std::uint64_t number_ = 0;
};

TEST_F(HubOutputTest, TellsWhatIsKeptAndWhatIsMissing) {
    kept_.lines = {"a", "b", "c"};
    EXPECT_EQ(answer().rows.size(), 3U);
    EXPECT_EQ(answer().next, 103U);
    EXPECT_EQ(answer(std::nullopt, 2).rows.at(0).text, "b");
    EXPECT_EQ(answer(std::nullopt, 9).rows.size(), 3U);
    EXPECT_EQ(answer(102).rows.at(0).text, "c");
    EXPECT_TRUE(answer(103).rows.empty());
    kept_.first = 200;  // a hundred have gone
    const wire::LogRows late = answer(150);
    EXPECT_EQ(late.missed, 50U);
    EXPECT_FALSE(late.anew);
    EXPECT_EQ(late.rows.at(0).number, 200U);
    for (const std::uint64_t of_another : {std::uint64_t{99}, std::uint64_t{204}}) {
        const wire::LogRows anew = answer(of_another);
        EXPECT_TRUE(anew.anew);
        EXPECT_EQ(anew.missed, 0U);
        EXPECT_EQ(anew.rows.size(), 3U);
    }
    EXPECT_EQ(answer().stderr_to, "relay");
}

TEST_F(HubOutputTest, APageFitsAFrameWhateverTheLinesAre) {
    kept_.lines.assign(50, std::string(4096, '\x01'));  // JSON writes each byte as six
    std::size_t lines = 0, pages = 0;
    for (std::uint64_t next = 100; next < 150 && pages < 100; ++pages) {
        const wire::LogRows page = answer(next);
        ASSERT_FALSE(page.rows.empty());
        lines += page.rows.size();
        next = page.next;
        EXPECT_EQ(page.end, 150U);
    }
    EXPECT_EQ(lines, 50U);
    EXPECT_GT(pages, 10U);
}

TEST_F(HubOutputTest, WhoWaitsIsAnsweredOnce) {
    const std::uint64_t waits = ask(100, 0, true);
    EXPECT_TRUE(read(socket_).empty());
    hub_.output_came(child_);  // half a line: there is nothing to tell yet
    EXPECT_TRUE(read(socket_).empty());
    write("now");
    const auto replies = read(socket_);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(std::get<wire::LogRows>(replies.at(waits).body).rows.at(0).text, "now");
    write("and more");
    EXPECT_TRUE(read(socket_).empty());
}

TEST_F(HubOutputTest, WhoHasGoneIsNotAnsweredInAnothersPlace) {
    (void)ask(100, 0, true);
    hub_.ended(socket_);
    hub_.release(socket_);
    hub_.go_on();
    socket_ = connect();
    write("now");
    EXPECT_TRUE(read(socket_).empty());
}

TEST_F(HubOutputTest, BeforeTheProgramIsReplacedNobodyWaits) {
    const std::uint64_t waits = ask(100, 0, true);
    hub_.answer_waiting_logs();
    const auto replies = read(socket_);
    ASSERT_EQ(replies.count(waits), 1U);
    const auto& nothing = std::get<wire::LogRows>(replies.at(waits).body);
    EXPECT_TRUE(nothing.rows.empty() && !nothing.anew);
    EXPECT_EQ(nothing.next, 100U);
}

}  // namespace
}  // namespace backplane::session
