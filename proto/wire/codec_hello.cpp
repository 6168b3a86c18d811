// SPDX-License-Identifier: Apache-2.0
/// The handshake: hello and welcome (PROTOCOL.md section 2), and what all control frames share.
#include "proto/wire/codec_control.hpp"
#include "proto/wire/json_out.hpp"

namespace backplane::wire {
namespace {

bool has_control_character(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

void take_features(Fields& fields, std::vector<std::string>& features, std::size_t count_max) {
    const JsonValue* array = fields.nested("features", JsonKind::array, Need::optional);
    if (array == nullptr) {
        return;
    }
    if (array->items.size() > count_max) {
        return fields.refuse("features", "more than " + std::to_string(count_max));
    }
    for (const JsonValue& item : array->items) {
        if (item.kind != JsonKind::text || item.text.size() > feature_bytes_max) {
            return fields.refuse("features", "not all strings of at most " + std::to_string(feature_bytes_max) + " bytes");
        }
        features.push_back(item.text);
    }
}

void take_resume(Fields& fields, std::optional<Resume>& resume) {
    const JsonValue* object = fields.nested("resume", JsonKind::object, Need::optional);
    if (object == nullptr) {
        return;
    }
    Fields inner(*object, "hello.resume", ErrorCode::malformed);
    Resume wanted;
    inner.text("session", wanted.session, session_bytes_max);
    inner.text("token", wanted.token, session_bytes_max);
    inner.any_number("received", wanted.received);
    inner.refuse_others();
    fields.take_error(inner);
    resume = std::move(wanted);
}

void take_limits(Fields& fields, std::vector<std::pair<std::string, std::uint64_t>>& limits) {
    const JsonValue* object = fields.nested("limits", JsonKind::object, Need::optional);
    if (object == nullptr) {
        return;
    }
    for (const JsonMember& member : object->members) {
        if (member.value.kind == JsonKind::integer && !member.value.negative) {
            limits.emplace_back(member.key, member.value.number);
        }
    }
}

void take_grants_and_device(Fields& fields, Welcome& welcome) {
    if (const JsonValue* array = fields.nested("grants", JsonKind::array)) {
        Expected<std::vector<Grant>> grants = decode_grants(*array, "welcome.grants");
        if (!grants) {
            return fields.refuse("grants", "not grants");
        }
        welcome.grants = std::move(*grants);
    }
    LineParts device;
    fields.line("device", device, Need::optional);
    welcome.device = device.id;
}

void take_resumption(Fields& fields, Welcome& welcome) {
    std::string why;
    fields.boolean("resumed", welcome.resumed);
    fields.text("resume_error", why, any_text, Need::optional);
    if (!why.empty()) {
        // A reason that this version does not know is a failure all the same.
        welcome.resume_error = error_from_name(why).value_or(ErrorCode::unknown_session);
    }
    fields.any_number("received", welcome.received);
}

void write_features(JsonOut& json, const std::vector<std::string>& features) {
    json.key("features");
    json.begin_array();
    for (const std::string& feature : features) {
        json.value(feature);
    }
    json.end_array();
}

void write_limits(JsonOut& json, const Welcome& message) {
    json.key("limits");
    json.begin_object();
    for (const auto& [name, value] : message.limits) {
        json.member(name, value);
    }
    if (message.limits.empty()) {
        for (const Limit& limit : all_limits()) {
            json.member(limit.name, limit.value);
        }
    }
    json.end_object();
}

}  // namespace

Expected<JsonValue> decode_object(const FrameView& frame, std::size_t skip) {
    if (frame.body.size() < skip || !has_only_flags(frame, 0)) {
        return unexpected(ErrorCode::malformed,
                          malformed_text(frame, frame.body.size() < skip ? "length: too short" : "flags: not allowed on this frame"));
    }
    Expected<JsonValue> object = parse_json_object(as_text(frame.body.subspan(skip)));
    if (!object) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, "body: ") + object.error().detail);
    }
    return object;
}

Expected<std::vector<Grant>> decode_grants(const JsonValue& array, std::string_view where) {
    std::vector<Grant> grants;
    for (const JsonValue& item : array.items) {
        Fields fields(item, where, ErrorCode::malformed);
        LineParts first;
        Grant grant;
        fields.line("first", first);
        fields.number<std::uint32_t>("count", grant.count, 1, ids_per_grant);
        if (!fields.right()) {
            return unexpected(fields.error());
        }
        grant.first = first.id;
        grants.push_back(grant);
    }
    return grants;
}

void write_grants(JsonOut& json, const std::vector<Grant>& grants, Epoch epoch) {
    json.key("grants");
    json.begin_array();
    for (const Grant& grant : grants) {
        json.begin_object();
        json.member_line("first", epoch, grant.first);
        json.member("count", grant.count);
        json.end_object();
    }
    json.end_array();
}

Expected<Hello> decode_hello(const FrameView& frame) {
    Expected<JsonValue> object = decode_object(frame);
    if (!object) {
        return unexpected(std::move(object).error());
    }
    Fields fields(*object, "hello", ErrorCode::malformed);
    Hello hello;
    fields.number<std::uint16_t>("version_min", hello.version_min, 1, UINT16_MAX);
    fields.number<std::uint16_t>("version_max", hello.version_max, 1, UINT16_MAX);
    if (fields.right() && hello.version_min > hello.version_max) {
        fields.refuse("version_min", "above version_max");
    }
    if (fields.right() && (hello.version_min > version_max || hello.version_max < version_min)) {
        return unexpected(ErrorCode::unsupported_version, "hello.version_min: no common version, this is " + std::to_string(version_min) +
                                                              ".." + std::to_string(version_max));
    }
    fields.text("client", hello.client, name_bytes_max);
    if (hello.client.empty() || has_control_character(hello.client)) {
        fields.refuse("client", "empty, or with control characters");
    }
    take_features(fields, hello.features, features_max);
    take_resume(fields, hello.resume);
    fields.refuse_others();
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    return hello;
}

Expected<Welcome> decode_welcome(const FrameView& frame) {
    Expected<JsonValue> object = decode_object(frame);
    if (!object) {
        return unexpected(std::move(object).error());
    }
    Fields fields(*object, "welcome", ErrorCode::malformed);
    Welcome welcome;
    fields.number<std::uint16_t>("version", welcome.version, 1, UINT16_MAX);
    fields.text("daemon", welcome.daemon, any_text);
    fields.epoch("epoch", welcome.epoch);
    fields.text("session", welcome.session, session_bytes_max);
    fields.text("token", welcome.token, session_bytes_max);
    take_resumption(fields, welcome);
    take_features(fields, welcome.features, json_members_max);
    take_grants_and_device(fields, welcome);
    take_limits(fields, welcome.limits);
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    return welcome;
}

void encode(std::string& out, const Hello& message) {
    FrameOut frame(out, FrameType::hello);
    JsonOut json(out);
    json.begin_object();
    json.member("version_min", message.version_min);
    json.member("version_max", message.version_max);
    json.member("client", message.client);
    if (!message.features.empty()) {
        write_features(json, message.features);
    }
    if (message.resume) {
        json.key("resume");
        json.begin_object();
        json.member("session", message.resume->session);
        json.member("token", message.resume->token);
        json.member("received", message.resume->received);
        json.end_object();
    }
    json.end_object();
    (void)frame.finish();
}

void encode(std::string& out, const Welcome& message) {
    FrameOut frame(out, FrameType::welcome);
    JsonOut json(out);
    json.begin_object();
    json.member("version", message.version);
    json.member("daemon", message.daemon);
    json.member("epoch", epoch_text(message.epoch));
    json.member("session", message.session);
    json.member("token", message.token);
    json.member("resumed", message.resumed);
    json.key("resume_error");
    message.resume_error == ErrorCode::ok ? json.null() : json.value(error_name(message.resume_error));
    json.member("received", message.received);
    write_features(json, message.features);
    write_grants(json, message.grants, message.epoch);
    json.member_line("device", message.epoch, message.device);
    write_limits(json, message);
    json.end_object();
    (void)frame.finish();
}

}  // namespace backplane::wire
