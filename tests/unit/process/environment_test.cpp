// SPDX-License-Identifier: Apache-2.0
/// The clean slate as text (P-7, decision 30).
#include "daemon/process/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace backplane::process {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

const Identity ada{"/home/ada", "ada", "/bin/bash"};

std::vector<std::string> built(const std::vector<std::pair<std::string, std::string>>& configured, const WorkerAddresses& addresses = {}) {
    std::vector<std::string> all;
    EXPECT_TRUE(build_environment(ada, configured, addresses, all));
    return all;
}

TEST(Environment, P7_TheSlateIsAllThatANakedWorkerGets) {
    EXPECT_THAT(built({}), UnorderedElementsAre("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/home/ada",
                                                "USER=ada", "LOGNAME=ada", "SHELL=/bin/bash", "LANG=C.UTF-8"));
}

TEST(Environment, P7_ConfiguredReplacesTheSlateAndTheLastOfTwoWins) {
    const auto all = built({{"PATH", "/opt/bin"}, {"MODE", "a"}, {"MODE", "b=c"}});
    EXPECT_THAT(all, Contains("PATH=/opt/bin"));
    EXPECT_THAT(all, Contains("MODE=b=c"));
    EXPECT_THAT(all, Not(Contains("MODE=a")));
    EXPECT_EQ(all.size(), 7U);
}

TEST(Environment, Decision20_OurOwnNamesCannotBeConfigured) {
    const std::vector<std::pair<std::string, std::string>> forged = {
        {"BACKPLANE_FD", "9"}, {"BACKPLANE_SOCKET", "/evil"}, {"BACKPLANE_RESUME", "1:2"}, {"NOTIFY_SOCKET", "/run/systemd/notify"}};
    EXPECT_EQ(built(forged), built({}));
    const auto all = built(forged, {true, "/run/b.sock", "/run/n", "3:4"});
    EXPECT_THAT(all, Contains("BACKPLANE_FD=3"));
    EXPECT_THAT(all, Contains("BACKPLANE_SOCKET=/run/b.sock"));
    EXPECT_THAT(all, Contains("NOTIFY_SOCKET=/run/n"));
    EXPECT_THAT(all, Contains("BACKPLANE_RESUME=3:4"));
    EXPECT_EQ(all.size(), 10U);
}

TEST(Environment, F5_WhatTheKernelCannotCarryIsRefused) {
    std::vector<std::string> all;
    EXPECT_FALSE(build_environment(ada, {{"", "x"}}, {}, all));
    EXPECT_FALSE(build_environment(ada, {{"A=B", "x"}}, {}, all));
    EXPECT_FALSE(build_environment(ada, {{std::string{"A\0B", 3}, "x"}}, {}, all));
    EXPECT_FALSE(build_environment(ada, {{"A", std::string{"x\0y", 3}}}, {}, all));
}

TEST(Environment, AnUnknownUserHasNoName) {
    std::vector<std::string> all;
    ASSERT_TRUE(build_environment(Identity{}, {}, {}, all));
    EXPECT_THAT(all, Not(Contains(StartsWith("USER="))));
    EXPECT_THAT(all, Contains("HOME=/"));
}

TEST(Environment, Decision30_ABareNameIsLookedUpInTheWorkersPath) {
    EXPECT_THAT(program_candidates("redis", {"PATH=/a:/b/c"}), ElementsAre("/a/redis", "/b/c/redis"));
    EXPECT_THAT(program_candidates("redis", {"PATH=:/a::rel:"}), ElementsAre("/a/redis"));
    EXPECT_THAT(program_candidates("/x/y", {"PATH=/a"}), ElementsAre("/x/y"));
    EXPECT_THAT(program_candidates("x/y", {"PATH=/a"}), IsEmpty());
    EXPECT_THAT(program_candidates("", {"PATH=/a"}), IsEmpty());
    EXPECT_THAT(program_candidates("redis", {"HOME=/"}), IsEmpty());
}

}  // namespace
}  // namespace backplane::process
