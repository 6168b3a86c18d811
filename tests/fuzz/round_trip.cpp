// SPDX-License-Identifier: Apache-2.0
/// Each decoder against its encoder: what is taken is written, taken again, and written the same.
#include "tests/fuzz/round_trip.hpp"

#include "proto/wire/codec.hpp"
#include "tests/fuzz/target.hpp"

#include <string>

namespace backplane::fuzz {
namespace {

using namespace backplane::wire;

constexpr Epoch epoch{0x9f3ac41d20b7e655};

FrameView whole(const std::string& bytes) {
    const FrameResult result = next_frame(as_bytes(bytes));
    hold(result.status == FrameStatus::whole && result.size == bytes.size(), "an encoder wrote one whole frame");
    return result.frame;
}

/// Decodes, encodes, decodes and encodes again.
template <class Decode, class Encode>
void round_trip(const FrameView& frame, const Decode& decode, const Encode& encode_it) {
    const auto first = decode(frame);
    if (!first) {
        hold(!first.error().detail.empty(), "an error names the field");
        return;
    }
    std::string once;
    encode_it(once, *first);
    const FrameView again = whole(once);
    const auto second = decode(again);
    hold(second.has_value(), "what was written is taken");
    std::string twice;
    encode_it(twice, *second);
    hold(once == twice, "what was written is written the same");
}

void try_hot(const FrameView& frame) {
    const std::uint16_t flags = frame.flags & flag::ack;
    const auto plain = [](std::string& out, const auto& m) { encode(out, m); };
    const auto flagged = [flags](std::string& out, const auto& m) { encode(out, m, flags); };
    switch (frame.type) {
        case FrameType::create: return round_trip(frame, decode_create, flagged);
        case FrameType::link:
            return round_trip(frame, decode_link, [flags](std::string& out, const auto& m) { encode_link(out, m, flags); });
        case FrameType::unlink:
            return round_trip(frame, decode_link, [flags](std::string& out, const auto& m) { encode_unlink(out, m, flags); });
        case FrameType::disconnect: return round_trip(frame, decode_disconnect, flagged);
        case FrameType::shutdown:
            return round_trip(frame, decode_shutdown, [flags](std::string& out, const auto& m) { encode_shutdown(out, m, flags); });
        case FrameType::manage: return round_trip(frame, decode_manage, flagged);
        case FrameType::heartbeat: return round_trip(frame, decode_heartbeat, flagged);
        case FrameType::notice: return round_trip(frame, decode_notice, [](std::string& out, const auto& m) { encode_notice(out, m); });
        case FrameType::ended: return round_trip(frame, decode_notice, [](std::string& out, const auto& m) { encode_ended(out, m); });
        case FrameType::shutdown_requested:
            return round_trip(frame, decode_shutdown, [](std::string& out, const auto& m) { encode_shutdown_requested(out, m); });
        case FrameType::refusal: return round_trip(frame, decode_refusal, plain);
        case FrameType::withdrawn: return void(decode_withdrawn(frame).has_value());
        case FrameType::ack: return round_trip(frame, decode_ack, plain);
        case FrameType::ping: return round_trip(frame, decode_ping, [](std::string& out, const auto& m) { encode_ping(out, m); });
        case FrameType::pong: return round_trip(frame, decode_ping, [](std::string& out, const auto& m) { encode_pong(out, m); });
        case FrameType::bye: return round_trip(frame, decode_bye, plain);
        default: return;
    }
}

void try_replies(const FrameView& frame) {
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(call_last); ++i) {
        const auto decode = [i](const FrameView& f) { return decode_reply(f, static_cast<Call>(i)); };
        round_trip(frame, decode, [](std::string& out, const auto& m) { encode(out, m, epoch); });
    }
}

void try_control(const FrameView& frame) {
    const std::uint16_t flags = frame.flags & flag::ack;
    const auto plain = [](std::string& out, const auto& m) { encode(out, m); };
    const auto with_epoch = [](std::string& out, const auto& m) { encode(out, m, epoch); };
    const auto request = [](const FrameView& f) {
        std::uint64_t id = 0;
        auto decoded = decode_request(f, id);
        const bool answerable = decoded.has_value() || decoded.error().code != ErrorCode::malformed;
        hold((id != 0) == answerable, "what can be answered has a number, and nothing else");
        return decoded;
    };
    switch (frame.type) {
        case FrameType::hello: return round_trip(frame, decode_hello, plain);
        case FrameType::welcome: return round_trip(frame, decode_welcome, plain);
        case FrameType::request: return round_trip(frame, request, [flags](std::string& out, const auto& m) { encode(out, m, flags); });
        case FrameType::reply: return try_replies(frame);
        case FrameType::event: return round_trip(frame, decode_event, with_epoch);
        case FrameType::name_state: return round_trip(frame, decode_name_state, with_epoch);
        case FrameType::start_task: return round_trip(frame, decode_start_task, with_epoch);
        default: return;
    }
}

}  // namespace

void try_frame(const wire::FrameView& frame) { static_cast<std::uint16_t>(frame.type) < 0x100 ? try_hot(frame) : try_control(frame); }

}  // namespace backplane::fuzz
