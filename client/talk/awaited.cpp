// SPDX-License-Identifier: Apache-2.0
/// See awaited.hpp.
#include "client/talk/awaited.hpp"

#include <utility>

namespace backplane::talk {

bool Awaited::refuse(std::uint64_t operation, Error error) {
    const auto found = waiting_.find(operation);
    if (found == waiting_.end()) {
        return false;
    }
    found->second.refusal = std::move(error);
    return true;
}

std::optional<Expected<Settled>> Awaited::take(std::uint64_t operation) {
    const auto found = waiting_.find(operation);
    if (found == waiting_.end() || !found->second.done) {
        return std::nullopt;
    }
    const Waiting waiting = std::move(found->second);
    waiting_.erase(found);
    if (!waiting.refusal) {
        return Expected<Settled>{Settled{waiting.was_down}};
    }
    // An unlink from what is gone has reached what it was asked for: `was_down` and `link_down` only say so.
    const bool gone = waiting.refusal->code == ErrorCode::was_down || waiting.refusal->code == ErrorCode::link_down;
    if (waiting.edge.from && gone) {
        return Expected<Settled>{Settled{true}};
    }
    return Expected<Settled>{unexpected(*waiting.refusal)};
}

bool Awaited::is_settled(std::uint64_t operation) const {
    const auto found = waiting_.find(operation);
    return found != waiting_.end() && found->second.done;
}

void Awaited::wait(std::uint64_t operation, Ticket ticket) {
    if (const auto found = waiting_.find(operation); found != waiting_.end()) {
        found->second.waiter = ticket;
    }
}

void Awaited::fail_all(const Error& error) {
    for (auto& [operation, waiting] : waiting_) {
        if (!waiting.done) {
            waiting.done = true;
            waiting.refusal = error;
            wakes_.wake(waiting.waiter);
        }
    }
}

}  // namespace backplane::talk
