// SPDX-License-Identifier: Apache-2.0
/// Supervised workers that adopt their own Device over the socket that they inherit (rule T-9).
#include "tests/integration/daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <fstream>

namespace backplane::integration {
namespace {

std::string fault_of(Device& device) {
    const auto message = device.next(plenty);
    if (!message || !std::holds_alternative<Disconnected>(*message)) {
        return message ? "a shutdown request" : message.error().text();
    }
    const auto& gone = std::get<Disconnected>(*message);
    return gone.fault ? fault_text(*gone.fault, gone.device.epoch()) : "none";
}

TEST(WorkerTest, ReadyByTheLibraryStartsTheNext) {  // X-3, S-5
    Daemon daemon{R"([{"name": "w", "exec": ["@BIN@/bp_test_worker", "ready"], "readiness": "notify", "start_timeout": "60s"},
                      {"name": "after", "exec": ["sleep", "1000"]}])"};
    daemon.await_state("after", "running");
    daemon.await_state("w", "running");
}

TEST(WorkerTest, NeverReadyIsATimeout) {  // S-10, F-5
    Daemon daemon{
        R"([{"name": "w", "exec": ["sleep", "1000"], "readiness": "notify", "start_timeout": "50ms", "shutdown": "brutal_kill"}])",
        R"("intensity": 0, )"};
    const DeviceRow root = daemon.await_state("/", "down");
    EXPECT_EQ(root.fault.value_or("").substr(0, 14), "error{gave_up}");
}

TEST(WorkerTest, ShutdownRequestIsHeededAndMeansACleanEnd) {  // M-2, S-37
    Daemon daemon{R"([{"name": "w", "exec": ["@BIN@/bp_test_worker", "ready"],
                       "readiness": "notify", "start_timeout": "60s", "restart": "transient"}])"};
    const DeviceRow row = daemon.await_state("w", "running");
    Client client = daemon.connect();
    ASSERT_TRUE(client.device().link_wait(*row.line, LinkMode::monitor, plenty));
    ASSERT_TRUE(client.device().request_shutdown(*row.line));
    EXPECT_EQ(fault_of(client.device()), "none");
    daemon.await_state("w", "down");
}

TEST(WorkerTest, ExplicitFaultIsToldAtOnceAndTheProcessIsStopped) {  // T-9, D-4
    Daemon daemon{R"([{"name": "w", "exec": ["@BIN@/bp_test_worker", "fault"], "restart": "temporary", "shutdown": "100ms"}])"};
    Client client = daemon.connect();
    // Told as soon as it is linked, or by the recorded fault if it had gone before.
    const auto line = client.lookup("w", plenty);
    if (line) {
        ASSERT_TRUE(client.device().link(*line, LinkMode::monitor));
        EXPECT_EQ(fault_of(client.device()), "error{out of disk}");
    }
    EXPECT_TRUE(eventually([&] { return !client.describe("w", plenty); })) << "temporary, and gone";
}

TEST(WorkerTest, SilentWorkerIsJudgedByItsExitAlone) {  // T-9, F-5
    Daemon daemon{
        R"([{"name": "w", "exec": ["sh", "-c", "until rm @DIR@/go 2>/dev/null; do sleep 0.02; done; exit 3"], "restart": "transient",
                       "backoff": "none"}])"};
    const DeviceRow row = daemon.await_state("w", "running");
    Client client = daemon.connect();
    ASSERT_TRUE(client.device().link_wait(*row.line, LinkMode::monitor, plenty));
    std::ofstream{daemon.folder() + "/go"};
    EXPECT_EQ(fault_of(client.device()), "exit(3)");
}

TEST(WorkerTest, ManagedRunCascadesAndBothComeBack) {  // W-2, W-7, S-29, F-2
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"], "backoff": "none"},
                      {"name": "cache", "exec": ["@BIN@/bp_test_worker", "depend", "db"],
                       "readiness": "notify", "start_timeout": "60s", "backoff": "none"}])",
                  R"("period": "10m", )"};
    const DeviceRow db = daemon.await_state("db", "running");
    const DeviceRow cache = daemon.await_state("cache", "running");
    Client client = daemon.connect();
    ASSERT_TRUE(client.device().link_wait(*cache.line, LinkMode::monitor, plenty));
    ASSERT_EQ(::kill(static_cast<pid_t>(*db.pid), SIGKILL), 0);
    EXPECT_EQ(fault_of(client.device()), "cascade(" + db.line->text() + ")");
    daemon.await_restart(db);
    daemon.await_restart(cache);
    const auto root = client.describe("/", plenty);
    ASSERT_TRUE(root);
    EXPECT_EQ(root->window_used, 1U) << "one death and what follows from it is one restart event";
}

TEST(WorkerTest, KilledWorkerTakesNothingOfItsSocketAlong) {  // T-9: the exit, not the socket's end, gives the fault
    Daemon daemon{R"([{"name": "w", "exec": ["@BIN@/bp_test_worker", "ready"],
                       "readiness": "notify", "start_timeout": "60s", "backoff": "none"}])"};
    Client client = daemon.connect();
    DeviceRow row = daemon.await_state("w", "running");
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(client.device().link_wait(*row.line, LinkMode::monitor, plenty));
        ASSERT_EQ(::kill(static_cast<pid_t>(*row.pid), SIGQUIT), 0);  // not SIGSEGV, which a sanitizer turns into an exit
        EXPECT_EQ(fault_of(client.device()).substr(0, 9), "signal(3)");
        row = daemon.await_restart(row);
    }
}

}  // namespace
}  // namespace backplane::integration
