// SPDX-License-Identifier: Apache-2.0
/// The daemon and the machine: the service manager, output files, rest, and many deaths at once.
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace backplane::integration {
namespace {

/// The service manager's end of NOTIFY_SOCKET.
class FakeManager {
  public:
    explicit FakeManager(std::string address) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un own{};
        own.sun_family = AF_UNIX;
        std::memcpy(own.sun_path, address.data(), address.size());
        if (own.sun_path[0] == '@') {
            own.sun_path[0] = '\0';
        }
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
        EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&own), size), 0);
    }
    FakeManager(const FakeManager&) = delete;
    FakeManager& operator=(const FakeManager&) = delete;
    ~FakeManager() { close(fd_); }

    /// Waits until something with `part` in it was said.
    [[nodiscard]] bool hears(std::string_view part) {
        return eventually([&] {
            std::array<char, 4096> buffer{};
            for (ssize_t size = 0; (size = recv(fd_, buffer.data(), buffer.size(), 0)) > 0;) {
                heard_.append(buffer.data(), static_cast<std::size_t>(size)).append("\n");
            }
            return heard_.find(part) != std::string::npos;
        });
    }
    [[nodiscard]] const std::string& heard() const { return heard_; }

  private:
    int fd_;
    std::string heard_;
};

std::string number_in_status(pid_t pid, const std::string& key) {
    std::istringstream status{read_file("/proc/" + std::to_string(pid) + "/status")};
    for (std::string line; std::getline(status, line);) {
        if (line.rfind(key + ":", 0) == 0) {
            return line.substr(key.size() + 1);
        }
    }
    return {};
}

constexpr const char* sleeper = R"({"name": "w", "exec": ["/bin/sleep", "1000"], "backoff": "none"})";

TEST(DaemonNotify, SaysReadyStatusAndStopping) {
    BareDaemon daemon{sleeper};
    const std::string address = daemon.folder() + "/manager";
    FakeManager manager{address};
    daemon.set_environment("NOTIFY_SOCKET=" + address);
    ASSERT_TRUE(daemon.start());
    EXPECT_TRUE(manager.hears("READY=1"));
    EXPECT_TRUE(manager.hears("STATUS=1 of 1")) << manager.heard();
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(manager.hears("STOPPING=1"));
}

TEST(DaemonNotify, SpeaksToAnAbstractAddressAndIsReadyBeforeASlowWorker) {
    BareDaemon daemon{R"({"name": "w", "exec": ["/bin/sleep", "1000"], "readiness": "notify", "start_timeout": "infinity"})"};
    const std::string address = "@backplane-test-" + std::to_string(getpid());
    FakeManager manager{address};
    daemon.set_environment("NOTIFY_SOCKET=" + address);
    ASSERT_TRUE(daemon.start());
    EXPECT_TRUE(manager.hears("READY=1"));
    Client client = daemon.connect();
    (void)daemon.wait_for(client, "w", "starting");
}

TEST(DaemonNotify, WorkersOwnReadyCounts) {
    if (!std::filesystem::exists("/usr/bin/systemd-notify")) {
        GTEST_SKIP() << "no systemd-notify";
    }
    BareDaemon daemon{
        R"({"name": "w", "exec": ["/bin/sh", "-c", "until [ -e @DIR@/go ]; do sleep 0.02; done; systemd-notify --ready; exec sleep 1000"],)"
        R"( "readiness": "notify", "start_timeout": "60s"})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    (void)daemon.wait_for(client, "w", "starting");
    std::ofstream{daemon.folder() + "/go"} << "";
    (void)daemon.wait_for(client, "w", "running");
}

TEST(DaemonWorkers, OutputGoesToItsFiles) {
    BareDaemon daemon{R"({"name": "w", "exec": ["/bin/sh", "-c", "echo to-out; echo to-err >&2; exec sleep 1000"],)"
                      R"( "stdout": "@DIR@/out", "stderr": "@DIR@/err"})"};
    ASSERT_TRUE(daemon.start());
    EXPECT_TRUE(eventually([&] { return read_file(daemon.folder() + "/err") == "to-err\n"; }));
    EXPECT_EQ(read_file(daemon.folder() + "/out"), "to-out\n");
}

TEST(DaemonWorkers, F5_SpawnFailureNamesStepAndErrno) {
    BareDaemon daemon{R"({"name": "w", "exec": ["/no/such/program"]})"};
    ASSERT_TRUE(daemon.start());
    EXPECT_TRUE(daemon.logs("drop{exec: No such file or directory}")) << daemon.log();
}

TEST(DaemonWorkers, F5_MonitorIsToldOfTheSignal) {
    BareDaemon daemon{sleeper};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const DeviceRow row = daemon.wait_for(client, "w", "running");
    ASSERT_TRUE(row.line && row.pid);
    ASSERT_TRUE(client.device().link_wait(*row.line, LinkMode::monitor, plenty));
    kill(static_cast<pid_t>(*row.pid), SIGKILL);
    const auto message = client.device().next(plenty);
    ASSERT_TRUE(message);
    const auto* notice = std::get_if<Disconnected>(&*message);
    ASSERT_NE(notice, nullptr);
    ASSERT_TRUE(notice->fault);
    EXPECT_EQ(notice->fault->kind, FaultKind::signal);
    EXPECT_EQ(notice->fault->argument, SIGKILL);
    (void)daemon.wait_for(client, "w", "running", *row.pid);
}

TEST(DaemonLoop, IdleMeansIdle) {
    BareDaemon daemon{sleeper};
    const std::string address = daemon.folder() + "/manager";
    FakeManager manager{address};
    daemon.set_environment("NOTIFY_SOCKET=" + address);
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    (void)daemon.wait_for(client, "w", "running");
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    const auto switches = [&] {  // of keeper and daemon
        return number_in_status(daemon.pid(), "voluntary_ctxt_switches") +
               number_in_status(static_cast<pid_t>(info->pid), "voluntary_ctxt_switches");
    };
    // A stretch of a second without a single wake-up must come, since nothing happens.
    EXPECT_TRUE(eventually([&] {
        const std::string before = switches();
        std::this_thread::sleep_for(std::chrono::seconds{1});
        return before == switches();
    })) << switches();
}

/// X-5: its own gap is not held against a worker whose word waits to be read. The gap is as long as the rule says, so this takes its time.
TEST(DaemonLoop, X5_AfterAGapInTheLoopTheWordThatWaitsIsHeardBeforeTheDeadline) {
    BareDaemon daemon{R"({"name": "w", "readiness": "notify", "start_timeout": "3s", "exec": ["python3", "@DIR@/late.py"]})"};
    write_late_worker(daemon.folder());
    ASSERT_TRUE(daemon.start());
    const auto is_there = [&](const char* file) { return eventually([&] { return std::filesystem::exists(daemon.folder() + file); }); };
    ASSERT_TRUE(is_there("/up"));
    const pid_t served = daemon.daemon_pid();
    ASSERT_GT(served, 0);
    ASSERT_EQ(::kill(served, SIGSTOP), 0);
    std::ofstream{daemon.folder() + "/go"};
    EXPECT_TRUE(is_there("/said"));
    std::this_thread::sleep_for(std::chrono::milliseconds{4500});
    ASSERT_EQ(::kill(served, SIGCONT), 0);
    Client client = daemon.connect();
    EXPECT_EQ(daemon.wait_for(client, "w", "running").restarts, 0U);
    EXPECT_EQ(daemon.log().find("child_start_failed"), std::string::npos) << daemon.log();
}

TEST(DaemonLoop, TwoHundredWorkersHalfKilledAtOnceAllComeBackOnce) {
    constexpr std::size_t count = 200;
    std::string children;
    for (std::size_t i = 0; i < count; ++i) {
        children.append(i == 0 ? "" : ", ")
            .append(R"({"name": "w)" + std::to_string(i) + R"(", "exec": ["/bin/sleep", "1000"], "backoff": "none"})");
    }
    BareDaemon daemon{children};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    std::map<std::string, std::int64_t> pids;
    const auto all_run = [&] {
        pids.clear();
        const auto rows = client.list(plenty);
        for (const DeviceRow& row : rows ? *rows : std::vector<DeviceRow>{}) {
            if (row.kind == "process" && row.state == "running" && row.pid) {
                pids[*row.name] = *row.pid;
            }
        }
        return pids.size() == count;
    };
    ASSERT_TRUE(eventually(all_run));
    const std::map<std::string, std::int64_t> before = pids;
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    const auto parent = static_cast<pid_t>(info->pid);
    const std::size_t descriptors = open_descriptors(parent);
    std::size_t i = 0;
    for (const auto& [name, pid] : before) {
        if (i++ % 2 == 0) {
            kill(static_cast<pid_t>(pid), SIGKILL);
        }
    }
    std::size_t renewed = 0;
    EXPECT_TRUE(eventually([&] {
        if (!all_run()) {
            return false;
        }
        renewed = 0;
        for (const auto& [name, pid] : before) {
            renewed += pids[name] != pid ? 1U : 0U;
        }
        return renewed == count / 2;
    })) << renewed;
    EXPECT_EQ(children_of(parent).size(), count) << "a worker runs twice, or not at all";
    EXPECT_TRUE(eventually([&] { return open_descriptors(parent) <= descriptors; })) << open_descriptors(parent) << " of " << descriptors;
    for (const pid_t child : children_of(parent)) {
        EXPECT_NE(process_state(child), 'Z') << child;
    }
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(workers_of(daemon.socket()).empty());
}

}  // namespace
}  // namespace backplane::integration
