// SPDX-License-Identifier: Apache-2.0
/// The socket's place: one daemon for each, nothing of others touched (threats: two daemons, symlink or foreign file).
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace backplane::integration {
namespace {

TEST(DaemonSocket, SecondDaemonNamesTheHolderAndLeavesTheFirstAlone) {
    BareDaemon daemon;
    ASSERT_TRUE(daemon.start());
    const auto second = daemon.run_beside();
    EXPECT_EQ(second.code, 1);
    EXPECT_NE(second.err.find("pid " + std::to_string(daemon.pid())), std::string::npos) << second.err;
    EXPECT_TRUE(daemon.connect().ping(plenty));
}

TEST(DaemonSocket, SymbolicLinkAtThePathIsNeitherFollowedNorRemoved) {
    BareDaemon daemon;
    const std::string target = daemon.folder() + "/target";
    std::ofstream{target} << "mine";
    ASSERT_EQ(symlink(target.c_str(), daemon.socket().c_str()), 0);
    const auto refused = daemon.run_beside();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("a symbolic link"), std::string::npos) << refused.err;
    EXPECT_TRUE(std::filesystem::is_symlink(daemon.socket()));
    EXPECT_EQ(read_file(target), "mine");
}

TEST(DaemonSocket, SymbolicLinkAtTheLockIsNotFollowed) {
    BareDaemon daemon;
    const std::string target = daemon.folder() + "/target";
    std::ofstream{target} << "mine";
    ASSERT_EQ(symlink(target.c_str(), (daemon.socket() + ".lock").c_str()), 0);
    EXPECT_EQ(daemon.run_beside().code, 1);
    EXPECT_EQ(read_file(target), "mine");
}

TEST(DaemonSocket, ForeignFileAtThePathStays) {
    BareDaemon daemon;
    std::ofstream{daemon.socket()} << "mine";
    const auto refused = daemon.run_beside();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("a file lies there"), std::string::npos) << refused.err;
    EXPECT_EQ(read_file(daemon.socket()), "mine");
}

TEST(DaemonSocket, SocketOfAKilledDaemonGivesWay) {
    BareDaemon daemon;
    ASSERT_TRUE(daemon.start());
    daemon.kill_service();
    ASSERT_TRUE(std::filesystem::exists(daemon.socket()));
    ASSERT_TRUE(daemon.start());
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(DaemonSocket, IsPrivateAndGoneAtTheEndWithAllThatLayBesideIt) {
    BareDaemon daemon{R"({"name": "w", "exec": ["/bin/sh", "-c", "exec sleep 1000"], "readiness": "notify", "start_timeout": "60s"})"};
    ASSERT_TRUE(daemon.start());
    struct stat info {};
    ASSERT_EQ(lstat(daemon.socket().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(daemon.socket() + ".notify"); }));
    EXPECT_EQ(daemon.stop(), 0);
    for (const auto& entry : std::filesystem::directory_iterator{daemon.folder()}) {
        EXPECT_NE(entry.path().filename().string().rfind("s", 0), 0U) << entry.path();
    }
}

TEST(DaemonSocket, FolderIsMadeWhereItIsMissingButNotItsParents) {
    BareDaemon daemon;
    const std::string socket = daemon.folder() + "/new/s";
    Process other{{program("backplaned"), "--config", daemon.config(), "--socket", socket}, {}, daemon.folder() + "/other"};
    EXPECT_TRUE(eventually([&] { return Client::connect({.path = socket}).has_value(); }));
    struct stat info {};
    ASSERT_EQ(stat((daemon.folder() + "/new").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, geteuid() == 0 ? 0755U : 0700U);
    other.signal(SIGTERM);
    EXPECT_EQ(other.wait().code, 0);
    const auto refused = daemon.run_beside(daemon.folder() + "/no/such/s");
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find(daemon.folder() + "/no/such"), std::string::npos) << refused.err;
}

TEST(DaemonConfig, BadConfigurationStartsNothingAndNamesThePlace) {
    BareDaemon daemon;
    std::ofstream{daemon.config()} << "{\n  \"supervisor\": {\"stratgy\": \"one_for_one\"}}\n";
    const auto refused = daemon.run_beside();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find(daemon.config() + ":2:"), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find("strategy"), std::string::npos) << refused.err;
    EXPECT_FALSE(std::filesystem::exists(daemon.socket()));
}

TEST(DaemonConfig, CheckSaysWhetherItIsGood) {
    BareDaemon daemon{R"({"name": "w", "exec": ["/bin/true"]})"};
    const auto good = daemon.run({"--check-config", daemon.config()});
    EXPECT_EQ(good.code, 0);
    EXPECT_NE(good.out.find("1 child"), std::string::npos) << good.out;
    std::ofstream{daemon.config()} << "{";
    EXPECT_EQ(daemon.run({"--check-config", daemon.config()}).code, 1);
    EXPECT_EQ(daemon.run({"--check-config", daemon.folder() + "/none"}).code, 1);
    EXPECT_EQ(daemon.run({"--no-such"}).code, 2);
}

TEST(DaemonConfig, FilesBesideItJoinTheRootAndGoFromDaemonToDaemon) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sleep", "1000"]})"};
    const std::string part = daemon.folder() + "/conf.d/10.json";
    std::filesystem::create_directory(daemon.folder() + "/conf.d");
    std::ofstream{part} << R"({"children": [{"name": "b@1..2", "exec": ["sleep", "1000"]}]})";
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const DeviceRow before = daemon.wait_for(client, "b@2", "running");
    // Read once: what becomes of the file is nothing to the next daemon.
    std::ofstream{part} << "{";
    ASSERT_TRUE(daemon.kill_daemon());
    ASSERT_TRUE(client.ping(plenty));
    EXPECT_EQ(daemon.wait_for(client, "b@2", "running").pid, before.pid);
    EXPECT_EQ(daemon.stop(), 0);

    const auto checked = daemon.run({"--check-config", daemon.config()});
    EXPECT_EQ(checked.code, 1);
    EXPECT_EQ(checked.err.rfind(part + ":1:2: not JSON", 0), 0U) << checked.err;
    const auto refused = daemon.run_beside();
    EXPECT_EQ(refused.code, 1);
    EXPECT_EQ(refused.err, checked.err);
}

TEST(DaemonConfig, SchemaIsPrinted) {
    const auto printed = BareDaemon{}.run({"--print-schema"});
    EXPECT_EQ(printed.code, 0);
    EXPECT_NE(printed.out.find("https://json-schema.org/draft/2020-12/schema"), std::string::npos);
    EXPECT_TRUE(printed.out.ends_with("}\n"));
}

}  // namespace
}  // namespace backplane::integration
