// SPDX-License-Identifier: Apache-2.0
/// Who is started, restarted, stopped, and in what order: the supervision tree (rules section 7 and 8, X-1).
///
/// Child states (rule section 10), as `list` shows them:
///
///   state       meaning                                         leaves by
///   down        no process; reason in `last_class`/`last_fault`  start (parent's order, command, group)
///   starting    first start: spawning or not yet ready          ready -> running; failure -> down or restarting
///   running     ready                                           exit -> restarting | down | removed; stop -> stopping
///   stopping    asked to end; leader or group still there       group empty -> down (or restarting, W-6, T-9)
///   restarting  from a counted crash until ready again:         ready -> running; stop -> down; give-up -> down
///               draining (group not empty), backoff, attempt
///
/// Every entry carries a generation, raised at each spawn; an event of an older one is ignored.
/// Supervisors: down -> starting -> up -> stopping -> down. In `stopping` no child is ever started.
///
/// A supervisor's start and stop are operations with a cursor over its children. What happens to a child only puts its
/// supervisor on the agenda; at the end of each call every supervisor on it looks where its cursor stands and goes on.
/// So nothing recurses along siblings, and no operation is lost or carried out twice.
#pragma once

#include "daemon/core/deadlines.hpp"
#include "daemon/core/event.hpp"
#include "daemon/core/graph.hpp"
#include "daemon/core/restart_window.hpp"
#include "daemon/core/spec.hpp"
#include "daemon/core/step.hpp"
#include "daemon/core/supervision_state.hpp"

#include <string_view>
#include <vector>

namespace backplane::core {

/// What a reader of the tree may know of one entry. Views live until the next step.
struct ChildView {
    std::string_view name;  ///< within its supervisor; empty for the root
    std::string_view path;  ///< below the root; "/" for the root
    bool is_supervisor = false;
    ChildState state = ChildState::down;
    DeviceId device{};     ///< zero while there is none
    std::int32_t pid = 0;  ///< zero while there is none
    std::uint32_t generation = 0;
    std::uint64_t restarts = 0;
    ChildIndex supervisor = no_child;
    std::uint32_t depth = 0;  ///< the root's is 0
    bool ended = false;       ///< `last_*` mean something
    bool show_fault = false;  ///< it does not run now and its last end was a fault
    FaultRecord last_fault{};
    ExitClass last_class = ExitClass::normal;
    std::uint32_t failures = 0;  ///< consecutive (X-1)
    Instant next_start = Instant::never();
    RestartType restart = RestartType::permanent;
    Readiness readiness = Readiness::exec;
    Strategy strategy = Strategy::one_for_one;  ///< supervisors, also below
    std::uint32_t intensity = 0;
    std::uint32_t window_used = 0;  ///< at the instant asked for
    Duration period{};
};

/// The tree's state machine. Owns entries and supervisors; Devices live in the graph, timers in the deadlines.
/// Every method takes what the step hands in and appends effects and records to it; none waits.
class Supervision {
  public:
    Supervision(Graph& graph, Deadlines& deadlines, Texts& texts);

    void seed(std::uint64_t seed);

    /// Takes an encoded tree as the root supervisor and starts it. `already_present` where there is a root.
    [[nodiscard]] ErrorCode configure(Step& step, std::string_view tree);

    // What the process host saw. Stale generations are ignored.
    void spawned(Step& step, ChildIndex child, std::uint32_t generation, std::int32_t pid, std::uint64_t started_at);
    void spawn_failed(Step& step, ChildIndex child, std::uint32_t generation, SpawnStep where, std::int32_t error_number);
    void ready(Step& step, ChildIndex child, std::uint32_t generation);
    void exiting(ChildIndex child, std::uint32_t generation);
    void exited(Step& step, ChildIndex child, std::uint32_t generation, ExitHow how, std::int32_t status);
    void group_empty(Step& step, ChildIndex child, std::uint32_t generation);

    // What the graph and the sessions saw.
    /// A fatal notice about `by` reached the managed process of `child`: it is doomed, once (W-6..W-8).
    void doom(Step& step, ChildIndex child, const FaultRecord& cascade);
    /// A line holder asked it to shut down (W-6, S-37). Only for a managed process whose program does not speak.
    void shutdown_requested(Step& step, ChildIndex child, DeviceId from);
    /// Its program said hello on the inherited socket (T-9).
    void adopted(Step& step, ChildIndex child, std::uint32_t generation, SessionIndex session);
    /// That socket ended: settle time, then drop (T-9). After a `bye` the program is on its way out in order and has its
    /// shutdown time to exit, as after an explicit disconnect.
    void socket_ended(Step& step, ChildIndex child, std::uint32_t generation, bool said_bye);
    /// Its program disconnected its Device explicitly (D-4, T-9).
    void disconnected(Step& step, ChildIndex child, const FaultRecord& fault);

    /// start_timeout, stop_timeout, kill_overdue, backoff, settle.
    void due(Step& step, const Due& due);

    /// Verbs of the operator (decision 37): `Event::command`. Answers now or when done, through `Step::answer`.
    void command(Step& step, const Event& event);
    /// A session that waited for an answer is gone.
    void forget_session(SessionIndex session);

    /// The daemon before this one crashed: says again, for each process, what the machine was to do about it.
    void recover(Step& step);

    /// T-13: stop the tree. Urgency 0: by the specs; 1: graces shortened to a tenth; 2: SIGKILL now.
    void stop_all(Step& step, int urgency);
    /// Nothing of any tree is running, starting or stopping.
    [[nodiscard]] bool all_down() const;

    // Views.
    [[nodiscard]] ChildIndex root() const;
    [[nodiscard]] ChildIndex next_in_tree(ChildIndex child) const;  ///< pre-order; 0 at the end
    [[nodiscard]] bool contains(ChildIndex child) const;
    /// Whether this incarnation's process is there or about to be, as far as its end has not been told.
    [[nodiscard]] bool has_process(ChildIndex child, std::uint32_t generation) const;
    [[nodiscard]] ChildView view(ChildIndex child, Instant now) const;
    /// By full path, or by a short form (a suffix of whole path elements) where it is unique; 0 where there is none.
    [[nodiscard]] ChildIndex find(std::string_view name) const;
    /// The encoded LaunchSpec of a process entry.
    [[nodiscard]] std::string_view launch(ChildIndex child) const;

    void save(ImageWriter& image) const;
    /// False for bytes that no `save` wrote; indexes and enumerators are checked, as the bytes may be hostile.
    bool load(ImageReader& image);

  private:
    /// How an incarnation ended, for the decision on what follows.
    struct Ending {
        FaultRecord fault{};
        ExitClass exit_class = ExitClass::normal;
        bool start_failure = false;
    };
    /// The siblings that one child's exit concerns, in start order (S-19).
    struct Members {
        ChildIndex first = no_child, last = no_child;
    };
    /// A whole path or a suffix of one that begins at an element.
    struct PathEnd {
        ChildIndex child = no_child;
        std::uint32_t offset = 0;
    };

    // the tree (supervision.cpp)
    ChildIndex add_child(const ChildSpec& spec, ChildIndex supervisor);
    void add_team(ChildIndex child, const SupervisorSpec& spec);
    [[nodiscard]] bool name_children(ChildIndex root);
    void discard_tree();
    void settle(Step& step);
    void advance(Step& step, ChildIndex supervisor);
    Record& log(Step& step, RecordKind kind, ChildIndex child);
    Record& log_end(Step& step, RecordKind kind, ChildIndex child, const Ending& ending);
    [[nodiscard]] Team& team_of(ChildIndex child) { return teams_[children_[child].team]; }
    [[nodiscard]] const Team& team_of(ChildIndex child) const { return teams_[children_[child].team]; }
    [[nodiscard]] bool is_current(ChildIndex child, std::uint32_t generation) const;
    [[nodiscard]] bool is_gone(ChildIndex child) const;
    [[nodiscard]] bool is_frozen(ChildIndex supervisor) const;
    [[nodiscard]] ChildIndex next_below(ChildIndex top, ChildIndex child) const;
    void mark_removed(ChildIndex child, bool removed);

    void show_root(Step& step);

    // starting (supervision_start.cpp)
    void begin_start(Step& step, ChildIndex child, Attempt attempt);
    void begin_team(Step& step, ChildIndex child);
    void started(Step& step, ChildIndex child);
    void advance_start(Step& step, ChildIndex supervisor);

    // stopping (supervision_stop.cpp)
    void stop_child(Step& step, ChildIndex child);
    void stop_team(Step& step, ChildIndex supervisor, TeamEnd end);
    void end_process(Step& step, ChildIndex child, StopCause cause, bool patient);
    void send_stop(Step& step, ChildIndex child);
    void kill(Step& step, ChildIndex child, bool brutal);
    void make_harsh(Step& step, ChildIndex supervisor, std::uint8_t harsh);
    void shorten_grace(Step& step, ChildIndex child);
    [[nodiscard]] Duration grace_of(const Child& child) const;
    void advance_stop(Step& step, ChildIndex supervisor);
    void team_down(Step& step, ChildIndex supervisor);
    void show_stopping(Child& child);

    // ends and what follows (supervision_restart.cpp)
    void take_end(Step& step, ChildIndex child, Ending ending);
    void over(Step& step, ChildIndex child, const Ending& ending);
    void settled(Step& step, ChildIndex child);
    void try_attempt(Step& step, ChildIndex child);
    [[nodiscard]] bool is_retried(const Child& child, const Ending& ending) const;
    [[nodiscard]] Members concerned(ChildIndex child) const;
    void count_restart(Step& step, ChildIndex child, const Ending& ending);
    void schedule(Step& step, ChildIndex child);
    [[nodiscard]] Duration backoff_delay(const Child& child);
    [[nodiscard]] std::uint64_t random();
    void keep_fault(FaultRecord& kept, const FaultRecord& fault);

    // programs that speak (supervision_program.cpp)
    void settle_over(Step& step, ChildIndex child);
    [[nodiscard]] bool fall(Step& step, ChildIndex child, const FaultRecord& cascade);
    void fall_all(Step& step, ChildIndex child, const FaultRecord& cascade);
    void fall_told(Step& step);
    void fall_dependants(Step& step, ChildIndex child, std::vector<ChildIndex>& fallen);
    void announce(Step& step, ChildIndex child, const FaultRecord& fault);

    // commands (supervision_command.cpp)
    [[nodiscard]] ErrorCode may_start(ChildIndex child) const;
    [[nodiscard]] bool is_ahead(ChildIndex child) const;
    void command_start(Step& step, ChildIndex child, const Waiter& waiter, bool wait);
    void command_stop(Step& step, ChildIndex child, const Waiter& waiter, bool wait);
    void command_restart(Step& step, ChildIndex child, const Waiter& waiter, bool wait);
    void command_again(Step& step, Verb verb, const Waiter& waiter, bool wait);
    void wait_or_answer(Step& step, const Waiter& waiter, bool wait);
    void answer_waiters(Step& step, ChildIndex child, bool wants_down, ErrorCode code);

    // standing orders (supervision_links.cpp)
    [[nodiscard]] bool add_orders(ChildIndex child, const ChildSpec& spec);
    [[nodiscard]] ChildIndex resolve(ChildIndex child, std::string_view to) const;
    void lay_own(Step& step, ChildIndex child);
    void lay_others(Step& step, ChildIndex child);

    // views and image (supervision_view.cpp, supervision_image.cpp)
    void build_index();
    [[nodiscard]] std::string_view path_end(const PathEnd& end) const;
    [[nodiscard]] bool numbers_hold() const;
    [[nodiscard]] bool child_holds(const Child& child) const;
    [[nodiscard]] bool tree_holds() const;

    Graph& graph_;
    Deadlines& deadlines_;
    Texts& texts_;
    // The state.
    std::vector<Child> children_;         ///< entry 0 is none, entry 1 the root
    std::vector<Team> teams_;             ///< entry 0 is none
    std::vector<RestartWindow> windows_;  ///< of the team with the same number
    std::vector<Order> orders_;           ///< entry 0 is none
    std::vector<Waiter> waiters_;
    std::uint64_t random_ = 0;
    ChildIndex root_ = no_child;
    std::uint32_t urgency_ = 0;  ///< T-13
    std::uint32_t closing_ = 0;  ///< the daemon stops: nothing is started any more
    // Derived, or empty between calls.
    std::vector<PathEnd> path_index_;  ///< ordered by text
    std::vector<ChildIndex> agenda_;
};

}  // namespace backplane::core
