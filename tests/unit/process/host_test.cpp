// SPDX-License-Identifier: Apache-2.0
/// The table of workers with real processes: ends, groups, generations, cleaning up (P-1 to P-5, F-5, D-12).
#include "daemon/process/group.hpp"
#include "daemon/process/reap.hpp"
#include "tests/unit/process/support.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace backplane::process {
namespace {

using core::ExitHow;

class HostTest : public testing::ProcessTest {
  protected:
    /// The pid that a worker wrote to its output, once it has.
    std::int32_t pid_told() {
        EXPECT_TRUE(testing::eventually([&] { return output().ends_with("\n"); }));
        return std::atoi(output().c_str());
    }
    static bool is_there(std::int32_t pid) { return kill(pid, 0) == 0; }

    Host host_;
};

TEST_F(HostTest, F5_TheWaysToEndAreToldApart) {
    auto ended = run(host_, shell("exit 3"));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->how, ExitHow::exited);
    EXPECT_EQ(ended->status, 3);
    ended = run(host_, shell("kill -TERM $$"));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->how, ExitHow::signalled);
    EXPECT_EQ(ended->status, SIGTERM);
    // Whether a core is dumped depends on the limit; the signal does not.
    ended = run(host_, shell("ulimit -c 0; kill -ABRT $$"));
    ASSERT_TRUE(ended);
    EXPECT_NE(ended->how, ExitHow::exited);
    EXPECT_EQ(ended->status, SIGABRT);
}

TEST_F(HostTest, P1_AnEndIsToldOnceAndAlsoWhenNobodyLookedForLong) {
    const SpawnOutcome first = host_.spawn(1, 7, shell("exit 5"), {});
    const SpawnOutcome second = host_.spawn(2, 1, shell("exit 6"), {});
    ASSERT_TRUE(first.started && second.started);
    ASSERT_TRUE(testing::wait_readable(first.pidfd) && testing::wait_readable(second.pidfd));
    // One SIGCHLD may have stood for both; a sweep takes neither leader away.
    EXPECT_TRUE(host_.sweep().empty());
    const auto ended = host_.take_exit(1, 7);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, 5);
    EXPECT_FALSE(host_.take_exit(1, 7));
    ASSERT_TRUE(host_.take_exit(2, 1));
    EXPECT_TRUE(reap_until_empty(host_, 1, 7));
    EXPECT_TRUE(reap_until_empty(host_, 2, 1));
    EXPECT_EQ(host_.occupied(), 0U);
}

TEST_F(HostTest, P2_TheLeaderKeepsItsPidUntilReaped) {
    const SpawnOutcome spawned = host_.spawn(1, 1, shell("exit 0"), {});
    ASSERT_TRUE(spawned.started);
    EXPECT_EQ(host_.pid_of(1), spawned.pid);
    EXPECT_EQ(host_.reap(1, 1), ReapResult::alive);
    ASSERT_TRUE(end_of(host_, 1, 1, spawned));
    EXPECT_EQ(host_.pid_of(1), spawned.pid);
    EXPECT_TRUE(is_there(spawned.pid)) << "a zombie still has its pid";
    EXPECT_EQ(host_.signal(1, 1, SIGTERM), ESRCH) << "but nobody hears";
    EXPECT_TRUE(reap_until_empty(host_, 1, 1));
    EXPECT_EQ(host_.pid_of(1), 0);
    EXPECT_EQ(host_.signal_group(1, 1, SIGKILL), ESRCH);
    EXPECT_EQ(host_.reap(1, 1), ReapResult::stale);
}

TEST_F(HostTest, P4_ADoubleForkInTheGroupIsKilledAndSeenEmpty) {
    const SpawnOutcome spawned = host_.spawn(1, 1, shell("(sleep 1000 & echo $!); exit 0"), {});
    ASSERT_TRUE(end_of(host_, 1, 1, spawned));
    const std::int32_t orphan = pid_told();
    EXPECT_TRUE(is_there(orphan));
    EXPECT_EQ(host_.signal_group(1, 1, SIGKILL), 0);
    EXPECT_TRUE(reap_until_empty(host_, 1, 1));
    EXPECT_FALSE(is_there(orphan)) << "told empty while a grandchild or its zombie is there";
    EXPECT_EQ(host_.next_sweep_delay_ms(), -1);
}

TEST_F(HostTest, P4_AGroupThatLivesOnIsNotEmptyAndBlocksTheNextRun) {
    ASSERT_EQ(mkfifo(path("gate").c_str(), 0600), 0);
    const std::string script = "(read x < " + path("gate") + ") & echo $!; kill -KILL $$";
    const SpawnOutcome spawned = host_.spawn(1, 1, shell(script), {});
    const auto ended = end_of(host_, 1, 1, spawned);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, SIGKILL);
    const std::int32_t grandchild = pid_told();
    EXPECT_EQ(host_.reap(1, 1), ReapResult::lingering);
    EXPECT_TRUE(host_.sweep().empty());
    EXPECT_GT(host_.next_sweep_delay_ms(), 0);
    EXPECT_TRUE(is_there(grandchild));
    // P-2: after the reap its group is only watched. Invariant 1: no second run beside it.
    EXPECT_EQ(host_.signal_group(1, 1, SIGKILL), ESRCH);
    const SpawnOutcome second = host_.spawn(1, 2, shell("exit 0"), {});
    EXPECT_FALSE(second.started);
    EXPECT_EQ(second.error_number, EBUSY);
    std::ofstream{path("gate")} << "go\n";
    EXPECT_TRUE(sweep_until_empty(host_, 1, 1));
    EXPECT_FALSE(is_there(grandchild));
    EXPECT_TRUE(host_.sweep().empty()) << "told twice";
    EXPECT_TRUE(host_.spawn(1, 2, shell("exit 0"), {}).started);
}

TEST_F(HostTest, P5_OrphansOfALivingWorkerAreReaped) {
    const SpawnOutcome spawned = host_.spawn(1, 1, shell("(true & echo $!); exec sleep 1000"), {});
    ASSERT_TRUE(spawned.started);
    const std::int32_t orphan = pid_told();
    EXPECT_TRUE(testing::eventually([&] {
        (void)host_.sweep();
        return !is_there(orphan);
    }));
    EXPECT_TRUE(is_there(spawned.pid));
}

TEST_F(HostTest, P5_AZombieLeaderHidesOrphansOnlyUntilItIsReaped) {
    const SpawnOutcome dead = host_.spawn(1, 1, shell("exit 0"), {});
    ASSERT_TRUE(testing::wait_readable(dead.pidfd));
    (void)host_.sweep();
    EXPECT_GT(host_.next_sweep_delay_ms(), 0) << "there may be more behind it";
    ASSERT_TRUE(host_.take_exit(1, 1));
    EXPECT_TRUE(reap_until_empty(host_, 1, 1));
    (void)host_.sweep();
    EXPECT_EQ(host_.next_sweep_delay_ms(), -1);
}

TEST_F(HostTest, S27_AStaleGenerationIsIgnored) {
    const SpawnOutcome spawned = host_.spawn(1, 5, program({"sleep", "1000"}), {});
    ASSERT_TRUE(spawned.started);
    for (const std::uint32_t wrong : {4U, 6U}) {
        EXPECT_EQ(host_.signal(1, wrong, SIGKILL), ESRCH);
        EXPECT_EQ(host_.signal_group(1, wrong, SIGKILL), ESRCH);
        EXPECT_EQ(host_.reap(1, wrong), ReapResult::stale);
        EXPECT_FALSE(host_.take_exit(1, wrong));
        EXPECT_TRUE(host_.read_notify(1, wrong).says_nothing());
    }
    EXPECT_EQ(host_.signal(99, 5, SIGKILL), ESRCH);
    EXPECT_FALSE(host_.take_exit(1, 5)) << "it lives";
    EXPECT_EQ(host_.signal(1, 5, SIGTERM), 0);
    const auto ended = end_of(host_, 1, 5, spawned);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, SIGTERM);
}

TEST_F(HostTest, P3_TheStopSignalGoesToTheLeaderOrToAll) {
    const std::string script =
        "trap 'echo leader' USR1; (trap 'echo other; exit' USR1; echo up; while :; do sleep 0.01; done) & "
        "while :; do wait; done";
    const SpawnOutcome spawned = host_.spawn(1, 1, shell(script), {});
    ASSERT_TRUE(spawned.started);
    ASSERT_TRUE(testing::eventually([&] { return output() == "up\n"; }));
    EXPECT_EQ(host_.signal(1, 1, SIGUSR1), 0);
    ASSERT_TRUE(testing::eventually([&] { return output() == "up\nleader\n"; }));
    EXPECT_EQ(host_.signal_group(1, 1, SIGUSR1), 0);
    EXPECT_TRUE(testing::eventually([&] { return output().size() == std::string{"up\nleader\nleader\nother\n"}.size(); }));
}

TEST_F(HostTest, P6_AStoppedWorkerHoldsNobodyAndDiesOfSigkill) {
    const SpawnOutcome stopped = host_.spawn(1, 1, program({"sleep", "1000"}), {});
    ASSERT_EQ(host_.signal(1, 1, SIGSTOP), 0);
    EXPECT_FALSE(host_.take_exit(1, 1)) << "stopped is not dead";
    const auto other = host_.spawn(2, 1, shell("exit 0"), {});
    ASSERT_TRUE(end_of(host_, 2, 1, other));
    EXPECT_EQ(host_.signal_group(1, 1, SIGKILL), 0);
    const auto ended = end_of(host_, 1, 1, stopped);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, SIGKILL);
}

TEST_F(HostTest, S11_WhatAWorkerSaidBeforeItsEndComesWithTheEnd) {
    SpawnOptions options;
    options.wants_notify = true;
    options.notify_directory = folder_;
    const SpawnOutcome spawned = host_.spawn(3, 9, shell("echo $NOTIFY_SOCKET; exec sleep 1000"), options);
    ASSERT_TRUE(spawned.started);
    ASSERT_GE(spawned.notify_fd, 0);
    (void)pid_told();
    ASSERT_EQ(output(), path("notify-3-9") + "\n");
    const Descriptor from{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strcpy(to.sun_path, path("notify-3-9").c_str());
    ASSERT_EQ(connect(from.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    ASSERT_EQ(send(from.get(), "STATUS=soon", 11, 0), 11);
    ASSERT_TRUE(testing::wait_readable(spawned.notify_fd));
    EXPECT_EQ(host_.read_notify(3, 9).status, "soon");
    ASSERT_EQ(send(from.get(), "READY=1", 7, 0), 7);
    host_.signal(3, 9, SIGKILL);
    const auto ended = end_of(host_, 3, 9, spawned);
    ASSERT_TRUE(ended);
    EXPECT_TRUE(ended->said.ready);
    EXPECT_TRUE(reap_until_empty(host_, 3, 9));
    EXPECT_FALSE(std::filesystem::exists(path("notify-3-9")));
}

TEST_F(HostTest, T10_ASocketThatWasBoundBeforeTheSpawnIsTheWorkers) {
    SpawnOptions options;
    options.wants_notify = true;
    options.notify_directory = folder_;
    const int bound = host_.bind_notify(3, 9, folder_);
    ASSERT_GE(bound, 0);
    EXPECT_EQ(host_.notify_paths(), std::vector<std::string>{path("notify-3-9")});
    const SpawnOutcome spawned = host_.spawn(3, 9, shell("exec sleep 1000"), options);
    ASSERT_TRUE(spawned.started);
    EXPECT_EQ(spawned.notify_fd, bound);
    EXPECT_EQ(host_.bind_notify(3, 10, folder_), -EBUSY);
    EXPECT_EQ(host_.bind_notify(4, 1, path("missing")), -ENOENT);
    host_.signal(3, 9, SIGKILL);
    ASSERT_TRUE(end_of(host_, 3, 9, spawned));
    EXPECT_TRUE(reap_until_empty(host_, 3, 9));
    EXPECT_TRUE(host_.notify_paths().empty());
}

TEST_F(HostTest, Decision21_OlderKernelsAreServedByTheOlderCalls) {
    HostOptions masked;
    masked.features.clone_pidfd = false;
    masked.features.waitid_pidfd = false;
    masked.features.close_range = false;
    Host host{masked};
    const auto ended = run(host, shell("exit 4"));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, 4);
}

TEST_F(HostTest, P1_AnInheritedIgnoringOfSigchldLosesNoStatus) {
    const auto before = ::signal(SIGCHLD, SIG_IGN);
    {
        Host host;
        const auto ended = run(host, shell("exit 8"));
        ASSERT_TRUE(ended);
        EXPECT_EQ(ended->how, ExitHow::exited);
        EXPECT_EQ(ended->status, 8);
    }
    ::signal(SIGCHLD, before);
}

TEST_F(HostTest, F5_AStatusThatAnotherTookIsUnknownAndNeverZero) {
    const SpawnOutcome spawned = host_.spawn(1, 1, shell("exit 0"), {});
    ASSERT_TRUE(testing::wait_readable(spawned.pidfd));
    process::reap(Whom::pid, spawned.pid);
    const auto ended = host_.take_exit(1, 1);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->how, ExitHow::unknown);
    EXPECT_EQ(host_.signal_group(1, 1, SIGKILL), ESRCH) << "that number may be a stranger's";
    EXPECT_TRUE(reap_until_empty(host_, 1, 1));
}

TEST_F(HostTest, Threats_AThousandStartsLeaveNothingBehind) {
    constexpr core::ChildIndex at_once = 20;
    const auto before = testing::open_descriptors();
    core::LaunchSpec launch = program({"/bin/true"});
    launch.stdout_to = {core::OutputKind::null, ""};
    core::LaunchSpec broken = launch;
    broken.exec = {"/no/such/program"};
    int lost = 0;
    for (std::uint32_t generation = 1; generation <= 10; ++generation) {
        std::vector<SpawnOutcome> started;
        for (core::ChildIndex child = 1; child <= at_once; ++child) {
            started.push_back(host_.spawn(child, generation, launch, {}));
        }
        for (int failure = 0; failure < 80; ++failure) {
            lost += host_.spawn(at_once + 1, generation, broken, {}).started ? 1 : 0;
        }
        // The others are dead together by now: zombies that hide each other from a sweep.
        for (core::ChildIndex child = 1; child <= at_once; ++child) {
            const SpawnOutcome& spawned = started[child - 1];
            const bool is_good = spawned.started && end_of(host_, child, generation, spawned) && reap_until_empty(host_, child, generation);
            lost += is_good ? 0 : 1;
        }
    }
    EXPECT_EQ(lost, 0) << "1000 tried";
    EXPECT_EQ(host_.occupied(), 0U);
    EXPECT_EQ(testing::open_descriptors(), before);
    EXPECT_EQ(peek(Whom::any, 0).error_number, ECHILD);
}

TEST_F(HostTest, T13_TheEndOfTheHostLeavesNobody) {
    std::int32_t leader = 0;
    std::int32_t other = 0;
    {
        Host host;
        const SpawnOutcome spawned = host.spawn(1, 1, shell("trap '' TERM; (trap '' TERM; sleep 1000) & echo $!; wait"), {});
        leader = spawned.pid;
        other = pid_told();
        EXPECT_TRUE(is_there(leader) && is_there(other));
    }
    EXPECT_FALSE(is_there(leader) || is_there(other));
}

TEST_F(HostTest, P5_WhoLeftTheGroupBecomesOursAndIsFoundAtTheEnd) {
    const SpawnOutcome spawned = host_.spawn(1, 1, shell("setsid sh -c 'echo $$; exec sleep 1000' & wait"), {});
    ASSERT_TRUE(spawned.started);
    const std::int32_t fugitive = pid_told();
    host_.signal_group(1, 1, SIGKILL);
    ASSERT_TRUE(end_of(host_, 1, 1, spawned));
    // Without control groups the group is all that is waited for.
    EXPECT_TRUE(reap_until_empty(host_, 1, 1));
    EXPECT_TRUE(is_there(fugitive));
    EXPECT_EQ(host_.kill_strays(), 1U);
    EXPECT_FALSE(is_there(fugitive));
    EXPECT_EQ(host_.kill_strays(), 0U);
}

TEST_F(HostTest, P5_ChildrenFromBeforeAreNoneOfOurBusiness) {
    const pid_t older = fork();
    if (older == 0) {
        pause();
        _exit(0);
    }
    {
        Host host;
        EXPECT_EQ(host.kill_strays(), 0U);
    }
    EXPECT_TRUE(is_there(older));
    kill(older, SIGKILL);
    reap_ending(older);
}

TEST_F(HostTest, WithoutAKeeperWorkersDieWithTheDaemon) {
    // A process in between plays the daemon: it starts a worker and is killed without any chance to clean up.
    const pid_t daemon = fork();
    if (daemon == 0) {
        HostOptions options;
        options.die_with_daemon = true;
        Host host{options};
        (void)host.spawn(1, 1, shell("echo $$; exec sleep 1000"), {});
        pause();
        _exit(0);
    }
    const std::int32_t worker = pid_told();
    const Descriptor watched = open_pidfd(worker);
    ASSERT_TRUE(watched);
    kill(daemon, SIGKILL);
    EXPECT_TRUE(testing::wait_readable(watched.get()));
    reap_ending(daemon);
    (void)host_.sweep();
}

TEST_F(HostTest, P2_AGroupWhoseNumberIsSomebodysPidIsAStrangersAndOursIsGone) {
    // What a reused number looks like once our leader is reaped: a process that leads a group of that number.
    const pid_t stranger = fork();
    if (stranger == 0) {
        pause();
        _exit(0);
    }
    ASSERT_EQ(setpgid(stranger, stranger), 0);
    EXPECT_TRUE(group_is_gone(stranger));
    EXPECT_TRUE(is_there(stranger)) << "and it was not signalled";
    kill(stranger, SIGKILL);
    reap_ending(stranger);
    EXPECT_TRUE(group_is_gone(stranger));
}

TEST_F(HostTest, GroupsOfNobodyAndEverybodyAreNeverSignalled) {
    EXPECT_EQ(signal_members(0, SIGKILL), ESRCH);
    EXPECT_EQ(signal_members(1, SIGKILL), ESRCH);
    EXPECT_EQ(signal_members(-1, SIGKILL), ESRCH);
}

}  // namespace
}  // namespace backplane::process
