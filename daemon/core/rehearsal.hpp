// SPDX-License-Identifier: Apache-2.0
/// A rehearsal: what would happen if this one died now.
///
/// The engine's whole state is copied by way of its image, the copy is told of the death, and an ideal world answers what it wants:
/// who is started runs and is ready at once, who is asked to end ends at once and well, and time passes as far as the copy waits for it.
/// The engine itself is only read: it hands out no id, sets no timer and draws no random number for it.
///
/// In the ideal world
///  - a dead process takes its connections along, so that every Device of its sessions drops;
///  - nobody else goes by himself: no sign of life is missed, nobody fails to resume, no quarantine ends by its cooldown;
///  - whoever is told and is not managed does nothing, as nobody knows what he would do.
/// What would have come about anyway (a child that is about to start again) is played without the death too, and left out.
#pragma once

#include "daemon/core/engine.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backplane::core {

/// How much a rehearsal may cost, as the loop stands still for it.
struct RehearsalBounds {
    std::size_t image_bytes = std::size_t{32} << 20U;  ///< a larger state is not copied
    std::uint32_t events = 20'000;                     ///< fed to the copy; then it is cut short
    Duration time = Duration::seconds(3'600);          ///< how far it looks ahead
    std::size_t told = 256;                            ///< of each list so many are kept; the totals count all
    std::size_t happenings = 1'024;
    std::size_t fates = 1'024;
};

/// Whose death: an entry of the tree, or, where that is none, a Device.
struct Victim {
    ChildIndex child = no_child;  ///< a process, by SIGKILL; a supervisor: every process below it at the same moment
    DeviceId device{};            ///< a task, which drops
};

struct Rehearsal {
    /// What the log would say, in its order.
    struct Happening {
        Duration after;  ///< from now
        Record record;   ///< its places in a text pool mean nothing
        std::string name;
        std::string text;  ///< of its fault
    };
    struct Told {
        Duration after;
        DeviceId who, about;
        FaultRecord fault;  ///< its text means nothing
        bool falls = false;
    };
    /// An entry that would not be as it is, or as it would be otherwise. A state of nothing: it is not there.
    struct Fate {
        std::string name;
        std::optional<ChildState> was, becomes;
        DownReason reason = DownReason::none;
        Waits waits = Waits::nothing;
        std::string waits_for;
        Duration after;  ///< when it comes to that
    };

    std::vector<Happening> happenings;
    std::vector<Told> told;
    std::vector<Fate> fates;
    std::uint64_t happenings_total = 0, told_total = 0, fates_total = 0;
    std::uint64_t falls = 0;     ///< by a cascade
    std::uint64_t ends = 0;      ///< all that end, supervisors not counted
    std::uint64_t starts = 0;    ///< processes and supervisors that are started
    std::uint64_t gives_up = 0;  ///< supervisors that do
    Duration length;             ///< when the last of it happens
    bool is_complete = true;     ///< false: cut short by a bound
    std::uint64_t bytes = 0;     ///< of state that were copied
    std::uint64_t steps = 0;     ///< of the core that were played

    /// One such record more, or less.
    void count(const Record& record, int by);
};

/// `stopping`: the daemon is. `device_down`: there is nothing that could die; the detail is its state. `limit_reached`: the state is
/// larger than the bound. `child`, where there is one, must be in the tree.
[[nodiscard]] Expected<Rehearsal> rehearse(const Engine& engine, Instant now, const Victim& victim, const RehearsalBounds& bounds = {});

}  // namespace backplane::core
