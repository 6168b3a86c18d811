// SPDX-License-Identifier: Apache-2.0
/// See figures.hpp.
#include "tests/integration/storm/figures.hpp"

#include "tests/integration/bare_daemon.hpp"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace backplane::storm {

namespace {

/// A stream socket that listens at `path`, or -1.
int listen_at(const std::string& path, sockaddr_un& address) {
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 8) != 0) {
        ::close(listener);
        return -1;
    }
    return listener;
}

}  // namespace

std::int64_t floor_ns(const std::string& path) {
    sockaddr_un address{};
    const int listener = listen_at(path, address);
    char program[] = "/bin/true";
    char* words[] = {program, nullptr};
    const std::int64_t begun = now_ns();
    pid_t pid = 0;
    int status = 0;
    if (::posix_spawn(&pid, program, nullptr, nullptr, words, nullptr) == 0) {
        ::waitpid(pid, &status, 0);
    }
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte = 0;
    if (::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        const int served = ::accept(listener, nullptr, nullptr);
        (void)!::write(served, &byte, 1);
        (void)!::read(client, &byte, 1);
        ::close(served);
    }
    const std::int64_t took = now_ns() - begun;
    ::close(client);
    ::close(listener);
    ::unlink(path.c_str());
    return took;
}

void print_times(const char* what, std::vector<std::int64_t> times) {
    if (times.empty()) {
        return;
    }
    std::sort(times.begin(), times.end());
    const auto ms = [&](std::size_t at) { return static_cast<double>(times[std::min(at, times.size() - 1)]) / 1e6; };
    std::printf("figure: %-52s median %7.2f ms, p99 %7.2f ms, max %7.2f ms, %zu times\n", what, ms(times.size() / 2),
                ms(times.size() * 99 / 100), ms(times.size() - 1), times.size());
}

std::size_t print_checks(const Board& board) {
    constexpr std::array<const char*, checks_count> names{
        "crashes or upgrades after which the daemon serves", "sessions that went on, over each crash once",
        "operations that were to be acknowledged",           "notices that were owed, with the right fault",
        "notices, none of them twice or not owed",           "unlinks acknowledged, no notice behind them",
        "healthy workers that are the process they were",    "child entries with at most one process, kept by us",
        "exits in the log, with their status, in order",     "restarts, one for each exit, with its cause",
        "exits told to who monitors, as in the log",         "children, started once and once for each exit",
        "things that must not be left at the end",
    };
    std::size_t failed = 0;
    for (std::size_t i = 0; i < checks_count; ++i) {
        std::printf("%-52s %9llu tried, %llu lost\n", names[i], static_cast<unsigned long long>(board.tried[i]),
                    static_cast<unsigned long long>(board.lost[i]));
        failed += board.lost[i] != 0 || board.tried[i] == 0 ? 1U : 0U;
    }
    return failed;
}

pid_t daemon_child_of(pid_t keeper, pid_t not_this) {
    const std::string task = "/proc/" + std::to_string(keeper) + "/task/" + std::to_string(keeper) + "/children";
    std::istringstream children{integration::read_file(task)};
    for (pid_t pid = 0; children >> pid;) {
        // What a daemon that was killed had just cloned, to become a worker, looks like that daemon until it has a session of its own.
        if (pid != not_this && ::getsid(pid) == ::getsid(keeper) &&
            integration::read_file("/proc/" + std::to_string(pid) + "/cmdline").find("backplaned") != std::string::npos) {
            return pid;
        }
    }
    return 0;
}

std::size_t zombies_of(pid_t pid) {
    std::size_t found = 0;
    const auto has_none = [&] {
        const std::vector<pid_t> children = integration::children_of(pid);
        found = static_cast<std::size_t>(
            std::count_if(children.begin(), children.end(), [](pid_t child) { return integration::process_state(child) == 'Z'; }));
        return found == 0;
    };
    (void)integration::eventually(has_none);
    return found;
}

}  // namespace backplane::storm
