// SPDX-License-Identifier: Apache-2.0
/// What the samples cannot show: texts that must be cut or repaired, and bodies that come near
/// the bounds of a frame.
#include "proto/wire/text.hpp"
#include "proto/wire/wall_time.hpp"
#include "tests/unit/wire/samples.hpp"

#include <gtest/gtest.h>

namespace backplane::wire {
namespace {

FrameView only_frame(const std::string& bytes) {
    const FrameResult result = next_frame(as_bytes(bytes));
    EXPECT_EQ(result.status, FrameStatus::whole);
    EXPECT_EQ(result.size, bytes.size());
    return result.frame;
}

std::string written_text(std::string_view text) {
    std::string bytes;
    encode(bytes, Bye{ErrorCode::closed, text});
    const auto bye = decode_bye(only_frame(bytes));
    EXPECT_TRUE(bye) << bye.error().text();
    return bye ? std::string{bye->text} : "";
}

TEST(Tails, AreCutAtACharacterWithinTheBound) {
    EXPECT_EQ(written_text(std::string(500, 'x')).size(), text_bytes_max);
    const std::string odd = "x" + [] {
        std::string many;
        for (int i = 0; i < 100; ++i) {
            many += "\xe2\x82\xac";
        }
        return many;
    }();
    EXPECT_EQ(written_text(odd).size(), 199u);  // One byte and 66 characters of three: the next would cross the bound.
}

TEST(Tails, LeaveAsUtf8WhateverCameIn) {
    EXPECT_EQ(written_text("bad \xff\xfe end"), "bad ?? end");
    EXPECT_EQ(written_text("\xed\xa0\x80"), "???");
    EXPECT_EQ(written_text(""), "");
    EXPECT_EQ(repaired_utf8("a\xc3"), "a?");
}

TEST(Utf8, IsWhatRfc3629Says) {
    for (const char* good :
         {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(is_utf8(good)) << to_hex(good);
    }
    for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xe2\x28\xa1", "\xf0\x9f\x98"}) {
        EXPECT_FALSE(is_utf8(bad)) << to_hex(bad);
    }
}

TEST(WallTime, IsOneFormEachWay) {
    EXPECT_EQ(wall_time_text(0), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(wall_time_text(1'738'324'800'000'001), "2025-01-31T12:00:00.000001Z");
    EXPECT_EQ(wall_time_text(-5), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(wall_time_text(INT64_MAX), "9999-12-31T23:59:59.999999Z");
    for (std::int64_t at = 0; at < 253'402'300'800'000'000; at += 98'765'432'101'234) {
        EXPECT_EQ(parse_wall_time(wall_time_text(at)), at);
    }
}

Row widest_row() {
    Row row;
    row.name = std::string(name_bytes_max, 'n');
    row.supervisor = std::string(name_bytes_max, 's');
    row.id = DeviceId{UINT64_MAX};
    row.kind = "supervisor";
    row.state = "restarting";
    row.pid = INT32_MAX;
    row.restarts = UINT64_MAX;
    Fault fault;
    fault.kind = FaultKind::cascade;
    fault.cascade = DeviceId{UINT64_MAX};
    fault.text = std::string(text_bytes_max, '"');
    row.fault = fault_text(fault, Epoch{UINT64_MAX});
    return row;
}

// The bounds of section 9 are chosen so that the widest page and the widest description fit a frame.
TEST(Replies, OfTheWidestRowsFitAFrame) {
    Reply reply;
    reply.id = UINT64_MAX;
    reply.body = Listing{std::vector<Row>(list_rows_max, widest_row()), std::string(cursor_bytes_max, 'c')};
    std::string bytes;
    encode(bytes, reply, Epoch{UINT64_MAX});
    const auto list = decode_reply(only_frame(bytes), Call::list);
    ASSERT_TRUE(list);
    ASSERT_EQ(list->error.code, ErrorCode::ok) << list->error.text();
    EXPECT_EQ(std::get<Listing>(list->body).rows.size(), list_rows_max);

    Description about;
    about.row = widest_row();
    about.links.assign(links_in_description_max, LinkRow{DeviceId{UINT64_MAX}, LinkMode::monitor, std::string(name_bytes_max, 'l')});
    reply.body = about;
    bytes.clear();
    encode(bytes, reply, Epoch{UINT64_MAX});
    const auto described = decode_reply(only_frame(bytes), Call::describe);
    ASSERT_TRUE(described);
    EXPECT_EQ(described->error.code, ErrorCode::ok);
}

TEST(Replies, AboveTheBoundLeaveAsAnError) {
    Reply reply;
    reply.id = 7;
    reply.body = Listing{std::vector<Row>(200, widest_row()), ""};
    std::string bytes = "before";
    encode(bytes, reply, Epoch{1});
    const auto answer = decode_reply(only_frame(bytes.substr(6)), Call::list);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->id, 7u);
    EXPECT_EQ(answer->error.code, ErrorCode::limit_reached);
}

// threats.md: nlohmann throws when it dumps bad UTF-8; nothing of ours does.
TEST(Json, LeavesAsUtf8WhateverCameIn) {
    NameState state;
    state.name = "a\xff\"\\\n\t\x01z";
    std::string bytes;
    encode(bytes, state, Epoch{1});
    const auto again = decode_name_state(only_frame(bytes));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->name, "a\xef\xbf\xbd\"\\\n\t\x01z");
}

TEST(Welcome, TellsTheBoundsInForce) {
    std::string bytes;
    encode(bytes, Welcome{});
    const auto welcome = decode_welcome(only_frame(bytes));
    ASSERT_TRUE(welcome) << welcome.error().text();
    ASSERT_EQ(welcome->limits.size(), all_limits().size());
    for (std::size_t i = 0; i < all_limits().size(); ++i) {
        EXPECT_EQ(welcome->limits[i].first, all_limits()[i].name);
        EXPECT_EQ(welcome->limits[i].second, all_limits()[i].value);
    }
}

TEST(Features, AreTakenUpToTheirBound) {
    Hello hello{1, 1, "x/1", std::vector<std::string>(features_max, std::string(64, 'f')), {}};
    std::string bytes;
    encode(bytes, hello);
    EXPECT_EQ(decode_hello(only_frame(bytes))->features.size(), features_max);
}

TEST(JsonDepth, IsTakenUpToItsBoundAndNoFurther) {
    const auto nested = [](std::size_t depth) {
        // A key that welcome ignores, so that only the depth can be wrong. The object itself is one level.
        std::string good;
        encode(good, Welcome{});
        std::string body = good.substr(header_bytes, good.size() - header_bytes - 1);
        body += ",\"x\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
        FrameView frame{FrameType::welcome, 0, {}};
        frame.body = as_bytes(body);
        return decode_welcome(frame).has_value();
    };
    EXPECT_TRUE(nested(json_depth_max));
    EXPECT_FALSE(nested(json_depth_max + 1));
}

}  // namespace
}  // namespace backplane::wire
