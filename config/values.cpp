// SPDX-License-Identifier: Apache-2.0
/// The kinds of values that more than one key takes.
#include "config/values.hpp"

#include "config/reader.hpp"
#include "config/system_words.hpp"
#include "config/words.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace backplane::config {
namespace {

/// An exit code, or where only signals can be meant a signal's number.
std::optional<std::uint8_t> number_of(const Node& item, Shape shape) {
    const std::uint64_t low = shape == Shape::signals ? 1 : 0;
    const std::uint64_t high = shape == Shape::signals ? signal_max : std::numeric_limits<std::uint8_t>::max();
    const bool fits = item.kind == NodeKind::natural && item.natural >= low && item.natural <= high;
    return fits ? std::optional{static_cast<std::uint8_t>(item.natural)} : std::nullopt;
}

std::optional<std::uint8_t> name_of(const Node& item, Shape shape) {
    const auto signal = item.kind == NodeKind::string && shape != Shape::codes ? signal_number(item.text) : std::nullopt;
    return signal ? std::optional{static_cast<std::uint8_t>(*signal)} : std::nullopt;
}

std::string_view element_expected(Shape shape) {
    switch (shape) {
        case Shape::codes: return "an exit code from 0 to 255";
        case Shape::signals: return "a signal such as \"SIGINT\" or \"INT\", or a number from 1 to 64";
        default: return "an exit code from 0 to 255, or a signal such as \"SIGINT\" or \"INT\"";
    }
}

void put_in_order(std::vector<std::uint8_t>& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

bool is_text(const Node& value) { return value.kind == NodeKind::string && value.text.find('\0') == std::string::npos; }

bool is_absolute(const Node& value) { return is_text(value) && value.text.starts_with('/'); }

std::optional<std::int64_t> whole(const Node& value, const KeyInfo& info) {
    // A negative number is held as a double; one that is beyond its exact range is beyond every bound as well.
    const bool natural = value.kind == NodeKind::natural && value.natural <= static_cast<std::uint64_t>(info.high);
    const bool negative = value.kind == NodeKind::negative && value.real >= static_cast<double>(info.low);
    if (!natural && !negative) {
        return std::nullopt;
    }
    const auto number = natural ? static_cast<std::int64_t>(value.natural) : static_cast<std::int64_t>(value.real);
    return number >= info.low ? std::optional{number} : std::nullopt;
}

std::optional<std::uint64_t> byte_count(const Node& value) {
    constexpr auto bytes_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value.kind == NodeKind::natural) {
        return value.natural >= 1 && value.natural <= bytes_max ? std::optional{value.natural} : std::nullopt;
    }
    constexpr std::string_view units = "KMG";
    if (value.kind != NodeKind::string || value.text.empty() || units.find(value.text.back()) == std::string_view::npos) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    const char* const end = value.text.data() + value.text.size() - 1;
    const auto [rest, failure] = std::from_chars(value.text.data(), end, number);
    const std::uint64_t unit = std::uint64_t{1} << (10 * (units.find(value.text.back()) + 1));
    const bool good = failure == std::errc{} && rest == end && number >= 1 && number <= bytes_max / unit;
    return good ? std::optional{number * unit} : std::nullopt;
}

bool take(const Node& value, const KeyInfo& info, Duration& target) {
    const auto duration = value.kind == NodeKind::string ? parse_duration(value.text) : std::nullopt;
    if (!duration || duration->ns < info.low) {
        return false;
    }
    target = *duration;
    return true;
}

bool take(const Node& value, const KeyInfo& /*info*/, bool& target) {
    target = value.flag;
    return value.kind == NodeKind::boolean;
}

bool take(const Node& value, const KeyInfo& info, double& target) {
    const bool number = value.kind == NodeKind::natural || value.kind == NodeKind::real;
    if (!number || value.real < static_cast<double>(info.low) || value.real > static_cast<double>(info.high)) {
        return false;
    }
    target = value.real;
    return true;
}

bool take(const Node& value, const KeyInfo& /*info*/, std::string& target) {
    if (!is_text(value) || value.text.empty()) {
        return false;
    }
    target = value.text;
    return true;
}

bool take_list(Reader& reader, const Node& value, const KeyInfo& info, std::vector<std::string>& target) {
    target.clear();
    if (value.kind != NodeKind::array) {
        return false;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Node& item = value.items[i].value;
        if (!take(item, info, target.emplace_back())) {
            const Reader::Within index(reader, i);
            reader.wrong(item, "a string that is not empty and without NUL", info.problem);
        }
    }
    return true;
}

bool take_ends(Reader& reader, const Node& value, const KeyInfo& info, std::vector<std::uint8_t>& codes,
               std::vector<std::uint8_t>& signals) {
    codes.clear();
    signals.clear();
    if (value.kind != NodeKind::array) {
        return false;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Node& item = value.items[i].value;
        if (const auto code = number_of(item, info.shape)) {
            codes.push_back(*code);
        } else if (const auto signal = name_of(item, info.shape)) {
            signals.push_back(*signal);
        } else {
            const Reader::Within index(reader, i);
            reader.wrong(item, element_expected(info.shape), info.problem);
        }
    }
    put_in_order(codes);
    put_in_order(signals);
    return true;
}

bool take_list(Reader& reader, const Node& value, const KeyInfo& info, std::vector<std::uint8_t>& target) {
    std::vector<std::uint8_t> names;
    if (!take_ends(reader, value, info, target, names)) {
        return false;
    }
    target.insert(target.end(), names.begin(), names.end());
    put_in_order(target);
    return true;
}

}  // namespace backplane::config
