// SPDX-License-Identifier: Apache-2.0
/// What the rules of supervision say must happen, entry by entry and step by step: the model that the daemon is held against.
///
/// It is stepped after the daemon, with the same input, and writes down which log events, effects, notices and answers that
/// step must have brought; whatever is missing or too much is wrong. Two things are the daemon's choice and are taken from
/// what it did: fresh ids (which must be new), and the jitter of a backoff (which must be within its bounds).
#pragma once

#include "daemon/session/hub.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace backplane::sim {

using core::ChildIndex;
using core::ChildState;

enum class Body : std::uint8_t { none, spawning, alive, draining };                           ///< draining: dead, its group not empty (P-4)
enum class Attempt : std::uint8_t { none, first, restart, command };                          ///< for whom it is started
enum class Cause : std::uint8_t { none, asked, line, start_timeout, doomed, left, dropped };  ///< the first reason of an end
enum class Stage : std::uint8_t { none, wanted, patient, signalled, killed };                 ///< how far a stop has come
enum class Part : std::uint8_t { down, starting, up, stopping };                              ///< of a supervisor
enum class Why : std::uint8_t { asked, gave_up, child_failed, start_timeout };                ///< a supervisor goes down
enum class Tick : std::uint8_t { none, start, stop, overdue, backoff, settle };

struct Timer {
    Instant at = Instant::never();
    std::uint64_t order = 0;
    Tick kind = Tick::none;
};

struct Entry {
    core::ChildSpec spec;
    std::string path;
    ChildIndex parent = 0;
    std::vector<ChildIndex> children;
    std::vector<std::pair<ChildIndex, LinkMode>> orders, orders_to;  ///< standing links from here and to here
    // A supervisor's part.
    Part part = Part::down;
    Why why = Why::asked;
    std::size_t cursor = 0;
    bool begun = false, manual = false;
    int harsh = 0;
    ChildIndex offender = 0;
    std::vector<Instant> window;
    std::set<DeviceId> roots;
    // Across incarnations.
    ChildState state = ChildState::down;
    bool removed = false, ever = false, reached = false, skip = false, failed = false, remove = false, then_start = false;
    bool excused = false;  ///< an operator had the last word on whether it runs
    std::uint32_t generation = 0, failures = 0;
    std::uint64_t restarts = 0;
    DeviceId device, last_device, last_root;
    Fault last_fault;
    core::ExitClass last_class = core::ExitClass::normal;
    // This incarnation.
    Attempt attempt = Attempt::none;
    Body body = Body::none;
    bool ready = false, early = false, asked = false, adopted = false, told = false, brutal = false, term_sent = false;
    bool managed = false, by_program = false;
    Cause cause = Cause::none;
    Stage stage = Stage::none;
    std::vector<Fault> cascades;  ///< doomed: any of these, told in one step, may have been the first (D-8, W-8)
    std::uint64_t doomed_in = 0;
    Fault told_fault;
    Instant ready_at;
    std::int32_t pid = 0;
    Timer life, backoff, settle;
    std::uint64_t name_ups = 0;
};

/// P-6.
inline constexpr Duration kill_patience = Duration::seconds(10);

/// A notice that some peer must be told in this step.
struct OwedNotice {
    std::uint32_t peer = 0;
    std::string words;
    std::string or_words = {};  ///< as good
};
struct OwedAnswer {
    std::uint32_t peer = 0;
    std::uint64_t request = 0;
    ErrorCode code = ErrorCode::ok;
    std::string detail;  ///< checked where it is not empty
};
struct Task {
    std::uint32_t peer = 0;
    DeviceId id;
};

class TreeModel {
  public:
    TreeModel(const core::SupervisorSpec& tree, session::Hub& hub, std::uint64_t forget_each);

    // ---- one step: begin_step, one input, end_step ----------------------------------------------------------------------
    /// `stepped`: the call came as far as the core; what is due fires only there.
    void begin_step(Instant now, bool stepped, std::vector<wire::Event> events, const std::vector<core::Effect>& effects);
    void end_step();
    [[nodiscard]] const std::string& wrong() const { return wrong_; }

    // ---- inputs ---------------------------------------------------------------------------------------------------------
    void configure() { begin(1, Attempt::first); }
    void spawned(ChildIndex i, std::uint32_t generation, std::int32_t pid);
    void spawn_failed(ChildIndex i, std::uint32_t generation);
    void ready(ChildIndex i, std::uint32_t generation);
    void exited(ChildIndex i, std::uint32_t generation, core::ExitHow how, std::int32_t status);
    void group_empty(ChildIndex i, std::uint32_t generation);
    void adopted(ChildIndex i, std::uint32_t generation, std::uint32_t peer);
    void socket_ended(ChildIndex i, std::uint32_t generation, bool said_bye);
    void said_goodbye(ChildIndex i, std::uint32_t generation, const Fault& fault);
    void manage(ChildIndex i, std::uint32_t generation, bool on);
    void command(std::uint32_t peer, core::Verb verb, ChildIndex i, bool wait, std::uint64_t request);
    void shutdown_request(DeviceId from, ChildIndex i);
    void create(std::uint32_t peer, DeviceId id);
    void link(std::uint32_t peer, DeviceId from, DeviceId to, LinkMode mode);
    void unlink(DeviceId from, DeviceId to, LinkMode mode);
    void end_task(DeviceId id, const Fault& fault);
    void forget_peer(std::uint32_t peer);  ///< its connection ended; its tasks drop with `drop_tasks`
    void drop_tasks(std::uint32_t peer);
    void terminate();

    // ---- what it knows ----------------------------------------------------------------------------------------------------
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
    [[nodiscard]] bool is_live(DeviceId id) const { return live_.contains(id); }
    [[nodiscard]] ChildIndex entry_of(DeviceId id) const;
    [[nodiscard]] bool is_below(ChildIndex i, ChildIndex top) const;
    [[nodiscard]] const std::vector<Task>& tasks() const { return tasks_; }
    [[nodiscard]] bool halted() const { return halted_; }
    [[nodiscard]] bool terminating() const { return urgency_ >= 0; }
    std::vector<OwedNotice> notices;  ///< to be told in this step; the history takes them away
    std::vector<OwedAnswer> answers;
    /// Everything that is meant to run runs, or there is a reason why not (section 10). Empty, or what does not.
    [[nodiscard]] std::string unrest() const;
    void note_wrong(const std::string& what) {
        if (wrong_.empty()) {
            wrong_ = what;
        }
    }
    [[nodiscard]] std::string notice_words(DeviceId to, DeviceId about, const Fault& fault) const;

  private:
    struct Verdict {
        Fault fault;
        core::ExitClass exit_class = core::ExitClass::normal;
        bool start_failure = false, shutdown_error = false;
    };
    struct Waiter {
        std::uint32_t peer = 0;
        std::uint64_t request = 0;
        ChildIndex child = 0;
        bool wants_down = false;
    };
    /// A command that waits for its supervisor's step to end (S-58).
    struct Postponed {
        std::uint32_t peer = 0;
        core::Verb verb = core::Verb::start;
        ChildIndex child = 0;
        bool wait = false;
        std::uint64_t request = 0;
    };
    [[nodiscard]] Entry& at(ChildIndex i) { return entries_[i]; }
    void add(const core::ChildSpec& spec, ChildIndex parent);
    void lay_orders();

    // expectations (tree_model.cpp)
    void expect(std::string_view event, ChildIndex i, const std::string& fields = {});
    void expect_effect(core::EffectKind kind, ChildIndex i, std::int32_t argument);
    [[nodiscard]] const wire::Event* told_of(std::string_view event, ChildIndex i) const;
    [[nodiscard]] std::string reason(const char* key, const Fault& fault, core::ExitClass exit_class) const;
    void compare_state();
    void fire(Instant now);
    void fire_one(ChildIndex i, Tick kind);
    void set(Timer& timer, Duration delay, Tick kind);

    // starting and stopping (tree_model_life.cpp)
    [[nodiscard]] DeviceId new_device_of(ChildIndex i) const;
    void begin(ChildIndex i, Attempt attempt);
    [[nodiscard]] bool starts_by_hand(ChildIndex s) const;
    void started(ChildIndex i);
    bool advance_start(ChildIndex i);
    bool advance_stop(ChildIndex i);
    void advance();
    void stop_child(ChildIndex i);
    void stop_team(ChildIndex i, Why why);
    void end_process(ChildIndex i, Cause cause, bool patient);
    void send_stop(ChildIndex i);
    void kill(ChildIndex i, bool brutal);
    void make_harsh(ChildIndex i, int harsh);
    void team_down(ChildIndex i);
    [[nodiscard]] Duration grace(const Entry& e) const;
    void show_stopping(Entry& e);
    [[nodiscard]] bool is_gone(ChildIndex i) const;
    [[nodiscard]] bool is_frozen(ChildIndex i) const;
    [[nodiscard]] bool is_current(ChildIndex i, std::uint32_t generation) const;
    [[nodiscard]] ErrorCode may_start(ChildIndex i) const;
    void answer_waiters(ChildIndex i, bool wants_down, ErrorCode code);
    [[nodiscard]] bool is_ahead(ChildIndex i) const;
    void carry_out(const Postponed& command);
    void serve_postponed(ChildIndex supervisor);
    void refuse_postponed(ChildIndex supervisor);
    void go_down();

    // ends (tree_model_ends.cpp)
    [[nodiscard]] Verdict judge(const Entry& e, core::ExitHow how, std::int32_t status);
    [[nodiscard]] Fault resolve_cascade(ChildIndex i);
    void take_end(ChildIndex i, const Verdict& verdict);
    void over(ChildIndex i, const Verdict& verdict);
    void count_restart(ChildIndex i, const Verdict& verdict);
    void schedule(ChildIndex i);
    void settled(ChildIndex i);
    void try_attempt(ChildIndex i);
    void announce(ChildIndex i, const Fault& fault);
    void end_device(DeviceId id, const Fault& fault);
    void doom(ChildIndex i, const Fault& cascade);
    void fall_dependants(ChildIndex i, const Fault& own);
    void add_edge(DeviceId watcher, DeviceId target);
    void owe(std::uint32_t peer, std::string words);

    session::Hub& hub_;
    Epoch epoch_;
    std::uint64_t forget_each_, forget_count_ = 0;
    Instant now_{};
    std::uint64_t step_ = 0, timer_order_ = 0;
    std::vector<Entry> entries_{Entry{}};
    std::vector<wire::Event> events_;
    std::vector<std::string> got_, expected_;
    std::set<DeviceId> live_, ids_;  ///< ids_: all that were ever seen
    std::map<DeviceId, Fault> dead_;
    std::vector<std::pair<DeviceId, DeviceId>> edges_;  ///< target, watcher; in order of creation
    std::vector<std::pair<ChildIndex, Fault>> dooms_;   ///< to be carried out at the end of the step
    bool late_dooms_ = false;
    std::vector<Task> tasks_;
    std::map<DeviceId, std::uint32_t> speakers_;  ///< adopted Devices and their peers
    std::vector<Waiter> waiters_;
    std::vector<Postponed> postponed_;
    int urgency_ = -1;
    bool tasks_asked_ = false, halted_ = false;
    Timer task_grace_;
    std::string wrong_;
};

}  // namespace backplane::sim
