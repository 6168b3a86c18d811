// SPDX-License-Identifier: Apache-2.0
/// SocketConnection: a socket to the daemon, and the epoll descriptor that is handed to users.
///
/// For what arrives the socket in the epoll set sees that the descriptor is readable. For bytes that wait to be written, and
/// for messages that a blocking call has already taken off the socket, the socket's writability is asked for too. While there is
/// no socket, for the daemon died and is not back, an alarm in the same set says when to try again: the set, and so the
/// user's descriptor, stays the same through all sockets.
#pragma once

#include "client/src/alarm.hpp"
#include "client/src/connection.hpp"
#include "client/src/descriptor.hpp"
#include "client/src/fork_guard.hpp"

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

class SocketConnection final : public Connection {
  public:
    /// Says hello over a connected socket and waits for the welcome.
    [[nodiscard]] static Expected<std::shared_ptr<Connection>> open(Descriptor socket, Approach approach, Instant deadline);

    SocketConnection(Descriptor socket, Descriptor epoll, Approach approach);

    [[nodiscard]] Instant now() const override { return client_detail::now(); }
    [[nodiscard]] int descriptor() const override { return epoll_.get(); }
    [[nodiscard]] bool is_same_process() const override { return guard_.is_same_process(); }

    [[nodiscard]] Expected<void> prepare_timers() override { return alarm_.prepare(epoll_); }
    [[nodiscard]] Expected<void> watch(int descriptor) override;

    using Connection::pump;
    void buffered() override;
    void flush() override;
    Expected<void> dispatch() override;
    Expected<bool> pump(Instant deadline, int other) override;
    void close() override;

  private:
    bool receive_once();
    void update_interest();
    void mark_seen();

    // The way back (socket_connection_return.cpp).
    void lose(Error why);
    bool keep_time();
    void try_return(Instant at);
    void postpone(Instant from);
    void leave_socket();
    [[nodiscard]] Instant wake_at() const;

    ForkGuard guard_;
    std::string path_;
    Descriptor socket_;
    Descriptor epoll_;
    Alarm alarm_;
    Instant next_try_;
    Duration pause_;
    std::unique_ptr<std::byte[]> buffer_;
    bool wants_out_ = false;  ///< what epoll has been told
    bool watched_ = true;     ///< whether the socket is in the epoll set
    bool broken_ = false;     ///< writing has failed; what the daemon said before can still be read
};

}  // namespace backplane::client_detail
