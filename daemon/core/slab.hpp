// SPDX-License-Identifier: Apache-2.0
/// Slab<T>: an array that grows in chunks, so that growing copies nothing and a reference stays good.
/// Elements are trivially copyable and begin as zero bytes; links between them are indexes (decision 9).
#pragma once

#include "daemon/core/image.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace backplane::core {

template <class T, unsigned Shift = 14>
class Slab {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    static constexpr std::uint32_t chunk_size = std::uint32_t{1} << Shift;

    [[nodiscard]] T& operator[](std::uint32_t i) { return chunks_[i >> Shift].get()[i & (chunk_size - 1)]; }
    [[nodiscard]] const T& operator[](std::uint32_t i) const { return chunks_[i >> Shift].get()[i & (chunk_size - 1)]; }

    /// How many elements there are; all below are usable.
    [[nodiscard]] std::uint32_t size() const { return size_; }

    /// Makes element `size()` and answers its index.
    std::uint32_t grow() {
        reserve_to(size_ + 1);
        return size_++;
    }
    /// Makes `count` elements more.
    void grow_by(std::uint32_t count) {
        reserve_to(size_ + count);
        size_ += count;
    }
    /// Whether `i` is an element; the bound check for numbers from outside.
    [[nodiscard]] bool contains(std::uint32_t i) const { return i < size_; }

    void save(ImageWriter& image) const {
        image.value(std::uint64_t{size_});
        for (std::uint32_t i = 0; i < size_; ++i) {
            image.value((*this)[i]);
        }
    }
    bool load(ImageReader& image) {
        std::uint64_t count = 0;
        if (!image.value(count) || count > UINT32_MAX / 2) {
            return image.fail();
        }
        size_ = 0;
        chunks_.clear();
        while (size_ < count) {
            const std::uint32_t made = grow();
            if (!image.value((*this)[made])) {
                return false;
            }
        }
        return true;
    }

  private:
    struct Free {
        void operator()(T* items) const { std::free(items); }
    };

    void reserve_to(std::uint32_t count) {
        while (chunks_.size() * chunk_size < count) {
            // calloc, not new: large zeroed chunks cost no memory before they are touched.
            void* memory = std::calloc(chunk_size, sizeof(T));
            if (memory == nullptr) {
                std::abort();  // crash-only: quotas keep it from happening (threats.md)
            }
            chunks_.emplace_back(static_cast<T*>(memory));
        }
    }

    std::vector<std::unique_ptr<T, Free>> chunks_;
    std::uint32_t size_ = 0;
};

}  // namespace backplane::core
