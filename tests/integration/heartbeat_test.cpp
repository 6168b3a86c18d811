// SPDX-License-Identifier: Apache-2.0
/// Heartbeats and labels from end to end: a client, the daemon, its crash, and those who look on.
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <optional>

namespace backplane::integration {
namespace {

using std::chrono_literals::operator""ms;

/// Never over, however slow the machine is.
constexpr Duration long_time = Duration::seconds(3600);

/// The labels of a Device in the list, if it is there.
std::optional<Labels> listed(Client& client, const Line& line) {
    const auto rows = client.list(plenty);
    for (const DeviceRow& row : rows ? *rows : std::vector<DeviceRow>{}) {
        if (row.line && row.line->id() == line.id()) {
            return row.labels;
        }
    }
    return std::nullopt;
}

class HeartbeatTest : public testing::Test {
  protected:
    void SetUp() override {
        daemon.set_settings(R"("resume_grace": "5s", )");  // which is waited for, where a daemon dies
        ASSERT_TRUE(daemon.start());
    }
    void crash() {
        const pid_t before = daemon.daemon_pid();
        ASSERT_GT(before, 0);
        ASSERT_EQ(::kill(before, SIGKILL), 0);
        EXPECT_TRUE(eventually([&] { return daemon.daemon_pid() != before && daemon.daemon_pid() > 0; }));
    }

    BareDaemon daemon;
};

TEST_F(HeartbeatTest, F1_OneThatIsSilentForTooLongGoesWithTimeoutWatchdog) {
    Client owner = daemon.connect();
    Client eye = daemon.connect();
    auto silent = owner.open_device();
    auto lively = owner.open_device({.heartbeat = long_time});
    ASSERT_TRUE(silent && lively && owner.ping(plenty));
    for (const Device* device : {&*silent, &*lively}) {
        ASSERT_TRUE(eye.device().link_wait(device->line(), LinkMode::monitor));
    }
    ASSERT_TRUE(silent->heartbeat(20ms));
    EXPECT_EQ(next_of(eye.device()), "disconnected timeout(watchdog)");
    EXPECT_EQ(silent->next(plenty).error().code, ErrorCode::device_down);
    ASSERT_TRUE(silent->ended() && silent->ended()->fault);
    EXPECT_EQ(fault_text(*silent->ended()->fault, owner.epoch()), "timeout(watchdog)");
    EXPECT_EQ(silent->heartbeat().error().code, ErrorCode::device_down);
    ASSERT_TRUE(lively->heartbeat());
    ASSERT_TRUE(owner.ping(plenty) && eye.ping(plenty));
    EXPECT_TRUE(*lively);
    EXPECT_FALSE(eye.device().try_receive());
}

TEST_F(HeartbeatTest, ZeroEndsThePromise) {
    Client owner = daemon.connect();
    auto witness = owner.open_device();
    ASSERT_TRUE(owner.flush());
    auto device = owner.open_device({.heartbeat = Duration::milliseconds(20)});
    ASSERT_TRUE(device && witness);
    ASSERT_TRUE(device->heartbeat(0ms));  // leaves with the promise, so that no slow machine comes in between
    EXPECT_EQ(device->heartbeat().error().code, ErrorCode::invalid_argument);
    // A later promise of another is broken: this one's would have been long before.
    ASSERT_TRUE(witness->heartbeat(100ms));
    EXPECT_EQ(witness->next(plenty).error().code, ErrorCode::device_down);
    EXPECT_TRUE(*device);
}

TEST_F(HeartbeatTest, T10_T12_DeadlinesAndLabelsOutliveTheDaemon) {
    Client owner = daemon.connect();
    auto lively = owner.open_device({.labels = {{"role", "lively"}}, .heartbeat = long_time});
    auto silent = owner.open_device({.labels = {{"role", "silent"}, {"env", "test"}}});
    ASSERT_TRUE(lively && silent && owner.ping(plenty));
    ASSERT_TRUE(lively->heartbeat(long_time));
    ASSERT_TRUE(silent->heartbeat(3000ms));
    ASSERT_TRUE(owner.ping(plenty));
    crash();
    ASSERT_TRUE(lively->heartbeat(long_time)) << "said while nobody is there, or again";
    ASSERT_TRUE(owner.ping(plenty));
    EXPECT_TRUE(*lively);
    Client eye = daemon.connect();
    EXPECT_EQ(listed(eye, lively->line()), (Labels{{"role", "lively"}}));
    const auto description = eye.describe(silent->line(), plenty);
    if (description && description->row.state == "running") {  // a slow machine may have come to its end
        EXPECT_EQ(description->row.labels, (Labels{{"env", "test"}, {"role", "silent"}}));
    }
    EXPECT_EQ(silent->next(plenty).error().code, ErrorCode::device_down);
    ASSERT_TRUE(silent->ended() && silent->ended()->fault);
    EXPECT_EQ(fault_text(*silent->ended()->fault, owner.epoch()), "timeout(watchdog)");
    EXPECT_EQ(listed(eye, silent->line()), std::nullopt);
    EXPECT_TRUE(*lively);
}

TEST_F(HeartbeatTest, LabelsAreReplacedShownAndRefusedByTheirKey) {
    Client owner = daemon.connect();
    Client eye = daemon.connect();
    auto device = owner.open_device({.labels = {{"team", "blue"}, {"app", "shop"}}});
    ASSERT_TRUE(device && owner.ping(plenty));
    EXPECT_EQ(listed(eye, device->line()), (Labels{{"app", "shop"}, {"team", "blue"}}));
    const auto refused = device->set_labels({{"app", "shop"}, {"bad key", ""}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(refused.error().detail, "labels.bad key: not a key");
    EXPECT_EQ(owner.open_device({.labels = {{"", ""}}}).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(owner.open_device({.heartbeat = Duration::forever()}).error().code, ErrorCode::invalid_argument);
    ASSERT_TRUE(device->set_labels({{"app", "store"}}));
    ASSERT_TRUE(owner.ping(plenty));
    EXPECT_EQ(listed(eye, device->line()), (Labels{{"app", "store"}}));
    crash();
    ASSERT_TRUE(owner.ping(plenty) && eye.ping(plenty));
    EXPECT_EQ(listed(eye, device->line()), (Labels{{"app", "store"}}));
    ASSERT_TRUE(device->set_labels({}));
    ASSERT_TRUE(owner.ping(plenty));
    EXPECT_EQ(listed(eye, device->line()), Labels{});
    while (const auto event = owner.try_event()) {
        EXPECT_FALSE(std::holds_alternative<Refused>(*event));
    }
}

}  // namespace
}  // namespace backplane::integration
