// SPDX-License-Identifier: Apache-2.0
/// See news.hpp.
#include "client/talk/news.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace backplane::talk {

namespace {

bool is_log_event(const ClientEvent& event) { return std::holds_alternative<LogEvent>(event); }

/// The span of sequence numbers that an event stands for: a gap's own, or the event's number twice.
std::pair<std::int64_t, std::int64_t> span_of(const LogEvent& event) {
    std::int64_t from = static_cast<std::int64_t>(event.seq);
    std::int64_t to = from;
    if (event.event == "gap") {
        for (const LogEvent::Field& field : event.fields) {
            const auto* number = std::get_if<std::int64_t>(&field.value);
            (field.key == "from" ? from : to) = number != nullptr ? *number : 0;
        }
    }
    return {from, to};
}

}  // namespace

void News::add(ClientEvent event) {
    if (is_log_event(event)) {
        if (log_events_ == log_events_max) {
            make_room();
        }
        log_events_ += 1;
    }
    events_.push_back(std::move(event));
    wakes_.wake(waiter_);
}

bool News::wait(Ticket ticket) {
    if (waiter_ != 0) {
        return false;
    }
    waiter_ = ticket;
    return true;
}

void News::stop_waiting(Ticket ticket) {
    if (waiter_ == ticket) {
        waiter_ = 0;
    }
}

std::optional<ClientEvent> News::take() {
    if (events_.empty()) {
        return std::nullopt;
    }
    std::optional<ClientEvent> event{std::move(events_.front())};
    events_.pop_front();
    if (is_log_event(*event)) {
        log_events_ -= 1;
    }
    return event;
}

std::optional<LogEvent> News::take_log_event() {
    if (log_events_ == 0) {
        return std::nullopt;
    }
    const auto found = std::find_if(events_.begin(), events_.end(), is_log_event);
    std::optional<LogEvent> event{std::get<LogEvent>(std::move(*found))};
    events_.erase(found);
    log_events_ -= 1;
    return event;
}

/// The two oldest log events become one gap that covers both, which leaves room for one.
void News::make_room() {
    const auto first = std::find_if(events_.begin(), events_.end(), is_log_event);
    const auto second = std::find_if(std::next(first), events_.end(), is_log_event);
    const std::int64_t from = span_of(std::get<LogEvent>(*first)).first;
    const std::int64_t to = span_of(std::get<LogEvent>(*second)).second;
    LogEvent gap;
    gap.event = "gap";
    gap.fields = {{"from", from}, {"to", to}};
    *first = std::move(gap);
    events_.erase(second);
    log_events_ -= 1;
}

}  // namespace backplane::talk
