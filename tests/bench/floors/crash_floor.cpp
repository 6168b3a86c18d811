// SPDX-License-Identifier: Apache-2.0
/// The least time from a client's SIGKILL to its notice in another process: a server of forty lines on raw sockets and
/// epoll sees the end of the victim's stream and writes 32 bytes to the watcher. It keeps no graph and judges nothing.
///
/// usage: crash_floor [ROUNDS]. Prints `crash_notice_us` with the median and the 99th percentile.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using Frame = std::array<char, 32>;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void demand(bool holds, const char* what) {
    if (!holds) {
        std::perror(what);
        _exit(1);
    }
}

/// Tells `watcher` whenever a descriptor that came over `door` reaches its end; ends when the door does.
[[noreturn]] void serve(int watcher, int door) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int poll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLRDHUP;
    wanted.data.fd = door;
    epoll_ctl(poll, EPOLL_CTL_ADD, door, &wanted);
    std::array<epoll_event, 16> ready{};
    Frame frame{};
    for (;;) {
        const int count = epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), -1);
        for (int i = 0; i < count; i++) {
            const int fd = ready[static_cast<std::size_t>(i)].data.fd;
            if (fd == door) {
                const int victim = accept(door, nullptr, nullptr);
                wanted.data.fd = victim;
                demand(epoll_ctl(poll, EPOLL_CTL_ADD, victim, &wanted) == 0, "epoll_ctl");
                continue;
            }
            const ssize_t size = recv(fd, frame.data(), frame.size(), MSG_DONTWAIT);
            demand(send(watcher, frame.data(), frame.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(frame.size()), "send");
            if (size <= 0) {
                close(fd);
            }
        }
    }
}

/// An abstract socket of our own: no file to leave behind.
int listen_somewhere(sockaddr_storage& address, socklen_t& size) {
    const int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = {};
    address.ss_family = AF_UNIX;
    demand(bind(door, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0 && listen(door, 16) == 0, "bind");
    size = sizeof address;
    getsockname(door, reinterpret_cast<sockaddr*>(&address), &size);
    return door;
}

pid_t start_victim(const sockaddr_storage& address, socklen_t size) {
    const pid_t victim = fork();
    if (victim == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        demand(connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0, "connect");
        const Frame hello{};
        demand(send(fd, hello.data(), hello.size(), 0) == static_cast<ssize_t>(hello.size()), "send");
        for (;;) {
            pause();
        }
    }
    return victim;
}

}  // namespace

int main(int count, char** words) {
    const int rounds = count > 1 ? std::atoi(words[1]) : 300;
    sockaddr_storage address{};
    socklen_t size = 0;
    const int door = listen_somewhere(address, size);
    std::array<int, 2> pair{};
    demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0, "socketpair");
    const pid_t server = fork();
    if (server == 0) {
        serve(pair[1], door);
    }
    close(door);
    close(pair[1]);
    std::vector<double> taken;
    Frame frame{};
    for (int round = 0; round < rounds; round++) {
        const pid_t victim = start_victim(address, size);
        demand(recv(pair[0], frame.data(), frame.size(), MSG_WAITALL) > 0, "recv");
        // The victim has reached its pause and the server its wait before the clock starts.
        usleep(1000);
        const std::int64_t start = now_ns();
        kill(victim, SIGKILL);
        demand(recv(pair[0], frame.data(), frame.size(), MSG_WAITALL) > 0, "recv");
        taken.push_back(static_cast<double>(now_ns() - start) / 1e3);
        waitpid(victim, nullptr, 0);
    }
    kill(server, SIGKILL);
    waitpid(server, nullptr, 0);
    std::sort(taken.begin(), taken.end());
    std::printf("crash_notice_us %.1f p99 %.1f\n", taken[taken.size() / 2], taken[taken.size() * 99 / 100]);
    return 0;
}
