// SPDX-License-Identifier: Apache-2.0
/// Workers that an earlier daemon started. They are not our children: their parent is the keeper, which leaves them unreaped
/// until we say so, or, where keeper and daemon died together, somebody who reaps them and tells nobody how they ended.
#include "daemon/process/group.hpp"
#include "daemon/process/host.hpp"
#include "daemon/process/identity.hpp"
#include "daemon/process/reap.hpp"

#include <sys/poll.h>
#include <unistd.h>

#include <utility>

namespace backplane::process {

SpawnOutcome Host::adopt(core::ChildIndex child, std::uint32_t generation, std::int32_t pid, std::uint64_t started_at, bool dead,
                         const SpawnOptions& options) {
    Entry& entry = entry_of(child);
    SpawnOutcome outcome;
    if (entry.state != State::vacant) {
        return outcome;
    }
    // The descriptor first: once it is ours the number cannot change hands between the look and the use.
    Descriptor pidfd = pid > 1 ? open_pidfd(pid) : Descriptor{};
    const ProcessFacts facts = pidfd ? facts_of(pid) : ProcessFacts{};
    const bool is_it = pidfd && facts.started_at != 0 && facts.started_at == started_at;
    const Descriptor unused{!is_it || dead ? options.notify_descriptor : -1};
    if (!is_it && !dead) {
        return outcome;
    }
    entry.generation = generation;
    entry.pid = pid;
    entry.has_cgroup = has_control_groups() && options_.control->exists(child, generation);
    ++occupied_;
    if (!is_it) {  // reaped before: what is left of it is its group, if anything
        entry.state = State::lingering;
        lingering_.push_back(child);
        quiet_sweeps_ = 0;
        return outcome;
    }
    entry.state = dead ? State::dead : State::running;
    entry.is_pinned = true;
    entry.is_adopted = facts.parent != getpid();
    entry.started_at = facts.started_at;
    entry.is_orphan = entry.is_adopted && (options_.parent == nullptr || options_.parent->pid() != facts.parent);
    entry.pidfd = std::move(pidfd);
    if (!dead) {
        (void)open_notify(entry, {child, generation}, options);
        entry.notify.give_to(facts.uid);
    }
    leaders_.emplace(pid, child);
    outcome.started = true;
    outcome.pid = pid;
    outcome.started_at = facts.started_at;
    outcome.pidfd = entry.pidfd.get();
    outcome.notify_fd = entry.notify.fd();
    return outcome;
}

std::vector<Host::Taken> Host::occupants() const {
    std::vector<Taken> all;
    for (core::ChildIndex child = 0; child < entries_.size(); ++child) {
        const Entry& entry = entries_[child];
        if (entry.state != State::vacant) {
            all.push_back(Taken{{child, entry.generation}, entry.pid, entry.notify.fd(), entry.state != State::running});
        }
    }
    return all;
}

std::vector<std::string> Host::notify_paths() const {
    std::vector<std::string> paths;
    for (const Entry& entry : entries_) {
        if (entry.notify.is_open()) {
            paths.push_back(entry.notify.path());
        }
    }
    return paths;
}

std::optional<Incarnation> Host::note_ended(std::int32_t pid, core::ExitHow how, std::int32_t status) {
    const auto found = leaders_.find(pid);
    if (found == leaders_.end()) {
        if (options_.parent != nullptr) {
            options_.parent->take_away(pid);
        }
        return std::nullopt;
    }
    Entry& entry = entries_[found->second];
    entry.is_told = true;
    entry.how = how;
    entry.status = status;
    return Incarnation{found->second, entry.generation};
}

bool Host::has_ended_untold(Entry& entry) const {
    const bool nobody_tells = entry.is_orphan || options_.parent == nullptr;
    pollfd end{entry.pidfd.get(), POLLIN, 0};
    if (!nobody_tells || poll(&end, 1, 0) <= 0) {
        return false;
    }
    entry.is_pinned = false;  // its parent takes it away when it likes
    entry.how = core::ExitHow::unknown;
    return true;
}

void Host::take_away(Entry& entry) {
    if (!entry.is_pinned) {
        leaders_.erase(entry.pid);
        return;
    }
    if (!entry.is_adopted) {
        process::reap(Whom::pid, entry.pid);
    } else if (entry.is_told && options_.parent != nullptr) {
        options_.parent->take_away(entry.pid);  // where it has not told yet, it will be nobody's by then
    }
    leaders_.erase(entry.pid);
    entry.is_pinned = false;
}

}  // namespace backplane::process
