// SPDX-License-Identifier: Apache-2.0
/// The agreement between the parent, which lays everything out, and the child, which shares its memory and only makes
/// system calls. No part of the plan is allocated or freed by the child.
#pragma once

#include <cstddef>
#include <cstdint>

namespace backplane::process {

/// Where one of the outputs goes: to `descriptor` where it is one, else `path` says a file, otherwise `to_null`, otherwise it is inherited.
struct OutputPlan {
    int descriptor = -1;
    const char* path = nullptr;
    bool to_null = false;
};

/// One resource limit, by the kernel's number.
struct LimitPlan {
    int resource = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

struct ChildPlan {
    const char* directory = nullptr;
    const char* const* candidates = nullptr;   ///< programs to try, ended by null
    const char* const* arguments = nullptr;    ///< ended by null
    const char* const* environment = nullptr;  ///< ended by null
    OutputPlan outputs[2] = {};                ///< stdout, stderr
    int worker_socket = -1;                    ///< becomes descriptor 3; -1: none
    int parent = 0;                            ///< whose child it must still be after PDEATHSIG is set; 0: no PDEATHSIG
    bool has_close_range = false;
    std::uint64_t open_files_soft = 0;  ///< 0: leave RLIMIT_NOFILE
    int report = -1;                    ///< becomes descriptor 4, above which it must lie: where the exec helper answers; -1: none
    bool is_helper = false;             ///< the candidates are the exec helper's, whose failure is a step of its own
    char* pid_text = nullptr;           ///< where the child writes its own pid, for a watchdog's sake; null: nowhere
    int cgroup = -1;                    ///< directory of the cgroup that the child moves into; -1: it need not, or was born there
    std::uint32_t umask = 022;
    const LimitPlan* limits = nullptr;
    int limits_count = 0;
    bool set_nice = false;
    int nice = 0;
    const char* oom_score = nullptr;  ///< what is written to oom_score_adj; null: nothing is

    /// The child's answer: written before it ends, never where it has executed. `step` is a core::SpawnStep.
    volatile int step = 0;
    volatile int error_number = 0;
};

/// The descriptor under which a worker finds its Device's socket.
inline constexpr int worker_descriptor = 3;
/// The one under which the exec helper finds its pipe.
inline constexpr int report_descriptor = 4;

/// The child's whole life before exec. `plan` is a ChildPlan. Returns only on failure, with the answer written; the
/// caller then ends the process at once. All signals must be blocked.
int run_child(void* plan) noexcept;

/// A child that is born in a cgroup and shares memory and stack with us until it has executed or failed. `arguments` is a
/// clone_args of `size` bytes, without a stack. Answers the pid, or a negative errno; -ENOSYS where this machine's calls are not known.
long clone_into(const void* arguments, std::size_t size, ChildPlan* plan) noexcept;

}  // namespace backplane::process
