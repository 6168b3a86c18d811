// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/rehearse.hpp"

#include "daemon/core/rehearsal.hpp"
#include "tests/sim/chance.hpp"

#include <vector>

namespace backplane::sim {

std::string rehearse_somebody(const core::Engine& engine, Instant now, std::uint64_t seed) {
    const core::Supervision& tree = engine.supervision();
    std::vector<core::ChildIndex> all;
    bool is_at_rest = true;  // else it may be about to end anyway
    for (core::ChildIndex i = tree.root(); i != core::no_child; i = tree.next_in_tree(i)) {
        all.push_back(i);
        const core::ChildState state = tree.view(i, now).state;
        const bool moves =
            state == core::ChildState::starting || state == core::ChildState::restarting || state == core::ChildState::stopping;
        is_at_rest = is_at_rest && !moves;
    }
    if (all.empty()) {
        return {};
    }
    Chance chance(seed);
    const core::ChildIndex victim = chance.of(all);
    std::string before;
    std::string after;
    engine.save(before);
    const Expected<core::Rehearsal> told = core::rehearse(engine, now, core::Victim{victim, {}});
    engine.save(after);
    const std::string path{tree.view(victim, now).path};
    if (before != after) {
        return "a rehearsal of the death of " + path + " left something behind";
    }
    if (!told) {
        const bool known = told.error().code == ErrorCode::device_down || told.error().code == ErrorCode::stopping;
        return known ? std::string{} : "the death of " + path + " cannot be rehearsed: " + told.error().text();
    }
    // Not every one comes to rest: a start may take longer than its supervisor has for it. Then something goes on to happen.
    if (!told->is_complete && told->happenings_total == 0) {
        return "the rehearsal of the death of " + path + " is cut short, and nothing happens in it";
    }
    for (const core::Rehearsal::Happening& happening : told->happenings) {
        if (happening.after < Duration{} || happening.after > told->length) {
            return "something happens before the death of " + path + ", or after its end";
        }
    }
    return told->ends != 0 || !is_at_rest ? std::string{} : path + " dies and nothing ends";
}

}  // namespace backplane::sim
