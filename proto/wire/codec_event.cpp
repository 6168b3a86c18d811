// SPDX-License-Identifier: Apache-2.0
/// Events and name states (PROTOCOL.md section 7), and the one time format of the protocol.
#include "proto/wire/codec_body.hpp"
#include "proto/wire/codec_control.hpp"
#include "proto/wire/json_out.hpp"
#include "proto/wire/wall_time.hpp"

namespace backplane::wire {
namespace {

struct ValueWriter {
    JsonOut& json;
    Epoch epoch;

    void operator()(std::int64_t number) const { json.value(number); }
    void operator()(const std::string& text) const { json.value(text); }
    void operator()(DeviceId id) const { id ? json.value(line_text(epoch, id)) : json.null(); }
};

void write_own_fields(JsonOut& json, const std::vector<Event::Field>& fields, Epoch epoch) {
    for (const Event::Field& field : fields) {
        json.key(field.key);
        std::visit(ValueWriter{json, epoch}, field.value);
    }
}

/// A key that this version does not know is one of the event's own fields, if its value has a form that they have.
void take_field(const JsonMember& member, std::vector<Event::Field>& fields) {
    const JsonValue& value = member.value;
    if (value.kind == JsonKind::text) {
        fields.push_back({member.key, value.text});
    } else if (value.kind == JsonKind::integer && (value.negative || value.number <= static_cast<std::uint64_t>(INT64_MAX))) {
        fields.push_back({member.key, static_cast<std::int64_t>(value.number)});
    }
}

void take_own_fields(const JsonValue& object, std::vector<Event::Field>& fields) {
    for (const JsonMember& member : object.members) {
        const bool common = member.key == "seq" || member.key == "time" || member.key == "event" || member.key == "name" ||
                            member.key == "id" || member.key == "after_ms";
        if (!common) {
            take_field(member, fields);
        }
    }
}

void take_common(Fields& fields, Event& event) {
    std::string time;
    LineParts line;
    fields.any_number("seq", event.seq);
    fields.text("time", time, any_text);
    const std::optional<std::int64_t> time_us = parse_wall_time(time);
    if (!time_us) {
        fields.refuse("time", "not a time");
    }
    event.time_us = time_us.value_or(0);
    fields.optional_text("name", event.name, any_text);
    fields.line("id", line, Need::optional);
    if (line.id) {
        event.id = line.id;
    }
}

}  // namespace

Expected<Event> decode_event(const FrameView& frame) {
    Expected<JsonValue> object = decode_object(frame);
    if (!object) {
        return unexpected(std::move(object).error());
    }
    Fields fields(*object, "event", ErrorCode::malformed);
    Event event;
    fields.text("event", event.event, any_text);
    // A gap stands for events that are gone: it has their range and nothing of its own.
    if (event.event != "gap") {
        take_common(fields, event);
    }
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    take_own_fields(*object, event.fields);
    return event;
}

void encode(std::string& out, const Event& message, Epoch epoch) {
    FrameOut frame(out, FrameType::event);
    JsonOut json(out);
    json.begin_object();
    if (message.event == "gap") {
        json.member("event", message.event);
    } else {
        json.member("seq", message.seq);
        json.member("time", wall_time_text(message.time_us));
        json.member("event", message.event);
        json.member("name", message.name);
        json.member_line("id", epoch, message.id.value_or(DeviceId{}));
    }
    write_own_fields(json, message.fields, epoch);
    json.end_object();
    (void)frame.finish();
}

void take_event_to_come(Fields& fields, const JsonValue& object, Event& event) {
    LineParts line;
    std::int64_t after_ms = 0;
    fields.text("event", event.event, any_text);
    fields.number<std::int64_t>("after_ms", after_ms, 0, INT64_MAX / 1'000);
    fields.optional_text("name", event.name, any_text);
    fields.line("id", line, Need::optional);
    event.time_us = after_ms * 1'000;
    if (line.id) {
        event.id = line.id;
    }
    take_own_fields(object, event.fields);
}

void write_event_to_come(JsonOut& json, const Event& event, Epoch epoch) {
    json.member("after_ms", event.time_us / 1'000);
    json.member("event", event.event);
    json.member("name", event.name);
    json.member_line("id", epoch, event.id.value_or(DeviceId{}));
    write_own_fields(json, event.fields, epoch);
}

Expected<NameState> decode_name_state(const FrameView& frame) {
    Expected<JsonValue> object = decode_object(frame);
    if (!object) {
        return unexpected(std::move(object).error());
    }
    Fields fields(*object, "name_state", ErrorCode::malformed);
    NameState state;
    LineParts line;
    fields.text("name", state.name, any_text);
    fields.boolean("up", state.up);
    fields.line("device", line, Need::optional);
    fields.any_number("incarnation", state.incarnation);
    fields.optional_text("fault", state.fault, any_text);
    state.device = line.id;
    if (state.up && !state.device) {
        fields.refuse("device", "missing");
    }
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    return state;
}

void encode(std::string& out, const NameState& message, Epoch epoch) {
    FrameOut frame(out, FrameType::name_state);
    JsonOut json(out);
    json.begin_object();
    json.member("name", message.name);
    json.member("up", message.up);
    json.member_line("device", epoch, message.device);
    json.member("incarnation", message.incarnation);
    json.member("fault", message.fault);
    json.end_object();
    (void)frame.finish();
}

Expected<StartTask> decode_start_task(const FrameView& frame) {
    Expected<JsonValue> object = decode_object(frame);
    if (!object) {
        return unexpected(std::move(object).error());
    }
    Fields fields(*object, "start_task", ErrorCode::malformed);
    StartTask start;
    LineParts device;
    LineParts by;
    fields.text("task", start.task, name_bytes_max);
    fields.line("device", device);
    fields.text("name", start.name, any_text);
    fields.text("starter", start.starter, any_text);
    fields.line("by", by);
    fields.boolean("managed", start.managed);
    fields.boolean("restart", start.restart);
    fields.optional_number("start_timeout_ms", start.start_timeout_ms);
    fields.optional_number("shutdown_ms", start.shutdown_ms);
    if (const JsonValue* array = fields.nested("arguments", JsonKind::array); array != nullptr) {
        for (const JsonValue& item : array->items) {
            if (item.kind != JsonKind::text) {
                fields.refuse("arguments", "not all strings");
                break;
            }
            start.arguments.push_back(item.text);
        }
    }
    start.device = device.id;
    start.by = by.id;
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    return start;
}

void encode(std::string& out, const StartTask& message, Epoch epoch) {
    FrameOut frame(out, FrameType::start_task);
    JsonOut json(out);
    json.begin_object();
    json.member("task", message.task);
    json.member_line("device", epoch, message.device);
    json.member("name", message.name);
    json.member("starter", message.starter);
    json.member_line("by", epoch, message.by);
    json.key("arguments");
    json.begin_array();
    for (const std::string& argument : message.arguments) {
        json.value(argument);
    }
    json.end_array();
    json.member("managed", message.managed);
    json.member("restart", message.restart);
    json.member("start_timeout_ms", message.start_timeout_ms);
    json.member("shutdown_ms", message.shutdown_ms);
    json.end_object();
    if (!frame.finish()) {
        encode_withdrawn(out);  // it counts all the same; what is too long was refused when it was configured
    }
}

}  // namespace backplane::wire
