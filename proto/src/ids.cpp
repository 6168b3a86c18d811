// SPDX-License-Identifier: Apache-2.0
/// The text form of a line: three numbers in lower-case hexadecimal without leading zeros, so that one Device has one text.
#include <backplane/ids.hpp>

#include <array>
#include <charconv>

namespace backplane {
namespace {

void append_hex(std::string& out, std::uint64_t number) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    out.append(digits.data(), end);
}

constexpr bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/// Takes one number of at most `digits_max` digits off the front; false for any other form, leading zeros included.
bool take_hex(std::string_view& text, std::size_t digits_max, std::uint64_t& number) {
    std::size_t digits = 0;
    while (digits < text.size() && is_lower_hex(text[digits])) {
        ++digits;
    }
    if (digits == 0 || digits > digits_max || (digits > 1 && text[0] == '0')) {
        return false;
    }
    std::from_chars(text.data(), text.data() + digits, number, 16);
    text.remove_prefix(digits);
    return true;
}

bool take_dot(std::string_view& text) {
    if (text.empty() || text[0] != '.') {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::string line_text(Epoch epoch, DeviceId id) {
    std::string text;
    text.reserve(16 + 1 + 8 + 1 + 8);
    append_hex(text, epoch.value);
    text.push_back('.');
    append_hex(text, id.generation());
    text.push_back('.');
    append_hex(text, id.slot());
    return text;
}

std::optional<LineParts> parse_line(std::string_view text) {
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;
    std::uint64_t slot = 0;
    const bool right =
        take_hex(text, 16, epoch) && take_dot(text) && take_hex(text, 8, generation) && take_dot(text) && take_hex(text, 8, slot);
    // Generation 0 is never granted, so a line that says it names no Device.
    if (!right || !text.empty() || generation == 0) {
        return std::nullopt;
    }
    return LineParts{Epoch{epoch}, DeviceId::make(static_cast<std::uint32_t>(generation), static_cast<std::uint32_t>(slot))};
}

}  // namespace backplane
