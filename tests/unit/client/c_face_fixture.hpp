// SPDX-License-Identifier: Apache-2.0
/// A client of the C face and one Device of it, over a socketpair whose other end is a ScriptedDaemon.
#pragma once

#include "tests/unit/client/scripted_daemon.hpp"

#include <backplane/backplane.h>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <string>

namespace backplane {

inline constexpr std::int64_t plenty_ns = 30'000'000'000;

inline std::string text_of(const char* text, std::size_t length) { return text == nullptr ? "-" : std::string{text, length}; }

template <class T>
T sized() {
    T value{};
    value.size = sizeof(T);
    return value;
}

class CFaceTest : public testing::Test {
  protected:
    void SetUp() override {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        peer = ends[0];
        say(daemon.welcome());
        auto options = sized<bp_connect_options>();
        options.timeout_ns = plenty_ns;
        ASSERT_EQ(bp_client_over(ends[1], &options, &client, nullptr, 0), BP_OK);
        ASSERT_EQ(bp_client_open_device(client, nullptr, &device), BP_OK);
        ASSERT_EQ(bp_client_dispatch(client), BP_OK);
        id = DeviceId{bp_device_id(device)};
    }
    void TearDown() override {
        if (client != nullptr) {
            EXPECT_EQ(bp_client_close(client), BP_OK);
        }
        ::close(peer);
    }
    void say(ScriptedDaemon& from) const {
        const std::string bytes = from.say();
        ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    [[nodiscard]] static bp_line c_line(std::uint32_t slot) {
        const Line line = ScriptedDaemon::line(slot);
        return {sizeof(bp_line), 0, line.epoch().value, line.id().value};
    }
    [[nodiscard]] std::string error() const {
        const char* detail = nullptr;
        std::size_t length = 0;
        const bp_status status = bp_client_error(client, &detail, &length);
        return std::string{bp_status_name(status, nullptr)} + ": " + text_of(detail, length);
    }

    int peer = -1;
    ScriptedDaemon daemon;
    bp_client* client = nullptr;
    bp_device* device = nullptr;
    DeviceId id;
};

}  // namespace backplane
