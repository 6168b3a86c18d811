// SPDX-License-Identifier: Apache-2.0
/// Places of keys and values in a text with comments (decision 23), whatever stands between them.
#include "config/document.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace backplane::config;

/// Asserts that each key's and value's offset is where its own text begins.
void expect_places(std::string_view text, const Node& node) {
    const char first = text.at(node.offset);
    switch (node.kind) {
        case NodeKind::object: EXPECT_EQ(first, '{'); break;
        case NodeKind::array: EXPECT_EQ(first, '['); break;
        case NodeKind::string: EXPECT_EQ(text.substr(node.offset + 1, node.text.size()), node.text); break;
        case NodeKind::natural:
            EXPECT_EQ(text.substr(node.offset, std::to_string(node.natural).size()), std::to_string(node.natural));
            break;
        case NodeKind::boolean: EXPECT_EQ(first, node.flag ? 't' : 'f'); break;
        case NodeKind::null: EXPECT_EQ(text.substr(node.offset, 4), "null"); break;
        case NodeKind::negative:
        case NodeKind::real: EXPECT_TRUE(first == '-' || (first >= '0' && first <= '9')); break;
    }
    for (const Member& member : node.items) {
        if (node.kind == NodeKind::object) {
            EXPECT_EQ(text.substr(member.offset + 1, member.key.size()), member.key);
        }
        expect_places(text, member.value);
    }
}

TEST(document, places_are_exact_whatever_stands_between) {
    for (const std::string_view text : {
             R"({"a":1,"b":[22,333],"c":{"d":-1.5e3,"e":true},"f":null,"g":false,"h":"i"})",
             "\n { /* { */ \"a\" // \"x\"\n :\t1 , \"b\"\r\n: [ 22 /*,*/ , /* 5 */ 333 ] , \"c\" : \"//\" }",
             "\xef\xbb\xbf[ 1, 2 ,[ ] , { } ,\"\", 0 ]",
             R"([[[[]]],{"a":{"b":{"c":[1,{"d":2}]}}}])",
         }) {
        const Document document = parse_document(text);
        ASSERT_TRUE(document.complete) << text;
        EXPECT_TRUE(document.flaws.empty());
        expect_places(text, document.root);
    }
}

TEST(document, numbers_keep_their_kind) {
    const Document document = parse_document("[0, 18446744073709551615, 18446744073709551616, -1, 1.0, 1e2]");
    ASSERT_EQ(document.root.items.size(), 6U);
    EXPECT_EQ(document.root.items[0].value.kind, NodeKind::natural);
    EXPECT_EQ(document.root.items[1].value.natural, 18446744073709551615U);
    EXPECT_EQ(document.root.items[2].value.kind, NodeKind::real);
    EXPECT_EQ(document.root.items[3].value.kind, NodeKind::negative);
    EXPECT_EQ(document.root.items[4].value.kind, NodeKind::real);
    EXPECT_EQ(document.root.items[5].value.real, 100.0);
}

TEST(document, every_twin_key_is_told_once_at_its_second_place) {
    const Document document = parse_document(R"({"a":1,"b":{"x":1,"x":2},"a":3,"a":4})");
    ASSERT_EQ(document.flaws.size(), 3U);
    EXPECT_EQ(document.flaws[0].key, "b.x");
    EXPECT_EQ(document.flaws[0].offset, 18U);
    EXPECT_EQ(document.flaws[1].key, "a");
    EXPECT_EQ(document.flaws[1].offset, 25U);
    EXPECT_EQ(document.flaws[2].offset, 31U);
}

TEST(document, depth_is_64_and_not_one_more) {
    const std::string deep = std::string(64, '[') + std::string(64, ']');
    EXPECT_TRUE(parse_document(deep).complete);
    EXPECT_FALSE(parse_document("[" + deep + "]").complete);
}

TEST(document, positions_count_lines_and_characters) {
    constexpr std::string_view text = "a\nä\tb\n";
    EXPECT_EQ(position_at(text, 0).line, 1U);
    EXPECT_EQ(position_at(text, 2).line, 2U);
    EXPECT_EQ(position_at(text, 2).column, 1U);
    EXPECT_EQ(position_at(text, 5).column, 3U);
    EXPECT_EQ(position_at(text, 100).line, 3U);
    EXPECT_EQ(position_at(text, 100).column, 1U);
}

}  // namespace
