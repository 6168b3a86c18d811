// SPDX-License-Identifier: Apache-2.0
/// backplane-exec: takes on a user, groups and capabilities, then executes a program (decision 18). See exec_orders.hpp.
///
/// A program of its own, since the daemon's children share its memory until they execute. It has no privilege but what the
/// daemon gives it, so whoever else calls it gains nothing. Its steps, in an order that each needs:
/// groups and gid while it may still set them, uid, capabilities, the signal of its parent's end (which a change of uid
/// clears), the directory as that user, the program.
#include "daemon/core/event.hpp"
#include "daemon/process/exec_orders.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

using backplane::core::SpawnStep;
using backplane::process::ExecReport;

constexpr int exit_failed = 127;
/// The kernel's own bound.
constexpr std::size_t groups_max = 65536;

int report_descriptor = -1;
gid_t wanted_groups[groups_max];
gid_t present_groups[groups_max];

[[noreturn]] void fail(SpawnStep step, int error_number = errno) {
    const ExecReport report{static_cast<std::int32_t>(step), error_number};
    if (report_descriptor >= 0) {
        (void)!write(report_descriptor, &report, sizeof report);
    }
    _exit(exit_failed);
}

/// All of the text up to `end`, or it is no order of ours.
unsigned long long number(const char*& text, char end = '\0') {
    char* rest = nullptr;
    errno = 0;
    const unsigned long long value = *text >= '0' && *text <= '9' ? std::strtoull(text, &rest, 10) : 0;
    if (rest == nullptr || errno != 0 || (*rest != '\0' && *rest != end)) {
        fail(SpawnStep::helper, EINVAL);
    }
    text = *rest == '\0' ? rest : rest + 1;
    return value;
}

unsigned long long order(char** words, int place) {
    const char* text = words[place];
    return number(text);
}

bool is(const char* text, const char* other) { return std::strcmp(text, other) == 0; }

struct Capabilities {
    __user_cap_data_struct words[2] = {};

    [[nodiscard]] bool effective(unsigned capability) const { return (words[capability / 32].effective >> (capability % 32) & 1U) != 0; }
};

Capabilities present_capabilities() {
    Capabilities present;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    (void)syscall(SYS_capget, &header, present.words);
    return present;
}

/// Setting what is set already needs a right all the same, and one's own user must not need any.
bool has_groups(std::size_t count) {
    const int present = getgroups(static_cast<int>(groups_max), present_groups);
    if (present < 0 || static_cast<std::size_t>(present) != count) {
        return false;
    }
    std::sort(wanted_groups, wanted_groups + count);
    std::sort(present_groups, present_groups + count);
    return std::equal(wanted_groups, wanted_groups + count, present_groups);
}

void take_groups(const char* text) {
    if (is(text, "-")) {
        return;
    }
    std::size_t count = 0;
    while (*text != '\0') {
        if (count == groups_max) {
            fail(SpawnStep::groups, EINVAL);
        }
        wanted_groups[count++] = static_cast<gid_t>(number(text, ','));
    }
    if (!has_groups(count) && setgroups(count, wanted_groups) != 0) {
        fail(SpawnStep::groups);
    }
}

/// Exactly these and no other, but for root, who has them all: for the program itself, and for what it executes in turn.
void take_capabilities(std::uint64_t wanted) {
    if (geteuid() != 0 || wanted != 0) {
        Capabilities taken = present_capabilities();
        for (unsigned i = 0; i < 2; ++i) {
            const auto word = static_cast<std::uint32_t>(wanted >> (32 * i));
            if (geteuid() != 0) {
                taken.words[i] = {word, word, word};
            } else {
                taken.words[i].inheritable |= word;
            }
        }
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        if (syscall(SYS_capset, &header, taken.words) != 0) {
            fail(SpawnStep::capabilities);
        }
    }
    for (unsigned long capability = 0; capability < 64; ++capability) {
        if ((wanted >> capability & 1U) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) {
            fail(SpawnStep::capabilities);
        }
    }
}

void take_credentials(char** words) {
    const auto uid = static_cast<uid_t>(order(words, backplane::process::order_uid));
    const auto gid = static_cast<gid_t>(order(words, backplane::process::order_gid));
    const std::uint64_t capabilities = order(words, backplane::process::order_capabilities);
    // Asked first: whoever may not become that user is told so, and not that its groups are the trouble.
    if (uid != geteuid() && !present_capabilities().effective(CAP_SETUID)) {
        fail(SpawnStep::user, EPERM);
    }
    take_groups(words[backplane::process::order_groups]);
    if (setresgid(gid, gid, gid) != 0) {
        fail(SpawnStep::group);
    }
    if (capabilities != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) {
        fail(SpawnStep::capabilities);
    }
    if (setresuid(uid, uid, uid) != 0) {
        fail(SpawnStep::user);
    }
    take_capabilities(capabilities);
}

/// The getppid afterwards closes the gap in which the parent ended before the kernel knew that we want to follow it.
void follow_parent(pid_t parent) {
    if (parent == 0) {
        return;
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        fail(SpawnStep::session);
    }
    if (getppid() != parent) {
        fail(SpawnStep::session, ESRCH);
    }
}

/// As the child side of a spawn does it (spawn_child.cpp).
[[noreturn]] void execute(char** candidates, unsigned long long count, char** arguments, char** environment) {
    int answer = ENOENT;
    for (unsigned long long i = 0; i < count; ++i) {
        execve(candidates[i], arguments, environment);
        if (errno == EACCES) {
            answer = EACCES;
        } else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT) {
            fail(SpawnStep::exec);
        }
    }
    fail(SpawnStep::exec, answer);
}

}  // namespace

int main(int count, char** words) {
    using namespace backplane::process;
    if (count <= order_end) {
        constexpr char hint[] = "backplane-exec is called by backplaned, with orders in front of a program's arguments\n";
        (void)!write(STDERR_FILENO, hint, sizeof hint - 1);
        return exit_failed;
    }
    if (!is(words[order_report], "-")) {
        report_descriptor = static_cast<int>(order(words, order_report));
        if (fcntl(report_descriptor, F_SETFD, FD_CLOEXEC) != 0) {
            return exit_failed;
        }
    }
    const unsigned long long environment_count = order(words, order_environment_count);
    const unsigned long long candidate_count = order(words, order_candidate_count);
    const auto texts = static_cast<unsigned long long>(count - order_end);
    if (environment_count >= texts || candidate_count >= texts - environment_count) {
        fail(SpawnStep::helper, EINVAL);
    }
    take_credentials(words);
    follow_parent(static_cast<pid_t>(order(words, order_parent)));
    if (chdir(words[order_directory]) != 0) {
        fail(SpawnStep::directory);
    }
    auto** environment = static_cast<char**>(std::calloc(environment_count + 1, sizeof(char*)));
    if (environment == nullptr) {
        fail(SpawnStep::helper, ENOMEM);
    }
    std::copy(words + order_end, words + order_end + environment_count, environment);
    char** const candidates = words + order_end + environment_count;
    execute(candidates, candidate_count, candidates + candidate_count, environment);
}
