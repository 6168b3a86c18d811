// SPDX-License-Identifier: Apache-2.0
/// One random history of supervision: the core alone, a machine of processes and clients with tasks that misbehave, operators with every
/// verb, and the naive model of the rules, which must agree after every event.
///
/// Each act draws from a chance of its own, so that acts and children can be left out and the others stay what they are: a history that
/// fails is made as short as it goes before it is told.
#pragma once

#include "tests/sim/naive_supervision.hpp"
#include "tests/sim/task_crew.hpp"
#include "tests/sim/tree_machine.hpp"
#include "tests/sim/world.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace backplane::sim {

[[nodiscard]] core::SupervisorSpec random_supervision(Chance& chance);
/// Encoded, as `Event::add_child` takes it.
[[nodiscard]] std::string random_addition(Chance& chance, bool to_dynamic);

/// Under what clients offer to start tasks.
inline constexpr const char* starters[] = {"pool", "lake", "sea"};

/// What a history is made of.
struct Plan {
    core::SupervisorSpec tree;
    std::vector<std::uint64_t> acts;  ///< the seed of each
    std::uint64_t seed = 0;
};

class SupervisionHistory {
  public:
    SupervisionHistory(const Plan& plan, std::uint64_t forget_each);
    /// Empty, or what was wrong.
    std::string run();
    [[nodiscard]] const std::vector<std::string>& story() const { return story_; }
    [[nodiscard]] std::uint64_t steps() const { return steps_; }
    [[nodiscard]] std::uint64_t trace() const { return trace_; }
    [[nodiscard]] std::uint64_t crashes() const { return crashes_; }

  private:
    void feed(const char* what, const core::Event& event);
    void note(const char* what, const core::Event& event);
    void look_at_starts(const core::Record& record);
    void look_at_down(const core::Record& record);
    void save_and_load();
    void imagine_crash();
    void act(std::uint64_t seed);
    bool happen();
    bool happen_to(Process& process);
    void crash_somebody();
    // clients and their tasks
    void act_as_client();
    void open_client();
    void close_client(const TaskClient& client);
    void make_device(TaskClient& client);
    void offer(TaskClient& client, const char* name);
    void offer_all();
    bool answer(TaskRun& run);
    void begin(TaskRun& run);
    void say(TaskRun& run, core::TaskWord word);
    void leave(TaskRun& run, FaultKind fault);
    void end(TaskRun& run);
    void say_again(core::ChildIndex child, std::uint32_t generation);
    void look_at_tasks(const core::Engine& next);
    void go_on();
    void pass();
    void pass_to(Instant when, core::EventKind kind = core::EventKind::tick);
    void operate();
    void stale();
    void rest();
    void quiet();
    void look_at_rest();
    [[nodiscard]] bool blocked() const;
    [[nodiscard]] bool is_hopeless() const;
    [[nodiscard]] bool has_nested(core::ChildIndex top) const;
    void stop();
    [[nodiscard]] core::ChildIndex any_entry();
    void fail(const std::string& what) { wrong_ = wrong_.empty() ? what : wrong_; }
    [[nodiscard]] const core::Supervision& tree() const { return engine_->supervision(); }

    const Plan& plan_;
    std::unique_ptr<core::Engine> engine_ = std::make_unique<core::Engine>();
    core::Effects out_;
    std::vector<core::Effect> effects_;
    Chance chance_;
    TreeMachine machine_;
    TaskCrew crew_;
    NaiveSupervision model_;
    Instant now_{1'000'000};
    std::set<DeviceId> ids_;
    std::vector<DeviceId> granted_;
    std::vector<std::string> story_;
    std::string wrong_;
    bool work_left_ = false;  ///< `go_on` is due
    bool waited_ = false;     ///< somebody was blocked when all was well
    bool restless_ = false;   ///< therefore its supervisor's starts fail for ever
    std::uint64_t request_ = 0, steps_ = 0, crashes_ = 0;
    std::uint64_t trace_ = 0xcbf29ce484222325ULL;
};

}  // namespace backplane::sim
