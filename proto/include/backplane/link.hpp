// SPDX-License-Identifier: Apache-2.0
/// Link modes and faults: the vocabulary of rules L-1 and F-1.
#pragma once

#include <backplane/ids.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace backplane {

/// Bits of a link as its maker sees it (rule L-1). Linking ORs bits in, unlinking takes bits away (L-2, L-3).
enum class LinkMode : std::uint8_t {
    none = 0,
    monitor = 1,  ///< tell me when the other goes
    notify = 2,   ///< tell the other when I go
    peer = 3,     ///< both
};

[[nodiscard]] constexpr bool has(LinkMode mode, LinkMode bit) {
    return (static_cast<std::uint8_t>(mode) & static_cast<std::uint8_t>(bit)) != 0;
}

/// `monitor`, `notify`, `peer` or `none`.
[[nodiscard]] std::string_view link_mode_name(LinkMode mode);

/// Why a Device went (rule F-1). Every kind but `none` is an error to whoever depends on the Device.
/// The numbers are on the wire and never change.
enum class FaultKind : std::uint8_t {
    none = 0,         ///< it ended well
    drop = 1,         ///< let go without a word, or never ran; argument: errno of the failed start, or 0
    error = 2,        ///< returned an error or gave up; argument: an ErrorDetail
    cascade = 3,      ///< something it depended on faulted: see `cascade`, `root`, `hops`
    exit = 4,         ///< argument: the exit code
    signal = 5,       ///< argument: the signal's number
    timeout = 6,      ///< argument: a TimeoutOf
    killed = 7,       ///< brutal_kill by its supervisor
    unreachable = 8,  ///< nothing is known of it any more
};
inline constexpr std::uint8_t fault_kind_max = 8;

/// The argument of `FaultKind::timeout`.
enum class TimeoutOf : std::int32_t { start = 1, stop = 2, watchdog = 3 };

/// The argument of `FaultKind::error`. The fault's text may say more.
enum class ErrorDetail : std::int32_t { unspecified = 0, gave_up = 1, failed_to_start_child = 2 };

/// A fault as a value. Equality of meaning, not identity: two exits with the same code compare equal.
struct Fault {
    FaultKind kind = FaultKind::none;
    FaultKind root_kind = FaultKind::none;  ///< cascade only: the fault of `root`
    std::uint32_t hops = 0;                 ///< cascade only: how many Devices lie between, 1 for a direct neighbour of the root
    std::int32_t argument = 0;
    std::int32_t root_argument = 0;
    DeviceId cascade{};  ///< cascade only: the immediate neighbour that faulted (rule F-2)
    DeviceId root{};     ///< cascade only: the Device that faulted by itself
    std::string text;    ///< at most 200 bytes of UTF-8; empty where there is none

    /// Whether it is one at all: true for every kind but `none` (rule F-1).
    [[nodiscard]] bool is_error() const { return kind != FaultKind::none; }
    [[nodiscard]] bool is_drop() const { return kind == FaultKind::drop; }
    [[nodiscard]] bool is_cascade() const { return kind == FaultKind::cascade; }
    [[nodiscard]] static Fault error(std::string why = {}) {
        Fault fault;
        fault.kind = FaultKind::error;
        fault.text = std::move(why);
        return fault;
    }
};

/// `exit(3)`, `signal(9)`, `timeout(start)`, `cascade(LINE)`, `drop`, `error{gave_up}`, `error`, `killed`,
/// `unreachable`; `none` for no fault. A text stands in braces behind (`drop{exec: No such file or directory}`).
[[nodiscard]] std::string fault_text(const Fault& fault, Epoch epoch);

}  // namespace backplane
