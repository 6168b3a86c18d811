// SPDX-License-Identifier: Apache-2.0
/// The last lines that one child wrote, whatever their number: what `logs` shows.
///
/// Bounded by bytes, each line being charged for what is noted of it too, so that a flood of empty lines takes no more room than one of
/// long ones. Lines are numbered upwards for ever; a reader keeps the number that comes next and sees by it what it has missed.
#pragma once

#include "daemon/core/image.hpp"

#include <backplane/ids.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace backplane::output {

/// Which of its two outputs.
enum class Which : std::uint8_t { out, err };
inline constexpr std::size_t outputs_per_worker = 2;
[[nodiscard]] constexpr std::string_view which_name(Which which) { return which == Which::out ? "stdout" : "stderr"; }

/// A longer line is several.
inline constexpr std::size_t line_bytes_max = 4096;
inline constexpr std::size_t ring_bytes = 64 * 1024;
/// What a line is charged for beside its text.
inline constexpr std::size_t line_overhead = 32;

struct Line {
    std::uint64_t number = 0;
    Instant at{};
    std::uint32_t generation = 0;  ///< of the incarnation that wrote it
    Which which = Which::out;
    bool goes_on = false;  ///< the next one of the same output is the rest of it
    std::string text;      ///< without its newline
};

class LineRing {
  public:
    /// `first`: the number of the first line. A ring that takes the place of another must begin above whatever that may have reached.
    explicit LineRing(std::uint64_t first) : origin_(first), first_(first), next_(first) {}

    /// Bytes of one output, cut anywhere. Lines appear when they are whole, or too long.
    void append(Which which, std::uint32_t generation, Instant at, std::string_view bytes);
    /// What has no newline yet is a line as it is.
    void end_line(Which which, Instant at);

    /// The oldest that is still there, and the one that comes next.
    [[nodiscard]] std::uint64_t first() const { return first_; }
    [[nodiscard]] std::uint64_t next() const { return next_; }
    /// `number` between the two.
    [[nodiscard]] Line line(std::uint64_t number) const;
    /// The first that it ever had. A number below is of another ring, in a daemon before this one.
    [[nodiscard]] std::uint64_t origin() const { return origin_; }

    void save(core::ImageWriter& image) const;
    /// Replaces the content. The bytes may be hostile.
    [[nodiscard]] bool load(core::ImageReader& image);

  private:
    struct Note {
        Instant at{};
        std::uint32_t generation = 0;
        std::uint32_t from = 0;  ///< of its text in the circle
        std::uint16_t bytes = 0;
        Which which = Which::out;
        bool goes_on = false;
    };
    struct Unfinished {
        std::string text;
        std::uint32_t generation = 0;
    };
    void push(Which which, Instant at, bool goes_on);
    void drop_first();

    std::uint64_t origin_, first_, next_;
    std::size_t charged_ = 0;
    std::deque<Note> notes_;
    std::string bytes_;    ///< of all lines, as a circle once it has its full length
    std::size_t end_ = 0;  ///< where the next one's text begins
    std::array<Unfinished, outputs_per_worker> unfinished_;
};

}  // namespace backplane::output
