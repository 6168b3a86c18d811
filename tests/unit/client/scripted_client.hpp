// SPDX-License-Identifier: Apache-2.0
/// A Client and one Device of it, over a socketpair whose other end is a ScriptedDaemon.
#pragma once

#include "tests/unit/client/scripted_daemon.hpp"

#include <backplane/backplane.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace backplane {

class ScriptedClient : public testing::Test {
  public:
    static constexpr Within plenty{Duration::seconds(30)};

    void greet(DeviceId own = {}) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        peer = ends[0];
        say(daemon.welcome(4, own));
        auto made = Client::over(ends[1], {.within = plenty});
        ASSERT_TRUE(made);
        client.emplace(std::move(*made));
        device = own ? std::move(client->device()) : std::move(*client->open_device());
        ASSERT_TRUE(client->dispatch());
        static_cast<void>(heard());
    }
    void TearDown() override {
        client.reset();
        ::close(peer);
    }
    void say(ScriptedDaemon& from) {
        const std::string bytes = from.say();
        ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    std::vector<SentFrame> heard() {
        std::string bytes(1 << 16, '\0');
        const ssize_t count = ::recv(peer, bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        auto frames = frames_of(bytes);
        std::erase_if(frames, [](const SentFrame& frame) { return frame.type == wire::FrameType::ack; });
        return frames;
    }
    /// The `disconnect` among what was sent, as the fault's text; `-` without one.
    std::string said_fault() {
        for (const SentFrame& frame : heard()) {
            if (frame.type == wire::FrameType::disconnect) {
                const auto said = wire::decode_disconnect(frame.view());
                Fault fault;
                fault.kind = said->fault;
                fault.argument = said->argument;
                fault.cascade = said->cascade;
                fault.text = said->text;
                return fault_text(fault, ScriptedDaemon::epoch);
            }
        }
        return "-";
    }

    int peer = -1;
    ScriptedDaemon daemon;
    std::optional<Client> client;
    Device device;
};

}  // namespace backplane
