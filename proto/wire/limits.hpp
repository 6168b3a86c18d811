// SPDX-License-Identifier: Apache-2.0
/// Every bound of the protocol, in one place; PROTOCOL.md section 9 repeats them for readers of other languages.
#pragma once

#include <backplane/labels.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace backplane::wire {

inline constexpr std::uint16_t version_min = 1;
inline constexpr std::uint16_t version_max = 1;

inline constexpr std::size_t header_bytes = 8;
inline constexpr std::size_t frame_bytes_max = 64 * 1024;  ///< header included, both directions
inline constexpr std::size_t text_bytes_max = 200;         ///< a hot frame's tail; a fault's text
inline constexpr std::size_t name_bytes_max = 255;         ///< a registered or configured name, path included
inline constexpr std::size_t cursor_bytes_max = 511;       ///< a cursor of `list`
inline constexpr std::size_t json_depth_max = 64;
inline constexpr std::size_t json_members_max = 256;                         ///< keys of one JSON object
inline constexpr std::size_t features_max = 32;                              ///< features in `hello`, of at most 64 bytes each
inline constexpr std::size_t list_rows_max = 48;                             ///< rows in one reply to `list`, fewer where they are long
inline constexpr std::size_t links_in_description_max = 64;                  ///< links in one reply to `describe`
inline constexpr std::size_t rehearsal_bytes_max = 32 * 1024 * 1024;         ///< of the daemon's state, for `impact`
inline constexpr std::size_t rehearsal_bytes_per_second = 32 * 1024 * 1024;  ///< of all sessions together
inline constexpr std::size_t labels_per_device_max = backplane::labels_per_device_max;
inline constexpr std::size_t label_key_bytes_max = backplane::label_key_bytes_max;
inline constexpr std::size_t label_value_bytes_max = backplane::label_value_bytes_max;
inline constexpr std::size_t labels_bytes_max = backplane::labels_bytes_max;  ///< keys and values of one Device together
inline constexpr std::uint32_t ids_per_grant = 64;                            ///< a grant is one page of ids (decision 1)
inline constexpr std::uint32_t grants_in_welcome = 4;
inline constexpr std::uint32_t grants_per_request_max = 256;

inline constexpr std::uint32_t devices_per_session_max = 1'048'576;
inline constexpr std::uint32_t links_per_session_max = 10'485'760;  ///< unacknowledged notices included
inline constexpr std::uint32_t names_per_session_max = 4'096;
inline constexpr std::uint32_t name_watches_per_session_max = 4'096;
inline constexpr std::uint32_t label_bytes_per_session_max = 4 * 1024 * 1024;  ///< labels of all its Devices
inline constexpr std::uint32_t requests_in_flight_max = 64;
inline constexpr std::uint32_t sessions_per_user_max = 4'096;

inline constexpr std::uint32_t heartbeat_ms_max = 86'400'000;  ///< the longest interval of a heartbeat: a day
inline constexpr std::int64_t handshake_timeout_ms = 5'000;
inline constexpr std::size_t outbox_mark_bytes = 256 * 1024;      ///< above it the daemon stops reading this session
inline constexpr std::size_t outbox_bytes_max = 4 * 1024 * 1024;  ///< above it: slow_consumer
inline constexpr std::int64_t stalled_timeout_ms = 30'000;        ///< over the mark for this long: slow_consumer
inline constexpr std::size_t event_ring_records = 4'096;
inline constexpr std::int64_t resume_grace_ms = 5'000;  ///< after a crash of the daemon its sessions may come back this long

/// One row of PROTOCOL.md's table, and one key of `welcome.limits`.
struct Limit {
    std::string_view name;
    std::uint64_t value = 0;
};
/// All bounds above by name, in their order.
[[nodiscard]] std::span<const Limit> all_limits();

}  // namespace backplane::wire
