// SPDX-License-Identifier: Apache-2.0
/// The driver: what happens, the invariants of section 10 that no model is needed for, and how a history ends.
#include "tests/sim/supervision_history.hpp"

#include "tests/sim/rehearse.hpp"

#include <algorithm>
#include <initializer_list>

namespace backplane::sim {

namespace {

using namespace core;

constexpr SessionIndex operator_session = 1;
/// How long a world without faults may take to come to rest (bounded liveness).
constexpr Duration rest_time = Duration::seconds(120);

}  // namespace

SupervisionHistory::SupervisionHistory(const Plan& plan, std::uint64_t forget_each)
    : plan_(plan), chance_(plan.seed), machine_(chance_), crew_(chance_), model_(plan.tree) {
    model_.forget_each = forget_each;
}

std::string SupervisionHistory::run() {
    out_.clear();
    engine_->step(now_, Event::boot(Epoch{plan_.seed * 2 + 1}, plan_.seed, 1000), out_);
    engine_->step(now_, Event::session_open(operator_session, 1000, 1, no_child, 0), out_);
    engine_->step(now_, Event::session_greeted(operator_session), out_);
    const std::string encoded = encode_spec(plan_.tree);
    feed("configure", Event::configure(encoded));
    chance_ = Chance(plan_.seed + 3);
    chance_.one_in(4) ? void() : open_client();
    for (const std::uint64_t seed : plan_.acts) {
        if (wrong_.empty()) {
            act(seed);
        }
    }
    chance_ = Chance(plan_.seed + 5);
    if (wrong_.empty() && !chance_.one_in(4)) {
        quiet();
    }
    if (wrong_.empty()) {
        stop();
    }
    return wrong_;
}

// ---- one step ------------------------------------------------------------------------------------------------------------------

void SupervisionHistory::note(const char* what, const Event& event) {
    std::string line = std::to_string(static_cast<double>(now_.ns) / 1e6) + " ms  " + what;
    if (event.child != no_child && tree().contains(event.child)) {
        line.append(" ").append(tree().view(event.child, now_).path);
    }
    if (event.kind == EventKind::command || event.kind == EventKind::add_child) {
        line += " as request " + std::to_string(event.number) + ((event.flag & command_waits) != 0 ? ", waits" : "");
    } else if (event.kind == EventKind::exited) {
        line += " how " + std::to_string(event.mode) + " status " + std::to_string(event.argument);
    } else if (event.kind == EventKind::register_name || event.kind == EventKind::release_name) {
        line.append(" ").append(event.text);
    } else if (event.kind == EventKind::disconnect) {
        const Device* const device = engine_->graph().find(event.device);
        const bool known = device != nullptr && device->child != no_child && tree().contains(device->child);
        line += (known ? " " + std::string{tree().path(device->child)} : std::string{}) + " fault " + std::to_string(event.fault);
    }
    line += event.session > operator_session ? ", client " + std::to_string(event.session) : "";
    story_.push_back(line);
}

void SupervisionHistory::feed(const char* what, const Event& event) {
    if (!wrong_.empty()) {
        return;
    }
    note(what, event);
    out_.clear();
    ++steps_;
    engine_->step(now_, event, out_);
    granted_ = engine_->graph().granted();
    model_.step(now_, event, out_);
    const std::vector<TaskNews> news = crew_.read(*engine_, now_);
    std::vector<Owing> owed;
    for (const TaskNews& one : news) {
        owed.push_back(Owing{0, one.client, one.kind, one.child, one.generation});
        story_.push_back("        owed " + std::to_string(static_cast<int>(one.kind)) + " " + std::string{tree().path(one.child)});
    }
    const std::string wrong = model_.compare(now_, *engine_, out_, owed);
    crew_.take(*engine_, now_, news);
    effects_.assign(out_.list.begin(), out_.list.end());
    for (const Effect& effect : effects_) {
        work_left_ = work_left_ || effect.kind == EffectKind::go_on;
        trace_ = (trace_ ^ (static_cast<std::uint64_t>(effect.kind) << 32 | effect.child)) * 0x100000001b3ULL;
    }
    for (const Record& record : out_.records) {
        story_.push_back("        " + std::to_string(static_cast<int>(record.kind)) + " " + std::string{out_.name_of(record)});
        if (record.kind == RecordKind::child_starting) {
            look_at_starts(record);
        } else if (record.kind == RecordKind::sup_down) {
            look_at_down(record);
        }
    }
    machine_.take(effects_);
    for (const std::string* const said : std::initializer_list<const std::string*>{&wrong, &machine_.wrong, &crew_.wrong}) {
        said->empty() ? void() : fail(std::string{what} + ": " + *said);
    }
    if (Chance save(plan_.seed ^ (steps_ << 20)); save.one_in(16)) {
        save_and_load();
    } else if (save.one_in(40)) {
        imagine_crash();
    } else if (save.one_in(20)) {
        if (const std::string why = rehearse_somebody(*engine_, now_, plan_.seed ^ steps_); !why.empty()) {
            fail(why);
        }
    }
}

/// Section 10, (2) and (7).
void SupervisionHistory::look_at_starts(const Record& record) {
    if (!ids_.insert(record.device).second) {
        fail("an id was given twice");
    }
    if (!tree().contains(record.child)) {
        return;
    }
    const ChildView view = tree().view(record.child, now_);
    const Strategy strategy = tree().view(view.supervisor, now_).strategy;
    if (view.state != ChildState::restarting || (strategy != Strategy::rest_for_one && strategy != Strategy::one_for_all)) {
        return;  // by hand, or nobody's business
    }
    const Kid& above = model_.kids()[static_cast<std::size_t>(model_.kid_at(view.supervisor))];
    if (above.sup().start_order == StartOrder::parallel && above.team == TeamState::starting) {
        return;  // no order is declared
    }
    for (const int k : above.kids) {
        const Kid& kid = model_.kids()[static_cast<std::size_t>(k)];
        if (kid.index == record.child) {
            return;
        }
        if (kid.removed || kid.freed) {
            continue;
        }
        const ChildView older = tree().view(kid.index, now_);
        const auto is_its = [&](const Record& later) {
            const bool stops = later.kind == RecordKind::child_stopping || later.kind == RecordKind::sup_stopping;
            return later.child == kid.index || (later.child == record.child && stops);
        };
        if (std::any_of(out_.records.begin() + (&record - out_.records.data()) + 1, out_.records.end(), is_its)) {
            continue;  // it fell in the same step, or its group was begun anew, behind that start
        }
        const bool waits = (older.state == ChildState::restarting && !older.is_held) || older.state == ChildState::quarantined ||
                           (older.state == ChildState::down && older.reason == DownReason::not_reached);
        if (waits) {
            fail(std::string{view.path} + " is started although " + std::string{older.path} + " is down");
        }
    }
}

/// Section 10, (4).
void SupervisionHistory::look_at_down(const Record& record) {
    std::vector<ChildIndex> alive;
    for (const Process& process : machine_.processes) {
        alive.push_back(process.child);
    }
    for (const TaskRun& run : crew_.runs) {
        run.is_new ? void() : alive.push_back(run.child);
    }
    for (const ChildIndex child : alive) {
        int k = model_.kid_at(child);
        while (k > 0 && model_.kids()[static_cast<std::size_t>(k)].index != record.child) {
            k = model_.kids()[static_cast<std::size_t>(k)].parent;
        }
        if (k > 0 || model_.kids()[0].index == record.child) {
            fail(std::string{out_.name_of(record)} + " is down before what is below it");
        }
    }
}

/// Decision 9.
void SupervisionHistory::save_and_load() {
    std::string image;
    engine_->save(image);
    auto fresh = std::make_unique<Engine>();
    if (const auto loaded = fresh->load(image); !loaded) {
        fail("a saved state was refused: " + loaded.error().text());
        return;
    }
    std::string again;
    fresh->save(again);
    if (again != image) {
        fail("a loaded state is saved otherwise");
    }
    engine_ = std::move(fresh);
}

/// the next daemon claims each process that there is once, and starts none beside it. It is tried beside the history.
void SupervisionHistory::imagine_crash() {
    ++crashes_;
    std::string image;
    engine_->save(image);
    Engine next;
    if (!next.load(image)) {
        fail("a saved state was refused");
        return;
    }
    Effects claims;
    next.step(now_, Event::of(EventKind::recovered), claims);
    for (const Process& process : machine_.processes) {
        const bool dead = process.state == Process::State::dead || process.state == Process::State::lingering;
        const auto claimed = std::count_if(claims.list.begin(), claims.list.end(), [&](const Effect& effect) {
            const bool fits = effect.kind == (dead                                     ? EffectKind::adopt_dead
                                              : process.state == Process::State::asked ? EffectKind::spawn_or_find
                                                                                       : EffectKind::adopt);
            return fits && effect.child == process.child && effect.generation == process.generation;
        });
        if (claimed != 1) {
            fail("after a crash entry " + std::to_string(process.child) + " is claimed " + std::to_string(claimed) + " times");
        }
    }
    for (const Effect& effect : claims.list) {
        if (effect.kind == EffectKind::spawn && machine_.find(effect.child, effect.generation) != nullptr) {
            fail("after a crash entry " + std::to_string(effect.child) + " is started beside itself");
        }
    }
    look_at_tasks(next);
}

// ---- what happens ---------------------------------------------------------------------------------------------------------------

void SupervisionHistory::act(std::uint64_t seed) {
    chance_ = Chance(seed);
    const std::uint64_t what = chance_.below(100);
    if (what < 45) {
        if (!happen()) {
            chance_.one_in(2) ? pass() : operate();
        }
    } else if (what < 62) {
        pass();
    } else if (what < 82) {
        operate();
    } else if (what < 97) {
        crash_somebody();
    } else {
        stale();
    }
}

/// A process or a task.
void SupervisionHistory::crash_somebody() {
    std::vector<Process*> alive;
    for (Process& process : machine_.processes) {
        if (process.state == Process::State::alive && !process.dying) {
            alive.push_back(&process);
        }
    }
    std::vector<TaskRun*> running;
    for (TaskRun& run : crew_.runs) {
        if (!run.withdrawn) {
            running.push_back(&run);
        }
    }
    if (!running.empty() && (alive.empty() || chance_.one_in(2))) {
        end(*chance_.of(running));
    } else if (!alive.empty()) {
        Process& process = *chance_.of(alive);
        machine_.crash(process);
        chance_.one_in(2) ? void(happen_to(process)) : void();
    }
}

/// One of the things that may happen on the machine, or in a client, now. False where there is none.
bool SupervisionHistory::happen() {
    if (work_left_) {
        go_on();
        return true;
    }
    std::vector<TaskRun*> asked;
    for (TaskRun& run : crew_.runs) {
        if (TaskCrew::is_able(run)) {
            asked.push_back(&run);
        }
    }
    std::vector<Process*> able;
    for (Process& process : machine_.processes) {
        const Kid& kid = model_.kids()[static_cast<std::size_t>(model_.kid_at(process.child))];
        const bool works = kid.spec.oneshot || (kid.spec.readiness == Readiness::notify && !process.said_ready);
        const bool rests = process.state == Process::State::alive && !process.dying && (!works || process.never_ready || process.termed);
        const bool drains = process.draining && !(machine_.naughty && process.never_ready);  // some hooks hang
        if ((!rests || drains) && process.state != Process::State::dead) {
            able.push_back(&process);
        }
    }
    if (!asked.empty() && (able.empty() || chance_.below(able.size() + asked.size()) >= able.size())) {
        return answer(*chance_.of(asked));
    }
    return !able.empty() && happen_to(*chance_.of(able));
}

bool SupervisionHistory::happen_to(Process& process) {
    const ChildIndex child = process.child;
    const std::uint32_t generation = process.generation;
    const auto leave = [&] { machine_.processes.remove_if([&](const Process& one) { return &one == &process; }); };
    if (process.state == Process::State::asked && process.cannot_start) {
        leave();
        feed("spawn failed", Event::spawn_failed(child, generation, SpawnStep::exec, 2));
    } else if (process.state == Process::State::asked) {
        process.state = Process::State::alive;
        feed("spawned", Event::spawned(child, generation, static_cast<std::int32_t>(1000 + steps_)));
    } else if (process.state == Process::State::lingering) {
        leave();
        feed("group empty", Event::group_empty(child, generation));
    } else if (process.state == Process::State::alive && process.dying) {
        process.state = Process::State::dead;
        feed("exited", Event::exited(child, generation, process.how, process.status));
        if (Process* const left = machine_.find(child, generation); left != nullptr && !left->grandchild && !chance_.one_in(4)) {
            return happen_to(*left);
        }
    } else if (process.state == Process::State::alive && process.draining) {
        process.draining = false;
        feed("drained", Event::drained(child, generation));
    } else if (process.state == Process::State::alive) {
        if (model_.kids()[static_cast<std::size_t>(model_.kid_at(child))].spec.oneshot) {
            machine_.end(process, ExitHow::exited, machine_.naughty && chance_.one_in(4) ? 1 : 0);
            return happen_to(process);
        }
        process.said_ready = true;
        feed("ready", Event::ready(child, generation));
    }
    return true;
}

/// Mostly a little, or to the next deadline, or just before it; now and then the loop is late.
void SupervisionHistory::pass() {
    const Instant next = engine_->next_deadline();
    const Instant little = now_ + Duration{chance_.between(0, 40'000'000)};
    const std::uint64_t how = chance_.below(10);
    if (next.is_never() || next <= now_ || how == 9) {
        pass_to(little);
    } else if (how < 4) {
        pass_to(std::min(next, little));
    } else if (how < 7) {
        pass_to(next);
    } else if (how < 8) {
        pass_to(Instant{next.ns - 1});
    } else if (chance_.one_in(2)) {
        pass_to(next + Duration::milliseconds(chance_.between(0, 300)));
    } else {
        pass_to(next + Duration::milliseconds(chance_.between(0, 5000)), EventKind::late);
    }
}

void SupervisionHistory::pass_to(Instant when, EventKind kind) {
    now_ = std::max(now_, when);
    feed(kind == EventKind::late ? "late" : "tick", Event::of(kind));
}

ChildIndex SupervisionHistory::any_entry() {
    std::vector<ChildIndex> entries;
    for (ChildIndex i = tree().root(); i != no_child; i = tree().next_in_tree(i)) {
        entries.push_back(i);
    }
    return chance_.of(entries);
}

bool SupervisionHistory::has_nested(ChildIndex top) const {
    const std::vector<int>& kids = model_.kids()[static_cast<std::size_t>(model_.kid_at(top))].kids;
    return std::any_of(kids.begin(), kids.end(), [&](int k) { return model_.kids()[static_cast<std::size_t>(k)].spec.is_supervisor; });
}

void SupervisionHistory::operate() {
    if (chance_.one_in(6)) {
        act_as_client();
        return;
    }
    const ChildIndex root = tree().root();
    const bool down = tree().view(root, now_).state == ChildState::down;
    ChildIndex child = down && chance_.one_in(2) ? root : any_entry();
    if (model_.kids()[static_cast<std::size_t>(model_.kid_at(child))].added && engine_->next_deadline() <= now_) {
        pass_to(now_);  // what is due may give its place to another
        return;
    }
    const auto deadline = static_cast<std::uint32_t>(chance_.one_in(3) ? chance_.between(1, 300) : 0);
    const bool waits = !chance_.one_in(3);
    if (tree().view(child, now_).is_supervisor && chance_.one_in(3)) {
        const std::string added = random_addition(chance_, tree().view(child, now_).strategy == Strategy::dynamic);
        feed("add child to", Event::add_child(operator_session, child, added, waits, ++request_, false, deadline));
        return;
    }
    constexpr const char* names[] = {"start", "stop", "restart", "start now", "remove", "enable", "disable", "hold", "release", "reset"};
    constexpr Verb verbs[] = {Verb::start,   Verb::start,     Verb::stop,    Verb::stop,    Verb::restart,
                              Verb::restart, Verb::start_now, Verb::remove,  Verb::enable,  Verb::enable,
                              Verb::disable, Verb::hold,      Verb::release, Verb::release, Verb::reset};
    Verb verb = chance_.of(verbs);
    if (verb == Verb::release && has_nested(child)) {
        verb = Verb::hold;  // which of several supervisors that are let go at once comes first is no rule's business
    }
    // What a start by hand makes of a group that is held, and not yet begun, is told by tests of its own.
    const bool starts = verb == Verb::start || verb == Verb::start_now || verb == Verb::restart || verb == Verb::enable;
    if (starts && tree().view(child, now_).is_held) {
        verb = Verb::reset;
    }
    feed(names[static_cast<std::size_t>(verb)], Event::command(operator_session, verb, child, waits, ++request_, false, deadline));
}

/// News of older incarnations, and what was said before, change nothing (section 10).
void SupervisionHistory::stale() {
    const ChildIndex child = any_entry();
    const std::uint32_t generation = tree().view(child, now_).generation;
    if (generation == 0 || tree().view(child, now_).is_supervisor) {
        return;
    }
    if (tree().view(child, now_).is_task && chance_.one_in(2)) {
        say_again(child, generation);
        return;
    }
    switch (chance_.below(tree().view(child, now_).is_task ? 4 : 5)) {
        case 0: feed("stale spawned", Event::spawned(child, generation - 1, 77)); break;
        case 1: feed("stale exit", Event::exited(child, generation - 1, ExitHow::exited, 1)); break;
        case 2: feed("stale group empty", Event::group_empty(child, generation - 1)); break;
        case 3: feed("stale ready", Event::ready(child, generation - 1)); break;
        default: feed("ready again", Event::ready(child, generation)); break;
    }
}

// ---- the end ---------------------------------------------------------------------------------------------------------------------

void SupervisionHistory::rest() {
    const Instant limit = now_ + rest_time;
    while (wrong_.empty()) {
        if (happen()) {
            continue;
        }
        const Instant next = engine_->next_deadline();
        if (next.is_never()) {
            return;
        }
        waited_ = waited_ || blocked();
        if (next > limit) {
            restless_ = is_hopeless();
            restless_ ? void() : fail("the world does not come to rest");
            return;
        }
        pass_to(next);
    }
}

/// Somebody waits for what is down for good: its supervisor may try for ever.
bool SupervisionHistory::blocked() const {
    ChildIndex i = tree().root();
    while (i != no_child && tree().view(i, now_).waits != Waits::blocked) {
        i = tree().next_in_tree(i);
    }
    return i != no_child;
}

/// Somebody was blocked, or a supervisor has perhaps less time than its children need: it may fail for ever.
bool SupervisionHistory::is_hopeless() const {
    return waited_ || std::any_of(model_.kids().begin(), model_.kids().end(),
                                  [](const Kid& kid) { return kid.spec.is_supervisor && !kid.spec.start_timeout.is_forever(); });
}

/// Faults end and operators let go: everything wanted runs, or the view says why not.
void SupervisionHistory::quiet() {
    machine_.behave();
    crew_.behave();
    offer_all();
    std::vector<ChildIndex> disabled;
    for (ChildIndex i = tree().root(); i != no_child; i = tree().next_in_tree(i)) {
        if (tree().view(i, now_).state == ChildState::disabled) {
            disabled.push_back(i);
        }
    }
    rest();
    for (const ChildIndex child : disabled) {
        if (tree().contains(child)) {
            feed("enable", Event::command(operator_session, Verb::enable, child, false, ++request_));
        }
    }
    for (const Verb verb : {Verb::release, Verb::reset}) {
        std::vector<ChildIndex> all;
        for (ChildIndex i = tree().root(); i != no_child; i = tree().next_in_tree(i)) {
            all.push_back(i);
        }
        for (; !all.empty(); all.pop_back()) {  // from below
            if (tree().contains(all.back())) {
                feed("let go", Event::command(operator_session, verb, all.back(), false, ++request_));
            }
        }
        rest();
    }
    if (wrong_.empty() && !restless_) {
        look_at_rest();
    }
}

void SupervisionHistory::look_at_rest() {
    for (ChildIndex i = tree().root(); i != no_child; i = tree().next_in_tree(i)) {
        const ChildView view = tree().view(i, now_);
        const bool rests = (view.state == ChildState::quarantined && is_hopeless()) || view.state == ChildState::running ||
                           view.state == ChildState::disabled || (view.state == ChildState::down && view.reason != DownReason::not_reached);
        const bool accounted = ((view.waits == Waits::blocked || view.waits == Waits::group) && view.waits_for != no_child);
        const bool above = view.state == ChildState::starting || view.state == ChildState::restarting;  // a supervisor whose child waits
        if (!rests && !accounted && !(above && view.is_supervisor)) {
            fail(std::string{view.path} + " is " + std::string{child_state_name(view.state)} + " for ever, and waits for \"" +
                 std::string{waits_name(view.waits)} + "\"");
        }
    }
}

/// T-13: it ends, and nothing is left.
void SupervisionHistory::stop() {
    machine_.naughty = crew_.naughty = chance_.one_in(2);
    feed("terminate", Event::of(EventKind::terminate));
    for (int n = 0; n < 20 && wrong_.empty() && machine_.halts == 0; ++n) {
        if (!happen()) {
            pass();
        }
    }
    machine_.behave();
    crew_.behave();
    if (wrong_.empty() && machine_.halts == 0) {
        rest();
    }
    if (wrong_.empty() && (machine_.halts != 1 || !machine_.processes.empty() || !crew_.runs.empty())) {
        fail("the daemon does not end, or leaves a process or a task");
    }
    if (const std::string broken = engine_->check(); wrong_.empty() && !broken.empty()) {
        fail("check: " + broken);
    }
}

}  // namespace backplane::sim
