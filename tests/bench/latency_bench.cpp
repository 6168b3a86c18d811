// SPDX-License-Identifier: Apache-2.0
/// Crash to notice: from a client's SIGKILL to the message in another process that monitors its Device, by way of the
/// real daemon. Its floor is floors/crash_floor.cpp, which tests/bench/run runs in turns with this. As there the victims are
/// forked and run no other program: what it takes to tear down a larger process is not what is measured.
///
/// usage: bp_bench_latency BACKPLANED [ROUNDS]
#include "tests/bench/real_daemon.hpp"

#include <backplane/backplane.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace {

using namespace backplane;
using namespace backplane::bench;

/// Holds a Device until killed; says its pid and its line first.
[[noreturn]] void be_victim(int told, const std::string& socket) {
    ConnectOptions options;
    options.path = socket;
    auto client = Client::connect(options);
    if (!client) {
        give_up(client.error().text());
    }
    const std::string words = std::to_string(getpid()) + " " + client->device().line().text() + "\n";
    // An answered call: the Device is in the graph before its line is told.
    if (!client->ping() || write(told, words.data(), words.size()) < 0) {
        _exit(1);
    }
    close(told);
    for (;;) {
        if (!client->wait(Within::forever())) {
            _exit(0);
        }
    }
}

/// Forks a victim for each byte that comes, from a process that has done nothing yet.
[[noreturn]] void make_victims(int asked, const std::string& socket) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    for (char byte = 0; read(asked, &byte, 1) == 1;) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            be_victim(asked, socket);
        }
    }
    _exit(0);
}

struct Victim {
    pid_t pid = 0;
    Line line;
};

Victim next_victim(int zygote) {
    std::array<char, 128> words{};
    ssize_t size = write(zygote, "+", 1) == 1 ? read(zygote, words.data(), words.size() - 1) : -1;
    if (size <= 0 || words[static_cast<std::size_t>(size) - 1] != '\n') {
        give_up("no victim");
    }
    char* behind = nullptr;
    const long pid = std::strtol(words.data(), &behind, 10);
    const auto line = Line::parse(std::string_view{behind + 1, words.data() + size - 1});
    if (!line) {
        give_up("the victim has no line");
    }
    return {static_cast<pid_t>(pid), *line};
}

double one_round(Device& watcher, int zygote) {
    const Victim victim = next_victim(zygote);
    if (const auto linked = watcher.link_wait(victim.line, LinkMode::monitor); !linked) {
        give_up(linked.error().text());
    }
    // The same rest as in the floor: everybody waits before the clock starts.
    usleep(1000);
    const std::int64_t start = now_ns();
    kill(victim.pid, SIGKILL);
    const auto message = watcher.next(Duration::seconds(5));
    const std::int64_t end = now_ns();
    if (!message || !std::holds_alternative<Disconnected>(*message) || std::get<Disconnected>(*message).device != victim.line) {
        give_up("another message than the victim's end");
    }
    return static_cast<double>(end - start) / 1e3;
}

}  // namespace

int main(int count, char** words) {
    if (count < 2) {
        std::fprintf(stderr, "usage: bp_bench_latency BACKPLANED [ROUNDS]\n");
        return 2;
    }
    const int rounds = count > 2 ? std::atoi(words[2]) : 300;
    RealDaemon daemon{""};
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        give_up("socketpair");
    }
    if (fork() == 0) {
        close(ends[0]);
        make_victims(ends[1], daemon.socket());
    }
    close(ends[1]);
    Client client = daemon.start(words[1]);
    std::vector<double> taken;
    for (int round = 0; round < rounds; round++) {
        taken.push_back(one_round(client.device(), ends[0]));
    }
    std::sort(taken.begin(), taken.end());
    std::printf("crash_notice_us %.1f p99 %.1f\n", taken[taken.size() / 2], taken[taken.size() * 99 / 100]);
    return 0;
}
