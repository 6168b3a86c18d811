// SPDX-License-Identifier: Apache-2.0
/// Values to JSON, one line each. Keys are part of the tool's promise to programs: they are added to, never changed.
#include "client/render/diagnosis.hpp"
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

Json labels_json(const Labels& labels) {
    Json json = Json::object();
    for (const auto& [key, value] : labels) {
        json[key] = value;
    }
    return json;
}

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
    json["labels"] = labels_json(row.labels);
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

Json orders_json(const std::vector<OrderValue>& orders) {
    Json json = Json::array();
    for (const OrderValue& order : orders) {
        json.push_back(Json{{"name", order.name}, {"mode", link_mode_name(order.mode)}});
    }
    return json;
}

Json description_json(const Description& description) {
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
    json["managed"] = description.managed;
    json["readiness"] = or_null(description.readiness);
    json["last_id"] = line_or_null(description.last_line);
    json["orders"] = orders_json(description.orders);
    json["ordered_by"] = orders_json(description.ordered_by);
    json["requires"] = description.needs;
    json["required_by"] = description.needed_by;
    json["orders_total"] = description.orders_total;
    json["names"] = description.names;
    json["name_watches"] = or_null(description.name_watches);
    json["client"] = or_null(description.client);
    return json;
}

/// An event's own fields.
void add_fields(Json& json, const LogEvent& event) {
    for (const LogEvent::Field& field : event.fields) {
        if (const auto* line = std::get_if<Line>(&field.value)) {
            json[field.key] = line->text();
        } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
            json[field.key] = *number;
        } else {
            json[field.key] = std::get<std::string>(field.value);
        }
    }
}

Json causes_json(const std::vector<Cause>& causes) {
    Json json = Json::array();
    for (const Cause& cause : causes) {
        Json entry;
        entry["because"] = cause.because;
        entry["name"] = or_null(cause.name);
        entry["id"] = line_or_null(cause.line);
        entry["kind"] = or_null(cause.kind);
        entry["state"] = or_null(cause.state);
        entry["reason"] = or_null(cause.reason);
        entry["time"] = cause.time_us ? Json(time_text(*cause.time_us)) : Json(nullptr);
        entry["age_ms"] = or_null(cause.age_ms);
        entry["uptime_ms"] = or_null(cause.uptime_ms);
        entry["was_ready"] = or_null(cause.was_ready);
        entry["window_count"] = or_null(cause.window_count);
        entry["last_words"] = cause.last_words;
        json.push_back(std::move(entry));
    }
    return json;
}

Json told_json(const Impact::Told& told) {
    Json json;
    json["id"] = told.line.text();
    json["name"] = or_null(told.name);
    json["kind"] = told.kind;
    json["client"] = or_null(told.client);
    json["labels"] = labels_json(told.labels);
    json["about"] = told.about.text();
    json["about_name"] = or_null(told.about_name);
    json["fault"] = or_null(told.fault);
    json["falls"] = told.falls;
    json["after_ms"] = told.after_ms;
    return json;
}

Json fate_json(const Impact::Fate& fate) {
    Json json;
    json["name"] = fate.name;
    json["was"] = fate.was;
    json["state"] = fate.state;
    json["reason"] = or_null(fate.reason);
    json["waits_for"] = or_null(fate.waits_for);
    json["after_ms"] = fate.after_ms;
    return json;
}

}  // namespace

std::string list_json(const std::vector<DeviceRow>& rows) { return one_line(rows_json(rows)); }

std::string status_json(const Description& description, const std::vector<ExitRecord>& exits) {
    Json json = description_json(description);
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
    add_fields(json, event);
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

std::string run_json(std::string_view name, std::string_view end) { return one_line(Json{{"name", name}, {"last_exit", end}}); }

std::string details_json(const Details& details) {
    Json json = description_json(details.about);
    json["spec"] = details.spec ? Json::parse(*details.spec, nullptr, false) : Json(nullptr);
    json["containment"] = or_null(details.containment);
    json["cgroup"] = or_null(details.cgroup);
    return one_line(json);
}

std::string why_it_is_json(const Why& why) {
    Json json = row_json(why.row);
    json["restart"] = or_null(why.restart);
    json["failures"] = or_null(why.failures);
    json["since_ms"] = or_null(why.since_ms);
    json["restart_count"] = or_null(why.restart_count);
    json["window"] = Json{
        {"used", or_null(why.window_used)}, {"intensity", or_null(why.window_intensity)}, {"period_ms", or_null(why.window_period_ms)}};
    json["ends"] = causes_json(why.ends);
    json["waits"] = causes_json(why.waits);
    return one_line(json);
}

std::string impact_json(const Impact& impact) {
    Json json;
    json["name"] = or_null(impact.name);
    json["id"] = line_or_null(impact.line);
    json["kind"] = impact.kind;
    json["fault"] = impact.fault;
    json["complete"] = impact.complete;
    json["length_ms"] = impact.length_ms;
    json["ends"] = impact.ends;
    json["falls"] = impact.falls;
    json["starts"] = impact.starts;
    json["gives_up"] = impact.gives_up;
    json["told"] = Json::array();
    for (const Impact::Told& told : impact.told) {
        json["told"].push_back(told_json(told));
    }
    json["told_total"] = impact.told_total;
    json["events"] = Json::array();
    for (const LogEvent& event : impact.events) {
        Json entry;
        entry["after_ms"] = event.time_us / 1'000;
        entry["event"] = event.event;
        entry["name"] = or_null(event.name);
        entry["id"] = line_or_null(event.line);
        add_fields(entry, event);
        json["events"].push_back(std::move(entry));
    }
    json["events_total"] = impact.events_total;
    json["fates"] = Json::array();
    for (const Impact::Fate& fate : impact.fates) {
        json["fates"].push_back(fate_json(fate));
    }
    json["fates_total"] = impact.fates_total;
    return one_line(json);
}

}  // namespace backplane::render
