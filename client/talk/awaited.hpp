// SPDX-License-Identifier: Apache-2.0
/// Awaited: the operations that asked for an acknowledgement and whose outcome somebody still wants to know.
///
/// The acknowledgement is cumulative and refusals precede it (PROTOCOL.md section 5.2): an operation up to the
/// acknowledged number is done unless it has been refused before.
#pragma once

#include "client/talk/wakes.hpp"

#include <backplane/expected.hpp>
#include <backplane/ids.hpp>

#include <cstdint>
#include <map>
#include <optional>

namespace backplane::talk {

/// What an acknowledged operation came to.
struct Settled {
    bool was_down = false;  ///< unlink: the other end had died before, and its notice was taken back (T-5)
};

class Awaited {
  public:
    /// An edge whose notice an acknowledged unlink takes back: no `from` means nothing to take back.
    struct Edge {
        DeviceId from;
        DeviceId about;
    };

    explicit Awaited(Wakes& wakes) : wakes_(wakes) {}

    void add(std::uint64_t operation, Edge edge) { waiting_.emplace(operation, Waiting{edge, {}, false, false, 0}); }

    /// Notes a refusal; false if nobody awaits this operation.
    bool refuse(std::uint64_t operation, Error error);

    /// All operations up to `count` are carried out. `take_back(edge)` is called for each unlink among them, and says
    /// whether an undelivered notice was found.
    template <class TakeBack>
    void acknowledge(std::uint64_t count, TakeBack&& take_back) {
        for (auto& [operation, waiting] : waiting_) {
            if (operation > count) {
                break;
            }
            if (!waiting.done) {
                waiting.done = true;
                waiting.was_down = waiting.edge.from && take_back(waiting.edge);
                wakes_.wake(waiting.waiter);
            }
        }
    }

    /// The outcome, once; nothing while it is open. An operation that is not awaited has none.
    [[nodiscard]] std::optional<Expected<Settled>> take(std::uint64_t operation);
    /// Whether `take` has an outcome.
    [[nodiscard]] bool is_settled(std::uint64_t operation) const;
    /// The ticket is woken by the outcome.
    void wait(std::uint64_t operation, Ticket ticket);
    /// Nobody wants to know any more.
    void forget(std::uint64_t operation) { waiting_.erase(operation); }
    /// The connection is over: every open operation ends with this error.
    void fail_all(const Error& error);

  private:
    struct Waiting {
        Edge edge;
        std::optional<Error> refusal;
        bool done = false;
        bool was_down = false;
        Ticket waiter = 0;
    };
    Wakes& wakes_;
    std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace backplane::talk
