// SPDX-License-Identifier: Apache-2.0
/// Task<T>: a coroutine that somebody owns. The library's awaited forms are Tasks or can be awaited in one.
///
///     backplane::Task<int> answer(backplane::Client& client) {
///         co_await client.sleep(10ms);
///         co_return 42;
///     }
///
/// - A Task is lazy: it runs when it is awaited, or given to `Client::run` or `Client::spawn`, or told to `start`.
/// - Whoever owns the Task owns the coroutine. Destroying a Task that is not done cancels it: its frame goes at the place where it
///   waits, with all that lives in it, so Devices in it drop and Tasks that it awaits are cancelled too. A Task must not be destroyed
///   by what runs inside it.
/// - One thread: a Task is resumed by its Client's `dispatch` and whatever calls that, and by nothing else.
/// - An exception that leaves the coroutine is thrown where the Task is awaited.
///
/// Control passes from a Task that is done to whoever awaits it by symmetric transfer. The other way, into a Task that is
/// awaited, is a call that returns at the first wait: so a loop over Tasks that never wait needs no stack however long it is, also where
/// the compiler makes no tail calls (GCC without optimization, sanitizers).
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace backplane {

template <class T = void>
class Task;

namespace task_detail {

struct PromiseBase {
    std::coroutine_handle<> continuation;  ///< who awaits; null: nobody
    std::exception_ptr panic;
    bool is_starting = false;  ///< whoever starts it is below it on the stack and looks for himself whether it is done

    struct AtEnd {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
            PromiseBase& promise = done.promise();
            const auto next = std::exchange(promise.continuation, nullptr);
            return next && !promise.is_starting ? next : std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] AtEnd final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { panic = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;

    [[nodiscard]] Task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& given) {
        value.emplace(std::forward<U>(given));
    }
    [[nodiscard]] T take() {
        if (panic) {
            std::rethrow_exception(panic);
        }
        return std::move(*value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    [[nodiscard]] Task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const {
        if (panic) {
            std::rethrow_exception(panic);
        }
    }
};

}  // namespace task_detail

template <class T>
class [[nodiscard]] Task {
  public:
    using promise_type = task_detail::Promise<T>;
    using value_type = T;

    /// No coroutine; as if it were done, and without a value.
    Task() noexcept = default;
    explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), is_started_(other.is_started_) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            cancel();
            handle_ = std::exchange(other.handle_, nullptr);
            is_started_ = other.is_started_;
        }
        return *this;
    }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() { cancel(); }

    /// Whether there is a coroutine at all.
    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(handle_); }
    /// Whether it has come to its end, by a value or by an exception.
    [[nodiscard]] bool is_done() const { return !handle_ || handle_.done(); }

    /// Runs it until it first waits, if it has not been started before. Its wake-ups take it on from there, whether or not
    /// anybody awaits it.
    void start() {
        if (handle_ && !is_started_) {
            is_started_ = true;
            handle_.promise().is_starting = true;
            handle_.resume();
            handle_.promise().is_starting = false;
        }
    }

    /// The value of a Task that is done, once; throws what it threw.
    [[nodiscard]] T take() { return handle_.promise().take(); }

    /// Destroys the coroutine where it stands.
    void cancel() noexcept {
        if (handle_) {
            std::exchange(handle_, nullptr).destroy();
        }
    }

    /// Who is resumed when it is done, if it is not yet: for whoever waits for more than the Task alone. Null: nobody.
    void continue_with(std::coroutine_handle<> next) {
        if (handle_) {
            handle_.promise().continuation = next;
        }
    }

    /// The exception that it ended with; null without one.
    [[nodiscard]] std::exception_ptr panic() const { return handle_ ? handle_.promise().panic : nullptr; }

    /// `co_await task`: runs it, and gives its value or throws what it threw.
    [[nodiscard]] auto operator co_await() noexcept {
        struct Awaiter {
            Task& task;
            [[nodiscard]] bool await_ready() const noexcept { return task.is_done(); }
            [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) {
                task.continue_with(waiting);
                task.start();
                return !task.is_done();
            }
            T await_resume() { return task.take(); }
        };
        return Awaiter{*this};
    }

  private:
    std::coroutine_handle<promise_type> handle_;
    bool is_started_ = false;
};

namespace task_detail {

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
    return Task<T>{std::coroutine_handle<Promise<T>>::from_promise(*this)};
}

inline Task<void> Promise<void>::get_return_object() noexcept {
    return Task<void>{std::coroutine_handle<Promise<void>>::from_promise(*this)};
}

}  // namespace task_detail

}  // namespace backplane
