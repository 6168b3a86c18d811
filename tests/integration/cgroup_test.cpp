// SPDX-License-Identifier: Apache-2.0
/// The daemon in a cgroup that is its own: workers in cgroups of theirs, through a crash and until the stop (X-11, X-12, P-5).
#include "tests/integration/daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace backplane::integration {
namespace {

/// Where the cgroup v2 hierarchy is and where in it we are; empty where there is none.
std::string own_cgroup() {
    std::string mount;
    std::istringstream mounts{read_file("/proc/self/mounts")};
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields{line};
        std::string device;
        std::string where;
        std::string kind;
        fields >> device >> where >> kind;
        mount = kind == "cgroup2" ? where : mount;
    }
    const std::string own = read_file("/proc/self/cgroup");
    const std::size_t at = own.find("0::");
    return mount.empty() || at == std::string::npos ? "" : mount + own.substr(at + 3, own.find('\n', at) - at - 3);
}

class CgroupTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::string home = own_cgroup();
        if (home.empty()) {
            GTEST_SKIP() << "there is no cgroup v2";
        }
        base_ = home + "/backplane-test-" + std::to_string(getpid());
        if (mkdir(base_.c_str(), 0755) != 0) {
            const std::string why = base_ + ": " + std::strerror(errno);
            base_.clear();
            GTEST_SKIP() << "no cgroup is delegated to this test: " << why;
        }
        std::string pattern = std::filesystem::temp_directory_path() / "backplane-cgroup-XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    void TearDown() override {
        if (base_.empty()) {
            return;
        }
        if (HasFailure()) {
            std::cerr << read_file(folder_ + "/daemon.err");
        }
        daemon_ = Process{};
        EXPECT_TRUE(eventually([this] { return rmdir(base_.c_str()) == 0; })) << base_ << ": " << std::strerror(errno);
        std::filesystem::remove_all(folder_);
    }

    void start(const std::string& children) {
        std::ofstream{folder_ + "/config.json"} << "{\"supervisor\": {\"children\": " << children << "}}";
        const std::string script = "echo $$ > " + base_ + "/cgroup.procs && exec " + program("backplaned") + " --config " + folder_ +
                                   "/config.json --socket " + socket();
        daemon_ = Process{{"/bin/sh", "-c", script}, {}, folder_ + "/daemon"};
        ASSERT_TRUE(eventually([this] { return Client::connect({.path = socket()}).has_value(); })) << read_file(folder_ + "/daemon.err");
    }
    [[nodiscard]] std::string socket() const { return folder_ + "/s"; }
    Client connect() {
        auto client = Client::connect({.path = socket(), .name = "test", .within = plenty});
        EXPECT_TRUE(client);
        return std::move(*client);
    }
    /// The pid of a child that runs.
    std::int64_t pid_of(const std::string& name) {
        Client client = connect();
        std::int64_t pid = 0;
        EXPECT_TRUE(eventually([&] {
            const auto description = client.describe(name, plenty);
            pid = description && description->row.state == "running" ? description->row.pid.value_or(0) : 0;
            return pid != 0;
        }));
        return pid;
    }
    static std::string cgroup_of(std::int64_t pid) { return read_file("/proc/" + std::to_string(pid) + "/cgroup"); }
    [[nodiscard]] std::size_t workers() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{base_}) {
            count += entry.path().filename().string().starts_with("worker-") ? 1U : 0U;
        }
        return count;
    }

    std::string base_;
    std::string folder_;
    Process daemon_;
};

TEST_F(CgroupTest, X11_AProcessThatLeftItsSessionGoesWithItsWorkerAndTheStopLeavesNone) {
    start(R"([{"name": "w", "exec": ["sh", "-c", "setsid sh -c 'echo $$ >> )" + folder_ +
          R"(/left; exec sleep 1000' & exec sleep 1000"], "backoff": "none", "shutdown": "brutal_kill"}])");
    Client client = connect();
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->containment, "cgroup");
    const std::int64_t worker = pid_of("w");
    EXPECT_NE(cgroup_of(worker).find("/worker-"), std::string::npos) << cgroup_of(worker);
    ASSERT_TRUE(eventually([this] { return read_file(folder_ + "/left").ends_with("\n"); }));
    const pid_t left = std::atoi(read_file(folder_ + "/left").c_str());
    ASSERT_EQ(::kill(static_cast<pid_t>(worker), SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return pid_of("w") != worker; }));
    EXPECT_NE(::kill(left, 0), 0) << "it lives beside the worker's next run (P-4)";
    EXPECT_EQ(workers(), 1U);
    daemon_.signal(SIGTERM);
    EXPECT_EQ(daemon_.wait().code, 0);
    EXPECT_EQ(workers(), 0U);
    EXPECT_FALSE(std::filesystem::exists(base_ + "/backplaned.self"));
}

TEST_F(CgroupTest, X12_WorkersAreInTheirCgroupsThroughACrash) {
    start(R"([{"name": "w", "exec": ["sleep", "1000"], "backoff": "none"}])");
    const std::int64_t worker = pid_of("w");
    const std::string there = cgroup_of(worker);
    pid_t dead = 0;
    {
        Client client = connect();
        const auto info = client.daemon_info(plenty);
        ASSERT_TRUE(info);
        dead = static_cast<pid_t>(info->pid);
    }
    ASSERT_EQ(::kill(dead, SIGKILL), 0);
    EXPECT_TRUE(eventually([&] {
        auto client = Client::connect({.path = socket(), .name = "test", .within = plenty});
        const auto info = client ? client->daemon_info(plenty) : unexpected(ErrorCode::link_down, "");
        return info && info->pid != dead && info->containment == "cgroup";
    }));
    EXPECT_EQ(pid_of("w"), worker);
    EXPECT_EQ(cgroup_of(worker), there);
    EXPECT_EQ(workers(), 1U);
    ASSERT_EQ(::kill(static_cast<pid_t>(worker), SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return pid_of("w") != worker; }));
    EXPECT_EQ(workers(), 1U) << "the adopted one's cgroup is left";
    daemon_.signal(SIGTERM);
    EXPECT_EQ(daemon_.wait().code, 0);
    EXPECT_EQ(workers(), 0U);
}

TEST(Containment, WithoutACgroupItIsTheGroupAndTheReasonIsTold) {
    Daemon daemon;
    Client client = daemon.connect();
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    if (info->containment == "cgroup") {
        GTEST_SKIP() << "the tests run in a cgroup that the daemon takes for its own";
    }
    EXPECT_EQ(info->containment, "group");
    const bool is_told = std::any_of(info->weaker.begin(), info->weaker.end(), [](const auto& words) { return words.starts_with("X-11"); });
    EXPECT_TRUE(is_told);
}

}  // namespace
}  // namespace backplane::integration
