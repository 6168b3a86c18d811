// SPDX-License-Identifier: Apache-2.0
/// A real keeper over a real daemon, which is killed, hangs, fails and ends in good order.
#include "daemon/keeper/keeper.hpp"
#include "tests/unit/keeper/support.hpp"

#include <gmock/gmock.h>

#include <set>

namespace backplane::keeper {
namespace {

using ::testing::ElementsAre;
using testing::eventually;
using ::testing::HasSubstr;
using testing::hit;
using testing::is_gone;
using testing::is_zombie;
using testing::KeeperTest;
using testing::Manager;
using testing::Report;
using testing::status_of;

using Clock = std::chrono::steady_clock;

std::int64_t ms_since(Clock::time_point then) { return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - then).count(); }

/// What the longest delay comes to. Less than that has passed: it was not waited for.
constexpr std::int64_t wait_ms = restart_wait_us(failures_max - 1, 1'000'000'000) / 1000;

std::string address_of_manager() { return "@backplane-keeper-test-" + std::to_string(getpid()); }

TEST_F(KeeperTest, AKilledDaemonIsBackAtOnceWithEverythingThatIsHeld) {
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    socklen_t size = sizeof(sa_family_t);  // the kernel chooses an abstract name
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&name), size), 0);
    ASSERT_EQ(listen(listener, 8), 0);
    size = sizeof name;
    ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size), 0);
    ASSERT_TRUE(start({"delay=1000000000", "held=" + std::to_string(key_listening_socket) + ":" + std::to_string(listener)}));
    close(listener);
    const int first = serving_daemon();
    EXPECT_EQ(welcome_.text, "welcome " + std::to_string(keeper_) + " 0 1 0");
    EXPECT_THAT(held_, ElementsAre(key_executable, key_listening_socket));
    order("hold_pipe 20");
    const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto before = Clock::now();
    hit(first, SIGKILL);
    ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&name), size), 0) << "nobody listened";
    const int second = next_daemon();
    const std::int64_t took_ms = ms_since(before);
    RecordProperty("restart_ms", static_cast<int>(took_ms));
    EXPECT_LT(took_ms, wait_ms) << "it was waited for as after a failure";
    EXPECT_NE(first, second);
    EXPECT_EQ(welcome_.text, "welcome " + std::to_string(keeper_) + " 0 1 1");
    EXPECT_THAT(held_, ElementsAre(key_executable, key_listening_socket, 20));
    order("accept 1");
    EXPECT_EQ(next().text, "accepted");
    order("read_held 20");
    EXPECT_EQ(next().text, "read " + std::to_string(first));
    close(client);
}

TEST_F(KeeperTest, WhatIsHeldIsReplacedAndDropped) {
    ASSERT_TRUE(start({}));
    hit(serving_daemon(), SIGKILL);
    const int second = next_daemon();
    order("hold_pipe 20");
    order("hold_pipe 21");
    order("hold 20 /dev/null");
    order("drop 21");
    order("hold_pipe 22");
    hit(second, SIGKILL);
    next_daemon();
    EXPECT_THAT(held_, ElementsAre(key_executable, 20, 22));
    order("read_held 20");
    EXPECT_EQ(next().text, "read ");
}

TEST_F(KeeperTest, AFullTableRefuses) {
    ASSERT_TRUE(start({}));
    const int first = serving_daemon();
    order("fill 100 " + std::to_string(held_max - 1));
    order("hold 50000 /dev/null");
    EXPECT_EQ(next().text, "refused 0 0 0 50000");
    order("fill 60000 3");
    EXPECT_EQ(next().text, "refused 0 0 0 60000");
    EXPECT_EQ(next().text, "refused 0 0 0 60001");
    EXPECT_EQ(next().text, "refused 0 0 0 60002");
    order("hold 100 /dev/null");
    order("drop 101");
    order("hold 50000 /dev/null");
    hit(first, SIGKILL);
    next_daemon();
    const std::set<std::int64_t> held{held_.begin(), held_.end()};
    EXPECT_EQ(held_.size(), held_max);
    EXPECT_EQ(held.size(), held_max);
    EXPECT_EQ(held.count(50000), 1U);
    EXPECT_EQ(held.count(101), 0U);
}

TEST_F(KeeperTest, WhatMakesNoSenseChangesNothingAndLeavesNothingOpen) {
    ASSERT_TRUE(start({}));
    const int first = serving_daemon();
    order("hold_pipe 20");
    order("hold_pipe 20");
    order("drop 20");
    order("fill 0 1");
    EXPECT_EQ(next().text, "refused 0 0 0 0");
    const std::size_t open = testing::descriptors_of(keeper_);
    order("malformed");
    EXPECT_EQ(next().text, "refused 0 0 0 0");
    order("fill 0 1");  // one that is answered, so that the ones before it have been read
    EXPECT_EQ(next().text, "refused 0 0 0 0");
    EXPECT_EQ(testing::descriptors_of(keeper_), open);
    EXPECT_FALSE(is_gone(first));
    hit(first, SIGKILL);
    next_daemon();
    EXPECT_THAT(held_, ElementsAre(key_executable));
    EXPECT_EQ(testing::descriptors_of(keeper_), open);
}

TEST_F(KeeperTest, TheNextDaemonRunsWhatTheLastOneHandedOver) {
    const std::string copy = ::testing::TempDir() + "bp_fake_daemon." + std::to_string(getpid());
    std::filesystem::copy_file(testing::folder_of_programs() + "bp_fake_daemon", copy);
    ASSERT_TRUE(start({}));
    const int first = serving_daemon();
    order("hold 3 " + copy);
    std::filesystem::remove(copy);  // what lies at the path by then does not matter
    hit(first, SIGKILL);
    const int second = next_daemon();
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(second) + "/exe"), copy + " (deleted)");
    EXPECT_THAT(held_, ElementsAre(key_executable));
}

TEST_F(KeeperTest, AnOrderlyEndIsTheKeepersEnd) {
    ASSERT_TRUE(start({}, {"serving", "done", "exit 5"}));
    EXPECT_EQ(keeper_ends(), 5);
}

TEST_F(KeeperTest, AnOrderlyEndByASignalIsToldAsAShellWould) {
    ASSERT_TRUE(start({}, {"done", "kill 9"}));
    EXPECT_EQ(keeper_ends(), 128 + 9);
}

TEST_F(KeeperTest, AFirstDaemonThatDoesNotComeUpIsNotTriedAgain) {
    ASSERT_TRUE(start({}, {"exit 3"}));
    EXPECT_EQ(keeper_ends(), 3);
    EXPECT_EQ(written(), "");
}

TEST_F(KeeperTest, AProgramThatCannotRunIs127) {
    ASSERT_TRUE(start({"exe=/dev/null"}));
    EXPECT_EQ(keeper_ends(), 127);
}

TEST_F(KeeperTest, AnExitThatWasNotAnnouncedIsACrashOnceOneHasServed) {
    ASSERT_TRUE(start({}));
    serving_daemon();
    last_order("exit 0");
    next_daemon();
    EXPECT_EQ(welcome_.number(4), 1);
    last_order("exit 3");
    next_daemon();
    EXPECT_EQ(welcome_.number(4), 2);
    order("done");
    last_order("exit 0");
    EXPECT_EQ(keeper_ends(), 0);
}

TEST_F(KeeperTest, TheLastWordOfOneThatDidNotReadIsHeard) {
    ASSERT_TRUE(start({}));
    serving_daemon();
    order("listen 0");
    signal_keeper(SIGHUP);
    last_order("done");
    last_order("exit 4");
    EXPECT_EQ(keeper_ends(), 4);
}

TEST_F(KeeperTest, WaitsDoubleUpToFiveSeconds) {
    EXPECT_EQ(restart_wait_us(0, 10'000), 0U);
    EXPECT_EQ(restart_wait_us(1, 10'000), 0U);
    EXPECT_EQ(restart_wait_us(2, 10'000), 10'000U);
    EXPECT_EQ(restart_wait_us(3, 10'000), 20'000U);
    EXPECT_EQ(restart_wait_us(9, 10'000), 1'280'000U);
    EXPECT_EQ(restart_wait_us(9, 100'000), 5'000'000U);
}

TEST_F(KeeperTest, GivesUpAfterTenFailuresAndSaysSo) {
    ASSERT_TRUE(start({"delay=1000"}, {"kill 9"}));
    std::vector<std::int64_t> starts;
    for (std::uint32_t n = 0; n < failures_max; ++n) {
        starts.push_back(next("up").number(1));
    }
    EXPECT_EQ(next().text.substr(0, 11), "allocations");
    EXPECT_EQ(keeper_ends(), 1);
    for (std::uint32_t n = 2; n < failures_max; ++n) {
        EXPECT_GE(starts[n] - starts[n - 1], static_cast<std::int64_t>(restart_wait_us(n, 1000))) << n;
    }
    EXPECT_EQ(written(),
              "backplaned: the keeper gives up: 10 daemons in a row ended before they served, the last one by signal 9; "
              "workers, where there are any, run on without a daemon\n");
}

TEST_F(KeeperTest, OneThatHasServedStartsTheCountAnew) {
    ASSERT_TRUE(start({"delay=1000000000"}));
    hit(next_daemon(), SIGKILL);
    hit(serving_daemon(), SIGKILL);
    const auto before = Clock::now();
    hit(next_daemon(), SIGKILL);
    next_daemon();
    EXPECT_EQ(welcome_.number(4), 3);
    EXPECT_LT(ms_since(before), wait_ms) << "as if it were the second in a row";
}

TEST_F(KeeperTest, SignalsArePassedOn) {
    ASSERT_TRUE(start({}));
    const int first = serving_daemon();
    signal_keeper(SIGTERM);
    EXPECT_EQ(next().text, "stop 0 0 0 1");
    signal_keeper(SIGINT);
    EXPECT_EQ(next().text, "stop 0 0 0 2");
    signal_keeper(SIGHUP);
    EXPECT_EQ(next().text, "signal 0 0 " + std::to_string(SIGHUP) + " 0");
    signal_keeper(SIGUSR2);
    EXPECT_EQ(next().text, "signal 0 0 " + std::to_string(SIGUSR2) + " 0");
    hit(first, SIGKILL);
    next_daemon();
    EXPECT_EQ(welcome_.number(2), 2) << "the next one does not know that it is to stop";
    signal_keeper(SIGTERM);
    EXPECT_EQ(next().text, "stop 0 0 0 3") << "what the welcome told of was told again";
}

TEST_F(KeeperTest, WhileNoDaemonLivesSignalsAndEndsWaitForTheOneThatAStopRequestStarts) {
    ASSERT_TRUE(start({"delay=1000000000"}));
    serving_daemon();
    order("worker");
    const int worker = static_cast<int>(next("worker").number(1));
    last_order("kill 9");
    hit(next_daemon(), SIGKILL);
    const int last = next_daemon();
    hit(last, SIGKILL);
    ASSERT_TRUE(eventually([last] { return is_gone(last); }));
    signal_keeper(SIGHUP);
    signal_keeper(SIGUSR2);
    hit(worker, SIGKILL);
    ASSERT_TRUE(eventually([worker] { return is_zombie(worker); }));
    signal_keeper(SIGCHLD);
    EXPECT_TRUE(is_zombie(worker)) << "its status is lost, and its pid may be another's";
    const auto before = Clock::now();
    signal_keeper(SIGTERM);
    next_daemon();
    EXPECT_LT(ms_since(before), wait_ms) << "the stop request waits for what is left of five seconds";
    EXPECT_EQ(welcome_.number(2), 1);
    EXPECT_EQ(welcome_.number(4), 3);
    EXPECT_EQ(next().text, "signal 0 0 " + std::to_string(SIGHUP) + " 0");
    EXPECT_EQ(next().text, "signal 0 0 " + std::to_string(SIGUSR2) + " 0");
    EXPECT_EQ(next().text, "ended " + std::to_string(worker) + " " + std::to_string(CLD_KILLED) + " 9 0");
}

TEST_F(KeeperTest, NothingIsLostWhereTheSocketIsFull) {
    ASSERT_TRUE(start({}));
    serving_daemon();
    order("child 7");
    order("listen 0");
    for (int n = 0; n < 600; ++n) {
        signal_keeper(SIGHUP);
    }
    signal_keeper(SIGTERM);
    signal_keeper(SIGUSR2);
    EXPECT_TRUE(eventually([this] { return status_of(keeper_, "State").starts_with("S"); })) << "it asks again and again";
    order("listen 1");
    int hangups = 0;
    Report report = next();
    for (; report.text == "signal 0 0 " + std::to_string(SIGHUP) + " 0" || report.text.starts_with("child"); report = next()) {
        hangups += report.text.starts_with("signal") ? 1 : 0;
    }
    EXPECT_LT(hangups, 600) << "the socket was not full";
    EXPECT_EQ(report.text, "stop 0 0 0 1");
    EXPECT_THAT(next().text, ::testing::StartsWith("signal 0 0 "));
}

TEST_F(KeeperTest, EndedChildrenAreToldOneAfterTheOtherAndStayUntilReaped) {
    ASSERT_TRUE(start({}, {}, {true, false}));
    const int first = serving_daemon();
    order("child 7");
    order("child 8");
    std::set<int> children{static_cast<int>(next().number(1)), static_cast<int>(next().number(1))};
    hit(first, SIGKILL);  // they were its children, and are the keeper's now
    const int second = serving_daemon();
    Report ended = next("ended");
    EXPECT_EQ(ended.number(2), CLD_EXITED);
    EXPECT_THAT(ended.number(3), ::testing::AnyOf(7, 8));
    EXPECT_EQ(children.count(static_cast<int>(ended.number(1))), 1U);
    hit(second, SIGKILL);  // before it has acknowledged anything
    next_daemon();
    for (std::size_t left = children.size(); left > 0; --left) {
        ended = next();
        const int pid = static_cast<int>(ended.number(1));
        ASSERT_EQ(children.erase(pid), 1U) << ended.text;
        order("reaped " + std::to_string(welcome_.pid));
        order("fill 0 1");
        EXPECT_EQ(next().text, "refused 0 0 0 0") << "the next one was told too early";
        EXPECT_TRUE(is_zombie(pid)) << "taken away by another's name, or by none";
        order("reaped " + std::to_string(pid));
        EXPECT_TRUE(eventually([pid] { return is_gone(pid); }));
    }
}

TEST_F(KeeperTest, OrphansAreToldToo) {
    ASSERT_TRUE(start({}));
    serving_daemon();
    order("orphan 9");
    const Report ended = next();
    EXPECT_THAT(ended.text, ::testing::StartsWith("ended "));
    EXPECT_EQ(ended.number(2), CLD_EXITED);
    EXPECT_EQ(ended.number(3), 9);
    order("reaped " + std::to_string(ended.number(1)));
    EXPECT_TRUE(eventually([&] { return is_gone(static_cast<int>(ended.number(1))); }));
}

TEST_F(KeeperTest, TheWatchdogIsFedWhileTheDaemonAnswersAndKillsOneThatHangs) {
    const Manager manager{address_of_manager()};
    ASSERT_TRUE(start({"watchdog=1000000", "notify=" + address_of_manager()}));
    serving_daemon();
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    order("trap");
    order("mute");
    EXPECT_EQ(next("aborted").text, "aborted");
    const int second = next_daemon();
    ASSERT_NE(second, 0) << "SIGKILL did not follow";
    while (!manager.next(0).empty()) {
    }
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    hit(second, SIGSTOP);
    next_daemon();
    EXPECT_EQ(welcome_.number(4), 2);
}

TEST_F(KeeperTest, ANewDaemonIsAskedAtOnce) {
    const Manager manager{address_of_manager()};
    ASSERT_TRUE(start({"watchdog=200000000", "notify=" + address_of_manager()}));
    const int first = serving_daemon();
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    hit(first, SIGKILL);
    serving_daemon();
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
}

TEST_F(KeeperTest, TheManagerIsNotToldThatAHungDaemonLives) {
    const Manager manager{address_of_manager()};
    ASSERT_TRUE(start({"watchdog=1000000", "notify=" + address_of_manager()}, {"mute"}));
    next_daemon();
    next_daemon();
    EXPECT_EQ(manager.next(0), "");
}

TEST_F(KeeperTest, ADaemonThatSleptAsLongAsTheKeeperDidIsGivenTime) {
    const Manager manager{address_of_manager()};
    ASSERT_TRUE(start({"watchdog=960000", "notify=" + address_of_manager()}));
    const int first = serving_daemon();
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    hit(keeper_, SIGSTOP);
    hit(first, SIGSTOP);
    poll(nullptr, 0, 800);  // the machine sleeps: until its answer is late by more than a quarter of the time
    hit(keeper_, SIGCONT);
    ASSERT_TRUE(eventually([this] { return status_of(keeper_, "State").starts_with("S"); }));
    hit(first, SIGCONT);
    while (!manager.next(0).empty()) {
    }
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    order("hold_pipe 20");
    EXPECT_FALSE(is_gone(first));
}

TEST_F(KeeperTest, NotificationsArePassedOnAsTheyAre) {
    const std::string path = ::testing::TempDir() + "keeper-notify." + std::to_string(getpid());
    const Manager manager{path};
    ASSERT_TRUE(start({"notify=" + path}));
    serving_daemon();
    order("notify 0 READY=1\nSTATUS=up");
    EXPECT_EQ(manager.next(), "READY=1\nSTATUS=up");
    std::filesystem::remove(path);
    order("notify 0 lost");
    order("done");
    last_order("exit 0");
    EXPECT_EQ(keeper_ends(), 0);
}

TEST_F(KeeperTest, ADaemonThatClosedItsEndIsWaitedForInPeace) {
    ASSERT_TRUE(start({}));
    const int first = serving_daemon();
    order("close");
    ASSERT_TRUE(eventually([this] { return status_of(keeper_, "State").starts_with("S"); }));
    signal_keeper(SIGHUP);
    hit(first, SIGKILL);
    next_daemon();
    EXPECT_EQ(next().text, "signal 0 0 " + std::to_string(SIGHUP) + " 0");
}

TEST_F(KeeperTest, AnIdleKeeperSleeps) {
    ASSERT_TRUE(start({}));
    serving_daemon();
    order("fill 0 1");
    EXPECT_EQ(next().text, "refused 0 0 0 0");
    ASSERT_TRUE(eventually([this] { return status_of(keeper_, "State").starts_with("S"); }));
    const std::string before = status_of(keeper_, "voluntary_ctxt_switches") + "+" + status_of(keeper_, "nonvoluntary_ctxt_switches");
    pollfd none{-1, 0, 0};
    poll(&none, 1, 300);  // it is nothing that is waited for
    EXPECT_EQ(status_of(keeper_, "voluntary_ctxt_switches") + "+" + status_of(keeper_, "nonvoluntary_ctxt_switches"), before);
    EXPECT_THAT(status_of(keeper_, "State"), ::testing::StartsWith("S"));
}

TEST_F(KeeperTest, NothingIsAllocatedAfterTheStart) {
    const Manager manager{address_of_manager()};
    ASSERT_TRUE(start({"watchdog=40000000", "notify=" + address_of_manager()}));
    const int first = serving_daemon();
    order("fill 100 " + std::to_string(held_max));
    order("notify 0 READY=1");
    order("child 7");
    signal_keeper(SIGHUP);
    hit(first, SIGKILL);
    serving_daemon();
    order("reaped " + std::to_string(next("ended").number(1)));
    order("malformed");
    signal_keeper(SIGTERM);
    order("done");
    last_order("exit 0");
    const Report report = next("allocations");
    EXPECT_EQ(keeper_ends(), 0);
    if (report.text == "allocations uncounted") {
        GTEST_SKIP() << "a sanitizer has the allocator";
    }
    EXPECT_EQ(report.text, "allocations 0");
}

TEST_F(KeeperTest, GivingUpAllocatesNothingEither) {
    ASSERT_TRUE(start({"delay=1"}, {"kill 9"}));
    EXPECT_THAT(next("allocations").text, ::testing::AnyOf("allocations 0", "allocations uncounted"));
    EXPECT_EQ(keeper_ends(), 1);
}

TEST_F(KeeperTest, WorksAsTheFirstProcessOfAContainer) {
    if (!start({}, {}, {false, true})) {
        GTEST_SKIP() << "no new pid namespace: " << std::strerror(errno);
    }
    serving_daemon();
    EXPECT_EQ(welcome_.number(1), 1);
    order("orphan 5");
    Report ended = next();
    EXPECT_EQ(ended.number(3), 5);
    order("reaped " + std::to_string(ended.number(1)));
    order("child 6");
    last_order("kill 9");
    next_daemon();
    EXPECT_EQ(welcome_.number(4), 1);
    ended = next("ended");
    EXPECT_EQ(ended.number(3), 6);
    signal_keeper(SIGTERM);
    EXPECT_EQ(next().text, "stop 0 0 0 1");
    order("done");
    last_order("exit 6");
    EXPECT_EQ(keeper_ends(), 6);
}

}  // namespace
}  // namespace backplane::keeper
