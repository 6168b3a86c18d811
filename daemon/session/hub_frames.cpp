// SPDX-License-Identifier: Apache-2.0
/// Frames of a client: each hot frame is one event of the core; what cannot be ends the connection with its reason.
#include "daemon/session/hub.hpp"
#include "proto/wire/codec.hpp"

#include <algorithm>

namespace backplane::session {

using wire::FrameType;

void Hub::take(core::SessionIndex session, const wire::FrameView& frame) {
    Connection& connection = at(session);
    if (connection.state == ConnectionState::open && wire::is_from_client(frame.type) && wire::is_counted(frame.type)) [[likely]] {
        ++connection.operations;
        if (frame.type == FrameType::request) {
            take_request(session, frame);
            // One that is answered without the core counts all the same (decision 2).
            if (connection.state == ConnectionState::open && engine_.graph().session(session).operations != connection.operations) {
                step(core::Event::of(core::EventKind::session_asked, session));
            }
        } else {
            take_hot(session, frame);
        }
        if (frame.asks_ack() && connection.state == ConnectionState::open) {
            acknowledge_operations(session);
        }
        return;
    }
    if (!wire::is_known(frame.type)) {
        if (!frame.is_optional()) {
            cut(session, ErrorCode::unknown_frame, wire::frame_name(frame.type));
        }
        return;
    }
    if (frame.type == FrameType::hello) {
        take_hello(session, frame);
        return;
    }
    if (connection.state == ConnectionState::greeting || !wire::is_from_client(frame.type)) {
        const std::string_view why = connection.state == ConnectionState::greeting ? " before hello" : " comes from the daemon only";
        cut(session, ErrorCode::out_of_order, wire::frame_name(frame.type).append(why));
        return;
    }
    take_uncounted(session, frame);
}

void Hub::take_hot(core::SessionIndex session, const wire::FrameView& frame) {
    const char* wrong = nullptr;
    const std::uint64_t operation = at(session).operations;
    switch (frame.type) {
        case FrameType::create:
            if (wire::Create create; wire::read(frame, create, wrong)) {
                step(core::Event::create(session, create.id, create.managed, operation));
            }
            break;
        case FrameType::link:
            if (wire::LinkOperation link; wire::read(frame, link, wrong)) {
                step(core::Event::link(session, link.from, link.to, link.mode, frame.asks_ack(), operation));
            }
            break;
        case FrameType::unlink:
            if (wire::LinkOperation link; wire::read(frame, link, wrong)) {
                step(core::Event::unlink(session, link.from, link.to, link.mode, frame.asks_ack(), operation));
            }
            break;
        case FrameType::disconnect:
            if (wire::Disconnect end; wire::read(frame, end, wrong)) {
                step(core::Event::disconnect(session, end.id, end.fault, end.argument, end.cascade, end.text, operation));
            }
            break;
        case FrameType::shutdown:
            if (wire::Shutdown request; wire::read(frame, request, wrong)) {
                step(core::Event::shutdown_request(session, request.from, request.to, operation));
            }
            break;
        case FrameType::heartbeat:
            static_assert(core::heartbeat_ms_max == wire::heartbeat_ms_max);
            if (wire::Heartbeat sign; wire::read(frame, sign, wrong)) {
                step(core::Event::heartbeat(session, sign.id, sign.interval_ms, operation));
            }
            break;
        default:
            if (wire::Manage manage; wire::read(frame, manage, wrong)) {
                step(core::Event::manage(session, manage.id, manage.on, operation));
            }
            break;
    }
    if (wrong != nullptr) [[unlikely]] {
        cut(session, ErrorCode::malformed, wire::malformed_text(frame, wrong));
    }
}

void Hub::take_uncounted(core::SessionIndex session, const wire::FrameView& frame) {
    Connection& connection = at(session);
    const char* wrong = nullptr;
    if (frame.type == FrameType::ack) {
        if (wire::Ack ack; wire::read(frame, ack, wrong)) {
            if (ack.count > connection.sent || ack.count < engine_.graph().session(session).taken) {
                cut(session, ErrorCode::bad_ack,
                    ack.count > connection.sent ? "ack.count: more than was sent" : "ack.count: less than before");
                return;
            }
            step(core::Event::session_ack(session, ack.count));
            if (ack.count == connection.sent) {
                connection.sent_place = 0;  // the node is freed; the next one owed is the list's first
            }
        }
    } else if (frame.type == FrameType::ping) {
        if (wire::Ping ping; wire::read(frame, ping, wrong)) {
            wire::encode_pong(connection.outbox, ping);
            mark_dirty(session);
        }
    } else if (frame.type == FrameType::pong) {
        wire::Ping pong;  // nobody asked; it must be one all the same
        (void)wire::read(frame, pong, wrong);
    } else if (frame.type == FrameType::bye) {
        if (wire::Bye bye; wire::read(frame, bye, wrong)) {
            connection.saw_end = true;
            finish(session, {}, true);
        }
    }
    if (wrong != nullptr) {
        cut(session, ErrorCode::malformed, wire::malformed_text(frame, wrong));
    }
}

void Hub::take_hello(core::SessionIndex session, const wire::FrameView& frame) {
    if (at(session).state != ConnectionState::greeting) {
        cut(session, ErrorCode::out_of_order, "hello: a second one");
        return;
    }
    Expected<wire::Hello> hello = wire::decode_hello(frame);
    if (!hello) {
        cut(session, hello.error().code, hello.error().detail);
        return;
    }
    if (engine_.is_stopping()) {
        cut(session, ErrorCode::shutting_down, {});
        return;
    }
    ErrorCode resume_error = ErrorCode::ok;
    const core::SessionIndex away = hello->resume ? find_away(session, *hello->resume, resume_error) : core::daemon_session;
    if (away != core::daemon_session) {
        resume(session, away, *hello);
    } else {
        welcome(session, *hello, resume_error);
    }
}

void Hub::welcome(core::SessionIndex session, const wire::Hello& hello, ErrorCode resume_error) {
    Connection& connection = at(session);
    connection.client = hello.client;
    connection.state = ConnectionState::open;
    step(core::Event::session_greeted(session));
    wire::Welcome welcome = make_welcome(session, hello);
    welcome.resume_error = resume_error;
    granting_ = &welcome.grants;
    step(core::Event::grant(session, wire::grants_in_welcome, 0));
    granting_ = nullptr;
    wire::encode(connection.outbox, welcome);
    mark_dirty(session);
    pump(session);
}

}  // namespace backplane::session
