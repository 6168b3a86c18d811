// SPDX-License-Identifier: Apache-2.0
/// How problems are worded, hinted at, bounded and placed.
#include "config/reader.hpp"

#include "config/words.hpp"

#include <algorithm>
#include <tuple>

namespace backplane::config {
namespace {

// The tree enters the journal, which lies in memory; so copies are bounded by what a long text could also say.
constexpr std::size_t children_max = 250'000;  ///< whatever an element is, it takes the memory of a child
constexpr std::size_t copies_max = 100'000;
constexpr std::size_t copied_bytes_max = 64 * 1024 * 1024;

bool contains(std::span<const std::string_view> list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

std::string did_you_mean(std::string_view word) { return "; did you mean \"" + std::string{word} + "\"?"; }

/// The leading zero that JSON does not let a number have.
std::string octal_hint(const std::string& digits) {
    const bool octal = digits.size() <= 3 && digits.find_first_not_of("01234567") == std::string::npos;
    return octal ? did_you_mean((digits.starts_with('0') ? "" : "0") + digits) : std::string{};
}

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

Reader::InFile::InFile(Reader& reader, std::size_t file) : reader_(reader), before_(reader.file_) {
    if (file != before_) {
        path_before_.swap(reader.path_);
        reader.file_ = file;
    }
}

Reader::InFile::~InFile() {
    if (reader_.file_ != before_) {
        path_before_.swap(reader_.path_);
        reader_.file_ = before_;
    }
}

void Reader::flaw(const Flaw& flaw) { keep(errors_, errors_hidden_, Found{file_, flaw.offset, flaw.key, flaw.text, flaw.name}); }

/// A text that is wrong throughout must not fill the log: the first are kept, the rest counted.
void Reader::keep(std::vector<Found>& list, std::size_t& hidden, Found found) const {
    const auto same = [&found](const Found& other) {
        return other.file == found.file && other.offset == found.offset && other.name == found.name && other.key == found.key;
    };
    if (again_ && (list.size() >= problems_max || std::any_of(list.begin(), list.end(), same))) {
        return;
    }
    if (list.size() < problems_max) {
        list.push_back(std::move(found));
    } else {
        ++hidden;
    }
}

void Reader::error(std::size_t offset, std::string text, std::string_view name) {
    keep(errors_, errors_hidden_, Found{file_, offset, path_, std::move(text), name});
}

void Reader::warn(std::size_t offset, std::string text, std::string_view name) {
    keep(warnings_, warnings_hidden_, Found{file_, offset, path_, std::move(text), name});
}

void Reader::error_at(const Node& object, std::string_view key, std::string text, std::string_view name) {
    const Node* const value = object.find(key);
    const Within at(*this, key);
    error(value != nullptr ? value->offset : object.offset, std::move(text), name);
}

bool Reader::may_add(std::size_t children) {
    children_ += children;
    const bool may = children_ <= children_max;
    tree_trusted_ = tree_trusted_ && may;
    return may;
}

bool Reader::may_copy(std::size_t copies, std::size_t bytes_each) {
    // Neither product nor sum can overflow: each factor is bounded by the text or by the digits of a number in it.
    copies_ += copies;
    copied_bytes_ += copies * bytes_each;
    const bool may = copies_ <= copies_max && copied_bytes_ <= copied_bytes_max;
    tree_trusted_ = tree_trusted_ && may;
    return may;
}

void Reader::wrong(const Node& got, std::string_view expected, std::string_view name, std::string_view hint) {
    error(got.offset, std::string{"expected "}.append(expected).append(", got ").append(shown(got)).append(hint), name);
}

void Reader::wrong(const Node& got, const KeyInfo& info) { wrong(got, expectation(info), info.problem, hint(got, info)); }

/// What stands in the text, short enough for a line and with nothing in it that a terminal would obey.
std::string Reader::shown(const Node& node) const {
    switch (node.kind) {
        case NodeKind::string: return in_quotes(node.text);
        case NodeKind::array: return node.items.empty() ? "an empty array" : "an array";
        case NodeKind::object: return "an object";
        default: break;
    }
    // Numbers and the three literals are shown as they were written.
    std::string_view source = files_[file_].text;
    source = source.substr(std::min(node.offset, source.size()));
    source = source.substr(0, source.find_first_of(" \t\r\n,]}/"));
    constexpr std::size_t source_bytes_max = 40;
    return source.size() <= source_bytes_max ? std::string{source} : std::string{source.substr(0, source_bytes_max)}.append("...");
}

/// What was probably meant, where the shape of the key lets one guess.
std::string Reader::hint(const Node& got, const KeyInfo& info) const {
    const bool timed = info.shape == Shape::duration;
    if (info.shape == Shape::octal && got.kind == NodeKind::natural) {
        return octal_hint(shown(got));
    }
    if (timed && got.kind == NodeKind::natural) {
        return duration_hint(shown(got));
    }
    if (got.kind != NodeKind::string) {
        return {};
    }
    if (timed && !got.text.empty() && got.text.find_first_not_of("0123456789") == std::string::npos) {
        return duration_hint(got.text);
    }
    const std::string_view meant = nearest_word(got.text, info.words);
    return meant.empty() ? std::string{} : did_you_mean(meant);
}

/// Two cases: a key of another supervisor or a typo, and a key from nowhere.
void Reader::unknown_key(const Member& member, std::span<const std::string_view> known) {
    std::string text = "expected a known key, got " + in_quotes(member.key);
    std::string_view meant = key_for_stranger(member.key);
    if (!contains(known, meant)) {
        meant = nearest_word(member.key, known);
    }
    if (!meant.empty()) {
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
std::vector<Problem> Reader::placed(std::vector<Found>& list) const {
    std::stable_sort(list.begin(), list.end(),
                     [](const Found& a, const Found& b) { return std::tie(a.file, a.offset) < std::tie(b.file, b.offset); });
    std::vector<Problem> out;
    for (Found& found : list) {
        const Position at = position_at(files_[found.file].text, found.offset);
        out.push_back(Problem{files_[found.file].name, at.line, at.column, std::move(found.key), std::move(found.text), found.name});
    }
    list.clear();
    return out;
}

void Reader::finish(Reading& reading) {
    reading.errors = placed(errors_);
    reading.warnings = placed(warnings_);
    reading.errors_hidden = errors_hidden_;
    reading.warnings_hidden = warnings_hidden_;
}

std::string expectation(const KeyInfo& info) {
    if (!info.expected.empty()) {
        return std::string{info.expected};
    }
    if (!info.words.empty()) {
        return alternatives(info.words);
    }
    return "a whole number from " + std::to_string(info.low) + " to " + std::to_string(info.high);
}

}  // namespace backplane::config
