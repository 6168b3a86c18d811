// SPDX-License-Identifier: Apache-2.0
/// Values to JSON, one line each. Keys are part of the tool's promise to programs: they are added to, never changed.
#include "client/render/render.hpp"
#include "client/render/state.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace backplane::render {

namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json line_or_null(const std::optional<Line>& line) { return line && *line ? Json(line->text()) : Json(nullptr); }

/// Text that is not UTF-8 is repaired: dumping it as it is would throw.
std::string one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json row_json(const DeviceRow& row) {
    Json json;
    json["name"] = or_null(row.name);
    json["id"] = line_or_null(row.line);
    json["kind"] = row.kind;
    json["state"] = row.state;
    json["pid"] = or_null(row.pid);
    json["restarts"] = or_null(row.restarts);
    json["supervisor"] = or_null(row.supervisor);
    json["fault"] = or_null(row.fault);
    json["reason"] = or_null(row.reason);
    json["waits_for"] = or_null(row.waits_for);
    json["held"] = row.held;
    json["next_start_ms"] = or_null(row.next_start_ms);
    json["strategy"] = or_null(row.strategy);
    json["window_used"] = or_null(row.window_used);
    json["intensity"] = or_null(row.intensity);
    json["labels"] = Json::object();
    for (const auto& [key, value] : row.labels) {
        json["labels"][key] = value;
    }
    return json;
}

Json exit_json(const ExitRecord& exit) {
    Json json;
    json["time"] = time_text(exit.time_us);
    json["uptime_ms"] = exit.uptime_ms;
    json["incarnation"] = exit.incarnation;
    json["was_ready"] = exit.was_ready;
    json["class"] = exit.exit_class;
    json["fault"] = or_null(exit.fault);
    json["code"] = or_null(exit.code);
    json["signal"] = or_null(exit.signal);
    json["core"] = exit.core;
    json["root"] = line_or_null(exit.root);
    json["root_fault"] = or_null(exit.root_fault);
    json["last_words"] = exit.last_words;
    return json;
}

Json session_json(const SessionRow& row) {
    Json json;
    json["session"] = row.number;
    json["state"] = row.state;
    json["pid"] = row.pid;
    json["uid"] = row.uid;
    json["worker"] = or_null(row.worker);
    json["devices"] = row.devices;
    json["links"] = row.links;
    json["owed"] = row.owed;
    return json;
}

Json rows_json(const std::vector<DeviceRow>& rows) {
    Json json = Json::array();
    for (const DeviceRow& row : rows) {
        json.push_back(row_json(row));
    }
    return json;
}

Json daemon_json(const DaemonInfo& daemon) {
    Json json;
    json["pid"] = daemon.pid;
    json["version"] = daemon.version;
    json["epoch"] = epoch_text(daemon.epoch);
    json["devices"] = daemon.devices;
    json["links"] = daemon.links;
    json["sessions"] = daemon.sessions;
    json["uptime_ms"] = daemon.uptime_ms;
    json["keeper_pid"] = daemon.keeper_pid;
    json["daemon_restarts"] = daemon.daemon_restarts;
    json["journal_bytes"] = daemon.journal_bytes;
    json["journal"] = daemon.journal;
    json["containment"] = daemon.containment;
    json["counters"] = Json::object();
    for (const auto& [reason, count] : daemon.counters) {
        json["counters"][reason] = count;
    }
    json["weaker"] = daemon.weaker;
    return json;
}

}  // namespace

std::string list_json(const std::vector<DeviceRow>& rows) { return one_line(rows_json(rows)); }

std::string status_json(const Description& description, const std::vector<ExitRecord>& exits) {
    Json json = row_json(description.row);
    json["last_exit"] = or_null(description.last_exit);
    json["failures"] = or_null(description.failures);
    json["restart"] = or_null(description.restart);
    json["period_ms"] = or_null(description.period_ms);
    json["since_ms"] = or_null(description.since_ms);
    json["watchdog_ms"] = or_null(description.watchdog_ms);
    json["significant"] = description.significant;
    json["auto_shutdown"] = or_null(description.auto_shutdown);
    json["children"] = or_null(description.children);
    json["max_children"] = or_null(description.max_children);
    json["partitions"] = or_null(description.partitions);
    json["links"] = Json::array();
    for (const LinkValue& link : description.links) {
        Json entry;
        entry["other"] = link.other.text();
        entry["mode"] = link_mode_name(link.mode);
        entry["name"] = or_null(link.name);
        json["links"].push_back(std::move(entry));
    }
    json["links_total"] = description.links_total;
    json["exits"] = Json::array();
    for (const ExitRecord& exit : exits) {
        json["exits"].push_back(exit_json(exit));
    }
    return one_line(json);
}

std::string log_page_json(const LogPage& page) {
    std::string text;
    if (page.missed != 0 || page.anew) {
        Json gap;
        gap["name"] = page.name;
        gap["missed"] = page.anew ? Json(nullptr) : Json(page.missed);
        text += one_line(gap);
    }
    for (const LogLine& line : page.lines) {
        Json json;
        json["name"] = page.name;
        json["number"] = line.number;
        json["time"] = time_text(line.time_us);
        json["incarnation"] = line.incarnation;
        json["stream"] = line.stream;
        json["goes_on"] = line.goes_on;
        json["text"] = line.text;
        text += one_line(json);
    }
    return text;
}

std::string event_json(const LogEvent& event) {
    Json json;
    if (event.event != "gap") {
        json["seq"] = event.seq;
        json["time"] = time_text(event.time_us);
    }
    json["event"] = event.event;
    if (event.event != "gap") {
        json["name"] = or_null(event.name);
        json["id"] = line_or_null(event.line);
    }
    for (const LogEvent::Field& field : event.fields) {
        if (const auto* line = std::get_if<Line>(&field.value)) {
            json[field.key] = line->text();
        } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
            json[field.key] = *number;
        } else {
            json[field.key] = std::get<std::string>(field.value);
        }
    }
    return one_line(json);
}

std::string ended_json(const Ended& ended) {
    Json json;
    json["name"] = ended.name;
    json["id"] = ended.device.text();
    json["fault"] = or_null(ended.fault);
    return one_line(json);
}

std::string pong_json(const Pong& pong) {
    Json json = daemon_json(pong.daemon);
    json["round_trip_us"] = static_cast<double>(pong.time.ns) / 1000.0;
    return one_line(json);
}

std::string versions_json(const Versions& versions) {
    Json json;
    json["version"] = versions.program;
    json["daemon"] = versions.daemon ? Json(versions.daemon->version) : Json(nullptr);
    return one_line(json);
}

std::string saved_json(const Saved& saved) {
    Json json;
    json["file"] = saved.file;
    json["bytes"] = saved.bytes;
    json["journal"] = saved.journal;
    json["epoch"] = epoch_text(saved.epoch);
    return one_line(json);
}

std::string plan_json(const ReloadPlan& plan) {
    Json json;
    json["changes"] = Json::array();
    for (const ReloadPlan::Change& change : plan.changes) {
        json["changes"].push_back(Json{{"name", change.name}, {"change", change.change}, {"restart", change.restart}});
    }
    json["warnings"] = plan.warnings;
    return one_line(json);
}

std::string added_json(const AddedChild& added) {
    Json json;
    json["key"] = added.key;
    json["name"] = added.name;
    json["id"] = line_or_null(added.line);
    return one_line(json);
}

std::string counts_json(const ChildCounts& counts) {
    Json json;
    json["specs"] = counts.specs;
    json["active"] = counts.active;
    json["supervisors"] = counts.supervisors;
    json["workers"] = counts.workers;
    return one_line(json);
}

std::string named_json(std::string_view name) { return one_line(Json{{"name", name}}); }

std::string error_json(const Error& error) {
    Json json;
    json["error"] = error_name(error.code);
    json["detail"] = error.detail;
    return one_line(json);
}

std::string state_json(const State& state) {
    Json json;
    json["epoch"] = epoch_text(state.epoch);
    json["steps"] = state.steps;
    json["seq"] = or_null(state.seq);
    json["time"] = state.time_us ? Json(time_text(*state.time_us)) : Json(nullptr);
    json["ending"] = state.ending;
    json["counts"] = {{"devices", state.devices}, {"links", state.links}, {"sessions", state.sessions.size()}};
    json["devices"] = rows_json(state.rows);
    json["sessions"] = Json::array();
    for (const SessionRow& row : state.sessions) {
        json["sessions"].push_back(session_json(row));
    }
    return one_line(Json{{"state", std::move(json)}});
}

}  // namespace backplane::render
