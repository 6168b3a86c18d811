// SPDX-License-Identifier: Apache-2.0
/// Crash to running again, end to end: SIGKILL to a worker of the real daemon until the first instruction of the next
/// one's main, beside a loop written by hand (vfork, exec, pidfd, poll) in a process of its own. The two take turns.
///
/// usage: bp_bench_restart BACKPLANED WORKER [ROUNDS]. WORKER is bp_process_worker, which writes its clock to its output.
#include "tests/bench/real_daemon.hpp"

#include <backplane/backplane.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>

namespace {

using namespace backplane;
using namespace backplane::bench;

constexpr int restarts_a_round = 20;

std::int64_t read_clock(int fd) {
    std::int64_t clock = 0;
    if (read(fd, &clock, sizeof clock) != static_cast<ssize_t>(sizeof clock)) {
        give_up("the worker does not report");
    }
    return clock;
}

/// The floor: starts the worker again for ever, and tells each one's pid.
[[noreturn]] void keep(const char* worker, int output, int pids) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    char* arguments[] = {const_cast<char*>(worker), nullptr};
    for (;;) {
        const pid_t pid = vfork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            execv(worker, arguments);
            _exit(127);
        }
        pollfd watch{static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0};
        if (write(pids, &pid, sizeof pid) != static_cast<ssize_t>(sizeof pid)) {
            _exit(1);
        }
        while (poll(&watch, 1, -1) != 1) {
        }
        waitpid(pid, nullptr, 0);
        close(watch.fd);
    }
}

/// A supervisor under measurement: where its workers report and how to learn the present one's pid.
struct Measured {
    int reports = -1;
    std::vector<double> taken;
};

template <class PidOf>
void measure(Measured& measured, PidOf pid_of) {
    for (int i = 0; i < restarts_a_round; i++) {
        const pid_t pid = pid_of();
        usleep(1000);
        const std::int64_t start = now_ns();
        kill(pid, SIGKILL);
        measured.taken.push_back(static_cast<double>(read_clock(measured.reports) - start) / 1e3);
    }
}

pid_t pid_of_child(Client& client, pid_t before) {
    const std::int64_t deadline = now_ns() + 5'000'000'000;
    while (now_ns() < deadline) {
        const auto found = client.describe("w");
        if (found && found->row.pid && *found->row.pid != before && found->row.state == "running") {
            return static_cast<pid_t>(*found->row.pid);
        }
    }
    give_up("the worker does not run");
}

double median(std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int count, char** words) {
    if (count < 3) {
        std::fprintf(stderr, "usage: bp_bench_restart BACKPLANED WORKER [ROUNDS]\n");
        return 2;
    }
    const int rounds = count > 3 ? std::atoi(words[3]) : 10;
    const std::string worker = words[2];
    RealDaemon daemon{R"({"name": "w", "exec": [")" + worker + R"("], "backoff": "none", "stdout": "@DIR@/reports"})"};
    Measured ours;
    Measured floor;
    const std::string fifo = daemon.folder() + "/reports";
    if (mkfifo(fifo.c_str(), 0600) != 0 || (ours.reports = open(fifo.c_str(), O_RDWR | O_CLOEXEC)) < 0) {
        give_up("no fifo");
    }
    std::array<int, 2> reports{};
    std::array<int, 2> pids{};
    if (pipe(reports.data()) != 0 || pipe(pids.data()) != 0) {
        give_up("pipe");
    }
    floor.reports = reports[0];
    const pid_t keeper = fork();
    if (keeper == 0) {
        keep(worker.c_str(), reports[1], pids[1]);
    }
    Client client = daemon.start(words[1]);
    (void)read_clock(ours.reports);
    (void)read_clock(floor.reports);
    pid_t ours_now = 0;
    for (int round = 0; round < rounds; round++) {
        measure(floor, [&pids] {
            pid_t pid = 0;
            return read(pids[0], &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid) ? pid : (give_up("no pid"), pid);
        });
        measure(ours, [&client, &ours_now] { return ours_now = pid_of_child(client, ours_now); });
    }
    kill(keeper, SIGKILL);
    waitpid(keeper, nullptr, 0);
    std::printf("crash_running_us %.1f floor %.1f\n", median(ours.taken), median(floor.taken));
    return 0;
}
