// SPDX-License-Identifier: Apache-2.0
/// See heartbeats.hpp.
#include "client/talk/heartbeats.hpp"

#include "proto/wire/limits.hpp"

#include <string>

namespace backplane::talk {

Expected<std::uint32_t> heartbeat_interval(Duration interval) {
    if (interval > Duration::milliseconds(wire::heartbeat_ms_max)) {
        return unexpected(ErrorCode::invalid_argument, "heartbeat: longer than " + std::to_string(wire::heartbeat_ms_max) + " ms");
    }
    constexpr std::int64_t ns_per_ms = 1'000'000;
    return interval.ns <= 0 ? 0U : static_cast<std::uint32_t>((interval.ns + ns_per_ms - 1) / ns_per_ms);
}

void Heartbeats::set(DeviceId id, std::uint32_t interval_ms, Instant now) {
    if (interval_ms == 0) {
        forget(id);
    } else {
        beats_[id.value] = Beat{interval_ms, now};
    }
}

std::optional<std::uint32_t> Heartbeats::beat(DeviceId id, Instant now) {
    const auto found = beats_.find(id.value);
    if (found == beats_.end()) {
        return std::nullopt;
    }
    Beat& beat = found->second;
    if (now - beat.last < Duration{Duration::milliseconds(beat.interval_ms).ns / 10}) {
        return 0U;
    }
    beat.last = now;
    return beat.interval_ms;
}

}  // namespace backplane::talk
