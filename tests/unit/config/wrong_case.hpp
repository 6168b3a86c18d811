// SPDX-License-Identifier: Apache-2.0
/// A wrong configuration, and all that is said about it.
#pragma once

#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

namespace backplane::config {

/// What stands around a case's text: nothing, the root supervisor's braces, or those and a list of children, which then
/// begins on line 2.
enum class Around { whole, in_supervisor, in_children };
inline constexpr Around whole = Around::whole;
inline constexpr Around in_supervisor = Around::in_supervisor;
inline constexpr Around in_children = Around::in_children;

struct Case {
    std::string name;
    Around around;
    std::string text;
    std::string errors;  ///< all of them, a line each

    Case(std::string_view case_name, Around wrapper, std::string_view body, std::string_view expected)
        : name(case_name), around(wrapper), text(body), errors(expected) {}
    [[nodiscard]] std::string document() const {
        switch (around) {
            case Around::whole: return text;
            case Around::in_supervisor: return "{\"supervisor\": {" + text + "}}";
            case Around::in_children: return "{\"supervisor\": {\"children\": [\n" + text + "\n]}}";
        }
        return {};
    }
    void expect_errors() const {
        const Reading reading = read_settings(document(), "t.json");
        EXPECT_FALSE(reading.ok());
        std::string lines;
        for (const Problem& problem : reading.errors) {
            lines += problem_text(problem) + "\n";
        }
        EXPECT_EQ(lines, errors);
    }
};
inline void PrintTo(const Case& item, std::ostream* out) { *out << item.name; }

}  // namespace backplane::config
