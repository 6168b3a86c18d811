// SPDX-License-Identifier: Apache-2.0
/// Client: one process's conversation with the daemon.
#pragma once

#include <backplane/export.h>
#include <backplane/device.hpp>
#include <backplane/expected.hpp>
#include <backplane/values.hpp>
#include <backplane/within.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backplane {

namespace client_detail {
class LocalAccess;
}

struct ConnectOptions {
    std::string path{};                ///< the daemon's socket; empty: `Client::default_path()`
    std::string name{};                ///< of this program, for the daemon's lists and logs; empty: `libbackplane`
    Within within = default_patience;  ///< for connection and handshake together
    bool resume = true;                ///< come back by itself when the daemon crashed; false: that is the connection's end
};

struct DeviceOptions {
    bool managed = false;              ///< the daemon cascades it when something that it monitors faults, as `Device::manage` does
    Within within = default_patience;  ///< for the daemon to grant more ids; used only in the rare case that none are left
};

struct SubscribeOptions {
    std::optional<std::uint64_t> since{};  ///< first replay what the daemon remembers after this sequence number; nothing: nothing old
    bool graph = false;                    ///< also Devices of clients, links and notices
    bool follow = true;                    ///< go on with what happens from now on
};

/// Whether start, stop and restart answer when it is done, or when the daemon has accepted it.
enum class WaitFor : bool { accepted, done };

/// One connection, used by one thread. There is no hidden thread and no callback out of the blue: things move while a
/// call of this class or of a Device runs. Either call blocking functions, or watch `fd()` and call `dispatch()`; both may be
/// mixed. In a child after fork every call answers `wrong_process` and the destructor only closes the descriptors.
///
/// A daemon that crashes is waited for: the Client connects again by itself and its session goes on where it was, as a Resumed
/// event tells whom it may concern. Meanwhile operations are kept, blocking calls go on waiting until their own time is over, and nothing
/// is lost, done twice or told twice. Only when the daemon is not back in time (5 seconds, if it does not say otherwise), or without
/// this session, that is the end. A Client that was made by `over` cannot come back.
///
/// Calls that ask the daemon wait at most `within` and then answer `timeout`; whether the daemon still does what was asked
/// is open then. All may answer with what ended the connection: `unreachable`, `unknown_session`, `shutting_down`, `slow_consumer` …
class BP_EXPORT Client {
  public:
    /// Connects to a daemon. Errors: `unreachable` (nobody listens there, or there is no default path), `not_permitted`,
    /// `forbidden_peer`, `timeout`, `unsupported_version`, `system`.
    [[nodiscard]] static Expected<Client> connect(ConnectOptions options = {});

    /// A supervised worker takes over the socket that it inherited (`$BACKPLANE_FD`), once: the descriptor becomes close-on-exec
    /// and the variable is removed (`$BACKPLANE_RESUME` too), so call it before threads are started. `not_found` if there is none. If the
    /// daemon crashes, the worker comes back through `$BACKPLANE_SOCKET`.
    [[nodiscard]] static Expected<Client> adopt(ConnectOptions options = {});

    /// `adopt` in a supervised worker, `connect` anywhere else.
    [[nodiscard]] static Expected<Client> from_environment(ConnectOptions options = {});

    /// Speaks over a connected stream socket, which it owns from here on, also if this fails.
    [[nodiscard]] static Expected<Client> over(int descriptor, ConnectOptions options = {});

    /// `$BACKPLANE_SOCKET`, else `/run/backplane/backplane.sock` for root, else `$XDG_RUNTIME_DIR/backplane/backplane.sock`,
    /// else an `unreachable` that says so.
    [[nodiscard]] static Expected<std::string> default_path();

    Client(Client&& other) noexcept;
    Client& operator=(Client&& other) noexcept;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    /// Ends the conversation in order; all its Devices that still live go with fault `drop`. Waits at most a second, and only
    /// if the daemon is slow to take what is still to be written, or has crashed and is not back.
    ~Client();

    // ---- moving things ----
    /// One descriptor for poll, select or epoll: readable whenever `dispatch` has something to do, be it to write. Not to be read.
    [[nodiscard]] int fd() const;
    /// Sends and receives what can be without waiting, and calls the subscription's function for what has arrived.
    Expected<void> dispatch();
    /// `dispatch`, but waits until something has arrived since the last one; false if nothing did in time.
    Expected<bool> wait(Within within);
    /// Writes what is buffered, as far as that does not block.
    Expected<void> flush();
    /// The next event outside the Devices' messages; `next_event` waits for it.
    [[nodiscard]] std::optional<ClientEvent> try_event();
    Expected<ClientEvent> next_event(Within within);
    /// Why the conversation is over; nothing while it goes on.
    [[nodiscard]] std::optional<Error> ended() const;

    // ---- Devices ----
    /// Whether this is the inherited socket of a supervised worker.
    [[nodiscard]] bool is_worker() const;
    /// The Device that stands for this process: the worker's own, elsewhere one that is opened at the first call. False
    /// in a condition if it could not be opened.
    [[nodiscard]] Device& device();
    [[nodiscard]] Expected<Device> open_device(DeviceOptions options = {});
    /// The daemon's epoch, part of every line.
    [[nodiscard]] Epoch epoch() const;

    // ---- names ----
    /// `name_taken`, `name_invalid`, `not_owner`, `device_down`, `limit_reached`. The name goes with the Device (rule D-11).
    Expected<void> register_name(std::string_view name, const Device& device, Within within = default_patience);
    Expected<void> release_name(std::string_view name, Within within = default_patience);
    /// The Device that has this name now, a supervised child's short name included; `not_found`.
    Expected<Line> lookup(std::string_view name, Within within = default_patience);
    /// From now on a NameChange event tells what stands behind the name, beginning with the present (rule X-20).
    Expected<void> watch_name(std::string_view name, Within within = default_patience);
    Expected<void> unwatch_name(std::string_view name, Within within = default_patience);

    // ---- questions ----
    /// All Devices and configured children, page by page; not one instant's picture if much happens meanwhile.
    Expected<std::vector<DeviceRow>> list(Within within = default_patience);
    Expected<Description> describe(std::string_view name, Within within = default_patience);
    Expected<Description> describe(const Line& line, Within within = default_patience);
    Expected<DaemonInfo> daemon_info(Within within = default_patience);
    /// The time to the daemon and back.
    Expected<Duration> ping(Within within = default_patience);

    // ---- supervision ----
    /// Each answers the child's full name. `not_found`, `no_supervisor`, `already_started`, `restarting`, `stopping`,
    /// `start_failed`, `busy`, `not_permitted`, `timeout`. Stopping what is down succeeds.
    Expected<std::string> start(std::string_view name, WaitFor wait = WaitFor::done, Within within = Within::forever());
    Expected<std::string> stop(std::string_view name, WaitFor wait = WaitFor::done, Within within = Within::forever());
    Expected<std::string> restart(std::string_view name, WaitFor wait = WaitFor::done, Within within = Within::forever());
    /// This worker is ready (rule X-3), as `READY=1` says for others. `not_owner` outside an inherited socket.
    Expected<void> ready(Within within = default_patience);

    // ---- the daemon itself ----
    /// The program that lies at the daemon's path now takes over in place: no session, worker or descriptor is lost. `not_supported`
    /// where it cannot, with the reason.
    Expected<void> upgrade(Within within = default_patience);
    /// Ends daemon and keeper and leaves the workers running, for the next start to adopt. This Client resumes there, if it comes in time.
    Expected<void> detach(Within within = default_patience);

    using OnLogEvent = std::function<void(const LogEvent&)>;
    /// The daemon's log. Returns when the old events have been taken in, in order; they and what follows are LogEvents for
    /// `try_event`, or, where a function is given, for that, called within `dispatch` and `wait` only. The function may call this
    /// Client, but not destroy it. A second subscription replaces the first.
    Expected<void> subscribe(SubscribeOptions options = {}, OnLogEvent on_event = {}, Within within = default_patience);
    Expected<void> unsubscribe(Within within = default_patience);

  private:
    struct State;
    explicit Client(std::unique_ptr<State> state);
    void deliver_log();
    friend class client_detail::LocalAccess;  // backplane::testing::LocalBus makes Clients of its own

    std::unique_ptr<State> state_;
};

}  // namespace backplane
