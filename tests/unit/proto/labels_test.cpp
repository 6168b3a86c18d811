// SPDX-License-Identifier: Apache-2.0
/// Labels as one text and back, and what may not be one.
#include <backplane/labels.hpp>

#include <gtest/gtest.h>

namespace {

using namespace backplane;

std::string fault_of(const Labels& labels) {
    const auto text = labels_text(labels, ErrorCode::invalid_argument);
    return text ? "none" : text.error().detail;
}

TEST(Labels, ComeInTheOrderOfTheirKeys) {
    const auto text = labels_text({{"b", "2 = two"}, {"a/b.c-d_e", ""}}, ErrorCode::bad_request);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, "a/b.c-d_e=\nb=2 = two\n");
    EXPECT_EQ(read_labels(*text), (Labels{{"a/b.c-d_e", ""}, {"b", "2 = two"}}));
    EXPECT_TRUE(is_labels_text(*text));
    EXPECT_EQ(fault_of({}), "none");
    EXPECT_TRUE(is_labels_text(""));
}

TEST(Labels, WhatIsNoneIsNamed) {
    EXPECT_EQ(fault_of({{"", "x"}}), "labels.: not a key");
    EXPECT_EQ(fault_of({{"_a", "x"}}), "labels._a: not a key");
    EXPECT_EQ(fault_of({{"ok", "x"}, {"a=b", "x"}}), "labels.a=b: not a key");
    EXPECT_EQ(fault_of({{"a", "x\ny"}}), "labels.a: control characters");
    EXPECT_EQ(fault_of({{"a", "1"}, {"a", "2"}}), "labels.a: given twice");
    const Error error = labels_text({{"-", ""}}, ErrorCode::bad_request).error();
    EXPECT_EQ(error.code, ErrorCode::bad_request);
}

TEST(Labels, BoundsAreExact) {
    EXPECT_EQ(fault_of({{std::string(label_key_bytes_max, 'k'), std::string(label_value_bytes_max, 'v')}}), "none");
    EXPECT_EQ(fault_of({{"a", std::string(label_value_bytes_max + 1, 'v')}}), "labels.a: longer than 200 bytes");
    EXPECT_EQ(fault_of({{std::string(label_key_bytes_max + 1, 'k'), ""}}),
              "labels." + std::string(label_key_bytes_max, 'k') + ": a key longer than 63 bytes");
    Labels many;
    for (std::size_t i = 0; i < labels_per_device_max; ++i) {
        many.emplace_back("k" + std::to_string(10 + i), std::string(labels_bytes_max / labels_per_device_max - 3, 'v'));
    }
    EXPECT_EQ(fault_of(many), "none") << "as many and as much as there may be";
    many[3].second.push_back('v');
    EXPECT_EQ(fault_of(many), "labels: more than 1024 bytes together");
    many[3].second.clear();
    many.emplace_back("last", "");
    EXPECT_EQ(fault_of(many), "labels: more than 16");
}

TEST(Labels, OtherTextsAreNotTaken) {
    for (const std::string_view text : {"a", "a=1", "=\n", "b=\na=\n", "a=\na=\n", "\n", "a=1\n\n", "a=\x01\n"}) {
        EXPECT_FALSE(is_labels_text(text)) << text;
    }
    EXPECT_EQ(read_labels("a=1\nrest"), (Labels{{"a", "1"}})) << "and reading them breaks nothing";
}

}  // namespace
