// SPDX-License-Identifier: Apache-2.0
/// The copy of the engine, the ideal world around it, and what is noted of its log.
#include "daemon/core/rehearsal.hpp"

#include "daemon/core/exit_verdict.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

namespace backplane::core {

namespace {

/// What lives of an entry, and of all below it: in the order of start, as where several ends are seen at once (S-21).
std::vector<ChildIndex> living_in(const Supervision& tree, Instant now, ChildIndex top) {
    std::vector<ChildIndex> living;
    const std::uint32_t depth = tree.view(top, now).depth;
    ChildIndex i = top;
    do {
        const Body body = tree.view(i, now).body;
        if (body == Body::spawning || body == Body::alive) {
            living.push_back(i);
        }
        i = tree.next_in_tree(i);
    } while (i != no_child && tree.view(i, now).depth > depth);
    return living;
}

/// One play: a copy, its clock, and whatever is still to be answered.
class Play {
  public:
    Play(Instant now, const RehearsalBounds& bounds) : begin_(now), now_(now), bounds_(bounds) {}

    [[nodiscard]] Expected<void> load(std::string_view image) {
        auto loaded = engine_->load(image);
        if (loaded) {
            engine_->tell_all();
            know_sessions();
        }
        return loaded;
    }
    void kill(const Victim& victim);
    /// Until nothing is left to be answered or waited for. Whoever was on his way goes on.
    void run();

    [[nodiscard]] const Engine& engine() const { return *engine_; }
    [[nodiscard]] const Supervision& tree() const { return engine_->supervision(); }
    [[nodiscard]] Duration after(Instant at) const { return at - begin_; }
    [[nodiscard]] Instant now() const { return now_; }

    Rehearsal noted;

  private:
    void feed(const Event& event);
    void take(const Effect& effect);
    void note(const Record& record);
    void note_told(const Record& record);
    void know_sessions();
    void die(ChildIndex child, ExitHow how, std::int32_t status);
    void attend(ChildIndex child);
    void attend_task(ChildIndex child, const ChildView& view);
    void attend_all();

    std::unique_ptr<Engine> engine_ = std::make_unique<Engine>();
    Instant begin_, now_;
    const RehearsalBounds& bounds_;
    Effects out_;
    std::deque<ChildIndex> waiting_;  ///< whose process has something to answer
    bool slices_left_ = false;
    std::multimap<std::int32_t, SessionIndex> by_pid_;                                  ///< connections of whatever process
    std::multimap<std::pair<ChildIndex, std::uint32_t>, SessionIndex> by_incarnation_;  ///< inherited ones
};

void Play::know_sessions() {
    const Graph& graph = engine_->graph();
    for (SessionIndex s = 1; s < graph.session_slots(); ++s) {
        const SessionState& session = graph.session(s);
        if (session.open != 0 && session.worker != no_child) {
            by_incarnation_.emplace(std::pair{session.worker, session.worker_generation}, s);
        } else if (session.open != 0 && session.pid != 0) {
            by_pid_.emplace(session.pid, s);
        }
    }
}

void Play::feed(const Event& event) {
    ++noted.steps;
    engine_->step(now_, event, out_);
    for (const Record& record : out_.records) {
        note(record);
    }
    for (const Effect& effect : out_.list) {
        take(effect);
    }
    out_.clear();
}

void Play::take(const Effect& effect) {
    switch (effect.kind) {
        case EffectKind::spawn:
        case EffectKind::drain:
        case EffectKind::signal:
        case EffectKind::signal_group: waiting_.push_back(effect.child); break;
        case EffectKind::reap: waiting_.push_front(effect.child); break;  // what is dead is taken away before anybody else ends
        case EffectKind::go_on: slices_left_ = true; break;
        case EffectKind::session_ready: {
            // A program that was told to end knows it by its connection, and ends as well.
            const ChildIndex worker = engine_->graph().session(effect.session).worker;
            if (tree().contains(worker)) {
                waiting_.push_back(worker);
            }
            // And a client does what it is asked to do with tasks.
            const std::vector<ChildIndex> tasks = tree().tasks_of(effect.session);
            waiting_.insert(waiting_.end(), tasks.rbegin(), tasks.rend());
            break;
        }
        default: break;
    }
}

// ---- the ideal world ---------------------------------------------------------------------------------------------------------

/// A process ends, and its connections with it.
void Play::die(ChildIndex child, ExitHow how, std::int32_t status) {
    const ChildView view = tree().view(child, now_);
    std::vector<SessionIndex> ended;
    const auto take_out = [&ended](auto& sessions, const auto& key) {
        const auto [first, last] = sessions.equal_range(key);
        for (auto at = first; at != last; ++at) {
            ended.push_back(at->second);
        }
        sessions.erase(first, last);
    };
    take_out(by_incarnation_, std::pair{child, view.generation});
    if (view.pid != 0) {
        take_out(by_pid_, view.pid);
    }
    feed(Event::exited(child, view.generation, how, status));
    for (const SessionIndex session : ended) {
        feed(Event::session_close(session));
    }
}

/// What a well-behaved process has to answer, as it stands.
void Play::attend(ChildIndex child) {
    if (!tree().contains(child)) {
        return;
    }
    const ChildView view = tree().view(child, now_);
    if (view.is_supervisor) {
        return;
    }
    switch (view.body) {
        case Body::none: break;
        case Body::spawning:
            feed(Event::spawned(child, view.generation, 0));
            waiting_.push_back(child);
            break;
        case Body::alive:
            if (view.is_task) {
                attend_task(child, view);
            } else if (view.runs_hook) {
                feed(Event::drained(child, view.generation));  // a hook takes no time, as a stop takes none
            } else if (view.is_killed) {
                die(child, ExitHow::signalled, signal_kill);
            } else if (view.is_ending || (view.is_oneshot && !view.is_ready)) {
                die(child, ExitHow::exited, 0);
            } else if (!view.is_ready && (view.readiness == Readiness::notify || view.readiness == Readiness::probe)) {
                feed(Event::ready(child, view.generation));
            }
            break;
        case Body::draining: feed(Event::group_empty(child, view.generation)); break;
    }
}

/// A client says at once what becomes of what it is asked.
void Play::attend_task(ChildIndex child, const ChildView& view) {
    if (view.is_killed) {
        feed(Event::task_said(view.client, child, view.generation, TaskWord::over, {}, 0));
    } else if (view.is_ending) {
        feed(Event::disconnect(view.client, view.device, FaultKind::none, 0, DeviceId{}, {}, 0));
    } else if (!view.is_ready && view.readiness == Readiness::notify) {
        feed(Event::task_said(view.client, child, view.generation, TaskWord::running, {}, 0));
    }
}

/// What was under way before.
void Play::attend_all() {
    for (ChildIndex i = tree().root(); i != no_child; i = tree().next_in_tree(i)) {
        waiting_.push_back(i);
    }
    slices_left_ = engine_->graph().work_left();
}

void Play::kill(const Victim& victim) {
    if (victim.child == no_child) {
        const SessionIndex owner = engine_->graph().find(victim.device)->owner;
        feed(Event::disconnect(owner, victim.device, FaultKind::drop, 0, DeviceId{}, {}, 0));
        return;
    }
    for (const ChildIndex child : living_in(tree(), now_, victim.child)) {
        if (const ChildView view = tree().view(child, now_); view.is_task) {
            feed(Event::task_said(view.client, child, view.generation, TaskWord::over, {}, 0));  // nobody said how: it drops
        } else {
            die(child, ExitHow::signalled, signal_kill);
        }
    }
}

void Play::run() {
    attend_all();
    for (;;) {
        while (noted.steps < bounds_.events && (!waiting_.empty() || slices_left_)) {
            if (std::exchange(slices_left_, false)) {
                feed(Event::of(EventKind::go_on));
            } else {
                const ChildIndex next = waiting_.front();
                waiting_.pop_front();
                attend(next);
            }
        }
        const Instant next = engine_->pass_over_watches();
        const bool done = waiting_.empty() && !slices_left_;
        if (!done || next.is_never() || next > begin_ + bounds_.time) {
            noted.is_complete = done && next.is_never();
            return;
        }
        now_ = std::max(now_, next);
        feed(Event::of(EventKind::tick));
    }
}

// ---- what is noted -----------------------------------------------------------------------------------------------------------

void Play::note(const Record& record) {
    switch (record.kind) {
        case RecordKind::device_up:
        case RecordKind::link:
        case RecordKind::unlink: return;
        case RecordKind::notice: note_told(record); return;
        case RecordKind::device_down:
            if (record.child != no_child) {
                return;  // the tree's own words say the same
            }
            break;
        default: break;
    }
    noted.count(record, 1);
    noted.length = after(record.at);
    ++noted.happenings_total;
    if (noted.happenings.size() < bounds_.happenings) {
        noted.happenings.push_back({after(record.at), record, std::string{out_.name_of(record)}, std::string{out_.text_of(record)}});
    }
}

/// A process that neither speaks nor is managed does not hear.
void Play::note_told(const Record& record) {
    const Device* who = engine_->graph().find(record.other);
    if (who == nullptr) {
        return;
    }
    const bool managed = (who->traits & trait_managed) != 0;
    if (!managed && who->owner == daemon_session) {
        return;
    }
    ++noted.told_total;
    if (noted.told.size() < bounds_.told) {
        noted.told.push_back({after(record.at), record.other, record.device, record.fault, managed && record.fault.is_error()});
    }
}

// ---- what the death alone brings about ---------------------------------------------------------------------------------------

/// Whether anything would happen by itself.
bool is_at_rest(const Engine& engine, Instant now) {
    const Supervision& tree = engine.supervision();
    for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
        switch (tree.view(i, now).state) {
            case ChildState::starting:
            case ChildState::restarting:
            case ChildState::stopping: return false;
            default: break;
        }
    }
    return !engine.graph().work_left();
}

/// What makes two happenings the same, in two plays of one state.
auto key_of(const Rehearsal::Happening& happening) {
    const FaultRecord& fault = happening.record.fault;
    return std::tuple{happening.record.kind, happening.name, fault.kind, fault.argument, fault.root};
}

/// Takes what happens anyway off the notes, one for one, as far as it was kept.
void leave_out(Rehearsal& noted, const Rehearsal& anyway) {
    std::multiset<decltype(key_of(anyway.happenings.front()))> happens;
    for (const Rehearsal::Happening& happening : anyway.happenings) {
        happens.insert(key_of(happening));
    }
    noted.happenings_total -= std::erase_if(noted.happenings, [&](const Rehearsal::Happening& happening) {
        const auto found = happens.find(key_of(happening));
        if (found == happens.end()) {
            return false;
        }
        happens.erase(found);
        noted.count(happening.record, -1);
        return true;
    });
    std::set<std::pair<DeviceId, DeviceId>> told;
    for (const Rehearsal::Told& one : anyway.told) {
        told.emplace(one.who, one.about);
    }
    noted.told_total -= std::erase_if(noted.told, [&told](const Rehearsal::Told& one) { return told.contains({one.who, one.about}); });
}

std::optional<ChildState> state_in(const Engine& engine, ChildIndex i, Instant now) {
    const Supervision& tree = engine.supervision();
    return tree.contains(i) ? std::optional{tree.view(i, now).state} : std::nullopt;
}

/// Compares how an entry ends with how it would otherwise.
void note_fate(Play& play, const Engine& before, const Engine& otherwise, ChildIndex i, Instant now) {
    Rehearsal::Fate fate;
    fate.becomes = state_in(play.engine(), i, play.now());
    if (fate.becomes == state_in(otherwise, i, play.now())) {
        return;
    }
    fate.was = state_in(before, i, now);
    fate.name = (fate.becomes ? play.tree() : before.supervision()).view(i, now).path;
    if (fate.becomes) {
        const ChildView view = play.tree().view(i, play.now());
        fate.reason = view.reason;
        fate.waits = view.waits;
        fate.waits_for = view.waits_for != no_child ? std::string{play.tree().view(view.waits_for, now).path} : std::string{};
        fate.after = std::max(Duration{}, play.after(view.since));
    }
    play.noted.fates.push_back(std::move(fate));
}

/// Those that are there, and those that come back with their supervisor (S-44).
void note_fates(Play& play, const Engine& before, const Engine& otherwise, Instant now, std::size_t kept) {
    const Supervision& real = before.supervision();
    for (ChildIndex i = real.root(); i != no_child; i = real.next_in_tree(i)) {
        note_fate(play, before, otherwise, i, now);
    }
    for (ChildIndex i = play.tree().root(); i != no_child; i = play.tree().next_in_tree(i)) {
        if (!real.contains(i)) {
            note_fate(play, before, otherwise, i, now);
        }
    }
    play.noted.fates_total = play.noted.fates.size();
    play.noted.fates.resize(std::min(play.noted.fates.size(), kept));
}

/// What keeps it from dying, in words; empty where nothing does.
std::string why_not(const Engine& engine, Instant now, const Victim& victim) {
    if (victim.child == no_child) {
        return engine.graph().is_live(victim.device) ? "" : "down";
    }
    const Supervision& tree = engine.supervision();
    if (!living_in(tree, now, victim.child).empty()) {
        return "";
    }
    const ChildView view = tree.view(victim.child, now);
    return view.is_supervisor ? "nothing runs below it" : std::string{child_state_name(view.state)};
}

}  // namespace

void Rehearsal::count(const Record& record, int by) {
    const auto add = [by](std::uint64_t& number) { by > 0 ? ++number : --number; };
    switch (record.kind) {
        case RecordKind::device_down:
        case RecordKind::child_down:
        case RecordKind::child_start_failed:
        case RecordKind::child_completed:
            add(ends);
            if (record.fault.kind == FaultKind::cascade) {
                add(falls);
            }
            break;
        case RecordKind::child_starting: add(starts); break;
        case RecordKind::sup_giving_up: add(gives_up); break;
        default: break;
    }
}

// ---- the engine's part in it -------------------------------------------------------------------------------------------------

Instant Engine::pass_over_watches() {
    constexpr auto watch = [](DeadlineKind kind) { return 1U << static_cast<unsigned>(kind); };
    return deadlines_.put_off(watch(DeadlineKind::handshake) | watch(DeadlineKind::task_grace) | watch(DeadlineKind::resume_grace) |
                              watch(DeadlineKind::heartbeat) | watch(DeadlineKind::watchdog) | watch(DeadlineKind::cooldown) |
                              watch(DeadlineKind::postponed));
}

std::size_t Engine::image_bytes() const {
    ImageWriter counting;
    save(counting);
    return counting.bytes();
}

Expected<Rehearsal> rehearse(const Engine& engine, Instant now, const Victim& victim, const RehearsalBounds& bounds) {
    if (engine.is_stopping()) {
        return unexpected(ErrorCode::stopping, "the daemon is stopping");
    }
    if (std::string reason = why_not(engine, now, victim); !reason.empty()) {
        return unexpected(ErrorCode::device_down, std::move(reason));
    }
    const std::size_t size = engine.image_bytes();
    if (size > bounds.image_bytes) {
        return unexpected(ErrorCode::limit_reached, "the state is " + std::to_string(size >> 20U) + " MiB, and up to " +
                                                        std::to_string(bounds.image_bytes >> 20U) + " can be rehearsed with");
    }
    std::string image;
    image.reserve(size);
    engine.save(image);
    Play play(now, bounds);
    if (auto loaded = play.load(image); !loaded) {
        return unexpected(loaded.error());
    }
    play.noted.bytes = image.size();
    play.kill(victim);
    play.run();
    if (is_at_rest(engine, now)) {
        note_fates(play, engine, engine, now, bounds.fates);
        return std::move(play.noted);
    }
    Play anyway(now, bounds);
    if (auto loaded = anyway.load(image); !loaded) {
        return unexpected(loaded.error());
    }
    anyway.run();
    leave_out(play.noted, anyway.noted);
    note_fates(play, engine, anyway.engine(), now, bounds.fates);
    play.noted.bytes += image.size();
    play.noted.steps += anyway.noted.steps;
    play.noted.is_complete = play.noted.is_complete && anyway.noted.is_complete;
    return std::move(play.noted);
}

}  // namespace backplane::core
