// SPDX-License-Identifier: Apache-2.0
/// Durations (decision 30), names (decision 15), near misses, and what is safe to print (threats: no unescaped log line).
#include "config/words.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace {

using namespace backplane;
using namespace backplane::config;

std::int64_t ns(std::string_view text) {
    const auto duration = parse_duration(text);
    return duration ? duration->ns : -1;
}

TEST(durations, units_decision_30) {
    EXPECT_EQ(ns("0s"), 0);
    EXPECT_EQ(ns("7ns"), 7);
    EXPECT_EQ(ns("7us"), 7'000);
    EXPECT_EQ(ns("500ms"), 500'000'000);
    EXPECT_EQ(ns("5s"), 5'000'000'000);
    EXPECT_EQ(ns("2m"), 120'000'000'000);
    EXPECT_EQ(ns("1h"), 3'600'000'000'000);
    EXPECT_EQ(ns("005s"), 5'000'000'000);
    EXPECT_EQ(ns("876000h"), duration_max.ns);
}

TEST(durations, other_forms_are_none) {
    for (const std::string_view text : {"", "5", "s", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5s", "1e3s", "5S", "5sec", "1m30s", "0x5s",
                                        "876001h", "9223372036854775807h", "99999999999999999999s", "infinity"}) {
        EXPECT_EQ(ns(text), -1) << text;
    }
}

TEST(durations, text_is_read_back_to_the_same) {
    EXPECT_EQ(duration_text(Duration{0}), "0s");
    EXPECT_EQ(duration_text(Duration::seconds(90)), "90s");
    EXPECT_EQ(duration_text(Duration::milliseconds(1500)), "1500ms");
    EXPECT_EQ(duration_text(Duration::seconds(7200)), "2h");
    EXPECT_EQ(duration_text(Duration::forever()), "infinity");
    std::mt19937_64 chance(1);
    for (int i = 0; i < 1000; ++i) {
        const Duration duration{static_cast<std::int64_t>(chance() % static_cast<std::uint64_t>(duration_max.ns))};
        EXPECT_EQ(ns(duration_text(duration)), duration.ns);
    }
}

TEST(names, good_and_bad_decision_15) {
    for (const std::string_view name : {"a", "A.b_c@d:e+f-9", ".hidden", "-x", "x."}) {
        EXPECT_FALSE(name_flaw(name)) << name;
    }
    for (const std::string_view name : {"", "a b", "a/b", "/", ".", "..", "a..b", "a\n", "\x7f", "ä"}) {
        EXPECT_TRUE(name_flaw(name)) << name;
    }
    EXPECT_FALSE(name_flaw(std::string(255, 'a')));
    EXPECT_TRUE(name_flaw(std::string(256, 'a')));
}

TEST(near_misses, the_nearest_word_and_none_when_it_is_far) {
    constexpr std::array<std::string_view, 5> known{"restart", "start_timeout", "stdout", "stderr", "to"};
    EXPECT_EQ(nearest_word("restrat", known), "restart");
    EXPECT_EQ(nearest_word("Restart", known), "restart");
    EXPECT_EQ(nearest_word("startTimeout", known), "start_timeout");
    EXPECT_EQ(nearest_word("stdeer", known), "stderr");
    EXPECT_EQ(nearest_word("too", known), "to");
    EXPECT_EQ(nearest_word("colour", known), "");
    EXPECT_EQ(nearest_word("", known), "");
    EXPECT_EQ(nearest_word(std::string(100'000, 'r'), known), "");
}

TEST(printed, control_characters_are_escaped_and_length_is_bounded) {
    EXPECT_EQ(in_quotes("a\"b\\c"), "\"a\\\"b\\\\c\"");
    EXPECT_EQ(in_quotes("a\x1b[2J\n"), "\"a\\u001b[2J\\u000a\"");
    EXPECT_EQ(in_quotes("\x7f\xc2\x9b"), "\"\\u007f\\u009b\"");
    EXPECT_EQ(in_quotes("ä€😀"), "\"ä€😀\"");
    EXPECT_EQ(in_quotes("\xff"), "\"\\u00ff\"");
    EXPECT_EQ(in_quotes(std::string(41, 'x')), "\"" + std::string(40, 'x') + "...\"");
    EXPECT_EQ(escaped(std::string(500, 'x')), std::string(500, 'x'));
    EXPECT_EQ(alternatives(std::array<std::string_view, 3>{"a", "b", "c"}), "\"a\", \"b\" or \"c\"");
}

TEST(printed, paths_of_keys) {
    std::string path;
    append_key(path, "children");
    append_index(path, 2);
    append_key(path, "a\tb");
    EXPECT_EQ(path, "children[2].a\\u0009b");
}

}  // namespace
