// SPDX-License-Identifier: Apache-2.0
/// Whole lines to where the daemon's own output goes (sink.hpp).
#include "daemon/output/sink.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace backplane::output {
namespace {

/// A pipe that is ready takes so much without waiting (PIPE_BUF), and in one piece.
constexpr std::size_t piece_bytes_max = 4096;
constexpr std::chrono::seconds rest{1};

/// Whole lines where there are any in a piece.
std::size_t piece_of(std::string_view bytes) {
    const std::string_view piece = bytes.substr(0, piece_bytes_max);
    const std::size_t newline = piece.rfind('\n');
    return newline == std::string_view::npos ? piece.size() : newline + 1;
}

}  // namespace

bool Relay::has_room() {
    const auto now = std::chrono::steady_clock::now();
    pollfd out{fd_, POLLOUT, 0};
    if (poll(&out, 1, now < again_ ? 0 : sink_patience_ms) == 1) {
        again_ = {};
        return true;  // or nobody can ever read there, which the write tells
    }
    again_ = std::max(again_, now + rest);
    return false;
}

Outcome Relay::write(std::string_view bytes) {
    Outcome outcome;
    while (!bytes.empty()) {
        if (!has_room()) {
            outcome.error_number = EAGAIN;
            break;
        }
        const ssize_t went = ::write(fd_, bytes.data(), piece_of(bytes));
        if (went > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(went));
        } else if (errno != EINTR && errno != EAGAIN) {
            outcome.error_number = errno;
            break;
        }
    }
    outcome.dropped = bytes.size();
    return outcome;
}

}  // namespace backplane::output
