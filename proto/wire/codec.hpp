// SPDX-License-Identifier: Apache-2.0
/// Messages to frames and back; the sole owner of byte offsets and JSON keys.
///
/// `decode_*` reads a frame of the right type (the caller dispatched on it) and names the field that is wrong.
/// `encode` appends one whole frame to `out`. Decoding never throws, never allocates for hot frames, and bounds depth,
/// size and duplicates for control frames before nlohmann sees a tree.
#pragma once

#include "proto/wire/frame.hpp"
#include "proto/wire/message.hpp"

#include <backplane/expected.hpp>

#include <string>

namespace backplane::wire {

// Hot frames. Fixed layout, reserved bytes zero, unknown enumerators refused as malformed.
[[nodiscard]] Expected<Create> decode_create(const FrameView& frame);
[[nodiscard]] Expected<LinkOperation> decode_link(const FrameView& frame);  // link and unlink
[[nodiscard]] Expected<Disconnect> decode_disconnect(const FrameView& frame);
[[nodiscard]] Expected<Shutdown> decode_shutdown(const FrameView& frame);  // shutdown and shutdown_requested
[[nodiscard]] Expected<Manage> decode_manage(const FrameView& frame);
[[nodiscard]] Expected<Heartbeat> decode_heartbeat(const FrameView& frame);
[[nodiscard]] Expected<Notice> decode_notice(const FrameView& frame);  // notice and ended
[[nodiscard]] Expected<Refusal> decode_refusal(const FrameView& frame);
[[nodiscard]] Expected<void> decode_withdrawn(const FrameView& frame);
[[nodiscard]] Expected<Ack> decode_ack(const FrameView& frame);
[[nodiscard]] Expected<Ping> decode_ping(const FrameView& frame);  // ping and pong
[[nodiscard]] Expected<Bye> decode_bye(const FrameView& frame);

// The same for the hot path: no Expected, no string. True and `message` is filled; or false, and `wrong` points at a static
// text that names field and reason, as in "mode: unknown value" (`malformed_text` makes the error's detail of it).
[[nodiscard]] bool read(const FrameView& frame, Create& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, LinkOperation& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Disconnect& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Shutdown& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Manage& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Heartbeat& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Notice& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Refusal& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Ack& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Ping& message, const char*& wrong);
[[nodiscard]] bool read(const FrameView& frame, Bye& message, const char*& wrong);

/// `link.mode: unknown value`: the frame's name and what `read` said.
[[nodiscard]] std::string malformed_text(const FrameView& frame, const char* wrong);

void encode(std::string& out, const Create& message, std::uint16_t flags = 0);
void encode_link(std::string& out, const LinkOperation& message, std::uint16_t flags = 0);
void encode_unlink(std::string& out, const LinkOperation& message, std::uint16_t flags = 0);
void encode(std::string& out, const Disconnect& message, std::uint16_t flags = 0);  // text cut at text_bytes_max
void encode_shutdown(std::string& out, const Shutdown& message, std::uint16_t flags = 0);
void encode_shutdown_requested(std::string& out, const Shutdown& message);
void encode(std::string& out, const Manage& message, std::uint16_t flags = 0);
void encode(std::string& out, const Heartbeat& message, std::uint16_t flags = 0);
void encode_notice(std::string& out, const Notice& message);
void encode_ended(std::string& out, const Notice& message);
void encode(std::string& out, const Refusal& message);
void encode_withdrawn(std::string& out);
void encode(std::string& out, const Ack& message);
void encode_ping(std::string& out, const Ping& message);
void encode_pong(std::string& out, const Ping& message);
void encode(std::string& out, const Bye& message);

// Control frames.
/// Where the client's range has no version of ours the error is `unsupported_version`, whatever else a newer hello may
/// hold; every other one is `malformed`.
[[nodiscard]] Expected<Hello> decode_hello(const FrameView& frame);
[[nodiscard]] Expected<Welcome> decode_welcome(const FrameView& frame);
/// On failure `id` holds the request's number if that much could be read, else 0: an error with reach `request` is
/// answered by a reply to that number, and a request without a number ends the connection.
[[nodiscard]] Expected<Request> decode_request(const FrameView& frame, std::uint64_t& id);
/// `of` is the call that the client made under this id: the reply's shape depends on it.
[[nodiscard]] Expected<Reply> decode_reply(const FrameView& frame, Call of);
/// The id of a reply, to look up its call.
[[nodiscard]] Expected<std::uint64_t> decode_reply_id(const FrameView& frame);
[[nodiscard]] Expected<Event> decode_event(const FrameView& frame);
[[nodiscard]] Expected<NameState> decode_name_state(const FrameView& frame);
[[nodiscard]] Expected<StartTask> decode_start_task(const FrameView& frame);

void encode(std::string& out, const Hello& message);
void encode(std::string& out, const Welcome& message);
void encode(std::string& out, const Request& message, std::uint16_t flags = 0);
/// `epoch` is written into the text form of ids. A reply above the frame's bound leaves as the error `limit_reached`.
void encode(std::string& out, const Reply& message, Epoch epoch);
void encode(std::string& out, const Event& message, Epoch epoch);
void encode(std::string& out, const NameState& message, Epoch epoch);
void encode(std::string& out, const StartTask& message, Epoch epoch);

/// How many bytes a row is in a reply to `list`: what a page has room for is up to whoever makes it.
[[nodiscard]] std::size_t row_bytes(const Row& row, Epoch epoch);
/// The same for a line in a reply to `logs`.
[[nodiscard]] std::size_t row_bytes(const LogRow& row);

/// Shortens the lists of an impact until its reply fits a frame; the totals stay.
void fit(Impact& impact, Epoch epoch);

/// The call's name on the wire, as in `register`.
[[nodiscard]] std::string_view call_name(Call call);
/// Whether the call has something done to a child: those that take `wait` and `again`.
[[nodiscard]] bool is_command(Call call);

}  // namespace backplane::wire
