// SPDX-License-Identifier: Apache-2.0
/// Heartbeats: what the Devices of a conversation have promised, and when each last gave a sign of life.
#pragma once

#include <backplane/expected.hpp>
#include <backplane/ids.hpp>

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace backplane::talk {

/// An interval as the wire has it, rounded up to milliseconds; zero and less: none. `invalid_argument` above `heartbeat_ms_max`.
[[nodiscard]] Expected<std::uint32_t> heartbeat_interval(Duration interval);

class Heartbeats {
  public:
    /// From now on so often; 0: no more. A sign is given with that.
    void set(DeviceId id, std::uint32_t interval_ms, Instant now);
    /// The interval to say with a sign that is given now: 0 where the last one is younger than a tenth of it, and none is needed;
    /// nothing for a Device that has promised none.
    [[nodiscard]] std::optional<std::uint32_t> beat(DeviceId id, Instant now);
    void forget(DeviceId id) { beats_.erase(id.value); }

  private:
    struct Beat {
        std::uint32_t interval_ms = 0;
        Instant last;
    };
    std::unordered_map<std::uint64_t, Beat> beats_;
};

}  // namespace backplane::talk
