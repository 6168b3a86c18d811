// SPDX-License-Identifier: Apache-2.0
/// See local_connection.hpp.
#include "client/testing/local_connection.hpp"

#include "client/testing/bus.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>
#include <utility>

namespace backplane::client_detail {

namespace {

/// For how long the clock stands still for what really runs beside it.
constexpr int busy_ms = 50;

}  // namespace

LocalConnection::LocalConnection(std::shared_ptr<LocalBusState> bus, std::string_view name, bool resumes)
    : Connection(name, talk::Comeback{resumes, {}, {}}),
      bus_(std::move(bus)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      readable_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      pid_(bus_->next_pid()) {
    bus_->attach(*this);
    if (auto watched = watch(readable_.get()); !watched) {
        talk().give_up(watched.error());
        return;
    }
    session_ = bus_->open(pid_);
    exchange();  // hello and welcome
    note_seen();
    update_descriptor();
}

Expected<void> LocalConnection::watch(int descriptor) {
    epoll_event interest{};
    interest.events = EPOLLIN;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &interest) != 0) {
        return unexpected(system_error("epoll"));
    }
    return {};
}

LocalConnection::~LocalConnection() {
    leave();
    bus_->detach(*this);
    bus_->carry();
}

Instant LocalConnection::now() const { return bus_->now(); }

// ---- bytes -----------------------------------------------------------------------------------------------------------

void LocalConnection::hand_in() {
    const std::string_view unsent = talk().outgoing();
    if (unsent.empty()) {
        return;
    }
    if (session_ == core::daemon_session) {
        talk().sent(unsent.size());
    } else if (bus_->wants_read(session_)) {
        bus_->receive(session_, unsent);
        talk().sent(unsent.size());
    }
}

/// One piece of what the daemon has to say; false if there was nothing.
bool LocalConnection::hear() {
    if (session_ == core::daemon_session) {
        return false;
    }
    const LocalBusState::Heard heard = bus_->hear(session_);
    if (heard.is_end) {
        leave();
        talk().lost(Error{ErrorCode::unreachable, "the daemon has gone"}, now());
        return true;
    }
    if (heard.bytes.empty()) {
        return false;
    }
    // A breach of the protocol is the conversation's end, which it tells itself.
    static_cast<void>(talk().take(std::as_bytes(std::span{heard.bytes}), now()));
    return true;
}

/// Everything both ways, until nothing moves any more; whether something has come.
bool LocalConnection::exchange() {
    bus_->carry();
    bool has_come = false;
    while (hear()) {
        has_come = true;
        bus_->carry();
    }
    return has_come;
}

void LocalConnection::buffered() {
    if (is_same_process()) {
        bus_->note_buffered(*this);
        update_descriptor();
    }
}

void LocalConnection::flush() {
    if (is_same_process()) {
        bus_->carry();
    }
}

Expected<void> LocalConnection::dispatch() {
    if (usable()) {
        exchange();
    }
    note_seen();
    update_descriptor();
    return usable();
}

void LocalConnection::update_descriptor() {
    if (!is_same_process()) {
        return;
    }
    const bool has_stream = session_ != core::daemon_session && talk().over() == nullptr;
    const bool has_unsent = has_stream && !talk().outgoing().empty() && bus_->wants_read(session_);
    const bool has_work = has_unseen() || waiters().next_timer() <= now() || has_unsent || (has_stream && bus_->has_news(session_));
    if (has_work != is_readable_) {
        std::uint64_t count = 1;
        // Neither fails: the counter stands at 0 before the one and at 1 before the other.
        const ssize_t moved = has_work ? ::write(readable_.get(), &count, sizeof(count)) : ::read(readable_.get(), &count, sizeof(count));
        is_readable_ = moved == sizeof(count) ? has_work : is_readable_;
    }
}

// ---- waiting ---------------------------------------------------------------------------------------------------------

Expected<bool> LocalConnection::pump(Instant deadline, int other) {
    if (auto fit = usable(); !fit) {
        return unexpected(fit.error());
    }
    if (exchange()) {
        update_descriptor();
        return true;
    }
    return other >= 0 ? await_other(deadline, other) : pass(deadline);
}

/// Time passes, up to what is due next.
Expected<bool> LocalConnection::pass(Instant deadline) {
    if (deadline <= now()) {
        return false;
    }
    if (bus_->fire_next(deadline)) {
        exchange();
        update_descriptor();
        return true;
    }
    if (deadline.is_never()) {
        return unexpected(ErrorCode::timeout, "nothing can happen any more on this bus");
    }
    bus_->set_now(deadline);
    return false;
}

/// What `other` stands for runs in real time, and the bus's clock waits for it, as long as that is not itself what it waits for.
Expected<bool> LocalConnection::await_other(Instant deadline, int other) {
    const bool is_endless = deadline.is_never() && bus_->next_deadline().is_never();
    pollfd watched{other, POLLIN, 0};
    const int count = ::poll(&watched, 1, is_endless ? -1 : busy_ms);
    if (count < 0 && errno != EINTR) {
        return unexpected(system_error("poll"));
    }
    return count != 0 ? Expected<bool>{true} : pass(deadline);
}

// ---- ends ------------------------------------------------------------------------------------------------------------

void LocalConnection::close() {
    if (!usable()) {
        return;
    }
    talk().say_bye();  // behind what is buffered
    flush();
    leave();
}

/// The stream ends without a word.
void LocalConnection::leave() {
    if (session_ != core::daemon_session) {
        bus_->close(std::exchange(session_, core::daemon_session));
    }
}

void LocalConnection::lose(Error why) {
    leave();
    talk().give_up(std::move(why));
}

void LocalConnection::stream_lost() {
    if (session_ != core::daemon_session) {
        session_ = core::daemon_session;  // it went with the daemon
        talk().lost(Error{ErrorCode::unreachable, "the daemon has gone"}, now());
    }
}

void LocalConnection::come_back() {
    if (!talk().is_away()) {
        return;
    }
    if (now() >= talk().lost_at() + talk().grace()) {
        talk().give_up(Error{ErrorCode::unreachable, "the daemon died and has not come back"});
        return;
    }
    session_ = bus_->open(pid_);
    talk().resume();
    exchange();
}

void LocalConnection::move(core::SessionIndex from, core::SessionIndex to) {
    if (session_ == from) {
        session_ = to;
    }
}

}  // namespace backplane::client_detail
