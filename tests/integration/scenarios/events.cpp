// SPDX-License-Identifier: Apache-2.0
/// See events.hpp.
#include "tests/integration/scenarios/events.hpp"

#include <string.h>
#include <algorithm>
#include <array>
#include <string_view>

namespace backplane::integration::scenarios {
namespace {

/// What is shown of an event, in this order, and what stands before it. Other fields are another in each run.
struct Shown {
    std::string_view key, before, behind;
};
constexpr std::array<Shown, 11> shown{{{"signal", " ", ""},
                                       {"delay_ms", " ", "ms"},
                                       {"waits_for", " on ", ""},
                                       {"supervisor", " by ", ""},
                                       {"reason", ": ", ""},
                                       {"window_count", ", window ", ""},
                                       {"cause", ", cause ", ""},
                                       {"root_fault", ", root ", ""},
                                       {"hops", ", hops ", ""},
                                       {"from", " ", ""},
                                       {"to", " to ", ""}}};

std::string value_text(const LogEvent::Field& field) {
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        const char* name = field.key == "signal" ? ::sigabbrev_np(static_cast<int>(*number)) : nullptr;
        return name == nullptr ? std::to_string(*number) : std::string{"SIG"} + name;
    }
    const auto* text = std::get_if<std::string>(&field.value);
    return text == nullptr ? "?" : *text;
}

/// The name that an event is about.
std::string subject(const std::string& event) {
    const Words words = split(event);
    std::string name = words.size() > 1 ? words[1] : "";
    while (!name.empty() && (name.back() == ':' || name.back() == ',')) {
        name.pop_back();
    }
    return name;
}

bool is_plain(const std::string& text) { return text.find_first_of(":,(") == std::string::npos; }

/// Two events that belong together, as one word of two.
struct Pair {
    std::string_view word, first, first_behind, second, second_behind;
};
constexpr std::array<Pair, 2> pairs{
    {{"started", "child_starting", "", "child_ready", ""}, {"stopped", "child_stopping", " SIGTERM", "child_down", ": shutdown"}}};

std::string half(std::string_view event, const std::string& name, std::string_view behind) {
    return std::string{event} + " " + name + std::string{behind};
}

}  // namespace

std::string text_of(const LogEvent& event, NamesOfLines& names) {
    if (event.name && event.line) {
        names[event.line->text()] = *event.name;
    }
    std::string out = event.event + (event.name ? " " + *event.name : "");
    const bool gives_up = event.event == "sup_giving_up";  // why stands in the line before
    for (const Shown& part : shown) {
        for (const LogEvent::Field& field : event.fields) {
            if (field.key == part.key && (!gives_up || part.key == "window_count")) {
                out += std::string{part.before} + value_text(field) + std::string{part.behind};
            }
        }
    }
    static constexpr std::string_view cascade = "cascade(";
    for (std::size_t at = out.find(cascade); at != std::string::npos; at = out.find(cascade, at + 1)) {
        const std::size_t from = at + cascade.size();
        const auto named = names.find(out.substr(from, out.find(')', from) - from));
        out.replace(from, named == names.end() ? 0 : named->first.size(), named == names.end() ? "" : named->second);
    }
    return out;
}

ExpectedEvents::ExpectedEvents(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
        expand(split(line.text.substr(2)), line.number, line.text[0] == '~');
    }
}

void ExpectedEvents::expand(const Words& words, int line, bool beside) {
    const std::string text = joined(words);
    const auto pair = std::find_if(pairs.begin(), pairs.end(), [&](const Pair& one) { return one.word == words[0]; });
    static constexpr std::array<std::string_view, 4> with_more{"child_stopping", "child_blocked", "child_backoff", "gap"};
    const bool has_more = !is_plain(text) || std::find(with_more.begin(), with_more.end(), words[0]) != with_more.end();
    if (pair == pairs.end() && has_more) {
        add(text, line, beside);
        return;
    }
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (pair == pairs.end()) {
            add(words[0] + " " + words[i], line, beside);
        } else {
            add(half(pair->first, words[i], pair->first_behind), line, beside);
            add(half(pair->second, words[i], pair->second_behind), line, beside);
        }
    }
}

void ExpectedEvents::add(const std::string& event, int line, bool beside) {
    const std::size_t last = items_.empty() ? 0 : items_.back().group;
    items_.push_back({{line, event}, beside && was_beside_ ? last : last + 1, false});
    was_beside_ = beside;
    ++open_;
}

bool ExpectedEvents::meet(const std::string& event) {
    const auto next = std::find_if(items_.begin(), items_.end(), [](const Item& item) { return !item.met; });
    if (next == items_.end()) {
        return false;
    }
    const auto same = std::find_if(next, items_.end(), [&](const Item& item) {
        return !item.met && item.group == next->group && subject(item.line.text) == subject(event);
    });
    if (same == items_.end() || same->line.text != event) {
        return false;
    }
    same->met = true;
    --open_;
    return true;
}

std::vector<Line> ExpectedEvents::missing() const {
    std::vector<Line> out;
    for (const Item& item : items_) {
        if (!item.met) {
            out.push_back(item.line);
        }
    }
    return out;
}

std::vector<Line> ExpectedEvents::all() const {
    std::vector<Line> out;
    for (const Item& item : items_) {
        out.push_back(item.line);
    }
    return out;
}

std::vector<std::string> shortened(const std::vector<std::string>& events) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < events.size(); ++i) {
        std::string word = split(events[i])[0];
        const std::string name = subject(events[i]);
        bool joins = is_plain(events[i]) && split(events[i]).size() == 2;
        for (const Pair& pair : pairs) {
            if (i + 1 < events.size() && events[i] == half(pair.first, name, pair.first_behind) &&
                events[i + 1] == half(pair.second, name, pair.second_behind)) {
                word = pair.word;
                joins = true;
                ++i;
                break;
            }
        }
        if (joins && !out.empty() && split(out.back())[0] == word && is_plain(out.back())) {
            out.back() += " " + name;
        } else {
            out.push_back(joins ? word + " " + name : events[i]);
        }
    }
    return out;
}

}  // namespace backplane::integration::scenarios
