// SPDX-License-Identifier: Apache-2.0
/// The table of workers and the order in which their ends are taken in (P-2). See host.hpp for the states.
#include "daemon/process/host.hpp"

#include "daemon/process/group.hpp"
#include "daemon/process/identity.hpp"
#include "daemon/process/reap.hpp"

#include <signal.h>
#include <sys/poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace backplane::process {
namespace {

/// So many datagrams of one worker are taken before others are served.
constexpr std::size_t datagrams_a_turn = 16;
/// All that can wait in a dead worker's socket, and a bound on what its descendants may add meanwhile.
constexpr std::size_t datagrams_at_end = 1024;
constexpr std::uint32_t delay_doublings_max = 10;
constexpr int delay_ms_max = 1000;
/// How long one turn of the emergency loop waits at most.
constexpr int emergency_turn_ms = 5;

using Clock = std::chrono::steady_clock;

SpawnOutcome refused(core::SpawnStep step, int error_number) {
    SpawnOutcome outcome;
    outcome.step = step;
    outcome.error_number = error_number;
    return outcome;
}

}  // namespace

Host::Host(HostOptions options) : options_(std::move(options)), before_(own_children()) {
    (void)keep_zombies();
    if (options_.become_subreaper && options_.features.child_subreaper) {
        is_subreaper_ = process::become_subreaper() == 0;
    }
}

Host::~Host() {
    if (!keeps_nothing_) {
        kill_everything();
    }
}

Host::Entry* Host::find(core::ChildIndex child, std::uint32_t generation) {
    if (child >= entries_.size()) {
        return nullptr;
    }
    Entry& entry = entries_[child];
    return entry.state != State::vacant && entry.generation == generation ? &entry : nullptr;
}

const Host::Entry* Host::find(core::ChildIndex child, std::uint32_t generation) const {
    return const_cast<Host*>(this)->find(child, generation);
}

void Host::vacate(Entry& entry) {
    entry = Entry{};
    --occupied_;
}

Host::Entry& Host::entry_of(core::ChildIndex child) {
    if (child >= entries_.size()) {
        entries_.resize(child + std::size_t{1});
    }
    return entries_[child];
}

int Host::open_notify(Entry& entry, const Incarnation& incarnation, const SpawnOptions& options) {
    if (!options.wants_notify) {
        return 0;
    }
    const std::string path =
        options.notify_directory + "/notify-" + std::to_string(incarnation.child) + "-" + std::to_string(incarnation.generation);
    if (options.notify_descriptor >= 0 && entry.notify.take_over(options.notify_descriptor, path)) {
        return 0;
    }
    return entry.notify.is_open() && entry.notify.path() == path ? 0 : entry.notify.open(path);
}

int Host::bind_notify(core::ChildIndex child, std::uint32_t generation, const std::string& directory) {
    Entry& entry = entry_of(child);
    if (entry.state != State::vacant) {
        return -EBUSY;
    }
    SpawnOptions options;
    options.wants_notify = true;
    options.notify_directory = directory;
    const int wrong = open_notify(entry, {child, generation}, options);
    return wrong != 0 ? -wrong : entry.notify.fd();
}

SpawnOutcome Host::spawn(core::ChildIndex child, std::uint32_t generation, const core::LaunchSpec& launch, const SpawnOptions& options) {
    Entry& entry = entry_of(child);
    if (entry.state != State::vacant) {
        return refused(core::SpawnStep::prepare, EBUSY);
    }
    Credentials credentials;
    if (!launch.credentials.empty()) {
        credentials = spawner_.resolve(launch.credentials);
    }
    if (credentials.error_number != 0) {
        entry.notify.close();
        return refused(credentials.step, credentials.error_number);
    }
    if (const int wrong = open_notify(entry, {child, generation}, options); wrong != 0) {
        return refused(core::SpawnStep::notify_socket, wrong);
    }
    SpawnContext context = context_for(options, entry.notify.path());
    if (!launch.credentials.empty()) {
        context.credentials = &credentials;
        entry.notify.give_to(credentials.uid);
        for (const int output : options.outputs) {  // so that it may open /dev/stderr
            if (output >= 0) {
                (void)!fchown(output, credentials.uid, static_cast<gid_t>(-1));
            }
        }
    }
    Descriptor cgroup;
    if (const int wrong = make_cgroup({child, generation}, launch.control, cgroup); wrong != 0) {
        entry.notify.close();
        return refused(core::SpawnStep::cgroup, wrong);
    }
    context.cgroup = cgroup.get();
    Spawned spawned = spawner_.spawn(launch, context);
    if (spawned.pid == 0) {
        if (cgroup) {
            (void)options_.control->remove(child, generation);
        }
        entry.notify.close();
        return refused(spawned.step, spawned.error_number);
    }
    entry.state = State::running;
    entry.generation = generation;
    entry.pid = spawned.pid;
    entry.is_pinned = true;
    entry.pidfd = std::move(spawned.pidfd);
    entry.report = std::move(spawned.report);
    entry.has_cgroup = static_cast<bool>(cgroup);
    leaders_.emplace(entry.pid, child);
    ++occupied_;
    return outcome_of(entry);
}

SpawnContext Host::context_for(const SpawnOptions& options, const std::string& notify_path) const {
    SpawnContext context;
    context.addresses = {options.worker_socket >= 0, options.socket_path, notify_path, options.resume, options.watchdog_us};
    context.helper = options_.exec_helper;
    context.pid_place = options.pid_place;
    context.worker_socket = options.worker_socket;
    context.outputs = options.outputs;
    context.die_with_parent = options_.die_with_daemon;
    context.open_files_soft = options_.open_files_soft;
    context.features = options_.features;
    return context;
}

SpawnOutcome Host::outcome_of(const Entry& entry) {
    SpawnOutcome outcome;
    outcome.started = true;
    outcome.pid = entry.pid;
    outcome.started_at = facts_of(entry.pid).started_at;
    outcome.pidfd = entry.pidfd.get();
    outcome.notify_fd = entry.notify.fd();
    outcome.start_fd = entry.report.get();
    return outcome;
}

bool Host::is_start_known(core::ChildIndex child, std::uint32_t generation) const {
    const Entry* entry = find(child, generation);
    if (entry == nullptr || !entry->report) {
        return false;
    }
    pollfd answer{entry->report.get(), POLLIN, 0};
    return poll(&answer, 1, 0) > 0;
}

std::optional<SpawnOutcome> Host::take_start(core::ChildIndex child, std::uint32_t generation) {
    Entry* entry = find(child, generation);
    if (entry == nullptr || !entry->report) {
        return std::nullopt;
    }
    HelperAnswer answer = read_report(entry->report.get());
    if (!answer.is_known) {
        return std::nullopt;
    }
    if (entry->start_given_up && answer.error_number == 0) {
        answer.error_number = ETIMEDOUT;
    }
    entry->report.reset();
    if (answer.error_number == 0) {
        return outcome_of(*entry);
    }
    // It wrote its answer and ends, or it was killed and its pipe is closed: either way the end is certain and near.
    (void)send_signal(entry->pidfd.get(), SIGKILL);
    reap_ending(entry->pid);
    leaders_.erase(entry->pid);
    if (entry->has_cgroup && !options_.control->remove(child, generation)) {
        left_cgroups_.push_back({child, generation});
    }
    vacate(*entry);
    return refused(answer.step, answer.error_number);
}

void Host::give_up_start(core::ChildIndex child, std::uint32_t generation) {
    Entry* entry = find(child, generation);
    if (entry != nullptr && entry->report) {
        entry->start_given_up = true;
        (void)send_signal(entry->pidfd.get(), SIGKILL);
    }
}

std::optional<LeaderExit> Host::take_exit(core::ChildIndex child, std::uint32_t generation) {
    Entry* entry = find(child, generation);
    if (entry == nullptr || entry->state != State::running) {
        return std::nullopt;
    }
    if (!has_ended(*entry)) {
        return std::nullopt;
    }
    entry->state = State::dead;
    return LeaderExit{entry->how, entry->status, entry->notify.read(datagrams_at_end)};
}

bool Host::is_ending(core::ChildIndex child, std::uint32_t generation) {
    const Entry* entry = find(child, generation);
    if (entry == nullptr || entry->state != State::running) {
        return false;
    }
    pollfd end{entry->pidfd.get(), POLLIN, 0};
    return poll(&end, 1, 0) > 0 || facts_of(entry->pid).is_ending;
}

/// Looks, and notes how.
bool Host::has_ended(Entry& entry) const {
    if (entry.is_adopted) {
        return entry.is_told || has_ended_untold(entry);
    }
    const Ended ended = options_.features.waitid_pidfd ? peek(Whom::pidfd, entry.pidfd.get()) : peek(Whom::pid, entry.pid);
    if (ended.pid == 0 && ended.error_number != ECHILD) {
        return false;
    }
    // Where somebody took it away behind our back its status is unknown, and its number may be a stranger's by now.
    entry.is_pinned = ended.pid != 0;
    entry.how = ended.how;
    entry.status = ended.status;
    return true;
}

Notification Host::read_notify(core::ChildIndex child, std::uint32_t generation) {
    Entry* entry = find(child, generation);
    return entry == nullptr ? Notification{} : entry->notify.read(datagrams_a_turn);
}

void Host::take_ready(core::ChildIndex child, std::uint32_t generation) {
    if (Entry* entry = find(child, generation); entry != nullptr) {
        entry->notify.take_ready();
    }
}

int Host::signal(core::ChildIndex child, std::uint32_t generation, int signal_number) {
    const Entry* entry = find(child, generation);
    if (entry == nullptr || entry->state != State::running) {
        return ESRCH;
    }
    return send_signal(entry->pidfd.get(), signal_number);
}

int Host::signal_group(core::ChildIndex child, std::uint32_t generation, int signal_number) {
    const Entry* entry = find(child, generation);
    const bool by_cgroup =
        entry != nullptr && entry->has_cgroup && signal_number == SIGKILL && options_.control->kill_all(child, generation) == 0;
    if (entry == nullptr || entry->state == State::lingering || !entry->is_pinned) {
        return by_cgroup ? 0 : ESRCH;
    }
    return signal_members(entry->pid, signal_number);
}

ReapResult Host::reap(core::ChildIndex child, std::uint32_t generation, bool whole_group) {
    Entry* entry = find(child, generation);
    if (entry == nullptr || entry->state == State::lingering) {
        return ReapResult::stale;
    }
    if (entry->state == State::running) {
        return ReapResult::alive;
    }
    take_away(*entry);
    entry->pidfd.reset();
    entry->notify.close();
    entry->state = State::lingering;
    quiet_sweeps_ = 0;
    if (!whole_group) {
        if (entry->has_cgroup && !options_.control->remove(child, generation)) {
            left_cgroups_.push_back({child, generation});
        }
        vacate(*entry);
        return ReapResult::group_empty;
    }
    if (settle(child)) {
        return ReapResult::group_empty;
    }
    lingering_.push_back(child);
    return ReapResult::lingering;
}

bool Host::settle(core::ChildIndex child) {
    Entry& entry = entries_[child];
    reap_members(entry.pid);
    // The keeper takes its child away in its own time; until then the number is the leader's, and says nothing of the group.
    const bool has_leader = entry.is_adopted && facts_of(entry.pid).started_at == entry.started_at;
    if (has_leader || !group_is_gone(entry.pid) || (entry.has_cgroup && !options_.control->remove(child, entry.generation))) {
        return false;
    }
    vacate(entry);
    return true;
}

void Host::reap_strays() {
    strays_hidden_ = false;
    take_asides(true);
    for (;;) {
        const Ended ended = peek(Whom::any, 0);
        if (ended.pid == 0) {
            return;
        }
        if (leaders_.contains(ended.pid) || asides_.contains(ended.pid)) {
            strays_hidden_ = true;
            return;
        }
        process::reap(Whom::pid, ended.pid);
    }
}

const std::vector<Incarnation>& Host::sweep() {
    emptied_.clear();
    reap_strays();
    remove_left_cgroups();
    const auto is_settled = [this](core::ChildIndex child) {
        const Incarnation incarnation{child, entries_[child].generation};
        if (!settle(child)) {
            return false;
        }
        emptied_.push_back(incarnation);
        return true;
    };
    lingering_.erase(std::remove_if(lingering_.begin(), lingering_.end(), is_settled), lingering_.end());
    quiet_sweeps_ = emptied_.empty() ? std::min(quiet_sweeps_ + 1, delay_doublings_max) : 0;
    return emptied_;
}

int Host::next_sweep_delay_ms() const {
    if (lingering_.empty() && !strays_hidden_) {
        return -1;
    }
    return std::min(1 << quiet_sweeps_, delay_ms_max);
}

void Host::take_all_ends() {
    for (core::ChildIndex child = 0; child < entries_.size(); ++child) {
        const std::uint32_t generation = entries_[child].generation;
        (void)take_exit(child, generation);
        reap(child, generation);
    }
    take_asides(false);
    (void)sweep();
}

std::size_t Host::kill_everything(int wait_ms) {
    for (core::ChildIndex child = 0; child < entries_.size(); ++child) {
        (void)signal_group(child, entries_[child].generation, SIGKILL);
    }
    kill_cgroups();
    for (const auto& aside : asides_) {
        (void)signal_members(aside.first, SIGKILL);
    }
    const auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms);
    for (;;) {
        take_all_ends();
        if ((occupied_ == 0 && asides_.empty() && left_cgroups_.empty()) || Clock::now() >= deadline) {
            return occupied_;
        }
        const auto alive = std::find_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.state == State::running; });
        pollfd first{alive == entries_.end() ? -1 : alive->pidfd.get(), POLLIN, 0};
        (void)poll(&first, 1, emergency_turn_ms);
    }
}

std::size_t Host::kill_strays(int wait_ms) {
    std::vector<std::int32_t> killed;
    const auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms);
    for (;;) {
        reap_strays();
        bool is_any = false;
        for (const std::int32_t pid : own_children()) {
            if (leaders_.contains(pid) || asides_.contains(pid) || std::find(before_.begin(), before_.end(), pid) != before_.end()) {
                continue;
            }
            // Our own child, which nobody but this thread reaps: its number cannot have changed hands since the list was read.
            kill(pid, SIGKILL);
            is_any = true;
            if (std::find(killed.begin(), killed.end(), pid) == killed.end()) {
                killed.push_back(pid);
            }
        }
        if (!is_any || Clock::now() >= deadline) {
            return killed.size();
        }
        (void)poll(nullptr, 0, 1);
    }
}

std::int32_t Host::pid_of(core::ChildIndex child) const {
    if (child >= entries_.size() || !entries_[child].is_pinned) {
        return 0;
    }
    return entries_[child].pid;
}

}  // namespace backplane::process
