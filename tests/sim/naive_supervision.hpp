// SPDX-License-Identifier: Apache-2.0
/// The rules of supervision written down as plainly as possible (sections 8 to 10): a list of children for each supervisor, a list of
/// instants for each window, and after each event the question, asked of everybody again and again until nobody has anything to do:
/// what is the one next thing that this supervisor may do, and may this wish to start be granted now?
///
/// It is stepped after the core with the same event. Some things are the core's choice and are taken from what it said: the number of a
/// new entry, a task's Device, which of two tasks is started first within one step, and the jitter of a backoff (which must be within its
/// bounds). Links between children are left to the model of trees.
#pragma once

#include "daemon/core/engine.hpp"
#include "daemon/core/exit_verdict.hpp"

#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace backplane::sim {

/// In the place of a child where there is none: it comes behind all.
inline constexpr int nobody = std::numeric_limits<int>::max();

/// What a supervisor's children are about in its operation.
enum class Turn : std::uint8_t { todo, now, over };

struct Kid {
    core::ChildSpec spec;
    std::string path;
    int parent = -1;
    std::vector<int> kids;  ///< in start order, those that were removed included
    core::ChildIndex index = 0;
    bool added = false, removed = false, freed = false;
    // What it is about.
    core::ChildState state = core::ChildState::down;
    core::DownReason reason = core::DownReason::none;
    core::Attempt attempt = core::Attempt::none;
    bool wish = false;  ///< a start is wanted
    bool disabled = false, held = false, regroup = false, skip = false, reached = false, was_up = false, ever = false, fresh = false;
    bool remove = false, then_start = false;
    std::uint32_t generation = 0, failures = 0;
    std::uint64_t restarts = 0;
    std::vector<Instant> window;  ///< of its own limit
    // This incarnation.
    core::Body body = core::Body::none;
    core::StopStage stage = core::StopStage::none;
    bool ready = false, early = false, asked = false, late_start = false;
    Instant ready_at;
    Duration frozen{};  ///< what is left of a backoff that stands still
    // A supervisor's part.
    core::TeamState team = core::TeamState::down;
    core::TeamEnd end = core::TeamEnd::asked;
    core::GroupPhase op = core::GroupPhase::none;
    int from = 0, parked = -1;
    Turn turn = Turn::todo;  ///< its own, in its supervisor's operation
    bool manual = false, lingering = false;
    int harsh = 0;
    std::vector<Instant> events;     ///< its window
    std::set<std::uint64_t> causes;  ///< clients whose end is counted there (S-29)
    std::uint64_t next_key = 0;
    // A task's part.
    core::SessionIndex client = core::daemon_session;  ///< who runs it
    DeviceId device;
    [[nodiscard]] const core::SupervisorSpec& sup() const { return spec.supervisor.front(); }
};

/// One thing that a step is to have brought.
struct Deed {
    int parent = 0;  ///< deeds of one supervisor have an order
    core::EffectKind kind{};
    core::ChildIndex child = 0;
    std::uint32_t generation = 0;
    std::int32_t argument = 0;
    auto operator<=>(const Deed&) const = default;
};
/// One thing that a client is to be asked, or told, of a task.
struct Owing {
    int parent = 0;
    core::SessionIndex client = core::daemon_session;
    core::Owed kind{};
    core::ChildIndex child = 0;
    std::uint32_t generation = 0;
    auto operator<=>(const Owing&) const = default;
};
struct Said {
    core::RecordKind kind{};
    std::string path;
    std::int64_t number = 0;  ///< of a window, or the class of an end
    auto operator<=>(const Said&) const = default;
};
struct Answered {
    std::uint64_t request = 0;
    ErrorCode code{};
    auto operator<=>(const Answered&) const = default;
};

class NaiveSupervision {
  public:
    explicit NaiveSupervision(const core::SupervisorSpec& tree);

    /// The same step. `told`: what the core made of it.
    void step(Instant now, const core::Event& event, const core::Effects& told);
    /// Empty, or the first thing in which the core differs after that step. `owed`: what it has put on the lists of its clients, with
    /// the core's number for each entry.
    [[nodiscard]] std::string compare(Instant now, const core::Engine& engine, const core::Effects& told, const std::vector<Owing>& owed);
    [[nodiscard]] const std::vector<Kid>& kids() const { return kids_; }
    [[nodiscard]] int kid_at(core::ChildIndex index) const;
    std::uint64_t forget_each = 0;  ///< the planted bug: each so many restarts are not counted

  private:
    enum class Tick : std::uint8_t { life, backoff, ready, cooldown, postponed };
    struct Timer {
        Instant at;
        std::uint64_t order = 0;
        Tick tick{};
        int kid = 0;
        std::uint64_t request = 0;
    };
    struct Ending {
        core::ExitClass exit_class = core::ExitClass::normal;
        bool failed_start = false, completed = false, ignored = false;
        core::RestartWish wish = core::RestartWish::by_type;
    };
    struct Command {
        core::EventKind kind{};
        core::Verb verb{};
        int kid = 0;
        bool wait = false;
        std::uint64_t request = 0;
        std::string text;
    };
    struct Waiter {
        int kid = 0;
        bool wants_down = false;
        std::uint64_t request = 0;
    };
    /// A session that may offer start functions.
    struct Client {
        bool open = false;
        std::uint64_t number = 0;  ///< no other was ever this one
        std::vector<int> tasks;    ///< in the order in which they were started
    };
    struct Offer {
        core::SessionIndex client = core::daemon_session;
        DeviceId device;
    };
    Kid& at(int k) { return kids_[static_cast<std::size_t>(k)]; }
    [[nodiscard]] const Kid& at(int k) const { return kids_[static_cast<std::size_t>(k)]; }
    int make(const core::ChildSpec& spec, int parent);
    // questions
    [[nodiscard]] bool gone(int k) const;
    [[nodiscard]] bool frozen(int s) const;
    [[nodiscard]] bool groups(int s) const;
    [[nodiscard]] bool in_group(int k) const;
    [[nodiscard]] bool ahead(int k) const;
    [[nodiscard]] int current(int s) const;
    [[nodiscard]] bool missing(const Kid& kid) const;
    [[nodiscard]] bool dynamic(int k) const { return at(k).parent >= 0 && at(at(k).parent).sup().strategy == core::Strategy::dynamic; }
    [[nodiscard]] bool parked(int k) const;
    [[nodiscard]] bool busy(int s) const;
    [[nodiscard]] bool holds(int s) const;
    // time
    void set(Tick tick, int k, Duration delay, std::uint64_t request = 0);
    void cancel(Tick tick, int k);
    [[nodiscard]] const Timer* timer(Tick tick, int k) const;
    void fire(const Timer& due);
    // what happens
    void take(const core::Event& event);
    void settle();
    bool move(int s);
    bool move_down(int s);
    bool move_up(int s);
    bool move_stop(int s);
    bool grant(int k);
    void begin(int k);
    void begin_team(int k);
    void want(int k, core::Attempt attempt);
    [[nodiscard]] bool is_manual(int k) const;
    void note_started(int k);
    void started(int k);
    void wake(int k);
    void spawned(int k);
    void exited(int k, core::ExitHow how, std::int32_t status);
    void end(int k, const Ending& ending);
    void over(int k, const Ending& ending);
    void stay_down(int k, const Ending& ending, bool decided);
    void weigh(int k);
    void count(int k);
    bool own_limit(int k);
    void give_up(int k, std::size_t count);
    void schedule(int k);
    void settled(int k);
    void await_group(int k);
    void came_down(int k);
    void begin_group(int k);
    void park(int k);
    void lay_aside(int s);
    void unpark(int k);
    void release(int k, core::Attempt attempt);
    void stop(int k);
    void stop_for_group(int k);
    void stop_team(int s, core::TeamEnd end);
    void team_down(int s);
    void end_process(int k);
    void send_stop(int k);
    void kill(int k);
    void make_harsh(int s, int harsh);
    // tasks
    void take_from_client(const core::Event& event);
    void take_word(const core::Event& event);
    void client_gone(core::SessionIndex client);
    void offer(const core::Event& event);
    void withdraw_offer(const core::Event& event);
    [[nodiscard]] bool is_offered(int k) const;
    void begin_task(int k);
    void ask(core::Owed kind, int k);
    void end_task(int k, bool fault, bool ignored = false);
    void end_withdrawn_tasks();
    void note_order(int k);
    void leave_row(int k);
    void remove(int k);
    void free(int k);
    // commands
    void command(const Command& asked);
    void start_command(const Command& asked);
    void start_now(int k);
    void stop_command(const Command& asked);
    void hand(const Command& asked);
    void restart_command(const Command& asked);
    void remove_command(const Command& asked);
    void disable_command(const Command& asked);
    void forget_failures(int k);
    void let_go(int k);
    void add(const Command& asked);
    [[nodiscard]] ErrorCode may_start(int k) const;
    [[nodiscard]] std::vector<int> below(int k) const;
    bool serve(int s);
    void accept(const Command& asked, bool wants_down);
    void answer(std::uint64_t request, ErrorCode code);
    void answer_all(int k, bool wants_down, ErrorCode code);
    void forget(const Command& waiting, ErrorCode code);
    void refuse(int s, ErrorCode code);
    void deed(core::EffectKind kind, int k, std::int32_t argument);
    void say(core::RecordKind kind, int k, std::int64_t number = 0);
    [[nodiscard]] core::ChildIndex index_told(std::string_view path) const;
    void compare_rows(Instant now, const core::Engine& engine);
    void take_told(const core::Effects& told);
    void take_owed(const std::vector<Owing>& owed);
    [[nodiscard]] std::string compare_kid(Instant now, const Kid& kid, const core::Engine& engine) const;

    std::vector<Kid> kids_;  ///< never used again: a number is a place in time, and so in a row
    std::map<core::ChildIndex, int> by_index_;
    std::vector<Timer> timers_;
    std::vector<int> turns_;  ///< supervisors that got something to do
    std::vector<Waiter> waiters_;
    std::vector<Command> postponed_;
    std::vector<Deed> deeds_, got_deeds_;
    std::vector<Said> said_, got_said_;
    std::vector<Answered> answers_, got_answers_;
    std::vector<Owing> owed_, got_owed_;
    std::map<core::SessionIndex, Client> clients_;
    std::map<std::string, Offer, std::less<>> offers_;
    std::uint64_t clients_met_ = 0;
    std::size_t met_ = 0;     ///< entries that were compared
    std::uint64_t left_ = 0;  ///< the client whose end is being taken in
    const core::Effects* told_ = nullptr;
    Instant now_;
    std::uint64_t order_ = 0, forgotten_ = 0;
    bool closing_ = false;
    std::string wrong_;
};

}  // namespace backplane::sim
