// SPDX-License-Identifier: Apache-2.0
/// What is said about a child that is not one: the first problem with its place, and how many more there are. No text, however
/// hostile, leads to anything else.
#include "config/child_text.hpp"
#include "config/document.hpp"
#include "tests/unit/config/random_child.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using namespace backplane;
using namespace backplane::config;
using core::SupervisorSpec;

SupervisorSpec dynamic() {
    SupervisorSpec among;
    among.strategy = core::Strategy::dynamic;
    return among;
}

/// The detail of the refusal.
std::string refusal(std::string_view text, const SupervisorSpec& among = {}) {
    const Expected<core::ChildSpec> child = read_child_text(text, among, 1);
    if (child) {
        return "accepted";
    }
    EXPECT_EQ(child.error().code, ErrorCode::bad_spec);
    return child.error().detail;
}

TEST(wrong_child_text, is_told_with_its_place) {
    EXPECT_EQ(refusal("{\"name\": \"a\",\n \"exec\": [\"a\"],\n \"restrat\": 1}"),
              R"(3:2: key "restrat": expected a known key, got "restrat"; did you mean "restart"? [unknown_key])");
    EXPECT_EQ(
        refusal(R"({"name": "a", "exec": ["a"], "shutdown": 5})"),
        "1:42: key \"shutdown\": expected a duration such as \"5s\", \"infinity\", \"brutal_kill\" or \"no_wait\", got 5; did you mean "
        "\"5s\"? (units: ns, us, ms, s, m, h) [invalid_shutdown]");
    EXPECT_EQ(refusal(R"({"name": "a", "exec": ["a"], "requires": ["b", 7]})"),
              "1:48: key \"requires[1]\": expected a string that is not empty and without NUL, got 7 [invalid_requires]");
    EXPECT_EQ(refusal(R"({"name": "a", "exec": ["a"], "links": [{"mode": "peer"}]})"),
              "1:40: key \"links[0].to\": expected a sibling's name, or a path below the root, got nothing [missing_link_target]");
    EXPECT_EQ(refusal(R"({"name": "s", "supervisor": {"children": [{"name": "b"}]}})"),
              "1:43: key \"supervisor.children[0]\": expected \"exec\", \"task\" or \"supervisor\", got none [missing_start]");
}

TEST(wrong_child_text, the_first_is_told_and_the_others_are_counted) {
    EXPECT_EQ(refusal(R"({"exec": ["a"], "retain": 1, "umask": 8})"),
              R"(1:1: key "name": expected a name, got nothing [missing_id] (and 2 more))");
    std::string many = R"({"name": "a", "exec": ["a"])";
    for (int i = 0; i < 100; ++i) {
        many += ", \"zzzzzzzz" + std::to_string(i) + "\": 1";
    }
    EXPECT_TRUE(refusal(many + "}").ends_with(" [unknown_key] (and 99 more)"));
}

TEST(wrong_child_text, is_no_object_or_no_json) {
    EXPECT_EQ(refusal("[]"), "1:1: expected an object, got an empty array [invalid_child]");
    EXPECT_EQ(refusal(" 7"), "1:2: expected an object, got 7 [invalid_child]");
    EXPECT_EQ(refusal(""), "1:1: not JSON, while parsing value - unexpected end of input; expected '[', '{', or a literal [invalid_json]");
    EXPECT_EQ(refusal("{\"name\": \"a\",}"),
              "1:14: key \"name\": not JSON, while parsing object key - unexpected '}'; expected string literal; the comma before it is "
              "one too many "
              "[invalid_json]");
    EXPECT_EQ(refusal(R"({"name": "a", "exec": ["a"]} {})"),
              "1:30: not JSON, while parsing value - unexpected '{'; expected end of input [invalid_json]");
}

TEST(wrong_child_text, is_many_children) {
    EXPECT_EQ(refusal(R"({"name": "worker@1..8", "exec": ["w"]})"),
              R"(1:10: key "name": expected the name of one child, got "worker@1..8" [invalid_id])");
    EXPECT_EQ(refusal(R"({"name": "worker@1..1", "exec": ["w"]})", dynamic()),
              R"(1:10: key "name": expected the name of one child, got "worker@1..1" [invalid_id])");
    EXPECT_EQ(refusal(R"({"name": "worker@1", "exec": ["w"]})"), "accepted");
}

TEST(wrong_child_text, has_no_name_or_a_bad_one) {
    EXPECT_EQ(refusal(R"({"exec": ["a"]})"), R"(1:1: key "name": expected a name, got nothing [missing_id])");
    EXPECT_EQ(refusal(R"({"exec": ["a"], "name": "a/b"})"),
              R"(1:25: key "name": expected a name of letters, digits and . _ @ : + -, got "a/b" [invalid_id])");
    EXPECT_EQ(refusal(R"({"exec": ["a"], "name": ""})", dynamic()),
              R"(1:25: key "name": expected a name of 1 to 255 characters, got "" [invalid_id])");
}

TEST(wrong_child_text, does_not_fit_its_supervisor) {
    const std::string text = R"({"name": "a", "exec": ["a"], "restart": "temporary", "significant": true})";
    EXPECT_EQ(refusal(text),
              "1:69: key \"significant\": expected a significant child below a supervisor with \"auto_shutdown\" only, got it "
              "without [bad_combination]");
    EXPECT_EQ(refusal(R"({"name": "s", "supervisor": {"on_start_failure": "stop"}})"),
              R"(1:50: key "supervisor.on_start_failure": expected on the root supervisor only, got it on another [bad_combination])");
}

TEST(wrong_child_text, is_wrong_together) {
    EXPECT_EQ(refusal(R"({"name": "a", "exec": ["a"], "supervisor": {}})"),
              R"(1:1: expected "exec", "task" or "supervisor", got more than one [bad_combination])");
    EXPECT_EQ(refusal(R"({"name": "s", "supervisor": {"strategy": "dynamic"}})"),
              R"(1:29: key "supervisor": expected exactly one "template" to make the children of, got none [bad_start_spec])");
    EXPECT_EQ(refusal(R"({"name": "s", "supervisor": {"children": [{"name": "a", "exec": ["a"]}, {"name": "a", "exec": ["a"]}]}})"),
              "1:82: key \"supervisor.children[1].name\": expected a name that no sibling has, got \"a\", which is children[0] "
              "[duplicate_id]");
}

TEST(wrong_child_text, waits_for_itself) {
    EXPECT_EQ(refusal(R"({"name": "a", "exec": ["a"], "requires": ["a"]})"),
              R"(1:43: key "requires[0]": expected another child than itself, got "a" [self_requirement])");
    EXPECT_EQ(refusal(R"({"name": "a", "exec": ["a"], "links": [{"to": "a"}]})"),
              R"(1:47: key "links[0].to": expected another child than itself, got "a" [self_link])");
    const std::string cycle =
        R"("supervisor": {"children": [{"name": "a", "exec": ["a"], "requires": ["b", "x"]}, {"name": "b", "exec": ["b"]}]}})";
    EXPECT_EQ(
        refusal(R"({"name": "s", )" + cycle),
        "1:85: key \"supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"s/a\" requires \"s/b\", which "
        "is started after \"s/a\" [requirement_cycle]");
    EXPECT_EQ(refusal("{" + cycle, dynamic()),
              "1:72: key \"supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"{key}/a\" requires "
              "\"{key}/b\", which is started after \"{key}/a\" [requirement_cycle]");
}

// ---- hostile ----------------------------------------------------------------------------------------------------

TEST(hostile_child_text, is_refused_by_what_is_wrong_with_it) {
    EXPECT_TRUE(refusal(std::string(100'000, '[')).ends_with("nested deeper than 64 [too_deep]"));
    EXPECT_EQ(refusal(R"({"name": "a", "exec": ["a"], "name": "b"})"),
              R"(1:30: key "name": expected each key once in an object, got "name" again [duplicate_key])");
    EXPECT_TRUE(refusal("{\"name\": \"\xff\"}").ends_with("[invalid_json]"));
    EXPECT_EQ(refusal(std::string_view{"{\"name\": \"a\"}\0", 14}), "1:14: not JSON, a NUL byte [invalid_json]");
    EXPECT_TRUE(refusal(R"({"name": "a", "exec": ["a\u0000b"]})").ends_with("[invalid_start]"));
    EXPECT_EQ(refusal(std::string(document_bytes_max + 1, ' ')), "1:1: longer than 16777216 bytes [too_large]");
    std::string many = R"({"name": "w@1..1000", "exec": ["w"]})";
    for (int depth = 0; depth < 4; ++depth) {
        many = R"({"name": "s@1..1000", "supervisor": {"children": [)" + many + "]}}";
    }
    EXPECT_TRUE(refusal(R"({"name": "s", "supervisor": {"children": [)" + many + "]}}").find("[too_many_children]") != std::string::npos);
}

TEST(hostile_child_text, of_many_supervisors_is_refused_by_its_depth) {
    std::string text = R"({"name": "a", "exec": ["a"]})";
    for (int depth = 0; depth < 21; ++depth) {
        EXPECT_EQ(refusal(text), "accepted") << depth;
        text = R"({"name": "s", "supervisor": {"children": [)" + text + "]}}";
    }
    EXPECT_TRUE(refusal(text).ends_with("[too_deep]"));
}

TEST(hostile_child_text, cut_short_is_no_child) {
    RandomChild chance(7);
    const std::string text = child_text(chance.child({}, "child"));
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
        EXPECT_TRUE(refusal(text.substr(0, bytes)).ends_with("[invalid_json]")) << bytes;
    }
}

/// A line for a log or a terminal, whatever was quoted.
TEST(hostile_child_text, is_told_on_one_line) {
    for (const std::string text : {"{\"a\\n\\u001b[31m\": 1}", R"({"name": "a\n\u001b[31mb"})", R"({"name": "a", "exec": ["b/\u009b"]})"}) {
        const std::string told = refusal(text);
        EXPECT_EQ(told.find_first_of("\n\x1b\xc2"), std::string::npos) << told;
    }
}

}  // namespace
