// SPDX-License-Identifier: Apache-2.0
/// Workers of a daemon that crashed, as the host takes them up (X-12, F-5, T-12).
#include "daemon/process/identity.hpp"
#include "daemon/process/reap.hpp"
#include "tests/unit/process/support.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace backplane::process {
namespace {

using core::ExitHow;

/// A process of ours, in a group of its own, that lives until a signal ends it.
std::int32_t sleeper() {
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        pause();
        _exit(0);
    }
    setpgid(child, child);
    return child;
}

/// Plays the keeper: the parent of one worker, whose pid it tells; takes it away when a byte comes, and says so by ending.
struct Keeper {
    Keeper() {
        EXPECT_EQ(pipe(told_), 0);
        EXPECT_EQ(pipe(orders_), 0);
        pid = fork();
        if (pid == 0) {
            const std::int32_t child = sleeper();
            (void)!write(told_[1], &child, sizeof child);
            char order = 0;
            close(orders_[1]);
            (void)!read(orders_[0], &order, 1);
            reap(Whom::pid, child);
            _exit(0);
        }
        EXPECT_EQ(read(told_[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
    }
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;
    ~Keeper() {
        kill(worker, SIGKILL);
        take_away();
        for (const int fd : {told_[0], told_[1], orders_[0], orders_[1]}) {
            close(fd);
        }
    }
    void take_away() {
        if (pid > 0) {
            (void)!write(orders_[1], "x", 1);
            reap_ending(pid);
            pid = 0;
        }
    }
    std::int32_t pid = 0, worker = 0;
    int told_[2] = {}, orders_[2] = {};
};

struct Words final : Parent {
    explicit Words(std::int32_t keeper) : keeper_(keeper) {}
    void take_away(std::int32_t pid) override { taken.push_back(pid); }
    [[nodiscard]] std::int32_t pid() const override { return keeper_; }
    std::int32_t keeper_;
    std::vector<std::int32_t> taken;
};

class AdoptTest : public testing::ProcessTest {
  protected:
    static HostOptions kept_by(Parent& parent) {
        HostOptions options;
        options.parent = &parent;
        options.become_subreaper = false;
        return options;
    }
};

TEST_F(AdoptTest, X12_FactsOfAProcess) {
    const ProcessFacts own = facts_of(getpid());
    EXPECT_EQ(own.parent, getppid());
    EXPECT_EQ(own.group, getpgrp());
    EXPECT_GT(own.started_at, 0U);
    EXPECT_FALSE(own.is_dead);
    EXPECT_EQ(facts_of(own.parent).is_dead, false);
    EXPECT_EQ(facts_of(0x3fffffff).started_at, 0U);
    EXPECT_TRUE(environment_holds(getpid(), "PATH="));
    EXPECT_FALSE(environment_holds(getpid(), "no such text in any environment"));
    EXPECT_FALSE(environment_holds(0x3fffffff, "PATH="));
}

TEST_F(AdoptTest, X12_APidOfAnotherLifeIsNotAdopted) {
    Host host;
    const std::int32_t child = sleeper();
    const std::uint64_t started = facts_of(child).started_at;
    EXPECT_FALSE(host.adopt(1, 1, child, started + 1, false, {}).started);
    EXPECT_FALSE(host.adopt(1, 1, 0, started, false, {}).started);
    EXPECT_EQ(host.occupied(), 0U);
    // Its own it is, in the process that executed another program over itself.
    const SpawnOutcome adopted = host.adopt(1, 1, child, started, false, {});
    ASSERT_TRUE(adopted.started);
    EXPECT_EQ(host.signal(1, 1, SIGTERM), 0);
    const auto ended = end_of(host, 1, 1, adopted);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->how, ExitHow::signalled);
    EXPECT_EQ(ended->status, SIGTERM);
    EXPECT_TRUE(reap_until_empty(host, 1, 1));
}

TEST_F(AdoptTest, T12_TheKeeperTellsHowAndTakesAwayWhenToldTo) {
    Keeper keeper;
    Words words{keeper.pid};
    Host host{kept_by(words)};
    const SpawnOutcome adopted = host.adopt(3, 9, keeper.worker, facts_of(keeper.worker).started_at, false, {});
    ASSERT_TRUE(adopted.started);
    EXPECT_EQ(host.signal_group(3, 9, SIGUSR1), 0);
    ASSERT_TRUE(testing::wait_readable(adopted.pidfd));
    EXPECT_FALSE(host.take_exit(3, 9)) << "how is the keeper's to say";
    const auto whose = host.note_ended(keeper.worker, ExitHow::signalled, SIGUSR1);
    ASSERT_TRUE(whose);
    EXPECT_EQ(*whose, (Incarnation{3, 9}));
    const auto ended = host.take_exit(3, 9);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->how, ExitHow::signalled);
    EXPECT_EQ(ended->status, SIGUSR1);
    EXPECT_TRUE(words.taken.empty()) << "its group may still have to be signalled";
    EXPECT_EQ(host.reap(3, 9), ReapResult::lingering) << "it is there until the keeper has taken it away";
    EXPECT_EQ(words.taken, std::vector<std::int32_t>{keeper.worker});
    keeper.take_away();
    EXPECT_TRUE(sweep_until_empty(host, 3, 9));
}

TEST_F(AdoptTest, P5_WhoIsNobodysWorkerIsTakenAwayAtOnce) {
    Words words{1};
    Host host{kept_by(words)};
    EXPECT_FALSE(host.note_ended(4711, ExitHow::exited, 0));
    EXPECT_EQ(words.taken, std::vector<std::int32_t>{4711});
}

TEST_F(AdoptTest, F5_AnEndThatNobodyTellsOfIsUnknown) {
    Keeper stranger;
    Words words{1};  // the keeper is another
    Host host{kept_by(words)};
    const SpawnOutcome adopted = host.adopt(1, 1, stranger.worker, facts_of(stranger.worker).started_at, false, {});
    ASSERT_TRUE(adopted.started);
    EXPECT_FALSE(host.take_exit(1, 1));
    kill(stranger.worker, SIGKILL);
    const auto ended = end_of(host, 1, 1, adopted);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->how, ExitHow::unknown);
    EXPECT_EQ(host.signal_group(1, 1, SIGKILL), ESRCH) << "its number may be a stranger's by now";
    (void)host.reap(1, 1);
    stranger.take_away();
    EXPECT_TRUE(words.taken.empty());
}

TEST_F(AdoptTest, T12_OneThatWasReapedBeforeLeavesItsGroupToWatch) {
    Host host;
    EXPECT_FALSE(host.adopt(1, 1, 0x3ffffffe, 77, true, {}).started);
    EXPECT_EQ(host.reap(1, 1), ReapResult::stale);
    EXPECT_TRUE(sweep_until_empty(host, 1, 1));
    EXPECT_EQ(host.occupied(), 0U);
}

TEST_F(AdoptTest, T12_TheKernelLeavesThePidBeforeTheWorkerRuns) {
    Host host;
    std::int32_t place = 0;
    SpawnOptions options;
    options.pid_place = &place;
    options.resume = "1:2";
    const SpawnOutcome spawned = host.spawn(1, 1, shell("echo $$ $BACKPLANE_RESUME"), options);
    ASSERT_TRUE(spawned.started);
    EXPECT_EQ(place, spawned.pid);
    EXPECT_EQ(spawned.started_at, facts_of(spawned.pid).started_at);
    ASSERT_TRUE(end_of(host, 1, 1, spawned));
    EXPECT_TRUE(reap_until_empty(host, 1, 1));
    EXPECT_EQ(output(), std::to_string(place) + " 1:2\n");
}

}  // namespace
}  // namespace backplane::process
