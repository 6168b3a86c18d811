// SPDX-License-Identifier: Apache-2.0
/// Waiters: the coroutines that wait for something of a Connection, be it news from the daemon or a time, and those that nobody
/// else owns. They are resumed by `run` and nowhere else, so never inside the call that asked.
#pragma once

#include "client/talk/wakes.hpp"

#include <backplane/await.hpp>
#include <backplane/ids.hpp>
#include <backplane/task.hpp>

#include <coroutine>
#include <set>
#include <unordered_map>
#include <utility>

namespace backplane::client_detail {

class Waiters {
  public:
    explicit Waiters(talk::Wakes& wakes) : wakes_(wakes) {}
    Waiters(const Waiters&) = delete;
    Waiters& operator=(const Waiters&) = delete;
    ~Waiters() { cancel_spawned(); }

    /// Draws the ticket by which the coroutine will be resumed; it is to be left with what it waits for.
    /// `message`: what it waits for, if that can be taken back by an unlink before the coroutine is resumed; it then waits on.
    [[nodiscard]] talk::Ticket park(std::coroutine_handle<> waiting, MessageWait* message = nullptr);
    /// The same for a time.
    [[nodiscard]] talk::Ticket park_until(std::coroutine_handle<> waiting, Instant at);
    /// It waits no longer; nothing for one that was resumed already.
    void leave(talk::Ticket ticket);

    /// The earliest time that anybody waits for.
    [[nodiscard]] Instant next_timer() const { return timers_.empty() ? Instant::never() : timers_.begin()->first; }
    /// Resumes all whose thing or time has come. Who is woken meanwhile is for the next time.
    void run(Instant now);

    /// Runs a task that nobody owns but this. An exception that leaves it ends the program.
    void spawn(Task<> task);
    /// Cancels those that are not done.
    void cancel_spawned();

  private:
    struct Detached;
    struct Place;
    static Detached carry(Task<> task, std::set<void*>& spawned);

    struct Parked {
        std::coroutine_handle<> waiting;
        Instant at = Instant::never();
        MessageWait* message = nullptr;
    };
    talk::Wakes& wakes_;
    std::unordered_map<talk::Ticket, Parked> parked_;
    std::set<std::pair<Instant, talk::Ticket>> timers_;
    std::set<void*> spawned_;  ///< addresses of their frames
};

}  // namespace backplane::client_detail
