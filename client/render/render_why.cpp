// SPDX-License-Identifier: Apache-2.0
/// `why` and `describe` for people, who may have been woken by it: whole sentences, the state first, the root last.
#include "client/render/diagnosis.hpp"
#include "client/render/render.hpp"

#include <string>
#include <vector>

namespace backplane::render {

namespace {

std::string name_of(const Cause& cause) {
    return cause.name ? shown(*cause.name) : cause.line ? cause.line->text() : std::string{"something that is forgotten"};
}

/// `cascade of db` where the next cause of the chain is the one that a cascade names.
std::string reason_of(const Cause& cause, const Cause* next) {
    if (!cause.reason) {
        return "how it ended is not known";
    }
    const bool names_next = next != nullptr && next->line && *cause.reason == "cascade(" + next->line->text() + ")";
    if (names_next) {
        return "cascade of " + name_of(*next);
    }
    return *cause.reason == "shutdown" ? "it was stopped" : *cause.reason == "normal" ? "a good end" : shown(*cause.reason);
}

/// `, 12 s ago (2025-01-31T12:00:00.000001Z), after it had been ready for 3 min 5 s`.
std::string when_of(const Cause& cause) {
    std::string text;
    if (cause.age_ms && cause.time_us) {
        text += ", " + span_text(*cause.age_ms) + " ago (" + time_text(*cause.time_us) + ")";
    }
    if (cause.was_ready == false) {
        text += ", before it was ready";
    } else if (cause.uptime_ms) {
        text += ", after it had been ready for " + span_text(*cause.uptime_ms);
    }
    return text;
}

std::string now_of(const Cause& cause) { return cause.state ? " (now " + shown(*cause.state) + ")" : std::string{}; }

std::string sentence(const Cause& cause, const std::string& before, const Cause* next) {
    const std::string how = reason_of(cause, next) + when_of(cause);
    const std::string name = name_of(cause);
    if (cause.because == "ended") {
        return name + " ended last: " + how;
    }
    if (cause.because == "depended_on") {
        return before + " depended on " + name + now_of(cause) + ", which ended: " + how;
    }
    if (cause.because == "group") {
        return before + " is in the group of " + name + now_of(cause) + ", which ended: " + how;
    }
    if (cause.because == "supervisor") {
        return "its supervisor, " + name + now_of(cause) + ", went down: " + how;
    }
    if (cause.because == "gave_up") {
        const std::string count = cause.window_count ? ", with restart " + std::to_string(*cause.window_count) : std::string{};
        return before + " gave up because of " + name + now_of(cause) + count + ", which ended: " + how;
    }
    if (cause.because == "start_failed") {
        return name + now_of(cause) + " did not start: " + how;
    }
    if (cause.because == "requires") {
        return before + " requires " + name + now_of(cause) + (cause.reason ? ", which ended last: " + how : std::string{});
    }
    if (cause.because == "asked") {
        return "somebody had it stopped, by a command or a call";
    }
    if (cause.because == "root") {
        return "the root of it is " + name + now_of(cause) + ": " + how;
    }
    return shown(cause.because) + " " + name + ": " + how;
}

std::string chain_text(const std::vector<Cause>& chain, std::string before, bool first_because) {
    std::string text;
    for (std::size_t n = 0; n < chain.size(); ++n) {
        const Cause* next = n + 1 < chain.size() ? &chain[n + 1] : nullptr;
        const bool is_first = n == 0 && !first_because;
        text.append(2 * n + 2, ' ').append(is_first ? "" : "because ").append(sentence(chain[n], before, next)).append("\n");
        text += words_text(chain[n].last_words, 2 * n + 4);
        before = name_of(chain[n]);
    }
    return text;
}

/// What was made of its end.
std::string decision_text(const Why& why) {
    std::vector<std::string> parts;
    const std::string above = shown(why.row.supervisor.value_or("its supervisor"));
    if (why.restart_count) {
        parts.push_back("its last restart was number " + std::to_string(*why.restart_count) + " in the window of " + above);
    }
    if (why.window_used && why.window_intensity && why.window_period_ms) {
        parts.push_back("of the " + std::to_string(*why.window_intensity) + " restarts that " + above + " allows in " +
                        span_text(*why.window_period_ms) + ", " + std::to_string(*why.window_used) + " are used now");
    }
    if (why.failures.value_or(0) > 1) {
        parts.push_back(std::to_string(*why.failures) + " failures in a row");
    }
    if (why.row.state == "down" && why.restart && why.row.reason == "ended") {
        parts.push_back("a " + shown(*why.restart) + " child is not started again after that");
    }
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "  then: " : "; ") + part;
    }
    return text.empty() ? text : text + "\n";
}

}  // namespace

std::string span_text(std::int64_t milliseconds) {
    const std::int64_t seconds = milliseconds / 1'000;
    const auto two = [](std::int64_t large, const char* unit, std::int64_t small, const char* rest) {
        return std::to_string(large) + " " + unit + (small != 0 ? " " + std::to_string(small) + " " + rest : "");
    };
    if (seconds < 1) {
        return std::to_string(milliseconds) + " ms";
    }
    if (seconds < 10 && milliseconds % 1'000 != 0) {
        return std::to_string(seconds) + "." + std::to_string(milliseconds / 100 % 10) + " s";
    }
    if (seconds < 60) {
        return std::to_string(seconds) + " s";
    }
    if (seconds < 3'600) {
        return two(seconds / 60, "min", seconds % 60, "s");
    }
    return seconds < 86'400 ? two(seconds / 3'600, "h", seconds / 60 % 60, "min") : two(seconds / 86'400, "d", seconds / 3'600 % 24, "h");
}

std::string why_it_is_text(const Why& why) {
    const DeviceRow& row = why.row;
    const std::string name = row.name ? shown(*row.name) : row.line ? row.line->text() : "-";
    std::string text = name + " is " + shown(row.state);
    if (const std::string reason = why_text(row); !reason.empty()) {
        text += ": " + reason;
    }
    text += (why.since_ms ? ", for " + span_text(*why.since_ms) : std::string{}) + "\n";
    if (why.ends.empty()) {
        text += row.state == "down" && row.reason ? "" : "  it has never ended, as far as is known\n";
    }
    text += chain_text(why.ends, name, false) + (why.ends.empty() ? std::string{} : decision_text(why));
    return text + chain_text(why.waits, name, true);
}

std::string details_text(const Details& details) {
    const Description& about = details.about;
    std::vector<std::vector<std::string>> cells = status_cells(about);
    const auto add = [&](const char* key, const std::string& value) { cells.push_back({std::string{"  "} + key, value}); };
    const auto add_text = [&](const char* key, const std::optional<std::string>& value) {
        if (value) {
            add(key, shown(*value));
        }
    };
    if (about.since_ms) {
        add("in this state", "for " + span_text(*about.since_ms));
    }
    if (about.last_line) {
        add("id before", about.last_line->text());
    }
    add_text("readiness", about.readiness);
    if (about.watchdog_ms) {
        add("watchdog", span_text(*about.watchdog_ms));
    }
    if (about.managed) {
        add("managed", "it falls with what it monitors");
    }
    add_text("program", about.client);
    for (const std::string& name : about.names) {
        add("name", shown(name));
    }
    if (about.name_watches.value_or(0) != 0) {
        add("watched by name", "by " + std::to_string(*about.name_watches));
    }
    for (const OrderValue& order : about.orders) {
        add("is to be linked", std::string{link_mode_name(order.mode)} + "  " + shown(order.name));
    }
    for (const OrderValue& order : about.ordered_by) {
        add("linked by order of", shown(order.name) + "  " + std::string{link_mode_name(order.mode)});
    }
    for (const std::string& name : about.needs) {
        add("requires", shown(name));
    }
    for (const std::string& name : about.needed_by) {
        add("required by", shown(name));
    }
    const std::size_t told = about.orders.size() + about.ordered_by.size() + about.needs.size() + about.needed_by.size();
    if (about.orders_total > told) {
        add("such relations in all", std::to_string(about.orders_total));
    }
    add_text("containment", details.containment);
    add_text("cgroup", details.cgroup);
    add_text("configuration", details.spec);
    return status_head(about) + table(cells);
}

}  // namespace backplane::render
