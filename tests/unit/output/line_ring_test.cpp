// SPDX-License-Identifier: Apache-2.0
/// Lines out of bytes that are cut anywhere, their numbers, and the bound.
#include "daemon/output/line_ring.hpp"

#include <gmock/gmock.h>

#include <random>

namespace backplane::output {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t begin = 1000;

std::vector<std::string> texts_of(const LineRing& ring) {
    std::vector<std::string> texts;
    for (std::uint64_t number = ring.first(); number < ring.next(); ++number) {
        const Line line = ring.line(number);
        EXPECT_EQ(line.number, number);
        texts.push_back(std::string{line.which == Which::out ? "o:" : "e:"} + line.text + (line.goes_on ? "+" : ""));
    }
    return texts;
}

TEST(LineRing, LinesAreWholeHoweverTheyCome) {
    const std::string text = "one\n\ntwo three\nfour";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        LineRing ring{begin};
        ring.append(Which::out, 1, Instant{5}, text.substr(0, cut));
        ring.append(Which::out, 1, Instant{5}, text.substr(cut));
        EXPECT_THAT(texts_of(ring), ElementsAre("o:one", "o:", "o:two three")) << cut;
        ring.end_line(Which::out, Instant{6});
        EXPECT_EQ(ring.line(ring.next() - 1).text, "four");
        EXPECT_EQ(ring.line(ring.next() - 1).at, Instant{6});
    }
}

TEST(LineRing, TheOutputsDoNotCutEachOthersLines) {
    LineRing ring{begin};
    ring.append(Which::out, 1, Instant{}, "a");
    ring.append(Which::err, 1, Instant{}, "x\ny");
    ring.append(Which::out, 1, Instant{}, "b\n");
    ring.append(Which::err, 1, Instant{}, "z\n");
    EXPECT_THAT(texts_of(ring), ElementsAre("e:x", "o:ab", "e:yz"));
}

TEST(LineRing, ANewIncarnationBeginsItsOwnLine) {
    LineRing ring{begin};
    ring.append(Which::err, 1, Instant{}, "half");
    ring.append(Which::err, 2, Instant{}, "whole\n");
    EXPECT_THAT(texts_of(ring), ElementsAre("e:half", "e:whole"));
    EXPECT_EQ(ring.line(begin).generation, 1U);
    EXPECT_EQ(ring.line(begin + 1).generation, 2U);
}

TEST(LineRing, ALineThatIsTooLongIsSeveral) {
    LineRing ring{begin};
    const std::string exact(line_bytes_max, 'x');
    ring.append(Which::out, 1, Instant{}, exact + "\n");
    EXPECT_THAT(texts_of(ring), ElementsAre("o:" + exact));
    ring.append(Which::out, 1, Instant{}, exact + "y\n");
    EXPECT_EQ(ring.next() - ring.first(), 3U);
    EXPECT_TRUE(ring.line(begin + 1).goes_on);
    EXPECT_EQ(ring.line(begin + 2).text, "y");
    EXPECT_FALSE(ring.line(begin + 2).goes_on);
}

TEST(LineRing, TheOldestGoAndTheNumbersStay) {
    LineRing ring{begin};
    for (int i = 0; i < 100'000; ++i) {
        ring.append(Which::out, 1, Instant{i}, std::to_string(i) + "\n");
    }
    EXPECT_EQ(ring.next(), begin + 100'000);
    EXPECT_EQ(ring.origin(), begin);
    std::size_t charged = 0;
    for (std::uint64_t number = ring.first(); number < ring.next(); ++number) {
        const Line line = ring.line(number);
        ASSERT_EQ(line.text, std::to_string(number - begin));
        charged += line.text.size() + line_overhead;
    }
    EXPECT_LE(charged, ring_bytes);
    EXPECT_GT(charged, ring_bytes - 100) << "and no more than needed";
}

TEST(LineRing, RandomLinesAreWhatWasWritten) {
    std::mt19937 random{7};  // the same in each run
    LineRing ring{begin};
    std::vector<std::string> written;
    for (int i = 0; i < 5000; ++i) {
        written.emplace_back(random() % 300, static_cast<char>('a' + i % 26));
        ring.append(Which::err, 1, Instant{}, written.back() + "\n");
    }
    ASSERT_EQ(ring.next(), begin + written.size());
    for (std::uint64_t number = ring.first(); number < ring.next(); ++number) {
        ASSERT_EQ(ring.line(number).text, written[number - begin]);
    }
}

TEST(LineRing, IsHandedOverWhole) {
    LineRing ring{begin};
    for (int i = 0; i < 10'000; ++i) {
        ring.append(i % 2 == 0 ? Which::out : Which::err, 3, Instant{i}, "line " + std::to_string(i) + "\n");
    }
    ring.append(Which::out, 3, Instant{}, "not yet ");
    std::string bytes;
    core::ImageWriter writer(bytes);
    ring.save(writer);
    LineRing other{1};
    core::ImageReader reader(bytes);
    ASSERT_TRUE(other.load(reader) && reader.at_end());
    for (LineRing* each : {&ring, &other}) {
        each->append(Which::out, 3, Instant{}, "whole\n");
    }
    EXPECT_EQ(texts_of(other), texts_of(ring));
    EXPECT_EQ(other.first(), ring.first());
    EXPECT_EQ(other.origin(), begin);
    EXPECT_EQ(texts_of(other).back(), "o:not yet whole");
}

TEST(LineRing, BytesOfNobodyAreRefused) {
    LineRing ring{begin};
    ring.append(Which::out, 1, Instant{}, "a\nb\n");
    std::string bytes;
    core::ImageWriter writer(bytes);
    ring.save(writer);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        LineRing other{1};
        core::ImageReader reader(std::string_view{bytes}.substr(0, size));
        EXPECT_FALSE(other.load(reader)) << size;
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0xff);
        LineRing other{1};
        core::ImageReader reader(changed);
        if (other.load(reader)) {
            EXPECT_LE(other.next() - other.first(), ring_bytes / line_overhead);
        }
    }
}

}  // namespace
}  // namespace backplane::output
