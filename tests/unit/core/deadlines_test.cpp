// SPDX-License-Identifier: Apache-2.0
/// Timers as data (decision 10): order, cancelling, saving.
#include "daemon/core/deadlines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace backplane;
using namespace backplane::core;

/// Takes what is due by then; whose it was, in its order.
std::vector<std::uint32_t> owners_due(Deadlines& timers, Instant now) {
    std::vector<std::uint32_t> owners;
    for (Due due; timers.take_due(now, due);) {
        owners.push_back(due.owner);
    }
    return owners;
}

TEST(deadlines, fire_in_order_of_instant_then_of_setting) {
    Deadlines timers;
    timers.set(Instant{30}, DeadlineKind::backoff, 1);
    timers.set(Instant{10}, DeadlineKind::settle, 2);
    timers.set(Instant{10}, DeadlineKind::stop_timeout, 3);
    timers.set(Instant{20}, DeadlineKind::backoff, 4);
    EXPECT_EQ(timers.next(), Instant{10});
    Due due;
    EXPECT_FALSE(timers.take_due(Instant{9}, due));
    EXPECT_EQ(owners_due(timers, Instant{25}), (std::vector<std::uint32_t>{2, 3, 4}));
    EXPECT_EQ(timers.next(), Instant{30});
}

TEST(deadlines, x5_what_is_put_off_stays_in_its_order) {
    Deadlines timers;
    timers.set(Instant{30}, DeadlineKind::backoff, 1);
    timers.set(Instant{20}, DeadlineKind::backoff, 2);
    timers.set(Instant{10}, DeadlineKind::backoff, 3);
    timers.set(Instant{10}, DeadlineKind::backoff, 4);
    timers.set(Instant{90}, DeadlineKind::backoff, 5);
    timers.postpone(Instant{30}, Instant{80});
    EXPECT_EQ(timers.next(), Instant{80});
    EXPECT_EQ(owners_due(timers, Instant{100}), (std::vector<std::uint32_t>{3, 4, 2, 1, 5}));
}

TEST(deadlines, never_sets_nothing) {
    Deadlines timers;
    EXPECT_EQ(timers.set(Instant::never(), DeadlineKind::backoff, 1), 0U);
    EXPECT_TRUE(timers.next().is_never());
    DeadlineId none = 0;
    timers.cancel(none);
    EXPECT_TRUE(timers.at(0).is_never());
}

TEST(deadlines, cancel_takes_one_away_and_zeroes_its_handle) {
    Deadlines timers;
    DeadlineId first = timers.set(Instant{1}, DeadlineKind::backoff, 1);
    const DeadlineId second = timers.set(Instant{2}, DeadlineKind::backoff, 2);
    EXPECT_EQ(timers.at(second), Instant{2});
    timers.cancel(first);
    EXPECT_EQ(first, 0U);
    EXPECT_EQ(timers.next(), Instant{2});
    DeadlineId stranger = 999;
    timers.cancel(stranger);
    Due due;
    ASSERT_TRUE(timers.take_due(Instant{2}, due));
    EXPECT_EQ(due.id, second);
    DeadlineId fired = second;
    timers.cancel(fired);
    EXPECT_TRUE(timers.next().is_never());
}

TEST(deadlines, a_thousand_random_ones_agree_with_a_sorted_list_across_save_and_load) {
    struct Known {
        std::int64_t at;
        std::uint64_t order;
        DeadlineId id;
        std::uint32_t owner;
    };
    std::mt19937_64 chance(11);
    Deadlines timers;
    std::vector<Known> known;
    std::uint64_t order = 0;
    for (std::uint32_t n = 0; n < 3000; ++n) {
        const std::uint64_t choice = chance() % 10;
        if (choice < 6 || known.empty()) {
            const auto at = static_cast<std::int64_t>(chance() % 500);
            known.push_back(Known{at, order++, timers.set(Instant{at}, DeadlineKind::backoff, n), n});
        } else if (choice < 8) {
            const std::size_t victim = chance() % known.size();
            timers.cancel(known[victim].id);
            known.erase(known.begin() + static_cast<std::ptrdiff_t>(victim));
        } else {
            const auto first = std::min_element(
                known.begin(), known.end(), [](const Known& a, const Known& b) { return a.at != b.at ? a.at < b.at : a.order < b.order; });
            Due due;
            ASSERT_EQ(timers.next(), Instant{first->at});
            ASSERT_TRUE(timers.take_due(Instant{first->at}, due));
            ASSERT_EQ(due.owner, first->owner);
            known.erase(first);
        }
        if (n % 16 == 0) {
            std::string image;
            ImageWriter writer(image);
            timers.save(writer);
            Deadlines loaded;
            ImageReader reader(image);
            ASSERT_TRUE(loaded.load(reader));
            timers = loaded;
        }
    }
}

TEST(deadlines, refuses_bytes_that_it_did_not_write) {
    Deadlines timers;
    DeadlineId gone = timers.set(Instant{5}, DeadlineKind::backoff, 1);
    timers.set(Instant{7}, DeadlineKind::settle, 2);
    timers.set(Instant{9}, DeadlineKind::settle, 3);
    timers.cancel(gone);
    std::string image;
    ImageWriter writer(image);
    timers.save(writer);
    for (std::size_t i = 0; i < image.size(); ++i) {
        Deadlines cut;
        ImageReader shorter(std::string_view{image}.substr(0, i));
        EXPECT_FALSE(cut.load(shorter));
        std::string wrong = image;
        wrong[i] = static_cast<char>(wrong[i] ^ 0x41);
        Deadlines loaded;
        ImageReader reader(wrong);
        if (loaded.load(reader)) {  // another instant or owner may be as good; using it must be safe
            Due due;
            while (loaded.take_due(Instant{INT64_MAX - 1}, due)) {
            }
        }
    }
}

}  // namespace
