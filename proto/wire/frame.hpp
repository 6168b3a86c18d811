// SPDX-License-Identifier: Apache-2.0
/// Bytes to frames and back, piecemeal. A frame is `length u32 · type u16 · flags u16 · body`, little-endian; `length`
/// counts the header. Lengths are judged before any memory is taken for them.
#pragma once

#include "proto/wire/limits.hpp"
#include "proto/wire/message.hpp"

#include <backplane/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace backplane::wire {

using Bytes = std::span<const std::byte>;

/// A whole frame inside somebody else's buffer.
struct FrameView {
    FrameType type{};
    std::uint16_t flags = 0;
    Bytes body;  ///< behind the header

    [[nodiscard]] bool asks_ack() const { return (flags & flag::ack) != 0; }
    [[nodiscard]] bool is_optional() const { return (flags & flag::optional) != 0; }
};

enum class FrameStatus : std::uint8_t { whole, incomplete, wrong };

struct FrameResult {
    FrameStatus status = FrameStatus::incomplete;
    FrameView frame;       ///< status whole
    std::size_t size = 0;  ///< status whole: bytes taken
    Error error;           ///< status wrong: oversized or malformed, ends the connection
};

/// Takes the first frame of `bytes`. Unknown types come out whole: whether to skip or refuse is the caller's answer.
[[nodiscard]] FrameResult next_frame(Bytes bytes);

/// Whether this version knows the type at all, in either direction.
[[nodiscard]] bool is_known(FrameType type);
/// Whether the frame counts in its direction (PROTOCOL.md section 5).
[[nodiscard]] bool is_counted(FrameType type);
/// Whether a client may send it / the daemon may send it.
[[nodiscard]] bool is_from_client(FrameType type);
[[nodiscard]] bool is_from_daemon(FrameType type);
/// `link`, `notice` …; `0x1234` for an unknown type.
[[nodiscard]] std::string frame_name(FrameType type);

}  // namespace backplane::wire
