// SPDX-License-Identifier: Apache-2.0
/// Requests: one table says which arguments each call takes (PROTOCOL.md section 6), and both directions go by it.
#include "proto/wire/codec_control.hpp"
#include "proto/wire/json_out.hpp"

#include <algorithm>

namespace backplane::wire {
namespace {

// Arguments of a call, as bits.
constexpr std::uint16_t takes_name = 1;
constexpr std::uint16_t takes_device = 2;
constexpr std::uint16_t takes_either = 4;  ///< name or device, exactly one
constexpr std::uint16_t takes_pages = 8;
constexpr std::uint16_t takes_page_of_rows = 16;
constexpr std::uint16_t takes_wait = 32;
constexpr std::uint16_t takes_subscription = 64;
constexpr std::uint16_t takes_labels = 128;
constexpr std::uint16_t takes_now = 256;
constexpr std::uint16_t takes_child = 512;
constexpr std::uint16_t takes_reload = 1024;
constexpr std::uint16_t takes_task = 16384;
constexpr std::uint16_t takes_lines = 2048;

struct Shape {
    Call call;
    std::string_view name;
    std::uint16_t takes;
};

constexpr std::array shapes{
    Shape{Call::grant, "grant", takes_pages},
    Shape{Call::register_name, "register", takes_name | takes_device},
    Shape{Call::release_name, "release", takes_name},
    Shape{Call::lookup, "lookup", takes_name},
    Shape{Call::watch_name, "watch", takes_name},
    Shape{Call::unwatch_name, "unwatch", takes_name},
    Shape{Call::list, "list", takes_page_of_rows},
    Shape{Call::describe, "describe", takes_either},
    Shape{Call::start, "start", takes_name | takes_wait | takes_now},
    Shape{Call::stop, "stop", takes_name | takes_wait},
    Shape{Call::restart, "restart", takes_name | takes_wait},
    Shape{Call::subscribe, "subscribe", takes_subscription},
    Shape{Call::unsubscribe, "unsubscribe", 0},
    Shape{Call::daemon, "daemon", 0},
    Shape{Call::ready, "ready", 0},
    Shape{Call::upgrade, "upgrade", 0},
    Shape{Call::detach, "detach", 0},
    Shape{Call::label, "label", takes_device | takes_labels},
    Shape{Call::enable, "enable", takes_name | takes_wait},
    Shape{Call::disable, "disable", takes_name | takes_wait},
    Shape{Call::hold, "hold", takes_name | takes_wait},
    Shape{Call::release_child, "release_child", takes_name | takes_wait},
    Shape{Call::reset, "reset", takes_name | takes_wait},
    Shape{Call::start_child, "start_child", takes_name | takes_wait | takes_child},
    Shape{Call::delete_child, "delete_child", takes_name | takes_wait},
    Shape{Call::count_children, "count_children", takes_name},
    Shape{Call::child_spec, "child_spec", takes_name},
    Shape{Call::reload, "reload", takes_reload},
    Shape{Call::task, "task", takes_task},
    Shape{Call::impact, "impact", takes_either},
    Shape{Call::why, "why", takes_either},
    Shape{Call::exits, "exits", takes_name},
    Shape{Call::logs, "logs", takes_name | takes_lines},
};

/// Shapes stand in the order of the enumeration, so a call is its own index.
constexpr bool is_in_order() {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        if (static_cast<std::size_t>(shapes[i].call) != i) {
            return false;
        }
    }
    return true;
}
static_assert(is_in_order());

const Shape& shape_of(Call call) { return shapes[static_cast<std::size_t>(call)]; }

void take_name(Fields& fields, Request& request) {
    fields.text("name", request.name, name_bytes_max);
    if (request.name.empty()) {
        fields.refuse("name", "empty");
    }
}

void take_device(Fields& fields, Request& request) {
    LineParts line;
    fields.line("device", line);
    request.device = line.id;
    request.epoch = line.epoch;
}

void take_either(Fields& fields, Request& request) {
    const bool named = fields.find("name") != nullptr;
    if (named == (fields.find("device") != nullptr)) {
        fields.refuse("name", "exactly one of name and device is wanted");
    }
    named ? take_name(fields, request) : take_device(fields, request);
}

void take_labels(Fields& fields, Request& request) {
    const JsonValue* object = fields.nested("labels", JsonKind::object);
    if (object == nullptr) {
        return;
    }
    for (const JsonMember& member : object->members) {
        if (member.value.kind != JsonKind::text) {
            fields.refuse("labels." + member.key, "not a string");
            return;
        }
        request.labels.emplace_back(member.key, member.value.text);
    }
    if (const Expected<std::string> text = labels_text(request.labels, ErrorCode::bad_request); !text) {
        fields.refuse(text.error());
    }
    std::sort(request.labels.begin(), request.labels.end());
}

/// A child, or more arguments for a template: one excludes the other.
void take_child(Fields& fields, Request& request) {
    fields.optional_text("spec", request.spec, frame_bytes_max);
    fields.text("key", request.key, name_bytes_max, Need::optional);
    const JsonValue* array = fields.nested("arguments", JsonKind::array, Need::optional);
    if (array == nullptr) {
        return;
    }
    if (request.spec) {
        fields.refuse("arguments", "together with spec");
    }
    for (const JsonValue& item : array->items) {
        if (item.kind != JsonKind::text || item.text.find('\0') != std::string::npos) {
            fields.refuse("arguments", "not all strings without NUL");
            return;
        }
        request.arguments.push_back(item.text);
    }
}

void take_task(Fields& fields, Request& request) {
    fields.text("task", request.task, name_bytes_max);
    fields.text("state", request.state, name_bytes_max);
    fields.text("why", request.why, text_bytes_max, Need::optional);
    if (fields.right() && std::find(task_states.begin(), task_states.end(), request.state) == task_states.end()) {
        fields.refuse("state", "not running, completed, ignored, failed or over");
    }
}

void take_arguments(Fields& fields, std::uint16_t takes, Request& request) {
    if ((takes & takes_name) != 0) {
        take_name(fields, request);
    }
    if ((takes & takes_device) != 0) {
        take_device(fields, request);
    }
    if ((takes & takes_either) != 0) {
        take_either(fields, request);
    }
    if ((takes & takes_pages) != 0) {
        fields.number<std::uint32_t>("count", request.count, 1, grants_per_request_max);
    }
    if ((takes & takes_page_of_rows) != 0) {
        fields.text("after", request.after, cursor_bytes_max, Need::optional);
        fields.number<std::uint32_t>("count", request.count, 1, list_rows_max, Need::optional);
        fields.text("name", request.name, name_bytes_max, Need::optional);
    }
    if ((takes & takes_wait) != 0) {
        fields.boolean("wait", request.wait, Need::optional);
        fields.boolean("again", request.again, Need::optional);
        fields.number<std::uint32_t>("within_ms", request.within_ms, 1, UINT32_MAX, Need::optional);
    }
    if ((takes & takes_now) != 0) {
        fields.boolean("now", request.now, Need::optional);
    }
    if ((takes & takes_child) != 0) {
        take_child(fields, request);
    }
    if ((takes & takes_reload) != 0) {
        fields.boolean("dry_run", request.dry_run, Need::optional);
        fields.boolean("start_new", request.start_new, Need::optional);
        fields.boolean("remove_missing", request.remove_missing, Need::optional);
    }
    if ((takes & takes_subscription) != 0) {
        fields.optional_number("since", request.since);
        fields.boolean("graph", request.graph, Need::optional);
        fields.boolean("follow", request.follow, Need::optional);
    }
    if ((takes & takes_labels) != 0) {
        take_labels(fields, request);
    }
    if ((takes & takes_task) != 0) {
        take_task(fields, request);
    }
    if ((takes & takes_lines) != 0) {
        request.wait = false;
        fields.optional_number("since", request.since);
        fields.number<std::uint32_t>("count", request.count, 1, UINT32_MAX, Need::optional);
        fields.boolean("wait", request.wait, Need::optional);
    }
}

void write_child(JsonOut& json, const Request& request) {
    if (request.spec) {
        json.member("spec", *request.spec);
    }
    if (!request.key.empty()) {
        json.member("key", request.key);
    }
    if (!request.arguments.empty()) {
        json.key("arguments");
        json.begin_array();
        for (const std::string& argument : request.arguments) {
            json.value(argument);
        }
        json.end_array();
    }
}

void write_lines(JsonOut& json, const Request& request) {
    if (request.since) {
        json.member("since", *request.since);
    }
    if (request.count != 0) {
        json.member("count", request.count);
    }
    json.member("wait", request.wait);
}

void write_arguments(JsonOut& json, std::uint16_t takes, const Request& request) {
    const bool by_name = (takes & takes_name) != 0 || ((takes & takes_either) != 0 && !request.device);
    if (by_name) {
        json.member("name", request.name);
    }
    if ((takes & takes_device) != 0 || ((takes & takes_either) != 0 && !by_name)) {
        json.member_line("device", request.epoch, request.device);
    }
    if ((takes & takes_page_of_rows) != 0) {
        if (!request.after.empty()) {
            json.member("after", request.after);
        }
        if (!request.name.empty()) {
            json.member("name", request.name);
        }
    }
    if ((takes & takes_pages) != 0 || ((takes & takes_page_of_rows) != 0 && request.count != 0)) {
        json.member("count", request.count);
    }
    if ((takes & takes_wait) != 0) {
        json.member("wait", request.wait);
        if (request.again) {
            json.member("again", true);
        }
        if (request.within_ms != 0) {
            json.member("within_ms", request.within_ms);
        }
    }
    if ((takes & takes_now) != 0 && request.now) {
        json.member("now", true);
    }
    if ((takes & takes_child) != 0) {
        write_child(json, request);
    }
    if ((takes & takes_reload) != 0) {
        json.member("dry_run", request.dry_run);
        json.member("start_new", request.start_new);
        json.member("remove_missing", request.remove_missing);
    }
    if ((takes & takes_subscription) != 0) {
        if (request.since) {
            json.member("since", *request.since);
        }
        json.member("graph", request.graph);
        json.member("follow", request.follow);
    }
    if ((takes & takes_task) != 0) {
        json.member("task", request.task);
        json.member("state", request.state);
        if (!request.why.empty()) {
            json.member("why", request.why);
        }
    }
    if ((takes & takes_lines) != 0) {
        write_lines(json, request);
    }
    if ((takes & takes_labels) != 0) {
        json.key("labels");
        json.begin_object();
        for (const auto& [key, value] : request.labels) {
            json.member(key, value);
        }
        json.end_object();
    }
}

}  // namespace

std::string_view call_name(Call call) { return shape_of(call).name; }

bool is_command(Call call) { return (shape_of(call).takes & takes_wait) != 0; }

Expected<Request> decode_request(const FrameView& frame, std::uint64_t& id) {
    id = 0;
    if (!has_only_flags(frame, flag::ack)) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, "flags: not allowed on this frame"));
    }
    if (frame.body.size() < sizeof(id)) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, "length: too short"));
    }
    id = load<std::uint64_t>(frame.body, 0);
    if (id == 0) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, "number: zero"));
    }
    Expected<JsonValue> object = parse_json_object(as_text(frame.body.subspan(sizeof(id))));
    if (!object) {
        return unexpected(std::move(object).error());
    }
    Fields fields(*object, "", ErrorCode::bad_request);
    std::string name;
    fields.text("call", name, any_text);
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    const auto shape = std::find_if(shapes.begin(), shapes.end(), [&name](const Shape& known) { return known.name == name; });
    if (shape == shapes.end()) {
        return unexpected(ErrorCode::unknown_call, "call: unknown: " + name.substr(0, feature_bytes_max));
    }
    Request request;
    request.id = id;
    request.call = shape->call;
    take_arguments(fields, shape->takes, request);
    fields.refuse_others();
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    return request;
}

void encode(std::string& out, const Request& message, std::uint16_t flags) {
    FrameOut frame(out, FrameType::request, flags);
    frame.number(message.id);
    JsonOut json(out);
    json.begin_object();
    json.member("call", call_name(message.call));
    write_arguments(json, shape_of(message.call).takes, message);
    json.end_object();
    (void)frame.finish();
}

}  // namespace backplane::wire
