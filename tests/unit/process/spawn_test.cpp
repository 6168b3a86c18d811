// SPDX-License-Identifier: Apache-2.0
/// Each failed start names its step and errno (F-5), and a real child sees a clean slate (P-7).
#include "daemon/process/reap.hpp"
#include "tests/unit/process/support.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

namespace backplane::process {
namespace {

using core::SpawnStep;
using ::testing::HasSubstr;

class SpawnTest : public testing::ProcessTest {
  protected:
    void expect_failure(const core::LaunchSpec& launch, SpawnStep step, int error_number, const SpawnOptions& options = {}) {
        const auto before = testing::open_descriptors();
        const SpawnOutcome outcome = host_.spawn(1, 1, launch, options);
        EXPECT_FALSE(outcome.started);
        EXPECT_EQ(static_cast<int>(outcome.step), static_cast<int>(step));
        EXPECT_EQ(outcome.error_number, error_number) << std::strerror(outcome.error_number);
        EXPECT_EQ(host_.occupied(), 0U);
        EXPECT_EQ(testing::open_descriptors(), before);
        EXPECT_EQ(peek(Whom::any, 0).error_number, ECHILD) << "a failed start left a child";
    }

    Host host_;
};

/// The value of `name:` in a /proc status text.
std::string field(const std::string& status, const std::string& name) {
    const auto at = status.find("\n" + name + ":");
    if (at == std::string::npos) {
        return "";
    }
    std::istringstream rest{status.substr(at + name.size() + 2)};
    std::string value;
    rest >> value;
    return value;
}

TEST_F(SpawnTest, F5_ExecFailsWithTheErrnoOfExecvp) {
    expect_failure(program({"/no/such/program"}), SpawnStep::exec, ENOENT);
    expect_failure(program({"no-such-program-anywhere"}), SpawnStep::exec, ENOENT);
    expect_failure(program({"/dev/null/x"}), SpawnStep::exec, ENOENT);
    std::ofstream{path("data")} << "text";
    chmod(path("data").c_str(), 0644);
    expect_failure(program({path("data")}), SpawnStep::exec, EACCES);
    expect_failure(program({folder_}), SpawnStep::exec, EACCES);
    chmod(path("data").c_str(), 0755);
    expect_failure(program({path("data")}), SpawnStep::exec, ENOEXEC);
    std::ofstream{path("script")} << "#!/no/such/interpreter\n";
    chmod(path("script").c_str(), 0755);
    expect_failure(program({path("script")}), SpawnStep::exec, ENOENT);
}

TEST_F(SpawnTest, F5_OneThatMayNotBeExecutedIsRememberedWhileTheSearchGoesOn) {
    std::ofstream{path("worker")} << "text";
    core::LaunchSpec launch = program({"worker"});
    launch.environment = {{"PATH", folder_.string() + ":/no/such/place"}};
    expect_failure(launch, SpawnStep::exec, EACCES);
    launch.exec = {"true"};
    launch.environment = {{"PATH", folder_.string() + ":/usr/bin:/bin"}};
    std::ofstream{path("true")} << "text";
    const auto ended = run(host_, launch);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, 0);
}

TEST_F(SpawnTest, F5_DirectoryAndOutputNameTheirStep) {
    core::LaunchSpec launch = program({"/bin/true"});
    launch.working_directory = path("missing");
    expect_failure(launch, SpawnStep::directory, ENOENT);
    launch.working_directory = "/dev/null";
    expect_failure(launch, SpawnStep::directory, ENOTDIR);
    launch.working_directory.clear();
    launch.stdout_to.path = path("missing/log");
    expect_failure(launch, SpawnStep::output, ENOENT);
    launch.stdout_to.path = folder_;
    expect_failure(launch, SpawnStep::output, EISDIR);
    std::filesystem::create_symlink("/etc/hostname", path("link"));
    launch.stdout_to.path = path("link");
    expect_failure(launch, SpawnStep::output, ELOOP);
    // A pipe without a reader would hold the daemon for ever.
    ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
    launch.stdout_to = {core::OutputKind::null, ""};
    launch.stderr_to = {core::OutputKind::file, path("fifo")};
    expect_failure(launch, SpawnStep::output, ENXIO);
}

TEST_F(SpawnTest, F5_WhatCannotBePreparedIsRefusedBeforeAnyChild) {
    expect_failure(program({}), SpawnStep::prepare, EINVAL);
    expect_failure(program({""}), SpawnStep::prepare, EINVAL);
    expect_failure(program({"bin/true"}), SpawnStep::prepare, EINVAL);
    expect_failure(program({"/bin/true", std::string{"a\0b", 3}}), SpawnStep::prepare, EINVAL);
    core::LaunchSpec launch = program({"/bin/true"});
    launch.environment = {{"A=", "b"}};
    expect_failure(launch, SpawnStep::prepare, EINVAL);
    SpawnOptions options;
    options.wants_notify = true;
    options.notify_directory = path(std::string(120, 'd'));
    expect_failure(program({"/bin/true"}), SpawnStep::notify_socket, ENAMETOOLONG, options);
    options.notify_directory = path("missing");
    expect_failure(program({"/bin/true"}), SpawnStep::notify_socket, ENOENT, options);
}

TEST_F(SpawnTest, F5_ABadWorkerSocketIsADescriptorFailure) {
    SpawnOptions options;
    options.worker_socket = 4000;
    expect_failure(program({"/bin/true"}), SpawnStep::descriptors, EBADF, options);
}

TEST_F(SpawnTest, Decision21_WithoutPidfdsNothingIsSpawned) {
    HostOptions masked;
    masked.features.pidfd = false;
    Host host{masked};
    const SpawnOutcome outcome = host.spawn(1, 1, program({"/bin/true"}), {});
    EXPECT_FALSE(outcome.started);
    EXPECT_EQ(outcome.step, SpawnStep::unsupported);
    EXPECT_EQ(outcome.error_number, ENOSYS);
}

/// Makes this process as dirty as can be and cleans it up again.
class Dirt {
  public:
    Dirt() {
        for (const int number : {SIGINT, SIGPIPE, SIGHUP, SIGRTMIN + 3}) {
            old_.emplace_back(number, ::signal(number, SIG_IGN));
        }
        sigset_t some;
        sigemptyset(&some);
        sigaddset(&some, SIGUSR1);
        sigaddset(&some, SIGTERM);
        sigprocmask(SIG_BLOCK, &some, &mask_);
        umask_ = umask(0077);
        setenv("DIRT", "1", 1);
        for (int i = 0; i < 40; ++i) {
            leaked_.emplace_back(open("/dev/null", O_RDONLY));
        }
    }
    ~Dirt() {
        for (const auto& [number, handler] : old_) {
            ::signal(number, handler);
        }
        sigprocmask(SIG_SETMASK, &mask_, nullptr);
        umask(umask_);
        unsetenv("DIRT");
    }

  private:
    std::vector<std::pair<int, sighandler_t>> old_;
    sigset_t mask_{};
    mode_t umask_ = 0;
    std::vector<Descriptor> leaked_;
};

TEST_F(SpawnTest, P7_SignalsAndSessionAreClean) {
    const Dirt dirt;
    ASSERT_TRUE(run(host_, program({"cat", "/proc/self/status", "/proc/self/stat"})));
    const std::string seen = output();
    EXPECT_EQ(field(seen, "SigBlk"), "0000000000000000");
    EXPECT_EQ(field(seen, "SigIgn"), "0000000000000000");
    EXPECT_EQ(field(seen, "SigCgt"), "0000000000000000");
    EXPECT_EQ(field(seen, "Umask"), "0022");
    EXPECT_EQ(field(seen, "PPid"), std::to_string(getpid()));
    // Own group and session: fields 5 and 6 of stat, after the program's name.
    std::istringstream stat{seen.substr(seen.rfind(") ") + 2)};
    std::string state;
    long parent = 0;
    long group = 0;
    long session = 0;
    stat >> state >> parent >> group >> session;
    EXPECT_EQ(std::to_string(group), field(seen, "Pid"));
    EXPECT_EQ(std::to_string(session), field(seen, "Pid"));
}

TEST_F(SpawnTest, P7_OnlyTheNamedDescriptorsAreOpen) {
    const Dirt dirt;
    for (const bool has_close_range : {true, false}) {
        HostOptions options;
        options.features.close_range = options.features.close_range && has_close_range;
        Host host{options};
        std::filesystem::remove(path("out"));
        ASSERT_TRUE(run(host, shell("ls /proc/$$/fd; readlink /proc/$$/fd/0 /proc/$$/fd/2")));
        EXPECT_EQ(output(), "0\n1\n2\n/dev/null\n/dev/null\n") << has_close_range;
    }
}

TEST_F(SpawnTest, P7_TheWorkersSocketIsDescriptorThreeWhereverItWas) {
    for (const int place : {-1, 3, 500}) {
        int ends[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        // Both ends move out of the way of the places that are tried; whatever lies there comes back in the end.
        const Descriptor mine{fcntl(ends[0], F_DUPFD_CLOEXEC, 700)};
        const Descriptor theirs{fcntl(ends[1], F_DUPFD_CLOEXEC, 700)};
        close(ends[0]);
        close(ends[1]);
        const Descriptor saved{place >= 0 ? fcntl(place, F_DUPFD_CLOEXEC, 600) : -1};
        if (place >= 0) {
            ASSERT_EQ(dup3(theirs.get(), place, O_CLOEXEC), place);
        }
        SpawnOptions options;
        options.worker_socket = place >= 0 ? place : theirs.get();
        options.socket_path = "/run/some.sock";
        std::filesystem::remove(path("out"));
        EXPECT_TRUE(run(host_, shell("ls /proc/$$/fd; echo $BACKPLANE_FD $BACKPLANE_SOCKET; echo hello >&3"), options));
        if (saved) {
            dup3(saved.get(), place, O_CLOEXEC);
        } else if (place >= 0) {
            close(place);
        }
        EXPECT_EQ(output(), "0\n1\n2\n3\n3 /run/some.sock\n");
        char heard[16] = {};
        EXPECT_EQ(recv(mine.get(), heard, sizeof heard, MSG_DONTWAIT), 6);
    }
}

TEST_F(SpawnTest, P7_EnvironmentAndDirectoryAreWhatIsConfigured) {
    const Dirt dirt;
    core::LaunchSpec launch = shell("env | cut -d= -f1 | sort | tr '\\n' ' '; pwd; echo $COLOUR");
    launch.working_directory = folder_;
    launch.environment = {{"COLOUR", "blue sky"}};
    ASSERT_TRUE(run(host_, launch));
    const std::string seen = output();
    EXPECT_THAT(seen, HasSubstr(folder_.string() + "\nblue sky\n"));
    EXPECT_THAT(seen, HasSubstr("HOME LANG"));
    EXPECT_EQ(seen.find("DIRT"), std::string::npos);
    EXPECT_EQ(seen.find("BACKPLANE_FD"), std::string::npos);
}

TEST_F(SpawnTest, OutputIsAppendedAndPrivate) {
    core::LaunchSpec launch = shell("echo out; echo err >&2");
    launch.stderr_to = launch.stdout_to;
    ASSERT_TRUE(run(host_, launch));
    ASSERT_TRUE(run(host_, launch));
    EXPECT_EQ(output(), "out\nerr\nout\nerr\n");
    struct stat found {};
    ASSERT_EQ(stat(path("out").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0640U);
}

TEST_F(SpawnTest, ThreatsSlate_TheSoftLimitOfOpenFilesIsTheConfiguredOne) {
    HostOptions options;
    options.open_files_soft = 123;
    Host host{options};
    ASSERT_TRUE(run(host, shell("ulimit -n")));
    EXPECT_EQ(output(), "123\n");
}

TEST_F(SpawnTest, Decision17_OurOwnSignalsAreAsBefore) {
    sigset_t before;
    sigset_t after;
    sigprocmask(SIG_SETMASK, nullptr, &before);
    ASSERT_TRUE(run(host_, program({"/bin/true"})));
    (void)host_.spawn(1, 1, program({"/no/such"}), {});
    sigprocmask(SIG_SETMASK, nullptr, &after);
    for (int number = 1; number < NSIG; ++number) {
        EXPECT_EQ(sigismember(&before, number), sigismember(&after, number)) << number;
    }
}

}  // namespace
}  // namespace backplane::process
