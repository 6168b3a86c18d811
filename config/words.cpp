// SPDX-License-Identifier: Apache-2.0
/// Durations, names and near misses of a configuration's texts.
#include "config/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace backplane::config {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t ns;
};
/// From long to short: `duration_text` takes the first that divides.
constexpr std::array<Unit, 6> units{{
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

constexpr std::size_t word_bytes_max = 64;  ///< longer words are nobody's typo, and the distance is quadratic
constexpr std::size_t shown_characters_max = 40;

/// The number of edits between two words, a swap of neighbours counting as one.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

bool is_name_character(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || std::string_view{"._@:+-"}.find(c) != std::string_view::npos;
}

/// The length of the character at the head of valid UTF-8; 1 for a byte that begins none.
std::size_t character_bytes(std::string_view text) {
    const auto head = static_cast<unsigned char>(text.front());
    const std::size_t bytes = head >= 0xF0 ? 4U : head >= 0xE0 ? 3U : head >= 0xC0 ? 2U : 1U;
    return std::min(bytes, text.size());
}

void append_hex(std::string& out, std::uint32_t code) {
    constexpr std::string_view digits = "0123456789abcdef";
    out.append("\\u00").push_back(digits[(code >> 4) & 0xFU]);
    out.push_back(digits[code & 0xFU]);
}

/// One character, with what could move a terminal's cursor or end a line escaped: C0, DEL and C1.
void append_escaped(std::string& out, std::string_view character) {
    const auto head = static_cast<unsigned char>(character.front());
    const auto last = static_cast<unsigned char>(character.back());
    if (character.size() == 1 && (head < 0x20 || head >= 0x7F)) {
        append_hex(out, head);
    } else if (character.size() == 2 && head == 0xC2 && last < 0xA0) {
        append_hex(out, last);
    } else if (character == "\"" || character == "\\") {
        out.append("\\").append(character);
    } else {
        out.append(character);
    }
}

/// Counts characters rather than bytes, so that a cut never leaves half of one.
std::string escape_up_to(std::string_view text, std::size_t characters_max) {
    std::string out;
    for (std::size_t shown = 0; !text.empty(); ++shown) {
        if (shown == characters_max) {
            return out.append("...");
        }
        const std::size_t bytes = character_bytes(text);
        append_escaped(out, text.substr(0, bytes));
        text.remove_prefix(bytes);
    }
    return out;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failure] = std::from_chars(text.data(), end, number);
    if (failure != std::errc{} || text.front() == '-') {
        return std::nullopt;
    }
    const std::string_view unit{rest, static_cast<std::size_t>(end - rest)};
    for (const Unit& known : units) {
        if (known.name == unit && number <= duration_max.ns / known.ns) {
            return Duration{number * known.ns};
        }
    }
    return std::nullopt;
}

std::string duration_text(Duration duration) {
    if (duration.is_forever()) {
        return "infinity";
    }
    if (duration.ns == 0) {
        return "0s";
    }
    for (const Unit& unit : units) {
        if (duration.ns % unit.ns == 0) {
            return std::to_string(duration.ns / unit.ns).append(unit.name);
        }
    }
    return {};
}

std::optional<std::string_view> name_flaw(std::string_view name) {
    if (name.empty() || name.size() > name_bytes_max) {
        return "a name of 1 to 255 characters";
    }
    if (!std::all_of(name.begin(), name.end(), is_name_character)) {
        return "a name of letters, digits and . _ @ : + -";
    }
    if (name == "." || name.find("..") != std::string_view::npos) {
        return "a name that is not \".\" and has no \"..\"";
    }
    return std::nullopt;
}

std::string in_quotes(std::string_view text) {
    std::string out{"\""};
    return out.append(escape_up_to(text, shown_characters_max)).append("\"");
}

std::string escaped(std::string_view text) { return escape_up_to(text, text.size() + 1); }

void append_key(std::string& path, std::string_view key) {
    path.append(path.empty() ? "" : ".").append(escape_up_to(key, shown_characters_max));
}

void append_index(std::string& path, std::size_t index) { path.append("[").append(std::to_string(index)).append("]"); }

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known) {
    std::string_view best;
    std::size_t best_distance = word_bytes_max;
    if (word.size() > word_bytes_max) {
        return best;
    }
    for (const std::string_view candidate : known) {
        const std::size_t longer = std::max(word.size(), candidate.size());
        if (longer > word_bytes_max) {
            continue;
        }
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance && distance <= (longer + 2) / 3) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string alternatives(std::span<const std::string_view> words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) {
            out.append(i + 1 == words.size() ? " or " : ", ");
        }
        out.append("\"").append(words[i]).append("\"");
    }
    return out;
}

}  // namespace backplane::config
