// SPDX-License-Identifier: Apache-2.0
/// What this kernel can do, probed once into one struct which tests can mask (decision 21).
#pragma once

namespace backplane::process {

/// Every member is true where the kernel has it. The comment names the kernel that brought it.
struct KernelFeatures {
    bool clone_pidfd = false;        ///< CLONE_PIDFD (5.2); else pidfd_open follows the clone
    bool pidfd = false;              ///< pidfd_open and pidfd_send_signal (5.3); without them nothing is spawned
    bool waitid_pidfd = false;       ///< waitid(P_PIDFD) (5.4); else P_PID, which is as safe for an unreaped child
    bool close_range = false;        ///< close_range (5.9); else a walk through /proc/self/fd
    bool peer_pidfd = false;         ///< SO_PEERPIDFD (6.5); rule T-8 holds only with it
    bool clone_into_cgroup = false;  ///< CLONE_INTO_CGROUP (5.7); else a child writes itself into its cgroup
    bool child_subreaper = false;    ///< PR_SET_CHILD_SUBREAPER (3.4); rule P-5 holds only with it
};

/// Tries each of them by harmless calls. Leaves nothing behind.
[[nodiscard]] KernelFeatures probe_kernel_features();

/// The probe's answer, made at the first call and kept.
[[nodiscard]] const KernelFeatures& kernel_features();

}  // namespace backplane::process
