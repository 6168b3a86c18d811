// SPDX-License-Identifier: Apache-2.0
/// The daemon's end: in order, faster when asked again (T-13), and nothing of a worker left (S-35, S-41).
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace backplane::integration {
namespace {

/// A worker that writes its name when it is told to end, and then ends.
std::string polite(const std::string& name) {
    return R"({"name": ")" + name + R"(", "exec": ["/bin/sh", "-c", "trap 'echo )" + name +
           R"( >> @DIR@/ends; exit 0' TERM; echo up >> @DIR@/ups; while :; do sleep 1000 & wait; done"], "shutdown": "60s"})";
}

/// A worker that wants to live for ever.
std::string stubborn(const std::string& name, const std::string& shutdown) {
    return R"({"name": ")" + name +
           R"(", "exec": ["/bin/sh", "-c", "trap '' TERM; echo up >> @DIR@/ups; while :; do sleep 1000; done"], "shutdown": ")" + shutdown +
           R"("})";
}

std::size_t lines_of(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

bool are_up(const BareDaemon& daemon, std::size_t count) {
    return eventually([&] { return lines_of(read_file(daemon.folder() + "/ups")) == count; });
}

TEST(DaemonStop, S41_StopsDepthFirstInReverseOrder) {
    BareDaemon daemon{polite("x") + ", " + R"({"name": "s", "supervisor": {"children": [)" + polite("w1") + ", " + polite("w2") + "]}}, " +
                      polite("y")};
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(are_up(daemon, 4));
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(read_file(daemon.folder() + "/ends"), "y\nw2\nw1\nx\n");
    EXPECT_TRUE(workers_of(daemon.socket()).empty());
}

TEST(DaemonStop, T13_ThirdTermKillsWhatWouldTakeForEver) {
    BareDaemon daemon{stubborn("w", "infinity")};
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(are_up(daemon, 1));
    daemon.signal(SIGTERM);
    ASSERT_TRUE(daemon.logs("child_stopping w"));
    daemon.signal(SIGTERM);
    daemon.signal(SIGINT);
    EXPECT_EQ(daemon.wait_end(), 0);
    EXPECT_TRUE(workers_of(daemon.socket()).empty());
}

TEST(DaemonStop, T13_SecondTermShortensTheGrace) {
    BareDaemon daemon{stubborn("w", "30s")};
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(are_up(daemon, 1));
    const auto begin = std::chrono::steady_clock::now();
    daemon.signal(SIGTERM);
    ASSERT_TRUE(daemon.logs("child_stopping w"));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait_end(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{29});
}

TEST(DaemonStop, T13_ConnectionsHearOfIt) {
    BareDaemon daemon;
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    daemon.signal(SIGTERM);
    ASSERT_TRUE(eventually([&] {
        (void)client.wait(Duration::milliseconds(10));
        return client.ended().has_value();
    }));
    EXPECT_EQ(client.ended()->code, ErrorCode::shutting_down) << client.ended()->text();
    EXPECT_EQ(daemon.wait_end(), 0);
}

TEST(DaemonStop, P5_WhatLeftItsGroupIsKilledAtTheEnd) {
    BareDaemon daemon{R"({"name": "w", "exec": ["/bin/sh", "-c", "setsid sleep 1000 & echo up >> @DIR@/ups; exec sleep 1000"]})"};
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(are_up(daemon, 1));
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(workers_of(daemon.socket()).empty());
}

TEST(DaemonStop, HangupWithTheSameConfigurationChangesNothing) {
    BareDaemon daemon{polite("a")};
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(are_up(daemon, 1));
    daemon.signal(SIGHUP);
    EXPECT_TRUE(daemon.logs("reloaded"));
    EXPECT_TRUE(daemon.connect().ping(plenty));
    EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace backplane::integration
