// SPDX-License-Identifier: Apache-2.0
/// The running program is replaced in place, or leaves its workers to the next start (idea 5, decision 27).
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace backplane::integration {
namespace {

constexpr const char* workers = R"({"name": "plain", "exec": ["sleep", "1000"]},
    {"name": "speaks", "exec": ["@BIN@/bp_test_worker", "ready"], "readiness": "notify", "start_timeout": "60s"},
    {"name": "fails", "exec": ["sh", "-c", "sleep 0.05; exit 3"], "backoff": {"initial": "1ms", "max": "5ms"}})";

std::string fault_of_next(Device& device) {
    const auto message = device.next(plenty);
    const auto* gone = message ? std::get_if<Disconnected>(&*message) : nullptr;
    return gone == nullptr ? "no notice" : gone->fault ? fault_text(*gone->fault, gone->device.epoch()) : "none";
}

/// Whether the client's connection was never lost.
bool stayed(Client& client) {
    while (const auto event = client.try_event()) {
        if (std::holds_alternative<Resumed>(*event) || std::holds_alternative<ConnectionLost>(*event)) {
            return false;
        }
    }
    return !client.ended();
}

TEST(Upgrade, NoSessionIsLostUnderLoad) {
    BareDaemon daemon{workers};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    Client victim = daemon.connect();
    const auto speaks = daemon.wait_for(client, "speaks", "running");
    const auto plain = daemon.wait_for(client, "plain", "running");
    const pid_t served = daemon.daemon_pid();
    ASSERT_GT(served, 0);
    for (int round = 0; round < 20; ++round) {
        auto target = victim.open_device();
        ASSERT_TRUE(target && victim.ping(plenty));
        ASSERT_TRUE(client.device().link(target->line(), LinkMode::monitor) && client.flush());
        ASSERT_TRUE(round % 2 == 0 ? static_cast<bool>(client.upgrade(plenty)) : ::kill(daemon.pid(), SIGUSR2) == 0);
        target->disconnect(Fault::error("round " + std::to_string(round)));
        ASSERT_TRUE(victim.flush());
        EXPECT_EQ(fault_of_next(client.device()), "error{round " + std::to_string(round) + "}");
    }
    EXPECT_TRUE(stayed(client) && stayed(victim));
    EXPECT_EQ(daemon.daemon_pid(), served) << "the process is the same";
    EXPECT_EQ(daemon.wait_for(client, "plain", "running").pid, plain.pid);
    EXPECT_EQ(daemon.wait_for(client, "speaks", "running").pid, speaks.pid);
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->daemon_restarts, 0U);
    // And a crash afterwards is one like any other.
    ASSERT_EQ(::kill(served, SIGKILL), 0);
    ASSERT_TRUE(client.ping(plenty));
    EXPECT_EQ(daemon.wait_for(client, "plain", "running").pid, plain.pid);
}

TEST(Upgrade, OpenCallsAndSubscriptionsGoAlong) {
    BareDaemon daemon{
        R"({"name": "slow", "shutdown": "60s", "exec": ["sh", "-c",
               "trap 'until [ -e @DIR@/go ]; do sleep 0.02; done; exit 0' TERM; echo up > @DIR@/up; while :; do sleep 0.05; done"]})"};
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(daemon.folder() + "/up"); }));
    Client client = daemon.connect();
    ASSERT_TRUE(client.subscribe({}, {}, plenty));
    std::string stopped;
    std::thread waits{[&] {
        Client other = daemon.connect();
        const auto done = other.stop("slow", WaitFor::done, plenty);
        stopped = done ? *done : done.error().text();
    }};
    EXPECT_TRUE(daemon.logs("child_stopping slow"));
    EXPECT_TRUE(client.upgrade(plenty));
    std::ofstream{daemon.folder() + "/go"};
    waits.join();
    EXPECT_EQ(stopped, "slow");
    bool told = false;
    EXPECT_TRUE(eventually([&] {
        static_cast<void>(client.wait(Within{Duration::milliseconds(10)}));
        while (const auto event = client.try_event()) {
            const auto* log = std::get_if<LogEvent>(&*event);
            told = told || (log != nullptr && log->event == "child_down");
        }
        return told;
    }));
}

TEST(Upgrade, AProgramThatCannotTakeOverIsRefusedAndNothingHappens) {
    BareDaemon daemon{workers};
    const std::string copy = daemon.folder() + "/backplaned";
    std::filesystem::copy_file(program("backplaned"), copy);
    daemon.set_program(copy);
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const pid_t served = daemon.daemon_pid();
    ASSERT_GT(served, 0);
    std::filesystem::remove(copy);
    std::ofstream{copy} << "#!/bin/sh\necho 'takes nothing over'\n";
    ::chmod(copy.c_str(), 0755);
    const auto refused = client.upgrade(plenty);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::not_supported);
    EXPECT_NE(refused.error().detail.find("takes nothing over"), std::string::npos) << refused.error().detail;
    EXPECT_TRUE(client.ping(plenty));
    EXPECT_EQ(daemon.daemon_pid(), served);
    // What a package manager does: another file in the place of the one that runs.
    std::filesystem::remove(copy);
    EXPECT_FALSE(client.upgrade(plenty));
    std::filesystem::copy_file(program("backplaned"), copy);
    EXPECT_TRUE(client.upgrade(plenty));
    EXPECT_TRUE(stayed(client));
}

TEST(Detach, WorkersRunOnAndTheNextStartAdoptsThem) {
    BareDaemon daemon{R"({"name": "plain", "exec": ["sleep", "1000"]}, {"name": "other", "exec": ["sleep", "1000"], "backoff": "none"})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto plain = daemon.wait_for(client, "plain", "running");
    const auto other = daemon.wait_for(client, "other", "running");
    ASSERT_TRUE(client.device().link_wait(*other.line, LinkMode::monitor, plenty));
    ASSERT_TRUE(client.detach(plenty));
    EXPECT_EQ(daemon.wait_end(), 0);
    EXPECT_EQ(::kill(static_cast<pid_t>(*plain.pid), 0), 0);
    ASSERT_TRUE(daemon.start());
    EXPECT_EQ(daemon.wait_for(client, "plain", "running").pid, plain.pid);  // the session went on, too
    ASSERT_EQ(::kill(static_cast<pid_t>(*other.pid), SIGKILL), 0);
    EXPECT_EQ(fault_of_next(client.device()), "unreachable{unknown}");  // nobody is its parent any more who could ask how
    EXPECT_NE(daemon.wait_for(client, "other", "running", *other.pid).pid, other.pid);
}

}  // namespace
}  // namespace backplane::integration
