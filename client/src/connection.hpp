// SPDX-License-Identifier: Apache-2.0
/// Connection: a socket, its Conversation and the epoll descriptor that is handed to users.
///
/// Bytes move in `flush`, `dispatch` and `pump` and nowhere else. Invariant: the epoll descriptor is readable whenever
/// `dispatch` has something to do. For what arrives the socket sees to that. For bytes that wait to be written, and for
/// messages that a blocking call has already taken off the socket, the socket's writability is asked for too. While there is
/// no socket, for the daemon died and is not back, an alarm in the same set says when to try again: the set, and so the
/// user's descriptor, stays the same through all sockets.
#pragma once

#include "client/src/alarm.hpp"
#include "client/src/descriptor.hpp"
#include "client/src/fork_guard.hpp"
#include "client/talk/conversation.hpp"

#include <backplane/expected.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace backplane::client_detail {

/// Who comes, and how he finds back if the daemon dies.
struct Approach {
    std::string name;         ///< `name/version` for the hello
    std::string path;         ///< where the daemon listens; empty: there is no way back
    talk::Comeback comeback;  ///< allowed only with a path
};

class Connection {
  public:
    /// Says hello over a connected socket and waits for the welcome.
    [[nodiscard]] static Expected<std::shared_ptr<Connection>> open(Descriptor socket, Approach approach, Instant deadline);

    Connection(Descriptor socket, Descriptor epoll, Approach approach);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] talk::Conversation& talk() { return talk_; }
    [[nodiscard]] const talk::Conversation& talk() const { return talk_; }
    [[nodiscard]] int epoll_fd() const { return epoll_.get(); }

    /// `wrong_process` in a forked child, or what ended the conversation.
    [[nodiscard]] Expected<void> usable() const;
    [[nodiscard]] bool is_same_process() const { return guard_.is_same_process(); }

    /// To be called when an operation has been put in the buffer: sees that it leaves soon.
    void buffered();
    /// Writes what the socket takes.
    void flush();
    /// Writes and reads what is possible now, and tries to come back if it is time to.
    Expected<void> dispatch();
    /// Writes, waits until the socket or `other` (-1: none) is readable or the deadline has come, and reads. False if
    /// nothing happened in time. A daemon that died is waited for like one that is slow.
    Expected<bool> pump(Instant deadline, int other = -1);
    /// Pumps until `done()`; `timeout` if that is not in time. `done` is asked before anything else.
    template <class Done>
    Expected<void> wait_until(Done&& done, Instant deadline) {
        while (!done()) {
            const Expected<bool> moved = pump(deadline);
            if (done()) {
                break;
            }
            if (!moved) {
                return unexpected(moved.error());
            }
            if (!*moved) {
                return unexpected(ErrorCode::timeout,
                                  talk_.is_apart() ? "the daemon died and is not back yet" : "the daemon did not answer in time");
            }
        }
        return {};
    }
    /// Sends a request and waits for its answer.
    [[nodiscard]] Expected<talk::Answer> ask(wire::Request request, Instant deadline);

    /// Messages and events that arrived since the last dispatch.
    [[nodiscard]] bool has_unseen() const { return talk_.arrivals() != seen_; }
    void mark_seen();

    /// The orderly end: what is buffered is written, then `bye`, for which it comes back if it can. Nothing in a forked child.
    void close();

  private:
    bool receive_once();
    void update_interest();

    // The way back (connection_return.cpp).
    void lose(Error why);
    bool keep_time();
    void try_return(Instant at);
    void postpone(Instant from);
    void leave_socket();
    [[nodiscard]] Instant wake_at() const;

    talk::Conversation talk_;
    ForkGuard guard_;
    std::string path_;
    Descriptor socket_;
    Descriptor epoll_;
    Alarm alarm_;
    Instant next_try_;
    Duration pause_;
    std::unique_ptr<std::byte[]> buffer_;
    std::uint64_t seen_ = 0;
    bool wants_out_ = false;  ///< what epoll has been told
    bool watched_ = true;     ///< whether the socket is in the epoll set
    bool broken_ = false;     ///< writing has failed; what the daemon said before can still be read
};

}  // namespace backplane::client_detail
