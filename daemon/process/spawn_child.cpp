// SPDX-License-Identifier: Apache-2.0
/// The child side of a spawn: raw system calls between clone and execve, in memory shared with the sleeping parent.
///
/// Nothing here allocates, locks, or calls what a sanitizer or the C library intercepts; `syscall` itself touches only
/// errno, which the parent does not read until it has its own answer. This file is compiled without sanitizers.
/// Rules P-7 (clean slate) and F-5 (each failure names its step and errno).
#include "daemon/process/spawn_child.hpp"

#include "daemon/core/event.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace backplane::process {
namespace {

using core::SpawnStep;

/// The kernel's signals, its real-time ones and the two that glibc keeps to itself included.
constexpr long signals_end = 65;
/// Size of the kernel's signal set.
constexpr std::size_t signal_set_size = 8;
/// How far the last resort of closing descriptors goes, where neither close_range nor /proc is there.
constexpr std::uint64_t blind_close_max = 65536;

bool fail(ChildPlan& plan, SpawnStep step, int error_number = errno) {
    plan.step = static_cast<int>(step);
    plan.error_number = error_number;
    return false;
}

/// An own session is an own process group too (P-3). The getppid afterwards closes the gap in which the parent died
/// before the kernel knew that we want to follow it.
bool enter_session(ChildPlan& plan) {
    if (plan.parent != 0) {
        if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
            return fail(plan, SpawnStep::session);
        }
        if (syscall(SYS_getppid) != plan.parent) {
            return fail(plan, SpawnStep::session, ESRCH);
        }
    }
    return syscall(SYS_setsid) >= 0 || fail(plan, SpawnStep::session);
}

/// Before there is anybody to leave behind.
bool enter_cgroup(ChildPlan& plan) {
    if (plan.cgroup < 0) {
        return true;
    }
    const long file = syscall(SYS_openat, plan.cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
    if (file < 0 || syscall(SYS_write, file, "0", 1) != 1) {
        return fail(plan, SpawnStep::cgroup);
    }
    syscall(SYS_close, file);
    return true;
}

/// Every disposition becomes the default one: ignored ones would survive exec, and a handler of the parent's must not run
/// here once signals are let in, for it would run in the parent's memory.
void reset_dispositions() {
    // The kernel's layout of a sigaction differs from the library's; all its words are zero for SIG_DFL.
    const unsigned long default_action[8] = {};
    for (long number = 1; number < signals_end; ++number) {
        if (number != SIGKILL && number != SIGSTOP) {
            syscall(SYS_rt_sigaction, number, default_action, nullptr, signal_set_size);
        }
    }
}

/// Makes `from` the descriptor `to`, open across exec. dup2 of a descriptor to itself would leave it closing on exec.
bool place(int from, int to) {
    if (from == to) {
        return syscall(SYS_fcntl, from, F_SETFD, 0) == 0;
    }
    return syscall(SYS_dup3, from, to, 0) == to;
}

/// Opens for appending, without following a link that somebody else may have laid, without waiting for the reader of a
/// pipe, and without gaining a terminal. Answers the descriptor, or -1.
int open_output(const char* path) {
    constexpr int how = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    const long fd = syscall(SYS_openat, AT_FDCWD, path, how, 0640);
    if (fd >= 0) {
        const long flags = syscall(SYS_fcntl, fd, F_GETFL, 0);
        syscall(SYS_fcntl, fd, F_SETFL, flags & ~static_cast<long>(O_NONBLOCK));
    }
    return static_cast<int>(fd);
}

bool place_outputs(ChildPlan& plan, int null_fd) {
    for (int i = 0; i < 2; ++i) {
        const OutputPlan& output = plan.outputs[i];
        int fd = -1;
        if (output.descriptor >= 0) {
            fd = output.descriptor;
        } else if (output.path != nullptr) {
            fd = open_output(output.path);
            if (fd < 0) {
                return fail(plan, SpawnStep::output);
            }
        } else if (output.to_null) {
            fd = null_fd;
        } else {
            continue;
        }
        if (!place(fd, i + 1)) {
            return fail(plan, SpawnStep::output);
        }
    }
    return true;
}

bool place_descriptors(ChildPlan& plan) {
    // A worker socket among the standard descriptors would be overwritten before it is moved to its own place.
    if (plan.worker_socket >= 0 && plan.worker_socket < worker_descriptor) {
        plan.worker_socket = static_cast<int>(syscall(SYS_fcntl, plan.worker_socket, F_DUPFD_CLOEXEC, worker_descriptor + 1));
        if (plan.worker_socket < 0) {
            return fail(plan, SpawnStep::descriptors);
        }
    }
    const long null_fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY, 0);
    if (null_fd < 0 || !place(static_cast<int>(null_fd), 0)) {
        return fail(plan, SpawnStep::descriptors);
    }
    // /dev/null may have been opened as descriptor 3; the outputs use it first, then the socket takes the place.
    if (!place_outputs(plan, static_cast<int>(null_fd))) {
        return false;
    }
    if (plan.worker_socket >= 0 && !place(plan.worker_socket, worker_descriptor)) {
        return fail(plan, SpawnStep::descriptors);
    }
    if (plan.report >= 0 && !place(plan.report, report_descriptor)) {
        return fail(plan, SpawnStep::descriptors);
    }
    return true;
}

static_assert(sizeof(rlim_t) == 8, "prlimit64 writes 64-bit limits");

/// One directory entry as getdents64 writes it.
struct DirectoryEntry {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};

/// The number that a name of /proc/self/fd is, or -1.
int number_of(const char* name) {
    int number = 0;
    if (*name == '\0') {
        return -1;
    }
    for (; *name != '\0'; ++name) {
        if (*name < '0' || *name > '9') {
            return -1;
        }
        number = number * 10 + (*name - '0');
    }
    return number;
}

/// Closes what /proc/self/fd lists from `first` on. False where it cannot be read.
bool close_listed(int first) {
    const int list = static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (list < 0) {
        return false;
    }
    alignas(DirectoryEntry) char buffer[4096];
    for (;;) {
        const long size = syscall(SYS_getdents64, list, buffer, sizeof buffer);
        if (size <= 0) {
            break;
        }
        for (long at = 0; at < size;) {
            const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
            const int fd = number_of(entry->name);
            if (fd >= first && fd != list) {
                syscall(SYS_close, fd);
            }
            at += entry->length;
        }
    }
    syscall(SYS_close, list);
    return true;
}

void close_others(const ChildPlan& plan) {
    int first = plan.worker_socket >= 0 ? worker_descriptor + 1 : worker_descriptor;
    if (plan.report >= 0) {
        if (plan.worker_socket < 0) {
            syscall(SYS_close, worker_descriptor);
        }
        first = report_descriptor + 1;
    }
    if (plan.has_close_range && syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0) {
        return;
    }
    if (close_listed(first)) {
        return;
    }
    rlimit limit{};
    syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
    const std::uint64_t end = limit.rlim_cur < blind_close_max ? limit.rlim_cur : blind_close_max;
    for (std::uint64_t fd = static_cast<std::uint64_t>(first); fd < end; ++fd) {
        syscall(SYS_close, static_cast<int>(fd));
    }
}

/// Only ever lowers or restores the soft limit, so it cannot be refused for lack of privilege.
bool limit_open_files(ChildPlan& plan) {
    if (plan.open_files_soft == 0) {
        return true;
    }
    rlimit limit{};
    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit) != 0) {
        return fail(plan, SpawnStep::descriptors);
    }
    limit.rlim_cur = plan.open_files_soft < limit.rlim_max ? plan.open_files_soft : limit.rlim_max;
    return syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr) == 0 || fail(plan, SpawnStep::descriptors);
}

/// How much of the machine it may have. What needs a privilege that the daemon lacks is a failed start and no weaker worker.
bool take_share(ChildPlan& plan) {
    // Raised scores and niceness need no privilege, and limits that they could break come last.
    if (plan.oom_score != nullptr) {
        const long file = syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
        long length = 0;
        while (plan.oom_score[length] != '\0') {
            ++length;
        }
        if (file < 0 || syscall(SYS_write, file, plan.oom_score, length) != length) {
            return fail(plan, SpawnStep::oom_score);
        }
        syscall(SYS_close, file);
    }
    if (plan.set_nice && syscall(SYS_setpriority, PRIO_PROCESS, 0, plan.nice) != 0) {
        return fail(plan, SpawnStep::nice);
    }
    for (int i = 0; i < plan.limits_count; ++i) {
        const LimitPlan& wanted = plan.limits[i];
        const rlimit limit{wanted.soft, wanted.hard};
        if (syscall(SYS_prlimit64, 0, wanted.resource, &limit, nullptr) != 0) {
            return fail(plan, SpawnStep::limits);
        }
    }
    return true;
}

/// Decimal, and a NUL behind it. There is room for any pid.
void write_pid(char* text) {
    long rest = syscall(SYS_getpid);
    int digits = 1;
    for (long more = rest / 10; more != 0; more /= 10) {
        ++digits;
    }
    text[digits] = '\0';
    for (; digits > 0; rest /= 10) {
        text[--digits] = static_cast<char>('0' + rest % 10);
    }
}

/// Errors as execvp reports them: a candidate that is not there gives way to the next, one that may not be executed is
/// remembered, anything else is the answer.
bool execute(ChildPlan& plan) {
    const SpawnStep step = plan.is_helper ? SpawnStep::helper : SpawnStep::exec;
    int answer = ENOENT;
    for (const char* const* candidate = plan.candidates; *candidate != nullptr; ++candidate) {
        syscall(SYS_execve, *candidate, plan.arguments, plan.environment);
        if (errno == EACCES) {
            answer = EACCES;
        } else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT) {
            return fail(plan, step);
        }
    }
    return fail(plan, step, answer);
}

}  // namespace

int run_child(void* argument) noexcept {
    ChildPlan& plan = *static_cast<ChildPlan*>(argument);
    if (!enter_session(plan) || !enter_cgroup(plan)) {
        return 127;
    }
    reset_dispositions();
    syscall(SYS_umask, 022);  // its output files are the house's, whatever it makes itself
    if (!place_descriptors(plan)) {
        return 127;
    }
    close_others(plan);
    if (!limit_open_files(plan) || !take_share(plan)) {
        return 127;
    }
    syscall(SYS_umask, plan.umask);
    if (syscall(SYS_chdir, plan.directory) != 0) {
        fail(plan, SpawnStep::directory);
        return 127;
    }
    if (plan.pid_text != nullptr) {
        write_pid(plan.pid_text);
    }
    const std::uint64_t no_signals = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, signal_set_size);
    execute(plan);
    return 127;
}

namespace {

/// Never returns, so nothing above it on the stack that it shares with its parent is given up or written to.
[[noreturn, gnu::noinline]] void live(ChildPlan* plan) noexcept {
    const int code = run_child(plan);
    for (;;) {
        syscall(SYS_exit_group, code);
    }
}

}  // namespace

/// The library's `syscall` would return in the child, and its parent would then find another return address on the stack.
[[gnu::noinline]] long clone_into(const void* arguments, std::size_t size, ChildPlan* plan) noexcept {
#if defined(__x86_64__)
    long answer = SYS_clone3;
    __asm__ volatile("syscall" : "+a"(answer) : "D"(arguments), "S"(size) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_clone3;
    register const void* first __asm__("x0") = arguments;
    register std::size_t second __asm__("x1") = size;
    __asm__ volatile("svc 0" : "+r"(first) : "r"(number), "r"(second) : "memory");
    const long answer = reinterpret_cast<long>(first);
#else
    (void)arguments;
    (void)size;
    const long answer = -ENOSYS;
#endif
    if (answer == 0) {
        live(plan);
    }
    return answer;
}

}  // namespace backplane::process
