// SPDX-License-Identifier: Apache-2.0
/// The one table of error codes: name, reach and exit code of the tool. PROTOCOL.md section 8 repeats it for readers of
/// other languages; a unit test compares the two.
#include <backplane/error.hpp>

#include <array>

namespace backplane {
namespace {

struct Entry {
    ErrorCode code;
    std::string_view name;
    Reach reach;
    int exit_code;
};

// Exit codes of backplanectl, as the issue of its face fixes them.
constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_not_in_state = 3;
constexpr int exit_no_such = 4;
constexpr int exit_timed_out = 5;
constexpr int exit_not_permitted = 6;
constexpr int exit_unreachable = 7;

constexpr std::array table{
    Entry{ErrorCode::ok, "ok", Reach::request, exit_done},

    Entry{ErrorCode::device_down, "device_down", Reach::request, exit_not_in_state},
    Entry{ErrorCode::link_down, "link_down", Reach::request, exit_no_such},
    Entry{ErrorCode::self_link, "self_link", Reach::request, exit_failed},
    Entry{ErrorCode::not_owner, "not_owner", Reach::request, exit_no_such},
    Entry{ErrorCode::id_in_use, "id_in_use", Reach::request, exit_failed},
    Entry{ErrorCode::not_permitted, "not_permitted", Reach::request, exit_not_permitted},
    Entry{ErrorCode::was_down, "was_down", Reach::request, exit_done},

    Entry{ErrorCode::name_taken, "name_taken", Reach::request, exit_failed},
    Entry{ErrorCode::name_invalid, "name_invalid", Reach::request, exit_usage},
    Entry{ErrorCode::not_found, "not_found", Reach::request, exit_no_such},
    Entry{ErrorCode::bad_request, "bad_request", Reach::request, exit_failed},
    Entry{ErrorCode::unknown_call, "unknown_call", Reach::request, exit_failed},
    Entry{ErrorCode::limit_reached, "limit_reached", Reach::request, exit_failed},
    Entry{ErrorCode::busy, "busy", Reach::request, exit_not_in_state},

    Entry{ErrorCode::already_started, "already_started", Reach::request, exit_not_in_state},
    Entry{ErrorCode::already_present, "already_present", Reach::request, exit_not_in_state},
    Entry{ErrorCode::running, "running", Reach::request, exit_not_in_state},
    Entry{ErrorCode::restarting, "restarting", Reach::request, exit_not_in_state},
    Entry{ErrorCode::not_supported, "not_supported", Reach::request, exit_failed},
    Entry{ErrorCode::no_supervisor, "no_supervisor", Reach::request, exit_no_such},
    Entry{ErrorCode::stopping, "stopping", Reach::request, exit_not_in_state},
    Entry{ErrorCode::start_failed, "start_failed", Reach::request, exit_failed},
    Entry{ErrorCode::timeout, "timeout", Reach::request, exit_timed_out},
    Entry{ErrorCode::quarantined, "quarantined", Reach::request, exit_not_in_state},
    Entry{ErrorCode::disabled, "disabled", Reach::request, exit_not_in_state},
    Entry{ErrorCode::max_children, "max_children", Reach::request, exit_not_in_state},
    Entry{ErrorCode::bad_spec, "bad_spec", Reach::request, exit_failed},

    Entry{ErrorCode::malformed, "malformed", Reach::connection, exit_failed},
    Entry{ErrorCode::oversized, "oversized", Reach::connection, exit_failed},
    Entry{ErrorCode::unknown_frame, "unknown_frame", Reach::connection, exit_failed},
    Entry{ErrorCode::unsupported_version, "unsupported_version", Reach::connection, exit_failed},
    Entry{ErrorCode::out_of_order, "out_of_order", Reach::connection, exit_failed},
    Entry{ErrorCode::handshake_timeout, "handshake_timeout", Reach::connection, exit_timed_out},
    Entry{ErrorCode::too_many_connections, "too_many_connections", Reach::connection, exit_unreachable},
    Entry{ErrorCode::slow_consumer, "slow_consumer", Reach::connection, exit_unreachable},
    Entry{ErrorCode::bad_ack, "bad_ack", Reach::connection, exit_failed},
    Entry{ErrorCode::unknown_session, "unknown_session", Reach::connection, exit_unreachable},
    Entry{ErrorCode::shutting_down, "shutting_down", Reach::connection, exit_unreachable},
    Entry{ErrorCode::forbidden_peer, "forbidden_peer", Reach::connection, exit_not_permitted},
    Entry{ErrorCode::closed, "closed", Reach::connection, exit_unreachable},

    Entry{ErrorCode::unreachable, "unreachable", Reach::local, exit_unreachable},
    Entry{ErrorCode::system, "system", Reach::local, exit_failed},
    Entry{ErrorCode::usage, "usage", Reach::local, exit_usage},
    Entry{ErrorCode::invalid_argument, "invalid_argument", Reach::local, exit_usage},
    Entry{ErrorCode::wrong_process, "wrong_process", Reach::local, exit_failed},
    Entry{ErrorCode::wrong_thread, "wrong_thread", Reach::local, exit_failed},

    Entry{ErrorCode::config_invalid, "config_invalid", Reach::daemon, exit_failed},
    Entry{ErrorCode::already_running, "already_running", Reach::daemon, exit_failed},
    Entry{ErrorCode::corrupt_image, "corrupt_image", Reach::daemon, exit_failed},
};

const Entry* find(ErrorCode code) {
    for (const Entry& entry : table) {
        if (entry.code == code) {
            return &entry;
        }
    }
    return nullptr;
}

}  // namespace

std::string_view error_name(ErrorCode code) {
    const Entry* entry = find(code);
    return entry == nullptr ? std::string_view{"unknown_error"} : entry->name;
}

Reach error_reach(ErrorCode code) {
    const Entry* entry = find(code);
    // An unknown number came from a newer peer: it was an answer, and the conversation goes on.
    return entry == nullptr ? Reach::request : entry->reach;
}

int error_exit_code(ErrorCode code) {
    const Entry* entry = find(code);
    return entry == nullptr ? exit_failed : entry->exit_code;
}

std::optional<ErrorCode> error_from_name(std::string_view name) {
    for (const Entry& entry : table) {
        if (entry.name == name) {
            return entry.code;
        }
    }
    return std::nullopt;
}

}  // namespace backplane
