// SPDX-License-Identifier: Apache-2.0
/// The tick and its surroundings. See loop.hpp for the order.
#include "daemon/shell/loop.hpp"

#include "daemon/process/reap.hpp"
#include "daemon/shell/clock.hpp"
#include "daemon/shell/crash.hpp"
#include "daemon/shell/log.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace backplane::shell {
namespace {

/// Connections taken in one tick; more keep the listening socket readable.
constexpr int accepts_per_tick_max = 64;
/// Set aside for spawns (each takes a few for a moment and three for good) and for what the house itself opens.
constexpr std::uint64_t descriptors_set_aside = 64;
/// What the daemon holds beside connections and workers: the standard ones, libuv's, socket, lock, signals, log.
constexpr std::uint64_t descriptors_of_our_own = 32;
constexpr std::uint64_t descriptors_per_connection = 2;
constexpr std::uint64_t descriptors_per_worker = 6;
/// How long accepting rests where it is not our own descriptors that lack.
constexpr Duration accept_rest = Duration::seconds(1);
/// How long a journal that could not be made anew is let be.
constexpr Duration compact_rest = Duration::seconds(1);
/// So long after a deadline came due the loop was away, and not only busy.
constexpr Duration late_after = Duration::milliseconds(250);
/// The manager hears of a change so much later at most, and so often at most.
constexpr Duration status_rest = Duration::milliseconds(100);

template <class Handle>
uv_handle_t* as_handle(Handle& handle) {
    return reinterpret_cast<uv_handle_t*>(&handle);
}

}  // namespace

Loop::Loop(const LoopParts& parts) : parts_(parts) {
    if (const int wrong = uv_loop_init(&loop_); wrong != 0) {
        log_error(std::string{"the event loop cannot be made: "} + uv_strerror(wrong));
        return;
    }
    is_open_ = true;
    uv_check_init(&loop_, &check_);
    uv_idle_init(&loop_, &idle_);
    uv_timer_init(&loop_, &timer_);
    check_.data = this;
    timer_.data = this;
    connections_.emplace(&loop_, parts_.hub);
    outputs_.emplace(&loop_, parts_.hub, static_cast<std::uint64_t>(read_clock().now.ns / 1000));
    outputs_->held_by(parts_.keeper);
    parts_.hub.set_output(&*outputs_);
    workers_.emplace(&loop_, parts_.hub, parts_.host, *connections_, *outputs_, parts_.listener.path(), parts_.listener.path() + ".notify");
    workers_->note_spawns(parts_.recorder);
    workers_->held_by(parts_.keeper);
}

Loop::~Loop() {
    if (!is_open_) {
        return;
    }
    workers_.reset();
    parts_.hub.set_output(nullptr);
    outputs_.reset();
    connections_->close_all();
    connections_.reset();
    signal_watch_.stop();
    accept_watch_.stop();
    keeper_watch_.stop();
    for (uv_handle_t* handle : {as_handle(check_), as_handle(idle_), as_handle(timer_)}) {
        uv_close(handle, nullptr);
    }
    uv_run(&loop_, UV_RUN_DEFAULT);  // runs the closing callbacks, nothing else is left
    uv_loop_close(&loop_);
}

// ---- running -------------------------------------------------------------------------------------------------------------

bool Loop::open_handles() {
    const auto mark = [](Mark which) { return static_cast<std::uint64_t>(which); };
    const bool is_watching =
        signal_watch_.start(&loop_, parts_.signals.fd(), watch_readable, *this, mark(Mark::signals)) == 0 &&
        accept_watch_.start(&loop_, parts_.listener.fd(), watch_readable, *this, mark(Mark::listener)) == 0 &&
        (parts_.keeper == nullptr || keeper_watch_.start(&loop_, parts_.keeper->fd(), watch_readable, *this, mark(Mark::keeper)) == 0);
    uv_check_start(&check_, [](uv_check_t* check) { static_cast<Loop*>(check->data)->tick(); });
    return is_watching;
}

void Loop::begin() {
    const Moment moment = read_clock();
    now_ = moment.now;
    parts_.hub.set_time(moment.now, moment.wall_us);
    parts_.hub.record_to(parts_.recorder);
}

void Loop::boot(std::string_view tree, std::string_view limits) {
    begin();
    workers_->clear_leftovers();
    parts_.hub.feed(core::Event::boot(Epoch{random_bits()}, random_bits(), geteuid(), limits));
    parts_.hub.feed(core::Event::configure(tree));
}

/// Connections come behind the event: it closes the sessions that had not said hello, and they have nobody to tell.
void Loop::recover() {
    begin();
    parts_.hub.feed(core::Event::of(core::EventKind::recovered));
    outputs_->recover();
    parts_.hub.restore();
    workers_->forget_unused_soon();
    // Whose process is gone does not come back (T-12). Where its number is another's by now its grace will tell.
    const core::Graph& graph = parts_.hub.engine().graph();
    for (core::SessionIndex s = 1; s < graph.session_slots(); ++s) {
        const core::SessionState& session = graph.session(s);
        if (graph.is_open(s) && session.worker == core::no_child && session.pid > 1 && kill(session.pid, 0) != 0 && errno == ESRCH) {
            parts_.hub.drop_away(s);
        }
    }
}

int Loop::run() {
    if (!is_open_ || !open_handles()) {
        crash("the listening socket or the signals cannot be watched");
    }
    parts_.notify.ready(parts_.hub.status_text());
    tick();
    if (parts_.keeper != nullptr) {
        parts_.keeper->serving();
    }
    while (!exit_code_) {
        uv_run(&loop_, UV_RUN_DEFAULT);  // until the tick of a halt stops it
    }
    stop();
    return *exit_code_;
}

void Loop::on_ready(std::uint64_t token, unsigned) noexcept {
    switch (static_cast<Mark>(token)) {
        case Mark::signals: signalled_ = true; break;
        case Mark::listener: somebody_waits_ = true; break;
        case Mark::keeper: keeper_spoke_ = true; break;
    }
}

// ---- the tick ------------------------------------------------------------------------------------------------------------

void Loop::tick() {
    const Moment moment = read_clock();
    now_ = moment.now;
    session::Hub& hub = parts_.hub;
    hub.set_time(moment.now, moment.wall_us);
    meet_deadlines();
    take_keeper();
    workers_->take_starts(now_);
    workers_->take_exits();
    workers_->take_probes(now_);
    workers_->take_drains();
    workers_->take_notifications();
    outputs_->run(now_);
    take_connections();
    connections_->read_ready();
    workers_->note_left(connections_->tell_ends());
    if (hub.wants_go_on()) {
        hub.go_on();
    }
    settle_machine();
    tell();
    workers_->spawn_some();
    take_signals();
    workers_->sweep(std::exchange(child_died_, false), now_);
    settle_machine();
    tell();
    tell_manager();
    write_lines();
    keep_journal();
    take_requests();
    if (exit_code_) {
        uv_stop(&loop_);
    } else {
        sleep();
    }
}

/// Where this loop itself was away, what came due meanwhile is judged when everybody had time to be heard: once, so what was put
/// off is not put off again however often the loop is late.
void Loop::meet_deadlines() {
    session::Hub& hub = parts_.hub;
    const Instant due = hub.next_deadline();
    if (due > now_) {
        return;
    }
    const bool is_late = now_ - due > late_after && due > put_off_until_;
    if (is_late) {
        put_off_until_ = now_ + core::late_grace;
        hub.put_off(put_off_until_);
    }
    hub.feed(core::Event::of(is_late ? core::EventKind::late : core::EventKind::tick));
}

void Loop::take_signals() {
    if (!std::exchange(signalled_, false)) {
        return;
    }
    const SignalsSeen seen = parts_.signals.take();
    child_died_ = seen.child;
    const bool is_kept = parts_.keeper != nullptr;
    upgrade_wanted_ = upgrade_wanted_ || seen.upgrade;
    // A terminal sends these to keeper and daemon alike, and the keeper passes on its own.
    reload_wanted_ = reload_wanted_ || (seen.hangup && !is_kept);  // any number of them is one
    direct_stops_ += seen.terminate + (is_kept ? 0 : seen.interrupt);
    terminate();
}

/// Whoever sends a stop request to keeper and daemon alike has sent one. What an earlier daemon took counts too: the core knows.
void Loop::terminate() {
    const std::uint64_t wanted = std::max(direct_stops_, parts_.keeper == nullptr ? 0 : parts_.keeper->stops());
    while (parts_.hub.engine().terminations() < wanted) {
        parts_.hub.feed(core::Event::of(core::EventKind::terminate));
    }
    if (parts_.hub.engine().is_stopping() && !std::exchange(said_stopping_, true)) {
        log_info("stopping");
        parts_.notify.stopping();
    }
}

/// What the keeper has to say: ends of its children are exits like others (decision 34).
void Loop::take_keeper() {
    KeeperLink* keeper = parts_.keeper;
    if (keeper == nullptr || !(std::exchange(keeper_spoke_, false) || keeper->has_unsent())) {
        return;
    }
    for (const keeper::Message& message : keeper->receive()) {
        switch (message.kind) {
            case keeper::Kind::ended: workers_->note_ended(message.pid, process::exit_how(message.how), message.status); break;
            case keeper::Kind::probe: keeper->alive(message.number); break;
            case keeper::Kind::refused: outputs_->refused(message.number); break;
            case keeper::Kind::signal:
                if (message.status == SIGUSR2) {
                    upgrade_wanted_ = true;
                } else {
                    reload_wanted_ = true;
                }
                break;
            default: break;
        }
    }
    keeper_watch_.change(watch_readable | (keeper->has_unsent() ? watch_writable : 0U));
    terminate();
    if (keeper->is_gone() && !exit_code_) {
        keeper_watch_.stop();
        log_error("the keeper is gone: this daemon ends, its workers live on");
        ending_ = LoopEnd::keeper_gone;
        exit_code_ = 1;
    }
}

/// Makes room, and says what the operator must know of it.
void Loop::keep_journal() {
    journal::Journal* journal = parts_.journal;
    if (journal == nullptr) {
        return;
    }
    if ((journal->is_full() || journal->is_broken()) && !std::exchange(said_full_, true)) {
        log_error("the journal has no room (" + journal->path() + "): new work is refused, and a crash may cost what is not in it");
    }
    if (!journal->wants_compaction() || now_ < compact_again_) {
        return;
    }
    if (Expected<void> done = journal->compact(parts_.hub.image()); !done) {
        compact_again_ = now_ + compact_rest;
        log_error(done.error().text());
    } else if (std::exchange(said_full_, false)) {
        log_info("the journal has room again");
    }
}

/// Everything but spawns, until nothing more comes of it.
void Loop::settle_machine() {
    for (;;) {
        parts_.hub.take_machine(machine_);
        if (machine_.empty()) {
            return;
        }
        for (const core::Effect& effect : machine_) {
            switch (effect.kind) {
                case core::EffectKind::halt: exit_code_ = exit_code_.value_or(effect.argument); break;
                case core::EffectKind::supervisor_state: break;  // the status is compared anyhow
                default: workers_->carry_out(effect); break;
            }
        }
    }
}

void Loop::tell() { connections_->flush(now_); }

// ---- accepting -----------------------------------------------------------------------------------------------------------

void Loop::take_connections() {
    if (can_resume()) {
        resume_accepting();
    }
    if (!std::exchange(somebody_waits_, false) || is_paused_) {
        return;
    }
    for (int i = 0; i < accepts_per_tick_max; ++i) {
        if (!has_room()) {
            return pause_accepting(false);
        }
        Accepted accepted = parts_.listener.accept();
        if (accepted.outcome == AcceptOutcome::none) {
            said_paused_ = false;
            return;
        }
        if (accepted.outcome == AcceptOutcome::exhausted) {
            return pause_accepting(true);
        }
        connections_->add_client(std::move(accepted.socket));
    }
}

/// Whether one more connection leaves the descriptors alone that are set aside.
bool Loop::has_room() const {
    const std::uint64_t aside = std::min(descriptors_set_aside, parts_.open_files_max / 4);
    const std::uint64_t used = descriptors_of_our_own + descriptors_per_connection * (connections_->count() + 1) +
                               descriptors_per_worker * parts_.host.occupied() + parts_.host.asides();
    return used + aside <= parts_.open_files_max;
}

/// Whoever waits stays in the socket's queue, and the loop sleeps, until a connection closes; where `for_others` it may be
/// the machine's limit, so a timer tries again too.
void Loop::pause_accepting(bool for_others) {
    is_paused_ = true;
    closed_at_pause_ = connections_->closed();
    accept_again_ = for_others ? now_ + accept_rest : Instant::never();
    accept_watch_.change(0);
    if (!std::exchange(said_paused_, true)) {
        log_warning("out of descriptors with " + std::to_string(connections_->count()) + " connections: accepting rests until one closes");
    }
}

bool Loop::can_resume() const {
    if (!is_paused_) {
        return false;
    }
    return accept_again_.is_never() ? has_room() : connections_->closed() != closed_at_pause_ || accept_again_ <= now_;
}

void Loop::resume_accepting() {
    is_paused_ = false;
    accept_again_ = Instant::never();
    somebody_waits_ = true;
    accept_watch_.change(watch_readable);
}

// ---- the rest of a tick --------------------------------------------------------------------------------------------------

/// Under a storm of connections the manager hears the last state of each stretch only.
void Loop::tell_manager() {
    if (!parts_.notify.is_wanted()) {
        return;
    }
    const auto steps = static_cast<std::uint32_t>(parts_.hub.engine().steps());
    if (status_due_.is_never() && steps != steps_told_) {
        status_due_ = now_ + status_rest;
    }
    if (status_due_ <= now_) {
        steps_told_ = steps;
        status_due_ = Instant::never();
        parts_.notify.status(parts_.hub.status_text());
    }
}

void Loop::write_lines() {
    parts_.hub.take_lines(lines_);
    for (const std::string& line : lines_) {
        log_info(line);
    }
}

/// Lets the loop wait, for as long as nothing is due. libuv's poll does not wait while an idle handle is active.
void Loop::sleep() {
    const bool is_busy = parts_.hub.wants_go_on() || workers_->has_work() || outputs_->has_work() || connections_->has_work() ||
                         somebody_waits_ || signalled_ || can_resume();
    if (is_busy) {
        stay_awake();
    } else {
        uv_idle_stop(&idle_);
    }
    const Instant due = std::min({parts_.hub.next_deadline(), connections_->next_deadline(), workers_->next_sweep(), workers_->next_look(),
                                  outputs_->next_look(), accept_again_, status_due_});
    if (due == timer_due_) {
        return;
    }
    timer_due_ = due;
    if (due.is_never()) {
        uv_timer_stop(&timer_);
        return;
    }
    uv_update_time(&loop_);
    uv_timer_start(&timer_, &Loop::on_timer, static_cast<std::uint64_t>(milliseconds_until(due, now_)), 0);
}

/// libuv counts whole milliseconds and may be early by a part of one; it also runs timers before it waits. Either way a tick
/// must come before the loop waits again, and that tick sets the timer anew.
void Loop::on_timer(uv_timer_t* timer) {
    Loop& self = *static_cast<Loop*>(timer->data);
    self.timer_due_ = Instant::never();
    self.stay_awake();
}

/// Keeps the next poll from waiting; starting what is started does nothing.
void Loop::stay_awake() {
    uv_idle_start(&idle_, [](uv_idle_t*) {});
}

/// The last words: every connection hears of the end, as far as its socket has room; then nothing of a worker is left.
void Loop::stop() {
    if (ending_ != LoopEnd::stopped) {
        // No word to anybody: who is told nothing comes back to whoever is there then (T-10).
        write_lines();
        parts_.hub.record_to(nullptr);
        outputs_->let_go();
        workers_->let_go();
        return;
    }
    parts_.hub.say_bye();
    connections_->flush(now_);
    write_lines();
    workers_->kill_all();
    outputs_->close();
}

}  // namespace backplane::shell
