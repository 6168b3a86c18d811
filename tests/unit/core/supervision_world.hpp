// SPDX-License-Identifier: Apache-2.0
/// A scripted world around the engine for tests of supervision: processes that start, obey, ignore or die as told, a
/// clock that moves only when asked to, and the log and the effects as lines of text.
///
/// Two engines run side by side. One goes on; the other is saved and loaded into a fresh one after every step. What they
/// do must be the same to the byte, so every test here is also one of save and load in the middle of it (decision 9).
#pragma once

#include "daemon/core/engine.hpp"
#include "daemon/core/spec.hpp"

#include <backplane/link.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane::core::world {

inline constexpr std::int32_t term = 15;
inline constexpr std::int32_t kill_signal = 9;

// ---- specifications in few words ------------------------------------------------------------------------------------

inline ChildSpec worker(std::string name, RestartType restart = RestartType::permanent) {
    ChildSpec spec;
    spec.name = std::move(name);
    spec.restart = restart;
    spec.launch.exec = {"/bin/worker"};
    return spec;
}

inline SupervisorSpec team(std::vector<ChildSpec> children, std::uint32_t intensity = 5, Duration period = Duration::seconds(5)) {
    SupervisorSpec spec;
    spec.intensity = intensity;
    spec.period = period;
    spec.children = std::move(children);
    return spec;
}

inline ChildSpec supervisor(std::string name, SupervisorSpec nested, RestartType restart = RestartType::permanent) {
    ChildSpec spec;
    spec.name = std::move(name);
    spec.restart = restart;
    spec.is_supervisor = true;
    spec.shutdown_kind = ShutdownKind::infinity;
    spec.start_timeout = Duration::forever();
    spec.supervisor.push_back(std::move(nested));
    return spec;
}

inline ChildSpec no_backoff(ChildSpec spec) {
    spec.backoff.enabled = false;
    return spec;
}

inline ChildSpec managed(ChildSpec spec, std::vector<StandingLink> links) {
    spec.managed = true;
    spec.links = std::move(links);
    return spec;
}

inline ChildSpec notifying(ChildSpec spec, Duration start_timeout = Duration::seconds(5)) {
    spec.readiness = Readiness::notify;
    spec.start_timeout = start_timeout;
    return spec;
}

inline SupervisorSpec with(SupervisorSpec spec, Strategy strategy) {
    spec.strategy = strategy;
    return spec;
}

inline SupervisorSpec rest_for_one(std::vector<ChildSpec> children, std::uint32_t intensity = 9) {
    return with(team(std::move(children), intensity), Strategy::rest_for_one);
}

inline SupervisorSpec one_for_all(std::vector<ChildSpec> children, std::uint32_t intensity = 9) {
    return with(team(std::move(children), intensity), Strategy::one_for_all);
}

/// A dynamic supervisor of this template, which needs no name.
inline SupervisorSpec dynamic(ChildSpec child, std::uint32_t max_children = 0) {
    SupervisorSpec spec = with(team({}, 9), Strategy::dynamic);
    child.name.clear();
    spec.template_child.push_back(std::move(child));
    spec.max_children = max_children;
    return spec;
}

inline ChildSpec requiring(ChildSpec spec, std::vector<std::string> names) {
    spec.requires_up = std::move(names);
    return spec;
}

inline ChildSpec significant(ChildSpec spec) {
    spec.significant = true;
    return spec;
}

inline ChildSpec retained(ChildSpec spec) {
    spec.restart = RestartType::temporary;
    spec.retain = true;
    return spec;
}

inline ChildSpec oneshot(ChildSpec spec) {
    spec.oneshot = true;
    return spec;
}

inline ChildSpec limited(ChildSpec spec, std::uint32_t intensity, OnLimit on_limit, Duration cooldown = Duration::forever()) {
    spec.limit.enabled = true;
    spec.limit.intensity = intensity;
    spec.limit.period = Duration::seconds(5);
    spec.limit.on_limit = on_limit;
    spec.limit.cooldown = cooldown;
    return spec;
}

inline ChildSpec watched(ChildSpec spec, Duration watchdog) {
    spec.watchdog = watchdog;
    return spec;
}

// ---- the world ----------------------------------------------------------------------------------------------------------

/// How a program answers SIGTERM.
struct Manners {
    enum class On { dies, exits, ignores } on = On::dies;
    std::int32_t code = 0;
};

class World {
  public:
    explicit World(const SupervisorSpec& root, std::uint64_t seed = 7, std::uint32_t starts_at_once = 64) {
        EngineLimits limits;
        limits.starts_at_once = starts_at_once;
        feed(Event::boot(Epoch{0xabc}, seed, 0, encode_limits(limits)));
        tree_ = encode_spec(root);
    }

    /// Feeds the tree and all that follows from it.
    World& start() {
        feed(Event::configure(tree_));
        return run();
    }

    // ---- how programs behave, by path -----------------------------------------------------------------------------------
    std::map<std::string, Manners, std::less<>> manners;
    std::set<std::string, std::less<>> spawn_held;    ///< its spawn is not answered until `release_spawn`
    std::set<std::string, std::less<>> spawn_fails;   ///< exec fails with "no such file"
    std::set<std::string, std::less<>> group_held;    ///< a grandchild lives on until `release_group`
    std::set<std::string, std::less<>> drain_held;    ///< its drain hook goes on until `drained`
    std::set<std::string, std::less<>> unkillable;    ///< SIGKILL does not end it
    std::set<std::string, std::less<>> dies_at_once;  ///< exits with 1 as soon as it is started

    // ---- what happens ------------------------------------------------------------------------------------------------------
    World& exits(std::string_view path, std::int32_t code) { return ends(path, ExitHow::exited, code); }
    World& is_killed(std::string_view path, std::int32_t signal) { return ends(path, ExitHow::signalled, signal); }
    World& ends(std::string_view path, ExitHow how, std::int32_t status) {
        EXPECT_TRUE(alive(path)) << path << " does not run";
        end_now(child(path), how, status);
        return run();
    }
    World& says_ready(std::string_view path) {
        feed(Event::ready(child(path), view(path).generation));
        return run();
    }
    World& release_spawn(std::string_view path) {
        spawn_held.erase(std::string{path});
        if (const auto held = held_spawns_.find(child(path)); held != held_spawns_.end()) {
            const std::uint32_t generation = held->second;
            held_spawns_.erase(held);
            answer_spawn(child(path), generation);
        }
        return run();
    }
    World& release_group(std::string_view path) {
        group_held.erase(std::string{path});
        if (const auto held = held_groups_.find(child(path)); held != held_groups_.end()) {
            queue_.push_back(Event::group_empty(held->first, held->second));
            held_groups_.erase(held);
        }
        return run();
    }
    World& command(Verb verb, std::string_view path, bool wait = true, std::uint64_t request = 1, SessionIndex session = 1) {
        feed(Event::command(session, verb, engine().supervision().find(path), wait, request));
        return run();
    }
    /// The same by one who does not wait longer than `deadline` for the supervisor's step.
    World& command_within(Duration deadline, Verb verb, std::string_view path, std::uint64_t request) {
        const auto milliseconds = static_cast<std::uint32_t>(deadline.ns / 1'000'000);
        return send(Event::command(1, verb, child(path), true, request, false, milliseconds));
    }
    /// `start_child` of a whole child.
    World& add(std::string_view supervisor, const ChildSpec& spec, std::uint64_t request = 1, bool wait = true) {
        NewChild added;
        added.spec.push_back(spec);
        return add_new(supervisor, added, request, wait);
    }
    /// `start_child` of a dynamic supervisor's template.
    World& add_one(std::string_view supervisor, std::string key = "", std::vector<std::string> arguments = {}, std::uint64_t request = 1) {
        NewChild added;
        added.key = std::move(key);
        added.arguments = std::move(arguments);
        return add_new(supervisor, added, request, true);
    }
    World& add_new(std::string_view supervisor, const NewChild& added, std::uint64_t request, bool wait) {
        const std::string bytes = encode_new_child(added);
        feed(Event::add_child(1, child(supervisor), bytes, wait, request));
        return run();
    }
    /// A sign of life for its watchdog.
    World& beats(std::string_view path) { return send(Event::alive(child(path), view(path).generation)); }
    /// Several things happen before anything is answered; `run` goes on.
    World& crashes_unseen(std::string_view path, std::int32_t code = 1) {
        end_now(child(path), ExitHow::exited, code);
        return *this;
    }
    World& terminate() {
        feed(Event::of(EventKind::terminate));
        return run();
    }
    World& send(const Event& event) {
        feed(event);
        return run();
    }
    /// Lets time pass, firing every deadline at its own instant.
    World& pass(Duration length) {
        const Instant until = now + length;
        run();
        while (engine().next_deadline() <= until) {
            now = std::max(now, engine().next_deadline());
            feed(Event::of(EventKind::tick));
            run();
        }
        now = until;
        return *this;
    }
    /// Sends what programs did in answer, until nothing is left to be answered.
    World& run() {
        while (!queue_.empty()) {
            const Event event = queue_.front();
            queue_.pop_front();
            feed(event);
        }
        return *this;
    }

    // ---- what there is -------------------------------------------------------------------------------------------------------
    [[nodiscard]] const Engine& engine() const { return *steady_; }
    [[nodiscard]] ChildIndex child(std::string_view path) const { return engine().supervision().find(path); }
    [[nodiscard]] ChildView view(std::string_view path) const { return engine().supervision().view(child(path), now); }
    [[nodiscard]] ChildState state(std::string_view path) const { return view(path).state; }
    [[nodiscard]] bool alive(std::string_view path) const { return processes_.contains(child(path)); }
    /// Whether nothing of its spawn is answered yet.
    [[nodiscard]] bool is_being_spawned(std::string_view path) const { return held_spawns_.contains(child(path)); }
    [[nodiscard]] std::size_t alive_count() const { return processes_.size(); }
    [[nodiscard]] std::string fault(std::string_view path) const {
        const ChildView row = view(path);
        return row.show_fault ? text_of(row.last_fault, engine().texts()[row.last_fault.text]) : "";
    }
    /// Records of the log since the beginning, for those who check more than lines; their texts are gone.
    [[nodiscard]] const std::vector<Record>& records() const { return records_; }
    [[nodiscard]] DownReason reason(std::string_view path) const { return view(path).reason; }
    [[nodiscard]] Waits waits(std::string_view path) const { return view(path).waits; }
    /// The states of some children in one line: `running down`.
    [[nodiscard]] std::string states(const std::vector<std::string>& paths) const {
        std::string line;
        for (const std::string& path : paths) {
            line.append(line.empty() ? "" : " ").append(child(path) == no_child ? "gone" : child_state_name(state(path)));
        }
        return line;
    }
    /// The children of a supervisor, in its order.
    [[nodiscard]] std::vector<std::string> children_of(std::string_view path) const {
        std::vector<std::string> names;
        const Supervision& tree = engine().supervision();
        for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
            if (tree.view(i, now).supervisor == child(path) && i != tree.root()) {
                names.emplace_back(tree.view(i, now).name);
            }
        }
        return names;
    }
    /// How often a program was started.
    [[nodiscard]] int starts(std::string_view path) const {
        const auto found = starts_.find(path);
        return found == starts_.end() ? 0 : found->second;
    }
    /// Notices on a session's owed list, as texts of their faults.
    [[nodiscard]] std::vector<std::string> owed(SessionIndex session) const {
        std::vector<std::string> all;
        const Graph& graph = engine().graph();
        for (std::uint32_t place = graph.first_owed(session); place != 0; place = graph.next_owed(place)) {
            const OwedView owed = graph.owed(place);
            if (owed.kind == Owed::notice) {
                all.push_back(name_of(owed.about) + " " + text_of(owed.fault, engine().texts()[owed.fault.text]));
            }
        }
        return all;
    }

    /// A client with one Device that monitors the child's present one.
    World& watch(std::string_view path, SessionIndex session) {
        feed(Event::session_open(session, 0, 1000, no_child, 0));
        feed(Event::session_greeted(session));
        feed(Event::grant(session, 1, 1));
        watchers_[session] = engine().graph().granted().front();
        feed(Event::create(session, watchers_[session], false, 1));
        feed(Event::link(session, watchers_[session], view(path).device, LinkMode::monitor, false, 2));
        return run();
    }
    /// The session's Device, made by `watch`, sends a shutdown request.
    World& asks_to_shut_down(std::string_view path, SessionIndex session) {
        return send(Event::shutdown_request(session, watchers_[session], view(path).device, 9));
    }
    /// The child's program says hello on its inherited socket.
    World& adopts(std::string_view path, SessionIndex session) {
        feed(Event::session_open(session, 0, 1001, child(path), view(path).generation));
        feed(Event::session_greeted(session));
        return run();
    }

    /// The child's program, which is this session, disconnects its Device explicitly.
    World& says_goodbye(std::string_view path, SessionIndex session, FaultKind fault, std::string_view text) {
        return send(Event::disconnect(session, view(path).device, fault, 0, DeviceId{}, text, 5));
    }
    [[nodiscard]] DeviceId watcher(SessionIndex session) const { return watchers_.at(session); }

    /// Log and effects since the last `take`, as lines; see `line_of`.
    std::vector<std::string> take() { return std::exchange(lines_, {}); }
    /// The same, only those that begin with one of these words.
    std::vector<std::string> take(std::initializer_list<std::string_view> words) {
        std::vector<std::string> chosen;
        for (const std::string& line : std::exchange(lines_, {})) {
            for (const std::string_view word : words) {
                if (line.substr(0, line.find(' ')) == word) {
                    chosen.push_back(line);
                }
            }
        }
        return chosen;
    }

    Instant now{1'000'000'000'000};
    int reload_every = 1;  ///< steps

  private:
    void feed(const Event& event);
    void reload();
    void obey(const Effect& effect);
    void answer_spawn(ChildIndex child, std::uint32_t generation);
    void end_now(ChildIndex child, ExitHow how, std::int32_t status);
    void note(const Effects& out);
    [[nodiscard]] std::string path_of(ChildIndex child) const { return std::string{engine().supervision().view(child, now).path}; }
    [[nodiscard]] std::string name_of(DeviceId id) const {
        const auto found = devices_.find(id.value);
        return found == devices_.end() ? "?" : found->second;
    }
    [[nodiscard]] std::string text_of(const FaultRecord& record, std::string_view text) const;
    [[nodiscard]] std::string line_of(const Effects& out, const Record& record) const;
    [[nodiscard]] std::string line_of(const Effects& out, const Effect& effect) const;

    std::unique_ptr<Engine> steady_ = std::make_unique<Engine>();
    std::unique_ptr<Engine> restless_ = std::make_unique<Engine>();
    std::string tree_;
    std::deque<Event> queue_;
    std::map<ChildIndex, std::uint32_t> processes_;    ///< living leaders and their generation
    std::set<ChildIndex> corpses_;                     ///< dead and not yet reaped
    std::map<ChildIndex, std::uint32_t> held_spawns_;  ///< asked for and not yet answered
    std::map<ChildIndex, std::uint32_t> held_groups_;  ///< reaped, with something of the group left
    std::map<std::string, int, std::less<>> starts_;
    std::map<std::uint64_t, std::string> devices_;
    std::map<SessionIndex, DeviceId> watchers_;
    std::vector<std::string> lines_;
    std::vector<Record> records_;
    std::int32_t next_pid_ = 100;
    int fed_ = 0;
};

using Lines = std::vector<std::string>;

inline const Manners ignores{Manners::On::ignores, 0};
inline Lines answers(World& w) { return w.take({"answer"}); }
/// The order in which a group was stopped and started, and what was counted.
inline Lines walk(World& w) { return w.take({"child_stopping", "child_starting", "restart", "sup_giving_up"}); }

}  // namespace backplane::core::world
