// SPDX-License-Identifier: Apache-2.0
/// The receiving half of a Conversation: bytes to frames to what the user sees. See conversation.hpp.
///
/// A daemon that breaks the protocol ends the conversation, with an error that names the field: going on would mean to
/// guess which notices were meant.
#include "client/talk/conversation.hpp"

#include "proto/wire/codec.hpp"

#include <algorithm>
#include <utility>

namespace backplane::talk {

namespace {

/// The daemon would charge us for more than so many counted frames that we have not acknowledged.
constexpr std::uint64_t frames_per_ack_max = 64;

Fault to_fault(const wire::Notice& notice) {
    Fault fault;
    fault.kind = notice.fault;
    fault.root_kind = notice.root_fault;
    fault.hops = notice.hops;
    fault.argument = notice.argument;
    fault.root_argument = notice.root_argument;
    fault.cascade = notice.cascade;
    fault.root = notice.root;
    fault.text = notice.text;
    return fault;
}

/// Refusals that are the ordinary outcome of a race and no news to anybody: a Device that went before it was told to
/// go (D-4), a link taken away from what had gone by itself (T-5).
bool is_expected(const wire::Refusal& refusal) {
    const bool gone = refusal.code == ErrorCode::device_down || refusal.code == ErrorCode::link_down || refusal.code == ErrorCode::was_down;
    switch (refusal.refused) {
        case wire::FrameType::unlink: return gone;
        case wire::FrameType::disconnect:
        case wire::FrameType::manage: return refusal.code == ErrorCode::device_down;
        default: return false;
    }
}

}  // namespace

Expected<void> Conversation::take(wire::Bytes bytes, Instant now) {
    if (over_) {
        return unexpected(*over_);
    }
    if (state_ == State::away) {
        return {};  // of a stream that is lost already
    }
    now_ = now;
    const bool continued = !partial_.empty();
    if (continued) {
        partial_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        bytes = std::as_bytes(std::span{partial_});
    }
    wire::FrameResult result = wire::next_frame(bytes);
    while (result.status == wire::FrameStatus::whole && !over_) {
        if (auto done = on_frame(result.frame); !done) {
            outbox_.add([&](std::string& out) { wire::encode(out, wire::Bye{done.error().code, done.error().detail}); });
            end(done.error());
            break;
        }
        bytes = bytes.subspan(result.size);
        result = wire::next_frame(bytes);
    }
    if (result.status == wire::FrameStatus::wrong) {
        end(result.error);
    }
    if (over_) {
        return unexpected(*over_);
    }
    keep_rest(bytes, continued);
    acknowledge();
    return {};
}

/// Keeps the beginning of a frame for the bytes that will follow. `rest` may lie within what is kept already.
void Conversation::keep_rest(wire::Bytes rest, bool continued) {
    if (continued && rest.size() == partial_.size()) {
        return;  // nothing was taken out of it
    }
    std::string kept{reinterpret_cast<const char*>(rest.data()), rest.size()};
    partial_ = std::move(kept);
}

Expected<void> Conversation::on_frame(const wire::FrameView& frame) {
    if (!wire::is_known(frame.type)) {
        return frame.is_optional() ? Expected<void>{} : unexpected(ErrorCode::unknown_frame, wire::frame_name(frame.type));
    }
    const bool is_open = state_ == State::open;
    const bool too_early = !is_open && frame.type != wire::FrameType::welcome && frame.type != wire::FrameType::bye;
    const bool again = is_open && frame.type == wire::FrameType::welcome;
    if (too_early || again || !wire::is_from_daemon(frame.type)) {
        return unexpected(ErrorCode::out_of_order, wire::frame_name(frame.type));
    }
    if (wire::is_counted(frame.type)) {
        received_ += 1;
        if (received_ - acknowledged_ >= frames_per_ack_max) {
            acknowledge();
        }
    }
    return dispatch(frame);
}

Expected<void> Conversation::dispatch(const wire::FrameView& frame) {
    switch (frame.type) {
        case wire::FrameType::welcome: return on_welcome(frame);
        case wire::FrameType::notice: return on_notice(frame);
        case wire::FrameType::ended: return on_ended(frame);
        case wire::FrameType::shutdown_requested: return on_shutdown_requested(frame);
        case wire::FrameType::refusal: return on_refusal(frame);
        case wire::FrameType::ack: return on_ack(frame);
        case wire::FrameType::ping: return on_ping(frame);
        case wire::FrameType::pong: return on_pong(frame);
        case wire::FrameType::bye: return on_bye(frame);
        case wire::FrameType::reply: return on_reply(frame);
        case wire::FrameType::event: return on_event(frame);
        case wire::FrameType::name_state: return on_name_state(frame);
        case wire::FrameType::start_task: return on_start_task(frame);
        default: return {};  // `withdrawn` was counted, and that is all there is to it
    }
}

/// Tells the daemon how far we are, if there is news for it: what it need not keep any more.
void Conversation::acknowledge() {
    if (received_ != acknowledged_ && state_ == State::open) {
        acknowledged_ = received_;
        outbox_.add([&](std::string& out) { wire::encode(out, wire::Ack{received_}); });
    }
}

Expected<void> Conversation::on_welcome(const wire::FrameView& frame) {
    auto welcome = wire::decode_welcome(frame);
    if (!welcome) {
        return unexpected(welcome.error());
    }
    if (welcome->version < wire::version_min || welcome->version > wire::version_max) {
        return unexpected(ErrorCode::unsupported_version, "welcome.version: " + std::to_string(welcome->version));
    }
    if (state_ == State::returning) {
        return on_return(std::move(*welcome));
    }
    if (welcome->resumed) {
        return unexpected(ErrorCode::malformed, "welcome.resumed: nobody asked for it");
    }
    take_welcome(std::move(*welcome));
    return {};
}

/// What every welcome brings, a fresh one and that of a resume alike.
void Conversation::take_welcome(wire::Welcome&& welcome) {
    if (welcome.device && !greeted_) {
        inboxes_.open(welcome.device);  // once: a Device that has ended or was let go of does not come back
    }
    state_ = State::open;
    greeted_ = true;
    epoch_ = welcome.epoch;
    session_ = std::move(welcome.session);
    token_ = std::move(welcome.token);
    own_device_ = welcome.device;
    for (const wire::Grant& grant : welcome.grants) {
        ids_.add(grant);
    }
    for (const auto& [name, value] : welcome.limits) {
        if (name == "resume_grace_ms") {
            constexpr std::uint64_t year_ms = 365ULL * 24 * 3600 * 1000;  // far enough from what a Duration can hold
            grace_ = Duration::milliseconds(static_cast<std::int64_t>(std::min(value, year_ms)));
        }
    }
}

Expected<void> Conversation::on_notice(const wire::FrameView& frame) {
    const auto notice = wire::decode_notice(frame);
    if (!notice) {
        return unexpected(notice.error());
    }
    Disconnected message{Line{epoch_, notice->about}, std::nullopt};
    if (notice->fault != FaultKind::none) {
        message.fault = to_fault(*notice);
    }
    arrivals_ += inboxes_.put(notice->to, std::move(message)) ? 1U : 0U;
    return {};
}

Expected<void> Conversation::on_ended(const wire::FrameView& frame) {
    const auto notice = wire::decode_notice(frame);
    if (!notice) {
        return unexpected(notice.error());
    }
    const Line by = notice->cascade ? Line{epoch_, notice->cascade} : Line{};
    inboxes_.end(notice->to, Ending{to_fault(*notice), by});
    arrivals_ += 1;
    return {};
}

Expected<void> Conversation::on_shutdown_requested(const wire::FrameView& frame) {
    const auto request = wire::decode_shutdown(frame);
    if (!request) {
        return unexpected(request.error());
    }
    const Line from = request->from ? Line{epoch_, request->from} : Line{};
    arrivals_ += inboxes_.put(request->to, Shutdown{from}) ? 1U : 0U;
    return {};
}

Expected<void> Conversation::on_refusal(const wire::FrameView& frame) {
    const auto refusal = wire::decode_refusal(frame);
    if (!refusal) {
        return unexpected(refusal.error());
    }
    Error error{refusal->code, std::string{refusal->text}};
    if (awaited_.refuse(refusal->operation, error) || is_expected(*refusal)) {
        return {};
    }
    if (refusal->refused == wire::FrameType::create) {
        // The Device never came to be: to its user it was dropped.
        Fault fault;
        fault.kind = FaultKind::drop;
        fault.text = error.text();
        inboxes_.end(refusal->device, Ending{std::move(fault), Line{}});
    }
    const Line other = refusal->other ? Line{epoch_, refusal->other} : Line{};
    tell(Refused{std::move(error), wire::frame_name(refusal->refused), Line{epoch_, refusal->device}, other});
    return {};
}

Expected<void> Conversation::on_ack(const wire::FrameView& frame) {
    const auto ack = wire::decode_ack(frame);
    if (!ack) {
        return unexpected(ack.error());
    }
    if (!outbox_.acknowledge(ack->count)) {
        return unexpected(ErrorCode::bad_ack, "ack.count: " + std::to_string(ack->count));
    }
    // Here and not when the caller asks: a notice of a link laid again behind the unlink must stay (T-5).
    awaited_.acknowledge(ack->count, [this](const Awaited::Edge& edge) { return inboxes_.take_back(edge.from, edge.about); });
    return {};
}

Expected<void> Conversation::on_ping(const wire::FrameView& frame) {
    const auto ping = wire::decode_ping(frame);
    if (!ping) {
        return unexpected(ping.error());
    }
    outbox_.add([&](std::string& out) { wire::encode_pong(out, *ping); });
    return {};
}

Expected<void> Conversation::on_pong(const wire::FrameView& frame) {
    const auto pong = wire::decode_ping(frame);
    if (!pong) {
        return unexpected(pong.error());
    }
    last_pong_ = pong->nonce;
    return {};
}

Expected<void> Conversation::on_bye(const wire::FrameView& frame) {
    const auto bye = wire::decode_bye(frame);
    if (!bye) {
        return unexpected(bye.error());
    }
    end(Error{bye->code, std::string{bye->text}});
    return {};
}

Expected<void> Conversation::on_reply(const wire::FrameView& frame) {
    const auto id = wire::decode_reply_id(frame);
    if (!id) {
        return unexpected(id.error());
    }
    const Calls::Open* call = calls_.open_call(*id);
    if (call == nullptr) {
        return unexpected(ErrorCode::malformed, "reply.id: no request " + std::to_string(*id) + " is open");
    }
    const wire::Call kind = call->request.call;
    auto reply = wire::decode_reply(frame, kind);
    if (!reply) {
        return unexpected(reply.error());
    }
    // What was to be gone is gone, by the first request if the one that asked again does not find it.
    const bool by_the_first =
        call->again && reply->error.code == ErrorCode::not_found && (kind == wire::Call::release_name || kind == wire::Call::unwatch_name);
    if (by_the_first) {
        reply->error = Error{};
    }
    if (kind == wire::Call::grant) {
        on_grants(*reply);
    } else if (kind == wire::Call::subscribe) {
        on_subscribed(*call, reply->error);
    } else if (kind == wire::Call::label) {
        on_labelled(*call, reply->error);
    }
    if (reply->error.code != ErrorCode::ok) {
        calls_.finish(*id, unexpected(std::move(reply->error)));
    } else {
        calls_.finish(*id, to_answer(std::move(*reply), epoch_));
    }
    return {};
}

void Conversation::on_subscribed(const Calls::Open& call, const Error& refusal) {
    if (refusal.code == ErrorCode::ok) {
        if (auto gap = subscription_.granted(call.request)) {
            tell(std::move(*gap));
        }
    } else if (call.waiting == Waiting::library) {
        // Nobody asked just now who could be answered, and the log has an end that its reader must hear of.
        subscription_.refused();
        tell(Refused{refusal, "subscribe", Line{}, Line{}});
    }
}

void Conversation::on_grants(const wire::Reply& reply) {
    ids_.answered();
    if (reply.error.code != ErrorCode::ok) {
        ids_refused_ = reply.error;
    }
    if (const auto* grants = std::get_if<wire::Grants>(&reply.body)) {
        for (const wire::Grant& grant : grants->grants) {
            ids_.add(grant);
        }
    }
}

Expected<void> Conversation::on_event(const wire::FrameView& frame) {
    auto event = wire::decode_event(frame);
    if (!event) {
        return unexpected(event.error());
    }
    LogEvent told = to_log_event(std::move(*event), epoch_);
    subscription_.saw(told);
    tell(std::move(told));
    return {};
}

Expected<void> Conversation::on_name_state(const wire::FrameView& frame) {
    auto state = wire::decode_name_state(frame);
    if (!state) {
        return unexpected(state.error());
    }
    tell(to_name_change(std::move(*state), epoch_));
    return {};
}

}  // namespace backplane::talk
