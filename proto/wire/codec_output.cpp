// SPDX-License-Identifier: Apache-2.0
/// The replies that tell of what workers wrote and how they ended: `exits` and `logs` (PROTOCOL.md section 6).
#include "proto/wire/codec_control.hpp"
#include "proto/wire/json_out.hpp"
#include "proto/wire/wall_time.hpp"

namespace backplane::wire {
namespace {

std::int64_t take_time(Fields& fields) {
    std::string time;
    fields.text("time", time, any_text);
    const std::optional<std::int64_t> time_us = parse_wall_time(time);
    if (!time_us) {
        fields.refuse("time", "not a time");
    }
    return time_us.value_or(0);
}

void write_log_row(JsonOut& json, const LogRow& row) {
    json.begin_object();
    json.member("number", row.number);
    json.member("time", wall_time_text(row.time_us));
    json.member("incarnation", row.incarnation);
    json.member("stream", row.stream);
    if (row.goes_on) {
        json.member("goes_on", true);
    }
    json.member("text", row.text);
    json.end_object();
}

}  // namespace

void take_exits(Fields& fields, ExitRows& exits) {
    fields.text("name", exits.name, any_text);
    fields.any_number("total", exits.total);
    const JsonValue* array = fields.nested("exits", JsonKind::array);
    for (std::size_t i = 0; array != nullptr && i < array->items.size(); ++i) {
        Fields inner(array->items[i], "reply.ok.exits", ErrorCode::malformed);
        ExitRow& row = exits.rows.emplace_back();
        row.time_us = take_time(inner);
        inner.any_number("uptime_ms", row.uptime_ms);
        inner.any_number("incarnation", row.incarnation, Need::optional);
        inner.boolean("was_ready", row.was_ready);
        inner.text("class", row.exit_class, any_text);
        inner.optional_text("fault", row.fault, any_text);
        inner.optional_number("code", row.code);
        inner.optional_number("signal", row.signal);
        inner.boolean("core", row.core, Need::optional);
        LineParts root;
        inner.line("root", root, Need::optional);
        row.root = root.id ? std::optional{root.id} : std::nullopt;
        inner.optional_text("root_fault", row.root_fault, any_text);
        inner.text("last_words", row.last_words, any_text, Need::optional);
        fields.take_error(inner);
    }
}

void write_exits(JsonOut& json, const ExitRows& exits, Epoch epoch) {
    json.member("name", exits.name);
    json.member("total", exits.total);
    json.key("exits");
    json.begin_array();
    for (const ExitRow& row : exits.rows) {
        json.begin_object();
        json.member("time", wall_time_text(row.time_us));
        json.member("uptime_ms", row.uptime_ms);
        json.member("incarnation", row.incarnation);
        json.member("was_ready", row.was_ready);
        json.member("class", row.exit_class);
        json.member("fault", row.fault);
        json.member("code", row.code);
        json.member("signal", row.signal);
        json.member("core", row.core);
        json.member_line("root", epoch, row.root.value_or(DeviceId{}));
        json.member("root_fault", row.root_fault);
        json.member("last_words", row.last_words);
        json.end_object();
    }
    json.end_array();
}

void take_log_rows(Fields& fields, LogRows& logs) {
    fields.text("name", logs.name, any_text);
    fields.any_number("next", logs.next);
    fields.any_number("end", logs.end, Need::optional);
    fields.any_number("missed", logs.missed, Need::optional);
    fields.boolean("anew", logs.anew, Need::optional);
    fields.any_number("dropped", logs.dropped, Need::optional);
    fields.text("stdout", logs.stdout_to, any_text, Need::optional);
    fields.text("stderr", logs.stderr_to, any_text, Need::optional);
    const JsonValue* array = fields.nested("lines", JsonKind::array);
    for (std::size_t i = 0; array != nullptr && i < array->items.size(); ++i) {
        Fields inner(array->items[i], "reply.ok.lines", ErrorCode::malformed);
        LogRow& row = logs.rows.emplace_back();
        inner.any_number("number", row.number);
        row.time_us = take_time(inner);
        inner.any_number("incarnation", row.incarnation, Need::optional);
        inner.text("stream", row.stream, any_text);
        inner.boolean("goes_on", row.goes_on, Need::optional);
        inner.text("text", row.text, any_text);
        fields.take_error(inner);
    }
}

void write_log_rows(JsonOut& json, const LogRows& logs) {
    json.member("name", logs.name);
    json.key("lines");
    json.begin_array();
    for (const LogRow& row : logs.rows) {
        write_log_row(json, row);
    }
    json.end_array();
    json.member("next", logs.next);
    json.member("end", logs.end);
    json.member("missed", logs.missed);
    json.member("anew", logs.anew);
    json.member("dropped", logs.dropped);
    json.member("stdout", logs.stdout_to);
    json.member("stderr", logs.stderr_to);
}

std::size_t row_bytes(const LogRow& row) {
    std::string bytes;
    JsonOut json(bytes);
    write_log_row(json, row);
    return bytes.size() + 1;
}

}  // namespace backplane::wire
