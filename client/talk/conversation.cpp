// SPDX-License-Identifier: Apache-2.0
/// The sending half of a Conversation: operations and requests to bytes. See conversation.hpp.
#include "client/talk/conversation.hpp"

#include "proto/wire/codec.hpp"

#include <algorithm>
#include <utility>

namespace backplane::talk {

namespace {

std::uint16_t flags_of(Ask ask) { return ask == Ask::acknowledgement ? wire::flag::ack : std::uint16_t{0}; }

/// The fields that the kind has a use for: the daemon refuses a frame that fills others.
wire::Disconnect to_frame(DeviceId id, const Fault& fault) {
    wire::Disconnect frame;
    frame.id = id;
    frame.fault = fault.kind;
    frame.text = fault.text;
    switch (fault.kind) {
        case FaultKind::cascade:
            frame.cascade = fault.cascade;
            // A cascade must name whom it came from; without a name it is an error like any other.
            frame.fault = fault.cascade ? FaultKind::cascade : FaultKind::error;
            break;
        case FaultKind::timeout:
            // The one kind whose argument the daemon judges by its value.
            frame.argument = std::clamp(fault.argument, 1, 3);
            break;
        case FaultKind::drop:
        case FaultKind::error:
        case FaultKind::exit:
        case FaultKind::signal: frame.argument = fault.argument; break;
        default: break;
    }
    return frame;
}

}  // namespace

Conversation::Conversation(std::string_view client, Comeback comeback)
    : client_(client), session_(std::move(comeback.session)), token_(std::move(comeback.token)), may_return_(comeback.allowed) {
    say_hello(std::nullopt);
}

void Conversation::say_hello(std::optional<wire::Resume> resume) {
    wire::Hello hello;
    hello.version_min = wire::version_min;
    hello.version_max = wire::version_max;
    hello.client = client_;
    hello.resume = std::move(resume);
    outbox_.add([&](std::string& out) { wire::encode(out, hello); });
}

void Conversation::say_bye() {
    if (!over_) {
        if (!is_apart()) {
            outbox_.add([](std::string& out) { wire::encode(out, wire::Bye{}); });
        }
        end(Error{ErrorCode::closed, "closed by this client"});
    }
}

std::optional<DeviceId> Conversation::create(bool managed) {
    if (over_) {
        return std::nullopt;
    }
    const auto id = ids_.take();
    top_up_ids();
    if (id) {
        outbox_.add_counted([&](std::string& out) { wire::encode(out, wire::Create{*id, managed}); });
        inboxes_.open(*id);
    }
    return id;
}

Expected<std::uint64_t> Conversation::link(DeviceId from, const Line& to, LinkMode mode, Ask ask) {
    if (auto checked = check_ends(from, to); !checked) {
        return unexpected(checked.error());
    }
    if (mode == LinkMode::none) {
        return unexpected(ErrorCode::invalid_argument, "a link has a mode");
    }
    if (is_foreign(to)) {
        if (ask == Ask::acknowledgement) {
            return unexpected(ErrorCode::link_down, to.text() + " is of another epoch: unreachable");
        }
        answer_foreign(from, to, has(mode, LinkMode::monitor), "link");
        return std::uint64_t{0};
    }
    return send_link(from, to.id(), mode, ask);
}

std::uint64_t Conversation::send_link(DeviceId from, DeviceId to, LinkMode mode, Ask ask) {
    const wire::LinkOperation frame{from, to, mode};
    const auto operation = outbox_.add_counted([&](std::string& out) { wire::encode_link(out, frame, flags_of(ask)); });
    if (ask == Ask::acknowledgement) {
        awaited_.add(operation, {});
    }
    return operation;
}

Expected<std::uint64_t> Conversation::unlink(DeviceId from, const Line& to, LinkMode mode, Ask ask) {
    if (auto checked = check_ends(from, to); !checked) {
        return unexpected(checked.error());
    }
    if (mode == LinkMode::none || is_foreign(to)) {
        return std::uint64_t{0};  // bits that are not set: a silent success (L-3)
    }
    return send_unlink(from, to.id(), mode, ask);
}

std::uint64_t Conversation::send_unlink(DeviceId from, DeviceId to, LinkMode mode, Ask ask) {
    const bool flushes = has(mode, LinkMode::monitor) && inboxes_.is_known(from);
    if (flushes && ask == Ask::nothing) {
        inboxes_.take_back(from, to);
    }
    const wire::LinkOperation frame{from, to, mode};
    const auto operation = outbox_.add_counted([&](std::string& out) { wire::encode_unlink(out, frame, flags_of(ask)); });
    if (ask == Ask::acknowledgement) {
        awaited_.add(operation, flushes ? Awaited::Edge{from, to} : Awaited::Edge{});
    }
    return operation;
}

Expected<std::uint64_t> Conversation::link_lines(const Line& from, const Line& to, LinkMode mode, Ask ask) {
    if (auto checked = check_lines(from, to); !checked) {
        return unexpected(checked.error());
    }
    if (mode == LinkMode::none) {
        return unexpected(ErrorCode::invalid_argument, "a link has a mode");
    }
    // There is nobody here whom a notice could tell: what cannot be is said at once (L-7: the calling end is judged first).
    if (is_foreign(from)) {
        return unexpected(ErrorCode::device_down, from.text() + " is of another epoch: unreachable");
    }
    if (is_foreign(to)) {
        return unexpected(ErrorCode::link_down, to.text() + " is of another epoch: unreachable");
    }
    return send_link(from.id(), to.id(), mode, ask);
}

Expected<std::uint64_t> Conversation::unlink_lines(const Line& from, const Line& to, LinkMode mode, Ask ask) {
    if (auto checked = check_lines(from, to); !checked) {
        return unexpected(checked.error());
    }
    if (mode == LinkMode::none || is_foreign(from) || is_foreign(to)) {
        return std::uint64_t{0};
    }
    return send_unlink(from.id(), to.id(), mode, ask);
}

Expected<void> Conversation::request_shutdown(DeviceId from, const Line& to) {
    if (over_) {
        return unexpected(*over_);
    }
    if (!to) {
        return unexpected(ErrorCode::invalid_argument, "a line that names no Device");
    }
    if (is_foreign(to)) {
        answer_foreign(from, to, false, "shutdown");
        return {};
    }
    const wire::Shutdown frame{from, to.id()};
    outbox_.add_counted([&](std::string& out) { wire::encode_shutdown(out, frame); });
    return {};
}

void Conversation::manage(DeviceId id, bool on) {
    if (!over_ && inboxes_.is_live(id)) {
        outbox_.add_counted([&](std::string& out) { wire::encode(out, wire::Manage{id, on}); });
    }
}

void Conversation::disconnect(DeviceId id, const Fault& fault) {
    if (!over_ && inboxes_.is_live(id)) {
        const wire::Disconnect frame = to_frame(id, fault);
        outbox_.add_counted([&](std::string& out) { wire::encode(out, frame); });
        tasks_.erase(id.value);  // that was its end
    }
    say_task(id, "over");
    forget(id);
}

void Conversation::release(DeviceId id) {
    Fault drop;
    drop.kind = FaultKind::drop;
    disconnect(id, drop);
}

std::uint64_t Conversation::ping() {
    last_ping_ += 1;
    if (!is_apart()) {
        outbox_.add([&](std::string& out) { wire::encode_ping(out, wire::Ping{last_ping_}); });
    }
    return last_ping_;
}

std::uint64_t Conversation::send_request(wire::Request request, Waiting waiting) {
    Calls::Open& call = calls_.begin(std::move(request), waiting);
    const std::uint64_t id = call.request.id;
    if (over_) {
        calls_.finish(id, unexpected(*over_));
        return id;
    }
    call.request.epoch = epoch_;
    call.operation = outbox_.add_counted([&](std::string& out) { wire::encode(out, call.request); });
    const bool is_users = waiting == Waiting::user;
    if (is_users && (call.request.call == wire::Call::subscribe || call.request.call == wire::Call::unsubscribe)) {
        subscription_.asked(call.request);
    }
    return id;
}

Expected<void> Conversation::check_ends(DeviceId from, const Line& to) const {
    if (over_) {
        return unexpected(*over_);
    }
    if (!inboxes_.is_live(from)) {
        return unexpected(ErrorCode::device_down, "this Device is gone");
    }
    if (!to) {
        return unexpected(ErrorCode::invalid_argument, "a line that names no Device");
    }
    if (to.id() == from && !is_foreign(to)) {
        return unexpected(ErrorCode::self_link, to.text());
    }
    return {};
}

Expected<void> Conversation::check_lines(const Line& from, const Line& to) const {
    if (over_) {
        return unexpected(*over_);
    }
    if (!from || !to) {
        return unexpected(ErrorCode::invalid_argument, "a line that names no Device");
    }
    if (from == to) {
        return unexpected(ErrorCode::self_link, to.text());
    }
    return {};
}

/// A line of another epoch is gone for good. The answer is the one that the daemon would give for a dead target
/// (L-9): a notice to whoever wants to depend on it, otherwise a refusal.
void Conversation::answer_foreign(DeviceId from, const Line& to, bool depends, std::string_view operation) {
    if (depends) {
        Fault fault;
        fault.kind = FaultKind::unreachable;
        arrivals_ += inboxes_.put(from, Disconnected{to, std::move(fault)}) ? 1U : 0U;
        return;
    }
    Error error{ErrorCode::link_down, to.text() + " is of another epoch: unreachable"};
    tell(Refused{std::move(error), std::string{operation}, Line{epoch_, from}, to});
}

void Conversation::top_up_ids() {
    if (!greeted_ || over_) {
        return;
    }
    if (const std::uint32_t pages = ids_.pages_to_ask(); pages != 0) {
        ids_refused_.reset();
        wire::Request request;
        request.call = wire::Call::grant;
        request.count = pages;
        send_request(std::move(request), Waiting::library);
    }
}

void Conversation::tell(ClientEvent event) {
    news_.add(std::move(event));
    arrivals_ += 1;
}

void Conversation::end(Error why) {
    if (over_) {
        return;
    }
    over_ = std::move(why);
    Fault fault;
    fault.kind = FaultKind::unreachable;
    fault.text = "connection lost";
    inboxes_.end_all(fault);
    calls_.fail_all(*over_);
    awaited_.fail_all(*over_);
    tell(ConnectionLost{*over_});
}

}  // namespace backplane::talk
