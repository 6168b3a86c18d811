// SPDX-License-Identifier: Apache-2.0
/// The restart window at its edges (rules S-29..S-33).
#include "daemon/core/restart_window.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace {

using namespace backplane;
using namespace backplane::core;

constexpr Duration period = Duration::seconds(5);

Instant at(std::int64_t ns) { return Instant{1'000'000'000'000 + ns}; }

TEST(restart_window, s30_intensity_restarts_are_allowed_the_next_is_fatal) {
    RestartWindow window;
    for (std::uint32_t n = 1; n <= 5; ++n) {
        const RestartWindow::Verdict verdict = window.add(at(n), DeviceId{n}, 5, period);
        EXPECT_FALSE(verdict.exceeded);
        EXPECT_EQ(verdict.count, n);
    }
    const RestartWindow::Verdict last = window.add(at(6), DeviceId{6}, 5, period);
    EXPECT_TRUE(last.exceeded);
    EXPECT_EQ(last.count, 6U);
}

TEST(restart_window, s30_exactly_a_period_old_still_counts_one_nanosecond_more_does_not) {
    RestartWindow exact;
    (void)exact.add(at(0), DeviceId{1}, 1, period);
    EXPECT_TRUE(exact.add(at(period.ns), DeviceId{2}, 1, period).exceeded);
    RestartWindow more;
    (void)more.add(at(0), DeviceId{1}, 1, period);
    EXPECT_FALSE(more.add(at(period.ns + 1), DeviceId{2}, 1, period).exceeded);
}

TEST(restart_window, s31_no_phase_effect) {
    for (const std::int64_t phase : {0LL, 1LL, 499'999'999LL, 999'999'999LL}) {
        RestartWindow window;
        (void)window.add(at(phase), DeviceId{1}, 1, Duration::seconds(1));
        EXPECT_FALSE(window.add(at(phase + 1'850'000'000), DeviceId{2}, 1, Duration::seconds(1)).exceeded);
        EXPECT_TRUE(window.add(at(phase + 2'850'000'000), DeviceId{3}, 1, Duration::seconds(1)).exceeded);
    }
}

TEST(restart_window, s30_intensity_zero_means_the_first_is_fatal) {
    RestartWindow window;
    EXPECT_TRUE(window.add(at(0), DeviceId{1}, 0, period).exceeded);
}

TEST(restart_window, s29_one_root_cause_counts_once) {
    RestartWindow window;
    EXPECT_TRUE(window.add(at(0), DeviceId{7}, 1, period).counted);
    for (int i = 1; i <= 5; ++i) {
        const RestartWindow::Verdict sibling = window.add(at(i), DeviceId{7}, 1, period);
        EXPECT_FALSE(sibling.counted);
        EXPECT_FALSE(sibling.exceeded);
        EXPECT_EQ(sibling.count, 1U);
    }
    EXPECT_TRUE(window.add(at(9), DeviceId{8}, 1, period).exceeded);
}

TEST(restart_window, s29_also_when_the_root_itself_is_forgotten_by_then) {
    RestartWindow window;
    (void)window.add(at(0), DeviceId{7}, 1, period);
    const RestartWindow::Verdict late = window.add(at(period.ns * 3), DeviceId{7}, 1, period);
    EXPECT_FALSE(late.counted);
    EXPECT_EQ(late.count, 0U);
}

TEST(restart_window, s32_starts_empty_in_each_incarnation) {
    RestartWindow window;
    (void)window.add(at(0), DeviceId{7}, 1, period);
    window.clear();
    EXPECT_EQ(window.used(at(0), period), 0U);
    EXPECT_TRUE(window.add(at(0), DeviceId{7}, 1, period).counted);
}

TEST(restart_window, used_forgets_without_changing) {
    RestartWindow window;
    (void)window.add(at(0), DeviceId{1}, 9, period);
    (void)window.add(at(10), DeviceId{2}, 9, period);
    EXPECT_EQ(window.used(at(period.ns), period), 2U);
    EXPECT_EQ(window.used(at(period.ns + 1), period), 1U);
    EXPECT_EQ(window.used(at(period.ns + 11), period), 0U);
    EXPECT_EQ(window.used(at(period.ns), period), 2U);
}

TEST(restart_window, goes_on_the_same_after_save_and_load_and_stays_small) {
    RestartWindow steady;
    RestartWindow restless;
    std::string image;
    for (std::uint32_t n = 1; n < 1000; ++n) {
        const Instant now = at(n * 37'000'000LL);
        const DeviceId root{n / 3 + 1};
        const RestartWindow::Verdict one = steady.add(now, root, 50, period);
        const RestartWindow::Verdict other = restless.add(now, root, 50, period);
        ASSERT_EQ(one.counted, other.counted);
        ASSERT_EQ(one.count, other.count);
        image.clear();
        ImageWriter writer(image);
        restless.save(writer);
        RestartWindow loaded;
        ImageReader reader(image);
        ASSERT_TRUE(loaded.load(reader));
        restless = loaded;
    }
    EXPECT_LT(image.size(), 4096U);
}

TEST(restart_window, refuses_bytes_that_it_did_not_write) {
    RestartWindow window;
    (void)window.add(at(0), DeviceId{1}, 9, period);
    std::string image;
    ImageWriter writer(image);
    window.save(writer);
    for (std::size_t cut = 0; cut < image.size(); ++cut) {
        RestartWindow loaded;
        ImageReader reader(std::string_view{image}.substr(0, cut));
        EXPECT_FALSE(loaded.load(reader));
    }
    std::string wrong = image;
    wrong[wrong.size() - 8] = 77;  // the ring's next place
    RestartWindow loaded;
    ImageReader reader(wrong);
    EXPECT_FALSE(loaded.load(reader));
}

}  // namespace
