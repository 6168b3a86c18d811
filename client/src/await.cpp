// SPDX-License-Identifier: Apache-2.0
/// See backplane/await.hpp. Each leaves the ticket of its coroutine with what it waits for; Waiters resumes by tickets.
#include <backplane/await.hpp>

#include "client/src/connection.hpp"

#include <utility>

namespace backplane {

using client_detail::Connection;

Wait::Wait(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

Wait::~Wait() {
    if (ticket_ != 0) {
        connection_->waiters().leave(ticket_);
    }
}

// ---- messages ----

MessageWait::MessageWait(std::shared_ptr<Connection> connection, DeviceId id) : Wait(std::move(connection)), id_(id) {}

MessageWait::~MessageWait() { leave(); }

void MessageWait::leave() {
    if (ticket_ != 0) {
        connection_->talk().inboxes().stop_waiting(id_, ticket_);
        connection_->waiters().leave(std::exchange(ticket_, 0));
    }
}

bool MessageWait::await_ready() const {
    if (!connection_ || !connection_->usable()) {
        return true;
    }
    const auto& inboxes = connection_->talk().inboxes();
    return inboxes.has_message(id_) || !inboxes.is_live(id_);
}

bool MessageWait::await_suspend(std::coroutine_handle<> waiting) {
    ticket_ = connection_->waiters().park(waiting, this);
    is_second_ = !connection_->talk().inboxes().wait(id_, ticket_);
    if (is_second_) {
        leave();
    }
    return !is_second_;
}

bool MessageWait::waits_on() { return !await_ready() && connection_->talk().inboxes().wait(id_, ticket_); }

Expected<Message> MessageWait::await_resume() {
    leave();
    if (!connection_) {
        return unexpected(ErrorCode::device_down, "no Device");
    }
    if (is_second_) {
        return unexpected(ErrorCode::busy, "another coroutine waits for this Device's next message");
    }
    if (connection_->is_same_process()) {
        if (auto message = connection_->talk().inboxes().take(id_)) {
            return std::move(*message);
        }
    }
    if (auto fit = connection_->usable(); !fit) {
        return unexpected(fit.error());
    }
    return unexpected(ErrorCode::device_down, "this Device is gone");
}

// ---- outcomes of operations ----

UnlinkWait::UnlinkWait(std::shared_ptr<Connection> connection, Expected<std::uint64_t> operation)
    : Wait(std::move(connection)), operation_(std::move(operation)) {
    if (connection_ && operation_) {
        connection_->buffered();
    }
}

UnlinkWait::~UnlinkWait() {
    if (connection_ && operation_ && *operation_ != 0) {
        connection_->talk().stop_waiting(*operation_);
    }
}

bool UnlinkWait::await_ready() const {
    return !connection_ || !operation_ || *operation_ == 0 || connection_->talk().awaited().is_settled(*operation_);
}

void UnlinkWait::await_suspend(std::coroutine_handle<> waiting) {
    ticket_ = connection_->waiters().park(waiting);
    connection_->talk().awaited().wait(*operation_, ticket_);
}

Expected<Unlinked> UnlinkWait::await_resume() {
    if (!operation_) {
        return unexpected(operation_.error());
    }
    const std::uint64_t operation = std::exchange(*operation_, 0);
    if (operation == 0) {
        return Unlinked{};
    }
    auto outcome = connection_->talk().settled(operation);
    if (!outcome) {
        return unexpected(ErrorCode::closed, "the operation has no outcome");
    }
    return *outcome ? Expected<Unlinked>{Unlinked{(*outcome)->was_down}} : unexpected(outcome->error());
}

Expected<void> LinkWait::await_resume() {
    auto outcome = UnlinkWait::await_resume();
    return outcome ? Expected<void>{} : unexpected(outcome.error());
}

// ---- time ----

SleepWait::SleepWait(std::shared_ptr<Connection> connection, Duration length) : Wait(std::move(connection)) {
    until_ = connection_->now() + length;
}

bool SleepWait::await_ready() const { return connection_->now() >= until_; }

bool SleepWait::await_suspend(std::coroutine_handle<> waiting) {
    outcome_ = connection_->prepare_timers();
    if (outcome_) {
        ticket_ = connection_->waiters().park_until(waiting, until_);
        connection_->flush();  // which sets the descriptor's alarm
    }
    return outcome_.has_value();
}

Expected<void> SleepWait::await_resume() { return std::move(outcome_); }

// ---- events ----

EventWait::EventWait(std::shared_ptr<Connection> connection) : Wait(std::move(connection)) {}

EventWait::~EventWait() {
    if (ticket_ != 0) {
        connection_->talk().news().stop_waiting(ticket_);
    }
}

bool EventWait::await_ready() const { return !connection_->usable() || !connection_->talk().news().empty(); }

bool EventWait::await_suspend(std::coroutine_handle<> waiting) {
    ticket_ = connection_->waiters().park(waiting);
    is_second_ = !connection_->talk().news().wait(ticket_);
    return !is_second_;
}

Expected<ClientEvent> EventWait::await_resume() {
    if (is_second_) {
        return unexpected(ErrorCode::busy, "another coroutine waits for this Client's next event");
    }
    if (connection_->is_same_process()) {
        if (auto event = connection_->talk().news().take()) {
            return std::move(*event);
        }
    }
    auto fit = connection_->usable();
    return unexpected(fit ? Error{ErrorCode::closed, "no event"} : fit.error());
}

}  // namespace backplane
