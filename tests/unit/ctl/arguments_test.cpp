// SPDX-License-Identifier: Apache-2.0
/// The command line: what is understood, and that everything else is a usage error with exit code 2.
#include "client/ctl/arguments.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace backplane::ctl {
namespace {

std::variant<Arguments, int> read(std::vector<const char*> words) {
    words.insert(words.begin(), "backplanectl");
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    auto result = read_arguments(static_cast<int>(words.size()), words.data());
    static_cast<void>(testing::internal::GetCapturedStdout());
    static_cast<void>(testing::internal::GetCapturedStderr());
    return result;
}

TEST(ArgumentsTest, OptionsMayStandBeforeOrBehindTheCommand) {
    for (const auto& words : {std::vector<const char*>{"--json", "--socket", "/s", "list"}, {"list", "--json", "--socket", "/s"}}) {
        const auto result = read(words);
        ASSERT_TRUE(std::holds_alternative<Arguments>(result));
        const auto& arguments = std::get<Arguments>(result);
        EXPECT_EQ(arguments.command, Command::list);
        EXPECT_TRUE(arguments.json);
        EXPECT_EQ(arguments.socket, "/s");
        EXPECT_FALSE(arguments.timeout);
    }
}

TEST(ArgumentsTest, WhatStandsBehindTheDashesOfRunIsTheProgramsOwn) {
    const auto run = std::get<Arguments>(read({"run", "--name", "web", "--env", "A=1", "--env", "B", "--restart", "permanent", "--", "sh",
                                               "-c", "exit 3", "--json", "--", "list"}));
    EXPECT_EQ(run.command, Command::run);
    EXPECT_EQ(run.name, "web");
    EXPECT_EQ(run.under, "/");
    EXPECT_EQ(run.restart, "permanent");
    EXPECT_EQ(run.env, (std::vector<std::string>{"A=1", "B"}));
    EXPECT_EQ(run.words, (std::vector<std::string>{"sh", "-c", "exit 3", "--json", "--", "list"}));
    EXPECT_FALSE(run.json);
    EXPECT_FALSE(run.until_end);
    EXPECT_EQ(std::get<Arguments>(read({"run", "--", "true"})).restart, "transient");
    EXPECT_TRUE(std::get<Arguments>(read({"run", "--wait", "--all-env", "--", "true"})).until_end);
    for (const auto& words :
         {std::vector<const char*>{"run"}, {"run", "--"}, {"run", "true"}, {"run", "--restart", "never", "--", "true"}}) {
        EXPECT_EQ(std::get<int>(read(words)), 2);
    }
}

TEST(ArgumentsTest, CommandsTakeTheirOwnOptions) {
    const auto events = std::get<Arguments>(read({"events", "--since", "17", "--no-follow", "--graph"}));
    EXPECT_EQ(events.since, 17U);
    EXPECT_FALSE(events.follow);
    EXPECT_TRUE(events.graph);
    const auto stop = std::get<Arguments>(read({"stop", "sub/w1", "--no-wait", "--timeout", "1.5s"}));
    EXPECT_EQ(stop.command, Command::act);
    EXPECT_EQ(stop.verb, ChildVerb::stop);
    EXPECT_EQ(stop.name, "sub/w1");
    EXPECT_FALSE(stop.wait);
    EXPECT_EQ(stop.timeout, Duration::milliseconds(1500));
    EXPECT_TRUE(std::get<Arguments>(read({"restart", "a"})).wait);
    EXPECT_EQ(std::get<Arguments>(read({"start", "--now", "a"})).verb, ChildVerb::start_now);
    const auto gone = std::get<Arguments>(read({"child", "delete", "sup", "id"}));
    EXPECT_EQ(gone.verb, ChildVerb::remove);
    EXPECT_EQ(gone.name + "/" + gone.id, "sup/id");
    const auto added = std::get<Arguments>(read({"child", "start", "sup", "--args", "[]", "--key", "k"}));
    EXPECT_EQ(added.command, Command::child_start);
    EXPECT_EQ(added.spec_args + added.key, "[]k");
    const auto reload = std::get<Arguments>(read({"reload", "--dry-run", "--remove-missing", "--wait"}));
    EXPECT_TRUE(reload.reload.dry_run && reload.reload.remove_missing && reload.wait_all);
    EXPECT_FALSE(reload.reload.start_new);
    EXPECT_TRUE(std::get<Arguments>(read({"events"})).follow);
    const auto logs = std::get<Arguments>(read({"logs", "-f", "-n", "20", "web"}));
    EXPECT_EQ(logs.command, Command::logs);
    EXPECT_EQ(logs.name, "web");
    EXPECT_EQ(logs.lines, 20U);
    EXPECT_TRUE(logs.follow_logs);
    EXPECT_FALSE(std::get<Arguments>(read({"logs", "web"})).follow_logs);
    const auto save = std::get<Arguments>(read({"journal", "save", "--json", "FILE", "--force"}));
    EXPECT_EQ(save.command, Command::journal_save);
    EXPECT_EQ(save.file, "FILE");
    EXPECT_TRUE(save.force && save.json);
}

TEST(ArgumentsTest, EverythingElseIsUsage) {
    const std::vector<std::vector<const char*>> wrong{{},
                                                      {"bogus"},
                                                      {"journal"},
                                                      {"journal", "save"},
                                                      {"status"},
                                                      {"status", "a", "b"},
                                                      {"list", "--since", "3"},
                                                      {"events", "--since", "-1"},
                                                      {"events", "--since", "x"},
                                                      {"--timeout", "5", "list"},
                                                      {"list", "tree"}};
    for (const auto& words : wrong) {
        const auto result = read(words);
        ASSERT_TRUE(std::holds_alternative<int>(result)) << (words.empty() ? "" : words[0]);
        EXPECT_EQ(std::get<int>(result), 2);
    }
    EXPECT_EQ(std::get<int>(read({"--help"})), 0);
    EXPECT_EQ(std::get<int>(read({"list", "--help"})), 0);
}

TEST(DurationTest, HasAUnit) {
    EXPECT_EQ(parse_duration("500ms"), Duration::milliseconds(500));
    EXPECT_EQ(parse_duration("0s"), Duration{});
    EXPECT_EQ(parse_duration("2min"), Duration::seconds(120));
    EXPECT_EQ(parse_duration("250us"), Duration{250'000});
    for (const char* wrong : {"", "5", "ms", "-1s", "1 s", "1sec", "1e999s", "9999999999h", "nans"}) {
        EXPECT_FALSE(parse_duration(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace backplane::ctl
