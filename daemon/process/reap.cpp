// SPDX-License-Identifier: Apache-2.0
/// All calls of waitid in the house.
#include "daemon/process/reap.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace backplane::process {
namespace {

/// Newer than the older ones of the kernels' headers that we may be built with.
constexpr int type_pidfd = 3;

idtype_t type_of(Whom whom) {
    switch (whom) {
        case Whom::pidfd: return static_cast<idtype_t>(type_pidfd);
        case Whom::pid: return P_PID;
        case Whom::group: return P_PGID;
        case Whom::any: break;
    }
    return P_ALL;
}

Ended wait(Whom whom, int number, int options) {
    siginfo_t info{};
    int answer = 0;
    do {
        answer = waitid(type_of(whom), static_cast<id_t>(number), &info, WEXITED | options);
    } while (answer != 0 && errno == EINTR);
    Ended ended;
    if (answer != 0) {
        ended.error_number = errno;
    } else if (info.si_pid != 0) {
        ended.pid = info.si_pid;
        ended.how = exit_how(info.si_code);
        ended.status = info.si_status;
    }
    return ended;
}

}  // namespace

core::ExitHow exit_how(int code) {
    switch (code) {
        case CLD_EXITED: return core::ExitHow::exited;
        case CLD_KILLED: return core::ExitHow::signalled;
        case CLD_DUMPED: return core::ExitHow::dumped;
        default: return core::ExitHow::unknown;
    }
}

Ended peek(Whom whom, int number) { return wait(whom, number, WNOHANG | WNOWAIT); }

Ended reap(Whom whom, int number) {
    if (whom == Whom::any) {
        Ended refused;
        refused.error_number = EINVAL;
        return refused;
    }
    return wait(whom, number, WNOHANG);
}

Ended reap_ending(std::int32_t pid) { return wait(Whom::pid, pid, 0); }

int keep_zombies() {
    struct sigaction action {};
    if (sigaction(SIGCHLD, nullptr, &action) != 0) {
        return errno;
    }
    const bool is_ignored = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
    if (!is_ignored && (action.sa_flags & SA_NOCLDWAIT) == 0) {
        return 0;
    }
    if (is_ignored) {
        action.sa_handler = SIG_DFL;
    }
    action.sa_flags &= ~SA_NOCLDWAIT;
    return sigaction(SIGCHLD, &action, nullptr) == 0 ? 0 : errno;
}

Descriptor open_pidfd(std::int32_t pid) { return Descriptor{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))}; }

int send_signal(int pidfd, int signal_number) { return syscall(SYS_pidfd_send_signal, pidfd, signal_number, nullptr, 0) == 0 ? 0 : errno; }

}  // namespace backplane::process
