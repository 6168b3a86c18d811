// SPDX-License-Identifier: Apache-2.0
/// The index of edges whose both ends have many: an open-addressing table of edge numbers, keyed by the pair of slots.
/// It doubles step by step: while an old table is left, every insertion moves a few of its entries, so no operation
/// ever pays for the whole (architecture, "Costs to hold").
#pragma once

#include "daemon/core/image.hpp"

#include <cstdint>
#include <vector>

namespace backplane::core {

class EdgeIndex {
  public:
    [[nodiscard]] static std::uint64_t key(std::uint32_t watcher, std::uint32_t target) {
        return (static_cast<std::uint64_t>(watcher) << 32) | target;
    }
    /// The edge with this key, or 0.
    [[nodiscard]] std::uint32_t find(std::uint64_t key) const;
    /// The key must not be there yet.
    void insert(std::uint64_t key, std::uint32_t edge);
    /// The key must be there.
    void erase(std::uint64_t key);
    [[nodiscard]] std::uint64_t size() const { return now_.used + old_.used; }

    void save(ImageWriter& image) const;
    bool load(ImageReader& image);

  private:
    struct Entry {
        std::uint64_t key = 0;
        std::uint32_t edge = 0;  ///< 0: empty
        std::uint32_t gone = 0;  ///< only in an old table: erased or moved
    };
    struct Table {
        std::vector<Entry> entries;  ///< size a power of two, or empty
        std::uint64_t used = 0;
    };
    [[nodiscard]] static std::size_t home(const Table& table, std::uint64_t key);
    [[nodiscard]] static std::size_t seek(const Table& table, std::uint64_t key);
    static void put(Table& table, const Entry& entry);
    static void shift_out(Table& table, std::size_t at);
    void grow();
    void move_some();

    Table now_, old_;
    std::uint64_t moved_ = 0;  ///< how far the old table is emptied
};

}  // namespace backplane::core
