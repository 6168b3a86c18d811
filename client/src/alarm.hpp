// SPDX-License-Identifier: Apache-2.0
/// Alarm: a timer within an epoll set, for what has to be done at a time and not because something arrived. Whoever watches
/// the set needs no timeout of its own.
#pragma once

#include "client/src/descriptor.hpp"

#include <backplane/expected.hpp>
#include <backplane/ids.hpp>

namespace backplane::client_detail {

class Alarm {
  public:
    /// Makes the timer and puts it into the set, once; not before it is needed, for it costs a descriptor.
    [[nodiscard]] Expected<void> prepare(const Descriptor& epoll);

    /// The set is readable from `at` on, until the alarm is set anew; `never()`: not any more. Nothing where it is not prepared.
    void set(Instant at);

  private:
    Descriptor timer_;
    Instant at_ = Instant::never();
};

}  // namespace backplane::client_detail
