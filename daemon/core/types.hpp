// SPDX-License-Identifier: Apache-2.0
/// Words that every file of the core shares: indexes, kinds, and the fault as the state keeps it.
#pragma once

#include <backplane/ids.hpp>
#include <backplane/link.hpp>

#include <cstdint>

namespace backplane::core {

/// A session's place in the engine's table. The shell's host hands them out (lowest free first); 0 is the daemon itself.
using SessionIndex = std::uint32_t;
inline constexpr SessionIndex daemon_session = 0;

/// A child entry's place in the supervision table (processes and supervisors, the root included). 0 is none.
using ChildIndex = std::uint32_t;
inline constexpr ChildIndex no_child = 0;

/// A text's place in the string pool. 0 is the empty text.
using TextIndex = std::uint32_t;

/// What names a session when it is resumed: 128 random bits.
struct Token {
    std::uint64_t high = 0, low = 0;
    friend bool operator==(const Token&, const Token&) = default;
    [[nodiscard]] explicit operator bool() const { return (high | low) != 0; }
};

enum class DeviceKind : std::uint8_t { task = 0, process = 1, supervisor = 2, internal = 3 };

/// A fault as a Device's exit record keeps it: `Fault` of the public face with its text in the pool.
struct FaultRecord {
    FaultKind kind = FaultKind::none;
    FaultKind root_kind = FaultKind::none;
    std::uint16_t reserved = 0;
    std::uint32_t hops = 0;
    std::int32_t argument = 0;
    std::int32_t root_argument = 0;
    DeviceId cascade{};
    DeviceId root{};
    TextIndex text = 0;
    std::uint32_t reserved2 = 0;

    [[nodiscard]] bool is_error() const { return kind != FaultKind::none; }
};
static_assert(sizeof(FaultRecord) == 40);

/// Rule section 0: what a supervisor decides on, apart from the fault that the graph sees (F-6, S-43).
enum class ExitClass : std::uint8_t { normal, shutdown, abnormal };

}  // namespace backplane::core
