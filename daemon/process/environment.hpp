// SPDX-License-Identifier: Apache-2.0
/// A worker's environment and the places where its program may lie: the clean slate, what is configured, what is ours.
#pragma once

#include "daemon/core/spec.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane::process {

/// PATH of a worker for which none is configured.
inline constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who the workers run as, as the user database tells of our own uid. Looked up once: the lookup may be slow.
struct Identity {
    std::string home = "/";
    std::string user;  ///< empty: unknown, and neither USER nor LOGNAME is set
    std::string shell = "/bin/sh";
};
[[nodiscard]] Identity own_identity();
/// Of an entry of the user database, whose fields may be missing or empty.
[[nodiscard]] Identity identity_of(const char* name, const char* home, const char* shell);

/// What a worker is told of the daemon. An empty text is not told.
struct WorkerAddresses {
    bool has_descriptor = false;    ///< BACKPLANE_FD=3
    std::string socket_path;        ///< BACKPLANE_SOCKET
    std::string notify_path;        ///< NOTIFY_SOCKET
    std::string resume;             ///< BACKPLANE_RESUME: what it says at BACKPLANE_SOCKET where the descriptor's other end crashed
    std::uint64_t watchdog_us = 0;  ///< WATCHDOG_USEC, and a place for the pid in WATCHDOG_PID (`watchdog_pid_place`); 0: neither
};

/// `NAME=value` each, no name twice. Later wins: the slate, then `configured`, then the addresses (these names are
/// ours alone: where one is not told it is not in the environment, whatever is configured).
/// False where a configured name is empty or holds `=`, or a NUL byte lies in either part.
[[nodiscard]] bool build_environment(const Identity& identity, const std::vector<std::pair<std::string, std::string>>& configured,
                                     const WorkerAddresses& addresses, std::vector<std::string>& out);

/// Where in `environment` the child writes its own pid, with `watchdog_pid_digits` digits at most and a NUL behind them: nobody knows it
/// before. Null: nowhere.
[[nodiscard]] char* watchdog_pid_place(std::vector<std::string>& environment);
inline constexpr int watchdog_pid_digits = 10;

/// The paths to try in order: `program` itself where it is absolute, else it in each absolute directory of the environment's
/// PATH. Empty where `program` is empty or relative with a slash, which is refused (decision 30).
[[nodiscard]] std::vector<std::string> program_candidates(std::string_view program, const std::vector<std::string>& environment);

}  // namespace backplane::process
