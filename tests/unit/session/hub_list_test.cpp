// SPDX-License-Identifier: Apache-2.0
/// `list` in pages: whatever the rows hold, each page fits a frame, and all pages together are every Device once.
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/limits.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace backplane::session {
namespace {

class HubListTest : public ::testing::Test {
  protected:
    void SetUp() override {
        hub_.set_time(Instant{1'000'000'000}, 1);
        hub_.feed(core::Event::boot(Epoch{UINT64_MAX}, 1, 0));
        socket_ = hub_.accept(PeerFacts{0, 0, INT32_MAX, core::no_child, 0, core::Token{1, 1}});
        wire::Hello hello;
        hello.client = "test/1";
        say([&](std::string& out) { wire::encode(out, hello); });
        const std::string bytes = read();
        const auto welcome = wire::decode_welcome(wire::next_frame(std::as_bytes(std::span{bytes})).frame);
        ASSERT_TRUE(welcome);
        first_ = welcome->grants.at(0).first;
    }
    template <class Encode>
    void say(const Encode& encode) {
        std::string bytes;
        encode(bytes);
        hub_.receive(socket_, std::as_bytes(std::span{bytes}));
    }
    /// What the hub has to say, but for acknowledgements.
    std::string read() {
        const std::string out{hub_.outbox(socket_)};
        hub_.wrote(socket_, out.size());
        std::string said;
        std::string_view rest = out;
        while (!rest.empty()) {
            const wire::FrameResult next = wire::next_frame(std::as_bytes(std::span{rest}));
            said.append(next.frame.type == wire::FrameType::ack ? std::string_view{} : rest.substr(0, next.size));
            rest.remove_prefix(next.size);
        }
        return said;
    }
    /// Asks, and takes the one frame that answers.
    wire::Reply ask(wire::Request request) {
        request.id = ++number_;
        request.epoch = Epoch{UINT64_MAX};
        say([&](std::string& out) { wire::encode(out, request); });
        const std::string bytes = read();
        const wire::FrameResult frame = wire::next_frame(std::as_bytes(std::span{bytes}));
        EXPECT_EQ(frame.status, wire::FrameStatus::whole);
        EXPECT_EQ(frame.size, bytes.size());
        auto reply = wire::decode_reply(frame.frame, request.call);
        EXPECT_TRUE(reply) << reply.error().text();
        EXPECT_EQ(reply->error.code, ErrorCode::ok) << reply->error.text();
        return std::move(*reply);
    }
    DeviceId make(std::uint32_t number, const Labels& labels) {
        const DeviceId id{first_.value + number};
        say([&](std::string& out) { wire::encode(out, wire::Create{id, false}); });
        wire::Request request;
        request.call = wire::Call::label;
        request.device = id;
        request.labels = labels;
        (void)ask(request);
        return id;
    }
    /// The sizes of all pages; each row is seen once and says its labels.
    std::vector<std::size_t> pages(const Labels& labels) {
        std::vector<std::size_t> sizes;
        std::set<std::uint64_t> seen;
        wire::Request request;
        request.call = wire::Call::list;
        do {
            const wire::Reply reply = ask(request);
            const auto& page = std::get<wire::Listing>(reply.body);
            for (const wire::Row& row : page.rows) {
                EXPECT_TRUE(row.kind == "supervisor" || seen.insert(row.id->value).second) << "a row comes twice";
                EXPECT_TRUE(row.kind == "supervisor" || row.labels == labels);
            }
            sizes.push_back(page.rows.size());
            request.after = page.next;
        } while (!request.after.empty() && sizes.size() < 100);
        devices_ = seen.size();
        return sizes;
    }

    core::Engine engine_;
    Hub hub_{engine_, {}};
    core::SessionIndex socket_ = 0;
    DeviceId first_;
    std::uint64_t number_ = 0;
    std::size_t devices_ = 0;
};

constexpr std::uint32_t devices = 60;

TEST_F(HubListTest, LongRowsEndAPageEarly) {
    // As many bytes as there may be, each of which JSON writes as two.
    Labels worst;
    for (std::size_t i = 0; i < wire::labels_per_device_max; ++i) {
        worst.emplace_back("k" + std::to_string(10 + i), std::string(wire::labels_bytes_max / wire::labels_per_device_max - 3, '"'));
    }
    for (std::uint32_t i = 0; i < devices; ++i) {
        const DeviceId id = make(i, worst);
        wire::Request request;
        request.call = wire::Call::register_name;
        request.name = std::to_string(1000 + i).append(wire::name_bytes_max - 4, 'n');
        request.device = id;
        (void)ask(request);
    }
    const std::vector<std::size_t> sizes = pages(worst);
    EXPECT_EQ(devices_, devices);
    EXPECT_GT(sizes.size(), 2U);
    EXPECT_GT(sizes[0], 16U) << "and a page is used as far as it goes";
    EXPECT_LT(sizes[0], wire::list_rows_max);
}

TEST_F(HubListTest, ShortRowsFillAPage) {
    const Labels few{{"a", "1"}};
    for (std::uint32_t i = 0; i < devices; ++i) {
        (void)make(i, few);
    }
    EXPECT_EQ(pages(few)[0], wire::list_rows_max);
    EXPECT_EQ(devices_, devices);
}

TEST_F(HubListTest, ADescriptionHasLabelsToo) {
    wire::Request request;
    request.call = wire::Call::describe;
    request.device = make(0, {{"b", ""}, {"a", "x=y"}});
    const wire::Reply reply = ask(request);
    EXPECT_EQ(std::get<wire::Description>(reply.body).row.labels, (Labels{{"a", "x=y"}, {"b", ""}}));
}

}  // namespace
}  // namespace backplane::session
