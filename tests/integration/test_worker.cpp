// SPDX-License-Identifier: Apache-2.0
/// A worker for the tests that uses the library, in as many ways as the tests need; the first argument says which.
#include <backplane/backplane.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace backplane;

/// Waits until asked to shut down, and says what it was told of until then.
int obey(Client& client) {
    for (;;) {
        const auto message = client.device().next(Within::forever());
        if (!message) {
            return 3;
        }
        if (std::holds_alternative<Shutdown>(*message)) {
            return 0;
        }
        const auto& gone = std::get<Disconnected>(*message);
        std::printf("told %s\n", gone.fault ? fault_text(*gone.fault, gone.device.epoch()).c_str() : "none");
        std::fflush(stdout);
    }
}

/// A managed run that depends on `name` until that faults.
int depend(Client& client, const char* name) {
    const auto other = client.lookup(name);
    if (!other || !client.device().link_wait(*other, LinkMode::monitor)) {
        return 4;
    }
    static_cast<void>(client.ready());
    const auto run = client.device().manage([](std::stop_token stop) {
        while (!stop.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    return run ? 0 : 7;
}

/// As sd_notify does it.
bool notify_ready() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    const int from = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (path == nullptr || std::strlen(path) >= sizeof to.sun_path) {
        return false;
    }
    std::strcpy(to.sun_path, path);
    const bool sent = ::sendto(from, "READY=1", 7, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 7;
    ::close(from);
    return sent;
}

/// Ends when, and how, the pipe `PLACE.pipe` says: an exit code, or `s` and a signal; its pid is added to `PLACE.pids`.
int follow_orders(Client& client, const std::string& place, bool by_datagram) {
    std::FILE* pids = std::fopen((place + ".pids").c_str(), "a");
    const int orders = ::open((place + ".pipe").c_str(), O_RDONLY);
    if (pids == nullptr || orders < 0) {
        return 5;
    }
    std::fprintf(pids, "%d\n", ::getpid());
    std::fclose(pids);
    if (by_datagram && !notify_ready()) {
        std::perror("notify");
        return 6;
    }
    if (const auto done = by_datagram ? Expected<void>{} : client.ready(Within::forever()); !done) {
        std::fprintf(stderr, "ready: %s\n", done.error().text().c_str());
        return 6;
    }
    std::string order;
    while (!order.ends_with('\n')) {
        pollfd both[2] = {{orders, POLLIN, 0}, {client.fd(), POLLIN, 0}};
        (void)::poll(both, 2, -1);
        if (!client.dispatch()) {
            return 3;
        }
        while (const auto message = client.device().try_receive()) {
            if (std::holds_alternative<Shutdown>(*message)) {
                return 0;
            }
        }
        char byte = 0;
        while ((both[0].revents & POLLIN) != 0 && byte != '\n' && ::read(orders, &byte, 1) == 1) {
            order += byte;  // no byte more: the next order is for the next incarnation
        }
    }
    if (order.front() == 's') {
        ::kill(::getpid(), std::atoi(order.c_str() + 1));
    }
    const int code = std::atoi(order.c_str());
    if (code % 2 != 0) {
        ::_exit(code);  // without a word to the daemon
    }
    return code;
}

}  // namespace

int main(int count, char** words) {
    const std::string_view what = count > 1 ? words[1] : "";
    auto client = Client::adopt();
    if (!client) {
        std::fprintf(stderr, "%s\n", client.error().text().c_str());
        return 2;
    }
    if (what == "fault") {  // says why it goes, and goes on living until it is stopped
        client->device().disconnect(Fault::error("out of disk"));
        std::this_thread::sleep_for(std::chrono::hours(1));
    }
    if (what.starts_with("storm") && count > 2) {
        return follow_orders(*client, words[2], what == "storm-notify");
    }
    if (what == "ready") {
        static_cast<void>(client->ready());
    }
    if (what == "depend" && count > 2) {
        return depend(*client, words[2]);
    }
    return obey(*client);
}
