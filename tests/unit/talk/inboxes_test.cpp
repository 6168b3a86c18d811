// SPDX-License-Identifier: Apache-2.0
/// The order of arrival between Devices, against a list that keeps it naively.
#include "client/talk/inboxes.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <deque>
#include <random>

namespace backplane::talk {
namespace {

Message gone(std::uint32_t slot) { return Disconnected{Line{Epoch{1}, DeviceId::make(1, slot)}, std::nullopt}; }
std::uint64_t about(const Message& message) { return std::get<Disconnected>(message).device.id().slot(); }

TEST(InboxesTest, WhatCameBeforeTheFirstQuestionIsThereToo) {
    Wakes wakes;
    Inboxes boxes{wakes};
    const DeviceId one = DeviceId::make(2, 1);
    const DeviceId two = DeviceId::make(2, 2);
    boxes.open(one);
    boxes.open(two);
    boxes.put(one, gone(1));
    boxes.put(two, gone(2));
    boxes.put(one, gone(3));
    ASSERT_TRUE(boxes.take(one));
    std::vector<std::uint64_t> seen;
    while (const auto arrival = boxes.take_any()) {
        seen.push_back(about(arrival->second));
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{2, 3}));
}

/// A list of what is unread, in the order in which it came.
struct Naive {
    std::deque<std::pair<DeviceId, std::uint32_t>> all;

    void drop(DeviceId id) {
        std::erase_if(all, [id](const auto& each) { return each.first == id; });
    }
    std::optional<std::uint32_t> take(DeviceId id) {
        const auto found = std::find_if(all.begin(), all.end(), [id](const auto& each) { return each.first == id; });
        if (found == all.end()) {
            return std::nullopt;
        }
        const std::uint32_t slot = found->second;
        all.erase(found);
        return slot;
    }
};

TEST(InboxesTest, OrderOfArrivalSurvivesEveryMixtureOfTakes) {
    std::mt19937 chance{7};
    Wakes wakes;
    Inboxes boxes{wakes};
    Naive naive;
    EXPECT_FALSE(boxes.take_any());
    std::vector<DeviceId> open;
    std::uint32_t next = 1;
    for (int step = 0; step < 60'000; ++step) {
        const std::uint32_t act = static_cast<std::uint32_t>(chance() % 100);
        if (open.size() < 3 || (act < 3 && open.size() < 40)) {
            open.push_back(DeviceId::make(2, next++));
            boxes.open(open.back());
            continue;
        }
        const std::size_t index = chance() % open.size();
        const DeviceId id = open[index];
        if (act < 50) {
            ASSERT_TRUE(boxes.put(id, gone(next)));
            naive.all.emplace_back(id, next++);
        } else if (act < 75) {
            const auto message = boxes.take(id);
            const auto expected = naive.take(id);
            ASSERT_EQ(message.has_value(), expected.has_value()) << step;
            ASSERT_TRUE(!message || about(*message) == *expected) << step;
        } else if (act < 97) {
            const auto arrival = boxes.take_any();
            ASSERT_EQ(arrival.has_value(), !naive.all.empty()) << step;
            if (arrival) {
                ASSERT_EQ(arrival->first, naive.all.front().first) << step;
                ASSERT_EQ(about(arrival->second), naive.all.front().second) << step;
                naive.all.pop_front();
            }
        } else {
            if (act == 97) {
                boxes.end(id, {});
            }
            boxes.close(id);
            naive.drop(id);
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(index));
        }
    }
}

TEST(InboxesTest, UnlinkedMessagesAreNotWaitedFor) {  // T-5
    Wakes wakes;
    Inboxes boxes{wakes};
    const DeviceId one = DeviceId::make(2, 1);
    boxes.open(one);
    EXPECT_FALSE(boxes.take_any());
    boxes.put(one, gone(5));
    boxes.put(one, gone(6));
    EXPECT_TRUE(boxes.take_back(one, DeviceId::make(1, 5)));
    const auto left = boxes.take_any();
    ASSERT_TRUE(left);
    EXPECT_EQ(about(left->second), 6U);
    EXPECT_FALSE(boxes.take_any());
    boxes.put(one, gone(7));
    boxes.end(one, {});
    EXPECT_FALSE(boxes.take_any()) << "D-9";
}

}  // namespace
}  // namespace backplane::talk
