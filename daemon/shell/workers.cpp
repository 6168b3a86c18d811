// SPDX-License-Identifier: Apache-2.0
/// Spawning, watching and reaping on behalf of the core.
#include "daemon/shell/workers.hpp"

#include "daemon/shell/log.hpp"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace backplane::shell {
namespace {

using core::EffectKind;
using core::Event;

/// A notify socket's marks carry this bit beside the child.
constexpr std::uint64_t of_notify = 1ULL << 32U;
/// The marks of exec helpers' answers this one.
constexpr std::uint64_t of_start = 1ULL << 33U;

/// Removes what a daemon that was killed left there: sockets, which nobody serves since we hold the lock, but for those to be kept.
void clear_sockets(const std::string& folder, const std::vector<std::string>& kept) {
    DIR* listing = opendir(folder.c_str());
    if (listing == nullptr) {
        return;
    }
    while (const dirent* entry = readdir(listing)) {
        struct stat info {};
        if (std::find(kept.begin(), kept.end(), folder + "/" + entry->d_name) != kept.end()) {
            continue;
        }
        if (fstatat(dirfd(listing), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(info.st_mode)) {
            unlinkat(dirfd(listing), entry->d_name, 0);
        }
    }
    closedir(listing);
}

}  // namespace

Workers::Workers(uv_loop_t* loop, session::Hub& hub, process::Host& host, Connections& connections, Outputs& outputs,
                 std::string socket_path, std::string notify_folder)
    : loop_(loop),
      hub_(hub),
      host_(host),
      connections_(connections),
      outputs_(outputs),
      probes_(loop, host),
      drains_(loop, host),
      socket_path_(std::move(socket_path)),
      notify_folder_(std::move(notify_folder)) {}

void Workers::clear_leftovers() {
    host_.clear_control_groups();
    clear_sockets(notify_folder_, {});
    if (keeper_ != nullptr) {
        keeper_->drop_untaken(notify_key);
    }
    rmdir(notify_folder_.c_str());
}

void Workers::forget_unused() {
    host_.take_control_groups();
    clear_sockets(notify_folder_, host_.notify_paths());
    if (keeper_ != nullptr) {
        keeper_->drop_untaken(notify_key);
    }
}

Workers::~Workers() {
    if (has_notify_folder_) {
        rmdir(notify_folder_.c_str());
    }
}

Workers::Worker& Workers::worker(core::ChildIndex child) {
    if (child >= workers_.size()) {
        workers_.resize(child + std::size_t{1});
    }
    if (!workers_[child]) {
        workers_[child] = std::make_unique<Worker>();
    }
    return *workers_[child];
}

// ---- ends and words ----------------------------------------------------------------------------------------------------

void Workers::on_ready(std::uint64_t token, unsigned) noexcept {
    const auto child = static_cast<core::ChildIndex>(token);
    if ((token & of_start) != 0) {
        is_start_known_ = true;
        return;
    }
    ((token & of_notify) != 0 ? spoke_ : ended_).push_back(child);
}

void Workers::take_exits() {
    std::vector<core::ChildIndex> ended = std::exchange(ended_, {});
    std::sort(ended.begin(), ended.end());
    ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
    for (const core::ChildIndex child : ended) {
        take_exit(child);
    }
}

void Workers::take_exit(core::ChildIndex child) {
    Worker& dead = worker(child);
    if (!dead.is_watched) {
        return;
    }
    const auto exit = host_.take_exit(child, dead.generation);
    if (!exit) {
        return;
    }
    dead.is_watched = false;
    dead.exit_watch.stop();  // a pidfd stays readable
    dead.notify_watch.stop();
    probes_.end(child);
    drop(child);
    // An explicit disconnect that it wrote wins over how it ended (D-4), so its last words come first. Its socket ends with
    // it, whoever else holds it (T-8).
    connections_.drain_worker(dead.session, child, dead.generation);
    if (exit->said.ready) {
        hub_.feed(Event::ready(child, dead.generation));
    }
    exited(child, dead.generation, dead.session, exit->how, exit->status);
}

/// Where its socket went with a daemon, nobody is left who could come back for its session (T-8).
void Workers::exited(core::ChildIndex child, std::uint32_t generation, core::SessionIndex session, core::ExitHow how, std::int32_t status) {
    drains_.end(child);
    // Its last words have no place where every byte left is for the deaths themselves.
    const std::string words = notes_ != nullptr && notes_->is_scarce() ? std::string{} : outputs_.last_words(child, generation);
    hub_.feed(Event::exited(child, generation, how, status, words));
    if (hub_.is_away(session, child, generation)) {
        hub_.release(session);
    }
}

void Workers::take_notifications() {
    for (const core::ChildIndex child : std::exchange(spoke_, {})) {
        if (worker(child).is_watched) {
            take_word(child);
        }
    }
}

void Workers::take_word(core::ChildIndex child) {
    const std::uint32_t generation = worker(child).generation;
    const process::Notification said = host_.read_notify(child, generation);
    if (said.ready) {
        hub_.feed(Event::ready(child, generation));
        host_.take_ready(child, generation);  // only now that the journal has it
        drop(child);
    }
    if (said.watchdog) {
        alive(child, generation);
    }
    if (said.failing) {
        triggered(child, generation);
    }
}

/// WATCHDOG=1: it lives.
void Workers::alive(core::ChildIndex child, std::uint32_t generation) { hub_.feed(Event::alive(child, generation)); }

/// WATCHDOG=trigger: it asks to be taken for hung.
void Workers::triggered(core::ChildIndex child, std::uint32_t generation) { hub_.feed(Event::silent(child, generation)); }

void Workers::note_left(const std::vector<process::Incarnation>& left) {
    for (const process::Incarnation& incarnation : left) {
        if (host_.is_ending(incarnation.child, incarnation.generation)) {
            hub_.feed(Event::exiting(incarnation.child, incarnation.generation));
        }
    }
}

// ---- effects -----------------------------------------------------------------------------------------------------------

bool Workers::waits_for_spawn(core::ChildIndex child) const {
    return std::any_of(waiting_.begin() + static_cast<std::ptrdiff_t>(next_waiting_), waiting_.end(),
                       [child](const core::Effect& effect) { return effect.child == child; });
}

void Workers::carry_out(const core::Effect& effect) {
    if (effect.kind == EffectKind::spawn || (has_spawns() && waits_for_spawn(effect.child))) {
        waiting_.push_back(effect);
        return;
    }
    switch (effect.kind) {
        case EffectKind::adopt: adopt(effect, effect.argument, effect.number); break;
        case EffectKind::adopt_dead:
            (void)host_.adopt(effect.child, effect.generation, effect.argument, effect.number, true, {});
            next_sweep_ = Instant{};
            break;
        case EffectKind::spawn_or_find: spawn_or_find(effect); break;
        case EffectKind::drain: drain(effect.child, effect.generation); break;
        case EffectKind::signal:
            drains_.end(effect.child);
            (void)host_.signal(effect.child, effect.generation, effect.argument);
            break;
        case EffectKind::signal_group:
            drains_.end(effect.child);
            (void)host_.signal_group(effect.child, effect.generation, effect.argument);
            break;
        case EffectKind::reap: reap(effect); break;
        default: break;
    }
}

void Workers::reap(const core::Effect& effect) {
    const bool whole_group = effect.argument == 0;  // else kill_mode `leader`: nobody waits for the others
    switch (host_.reap(effect.child, effect.generation, whole_group)) {
        case process::ReapResult::group_empty: hub_.feed(Event::group_empty(effect.child, effect.generation)); break;
        case process::ReapResult::lingering: next_sweep_ = Instant{}; break;
        default: break;
    }
}

void Workers::spawn_some() {
    if (std::exchange(has_unused_, false)) {
        forget_unused();
    }
    std::size_t started = 0;
    while (has_spawns() && started < spawns_per_tick_max) {
        const core::Effect effect = waiting_[next_waiting_++];
        if (effect.kind == EffectKind::spawn) {
            ++started;
            spawn(effect);
        } else {
            carry_out(effect);
        }
    }
    if (!has_spawns()) {
        waiting_.clear();
        next_waiting_ = 0;
    }
}

void Workers::spawn(const core::Effect& effect) {
    const core::Supervision& tree = hub_.engine().supervision();
    const auto fail = [&](core::SpawnStep step, int error_number) { failed(effect, step, error_number); };
    const Expected<core::LaunchSpec> launch = core::decode_launch(tree.launch(effect.child));
    if (!launch) {
        return fail(core::SpawnStep::prepare, EINVAL);
    }
    int wrong = 0;
    process::SpawnOptions options = options_for(effect.child, wrong);
    if (wrong != 0) {
        return fail(core::SpawnStep::notify_socket, wrong);
    }
    if (options.wants_notify) {  // the keeper has it before anybody can speak: a crash of ours loses no word
        const int notify_fd = host_.bind_notify(effect.child, effect.generation, notify_folder_);
        if (notify_fd < 0) {
            return fail(core::SpawnStep::notify_socket, -notify_fd);
        }
        hold(effect.child, notify_fd);
    }
    const Outputs::Given outputs = outputs_.give(effect.child, effect.generation, *launch);
    if (outputs.error_number != 0) {
        return fail(core::SpawnStep::output, outputs.error_number);
    }
    options.outputs = outputs.numbers();
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return fail(core::SpawnStep::prepare, errno);
    }
    process::Descriptor ours{ends[0]};
    const process::Descriptor theirs{ends[1]};
    options.worker_socket = theirs.get();
    // Its session before itself: where we crash in between it finds its way back by what its environment says.
    const core::SessionIndex session = connections_.add_worker(std::move(ours), effect.child, effect.generation, 0);
    options.resume = hub_.resume_text(session);
    options.pid_place = notes_ == nullptr ? nullptr : notes_->begin(effect.child, effect.generation);
    const process::SpawnOutcome outcome = host_.spawn(effect.child, effect.generation, *launch, options);
    if (!outcome.started) {
        connections_.close_worker(session);
        return fail(outcome.step, outcome.error_number);
    }
    if (outcome.start_fd >= 0) {
        return await_start(effect, outcome, session);
    }
    started(effect, outcome, session);
}

void Workers::failed(const core::Effect& effect, core::SpawnStep step, int error_number) {
    drop(effect.child);
    hub_.feed(Event::spawn_failed(effect.child, effect.generation, step, error_number));
}

// ---- starts by the exec helper -------------------------------------------------------------------------------------------

void Workers::await_start(const core::Effect& effect, const process::SpawnOutcome& outcome, core::SessionIndex session) {
    auto starting = std::make_unique<Starting>();
    starting->effect = effect;
    starting->session = session;
    if (starting->watch.start(loop_, outcome.start_fd, watch_readable, *this, effect.child | of_start) != 0) {
        log_warning("pid " + std::to_string(outcome.pid) + ": its start cannot be watched");
    }
    starting_.push_back(std::move(starting));
    is_start_known_ = true;  // the next tick looks, and the patience begins
}

void Workers::take_starts(Instant now) {
    is_start_known_ = false;
    std::erase_if(starting_, [&](const std::unique_ptr<Starting>& starting) { return settle_start(*starting, now); });
}

bool Workers::settle_start(Starting& starting, Instant now) {
    const core::Effect& effect = starting.effect;
    if (!host_.is_start_known(effect.child, effect.generation)) {
        if (starting.begun.is_never()) {
            starting.begun = now;
        } else if (starting.begun + start_patience <= now) {
            host_.give_up_start(effect.child, effect.generation);
            starting.begun = now;  // until it is gone, which cannot be hurried
        }
        return false;
    }
    starting.watch.stop();  // what it watches is closed by the answer
    const auto outcome = host_.take_start(effect.child, effect.generation);
    if (!outcome) {
        return true;
    }
    if (outcome->started) {
        started(effect, *outcome, starting.session);
    } else {
        connections_.close_worker(starting.session);
        failed(effect, outcome->step, outcome->error_number);
    }
    return true;
}

Instant Workers::next_look() const {
    Instant next = probes_.next();
    for (const auto& starting : starting_) {
        if (!starting->begun.is_never()) {
            next = std::min(next, starting->begun + start_patience);
        }
    }
    return next;
}

// ---- probes and drain hooks ------------------------------------------------------------------------------------------------

void Workers::probe(core::ChildIndex child, std::uint32_t generation) {
    const core::Supervision& tree = hub_.engine().supervision();
    const core::ChildView view = tree.view(child, Instant{});
    if (view.readiness != core::Readiness::probe || view.state == core::ChildState::running) {
        return;
    }
    Expected<core::LaunchSpec> launch = core::decode_launch(tree.launch(child));
    if (launch) {
        process::SpawnOptions options;
        options.socket_path = socket_path_;
        probes_.begin({child, generation}, std::move(*launch), std::move(options));
    }
}

void Workers::take_probes(Instant now) {
    for (const process::Incarnation& ready : probes_.run(now)) {
        hub_.feed(Event::ready(ready.child, ready.generation));
    }
}

void Workers::drain(core::ChildIndex child, std::uint32_t generation) {
    const core::Supervision& tree = hub_.engine().supervision();
    const core::ChildView view = tree.view(child, Instant{});
    if (!view.runs_hook || view.generation != generation) {
        return;  // it ended before its hook's turn came
    }
    if (Expected<core::LaunchSpec> launch = core::decode_launch(tree.launch(child))) {
        drains_.begin({child, generation}, view.pid, std::move(*launch), socket_path_, std::string{view.path});
    }
}

void Workers::take_drains() {
    for (const process::Incarnation& over : drains_.run()) {
        hub_.feed(Event::drained(over.child, over.generation));
    }
}

process::SpawnOptions Workers::options_for(core::ChildIndex child, int& wrong) {
    const core::ChildView view = hub_.engine().supervision().view(child, Instant{});
    process::SpawnOptions options;
    options.socket_path = socket_path_;
    options.watchdog_us = view.watchdog.ns > 0 ? static_cast<std::uint64_t>(std::max<std::int64_t>(view.watchdog.ns / 1000, 1)) : 0;
    options.wants_notify = view.readiness == core::Readiness::notify || options.watchdog_us != 0;
    options.notify_directory = notify_folder_;
    wrong = options.wants_notify ? make_notify_folder() : 0;
    return options;
}

void Workers::started(const core::Effect& effect, const process::SpawnOutcome& outcome, core::SessionIndex session) {
    watch(effect, outcome, session);
    probe(effect.child, effect.generation);
    hub_.feed(Event::spawned(effect.child, effect.generation, outcome.pid, outcome.started_at));
}

void Workers::watch(const core::Effect& effect, const process::SpawnOutcome& outcome, core::SessionIndex session) {
    Worker& made = worker(effect.child);
    made.generation = effect.generation;
    made.is_watched = true;
    made.session = session;
    if (made.exit_watch.start(loop_, outcome.pidfd, watch_readable, *this, effect.child) != 0) {
        log_warning("pid " + std::to_string(outcome.pid) + " cannot be watched by its pidfd: SIGCHLD tells of its end");
        unwatched_.push_back(effect.child);
    }
    if (outcome.notify_fd >= 0 && made.notify_watch.start(loop_, outcome.notify_fd, watch_readable, *this, effect.child | of_notify) != 0) {
        log_warning("pid " + std::to_string(outcome.pid) + ": its notify socket cannot be watched");
    }
}

int Workers::make_notify_folder() {
    if (has_notify_folder_) {
        return 0;
    }
    // Others may pass through: a worker with a user of its own finds its socket, which is its user's, and sees no other.
    if (mkdir(notify_folder_.c_str(), 0711) != 0) {
        struct stat there {};
        const int wrong = errno;
        if (wrong != EEXIST || lstat(notify_folder_.c_str(), &there) != 0 || !S_ISDIR(there.st_mode) || there.st_uid != geteuid()) {
            return wrong;
        }
    }
    has_notify_folder_ = true;
    return 0;
}

// ---- what is left over -------------------------------------------------------------------------------------------------

void Workers::sweep(bool child_died, Instant now) {
    if (child_died) {
        ended_.insert(ended_.end(), unwatched_.begin(), unwatched_.end());
        std::erase_if(unwatched_, [this](core::ChildIndex child) { return !worker(child).is_watched; });
    }
    if (!child_died && now < next_sweep_) {
        return;
    }
    for (const process::Incarnation& gone : host_.sweep()) {
        hub_.feed(Event::group_empty(gone.child, gone.generation));
    }
    const int delay_ms = host_.next_sweep_delay_ms();
    next_sweep_ = delay_ms < 0 ? Instant::never() : now + Duration::milliseconds(delay_ms);
}

void Workers::forget_all() {
    workers_.clear();
    probes_.clear();
    drains_.clear();
    starting_.clear();
    waiting_.clear();
    next_waiting_ = 0;
}

void Workers::kill_all() {
    forget_all();
    if (const std::size_t left = host_.kill_everything(); left != 0) {
        log_error(std::to_string(left) + " workers cannot be killed");
    }
    if (const std::size_t strays = host_.kill_strays(); strays != 0) {
        log_warning(std::to_string(strays) + " processes had left their workers' groups and were killed");
    }
}

}  // namespace backplane::shell
