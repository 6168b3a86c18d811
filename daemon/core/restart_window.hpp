// SPDX-License-Identifier: Apache-2.0
/// The rate limit of restarts, exactly (rules S-29..S-33): at an event, forget what is older than the period, add the
/// event, and say whether there are now more than allowed. An entry exactly a period old still counts.
///
/// Events with one root cause count once, together (S-29). The root's own entry may be forgotten before the last of
/// those who depended on it is dead (W-7), so the latest roots are remembered beyond the period.
#pragma once

#include "daemon/core/image.hpp"

#include <backplane/ids.hpp>

#include <cstdint>
#include <vector>

namespace backplane::core {

class RestartWindow {
  public:
    /// What one event came to.
    struct Verdict {
        bool counted = false;     ///< false: its root cause was counted before
        bool exceeded = false;    ///< more than `intensity` within the period: give up (S-33)
        std::uint32_t count = 0;  ///< entries in the window, this one included
    };

    /// An event at `now`, which never goes back. `root`: the Device whose end is the root cause; zero: count in any case.
    Verdict add(Instant now, DeviceId root, std::uint32_t intensity, Duration period);
    /// How many events lie within the period that ends at `now`.
    [[nodiscard]] std::uint32_t used(Instant now, Duration period) const;
    /// A new incarnation of the supervisor starts with an empty list (S-32).
    void clear();

    void save(ImageWriter& image) const;
    bool load(ImageReader& image);

  private:
    static constexpr std::size_t roots_max = 64;

    [[nodiscard]] bool is_known(DeviceId root) const;
    void remember(DeviceId root);
    void forget(Instant now, Duration period);

    std::vector<Instant> entries_;  ///< ascending; those before `first_` are forgotten
    std::uint64_t first_ = 0;
    std::vector<DeviceId> roots_;  ///< a ring of the latest counted ones
    std::uint64_t next_root_ = 0;
};

}  // namespace backplane::core
