// SPDX-License-Identifier: Apache-2.0
/// Reading, writing and closing.
#include "daemon/shell/connection.hpp"

#include "daemon/process/features.hpp"
#include "daemon/process/peer.hpp"
#include "daemon/shell/clock.hpp"
#include "daemon/shell/log.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <utility>

namespace backplane::shell {
namespace {

/// A pidfd's marks carry this bit beside the session.
constexpr std::uint64_t of_peer = 1ULL << 32U;
/// What a dead process left is read in so many reads at most: another holder of the socket may write on for ever.
constexpr int drain_reads_max = 16;
/// Writing may make room for more that the hub had waiting; so often it is asked again in one tick.
constexpr int flush_rounds_max = 4;

bool is_transient(int error_number) {
    return error_number == EAGAIN || error_number == EINTR || error_number == ENOBUFS || error_number == ENOMEM;
}

}  // namespace

Connections::Connections(uv_loop_t* loop, session::Hub& hub)
    : loop_(loop), hub_(hub), watches_peers_(process::kernel_features().peer_pidfd), buffer_(read_bytes_max) {}

// ---- coming ------------------------------------------------------------------------------------------------------------

void Connections::add_client(process::Descriptor socket) {
    auto connection = std::make_unique<Connection>();
    const auto known = process::peer_credentials(socket.get());
    if (!known) {
        return;  // the peer is gone already
    }
    session::PeerFacts peer;
    peer.uid = known->uid;
    peer.gid = known->gid;
    peer.pid = known->pid;
    if (watches_peers_) {
        connection->peer = process::peer_pidfd(socket.get());
        // Reaped already: what it wrote is all that will come (T-8). A pid of 0 is in a namespace that we cannot see.
        connection->must_drain = !connection->peer && peer.pid != 0 && kill(peer.pid, 0) != 0 && errno == ESRCH;
    }
    connection->socket = std::move(socket);
    const core::SessionIndex session = add(std::move(connection), peer);
    Connection* made = find(session);
    if (made == nullptr) {
        return;
    }
    if (made->must_drain) {
        mark_ready(session, *made);
    }
}

core::SessionIndex Connections::add_worker(process::Descriptor socket, core::ChildIndex child, std::uint32_t generation, std::int32_t pid) {
    auto connection = std::make_unique<Connection>();
    connection->socket = std::move(socket);
    connection->worker = child;
    connection->generation = generation;
    session::PeerFacts peer;
    peer.uid = geteuid();
    peer.gid = getegid();
    peer.pid = pid;
    peer.worker = child;
    peer.generation = generation;
    return add(std::move(connection), peer);
}

core::SessionIndex Connections::add(std::unique_ptr<Connection> connection, const session::PeerFacts& peer) {
    session::PeerFacts facts = peer;
    facts.token = core::Token{random_bits(), random_bits()};
    const core::SessionIndex session = hub_.accept(facts);
    if (session >= connections_.size()) {
        connections_.resize(session + std::size_t{1});
    }
    Connection& made = *(connections_[session] = std::move(connection));
    ++count_;
    if (!watch(session, made)) {
        log_warning("session " + std::to_string(session) + ": its socket cannot be watched");
        end(session, made);
    }
    return session;
}

/// Socket and peer, under this session's number.
bool Connections::watch(core::SessionIndex session, Connection& connection) {
    if (connection.peer && !connection.must_drain &&
        connection.peer_watch.start(loop_, connection.peer.get(), watch_readable, *this, session | of_peer) != 0) {
        log_warning("a client's process cannot be watched: its death shows by its socket alone");
    }
    return connection.socket_watch.start(loop_, connection.socket.get(), watch_readable, *this, session) == 0;
}

void Connections::close_worker(core::SessionIndex session) {
    if (find(session) != nullptr) {
        close(session);
    }
}

/// A hello that took up another session: the socket speaks for that one from here on (T-10).
void Connections::move_sockets() {
    hub_.take_moves(moves_);
    for (const session::Move& move : moves_) {
        if (move.to >= connections_.size()) {
            connections_.resize(move.to + std::size_t{1});
        }
        Connection& moved = *(connections_[move.to] = std::move(connections_[move.from]));
        hub_.release(move.from);
        moved.socket_watch.stop();
        moved.peer_watch.stop();
        const session::PeerFacts& peer = hub_.peer(move.to);
        moved.worker = peer.worker;
        moved.generation = peer.generation;
        if (std::exchange(moved.has_ended, false) || !watch(move.to, moved)) {
            end(move.to, moved);
        }
        if (std::exchange(moved.is_ready, false)) {
            mark_ready(move.to, moved);
        }
    }
}

Connections::Connection* Connections::find(core::SessionIndex session) {
    return session < connections_.size() ? connections_[session].get() : nullptr;
}

// ---- in ----------------------------------------------------------------------------------------------------------------

void Connections::on_ready(std::uint64_t token, unsigned events) noexcept {
    const auto session = static_cast<core::SessionIndex>(token);
    Connection* connection = find(session);
    if (connection == nullptr) {
        return;
    }
    if ((token & of_peer) != 0) {
        connection->peer_watch.stop();  // a pidfd stays readable
        connection->must_drain = true;
        mark_ready(session, *connection);
        return;
    }
    if ((events & watch_broken) != 0) {
        connection->must_drain = true;
    }
    if ((events & (watch_readable | watch_broken)) != 0) {
        mark_ready(session, *connection);
    }
    if ((events & watch_writable) != 0) {
        writable_.push_back(session);
    }
}

void Connections::mark_ready(core::SessionIndex session, Connection& connection) {
    if (!connection.is_ready) {
        connection.is_ready = true;
        ready_.push_back(session);
    }
}

void Connections::read_ready() {
    taken_.swap(ready_);
    for (const core::SessionIndex session : taken_) {
        Connection* connection = find(session);
        if (connection == nullptr || !connection->is_ready) {
            continue;
        }
        connection->is_ready = false;
        if (connection->must_drain) {
            drain(session, *connection);
        } else {
            read(session, *connection);
        }
    }
    taken_.clear();
    move_sockets();
}

/// One read. Less than the buffer is all there was, mostly; what is left keeps the socket readable.
void Connections::read(core::SessionIndex session, Connection& connection) {
    if (connection.has_ended || (!connection.must_drain && !hub_.wants_read(session))) {
        return;
    }
    const ssize_t bytes = recv(connection.socket.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (bytes > 0) {
        hub_.receive(session, std::span{buffer_.data(), static_cast<std::size_t>(bytes)});
    } else if (bytes == 0 || !is_transient(errno) || (connection.must_drain && errno != EINTR)) {
        end(session, connection);
    }
}

void Connections::drain(core::SessionIndex session, Connection& connection) {
    connection.must_drain = true;
    for (int i = 0; i < drain_reads_max && !connection.has_ended; ++i) {
        read(session, connection);
    }
    end(session, connection);
}

void Connections::drain_worker(core::SessionIndex session, core::ChildIndex child, std::uint32_t generation) {
    Connection* connection = find(session);
    if (connection != nullptr && connection->worker == child && connection->generation == generation) {
        drain(session, *connection);
    }
}

void Connections::end(core::SessionIndex session, Connection& connection) {
    if (!connection.has_ended) {
        connection.has_ended = true;
        ends_.push_back(session);
    }
}

const std::vector<process::Incarnation>& Connections::tell_ends() {
    left_.clear();
    for (const core::SessionIndex session : ends_) {
        if (const Connection* connection = find(session)) {
            if (connection->worker != core::no_child) {
                left_.push_back({connection->worker, connection->generation});
            }
            hub_.ended(session);
        }
    }
    ends_.clear();
    move_sockets();
    return left_;
}

// ---- out ---------------------------------------------------------------------------------------------------------------

void Connections::flush(Instant now) {
    for (const core::SessionIndex session : std::exchange(writable_, {})) {
        if (Connection* connection = find(session)) {
            write(session, *connection);
            settle(session, *connection, now);
        }
    }
    for (int round = 0; round < flush_rounds_max; ++round) {
        hub_.take_dirty(dirty_);
        if (dirty_.empty()) {
            break;
        }
        // Words before deeds: closing whoever ended would keep those waiting who are to hear of it.
        for (const core::SessionIndex session : dirty_) {
            if (Connection* connection = find(session)) {
                write(session, *connection);
            }
        }
        for (const core::SessionIndex session : dirty_) {
            if (Connection* connection = find(session)) {
                settle(session, *connection, now);
            }
        }
    }
    for (const core::SessionIndex session : std::exchange(lingering_, {})) {
        if (Connection* connection = find(session); connection != nullptr && connection->is_lingering) {
            connection->is_lingering = false;
            settle(session, *connection, now);
        }
    }
}

/// One send. A peer that is gone takes nothing more, but what it sent before is still to be read (T-6).
void Connections::write(core::SessionIndex session, Connection& connection) {
    const std::string_view waiting = hub_.outbox(session);
    if (waiting.empty()) {
        return;
    }
    std::size_t written = waiting.size();
    if (!connection.is_mute) {
        const ssize_t bytes = send(connection.socket.get(), waiting.data(), waiting.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (bytes >= 0) {
            written = static_cast<std::size_t>(bytes);
        } else if (is_transient(errno)) {
            return;
        } else {
            connection.is_mute = true;
        }
    }
    hub_.wrote(session, written);
}

/// After a write: closes what is finished, and waits for what is to come.
void Connections::settle(core::SessionIndex session, Connection& connection, Instant now) {
    const bool is_waiting = !hub_.outbox(session).empty();
    if (!hub_.is_finished(session)) {
        const unsigned readable = !connection.has_ended && hub_.wants_read(session) ? watch_readable : 0U;
        connection.socket_watch.change(readable | (is_waiting ? watch_writable : 0U));
        return;
    }
    if (connection.linger_until.is_never()) {
        connection.linger_until = now + Duration::milliseconds(linger_ms);
    }
    if (!is_waiting || connection.is_mute || now >= connection.linger_until) {
        close(session);
        return;
    }
    connection.socket_watch.change(watch_writable);
    if (!connection.is_lingering) {
        connection.is_lingering = true;
        lingering_.push_back(session);
    }
}

Instant Connections::next_deadline() const {
    Instant next = Instant::never();
    for (const core::SessionIndex session : lingering_) {
        if (session < connections_.size() && connections_[session]) {
            next = std::min(next, connections_[session]->linger_until);
        }
    }
    return next;
}

// ---- from one program to the next ----------------------------------------------------------------------------------------

std::vector<HandedSocket> Connections::hand_over() const {
    std::vector<HandedSocket> handed;
    for (core::SessionIndex session = 0; session < connections_.size(); ++session) {
        if (const auto& connection = connections_[session]; connection && !hub_.is_finished(session)) {
            handed.push_back(HandedSocket{session, connection->socket.get(), connection->worker, connection->generation});
        }
    }
    return handed;
}

void Connections::take_over(const HandedSocket& handed) {
    auto connection = std::make_unique<Connection>();
    connection->socket.reset(handed.descriptor);
    connection->worker = handed.worker;
    connection->generation = handed.generation;
    if (watches_peers_ && handed.worker == core::no_child) {
        connection->peer = process::peer_pidfd(handed.descriptor);
        connection->must_drain = !connection->peer;
    }
    if (handed.session >= connections_.size()) {
        connections_.resize(handed.session + std::size_t{1});
    }
    Connection& made = *(connections_[handed.session] = std::move(connection));
    ++count_;
    if (!watch(handed.session, made)) {
        end(handed.session, made);
    }
    mark_ready(handed.session, made);
}

// ---- going -------------------------------------------------------------------------------------------------------------

void Connections::close(core::SessionIndex session) {
    connections_[session].reset();
    hub_.release(session);
    --count_;
    ++closed_;
}

void Connections::close_all() {
    for (core::SessionIndex session = 0; session < connections_.size(); ++session) {
        if (connections_[session]) {
            close(session);
        }
    }
}

}  // namespace backplane::shell
