// SPDX-License-Identifier: Apache-2.0
/// FlatTable<T>: one contiguous array of zero-born elements for the two tables that every operation touches.
/// It grows by about a mebibyte at a time through realloc, which for arrays of this size remaps pages instead of copying
/// them, so no operation pays for the size of the whole. References do not survive growth.
#pragma once

#include "daemon/core/image.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

namespace backplane::core {

template <class T>
class FlatTable {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    FlatTable() = default;
    FlatTable(const FlatTable&) = delete;
    FlatTable& operator=(const FlatTable&) = delete;
    ~FlatTable() { std::free(block_); }

    [[nodiscard]] T& operator[](std::uint32_t i) { return items_[i]; }
    [[nodiscard]] const T& operator[](std::uint32_t i) const { return items_[i]; }
    [[nodiscard]] std::uint32_t size() const { return size_; }
    /// Whether `i` is an element; the bound check for numbers from outside.
    [[nodiscard]] bool contains(std::uint32_t i) const { return i < size_; }

    /// Makes `count` elements of zero bytes; answers the index of the first.
    std::uint32_t grow_by(std::uint32_t count) {
        while (capacity_ - size_ < count) {
            widen();
        }
        const std::uint32_t first = size_;
        size_ += count;
        return first;
    }
    std::uint32_t grow() { return grow_by(1); }
    /// Whether `grow` would find room without a move.
    [[nodiscard]] bool has_room() const { return size_ < capacity_; }

    void save(ImageWriter& image) const { image.array(items_, size_); }
    bool load(ImageReader& image) {
        std::uint64_t count = 0;
        if (!image.value(count) || count > UINT32_MAX / 2 || count > image.left() / sizeof(T)) {
            return image.fail();
        }
        size_ = 0;
        (void)grow_by(static_cast<std::uint32_t>(count));
        for (std::uint32_t i = 0; i < size_; ++i) {
            if (!image.value(items_[i])) {
                return false;
            }
        }
        return true;
    }

  private:
    static constexpr std::size_t line = 64;
    static constexpr std::uint32_t step_first = 1024;
    static constexpr std::uint32_t step_last = static_cast<std::uint32_t>((1U << 20) / sizeof(T));

    void widen() {
        const std::uint32_t more = capacity_ < step_last ? (capacity_ == 0 ? step_first : capacity_) : step_last;
        const std::size_t used = std::size_t{capacity_} * sizeof(T);
        const std::size_t begin = shift(block_);
        void* wider = std::realloc(block_, used + more * sizeof(T) + line);
        if (wider == nullptr) {
            std::abort();  // crash-only: quotas keep it from happening (threats.md)
        }
        block_ = static_cast<char*>(wider);
        if (begin != shift(block_)) {  // a small table; what is remapped keeps its place within a page
            std::memmove(block_ + shift(block_), block_ + begin, used);
        }
        items_ = reinterpret_cast<T*>(block_ + shift(block_));
        std::memset(static_cast<void*>(items_ + capacity_), 0, std::size_t{more} * sizeof(T));
        capacity_ += more;
    }

    /// From a block's begin to its first cache line: an element of 64 bytes must not lie in two of them.
    static std::size_t shift(const char* block) { return (line - reinterpret_cast<std::uintptr_t>(block) % line) % line; }

    T* items_ = nullptr;
    char* block_ = nullptr;  ///< what realloc gave
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

}  // namespace backplane::core
