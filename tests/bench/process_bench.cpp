// SPDX-License-Identifier: Apache-2.0
/// Crash to running again: the process host beside the least that can do it, in the same run.
///
/// usage: bp_bench_process [ROUNDS] [--check RATIO]
///
/// One restart: SIGKILL to the worker, poll until its pidfd says so, take the end, start it anew; the time ends with the
/// first instruction of the new worker's main, which writes its clock to a pipe. Rounds of the floor and of the host take
/// turns, so that a change of the machine's mood meets all. The figure is the ratio of the medians; with --check a
/// larger one than RATIO ends with 1. The worker, bp_process_worker, lies beside this program.
///
/// The floor is also run with a session for each worker, which rule P-3 wants: where the kernel groups tasks by session
/// (sched_autogroup_enabled, outside of control groups) and the machine is busy, a new session waits for its first turn
/// among all others, and that wait is no work of the host.
#include "daemon/process/host.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace backplane::process {
namespace {

constexpr int restarts_a_round = 25;
constexpr std::size_t floor_stack_bytes = 64 * 1024;

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(2);
}

void wait_readable(int fd) {
    pollfd watch{fd, POLLIN, 0};
    while (poll(&watch, 1, -1) != 1) {
    }
}

/// The floor: what one can write by hand in an hour, without any of the host's duties.
class Floor {
  public:
    Floor(const char* worker, bool has_session) : worker_(worker), has_session_(has_session) {
        void* mapping = mmap(nullptr, floor_stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapping == MAP_FAILED) {
            give_up("mmap");
        }
        stack_top_ = static_cast<char*>(mapping) + floor_stack_bytes;
    }
    void start() {
        char* arguments[] = {const_cast<char*>(worker_), nullptr};
        pid_ = clone(has_session_ ? execute_in_session : execute, stack_top_, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, arguments,
                     &pidfd_);
        if (pid_ < 0) {
            give_up("clone");
        }
    }
    void crash() const { kill(pid_, SIGKILL); }
    void wait_end() {
        wait_readable(pidfd_);
        siginfo_t info;
        waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED);
        close(pidfd_);
    }

  private:
    static int execute(void* arguments) {
        char** const all = static_cast<char**>(arguments);
        execve(all[0], all, environ);
        _exit(127);
    }

    static int execute_in_session(void* arguments) {
        setsid();
        return execute(arguments);
    }

    const char* worker_;
    bool has_session_;
    char* stack_top_ = nullptr;
    int pid_ = 0;
    int pidfd_ = -1;
};

/// The host, driven as the shell drives it: end, SIGKILL to the rest of the group, reap, group empty, start.
class Hosted {
  public:
    explicit Hosted(const char* worker) { launch_.exec = {worker}; }
    void start() {
        outcome_ = host_.spawn(1, ++generation_, launch_, {});
        if (!outcome_.started) {
            errno = outcome_.error_number;
            give_up("spawn");
        }
    }
    void crash() { host_.signal(1, generation_, SIGKILL); }
    void wait_end() {
        wait_readable(outcome_.pidfd);
        (void)host_.take_exit(1, generation_);
        host_.signal_group(1, generation_, SIGKILL);
        ReapResult result = host_.reap(1, generation_);
        while (result == ReapResult::lingering) {
            result = host_.sweep().empty() ? result : ReapResult::group_empty;
        }
    }

  private:
    Host host_;
    core::LaunchSpec launch_;
    SpawnOutcome outcome_;
    std::uint32_t generation_ = 0;
};

/// Where the workers write their first moment.
class Reports {
  public:
    /// Makes the pipe our stdout, which the workers inherit; what we print goes to `out`.
    Reports() {
        int ends[2];
        out = fdopen(dup(STDOUT_FILENO), "w");
        if (out == nullptr || pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0) {
            give_up("pipe");
        }
        close(ends[1]);
        reader_ = ends[0];
    }
    [[nodiscard]] std::int64_t next() const {
        std::int64_t value = 0;
        if (read(reader_, &value, sizeof value) != sizeof value) {
            give_up("read");
        }
        return value;
    }
    FILE* out = nullptr;

  private:
    int reader_ = -1;
};

template <class Supervisor>
void measure(Supervisor& supervisor, const Reports& reports, std::vector<std::int64_t>& times) {
    supervisor.start();
    (void)reports.next();
    for (int i = 0; i < restarts_a_round; ++i) {
        const std::int64_t crashed = now();
        supervisor.crash();
        supervisor.wait_end();
        supervisor.start();
        times.push_back(reports.next() - crashed);
    }
    supervisor.crash();
    supervisor.wait_end();
}

double part(std::vector<std::int64_t>& times, double share) {
    const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size() - 1));
    std::nth_element(times.begin(), times.begin() + at, times.end());
    return static_cast<double>(times[static_cast<std::size_t>(at)]) / 1000.0;
}

void print(FILE* out, const char* name, std::vector<std::int64_t>& times) {
    std::fprintf(out, "  %-20s p10 %7.1f us  median %7.1f us  p90 %7.1f us\n", name, part(times, 0.1), part(times, 0.5), part(times, 0.9));
}

int run(int rounds, double limit, const char* worker) {
    const Reports reports;
    Floor floor{worker, false};
    Floor floor_in_session{worker, true};
    Hosted hosted{worker};
    std::vector<std::int64_t> floor_times;
    std::vector<std::int64_t> session_times;
    std::vector<std::int64_t> host_times;
    for (int round = 0; round < rounds; ++round) {
        measure(floor, reports, floor_times);
        measure(hosted, reports, host_times);
        measure(floor_in_session, reports, session_times);
    }
    const double ratio = part(host_times, 0.5) / part(floor_times, 0.5);
    std::fprintf(reports.out, "crash to running again, %zu restarts each, in turns\n", floor_times.size());
    print(reports.out, "floor", floor_times);
    print(reports.out, "floor with sessions", session_times);
    print(reports.out, "host", host_times);
    std::fprintf(reports.out, "  ratio of the medians: to the floor %.2f, to the floor with sessions %.2f\n", ratio,
                 part(host_times, 0.5) / part(session_times, 0.5));
    std::fclose(reports.out);
    return limit > 0 && ratio > limit ? 1 : 0;
}

/// The worker's path: in the folder of our own program.
std::string worker_path() {
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    const std::string self{path, size > 0 ? static_cast<std::size_t>(size) : 0};
    return self.substr(0, self.rfind('/')) + "/bp_process_worker";
}

}  // namespace
}  // namespace backplane::process

int main(int argument_count, char** arguments) {
    int rounds = 20;
    double limit = 0;
    for (int i = 1; i < argument_count; ++i) {
        if (std::strcmp(arguments[i], "--check") == 0 && i + 1 < argument_count) {
            limit = std::atof(arguments[++i]);
        } else if (std::atoi(arguments[i]) > 0) {
            rounds = std::atoi(arguments[i]);
        } else {
            std::fprintf(stderr, "usage: %s [ROUNDS] [--check RATIO]\n", arguments[0]);
            return 2;
        }
    }
    const std::string worker = backplane::process::worker_path();
    if (access(worker.c_str(), X_OK) != 0) {
        std::perror(worker.c_str());
        return 2;
    }
    return backplane::process::run(rounds, limit, worker.c_str());
}
