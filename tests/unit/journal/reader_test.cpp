// SPDX-License-Identifier: Apache-2.0
/// A journal's bytes are hostile: what was changed is refused or seen, wherever it is, and what is torn is only the last record.
#include "daemon/journal/reader.hpp"

#include "tests/unit/journal/support.hpp"

namespace backplane::journal {
namespace {

using testing::read_all;

class ReaderTest : public testing::JournalTest {
  protected:
    void SetUp() override {
        JournalTest::SetUp();
        bytes_ = testing::journal_bytes(path_, image_, events_);
        auto reader = Reader::open(bytes_);
        ASSERT_TRUE(reader.has_value());
        Entry entry;
        for (places_.push_back(reader->place()); reader->next(entry); places_.push_back(reader->place())) {
        }
        ASSERT_EQ(places_.size(), events_.size() + 1);
    }
    /// The next record that would be right at the end.
    void put(std::string& bytes, std::uint64_t place, const core::Event& event) const {
        Head head;
        std::memcpy(static_cast<void*>(&head), bytes.data(), sizeof head);
        const RecordHead record = make_record(Instant{9'000}, event, head.nonce, place);
        bytes.replace(place, sizeof record, reinterpret_cast<const char*>(&record), sizeof record);
        bytes.replace(place + sizeof record, event.text.size(), event.text);
    }
    void clear_size(std::string& bytes, std::uint64_t place) const { bytes.replace(place, 4, 4, '\0'); }

    const std::string image_ = "an image of no multiple of 8 bytes";
    const std::vector<core::Event> events_ = testing::every_kind();
    std::string bytes_;
    std::vector<std::uint64_t> places_;
};

TEST_F(ReaderTest, WholeOneIsRead) {
    auto reader = Reader::open(bytes_);
    ASSERT_TRUE(reader.has_value());
    EXPECT_EQ(reader->image(), image_);
    const auto all = read_all(*reader);
    EXPECT_EQ(all.ending, Ending::whole);
    ASSERT_EQ(all.events.size(), events_.size());
    for (std::size_t i = 0; i < events_.size(); ++i) {
        core::Event got = all.events[i];
        got.text = all.texts[i];
        testing::expect_same(got, events_[i]);
        EXPECT_EQ(all.times[i], 1'001 + static_cast<std::int64_t>(i));
    }
}

/// Whoever writes is killed before the size, the last that is written: nothing is there.
TEST_F(ReaderTest, RecordWithoutItsSizeIsNotThere) {
    std::string bytes = bytes_;
    core::Event event = events_[5];
    event.text = "text that was written";
    put(bytes, places_.back(), event);
    EXPECT_EQ(read_all(*Reader::open(bytes)).events.size(), events_.size() + 1);
    clear_size(bytes, places_.back());
    const auto all = read_all(*Reader::open(bytes));
    EXPECT_EQ(all.events.size(), events_.size());
    EXPECT_EQ(all.ending, Ending::whole);
    EXPECT_EQ(all.place, places_.back());
}

TEST_F(ReaderTest, LastRecordIsTorn) {
    std::string bytes = bytes_;
    const std::uint64_t last = places_[places_.size() - 2];
    bytes[last + 20] = static_cast<char>(bytes[last + 20] ^ 1);
    const auto all = read_all(*Reader::open(bytes));
    EXPECT_EQ(all.events.size(), events_.size() - 1);
    EXPECT_EQ(all.ending, Ending::torn);
    EXPECT_EQ(all.place, last);
}

/// Each byte of the head, the image and every record in turn, in several ways. Only in the last record may a change pass for a
/// record that is not whole.
TEST_F(ReaderTest, ChangedByteIsSeenAnywhere) {
    const std::uint64_t last = places_[places_.size() - 2];
    std::size_t tried = 0;
    for (std::uint64_t place = 0; place < places_.back(); ++place) {
        const bool in_head = place < offsetof(Head, slot);
        const bool padding =
            (place >= offsetof(Head, reserved2) && place < head_bytes) || (place >= head_bytes + image_.size() && place < places_.front());
        for (const unsigned change : {0x01U, 0x40U, 0x80U, 0xffU, static_cast<unsigned char>(bytes_[place]) + 0U}) {
            std::string bytes = bytes_;
            bytes[place] = static_cast<char>(static_cast<unsigned char>(bytes[place]) ^ change);
            if (bytes == bytes_ || padding) {
                continue;
            }
            ++tried;
            auto reader = Reader::open(bytes);
            if (in_head || place < places_.front()) {
                EXPECT_FALSE(reader.has_value()) << "byte " << place;
                continue;
            }
            ASSERT_TRUE(reader.has_value());
            const auto all = read_all(*reader);
            const bool filling = all.events.size() == events_.size();  // between records: nobody reads it
            if (place < last && !filling) {
                EXPECT_EQ(all.ending, Ending::wrong) << "byte " << place << " by " << change;
            } else if (!filling) {
                EXPECT_EQ(all.events.size(), events_.size() - 1);
            }
        }
    }
    EXPECT_GT(tried, 10'000U);
}

/// The size of a record in the middle decides how far the reader looks: none of the values hides what is behind.
TEST_F(ReaderTest, NoSizeHidesWhatIsBehind) {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2}, events_.size() - 2}) {
        for (const std::uint32_t size : {0U, 1U, 63U, 64U, 65U, 128U, 1000U, 4000U, 5000U, 0x7fffffffU, 0xffffffffU}) {
            std::string bytes = bytes_;
            if (size == sizeof(RecordHead) + events_[i].text.size()) {
                continue;
            }
            std::memcpy(bytes.data() + places_[i], &size, sizeof size);
            const auto all = read_all(*Reader::open(bytes));
            EXPECT_EQ(all.events.size(), i);
            EXPECT_EQ(all.ending, Ending::wrong) << "record " << i << " of size " << size;
        }
    }
}

TEST_F(ReaderTest, RecordMovedElsewhereIsNone) {
    std::string bytes = bytes_;
    bytes.replace(places_[1], 64, bytes_, places_[0], 64);
    EXPECT_EQ(read_all(*Reader::open(bytes)).ending, Ending::wrong);
}

TEST_F(ReaderTest, OtherFilesAreRefused) {
    Head head;
    std::memcpy(static_cast<void*>(&head), bytes_.data(), sizeof head);
    const auto refused = [&](Head changed, const char* why) {
        changed.sum = head_sum(changed);
        std::string bytes = bytes_;
        bytes.replace(0, sizeof changed, reinterpret_cast<const char*>(&changed), sizeof changed);
        const auto reader = Reader::open(bytes);
        ASSERT_FALSE(reader.has_value());
        EXPECT_EQ(reader.error().code, ErrorCode::corrupt_image);
        EXPECT_NE(reader.error().detail.find(why), std::string::npos) << reader.error().detail;
    };
    Head other = head;
    other.version = format_version + 1;
    refused(other, "version");
    other = head;
    other.magic ^= 1;
    refused(other, "not a journal");
    other = head;
    other.state = HeadState::broken;
    refused(other, "not complete");
    for (const std::uint64_t size : {bytes_.size() - head_bytes + 1, std::size_t{1} << 40, ~std::size_t{0}, ~std::size_t{0} - 6}) {
        other = head;
        other.image_bytes = size;
        refused(other, "shorter than its image");
    }
    other = head;
    other.nonce ^= 1;
    refused(other, "image was changed");
    EXPECT_FALSE(Reader::open(std::string_view{bytes_}.substr(0, head_bytes - 1)).has_value());
    EXPECT_FALSE(Reader::open({}).has_value());
}

/// A file cut anywhere is read without looking behind its end, and what is gone on from lies within it.
TEST_F(ReaderTest, CutAnywhere) {
    for (std::size_t size = head_bytes; size <= places_.back() + 100; ++size) {
        const std::string bytes = bytes_.substr(0, size);  // a string of its own: a sanitizer sees a read behind it
        const auto reader = Reader::open(bytes);
        if (!reader) {
            EXPECT_LT(size, places_.front());
            continue;
        }
        const auto all = read_all(*reader);
        EXPECT_LE(all.place, size);
    }
}

}  // namespace
}  // namespace backplane::journal
