// SPDX-License-Identifier: Apache-2.0
/// Replies: the envelope, a number and either `ok` or `error` (PROTOCOL.md section 6). The bodies are in codec_reply_body.cpp.
#include "proto/wire/codec_control.hpp"
#include "proto/wire/json_out.hpp"

namespace backplane::wire {
namespace {

Expected<Reply> decode_failure(const FrameView& frame, const JsonValue& object, Reply reply) {
    Fields fields(object, "reply.error", ErrorCode::malformed);
    std::uint16_t code = 0;
    fields.number<std::uint16_t>("code", code, 1, UINT16_MAX);
    fields.text("detail", reply.error.detail, any_text, Need::optional);
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    (void)frame;
    reply.error.code = static_cast<ErrorCode>(code);
    return reply;
}

void write_failure(JsonOut& json, const Error& error) {
    json.key("error");
    json.begin_object();
    json.member("code", static_cast<std::uint16_t>(error.code));
    json.member("name", error_name(error.code));
    json.member("detail", error.detail);
    json.end_object();
}

bool append_reply(std::string& out, const Reply& message, Epoch epoch) {
    FrameOut frame(out, FrameType::reply);
    frame.number(message.id);
    JsonOut json(out);
    json.begin_object();
    if (message.error.code != ErrorCode::ok) {
        write_failure(json, message.error);
    } else {
        json.key("ok");
        write_reply_body(json, message, epoch);
    }
    json.end_object();
    return frame.finish();
}

}  // namespace

Expected<std::uint64_t> decode_reply_id(const FrameView& frame) {
    if (frame.body.size() < sizeof(std::uint64_t)) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, "length: too short"));
    }
    const auto id = load<std::uint64_t>(frame.body, 0);
    if (id == 0) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, "number: zero"));
    }
    return id;
}

Expected<Reply> decode_reply(const FrameView& frame, Call of) {
    const Expected<std::uint64_t> id = decode_reply_id(frame);
    if (!id) {
        return unexpected(id.error());
    }
    Expected<JsonValue> object = decode_object(frame, sizeof(std::uint64_t));
    if (!object) {
        return unexpected(std::move(object).error());
    }
    Reply reply;
    reply.id = *id;
    Fields fields(*object, "reply", ErrorCode::malformed);
    const JsonValue* ok = fields.nested("ok", JsonKind::object, Need::optional);
    const JsonValue* failure = fields.nested("error", JsonKind::object, Need::optional);
    if ((ok == nullptr) == (failure == nullptr)) {
        fields.refuse("ok", "exactly one of ok and error is wanted, each an object");
    }
    if (!fields.right()) {
        return unexpected(fields.error());
    }
    if (failure != nullptr) {
        return decode_failure(frame, *failure, std::move(reply));
    }
    Error error;
    if (!decode_reply_body(*ok, of, reply, error)) {
        return unexpected(std::move(error));
    }
    return reply;
}

void encode(std::string& out, const Reply& message, Epoch epoch) {
    if (append_reply(out, message, epoch)) {
        return;
    }
    // Bounds on rows and texts keep this from happening; if it happens all the same the client must not wait for ever.
    Reply failure;
    failure.id = message.id;
    failure.error = Error{ErrorCode::limit_reached, "frame_bytes_max: the reply is longer"};
    (void)append_reply(out, failure, epoch);
}

}  // namespace backplane::wire
