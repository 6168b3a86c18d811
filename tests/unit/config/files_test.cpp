// SPDX-License-Identifier: Apache-2.0
/// A configuration in several files: their children join those of the root in the order of the files, each problem names its
/// own file, and all of them go through one text and back.
#include "config/bundle.hpp"
#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace backplane;
using namespace backplane::config;

using Files = std::vector<SourceFile>;

const SourceFile main_file{"b.json", R"({"supervisor": {"intensity": 9, "children": [{"name": "a", "exec": ["a"]}]}})"};

std::string problems(const Files& files) {
    const Reading reading = read_settings(files);
    return problem_lines(reading, files.front().name);
}

std::string of_parts(const std::string& first, const std::string& second = "{}") {
    return problems({main_file, {"conf.d/1.json", first}, {"conf.d/2.json", second}});
}

bool same(const Files& a, const Files& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const SourceFile& x, const SourceFile& y) { return x.name == y.name && x.text == y.text; });
}

TEST(several_files, children_join_the_root_in_the_order_of_the_files) {
    const Reading reading =
        read_settings(Files{main_file,
                            {"1.json", R"({"children": [{"name": "w@1..2", "exec": ["b"], "on_limit": "stop_child"}]})"},
                            {"2.json", "// nothing\n{}"},
                            {"3.json", R"({"children": [{"name": "c", "exec": ["c"], "requires": ["a", "w@2"]}]})"}});
    EXPECT_EQ(problem_lines(reading, "b.json"), "");
    EXPECT_EQ(reading.children, 4U);
    const auto& children = reading.settings.root.children;
    ASSERT_EQ(children.size(), 4U);
    EXPECT_EQ(children[0].name + children[1].name + children[2].name + children[3].name, "aw@1w@2c");
    EXPECT_EQ(children[1].limit.intensity, 9U);
}

TEST(several_files, problems_name_file_line_column_and_key) {
    EXPECT_EQ(of_parts("{\n\"children\": [{\"name\": \"x\", \"exec\": [\"x\"], \"restart\": \"always\"}]}"),
              "conf.d/1.json:2:54: key \"children[0].restart\": expected \"permanent\", \"transient\" or \"temporary\", got \"always\" "
              "[invalid_restart]\n");
    EXPECT_EQ(
        of_parts("{}", "["),
        "conf.d/2.json:1:2: not JSON, while parsing value - unexpected end of input; expected '[', '{', or a literal [invalid_json]\n");
    EXPECT_EQ(of_parts("[]"), "conf.d/1.json:1:1: expected an object, got an empty array [invalid_settings]\n");
    EXPECT_EQ(of_parts(R"({"supervisor": {}})"),
              "conf.d/1.json:1:2: key \"supervisor\": expected a known key, got \"supervisor\"; known here: children [unknown_key]\n");
    EXPECT_EQ(of_parts(R"({"children": {"name": "x"}})"),
              "conf.d/1.json:1:14: key \"children\": expected an array of children, got an object [invalid_children]\n");
    EXPECT_EQ(of_parts("{}", R"({"children": [{"name": "x", "exec": ["x"], "shutdown": 5}]})"),
              "conf.d/2.json:1:56: key \"children[0].shutdown\": expected a duration such as \"5s\", \"infinity\", \"brutal_kill\" or "
              "\"no_wait\", got 5; did you mean \"5s\"? (units: ns, us, ms, s, m, h) [invalid_shutdown]\n");
}

TEST(several_files, names_links_and_requirements_reach_across_files) {
    EXPECT_EQ(
        of_parts(R"({"children": [{"name": "x", "exec": ["x"]}, {"name": "a", "exec": ["x"]}]})"),
        "conf.d/1.json:1:54: key \"children[1].name\": expected a name that no sibling has, got \"a\", which is children[0] of b.json "
        "[duplicate_id]\n");
    EXPECT_EQ(of_parts(R"({"children": [{"name": "x", "exec": ["x"], "links": [{"to": "nobody"}]}]})"),
              "conf.d/1.json:1:61: key \"children[0].links[0].to\": expected a sibling's name, or a path below the root, got \"nobody\" "
              "[unknown_link_target]\n");
    EXPECT_EQ(
        of_parts(R"({"children": [{"name": "x", "exec": ["x"], "requires": ["a", "y"]}]})",
                 R"({"children": [{"name": "y", "exec": ["y"]}]})"),
        "conf.d/1.json:1:62: key \"children[0].requires[1]\": expected requirements without a cycle, got: \"x\" requires \"y\", which "
        "is started after \"x\" [requirement_cycle]\n");
    EXPECT_EQ(of_parts(R"({"children": [{"name": "s", "shutdown": "1s", "supervisor": {}}]})"),
              "conf.d/1.json:1:41: warning: key \"children[0].shutdown\": a supervisor whose shutdown is not \"infinity\" has its whole "
              "subtree killed when the time is up [supervisor_shutdown]\n");
}

TEST(several_files, problems_stand_in_the_order_of_the_files) {
    const std::string wrong = R"({"children": [1]})";
    const std::string lines = problems({{"b.json", "{}"}, {"1.json", wrong}, {"2.json", wrong}});
    EXPECT_LT(lines.find("b.json:1:1: key \"supervisor\""), lines.find("1.json:1:15: key \"children[0]\""));
    EXPECT_LT(lines.find("1.json:1:15: key \"children[0]\""), lines.find("2.json:1:15: key \"children[0]\""));
}

TEST(several_files, what_depends_on_a_root_that_is_wrong_is_not_judged) {
    EXPECT_EQ(problems({{"b.json", R"({"supervisor": {"auto_shutdown": "any"}})"},
                        {"1.json", R"({"children": [{"name": "x", "exec": ["x"], "restart": "transient", "significant": true}]})"}}),
              "b.json:1:34: key \"supervisor.auto_shutdown\": expected \"never\", \"any_significant\" or \"all_significant\", got \"any\" "
              "[invalid_auto_shutdown]\n");
}

TEST(several_files, a_root_made_of_a_template_takes_no_children_S_4) {
    const SourceFile dynamic{"b.json", R"({"supervisor": {"strategy": "dynamic", "template": {"exec": ["a"]}}})"};
    const SourceFile partitions{"b.json", R"({"supervisor": {"partitions": 2, "template": {"exec": ["a"]}}})"};
    for (const SourceFile& root : {dynamic, partitions}) {
        EXPECT_EQ(
            problems({root, {"1.json", R"({"children": [{"name": "x", "exec": ["x"]}]})"}}),
            "1.json:1:14: key \"children\": expected nothing, as the root supervisor makes its children out of a template, got children "
            "[bad_start_spec]\n");
        EXPECT_EQ(problems({root, {"1.json", R"({"children": []})"}}), "");
    }
}

TEST(several_files, check_counts_all_and_speaks_of_the_first) {
    const CheckResult result = check_config(Files{main_file, {"1.json", R"({"children": [{"name": "x", "exec": ["x"]}]})"}});
    EXPECT_EQ(result.out, "b.json: ok, 2 children\n");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(check_config(Files{main_file, {"1.json", "{"}}).exit_code, 1);
}

TEST(packed_files, a_lone_file_is_its_own_text) {
    EXPECT_EQ(pack_files(Files{main_file}), main_file.text);
    const auto back = unpack_files(main_file.text, "name");
    ASSERT_TRUE(back);
    EXPECT_TRUE(same(*back, {{"name", main_file.text}}));
    EXPECT_TRUE(same(*unpack_files("", "name"), {{"name", ""}}));
}

TEST(packed_files, come_back_whatever_is_in_them) {
    const std::string several = pack_files(Files{main_file, {"", ""}});
    const Files lists[] = {{main_file, {"conf.d/1.json", "{}"}},
                           {{"a", ""}, {"", ""}, {"c d\n", "1 2\n\n"}},
                           {{"x", std::string("\0\n\xff", 3)}, {"y", several}},
                           {{"alone", several}}};
    for (const Files& files : lists) {
        const auto back = unpack_files(pack_files(files), "other");
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_TRUE(same(*back, files));
    }
}

TEST(packed_files, every_prefix_and_every_tail_is_refused) {
    const std::string packed = pack_files(Files{{"name", "text"}, {"other", "more"}});
    const std::size_t first = pack_files(Files{{"name", "text"}, {"other", "more"}}).find("5 4\n");
    for (std::size_t size = packed.find('\n') + 1; size < packed.size(); ++size) {
        EXPECT_EQ(unpack_files(packed.substr(0, size), "").has_value(), size == first) << size;
    }
    const auto back = unpack_files(packed + "x", "");
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, ErrorCode::config_invalid);
    EXPECT_EQ(back.error().detail, "the files of the configuration are not what was packed, from byte " + std::to_string(packed.size()));
}

TEST(packed_files, counts_that_lie_are_refused) {
    const std::string opening = pack_files(Files{main_file, main_file}).substr(0, 19);
    for (const std::string tail :
         {"18446744073709551615 1\n", "1 18446744073709551615\nab\n", "9 9\nab\n", "-1 1\nab\n", "1\n", " 1\n", "1 1 ab\n"}) {
        EXPECT_FALSE(unpack_files(opening + tail, "")) << tail;
    }
}

TEST(packed_files, spoiled_bytes_never_crash) {
    const std::string packed = pack_files(Files{main_file, {"1.json", "{}"}});
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
        std::mt19937 chance(seed);
        std::string text = packed;
        text[chance() % text.size()] = static_cast<char>(chance() % 256);
        if (const auto files = unpack_files(text, "t.json")) {
            EXPECT_FALSE(files->empty());
            static_cast<void>(read_settings(*files));
        }
    }
}

}  // namespace
