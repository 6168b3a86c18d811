// SPDX-License-Identifier: Apache-2.0
/// A socket that somebody else listens on and lends us, as a service manager does (sd_listen_fds(3)): used, kept, never removed.
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace backplane::integration {
namespace {

/// The manager's end: listens at `path`, and names its descriptor to the wrapper below.
class Lender {
  public:
    explicit Lender(const std::string& path, int type = SOCK_STREAM) : fd_(::socket(AF_UNIX, type, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << path;
        EXPECT_TRUE(type != SOCK_STREAM || ::listen(fd_, 16) == 0);
    }
    Lender(const Lender&) = delete;
    Lender& operator=(const Lender&) = delete;
    ~Lender() { ::close(fd_); }
    [[nodiscard]] std::string variable() const { return "TEST_LENT=" + std::to_string(fd_); }

  private:
    int fd_;
};

/// Has the daemon called as a service manager would. `edit`: a further line of the wrapper.
void lend(BareDaemon& daemon, const Lender& lender, const std::string& edit = {}) {
    const std::string wrapper = daemon.folder() + "/wrapper";
    std::ofstream{wrapper} << "#!/usr/bin/env python3\nimport os, sys\nos.dup2(int(os.environ.pop('TEST_LENT')), 3)\n"
                           << "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='backplaned.socket')\n"
                           << edit << "\nos.execv('" << program("backplaned") << "', ['backplaned', *sys.argv[1:]])\n";
    ::chmod(wrapper.c_str(), 0755);
    daemon.set_program(wrapper);
    daemon.set_environment(lender.variable());
}

/// The same, to its end, which must come soon.
integration::Run run_lent(BareDaemon& daemon, const Lender& lender, const std::string& edit = {}) {
    lend(daemon, lender, edit);
    Process process{{"/usr/bin/timeout", "20", daemon.folder() + "/wrapper", "--config", daemon.config(), "--socket", daemon.socket()},
                    {lender.variable()},
                    daemon.folder() + "/refused"};
    return process.wait();
}

ino_t inode_of(const std::string& path) {
    struct stat there {};
    return ::lstat(path.c_str(), &there) == 0 ? there.st_ino : 0;
}

TEST(Activation, ALentSocketIsKeptThroughEverythingAndNeverRemoved) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sleep", "1000"]})"};
    const Lender lender{daemon.socket()};
    const ino_t lent = inode_of(daemon.socket());
    lend(daemon, lender);
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto worker = daemon.wait_for(client, "a", "running");
    const auto is_as_before = [&] {
        return client.ping(plenty) && inode_of(daemon.socket()) == lent && Client::connect({.path = daemon.socket()}) &&
               daemon.wait_for(client, "a", "running").pid == worker.pid;
    };
    for (int round = 0; round < 2; ++round) {  // the second daemon is told by the keeper, the third by what the second held
        const pid_t before = daemon.daemon_pid();
        ASSERT_GT(before, 0);
        ASSERT_EQ(::kill(before, SIGKILL), 0);
        EXPECT_TRUE(eventually([&] { return daemon.daemon_pid() > 0 && daemon.daemon_pid() != before; }));
        EXPECT_TRUE(is_as_before()) << "after a crash";
        ASSERT_TRUE(client.upgrade(plenty));
        EXPECT_TRUE(is_as_before()) << "after an upgrade";
    }
    for (const pid_t pid : {daemon.daemon_pid(), static_cast<pid_t>(*worker.pid)}) {
        EXPECT_EQ(read_file("/proc/" + std::to_string(pid) + "/environ").find("LISTEN_"), std::string::npos);
    }
    const pid_t orphan = daemon.daemon_pid();
    ASSERT_GT(orphan, 0);
    daemon.signal(SIGKILL);
    EXPECT_EQ(daemon.wait_end(), 128 + SIGKILL);
    EXPECT_TRUE(eventually([&] { return daemon.daemon_pid() > 0 && daemon.daemon_pid() != orphan; }));
    EXPECT_TRUE(is_as_before()) << "after the keeper's end";
    ASSERT_EQ(::kill(orphan, SIGTERM), 0);  // which is the keeper now
    EXPECT_TRUE(eventually([&] { return workers_of(daemon.socket()).empty() && !std::filesystem::exists(daemon.socket() + ".lock"); }));
    EXPECT_EQ(inode_of(daemon.socket()), lent);
    // The manager lends it again, with those who have connected meanwhile.
    ASSERT_TRUE(daemon.start());
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(inode_of(daemon.socket()), lent);
}

TEST(Activation, ASocketWithAnotherNameIsRefused) {
    BareDaemon daemon;
    const auto refused = run_lent(daemon, Lender{daemon.folder() + "/other"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("lies at " + daemon.folder() + "/other"), std::string::npos) << refused.err;
    EXPECT_FALSE(std::filesystem::exists(daemon.socket() + ".lock"));
}

TEST(Activation, WhatIsNoListeningStreamIsRefusedAndSoAreTwo) {
    BareDaemon daemon;
    const Lender lender{daemon.socket(), SOCK_DGRAM};
    const auto datagrams = run_lent(daemon, lender);
    EXPECT_EQ(datagrams.code, 1);
    EXPECT_NE(datagrams.err.find("no listening stream socket"), std::string::npos) << datagrams.err;
    const auto two = run_lent(daemon, lender, "os.dup2(3, 4); os.environ['LISTEN_FDS'] = '2'");
    EXPECT_EQ(two.code, 1);
    EXPECT_NE(two.err.find("gives 2 sockets"), std::string::npos) << two.err;
}

TEST(Activation, WhatWasMeantForAnotherProcessIsNotTakenAndItsSocketLeftAlone) {
    BareDaemon daemon;
    const Lender lender{daemon.socket()};
    const ino_t lent = inode_of(daemon.socket());
    const auto refused = run_lent(daemon, lender, "os.environ['LISTEN_PID'] = '1'");
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("another program listens there"), std::string::npos) << refused.err;
    EXPECT_EQ(inode_of(daemon.socket()), lent);
}

}  // namespace
}  // namespace backplane::integration
