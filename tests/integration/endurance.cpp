// SPDX-License-Identifier: Apache-2.0
/// Endurance: two promises that only many restarts can break.
///
///   bp_endurance restarts N    workers that each leave three processes that were forked twice fail N times: none of those is left, nobody
///                              is a zombie, and no process of others is signalled (P-2, P-4, P-5)
///   bp_endurance failing N     N workers fail at once for ever under the default backoff: after the first minute the daemon needs less
///                              than a tenth of a processor, and another worker is back within twice the time that it takes where
///                              nobody else fails (X-1, X-8, X-13)
///   bp_endurance leave|away    what the first of these has its daemon supervise; `away`, where control groups hold them together: what is
///                              left has sessions of its own
///
/// Times are compared with times that were taken a moment before on the same machine; the lines `figure:` say what was measured.
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace backplane::endurance {
namespace {

using integration::BareDaemon;
using integration::eventually;
using integration::plenty;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Three processes that another one inherits and that heed no request, and then a failure.
[[noreturn]] void leave_three(bool away) {
    ::signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < 3; ++i) {
        const pid_t between = ::fork();
        if (between == 0) {
            if (away) {
                ::setsid();
            }
            if (::fork() == 0) {
                for (;;) {
                    ::pause();
                }
            }
            ::_exit(0);
        }
        ::waitpid(between, nullptr, 0);
    }
    ::_exit(1);
}

/// Processes of nobody whom the daemon knows, one after the other in so many places: one that is signalled has not ended well.
class Strangers {
  public:
    explicit Strangers(std::size_t count) : pids_(count) {
        for (pid_t& pid : pids_) {
            pid = begin();
        }
    }
    ~Strangers() {
        for (const pid_t pid : pids_) {
            end(pid);
        }
    }
    Strangers(const Strangers&) = delete;
    Strangers& operator=(const Strangers&) = delete;

    /// The next one is asked to end and followed by another, so that their numbers lie among those of the workers.
    void change() {
        pid_t& pid = pids_[next_++ % pids_.size()];
        end(pid);
        pid = begin();
        ++changed_;
    }
    [[nodiscard]] std::size_t signalled() const { return signalled_; }
    [[nodiscard]] std::size_t lived() const { return pids_.size() + changed_; }

  private:
    static pid_t begin() {
        sigset_t wait_for;
        sigemptyset(&wait_for);
        sigaddset(&wait_for, SIGUSR1);
        ::sigprocmask(SIG_BLOCK, &wait_for, nullptr);
        const pid_t pid = ::fork();
        if (pid == 0) {
            int came = 0;
            ::sigwait(&wait_for, &came);
            ::_exit(0);
        }
        return pid;
    }
    void end(pid_t pid) {
        int status = 0;
        ::kill(pid, SIGUSR1);
        signalled_ += ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0U : 1U;
    }

    std::vector<pid_t> pids_;
    std::size_t next_ = 0, changed_ = 0, signalled_ = 0;
};

std::uint64_t restarts_in(Client& client) {
    std::uint64_t sum = 0;
    const auto rows = client.list(plenty);
    EXPECT_TRUE(rows) << rows.error().text();
    for (const DeviceRow& row : *rows) {
        sum += row.restarts.value_or(0);
    }
    return sum;
}

std::size_t zombies_below(pid_t pid) {
    const std::vector<pid_t> children = integration::children_of(pid);
    return static_cast<std::size_t>(
        std::count_if(children.begin(), children.end(), [](pid_t child) { return integration::process_state(child) == 'Z'; }));
}

/// What holds a worker's descendants together on this machine.
std::string containment() {
    BareDaemon daemon;
    const auto info = daemon.start() ? daemon.connect().daemon_info(plenty) : Expected<DaemonInfo>{DaemonInfo{}};
    return info ? info->containment : std::string{};
}

void endure_restarts(std::uint64_t wanted) {
    const std::string held_by = containment();
    const std::string what = held_by == "cgroup" ? "away" : "leave";
    BareDaemon daemon{R"({"name": "sup", "supervisor": {"intensity": 1000000000, "period": "1h", "children": [
        {"name": "w@1..10", "exec": ["@BIN@/bp_endurance", ")" +
                      what + R"("], "backoff": "none"}]}})"};
    Strangers strangers{50};
    if (!daemon.start()) {
        return;
    }
    Client client = daemon.connect();
    const auto start = Clock::now();
    std::uint64_t restarts = 0;
    while ((restarts = restarts_in(client)) < wanted) {
        strangers.change();
    }
    const double took = seconds_since(start);
    ASSERT_TRUE(client.stop("sup"));
    EXPECT_TRUE(eventually([&] { return integration::workers_of(daemon.socket()).empty(); }))
        << integration::workers_of(daemon.socket()).size() << " processes are left";
    EXPECT_TRUE(eventually([&] { return zombies_below(daemon.daemon_pid()) + zombies_below(daemon.pid()) == 0; })) << "zombies are left";
    for (std::size_t i = 0; i < 50; ++i) {
        strangers.change();
    }
    EXPECT_EQ(strangers.signalled(), 0U);
    std::printf("figure: %llu restarts that left three processes each, in %.1f s (%s): none left, %zu strangers unharmed\n",
                static_cast<unsigned long long>(restarts), took, held_by.c_str(), strangers.lived());
}

/// Processor time of a process so far, in seconds.
double cpu_of(pid_t pid) {
    const std::string stat = integration::read_file("/proc/" + std::to_string(pid) + "/stat");
    std::istringstream rest{stat.substr(std::min(stat.size(), stat.rfind(')') + 2))};
    std::string skipped;
    for (int i = 0; i < 11; ++i) {
        rest >> skipped;
    }
    double user = 0;
    double system = 0;
    rest >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// How long the worker `other` needs to be back after SIGKILL: the median of some times, in milliseconds.
double time_back(BareDaemon& daemon, Client& client) {
    std::vector<double> times;
    for (int i = 0; i < 11; ++i) {
        const DeviceRow row = daemon.wait_for(client, "other/w", "running");
        const auto start = Clock::now();
        EXPECT_EQ(::kill(static_cast<pid_t>(row.pid.value_or(-1)), SIGKILL), 0);
        static_cast<void>(daemon.wait_for(client, "other/w", "running", row.pid.value_or(-1)));
        times.push_back(seconds_since(start) * 1e3);
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

/// Ends and failed starts alike.
std::uint64_t failures_of_storm(Client& client) {
    const auto described = client.describe("storm", plenty);
    return described ? described->row.window_used.value_or(0) : 0;
}

void endure_failing(std::uint64_t workers) {
    BareDaemon daemon{R"({"name": "other", "supervisor": {"intensity": 1000000000, "children": [
        {"name": "w", "exec": ["sleep", "100000"], "backoff": "none"}]}},
      {"name": "storm", "supervisor": {"intensity": 1000000000, "period": "1h", "children": [
        {"name": "f@1..)" +
                      std::to_string(workers) + R"(", "exec": ["sh", "-c", "exit 1"]}]}})"};
    if (!daemon.start()) {
        return;
    }
    Client client = daemon.connect();
    ASSERT_TRUE(client.command(ChildVerb::disable, "storm"));
    const double undisturbed = time_back(daemon, client);
    ASSERT_TRUE(client.command(ChildVerb::enable, "storm", WaitFor::accepted));
    // The first minute; a short run ends when the delays, 100 ms and then twice as much each time, are far longer than a start takes.
    const bool is_long = workers >= 1000;
    const auto start = Clock::now();
    while (is_long ? seconds_since(start) < 60 : failures_of_storm(client) < workers * 7 && seconds_since(start) < 300) {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    EXPECT_GE(failures_of_storm(client), workers * 7) << "they do not fail often enough";
    const double warm = seconds_since(start);
    const pid_t pid = daemon.daemon_pid();
    const double cpu = cpu_of(pid);
    const auto measured = Clock::now();
    std::this_thread::sleep_for(std::chrono::seconds(is_long ? 30 : 3));
    const double share = (cpu_of(pid) - cpu) / seconds_since(measured);
    EXPECT_LT(share, 0.1) << "of a processor";
    double disturbed = time_back(daemon, client);
    for (int again = 0; again < 4 && disturbed > 2 * undisturbed; ++again) {
        disturbed = std::min(disturbed, time_back(daemon, client));  // what else runs here is no matter
    }
    EXPECT_LE(disturbed, 2 * undisturbed);
    std::printf(
        "figure: %llu failing workers after %.0f s: the daemon takes %.1f %% of a processor; another worker is back in %.1f ms, "
        "undisturbed in %.1f ms\n",
        static_cast<unsigned long long>(workers), warm, share * 100, disturbed, undisturbed);
}

class Endurance : public testing::Test {
  public:
    Endurance(void (*what)(std::uint64_t), std::uint64_t number) : what_(what), number_(number) {}
    void TestBody() override { what_(number_); }

  private:
    void (*what_)(std::uint64_t);
    std::uint64_t number_;
};

int run(int count, char** words) {
    const std::string_view what = count > 1 ? words[1] : "";
    if (what == "leave" || what == "away") {
        leave_three(what == "away");
    }
    const std::uint64_t number = count > 2 ? std::strtoull(words[2], nullptr, 10) : 0;
    if (number == 0 || (what != "restarts" && what != "failing")) {
        std::fprintf(stderr, "usage: bp_endurance restarts|failing N\n");
        return 2;
    }
    testing::InitGoogleTest(&count, words);
    const char* name = what == "restarts" ? "P4_P5_NothingIsLeftOfManyRestarts" : "X1_X8_ManyThatFailTakeLittle";
    testing::RegisterTest("Endurance", name, nullptr, nullptr, __FILE__, __LINE__, [=]() -> testing::Test* {
        return new Endurance{what == "restarts" ? endure_restarts : endure_failing, number};
    });
    return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace backplane::endurance

int main(int count, char** words) { return backplane::endurance::run(count, words); }
