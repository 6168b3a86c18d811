// SPDX-License-Identifier: Apache-2.0
/// Every error code of Backplane, shared by the wire, the libraries and the tools. Numbers never change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace backplane {

/// How far an error reaches: `request` is answered and the conversation goes on; `connection` is the last word
/// before the connection is closed; `daemon` ends the daemon; `local` never left the process that met it.
enum class Reach : std::uint8_t { request, connection, daemon, local };

enum class ErrorCode : std::uint16_t {
    ok = 0,

    // Links and Devices (request).
    device_down = 1,    ///< the calling end is gone (L-6)
    link_down = 2,      ///< the other end is gone or unknown (L-6, L-8)
    self_link = 3,      ///< a Device cannot be linked with itself (L-5)
    not_owner = 4,      ///< no such Device of this session
    id_in_use = 5,      ///< this id has been created before
    not_permitted = 6,  ///< the policy forbids it
    was_down = 7,       ///< not a failure: the acknowledged unlink came after the death, the notice was taken back (T-5)

    // Names and requests (request).
    name_taken = 20,
    name_invalid = 21,
    not_found = 22,
    bad_request = 23,  ///< a control request whose body or argument is wrong; the detail names the key
    unknown_call = 24,
    limit_reached = 25,  ///< one of the session's bounds; the detail names it
    busy = 26,           ///< another operation on this child is in progress

    // Supervision (request).
    already_started = 40,
    already_present = 41,
    running = 42,
    restarting = 43,
    not_supported = 44,
    no_supervisor = 45,
    stopping = 46,
    start_failed = 47,
    timeout = 48,
    quarantined = 49,   ///< it broke its own limit and waits to be released (X-2)
    disabled = 50,      ///< it stays down until it is enabled (X-14)
    max_children = 51,  ///< the dynamic supervisor has as many as it may (S-62)
    bad_spec = 52,      ///< the child that was given is not one; the detail names file, place and key

    // Connection: said in `bye`, then the connection is closed.
    malformed = 60,      ///< a frame or field that cannot be; the detail names it
    oversized = 61,      ///< a frame longer than the bound
    unknown_frame = 62,  ///< an unknown frame that is not optional
    unsupported_version = 63,
    out_of_order = 64,  ///< a frame before hello, a second hello, or one for the other direction
    handshake_timeout = 65,
    too_many_connections = 66,
    slow_consumer = 67,
    bad_ack = 68,          ///< acknowledged more than was sent, or less than before
    unknown_session = 69,  ///< resume of a session that the daemon does not know
    shutting_down = 70,
    forbidden_peer = 71,  ///< this user may not connect
    closed = 72,          ///< an orderly end

    // Local to the library or tool.
    unreachable = 90,  ///< no daemon behind the socket, or the connection was lost
    system = 91,       ///< a system call failed; the detail names call, path and errno
    usage = 92,
    invalid_argument = 93,
    wrong_process = 94,  ///< used in a child after fork
    wrong_thread = 95,   ///< used from another thread than the one that it was given to

    // Daemon and configuration.
    config_invalid = 110,
    already_running = 111,
    corrupt_image = 112,
};

/// The code's stable name, as in `link_down`; `unknown_error` for a number that this version does not know.
[[nodiscard]] std::string_view error_name(ErrorCode code);

[[nodiscard]] Reach error_reach(ErrorCode code);

/// The code of a stable name; nothing for a name that this version does not know.
[[nodiscard]] std::optional<ErrorCode> error_from_name(std::string_view name);

/// backplanectl's exit code for an error: 1 failed, 2 usage, 3 not in the asked state, 4 no such device,
/// 5 timed out, 6 not permitted, 7 daemon unreachable.
[[nodiscard]] int error_exit_code(ErrorCode code);

/// An error as a value: the code decides, the detail tells a person what was wrong and where.
struct [[nodiscard]] Error {
    ErrorCode code = ErrorCode::ok;
    std::string detail;

    /// `link_down: no such device`, or the bare name where there is no detail.
    [[nodiscard]] std::string text() const {
        std::string all{error_name(code)};
        if (!detail.empty()) {
            all.append(": ").append(detail);
        }
        return all;
    }
};

}  // namespace backplane
