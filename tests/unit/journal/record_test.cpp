// SPDX-License-Identifier: Apache-2.0
/// Events to bytes and back, and what the sums see.
#include "daemon/journal/record.hpp"

#include "tests/unit/journal/support.hpp"

#include <set>

namespace backplane::journal {
namespace {

constexpr std::uint64_t nonce = 0x1234;
constexpr std::uint64_t place = 4096;

TEST(RecordTest, EveryKindComesBack) {
    for (const core::Event& put : testing::every_kind()) {
        const RecordHead record = make_record(Instant{77}, put, nonce, place);
        EXPECT_EQ(record.size, sizeof(RecordHead) + put.text.size());
        EXPECT_EQ(record.at.ns, 77);
        EXPECT_EQ(record.sum, record_sum(record, put.text, nonce, place));
        testing::expect_same(event_of(record, put.text), put);
    }
}

/// Of 2^32 sums one in four thousand million is right by chance; none of these may be.
TEST(RecordTest, EveryBitIsInTheSum) {
    const core::Event put = testing::every_kind().back();
    const RecordHead right = make_record(Instant{77}, put, nonce, place);
    for (std::size_t bit = 0; bit < sizeof(RecordHead) * 8; ++bit) {
        if (bit / 8 >= offsetof(RecordHead, sum) && bit / 8 < offsetof(RecordHead, sum) + sizeof right.sum) {
            continue;  // the sum itself
        }
        RecordHead changed = right;
        reinterpret_cast<unsigned char*>(&changed)[bit / 8] ^= static_cast<unsigned char>(1U << bit % 8);
        EXPECT_NE(record_sum(changed, put.text, nonce, place), right.sum) << "bit " << bit;
    }
    std::string text{put.text};
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>(text[i] ^ 1);
        EXPECT_NE(record_sum(right, text, nonce, place), right.sum) << "byte " << i << " of the text";
        text[i] = static_cast<char>(text[i] ^ 1);
    }
}

/// A record is good in its own file, at its own place.
TEST(RecordTest, FileAndPlaceAreInTheSum) {
    const RecordHead record = make_record(Instant{77}, testing::every_kind()[3], nonce, place);
    EXPECT_NE(record_sum(record, "the", nonce + 1, place), record.sum);
    EXPECT_NE(record_sum(record, "the", nonce, place + 8), record.sum);
    EXPECT_EQ(record_sum(record, "the", nonce, place), record.sum);
}

TEST(RecordTest, LengthsDiffer) {
    std::set<std::uint64_t> sums;
    const std::string zeros(100, '\0');
    for (std::size_t size = 0; size <= zeros.size(); ++size) {
        sums.insert(checksum(zeros.data(), size, nonce));
    }
    EXPECT_EQ(sums.size(), zeros.size() + 1);
}

TEST(RecordTest, HeadsSumLeavesOutWhatChanges) {
    Head head;
    head.nonce = nonce;
    const std::uint64_t sum = head_sum(head);
    head.state = HeadState::good;
    head.slot.pid = 4;
    EXPECT_EQ(head_sum(head), sum);
    head.image_bytes = 1;
    EXPECT_NE(head_sum(head), sum);
}

}  // namespace
}  // namespace backplane::journal
