// SPDX-License-Identifier: Apache-2.0
/// The bodies of replies: rows, descriptions, grants, the daemon's own figures (PROTOCOL.md section 6). What the daemon
/// sends is read leniently: unknown keys are ignored, missing ones are an error only where nothing could stand for them.
#include "proto/wire/codec_body.hpp"
#include "proto/wire/codec_control.hpp"
#include "proto/wire/json_out.hpp"

namespace backplane::wire {
namespace {

constexpr std::string_view where = "reply.ok";

Fields fields_of(const JsonValue& object) { return Fields(object, where, ErrorCode::malformed); }

void take_listing(Fields& fields, Listing& listing) {
    const JsonValue* array = fields.nested("devices", JsonKind::array);
    fields.text("next", listing.next, cursor_bytes_max, Need::optional);
    if (array == nullptr) {
        return;
    }
    for (const JsonValue& item : array->items) {
        Fields inner(item, "reply.ok.devices", ErrorCode::malformed);
        take_row(inner, listing.rows.emplace_back());
        fields.take_error(inner);
    }
}

void write_listing(JsonOut& json, const Listing& listing, Epoch epoch) {
    json.key("devices");
    json.begin_array();
    for (const Row& row : listing.rows) {
        json.begin_object();
        write_row(json, row, epoch);
        json.end_object();
    }
    json.end_array();
    json.key("next");
    listing.next.empty() ? json.null() : json.value(listing.next);
}

void take_counters(Fields& fields, DaemonInfo& info) {
    if (const JsonValue* object = fields.nested("counters", JsonKind::object, Need::optional)) {
        for (const JsonMember& member : object->members) {
            if (member.value.kind == JsonKind::integer && !member.value.negative) {
                info.counters.emplace_back(member.key, member.value.number);
            }
        }
    }
    if (const JsonValue* array = fields.nested("weaker", JsonKind::array, Need::optional)) {
        for (const JsonValue& item : array->items) {
            if (item.kind == JsonKind::text) {
                info.weaker.push_back(item.text);
            }
        }
    }
}

void take_info(Fields& fields, DaemonInfo& info) {
    fields.any_number("pid", info.pid);
    fields.text("version", info.version, any_text);
    fields.epoch("epoch", info.epoch);
    fields.any_number("devices", info.devices, Need::optional);
    fields.any_number("links", info.links, Need::optional);
    fields.any_number("sessions", info.sessions, Need::optional);
    fields.any_number("uptime_ms", info.uptime_ms, Need::optional);
    fields.any_number("keeper_pid", info.keeper_pid, Need::optional);
    fields.any_number("daemon_restarts", info.daemon_restarts, Need::optional);
    fields.any_number("journal_bytes", info.journal_bytes, Need::optional);
    fields.text("journal", info.journal, any_text, Need::optional);
    fields.text("containment", info.containment, any_text, Need::optional);
    take_counters(fields, info);
}

void write_info(JsonOut& json, const DaemonInfo& info) {
    json.member("pid", info.pid);
    json.member("version", info.version);
    json.member("epoch", epoch_text(info.epoch));
    json.member("devices", info.devices);
    json.member("links", info.links);
    json.member("sessions", info.sessions);
    json.member("uptime_ms", info.uptime_ms);
    json.member("keeper_pid", info.keeper_pid);
    json.member("daemon_restarts", info.daemon_restarts);
    json.member("journal_bytes", info.journal_bytes);
    json.member("journal", info.journal);
    if (!info.containment.empty()) {
        json.member("containment", info.containment);
    }
    json.key("counters");
    json.begin_object();
    for (const auto& [name, count] : info.counters) {
        json.member(name, count);
    }
    json.end_object();
    json.key("weaker");
    json.begin_array();
    for (const std::string& words : info.weaker) {
        json.value(words);
    }
    json.end_array();
}

void take_grants(Fields& fields, Grants& body) {
    if (const JsonValue* array = fields.nested("grants", JsonKind::array)) {
        Expected<std::vector<Grant>> grants = decode_grants(*array, "reply.ok.grants");
        grants ? void(body.grants = std::move(*grants)) : fields.refuse("grants", "not grants");
    }
}

void take_found(Fields& fields, Found& found) {
    LineParts line;
    fields.line("device", line);
    fields.text("name", found.name, any_text);
    found.device = line.id;
}

void take_added(Fields& fields, Added& added) {
    fields.text("name", added.name, any_text);
    fields.text("key", added.key, any_text, Need::optional);
    take_id(fields, "id", added.device);
}

void take_counts(Fields& fields, ChildCounts& counts) {
    fields.any_number("specs", counts.specs);
    fields.any_number("active", counts.active);
    fields.any_number("supervisors", counts.supervisors);
    fields.any_number("workers", counts.workers);
}

void take_plan(Fields& fields, Plan& plan) {
    if (const JsonValue* array = fields.nested("changes", JsonKind::array)) {
        for (const JsonValue& item : array->items) {
            Fields inner(item, "reply.ok.changes", ErrorCode::malformed);
            PlannedChange& change = plan.changes.emplace_back();
            inner.text("name", change.name, any_text);
            inner.text("change", change.change, any_text);
            inner.boolean("restart", change.restart, Need::optional);
            fields.take_error(inner);
        }
    }
    if (const JsonValue* array = fields.nested("warnings", JsonKind::array, Need::optional)) {
        for (const JsonValue& item : array->items) {
            if (item.kind == JsonKind::text) {
                plan.warnings.push_back(item.text);
            }
        }
    }
}

void write_plan(JsonOut& json, const Plan& plan) {
    json.key("changes");
    json.begin_array();
    for (const PlannedChange& change : plan.changes) {
        json.begin_object();
        json.member("name", change.name);
        json.member("change", change.change);
        json.member("restart", change.restart);
        json.end_object();
    }
    json.end_array();
    json.key("warnings");
    json.begin_array();
    for (const std::string& warning : plan.warnings) {
        json.value(warning);
    }
    json.end_array();
}

/// Writes each alternative of Reply::body.
struct BodyWriter {
    JsonOut& json;
    Epoch epoch;

    void operator()(const std::monostate&) const {}
    void operator()(const Grants& body) const { write_grants(json, body.grants, epoch); }
    void operator()(const Listing& body) const { write_listing(json, body, epoch); }
    void operator()(const Description& body) const { write_description(json, body, epoch); }
    void operator()(const Found& body) const {
        json.member_line("device", epoch, body.device);
        json.member("name", body.name);
    }
    void operator()(const Named& body) const { json.member("name", body.name); }
    void operator()(const DaemonInfo& body) const { write_info(json, body); }
    void operator()(const Added& body) const {
        json.member("name", body.name);
        json.member("key", body.key);
        json.member_line("id", epoch, body.device.value_or(DeviceId{}));
    }
    void operator()(const ChildCounts& body) const {
        json.member("specs", body.specs);
        json.member("active", body.active);
        json.member("supervisors", body.supervisors);
        json.member("workers", body.workers);
    }
    void operator()(const SpecText& body) const { json.member("spec", body.spec); }
    void operator()(const Plan& body) const { write_plan(json, body); }
    void operator()(const Impact& body) const { write_impact(json, body, epoch); }
    void operator()(const Why& body) const { write_why(json, body, epoch); }
    void operator()(const ExitRows& body) const { write_exits(json, body, epoch); }
    void operator()(const LogRows& body) const { write_log_rows(json, body); }
};

}  // namespace

bool decode_reply_body(const JsonValue& object, Call of, Reply& reply, Error& error) {
    Fields fields = fields_of(object);
    switch (of) {
        case Call::grant: take_grants(fields, reply.body.emplace<Grants>()); break;
        case Call::list: take_listing(fields, reply.body.emplace<Listing>()); break;
        case Call::describe: take_description(fields, reply.body.emplace<Description>()); break;
        case Call::lookup: take_found(fields, reply.body.emplace<Found>()); break;
        case Call::start:
        case Call::stop:
        case Call::restart:
        case Call::enable:
        case Call::disable:
        case Call::hold:
        case Call::release_child:
        case Call::reset:
        case Call::delete_child: fields.text("name", reply.body.emplace<Named>().name, any_text); break;
        case Call::start_child: take_added(fields, reply.body.emplace<Added>()); break;
        case Call::count_children: take_counts(fields, reply.body.emplace<ChildCounts>()); break;
        case Call::reload: take_plan(fields, reply.body.emplace<Plan>()); break;
        case Call::impact: take_impact(fields, reply.body.emplace<Impact>()); break;
        case Call::why: take_why(fields, reply.body.emplace<Why>()); break;
        case Call::exits: take_exits(fields, reply.body.emplace<ExitRows>()); break;
        case Call::logs: take_log_rows(fields, reply.body.emplace<LogRows>()); break;
        case Call::child_spec: fields.text("spec", reply.body.emplace<SpecText>().spec, any_text); break;
        case Call::daemon: take_info(fields, reply.body.emplace<DaemonInfo>()); break;
        case Call::register_name:
        case Call::release_name:
        case Call::watch_name:
        case Call::unwatch_name:
        case Call::subscribe:
        case Call::unsubscribe:
        case Call::ready:
        case Call::task:
        case Call::upgrade:
        case Call::detach:
        case Call::label: break;
    }
    error = fields.error();
    return fields.right();
}

void write_reply_body(JsonOut& json, const Reply& reply, Epoch epoch) {
    json.begin_object();
    std::visit(BodyWriter{json, epoch}, reply.body);
    json.end_object();
}

}  // namespace backplane::wire
