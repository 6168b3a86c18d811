// SPDX-License-Identifier: Apache-2.0
/// Device: an owned presence in the graph. When it goes, everybody who asked to know is told, once.
#pragma once

#include <backplane/export.h>
#include <backplane/await.hpp>
#include <backplane/expected.hpp>
#include <backplane/labels.hpp>
#include <backplane/line.hpp>
#include <backplane/managed.hpp>
#include <backplane/message.hpp>
#include <backplane/task.hpp>
#include <backplane/within.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace backplane {

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

    /// The same with what has this name by the time that the daemon is asked; it is linked within `Client::dispatch` when the daemon has
    /// answered. A name that nobody has is a `Refused` event, `not_found`. A link is with that Device and no later one of the name (L-12).
    Expected<void> link(std::string_view name, LinkMode mode);

    /// The same with the daemon's word that it is done. What is already gone is `link_down`, and no message follows.
    /// After `timeout` the link may or may not have been laid.
    Expected<void> link_wait(const Line& other, LinkMode mode, Within within = default_patience);
    Expected<void> link_wait(const Device& other, LinkMode mode, Within within = default_patience) {
        return link_wait(other.line(), mode, within);
    }
    Expected<void> link_wait(std::string_view name, LinkMode mode, Within within = default_patience);

    /// `co_await device.link_async(line, mode)`: the same in a coroutine.
    [[nodiscard]] LinkWait link_async(const Line& other, LinkMode mode);
    [[nodiscard]] LinkWait link_async(const Device& other, LinkMode mode) { return link_async(other.line(), mode); }
    [[nodiscard]] Task<Expected<void>> link_async(std::string name, LinkMode mode);

    /// Takes the mode's bits away (L-3) and drops what has arrived of that link and was not read. A message that is still on its
    /// way can be read afterwards; `unlink_wait` excludes that.
    Expected<void> unlink(const Line& other, LinkMode mode = LinkMode::peer);
    Expected<void> unlink(const Device& other, LinkMode mode = LinkMode::peer) { return unlink(other.line(), mode); }
    /// A name that nobody has has no link: nothing happens.
    Expected<void> unlink(std::string_view name, LinkMode mode = LinkMode::peer);

    /// The same with the daemon's word: after it no message of that link is ever read (rule T-5).
    Expected<Unlinked> unlink_wait(const Line& other, LinkMode mode = LinkMode::peer, Within within = default_patience);
    Expected<Unlinked> unlink_wait(const Device& other, LinkMode mode = LinkMode::peer, Within within = default_patience) {
        return unlink_wait(other.line(), mode, within);
    }
    Expected<Unlinked> unlink_wait(std::string_view name, LinkMode mode = LinkMode::peer, Within within = default_patience);
    [[nodiscard]] UnlinkWait unlink_async(const Line& other, LinkMode mode = LinkMode::peer);
    [[nodiscard]] UnlinkWait unlink_async(const Device& other, LinkMode mode = LinkMode::peer) { return unlink_async(other.line(), mode); }
    [[nodiscard]] Task<Expected<Unlinked>> unlink_async(std::string name, LinkMode mode = LinkMode::peer);

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
    /// `co_await device.next()`: the same in a coroutine, for as long as it takes. One can wait at a time, a second one is told `busy`.
    [[nodiscard]] MessageWait next();

    /// A supervised worker's own Device: this worker is ready (rule X-3), as `READY=1` says for others. `not_owner` for any other.
    Expected<void> ready(Within within = default_patience);

    /// How the Device ended, if not by its owner's word; nothing while it lives.
    [[nodiscard]] std::optional<DeviceEnd> ended() const;

    // ---- work under the Device's eyes ----
    //
    // Work is either a Task, whose coroutine runs on this Client's thread and which is cancelled where it is abandoned; or a
    // function `work(std::stop_token)`, which runs on a thread that belongs to the call and is joined before it returns: it must not
    // use this Client or its Devices, and must heed the token. The calling thread serves the connection meanwhile. Work gives T,
    // Expected<T, E> or nothing. A Device whose Task is awaited must stay where it is.

    /// The first of: a message to this Device, the work's result, its panic (rule W-1). Where both are there the message wins. The
    /// Device stays usable, and a Task goes on: watch it again for its result. Of a function that a message stopped the result is lost.
    template <class T>
    [[nodiscard]] Task<Watched<T>> watch(Task<T>& work);
    template <client_detail::Stoppable Work>
    [[nodiscard]] Watched<client_detail::WorkResult<Work>> watch(Work&& work);

    /// Runs the work managed (rules W-2 to W-4) and gives its value, or the Crash that it ended with.
    ///
    /// - A monitored Device faults: this one goes with `cascade`, the work is abandoned, the result is a Crash `cascade`.
    ///   A monitored Device that ends well changes nothing.
    /// - A shutdown request: this Device ends well, the work is abandoned, the result is a Crash `power_off`.
    /// - The work returns an error, or throws: this Device goes with `error`.
    /// - The work succeeds: this Device ends well. But a message that is already there wins over the result (W-4).
    ///
    /// The daemon itself cascades a managed Device the moment its neighbour faults, whatever the work is doing; only for a
    /// worker's own Device, which is told of when its process ends (W-7), the library does it. A managed run that is cancelled midway, by
    /// destroying its Task, drops the Device (D-3).
    template <class T>
    [[nodiscard]] Task<client_detail::ManagedOf<T>> manage(Task<T> work) {
        return run_task(std::move(work), true);
    }
    template <client_detail::Stoppable Work>
    [[nodiscard]] client_detail::ManagedOf<client_detail::WorkResult<Work>> manage(Work&& work) {
        return run_function(std::forward<Work>(work), true);
    }

    /// The same, but after success the Device goes on living, with all its links, for another run.
    template <class T>
    [[nodiscard]] Task<client_detail::ManagedOf<T>> part_manage(Task<T> work) {
        return run_task(std::move(work), false);
    }
    template <client_detail::Stoppable Work>
    [[nodiscard]] client_detail::ManagedOf<client_detail::WorkResult<Work>> part_manage(Work&& work) {
        return run_function(std::forward<Work>(work), false);
    }

  private:
    friend class Client;
    friend class TaskStart;

    /// What a run of a function has come to: a result to ask it for, a message, or the end.
    using Outcome = std::variant<std::monostate, Message, Crash<client_detail::Unasked>>;
    using Job = std::function<void(std::stop_token)>;

    BP_HIDDEN Device(std::shared_ptr<client_detail::Connection> connection, DeviceId id, bool own);
    /// Takes in what has arrived: the Crash that it means, with which the Device has then gone; nothing if the run goes on.
    [[nodiscard]] std::optional<Crash<client_detail::Unasked>> heed();
    [[nodiscard]] std::optional<Crash<client_detail::Unasked>> begin_run();
    void end_run(bool then_disconnect);
    /// A managed run was cancelled.
    void abandon_run() noexcept;
    /// Reads what has come, so that it counts (W-4).
    void catch_up();
    /// Why there is nothing to watch any more.
    [[nodiscard]] Error why_lost() const;
    /// Runs the job on a thread until it ends, or what comes meanwhile ends it: by `heed` as managed, else the first message.
    [[nodiscard]] Outcome run_job(const Job& job, bool as_managed);

    template <class T>
    Task<client_detail::ManagedOf<T>> run_task(Task<T> work, bool then_disconnect);
    template <class Work>
    client_detail::ManagedOf<client_detail::WorkResult<Work>> run_function(Work&& work, bool then_disconnect);
    template <class T>
    client_detail::ManagedOf<T> conclude(client_detail::Yield<T>& yield, bool then_disconnect);
    [[nodiscard]] Expected<void> usable() const;
    void let_go() noexcept;

    std::shared_ptr<client_detail::Connection> connection_;
    DeviceId id_;
    bool own_ = false;  ///< the worker's own Device, which its process's end disconnects
};

}  // namespace backplane

#include <backplane/device_runs.hpp>
