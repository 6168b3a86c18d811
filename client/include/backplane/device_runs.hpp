// SPDX-License-Identifier: Apache-2.0
/// How `Device::watch`, `manage` and `part_manage` are made of a Task or of a function; see backplane/device.hpp, which includes this.
#pragma once

#include <backplane/device.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>
#include <variant>

namespace backplane {

namespace client_detail {

/// Waits for the first of two: a message to the Device (or its end), and the end of the work, which is started if need be.
template <class T>
class Race {
  public:
    Race(MessageWait& message, Task<T>& work) : message_(message), work_(work) {}
    Race(const Race&) = delete;
    Race& operator=(const Race&) = delete;
    ~Race() { leave(); }

    [[nodiscard]] bool await_ready() const { return message_.await_ready() || work_.is_done(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) {
        work_.continue_with(waiting);
        work_.start();
        const bool waits = !work_.is_done() && !message_.await_ready() && message_.await_suspend(waiting);
        if (!waits) {
            leave();
        }
        return waits;
    }
    void await_resume() { leave(); }

  private:
    void leave() {
        message_.leave();
        work_.continue_with(nullptr);
    }

    MessageWait& message_;
    Task<T>& work_;
};

}  // namespace client_detail

template <class T>
Task<Watched<T>> Device::watch(Task<T>& work) {
    {
        MessageWait message = next();
        co_await client_detail::Race<T>{message, work};
    }
    if (work.is_done()) {
        catch_up();
    }
    if (auto message = try_receive()) {
        co_return Watched<T>{std::move(*message)};
    }
    if (!work.is_done()) {
        co_return Watched<T>{Unexpected{why_lost()}};
    }
    client_detail::Yield<T> yield;
    yield.take_from([&work] { return work.take(); });
    if (yield.panic) {
        co_return Watched<T>{std::move(*yield.panic)};
    }
    co_return Watched<T>::completed(std::move(*yield.result));
}

template <client_detail::Stoppable Work>
Watched<client_detail::WorkResult<Work>> Device::watch(Work&& work) {
    using Result = client_detail::WorkResult<Work>;
    client_detail::Yield<Result> yield;
    auto outcome = run_job([&](std::stop_token stop) { yield.take_from([&] { return work(std::move(stop)); }); }, false);
    if (auto* message = std::get_if<Message>(&outcome)) {
        return std::move(*message);
    }
    if (auto* crash = std::get_if<Crash<client_detail::Unasked>>(&outcome)) {
        return Unexpected{std::move(crash->lost)};
    }
    if (yield.panic) {
        return std::move(*yield.panic);
    }
    return Watched<Result>::completed(std::move(*yield.result));
}

template <class T>
Task<client_detail::ManagedOf<T>> Device::run_task(Task<T> work, bool then_disconnect) {
    using E = typename client_detail::WorkValue<T>::error;
    if (auto crash = begin_run()) {
        co_return client_detail::crash_as<E>(std::move(*crash));
    }
    // Where this coroutine is destroyed before the run has ended, the Device goes with it (D-3).
    struct Run {
        Device* device;
        ~Run() {
            if (device != nullptr) {
                device->abandon_run();
            }
        }
    } run{this};
    while (true) {
        {
            MessageWait message = next();
            co_await client_detail::Race<T>{message, work};
        }
        if (work.is_done()) {
            catch_up();
        }
        if (auto crash = heed()) {
            run.device = nullptr;
            work.cancel();
            co_return client_detail::crash_as<E>(std::move(*crash));
        }
        if (work.is_done()) {
            break;
        }
    }
    run.device = nullptr;
    client_detail::Yield<T> yield;
    yield.take_from([&work] { return work.take(); });
    co_return conclude<T>(yield, then_disconnect);
}

template <class Work>
client_detail::ManagedOf<client_detail::WorkResult<Work>> Device::run_function(Work&& work, bool then_disconnect) {
    using Result = client_detail::WorkResult<Work>;
    using E = typename client_detail::WorkValue<Result>::error;
    if (auto crash = begin_run()) {
        return client_detail::crash_as<E>(std::move(*crash));
    }
    client_detail::Yield<Result> yield;
    auto outcome = run_job([&](std::stop_token stop) { yield.take_from([&] { return work(std::move(stop)); }); }, true);
    if (auto* crash = std::get_if<Crash<client_detail::Unasked>>(&outcome)) {
        return client_detail::crash_as<E>(std::move(*crash));
    }
    return conclude<Result>(yield, then_disconnect);
}

/// Work has ended and nothing fatal was there before: its result is what the run comes to.
template <class T>
client_detail::ManagedOf<T> Device::conclude(client_detail::Yield<T>& yield, bool then_disconnect) {
    using Value = typename client_detail::WorkValue<T>::type;
    using E = typename client_detail::WorkValue<T>::error;
    if (yield.panic) {
        disconnect(Fault::error("panic: " + yield.panic->what));
        Crash<E> crash;
        crash.kind = CrashKind::panic;
        crash.panic = std::move(*yield.panic);
        return crash;
    }
    if constexpr (!std::is_same_v<T, Value>) {  // an Expected
        if (!*yield.result) {
            Crash<E> crash;
            crash.kind = CrashKind::error;
            crash.error = std::move(*yield.result).error();
            if constexpr (std::is_same_v<E, Error>) {
                disconnect(Fault::error(crash.error->text()));
            } else {
                disconnect(Fault::error());
            }
            return crash;
        }
    }
    end_run(then_disconnect);
    if constexpr (std::is_void_v<Value>) {
        return {};
    } else if constexpr (std::is_same_v<T, Value>) {
        return std::move(*yield.result);
    } else {
        return *std::move(*yield.result);
    }
}

}  // namespace backplane
