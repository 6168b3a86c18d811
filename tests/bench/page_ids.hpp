// SPDX-License-Identifier: Apache-2.0
/// A client's ids as it takes them: page by page, and more pages before it runs out (decision 1).
#pragma once

#include "daemon/core/engine.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace backplane::bench {

/// Lets the grants of one session be used up in order.
class PageIds {
  public:
    /// The next id. `step` takes an event where a grant of the session `client` is wanted.
    template <class TakeStep>
    DeviceId next(const core::Engine& engine, core::SessionIndex client, TakeStep&& step) {
        if (page_ == pages_.size()) {
            step(core::Event::grant(client, pages_each, 1));
            pages_ = engine.graph().granted();
            page_ = 0;
        }
        const DeviceId first = pages_[page_];
        const DeviceId id = DeviceId::make(first.generation(), first.slot() + used_);
        if (++used_ == core::page_slots) {
            used_ = 0;
            ++page_;
        }
        return id;
    }

  private:
    static constexpr std::uint32_t pages_each = 16;
    std::vector<DeviceId> pages_;
    std::size_t page_ = 0;
    std::uint32_t used_ = 0;
};

}  // namespace backplane::bench
