// SPDX-License-Identifier: Apache-2.0
/// Values to text for people. See render.hpp; the tree stands in render_tree.cpp.
#include "client/render/render.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

namespace backplane::render {

namespace {

/// The length of the UTF-8 character at the front, or 0 if there is none that a terminal may see: bytes that are not
/// UTF-8, control characters of ASCII and those of U+0080 to U+009F.
std::size_t harmless_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    return first == 0xc2 && byte(1) < 0xa0 ? 0 : length;
}

std::string or_dash(const std::optional<std::string>& text) { return text ? shown(*text) : "-"; }

template <class Number>
std::string number_or_dash(const std::optional<Number>& number) {
    return number ? std::to_string(*number) : "-";
}

std::string label_text(const std::pair<std::string, std::string>& label) { return shown(label.first) + "=" + shown(label.second); }

std::string labels_cell(const Labels& labels) {
    std::string text;
    for (const auto& label : labels) {
        text.append(text.empty() ? "" : ",").append(label_text(label));
    }
    return text.empty() ? "-" : text;
}

std::string ms_text(double ns) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f ms", ns / 1e6);
    return text.data();
}

std::string field_text(const LogEvent::Field& field) {
    std::string text = " " + shown(field.key) + "=";
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        return text + std::to_string(*number);
    }
    if (const auto* line = std::get_if<Line>(&field.value)) {
        return text + line->text();
    }
    return text + shown(std::get<std::string>(field.value));
}

}  // namespace

std::string shown(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (const std::size_t length = harmless_length(text); length != 0) {
            out.append(text.substr(0, length));
            text.remove_prefix(length);
            continue;
        }
        std::array<char, 5> escape{};
        std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(text[0])));
        out.append(escape.data());
        text.remove_prefix(1);
    }
    return out;
}

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string time_text(std::int64_t time_us) {
    using namespace std::chrono;
    const sys_time<microseconds> time{microseconds{time_us}};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return text.data();
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], columns(row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line.append(row[i]).append(widths[i] - columns(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out.append(line).append("\n");
    }
    return out;
}

std::string list_text(const std::vector<DeviceRow>& rows) {
    const bool are_labelled = std::any_of(rows.begin(), rows.end(), [](const DeviceRow& row) { return !row.labels.empty(); });
    std::vector<std::vector<std::string>> cells{{"NAME", "KIND", "STATE", "PID", "RESTARTS", "FAULT", "ID"}};
    if (are_labelled) {
        cells.front().emplace_back("LABELS");
    }
    for (const DeviceRow& row : rows) {
        cells.push_back({or_dash(row.name), shown(row.kind), shown(row.state), number_or_dash(row.pid), number_or_dash(row.restarts),
                         or_dash(row.fault), row.line ? row.line->text() : "-"});
        if (are_labelled) {
            cells.back().push_back(labels_cell(row.labels));
        }
    }
    return table(cells);
}

std::string status_head(const Description& description) {
    return or_dash(description.row.name) + ": " + shown(description.row.kind) + ", " + shown(description.row.state) + "\n";
}

std::string status_text(const Description& description) { return status_head(description) + table(status_cells(description)); }

std::vector<std::vector<std::string>> status_cells(const Description& description) {
    const DeviceRow& row = description.row;
    std::vector<std::vector<std::string>> cells;
    const auto add = [&](const char* key, const std::optional<std::string>& value) {
        if (value) {
            cells.push_back({std::string{"  "} + key, shown(*value)});
        }
    };
    const auto add_number = [&](const char* key, const auto& number) {
        if (number) {
            cells.push_back({std::string{"  "} + key, std::to_string(*number)});
        }
    };
    add("fault", row.fault);
    add_number("pid", row.pid);
    add("id", row.line ? std::optional{row.line->text()} : std::nullopt);
    for (const auto& label : row.labels) {
        cells.push_back({"  label", label_text(label)});
    }
    add("supervisor", row.supervisor);
    if (const std::string why = why_text(row); !why.empty()) {
        cells.push_back({"  why", why});
    }
    add("restart", description.restart);
    add_number("restarts", row.restarts);
    add("last exit", description.last_exit);
    add_number("failures in a row", description.failures);
    if (description.next_start_ms) {
        cells.push_back({"  next start", "in " + std::to_string(*description.next_start_ms) + " ms"});
    }
    if (description.significant) {
        cells.push_back({"  significant", "yes"});
    }
    add("strategy", description.strategy);
    add("auto_shutdown", description.auto_shutdown == "never" ? std::nullopt : description.auto_shutdown);
    add_number("children", description.children);
    add_number("at most", description.max_children);
    add_number("partitions", description.partitions);
    if (description.intensity && description.period_ms) {
        cells.push_back({"  restarts allowed", std::to_string(*description.intensity) + " in " + std::to_string(*description.period_ms) +
                                                   " ms, " + std::to_string(description.window_used.value_or(0)) + " used"});
    }
    for (const LinkValue& link : description.links) {
        cells.push_back({"  " + std::string{link_mode_name(link.mode)}, (link.name ? shown(*link.name) + "  " : "") + link.other.text()});
    }
    if (description.links_total > description.links.size()) {
        cells.push_back({"  links in all", std::to_string(description.links_total)});
    }
    return cells;
}

std::string event_text(const LogEvent& event) {
    std::string text;
    if (event.event == "gap") {
        text = "(gap)";
    } else {
        text = std::to_string(event.seq) + "  " + time_text(event.time_us) + "  " + shown(event.event);
        text += "  " + (event.name ? shown(*event.name) : event.line ? event.line->text() : "-");
    }
    for (const LogEvent::Field& field : event.fields) {
        text += field_text(field);
    }
    return text + "\n";
}

std::string ended_text(const Ended& ended) {
    return shown(ended.name) + (ended.fault ? " went down: " + shown(*ended.fault) : " ended without a fault") + "\n";
}

std::string pong_text(const Pong& pong) {
    return "backplaned " + shown(pong.daemon.version) + ", pid " + std::to_string(pong.daemon.pid) + ", answered in " +
           ms_text(static_cast<double>(pong.time.ns)) + "\n";
}

std::string versions_text(const Versions& versions) {
    return "backplanectl " + versions.program + "\nbackplaned " + (versions.daemon ? shown(versions.daemon->version) : "(unreachable)") +
           "\n";
}

std::string saved_text(const Saved& saved) {
    return std::to_string(saved.bytes) + " bytes of " + shown(saved.journal) + " saved as " + shown(saved.file) +
           "\nLook at it: backplaned --replay " + shown(saved.file) + "\n";
}

namespace {

/// What becomes of one entry, in words.
std::string change_text(const ReloadPlan::Change& change, const ReloadOptions& options) {
    if (change.change == "added") {
        return options.start_new ? "new: started" : "new: stays down until it is started";
    }
    if (change.change == "missing") {
        return options.remove_missing ? "missing: stopped and removed" : "missing: stays until its supervisor starts anew";
    }
    return change.restart ? "changed: from its next start on" : "changed";
}

}  // namespace

std::string plan_text(const ReloadPlan& plan, const ReloadOptions& options) {
    std::string text;
    for (const std::string& warning : plan.warnings) {
        text += "warning: " + shown(warning) + "\n";
    }
    std::vector<std::vector<std::string>> cells;
    for (const ReloadPlan::Change& change : plan.changes) {
        cells.push_back({shown(change.name), change_text(change, options)});
    }
    const std::string head = options.dry_run ? "would reload" : "reloaded";
    return text + (cells.empty() ? head + ": nothing changes\n" : head + ":\n" + table(cells));
}

std::string counts_text(const ChildCounts& counts) {
    return std::to_string(counts.specs) + " children, " + std::to_string(counts.active) + " running; " +
           std::to_string(counts.supervisors) + " supervisors, " + std::to_string(counts.workers) + " workers\n";
}

std::string why_text(const DeviceRow& row) {
    std::string text = row.reason ? shown(*row.reason) : std::string{};
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    if (row.waits_for) {
        text += (text.empty() ? "waits for " : " for ") + shown(*row.waits_for);
    }
    if (row.next_start_ms) {
        const std::int64_t tenths = (*row.next_start_ms + 99) / 100;
        add(std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s left");
    }
    if (row.held && row.reason != "held") {
        add("held");
    }
    return text;
}

std::string error_line(const Error& error) { return "backplanectl: " + shown(error.text()) + "\n"; }

}  // namespace backplane::render
