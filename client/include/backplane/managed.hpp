// SPDX-License-Identifier: Apache-2.0
/// Crash and Managed<T>: what a managed run came to, as only the Device's owner sees it (rule F-3).
#pragma once

#include <backplane/expected.hpp>
#include <backplane/line.hpp>
#include <backplane/link.hpp>

#include <cstdint>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace backplane {

enum class CrashKind : std::uint8_t {
    power_off,  ///< a shutdown request ended the run; watchers see a clean end
    panic,      ///< the work threw an exception; watchers see `error`
    error,      ///< the work returned an Error, or the connection was lost; watchers see `error`
    cascade,    ///< something monitored faulted; watchers see `cascade`
};

/// Why a managed run ended without its value.
struct Crash {
    CrashKind kind = CrashKind::error;
    Line by;           ///< power_off: who asked; cascade: the neighbour that faulted
    Fault fault;       ///< cascade: the neighbour's fault, `root` and `hops` included as far as they are known
    Error error;       ///< error: what went wrong
    std::string what;  ///< panic: the exception's text

    /// One line for people, such as `cascade(9f3a.1.4c): signal(9)`.
    [[nodiscard]] std::string text() const {
        switch (kind) {
            case CrashKind::power_off: return by ? "power_off(" + by.text() + ")" : std::string{"power_off"};
            case CrashKind::panic: return "panic: " + what;
            case CrashKind::error: return "error: " + error.text();
            case CrashKind::cascade: return "cascade(" + by.text() + "): " + fault_text(fault, by.epoch());
        }
        return {};
    }
};

/// The value of a managed run, or the Crash that it ended with instead.
template <class T>
class [[nodiscard]] Managed {
  public:
    Managed(T value) : content_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
    Managed(Crash crash) : content_(std::in_place_index<1>, std::move(crash)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return content_.index() == 0; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }
    /// Undefined without a value: ask first. `crash()` likewise without a crash.
    [[nodiscard]] T& operator*() { return *std::get_if<0>(&content_); }
    [[nodiscard]] const T& operator*() const { return *std::get_if<0>(&content_); }
    [[nodiscard]] const Crash& crash() const { return *std::get_if<1>(&content_); }

  private:
    std::variant<T, Crash> content_;
};

template <>
class [[nodiscard]] Managed<void> {
  public:
    Managed() = default;
    Managed(Crash crash) : content_(std::in_place_index<1>, std::move(crash)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return content_.index() == 0; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }
    [[nodiscard]] const Crash& crash() const { return *std::get_if<1>(&content_); }

  private:
    std::variant<std::monostate, Crash> content_;
};

namespace client_detail {

/// What work of each result type gives: `Expected<T>` and `T` both give T.
template <class Result>
struct WorkValue {
    using type = Result;
};
template <class T>
struct WorkValue<Expected<T>> {
    using type = T;
};

template <class Work>
using WorkResult = std::invoke_result_t<Work&, std::stop_token>;
template <class Work>
using WorkValueOf = typename WorkValue<WorkResult<Work>>::type;

}  // namespace client_detail

}  // namespace backplane
