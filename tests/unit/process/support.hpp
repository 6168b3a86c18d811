// SPDX-License-Identifier: Apache-2.0
/// What the tests of the process host share: a folder of their own, programs to run, waiting for real ends.
#pragma once

#include "daemon/process/host.hpp"

#include <gtest/gtest.h>
#include <sys/poll.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace backplane::process::testing {

/// How long a test waits for something certain before it gives up.
inline constexpr int patience_ms = 10000;

inline std::string text_of(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// Waits until the descriptor can be read or has ended; false when patience is over.
inline bool wait_readable(int fd) {
    pollfd watch{fd, POLLIN, 0};
    return poll(&watch, 1, patience_ms) == 1;
}

/// Asks again and again, each time after at most `pause_ms`, until the answer is yes or patience is over.
inline bool eventually(const std::function<bool()>& is_so, int pause_ms = 1) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        (void)poll(nullptr, 0, pause_ms);
    }
    return true;
}

inline std::set<std::string> open_descriptors() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        names.insert(entry.path().filename());
    }
    return names;
}

class ProcessTest : public ::testing::Test {
  protected:
    ProcessTest() {
        std::string pattern = std::filesystem::temp_directory_path() / "backplane-process-XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    ~ProcessTest() override {
        std::error_code wrong;
        std::filesystem::remove_all(folder_, wrong);
    }

    [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

    /// A launch whose stdout goes to the file `out` and whose stderr goes nowhere.
    [[nodiscard]] core::LaunchSpec program(std::vector<std::string> exec) const {
        core::LaunchSpec launch;
        launch.exec = std::move(exec);
        launch.stdout_to = {core::OutputKind::file, path("out")};
        launch.stderr_to = {core::OutputKind::null, ""};
        return launch;
    }
    [[nodiscard]] core::LaunchSpec shell(const std::string& script) const { return program({"/bin/sh", "-c", script}); }
    [[nodiscard]] std::string output() const { return text_of(path("out")); }

    /// What became of a spawn, when it is known.
    static SpawnOutcome settled(Host& host, core::ChildIndex child, std::uint32_t generation, const SpawnOutcome& spawned) {
        if (spawned.start_fd < 0) {
            return spawned;
        }
        EXPECT_TRUE(wait_readable(spawned.start_fd));
        const auto outcome = host.take_start(child, generation);
        EXPECT_TRUE(outcome) << "readable, and nothing to tell";
        return outcome.value_or(SpawnOutcome{});
    }

    /// Waits for the leader's end and takes it.
    static std::optional<LeaderExit> end_of(Host& host, core::ChildIndex child, std::uint32_t generation, const SpawnOutcome& spawned) {
        if (!wait_readable(spawned.pidfd)) {
            return std::nullopt;
        }
        return host.take_exit(child, generation);
    }

    /// Runs a program to its end as child 1 of the host and answers how it ended; its group is killed and seen empty.
    std::optional<LeaderExit> run(Host& host, const core::LaunchSpec& launch, const SpawnOptions& options = {}) {
        const SpawnOutcome spawned = settled(host, 1, 1, host.spawn(1, 1, launch, options));
        if (!spawned.started) {
            ADD_FAILURE() << "step " << static_cast<int>(spawned.step) << " errno " << spawned.error_number;
            return std::nullopt;
        }
        auto ended = end_of(host, 1, 1, spawned);
        host.signal_group(1, 1, 9);
        EXPECT_TRUE(reap_until_empty(host, 1, 1));
        return ended;
    }

    /// Reaps a dead leader and waits until its group is told empty, exactly once.
    static bool reap_until_empty(Host& host, core::ChildIndex child, std::uint32_t generation) {
        const ReapResult result = host.reap(child, generation);
        return result == ReapResult::group_empty || (result == ReapResult::lingering && sweep_until_empty(host, child, generation));
    }
    static bool sweep_until_empty(Host& host, core::ChildIndex child, std::uint32_t generation) {
        return eventually([&] {
            for (const Incarnation& emptied : host.sweep()) {
                if (emptied == Incarnation{child, generation}) {
                    return true;
                }
            }
            return false;
        });
    }

    std::filesystem::path folder_;
};

}  // namespace backplane::process::testing
