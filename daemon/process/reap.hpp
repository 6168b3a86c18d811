// SPDX-License-Identifier: Apache-2.0
/// The one door through which the daemon looks at ended children and takes them away (decision 19), and the few calls on pidfds.
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/process/descriptor.hpp"

#include <cstdint>

namespace backplane::process {

/// Which children are meant, and of what kind the number beside it is.
enum class Whom : std::uint8_t {
    pidfd,  ///< the child behind a pidfd
    pid,    ///< one child; safe, since an unreaped child keeps its pid
    group,  ///< children in a process group
    any,    ///< every child; only to look (P-5)
};

/// An ended child, or none.
struct Ended {
    std::int32_t pid = 0;  ///< 0: none has ended, or `error_number` says why it cannot be told
    core::ExitHow how = core::ExitHow::unknown;
    std::int32_t status = 0;  ///< the exit code, or the signal
    int error_number = 0;     ///< ECHILD: there is no such child (any more)
};

/// A CLD_ code of waitid as the core knows it.
[[nodiscard]] core::ExitHow exit_how(int code);

/// Looks without taking away: the child stays a zombie, and its pid its own. Never blocks.
[[nodiscard]] Ended peek(Whom whom, int number);
/// Takes one ended child away. Never blocks. `Whom::any` is refused with EINVAL: it would take what others still need.
Ended reap(Whom whom, int number);
/// As reap, but waits for the end, which must be certain and near.
Ended reap_ending(std::int32_t pid);

/// A process started with SIGCHLD ignored inherits that, and its kernel then reaps every child at once: no status, and pids
/// that are reused under our hands. Puts the default back where that is so. Answers 0 or errno.
[[nodiscard]] int keep_zombies();

/// Empty on failure, with errno left. `pid` must be an unreaped child.
[[nodiscard]] Descriptor open_pidfd(std::int32_t pid);
/// Answers 0 or errno.
[[nodiscard]] int send_signal(int pidfd, int signal_number);

}  // namespace backplane::process
