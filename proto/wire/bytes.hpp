// SPDX-License-Identifier: Apache-2.0
/// Little-endian integers at offsets. Callers have checked the bounds; nothing here does.
#pragma once

#include "proto/wire/frame.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

namespace backplane::wire {

/// The integer of type T at `offset` of `bytes`.
template <class T>
[[nodiscard]] inline T load(Bytes bytes, std::size_t offset) {
    static_assert(std::is_integral_v<T>);
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), bytes.data() + offset, sizeof(T));
    if constexpr (std::endian::native == std::endian::big) {
        std::array<std::byte, sizeof(T)> turned;
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            turned[i] = raw[sizeof(T) - 1 - i];
        }
        raw = turned;
    }
    return std::bit_cast<T>(raw);
}

/// Writes `value` at `place`, least byte first.
template <class T>
inline void store(char* place, T value) {
    static_assert(std::is_integral_v<T>);
    auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        place[i] = raw[std::endian::native == std::endian::big ? sizeof(T) - 1 - i : i];
    }
}

/// Appends a frame's header for a body of `body_bytes`.
inline void append_header(std::string& out, FrameType type, std::uint16_t flags, std::size_t body_bytes) {
    std::array<char, header_bytes> header;
    store(header.data(), static_cast<std::uint32_t>(header_bytes + body_bytes));
    store(header.data() + 4, static_cast<std::uint16_t>(type));
    store(header.data() + 6, flags);
    out.append(header.data(), header.size());
}

/// A body as text, for the frames that carry JSON and for tails.
[[nodiscard]] inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace backplane::wire
