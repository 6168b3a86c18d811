// SPDX-License-Identifier: Apache-2.0
/// Clients that run tasks for a daemon, as the machine runs its processes: they offer start functions, answer or do not, let go late or
/// never. It holds what no daemon may ask of a client: two tasks of one entry, the end of one that it never had.
#pragma once

#include "daemon/core/engine.hpp"
#include "tests/sim/chance.hpp"

#include <list>
#include <map>
#include <string>
#include <vector>

namespace backplane::sim {

struct TaskRun {
    enum class OnStop : std::uint8_t { ends, fails, says, ignores };

    core::SessionIndex client = core::daemon_session;
    core::ChildIndex child = 0;
    std::uint32_t generation = 0;
    DeviceId device;
    OnStop on_stop = OnStop::ends;
    bool never_answers = false, never_lets_go = false;
    bool is_new = false;  ///< by the last step
    bool said_running = false;
    bool asked = false;      ///< to end
    bool withdrawn = false;  ///< its Device is gone by the daemon's word
    bool crossed = false;    ///< and it had ended it itself before it heard of that
};

struct TaskClient {
    core::SessionIndex session = core::daemon_session;
    DeviceId first;                 ///< of its ids
    std::uint32_t made = 0;         ///< of these it has used
    std::vector<DeviceId> devices;  ///< its own, by which it offers
    std::uint64_t seen = 0;         ///< of what it was ever owed
};

/// What a client was asked or told.
struct TaskNews {
    core::SessionIndex client = core::daemon_session;
    core::Owed kind{};
    core::ChildIndex child = 0;
    std::uint32_t generation = 0;
    DeviceId device;
};

class TaskCrew {
  public:
    explicit TaskCrew(Chance& chance) : chance_(chance) {}

    /// What has been put on their lists since the last time.
    [[nodiscard]] std::vector<TaskNews> read(const core::Engine& engine, Instant now);
    /// They take it in.
    void take(const core::Engine& engine, Instant now, const std::vector<TaskNews>& news);
    /// Whether it has something to say.
    [[nodiscard]] static bool is_able(const TaskRun& run);
    void forget(const TaskRun& run);
    void forget_client(core::SessionIndex session);
    [[nodiscard]] TaskRun* find(DeviceId device);
    /// The client with the most tasks, where there is one.
    [[nodiscard]] const TaskClient& busiest() const;
    /// From now on each does what it should.
    void behave();

    std::list<TaskRun> runs;  ///< a run leaves when its client has said the last of it
    std::vector<TaskClient> clients;
    bool naughty = true;
    std::string wrong;

  private:
    struct Known {
        core::ChildIndex child = 0;
        std::uint32_t generation = 0;
    };
    void start(const TaskNews& news);
    Chance& chance_;
    std::map<DeviceId, Known> known_;
};

}  // namespace backplane::sim
