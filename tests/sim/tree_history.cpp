// SPDX-License-Identifier: Apache-2.0
/// The driver: what machines do and when, the passing of time, and how a history ends.
#include "tests/sim/tree_history.hpp"

#include "tests/sim/rehearse.hpp"

#include <algorithm>

namespace backplane::sim {

namespace {

using core::Event;
using core::EventKind;

/// How long a world without faults may take to come to rest (bounded liveness).
constexpr Duration rest_time = Duration::seconds(120);

session::HubOptions hub_options() {
    session::HubOptions options;
    options.pid = 1;
    options.uid = 1000;
    return options;
}

}  // namespace

TreeHistory::TreeHistory(const Options& options)
    : world_(options, hub_options()),
      tree_(random_tree(world_.chance)),
      model_(tree_, world_.hub, options.forget_each),
      machine_(world_.chance),
      steps_(options.steps),
      peers_(1) {}

Outcome run_tree_history(const Options& options) { return TreeHistory(options).run(); }

Outcome TreeHistory::run() {
    const std::string tree = core::encode_spec(tree_);
    feed("configure", Event::configure(tree), [this] { model_.configure(); });
    for (int n = 0; n < 2; ++n) {
        greet(connect(0, 0));
    }
    for (int i = 0; i < steps_ && world_.good(); ++i) {
        act();
    }
    if (world_.good() && !world_.chance.one_in(4)) {  // else the daemon is stopped in the midst of it
        quiet();
    }
    if (world_.good()) {
        stop();
    }
    if (world_.good()) {
        finish();
    }
    world_.replay();
    return world_.outcome();
}

// ---- one step --------------------------------------------------------------------------------------------------------------

void TreeHistory::step(const char* what, ChildIndex about, const std::function<void()>& call, const std::function<void()>& input) {
    if (!world_.good()) {
        return;
    }
    const std::uint64_t steps = world_.engine.steps();
    call();
    std::vector<wire::Event> events = take_log();
    world_.hub.take_machine(effects_);
    for (const core::Effect& effect : effects_) {
        world_.trace_number(static_cast<std::uint64_t>(effect.kind) << 32 | effect.child);
    }
    for (const wire::Event& event : events) {
        const auto down =
            std::find_if(model_.entries().begin(), model_.entries().end(), [&](const Entry& e) { return e.path == event.name; });
        for (const Process& process : machine_.processes) {
            if (event.event == "sup_down" && model_.is_below(process.child, static_cast<ChildIndex>(down - model_.entries().begin()))) {
                world_.fail(*event.name + " is down before its descendants");  // section 10, (4)
            }
        }
    }
    machine_.take(effects_);
    model_.begin_step(world_.now, world_.engine.steps() != steps, std::move(events), effects_);
    input();
    model_.end_step();
    world_.say(std::string{what} + " " + (about != 0 ? entry(about).path : ""));
    read_all();
    compare(what);
    imagine_crash();
    if (world_.engine.steps() % 8 == 0) {
        world_.save_and_load();  // an image takes longer than a step
        if (const std::string why = rehearse_somebody(world_.engine, world_.now, world_.engine.steps()); !why.empty()) {
            world_.fail(why);
        }
    }
    if (world_.hub.wants_go_on()) {
        step(
            "go on", 0, [this] { world_.hub.go_on(); },
            [this] {
                for (const std::uint32_t peer : std::exchange(dropping_, {})) {
                    model_.drop_tasks(peer);
                }
            });
    }
}

void TreeHistory::compare(const char* what) {
    compare_peers();
    for (const std::string& wrong : {machine_.wrong, model_.wrong()}) {
        if (!wrong.empty()) {
            world_.fail(std::string{what} + " at " + std::to_string(world_.now.ns) + " ns: " + wrong);
        }
    }
}

void TreeHistory::feed(const char* what, const Event& event, const std::function<void()>& input) {
    step(
        what, event.child, [&] { world_.hub.feed(event); }, input);
}

std::vector<wire::Event> TreeHistory::take_log() {
    std::vector<wire::Event> events;
    while (const wire::Event* next = world_.hub.log().next(seen_seq_)) {
        world_.say("    * " + next->event + " " + next->name.value_or("-"));
        world_.trace_number(next->seq);
        world_.trace_bytes(next->event);
        if (next->time_us != world_.now.ns / 1000) {
            world_.fail("an event of another time");
        }
        seen_seq_ = next->seq;
        ++seen_events_;
        events.push_back(*next);
    }
    if (seen_events_ < wire::event_ring_records && seen_events_ != world_.hub.log().size()) {
        world_.fail("the log's numbers do not rise strictly");
    }
    world_.hub.take_lines(lines_);
    return events;
}

// ---- what happens -----------------------------------------------------------------------------------------------------------

void TreeHistory::act() {
    const bool idle = machine_.processes.empty() && !model_.terminating() && world_.chance.one_in(2);
    const std::uint64_t what = idle ? 70 : world_.chance.below(100);
    if (what < 45) {
        if (!happen()) {
            pass();
        }
    } else if (what < 62) {
        pass();
    } else if (what < 80) {
        client_acts();
    } else if (what < 90) {
        program_acts();
    } else if (what < 97) {
        if (!machine_.processes.empty()) {
            auto at = machine_.processes.begin();
            std::advance(at, static_cast<std::ptrdiff_t>(world_.chance.below(machine_.processes.size())));
            if (at->state == Process::State::alive && !at->dying) {
                machine_.crash(*at);
            }
        }
    } else {
        stale();
    }
}

/// One of the things that may happen on the machine now, in any order. False where there is none.
bool TreeHistory::happen() {
    std::vector<Process*> able;
    for (Process& process : machine_.processes) {
        const Entry& e = entry(process.child);
        const bool will_be_ready =
            e.spec.readiness == core::Readiness::notify && !process.said_ready && !process.never_ready && !process.termed;
        if (process.state != Process::State::alive || process.dying || will_be_ready) {
            able.push_back(&process);
        }
    }
    if (able.empty()) {
        return false;
    }
    Process& process = *world_.chance.of(able);
    switch (process.state) {
        case Process::State::asked: start(process); break;
        case Process::State::lingering: empty(process); break;
        case Process::State::dead: break;
        case Process::State::alive:
            if (process.dying) {
                die(process);
            } else {
                process.said_ready = true;
                feed("ready", Event::ready(process.child, process.generation), [&] { model_.ready(process.child, process.generation); });
            }
            break;
    }
    return true;
}

void TreeHistory::start(Process& process) {
    const ChildIndex child = process.child;
    const std::uint32_t generation = process.generation;
    if (process.cannot_start) {
        machine_.processes.remove_if([&](const Process& one) { return &one == &process; });
        feed("spawn failed", Event::spawn_failed(child, generation, core::SpawnStep::exec, 2),
             [&] { model_.spawn_failed(child, generation); });
        return;
    }
    process.state = Process::State::alive;
    process.peer = connect(child, generation).number;
    const auto pid = static_cast<std::int32_t>(1000 + world_.engine.steps());
    feed("spawned", Event::spawned(child, generation, pid), [&] { model_.spawned(child, generation, pid); });
}

void TreeHistory::die(Process& process) {
    const ChildIndex child = process.child;
    const std::uint32_t generation = process.generation;
    const std::uint32_t peer = process.peer;
    process.state = Process::State::dead;
    feed("exited", Event::exited(child, generation, process.how, process.status),
         [&] { model_.exited(child, generation, process.how, process.status); });
    if (peer != 0 && peers_[peer].index != 0) {
        end(peers_[peer]);  // whoever else may hold its socket (T-8)
    }
    if (Process* left = machine_.find(child, generation); left != nullptr && !left->grandchild && !world_.chance.one_in(4)) {
        empty(*left);
    }
}

void TreeHistory::empty(Process& process) {
    const ChildIndex child = process.child;
    const std::uint32_t generation = process.generation;
    machine_.processes.remove_if([&](const Process& one) { return &one == &process; });
    feed("group empty", Event::group_empty(child, generation), [&] { model_.group_empty(child, generation); });
}

/// Mostly a little, or to the instant of the next deadline, or just before it; now and then the loop is late.
void TreeHistory::pass() {
    Chance& chance = world_.chance;
    const Instant next = world_.hub.next_deadline();
    const Instant little = world_.now + Duration{chance.between(0, 40'000'000)};
    const std::uint64_t how = chance.below(10);
    if (next.is_never() || next <= world_.now) {
        pass_to(little);
    } else if (how < 4) {
        pass_to(std::min(next, little));
    } else if (how < 7) {
        pass_to(next);
    } else if (how < 8) {
        pass_to(Instant{next.ns - 1});
    } else {
        pass_to(how < 9 ? little : next + Duration::milliseconds(chance.between(0, 300)));
    }
}

void TreeHistory::pass_to(Instant when) {
    world_.pass(when - world_.now);
    feed("tick", Event::of(EventKind::tick), [] {});
}

/// News of older incarnations, and what was said before, change nothing (section 10).
void TreeHistory::stale() {
    const ChildIndex child = any_entry();
    const std::uint32_t generation = entry(child).generation;
    if (generation == 0 || entry(child).spec.is_supervisor) {
        return;
    }
    switch (world_.chance.below(5)) {
        case 0: feed("stale spawned", Event::spawned(child, generation - 1, 77), [] {}); break;
        case 1: feed("stale exit", Event::exited(child, generation - 1, core::ExitHow::exited, 1), [] {}); break;
        case 2: feed("stale group_empty", Event::group_empty(child, generation - 1), [] {}); break;
        case 3: feed("stale ready", Event::ready(child, generation - 1), [] {}); break;
        default: feed("ready again", Event::ready(child, generation), [&] { model_.ready(child, generation); }); break;
    }
}

// ---- the end ---------------------------------------------------------------------------------------------------------------

/// Faults end: from here on processes do what they should, and within bounded time all is well or accounted for.
void TreeHistory::quiet() {
    machine_.behave();
    const Instant limit = world_.now + rest_time;
    while (world_.good()) {
        for (Process& process : machine_.processes) {
            const Entry& e = entry(process.child);
            const bool leaves = e.stage == Stage::patient || !e.settle.at.is_never();
            if (process.state == Process::State::alive && leaves && !process.dying) {
                machine_.end(process, core::ExitHow::exited, 0);  // it was told, or said so itself, and ends in its own time
            }
        }
        if (happen()) {
            continue;
        }
        const Instant next = world_.hub.next_deadline();
        if (next.is_never()) {
            break;
        }
        if (next > limit) {
            world_.fail("the world does not come to rest");
        }
        pass_to(std::max(next, world_.now));
    }
    if (const std::string unrest = model_.unrest(); !unrest.empty()) {
        world_.fail(unrest);
    }
}

/// T-13: asked once, or twice, or three times; it ends, and nothing is left.
void TreeHistory::stop() {
    const auto terminate = [this] { feed("terminate", Event::of(EventKind::terminate), [this] { model_.terminate(); }); };
    const std::uint64_t times = world_.chance.below(3);
    machine_.naughty = world_.chance.one_in(2);
    terminate();
    for (std::uint64_t n = 0; n < times * 40 && world_.good() && !model_.halted(); ++n) {
        if (world_.chance.one_in(40)) {
            terminate();
        }
        act();
    }
    machine_.behave();
    for (int n = 0; n < 3000 && world_.good() && !model_.halted(); ++n) {
        if (!model_.tasks().empty() && world_.chance.one_in(4)) {
            end_task(world_.chance.of(model_.tasks()).id);
        } else if (!happen()) {
            const Instant next = world_.hub.next_deadline();
            next.is_never() ? terminate() : pass_to(std::max(next, world_.now));
        }
    }
    if (world_.good() && (machine_.halts != 1 || !machine_.processes.empty())) {
        world_.fail("the daemon did not end, or left a process: halts " + std::to_string(machine_.halts) + ", processes " +
                    std::to_string(machine_.processes.size()));
    }
}

void TreeHistory::finish() {
    for (Peer& peer : peers_) {
        if (peer.index != 0 && !peer.asked.empty()) {
            world_.fail("a request was never answered");
        }
    }
    for (std::size_t i = 1; i < peers_.size(); ++i) {
        if (peers_[i].index != 0) {
            end(peers_[i]);
        }
    }
    if (world_.engine.graph().device_count() != 0 || world_.engine.graph().link_count() != 0) {
        world_.fail("something is left of a daemon that has ended");
    }
    if (const std::string wrong = world_.engine.check(); !wrong.empty()) {
        world_.fail("check: " + wrong);
    }
}

}  // namespace backplane::sim
