// SPDX-License-Identifier: Apache-2.0
/// Identities and instants: the small own types that keep an id from being mistaken for a count.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backplane {

/// A Device's id: generation (high 32 bits) and slot (low 32 bits). Never reused within an epoch (rule D-10).
/// Zero is no Device; generation 0 is never granted.
struct DeviceId {
    std::uint64_t value = 0;

    [[nodiscard]] static constexpr DeviceId make(std::uint32_t generation, std::uint32_t slot) {
        return DeviceId{(static_cast<std::uint64_t>(generation) << 32) | slot};
    }
    [[nodiscard]] constexpr std::uint32_t generation() const { return static_cast<std::uint32_t>(value >> 32); }
    [[nodiscard]] constexpr std::uint32_t slot() const { return static_cast<std::uint32_t>(value); }
    [[nodiscard]] constexpr explicit operator bool() const { return value != 0; }
    constexpr auto operator<=>(const DeviceId&) const = default;
};

/// The nonce of a journal (rule D-10): id and epoch together are unique for ever. Zero is "not known".
struct Epoch {
    std::uint64_t value = 0;
    constexpr auto operator<=>(const Epoch&) const = default;
};

/// A length of time in nanoseconds. `forever()` stands for "infinity".
struct Duration {
    std::int64_t ns = 0;

    [[nodiscard]] static constexpr Duration forever() { return Duration{INT64_MAX}; }
    [[nodiscard]] static constexpr Duration milliseconds(std::int64_t n) { return Duration{n * 1'000'000}; }
    [[nodiscard]] static constexpr Duration seconds(std::int64_t n) { return Duration{n * 1'000'000'000}; }
    [[nodiscard]] constexpr bool is_forever() const { return ns == INT64_MAX; }
    constexpr auto operator<=>(const Duration&) const = default;
};

/// A point on CLOCK_MONOTONIC, in nanoseconds. `never()` is later than every real instant.
struct Instant {
    std::int64_t ns = 0;

    [[nodiscard]] static constexpr Instant never() { return Instant{INT64_MAX}; }
    [[nodiscard]] constexpr bool is_never() const { return ns == INT64_MAX; }
    constexpr auto operator<=>(const Instant&) const = default;
};

/// Saturates at `never()`: an instant plus `forever()` is never.
[[nodiscard]] constexpr Instant operator+(Instant at, Duration by) {
    if (at.is_never() || by.is_forever() || (by.ns > 0 && at.ns > INT64_MAX - by.ns)) {
        return Instant::never();
    }
    return Instant{at.ns + by.ns};
}
[[nodiscard]] constexpr Duration operator-(Instant later, Instant earlier) { return Duration{later.ns - earlier.ns}; }

/// A line's text form, `EPOCH.GENERATION.SLOT` in lower-case hexadecimal without leading zeros, as in
/// `9f3ac41d20b7e655.1.4c`. It can be handed to another process or typed at `backplanectl`.
[[nodiscard]] std::string line_text(Epoch epoch, DeviceId id);

/// What a line's text names.
struct LineParts {
    Epoch epoch;
    DeviceId id;
};

/// Reads `line_text`'s form; nothing where the text has another form.
[[nodiscard]] std::optional<LineParts> parse_line(std::string_view text);

}  // namespace backplane
