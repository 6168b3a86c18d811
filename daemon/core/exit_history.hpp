// SPDX-License-Identifier: Apache-2.0
/// The last ends of one entry, the newest over the oldest: what an operator asks first when something does not stay up.
///
/// A history is a place in the supervision's slab that an entry takes with its first end and gives back when it is freed, so that what
/// never fails costs nothing.
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/core/types.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace backplane::core {

/// How many ends are kept of an entry.
inline constexpr std::uint32_t exits_kept = 8;

/// One end: the exit record of section 0. It holds its two texts.
struct ExitNote {
    Instant at{};
    Duration uptime{};    ///< from its spawn; of a supervisor from the beginning of its start
    FaultRecord fault{};  ///< what the graph was told, with its root cause
    DeviceId device{};
    TextIndex words = 0;  ///< the tail of its stderr
    std::uint32_t generation = 0;
    std::int32_t status = 0;  ///< exit code or signal; means something where it was a process that ended
    ExitHow how = ExitHow::unknown;
    ExitClass exit_class = ExitClass::normal;
    std::uint8_t was_ready = 0;
    std::uint8_t of_process = 0;  ///< a process ended, and `how` says how; else a supervisor, or a start that came to no process
};
static_assert(std::is_trivially_copyable_v<ExitNote> && std::has_unique_object_representations_v<ExitNote>);

struct ExitHistory {
    std::array<ExitNote, exits_kept> notes{};
    std::uint64_t total = 0;  ///< of this entry so far; the newest is `notes[(total - 1) % exits_kept]`. Free places: 0
};
static_assert(std::is_trivially_copyable_v<ExitHistory> && std::has_unique_object_representations_v<ExitHistory>);

/// What a reader may know of one end. Good until the next step.
struct ExitView {
    const ExitNote* note = nullptr;
    std::string_view words;
};

}  // namespace backplane::core
