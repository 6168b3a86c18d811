// SPDX-License-Identifier: Apache-2.0
/// Who is started, restarted, stopped, and in what order: the supervision tree (rules sections 7 to 9).
///
/// Child states (rule section 10), as `list` shows them:
///
///   state        meaning                                         leaves by
///   down         no process; why in `reason`, `last_*`           start (parent's order, command, group)
///   starting     first start: waiting, spawning or not yet ready ready -> running; failure -> down or restarting
///   running      ready                                           exit -> restarting | down | quarantined | removed; stop -> stopping
///   stopping     asked to end; leader or group still there       group empty -> down (or restarting: W-6, T-9, with its group)
///   restarting   from a counted crash, or from the stop of its   ready -> running; stop -> down; give-up -> down
///                group, until ready again: what it waits for is
///                one of `Waits` (its backoff, its old group, what
///                it requires, a hold, a slot, its siblings)
///   quarantined  it broke its own limit                    release, cooldown -> restarting; stop -> down
///
/// Every entry carries a generation, raised at each spawn; an event of an older one is ignored.
///
/// Supervisors: down -> starting -> up -> stopping -> down. In `stopping` no child is ever started. While starting or up one
/// operation on a group of children may be under way (`GroupPhase`): the supervisor's own start, which concerns all, or what
/// `rest_for_one` and `one_for_all` answer to a crash:
///
///   phase      walks       at each member                                     ends
///   stopping   backwards   asks it to end, waits until nothing is left        at `from`: starting
///   starting   forwards    starts it, waits until it is started               behind the last: none
///
/// A crash of an older member widens the group in place (S-22); a failed start begins it again (S-26); a member that was taken out of
/// it parks it (S-53a, X-2). What happens to a child only puts its supervisor on the agenda; at the end of each call every supervisor
/// on it looks where its cursor stands and goes on. So nothing recurses along siblings, and no operation is lost or carried out twice.
#pragma once

#include "daemon/core/deadlines.hpp"
#include "daemon/core/event.hpp"
#include "daemon/core/exit_history.hpp"
#include "daemon/core/exit_verdict.hpp"
#include "daemon/core/graph.hpp"
#include "daemon/core/restart_window.hpp"
#include "daemon/core/spec.hpp"
#include "daemon/core/step.hpp"
#include "daemon/core/supervision_state.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace backplane::core {

/// What a reader of the tree may know of one entry. Views live until the next step.
struct ChildView {
    std::string_view name;  ///< within its supervisor; empty for the root
    std::string_view path;  ///< below the root; "/" for the root
    bool is_supervisor = false;
    bool is_task = false;                  ///< a client runs it; `pid` is the client's
    SessionIndex client = daemon_session;  ///< which session that is, while it runs
    ChildState state = ChildState::down;
    DeviceId device{};  ///< zero while there is none
    DeviceId last_device{};
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
    DownReason reason = DownReason::none;  ///< why it is down
    Waits waits = Waits::nothing;          ///< what a start that is wanted waits for
    ChildIndex waits_for = no_child;       ///< whom: what it requires, or the member that its group is parked on
    bool is_held = false;
    bool is_significant = false;
    Instant since{};  ///< when it came into its state
    Duration watchdog{};
    Body body = Body::none;  ///< what there is of its process
    bool is_ready = false;   ///< this incarnation was started (S-8)
    bool is_ending = false;  ///< its end was asked for and has not been seen
    bool runs_hook = false;  ///< its drain hook runs (X-16)
    bool is_killed = false;  ///< by SIGKILL
    bool is_oneshot = false;
    Strategy strategy = Strategy::one_for_one;  ///< supervisors, also below
    AutoShutdown auto_shutdown = AutoShutdown::never;
    std::uint32_t intensity = 0;
    std::uint32_t window_used = 0;  ///< at the instant asked for
    Duration period{};
    std::uint32_t children = 0;
    std::uint32_t max_children = 0;  ///< zero: no bound
    std::uint32_t partitions = 0;    ///< zero: not a partition supervisor
    ChildIndex offender = no_child;  ///< who made it give up, or did not start
};

/// What configuration says of two entries, as one of them sees it.
struct OrderView {
    ChildIndex other = no_child;
    LinkMode mode = LinkMode::none;
    bool is_need = false;  ///< the one that has it requires the other to be up (X-6)
    bool is_own = false;   ///< this one has it
};

/// What a new configuration makes of an entry (S-66).
enum class ChangeKind : std::uint8_t { added, changed, missing };
struct Change {
    std::string path;
    ChangeKind kind = ChangeKind::added;
    bool restart = false;  ///< changed: what runs now was started otherwise, so that it holds after a restart only
};

/// What `count_children` tells (S-56).
struct ChildCount {
    std::uint32_t specs = 0, active = 0, supervisors = 0, workers = 0;
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
    /// `words`: the last that it wrote on its stderr, kept with its exit.
    void exited(Step& step, ChildIndex child, std::uint32_t generation, ExitHow how, std::int32_t status, std::string_view words = {});
    void drained(Step& step, ChildIndex i, std::uint32_t generation);
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

    /// start_timeout, stop_timeout, kill_overdue, backoff, settle, ready_delay, watchdog, cooldown, postponed.
    void due(Step& step, const Due& due);

    /// A sign of life of its program. `next`: until when the next one is due; zero: as its watchdog says.
    void alive(Step& step, ChildIndex child, std::uint32_t generation, Duration next = {});
    /// The same by the heartbeat of the Device that its program has adopted. Zero takes back what was promised before.
    void heartbeat(Step& step, ChildIndex child, Duration next);
    /// Its program asks to be taken for hung: as if its watchdog's time were over.
    void silent(Step& step, ChildIndex child, std::uint32_t generation);

    /// Verbs of the operator (decision 37): `Event::command`. Answers now or when done, through `Step::answer`.
    void command(Step& step, const Event& event);
    /// `start_child` (8.10): `Event::add_child`.
    void add_child(Step& step, const Event& event);
    /// A new configuration for the tree: `Event::reload` (S-66). Answers at once; `config_invalid` names the entry that cannot be.
    void reload(Step& step, const Event& event);
    /// What `reload` would do with it: changes in the order of the new tree, nothing where nothing changes.
    [[nodiscard]] Expected<std::vector<Change>> plan(std::string_view tree) const;
    /// A session is gone that may have waited for an answer.
    void forget_session(SessionIndex session);
    /// Its Devices are gone or about to go, and the tasks that it was asked to run with them (D-2, T-10). `why`: detail of the drops.
    void client_gone(Step& step, SessionIndex session, std::string_view why);
    /// What a client says of a task: `Event::task_said`.
    void task_said(Step& step, const Event& event);
    /// Under this name something may be started from now on.
    void starter_up(Step& step, std::string_view name);
    void wake_started_by(Step& step, std::string_view name);

    /// The daemon before this one crashed: says again, for each process, what the machine was to do about it.
    void recover(Step& step);

    /// T-13: stop the tree. Urgency 0: by the specs; 1: graces shortened to a tenth; 2: SIGKILL now.
    void stop_all(Step& step, int urgency);
    /// Nothing of any tree is running, starting or stopping.
    [[nodiscard]] bool all_down() const;
    /// The root gave up, and `on_root_give_up` says that the daemon is to end (S-46).
    [[nodiscard]] bool wants_exit() const { return wants_exit_ != 0; }
    /// At most so many processes are between spawn and ready at once.
    void set_starts_at_once(std::uint32_t starts) { starts_at_once_ = starts; }

    // Views.
    [[nodiscard]] ChildIndex root() const;
    [[nodiscard]] ChildIndex next_in_tree(ChildIndex child) const;  ///< pre-order; 0 at the end
    /// A supervisor's children in start order: the one behind `after`, the first behind `no_child`; `no_child` at the end.
    [[nodiscard]] ChildIndex next_among(ChildIndex supervisor, ChildIndex after) const;
    [[nodiscard]] bool contains(ChildIndex child) const;
    /// Whether this incarnation's process is there or about to be, as far as its end has not been told.
    [[nodiscard]] bool has_process(ChildIndex child, std::uint32_t generation) const;
    [[nodiscard]] ChildView view(ChildIndex child, Instant now) const;
    /// Also of one that is removed for now; empty where there is no such entry any more.
    [[nodiscard]] std::string_view path(ChildIndex child) const;
    /// By full path, or by a short form (a suffix of whole path elements) where it is unique; 0 where there is none.
    [[nodiscard]] ChildIndex find(std::string_view name) const;
    [[nodiscard]] ChildCount count_children(ChildIndex supervisor) const;
    /// Whether an index that a deadline names is one of a command that waits.
    [[nodiscard]] bool is_postponed(std::uint32_t number) const;
    /// The entry as it would be given again: what `get_childspec` answers.
    [[nodiscard]] ChildSpec spec_of(ChildIndex child) const;
    /// A supervisor's own part of it: no children, no template.
    [[nodiscard]] SupervisorSpec flags_of(ChildIndex supervisor) const;
    /// Links and requirements that configuration says, the entry's own first, each kind in the order in which it was given.
    [[nodiscard]] std::vector<OrderView> orders_of(ChildIndex child) const;
    /// How many ends an entry has had, and one of the last: 0 is the newest. No note where that is not kept (any more).
    [[nodiscard]] std::uint64_t exits_total(ChildIndex child) const;
    [[nodiscard]] ExitView exit_of(ChildIndex child, std::uint32_t back) const;
    /// The encoded LaunchSpec of a process entry.
    [[nodiscard]] std::string_view launch(ChildIndex child) const;
    /// What the client is asked to run; nothing in it where the entry is none of a client's.
    [[nodiscard]] TaskSpec task(ChildIndex child) const;
    /// The tasks that a session runs, the youngest first.
    [[nodiscard]] std::vector<ChildIndex> tasks_of(SessionIndex session) const;
    /// The Device that offered to start the task that runs, or ran last.
    [[nodiscard]] DeviceId starter(ChildIndex child) const { return children_[child].starter; }

    void save(ImageWriter& image) const;
    /// False for bytes that no `save` wrote; indexes and enumerators are checked, as the bytes may be hostile.
    bool load(ImageReader& image);

  private:
    /// How an incarnation ended, for the decision on what follows.
    struct Ending {
        FaultRecord fault{};
        ExitClass exit_class = ExitClass::normal;
        bool start_failure = false;
        bool completed = false;                   ///< it did its work before it was ready (S-9)
        bool ignored = false;                     ///< completed: its client declined to start it (S-28)
        bool shutdown_error = false;              ///< it was asked to stop and ended badly (S-37)
        bool of_process = false;                  ///< a process ended; `last_how` and `last_status` say how
        std::string_view words{};                 ///< its last ones (X-10)
        RestartWish wish = RestartWish::by_type;  ///< what its exit policy says (X-7)
    };
    struct Made {
        ChildIndex child = no_child;
        const ChildSpec* spec = nullptr;
    };

    // the tree (supervision_tree.cpp)
    [[nodiscard]] ChildIndex take_entry();
    [[nodiscard]] std::uint32_t take_team();
    [[nodiscard]] std::uint32_t take_limit();
    void describe(Child& child, const ChildSpec& spec);
    void describe_team(Team& team, const SupervisorSpec& spec);
    ChildIndex make_entry(const ChildSpec& spec, ChildIndex supervisor, std::vector<Made>& made);
    void make_team(ChildIndex child, const SupervisorSpec& spec, std::vector<Made>& made);
    void append(ChildIndex child);
    void detach(ChildIndex child);
    [[nodiscard]] bool settle_names(const std::vector<Made>& made);
    [[nodiscard]] bool reserve(ChildIndex child);
    void unreserve(ChildIndex child);
    void free_entry(Step* step, ChildIndex child);
    void free_subtree(Step* step, ChildIndex child);
    void remove_child(Step& step, ChildIndex child);
    void mark_removed(ChildIndex child, bool removed);
    [[nodiscard]] ChildIndex next_below(ChildIndex top, ChildIndex child) const;
    [[nodiscard]] std::string path_below(ChildIndex supervisor, std::string_view name) const;
    [[nodiscard]] ChildIndex entry_of(ChildIndex supervisor, std::string_view name) const;
    [[nodiscard]] ChildIndex sibling(ChildIndex supervisor, std::string_view name) const;

    // a new configuration (supervision_reload.cpp)
    struct Comparison {
        std::vector<std::string> paths;  ///< of all that there would be, in order
        std::vector<Change> changes;
        std::string wrong;  ///< the path of what cannot be
    };
    struct Merge {
        std::vector<Made> named;          ///< every entry of the new configuration
        std::vector<ChildIndex> fresh;    ///< those that were not there before, topmost only
        std::vector<ChildIndex> missing;  ///< those that are there and not in it, topmost only
        bool start_new = false, remove_missing = false;
    };
    [[nodiscard]] static std::string flags_text(const SupervisorSpec& spec);
    [[nodiscard]] static ChildSpec alone(const ChildSpec& spec);
    [[nodiscard]] static std::string meant_path(const std::vector<std::string>& paths, std::string_view prefix, const std::string& to);
    static void list_paths(const SupervisorSpec& spec, const std::string& prefix, std::vector<std::string>& paths);
    [[nodiscard]] static bool orders_lead(const SupervisorSpec& spec, const std::string& prefix, Comparison& found);
    [[nodiscard]] Comparison compare_all(const SupervisorSpec& spec) const;
    void compare(ChildIndex supervisor, const SupervisorSpec& spec, const std::string& prefix, Comparison& found) const;
    void compare_child(ChildIndex child, const ChildSpec& spec, const std::string& path, const std::string& prefix,
                       Comparison& found) const;
    void merge_team(ChildIndex supervisor, const SupervisorSpec& spec, Merge& merge);
    [[nodiscard]] ChildIndex merge_child(ChildIndex supervisor, const ChildSpec& spec, Merge& merge);
    void order_row(ChildIndex supervisor, const std::vector<ChildIndex>& row);
    void set_down(ChildIndex child);
    void remove_missing(Step& step, ChildIndex child);

    // the agenda, and small questions (supervision.cpp)
    void settle(Step& step);
    void advance(Step& step, ChildIndex supervisor);
    void set_state(Step& step, Child& child, ChildState state);
    Record& log(Step& step, RecordKind kind, ChildIndex child);
    Record& log_end(Step& step, RecordKind kind, ChildIndex child, const Ending& ending);
    [[nodiscard]] Team& team_of(ChildIndex child) { return teams_[children_[child].team]; }
    [[nodiscard]] const Team& team_of(ChildIndex child) const { return teams_[children_[child].team]; }
    [[nodiscard]] bool is_current(ChildIndex child, std::uint32_t generation) const;
    [[nodiscard]] bool is_gone(ChildIndex child) const;
    [[nodiscard]] bool is_under_way(ChildIndex child) const;
    [[nodiscard]] bool is_frozen(ChildIndex supervisor) const;
    [[nodiscard]] bool is_wanted(ChildIndex child) const;
    void life_due(Step& step, ChildIndex child, DeadlineKind kind);
    void show_root(Step& step);

    // starting (supervision_start.cpp)
    void want_start(Step& step, ChildIndex child, Attempt attempt);
    void try_begin(Step& step, ChildIndex child);
    void begin_start(Step& step, ChildIndex child);
    void begin_team(Step& step, ChildIndex child);
    void started(Step& step, ChildIndex child);
    [[nodiscard]] bool is_manual(ChildIndex i) const;
    void note_started(Step& step, ChildIndex child);
    void spawned_well(Step& step, ChildIndex child);
    void ready_after_delay(Step& step, ChildIndex child);
    void drop_wish(Child& child);

    // what a start waits for (supervision_gate.cpp)
    [[nodiscard]] ChildIndex missing(ChildIndex child) const;
    [[nodiscard]] bool is_up(ChildIndex child) const;
    [[nodiscard]] bool pass_gate(Step& step, ChildIndex child);
    void block(Step& step, ChildIndex child, ChildIndex on);
    void wake_dependants(Step& step, ChildIndex child);
    void unblock(Step& step, ChildIndex child);
    [[nodiscard]] bool comes_with_group(ChildIndex on, ChildIndex child) const;
    void freeze_dependants(Step& step, ChildIndex child);
    [[nodiscard]] bool take_slot(Step& step, ChildIndex child);
    [[nodiscard]] bool needs_token(const Child& child) const;
    [[nodiscard]] bool has_token(Step& step, const Child& child);
    void free_slot(Step& step, ChildIndex child);
    void serve_slots(Step& step);
    [[nodiscard]] Waits waits_of(ChildIndex child, ChildIndex& whom) const;

    // groups (supervision_group.cpp)
    [[nodiscard]] bool has_groups(ChildIndex supervisor) const;
    [[nodiscard]] bool in_group(ChildIndex child) const;
    void begin_group(Step& step, ChildIndex child);
    void advance_group(Step& step, ChildIndex supervisor);
    [[nodiscard]] bool advance_down(Step& step, ChildIndex supervisor);
    [[nodiscard]] bool is_parked(ChildIndex child) const;
    [[nodiscard]] bool is_group_held(ChildIndex supervisor) const;
    [[nodiscard]] bool is_group_delayed(ChildIndex supervisor) const;
    [[nodiscard]] bool advance_member(Step& step, ChildIndex supervisor);
    [[nodiscard]] bool begin_member(Step& step, ChildIndex supervisor);
    void begin_others(Step& step, ChildIndex child);
    void stop_for_group(Step& step, ChildIndex child);
    void park(Step& step, ChildIndex child);
    void lay_aside(Step& step, ChildIndex supervisor);
    void unpark(ChildIndex child);
    void leave_group(ChildIndex child);

    // stopping (supervision_stop.cpp)
    void stop_child(Step& step, ChildIndex child);
    void stop_team(Step& step, ChildIndex supervisor, TeamEnd end);
    void end_process(Step& step, ChildIndex child, StopCause cause, bool patient);
    void send_stop(Step& step, ChildIndex child);
    void send_signal(Step& step, ChildIndex child, std::int32_t signal, bool whole);
    void send_abort(Step& step, ChildIndex child);
    void kill(Step& step, ChildIndex child, bool brutal);
    void make_harsh(Step& step, ChildIndex supervisor, std::uint8_t harsh);
    void shorten_grace(Step& step, ChildIndex child);
    [[nodiscard]] Duration grace_of(const Child& child) const;
    [[nodiscard]] bool has_drain(const Child& child) const;
    void begin_drain(Step& step, ChildIndex i);
    [[nodiscard]] Duration drain_of(const Child& child) const;
    [[nodiscard]] Duration patience_of(const Child& child) const;
    void advance_stop(Step& step, ChildIndex supervisor);
    void stop_at_once(Step& step, ChildIndex supervisor);
    void team_down(Step& step, ChildIndex supervisor);
    [[nodiscard]] Ending team_ending(ChildIndex supervisor);
    void show_stopping(Step& step, Child& child);

    // ends and what follows (supervision_restart.cpp)
    [[nodiscard]] Ending judge(ChildIndex child, ExitHow how, std::int32_t status);
    void take_end(Step& step, ChildIndex child, Ending ending);
    void over(Step& step, ChildIndex child, const Ending& ending);
    void stay_down(Step& step, ChildIndex child, const Ending& ending, bool decided);
    void settled(Step& step, ChildIndex child);
    void came_down(Step& step, ChildIndex child);
    void await_group(Step& step, ChildIndex child);
    [[nodiscard]] bool is_retried(const Child& child, const Ending& ending) const;
    void count_restart(Step& step, ChildIndex child, const Ending& ending);
    void go_on(Step& step, ChildIndex child);
    void schedule(Step& step, ChildIndex child);
    [[nodiscard]] bool breaks_own_limit(Step& step, ChildIndex child, const Ending& ending, DeviceId root);
    void give_up(Step& step, ChildIndex child, const Ending& ending, std::uint32_t count);
    void start_failed(Step& step, ChildIndex child);
    [[nodiscard]] bool is_dynamic(ChildIndex child) const;
    void release(Step& step, ChildIndex child, Attempt attempt);
    void weigh_significant(Step& step, ChildIndex child);
    [[nodiscard]] bool is_active(const Child& child) const;
    [[nodiscard]] Duration backoff_delay(const Child& child);
    [[nodiscard]] std::uint64_t random();
    void keep_fault(FaultRecord& kept, const FaultRecord& fault);
    [[nodiscard]] ExitPolicy policy_of(const Child& child) const;

    // the last exits (supervision_exits.cpp)
    void note_exit(const Step& step, ChildIndex child, const Ending& ending);
    void free_history(Child& child);
    [[nodiscard]] bool histories_hold() const;

    // programs that speak (supervision_program.cpp)
    void settle_over(Step& step, ChildIndex child);
    void watch_due(Step& step, ChildIndex child);
    [[nodiscard]] bool fall(Step& step, ChildIndex child, const FaultRecord& cascade);
    void fall_all(Step& step, ChildIndex child, const FaultRecord& cascade);
    void fall_told(Step& step);
    void fall_dependants(Step& step, ChildIndex child, std::vector<ChildIndex>& fallen);
    void announce(Step& step, ChildIndex child, const FaultRecord& fault);

    // tasks of a client (supervision_task.cpp)
    [[nodiscard]] std::int32_t pid_of(const Child& child) const;
    [[nodiscard]] DeviceId find_starter(ChildIndex child) const;
    void await_starter(ChildIndex child);
    void begin_task(Step& step, ChildIndex child);
    void leave_client(ChildIndex child);
    void end_task(Step& step, ChildIndex child);
    void finish_task(Step& step, ChildIndex child, Ending ending);
    void withdraw_task(Step& step, ChildIndex child, const FaultRecord& fault, StopCause cause);
    void end_withdrawn_tasks(Step& step);
    [[nodiscard]] DeviceId cause_of_end(SessionIndex session, ChildIndex first) const;
    void kill_task(Step& step, ChildIndex child);
    [[nodiscard]] bool tasks_hold() const;

    // commands (supervision_command.cpp)
    [[nodiscard]] ErrorCode may_start(ChildIndex child) const;
    [[nodiscard]] bool is_ahead(ChildIndex child) const;
    void carry_out(Step& step, Verb verb, const Waiter& waiter, bool wait);
    void command_start(Step& step, const Waiter& waiter, bool wait, bool now);
    void command_stop(Step& step, const Waiter& waiter, bool wait);
    void command_restart(Step& step, const Waiter& waiter, bool wait);
    void command_remove(Step& step, const Waiter& waiter);
    void command_enable(Step& step, const Waiter& waiter, bool wait);
    void command_disable(Step& step, const Waiter& waiter, bool wait);
    void stop_by_command(Step& step, ChildIndex child);
    void command_again(Step& step, Verb verb, const Waiter& waiter, bool wait);
    void wait_or_answer(Step& step, const Waiter& waiter, bool wait);
    void answer_well(Step& step, const Waiter& waiter);
    void answer_waiters(Step& step, ChildIndex child, bool wants_down, ErrorCode code);
    void start_by_command(Step& step, ChildIndex child);

    // the operator's hand on many (supervision_manage.cpp)
    void set_held(ChildIndex i, bool held);
    void hold(Step& step, ChildIndex child);
    void let_go(Step& step, ChildIndex child);
    void reset(Step& step, ChildIndex child);
    template <class What>
    void each_meant(ChildIndex child, What what);
    void carry_out_add(Step& step, const Event& event);
    void add_again(Step& step, const Event& event, ChildIndex known);
    [[nodiscard]] ErrorCode name_new(ChildIndex supervisor, NewChild& added, ChildSpec& spec);
    void join(Step& step, ChildIndex child);
    [[nodiscard]] bool must_wait(ChildIndex supervisor) const;
    [[nodiscard]] bool postpone(Step& step, const Event& event, ChildIndex supervisor);
    void serve_postponed(Step& step, ChildIndex supervisor);
    void postponed_due(Step& step, std::uint32_t number);
    void refuse_postponed(Step& step, ChildIndex supervisor, ErrorCode code);

    // standing orders (supervision_links.cpp)
    [[nodiscard]] bool add_orders(ChildIndex child, const ChildSpec& spec);
    void add_order(const Order& order);
    void remove_orders(ChildIndex child);
    void remove_orders_from(ChildIndex child);
    void free_order(std::uint32_t gone);
    void unlink_order(std::uint32_t& head, std::uint32_t Order::*next, std::uint32_t gone);
    [[nodiscard]] ChildIndex resolve(ChildIndex child, std::string_view to) const;
    void lay_own(Step& step, ChildIndex child);
    void lay_others(Step& step, ChildIndex child);

    // views (supervision_spec.cpp)
    void spec_of_limits(const Child& child, ChildSpec& spec) const;
    void spec_of_orders(const Child& child, ChildSpec& spec) const;
    [[nodiscard]] SupervisorSpec spec_of_team(ChildIndex child) const;

    // image (supervision_image.cpp)
    [[nodiscard]] bool numbers_hold() const;
    [[nodiscard]] bool child_holds(const Child& child) const;
    [[nodiscard]] bool team_holds(std::size_t team) const;
    [[nodiscard]] bool orders_hold() const;
    [[nodiscard]] bool tree_holds() const;
    [[nodiscard]] bool row_holds(ChildIndex child) const;
    [[nodiscard]] bool free_lists_hold() const;
    [[nodiscard]] bool limits_hold() const;
    void derive();

    Graph& graph_;
    Deadlines& deadlines_;
    Texts& texts_;
    // The state.
    std::vector<Child> children_;         ///< entry 0 is none, entry 1 the root
    std::vector<Team> teams_;             ///< entry 0 is none
    std::vector<RestartWindow> windows_;  ///< of the team with the same number
    std::vector<RestartWindow> limits_;   ///< of children with a limit of their own; entry 0 is none
    std::vector<Order> orders_;           ///< entry 0 is none
    std::vector<Waiter> waiters_;
    std::vector<Postponed> postponed_;  ///< in the order in which they came
    std::vector<ChildIndex> tasks_;     ///< by session: the one of its tasks that was started last
    TokenBucket bucket_;
    DeviceId client_left_{};                   ///< within `client_gone`: what ends now ends for that
    std::vector<ChildIndex> starter_waiters_;  ///< who waits for somebody that starts it
    std::vector<ChildIndex> slot_queue_;       ///< who waits for a slot, from `slot_first_` on; those no longer `queued` are passed over
    std::vector<std::uint32_t> free_limits_;
    std::vector<ExitHistory> histories_;  ///< entry 0 is none
    std::vector<std::uint32_t> free_histories_;
    std::uint64_t random_ = 0;
    ChildIndex root_ = no_child;
    std::uint32_t urgency_ = 0;  ///< T-13
    std::uint32_t closing_ = 0;  ///< the daemon stops: nothing is started any more
    std::uint32_t wants_exit_ = 0;
    std::uint32_t free_child_ = 0, free_team_ = 0, free_order_ = 0;
    std::uint32_t next_postponed_ = 0;
    // Derived, or empty between calls.
    std::uint32_t starts_at_once_ = 64;  ///< one of the engine's limits
    std::uint32_t slots_used_ = 0;
    std::size_t slot_first_ = 0;
    std::vector<ChildIndex> agenda_;
};

}  // namespace backplane::core
