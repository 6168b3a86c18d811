// SPDX-License-Identifier: Apache-2.0
/// One random history of a tree of supervised processes that behave in every bad way, and of clients that watch them.
///
/// The hub is driven as the daemon's shell drives it. After every call of it the model of the rules makes the same step and
/// says what the log, the machine and every client must have been told in it; all are compared at once, so a failure stands
/// beside its cause.
#pragma once

#include "proto/wire/codec.hpp"
#include "tests/sim/tree_machine.hpp"
#include "tests/sim/tree_model.hpp"
#include "tests/sim/world.hpp"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace backplane::sim {

/// A random tree of at most a dozen entries. Names are unique in it, and links are whole paths.
[[nodiscard]] core::SupervisorSpec random_tree(Chance& chance);

/// A client, or the program of a process on its inherited socket.
struct Peer {
    std::uint32_t number = 0;
    core::SessionIndex index = 0;  ///< 0 when its connection is over
    ChildIndex worker = 0;
    std::uint32_t generation = 0;
    bool greeted = false;
    bool shutdown_waits = false;  ///< told, and not acknowledged: a second one says no more
    bool may_be_cut = false;      ///< it said hello to a daemon that stops
    std::string from_daemon;
    DeviceId device;  ///< a worker's own, as the welcome told
    std::vector<DeviceId> ids;
    std::uint64_t received = 0, acknowledged = 0;
    std::uint64_t next_request = 1;
    std::map<std::uint64_t, wire::Call> asked;
    struct Watch {
        ChildIndex child = 0;
        std::uint64_t ups_before = 0;  ///< of the name, when the watch began
        wire::NameState told;
    };
    std::map<std::string, Watch> watches;
    bool subscribed = false;
    std::uint64_t last_seq = 0;
};

class TreeHistory {
  public:
    explicit TreeHistory(const Options& options);
    Outcome run();

  private:
    // the driver (tree_history.cpp)
    /// One call of the hub, and the same step of the model.
    void step(const char* what, ChildIndex about, const std::function<void()>& call, const std::function<void()>& input);
    void feed(const char* what, const core::Event& event, const std::function<void()>& input);
    void compare(const char* what);
    void act();
    bool happen();
    void start(Process& process);
    void die(Process& process);
    void empty(Process& process);
    void pass();
    void pass_to(Instant when);
    void stale();
    void quiet();
    void stop();
    void finish();
    [[nodiscard]] std::vector<wire::Event> take_log();
    /// Where the options have the daemon crash: what the next one would do (tree_crash.cpp).
    void imagine_crash();

    // peers (tree_peers.cpp)
    Peer& connect(ChildIndex worker, std::uint32_t generation);
    void send(Peer& peer, const char* what, const std::string& bytes, const std::function<void()>& input);
    void request(Peer& peer, wire::Request request, const std::function<void(std::uint64_t)>& input);
    void greet(Peer& peer);
    void end(Peer& peer);
    void say_bye(Peer& peer);
    void close(Peer& peer, bool said_bye);
    void release(Peer& peer);
    void client_acts();
    void operate(Peer& peer);
    void operate_on(Peer& peer, DeviceId task);
    void link(Peer& peer, DeviceId task, ChildIndex child);
    void command(Peer& peer);
    void watch(Peer& peer);
    void acknowledge(Peer& peer);
    void program_acts();
    void end_task(DeviceId task);

    // what peers are told (tree_told.cpp)
    void read_all();
    void take_frame(Peer& peer, const wire::FrameView& frame);
    void take_told(Peer& peer, const std::string& words);
    void take_welcome(Peer& peer, const wire::FrameView& frame);
    void take_reply(Peer& peer, const wire::FrameView& frame);
    void take_event(Peer& peer, const wire::FrameView& frame);
    void compare_peers();
    [[nodiscard]] ChildIndex any_entry() { return 1 + static_cast<ChildIndex>(world_.chance.below(model_.entries().size() - 1)); }
    [[nodiscard]] const Entry& entry(ChildIndex i) const { return model_.entries()[i]; }

    World world_;
    core::SupervisorSpec tree_;
    TreeModel model_;
    TreeMachine machine_;
    int steps_;
    std::deque<Peer> peers_;               ///< number 0 is nobody
    std::vector<std::uint32_t> dropping_;  ///< peers whose end was seen, and whose tasks drop with the next slice
    std::uint64_t seen_seq_ = 0, seen_events_ = 0;
    std::vector<core::Effect> effects_;
    std::vector<core::SessionIndex> dirty_;
    std::vector<std::string> lines_;
};

}  // namespace backplane::sim
