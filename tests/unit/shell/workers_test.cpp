// SPDX-License-Identifier: Apache-2.0
/// Starts by the exec helper and readiness by probe (decision 17, X-3, F-5).
#include "tests/unit/shell/workers_fixture.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

namespace backplane::shell {
namespace {

class WorkersTest : public WorkersFixture {};

TEST_F(WorkersTest, D17_AStartByTheHelperIsToldWhenItIsKnown) {
    core::ChildSpec spec = child("w", {"sleep", "1000"});
    spec.launch.credentials.user = std::to_string(geteuid());
    boot({spec});
    EXPECT_FALSE(is("w", ChildState::running));
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::running); }));
    EXPECT_TRUE(workers_->is_settled());
    EXPECT_EQ(workers_->next_look(), Instant::never());
    EXPECT_GT(view("w").pid, 0);
    kill(view("w").pid, SIGKILL);
    EXPECT_TRUE(ticks_until([&] { return host_.occupied() == 0; }));
}

TEST_F(WorkersTest, F5_AFailureBehindTheHelperNamesItsStep) {
    core::ChildSpec spec = child("w", {"/no/such/program"});
    spec.restart = core::RestartType::permanent;
    spec.backoff.initial = Duration::seconds(1000);
    spec.backoff.max = Duration::seconds(1000);
    spec.launch.credentials.user = std::to_string(geteuid());
    boot({spec});
    EXPECT_TRUE(ticks_until([&] { return view("w").failures > 0 && workers_->is_settled(); }));
    EXPECT_EQ(fault_of("w"), "exec: No such file or directory");
    EXPECT_EQ(host_.occupied(), 0U);
    EXPECT_EQ(children(), 0U);
}

TEST_F(WorkersTest, X3_ACommandIsAskedUntilItSucceeds) {
    core::ChildSpec spec = child("w", {"sleep", "1000"});
    spec.readiness = core::Readiness::probe;
    spec.launch.probe.command = {"sh", "-c", "echo x >> " + path("asked") + "; test -e " + path("go")};
    spec.launch.probe.interval = Duration::milliseconds(5);
    spec.launch.probe.timeout = Duration::seconds(60);
    boot({spec, child("after", {"sleep", "1000"})});
    const auto asked = [&] { return std::filesystem::exists(path("asked")) ? std::filesystem::file_size(path("asked")) : 0; };
    EXPECT_TRUE(ticks_until([&] { return asked() >= 6; })) << "asked three times";
    EXPECT_FALSE(is("w", ChildState::running));
    EXPECT_EQ(view("after").pid, 0) << "the next one waits for it (S-5)";
    touch(path("go"));
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::running) && is("after", ChildState::running); }));
    EXPECT_TRUE(ticks_until([&] { return children() == 2; })) << "a probe is left";
    EXPECT_EQ(workers_->next_look(), Instant::never()) << "nothing is asked any more";
    const auto times = asked();
    for (int i = 0; i < 50; ++i) {
        tick();
    }
    EXPECT_EQ(asked(), times);
}

TEST_F(WorkersTest, X3_ACommandThatHangsIsKilledWithItsGroupAndAskedAgain) {
    core::ChildSpec spec = child("w", {"sleep", "1000"});
    spec.readiness = core::Readiness::probe;
    spec.launch.probe.command = {"sh", "-c", "test -e " + path("hung") + " && exit 0; echo > " + path("hung") + "; sleep 1000 & wait"};
    spec.launch.probe.interval = Duration::milliseconds(5);
    spec.launch.probe.timeout = Duration::milliseconds(500);
    boot({spec});
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::running); }));
    EXPECT_TRUE(ticks_until([&] { return children() == 1; })) << "the hung probe or its child is left";
}

TEST_F(WorkersTest, X3_NoProbeOutlivesItsWorker) {
    core::ChildSpec spec = child("w", {"sh", "-c", "while ! test -e " + path("asked") + "; do sleep 0.01; done; exit 1"});
    spec.readiness = core::Readiness::probe;
    spec.launch.probe.command = {"sh", "-c", "echo > " + path("asked") + "; exec sleep 1000"};
    spec.launch.probe.timeout = Duration::seconds(1000);
    boot({spec});
    EXPECT_TRUE(ticks_until([&] { return host_.occupied() == 1; }));
    EXPECT_TRUE(ticks_until([&] { return host_.occupied() == 0 && children() == 0; })) << "the probe is left";
    EXPECT_EQ(workers_->next_look(), Instant::never());
}

TEST_F(WorkersTest, X3_NoProbeOutlivesTheDaemon) {
    core::ChildSpec spec = child("w", {"sleep", "1000"});
    spec.readiness = core::Readiness::probe;
    spec.launch.probe.command = {"sh", "-c", "echo > " + path("asked") + "; exec sleep 1000"};
    spec.launch.probe.timeout = Duration::seconds(1000);
    boot({spec});
    EXPECT_TRUE(ticks_until([&] { return std::filesystem::exists(path("asked")); }));
    EXPECT_EQ(children(), 2U);
    stop();
    EXPECT_EQ(children(), 0U);
}

TEST_F(WorkersTest, X3_AHaltedProbeIsAskedAgain) {
    core::ChildSpec spec = child("w", {"sleep", "1000"});
    spec.readiness = core::Readiness::probe;
    spec.launch.probe.command = {"sh", "-c", "test -e " + path("go") + " && exit 0; echo > " + path("asked") + "; exec sleep 1000"};
    spec.launch.probe.timeout = Duration::seconds(1000);
    boot({spec});
    EXPECT_TRUE(ticks_until([&] { return std::filesystem::exists(path("asked")); }));
    touch(path("go"));
    workers_->halt_asides();
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::running); }));
    EXPECT_TRUE(ticks_until([&] { return children() == 1; }));
}

/// A socket that listens at a path or a port of its own.
class Server {
  public:
    explicit Server(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(fd_, 8), 0);
    }
    explicit Server(const char* host, int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage address{};
        (void)(family == AF_INET ? uv_ip4_addr(host, 0, reinterpret_cast<sockaddr_in*>(&address))
                                 : uv_ip6_addr(host, 0, reinterpret_cast<sockaddr_in6*>(&address)));
        socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        is_bound_ = bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0 && listen(fd_, 8) == 0;
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
        std::uint16_t port = 0;  // at the same place in both families, in the network's order
        std::memcpy(&port, reinterpret_cast<const char*>(&address) + 2, sizeof port);
        port_ = std::to_string((port >> 8U) | ((port & 0xffU) << 8U));
    }
    ~Server() { close(fd_); }
    [[nodiscard]] const std::string& port() const { return port_; }
    [[nodiscard]] bool is_bound() const { return is_bound_; }

  private:
    int fd_;
    std::string port_;
    bool is_bound_ = false;
};

core::ChildSpec connecting(const std::string& name, const std::string& where) {
    core::ChildSpec spec = child(name, {"sleep", "1000"});
    spec.readiness = core::Readiness::probe;
    spec.launch.probe.connect = where;
    spec.launch.probe.interval = Duration::milliseconds(5);
    return spec;
}

TEST_F(WorkersTest, X3_APathThatTakesAConnectionIsReady) {
    boot({connecting("w", path("listening"))});
    EXPECT_TRUE(ticks_until([&] { return view("w").pid != 0; }));
    for (int i = 0; i < 50; ++i) {
        tick();
    }
    EXPECT_FALSE(is("w", ChildState::running)) << "nobody listens";
    const Server server{path("listening")};
    EXPECT_TRUE(ticks_until([&] { return is("w", ChildState::running); }));
}

TEST_F(WorkersTest, X3_APortIsAskedByNumberAndByLocalhost) {
    const Server four{"127.0.0.1", AF_INET};
    ASSERT_TRUE(four.is_bound());
    boot({connecting("number", "127.0.0.1:" + four.port()), connecting("name", "localhost:" + four.port())});
    EXPECT_TRUE(ticks_until([&] { return is("number", ChildState::running) && is("name", ChildState::running); }));
}

TEST_F(WorkersTest, X3_LocalhostIsTheOtherOneToo) {
    const Server six{"::1", AF_INET6};
    if (!six.is_bound()) {
        GTEST_SKIP() << "this machine has no IPv6";
    }
    boot({connecting("number", "[::1]:" + six.port()), connecting("name", "localhost:" + six.port())});
    EXPECT_TRUE(ticks_until([&] { return is("number", ChildState::running) && is("name", ChildState::running); }));
}

TEST_F(WorkersTest, X3_WhatIsNoAddressIsNeverReady) {
    for (const char* where : {"example.org:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:80x", ":80"}) {
        SCOPED_TRACE(where);
        Probes probes{&loop_, host_};
        core::LaunchSpec launch;
        launch.probe.connect = where;
        probes.begin({1, 1}, launch, {});
        EXPECT_TRUE(probes.run(Instant{1'000'000'000}).empty());
        EXPECT_FALSE(probes.next().is_never());
        EXPECT_GT(probes.next(), (Instant{1'000'000'000})) << "tried, and waiting";
    }
}

}  // namespace
}  // namespace backplane::shell
