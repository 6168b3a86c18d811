// SPDX-License-Identifier: Apache-2.0
/// Connection: a Conversation and the way that its bytes go. What a Client, its Devices and its coroutines stand on.
///
/// There are two ways: a socket (socket_connection.hpp) and, in tests of a user's program, a core in the same process
/// (client/testing). Bytes move in `flush`, `dispatch` and `pump` and nowhere else. Invariant: the descriptor is readable
/// whenever `dispatch` has something to do.
#pragma once

#include "client/src/waiters.hpp"
#include "client/talk/conversation.hpp"

#include <backplane/expected.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace backplane::client_detail {

/// A program's name as a hello may carry it: 1 to 255 bytes without control characters. Empty: the library's own.
[[nodiscard]] std::string presentable(std::string name);

class Connection {
  public:
    Connection(std::string_view client, talk::Comeback comeback) : talk_(client, std::move(comeback)) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    virtual ~Connection() = default;

    [[nodiscard]] talk::Conversation& talk() { return talk_; }
    [[nodiscard]] const talk::Conversation& talk() const { return talk_; }

    /// The coroutines that wait for something here.
    [[nodiscard]] Waiters& waiters() { return waiters_; }
    [[nodiscard]] const Waiters& waiters() const { return waiters_; }

    /// The clock that deadlines are counted by.
    [[nodiscard]] virtual Instant now() const = 0;
    /// Whether that is a clock of its own, which waiting moves: nothing is then to be waited for in real time.
    [[nodiscard]] virtual bool has_own_clock() const { return false; }
    /// What a user's loop watches.
    [[nodiscard]] virtual int descriptor() const = 0;
    /// False in a forked child.
    [[nodiscard]] virtual bool is_same_process() const = 0;
    /// Only this thread may use it from here on; none in particular if it is nobody.
    void belong_to(std::thread::id thread) { owner_ = thread; }
    /// Sees that the descriptor is readable when the next of the waiters' times has come, from here on.
    [[nodiscard]] virtual Expected<void> prepare_timers() { return {}; }
    /// Sees that the descriptor is readable when this one is.
    [[nodiscard]] virtual Expected<void> watch(int descriptor) = 0;
    /// `wrong_process` in a forked child, `wrong_thread` where it belongs to another one: nothing here may then be touched.
    [[nodiscard]] Expected<void> touchable() const;
    /// The same, or what ended the conversation.
    [[nodiscard]] Expected<void> usable() const;

    /// To be called when an operation has been put in the buffer: sees that it leaves soon.
    virtual void buffered() = 0;
    /// Writes what can be written.
    virtual void flush() = 0;
    /// Writes and reads what is possible now, and tries to come back if it is time to.
    virtual Expected<void> dispatch() = 0;
    /// Writes, waits until something has come or `other` (-1: none) is readable or the deadline is there, and reads. False if
    /// nothing happened in time. A daemon that died is waited for like one that is slow.
    virtual Expected<bool> pump(Instant deadline, int other) = 0;
    Expected<bool> pump(Instant deadline) { return pump(deadline, -1); }
    /// The orderly end: what is buffered is written, then `bye`, for which it comes back if it can. Nothing in a forked child.
    virtual void close() = 0;

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
    /// Waits for the outcome of an operation that asked for it; 0 is one that the library has answered itself.
    [[nodiscard]] Expected<talk::Settled> settle(const Expected<std::uint64_t>& operation, Instant deadline);

    /// Messages and events that arrived since the last dispatch, and what coroutines are to go on with.
    [[nodiscard]] bool has_unseen() const { return talk_.arrivals() != seen_ || talk_.wakes().any(); }

  protected:
    void note_seen() { seen_ = talk_.arrivals(); }

  private:
    talk::Conversation talk_;
    Waiters waiters_{talk_.wakes()};  // behind what it waits for
    std::atomic<std::thread::id> owner_{};
    std::uint64_t seen_ = 0;
};

}  // namespace backplane::client_detail
