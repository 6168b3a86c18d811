// SPDX-License-Identifier: Apache-2.0
/// Subscription: where in the daemon's log its reader is, so that after a resume it goes on there.
///
/// A daemon that comes back has forgotten its subscriptions (PROTOCOL.md section 5.6). The library asks anew for what follows
/// the last event that it has seen: the ring still holds the events of supervision, and what `graph` adds is lost, which is
/// told as one `gap`. So is all that may have happened where no number is known to begin from.
#pragma once

#include "proto/wire/message.hpp"

#include <backplane/values.hpp>

#include <cstdint>
#include <optional>

namespace backplane::talk {

class Subscription {
  public:
    /// A `subscribe` or `unsubscribe` of the user leaves.
    void asked(const wire::Request& request);
    /// A `subscribe` was granted: the gap that must be told now, if it goes on behind a crash and something was missed.
    [[nodiscard]] std::optional<LogEvent> granted(const wire::Request& request);
    /// The log's reader was refused by a daemon that came back.
    void refused();
    /// An event arrives.
    void saw(const LogEvent& event);

    /// After a crash: makes of a `subscribe` whose reply was lost the one that goes on behind the last event seen.
    void go_on(wire::Request& request);
    /// After a crash: the `subscribe` that goes on with what was being followed; nothing if nothing was.
    [[nodiscard]] std::optional<wire::Request> renewal();

  private:
    void note_gap(bool graph);

    std::optional<std::uint64_t> last_;      ///< everything up to this event was told, or was not asked for
    std::optional<std::uint64_t> earlier_;   ///< `last_` of a subscription that is being replaced, until the new one is heard of
    std::optional<std::uint64_t> gap_from_;  ///< a gap that begins here is to be told
    std::uint64_t ended_ = 0;                ///< the number of the last `unsubscribe`; what was asked before it is over
    bool follows_ = false;
    bool graph_ = false;
};

}  // namespace backplane::talk
