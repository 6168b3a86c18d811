// SPDX-License-Identifier: Apache-2.0
/// The bounds by name. A unit test compares this list with limits.hpp and with PROTOCOL.md, so that none is forgotten.
#include "proto/wire/limits.hpp"

#include <array>

namespace backplane::wire {
namespace {

constexpr std::array limits{
    Limit{"version_min", version_min},
    Limit{"version_max", version_max},
    Limit{"header_bytes", header_bytes},
    Limit{"frame_bytes_max", frame_bytes_max},
    Limit{"text_bytes_max", text_bytes_max},
    Limit{"name_bytes_max", name_bytes_max},
    Limit{"cursor_bytes_max", cursor_bytes_max},
    Limit{"json_depth_max", json_depth_max},
    Limit{"json_members_max", json_members_max},
    Limit{"features_max", features_max},
    Limit{"list_rows_max", list_rows_max},
    Limit{"links_in_description_max", links_in_description_max},
    Limit{"rehearsal_bytes_max", rehearsal_bytes_max},
    Limit{"rehearsal_bytes_per_second", rehearsal_bytes_per_second},
    Limit{"labels_per_device_max", labels_per_device_max},
    Limit{"label_key_bytes_max", label_key_bytes_max},
    Limit{"label_value_bytes_max", label_value_bytes_max},
    Limit{"labels_bytes_max", labels_bytes_max},
    Limit{"ids_per_grant", ids_per_grant},
    Limit{"grants_in_welcome", grants_in_welcome},
    Limit{"grants_per_request_max", grants_per_request_max},
    Limit{"devices_per_session_max", devices_per_session_max},
    Limit{"links_per_session_max", links_per_session_max},
    Limit{"names_per_session_max", names_per_session_max},
    Limit{"name_watches_per_session_max", name_watches_per_session_max},
    Limit{"label_bytes_per_session_max", label_bytes_per_session_max},
    Limit{"requests_in_flight_max", requests_in_flight_max},
    Limit{"sessions_per_user_max", sessions_per_user_max},
    Limit{"heartbeat_ms_max", heartbeat_ms_max},
    Limit{"handshake_timeout_ms", static_cast<std::uint64_t>(handshake_timeout_ms)},
    Limit{"outbox_mark_bytes", outbox_mark_bytes},
    Limit{"outbox_bytes_max", outbox_bytes_max},
    Limit{"stalled_timeout_ms", static_cast<std::uint64_t>(stalled_timeout_ms)},
    Limit{"event_ring_records", event_ring_records},
    Limit{"resume_grace_ms", static_cast<std::uint64_t>(resume_grace_ms)},
};

}  // namespace

std::span<const Limit> all_limits() { return limits; }

}  // namespace backplane::wire
