// SPDX-License-Identifier: Apache-2.0
/// Names that the operating system has given: signals and capabilities, as Linux numbers and calls them on the machines
/// that Backplane runs on. Written down here because this room asks no system.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace backplane::config {

inline constexpr std::uint64_t signal_max = 64;

/// The number behind `SIGINT`, `INT`, `SIGRTMIN+1` or `RTMAX-2`; nothing for any other text.
[[nodiscard]] std::optional<std::int32_t> signal_number(std::string_view name);

/// `SIGINT` or `SIGRTMIN+1`; nothing for a number that has no name.
[[nodiscard]] std::optional<std::string> signal_name(std::int32_t number);

/// `cap_chown` and its like, in the kernel's order.
[[nodiscard]] std::span<const std::string_view> capability_names();

}  // namespace backplane::config
