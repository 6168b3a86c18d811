// SPDX-License-Identifier: Apache-2.0
/// signalfd. Workers get a clean mask and default dispositions from the process host (P-7).
#include "daemon/shell/signals.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace backplane::shell {

Expected<Signals> Signals::open() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, nullptr);
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD}) {
        sigaddset(&wanted, number);
    }
    pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    process::Descriptor fd{signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd) {
        return unexpected(ErrorCode::system, std::string{"signalfd: "} + std::strerror(errno));
    }
    return Signals{std::move(fd)};
}

SignalsSeen Signals::take() {
    SignalsSeen seen;
    std::array<signalfd_siginfo, 8> waiting{};
    for (;;) {
        const ssize_t bytes = read(fd_.get(), waiting.data(), sizeof waiting);
        if (bytes <= 0) {
            return seen;
        }
        const std::size_t count = static_cast<std::size_t>(bytes) / sizeof waiting[0];
        for (std::size_t i = 0; i < count; ++i) {
            switch (waiting[i].ssi_signo) {
                case SIGCHLD: seen.child = true; break;
                case SIGHUP: seen.hangup = true; break;
                case SIGUSR2: seen.upgrade = true; break;
                case SIGINT: ++seen.interrupt; break;
                default: ++seen.terminate; break;
            }
        }
        if (count < waiting.size()) {
            return seen;
        }
    }
}

}  // namespace backplane::shell
