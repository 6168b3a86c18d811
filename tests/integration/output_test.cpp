// SPDX-License-Identifier: Apache-2.0
/// What workers write: kept, written, never lost to a crash of the daemon, never a reason to wait (X-10, threats: output).
#include "tests/integration/bare_daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace backplane::integration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Kills the daemon and waits until another one serves.
void crash(const BareDaemon& daemon) {
    const pid_t before = daemon.daemon_pid();
    ASSERT_GT(before, 0);
    ASSERT_EQ(::kill(before, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return daemon.daemon_pid() != before && daemon.daemon_pid() > 0; }));
}

std::vector<ExitRecord> exits_of(Client& client, const std::string& name, std::size_t at_least) {
    std::vector<ExitRecord> found;
    EXPECT_TRUE(eventually([&] {
        const auto exits = client.exits(name, plenty);
        found = exits ? *exits : std::vector<ExitRecord>{};
        return found.size() >= at_least;
    })) << name;
    return found;
}

/// All that a child's kept lines say, from `since` on, once `last` is among them.
std::vector<std::string> lines_until(Client& client, const std::string& name, const std::string& last, LogOptions options = {}) {
    std::vector<std::string> lines;
    options.wait = true;
    while (lines.empty() || lines.back() != last) {
        const auto page = client.logs(name, options, plenty);
        if (!page) {
            ADD_FAILURE() << page.error().text() << " after " << lines.size() << " lines";
            return lines;
        }
        for (const LogLine& line : page->lines) {
            lines.push_back(line.text);
        }
        options.since = page->next;
    }
    return lines;
}

/// The file and those put aside before it, the oldest first.
std::string rotated_text(const std::string& path) {
    std::string text = read_file(path);
    for (int number = 1; std::filesystem::exists(path + "." + std::to_string(number)); ++number) {
        text = read_file(path + "." + std::to_string(number)) + text;
    }
    return text;
}

std::vector<long> numbers_in(const std::string& text) {
    std::vector<long> numbers;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        numbers.push_back(std::strtol(line.c_str(), nullptr, 10));
    }
    return numbers;
}

/// How far the numbers from 1 on are all there, in order; some may be there more than once.
long complete_to(const std::vector<long>& numbers) {
    long next = 1;
    for (const long number : numbers) {
        next += number == next ? 1 : 0;
    }
    return next - 1;
}

// ---- the last exits --------------------------------------------------------------------------------------------------------

TEST(Output, X10_AnExitKeepsTheTailOfStderr) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sh", "-c", "echo first >&2; printf 'last \\033[31mwords\\n' >&2; exit 3"],
                          "backoff": "none", "restart": "temporary", "retain": true},
                         {"name": "k", "exec": ["sh", "-c", "printf 'no newline' >&2; kill -9 $$"], "restart": "temporary",
                          "retain": true},
                         {"name": "quiet", "exec": ["true"], "restart": "temporary", "retain": true},
                         {"name": "none", "exec": ["/no/such/program"], "restart": "temporary", "retain": true,
                          "backoff": {"initial": "100s", "max": "100s"}})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const ExitRecord a = exits_of(client, "a", 1).front();
    EXPECT_EQ(a.code, 3);
    EXPECT_EQ(a.fault, "exit(3)");
    EXPECT_EQ(a.exit_class, "abnormal");
    EXPECT_TRUE(a.was_ready);
    EXPECT_EQ(a.last_words, "first\nlast \x1b[31mwords");
    const ExitRecord k = exits_of(client, "k", 1).front();
    EXPECT_EQ(k.signal, 9);
    EXPECT_FALSE(k.code);
    EXPECT_EQ(k.last_words, "no newline");
    const ExitRecord quiet = exits_of(client, "quiet", 1).front();
    EXPECT_EQ(quiet.code, 0);
    EXPECT_FALSE(quiet.fault);
    EXPECT_EQ(quiet.last_words, "");
    const ExitRecord none = exits_of(client, "none", 1).front();
    EXPECT_FALSE(none.was_ready || none.code || none.signal);
    EXPECT_THAT(none.fault.value_or(""), HasSubstr("exec"));
}

TEST(Output, X10_OnlyTheLastOnesAreKeptThroughACrash) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sh", "-c", "echo end >&2; exit 7"], "backoff": {"initial": "1ms", "max": "1ms"},
                          "intensity": 15, "period": "1h", "on_limit": "stop_child"})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    (void)daemon.wait_for(client, "a", "down");
    const std::vector<ExitRecord> before = exits_of(client, "a", 8);
    ASSERT_EQ(before.size(), 8U);
    for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_EQ(before[i].last_words, "end");
        EXPECT_EQ(before[i].incarnation, before[0].incarnation - i) << "the newest first";
    }
    EXPECT_EQ(before[0].incarnation, 16U);
    crash(daemon);
    Client other = daemon.connect();
    const std::vector<ExitRecord> after = exits_of(other, "a", 8);
    ASSERT_EQ(after.size(), 8U);
    for (std::size_t i = 0; i < after.size(); ++i) {
        EXPECT_EQ(after[i].incarnation, before[i].incarnation);
        EXPECT_EQ(after[i].last_words, before[i].last_words);
        EXPECT_EQ(after[i].uptime_ms, before[i].uptime_ms);
        EXPECT_EQ(after[i].fault, before[i].fault);
    }
}

TEST(Output, X10_WordsThatNoDaemonHeardAreKept) {
    BareDaemon daemon{
        R"({"name": "a", "exec": ["sh", "-c", "trap 'echo nobody is there >&2; exit 5' USR1; echo up >&2; while :; do sleep 0.01; done"],
                          "restart": "temporary", "retain": true})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const pid_t worker = static_cast<pid_t>(*daemon.wait_for(client, "a", "running").pid);
    EXPECT_EQ(lines_until(client, "a", "up"), std::vector<std::string>{"up"});
    daemon.signal(SIGSTOP);  // the keeper: nobody is started
    ASSERT_TRUE(daemon.kill_daemon());
    ASSERT_EQ(::kill(worker, SIGUSR1), 0);
    ASSERT_TRUE(eventually([&] { return process_state(worker) == 'Z'; }));
    daemon.signal(SIGCONT);
    const ExitRecord exit = exits_of(client, "a", 1).front();
    EXPECT_EQ(exit.code, 5);
    EXPECT_THAT(exit.last_words, HasSubstr("nobody is there"));
}

TEST(Output, WhatAStrangerWritesIsHarmlessWhereItIsShown) {
    Daemon daemon{R"([{"name": "a", "exec": ["sh", "-c", "printf 'x\\033]0;owned\\007\\377y\\n' >&2; exit 1"], "restart": "temporary",
                       "retain": true}])"};
    (void)daemon.await_state("a", "down");
    for (const std::string command : {"status", "logs"}) {
        const integration::Run run = daemon.ctl({command, "a"});
        EXPECT_EQ(run.code, 0) << run.err;
        EXPECT_THAT(run.out, HasSubstr(R"(x\x1b]0;owned\x07)")) << command;
        EXPECT_THAT(run.out, Not(HasSubstr("\x1b"))) << command;
        EXPECT_THAT(run.out, Not(HasSubstr("\xff"))) << command;
    }
}

// ---- no byte is lost -------------------------------------------------------------------------------------------------------

/// Numbers from 1 to 50 000, over a second or so, and then nothing any more.
constexpr const char* counting = R"({"name": "a", "exec": ["sh", "-c",
    "i=0; while [ $i -lt 100 ]; do seq $((i * 500 + 1)) $((i * 500 + 500)); i=$((i + 1)); sleep 0.01; done; exec sleep 1000"],
    "stdout": {"file": "@DIR@/a.log", "max_size": "64K", "keep": 100}})";
constexpr long counted = 50'000;

TEST(Output, ADaemonThatIsKilledLosesNoByte) {
    BareDaemon daemon{counting};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto before = daemon.wait_for(client, "a", "running");
    const std::string log = daemon.folder() + "/a.log";
    int crashes = 0;
    for (long seen = 0; seen < counted && crashes < 10; ++crashes) {
        const long last = seen;
        ASSERT_TRUE(eventually([&] { return (seen = complete_to(numbers_in(rotated_text(log)))) > last; }));
        crash(daemon);
    }
    EXPECT_TRUE(eventually([&] { return complete_to(numbers_in(rotated_text(log))) == counted; }))
        << complete_to(numbers_in(rotated_text(log))) << " after " << crashes << " crashes";
    EXPECT_GE(crashes, 2);
    EXPECT_EQ(daemon.wait_for(client, "a", "running").pid, before.pid);
    EXPECT_TRUE(std::filesystem::exists(log + ".1"));
}

TEST(Output, AnUpgradeInPlaceLosesAndDoublesNothing) {
    BareDaemon daemon{counting};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    (void)daemon.wait_for(client, "a", "running");
    LogOptions options;
    options.wait = true;
    std::uint64_t lines = 0;
    for (int round = 0; round < 5; ++round) {
        const auto page = client.logs("a", options, plenty);
        ASSERT_TRUE(page) << page.error().text();
        EXPECT_FALSE(page->anew) << round;
        lines += page->lines.size() + page->missed;
        options.since = page->next;
        ASSERT_TRUE(client.upgrade(plenty));
    }
    EXPECT_GT(lines, 0U);
    const std::string log = daemon.folder() + "/a.log";
    ASSERT_TRUE(eventually([&] { return complete_to(numbers_in(rotated_text(log))) == counted; }));
    EXPECT_EQ(numbers_in(rotated_text(log)).size(), static_cast<std::size_t>(counted));
}

/// Neither of them is there to hold an end: the worker is not broken by it, and what it wrote meanwhile comes.
TEST(Output, AWorkerOutlivesKeeperAndDaemonAndIsHeardAgain) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sh", "-c", "trap 'echo alone' USR1; echo begun; while :; do sleep 0.01; done"],
                          "stdout": {"file": "@DIR@/a.log"}})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const pid_t worker = static_cast<pid_t>(*daemon.wait_for(client, "a", "running").pid);
    const std::string log = daemon.folder() + "/a.log";
    ASSERT_TRUE(eventually([&] { return read_file(log) == "begun\n"; }));
    daemon.kill_service();
    ASSERT_EQ(::kill(worker, SIGUSR1), 0);
    ASSERT_TRUE(daemon.start());
    // What was written, and perhaps not yet taken out of the pipe when both were killed, may stand there twice.
    EXPECT_TRUE(eventually([&] { return read_file(log).ends_with("begun\nalone\n"); })) << read_file(log);
    ASSERT_EQ(::kill(worker, SIGUSR1), 0);
    EXPECT_TRUE(eventually([&] { return read_file(log).ends_with("begun\nalone\nalone\n"); })) << read_file(log);
}

TEST(Output, WhatAWorkerWritesAtTheEndOfTheDaemonIsWritten) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sh", "-c", "trap 'seq 1 2000; exit 0' TERM; echo up; while :; do sleep 0.01; done"],
                          "stdout": {"file": "@DIR@/a.log"}})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const std::string log = daemon.folder() + "/a.log";
    ASSERT_TRUE(eventually([&] { return read_file(log) == "up\n"; }));
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(complete_to(numbers_in(read_file(log))), 2000);
}

// ---- nobody waits ----------------------------------------------------------------------------------------------------------

TEST(Output, AFloodHoldsUpNobody) {
    BareDaemon daemon{R"({"name": "flood", "exec": ["yes", "0123456789012345678901234567890"],
                          "stdout": {"file": "@DIR@/flood.log", "max_size": "256K", "keep": 1}, "stderr": "null"},
                         {"name": "calm", "exec": ["sh", "-c", "trap 'echo heard' USR1; echo up; while :; do sleep 0.01; done"],
                          "stdout": {"file": "@DIR@/calm.log"}})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const pid_t calm = static_cast<pid_t>(*daemon.wait_for(client, "calm", "running").pid);
    (void)lines_until(client, "calm", "up");
    const std::string log = daemon.folder() + "/flood.log";
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(log + ".1"); }));
    for (int i = 0; i < 20; ++i) {
        LogOptions from;
        from.since = client.logs("calm", {}, plenty)->end;
        ASSERT_EQ(::kill(calm, SIGUSR1), 0);
        EXPECT_THAT(lines_until(client, "calm", "heard", from), ElementsAre("heard"));
        ASSERT_TRUE(client.ping(plenty));
    }
    const auto page = client.logs("flood", {}, plenty);
    ASSERT_TRUE(page);
    EXPECT_GT(page->end, 100'000U) << "it went on all the while";
    EXPECT_LE(std::filesystem::file_size(log + ".1"), 256U * 1024U);
}

/// A file system of its own that is full soon.
class SmallDisk {
  public:
    explicit SmallDisk(std::string path) : path_(std::move(path)) {
        std::filesystem::create_directories(path_);
        is_there_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (is_there_) {
            umount2(path_.c_str(), MNT_DETACH);
        }
    }
    [[nodiscard]] bool is_there() const { return is_there_; }
    [[nodiscard]] bool grow() const { return mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, "size=16m") == 0; }

  private:
    std::string path_;
    bool is_there_ = false;
};

TEST(Output, AFullDiskIsCountedAndStopsNoWorker) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sh", "-c",
        "i=0; while :; do i=$((i + 1)); echo this is line number $i of very many; [ $((i % 100)) = 0 ] && echo $i > @DIR@/progress; done"],
        "stdout": {"file": "@DIR@/disk/a.log", "max_size": "10M"}})"};
    const SmallDisk disk{daemon.folder() + "/disk"};
    if (!disk.is_there()) {
        GTEST_SKIP() << "no file system may be mounted here";
    }
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    ASSERT_TRUE(daemon.logs("a: stdout is dropped and counted: No space left on device"));
    const auto progress = [&] { return std::strtol(read_file(daemon.folder() + "/progress").c_str(), nullptr, 10); };
    const long then = progress();
    EXPECT_TRUE(eventually([&] { return progress() > then + 5'000; })) << "it goes on";
    EXPECT_GT(client.logs("a", {}, plenty)->dropped, 0U);
    ASSERT_TRUE(disk.grow());
    EXPECT_TRUE(daemon.logs("a: stdout is written again"));
    EXPECT_TRUE(
        eventually([&] { return read_file(daemon.folder() + "/disk/a.log").find("bytes were dropped here\n") != std::string::npos; }));
    ASSERT_TRUE(client.stop("a", WaitFor::done, plenty));
}

// ---- what a configuration says -----------------------------------------------------------------------------------------------

TEST(Output, WhatIsRelayedComesWholeToTheDaemonsOwn) {
    BareDaemon daemon{
        R"({"name": "a", "exec": ["sh", "-c", "echo to stdout; printf 'half ' >&2; sleep 0.01; echo a line >&2; exec sleep 1000"],
                          "stdout": "relay"})"};
    ASSERT_TRUE(daemon.start());
    EXPECT_TRUE(daemon.logs("\nhalf a line\n"));
    Client client = daemon.connect();
    const auto page = client.logs("a", {}, plenty);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->stdout_to, "relay");
    EXPECT_EQ(page->stderr_to, "relay");
}

TEST(Output, F5_AFileThatCannotBeIsTheStartsFailure) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sleep", "1000"], "stdout": {"file": "@DIR@/no/such/log"}, "restart": "temporary",
                          "retain": true})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    EXPECT_THAT(exits_of(client, "a", 1).front().fault.value_or(""), HasSubstr("output"));
}

TEST(Output, LogsAreFollowedAsTheyCome) {
    Daemon daemon{R"([{"name": "a", "exec": ["sh", "-c", "trap 'echo again >&2' USR1; echo first >&2; while :; do sleep 0.01; done"]}])"};
    const DeviceRow row = daemon.await_state("a", "running");
    Process follower = daemon.ctl_beside({"logs", "-f", "a"});
    Client client = daemon.connect();
    (void)lines_until(client, "a", "first");
    for (int i = 0; i < 3; ++i) {
        LogOptions from;
        from.since = client.logs("a", {}, plenty)->end;
        from.wait = true;
        ASSERT_EQ(::kill(static_cast<pid_t>(*row.pid), SIGUSR1), 0);
        ASSERT_TRUE(client.logs("a", from, plenty)) << "which waits for it";
    }
    const integration::Run last = daemon.ctl({"logs", "-n", "2", "a"});
    EXPECT_EQ(last.code, 0);
    EXPECT_EQ(std::count(last.out.begin(), last.out.end(), '\n'), 2);
    EXPECT_THAT(last.err, HasSubstr("stdout is not kept"));
    EXPECT_EQ(daemon.stop(), 0);
    const integration::Run run = follower.wait();
    EXPECT_THAT(run.out, HasSubstr("stderr| first\n"));
    EXPECT_THAT(run.out, HasSubstr("stderr| again\n"));
}

TEST(Output, LogsOfWhatHasNoneAreRefused) {
    Daemon daemon{R"([{"name": "a", "exec": ["sleep", "1000"]}])"};
    Client client = daemon.connect();
    const auto nobody = client.logs("nobody", {}, plenty);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, ErrorCode::not_found);
    const auto root = client.logs("/", {}, plenty);
    ASSERT_FALSE(root);
    EXPECT_EQ(root.error().code, ErrorCode::not_supported);
    const auto silent = client.logs("a", {}, plenty);
    ASSERT_TRUE(silent);
    EXPECT_TRUE(silent->lines.empty());
    EXPECT_EQ(silent->next, silent->end);
}

}  // namespace
}  // namespace backplane::integration
