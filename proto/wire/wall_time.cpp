// SPDX-License-Identifier: Apache-2.0
/// Days to dates and back in the proleptic Gregorian calendar, by the chrono calendar types, which know no clock.
#include "proto/wire/wall_time.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace backplane::wire {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;
constexpr std::int64_t last_us = 253'402'300'799 * second_us + second_us - 1;  // 9999-12-31T23:59:59.999999Z

void append_digits(std::string& out, std::uint64_t number, std::size_t width) {
    const std::string digits = std::to_string(number);
    out.append(width > digits.size() ? width - digits.size() : 0, '0').append(digits);
}

/// A run of digits at a fixed place.
struct Part {
    std::size_t at;
    std::size_t width;
    std::int64_t high;
};
constexpr std::array parts{Part{0, 4, 9999}, Part{5, 2, 12},  Part{8, 2, 31},      Part{11, 2, 23},
                           Part{14, 2, 59},  Part{17, 2, 59}, Part{20, 6, 999'999}};
constexpr std::string_view pattern = "0000-00-00T00:00:00.000000Z";

}  // namespace

std::string wall_time_text(std::int64_t time_us) {
    const std::int64_t at = std::clamp<std::int64_t>(time_us, 0, last_us);
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{at / day_us}}};
    const auto rest = static_cast<std::uint64_t>(at % day_us);
    std::string text;
    text.reserve(pattern.size());
    append_digits(text, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
    append_digits(text.append("-"), static_cast<unsigned>(date.month()), 2);
    append_digits(text.append("-"), static_cast<unsigned>(date.day()), 2);
    append_digits(text.append("T"), rest / 3'600'000'000, 2);
    append_digits(text.append(":"), rest / 60'000'000 % 60, 2);
    append_digits(text.append(":"), rest / 1'000'000 % 60, 2);
    append_digits(text.append("."), rest % 1'000'000, 6);
    return text.append("Z");
}

std::optional<std::int64_t> parse_wall_time(std::string_view text) {
    if (text.size() != pattern.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (pattern[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i]) {
            return std::nullopt;
        }
    }
    std::array<std::int64_t, parts.size()> numbers{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        for (const char digit : text.substr(parts[i].at, parts[i].width)) {
            numbers[i] = numbers[i] * 10 + (digit - '0');
        }
        if (numbers[i] > parts[i].high) {
            return std::nullopt;
        }
    }
    const auto date = std::chrono::year{static_cast<int>(numbers[0])} / static_cast<int>(numbers[1]) / static_cast<int>(numbers[2]);
    if (!date.ok()) {
        return std::nullopt;
    }
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    return ((days * 24 + numbers[3]) * 60 + numbers[4]) * 60 * second_us + numbers[5] * second_us + numbers[6];
}

}  // namespace backplane::wire
