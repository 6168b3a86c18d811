// SPDX-License-Identifier: Apache-2.0
/// Expected<T, E>: a value or an error, shaped like std::expected of C++23 as far as Backplane uses it.
#pragma once

#include <backplane/error.hpp>

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace backplane {

/// Wraps an error on its way into an Expected.
template <class E>
struct Failure {
    E error;
};

/// The library's own failures.
using Unexpected = Failure<Error>;

[[nodiscard]] inline Unexpected unexpected(ErrorCode code, std::string detail = {}) { return Unexpected{Error{code, std::move(detail)}}; }
[[nodiscard]] inline Unexpected unexpected(Error error) { return Unexpected{std::move(error)}; }

/// A failure of a user's own kind: `return backplane::failure(MyError::full);`
template <class E>
[[nodiscard]] Failure<std::decay_t<E>> failure(E&& error) {
    return Failure<std::decay_t<E>>{std::forward<E>(error)};
}

/// A T, or the E that says why there is none. The library's own calls have E = Error; work that is given to a managed run
/// may have any.
template <class T, class E = Error>
class [[nodiscard]] Expected {
  public:
    using value_type = T;
    using error_type = E;

    Expected(T value) : content_(std::in_place_index<0>, std::move(value)) {}                 // NOLINT(google-explicit-constructor)
    Expected(Failure<E> wrong) : content_(std::in_place_index<1>, std::move(wrong.error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return content_.index() == 0; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }

    /// Undefined where there is no value, as with std::expected: ask first.
    [[nodiscard]] T& operator*() & { return *std::get_if<0>(&content_); }
    [[nodiscard]] const T& operator*() const& { return *std::get_if<0>(&content_); }
    [[nodiscard]] T&& operator*() && { return std::move(*std::get_if<0>(&content_)); }
    [[nodiscard]] T* operator->() { return std::get_if<0>(&content_); }
    [[nodiscard]] const T* operator->() const { return std::get_if<0>(&content_); }

    [[nodiscard]] const E& error() const& { return *std::get_if<1>(&content_); }
    [[nodiscard]] E&& error() && { return std::move(*std::get_if<1>(&content_)); }

  private:
    std::variant<T, E> content_;
};

/// Nothing, or the E that says what went wrong.
template <class E>
class [[nodiscard]] Expected<void, E> {
  public:
    using value_type = void;
    using error_type = E;

    Expected() = default;
    Expected(Failure<E> wrong) : error_(std::move(wrong.error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return !error_; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }
    [[nodiscard]] const E& error() const& { return *error_; }
    [[nodiscard]] E&& error() && { return std::move(*error_); }

  private:
    std::optional<E> error_;
};

/// The library's own: its Error has a code that says that there is none.
template <>
class [[nodiscard]] Expected<void, Error> {
  public:
    using value_type = void;
    using error_type = Error;

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
