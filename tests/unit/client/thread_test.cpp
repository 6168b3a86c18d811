// SPDX-License-Identifier: Apache-2.0
/// What other threads may do with a Client: post to it, call it, and give it a thread of its own. Run under ThreadSanitizer too.
#include "tests/unit/client/scripted_client.hpp"

#include <sys/wait.h>
#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

namespace backplane {
namespace {

class ThreadTest : public ScriptedClient {};

TEST_F(ThreadTest, PostsRunWithinDispatchInOrderOnItsThread) {
    greet();
    std::vector<int> order;
    std::thread::id ran_by;
    std::thread other{[&] {
        for (int i = 0; i < 100; ++i) {
            EXPECT_TRUE(client->post([&, i](Client&) {
                order.push_back(i);
                ran_by = std::this_thread::get_id();
            }));
        }
    }};
    other.join();
    EXPECT_TRUE(order.empty());
    ASSERT_TRUE(client->wait(plenty));
    ASSERT_EQ(order.size(), 100U);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(ran_by, std::this_thread::get_id());
}

TEST_F(ThreadTest, APostWakesWhoeverWaits) {
    greet();
    bool ran = false;
    std::thread other{[&] { EXPECT_TRUE(client->post([&](Client&) { ran = true; })); }};
    while (!ran) {
        ASSERT_TRUE(client->wait(plenty));
    }
    other.join();
}

TEST_F(ThreadTest, APostFromAPostIsForTheNextDispatch) {
    greet();
    int depth = 0;
    ASSERT_TRUE(client->post([&](Client& first) {
        depth = 1;
        EXPECT_TRUE(first.post([&](Client&) { depth = 2; }));
    }));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(depth, 1);
    ASSERT_TRUE(client->wait(plenty));
    EXPECT_EQ(depth, 2);
}

TEST_F(ThreadTest, WithAThreadOfItsOwnOthersAreToldThatItIsNotTheirs) {
    greet();
    ASSERT_TRUE(client->start_thread());
    EXPECT_EQ(client->start_thread().error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(client->dispatch().error().code, ErrorCode::wrong_thread);
    EXPECT_EQ(client->wait(plenty).error().code, ErrorCode::wrong_thread);
    EXPECT_EQ(client->ping(plenty).error().code, ErrorCode::wrong_thread);
    EXPECT_EQ(device.link(ScriptedDaemon::line(1), LinkMode::monitor).error().code, ErrorCode::wrong_thread);
    const auto id = client->call([](Client& own) -> std::thread::id {
        EXPECT_TRUE(own.dispatch());
        return std::this_thread::get_id();
    });
    ASSERT_TRUE(id);
    EXPECT_NE(*id, std::this_thread::get_id());
    client->stop_thread();
    client->stop_thread();
    EXPECT_TRUE(client->dispatch()) << "it is ours again";
}

TEST_F(ThreadTest, TheThreadServesWhatArrives) {
    greet();
    std::atomic<bool> told = false;
    ASSERT_TRUE(client->start_thread());
    ASSERT_TRUE(client->call([&](Client& own) {
        own.spawn([](Device& mine, std::atomic<bool>& flag) -> Task<> {
            static_cast<void>(co_await mine.next());
            flag = true;
            flag.notify_all();
        }(device, told));
    }));
    say(daemon.notice(device.id(), ScriptedDaemon::line(1)));
    told.wait(false);
    client->stop_thread();
}

TEST_F(ThreadTest, CallsGiveValuesAndThrow) {
    greet();
    ASSERT_TRUE(client->start_thread());
    const auto value = client->call([](Client&) { return std::string{"value"}; }, plenty);
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, "value");
    EXPECT_THROW(static_cast<void>(client->call([](Client&) { throw std::runtime_error{"boom"}; })), std::runtime_error);
    client->stop_thread();
    const auto late = client->call([](Client&) {}, std::chrono::milliseconds{1});
    ASSERT_FALSE(late) << "nobody serves it";
    EXPECT_EQ(late.error().code, ErrorCode::timeout);
}

TEST_F(ThreadTest, ManyThreadsPostWhileItRuns) {
    greet();
    constexpr int posters = 4;
    constexpr int posts = 2'000;
    int sum = 0;  // touched by the Client's thread alone
    ASSERT_TRUE(client->start_thread());
    std::vector<std::thread> threads;
    for (int i = 0; i < posters; ++i) {
        threads.emplace_back([&] {
            for (int j = 0; j < posts; ++j) {
                EXPECT_TRUE(client->post([&sum](Client&) { ++sum; }));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const auto total = client->call([&sum](Client&) { return sum; });
    ASSERT_TRUE(total);
    EXPECT_EQ(*total, posters * posts);
}

TEST_F(ThreadTest, NothingRunsAfterTheClientIsClosed) {
    greet();
    const auto ran = std::make_shared<bool>(false);
    ASSERT_TRUE(client->post([ran](Client&) { *ran = true; }));
    client.reset();
    EXPECT_FALSE(*ran);
    EXPECT_EQ(ran.use_count(), 1) << "and what it held is gone";
}

TEST_F(ThreadTest, TheThreadRunsPostsAfterTheConnectionHasEnded) {
    greet();
    ASSERT_TRUE(client->start_thread());
    ::shutdown(peer, SHUT_RDWR);
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(client->call([](Client&) {}, plenty));
    }
    const auto ended = client->call([](Client& own) { return own.ended(); }, plenty);
    ASSERT_TRUE(ended);
    EXPECT_TRUE(*ended);
}

TEST_F(ThreadTest, AForkedChildIsRefusedAndLeavesTheThreadAlone) {
    greet();
    ASSERT_TRUE(client->start_thread());
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const bool refused = client->post([](Client&) {}).error().code == ErrorCode::wrong_process &&
                             client->dispatch().error().code == ErrorCode::wrong_process;
        client.reset();
        ::_exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(client->call([](Client&) {}, plenty));
}

}  // namespace
}  // namespace backplane
