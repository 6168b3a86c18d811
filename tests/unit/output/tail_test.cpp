// SPDX-License-Identifier: Apache-2.0
/// What is kept of the end of stderr.
#include "daemon/output/tail.hpp"

namespace backplane::output {
namespace {

constexpr std::size_t most = core::last_words_bytes_max;

std::string tail_of(const std::vector<std::string>& parts) {
    Tail tail;
    for (const std::string& part : parts) {
        tail.append(part);
    }
    return std::string{tail.text()};
}

TEST(Tail, IsAllWhereThatIsLittle) {
    EXPECT_EQ(tail_of({}), "");
    EXPECT_EQ(tail_of({"\n"}), "");
    EXPECT_EQ(tail_of({"a\nb\n"}), "a\nb");
    EXPECT_EQ(tail_of({"a\n", "b", "c"}), "a\nbc");
    EXPECT_EQ(tail_of({std::string(most, 'x') + "\n"}), std::string(most, 'x'));
}

TEST(Tail, LinesAreWholeWhereOneEndsWithinIt) {
    const std::string long_line(most, 'x');
    EXPECT_EQ(tail_of({long_line + "\nlast\n"}), "last");
    EXPECT_EQ(tail_of({"first\n" + std::string(most - 10, 'x') + "\nlast\n"}), std::string(most - 10, 'x') + "\nlast");
}

TEST(Tail, OneLineThatIsTooLongIsItsEnd) {
    std::string line;
    for (std::size_t i = 0; i < 5 * most; ++i) {
        line.push_back(static_cast<char>('a' + i % 26));
    }
    EXPECT_EQ(tail_of({line}), line.substr(line.size() - most));
    EXPECT_EQ(tail_of({line + "\n"}), line.substr(line.size() - most));
}

TEST(Tail, IsTheSameHoweverItComes) {
    std::string all;
    for (int i = 0; i < 300; ++i) {
        all += "line number " + std::to_string(i) + "\n";
    }
    Tail one, many;
    one.append(all);
    for (const char byte : all) {
        many.append({&byte, 1});
    }
    EXPECT_EQ(one.text(), many.text());
    EXPECT_TRUE(one.text().ends_with("line number 299"));
    EXPECT_TRUE(one.text().starts_with("line number "));
    EXPECT_LE(one.text().size(), most);
}

}  // namespace
}  // namespace backplane::output
