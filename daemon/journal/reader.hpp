// SPDX-License-Identifier: Apache-2.0
/// Reads a journal's bytes as hostile: every length and sum is judged before it is followed.
#pragma once

#include "daemon/journal/record.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace backplane::journal {

/// One event, at its time. The text is the reader's.
struct Entry {
    Instant at{};
    core::Event event;
};

/// What the reading ended with.
enum class Ending : std::uint8_t {
    whole,  ///< at the end of what was written
    torn,   ///< the last record is not whole, and nothing is behind it
    wrong,  ///< something in the middle is not what was written
};

class Reader {
  public:
    /// `bytes` must stay. `corrupt_image` says what is wrong with the head or the image; it is then no journal to go on from.
    [[nodiscard]] static Expected<Reader> open(std::string_view bytes);

    [[nodiscard]] const Head& head() const { return head_; }
    /// Empty where the state began empty.
    [[nodiscard]] std::string_view image() const { return image_; }
    /// The next event; false at the end, of which `ending` then speaks.
    [[nodiscard]] bool next(Entry& entry);
    [[nodiscard]] Ending ending() const { return ending_; }
    /// Where the next record begins, or would.
    [[nodiscard]] std::uint64_t place() const { return place_; }
    [[nodiscard]] std::uint64_t count() const { return count_; }

  private:
    [[nodiscard]] bool nothing_behind(std::uint64_t place) const;
    [[nodiscard]] bool record_behind(std::uint64_t place) const;

    std::string_view bytes_;
    Head head_;
    std::string_view image_;
    std::uint64_t place_ = 0;
    std::uint64_t count_ = 0;
    Ending ending_ = Ending::whole;
};

}  // namespace backplane::journal
