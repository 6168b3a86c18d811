// SPDX-License-Identifier: Apache-2.0
/// Tables of signals and capabilities.
#include "config/system_words.hpp"

#include "daemon/core/capabilities.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace backplane::config {
namespace {

constexpr std::array<std::pair<std::string_view, std::int32_t>, 34> signals{{
    {"HUP", 1},     {"INT", 2},   {"QUIT", 3},   {"ILL", 4},   {"TRAP", 5},  {"ABRT", 6},  {"IOT", 6},   {"BUS", 7},     {"FPE", 8},
    {"KILL", 9},    {"USR1", 10}, {"SEGV", 11},  {"USR2", 12}, {"PIPE", 13}, {"ALRM", 14}, {"TERM", 15}, {"STKFLT", 16}, {"CHLD", 17},
    {"CLD", 17},    {"CONT", 18}, {"STOP", 19},  {"TSTP", 20}, {"TTIN", 21}, {"TTOU", 22}, {"URG", 23},  {"XCPU", 24},   {"XFSZ", 25},
    {"VTALRM", 26}, {"PROF", 27}, {"WINCH", 28}, {"IO", 29},   {"POLL", 29}, {"PWR", 30},  {"SYS", 31},
}};

constexpr std::int32_t realtime_first = 34;  ///< what the C library leaves to programs
constexpr std::int32_t realtime_last = 64;

/// `+2` behind `RTMIN`, `-2` behind `RTMAX`, or nothing at all.
std::optional<std::int32_t> realtime(std::string_view offset, std::int32_t base, char sign) {
    std::int32_t number = 0;
    if (!offset.empty()) {
        const char* const end = offset.data() + offset.size();
        const auto [rest, failure] = std::from_chars(offset.data() + 1, end, number);
        if (offset.front() != sign || failure != std::errc{} || rest != end || number < 0 || number > realtime_last - realtime_first) {
            return std::nullopt;
        }
    }
    return sign == '+' ? base + number : base - number;
}

}  // namespace

std::optional<std::int32_t> signal_number(std::string_view name) {
    if (name.starts_with("SIG")) {
        name.remove_prefix(3);
    }
    for (const auto& [known, number] : signals) {
        if (known == name) {
            return number;
        }
    }
    constexpr std::size_t word_bytes = 5;
    if (name.starts_with("RTMIN")) {
        return realtime(name.substr(word_bytes), realtime_first, '+');
    }
    return name.starts_with("RTMAX") ? realtime(name.substr(word_bytes), realtime_last, '-') : std::nullopt;
}

std::optional<std::string> signal_name(std::int32_t number) {
    for (const auto& [known, value] : signals) {
        if (value == number) {
            return std::string{"SIG"}.append(known);
        }
    }
    if (number < realtime_first || number > realtime_last) {
        return std::nullopt;
    }
    const std::string offset = number > realtime_first ? "+" + std::to_string(number - realtime_first) : std::string{};
    return "SIGRTMIN" + offset;
}

std::span<const std::string_view> capability_names() { return core::capability_names; }

}  // namespace backplane::config
