// SPDX-License-Identifier: Apache-2.0
/// See socket_connection.hpp.
#include "client/src/socket_connection.hpp"

#include "client/src/socket.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace backplane::client_detail {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
/// A dispatch ends after so many reads, so that a busy daemon cannot keep the user's loop from its other work.
constexpr int reads_per_dispatch = 16;
/// More unsent bytes than this are not left to the next dispatch.
constexpr std::size_t eager_bytes = 64 * 1024;
/// How long a closing client tries to get its last words out.
constexpr Duration farewell = Duration::seconds(1);

}  // namespace

SocketConnection::SocketConnection(Descriptor socket, Descriptor epoll, Approach approach)
    : Connection(approach.name, std::move(approach.comeback)),
      path_(std::move(approach.path)),
      socket_(std::move(socket)),
      epoll_(std::move(epoll)),
      buffer_(std::make_unique<std::byte[]>(read_bytes)) {}

Expected<std::shared_ptr<Connection>> SocketConnection::open(Descriptor socket, Approach approach, Instant deadline) {
    if (auto prepared = prepare_socket(socket); !prepared) {
        return unexpected(prepared.error());
    }
    Descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
    epoll_event interest{};
    interest.events = EPOLLIN;
    if (!epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &interest) != 0) {
        return unexpected(system_error("epoll"));
    }
    auto connection = std::make_shared<SocketConnection>(std::move(socket), std::move(epoll), std::move(approach));
    const auto& talk = connection->talk();
    if (auto met = connection->wait_until([&talk] { return talk.greeted() || talk.over() != nullptr; }, deadline); !met) {
        return unexpected(met.error());
    }
    if (const Error* over = talk.over()) {
        return unexpected(*over);
    }
    return std::shared_ptr<Connection>{std::move(connection)};
}

Expected<void> SocketConnection::watch(int descriptor) {
    epoll_event interest{};
    interest.events = EPOLLIN;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &interest) != 0) {
        return unexpected(system_error("epoll"));
    }
    return {};
}

void SocketConnection::buffered() {
    if (talk().outgoing().size() > eager_bytes) {
        flush();
    } else if (!wants_out_) {
        update_interest();
    }
}

void SocketConnection::flush() {
    while (!talk().outgoing().empty()) {
        if (broken_) {
            talk().sent(talk().outgoing().size());
            break;
        }
        const std::string_view unsent = talk().outgoing();
        const ssize_t count = ::send(socket_.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            talk().sent(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            // Not the end yet: the daemon's last word may wait to be read.
            broken_ = true;
        }
    }
    update_interest();
}

Expected<void> SocketConnection::dispatch() {
    if (auto fit = usable(); !fit) {
        mark_seen();
        return fit;
    }
    flush();
    for (int i = 0; i < reads_per_dispatch && receive_once(); ++i) {
    }
    keep_time();
    flush();
    mark_seen();
    return usable();
}

Expected<bool> SocketConnection::pump(Instant deadline, int other) {
    if (auto fit = usable(); !fit) {
        return unexpected(fit.error());
    }
    flush();
    const short out = talk().outgoing().empty() ? short{0} : short{POLLOUT};
    std::array<pollfd, 2> watched{{{socket_.get(), static_cast<short>(POLLIN | out), 0}, {other, POLLIN, 0}}};
    const int count = ::poll(watched.data(), watched.size(), poll_timeout(std::min(deadline, wake_at())));
    if (count < 0 && errno != EINTR) {
        return unexpected(system_error("poll"));
    }
    if (count > 0 && (watched[0].revents & ~POLLOUT) != 0) {
        receive_once();
    }
    const bool was_due = keep_time();
    flush();
    return count != 0 || was_due;
}

void SocketConnection::mark_seen() {
    note_seen();
    if (talk().over() != nullptr && watched_ && guard_.is_same_process()) {
        // The end has been told; a socket at its end is readable for ever and would make the user's loop spin.
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket_.get(), nullptr);
        watched_ = false;
    }
    update_interest();
}

void SocketConnection::close() {
    if (!usable()) {
        return;
    }
    const Instant deadline = now() + farewell;
    flush();
    while (talk().is_apart() ? talk().has_last_words() : !broken_ && !talk().outgoing().empty()) {
        const Expected<bool> moved = pump(deadline);
        if (!moved || !*moved) {
            break;
        }
    }
    talk().say_bye();
    flush();
}

/// One read; false if there was nothing to read or nothing will come any more.
bool SocketConnection::receive_once() {
    if (!socket_) {
        return false;
    }
    const ssize_t count = ::recv(socket_.get(), buffer_.get(), read_bytes, MSG_DONTWAIT);
    if (count > 0) {
        const std::span bytes{buffer_.get(), static_cast<std::size_t>(count)};
        return talk().take(bytes, talk().is_apart() ? now() : Instant{}).has_value();
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return errno == EINTR;
    }
    if (count == 0 || errno == ECONNRESET) {
        lose(Error{ErrorCode::unreachable, "the daemon has gone"});
    } else {
        talk().give_up(system_error("recv"));
    }
    return false;
}

void SocketConnection::update_interest() {
    if (!guard_.is_same_process()) {
        return;
    }
    alarm_.set(has_unseen() && !watched_ ? Instant{} : std::min(wake_at(), waiters().next_timer()));
    const bool wants_out = has_unseen() || !talk().outgoing().empty();
    if (wants_out != wants_out_ && watched_) {
        epoll_event interest{};
        interest.events = static_cast<std::uint32_t>(EPOLLIN) | (wants_out ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket_.get(), &interest);
        wants_out_ = wants_out;
    }
}

}  // namespace backplane::client_detail
