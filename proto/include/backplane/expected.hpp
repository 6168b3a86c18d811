// SPDX-License-Identifier: Apache-2.0
/// Expected<T>: a value or an Error, shaped like std::expected of C++23 as far as Backplane uses it.
#pragma once

#include <backplane/error.hpp>

#include <utility>
#include <variant>

namespace backplane {

/// Wraps an Error on its way into an Expected.
struct Unexpected {
    Error error;
};

[[nodiscard]] inline Unexpected unexpected(ErrorCode code, std::string detail = {}) { return Unexpected{Error{code, std::move(detail)}}; }
[[nodiscard]] inline Unexpected unexpected(Error error) { return Unexpected{std::move(error)}; }

template <class T>
class [[nodiscard]] Expected {
  public:
    using value_type = T;

    Expected(T value) : content_(std::in_place_index<0>, std::move(value)) {}                 // NOLINT(google-explicit-constructor)
    Expected(Unexpected wrong) : content_(std::in_place_index<1>, std::move(wrong.error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return content_.index() == 0; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }

    /// Undefined where there is no value, as with std::expected: ask first.
    [[nodiscard]] T& operator*() & { return *std::get_if<0>(&content_); }
    [[nodiscard]] const T& operator*() const& { return *std::get_if<0>(&content_); }
    [[nodiscard]] T&& operator*() && { return std::move(*std::get_if<0>(&content_)); }
    [[nodiscard]] T* operator->() { return std::get_if<0>(&content_); }
    [[nodiscard]] const T* operator->() const { return std::get_if<0>(&content_); }

    [[nodiscard]] const Error& error() const& { return *std::get_if<1>(&content_); }
    [[nodiscard]] Error&& error() && { return std::move(*std::get_if<1>(&content_)); }

  private:
    std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Expected<void> {
  public:
    using value_type = void;

    Expected() = default;
    Expected(Unexpected wrong) : error_(std::move(wrong.error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return error_.code == ErrorCode::ok; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }
    [[nodiscard]] const Error& error() const& { return error_; }
    [[nodiscard]] Error&& error() && { return std::move(error_); }

  private:
    Error error_;
};

}  // namespace backplane
