// SPDX-License-Identifier: Apache-2.0
/// The C face over the real daemon: a program in C11, and the example.
#include "tests/integration/daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>

namespace backplane::integration {
namespace {

TEST(CFaceTest, ProgramInC11LinksMonitorsAndIsTold) {  // D-3, D-6, L-9, M-2, T-5, X-3, X-20
    Daemon daemon{R"([{"name": "sleeper", "exec": ["sleep", "1000"]},
                      {"name": "worker", "exec": ["@BIN@/bp_c_face", "worker"], "readiness": "notify", "stderr": "@DIR@/worker.log"},
                      {"name": "tasked", "task": "c-face.task", "backoff": "none"}])"};
    daemon.await_state("sleeper", "running");
    daemon.await_state("worker", "running");
    Process face{{program("bp_c_face")}, {"BACKPLANE_SOCKET=" + daemon.socket()}, daemon.folder() + "/face"};
    const auto run = face.wait();
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.err, "");
    daemon.await("worker", [](const DeviceRow& row) { return row.restarts == 1U && row.state == "running"; });
}

TEST(ExampleTest, MonitorInCSaysWhyItWent) {
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"], "restart": "temporary"}])"};
    const DeviceRow db = daemon.await_state("db", "running");
    Process monitor{{program("backplane-example-monitor-c"), "db"}, {"BACKPLANE_SOCKET=" + daemon.socket()}, daemon.folder() + "/monitor"};
    Client client = daemon.connect();
    ASSERT_TRUE(eventually([&] {
        const auto description = client.describe("db", plenty);
        return description && description->links_total == 1;
    }));
    ASSERT_EQ(::kill(static_cast<pid_t>(*db.pid), SIGKILL), 0);
    const auto run = monitor.wait();
    EXPECT_EQ(run.out, "db went: signal(9)\n");
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(run.code, 0);
}

}  // namespace
}  // namespace backplane::integration
