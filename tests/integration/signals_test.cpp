// SPDX-License-Identifier: Apache-2.0
/// Signals at any moment of a start and of a stop (T-13): what was started ends in good order or never began, and leaves nothing.
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

namespace backplane::integration {
namespace {

constexpr const char* workers = R"({"name": "plain", "exec": ["sleep", "1000"]},
    {"name": "slow", "exec": ["sh", "-c", "trap 'sleep 0.01; exit 0' TERM; while :; do sleep 0.05; done"], "shutdown": "2s"})";
constexpr std::array<int, 3> numbers{SIGTERM, SIGHUP, SIGUSR2};

class Signals : public ::testing::Test {
  protected:
    /// Any time up to `us_max`, and as often a very short one.
    void wait_for_some_time(std::uint64_t us_max) {
        std::this_thread::sleep_for(std::chrono::microseconds(roll((roll(2) == 0 ? us_max : us_max >> roll(12)) + 1)));
    }
    [[nodiscard]] std::uint64_t roll(std::uint64_t below) { return random_() % below; }

    static void expect_nothing_left(const BareDaemon& daemon) {
        EXPECT_TRUE(eventually([&] { return workers_of(daemon.socket()).empty(); })) << "workers";
        EXPECT_FALSE(std::filesystem::exists(daemon.socket())) << "the socket";
        EXPECT_FALSE(std::filesystem::exists(daemon.socket() + ".notify")) << "the folder of notify sockets";
    }

    std::mt19937_64 random_{test_seed()};
};

/// How long a start takes, on this machine and just now.
std::uint64_t start_us() {
    BareDaemon daemon{workers};
    const auto begin = std::chrono::steady_clock::now();
    const bool is_up = daemon.start();
    const auto took = std::chrono::steady_clock::now() - begin;
    return is_up ? static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()) : 0;
}

TEST_F(Signals, T13_AtAnyMomentOfAStart) {
    std::uint64_t span_us = start_us();
    int served = 0;
    int died = 0;
    // The moments are spread over the whole start, however long that is, so both ends are met; where chance or the machine's
    // mood would have it otherwise, it goes on with later moments.
    for (int round = 0; round < 60 || (served == 0 && round < 200); ++round) {
        span_us += round < 60 ? 0 : span_us / 8;
        BareDaemon daemon{workers};
        daemon.begin();
        const int number = numbers[roll(numbers.size())];
        wait_for_some_time(span_us);
        daemon.signal(number);
        SCOPED_TRACE("round " + std::to_string(round) + ", signal " + std::to_string(number));
        const bool is_up =
            number != SIGTERM && eventually([&] { return daemon.has_ended() || daemon.daemon_pid() != 0; }) && !daemon.has_ended();
        served += is_up ? 1 : 0;
        const int code = is_up ? daemon.stop() : daemon.wait_end();
        // A program that has not come to its first instruction ends by what the signal does to any.
        EXPECT_TRUE(code == 0 || (!is_up && code == 128 + number)) << code;
        died += code != 0 ? 1 : 0;
        expect_nothing_left(daemon);
        if (HasFailure()) {
            break;
        }
    }
    std::printf("figure: signals at a moment of a start of %llu us: %d daemons served on, %d died of it before their first instruction\n",
                static_cast<unsigned long long>(span_us), served, died);
    EXPECT_GT(served, 0);
}

TEST_F(Signals, T13_AtAnyMomentOfAStop) {
    for (int round = 0; round < 40; ++round) {
        BareDaemon daemon{workers};
        ASSERT_TRUE(daemon.start());
        wait_for_some_time(8'000);
        daemon.signal(SIGTERM);
        for (std::uint64_t more = roll(6); more > 0; --more) {
            wait_for_some_time(8'000);
            daemon.signal(numbers[roll(numbers.size())]);
        }
        SCOPED_TRACE("round " + std::to_string(round));
        EXPECT_EQ(daemon.wait_end(), 0);
        expect_nothing_left(daemon);
        if (HasFailure()) {
            break;
        }
    }
}

}  // namespace
}  // namespace backplane::integration
