// SPDX-License-Identifier: Apache-2.0
/// A model of a machine that runs what the core wants run: processes with groups, grandchildren and exit statuses. It holds
/// what no daemon may do to a machine: two processes of one entry, a signal to nobody, reaping what lives, leaving one behind.
#pragma once

#include "daemon/core/effect.hpp"
#include "daemon/core/event.hpp"
#include "tests/sim/chance.hpp"

#include <list>
#include <string>
#include <vector>

namespace backplane::sim {

struct Process {
    enum class State : std::uint8_t {
        asked,      ///< to be spawned
        alive,      ///< its leader lives
        dead,       ///< and not yet reaped
        lingering,  ///< reaped; something of its group may be left
    };
    enum class OnTerm : std::uint8_t { dies, exits, fails, ignores };

    core::ChildIndex child = 0;
    std::uint32_t generation = 0;
    DeviceId device;
    State state = State::asked;
    OnTerm on_term = OnTerm::dies;
    bool cannot_start = false;
    bool never_ready = false;
    bool said_ready = false;
    bool grandchild = false;  ///< one that outlives it for a while
    bool draining = false;    ///< its drain hook runs
    bool termed = false;      ///< the stop signal has come
    bool dying = false;       ///< its end has happened, or will; nobody has seen it
    core::ExitHow how = core::ExitHow::exited;
    std::int32_t status = 0;
    std::uint32_t peer = 0;  ///< of its inherited socket; 0 where that has ended
};

class TreeMachine {
  public:
    explicit TreeMachine(Chance& chance) : chance_(chance) {}

    /// Carries out the effects of one step. What is wrong with them is in `wrong`.
    void take(const std::vector<core::Effect>& effects);
    [[nodiscard]] Process* find(core::ChildIndex child, std::uint32_t generation);
    void end(Process& process, core::ExitHow how, std::int32_t status);
    /// It crashes, or ends, as processes do.
    void crash(Process& process);
    /// From now on every process does what it should.
    void behave();

    std::list<Process> processes;  ///< a process leaves when nothing of its group is left
    bool naughty = true;
    std::size_t halts = 0;
    std::string wrong;

  private:
    void spawn(const core::Effect& effect);
    void signal(Process& process, std::int32_t number);
    Chance& chance_;
};

}  // namespace backplane::sim
