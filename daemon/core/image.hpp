// SPDX-License-Identifier: Apache-2.0
/// The state's image: arrays of trivially copyable structs written one after the other (decision 9). A reader takes the
/// bytes as hostile: every count is checked against what is left before memory is taken.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace backplane::core {

/// Of the engine's image; raised with every change of what a part writes.
inline constexpr std::uint32_t image_version = 7;

class ImageWriter {
  public:
    explicit ImageWriter(std::string& out) : out_(&out) {}
    /// Writes nothing, and only counts.
    ImageWriter() = default;

    template <class T>
    void value(const T& item) {
        static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>, "padding would leak and differ");
        append(&item, sizeof(T));
    }
    template <class T>
    void array(const T* items, std::size_t count) {
        static_assert(std::is_trivially_copyable_v<T>);
        value(static_cast<std::uint64_t>(count));
        if (count != 0) {
            append(items, count * sizeof(T));
        }
    }
    template <class T>
    void array(const std::vector<T>& items) {
        array(items.data(), items.size());
    }
    void text(std::string_view bytes) { array(bytes.data(), bytes.size()); }
    /// How many bytes were written, or would have been.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    void append(const void* from, std::size_t bytes) {
        bytes_ += bytes;
        if (out_ != nullptr) {
            out_->append(static_cast<const char*>(from), bytes);
        }
    }

    std::string* out_ = nullptr;
    std::size_t bytes_ = 0;
};

/// Every read answers whether it could; after the first failure all further ones fail.
class ImageReader {
  public:
    explicit ImageReader(std::string_view bytes) : rest_(bytes) {}

    template <class T>
    bool value(T& item) {
        static_assert(std::is_trivially_copyable_v<T>);
        if (failed_ || rest_.size() < sizeof(T)) {
            return fail();
        }
        std::memcpy(static_cast<void*>(&item), rest_.data(), sizeof(T));
        rest_.remove_prefix(sizeof(T));
        return true;
    }
    template <class T>
    bool array(std::vector<T>& items) {
        static_assert(std::is_trivially_copyable_v<T>);
        std::uint64_t count = 0;
        if (!value(count) || count > rest_.size() / sizeof(T)) {
            return fail();
        }
        items.resize(static_cast<std::size_t>(count));
        if (count != 0) {
            std::memcpy(static_cast<void*>(items.data()), rest_.data(), items.size() * sizeof(T));
        }
        rest_.remove_prefix(items.size() * sizeof(T));
        return true;
    }
    bool text(std::string& bytes) {
        std::uint64_t count = 0;
        if (!value(count) || count > rest_.size()) {
            return fail();
        }
        bytes.assign(rest_.substr(0, static_cast<std::size_t>(count)));
        rest_.remove_prefix(static_cast<std::size_t>(count));
        return true;
    }
    [[nodiscard]] bool at_end() const { return !failed_ && rest_.empty(); }
    [[nodiscard]] bool failed() const { return failed_; }
    /// Bytes not yet read.
    [[nodiscard]] std::size_t left() const { return rest_.size(); }
    bool fail() {
        failed_ = true;
        return false;
    }

  private:
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace backplane::core
