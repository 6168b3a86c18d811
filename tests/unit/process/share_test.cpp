// SPDX-License-Identifier: Apache-2.0
/// Limits, niceness, umask and OOM score of a worker (P-7, F-5): set before exec, and a failed start where they cannot be.
#include "daemon/process/reap.hpp"
#include "tests/unit/process/support.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace backplane::process {
namespace {

using core::SpawnStep;

class ShareTest : public testing::ProcessTest {
  protected:
    void expect_failure(const core::LaunchSpec& launch, SpawnStep step, int error_number) {
        const SpawnOutcome outcome = host_.spawn(1, 1, launch, {});
        EXPECT_FALSE(outcome.started);
        EXPECT_EQ(static_cast<int>(outcome.step), static_cast<int>(step));
        EXPECT_EQ(outcome.error_number, error_number) << std::strerror(outcome.error_number);
        EXPECT_EQ(peek(Whom::any, 0).error_number, ECHILD) << "a failed start left a child";
    }

    Host host_;
};

std::string own_score() { return testing::text_of("/proc/self/oom_score_adj"); }

TEST_F(ShareTest, P7_LimitsAreTheWorkersAndNotOurs) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    core::LaunchSpec launch = shell("ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Hf");
    launch.limits = {{"nofile", 60, 70}, {"core", 0, 0}, {"fsize", 512 * 1024, 512 * 1024}};
    ASSERT_TRUE(run(host_, launch));
    EXPECT_EQ(output(), "60\n70\n0\n1024\n");
    rlimit after{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_cur);
    EXPECT_EQ(after.rlim_max, before.rlim_max);
}

TEST_F(ShareTest, P7_AConfiguredLimitStandsBeforeTheOneThatTheDaemonFound) {
    HostOptions options;
    options.open_files_soft = 128;
    Host host{options};
    core::LaunchSpec launch = shell("ulimit -Sn");
    launch.limits = {{"nofile", 61, 61}};
    ASSERT_TRUE(run(host, launch));
    EXPECT_EQ(output(), "61\n");
}

TEST_F(ShareTest, F5_LimitsThatCannotBeSetAreAFailedStart) {
    core::LaunchSpec launch = shell("exit 0");
    launch.limits = {{"nofiles", 1, 1}};
    expect_failure(launch, SpawnStep::limits, EINVAL);
    launch.limits = {{"nofile", 70, 60}};
    expect_failure(launch, SpawnStep::limits, EINVAL);
    launch.limits = {{"nofile", core::no_limit, core::no_limit}};
    expect_failure(launch, SpawnStep::limits, EPERM);  // beyond what the kernel allows anybody
}

TEST_F(ShareTest, P7_NiceUmaskAndScoreAreTheWorkersAndNotOurs) {
    const std::string score = own_score();
    const int niceness = getpriority(PRIO_PROCESS, 0);
    core::LaunchSpec launch = shell("umask; nice; cat /proc/self/oom_score_adj");
    launch.umask = 0077;
    launch.set_nice = true;
    launch.nice = 19;
    launch.set_oom_score = true;
    launch.oom_score = 777;
    ASSERT_TRUE(run(host_, launch));
    EXPECT_EQ(output(), "0077\n19\n777\n");
    EXPECT_EQ(own_score(), score);
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), niceness);
}

TEST_F(ShareTest, P7_NothingIsChangedThatIsNotConfigured) {
    core::LaunchSpec launch = shell("umask; nice; cat /proc/self/oom_score_adj");
    launch.nice = 19;
    launch.oom_score = 777;  // without their flags
    ASSERT_TRUE(run(host_, launch));
    EXPECT_EQ(output(), "0022\n" + std::to_string(getpriority(PRIO_PROCESS, 0)) + "\n" + own_score());
}

TEST_F(ShareTest, F5_ANonsensicalScoreNamesItsStep) {
    core::LaunchSpec launch = shell("exit 0");
    launch.set_oom_score = true;
    launch.oom_score = 5000;
    expect_failure(launch, SpawnStep::oom_score, EINVAL);
}

}  // namespace
}  // namespace backplane::process
