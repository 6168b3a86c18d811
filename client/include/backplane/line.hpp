// SPDX-License-Identifier: Apache-2.0
/// Line: a copyable reference to a Device, wherever it lives, that does not keep it alive.
#pragma once

#include <backplane/ids.hpp>

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace backplane {

/// A line is a name, not a capability: whoever holds one may compare it, print it and hand it on; what may be done
/// with it is decided by the daemon at its use. The Device may be gone by then, which is answered like its death.
/// A line carries its daemon's epoch (rule D-10): one from another epoch is answered by the library, as unreachable.
class Line {
  public:
    /// No Device; false in a condition.
    constexpr Line() = default;
    constexpr Line(Epoch epoch, DeviceId id) : epoch_(epoch), id_(id) {}

    /// Reads the text form, `EPOCH.GENERATION.SLOT` in hexadecimal; nothing where the text has another form.
    [[nodiscard]] static std::optional<Line> parse(std::string_view text) {
        const auto parts = parse_line(text);
        if (!parts) {
            return std::nullopt;
        }
        return Line{parts->epoch, parts->id};
    }

    /// The text form, which `parse`, `backplanectl` and other processes read.
    [[nodiscard]] std::string text() const { return line_text(epoch_, id_); }

    [[nodiscard]] constexpr DeviceId id() const { return id_; }
    [[nodiscard]] constexpr Epoch epoch() const { return epoch_; }
    [[nodiscard]] constexpr explicit operator bool() const { return static_cast<bool>(id_); }
    constexpr auto operator<=>(const Line&) const = default;

  private:
    Epoch epoch_;
    DeviceId id_;
};

}  // namespace backplane

template <>
struct std::hash<backplane::Line> {
    [[nodiscard]] std::size_t operator()(const backplane::Line& line) const noexcept {
        // Slots are dense and generations small: one multiplication spreads them over the buckets.
        return static_cast<std::size_t>((line.id().value ^ line.epoch().value) * 0x9e3779b97f4a7c15ULL);
    }
};
