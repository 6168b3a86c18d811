// SPDX-License-Identifier: Apache-2.0
/// A Client whose daemon can die and come back: a real listening socket, whose other end is scripted.
#pragma once

#include "tests/unit/client/scripted_daemon.hpp"

#include <backplane/backplane.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace backplane {

/// Where a test would hang if it were wrong, it ends with an error instead; no right answer takes so long.
inline constexpr Within plenty{Duration::seconds(30)};

/// One end of a stream: the daemon's.
class ScriptedPeer {
  public:
    explicit ScriptedPeer(int fd = -1) : fd_(fd) {}
    ScriptedPeer(ScriptedPeer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ScriptedPeer& operator=(ScriptedPeer&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~ScriptedPeer() { die(); }

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    void die() {
        if (fd_ >= 0) {
            ::close(fd_);
            fd_ = -1;
        }
    }
    void say(ScriptedDaemon& from) const {
        const std::string bytes = from.say();
        ASSERT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    /// What the client has written and was not read yet.
    [[nodiscard]] std::vector<SentFrame> heard() const {
        std::string bytes(1 << 16, '\0');
        const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return frames_of(bytes);
    }
    /// Reads until `wanted` frames of this type have come, and gives the last one.
    [[nodiscard]] SentFrame hear(wire::FrameType wanted) const {
        std::string bytes;
        for (;;) {
            for (auto& frame : frames_of(bytes)) {
                if (frame.type == wanted) {
                    return std::move(frame);
                }
            }
            std::array<char, 4096> piece{};
            const ssize_t count = ::recv(fd_, piece.data(), piece.size(), 0);
            if (count <= 0) {
                return {};
            }
            bytes.append(piece.data(), static_cast<std::size_t>(count));
        }
    }
    [[nodiscard]] bool at_end() const {
        char byte = 0;
        return ::recv(fd_, &byte, 1, MSG_DONTWAIT) == 0;
    }

  private:
    int fd_ = -1;
};

class ClientResumeTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string form = "/tmp/bp_resume.XXXXXX";
        ASSERT_NE(::mkdtemp(form.data()), nullptr);
        folder = form;
        path = folder + "/s";
        listen_again();
    }
    void TearDown() override {
        if (client && !client->ended()) {
            stop_daemon();
        }
        client.reset();
        peer.die();
        stop_listening();
        ::rmdir(folder.c_str());
    }
    void listen_again() {
        listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        ASSERT_EQ(::listen(listener, 8), 0);
    }
    void stop_listening() {
        if (listener >= 0) {
            ::close(listener);
            ::unlink(path.c_str());
            listener = -1;
        }
    }
    /// The daemon's orderly end, for which it comes back first: a Client would wait for one that takes its last words.
    void stop_daemon() {
        if (!peer.is_open()) {
            if (listener < 0) {
                listen_again();
            }
            serve_until([&] { return somebody_waits(); });
            peer = accept();
        }
        peer.say(daemon.bye(ErrorCode::shutting_down));
        serve_until([&] { return client->ended().has_value(); });
    }
    /// Waits for the next connection.
    [[nodiscard]] ScriptedPeer accept() const { return ScriptedPeer{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)}; }
    [[nodiscard]] bool somebody_waits() const {
        pollfd watched{listener, POLLIN, 0};
        return ::poll(&watched, 1, 0) == 1;
    }
    void greet(ConnectOptions options = {}, std::int64_t grace_ms = 20'000) {
        wire::Welcome welcome;
        welcome.epoch = ScriptedDaemon::epoch;
        welcome.session = "s";
        welcome.token = "t";
        for (std::uint32_t i = 0; i < wire::grants_in_welcome; ++i) {
            welcome.grants.push_back({DeviceId{ScriptedDaemon::first.value + i * wire::ids_per_grant}, wire::ids_per_grant});
        }
        welcome.limits = {{"resume_grace_ms", static_cast<std::uint64_t>(grace_ms)}};
        std::thread greeter{[&] {
            peer = accept();
            peer.say(daemon.say_welcome(welcome));
        }};
        options.path = options.path.empty() ? path : options.path;
        options.within = plenty;
        auto made = Client::connect(std::move(options));
        greeter.join();
        ASSERT_TRUE(made) << made.error().text();
        client.emplace(std::move(*made));
        static_cast<void>(peer.heard());
    }
    /// The daemon dies, the client notices and connects, and the new daemon hears its hello.
    std::optional<wire::Resume> die_and_meet() {
        peer.die();
        EXPECT_TRUE(client->dispatch());
        EXPECT_TRUE(somebody_waits()) << "the listening socket was held open: it came at once";
        peer = accept();
        const auto frames = peer.heard();
        EXPECT_EQ(frames.size(), 1U);
        const auto hello = frames.empty() ? Expected<wire::Hello>{unexpected(ErrorCode::not_found)} : wire::decode_hello(frames[0].view());
        return hello ? hello->resume : std::nullopt;
    }
    [[nodiscard]] bool readable() const { return readable_within(0); }
    [[nodiscard]] bool readable_within(int ms) const {
        pollfd watched{client->fd(), POLLIN, 0};
        return ::poll(&watched, 1, ms) == 1;
    }
    /// Does as a user's loop does: waits for the descriptor and dispatches, until something holds.
    void serve_until(const std::function<bool()>& done) {
        bool is_done = done();
        for (int round = 0; round < 10'000 && !is_done; ++round) {
            ASSERT_TRUE(readable_within(10'000)) << "the one descriptor says when there is something to do";
            static_cast<void>(client->dispatch());
            is_done = done();
        }
        ASSERT_TRUE(is_done);
    }

    std::string folder;
    std::string path;
    int listener = -1;
    ScriptedPeer peer;
    ScriptedDaemon daemon;
    std::optional<Client> client;
};

}  // namespace backplane
