// SPDX-License-Identifier: Apache-2.0
/// Random trees in a random world, against the invariants of section 10. The
/// world itself refuses two living processes of one entry, signals to nobody
/// and reaping what lives; here the log is held against a model of its own.
#include "tests/unit/core/supervision_world.hpp"

#include <algorithm>
#include <random>

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

class Chance {
  public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

  private:
    std::mt19937_64 engine_;
};

ChildSpec random_child(Chance& chance, const std::string& name, int depth, std::vector<std::string>& workers, const std::string& prefix);

SupervisorSpec random_team(Chance& chance, int depth, std::vector<std::string>& workers, const std::string& prefix) {
    std::vector<ChildSpec> children;
    for (std::uint64_t n = 0, count = 1 + chance.below(4); n < count; ++n) {
        const std::string name{static_cast<char>('a' + depth), static_cast<char>('0' + n)};  // no path is a sibling's name, too
        children.push_back(random_child(chance, name, depth, workers, prefix));
    }
    SupervisorSpec spec = team(std::move(children), static_cast<std::uint32_t>(chance.below(6)),
                               Duration::milliseconds(200 + static_cast<std::int64_t>(chance.below(5000))));
    spec.on_give_up = chance.one_in(3) ? OnGiveUp::crash : OnGiveUp::shutdown;
    spec.strategy = static_cast<Strategy>(chance.below(3));
    spec.auto_shutdown = static_cast<AutoShutdown>(chance.one_in(2) ? 0 : chance.below(3));
    spec.start_order = chance.one_in(4) ? StartOrder::parallel : StartOrder::list;
    spec.on_start_failure = chance.one_in(4) ? OnStartFailure::stop : OnStartFailure::retry;
    return spec;
}

/// What a child may have beside the oldest keys. It requires only older
/// workers, so no ring comes of it.
void vary(Chance& chance, ChildSpec& spec, const std::vector<std::string>& workers) {
    spec.retain = spec.restart == RestartType::temporary && chance.one_in(2);
    spec.significant = spec.restart != RestartType::permanent && chance.one_in(3);
    spec.limit.enabled = chance.one_in(3);
    spec.limit.intensity = static_cast<std::uint32_t>(chance.below(3));
    spec.limit.period = Duration::seconds(2);
    spec.limit.on_limit = chance.one_in(2) ? OnLimit::quarantine : OnLimit::stop_child;
    spec.limit.cooldown = chance.one_in(2) ? Duration::forever() : Duration::seconds(1);
    if (!workers.empty() && chance.one_in(4)) {
        spec.requires_up.push_back(workers[chance.below(workers.size())]);
    }
    if (spec.is_supervisor) {
        return;
    }
    spec.oneshot = chance.one_in(8);
    spec.watchdog = chance.one_in(6) ? Duration::milliseconds(700) : Duration{};
    spec.kill_mode = chance.one_in(5) ? KillMode::leader : KillMode::group;
    spec.signal_group = chance.one_in(5);
    if (chance.one_in(3)) {
        spec.exits.no_restart_codes = {9};
        spec.exits.force_restart_codes = {0};
    }
}

ChildSpec random_child(Chance& chance, const std::string& name, int depth, std::vector<std::string>& workers, const std::string& prefix) {
    const std::string path = prefix + name;
    if (depth < 3 && chance.one_in(8)) {
        ChildSpec each = worker("");
        each.restart = static_cast<RestartType>(chance.below(3));
        workers.push_back(path);
        return supervisor(name, dynamic(each, static_cast<std::uint32_t>(chance.below(4))));
    }
    ChildSpec spec = depth < 3 && chance.one_in(3) ? supervisor(name, random_team(chance, depth + 1, workers, path + "/")) : worker(name);
    spec.restart = static_cast<RestartType>(chance.below(5) / 2);
    spec.shutdown_kind = static_cast<ShutdownKind>(chance.below(spec.is_supervisor ? 3 : 4));
    spec.kill_after = Duration::milliseconds(400);
    if (!spec.is_supervisor || spec.restart != RestartType::temporary) {
        vary(chance, spec, workers);
    }
    spec.shutdown = Duration::milliseconds(static_cast<std::int64_t>(chance.below(3)) * 300);
    spec.backoff.enabled = !chance.one_in(4);
    if (!spec.is_supervisor) {
        spec.readiness = chance.one_in(3) ? Readiness::notify : chance.one_in(4) ? Readiness::delay : Readiness::exec;
        spec.ready_delay = Duration::milliseconds(200);
        spec.start_timeout = chance.one_in(4) ? Duration::forever() : Duration::seconds(1);
        spec.managed = chance.one_in(2);
        if (!workers.empty() && chance.one_in(2)) {
            spec.links.push_back(StandingLink{workers[chance.below(workers.size())], static_cast<LinkMode>(1 + chance.below(3))});
        }
        workers.push_back(path);
    }
    return spec;
}

/// The program of a process speaks, says goodbye, manages itself or closes its
/// socket.
void speak(World& w, Chance& chance, const std::string& name, std::map<std::string, SessionIndex>& sessions) {
    const auto open = sessions.find(name);
    if (open == sessions.end()) {
        if (w.alive(name) && sessions.size() < 20) {
            SessionIndex session = 2;
            while (std::any_of(sessions.begin(), sessions.end(), [session](const auto& entry) { return entry.second == session; })) {
                ++session;
            }
            sessions[name] = session;
            w.adopts(name, session);
        }
        return;
    }
    const SessionIndex session = open->second;
    switch (chance.below(4)) {
        case 0: w.send(Event::manage(session, w.view(name).device, true, 1)); break;
        case 1: w.says_goodbye(name, session, static_cast<FaultKind>(chance.below(3)), "so long"); break;
        default:
            sessions.erase(open);
            w.send(Event::session_close(session)).send(Event::of(EventKind::go_on));
            break;
    }
}

/// What a life is held against while it goes on.
struct Witness {
    std::size_t seen = 0;                                              ///< records
    std::set<ChildIndex> awaited;                                      ///< counted, and not yet started again
    std::vector<std::pair<std::size_t, std::set<ChildIndex>>> resets;  ///< at which record whose windows were cleared
};

/// The supervisors at and below this one.
std::set<ChildIndex> supervisors_below(const World& w, ChildIndex top) {
    const Supervision& tree = w.engine().supervision();
    std::set<ChildIndex> found;
    for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
        for (ChildIndex up = i; up != no_child && tree.view(i, w.now).is_supervisor; up = tree.view(up, w.now).supervisor) {
            if (up == top) {
                found.insert(i);
            }
        }
    }
    return found;
}

/// Invariant 2: in group strategies nobody is started while an older sibling's
/// restart is still to come (S-22).
void look(const World& w, Witness& witness) {
    const Supervision& tree = w.engine().supervision();
    const auto prune = [&] {
        std::erase_if(witness.awaited,
                      [&](ChildIndex i) { return !tree.contains(i) || tree.view(i, w.now).state != ChildState::restarting; });
    };
    for (; witness.seen < w.records().size(); ++witness.seen) {
        const Record& record = w.records()[witness.seen];
        if (record.kind == RecordKind::restart) {
            witness.awaited.insert(record.child);
        } else if (record.kind == RecordKind::child_starting) {
            witness.awaited.erase(record.child);
            const Strategy strategy = tree.contains(record.supervisor) ? tree.view(record.supervisor, w.now).strategy : Strategy::dynamic;
            const bool groups = strategy == Strategy::rest_for_one || strategy == Strategy::one_for_all;
            bool older = groups && tree.contains(record.child);
            for (ChildIndex i = tree.root(); older && i != no_child; i = tree.next_in_tree(i)) {
                older = i != record.child;
                const bool sibling = tree.view(i, w.now).supervisor == record.supervisor;
                const bool waits = tree.view(i, w.now).state == ChildState::restarting && witness.awaited.contains(i);
                ASSERT_FALSE(older && sibling && waits) << tree.view(record.child, w.now).path << " before " << tree.view(i, w.now).path;
            }
        }
    }
    prune();
}

/// A child more for a supervisor, by its template or whole.
void add(World& w, Chance& chance, const std::string& name, std::uint64_t request) {
    NewChild added;
    if (w.view(name).strategy != Strategy::dynamic || chance.one_in(4)) {
        added.spec.push_back(worker("n" + std::to_string(chance.below(3)), static_cast<RestartType>(chance.below(3))));
    }
    w.add_new(name, added, request, chance.one_in(2));
}

/// A child that is there now, or one that was configured.
std::string some_name(const World& w, Chance& chance, std::vector<std::string>& names) {
    if (chance.one_in(3)) {
        std::vector<std::string> there;
        const Supervision& tree = w.engine().supervision();
        for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
            there.emplace_back(tree.view(i, w.now).path);
        }
        const std::string& name = there[chance.below(there.size())];
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
        return name;
    }
    return names[chance.below(names.size())];
}

void command(World& w, Chance& chance, const std::string& name, std::uint64_t request, Witness& witness) {
    static constexpr Verb seldom[] = {Verb::start_now, Verb::remove, Verb::enable, Verb::disable, Verb::hold, Verb::release, Verb::reset};
    const Verb verb = chance.one_in(2) ? static_cast<Verb>(chance.below(3)) : seldom[chance.below(7)];
    const ChildIndex child = w.child(name);
    if (verb == Verb::reset && child != no_child) {
        witness.resets.emplace_back(w.records().size(), supervisors_below(w, child));
    }
    if (verb == Verb::stop || verb == Verb::disable) {
        witness.awaited.erase(child);
    }
    if (chance.one_in(4)) {
        w.command_within(Duration::milliseconds(100), verb, name, request);
    } else {
        w.command(verb, name, true, request);
    }
}

/// One random thing.
void act(World& w, Chance& chance, std::vector<std::string>& names, std::uint64_t& request, std::map<std::string, SessionIndex>& sessions,
         Witness& witness) {
    const std::string name = some_name(w, chance, names);
    const ChildIndex child = w.child(name);
    const bool present = child != no_child;
    const bool process = present && !w.view(name).is_supervisor;
    switch (chance.below(15)) {
        case 0:
        case 1:
            if (process && w.alive(name)) {
                w.ends(name, static_cast<ExitHow>(chance.below(4)), chance.one_in(3) ? 0 : 9);
            }
            break;
        case 2:
            if (process) {
                w.says_ready(name);
            }
            break;
        case 3:
        case 4:
        case 12: command(w, chance, name, ++request, witness); break;
        case 13:
            if (present && !process) {
                add(w, chance, name, ++request);
            }
            break;
        case 14:
            if (process) {
                w.beats(name);
            }
            break;
        case 5: w.manners[name] = Manners{static_cast<Manners::On>(chance.below(3)), static_cast<std::int32_t>(chance.below(2))}; break;
        case 6: chance.one_in(2) ? (void)w.spawn_fails.insert(name) : (void)w.spawn_fails.erase(name); break;
        case 7:
            if (w.spawn_held.contains(name) && process) {
                w.release_spawn(name);
            } else {
                w.spawn_held.insert(name);
            }
            break;
        case 8:
            if (w.group_held.contains(name) && process) {
                w.release_group(name);
            } else {
                w.group_held.insert(name);
            }
            break;
        case 9:
        case 10:
            if (process) {
                speak(w, chance, name, sessions);
            }
            break;
        default: w.pass(Duration::milliseconds(static_cast<std::int64_t>(chance.below(800)))); break;
    }
}

/// S-30 and invariant 3, recounted from the log alone: each restart's count is
/// the number of restarts within the period, never more than the intensity; the
/// one that gives up is one too many.
void check_windows(const World& w, const Witness& witness) {
    std::map<ChildIndex, std::vector<Instant>> windows;
    const Supervision& supervision = w.engine().supervision();
    std::size_t at = 0;
    auto reset = witness.resets.begin();
    for (const Record& record : w.records()) {
        for (; reset != witness.resets.end() && reset->first <= at; ++reset) {
            for (const ChildIndex supervisor : reset->second) {
                windows[supervisor].clear();
            }
        }
        ++at;
        const bool gives_up = record.kind == RecordKind::sup_giving_up;
        if (record.kind == RecordKind::sup_down) {
            windows[record.child].clear();  // S-32
        }
        if (record.kind != RecordKind::restart && !gives_up) {
            continue;
        }
        const ChildIndex supervisor = gives_up ? record.child : record.supervisor;
        const ChildView view = supervision.view(supervisor, w.now);
        std::vector<Instant>& window = windows[supervisor];
        window.push_back(record.at);
        std::erase_if(window, [&](Instant entry) { return record.at - entry > view.period; });
        ASSERT_EQ(record.number, static_cast<std::int64_t>(window.size()));
        ASSERT_EQ(gives_up, window.size() > view.intensity);
    }
}

/// Invariant 4 and the rule "in `stopping` no child is ever started", from the
/// log alone.
void check_order(const World& w) {
    const Supervision& supervision = w.engine().supervision();
    std::set<ChildIndex> stopping;
    std::map<ChildIndex, ChildIndex> there;  // and of which supervisor: places are used again
    for (const Record& record : w.records()) {
        switch (record.kind) {
            case RecordKind::sup_stopping: stopping.insert(record.child); break;
            case RecordKind::child_starting:
                for (ChildIndex up = record.supervisor; up != no_child; up = supervision.view(up, w.now).supervisor) {
                    ASSERT_FALSE(stopping.contains(up));
                }
                ASSERT_TRUE(there.emplace(record.child, record.supervisor).second) << "started twice";
                break;
            case RecordKind::child_completed:
            case RecordKind::child_down: there.erase(record.child); break;
            case RecordKind::child_start_failed: there.erase(record.child); break;
            case RecordKind::sup_down:
                stopping.erase(record.child);
                there.erase(record.child);
                for (const auto& [left, supervisor] : there) {
                    ASSERT_NE(supervisor, record.child) << "a child outlived its supervisor";
                }
                break;
            default: break;
        }
    }
}

/// It is to move, and neither a program nor a deadline nor somebody else can make it. A group may wait for an operator (S-53a, X-2).
bool is_stuck(const World& w, ChildIndex child) {
    const Supervision& tree = w.engine().supervision();
    const ChildView view = tree.view(child, w.now);
    const bool moves = view.state == ChildState::starting || view.state == ChildState::restarting || view.state == ChildState::stopping;
    if (!moves || w.alive(std::string{view.path}) || view.waits == Waits::backoff || view.waits == Waits::blocked) {
        return false;
    }
    // A supervisor moves with one below it, a member of a group with one beside it.
    for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
        const ChildView other = tree.view(i, w.now);
        const bool below = view.is_supervisor && other.supervisor == child;
        const bool beside = view.waits == Waits::group && other.supervisor == view.supervisor && other.waits != Waits::group;
        const bool concerns = (below || beside) && i != child;
        if (concerns &&
            (other.state == ChildState::quarantined || other.reason == DownReason::gave_up || other.reason == DownReason::terminated ||
             (other.state != ChildState::down && other.state != ChildState::running && !is_stuck(w, i)))) {
            return false;
        }
    }
    return true;
}

/// Nobody is stuck: with all that was held let go, programs that obey and time enough, each child comes to rest or to run.
void check_rest(World& w, const std::vector<std::string>& names) {
    w.manners.clear();
    w.spawn_fails.clear();
    for (const std::string& name : names) {
        w.spawn_held.erase(name);
        w.group_held.erase(name);
        if (w.child(name) != no_child) {
            w.release_spawn(name).release_group(name);
        }
    }
    w.command(Verb::release, "/", false, 99);
    const Supervision& tree = w.engine().supervision();
    for (int n = 0; n < 40; ++n) {
        for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
            const ChildView view = tree.view(i, w.now);
            const std::string path{view.path};
            if (w.alive(path) && (view.state == ChildState::starting || view.state == ChildState::restarting)) {
                w.says_ready(path);
            }
        }
        w.pass(Duration::seconds(2));
    }
    for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
        const ChildView view = tree.view(i, w.now);
        EXPECT_FALSE(is_stuck(w, i)) << view.path << " " << child_state_name(view.state) << " " << waits_name(view.waits);
    }
}

void live_one_life(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chance chance(seed);
    std::vector<std::string> names;
    SupervisorSpec root = random_team(chance, 0, names, "");
    root.intensity += chance.one_in(4) ? 0U : 40U;  // else most lives are short
    root.auto_shutdown = AutoShutdown::never;
    World w(root, seed, 1 + static_cast<std::uint32_t>(chance.below(6)));
    w.reload_every = 9;
    w.start();
    ASSERT_NE(w.engine().supervision().root(), no_child);
    names.emplace_back("/");
    for (const std::string& name : std::vector<std::string>(names)) {
        if (const std::size_t slash = name.find('/'); slash != std::string::npos && slash > 0) {
            names.push_back(name.substr(0, slash));
        }
    }
    std::uint64_t request = 100;
    std::map<std::string, SessionIndex> sessions;
    Witness witness;
    for (int n = 0; n < 200 && !testing::Test::HasFatalFailure(); ++n) {
        act(w, chance, names, request, sessions, witness);
        look(w, witness);
    }
    check_rest(w, names);
    // The end: whatever is held is let go, and three requests to stop leave
    // nothing.
    w.terminate().terminate().terminate();
    w.manners.clear();
    for (const std::string& name : names) {
        if (w.spawn_held.contains(name) && w.child(name) != no_child) {
            w.release_spawn(name);
        }
        if (w.group_held.contains(name) && w.child(name) != no_child) {
            w.release_group(name);
        }
    }
    w.pass(Duration::seconds(30));
    EXPECT_TRUE(w.engine().supervision().all_down());
    EXPECT_EQ(w.alive_count(), 0U);
    std::map<std::string, int> answers;
    for (const std::string& line : w.take({"answer"})) {
        ++answers[line.substr(0, line.find(' ', 7))];
    }
    answers.erase("answer 99");
    EXPECT_EQ(answers.size(), request - 100);
    for (const auto& [line, count] : answers) {
        EXPECT_EQ(count, 1) << line;
    }
    check_windows(w, witness);
    check_order(w);
}

TEST(supervision_chaos, section10_invariants_hold_in_random_lives) {
    for (std::uint64_t seed = 1; seed <= 150 && !HasFailure(); ++seed) {
        live_one_life(seed);
    }
}

TEST(supervision_chaos, an_image_that_was_tampered_with_is_refused_or_safe) {
    std::vector<std::string> names;
    Chance chance(3);
    Engine engine;
    Effects out;
    engine.step(Instant{1}, Event::boot(Epoch{1}, 1, 0), out);
    const std::string tree = encode_spec(random_team(chance, 0, names, ""));
    engine.step(Instant{2}, Event::configure(tree), out);
    std::string whole;
    engine.save(whole);
    std::string image;
    ImageWriter writer(image);
    engine.supervision().save(writer);
    const std::size_t at = whole.size() - image.size();  // the supervision's part is the last
    ASSERT_EQ(whole.substr(at), image);
    for (int n = 0; n < 600; ++n) {
        std::string wrong = whole;
        const std::size_t place = at + chance.below(image.size());
        wrong[place] = static_cast<char>(wrong[place] ^ static_cast<char>(1 + chance.below(255)));
        Engine loaded;
        if (!loaded.load(wrong)) {
            continue;
        }
        // What was taken must be usable: walk it, look names up, stop it.
        Effects effects;
        const Supervision& supervision = loaded.supervision();
        for (ChildIndex i = supervision.root(); i != no_child; i = supervision.next_in_tree(i)) {
            (void)supervision.view(i, Instant{3});
        }
        (void)supervision.find("a0");
        loaded.step(Instant{3}, Event::of(EventKind::tick), effects);
        loaded.step(Instant{4}, Event::of(EventKind::terminate), effects);
        loaded.step(Instant{5'000'000'000}, Event::of(EventKind::tick), effects);
    }
}

}  // namespace
