// SPDX-License-Identifier: Apache-2.0
/// `impact` for people: what happens in its order, who is told, and what is not as before in the end.
#include "client/render/diagnosis.hpp"
#include "client/render/render.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace backplane::render {

namespace {

/// Names for lines, so that nobody has to look them up.
class Names {
  public:
    explicit Names(const Impact& impact) {
        note(impact.line, impact.name);
        for (const LogEvent& event : impact.events) {
            note(event.line, event.name);
        }
        for (const Impact::Told& told : impact.told) {
            note(told.line, told.name);
            note(told.about, told.about_name);
        }
    }
    [[nodiscard]] std::string of(const Line& line) const {
        const auto found = names_.find(line.text());
        return found == names_.end() ? line.text() : shown(found->second);
    }
    /// `cascade of db` for `cascade(LINE)`.
    [[nodiscard]] std::string fault(const std::string& text) const {
        constexpr std::string_view begin = "cascade(";
        if (text.starts_with(begin) && text.ends_with(')')) {
            if (const auto line = Line::parse(std::string_view{text}.substr(begin.size(), text.size() - begin.size() - 1))) {
                return "cascade of " + of(*line);
            }
        }
        return shown(text);
    }

  private:
    void note(const std::optional<Line>& line, const std::optional<std::string>& name) {
        if (line && name) {
            names_.emplace(line->text(), *name);
        }
    }
    std::map<std::string, std::string> names_;
};

std::string text_field(const LogEvent& event, std::string_view key) {
    for (const LogEvent::Field& field : event.fields) {
        if (field.key != key) {
            continue;
        }
        const auto* number = std::get_if<std::int64_t>(&field.value);
        const auto* text = std::get_if<std::string>(&field.value);
        return number != nullptr ? std::to_string(*number) : text != nullptr ? *text : std::string{};
    }
    return {};
}

std::string end_words(const std::string& reason, const Names& names) {
    if (reason.starts_with("cascade(")) {
        return "falls: " + names.fault(reason);
    }
    return reason == "shutdown" ? "is stopped" : reason == "normal" ? "ends" : "dies: " + names.fault(reason);
}

/// What an event means; empty for what another one says as well.
std::string words(const LogEvent& event, const Names& names) {
    const std::string& kind = event.event;
    if (kind == "child_down") {
        return end_words(text_field(event, "reason"), names);
    }
    if (kind == "device_down") {
        return end_words(text_field(event, "fault"), names);
    }
    if (kind == "child_starting") {
        return "is started";
    }
    if (kind == "child_stopping" || kind == "child_killing" || kind == "child_ready" || kind == "sup_stopping") {
        return {};
    }
    if (kind == "restart") {
        return "is to be restarted: number " + text_field(event, "window_count") + " in the window of " +
               shown(text_field(event, "supervisor"));
    }
    if (kind == "sup_giving_up") {
        return "gives up: restart " + text_field(event, "window_count") + " would be one too many, of " + shown(text_field(event, "child"));
    }
    if (kind == "sup_down") {
        return "is down: " + names.fault(text_field(event, "reason"));
    }
    if (kind == "sup_up") {
        return "is up again";
    }
    if (kind == "child_backoff") {
        return "waits " + text_field(event, "delay_ms") + " ms before its restart";
    }
    if (kind == "child_blocked") {
        return "is blocked: it requires " + shown(text_field(event, "waits_for"));
    }
    if (kind == "child_quarantined") {
        return "is quarantined";
    }
    if (kind == "child_removed") {
        return "is removed";
    }
    if (kind == "child_completed") {
        return "does its work and ends";
    }
    if (kind == "child_start_failed") {
        return "does not start: " + names.fault(text_field(event, "reason"));
    }
    return kind == "alert" ? "the whole tree is down" : shown(kind);
}

std::string after_text(std::int64_t milliseconds) { return milliseconds == 0 ? "" : "+" + span_text(milliseconds); }

void add_more(std::string& text, std::uint64_t total, std::size_t told) {
    if (total > told) {
        text += "  and " + std::to_string(total - told) + " more\n";
    }
}

std::string events_text(const Impact& impact, const Names& names) {
    std::vector<std::vector<std::string>> cells;
    std::string before;
    for (const LogEvent& event : impact.events) {
        const std::string said = words(event, names);
        if (said.empty()) {
            continue;
        }
        const std::string after = after_text(event.time_us / 1'000);
        cells.push_back({"  " + (after == before ? std::string{} : after),
                         event.name   ? shown(*event.name)
                         : event.line ? names.of(*event.line)
                                      : "-",
                         said});
        before = after;
    }
    std::string text = table(cells);
    add_more(text, impact.events_total, impact.events.size());
    return text;
}

std::string told_text(const Impact& impact, const Names& names) {
    if (impact.told_total == 0) {
        return "Nobody is told.\n";
    }
    std::vector<std::vector<std::string>> cells;
    for (const Impact::Told& told : impact.told) {
        std::string labels;
        for (const auto& [key, value] : told.labels) {
            labels += (labels.empty() ? "" : ",") + shown(key) + "=" + shown(value);
        }
        cells.push_back({"  " + names.of(told.line), shown(told.kind), told.client ? shown(*told.client) : "-",
                         "of " + names.of(told.about) + ": " + (told.fault ? names.fault(*told.fault) : "a clean end"),
                         told.falls ? "and falls" : "", labels});
    }
    std::string text = std::to_string(impact.told_total) + (impact.told_total == 1 ? " is told:\n" : " are told:\n") + table(cells);
    add_more(text, impact.told_total, impact.told.size());
    return text;
}

std::string fates_text(const Impact& impact) {
    if (impact.fates_total == 0) {
        return impact.length_ms == 0 ? "In the end all is as before.\n"
                                     : "In the end, after " + span_text(impact.length_ms) + ", all is as before.\n";
    }
    std::vector<std::vector<std::string>> cells;
    for (const Impact::Fate& fate : impact.fates) {
        std::string state = shown(fate.state) + (fate.reason ? ": " + shown(*fate.reason) : "");
        state += fate.waits_for ? " for " + shown(*fate.waits_for) : "";
        cells.push_back({"  " + shown(fate.name), state, "(now " + shown(fate.was) + ")"});
    }
    std::string text = "In the end not as before:\n" + table(cells);
    add_more(text, impact.fates_total, impact.fates.size());
    return text;
}

}  // namespace

std::string impact_text(const Impact& impact) {
    const Names names(impact);
    const std::string name = impact.name ? shown(*impact.name) : impact.line ? impact.line->text() : "-";
    std::string text = impact.kind == "supervisor" ? "If all below " + name + " died now, each by " + shown(impact.fault)
                                                   : "If " + name + " died now, by " + shown(impact.fault);
    text += ", and all others behaved:\n";
    text += events_text(impact, names) + told_text(impact, names) + fates_text(impact);
    text += std::to_string(impact.ends) + " would end, " + std::to_string(impact.falls) + " of them by a cascade; " +
            std::to_string(impact.starts) + " would be started; " + std::to_string(impact.gives_up) + " supervisors would give up.\n";
    return impact.complete ? text : text + "This is not all: the rehearsal was cut short.\n";
}

}  // namespace backplane::render
