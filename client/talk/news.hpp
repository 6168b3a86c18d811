// SPDX-License-Identifier: Apache-2.0
/// News: the client events that the user has not taken yet, in order.
///
/// Log events are the one kind without a bound of its own, so at most `log_events_max` of them wait; beyond that the
/// oldest give way to one counted `gap`, as they do in the daemon (T-7). Nothing else is ever dropped.
#pragma once

#include "client/talk/wakes.hpp"

#include <backplane/values.hpp>

#include <cstddef>
#include <deque>
#include <optional>

namespace backplane::talk {

class News {
  public:
    static constexpr std::size_t log_events_max = 16'384;

    explicit News(Wakes& wakes) : wakes_(wakes) {}

    void add(ClientEvent event);
    [[nodiscard]] std::optional<ClientEvent> take();
    /// The oldest log event, past whatever else waits.
    [[nodiscard]] std::optional<LogEvent> take_log_event();
    /// The ticket is woken by the next event. One can wait at a time: false if there is one already.
    bool wait(Ticket ticket);
    void stop_waiting(Ticket ticket);
    [[nodiscard]] bool empty() const { return events_.empty(); }

  private:
    void make_room();

    Wakes& wakes_;
    std::deque<ClientEvent> events_;
    Ticket waiter_ = 0;
    std::size_t log_events_ = 0;
};

}  // namespace backplane::talk
