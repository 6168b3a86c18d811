// SPDX-License-Identifier: Apache-2.0
/// The table of F-5: from what was seen of a process's end, and what we had done to it, to its fault and exit class.
/// A pure function, so that every row is a test.
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/core/supervision_state.hpp"
#include "daemon/core/types.hpp"

#include <backplane/link.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace backplane::core {

inline constexpr std::int32_t signal_abort = 6;
inline constexpr std::int32_t signal_kill = 9;
inline constexpr std::int32_t signal_terminate = 15;

/// What an exit policy says of a restart.
enum class RestartWish : std::uint8_t { by_type, never, always };

struct ExitVerdict {
    FaultKind kind = FaultKind::none;
    std::int32_t argument = 0;
    std::string_view text;  ///< a constant
    ExitClass exit_class = ExitClass::normal;
    bool start_failure = false;   ///< the attempt failed: S-24 decides, not S-13
    bool shutdown_error = false;  ///< it was asked to stop and ended badly (S-37)
    bool completed = false;       ///< it did its work and keeps nothing running (S-9)
    RestartWish wish = RestartWish::by_type;
};

/// What the specification says of an end.
struct ExitRules {
    const ExitPolicy& policy;
    std::int32_t stop_signal = signal_terminate;
    bool oneshot = false;
};

/// `status`: exit code or signal. A cascade is reported as kind `cascade` alone; who it names is in `Child::verdict`.
[[nodiscard]] ExitVerdict judge_exit(const Life& life, const ExitRules& rules, ExitHow how, std::int32_t status);

/// The text of a start that failed before exec: `exec: No such file or directory`, `exec: error 123`.
[[nodiscard]] std::string spawn_failure_text(SpawnStep step, std::int32_t error_number);

}  // namespace backplane::core
