// SPDX-License-Identifier: Apache-2.0
/// Device: an owned presence in the graph. When it goes, everybody who asked to know is told, once.
#pragma once

#include <backplane/export.h>
#include <backplane/expected.hpp>
#include <backplane/labels.hpp>
#include <backplane/line.hpp>
#include <backplane/managed.hpp>
#include <backplane/message.hpp>
#include <backplane/within.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace backplane {

namespace client_detail {
class Connection;
}

/// What `unlink_wait` found.
struct Unlinked {
    bool was_down = false;  ///< the other end had gone before; its notice was taken back and will not be seen (rule T-5)
};

/// How a Device ended that did not end by its owner's word.
struct DeviceEnd {
    std::optional<Fault> fault;  ///< nothing: a clean end, on a shutdown request to a managed Device
    Line by;                     ///< whom it cascaded from, or who asked for the shutdown; false if neither
};

/// Made by `Client::open_device`, or the worker's own by `Client::device`. Belongs to one thread, its Client's; gone
/// when the Client is. Operations are written to a buffer and need no round trip; the buffer leaves with the Client's
/// next `dispatch`, `flush` or blocking call, and at once when a Device goes. What fails later is told by the Client
/// as an event `Refused` (decision 6). Each operation may answer `device_down` (this Device is gone), `unreachable` or
/// what else ended the connection, and `wrong_process` in a child after fork; then nothing was done.
class BP_EXPORT Device {
  public:
    /// No Device: false in a condition, every operation answers `device_down`.
    Device() = default;
    Device(Device&& other) noexcept;
    Device& operator=(Device&& other) noexcept;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    /// Lets go: a Device that was not disconnected goes with fault `drop` (rule D-3). The worker's own Device is the
    /// exception: it ends with its process.
    ~Device();

    /// Whether the Device lives, as far as this process has heard.
    [[nodiscard]] explicit operator bool() const;
    [[nodiscard]] DeviceId id() const { return id_; }
    /// The reference to hand to others.
    [[nodiscard]] Line line() const;

    /// Adds the mode's bits to the link with `other` (rules L-1, L-2). `monitor` and `peer` towards what is already gone are
    /// answered by its Disconnected message; `notify` alone by a `Refused` event (L-9). Also: `self_link`, `invalid_argument`.
    Expected<void> link(const Line& other, LinkMode mode);
    Expected<void> link(const Device& other, LinkMode mode) { return link(other.line(), mode); }

    /// The same with the daemon's word that it is done. What is already gone is `link_down`, and no message follows.
    /// After `timeout` the link may or may not have been laid.
    Expected<void> link_wait(const Line& other, LinkMode mode, Within within = default_patience);

    /// Takes the mode's bits away (L-3) and drops what has arrived of that link and was not read. A message that is still on its
    /// way can be read afterwards; `unlink_wait` excludes that.
    Expected<void> unlink(const Line& other, LinkMode mode = LinkMode::peer);

    /// The same with the daemon's word: after it no message of that link is ever read (rule T-5).
    Expected<Unlinked> unlink_wait(const Line& other, LinkMode mode = LinkMode::peer, Within within = default_patience);

    /// Asks another Device to shut down (rule M-2). A request: nothing says whether it is heeded but the other's end.
    Expected<void> request_shutdown(const Line& other);

    /// A sign of life. A Device with an interval that gives none for that long goes with fault `timeout(watchdog)`: the daemon
    /// disconnects it. May be called as often as one likes: one is sent, at once, every tenth of the interval at the most.
    /// `invalid_argument` without an interval.
    Expected<void> heartbeat();
    /// The same, and from now on the next one is due within `interval` of each; zero: none is due any more. `invalid_argument` above a day.
    Expected<void> heartbeat(Within interval);

    /// Gives the Device these labels in the place of all that it had; lists show them. `invalid_argument` names the key of what may
    /// not be one.
    Expected<void> set_labels(Labels labels);

    /// Ends the Device well, or with a fault. Unread messages are gone with it. A second time does nothing (rule D-4).
    void disconnect();
    void disconnect(Fault fault);

    /// The oldest unread message that has arrived; does not touch the connection, which `Client::dispatch` does.
    [[nodiscard]] std::optional<Message> try_receive();

    /// Waits for the next message. Errors: `timeout`, `device_down` when the Device has ended (see `ended`), and the
    /// connection's end.
    Expected<Message> next(Within within);

    /// How the Device ended, if not by its owner's word; nothing while it lives.
    [[nodiscard]] std::optional<DeviceEnd> ended() const;

    /// Runs `work(std::stop_token)` as a managed run (rules W-2 to W-4) and gives its value, or the Crash that it ended with.
    ///
    /// The work runs on a thread that belongs to this call and is joined before it returns; the calling thread serves the
    /// connection meanwhile. The work must not use this Client or its Devices, and must heed the stop token: the call
    /// returns only when the work has. It may return T, Expected<T> or void.
    ///
    /// - A monitored Device faults: the Device goes with `cascade`, a stop is requested, the result is a Crash `cascade`.
    ///   A monitored Device that ends well changes nothing.
    /// - A shutdown request: the Device ends well, a stop is requested, the result is a Crash `power_off`.
    /// - The work returns an Error, or throws: the Device goes with `error`.
    /// - The work succeeds: the Device ends well. But a message that is already there wins over the result (W-4).
    ///
    /// The daemon itself cascades a managed Device the moment its neighbour faults, whatever the work is doing; only for a
    /// worker's own Device, which is told of when its process ends (W-7), the library does it.
    template <class Work>
    [[nodiscard]] Managed<client_detail::WorkValueOf<Work>> manage(Work&& work) {
        return run<Work>(std::forward<Work>(work), true);
    }

    /// The same, but after success the Device lives on with its links, and is not managed any more (rule W-2).
    template <class Work>
    [[nodiscard]] Managed<client_detail::WorkValueOf<Work>> part_manage(Work&& work) {
        return run<Work>(std::forward<Work>(work), false);
    }

  private:
    friend class Client;
    BP_HIDDEN Device(std::shared_ptr<client_detail::Connection> connection, DeviceId id, bool own);

    template <class Work>
    Managed<client_detail::WorkValueOf<Work>> run(Work&& work, bool then_disconnect);

    /// Errors of `task` are the work's; nothing: it succeeded.
    [[nodiscard]] std::optional<Crash> run_managed(const std::function<Expected<void>(std::stop_token)>& task, bool then_disconnect);
    [[nodiscard]] Expected<void> usable() const;
    void let_go() noexcept;

    std::shared_ptr<client_detail::Connection> connection_;
    DeviceId id_;
    bool own_ = false;  ///< the worker's own Device, which its process's end disconnects
};

template <class Work>
Managed<client_detail::WorkValueOf<Work>> Device::run(Work&& work, bool then_disconnect) {
    using Result = client_detail::WorkResult<Work>;
    using Value = client_detail::WorkValueOf<Work>;
    // The value is kept here by the work's thread, which run_managed has joined when it returns.
    std::conditional_t<std::is_void_v<Value>, std::monostate, std::optional<Value>> value{};
    auto crash = run_managed(
        [&](std::stop_token stop) -> Expected<void> {
            if constexpr (std::is_void_v<Result>) {
                work(std::move(stop));
                return {};
            } else if constexpr (std::is_same_v<Result, Value>) {
                value.emplace(work(std::move(stop)));
                return {};
            } else {
                Result result = work(std::move(stop));
                if (!result) {
                    return unexpected(std::move(result).error());
                }
                if constexpr (!std::is_void_v<Value>) {
                    value.emplace(std::move(*result));
                }
                return {};
            }
        },
        then_disconnect);
    if (crash) {
        return std::move(*crash);
    }
    if constexpr (std::is_void_v<Value>) {
        return {};
    } else {
        return std::move(*value);
    }
}

}  // namespace backplane
