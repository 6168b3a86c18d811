// SPDX-License-Identifier: Apache-2.0
/// IdPool: the ids that the daemon granted and that are not used yet (decision 1).
///
/// A set of pages is asked for when less than half a set is left, so that creating a Device never waits in practice.
/// Each further set is twice as large, up to the protocol's bound: a client that makes a million Devices asks some
/// seventy times, one that makes ten never asks.
#pragma once

#include "proto/wire/limits.hpp"
#include "proto/wire/message.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace backplane::talk {

class IdPool {
  public:
    void add(const wire::Grant& grant);

    /// The next id, each once; nothing when all are used.
    [[nodiscard]] std::optional<DeviceId> take();

    [[nodiscard]] std::uint64_t left() const { return left_; }

    /// How many pages should be asked for now: 0 while there are enough or an answer is awaited. Asking is noted.
    [[nodiscard]] std::uint32_t pages_to_ask();
    /// The answer came, with pages or without.
    void answered() { asking_ = false; }

  private:
    std::deque<wire::Grant> pages_;
    std::uint64_t left_ = 0;
    std::uint32_t set_pages_ = wire::grants_in_welcome;
    bool asking_ = false;
};

}  // namespace backplane::talk
