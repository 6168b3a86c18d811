// SPDX-License-Identifier: Apache-2.0
/// Frames out of a stream that arrives in pieces (T-11), and the table of types.
#include "tests/unit/wire/samples.hpp"

#include <gtest/gtest.h>

namespace backplane::wire {
namespace {

TEST(Frames, ComeOutWholeHoweverTheStreamIsCutT11) {
    std::string stream;
    encode(stream, Create{DeviceId::make(1, 1), true}, flag::ack);
    const std::size_t first = stream.size();
    encode(stream, Bye{ErrorCode::malformed, "why"});
    for (std::size_t size = 0; size < first; ++size) {
        EXPECT_EQ(next_frame(as_bytes(stream).first(size)).status, FrameStatus::incomplete) << size;
    }
    for (std::size_t size = first; size <= stream.size(); ++size) {
        const FrameResult result = next_frame(as_bytes(stream).first(size));
        ASSERT_EQ(result.status, FrameStatus::whole);
        EXPECT_EQ(result.size, first);
        EXPECT_TRUE(result.frame.asks_ack());
    }
    const FrameResult second = next_frame(as_bytes(stream).subspan(first));
    ASSERT_EQ(second.status, FrameStatus::whole);
    EXPECT_EQ(second.frame.type, FrameType::bye);
    EXPECT_EQ(decode_bye(second.frame)->text, "why");
}

// threats.md: the length is judged before memory is taken for it, so four bytes are enough to refuse.
TEST(Frames, AreRefusedByTheirLengthAlone) {
    EXPECT_EQ(next_frame(as_bytes(std::string("\x01\x00\x01\x00", 4))).error.code, ErrorCode::oversized);
    EXPECT_EQ(next_frame(as_bytes(std::string("\x07\x00\x00\x00", 4))).error.code, ErrorCode::malformed);
    EXPECT_EQ(next_frame(as_bytes(std::string("\x00\x00\x01", 3))).status, FrameStatus::incomplete);
}

TEST(Frames, MayFillTheBoundExactly) {
    std::string longest("\x00\x00\x01\x00\x7f\x00\x02\x00", 8);
    longest.resize(frame_bytes_max, 'x');
    EXPECT_EQ(next_frame(as_bytes(longest).first(frame_bytes_max - 1)).status, FrameStatus::incomplete);
    const FrameResult result = next_frame(as_bytes(longest));
    ASSERT_EQ(result.status, FrameStatus::whole);
    EXPECT_EQ(result.frame.body.size(), frame_bytes_max - header_bytes);
    EXPECT_TRUE(result.frame.is_optional());
    EXPECT_FALSE(is_known(result.frame.type));
}

TEST(Frames, CountInOneDirectionOnly) {
    for (std::uint32_t number = 0; number < 0x10000; ++number) {
        const auto type = static_cast<FrameType>(number);
        if (!is_known(type)) {
            EXPECT_FALSE(is_from_client(type) || is_from_daemon(type) || is_counted(type));
        } else if (is_counted(type)) {
            EXPECT_NE(is_from_client(type), is_from_daemon(type)) << frame_name(type);
        }
    }
}

}  // namespace
}  // namespace backplane::wire
