// SPDX-License-Identifier: Apache-2.0
/// Wakes: whom to wake because what he waits for has come. Whoever waits draws a ticket and leaves it with the thing that he
/// waits for, which hands it in here when it has come. One look at this tells all who are to go on, however many wait.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace backplane::talk {

/// Stands for one who waits, once; 0 is nobody.
using Ticket = std::uint64_t;

class Wakes {
  public:
    [[nodiscard]] Ticket draw() { return ++last_; }
    /// What this one waited for has come. The place where the ticket lay is empty afterwards.
    void wake(Ticket& ticket) {
        if (ticket != 0) {
            ready_.push_back(std::exchange(ticket, 0));
        }
    }
    [[nodiscard]] bool any() const { return !ready_.empty(); }
    /// All who are to go on, in the order in which their things came. Tickets of some who wait no longer may be among them.
    [[nodiscard]] std::vector<Ticket> take() { return std::exchange(ready_, {}); }

  private:
    std::vector<Ticket> ready_;
    Ticket last_ = 0;
};

}  // namespace backplane::talk
