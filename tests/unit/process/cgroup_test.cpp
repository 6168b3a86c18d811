// SPDX-License-Identifier: Apache-2.0
/// Control groups of workers (P-3 to P-5, X-11): what is taken for ours in a tree that a test lays out, and real ones where this
/// machine lets us make them.
#include "daemon/process/cgroup.hpp"
#include "daemon/process/identity.hpp"
#include "tests/unit/process/support.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace backplane::process {
namespace {

using ::testing::HasSubstr;

// ---- where we are --------------------------------------------------------------------------------------------------------

TEST(ControlPlaceText, TheUnifiedHierarchyIsFoundAmongOthers) {
    const std::string mounts =
        "25 20 0:22 / /sys/fs/cgroup rw shared:8 - tmpfs tmpfs rw\n"
        "26 25 0:23 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "27 25 0:24 / /sys/fs/cgroup/with\\040space rw shared:9 - cgroup2 cgroup2 rw\n";
    const ControlPlace place = parse_control_place(mounts, "4:memory:/elsewhere\n0::/system.slice/backplaned.service\n");
    EXPECT_EQ(place.mount, "/sys/fs/cgroup/with space");
    EXPECT_EQ(place.own, "/system.slice/backplaned.service");
}

TEST(ControlPlaceText, APartThatIsMountedIsSeenFromItsRoot) {
    const std::string mounts = "27 25 0:24 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    EXPECT_EQ(parse_control_place(mounts, "0::/docker/abc/x\n").own, "/x");
    EXPECT_EQ(parse_control_place(mounts, "0::/docker/abc\n").own, "/");
    EXPECT_EQ(parse_control_place(mounts, "0::/docker/abcd\n").mount, "") << "another's";
}

TEST(ControlPlaceText, WithoutOneThereIsNoPlace) {
    EXPECT_EQ(parse_control_place("26 25 0:23 / /c rw - cgroup cgroup rw,memory\n", "0::/x\n").mount, "");
    EXPECT_EQ(parse_control_place("27 25 0:24 / /c rw - cgroup2 c rw\n", "4:memory:/x\n").mount, "");
    EXPECT_EQ(parse_control_place("", "").mount, "");
}

// ---- a tree without a kernel ---------------------------------------------------------------------------------------------

/// Creates the files that a kernel would have made.
class LooseControlGroups : public ControlGroups {
  protected:
    [[nodiscard]] int write(const std::string& path, std::string_view text) const override {
        if (path.ends_with("/cgroup.kill") || path.ends_with(refused)) {
            return ENOENT;
        }
        std::ofstream{path} << text;
        return 0;
    }

  public:
    std::string refused = "nothing";
};

class ControlTreeTest : public testing::ProcessTest {
  protected:
    ControlTreeTest() {
        std::filesystem::create_directory(base());
        put("cgroup.events", "populated 1\nfrozen 0\n");
        put("cgroup.type", "domain\n");
        put("cgroup.procs", std::to_string(getpid()) + "\n");
        put("cgroup.controllers", "cpuset cpu io memory pids\n");
    }
    [[nodiscard]] std::string base() const { return path("service"); }
    void put(const std::string& name, const std::string& text) const { std::ofstream{base() + "/" + name} << text; }
    [[nodiscard]] std::string at(const std::string& name) const { return testing::text_of(base() + "/" + name); }
    [[nodiscard]] ControlPlace place() const { return {folder_, "/service"}; }

    LooseControlGroups groups_;
};

TEST_F(ControlTreeTest, OneThatIsOursAloneIsTakenAndLeftForALeaf) {
    ASSERT_TRUE(groups_.open(place(), 0, false)) << groups_.why_not();
    EXPECT_EQ(at("backplaned.self/cgroup.procs"), std::to_string(getpid()));
    EXPECT_FALSE(std::filesystem::exists(base() + "/cgroup.subtree_control")) << "nobody has asked for a controller";
    // A daemon after this one is born in the leaf.
    LooseControlGroups next;
    put("cgroup.procs", "");
    EXPECT_TRUE(next.open({folder_, "/service/backplaned.self"}, 0, false)) << next.why_not();
}

TEST_F(ControlTreeTest, OneThatOthersAreInIsTheirs) {
    put("cgroup.procs", std::to_string(getpid()) + "\n1\n");
    EXPECT_FALSE(groups_.open(place(), 0, false));
    EXPECT_THAT(groups_.why_not(), HasSubstr("process 1 is in it"));
    EXPECT_FALSE(groups_.is_open());
    EXPECT_FALSE(std::filesystem::exists(base() + "/backplaned.self")) << "and stays as it is";
    EXPECT_TRUE(groups_.open(place(), 1, false)) << "but the keeper is no stranger";
}

TEST_F(ControlTreeTest, TheRootAndThreadedOnesAreNotTaken) {
    put("cgroup.type", "threaded\n");
    EXPECT_FALSE(groups_.open(place(), 0, false));
    EXPECT_THAT(groups_.why_not(), HasSubstr("cgroup.type"));
    std::filesystem::remove(base() + "/cgroup.events");
    EXPECT_FALSE(groups_.open(place(), 0, false));
    EXPECT_THAT(groups_.why_not(), HasSubstr("root cgroup"));
    EXPECT_FALSE(groups_.open({}, 0, false));
    EXPECT_EQ(groups_.why_not(), "there is no cgroup v2");
}

TEST_F(ControlTreeTest, ValuesAreWrittenAndOneThatCannotBeIsAnError) {
    ASSERT_TRUE(groups_.open(place(), 0, false));
    core::ControlSpec values;
    values.memory_max = 1048576;
    values.pids_max = 20;
    EXPECT_EQ(groups_.make(3, 7, values), 0);
    EXPECT_EQ(at("cgroup.subtree_control"), "+pids") << "the last of the two";
    EXPECT_EQ(at("worker-3-7/memory.max"), "1048576");
    EXPECT_EQ(at("worker-3-7/pids.max"), "20");
    EXPECT_FALSE(std::filesystem::exists(base() + "/worker-3-7/cpu.weight")) << "not asked for";
    groups_.refused = "/cpu.weight";
    values = {};
    values.cpu_weight = 5;
    EXPECT_EQ(groups_.make(3, 8, values), ENOENT);
    EXPECT_FALSE(groups_.exists(3, 8));
    put("cgroup.controllers", "memory pids\n");
    EXPECT_EQ(groups_.make(3, 9, values), ENOENT) << "there is no such controller";
}

/// The kernel lets no process into a cgroup that hands controllers on: with workers left the manager could not start the next daemon.
TEST_F(ControlTreeTest, WhereAManagerStartsTheDaemonInItNothingIsHandedOn) {
    ASSERT_TRUE(groups_.open(place(), 0, true));
    core::ControlSpec values;
    values.memory_max = 1048576;
    EXPECT_FALSE(groups_.has_values());
    EXPECT_EQ(groups_.make(3, 7, values), EOPNOTSUPP);
    EXPECT_FALSE(std::filesystem::exists(base() + "/cgroup.subtree_control"));
    EXPECT_EQ(groups_.make(3, 7, {}), 0) << "a cgroup it has all the same";
    // One that starts it in a part of it has said that this is expected.
    put("cgroup.procs", "");
    std::filesystem::create_directory(base() + "/backplaned.main");
    LooseControlGroups given;
    ASSERT_TRUE(given.open({folder_, "/service/backplaned.main"}, 0, true)) << given.why_not();
    EXPECT_EQ(given.make(3, 8, values), 0);
    EXPECT_EQ(at("worker-3-8/memory.max"), "1048576");
}

TEST_F(ControlTreeTest, NamesAreFoundAgainAndNothingElseIsTakenForOne) {
    ASSERT_TRUE(groups_.open(place(), 0, false));
    ASSERT_EQ(groups_.make(3, 7, {}), 0);
    for (const char* other : {"worker-3", "worker-3-", "worker-3-x", "worker--1-2", "worker-3-7-9", "other"}) {
        std::filesystem::create_directory(base() + "/" + other);
    }
    const auto names = groups_.all();
    ASSERT_EQ(names.size(), 1U);
    EXPECT_EQ(names[0].child, 3U);
    EXPECT_EQ(names[0].generation, 7U);
}

TEST_F(ControlTreeTest, OneWithSomebodyInItIsNotMadeAgainAndNotRemoved) {
    ASSERT_TRUE(groups_.open(place(), 0, false));
    ASSERT_EQ(groups_.make(3, 7, {}), 0);
    put("worker-3-7/cgroup.events", "populated 1\nfrozen 0\n");
    EXPECT_FALSE(groups_.is_empty(3, 7));
    EXPECT_FALSE(groups_.remove(3, 7));
    EXPECT_EQ(groups_.make(3, 7, {}), EBUSY);
}

TEST_F(ControlTreeTest, ValuesWithoutCgroupsAreAFailedStart) {
    Host host;
    core::LaunchSpec launch = shell("exit 0");
    launch.control.memory_max = 1048576;
    const SpawnOutcome outcome = host.spawn(1, 1, launch, {});
    EXPECT_FALSE(outcome.started);
    EXPECT_EQ(outcome.step, core::SpawnStep::cgroup);
    EXPECT_EQ(outcome.error_number, EOPNOTSUPP);
}

// ---- real ones -----------------------------------------------------------------------------------------------------------

class ControlHostTest : public testing::ProcessTest {
  protected:
    void SetUp() override {
        place_ = find_control_place();
        home_ = place_;
        if (place_.mount.empty()) {
            GTEST_SKIP() << "there is no cgroup v2";
        }
        place_.own = (place_.own == "/" ? "" : place_.own) + "/backplane-test-" + std::to_string(getpid());
        if (mkdir(base().c_str(), 0755) != 0) {
            GTEST_SKIP() << base() << ": " << std::strerror(errno);
        }
        is_made_ = true;
        std::ofstream{base() + "/cgroup.procs"} << getpid() << std::flush;
        ASSERT_TRUE(control_.open(place_, 0, false)) << control_.why_not();
        HostOptions options;
        options.control = &control_;
        host_.emplace(options);
    }
    void TearDown() override {
        host_.reset();
        control_.close(0);
        if (is_made_) {
            const std::string home = home_.mount + (home_.own == "/" ? "" : home_.own);
            std::ofstream{home + "/cgroup.procs"} << getpid() << std::flush;
            EXPECT_EQ(rmdir(base().c_str()), 0) << base() << ": " << std::strerror(errno);
        }
    }
    [[nodiscard]] std::string base() const { return place_.mount + place_.own; }
    static bool is_there(std::int32_t pid) { return kill(pid, 0) == 0; }
    std::int32_t pid_told() {
        EXPECT_TRUE(testing::eventually([&] { return output().ends_with("\n"); }));
        return std::atoi(output().c_str());
    }

    ControlPlace home_;
    ControlPlace place_;
    bool is_made_ = false;
    ControlGroups control_;
    std::optional<Host> host_;
};

TEST_F(ControlHostTest, X11_AWorkerIsBornInItsCgroupWhichGoesWithIt) {
    ASSERT_TRUE(run(*host_, shell("grep ^0: /proc/self/cgroup")));
    EXPECT_EQ(output(), "0::" + place_.own + "/worker-1-1\n");
    EXPECT_TRUE(control_.all().empty());
}

TEST_F(ControlHostTest, X11_AnOlderKernelLetsItMoveThereItself) {
    HostOptions options;
    options.control = &control_;
    options.features.clone_into_cgroup = false;
    Host host{options};
    ASSERT_TRUE(run(host, shell("grep ^0: /proc/self/cgroup")));
    EXPECT_EQ(output(), "0::" + place_.own + "/worker-1-1\n");
}

TEST_F(ControlHostTest, X11_AFailedStartLeavesNoCgroup) {
    EXPECT_EQ(host_->spawn(1, 1, program({"/no/such/program"}), {}).step, core::SpawnStep::exec);
    EXPECT_TRUE(control_.all().empty());
}

TEST_F(ControlHostTest, P4_WhoLeftItsSessionIsKilledAndSeenGone) {
    const SpawnOutcome spawned = host_->spawn(1, 1, shell("setsid sh -c 'echo $$; exec sleep 1000' & wait $!"), {});
    ASSERT_TRUE(spawned.started);
    const std::int32_t grandchild = pid_told();
    ASSERT_EQ(facts_of(grandchild).session, grandchild) << "it did not leave";
    ASSERT_EQ(host_->signal(1, 1, SIGKILL), 0);
    ASSERT_TRUE(end_of(*host_, 1, 1, spawned));
    EXPECT_TRUE(is_there(grandchild));
    EXPECT_EQ(host_->signal_group(1, 1, SIGKILL), 0);
    EXPECT_TRUE(reap_until_empty(*host_, 1, 1));
    EXPECT_TRUE(testing::eventually([&] {
        (void)host_->sweep();
        return !is_there(grandchild);
    }));
    EXPECT_TRUE(control_.all().empty());
}

TEST_F(ControlHostTest, P4_WhoLeftItsSessionKeepsTheNextRunWaiting) {
    const SpawnOutcome spawned = host_->spawn(1, 1, shell("setsid sh -c 'echo $$; exec sleep 1000' & sleep 0.01; exit 0"), {});
    ASSERT_TRUE(spawned.started);
    const std::int32_t grandchild = pid_told();
    ASSERT_TRUE(end_of(*host_, 1, 1, spawned));
    EXPECT_EQ(host_->reap(1, 1), ReapResult::lingering) << "its group is gone, and its cgroup is not empty";
    EXPECT_EQ(host_->spawn(1, 2, shell("exit 0"), {}).error_number, EBUSY);
    EXPECT_EQ(host_->signal_group(1, 1, SIGKILL), 0) << "a cgroup is signalled safely also after the reap";
    EXPECT_TRUE(sweep_until_empty(*host_, 1, 1));
    EXPECT_FALSE(control_.exists(1, 1));
    EXPECT_TRUE(testing::eventually([&] {
        (void)host_->sweep();
        return !is_there(grandchild);
    }));
}

TEST_F(ControlHostTest, P4_KillModeLeaderWaitsForNobody) {
    const SpawnOutcome spawned = host_->spawn(1, 1, shell("sleep 1000 & echo $!; exit 0"), {});
    ASSERT_TRUE(end_of(*host_, 1, 1, spawned));
    const std::int32_t grandchild = pid_told();
    EXPECT_EQ(host_->reap(1, 1, false), ReapResult::group_empty);
    EXPECT_TRUE(is_there(grandchild));
    const SpawnOutcome second = host_->spawn(1, 2, shell("exec sleep 1000"), {});
    EXPECT_TRUE(second.started);
    EXPECT_TRUE(control_.exists(1, 1));
    // When the daemon stops nobody is left all the same.
    EXPECT_EQ(host_->kill_everything(), 0U);
    EXPECT_FALSE(is_there(grandchild) && !facts_of(grandchild).is_dead);
    EXPECT_TRUE(control_.all().empty());
}

TEST_F(ControlHostTest, X12_ACgroupIsFoundAgainByItsName) {
    const SpawnOutcome spawned = host_->spawn(1, 1, shell("setsid sh -c 'echo $$; exec sleep 1000' & wait"), {});
    const std::int32_t grandchild = pid_told();
    host_->let_go();
    HostOptions options;
    options.control = &control_;
    Host next{options};
    ASSERT_TRUE(next.adopt(1, 1, spawned.pid, spawned.started_at, false, {}).started);
    next.take_control_groups();
    EXPECT_EQ(next.signal_group(1, 1, SIGKILL), 0);
    EXPECT_TRUE(testing::eventually([&] { return !is_there(grandchild) || facts_of(grandchild).is_dead; }));
    host_->kill_everything();
}

TEST_F(ControlHostTest, X12_ANewBeginningLeavesNobodyOfBefore) {
    const SpawnOutcome spawned = host_->spawn(1, 1, shell("exec sleep 1000"), {});
    ASSERT_TRUE(spawned.started);
    HostOptions options;
    options.control = &control_;
    Host next{options};
    next.clear_control_groups();
    EXPECT_TRUE(testing::wait_readable(spawned.pidfd)) << "it was not killed";
    ASSERT_TRUE(host_->take_exit(1, 1));
    EXPECT_TRUE(reap_until_empty(*host_, 1, 1));
    (void)next.sweep();
}

TEST_F(ControlHostTest, X3_AProbeRunsInTheCgroupOfItsWorker) {
    ASSERT_TRUE(host_->spawn(1, 1, shell("exec sleep 1000"), {}).started);
    const SpawnOutcome aside = host_->spawn_aside(1, shell("grep ^0: /proc/self/cgroup"), {});
    ASSERT_TRUE(aside.started);
    ASSERT_TRUE(testing::wait_readable(aside.pidfd));
    const auto ended = host_->take_aside(aside.pid);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, 0);
    EXPECT_EQ(output(), "0::" + place_.own + "/worker-1-1\n");
}

TEST_F(ControlHostTest, WithoutTheKernelsKillEachIsSignalled) {
    class OlderControlGroups : public ControlGroups {
      protected:
        [[nodiscard]] int write(const std::string& path, std::string_view text) const override {
            return path.ends_with("/cgroup.kill") ? ENOENT : ControlGroups::write(path, text);
        }
    };
    OlderControlGroups control;
    ASSERT_TRUE(control.open(place_, 0, false)) << control.why_not();
    HostOptions options;
    options.control = &control;
    Host host{options};
    const SpawnOutcome spawned = host.spawn(1, 1, shell("setsid sh -c 'echo $$; exec sleep 1000' & wait"), {});
    ASSERT_TRUE(spawned.started);
    const std::int32_t grandchild = pid_told();
    EXPECT_EQ(host.signal_group(1, 1, SIGKILL), 0);
    ASSERT_TRUE(end_of(host, 1, 1, spawned));
    EXPECT_TRUE(reap_until_empty(host, 1, 1));
    EXPECT_TRUE(testing::eventually([&] {
        (void)host.sweep();
        return !is_there(grandchild);
    }));
}

}  // namespace
}  // namespace backplane::process
