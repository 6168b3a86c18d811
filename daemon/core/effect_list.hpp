// SPDX-License-Identifier: Apache-2.0
/// The list that steps append to: a vector whose growth is out of the way, since one of its uses is hot and must not pay for the
/// registers of the other's copying.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace backplane::core {

template <class T>
class EffectList {
  public:
    [[nodiscard]] T* begin() { return items_.get(); }
    [[nodiscard]] T* end() { return end_; }
    [[nodiscard]] const T* begin() const { return items_.get(); }
    [[nodiscard]] const T* end() const { return end_; }
    [[nodiscard]] bool empty() const { return begin() == end_; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end_ - begin()); }
    [[nodiscard]] const T& operator[](std::size_t i) const { return items_[i]; }
    [[nodiscard]] const T& back() const { return end_[-1]; }
    void clear() { end_ = items_.get(); }

    /// Whether one more needs no memory.
    [[nodiscard]] bool has_room() const { return end_ != limit_; }
    /// One more, as a T begins. References to others last until it has no room for the next.
    [[gnu::always_inline]] T& append() {
        if (!has_room()) [[unlikely]] {
            widen();
        }
        *end_ = T{};
        return *end_++;
    }

  private:
    [[gnu::noinline, gnu::cold]] void widen() {
        const std::size_t used = size();
        const std::size_t room = used == 0 ? room_first : 2 * used;
        std::unique_ptr<T[]> wider = std::make_unique<T[]>(room);
        for (std::size_t i = 0; i < used; ++i) {
            wider[i] = items_[i];
        }
        items_ = std::move(wider);
        end_ = items_.get() + used;
        limit_ = items_.get() + room;
    }

    static constexpr std::size_t room_first = 16;
    std::unique_ptr<T[]> items_;
    T* end_ = nullptr;
    T* limit_ = nullptr;
};

}  // namespace backplane::core
