// SPDX-License-Identifier: Apache-2.0
/// Users, groups and capabilities of workers, taken on by the exec helper (decision 18, F-5). What needs root skips without it.
#include "daemon/process/credentials.hpp"
#include "daemon/process/reap.hpp"
#include "tests/unit/process/support.hpp"

#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace backplane::process {
namespace {

using core::SpawnStep;
using ::testing::HasSubstr;
using ::testing::Not;

/// A user that every system has, and who is not us.
constexpr const char* somebody = "nobody";

class CredentialsTest : public testing::ProcessTest {
  protected:
    CredentialsTest() { chmod(folder_.c_str(), 0711); }

    core::LaunchSpec as(const std::string& user, const std::string& script) const {
        core::LaunchSpec launch = shell(script);
        launch.credentials.user = user;
        return launch;
    }
    static void expect_failed(Host& host, const core::LaunchSpec& launch, SpawnStep step, int error_number) {
        const SpawnOutcome outcome = settled(host, 1, 1, host.spawn(1, 1, launch, {}));
        EXPECT_FALSE(outcome.started);
        EXPECT_EQ(static_cast<int>(outcome.step), static_cast<int>(step));
        EXPECT_EQ(outcome.error_number, error_number) << std::strerror(outcome.error_number);
        EXPECT_EQ(host.occupied(), 0U);
        EXPECT_EQ(peek(Whom::any, 0).error_number, ECHILD) << "a failed start left a child";
    }
    static std::string lines_of_status(const std::string& pattern) { return "grep -E '^(" + pattern + "):' /proc/self/status"; }

    Host host_;
};

#define SKIP_WITHOUT_ROOT()                                   \
    if (geteuid() != 0) {                                     \
        GTEST_SKIP() << "only root may become somebody else"; \
    }                                                         \
    static_assert(true)

/// Runs `body` in a process of its own as an ordinary user; true where it answers true.
bool without_root(const std::function<bool()>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
        const passwd* user = getpwnam(somebody);
        const bool is_dropped =
            geteuid() != 0 || (user != nullptr && setgroups(0, nullptr) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0);
        _exit(is_dropped && body() ? 0 : 1);
    }
    int status = -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(CredentialsTest, AWorkerIsItsUserWithTheUsersGroupsAndNoneOfOurs) {
    SKIP_WITHOUT_ROOT();
    const passwd* user = getpwnam("daemon");
    ASSERT_NE(user, nullptr);
    ASSERT_TRUE(run(host_, as("daemon", lines_of_status("Uid|Gid|Groups"))));
    const std::string uid = std::to_string(user->pw_uid);
    const std::string gid = std::to_string(user->pw_gid);
    EXPECT_THAT(output(), HasSubstr("Uid:\t" + uid + "\t" + uid + "\t" + uid + "\t" + uid + "\n"));
    EXPECT_THAT(output(), HasSubstr("Gid:\t" + gid + "\t" + gid + "\t" + gid + "\t" + gid + "\n"));
    EXPECT_THAT(output(), HasSubstr("Groups:\t" + gid + " \n"));
}

TEST_F(CredentialsTest, GroupAndGroupsAreThoseThatAreNamed) {
    SKIP_WITHOUT_ROOT();
    const group* tty = getgrnam("tty");
    ASSERT_NE(tty, nullptr);
    core::LaunchSpec launch = as(somebody, "id -g; id -G");
    launch.credentials.group = "tty";
    launch.credentials.groups = {"4242", "4243"};
    ASSERT_TRUE(run(host_, launch));
    const std::string gid = std::to_string(tty->gr_gid);
    EXPECT_EQ(output(), gid + "\n" + gid + " 4242 4243\n");
}

TEST_F(CredentialsTest, TheEnvironmentFollowsTheUser) {
    SKIP_WITHOUT_ROOT();
    const passwd* user = getpwnam("daemon");
    ASSERT_NE(user, nullptr);
    core::LaunchSpec launch = as("daemon", "echo $USER $LOGNAME $HOME $SHELL $MINE");
    launch.environment = {{"MINE", "x=1 $2"}};
    ASSERT_TRUE(run(host_, launch));
    EXPECT_EQ(output(), std::string{"daemon daemon "} + user->pw_dir + " " + user->pw_shell + " x=1 $2\n");
}

TEST_F(CredentialsTest, ArgumentsAndPathAreTheProgramsOwn) {
    core::LaunchSpec launch = program({"printf", "%s|", "-", "4", "", "two words"});
    launch.credentials.user = std::to_string(geteuid());
    ASSERT_TRUE(run(host_, launch));
    EXPECT_EQ(output(), "-|4||two words|");
}

TEST_F(CredentialsTest, CapabilitiesStayBesideTheUserAndNoOthers) {
    SKIP_WITHOUT_ROOT();
    core::LaunchSpec launch = as(somebody, lines_of_status("CapInh|CapPrm|CapEff|CapAmb"));
    launch.credentials.capabilities = {"cap_net_bind_service", "cap_kill"};
    ASSERT_TRUE(run(host_, launch));
    const std::string both = "0000000000000420\n";
    EXPECT_EQ(output(), "CapInh:\t" + both + "CapPrm:\t" + both + "CapEff:\t" + both + "CapAmb:\t" + both);
    std::filesystem::remove(path("out"));
    launch.credentials.capabilities.clear();
    ASSERT_TRUE(run(host_, launch));
    const std::string none = "0000000000000000\n";
    EXPECT_EQ(output(), "CapInh:\t" + none + "CapPrm:\t" + none + "CapEff:\t" + none + "CapAmb:\t" + none);
}

TEST_F(CredentialsTest, F5_UnknownNamesAreRefusedBeforeAnyChild) {
    expect_failed(host_, as("no-such-user", "exit 0"), SpawnStep::user, ENOENT);
    core::LaunchSpec launch = shell("exit 0");
    launch.credentials.group = "no-such-group";
    expect_failed(host_, launch, SpawnStep::group, ENOENT);
    launch.credentials.group.clear();
    launch.credentials.groups = {"no-such-group"};
    expect_failed(host_, launch, SpawnStep::groups, ENOENT);
    launch.credentials.groups.clear();
    launch.credentials.capabilities = {"cap_of_tea"};
    expect_failed(host_, launch, SpawnStep::capabilities, EINVAL);
}

TEST_F(CredentialsTest, F5_WhatFailsBehindTheHelperIsAFailedStartAllTheSame) {
    core::LaunchSpec launch = program({"/no/such/program"});
    launch.credentials.user = std::to_string(geteuid());
    expect_failed(host_, launch, SpawnStep::exec, ENOENT);
    launch = as(std::to_string(geteuid()), "exit 0");
    launch.working_directory = path("missing");
    expect_failed(host_, launch, SpawnStep::directory, ENOENT);
}

TEST_F(CredentialsTest, F5_TheDirectoryIsEnteredAsTheUser) {
    SKIP_WITHOUT_ROOT();
    core::LaunchSpec launch = as(somebody, "exit 0");
    launch.working_directory = path("ours");
    ASSERT_EQ(mkdir(path("ours").c_str(), 0700), 0);
    expect_failed(host_, launch, SpawnStep::directory, EACCES);
}

TEST_F(CredentialsTest, F5_AMissingHelperIsNotAMissingProgram) {
    HostOptions options;
    options.exec_helper = path("nothing");
    Host host{options};
    expect_failed(host, as(std::to_string(geteuid()), "exit 0"), SpawnStep::helper, ENOENT);
}

TEST_F(CredentialsTest, F5_AHelperThatHangsIsKilled) {
    std::ofstream{path("helper")} << "#!/bin/sh\nexec sleep 1000\n";
    chmod(path("helper").c_str(), 0755);
    HostOptions options;
    options.exec_helper = path("helper");
    Host host{options};
    const SpawnOutcome spawned = host.spawn(1, 1, as(std::to_string(geteuid()), "exit 0"), {});
    ASSERT_TRUE(spawned.started);
    ASSERT_GE(spawned.start_fd, 0);
    EXPECT_FALSE(host.take_start(1, 1)) << "nothing is known yet";
    host.give_up_start(1, 1);
    const SpawnOutcome outcome = settled(host, 1, 1, spawned);
    EXPECT_FALSE(outcome.started);
    EXPECT_EQ(outcome.step, SpawnStep::helper);
    EXPECT_EQ(outcome.error_number, ETIMEDOUT);
    EXPECT_EQ(host.occupied(), 0U);
    EXPECT_FALSE(host.take_start(1, 1)) << "told twice";
}

TEST_F(CredentialsTest, WithoutRootOnesOwnUserIsPossibleAndAnotherIsNot) {
    chmod(folder_.c_str(), 0777);
    EXPECT_TRUE(without_root([this] {
        Host host;
        const std::string own = std::to_string(geteuid());
        return run(host, as(own, "id -u")).has_value() && output() == own + "\n";
    }));
    EXPECT_TRUE(without_root([this] {
        Host host;
        expect_failed(host, as("root", "exit 0"), SpawnStep::user, EPERM);
        core::LaunchSpec launch = shell("exit 0");
        launch.credentials.capabilities = {"cap_net_raw"};
        expect_failed(host, launch, SpawnStep::capabilities, EPERM);
        launch.credentials = {};
        launch.credentials.groups = {"4242"};
        expect_failed(host, launch, SpawnStep::groups, EPERM);
        launch.credentials = {};
        launch.set_nice = true;
        launch.nice = -5;
        expect_failed(host, launch, SpawnStep::nice, EACCES);
        launch.set_nice = false;
        launch.set_oom_score = true;
        launch.oom_score = -1000;
        expect_failed(host, launch, SpawnStep::oom_score, EACCES);
        return !HasFailure();
    }));
}

/// The kernel forgets the signal when a process changes its uid.
TEST_F(CredentialsTest, P5_AWorkerOfAnotherUserDiesWithItsDaemonWhereNobodyKeepsIt) {
    SKIP_WITHOUT_ROOT();
    int ends[2] = {-1, -1};
    ASSERT_EQ(pipe(ends), 0);
    const pid_t daemon = fork();
    if (daemon == 0) {
        HostOptions options;
        options.die_with_daemon = true;
        options.become_subreaper = false;
        Host host{options};
        host.let_go();
        const SpawnOutcome outcome = settled(host, 1, 1, host.spawn(1, 1, as(somebody, "exec sleep 1000"), {}));
        (void)!write(ends[1], &outcome.pid, sizeof outcome.pid);
        _exit(outcome.started ? 0 : 1);
    }
    std::int32_t worker = 0;
    ASSERT_EQ(read(ends[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
    close(ends[0]);
    close(ends[1]);
    ASSERT_EQ(waitpid(daemon, nullptr, 0), daemon);
    EXPECT_TRUE(testing::eventually([&] {
        (void)host_.sweep();
        return kill(worker, 0) != 0;
    }));
}

/// What a worker is configured with must not work on a program that still has our rights.
TEST_F(CredentialsTest, TheHelperDoesNotSeeTheWorkersEnvironment) {
    core::LaunchSpec launch = as(std::to_string(geteuid()), "exit 0");
    launch.environment = {{"LD_DEBUG", "files"}, {"LD_DEBUG_OUTPUT", path("ld")}};
    ASSERT_TRUE(run(host_, launch));
    std::string said;
    for (const auto& entry : std::filesystem::directory_iterator{folder_}) {
        said += entry.path().filename().string().starts_with("ld.") ? testing::text_of(entry.path()) : "";
    }
    EXPECT_THAT(said, HasSubstr("/bin/sh"));
    EXPECT_THAT(said, Not(HasSubstr("backplane-exec")));
}

TEST_F(CredentialsTest, ANotifySocketIsTheWorkersUsers) {
    SKIP_WITHOUT_ROOT();
    SpawnOptions options;
    options.wants_notify = true;
    options.notify_directory = folder_;
    ASSERT_TRUE(run(host_, as(somebody, "stat -c %U:%a \"$NOTIFY_SOCKET\""), options));
    EXPECT_EQ(output(), "nobody:600\n");
}

TEST_F(CredentialsTest, TheWatchdogsPidIsTheWorkersOwn) {
    SpawnOptions options;
    options.watchdog_us = 1'500'000;
    core::LaunchSpec launch = shell("echo $WATCHDOG_USEC; test $WATCHDOG_PID = $$ && echo own");
    ASSERT_TRUE(run(host_, launch, options));
    launch.credentials.user = std::to_string(geteuid());
    ASSERT_TRUE(run(host_, launch, options));
    launch.environment = {{"WATCHDOG_USEC", "7"}};
    ASSERT_TRUE(run(host_, launch, {}));
    EXPECT_EQ(output(), "1500000\nown\n1500000\nown\n\n");
}

TEST_F(CredentialsTest, CapabilitiesAreNumberedAsTheKernelNumbersThem) {
    EXPECT_EQ(capability_number("cap_chown"), 0);
    EXPECT_EQ(capability_number("cap_net_bind_service"), 10);
    EXPECT_EQ(capability_number("cap_checkpoint_restore"), 40);
    EXPECT_EQ(capability_number("CAP_CHOWN"), -1);
}

}  // namespace
}  // namespace backplane::process
