// SPDX-License-Identifier: Apache-2.0
/// Task<T> by itself: laziness, values, exceptions, cancellation, depth. No Client is needed: what waits here waits for a switch.
#include <backplane/task.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace backplane {
namespace {

/// Something to wait for: whoever waits is resumed by `turn`.
class Switch {
  public:
    auto operator co_await() {
        struct Awaiter {
            Switch& on;
            [[nodiscard]] bool await_ready() const { return false; }
            void await_suspend(std::coroutine_handle<> waiting) { on.waiting_ = waiting; }
            void await_resume() const {}
        };
        return Awaiter{*this};
    }
    void turn() { std::exchange(waiting_, nullptr).resume(); }

  private:
    std::coroutine_handle<> waiting_;
};

/// Notes its end in a list.
struct Guard {
    std::vector<std::string>& ends;
    std::string name;
    ~Guard() { ends.push_back(name); }
};

Task<int> give(int value) { co_return value; }

Task<int> wait_and_give(Switch& on, int value) {
    co_await on;
    co_return value;
}

Task<long> sum_of(int count) {
    long sum = 0;
    for (int i = 0; i < count; ++i) {
        sum += co_await give(i);
    }
    co_return sum;
}

Task<int> deep(Switch& on, int depth) {
    if (depth == 0) {
        co_return co_await wait_and_give(on, 1);
    }
    co_return 1 + co_await deep(on, depth - 1);
}

Task<> guarded(Switch& on, std::vector<std::string>& ends) {
    const Guard outer{ends, "outer"};
    const auto inner = [](Switch& waits, std::vector<std::string>& list) -> Task<> {
        const Guard guard{list, "inner"};
        co_await waits;
    };
    co_await inner(on, ends);
}

TEST(TaskTest, NothingRunsBeforeItIsAskedFor) {
    bool ran = false;
    const auto make = [](bool& flag) -> Task<> {
        flag = true;
        co_return;
    };
    {
        const auto never = make(ran);
        EXPECT_FALSE(never.is_done());
    }
    EXPECT_FALSE(ran);
    auto task = make(ran);
    task.start();
    EXPECT_TRUE(ran);
    EXPECT_TRUE(task.is_done());
}

TEST(TaskTest, ValueComesWhenTheLastOfAChainIsWoken) {
    Switch on;
    auto task = deep(on, 3);
    task.start();
    EXPECT_FALSE(task.is_done());
    on.turn();
    ASSERT_TRUE(task.is_done());
    EXPECT_EQ(task.take(), 4);
}

TEST(TaskTest, ALoopOverTasksThatNeverWaitNeedsNoStack) {
    auto task = sum_of(1'000'000);
    task.start();
    ASSERT_TRUE(task.is_done());
    EXPECT_EQ(task.take(), 499'999'500'000L);
}

TEST(TaskTest, ALoopOverTasksThatWaitNeedsNoStack) {
    Switch on;
    const auto loop = [](Switch& waits) -> Task<int> {
        int sum = 0;
        for (int i = 0; i < 200'000; ++i) {
            sum += co_await wait_and_give(waits, 1);
        }
        co_return sum;
    };
    auto task = loop(on);
    task.start();
    while (!task.is_done()) {
        on.turn();
    }
    EXPECT_EQ(task.take(), 200'000);
}

TEST(TaskTest, AChainOfThousandsComesBack) {
    Switch on;
    auto task = deep(on, 2'000);
    task.start();
    on.turn();
    ASSERT_TRUE(task.is_done());
    EXPECT_EQ(task.take(), 2'001);
}

TEST(TaskTest, AnExceptionIsThrownWhereItIsAwaited) {
    Switch on;
    const auto thrower = [](Switch& waits) -> Task<int> {
        co_await waits;
        throw std::runtime_error{"boom"};
    };
    const auto catcher = [&thrower](Switch& waits) -> Task<std::string> {
        try {
            co_await thrower(waits);
        } catch (const std::runtime_error& caught) {
            co_return caught.what();
        }
        co_return "nothing";
    };
    auto task = catcher(on);
    task.start();
    on.turn();
    ASSERT_TRUE(task.is_done());
    EXPECT_EQ(task.take(), "boom");
}

TEST(TaskTest, DestroyingItCancelsTheWholeChainFromTheInside) {  // D-3
    Switch on;
    std::vector<std::string> ends;
    {
        auto task = guarded(on, ends);
        task.start();
        EXPECT_TRUE(ends.empty());
    }
    EXPECT_EQ(ends, (std::vector<std::string>{"inner", "outer"}));
}

TEST(TaskTest, AssigningToItCancelsWhatItHeld) {
    Switch on;
    std::vector<std::string> ends;
    auto task = guarded(on, ends);
    task.start();
    task = Task<>{};
    EXPECT_EQ(ends.size(), 2U);
    EXPECT_TRUE(task.is_done());
    EXPECT_FALSE(task);
}

TEST(TaskTest, ItMovesWhileItWaits) {
    Switch on;
    auto task = wait_and_give(on, 7);
    task.start();
    auto moved = std::move(task);
    moved.start();  // not a second time
    on.turn();
    EXPECT_EQ(moved.take(), 7);
}

TEST(TaskTest, MoveOnlyValues) {
    const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    const auto outer = [&make]() -> Task<std::unique_ptr<int>> { co_return co_await make(); };
    auto task = outer();
    task.start();
    EXPECT_EQ(*task.take(), 3);
}

}  // namespace
}  // namespace backplane
