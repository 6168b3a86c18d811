// SPDX-License-Identifier: Apache-2.0
/// The keeper as process 1 of a container: of a PID namespace, where one can be made. Whatever becomes nobody's child is its to reap.
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

namespace backplane::integration {
namespace {

constexpr const char* orphans = R"({"name": "plain", "exec": ["sleep", "1000"]},
    {"name": "parent", "exec": ["sh", "-c", "while :; do (setsid sleep 0.01 &); sleep 0.02; done"]})";

/// How `unshare` makes a PID namespace here; empty: it cannot.
std::string namespace_words() {
    for (const char* words :
         {"unshare --pid --fork --kill-child --mount-proc", "unshare --user --map-root-user --pid --fork --kill-child --mount-proc"}) {
        if (std::system((std::string{words} + " true 2> /dev/null").c_str()) == 0) {
            return words;
        }
    }
    return {};
}

bool has_zombies(pid_t parent) {
    const auto children = children_of(parent);
    return std::any_of(children.begin(), children.end(), [](pid_t child) { return process_state(child) == 'Z'; });
}

TEST(Init, TheKeeperIsProcessOneAndReapsWhatIsNobodys) {
    const std::string words = namespace_words();
    if (words.empty()) {
        GTEST_SKIP() << "no PID namespace can be made here";
    }
    BareDaemon daemon{orphans};
    const std::string starter = daemon.folder() + "/start";
    std::ofstream{starter} << "#!/bin/sh\nexec " << words << " " << program("backplaned") << " \"$@\"\n";
    ASSERT_EQ(::chmod(starter.c_str(), 0755), 0);
    daemon.set_program(starter);
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto plain = daemon.wait_for(client, "plain", "running").pid;
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->keeper_pid, 1);
    const auto below = children_of(daemon.pid());
    ASSERT_EQ(below.size(), 1U);
    const pid_t keeper = below.front();  // as it is called outside
    const auto served_by = [&] {
        const auto children = children_of(keeper);
        const auto found = std::find_if(children.begin(), children.end(), [](pid_t child) {
            return read_file("/proc/" + std::to_string(child) + "/cmdline").find("--kept-by") != std::string::npos;
        });
        return found == children.end() ? pid_t{0} : *found;
    };
    EXPECT_TRUE(eventually([&] { return !has_zombies(keeper) && !has_zombies(served_by()); }));
    const pid_t served = served_by();
    ASSERT_GT(served, 0);
    ASSERT_EQ(::kill(served, SIGKILL), 0);  // what it had adopted is the keeper's now
    ASSERT_TRUE(client.ping(plenty));
    EXPECT_EQ(daemon.wait_for(client, "plain", "running").pid, plain);
    for (int look = 0; look < 20; ++look) {
        EXPECT_TRUE(eventually([&] { return !has_zombies(keeper) && !has_zombies(served_by()); }));
    }
    ASSERT_EQ(::kill(keeper, SIGTERM), 0);
    EXPECT_EQ(daemon.wait_end(), 0);
    EXPECT_TRUE(workers_of(daemon.socket()).empty());
}

}  // namespace
}  // namespace backplane::integration
