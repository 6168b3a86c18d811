// SPDX-License-Identifier: Apache-2.0
/// The end of what one output said, for the exit record.
#pragma once

#include "daemon/core/event.hpp"

#include <string>
#include <string_view>

namespace backplane::output {

class Tail {
  public:
    void append(std::string_view bytes);
    /// At most `last_words_bytes_max`: whole lines where the last one leaves room for more than itself, without the newline at the end.
    [[nodiscard]] std::string_view text() const;
    /// As it is kept, for a program after this one.
    [[nodiscard]] const std::string& kept() const { return kept_; }

  private:
    static constexpr std::size_t kept_max = core::last_words_bytes_max + 1;  ///< the newline at the end is not shown
    std::string kept_;
    bool is_cut_ = false;  ///< something stood before it
};

}  // namespace backplane::output
