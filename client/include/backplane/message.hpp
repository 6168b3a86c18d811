// SPDX-License-Identifier: Apache-2.0
/// What a Device can receive: two kinds of message and no third (rule M-1).
#pragma once

#include <backplane/line.hpp>
#include <backplane/link.hpp>

#include <optional>
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

using Message = std::variant<Disconnected, Shutdown>;

}  // namespace backplane
