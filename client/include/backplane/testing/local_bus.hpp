// SPDX-License-Identifier: Apache-2.0
/// LocalBus: a daemon's core inside a test, with a clock that the test moves. For testing how a program deals with faults: in
/// milliseconds, without a daemon, without sockets, and the same way every time.
///
///     backplane::testing::LocalBus bus;
///     backplane::Client ours = bus.connect();
///     backplane::Client theirs = bus.connect();
///     auto db = theirs.open_device();
///     auto linked = ours.device().link_wait(db->line(), backplane::LinkMode::monitor);
///     bus.after(backplane::Duration::seconds(3), [&] { bus.kill(theirs); });
///     auto message = ours.device().next(backplane::Within::forever());  // at once: db is gone, and bus.now() is 3 s later
///
/// Link with `backplane::testing` INSTEAD of `backplane::client`: it is a static library that contains the client library and the
/// daemon's core. The Clients, Devices and rules are the real ones; only what carries their bytes is not.
#pragma once

#include <backplane/client.hpp>
#include <backplane/expected.hpp>
#include <backplane/ids.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace backplane {

namespace client_detail {
class LocalBusState;
}

namespace testing {

struct LocalBusOptions {
    Epoch epoch{1};                                ///< of the bus's lines; not zero. Lines of other epochs are `unreachable`
    std::uint64_t seed = 1;                        ///< of what is random. The same seed and calls give the same ids, the same order
    Instant begin{1'000'000'000};                  ///< what its clock shows first; at least 1 ns
    Duration resume_grace = Duration::seconds(5);  ///< how long sessions may take to come back after a crash; 1 ms to 1 hour
};

/// One bus, its clock, and the Clients that it has made. All of them belong to one thread: none of this may be used by two at once.
///
/// **Bytes.** A call that moves things on any Client (each blocking call, `dispatch`, `flush`, a Device that ends) and `advance` first
/// hand in what all Clients have buffered, in the order in which they began to, and let the core carry it out. What comes of it for
/// a Client waits, as in a socket, until that Client itself is dispatched or blocks; its `fd()` is readable meanwhile, so loops can
/// be tested too. A Client that never reads is a slow consumer here as well.
///
/// **Time.** The clock stands still until `advance` moves it or a call would have to wait. Nothing really waits: a blocking call
/// jumps to what is due next on the bus (an `after`, the end of a grace, a slow consumer's), again and again, until it has what it
/// waits for or its own time is over. If it would wait for ever and nothing is due either, it answers `timeout`, and the detail says
/// that nothing can happen any more on this bus; `Client::wait` answers false then.
///
/// **Coroutines** run within `dispatch` and what calls it, `Client::run` included, which jumps to the times that its own Client's
/// coroutines sleep for. Those of another Client run when that is dispatched, which an `after` can do. `start_thread` answers
/// `not_supported`.
///
/// **Managed runs** of functions are real: a thread, in real time, for which the clock stands still.
/// What is on its way when the run begins, reaches it. Only if the work is still busy after 50 real milliseconds, the clock jumps to
/// what is due next on the bus, if anything is. The work must not touch the bus, nor any of its Clients.
///
/// **What there is.** Devices, links, notices, cascades, managed Devices, shutdown requests, names and their watches, `list`,
/// `describe`, `daemon_info`, `ping` and the log are those of the daemon, and so are supervisors with tasks of Clients, after `configure`.
/// There are no supervised processes: their starts fail, and `is_worker` is false. `upgrade`, `reload` and `detach` answer `not_supported`.
class LocalBus {
  public:
    explicit LocalBus(LocalBusOptions options = {});
    LocalBus(const LocalBus&) = delete;
    LocalBus& operator=(const LocalBus&) = delete;
    /// The end without a successor: Clients that live on answer `unreachable`.
    ~LocalBus();

    /// A Client as of a process of its own, ready at once. `path` and `within` mean nothing here; `resume` says whether it comes back
    /// after `crash`. A Client that is refused (`too_many_connections`, `shutting_down`, or `system` for want of a descriptor) is over
    /// from the beginning, as its `ended()` tells.
    [[nodiscard]] Client connect(ConnectOptions options = {});

    /// Takes over a tree of supervisors, once: the text of a backplaned.json. `config_invalid` with line, column and key of the first thing
    /// that is wrong, `already_present` where there is a tree.
    Expected<void> configure(std::string_view json);

    [[nodiscard]] Instant now() const;

    /// Lets time pass: whatever is due within it happens in order, each at its own time. For 0 or less that is what is due already;
    /// `forever()` goes to the last thing that is due, and the clock stays there.
    void advance(Duration by);

    /// Calls `act` when so much time has passed (`advance`, or a blocking call that waits so long): what others do meanwhile. `act` may
    /// use the bus and all its Clients, but not destroy a Client that waits just then, nor the bus. Acts of one moment are called in
    /// the order of `after`. After `forever()`: never.
    void after(Duration delay, std::function<void()> act);

    // ---- faults ----
    /// As if that Client's process died by SIGKILL: what it had buffered is lost, its Devices go with fault `drop`, and its own calls
    /// answer `unreachable` from here on. Nothing if it is over, moved from, or of another bus.
    void kill(Client& client);

    /// The daemon dies, and `away` later its successor takes over with the journal's state. What was on its way to Clients is lost with
    /// it; what they have buffered is kept and handed in afterwards. Each Client with `resume` comes back (PROTOCOL.md section 5.6)
    /// within this call: it has a `Resumed` event then, what it asked is done once, and each notice comes once. Where `away` is as long
    /// as `resume_grace`, they have given up and are over, with `unreachable`. The Devices of whoever does not come back go with `drop`
    /// when the successor's `resume_grace` is over. What `after` had for the time between is due when it is up.
    void crash(Duration away = {});

    /// The daemon stops in order, as on SIGTERM (rule T-13): every Device is asked to shut down, by nobody, and has 5 seconds. When all
    /// are gone or the time is over, every Client is over, with `shutting_down`. There is no way back.
    void stop();

  private:
    std::shared_ptr<client_detail::LocalBusState> state_;
};

}  // namespace testing
}  // namespace backplane
