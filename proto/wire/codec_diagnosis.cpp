// SPDX-License-Identifier: Apache-2.0
/// `impact` and `why` as JSON (PROTOCOL.md section 6), and how much of an impact fits a frame.
#include "proto/wire/codec.hpp"
#include "proto/wire/codec_body.hpp"
#include "proto/wire/codec_control.hpp"
#include "proto/wire/wall_time.hpp"

#include <algorithm>

namespace backplane::wire {
namespace {

/// Reads each object of an array by `take`.
template <class T, class Take>
void take_each(Fields& fields, std::string_view key, std::string_view where, std::vector<T>& out, Take take) {
    const JsonValue* array = fields.nested(key, JsonKind::array, Need::optional);
    if (array == nullptr) {
        return;
    }
    for (const JsonValue& item : array->items) {
        Fields inner(item, where, ErrorCode::malformed);
        take(inner, item, out.emplace_back());
        fields.take_error(inner);
    }
}

template <class T, class Write>
void write_each(JsonOut& json, std::string_view key, const std::vector<T>& items, Write write) {
    json.key(key);
    json.begin_array();
    for (const T& item : items) {
        json.begin_object();
        write(item);
        json.end_object();
    }
    json.end_array();
}

// ---- impact ----------------------------------------------------------------------------------------------------------------------

void take_told(Fields& fields, const JsonValue&, ToldRow& told) {
    LineParts id;
    LineParts about;
    fields.line("id", id);
    fields.line("about", about);
    told.id = id.id;
    told.about = about.id;
    fields.optional_text("name", told.name, any_text);
    fields.text("kind", told.kind, any_text, Need::optional);
    fields.optional_text("client", told.client, any_text);
    take_labels(fields, told.labels);
    fields.optional_text("about_name", told.about_name, any_text);
    fields.optional_text("fault", told.fault, any_text);
    fields.boolean("falls", told.falls, Need::optional);
    fields.any_number("after_ms", told.after_ms, Need::optional);
}

void write_told(JsonOut& json, const ToldRow& told, Epoch epoch) {
    json.member_line("id", epoch, told.id);
    json.member("name", told.name);
    json.member("kind", told.kind);
    json.member("client", told.client);
    write_labels(json, told.labels);
    json.member_line("about", epoch, told.about);
    json.member("about_name", told.about_name);
    json.member("fault", told.fault);
    json.member("falls", told.falls);
    json.member("after_ms", told.after_ms);
}

void take_fate(Fields& fields, const JsonValue&, FateRow& fate) {
    fields.text("name", fate.name, any_text);
    fields.text("was", fate.was, any_text);
    fields.text("state", fate.state, any_text);
    fields.optional_text("reason", fate.reason, any_text);
    fields.optional_text("waits_for", fate.waits_for, any_text);
    fields.any_number("after_ms", fate.after_ms, Need::optional);
}

void write_fate(JsonOut& json, const FateRow& fate) {
    json.member("name", fate.name);
    json.member("was", fate.was);
    json.member("state", fate.state);
    json.member("reason", fate.reason);
    json.member("waits_for", fate.waits_for);
    json.member("after_ms", fate.after_ms);
}

/// How many of `items` fit into `room`, of which they are taken off.
template <class T, class Write>
std::size_t fitting(const std::vector<T>& items, std::size_t& room, Write write) {
    std::string bytes;
    for (std::size_t n = 0; n < items.size(); ++n) {
        bytes.clear();
        JsonOut json(bytes);
        json.begin_object();
        write(json, items[n]);
        json.end_object();
        if (bytes.size() + 1 > room) {
            return n;
        }
        room -= bytes.size() + 1;
    }
    return items.size();
}

// ---- why ---------------------------------------------------------------------------------------------------------------------------

void take_cause(Fields& fields, const JsonValue&, Cause& cause) {
    std::optional<std::string> time;
    fields.text("because", cause.because, any_text);
    fields.optional_text("name", cause.name, any_text);
    take_id(fields, "id", cause.id);
    fields.optional_text("kind", cause.kind, any_text);
    fields.optional_text("state", cause.state, any_text);
    fields.optional_text("reason", cause.reason, any_text);
    fields.optional_text("time", time, any_text);
    cause.time_us = time ? parse_wall_time(*time) : std::nullopt;
    fields.optional_number("age_ms", cause.age_ms);
    fields.optional_number("uptime_ms", cause.uptime_ms);
    if (fields.find("was_ready") != nullptr) {
        fields.boolean("was_ready", cause.was_ready.emplace());
    }
    fields.optional_number("window_count", cause.window_count);
    fields.text("last_words", cause.last_words, any_text, Need::optional);
}

void write_cause(JsonOut& json, const Cause& cause, Epoch epoch) {
    json.member("because", cause.because);
    json.member("name", cause.name);
    json.member_line("id", epoch, cause.id.value_or(DeviceId{}));
    json.member("kind", cause.kind);
    json.member("state", cause.state);
    json.member("reason", cause.reason);
    json.member("time", cause.time_us ? std::optional{wall_time_text(*cause.time_us)} : std::nullopt);
    json.member("age_ms", cause.age_ms);
    json.member("uptime_ms", cause.uptime_ms);
    json.member("was_ready", cause.was_ready);
    if (cause.window_count) {
        json.member("window_count", cause.window_count);
    }
    if (!cause.last_words.empty()) {
        json.member("last_words", cause.last_words);
    }
}

}  // namespace

void take_impact(Fields& fields, Impact& impact) {
    fields.optional_text("name", impact.name, any_text);
    take_id(fields, "id", impact.id);
    fields.text("kind", impact.kind, any_text);
    fields.text("fault", impact.fault, any_text);
    fields.boolean("complete", impact.complete, Need::optional);
    fields.any_number("length_ms", impact.length_ms, Need::optional);
    fields.any_number("ends", impact.ends, Need::optional);
    fields.any_number("falls", impact.falls, Need::optional);
    fields.any_number("starts", impact.starts, Need::optional);
    fields.any_number("gives_up", impact.gives_up, Need::optional);
    take_each(fields, "told", "reply.ok.told", impact.told, take_told);
    fields.any_number("told_total", impact.told_total, Need::optional);
    take_each(fields, "events", "reply.ok.events", impact.events, take_event_to_come);
    fields.any_number("events_total", impact.events_total, Need::optional);
    take_each(fields, "fates", "reply.ok.fates", impact.fates, take_fate);
    fields.any_number("fates_total", impact.fates_total, Need::optional);
}

void write_impact(JsonOut& json, const Impact& impact, Epoch epoch) {
    json.member("name", impact.name);
    json.member_line("id", epoch, impact.id.value_or(DeviceId{}));
    json.member("kind", impact.kind);
    json.member("fault", impact.fault);
    json.member("complete", impact.complete);
    json.member("length_ms", impact.length_ms);
    json.member("ends", impact.ends);
    json.member("falls", impact.falls);
    json.member("starts", impact.starts);
    json.member("gives_up", impact.gives_up);
    write_each(json, "told", impact.told, [&](const ToldRow& told) { write_told(json, told, epoch); });
    json.member("told_total", impact.told_total);
    write_each(json, "events", impact.events, [&](const Event& event) { write_event_to_come(json, event, epoch); });
    json.member("events_total", impact.events_total);
    write_each(json, "fates", impact.fates, [&](const FateRow& fate) { write_fate(json, fate); });
    json.member("fates_total", impact.fates_total);
}

void fit(Impact& impact, Epoch epoch) {
    constexpr std::size_t head_bytes = 2'048;
    std::size_t room = frame_bytes_max - head_bytes;
    // What stays otherwise is least and matters most; each of the others leaves the next a share.
    const std::size_t fates = fitting(impact.fates, room, write_fate);
    impact.fates.resize(fates);
    std::size_t share = room / 2;
    const std::size_t before = share;
    impact.told.resize(fitting(impact.told, share, [&](JsonOut& json, const ToldRow& told) { write_told(json, told, epoch); }));
    room -= before - share;
    impact.events.resize(fitting(impact.events, room, [&](JsonOut& json, const Event& event) { write_event_to_come(json, event, epoch); }));
}

void take_why(Fields& fields, Why& why) {
    take_row(fields, why.row);
    fields.optional_text("restart", why.restart, any_text);
    fields.optional_number("failures", why.failures);
    fields.optional_number("since_ms", why.since_ms);
    fields.optional_number("restart_count", why.restart_count);
    if (const JsonValue* window = fields.nested("window", JsonKind::object, Need::optional)) {
        Fields inner(*window, "reply.ok.window", ErrorCode::malformed);
        inner.optional_number("used", why.window_used);
        inner.optional_number("intensity", why.window_intensity);
        inner.optional_number("period_ms", why.window_period_ms);
        fields.take_error(inner);
    }
    take_each(fields, "ends", "reply.ok.ends", why.ends, take_cause);
    take_each(fields, "waits", "reply.ok.waits", why.waits, take_cause);
}

void write_why(JsonOut& json, const Why& why, Epoch epoch) {
    write_row(json, why.row, epoch);
    json.member("restart", why.restart);
    json.member("failures", why.failures);
    json.member("since_ms", why.since_ms);
    json.member("restart_count", why.restart_count);
    if (why.window_intensity) {
        json.key("window");
        json.begin_object();
        json.member("used", why.window_used);
        json.member("intensity", why.window_intensity);
        json.member("period_ms", why.window_period_ms);
        json.end_object();
    }
    write_each(json, "ends", why.ends, [&](const Cause& cause) { write_cause(json, cause, epoch); });
    write_each(json, "waits", why.waits, [&](const Cause& cause) { write_cause(json, cause, epoch); });
}

}  // namespace backplane::wire
