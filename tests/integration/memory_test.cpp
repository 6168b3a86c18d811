// SPDX-License-Identifier: Apache-2.0
/// Out of memory (threats.md, "The daemon"): an allocation that fails ends the daemon, and that is a crash like any other.
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>

namespace backplane::integration {
namespace {

/// There is none beside a sanitizer's daemon.
std::string failing_allocator() { return program("../lib/libbp_fail_allocation.so"); }

constexpr int rounds = 40;

class Memory : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::access(failing_allocator().c_str(), R_OK) != 0) {
            GTEST_SKIP() << "a sanitizer has the allocator";
        }
        daemon_.set_environment("LD_PRELOAD=" + failing_allocator());
        daemon_.set_environment("BP_FAIL_ALLOCATION=" + fail_file());
    }

    [[nodiscard]] std::string fail_file() const { return daemon_.folder() + "/fail"; }

    /// The daemon that serves is killed, and the next one fails.
    void replace_by_one_that_fails(std::uint64_t allocation) {
        std::ofstream{fail_file()} << allocation;
        const auto info = client_->daemon_info(plenty);
        ASSERT_TRUE(info);
        ends_ = info->daemon_restarts;
        ASSERT_EQ(::kill(static_cast<pid_t>(info->pid), SIGKILL), 0);
        ASSERT_TRUE(eventually([&] { return !std::filesystem::exists(fail_file()); }));
    }

    /// One Device that is monitored ends with a fault of its own, and that is told once.
    void one_notice(const std::string& name) {
        auto target = victim_->open_device({.within = plenty});
        ASSERT_TRUE(target && victim_->ping(plenty));  // so that another session can know of it
        ASSERT_TRUE(client_->device().link_wait(target->line(), LinkMode::monitor, plenty));
        target->disconnect(Fault::error(name));
        ASSERT_TRUE(victim_->ping(plenty));
        const auto message = client_->device().next(plenty);
        const auto* gone = message ? std::get_if<Disconnected>(&*message) : nullptr;
        ASSERT_NE(gone, nullptr);
        ASSERT_TRUE(gone->fault);
        EXPECT_EQ(fault_text(*gone->fault, gone->device.epoch()), "error{" + name + "}");
    }

    /// Whether the one that was to fail has.
    [[nodiscard]] bool has_failed() {
        const auto info = client_->daemon_info(plenty);
        return info && info->daemon_restarts >= ends_ + 2;
    }

    BareDaemon daemon_{R"({"name": "plain", "exec": ["sleep", "1000"]},
                          {"name": "speaks", "exec": ["@BIN@/bp_test_worker", "ready"], "readiness": "notify", "start_timeout": "60s"},
                          {"name": "fails", "exec": ["sh", "-c", "sleep 0.03; exit 3"], "backoff": "none"})"};
    std::optional<Client> client_, victim_;
    std::uint64_t ends_ = 0;
};

TEST_F(Memory, T10_AnAllocationThatFailsIsACrashLikeAnyOther) {
    ASSERT_TRUE(daemon_.start());
    client_.emplace(daemon_.connect());
    victim_.emplace(daemon_.connect());
    const auto plain = daemon_.wait_for(*client_, "plain", "running").pid;
    const auto speaks = daemon_.wait_for(*client_, "speaks", "running").pid;
    std::mt19937_64 random{test_seed()};
    int failed = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::uint64_t allocation = 1 + random() % (1U << (4 + round % 10));  // from its first instants to its work
        SCOPED_TRACE("allocation " + std::to_string(allocation));
        ASSERT_NO_FATAL_FAILURE(replace_by_one_that_fails(allocation));
        bool is_over = false;
        for (int i = 0; i < 30 && !is_over; ++i) {
            ASSERT_NO_FATAL_FAILURE(one_notice(std::to_string(round) + "." + std::to_string(i)));
            is_over = has_failed();
        }
        failed += is_over ? 1 : 0;
    }
    std::printf("figure: of %d daemons that an allocation was to fail in, %d came to it and ended\n", rounds, failed);
    EXPECT_GT(failed, rounds / 3);
    EXPECT_EQ(daemon_.wait_for(*client_, "plain", "running").pid, plain);
    EXPECT_EQ(daemon_.wait_for(*client_, "speaks", "running").pid, speaks);
    EXPECT_FALSE(client_->device().try_receive()) << "nothing was told twice";
    while (const auto event = client_->try_event()) {
        EXPECT_FALSE(std::holds_alternative<ConnectionLost>(*event));
    }
    std::filesystem::remove(fail_file());
}

}  // namespace
}  // namespace backplane::integration
