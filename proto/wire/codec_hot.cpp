// SPDX-License-Identifier: Apache-2.0
/// Hot frames in: fixed layouts read in place (PROTOCOL.md section 4). Each `read` is one frame's table of offsets; every
/// byte of the body is either a field or checked to be zero.
#include "proto/wire/bytes.hpp"
#include "proto/wire/codec.hpp"
#include "proto/wire/text.hpp"

namespace backplane::wire {
namespace {

constexpr const char* wrong_flags = "flags: not allowed on this frame";
constexpr const char* wrong_length = "length: not that of this frame";
constexpr const char* reserved_not_zero = "reserved: not zero";

/// Whether the frame has exactly the fixed body and none but the flags `allowed`.
bool is_fixed(const FrameView& frame, std::size_t size, std::uint16_t allowed, const char*& wrong) {
    if ((frame.flags & ~(allowed | flag::optional)) != 0) {
        wrong = wrong_flags;
        return false;
    }
    if (frame.body.size() != size) {
        wrong = wrong_length;
        return false;
    }
    return true;
}

/// The same for a body of `size` bytes that may have a tail behind it.
bool is_tailed(const FrameView& frame, std::size_t size, std::uint16_t allowed, std::string_view& text, const char*& wrong) {
    if ((frame.flags & flag::tail) == 0) {
        return is_fixed(frame, size, allowed, wrong);
    }
    if ((frame.flags & ~(allowed | flag::optional | flag::tail)) != 0) {
        wrong = wrong_flags;
        return false;
    }
    if (frame.body.size() < size + sizeof(std::uint16_t)) {
        wrong = wrong_length;
        return false;
    }
    const std::size_t text_size = load<std::uint16_t>(frame.body, size);
    if (text_size == 0 || text_size > text_bytes_max || frame.body.size() != size + sizeof(std::uint16_t) + text_size) {
        wrong = "tail: length out of range, or the text does not fill the frame";
        return false;
    }
    text = as_text(frame.body.subspan(size + sizeof(std::uint16_t)));
    if (!is_utf8(text)) {
        wrong = "tail: not UTF-8";
        return false;
    }
    return true;
}

bool must(bool right, const char* otherwise, const char*& wrong) {
    if (!right) {
        wrong = otherwise;
    }
    return right;
}

DeviceId id_at(Bytes body, std::size_t offset) { return DeviceId{load<std::uint64_t>(body, offset)}; }

/// Whether the seven bytes behind a u8 at `offset` are zero: one load of eight bytes and a shift.
bool is_padded_byte(Bytes body, std::size_t offset) { return (load<std::uint64_t>(body, offset) >> 8) == 0; }

bool read_fault(Bytes body, std::size_t offset, FaultKind& kind, const char* otherwise, const char*& wrong) {
    const auto number = load<std::uint8_t>(body, offset);
    kind = static_cast<FaultKind>(number);
    return must(number <= fault_kind_max, otherwise, wrong);
}

/// Whether a client may give `argument` with a fault of this kind (PROTOCOL.md section 8).
bool is_argument_of(FaultKind kind, std::int32_t argument) {
    switch (kind) {
        case FaultKind::none:
        case FaultKind::cascade:
        case FaultKind::killed:
        case FaultKind::unreachable: return argument == 0;
        case FaultKind::timeout: return argument >= 1 && argument <= 3;
        case FaultKind::drop:
        case FaultKind::error:
        case FaultKind::exit:
        case FaultKind::signal: return true;
    }
    return false;
}

template <class Message>
Expected<Message> decoded(const FrameView& frame) {
    Message message;
    const char* wrong = nullptr;
    if (!read(frame, message, wrong)) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, wrong));
    }
    return message;
}

}  // namespace

bool read(const FrameView& frame, Create& message, const char*& wrong) {
    if (!is_fixed(frame, 16, flag::ack, wrong)) {
        return false;
    }
    message.id = id_at(frame.body, 0);
    const auto device_flags = load<std::uint32_t>(frame.body, 8);
    message.managed = (device_flags & 1) != 0;
    return must(static_cast<bool>(message.id), "id: zero", wrong) && must(device_flags <= 1, "device_flags: unknown bits", wrong) &&
           must(load<std::uint32_t>(frame.body, 12) == 0, reserved_not_zero, wrong);
}

bool read(const FrameView& frame, LinkOperation& message, const char*& wrong) {
    if (!is_fixed(frame, 24, flag::ack, wrong)) {
        return false;
    }
    message.from = id_at(frame.body, 0);
    message.to = id_at(frame.body, 8);
    const auto mode = load<std::uint8_t>(frame.body, 16);
    message.mode = static_cast<LinkMode>(mode);
    return must(static_cast<bool>(message.from), "from: zero", wrong) && must(static_cast<bool>(message.to), "to: zero", wrong) &&
           must(mode >= 1 && mode <= 3, "mode: unknown value", wrong) && must(is_padded_byte(frame.body, 16), reserved_not_zero, wrong);
}

bool read(const FrameView& frame, Disconnect& message, const char*& wrong) {
    message.text = {};
    if (!is_tailed(frame, 24, flag::ack, message.text, wrong)) {
        return false;
    }
    message.id = id_at(frame.body, 0);
    message.argument = load<std::int32_t>(frame.body, 12);
    message.cascade = id_at(frame.body, 16);
    return must(static_cast<bool>(message.id), "id: zero", wrong) &&
           read_fault(frame.body, 8, message.fault, "fault: unknown value", wrong) &&
           must((load<std::uint32_t>(frame.body, 8) >> 8) == 0, reserved_not_zero, wrong) &&
           must(is_argument_of(message.fault, message.argument), "argument: not one of this fault", wrong) &&
           must(static_cast<bool>(message.cascade) == (message.fault == FaultKind::cascade),
                "cascade: given exactly with the fault cascade", wrong);
}

bool read(const FrameView& frame, Shutdown& message, const char*& wrong) {
    const std::uint16_t allowed = frame.type == FrameType::shutdown ? flag::ack : std::uint16_t{0};
    if (!is_fixed(frame, 16, allowed, wrong)) {
        return false;
    }
    message.from = id_at(frame.body, 0);
    message.to = id_at(frame.body, 8);
    return must(static_cast<bool>(message.to), "to: zero", wrong);
}

bool read(const FrameView& frame, Manage& message, const char*& wrong) {
    if (!is_fixed(frame, 16, flag::ack, wrong)) {
        return false;
    }
    message.id = id_at(frame.body, 0);
    const auto on = load<std::uint8_t>(frame.body, 8);
    message.on = on == 1;
    return must(static_cast<bool>(message.id), "id: zero", wrong) && must(on <= 1, "on: unknown value", wrong) &&
           must(is_padded_byte(frame.body, 8), reserved_not_zero, wrong);
}

bool read(const FrameView& frame, Heartbeat& message, const char*& wrong) {
    if (!is_fixed(frame, 16, flag::ack, wrong)) {
        return false;
    }
    message.id = id_at(frame.body, 0);
    message.interval_ms = load<std::uint32_t>(frame.body, 8);
    return must(static_cast<bool>(message.id), "id: zero", wrong) &&
           must(message.interval_ms <= heartbeat_ms_max, "interval_ms: more than heartbeat_ms_max", wrong) &&
           must(load<std::uint32_t>(frame.body, 12) == 0, reserved_not_zero, wrong);
}

bool read(const FrameView& frame, Notice& message, const char*& wrong) {
    message.text = {};
    if (!is_tailed(frame, 48, 0, message.text, wrong)) {
        return false;
    }
    const Bytes body = frame.body;
    message.to = id_at(body, 0);
    message.about = id_at(body, 8);
    message.hops = load<std::uint32_t>(body, 20);
    message.argument = load<std::int32_t>(body, 24);
    message.root_argument = load<std::int32_t>(body, 28);
    message.cascade = id_at(body, 32);
    message.root = id_at(body, 40);
    return must(static_cast<bool>(message.to), "to: zero", wrong) && must(static_cast<bool>(message.about), "about: zero", wrong) &&
           read_fault(body, 16, message.fault, "fault: unknown value", wrong) &&
           read_fault(body, 17, message.root_fault, "root_fault: unknown value", wrong) &&
           must(load<std::uint16_t>(body, 18) == 0, reserved_not_zero, wrong);
}

bool read(const FrameView& frame, Refusal& message, const char*& wrong) {
    message.text = {};
    if (!is_tailed(frame, 32, 0, message.text, wrong)) {
        return false;
    }
    message.operation = load<std::uint64_t>(frame.body, 0);
    message.code = static_cast<ErrorCode>(load<std::uint16_t>(frame.body, 8));
    message.refused = static_cast<FrameType>(load<std::uint16_t>(frame.body, 10));
    message.device = id_at(frame.body, 16);
    message.other = id_at(frame.body, 24);
    return must(message.operation != 0, "operation: zero", wrong) && must(message.code != ErrorCode::ok, "code: zero", wrong) &&
           must(load<std::uint32_t>(frame.body, 12) == 0, reserved_not_zero, wrong);
}

bool read(const FrameView& frame, Ack& message, const char*& wrong) {
    if (!is_fixed(frame, 8, 0, wrong)) {
        return false;
    }
    message.count = load<std::uint64_t>(frame.body, 0);
    return true;
}

bool read(const FrameView& frame, Ping& message, const char*& wrong) {
    if (!is_fixed(frame, 8, 0, wrong)) {
        return false;
    }
    message.nonce = load<std::uint64_t>(frame.body, 0);
    return true;
}

bool read(const FrameView& frame, Bye& message, const char*& wrong) {
    message.text = {};
    if (!is_tailed(frame, 8, 0, message.text, wrong)) {
        return false;
    }
    message.code = static_cast<ErrorCode>(load<std::uint16_t>(frame.body, 0));
    return must(message.code != ErrorCode::ok, "code: zero", wrong) &&
           must((load<std::uint64_t>(frame.body, 0) >> 16) == 0, reserved_not_zero, wrong);
}

std::string malformed_text(const FrameView& frame, const char* wrong) { return frame_name(frame.type).append(".").append(wrong); }

Expected<Create> decode_create(const FrameView& frame) { return decoded<Create>(frame); }
Expected<LinkOperation> decode_link(const FrameView& frame) { return decoded<LinkOperation>(frame); }
Expected<Disconnect> decode_disconnect(const FrameView& frame) { return decoded<Disconnect>(frame); }
Expected<Shutdown> decode_shutdown(const FrameView& frame) { return decoded<Shutdown>(frame); }
Expected<Manage> decode_manage(const FrameView& frame) { return decoded<Manage>(frame); }
Expected<Heartbeat> decode_heartbeat(const FrameView& frame) { return decoded<Heartbeat>(frame); }
Expected<Notice> decode_notice(const FrameView& frame) { return decoded<Notice>(frame); }
Expected<Refusal> decode_refusal(const FrameView& frame) { return decoded<Refusal>(frame); }
Expected<Ack> decode_ack(const FrameView& frame) { return decoded<Ack>(frame); }
Expected<Ping> decode_ping(const FrameView& frame) { return decoded<Ping>(frame); }
Expected<Bye> decode_bye(const FrameView& frame) { return decoded<Bye>(frame); }

Expected<void> decode_withdrawn(const FrameView& frame) {
    const char* wrong = nullptr;
    if (!is_fixed(frame, 0, 0, wrong)) {
        return unexpected(ErrorCode::malformed, malformed_text(frame, wrong));
    }
    return {};
}

}  // namespace backplane::wire
