// SPDX-License-Identifier: Apache-2.0
/// Whatever configuration the project prints is read by its own reader, without a warning: the installed default, the
/// examples, and those in the manual, which in turn explains every key of the table and no other.
#include "config/keys.hpp"
#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using namespace backplane::config;

const std::filesystem::path source{BP_SOURCE_DIR};

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
}

void expect_sound(const std::string& text, const std::string& name) {
    const Reading reading = read_settings(text, name);
    EXPECT_EQ(problem_lines(reading, name), "");
}

TEST(printed_settings, the_default_and_every_example_are_sound) {
    expect_sound(contents(source / "config/backplaned.json"), "backplaned.json");
    std::size_t examples = 0;
    for (const auto& entry : std::filesystem::directory_iterator(source / "config/examples")) {
        std::string text = contents(entry.path());
        replace_all(text, "@DIR@", "/tmp/demo");
        replace_all(text, "@BIN@", "/usr/bin");
        expect_sound(text, entry.path().filename());
        ++examples;
    }
    EXPECT_GE(examples, 3U);
}

/// The default's comments show children; with the marks taken away they must be right as well.
TEST(printed_settings, the_defaults_commented_children_are_sound) {
    std::string text = contents(source / "config/backplaned.json");
    replace_all(text, "// {", "{");
    replace_all(text, "// }", "}");
    replace_all(text, "//     ", "    ");
    const std::size_t command = text.find("    backplaned --check-config");
    ASSERT_NE(command, std::string::npos);
    text.replace(command, text.find('\n', command) - command, "");
    expect_sound(text, "backplaned.json");
    EXPECT_EQ(read_settings(text, "").children, 4U);
}

/// The displays of a manual page that begin with a brace.
std::vector<std::string> displays(const std::string& page) {
    std::vector<std::string> found;
    for (std::size_t at = page.find(".Bd "); at != std::string::npos; at = page.find(".Bd ", at + 1)) {
        const std::size_t begin = page.find('\n', at) + 1;
        const std::string display = page.substr(begin, page.find(".Ed", begin) - begin);
        if (display.starts_with('{')) {
            found.push_back(display);
        }
    }
    return found;
}

TEST(printed_settings, the_manuals_examples_are_sound) {
    const std::vector<std::string> examples = displays(contents(source / "daemon/man/backplaned.json.5"));
    EXPECT_GE(examples.size(), 2U);
    for (const std::string& example : examples) {
        // A further file has children only, and needs one to join.
        const bool further = example.find("supervisor") == std::string::npos;
        const SourceFile files[] = {{"backplaned.json.5", further ? R"({"supervisor": {}})" : example},
                                    {"conf.d", further ? example : "{}"}};
        EXPECT_EQ(problem_lines(read_settings(files), "backplaned.json.5"), "");
    }
}

TEST(printed_settings, the_manual_explains_every_key_with_its_default) {
    const std::string page = contents(source / "daemon/man/backplaned.json.5");
    for (const KeyInfo& info : all_keys()) {
        const std::string item = ".It Cm " + std::string{info.key} + "\n";
        EXPECT_NE(page.find(item), std::string::npos) << info.key;
        for (const std::string_view word : info.words) {
            EXPECT_NE(page.find(word), std::string::npos) << info.key << ": " << word;
        }
    }
}

TEST(key_table, every_row_can_be_told_and_no_key_stands_twice_in_a_section) {
    const std::vector<KeyInfo> keys = all_keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
        EXPECT_FALSE(keys[i].problem.empty()) << keys[i].key;
        EXPECT_FALSE(expectation(keys[i]).empty()) << keys[i].key;
        EXPECT_TRUE(keys[i].shape != Shape::choice || !keys[i].words.empty()) << keys[i].key;
        EXPECT_TRUE(keys[i].shape != Shape::whole || keys[i].low < keys[i].high) << keys[i].key;
        EXPECT_TRUE(keys[i].about.ends_with('.')) << keys[i].key;
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_FALSE(keys[i].section == keys[j].section && keys[i].key == keys[j].key) << keys[i].key;
        }
    }
}

}  // namespace
