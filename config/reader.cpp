// SPDX-License-Identifier: Apache-2.0
/// How problems are worded, hinted at, bounded and placed.
#include "config/reader.hpp"

#include "config/words.hpp"

#include <algorithm>

namespace backplane::config {
namespace {

constexpr std::string_view not_yet = ", which this version does not know yet";

bool contains(std::span<const std::string_view> list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

std::string did_you_mean(std::string_view word) { return "; did you mean \"" + std::string{word} + "\"?"; }

/// A unit was forgotten: what was probably meant, which from a thousand on is milliseconds.
std::string duration_hint(std::string_view digits) {
    const std::string meant = std::string{digits} + (digits.size() > 3 ? "ms" : "s");
    return parse_duration(meant) ? did_you_mean(meant) + " (units: ns, us, ms, s, m, h)" : std::string{};
}

}  // namespace

Reader::Within::Within(Reader& reader, std::string_view key) : reader_(reader), before_(reader.path_.size()) {
    append_key(reader.path_, key);
}

Reader::Within::Within(Reader& reader, std::size_t index) : reader_(reader), before_(reader.path_.size()) {
    append_index(reader.path_, index);
}

void Reader::flaw(const Flaw& flaw) { keep(errors_, errors_hidden_, Found{flaw.offset, flaw.key, flaw.text, flaw.name}); }

/// A text that is wrong throughout must not fill the log: the first are kept, the rest counted.
void Reader::keep(std::vector<Found>& list, std::size_t& hidden, Found found) {
    if (list.size() < problems_max) {
        list.push_back(std::move(found));
    } else {
        ++hidden;
    }
}

void Reader::error(std::size_t offset, std::string text, std::string_view name) {
    keep(errors_, errors_hidden_, Found{offset, path_, std::move(text), name});
}

void Reader::warn(std::size_t offset, std::string text, std::string_view name) {
    keep(warnings_, warnings_hidden_, Found{offset, path_, std::move(text), name});
}

void Reader::wrong(const Node& got, std::string_view expected, std::string_view name) {
    error(got.offset, std::string{"expected "}.append(expected).append(", got ").append(shown(got)), name);
}

void Reader::wrong(const Node& got, const KeyInfo& info) {
    const std::string expected = info.expected.empty() ? alternatives(info.words) : std::string{info.expected};
    error(got.offset, std::string{"expected "}.append(expected).append(", got ").append(shown(got)).append(hint(got, info)), info.problem);
}

/// What stands in the text, short enough for a line and with nothing in it that a terminal would obey.
std::string Reader::shown(const Node& node) const {
    switch (node.kind) {
        case NodeKind::string: return in_quotes(node.text);
        case NodeKind::array: return node.items.empty() ? "an empty array" : "an array";
        case NodeKind::object: return "an object";
        default: break;
    }
    // Numbers and the three literals are shown as they were written.
    std::string_view source = text_.substr(std::min(node.offset, text_.size()));
    source = source.substr(0, source.find_first_of(" \t\r\n,]}/"));
    constexpr std::size_t source_bytes_max = 40;
    return source.size() <= source_bytes_max ? std::string{source} : std::string{source.substr(0, source_bytes_max)}.append("...");
}

/// What was probably meant, where the shape of the key lets one guess.
std::string Reader::hint(const Node& got, const KeyInfo& info) const {
    const bool timed = info.shape == Shape::duration || info.shape == Shape::wait;
    if (timed && got.kind == NodeKind::natural) {
        return duration_hint(shown(got));
    }
    if (got.kind != NodeKind::string) {
        return {};
    }
    if (contains(info.later, got.text)) {
        return std::string{not_yet};
    }
    if (timed && !got.text.empty() && got.text.find_first_not_of("0123456789") == std::string::npos) {
        return duration_hint(got.text);
    }
    const std::string_view meant = nearest_word(got.text, info.words);
    return meant.empty() ? std::string{} : did_you_mean(meant);
}

/// Three cases: a key of a later version, a key of another supervisor or a typo, and a key from nowhere.
void Reader::unknown_key(const Member& member, Section section, std::span<const std::string_view> known) {
    std::string text = "expected a known key, got " + in_quotes(member.key);
    std::string_view meant = key_for_stranger(member.key);
    if (!contains(known, meant)) {
        meant = nearest_word(member.key, known);
    }
    if (contains(later_keys(section), member.key)) {
        text.append(not_yet);
    } else if (!meant.empty()) {
        text.append(did_you_mean(meant));
    } else {
        text.append("; known here: ");
        for (const std::string_view key : known) {
            text.append(key == known.front() ? "" : ", ").append(key);
        }
    }
    error(member.offset, std::move(text), "unknown_key");
}

/// Checks of the whole tree run last and speak of earlier lines, so the order is made here.
std::vector<Problem> Reader::placed(std::vector<Found>& list, std::string_view file_name) const {
    std::stable_sort(list.begin(), list.end(), [](const Found& a, const Found& b) { return a.offset < b.offset; });
    std::vector<Problem> out;
    for (Found& found : list) {
        const Position at = position_at(text_, found.offset);
        out.push_back(Problem{std::string{file_name}, at.line, at.column, std::move(found.key), std::move(found.text), found.name});
    }
    list.clear();
    return out;
}

void Reader::finish(Reading& reading, std::string_view file_name) {
    reading.errors = placed(errors_, file_name);
    reading.warnings = placed(warnings_, file_name);
    reading.errors_hidden = errors_hidden_;
    reading.warnings_hidden = warnings_hidden_;
}

}  // namespace backplane::config
