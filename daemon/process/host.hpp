// SPDX-License-Identifier: Apache-2.0
/// The process host: every worker from before its exec until nothing of its group is left (rules P-1 to P-7, F-5, D-12).
///
/// The host decides nothing and never waits. It serves the core's effects `spawn`, `signal`, `signal_group` and `reap`, and
/// answers with what the shell turns into the events `spawned`, `spawn_failed`, `ready`, `exited` and `group_empty`.
/// It watches nothing itself: the shell watches the descriptors that it hands out and calls back.
///
///     state     | entered by                     | its pid is
///     ----------+--------------------------------+--------------------------------------------------
///     vacant    | group seen empty               | nobody's
///     running   | spawn                          | ours
///     dead      | take_exit saw the leader's end | still ours: an unreaped zombie, so its group can be signalled
///     lingering | reap with a group not empty    | never signalled again (P-2)
///
/// Each call names child and generation; where they are not those of the table the call is stale and does nothing.
/// One thread uses a Host. Workers ask for SIGKILL when the *thread* that spawned them ends (until the keeper exists), so
/// that thread must live as long as the daemon.
#pragma once

#include "daemon/core/event.hpp"
#include "daemon/core/spec.hpp"
#include "daemon/core/types.hpp"
#include "daemon/process/cgroup.hpp"
#include "daemon/process/descriptor.hpp"
#include "daemon/process/features.hpp"
#include "daemon/process/notify_socket.hpp"
#include "daemon/process/spawn.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace backplane::process {

/// One run of one child entry.
struct Incarnation {
    core::ChildIndex child = core::no_child;
    std::uint32_t generation = 0;

    friend bool operator==(const Incarnation&, const Incarnation&) = default;
};

/// What a worker gets beside its LaunchSpec. All is borrowed for the length of the call.
struct SpawnOptions {
    int worker_socket = -1;  ///< becomes its descriptor 3 (BACKPLANE_FD); the caller closes its own copy after the call; -1: none
    std::array<int, 2> outputs{-1, -1};  ///< become its stdout and stderr, and its user's own; -1: as the LaunchSpec says
    std::string socket_path;             ///< BACKPLANE_SOCKET; empty: not set
    std::string resume;                  ///< BACKPLANE_RESUME; empty: not set
    int notify_descriptor = -1;          ///< adopt: the socket that is bound at its path already; taken over
    std::uint64_t watchdog_us = 0;       ///< WATCHDOG_USEC, and WATCHDOG_PID; 0: neither
    std::int32_t* pid_place = nullptr;   ///< where the kernel stores the pid before the worker runs; null: nowhere
    bool wants_notify = false;           ///< make a NOTIFY_SOCKET
    std::string notify_directory;        ///< where its path lies; used where wants_notify
};

/// What became of a spawn. The descriptors belong to the host and stay open until `reap` (or destruction).
struct SpawnOutcome {
    bool started = false;
    std::int32_t pid = 0;
    std::uint64_t started_at = 0;                     ///< with pid and boot its name for ever (X-12)
    int pidfd = -1;                                   ///< watch for reading; then call take_exit
    int notify_fd = -1;                               ///< watch for reading, where there is one; then call read_notify
    int start_fd = -1;                                ///< not known yet: watch for reading, then call take_start; -1: it is
    core::SpawnStep step = core::SpawnStep::prepare;  ///< not started: where it failed (F-5)
    int error_number = 0;                             ///< not started: the errno
};

/// The end of a leader, which is a zombie until `reap`.
struct LeaderExit {
    core::ExitHow how = core::ExitHow::unknown;
    std::int32_t status = 0;  ///< exited: the code; signalled and dumped: the signal
    Notification said;        ///< what it had said and nobody had read yet: feed `ready` before `exited` (S-11)
};

enum class ReapResult : std::uint8_t {
    stale,        ///< not this generation, or reaped before
    alive,        ///< the leader has not been seen dead: nothing was done
    group_empty,  ///< feed `group_empty` now
    lingering,    ///< others of its group live: `sweep` will tell
};

/// The keeper, as far as a host must know it: the parent of workers whose daemon crashed. It tells of their ends (`note_ended`),
/// and takes them away when told to.
class Parent {
  public:
    virtual void take_away(std::int32_t pid) = 0;
    [[nodiscard]] virtual std::int32_t pid() const = 0;

  protected:
    ~Parent() = default;
};

/// What holds for all workers of a host.
struct HostOptions {
    KernelFeatures features = kernel_features();
    bool become_subreaper = true;       ///< orphans of workers become our children (P-5)
    bool die_with_daemon = false;       ///< PDEATHSIG: without a keeper nobody would be there for them
    Parent* parent = nullptr;           ///< borrowed; null: there is no keeper
    std::uint64_t open_files_soft = 0;  ///< the workers' soft RLIMIT_NOFILE; 0: as the daemon's own
    std::string exec_helper = find_exec_helper();
    ControlGroups* control = nullptr;  ///< borrowed; null, or not open: workers have process groups only
};

class Host {
  public:
    explicit Host(HostOptions options = {});
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    /// Calls kill_everything.
    ~Host();

    /// Binds the NOTIFY_SOCKET of an incarnation that `spawn` will start next, so that it can be handed to a keeper before anybody can
    /// write to it. Answers its descriptor, which stays the host's, or a negative errno: -EBUSY as `spawn`.
    [[nodiscard]] int bind_notify(core::ChildIndex child, std::uint32_t generation, const std::string& directory);
    /// Starts a process; returns when it has executed its program or failed (a vfork's time). A child that has not been seen
    /// empty is refused with {prepare, EBUSY}: no worker ever runs twice.
    /// One with credentials is started by the exec helper, whose answer comes later (`start_fd`).
    [[nodiscard]] SpawnOutcome spawn(core::ChildIndex child, std::uint32_t generation, const core::LaunchSpec& launch,
                                     const SpawnOptions& options);
    /// Whether take_start would answer. The descriptor to watch is closed by it, so stop watching in between.
    [[nodiscard]] bool is_start_known(core::ChildIndex child, std::uint32_t generation) const;
    /// What the exec helper answered: `started` with everything that `spawn` tells, or where it failed, and then nothing is left of it.
    /// Nothing where that is not known yet, or was told.
    [[nodiscard]] std::optional<SpawnOutcome> take_start(core::ChildIndex child, std::uint32_t generation);
    /// The helper hangs: it is killed, and take_start will tell {helper, ETIMEDOUT} when it has ended.
    void give_up_start(core::ChildIndex child, std::uint32_t generation);

    // ---- programs beside the workers: probes (host_aside.cpp) -----------------------------------------------------------------
    /// Starts a program in a group of its own that is nobody's worker: who it is, its environment and its place in the cgroup are those of
    /// `child`. It dies with this thread whatever else is kept. Of the outcome pid and pidfd say something.
    [[nodiscard]] SpawnOutcome spawn_aside(core::ChildIndex child, const core::LaunchSpec& launch, const SpawnOptions& options);
    /// How it ended, once; nothing while it lives. Whatever is left of its group is killed, and it is reaped.
    [[nodiscard]] std::optional<LeaderExit> take_aside(std::int32_t pid);
    /// Kills it with its group; a later sweep takes it away. Its pidfd is closed.
    void drop_aside(std::int32_t pid);

    // ---- workers of a daemon that crashed (host_adopt.cpp) -----------------------------------------------------------------
    /// Takes up a process that an earlier daemon started, if the pid still means it. `dead`: its end was taken in already; it is then
    /// to be reaped, or its group to be watched. Not started in the outcome: it is gone, and how it ended nobody can tell.
    [[nodiscard]] SpawnOutcome adopt(core::ChildIndex child, std::uint32_t generation, std::int32_t pid, std::uint64_t started_at,
                                     bool dead, const SpawnOptions& options);
    /// One incarnation as a program after this one must know it.
    struct Taken {
        Incarnation incarnation;
        std::int32_t pid = 0;
        int notify_descriptor = -1;
        bool is_gone = false;  ///< only its group is watched
    };
    [[nodiscard]] std::vector<Taken> occupants() const;
    /// Where the NOTIFY_SOCKETs that are bound lie.
    [[nodiscard]] std::vector<std::string> notify_paths() const;
    /// The keeper tells of an ended child of its own. Answers whose it was, for take_exit; nobody's is taken away at once.
    [[nodiscard]] std::optional<Incarnation> note_ended(std::int32_t pid, core::ExitHow how, std::int32_t status);
    /// The keeper is gone: ends that it would have told of are unknown from here on.
    void forget_parent() { options_.parent = nullptr; }
    /// The workers live on without this daemon: nothing is killed at its end.
    void let_go() { keeps_nothing_ = true; }

    /// Call when the pidfd is readable. Answers once for each incarnation, then the caller stops watching both descriptors
    /// (a pidfd stays readable). Nothing where the leader lives or the call is stale.
    /// Whether the leader is certain to end now, although take_exit may not know how yet. False too where that was taken already.
    [[nodiscard]] bool is_ending(core::ChildIndex child, std::uint32_t generation);
    [[nodiscard]] std::optional<LeaderExit> take_exit(core::ChildIndex child, std::uint32_t generation);

    /// Call when the notify socket is readable. Takes a bounded number of datagrams; the rest keeps it readable. One that says READY
    /// is left there: feed `ready`, then call take_ready.
    [[nodiscard]] Notification read_notify(core::ChildIndex child, std::uint32_t generation);
    void take_ready(core::ChildIndex child, std::uint32_t generation);

    /// To the leader, through its pidfd. Answers 0 or errno; ESRCH where stale or dead.
    int signal(core::ChildIndex child, std::uint32_t generation, int signal_number);
    /// To the leader's whole group, as long as the leader is not reaped; SIGKILL to its whole cgroup, at any time, where it has one.
    /// Answers 0 or errno; ESRCH where stale or reaped.
    int signal_group(core::ChildIndex child, std::uint32_t generation, int signal_number);

    /// Takes a dead leader's status away, closes its descriptors, and says whether its group is empty. Does not signal.
    /// `whole_group` false: nobody waits for the others of its group, which live on (kill_mode `leader`).
    ReapResult reap(core::ChildIndex child, std::uint32_t generation, bool whole_group = true);
    /// No worker is left of a daemon before this one: whoever is in a worker's cgroup that no incarnation of ours has is killed.
    void clear_control_groups();
    /// The same cgroups after a recovery: they are removed when they are empty, and killed when this daemon stops.
    void take_control_groups();
    /// Workers have cgroups.
    [[nodiscard]] bool has_control_groups() const { return options_.control != nullptr && options_.control->is_open(); }

    /// Call on SIGCHLD and when next_sweep_delay_ms has passed. Reaps orphans that became ours; answers the incarnations
    /// whose group has been seen empty since, each once. The reference is good until the next call.
    [[nodiscard]] const std::vector<Incarnation>& sweep();
    /// How long to wait for the next sweep where no SIGCHLD comes; -1: no need. Backs off from 1 ms to 1 s.
    [[nodiscard]] int next_sweep_delay_ms() const;

    /// SIGKILL to every group whose leader is unreaped, then reaps for at most `wait_ms`. For emergencies and the end.
    /// Answers how many workers are still there (unkillable ones).
    std::size_t kill_everything(int wait_ms = 1000);
    /// SIGKILL to every other child of this process: descendants that left their worker's group and became ours. For the
    /// ordinary end of the daemon, after the last worker. Waits at most `wait_ms`; answers how many were killed.
    std::size_t kill_strays(int wait_ms = 1000);

    /// Whether orphans of workers become our children. Where they do not, a group's zombies are somebody else's to reap.
    [[nodiscard]] bool is_subreaper() const { return is_subreaper_; }
    /// Incarnations that are not vacant.
    [[nodiscard]] std::size_t occupied() const { return occupied_; }
    /// How many programs there are beside the workers.
    [[nodiscard]] std::size_t asides() const { return asides_.size(); }
    /// The pid of an unreaped leader; 0 where there is none.
    [[nodiscard]] std::int32_t pid_of(core::ChildIndex child) const;

  private:
    enum class State : std::uint8_t { vacant, running, dead, lingering };
    struct Entry {
        State state = State::vacant;
        std::uint32_t generation = 0;
        std::int32_t pid = 0;     ///< also its process group and session
        bool is_pinned = false;   ///< the leader is unreaped, so the pid is its own
        bool is_adopted = false;  ///< not our child: only the keeper can tell how it ended
        bool is_orphan = false;   ///< adopted, and not the keeper's child either: nobody tells
        bool is_told = false;     ///< adopted: the keeper has, as below
        core::ExitHow how = core::ExitHow::unknown;
        std::int32_t status = 0;
        std::uint64_t started_at = 0;  ///< adopted: as long as the pid still means this one, it is not taken away
        Descriptor pidfd;
        Descriptor report;  ///< of the exec helper, until it is known what became of the start
        bool start_given_up = false;
        bool has_cgroup = false;
        NotifySocket notify;
    };

    struct Aside {
        Descriptor pidfd;
        bool is_dropped = false;  ///< killed: reaped as soon as it has ended
    };

    [[nodiscard]] Entry& entry_of(core::ChildIndex child);
    [[nodiscard]] Entry* find(core::ChildIndex child, std::uint32_t generation);
    [[nodiscard]] const Entry* find(core::ChildIndex child, std::uint32_t generation) const;
    [[nodiscard]] SpawnContext context_for(const SpawnOptions& options, const std::string& notify_path) const;
    [[nodiscard]] static int open_notify(Entry& entry, const Incarnation& incarnation, const SpawnOptions& options);
    [[nodiscard]] static SpawnOutcome outcome_of(const Entry& entry);
    void vacate(Entry& entry);
    void reap_strays();
    void take_asides(bool only_dropped);
    // cgroups (host_cgroup.cpp)
    [[nodiscard]] int make_cgroup(const Incarnation& who, const core::ControlSpec& values, Descriptor& directory) const;
    void kill_cgroups();
    void remove_left_cgroups();
    void take_all_ends();
    [[nodiscard]] bool settle(core::ChildIndex child);
    [[nodiscard]] bool has_ended(Entry& entry) const;
    [[nodiscard]] bool has_ended_untold(Entry& entry) const;
    void take_away(Entry& entry);

    HostOptions options_;
    Spawner spawner_;
    std::vector<Entry> entries_;                                  ///< by ChildIndex
    std::unordered_map<std::int32_t, core::ChildIndex> leaders_;  ///< pid of each unreaped leader
    std::unordered_map<std::int32_t, Aside> asides_;              ///< by pid, until reaped
    std::vector<Incarnation> left_cgroups_;  ///< of incarnations that are over, with somebody in them whom nobody waits for
    std::vector<core::ChildIndex> lingering_;
    std::vector<Incarnation> emptied_;
    std::vector<std::int32_t> before_;  ///< children that were there before us and are none of our business
    std::size_t occupied_ = 0;
    bool is_subreaper_ = false;
    bool keeps_nothing_ = false;
    std::uint32_t quiet_sweeps_ = 0;  ///< since something last changed; sets the backing-off
    bool strays_hidden_ = false;      ///< a zombie leader kept the last sweep from seeing what lies behind it
};

}  // namespace backplane::process
