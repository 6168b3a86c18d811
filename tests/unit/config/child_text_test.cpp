// SPDX-License-Identifier: Apache-2.0
/// One child as text: what is written is read as the same child, nothing is written in vain, no key of the table is forgotten,
/// and what is read alone is what a whole file would have said.
#include "config/child_text.hpp"
#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/settings.hpp"
#include "config/written.hpp"
#include "tests/unit/config/random_child.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>

namespace {

using namespace backplane;
using namespace backplane::config;
using core::ChildSpec;
using core::encode_child;
using core::SupervisorSpec;

constexpr std::uint32_t cpus = 3;

ChildSpec read(std::string_view text, const SupervisorSpec& among = {}) {
    Expected<ChildSpec> child = read_child_text(text, among, cpus);
    EXPECT_TRUE(child) << child.error().detail << "\n" << text;
    return child ? std::move(*child) : ChildSpec{};
}

std::string again(std::string_view text) { return child_text(read(text)); }

/// Whether template and partitions stand side by side anywhere, as the reader never leaves them.
bool has_partitions(const ChildSpec& child) {
    const auto below = [](const std::vector<ChildSpec>& list) { return std::any_of(list.begin(), list.end(), has_partitions); };
    return child.is_supervisor &&
           (child.supervisor[0].partitions > 0 || below(child.supervisor[0].template_child) || below(child.supervisor[0].children));
}

struct Made {
    SupervisorSpec among;
    ChildSpec child;
};

/// Without a name where that is allowed, sometimes.
Made random_child(std::uint64_t seed) {
    RandomChild chance(seed);
    Made made{chance.among(), {}};
    const bool named = made.among.strategy != core::Strategy::dynamic || chance.coin();
    made.child = chance.child(made.among, named ? "child" : "");
    return made;
}

TEST(child_text, random_children_come_back_and_stay) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        const Made made = random_child(seed);
        const std::string text = child_text(made.child);
        const ChildSpec child = read(text, made.among);
        if (!has_partitions(made.child)) {
            ASSERT_EQ(encode_child(child), encode_child(made.child)) << text;
            ASSERT_EQ(child_text(child), text);
        }
        const std::string second = child_text(child);
        ASSERT_EQ(encode_child(read(second, made.among)), encode_child(child)) << second;
    }
}

TEST(child_text, is_one_line_of_ascii) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const std::string text = child_text(random_child(seed).child);
        EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; })) << text;
    }
}

/// Every key that an object of the section has, and within it; in the order of the table.
void collect(const std::vector<KeyInfo>& keys, const Node& object, Section section, std::set<std::pair<Section, std::string>>& seen) {
    auto last = keys.begin();
    for (const Member& member : object.items) {
        const auto info =
            std::find_if(last, keys.end(), [&](const KeyInfo& key) { return key.section == section && key.key == member.key; });
        ASSERT_NE(info, keys.end()) << member.key << " is no key here, or stands behind a later one";
        last = info;
        seen.emplace(section, member.key);
        if (member.value.kind == NodeKind::object && info->shape != Shape::settings) {
            collect(keys, member.value, info->inner, seen);
        }
        for (const Member& item : info->shape == Shape::objects ? member.value.items : std::vector<Member>{}) {
            collect(keys, item.value, info->inner, seen);
        }
    }
}

TEST(child_text, forgets_no_key_of_the_table_and_keeps_its_order) {
    const std::vector<KeyInfo> keys = all_keys();
    std::set<std::pair<Section, std::string>> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        collect(keys, parse_document(child_text(random_child(seed).child)).root, Section::child, seen);
    }
    for (const KeyInfo& info : keys) {
        const bool of_a_child = info.section != Section::settings && info.holder != Holder::root;
        EXPECT_EQ(seen.contains({info.section, std::string{info.key}}), of_a_child) << info.key;
    }
}

TEST(child_text, has_nothing_that_could_be_left_out) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE(seed);
        const Made made = random_child(seed);
        const std::string whole = encode_child(read(child_text(made.child), made.among));
        const Node object = parse_document(child_text(made.child)).root;
        for (std::size_t i = 0; i < object.items.size(); ++i) {
            Node less = object;
            less.items.erase(less.items.begin() + static_cast<std::ptrdiff_t>(i));
            const bool figure = object.items[i].key == "intensity" || object.items[i].key == "period";
            const Expected<ChildSpec> child = read_child_text(text_of(less), made.among, cpus);
            EXPECT_TRUE(figure || !child || encode_child(*child) != whole) << object.items[i].key;
        }
    }
}

TEST(child_text, of_the_least_is_the_least) {
    for (const std::string text : {R"({"name":"a","exec":["/bin/true"]})", R"({"name":"s","supervisor":{}})",
                                   R"({"name":"s","supervisor":{"strategy":"dynamic","template":{"exec":["w"]}}})"}) {
        EXPECT_EQ(again(text), text);
    }
    EXPECT_EQ(again(R"({"name": "s", "supervisor": {"children": []}, "shutdown": "infinity", "start_timeout": "infinity", "links": []})"),
              R"({"name":"s","supervisor":{}})");
    EXPECT_EQ(again(R"({"exec": ["a"], "name": "a", "shutdown": "5s", "start_timeout": "no_wait", "backoff": {}, "umask": "22"})"),
              R"({"name":"a","exec":["a"]})");
}

TEST(child_text, has_the_forms_that_people_write) {
    const std::string text =
        R"({"name":"a","restart":"temporary","shutdown":"no_wait","start_timeout":"1500ms","retain":true,"requires":["b"],)"
        R"("links":[{"to":"b"},{"to":"c/d","mode":"peer"}],"backoff":{"factor":1.5},"intensity":0,"period":"1m",)"
        R"("on_limit":"quarantine","cooldown":"1h","exec":["/bin/a","\u00fc\n"],"readiness":"delay","delay":"0s",)"
        R"("environment":{"A":"1"},"working_directory":"/","stdout":{"file":"/log/b","max_size":"1M","keep":2},"stderr":"/log/a",)"
        R"("stop_signal":"SIGRTMIN+1",)"
        R"("success_exit_codes":[1,2],"success_signals":["SIGINT",33],"no_restart_exit_codes":[3,"SIGKILL"],)"
        R"("limits":{"nofile":1024,"core":"infinity","stack":{"soft":1,"hard":"infinity"}},"nice":-5,"umask":"0027","memory_max":"512M"})";
    EXPECT_EQ(again(text), text);
    EXPECT_EQ(again(R"({"name":"a","backoff":"none","exec":["a"],"memory_max":1000})"),
              R"({"name":"a","backoff":"none","exec":["a"],"memory_max":1000})");
}

TEST(child_text, replaces_what_is_no_utf8) {
    ChildSpec child;
    child.name = "a";
    child.launch.exec = {"a", "\xff"};
    EXPECT_EQ(child_text(child), R"({"name":"a","exec":["a","\ufffd"]})");
}

// ---- partitions -------------------------------------------------------------------------------------------------

TEST(child_text, of_partitions_is_their_template_again_S_64) {
    const std::string text = R"({"name":"p","supervisor":{"partitions":12,"template":{"exec":["w","{partition}/{partition}","01"],)"
                             R"("environment":{"A":"{partition}"},"working_directory":"/srv/{partition}","stdout":"/log/{partition}"}}})";
    EXPECT_EQ(read(text).supervisor.at(0).children.at(11).launch.exec.at(1), "11/11");
    EXPECT_EQ(again(text), text);
    // A number that the environment tells in another place stays there.
    const std::string told = R"({"name":"p","supervisor":{"partitions":2,"template":{"exec":["w"],)"
                             R"("environment":{"BACKPLANE_PARTITION":"{partition}","A":"b"}}}})";
    EXPECT_EQ(again(told), told);
}

TEST(child_text, of_partitions_within_partitions_keeps_the_nearer_number) {
    const std::string text =
        R"({"name":"p","supervisor":{"partitions":2,"template":{"supervisor":{"children":[{"name":"a","exec":)"
        R"(["a","{partition}"]},{"name":"q","supervisor":{"partitions":3,"template":{"exec":["b","{partition}"]}}}]}}}})";
    EXPECT_EQ(again(text), text);
}

TEST(child_text, of_one_partition_has_its_number_in_place) {
    const ChildSpec child = read(R"({"name": "p", "supervisor": {"partitions": 1, "template": {"exec": ["w", "{partition}"]}}})");
    const std::string text = child_text(child);
    EXPECT_EQ(text,
              R"({"name":"p","supervisor":{"partitions":1,"template":{"exec":["w","0"],"environment":{"BACKPLANE_PARTITION":"0"}}}})");
    EXPECT_EQ(encode_child(read(text)), encode_child(child));
}

TEST(child_text, of_partitions_that_no_template_makes_has_plain_children) {
    ChildSpec child = read(R"({"name": "p", "supervisor": {"partitions": "cpus", "template": {"exec": ["w"]}}})");
    ASSERT_EQ(child.supervisor.at(0).children.size(), std::size_t{cpus});
    child.supervisor[0].children[2].managed = true;
    const ChildSpec plain = read(child_text(child));
    EXPECT_EQ(plain.supervisor.at(0).partitions, 0U);
    child.supervisor[0].partitions = 0;
    EXPECT_EQ(encode_child(plain), encode_child(child));
    child.supervisor[0].partitions = cpus;
    child.supervisor[0].children.pop_back();
    EXPECT_EQ(read(child_text(child)).supervisor.at(0).children.size(), 2U);
}

// ---- reading ----------------------------------------------------------------------------------------------------

TEST(read_child_text, takes_an_own_limit_from_its_supervisor_X_4) {
    SupervisorSpec among;
    among.intensity = 7;
    among.period = Duration::seconds(9);
    const core::LimitSpec none = read(R"({"name": "a", "exec": ["a"]})", among).limit;
    EXPECT_FALSE(none.enabled);
    EXPECT_EQ(none.intensity, 7U);
    EXPECT_EQ(none.period, Duration::seconds(9));
    const core::LimitSpec own = read(R"({"name": "a", "exec": ["a"], "on_limit": "stop_child", "period": "1s"})", among).limit;
    EXPECT_TRUE(own.enabled);
    EXPECT_EQ(own.intensity, 7U);
    EXPECT_EQ(own.period, Duration::seconds(1));
    EXPECT_EQ(own.on_limit, core::OnLimit::stop_child);
}

TEST(read_child_text, takes_significance_where_the_supervisor_may_shut_down_S_3) {
    SupervisorSpec among;
    among.auto_shutdown = core::AutoShutdown::any_significant;
    EXPECT_TRUE(read(R"({"name": "a", "exec": ["a"], "restart": "transient", "significant": true})", among).significant);
}

TEST(read_child_text, needs_no_name_below_a_dynamic_supervisor_S_4) {
    SupervisorSpec among;
    among.strategy = core::Strategy::dynamic;
    EXPECT_EQ(read(R"({"exec": ["a"]})", among).name, "");
    EXPECT_EQ(read(R"({"exec": ["a"], "name": "b"})", among).name, "b");
    // Its children's path begins with a key that is not known: none of them is its sibling.
    EXPECT_EQ(read(R"({"requires": ["x"], "supervisor": {"children": [{"name": "x", "exec": ["x"]}]}})", among).requires_up.size(), 1U);
}

TEST(read_child_text, leaves_to_the_core_what_leads_beyond_the_child) {
    const ChildSpec child = read(R"({"name": "s", "requires": ["db", "a/b"], "links": [{"to": "web"}], "supervisor": {"children": [
        {"name": "a", "exec": ["a"], "requires": ["s", "s/b", "a/b"], "links": [{"to": "s/a"}, {"to": "b"}, {"to": "x"}]},
        {"name": "b", "exec": ["b"], "requires": ["a"]}]}})");
    EXPECT_EQ(child.supervisor.at(0).children.at(0).requires_up.size(), 3U);
}

TEST(read_child_text, takes_what_loads_with_a_warning) {
    EXPECT_EQ(read(R"({"name": "a", "exec": ["a"], "backoff": {"initial": "2s", "max": "1s"}})").backoff.max, Duration::seconds(1));
}

TEST(read_child_text, takes_comments_and_instances_further_down) {
    const ChildSpec child = read(
        "// of mine\n"
        R"({"name": "s", "supervisor": {"children": [{"name": "w@1..3", "exec": ["w"]}]}})");
    EXPECT_EQ(child.supervisor.at(0).children.size(), 3U);
    EXPECT_EQ(encode_child(read(child_text(child))), encode_child(child));
}

/// An example, with something in place of what the demo fills in.
std::string example(const std::filesystem::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    for (const std::string_view mark : {"@DIR@", "@BIN@"}) {
        for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
            text.replace(at, mark.size(), "/x");
        }
    }
    return text;
}

TEST(read_child_text, reads_the_children_of_whole_files_as_they_were) {
    std::size_t children = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path{BP_SOURCE_DIR} / "config/examples")) {
        const Reading reading = read_settings(example(entry.path()), entry.path().filename().string(), cpus);
        const SupervisorSpec& root = reading.settings.root;
        for (const ChildSpec& child : root.children) {
            EXPECT_EQ(encode_child(read(child_text(child), root)), encode_child(child)) << child_text(child);
            ++children;
        }
    }
    EXPECT_GE(children, 10U);
}

}  // namespace
