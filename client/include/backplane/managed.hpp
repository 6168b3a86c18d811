// SPDX-License-Identifier: Apache-2.0
/// What watching some work, or running it managed, came to: Watched<T>, Managed<T, E> and Crash<E>, as only the Device's owner
/// sees them (rule F-3). Watchers of the Device see its fault.
#pragma once

#include <backplane/expected.hpp>
#include <backplane/line.hpp>
#include <backplane/link.hpp>
#include <backplane/message.hpp>
#include <backplane/task.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace backplane {

enum class CrashKind : std::uint8_t {
    power_off,  ///< a shutdown request ended the run; watchers see a clean end
    panic,      ///< the work threw an exception; watchers see `error`
    error,      ///< the work returned an error; watchers see `error`
    cascade,    ///< something monitored faulted; watchers see `cascade`
    lost,       ///< the Device was gone, or with it the whole connection; watchers have been told of that
};

/// An exception that left the work, for people and to be thrown again.
struct Panic {
    std::string what;  ///< the text of a std::exception
    std::exception_ptr exception;

    [[nodiscard]] static Panic of(std::exception_ptr thrown) {
        Panic panic{"an exception that is not a std::exception", std::move(thrown)};
        try {
            std::rethrow_exception(panic.exception);
        } catch (const std::exception& known) {
            panic.what = known.what();
        } catch (...) {
            return panic;
        }
        return panic;
    }
};

/// Why a managed run ended without its value. E is the work's own kind of error.
template <class E = Error>
struct Crash {
    CrashKind kind = CrashKind::lost;
    Line by{};                 ///< power_off: who asked; cascade: the neighbour that faulted
    Fault fault{};             ///< cascade: the neighbour's fault, with `root` and `hops` if that one cascaded itself
    std::optional<E> error{};  ///< error: what the work returned
    Panic panic{};             ///< panic: what it threw
    Error lost{};              ///< lost: why

    [[nodiscard]] bool is_power_off() const { return kind == CrashKind::power_off; }
    [[nodiscard]] bool is_panic() const { return kind == CrashKind::panic; }
    [[nodiscard]] bool is_error() const { return kind == CrashKind::error; }
    [[nodiscard]] bool is_cascade() const { return kind == CrashKind::cascade; }
    [[nodiscard]] bool is_lost() const { return kind == CrashKind::lost; }

    /// One line for people, such as `cascade(9f3a.1.4c): signal(9)`.
    [[nodiscard]] std::string text() const {
        switch (kind) {
            case CrashKind::power_off: return by ? "power_off(" + by.text() + ")" : std::string{"power_off"};
            case CrashKind::panic: return "panic: " + panic.what;
            case CrashKind::error:
                if constexpr (std::is_same_v<E, Error>) {
                    return "error: " + error->text();
                } else {
                    return "error";
                }
            case CrashKind::cascade: return "cascade(" + by.text() + "): " + fault_text(fault, by.epoch());
            case CrashKind::lost: return "lost: " + lost.text();
        }
        return {};
    }
};

/// The value of a managed run, or the Crash that it ended with instead.
template <class T, class E = Error>
class [[nodiscard]] Managed {
  public:
    Managed(T value) : content_(std::in_place_index<0>, std::move(value)) {}         // NOLINT(google-explicit-constructor)
    Managed(Crash<E> crash) : content_(std::in_place_index<1>, std::move(crash)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return content_.index() == 0; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }
    /// Undefined without a value: ask first. `crash()` likewise without a crash.
    [[nodiscard]] T& operator*() { return *std::get_if<0>(&content_); }
    [[nodiscard]] const T& operator*() const { return *std::get_if<0>(&content_); }
    [[nodiscard]] const Crash<E>& crash() const { return *std::get_if<1>(&content_); }

  private:
    std::variant<T, Crash<E>> content_;
};

template <class E>
class [[nodiscard]] Managed<void, E> {
  public:
    Managed() = default;
    Managed(Crash<E> crash) : content_(std::in_place_index<1>, std::move(crash)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return content_.index() == 0; }
    [[nodiscard]] explicit operator bool() const { return has_value(); }
    [[nodiscard]] const Crash<E>& crash() const { return *std::get_if<1>(&content_); }

  private:
    std::variant<std::monostate, Crash<E>> content_;
};

/// The first of: a message to the Device, the work's result, the work's panic (rule W-1); or that there is no Device to watch any
/// more. T is what the work gives, an Expected included.
template <class T>
class [[nodiscard]] Watched {
  public:
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    Watched(Message message) : content_(std::in_place_index<0>, std::move(message)) {}     // NOLINT(google-explicit-constructor)
    Watched(Panic panic) : content_(std::in_place_index<2>, std::move(panic)) {}           // NOLINT(google-explicit-constructor)
    Watched(Unexpected lost) : content_(std::in_place_index<3>, std::move(lost.error)) {}  // NOLINT(google-explicit-constructor)
    /// The work's result.
    [[nodiscard]] static Watched completed(Value value) { return Watched{std::in_place_index<1>, std::move(value)}; }

    [[nodiscard]] bool is_message() const { return content_.index() == 0; }
    [[nodiscard]] bool is_completed() const { return content_.index() == 1; }
    [[nodiscard]] bool is_panic() const { return content_.index() == 2; }
    /// The Device is gone (`device_down`), or the connection is over.
    [[nodiscard]] bool is_lost() const { return content_.index() == 3; }

    /// Each undefined unless it is that: ask first.
    [[nodiscard]] Message& message() { return *std::get_if<0>(&content_); }
    [[nodiscard]] Value& value() { return *std::get_if<1>(&content_); }
    [[nodiscard]] const Panic& panic() const { return *std::get_if<2>(&content_); }
    [[nodiscard]] const Error& lost() const { return *std::get_if<3>(&content_); }

  private:
    Watched(std::in_place_index_t<1> completed, Value value) : content_(completed, std::move(value)) {}

    std::variant<Message, Value, Panic, Error> content_;
};

namespace client_detail {

/// What work of each result type gives: `Expected<T, E>` gives T or the error E; any other T gives T.
template <class Result>
struct WorkValue {
    using type = Result;
    using error = Error;
};
template <class T, class E>
struct WorkValue<Expected<T, E>> {
    using type = T;
    using error = E;
};

/// The error kind of a Crash of which only the rest is of interest.
struct Unasked {};

/// The same Crash among those of another kind of error; not for `error`.
template <class E>
Crash<E> crash_as(Crash<Unasked>&& crash) {
    return {crash.kind, crash.by, std::move(crash.fault), std::nullopt, std::move(crash.panic), std::move(crash.lost)};
}

/// What work gave: its result or its panic; neither while it has not ended.
template <class T>
struct Yield {
    std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> result;
    std::optional<Panic> panic;

    template <class Give>
    void take_from(Give&& give) noexcept {
        try {
            if constexpr (std::is_void_v<T>) {
                give();
                result.emplace();
            } else {
                result.emplace(give());
            }
        } catch (...) {
            panic = Panic::of(std::current_exception());
        }
    }
};

/// A function that is work for a thread: it takes a stop token.
template <class Work>
concept Stoppable = std::is_invocable_v<Work&, std::stop_token>;

template <class Work>
using WorkResult = std::invoke_result_t<Work&, std::stop_token>;
template <class Result>
using ManagedOf = Managed<typename WorkValue<Result>::type, typename WorkValue<Result>::error>;

}  // namespace client_detail

}  // namespace backplane
