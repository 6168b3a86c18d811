// SPDX-License-Identifier: Apache-2.0
/// The machine's side of supervised processes: carries out the core's effects on the process host, watches pidfds and notify
/// sockets, and turns what is seen into events (rules P-1, P-2, S-21). Decides nothing.
#pragma once

#include "daemon/process/host.hpp"
#include "daemon/session/hub.hpp"
#include "daemon/shell/connection.hpp"
#include "daemon/shell/drains.hpp"
#include "daemon/shell/handoff.hpp"
#include "daemon/shell/keeper_link.hpp"
#include "daemon/shell/outputs.hpp"
#include "daemon/shell/probes.hpp"
#include "daemon/shell/watch.hpp"

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace backplane::shell {

/// Where a spawn leaves word of itself for a daemon after this one (journal::SpawnSlot, without its room's header).
class SpawnNotes {
  public:
    /// Begins a note; the answer is where the kernel stores the pid, good until the next event is recorded.
    [[nodiscard]] virtual std::int32_t* begin(core::ChildIndex child, std::uint32_t generation) = 0;
    /// The pid that was noted for this spawn; 0: none was made.
    [[nodiscard]] virtual std::int32_t find(core::ChildIndex child, std::uint32_t generation) const = 0;
    /// Room is left for little more than deaths themselves.
    [[nodiscard]] virtual bool is_scarce() const = 0;

  protected:
    ~SpawnNotes() = default;
};

/// So long an exec helper may take to become its program, which is a matter of a millisecond.
inline constexpr Duration start_patience = Duration::seconds(10);

/// So many processes are started in one tick; the rest wait for the next one, so that others are served between.
inline constexpr std::size_t spawns_per_tick_max = 4;

class Workers final : private Watcher {
  public:
    /// `socket_path`: what workers get as BACKPLANE_SOCKET; `notify_folder`: where NOTIFY_SOCKETs are made, when first needed.
    Workers(uv_loop_t* loop, session::Hub& hub, process::Host& host, Connections& connections, Outputs& outputs, std::string socket_path,
            std::string notify_folder);
    /// Nobody serves the notify sockets that lie there, and nobody knows the cgroups: a daemon before this one was killed.
    void clear_leftovers();
    /// After a recovery, once adopted workers have theirs: notify sockets that a crash left to nobody go, here and at the keeper.
    void forget_unused_soon() { has_unused_ = true; }
    /// Spawns are noted there from here on. Borrowed.
    void note_spawns(SpawnNotes* notes) { notes_ = notes; }
    /// The keeper holds the notify sockets of workers that are not ready yet: what they say while no daemon is there is not lost.
    void held_by(KeeperLink* keeper) { keeper_ = keeper; }
    /// Removes the notify folder.
    ~Workers();

    /// Feeds the ends that were seen, in the children's start order (S-21, decision 34). What a worker wrote before it died
    /// is read before its end is told.
    void take_exits();
    /// Feeds what became of starts by the exec helper.
    void take_starts(Instant now);
    /// When starts and probes must be looked at although nobody speaks.
    [[nodiscard]] Instant next_look() const;
    /// Feeds whose probes succeeded, and begins those whose time has come.
    void take_probes(Instant now);
    /// Feeds whose drain hooks are over.
    void take_drains();
    /// Nothing that only this program would look after runs any more (before it is replaced).
    void halt_asides() {
        probes_.halt();
        drains_.halt();
    }
    /// Feeds what workers said on their notify sockets.
    void take_notifications();
    /// The keeper told of an ended child of its own.
    void note_ended(std::int32_t pid, core::ExitHow how, std::int32_t status);
    /// Their inherited sockets ended. The core hears which did because the process ends: how may take longer to be known than
    /// the settle time (T-9), on a busy machine and above all where the keeper is the one to tell.
    void note_left(const std::vector<process::Incarnation>& left);
    /// Carries out one effect: signal, signal_group and reap at once, spawn later, by `spawn_some`.
    void carry_out(const core::Effect& effect);
    /// Starts processes that wait for it; at most spawns_per_tick_max of them.
    void spawn_some();
    [[nodiscard]] bool has_spawns() const { return next_waiting_ < waiting_.size(); }
    /// No start is on its way whose outcome only this program could learn.
    [[nodiscard]] bool is_settled() const { return !has_spawns() && starting_.empty(); }
    /// Looks after orphans and groups that were not empty (P-4, P-5). `child_died`: SIGCHLD came.
    void sweep(bool child_died, Instant now);
    /// When to sweep although no signal comes; `never()` where there is no need.
    [[nodiscard]] Instant next_sweep() const { return next_sweep_; }
    /// Whether something happened that a tick must look at.
    [[nodiscard]] bool has_work() const {
        return !ended_.empty() || !spoke_.empty() || is_start_known_ || probes_.has_work() || drains_.has_work() || has_spawns();
    }
    /// The daemon ends: kills whatever of a worker is left, and watches nothing any more.
    void kill_all();
    /// The daemon ends and its workers do not: watches nothing any more.
    void let_go();
    /// What a program after this one must know of the workers.
    [[nodiscard]] std::vector<HandedWorker> hand_over() const;
    void take_over(const HandedWorker& handed);
    /// The keeper is gone, and with it whoever would have told of ends.
    void forget_keeper();

  private:
    /// Under this number and the child's the keeper holds a notify socket.
    static constexpr std::uint64_t notify_key = std::uint64_t{1} << 40U;
    struct Worker {
        std::uint32_t generation = 0;
        core::SessionIndex session = 0;
        bool is_watched = false;  ///< its end has not been seen
        bool is_held = false;     ///< its notify socket, by the keeper
        Watch exit_watch;
        Watch notify_watch;
    };

    /// A start whose outcome the exec helper will tell.
    struct Starting {
        core::Effect effect;
        core::SessionIndex session = 0;
        Instant begun = Instant::never();  ///< never: in this tick
        Watch watch;
    };

    void on_ready(std::uint64_t token, unsigned events) noexcept override;
    [[nodiscard]] Worker& worker(core::ChildIndex child);
    void spawn(const core::Effect& effect);
    void started(const core::Effect& effect, const process::SpawnOutcome& outcome, core::SessionIndex session);
    void take_word(core::ChildIndex child);
    /// Watches nothing any more; what runs beside workers is killed.
    void forget_all();
    void alive(core::ChildIndex child, std::uint32_t generation);
    void triggered(core::ChildIndex child, std::uint32_t generation);
    void probe(core::ChildIndex child, std::uint32_t generation);
    /// Nothing where it is not about to be stopped.
    void drain(core::ChildIndex child, std::uint32_t generation);
    void await_start(const core::Effect& effect, const process::SpawnOutcome& outcome, core::SessionIndex session);
    void failed(const core::Effect& effect, core::SpawnStep step, int error_number);
    [[nodiscard]] bool settle_start(Starting& starting, Instant now);
    void watch(const core::Effect& effect, const process::SpawnOutcome& outcome, core::SessionIndex session);
    // workers of a daemon that crashed (workers_adopt.cpp)
    void adopt(const core::Effect& effect, std::int32_t pid, std::uint64_t started_at);
    void spawn_or_find(const core::Effect& effect);
    void hold(core::ChildIndex child, int notify_fd);
    void drop(core::ChildIndex child);
    [[nodiscard]] core::SessionIndex session_of(const core::Effect& effect) const;
    [[nodiscard]] process::SpawnOptions options_for(core::ChildIndex child, int& wrong);
    void exited(core::ChildIndex child, std::uint32_t generation, core::SessionIndex session, core::ExitHow how, std::int32_t status);
    void take_exit(core::ChildIndex child);
    void reap(const core::Effect& effect);
    [[nodiscard]] bool waits_for_spawn(core::ChildIndex child) const;
    [[nodiscard]] int make_notify_folder();
    void forget_unused();

    uv_loop_t* loop_;
    SpawnNotes* notes_ = nullptr;
    KeeperLink* keeper_ = nullptr;
    session::Hub& hub_;
    process::Host& host_;
    Connections& connections_;
    Outputs& outputs_;
    Probes probes_;
    Drains drains_;
    std::string socket_path_;
    std::string notify_folder_;
    bool has_notify_folder_ = false;
    bool has_unused_ = false;
    std::vector<std::unique_ptr<Worker>> workers_;  ///< by ChildIndex
    std::vector<core::ChildIndex> ended_;
    std::vector<core::ChildIndex> spoke_;
    std::vector<std::unique_ptr<Starting>> starting_;
    bool is_start_known_ = false;
    std::vector<core::ChildIndex> unwatched_;  ///< their pidfds could not be watched: SIGCHLD has to do
    std::vector<core::Effect> waiting_;        ///< spawns, and what came after them for the same child, in order
    std::size_t next_waiting_ = 0;
    Instant next_sweep_ = Instant::never();
};

}  // namespace backplane::shell
