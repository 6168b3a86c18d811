// SPDX-License-Identifier: Apache-2.0
/// See subscription.hpp.
#include "client/talk/subscription.hpp"

#include <algorithm>

namespace backplane::talk {

namespace {

/// The number up to which an event speaks: a gap's end, or its own.
std::uint64_t end_of(const LogEvent& event) {
    if (event.event == "gap") {
        for (const LogEvent::Field& field : event.fields) {
            const auto* number = std::get_if<std::int64_t>(&field.value);
            if (field.key == "to" && number != nullptr && *number > 0) {
                return static_cast<std::uint64_t>(*number);
            }
        }
    }
    return event.seq;
}

}  // namespace

void Subscription::asked(const wire::Request& request) {
    if (request.call == wire::Call::unsubscribe) {
        follows_ = false;
        gap_from_.reset();
        ended_ = request.id;
    } else if (follows_) {
        earlier_ = last_;
    } else {
        earlier_.reset();
        last_ = request.since;
    }
}

std::optional<LogEvent> Subscription::granted(const wire::Request& request) {
    if (request.id < ended_) {
        return std::nullopt;
    }
    follows_ = request.follow;
    graph_ = request.graph;
    earlier_.reset();
    if (!gap_from_) {
        return std::nullopt;
    }
    const std::uint64_t from = *gap_from_;
    gap_from_.reset();
    LogEvent gap;
    gap.event = "gap";
    gap.fields = {{"from", static_cast<std::int64_t>(from)}, {"to", static_cast<std::int64_t>(std::max(from, last_.value_or(0)))}};
    return gap;
}

void Subscription::refused() {
    follows_ = false;
    gap_from_.reset();
}

void Subscription::saw(const LogEvent& event) {
    const std::uint64_t end = end_of(event);
    if (end == 0) {
        return;
    }
    if (earlier_ && end <= *earlier_) {
        earlier_.reset();  // numbers only fall when a replay begins: from here on it is the new one that is heard
    }
    last_ = end;
}

void Subscription::go_on(wire::Request& request) {
    if (earlier_ && request.since) {
        return;  // its own replay has not begun
    }
    request.since = last_;
    if (request.follow) {
        note_gap(request.graph);
    }
}

std::optional<wire::Request> Subscription::renewal() {
    if (!follows_) {
        return std::nullopt;
    }
    wire::Request request;
    request.call = wire::Call::subscribe;
    request.since = last_;
    request.graph = graph_;
    note_gap(graph_);
    return request;
}

void Subscription::note_gap(bool graph) {
    if ((graph || !last_) && !gap_from_) {
        gap_from_ = last_.value_or(0) + 1;
    }
}

}  // namespace backplane::talk
