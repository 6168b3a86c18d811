// SPDX-License-Identifier: Apache-2.0
/// Connections: their indexes, their bytes, their ends, and the pressure that a slow reader meets.
#include "daemon/session/hub.hpp"

#include "proto/wire/codec.hpp"

#include <algorithm>

namespace backplane::session {

namespace {
constexpr std::int64_t stalled_ns = wire::stalled_timeout_ms * 1'000'000;
/// What a finished connection may still have to write before the driver gives up on it.
constexpr std::size_t written_compaction = 64 * 1024;
}  // namespace

Hub::Hub(core::Engine& engine, HubOptions options) : engine_(engine), options_(std::move(options)) {
    connections_.emplace_back();  // index 0 is the daemon's own
}

void Hub::set_time(Instant now, std::int64_t wall_us) {
    if (started_.ns == 0) {
        started_ = now;
    }
    now_ = now;
    wall_us_ = wall_us;
}

// ---- indexes ---------------------------------------------------------------------------------------------------------

core::SessionIndex Hub::free_index() {
    for (std::size_t i = 0; i < released_.size(); ++i) {
        const core::SessionIndex candidate = released_[i];
        // The core may still be dropping the Devices of the last holder (decision 11).
        if (engine_.graph().session(candidate).closing == 0) {
            released_[i] = released_.back();
            released_.pop_back();
            return candidate;
        }
        if (i == 8) {
            break;
        }
    }
    connections_.emplace_back();
    return static_cast<core::SessionIndex>(connections_.size() - 1);
}

core::SessionIndex Hub::accept(const PeerFacts& peer) {
    const core::SessionIndex session = free_index();
    connections_[session] = std::make_unique<Connection>();
    Connection& made = at(session);
    made.peer = peer;
    ++open_;
    step(core::Event::session_open(session, peer.uid, peer.pid, peer.worker, peer.generation, peer.token));
    if (peer.uid != 0 && peer.uid != options_.uid) {
        cut(session, ErrorCode::forbidden_peer, "only root and the daemon's own user may connect");
        return session;
    }
    std::size_t same_user = 0;
    for (const auto& other : connections_) {
        same_user += other && other->state != ConnectionState::finished && other->peer.uid == peer.uid ? 1U : 0U;
    }
    if (same_user > options_.sessions_per_user && peer.worker == core::no_child) {
        cut(session, ErrorCode::too_many_connections, "sessions_per_user_max");
    }
    return session;
}

void Hub::release(core::SessionIndex session) {
    Connection& connection = at(session);
    if (connection.state != ConnectionState::finished) {
        finish(session, {});
    }
    connections_[session].reset();
    std::erase(pressed_, session);
    std::erase(dirty_, session);
    released_.push_back(session);
    --open_;
}

void Hub::mark_dirty(core::SessionIndex session) {
    Connection& connection = at(session);
    if (!connection.dirty) {
        connection.dirty = true;
        dirty_.push_back(session);
    }
}

void Hub::take_dirty(std::vector<core::SessionIndex>& sessions) {
    sessions.clear();
    sessions.swap(dirty_);
    for (const core::SessionIndex session : sessions) {
        at(session).dirty = false;
    }
}

// ---- ends ------------------------------------------------------------------------------------------------------------

/// From here nothing of this session is carried out or told. `why` becomes the detail of its Devices' drops.
void Hub::finish(core::SessionIndex session, std::string_view why, bool said_bye) {
    Connection& connection = at(session);
    connection.state = ConnectionState::finished;
    connection.inbox.clear();
    connection.requests.clear();
    connection.subscription = Subscription{};
    std::erase(subscribers_, session);
    std::erase_if(waiting_logs_, [session](const WaitingLogs& waiting) { return waiting.session == session; });
    mark_dirty(session);
    step(core::Event::session_close(session, why, said_bye));
}

void Hub::cut(core::SessionIndex session, ErrorCode code, std::string_view why) {
    Connection& connection = at(session);
    if (connection.state == ConnectionState::finished) {
        return;
    }
    ++refusals_[static_cast<std::size_t>(code) % refusals_.size()];
    std::string text{why.substr(0, wire::text_bytes_max)};
    wire::encode(connection.outbox, wire::Bye{code, text});
    lines_.push_back("session " + std::to_string(session) + " (pid " + std::to_string(connection.peer.pid) + ", uid " +
                     std::to_string(connection.peer.uid) + ") cut: " + std::string{error_name(code)} + ": " + text);
    const bool has_socket = connection.state != ConnectionState::away;
    finish(session, code == ErrorCode::closed ? std::string_view{} : error_name(code));
    if (!has_socket) {
        release(session);
    }
}

void Hub::ended(core::SessionIndex session) {
    Connection& connection = at(session);
    connection.saw_end = true;
    if (connection.state == ConnectionState::finished) {
        mark_dirty(session);
        return;
    }
    drain_inbox(session, true);  // T-6: complete requests that were read are carried out
    if (connection.state != ConnectionState::finished) {
        finish(session, {});
    }
}

void Hub::say_bye() {
    for (core::SessionIndex session = 1; session < connections_.size(); ++session) {
        if (connections_[session] && at(session).state != ConnectionState::finished) {
            wire::encode(at(session).outbox, wire::Bye{ErrorCode::shutting_down, {}});
            finish(session, {});
        }
    }
}

bool Hub::is_finished(core::SessionIndex session) const { return connections_[session]->state == ConnectionState::finished; }

// ---- bytes in --------------------------------------------------------------------------------------------------------

void Hub::receive(core::SessionIndex session, wire::Bytes bytes) {
    Connection& connection = at(session);
    if (connection.state == ConnectionState::finished) {
        return;
    }
    if (connection.inbox.empty()) {
        const std::size_t taken = take_frames(session, bytes, false);
        if (connection.state != ConnectionState::finished) {
            connection.inbox.assign(reinterpret_cast<const char*>(bytes.data()) + taken, bytes.size() - taken);
        }
    } else {
        connection.inbox.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        drain_inbox(session, false);
    }
    if (connection.state == ConnectionState::open) {
        acknowledge_operations(session);
    }
    watch_mark(session);
}

void Hub::drain_inbox(core::SessionIndex session, bool regardless) {
    Connection& connection = at(session);
    if (connection.inbox.empty()) {
        return;
    }
    std::string bytes;
    bytes.swap(connection.inbox);  // a frame may end the connection, which clears the inbox
    const std::size_t taken = take_frames(session, std::as_bytes(std::span{bytes}), regardless);
    if (connection.state != ConnectionState::finished) {
        bytes.erase(0, taken);
        connection.inbox = std::move(bytes);
    }
}

/// Carries out whole frames; answers how many bytes they took. Stops at the mark (decision 4), unless nobody reads any more.
std::size_t Hub::take_frames(core::SessionIndex session, wire::Bytes bytes, bool regardless) {
    Connection& connection = at(session);
    std::size_t taken = 0;
    while (connection.state != ConnectionState::finished && (regardless || !over_mark(connection))) {
        const wire::FrameResult next = wire::next_frame(bytes.subspan(taken));
        if (next.status == wire::FrameStatus::incomplete) {
            break;
        }
        if (next.status == wire::FrameStatus::wrong) {
            cut(session, next.error.code, next.error.detail);
            break;
        }
        taken += next.size;
        take(session, next.frame);
    }
    return taken;
}

/// One cumulative acknowledgement for what a read brought, where none was asked for (decision 2).
void Hub::acknowledge_operations(core::SessionIndex session) {
    Connection& connection = at(session);
    if (connection.told != connection.operations && connection.settles_at == 0) {
        connection.told = connection.operations;
        wire::encode(connection.outbox, wire::Ack{connection.operations});
        mark_dirty(session);
    }
}

// ---- bytes out -------------------------------------------------------------------------------------------------------

std::string_view Hub::outbox(core::SessionIndex session) const {
    const Connection& connection = *connections_[session];
    return std::string_view{connection.outbox}.substr(connection.written);
}

void Hub::wrote(core::SessionIndex session, std::size_t bytes) {
    Connection& connection = at(session);
    connection.written += bytes;
    if (connection.written == connection.outbox.size()) {
        connection.outbox.clear();
        connection.written = 0;
    } else if (connection.written >= written_compaction) {
        connection.outbox.erase(0, connection.written);
        connection.written = 0;
    }
    if (connection.over_mark_since == 0 || over_mark(connection) || connection.state == ConnectionState::finished) {
        return;
    }
    connection.over_mark_since = 0;
    std::erase(pressed_, session);
    pump(session);
    catch_up(session);
    if (connection.state == ConnectionState::open || connection.state == ConnectionState::greeting) {
        drain_inbox(session, false);
    }
    if (connection.state == ConnectionState::open) {
        acknowledge_operations(session);
    }
    watch_mark(session);
}

bool Hub::wants_read(core::SessionIndex session) const {
    const Connection& connection = *connections_[session];
    return connection.state != ConnectionState::finished && !connection.saw_end && connection.over_mark_since == 0;
}

/// Notes when the outbox came over its mark; one that grows without bound or end is a slow consumer (T-7).
void Hub::watch_mark(core::SessionIndex session) {
    Connection& connection = at(session);
    if (connection.state == ConnectionState::finished || !over_mark(connection)) {
        return;
    }
    if (connection.outbox.size() - connection.written > wire::outbox_bytes_max) {
        connection.outbox.resize(connection.written);  // what it does not read it does not need
        cut(session, ErrorCode::slow_consumer, "outbox_bytes_max");
    } else if (connection.over_mark_since == 0) {
        connection.over_mark_since = std::max<std::int64_t>(now_.ns, 1);
        pressed_.push_back(session);
    }
}

void Hub::cut_stalled() {
    for (std::size_t i = pressed_.size(); i-- > 0;) {
        const core::SessionIndex session = pressed_[i];
        if (at(session).over_mark_since + stalled_ns <= now_.ns) {
            pressed_.erase(pressed_.begin() + static_cast<std::ptrdiff_t>(i));
            at(session).outbox.resize(at(session).written);
            cut(session, ErrorCode::slow_consumer, "stalled_timeout_ms");
        }
    }
}

void Hub::put_off(Instant until) {
    for (const core::SessionIndex session : pressed_) {
        at(session).over_mark_since = std::max(at(session).over_mark_since, until.ns - stalled_ns);
    }
}

Instant Hub::next_deadline() const {
    Instant next = engine_.next_deadline();
    for (const core::SessionIndex session : pressed_) {
        next = std::min(next, Instant{connections_[session]->over_mark_since + stalled_ns});
    }
    return next;
}

}  // namespace backplane::session
