// SPDX-License-Identifier: Apache-2.0
/// See waiters.hpp.
#include "client/src/waiters.hpp"

#include <exception>

namespace backplane::client_detail {

/// A coroutine that owns itself: its frame goes at its end.
struct Waiters::Detached {
    struct promise_type {
        [[nodiscard]] Detached get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
        [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

/// Where a coroutine that is under way is known; in its frame, so that it goes with it.
struct Waiters::Place {
    std::set<void*>& spawned;
    void* frame = nullptr;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> self) {
        frame = self.address();
        spawned.insert(frame);
        return false;
    }
    void await_resume() const noexcept {}
    ~Place() { spawned.erase(frame); }
};

Waiters::Detached Waiters::carry(Task<> task, std::set<void*>& spawned) {
    Place place{spawned};
    co_await place;
    co_await task;
}

void Waiters::spawn(Task<> task) { carry(std::move(task), spawned_).handle.resume(); }

void Waiters::cancel_spawned() {
    while (!spawned_.empty()) {
        std::coroutine_handle<>::from_address(*spawned_.begin()).destroy();
    }
}

talk::Ticket Waiters::park(std::coroutine_handle<> waiting, MessageWait* message) {
    const talk::Ticket ticket = wakes_.draw();
    parked_.emplace(ticket, Parked{waiting, Instant::never(), message});
    return ticket;
}

talk::Ticket Waiters::park_until(std::coroutine_handle<> waiting, Instant at) {
    const talk::Ticket ticket = wakes_.draw();
    parked_.emplace(ticket, Parked{waiting, at, nullptr});
    timers_.emplace(at, ticket);
    return ticket;
}

void Waiters::leave(talk::Ticket ticket) {
    if (const auto found = parked_.find(ticket); found != parked_.end()) {
        timers_.erase({found->second.at, ticket});
        parked_.erase(found);
    }
}

void Waiters::run(Instant now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        talk::Ticket ticket = timers_.begin()->second;
        timers_.erase(timers_.begin());
        wakes_.wake(ticket);
    }
    for (const talk::Ticket ticket : wakes_.take()) {
        const auto found = parked_.find(ticket);
        const bool is_here = found != parked_.end();
        if (is_here && (found->second.message == nullptr || !found->second.message->waits_on())) {
            const auto waiting = found->second.waiting;
            parked_.erase(found);
            waiting.resume();
        }
    }
}

}  // namespace backplane::client_detail
