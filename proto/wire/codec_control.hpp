// SPDX-License-Identifier: Apache-2.0
/// What the control frames' decoders share: from a frame to its JSON object.
#pragma once

#include "proto/wire/bytes.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/json_fields.hpp"

namespace backplane::wire {

inline constexpr std::size_t feature_bytes_max = 64;
inline constexpr std::size_t session_bytes_max = 64;  ///< session and token
/// A fault's text form: the kind with its argument, braces, a detail and the text.
inline constexpr std::size_t fault_text_bytes_max = 300;
/// For strings of the daemon that have no bound of their own below that of the frame.
inline constexpr std::size_t any_text = frame_bytes_max;

/// Whether the frame's flags are among `allowed` (`optional` always is).
[[nodiscard]] inline bool has_only_flags(const FrameView& frame, std::uint16_t allowed) {
    return (frame.flags & ~(allowed | flag::optional)) == 0;
}

/// The JSON object of a control frame's body behind its first `skip` bytes. Every failure is `malformed`, named by frame.
[[nodiscard]] Expected<JsonValue> decode_object(const FrameView& frame, std::size_t skip = 0);

/// `{"first": LINE, "count": N}`.
[[nodiscard]] Expected<std::vector<Grant>> decode_grants(const JsonValue& array, std::string_view where);

class JsonOut;
void write_grants(JsonOut& json, const std::vector<Grant>& grants, Epoch epoch);

/// Fills `reply.body` from the object under `ok`, in the shape of the call; false and `error` where it has another shape.
[[nodiscard]] bool decode_reply_body(const JsonValue& object, Call of, Reply& reply, Error& error);
/// The objects of `exits` and `logs` (codec_output.cpp).
void take_exits(Fields& fields, ExitRows& exits);
void write_exits(JsonOut& json, const ExitRows& exits, Epoch epoch);
void take_log_rows(Fields& fields, LogRows& logs);
void write_log_rows(JsonOut& json, const LogRows& logs);

/// Writes the object under `ok`.
void write_reply_body(JsonOut& json, const Reply& reply, Epoch epoch);

}  // namespace backplane::wire
