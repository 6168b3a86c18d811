// SPDX-License-Identifier: Apache-2.0
/// The C face's values: lines, faults, and how messages, events and rows are shown.
#include "client/src/c_handles.hpp"

#include <type_traits>

namespace backplane::c_face {

namespace {

bp_fault fault_out(const Fault& fault, Epoch epoch) {
    bp_fault out{};
    out.size = sizeof(out);
    out.kind = static_cast<std::uint32_t>(fault.kind);
    out.argument = fault.argument;
    out.root_kind = static_cast<std::uint32_t>(fault.root_kind);
    out.root_argument = fault.root_argument;
    out.hops = fault.hops;
    out.cascade = line_out(fault.cascade ? Line{epoch, fault.cascade} : Line{});
    out.root = line_out(fault.root ? Line{epoch, fault.root} : Line{});
    point_some(out.text, out.text_length, fault.text);
    return out;
}

void show_as(bp_event& shown, const Refused& event, bp_fields&) {
    shown.kind = BP_EVENT_REFUSED;
    shown.status = status_of(event.error.code);
    point(shown.text, shown.text_length, event.error.detail);
    point(shown.what, shown.what_length, event.operation);
    shown.line = line_out(event.device);
    shown.other = line_out(event.other);
}

void show_as(bp_event& shown, const ConnectionLost& event, bp_fields&) {
    shown.kind = BP_EVENT_CONNECTION_LOST;
    shown.status = status_of(event.error.code);
    point(shown.text, shown.text_length, event.error.detail);
}

void show_as(bp_event& shown, const NameChange& event, bp_fields&) {
    shown.kind = BP_EVENT_NAME_CHANGE;
    point(shown.name, shown.name_length, event.name);
    shown.up = event.up ? 1 : 0;
    shown.line = line_out(event.device);
    shown.incarnation = event.incarnation;
    point_if(shown.text, shown.text_length, event.fault);
}

void show_as(bp_event& shown, const LogEvent& event, bp_fields& fields) {
    shown.kind = BP_EVENT_LOG;
    shown.seq = event.seq;
    shown.time_us = event.time_us;
    point(shown.what, shown.what_length, event.event);
    point_if(shown.name, shown.name_length, event.name);
    shown.line = line_of(event.line);
    if (!event.fields.empty()) {
        fields.all = &event.fields;
        shown.fields = &fields;
        shown.field_count = event.fields.size();
    }
}

void show_as(bp_event& shown, const Resumed& event, bp_fields&) {
    shown.kind = BP_EVENT_RESUMED;
    shown.away_ns = event.away.ns;
}

bp_field field_out(const LogEvent::Field& field) {
    bp_field out{};
    point(out.key, out.key_length, field.key);
    out.line = line_out(Line{});
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        out.kind = BP_FIELD_NUMBER;
        out.number = *number;
    } else if (const auto* text = std::get_if<std::string>(&field.value)) {
        out.kind = BP_FIELD_TEXT;
        point(out.text, out.text_length, *text);
    } else {
        out.kind = BP_FIELD_LINE;
        out.line = line_out(std::get<Line>(field.value));
    }
    return out;
}

}  // namespace

void show(ShownMessage& message) {
    bp_message& shown = message.shown;
    shown.size = sizeof(shown);
    if (const auto* gone = std::get_if<Disconnected>(&message.value)) {
        shown.kind = BP_MESSAGE_DISCONNECTED;
        shown.line = line_out(gone->device);
        if (gone->fault) {
            message.fault = fault_out(*gone->fault, gone->device.epoch());
            shown.fault = &message.fault;
        }
    } else {
        shown.kind = BP_MESSAGE_SHUTDOWN;
        shown.line = line_out(std::get<Shutdown>(message.value).from);
    }
}

void show(ShownEvent& event) {
    event.shown.size = sizeof(event.shown);
    event.shown.line = event.shown.other = line_out(Line{});
    std::visit([&event](const auto& value) { show_as(event.shown, value, event.fields); }, event.value);
}

void show(ShownRow& row) {
    const Description& all = row.value;
    bp_row& shown = row.shown;
    shown.size = sizeof(shown);
    shown.line = line_of(all.row.line);
    point_if(shown.name, shown.name_length, all.row.name);
    point(shown.kind, shown.kind_length, all.row.kind);
    point(shown.state, shown.state_length, all.row.state);
    point_if(shown.supervisor, shown.supervisor_length, all.row.supervisor);
    point_if(shown.fault, shown.fault_length, all.row.fault);
    shown.pid = number_of(all.row.pid);
    shown.restarts = number_of(all.row.restarts);
    point_if(shown.last_exit, shown.last_exit_length, all.last_exit);
    point_if(shown.restart, shown.restart_length, all.restart);
    point_if(shown.strategy, shown.strategy_length, all.strategy);
    shown.failures = number_of(all.failures);
    shown.next_start_ms = number_of(all.next_start_ms);
    shown.window_used = number_of(all.window_used);
    shown.intensity = number_of(all.intensity);
    shown.period_ms = number_of(all.period_ms);
    shown.links = static_cast<std::int64_t>(all.links_total);
    point_if(shown.reason, shown.reason_length, all.row.reason);
    point_if(shown.waits_for, shown.waits_for_length, all.row.waits_for);
}

void show(ShownEnd& end, Epoch epoch) {
    end.shown.size = sizeof(end.shown);
    end.shown.by = line_out(end.value.by);
    if (end.value.fault) {
        end.fault = fault_out(*end.value.fault, epoch);
        end.shown.fault = &end.fault;
    }
}

std::optional<Fault> fault_in(const bp_fault* given) {
    const auto known = struct_in(given);
    if (!known || known->kind > fault_kind_max || known->root_kind > fault_kind_max) {
        return std::nullopt;
    }
    const auto text = text_in(known->text, known->text_length);
    if (!text) {
        return std::nullopt;
    }
    Fault fault;
    fault.kind = static_cast<FaultKind>(known->kind);
    fault.argument = known->argument;
    fault.root_kind = static_cast<FaultKind>(known->root_kind);
    fault.root_argument = known->root_argument;
    fault.hops = known->hops;
    fault.cascade = DeviceId{known->cascade.id};
    fault.root = DeviceId{known->root.id};
    fault.text = *text;
    return fault;
}

Expected<void> text_out(std::string_view text, char* buffer, std::size_t capacity, std::size_t* length) {
    if (length == nullptr) {
        return invalid("no place for the text's length");
    }
    *length = text.size();
    if (text.size() > capacity || (buffer == nullptr && !text.empty())) {
        return invalid("the buffer is too small");
    }
    std::copy(text.begin(), text.end(), buffer);
    return {};
}

}  // namespace backplane::c_face

using namespace backplane;
using namespace backplane::c_face;

int bp_line_compare(const bp_line* one, const bp_line* other) noexcept {
    const auto order = [](const bp_line* line) { return line == nullptr ? Line{} : Line{Epoch{line->epoch}, DeviceId{line->id}}; };
    const auto compared = order(one) <=> order(other);
    return compared < 0 ? -1 : compared > 0 ? 1 : 0;
}

uint64_t bp_line_hash(const bp_line* line) noexcept {
    return line == nullptr ? 0 : std::hash<Line>{}(Line{Epoch{line->epoch}, DeviceId{line->id}});
}

bp_status bp_line_parse(const char* text, size_t text_length, bp_line* line) noexcept {
    return alone([&]() -> Expected<void> {
        const auto given = text_in(text, text_length);
        const auto parsed = given ? Line::parse(*given) : std::nullopt;
        if (!parsed || !has_room(line)) {
            return invalid("no line");
        }
        fill(line, line_out(*parsed));
        return {};
    });
}

bp_status bp_line_format(const bp_line* line, char* buffer, size_t capacity, size_t* length) noexcept {
    return alone([&]() -> Expected<void> {
        if (line == nullptr || line->size < sizeof(bp_line)) {
            return invalid("no line");
        }
        return text_out(line_in(line).text(), buffer, capacity, length);
    });
}

bp_status bp_fault_format(const bp_fault* fault, char* buffer, size_t capacity, size_t* length) noexcept {
    return alone([&]() -> Expected<void> {
        const auto given = fault_in(fault);
        if (!given) {
            return invalid("no fault");
        }
        const Epoch epoch{fault == nullptr ? 0 : struct_in(fault)->cascade.epoch};
        return text_out(fault_text(*given, epoch), buffer, capacity, length);
    });
}

bp_status bp_fields_get(const bp_fields* fields, size_t index, bp_field* field) noexcept {
    return alone([&]() -> Expected<void> {
        if (!has_room(field)) {
            return invalid("no field");
        }
        if (fields == nullptr || index >= fields->all->size()) {
            return unexpected(ErrorCode::not_found);
        }
        fill(field, field_out((*fields->all)[index]));
        return {};
    });
}
