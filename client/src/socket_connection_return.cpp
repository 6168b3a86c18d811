// SPDX-License-Identifier: Apache-2.0
/// How a SocketConnection comes back when the daemon died (PROTOCOL.md section 5.6): the next socket, when to try for it, and
/// when to give up. What is said over it is the Conversation's business.
#include "client/src/socket_connection.hpp"

#include "client/src/socket.hpp"

#include <sys/epoll.h>
#include <algorithm>
#include <utility>

namespace backplane::client_detail {

namespace {

constexpr Duration pause_min = Duration::milliseconds(1);
constexpr Duration pause_max = Duration::milliseconds(100);

}  // namespace

/// The stream ended without a last word.
void SocketConnection::lose(Error why) {
    const Instant at = now();
    const bool came_back_in_vain = talk().is_apart();
    talk().lost(std::move(why), at);
    if (!talk().is_away()) {
        return;
    }
    // While there is no socket nothing else wakes a user's loop, so without the alarm this is the end after all.
    if (auto prepared = alarm_.prepare(epoll_); !prepared) {
        talk().give_up(prepared.error());
        return;
    }
    leave_socket();
    if (came_back_in_vain) {
        postpone(at);  // whatever took the connection and dropped it is not asked again at once
    } else {
        pause_ = pause_min;
        next_try_ = at;  // the listening socket is usually still held open
    }
}

/// Does what is due by the clock; whether anything was. After the reading, so that a welcome that is there counts.
bool SocketConnection::keep_time() {
    const Instant due = wake_at();
    if (due.is_never()) {
        return false;
    }
    const Instant at = now();
    if (at < due) {
        return false;
    }
    if (at >= talk().lost_at() + talk().grace()) {
        leave_socket();  // a daemon that is late must not find us there
        talk().give_up(Error{ErrorCode::unreachable, "the daemon died and has not come back"});
    } else {
        try_return(at);
    }
    return true;
}

void SocketConnection::try_return(Instant at) {
    auto socket = connect_at_once(path_);
    epoll_event interest{};
    interest.events = EPOLLIN;
    // Whatever is in the way, be it a lack of descriptors, may have gone by the next time.
    if (!socket || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket->get(), &interest) != 0) {
        postpone(at);
        return;
    }
    socket_ = std::move(*socket);
    watched_ = true;
    wants_out_ = false;
    broken_ = false;
    talk().resume();
}

void SocketConnection::postpone(Instant from) {
    next_try_ = from + pause_;
    pause_ = std::min(Duration{pause_.ns * 2}, pause_max);
}

void SocketConnection::leave_socket() {
    if (watched_) {
        // By hand: a forked child that holds the socket as well would keep it in the set.
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket_.get(), nullptr);
    }
    const Descriptor gone = std::move(socket_);
    watched_ = false;
    broken_ = true;
}

/// When `keep_time` has something to do.
Instant SocketConnection::wake_at() const {
    if (!talk().is_apart()) {
        return Instant::never();
    }
    const Instant end = talk().lost_at() + talk().grace();
    return talk().is_away() ? std::min(next_try_, end) : end;
}

}  // namespace backplane::client_detail
