// SPDX-License-Identifier: Apache-2.0
/// Clients that die, crowd or misbehave: who does so is cut, nobody else notices (threats: clients; rules T-6, T-8, T-11).
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

namespace backplane::integration {
namespace {

/// A connection that speaks no protocol. Closes itself.
class RawConnection {
  public:
    explicit RawConnection(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, path.data(), path.size());
        is_connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    }
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;
    ~RawConnection() { close(fd_); }

    [[nodiscard]] bool is_connected() const { return is_connected_; }
    void say(std::string_view bytes) const { (void)send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    /// Reads until the daemon closes it; false where it does not.
    [[nodiscard]] bool is_cut() const {
        return eventually([this] {
            std::array<char, 4096> buffer{};
            const ssize_t size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
            return size == 0 || (size < 0 && errno == ECONNRESET);
        });
    }

  private:
    int fd_;
    bool is_connected_ = false;
};

/// User and system time of a process, in clock ticks.
long cpu_ticks(pid_t pid) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    std::istringstream rest{stat.substr(stat.rfind(')') + 2)};
    std::vector<std::string> fields;
    for (std::string field; rest >> field;) {
        fields.push_back(field);
    }
    return fields.size() > 12 ? std::atol(fields[11].c_str()) + std::atol(fields[12].c_str()) : 0;
}

/// A process with a Device, whose line it wrote to `line_to`, and a child that holds the same socket. Dies by `kill`.
[[noreturn]] void be_client_with_child(const BareDaemon& daemon, int line_to) {
    ConnectOptions options;
    options.path = daemon.socket();
    auto client = Client::connect(options);
    if (!client || !client->device().line() || !client->ping()) {
        _exit(1);
    }
    const pid_t holder = fork();
    if (holder == 0) {
        close(line_to);
        for (;;) {
            pause();
        }
    }
    const std::string said = std::to_string(holder) + " " + client->device().line().text() + "\n";
    (void)!write(line_to, said.data(), said.size());
    close(line_to);
    for (;;) {
        pause();
    }
}

TEST(DaemonClients, T8_DeathIsSeenAlthoughAForkedChildHoldsTheSocket) {
    BareDaemon daemon;
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    for (const std::string& weaker : info->weaker) {
        if (weaker.rfind("T-8", 0) == 0) {
            GTEST_SKIP() << weaker;
        }
    }
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t victim = fork();
    if (victim == 0) {
        close(ends[0]);
        be_client_with_child(daemon, ends[1]);
    }
    close(ends[1]);
    std::string said;
    std::array<char, 256> buffer{};
    for (ssize_t size = 0; (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
        said.append(buffer.data(), static_cast<std::size_t>(size));
    }
    close(ends[0]);
    const std::size_t space = said.find(' ');
    ASSERT_NE(space, std::string::npos);
    const pid_t holder = std::atoi(said.c_str());
    const auto line = Line::parse(said.substr(space + 1, said.size() - space - 2));
    ASSERT_TRUE(line) << said;
    ASSERT_TRUE(client.device().link_wait(*line, LinkMode::monitor, plenty));
    kill(victim, SIGKILL);
    const auto message = client.device().next(plenty);
    EXPECT_TRUE(message && std::holds_alternative<Disconnected>(*message) && std::get<Disconnected>(*message).device == *line);
    EXPECT_EQ(kill(holder, 0), 0) << "the other holder was to live on";
    kill(holder, SIGKILL);
    waitpid(victim, nullptr, 0);
}

TEST(DaemonClients, StormAtTheDescriptorLimitNeitherKillsNorSpins) {
    BareDaemon daemon{R"({"name": "w", "exec": ["/bin/sleep", "1000"], "backoff": "none"})"};
    daemon.set_open_files(96);
    ASSERT_TRUE(daemon.start());
    Client witness = daemon.connect();
    const DeviceRow row = daemon.wait_for(witness, "w", "running");
    const pid_t served = daemon.daemon_pid();
    ASSERT_TRUE(row.pid && served > 0);
    std::vector<std::unique_ptr<RawConnection>> storm;
    for (int i = 0; i < 300; ++i) {
        storm.push_back(std::make_unique<RawConnection>(daemon.socket()));
        EXPECT_TRUE(storm.back()->is_connected()) << i;
    }
    ASSERT_TRUE(daemon.logs("out of descriptors")) << daemon.log();
    // Descriptors are set aside: workers come back, and whoever was there before is served.
    kill(static_cast<pid_t>(*row.pid), SIGKILL);
    (void)daemon.wait_for(witness, "w", "running", *row.pid);
    const long before = cpu_ticks(served);
    const auto begin = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    const auto window = std::chrono::steady_clock::now() - begin;
    const double used = static_cast<double>(cpu_ticks(served) - before) / static_cast<double>(sysconf(_SC_CLK_TCK));
    EXPECT_LT(used, 0.5 * std::chrono::duration<double>(window).count()) << "a loop that spins uses all of it";
    storm.clear();
    EXPECT_TRUE(daemon.connect().ping(plenty));
}

TEST(DaemonClients, T11_NoiseIsCutAndDisturbsNobody) {
    BareDaemon daemon;
    ASSERT_TRUE(daemon.start());
    Client witness = daemon.connect();
    for (const std::string& noise :
         {std::string(64, '\xff'), std::string{"GET / HTTP/1.1\r\n\r\n"}, std::string(8, '\0'), std::string(200'000, 'x')}) {
        const RawConnection stranger{daemon.socket()};
        stranger.say(noise);
        EXPECT_TRUE(stranger.is_cut());
        EXPECT_TRUE(witness.ping(plenty));
    }
}

TEST(DaemonClients, ConnectionsLeaveNoDescriptorBehind) {
    BareDaemon daemon;
    ASSERT_TRUE(daemon.start());
    Client witness = daemon.connect();
    ASSERT_TRUE(witness.ping(plenty));
    const auto info = witness.daemon_info(plenty);
    ASSERT_TRUE(info);
    const auto served = static_cast<pid_t>(info->pid);
    const std::size_t before = open_descriptors(served);
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(daemon.connect().ping(plenty));
    }
    EXPECT_TRUE(eventually([&] { return open_descriptors(served) <= before; })) << open_descriptors(served) << " of " << before;
}

}  // namespace
}  // namespace backplane::integration
