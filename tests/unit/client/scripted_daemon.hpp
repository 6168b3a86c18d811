// SPDX-License-Identifier: Apache-2.0
/// ScriptedDaemon: the daemon's half of a conversation as a list of frames, written by a test, and a reader of what the
/// client sent. It decides nothing: whatever a test makes it say, it says.
#pragma once

#include "proto/wire/codec.hpp"

#include <backplane/line.hpp>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane {

/// A frame of the client, with its own copy of the body.
struct SentFrame {
    wire::FrameType type{};
    std::uint16_t flags = 0;
    std::string body;

    [[nodiscard]] wire::FrameView view() const { return {type, flags, std::as_bytes(std::span{body})}; }
};

/// The frames in `bytes`, which must be whole.
inline std::vector<SentFrame> frames_of(std::string_view bytes) {
    std::vector<SentFrame> frames;
    auto rest = std::as_bytes(std::span{bytes});
    for (auto next = wire::next_frame(rest); next.status == wire::FrameStatus::whole; next = wire::next_frame(rest)) {
        const auto body = next.frame.body;
        frames.push_back({next.frame.type, next.frame.flags, std::string{reinterpret_cast<const char*>(body.data()), body.size()}});
        rest = rest.subspan(next.size);
    }
    return frames;
}

class ScriptedDaemon {
  public:
    static constexpr Epoch epoch{0x9f3a};
    /// The first id of its first grant; `worker` is the own Device of a worker.
    static constexpr DeviceId first = DeviceId::make(1, 0x40);
    static constexpr DeviceId worker = DeviceId::make(7, 7);

    static Line line(std::uint32_t slot) { return Line{epoch, DeviceId::make(3, slot)}; }

    ScriptedDaemon& welcome(std::uint32_t pages = 4, DeviceId own = {}) {
        wire::Welcome welcome;
        welcome.daemon = "scripted/1";
        welcome.epoch = epoch;
        welcome.session = "s";
        welcome.token = "t";
        welcome.device = own;
        for (std::uint32_t i = 0; i < pages; ++i) {
            welcome.grants.push_back({DeviceId{first.value + i * wire::ids_per_grant}, wire::ids_per_grant});
        }
        wire::encode(bytes_, welcome);
        return *this;
    }
    /// The welcome of a session that goes on: `received` operations of the client are carried out.
    ScriptedDaemon& welcome_back(std::uint64_t received, std::string token = "t2", DeviceId own = {}) {
        wire::Welcome welcome;
        welcome.daemon = "scripted/2";
        welcome.epoch = epoch;
        welcome.session = "s";
        welcome.token = std::move(token);
        welcome.resumed = true;
        welcome.received = received;
        welcome.device = own;
        return say_welcome(welcome);
    }
    /// A fresh session instead of the one that was asked for.
    ScriptedDaemon& welcome_instead(ErrorCode why = ErrorCode::unknown_session) {
        wire::Welcome welcome;
        welcome.daemon = "scripted/2";
        welcome.epoch = Epoch{0x7777};
        welcome.session = "other";
        welcome.token = "other";
        welcome.resume_error = why;
        welcome.grants.push_back({first, wire::ids_per_grant});
        return say_welcome(welcome);
    }
    ScriptedDaemon& say_welcome(const wire::Welcome& welcome) {
        wire::encode(bytes_, welcome);
        return *this;
    }
    ScriptedDaemon& notice(DeviceId to, const Line& about, FaultKind fault = FaultKind::signal, std::int32_t argument = 9) {
        wire::Notice notice;
        notice.to = to;
        notice.about = about.id();
        notice.fault = fault;
        notice.argument = fault == FaultKind::none ? 0 : argument;
        wire::encode_notice(bytes_, notice);
        return *this;
    }
    /// The daemon cascaded `id` from `by`, which faulted by itself with signal(9).
    ScriptedDaemon& cascaded(DeviceId id, const Line& by, std::uint32_t hops = 1) {
        wire::Notice notice;
        notice.to = id;
        notice.about = id;
        notice.fault = FaultKind::cascade;
        notice.root_fault = FaultKind::signal;
        notice.root_argument = 9;
        notice.hops = hops;
        notice.cascade = by.id();
        notice.root = hops == 1 ? by.id() : DeviceId::make(9, 9);
        wire::encode_ended(bytes_, notice);
        return *this;
    }
    ScriptedDaemon& ended_well(DeviceId id) {
        wire::Notice notice;
        notice.to = id;
        notice.about = id;
        wire::encode_ended(bytes_, notice);
        return *this;
    }
    ScriptedDaemon& shutdown_requested(DeviceId to, const Line& from) {
        wire::encode_shutdown_requested(bytes_, {from.id(), to});
        return *this;
    }
    ScriptedDaemon& refuse(std::uint64_t operation, ErrorCode code, wire::FrameType refused, DeviceId device, DeviceId other = {}) {
        wire::Refusal refusal;
        refusal.operation = operation;
        refusal.code = code;
        refusal.refused = refused;
        refusal.device = device;
        refusal.other = other;
        wire::encode(bytes_, refusal);
        return *this;
    }
    ScriptedDaemon& ack(std::uint64_t count) {
        wire::encode(bytes_, wire::Ack{count});
        return *this;
    }
    ScriptedDaemon& reply(std::uint64_t id, decltype(wire::Reply::body) body = {}) {
        wire::encode(bytes_, wire::Reply{id, {}, std::move(body)}, epoch);
        return *this;
    }
    ScriptedDaemon& reply_error(std::uint64_t id, ErrorCode code, std::string detail = {}) {
        wire::encode(bytes_, wire::Reply{id, {code, std::move(detail)}, {}}, epoch);
        return *this;
    }
    ScriptedDaemon& event(std::uint64_t seq, std::string what) {
        wire::Event event;
        event.seq = seq;
        event.event = std::move(what);
        wire::encode(bytes_, event, epoch);
        return *this;
    }
    ScriptedDaemon& bye(ErrorCode code, std::string_view text = {}) {
        wire::encode(bytes_, wire::Bye{code, text});
        return *this;
    }
    ScriptedDaemon& pong(std::uint64_t nonce) {
        wire::encode_pong(bytes_, wire::Ping{nonce});
        return *this;
    }
    ScriptedDaemon& name_state(std::string name, bool up, std::uint64_t incarnation) {
        wire::NameState state;
        state.name = std::move(name);
        state.up = up;
        state.incarnation = incarnation;
        state.device = line(1).id();
        wire::encode(bytes_, state, epoch);
        return *this;
    }
    ScriptedDaemon& raw(std::string_view bytes) {
        bytes_.append(bytes);
        return *this;
    }

    /// What has been said since the last call.
    [[nodiscard]] std::string say() { return std::exchange(bytes_, {}); }

  private:
    std::string bytes_;
};

}  // namespace backplane
