// SPDX-License-Identifier: Apache-2.0
/// The string pool: texts named by index, counted, with their places reused.
#pragma once

#include "daemon/core/image.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::core {

class Texts {
  public:
    Texts() : items_(1) {}

    /// A copy of `text` with one holder; the empty text is index 0 and needs no release.
    [[nodiscard]] TextIndex add(std::string_view text);
    /// One more holder of the same text.
    TextIndex share(TextIndex text);
    /// One holder less; at none the place is free. Zeroes the caller's handle.
    void release(TextIndex& text);
    [[nodiscard]] std::string_view operator[](TextIndex text) const { return items_[text].bytes; }
    [[nodiscard]] bool contains(TextIndex text) const { return text < items_.size(); }

    void save(ImageWriter& image) const;
    bool load(ImageReader& image);

  private:
    struct Item {
        std::string bytes;
        std::uint32_t holders = 0;
    };
    std::vector<Item> items_;
    std::vector<TextIndex> free_;
};

}  // namespace backplane::core
