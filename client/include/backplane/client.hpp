// SPDX-License-Identifier: Apache-2.0
/// Client: one process's conversation with the daemon.
#pragma once

#include <backplane/export.h>
#include <backplane/await.hpp>
#include <backplane/device.hpp>
#include <backplane/diagnosis.hpp>
#include <backplane/expected.hpp>
#include <backplane/task.hpp>
#include <backplane/task_start.hpp>
#include <backplane/values.hpp>
#include <backplane/within.hpp>

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane {

namespace client_detail {
class CFaceAccess;
class LocalAccess;
}  // namespace client_detail

struct ConnectOptions {
    std::string path{};                ///< the daemon's socket; empty: `Client::default_path()`
    std::string name{};                ///< of this program, for the daemon's lists and logs; empty: `libbackplane`
    Within within = default_patience;  ///< for connection and handshake together
    bool resume = true;                ///< come back by itself when the daemon crashed; false: that is the connection's end
};

struct DeviceOptions {
    std::string name{};                ///< registered before the call returns, within its time; empty: it has none
    bool managed = false;              ///< the daemon cascades it when something that it monitors faults, as `Device::manage` does
    Within within = default_patience;  ///< for the daemon to grant more ids; used only in the rare case that none are left
    Labels labels{};                   ///< see `Device::set_labels`
    Duration heartbeat{};              ///< how often `Device::heartbeat` will be called at the least; zero: no matter
};

struct SubscribeOptions {
    std::optional<std::uint64_t> since{};  ///< first replay what the daemon remembers after this sequence number; nothing: nothing old
    bool graph = false;                    ///< also Devices of clients, links and notices
    bool follow = true;                    ///< go on with what happens from now on
};

namespace client_detail {

/// What `Client::run` gives for a task's value: an Expected as it is, anything else within one.
template <class T>
struct RunResult {
    using type = Expected<T>;
};
template <class T>
struct RunResult<Expected<T>> {
    using type = Expected<T>;
};

/// Waits for what a posted function gives. A promise that was dropped is a Client that was closed.
template <class Value>
Expected<Value> await_future(std::future<Value> future, Within within) {
    if (!within.length.is_forever() && future.wait_for(std::chrono::nanoseconds{within.length.ns}) != std::future_status::ready) {
        return unexpected(ErrorCode::timeout, "the client's thread has not come to it");
    }
    try {
        if constexpr (std::is_void_v<Value>) {
            future.get();
            return {};
        } else {
            return future.get();
        }
    } catch (const std::future_error&) {
        return unexpected(ErrorCode::closed, "the client is closed");
    }
}

}  // namespace client_detail

/// Whether start, stop and restart answer when it is done, or when the daemon has accepted it.
enum class WaitFor : bool { accepted, done };

/// One connection, used by one thread; a process may have several. There is no hidden thread and no callback out of the blue: things
/// move while a call of this class or of a Device runs. Either call blocking functions, or watch `fd()` and call `dispatch()`, or write
/// coroutines and give them to `run`; all may be mixed. Coroutines and functions of the user run within `dispatch` and what calls it
/// (`wait`, `run`), never inside the call that asked for them and never after the Client is closed; they may call the Client, but not
/// destroy it. Other threads `post` functions. In a child after fork every call answers `wrong_process` and the destructor only
/// closes the descriptors. SIGPIPE is never raised.
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
    /// `co_await client.next_event()`: the same in a coroutine. One can wait at a time, a second one is told `busy`.
    [[nodiscard]] EventWait next_event();
    /// The oldest unread message that has arrived for any Device of this Client, and which: for one loop over all of them. Does not
    /// touch the connection, which `dispatch` and `wait` do.
    [[nodiscard]] std::optional<std::pair<DeviceId, Message>> try_message();
    /// Why the conversation is over; nothing while it goes on.
    [[nodiscard]] std::optional<Error> ended() const;

    // ---- coroutines ----
    /// Runs a task to its end, serving the connection, and gives its value; throws what it threw. A task of Expected<T> gives that
    /// as it is. Errors of its own: `timeout`, and the connection's end where the task waits for something else than this Client; the task
    /// is cancelled then.
    template <class T>
    auto run(Task<T> task, Within within = Within::forever());
    /// Runs a task that this Client owns from here on: until it first waits now, and on within `dispatch`. What is not done when
    /// the Client is closed is cancelled. An exception that leaves it ends the program.
    void spawn(Task<> task);
    /// `co_await client.sleep(10ms)`: goes on when that time has passed. `system` if there is no timer for it.
    [[nodiscard]] SleepWait sleep(Duration length);
    template <class Rep, class Period>
    [[nodiscard]] SleepWait sleep(std::chrono::duration<Rep, Period> length) {
        return sleep(Within{length}.length);
    }
    /// `lookup` in a coroutine.
    [[nodiscard]] Task<Expected<Line>> lookup_async(std::string name);

    // ---- threads ----
    /// From any thread: has the function run within `dispatch`, by the thread that serves this Client, in the order of the posts. It
    /// must not throw. `closed` when the Client is closed; what has not run by then never does. The Client must not be moved meanwhile.
    Expected<void> post(std::function<void(Client&)> function);
    /// From any thread but the Client's own: has the function run like a posted one, and waits for what it gives (or throws).
    /// `timeout`: it may still run; `closed`.
    template <class Function>
    auto call(Function function, Within within = Within::forever()) -> Expected<std::invoke_result_t<Function&, Client&>>;
    /// A thread of its own serves this Client from here until `stop_thread` or its end: all other calls, and those of its Devices, are then
    /// that thread's alone, by `post` and `call`; from elsewhere they answer `wrong_thread`.
    Expected<void> start_thread();
    /// Takes the Client back from its thread, which is joined. Nothing where there is none.
    void stop_thread();

    // ---- links between others ----
    /// As `Device::link` and `link_wait`, for two Devices of anybody, as far as the daemon permits it (rule L-11). What is gone is never
    /// answered by a message to this Client: the first end is `device_down`, the second `link_down`; without waiting both are a
    /// Refused event, except that the owner of `from` gets its notice (L-9).
    Expected<void> link(const Line& from, const Line& to, LinkMode mode);
    Expected<void> link_wait(const Line& from, const Line& to, LinkMode mode, Within within = default_patience);
    [[nodiscard]] LinkWait link_async(const Line& from, const Line& to, LinkMode mode);
    Expected<void> unlink(const Line& from, const Line& to, LinkMode mode = LinkMode::peer);
    Expected<void> unlink_wait(const Line& from, const Line& to, LinkMode mode = LinkMode::peer, Within within = default_patience);
    /// As `Device::request_shutdown`, by nobody in particular.
    Expected<void> request_shutdown(const Line& other);

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
    /// One supervisor's children in start order (S-56); `no_supervisor`.
    Expected<std::vector<DeviceRow>> children(std::string_view supervisor, Within within = default_patience);
    Expected<ChildCounts> count_children(std::string_view supervisor, Within within = default_patience);
    /// A child as text in the form of the configuration, as it would be given again; `not_found`.
    Expected<std::string> child_spec(std::string_view name, Within within = default_patience);
    Expected<Description> describe(std::string_view name, Within within = default_patience);
    Expected<Description> describe(const Line& line, Within within = default_patience);
    /// Why it is as it is: the chain of causes of its last end, and what its start waits for. `not_found`.
    Expected<Why> why(std::string_view name, Within within = default_patience);
    Expected<Why> why(const Line& line, Within within = default_patience);
    /// What would happen if it died now; nothing does (rule X-17). Of a supervisor: if every process below it did. `not_found`,
    /// `device_down` where there is nothing to die, `limit_reached` where the daemon's state is too large to be rehearsed with.
    Expected<Impact> impact(std::string_view name, Within within = default_patience);
    Expected<Impact> impact(const Line& line, Within within = default_patience);
    /// Its last ends, the newest first (rule X-10). `not_found`.
    Expected<std::vector<ExitRecord>> exits(std::string_view name, Within within = default_patience);
    /// The last lines that a child wrote, a page at a time: ask for `next` while that is below `end`. With `wait` an empty page comes only
    /// where the daemon's program was replaced meanwhile. `not_found`, `not_supported`.
    Expected<LogPage> logs(std::string_view name, LogOptions options = {}, Within within = default_patience);
    Expected<DaemonInfo> daemon_info(Within within = default_patience);
    /// The time to the daemon and back.
    Expected<Duration> ping(Within within = default_patience);

    // ---- supervision ----
    /// Each answers the child's full name. `not_found`, `no_supervisor`, `already_started`, `restarting`, `stopping`,
    /// `start_failed`, `busy`, `not_permitted`, `timeout`. Stopping what is down succeeds.
    Expected<std::string> start(std::string_view name, WaitFor wait = WaitFor::done, Within within = Within::forever());
    Expected<std::string> stop(std::string_view name, WaitFor wait = WaitFor::done, Within within = Within::forever());
    Expected<std::string> restart(std::string_view name, WaitFor wait = WaitFor::done, Within within = Within::forever());
    /// All that an operator can ask of a child; `start`, `stop` and `restart` above are three of them. Answers its full name. Beside their
    /// errors: `running`, `quarantined`, `disabled`, `not_supported` (restart and removal of a dynamic supervisor's child, S-60).
    Expected<std::string> command(ChildVerb verb, std::string_view name, WaitFor wait = WaitFor::done, Within within = Within::forever());
    /// The partition that a key belongs to (rule S-64): a whole number goes to its absolute value modulo the number of partitions, any
    /// other text by a hash that never changes (FNV-1a, 64 bits). `no_supervisor`; `not_supported` where it has no partitions;
    /// `link_down` where that one is down: never another one.
    Expected<Line> route(std::string_view supervisor, std::string_view key, Within within = default_patience);
    /// Restarts a supervisor's children one after the other in start order, the next when the one before is ready again (rule X-16). Those
    /// that do not run are left alone. Answers the full names of those that were restarted; the first that fails ends it, and is named
    /// in the error.
    Expected<std::vector<std::string>> rolling_restart(std::string_view supervisor, Within within = Within::forever());
    /// A child more for a supervisor. `already_started`, `already_present`, `max_children`, `bad_spec` with place and key, `start_failed`
    /// (then nothing of it is kept), `no_supervisor`, `stopping`, `timeout`.
    Expected<AddedChild> start_child(std::string_view supervisor, const NewChild& child, WaitFor wait = WaitFor::done,
                                     Within within = Within::forever());
    /// From here on the daemon may ask this Client to start tasks under this name: children of its supervisors whose `task` says so. The
    /// function is called within `dispatch` and `wait` only, and may take the attempt away by moving it; one that throws has failed with
    /// what it threw. The name is a Device's, and goes with it or with the Client; tasks that run go on when it is withdrawn, and drop when
    /// the Client goes. `name_taken`, `name_invalid`, `limit_reached`.
    using OnTaskStart = std::function<void(TaskStart&)>;
    Expected<void> offer(std::string_view name, OnTaskStart start, Within within = default_patience);
    /// Nothing where there is no such offer.
    void withdraw_offer(std::string_view name);

    /// This worker is ready (rule X-3), as `READY=1` says for others. `not_owner` outside an inherited socket.
    Expected<void> ready(Within within = default_patience);

    // ---- the daemon itself ----
    /// The program that lies at the daemon's path now takes over in place: no session, worker or descriptor is lost. `not_supported`
    /// where it cannot, with the reason.
    Expected<void> upgrade(Within within = default_patience);
    /// Has the daemon read its configuration anew, and tells what comes of it. `config_invalid` with file, line, column and key where
    /// something is wrong; then nothing has changed.
    Expected<ReloadPlan> reload(ReloadOptions options = {}, Within within = default_patience);
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
    friend class client_detail::CFaceAccess;  // backplane.h: a task's start comes before what its Device receives
    friend class client_detail::LocalAccess;  // backplane::testing::LocalBus makes Clients of its own
    BP_HIDDEN void deliver_log();
    BP_HIDDEN void start_tasks();
    BP_HIDDEN void run_ready();
    BP_HIDDEN bool has_something_to_do() const;
    Expected<void> drive(const std::function<bool()>& is_done, Within within);

    std::unique_ptr<State> state_;
};

template <class T>
auto Client::run(Task<T> task, Within within) {
    using Result = typename client_detail::RunResult<T>::type;
    task.start();
    if (auto driven = drive([&task] { return task.is_done(); }, within); !driven) {
        return Result{unexpected(driven.error())};
    }
    if constexpr (std::is_void_v<T>) {
        task.take();
        return Result{};
    } else {
        return Result{task.take()};
    }
}

template <class Function>
auto Client::call(Function function, Within within) -> Expected<std::invoke_result_t<Function&, Client&>> {
    using Value = std::invoke_result_t<Function&, Client&>;
    const auto work = std::make_shared<std::packaged_task<Value(Client&)>>(std::move(function));
    auto future = work->get_future();
    if (auto posted = post([work](Client& client) { (*work)(client); }); !posted) {
        return unexpected(posted.error());
    }
    return client_detail::await_future(std::move(future), within);
}

}  // namespace backplane
