// SPDX-License-Identifier: Apache-2.0
/// Probing the kernel by calls that change nothing.
#include "daemon/process/features.hpp"

#include "daemon/process/descriptor.hpp"
#include "daemon/process/peer.hpp"
#include "daemon/process/reap.hpp"

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>

namespace backplane::process {
namespace {

bool probe_peer_pidfd() {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return false;
    }
    const Descriptor one{ends[0]};
    const Descriptor other{ends[1]};
    return static_cast<bool>(peer_pidfd(one.get()));
}

}  // namespace

KernelFeatures probe_kernel_features() {
    KernelFeatures features;
    const Descriptor self{static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0))};
    features.pidfd = self && syscall(SYS_pidfd_send_signal, self.get(), 0, nullptr, 0) == 0;
    // CLONE_PIDFD is older than pidfd_open, and trying it would take a child.
    features.clone_pidfd = features.pidfd;
    // We are not our own child, so a kernel that knows P_PIDFD says ECHILD and one that does not EINVAL.
    features.waitid_pidfd = self && peek(Whom::pidfd, self.get()).error_number == ECHILD;
    // Nothing lies at the largest number, so nothing is closed.
    features.close_range = syscall(SYS_close_range, ~0U, ~0U, 0U) == 0;
    features.peer_pidfd = probe_peer_pidfd();
    // No child comes of a descriptor that is none: a kernel that knows the flag says so, and another refuses the flag.
    clone_args into{};
    into.flags = CLONE_INTO_CGROUP;
    into.exit_signal = SIGCHLD;
    into.cgroup = static_cast<__u64>(std::numeric_limits<int>::max());
    features.clone_into_cgroup = syscall(SYS_clone3, &into, sizeof into) < 0 && errno == EBADF;
    int is_subreaper = 0;
    features.child_subreaper = prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0) == 0;
    return features;
}

const KernelFeatures& kernel_features() {
    static const KernelFeatures features = probe_kernel_features();
    return features;
}

}  // namespace backplane::process
