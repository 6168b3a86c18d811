// SPDX-License-Identifier: Apache-2.0
/// What a Device can receive: two kinds of message and no third (rule M-1).
#pragma once

#include <backplane/line.hpp>
#include <backplane/link.hpp>

#include <optional>
#include <utility>
#include <variant>

namespace backplane {

/// A Device that this one monitored is gone. Told once for each link, and never again (rule D-6).
struct Disconnected {
    Line device;
    /// Why it went; nothing where it ended well. `unreachable` where nothing is known of it any more.
    std::optional<Fault> fault;
};

/// Somebody asks this Device to end. Nothing is forced: a Device that goes on, goes on (rule M-6).
struct Shutdown {
    /// Who asks; false where it is the daemon itself.
    Line from;
};

/// One of the two. It is a std::variant, for `std::visit` and `std::get_if`, with names for its usual questions.
struct Message : std::variant<Disconnected, Shutdown> {
    using variant::variant;

    [[nodiscard]] bool is_disconnected() const { return index() == 0; }
    [[nodiscard]] bool is_shutdown() const { return index() == 1; }
    /// Whether a managed Device goes with it: something that it depends on went with a fault (rule W-2).
    [[nodiscard]] bool is_fatal() const {
        const auto* gone = std::get_if<Disconnected>(this);
        return gone != nullptr && gone->fault.has_value();
    }
    /// Whom it is about: the Device that went, or who asks.
    [[nodiscard]] Line sender() const {
        const auto* gone = std::get_if<Disconnected>(this);
        return gone != nullptr ? gone->device : std::get_if<Shutdown>(this)->from;
    }
    /// Why it went; nothing after a clean end, and for a shutdown request.
    [[nodiscard]] std::optional<Fault> fault() const {
        const auto* gone = std::get_if<Disconnected>(this);
        return gone != nullptr ? gone->fault : std::nullopt;
    }
};

}  // namespace backplane
