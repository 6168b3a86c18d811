// SPDX-License-Identifier: Apache-2.0
/// Programs beside the workers. They are children like others, so whoever reaps strays must know them; what they leave in their groups
/// is killed as long as the leader is unreaped, and the number so theirs (P-2).
#include "daemon/process/group.hpp"
#include "daemon/process/host.hpp"
#include "daemon/process/reap.hpp"

#include <signal.h>

#include <cerrno>
#include <utility>

namespace backplane::process {

SpawnOutcome Host::spawn_aside(core::ChildIndex child, const core::LaunchSpec& launch, const SpawnOptions& options) {
    SpawnContext context = context_for(options, {});
    context.die_with_parent = true;  // no daemon after this one would know of it
    context.wants_report = false;
    SpawnOutcome outcome;
    Credentials credentials;
    if (!launch.credentials.empty()) {
        credentials = spawner_.resolve(launch.credentials);
        context.credentials = &credentials;
    }
    if (credentials.error_number != 0) {
        outcome.step = credentials.step;
        outcome.error_number = credentials.error_number;
        return outcome;
    }
    Descriptor cgroup;
    if (const Entry& beside = entry_of(child); beside.has_cgroup) {
        cgroup = options_.control->directory(child, beside.generation);
        context.cgroup = cgroup.get();
    }
    Spawned spawned = spawner_.spawn(launch, context);
    outcome.step = spawned.step;
    outcome.error_number = spawned.error_number;
    if (spawned.pid != 0) {
        outcome.started = true;
        outcome.pid = spawned.pid;
        outcome.pidfd = spawned.pidfd.get();
        asides_.emplace(spawned.pid, Aside{std::move(spawned.pidfd), false});
    }
    return outcome;
}

std::optional<LeaderExit> Host::take_aside(std::int32_t pid) {
    const auto found = asides_.find(pid);
    if (found == asides_.end()) {
        return std::nullopt;
    }
    const Ended ended = peek(Whom::pid, pid);
    if (ended.pid == 0 && ended.error_number != ECHILD) {
        return std::nullopt;
    }
    if (ended.pid != 0) {
        (void)signal_members(pid, SIGKILL);
        process::reap(Whom::pid, pid);
    }
    asides_.erase(found);
    return LeaderExit{ended.how, ended.status, {}};
}

void Host::drop_aside(std::int32_t pid) {
    if (!take_aside(pid) && asides_.contains(pid)) {
        (void)signal_members(pid, SIGKILL);
        asides_[pid] = Aside{Descriptor{}, true};
    }
}

void Host::take_asides(bool only_dropped) {
    for (auto aside = asides_.begin(); aside != asides_.end();) {
        const auto& [pid, what] = *aside++;
        if (what.is_dropped || !only_dropped) {
            (void)take_aside(pid);
        }
    }
}

}  // namespace backplane::process
