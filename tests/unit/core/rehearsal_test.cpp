// SPDX-License-Identifier: Apache-2.0
/// what would happen if c crashed now. Each test says what the rehearsal tells, and that the engine is what it was; the last ones
/// let it happen and compare.
#include "daemon/core/rehearsal.hpp"
#include "tests/unit/core/supervision_world.hpp"

#include <random>

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

std::string kind_of(const Record& record) {
    switch (record.kind) {
        case RecordKind::child_down: return record.fault.kind == FaultKind::cascade ? "falls" : record.fault.is_error() ? "dies" : "stops";
        case RecordKind::child_starting: return "starts";
        case RecordKind::restart: return "restart";
        case RecordKind::sup_giving_up: return "gives_up";
        case RecordKind::sup_down: return "sup_down";
        case RecordKind::sup_up: return "sup_up";
        case RecordKind::child_blocked: return "blocked";
        case RecordKind::child_quarantined: return "quarantined";
        case RecordKind::child_removed: return "removed";
        case RecordKind::child_completed: return "completes";
        case RecordKind::device_down: return record.fault.kind == FaultKind::cascade ? "task_falls" : "task_drops";
        case RecordKind::alert: return "alert";
        default: return "";
    }
}

/// A rehearsal that leaves the engine as it is, to the byte.
Expected<Rehearsal> rehearse_in(const World& w, const Victim& victim, const RehearsalBounds& bounds = {}) {
    std::string before;
    std::string after;
    w.engine().save(before);
    Expected<Rehearsal> told = rehearse(w.engine(), w.now, victim, bounds);
    w.engine().save(after);
    EXPECT_TRUE(before == after) << "the rehearsal left something behind";
    EXPECT_EQ(before.size(), w.engine().image_bytes());
    return told;
}

Expected<Rehearsal> rehearse_in(const World& w, std::string_view path) { return rehearse_in(w, Victim{w.child(path), {}}); }

/// What it tells of the tree: `dies db`, `starts db` …
Lines acts(const Rehearsal& told) {
    Lines lines;
    for (const Rehearsal::Happening& happening : told.happenings) {
        if (const std::string kind = kind_of(happening.record); !kind.empty()) {
            lines.push_back(kind + " " + happening.name);
        }
    }
    return lines;
}

Lines impact(const World& w, std::string_view path) {
    const auto told = rehearse_in(w, path);
    return told ? acts(*told) : Lines{told.error().text()};
}

/// Who would not be as he is: `web running blocked`.
Lines fates(const World& w, std::string_view path) {
    const auto told = rehearse_in(w, path);
    Lines lines;
    for (const Rehearsal::Fate& fate : told ? told->fates : std::vector<Rehearsal::Fate>{}) {
        const std::string becomes{fate.becomes ? child_state_name(*fate.becomes) : "gone"};
        const std::string waits{fate.waits != Waits::nothing ? waits_name(fate.waits) : down_reason_name(fate.reason)};
        lines.push_back(fate.name + " " + becomes + " " + waits);
    }
    return lines;
}

// ---- strategies --------------------------------------------------------------------------------------------------------------

TEST(rehearsal, x17_one_for_one_restarts_the_one) {
    World w(team({worker("a"), worker("b"), worker("c")}));
    w.start();
    EXPECT_EQ(impact(w, "b"), (Lines{"dies b", "restart b", "starts b"}));
    EXPECT_EQ(fates(w, "b"), Lines{});
    const auto told = rehearse_in(w, "b");
    ASSERT_TRUE(told);
    EXPECT_TRUE(told->is_complete);
    EXPECT_EQ(told->starts, 1U);
    EXPECT_EQ(told->happenings[0].record.fault.kind, FaultKind::signal);
    EXPECT_EQ(told->happenings[0].record.fault.argument, kill_signal);
}

TEST(rehearsal, x17_rest_for_one_and_one_for_all_in_their_order) {
    World rest(rest_for_one({worker("a"), worker("b"), worker("c"), worker("d")}));
    rest.start();
    EXPECT_EQ(impact(rest, "b"), (Lines{"dies b", "restart b", "stops d", "stops c", "starts b", "starts c", "starts d"}));
    World all(one_for_all({worker("a"), worker("b"), notifying(worker("c"))}));
    all.start().says_ready("c");
    EXPECT_EQ(impact(all, "b"), (Lines{"dies b", "restart b", "stops c", "stops a", "starts a", "starts b", "starts c"}));
}

TEST(rehearsal, x17_a_transient_that_crashes_comes_back_and_a_temporary_goes) {
    World w(team({worker("a", RestartType::transient), worker("b", RestartType::temporary)}));
    w.start();
    EXPECT_EQ(impact(w, "a"), (Lines{"dies a", "restart a", "starts a"}));
    EXPECT_EQ(impact(w, "b"), (Lines{"dies b", "removed b"}));
    EXPECT_EQ(fates(w, "b"), (Lines{"b gone "}));
}

// ---- limits ------------------------------------------------------------------------------------------------------------------

TEST(rehearsal, x17_a_limit_that_is_used_up_is_told_with_whoever_goes_along) {
    World w(team({supervisor("sub", team({no_backoff(worker("x")), worker("y")}, 1)), worker("z")}, 1));
    w.start().exits("sub/x", 1);
    EXPECT_EQ(impact(w, "sub/x"), (Lines{"dies sub/x", "gives_up sub", "stops sub/y", "sup_down sub", "restart sub", "starts sub",
                                         "starts sub/x", "starts sub/y", "sup_up sub"}));
    EXPECT_EQ(fates(w, "sub/x"), Lines{}) << "all is as before in the end";
    EXPECT_EQ(rehearse_in(w, "sub/x")->gives_up, 1U);
}

TEST(rehearsal, x17_nested_limits_up_to_the_root) {
    World w(team({supervisor("sub", team({no_backoff(worker("x"))}, 0)), worker("z")}, 0));
    w.start();
    EXPECT_EQ(impact(w, "sub/x"), (Lines{"dies sub/x", "gives_up sub", "sup_down sub", "gives_up /", "stops z", "sup_down /", "alert /"}));
    EXPECT_EQ(fates(w, "sub/x"), (Lines{"/ down ended", "sub down ended", "sub/x down ended", "z down terminated"}));
}

TEST(rehearsal, x17_a_transient_supervisor_that_gives_up_stays_down) {
    World w(team({supervisor("sub", team({worker("x")}, 0), RestartType::transient), worker("z")}));
    w.start();
    EXPECT_EQ(fates(w, "sub/x"), (Lines{"sub down ended", "sub/x down ended"}));
}

TEST(rehearsal, x17_a_limit_of_its_own_ends_in_quarantine_and_its_cooldown_is_not_waited_for) {
    World w(team({limited(no_backoff(worker("a")), 0, OnLimit::quarantine, Duration::seconds(1)), worker("b")}));
    w.start();
    EXPECT_EQ(impact(w, "a"), (Lines{"dies a", "quarantined a"}));
    EXPECT_EQ(fates(w, "a"), (Lines{"a quarantined "}));
}

TEST(rehearsal, x17_a_backoff_is_waited_for) {
    World w(team({worker("a")}));
    w.start().exits("a", 1).exits("a", 1).pass(Duration::seconds(1));
    const auto told = rehearse_in(w, "a");
    ASSERT_TRUE(told);
    EXPECT_EQ(acts(*told), (Lines{"dies a", "restart a", "starts a"}));
    EXPECT_GE(told->length, Duration::milliseconds(160)) << "200 ms less a fifth";
    EXPECT_LE(told->length, Duration::milliseconds(240));
}

// ---- requirements ------------------------------------------------------------------------------------------------------------

TEST(rehearsal, x17_x6_who_requires_it_is_blocked_only_if_he_is_started_meanwhile) {
    World w(team({worker("db", RestartType::temporary), requiring(worker("web"), {"db"}), worker("z")}));
    w.start();
    EXPECT_EQ(impact(w, "db"), (Lines{"dies db", "removed db"})) << "what runs does not end for want of it";
    World both(one_for_all({limited(worker("db"), 0, OnLimit::quarantine), requiring(worker("web"), {"db"})}));
    both.start();
    EXPECT_EQ(impact(both, "db"), (Lines{"dies db", "quarantined db", "stops web"}));
}

TEST(rehearsal, x17_x6_blocked_is_told_with_whom) {
    World w(team({limited(worker("db"), 0, OnLimit::quarantine), requiring(managed(worker("web"), {{"db", LinkMode::monitor}}), {"db"})}));
    w.start();
    EXPECT_EQ(impact(w, "db"), (Lines{"dies db", "quarantined db", "falls web", "restart web", "blocked web"}));
    EXPECT_EQ(fates(w, "db"), (Lines{"db quarantined ", "web restarting blocked"}));
}

// ---- cascades and those who are told ------------------------------------------------------------------------------------------

TEST(rehearsal, x17_a_chain_of_managed_ones_falls) {
    World w(team(
        {worker("a"), managed(worker("b"), {{"a", LinkMode::monitor}}), managed(worker("c"), {{"b", LinkMode::monitor}}), worker("d")}));
    w.start();
    const auto told = rehearse_in(w, "a");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->falls, 2U);
    EXPECT_EQ(told->told_total, 2U);
    ASSERT_EQ(told->told.size(), 2U);
    EXPECT_EQ(told->told[0].who, w.view("b").device);
    EXPECT_EQ(told->told[0].about, w.view("a").device);
    EXPECT_TRUE(told->told[0].falls);
    EXPECT_EQ(told->told[1].fault.kind, FaultKind::cascade);
    EXPECT_EQ(told->told[1].fault.root, w.view("a").device);
    EXPECT_EQ(told->starts, 3U);
    EXPECT_EQ(rehearse_in(w, "d")->told_total, 0U);
}

TEST(rehearsal, x17_who_watches_is_told_and_does_nothing) {
    World w(team({worker("a")}));
    w.start().watch("a", 3);
    const auto told = rehearse_in(w, "a");
    ASSERT_TRUE(told);
    ASSERT_EQ(told->told.size(), 1U);
    EXPECT_EQ(told->told[0].who, w.watcher(3));
    EXPECT_FALSE(told->told[0].falls);
    EXPECT_EQ(w.owed(3), Lines{}) << "nobody is told of a rehearsal";
}

TEST(rehearsal, x17_a_managed_task_falls_and_whoever_watches_that) {
    World w(team({worker("a")}));
    w.start().watch("a", 3);
    w.send(Event::manage(3, w.watcher(3), true, 3));
    const auto told = rehearse_in(w, "a");
    ASSERT_TRUE(told);
    EXPECT_TRUE(told->told.at(0).falls);
    EXPECT_EQ(acts(*told), (Lines{"dies a", "restart a", "task_falls ", "starts a"}));
}

TEST(rehearsal, x17_a_process_takes_its_connections_along) {
    World w(team({worker("a"), worker("b")}));
    w.start().watch("b", 3);  // pid 1000, of nobody here
    w.send(Event::session_open(5, 0, w.view("a").pid, no_child, 0)).send(Event::session_greeted(5)).send(Event::grant(5, 1, 1));
    const DeviceId own = w.engine().graph().granted().front();
    w.send(Event::create(5, own, false, 1)).send(Event::link(3, w.watcher(3), own, LinkMode::monitor, false, 3));
    const auto told = rehearse_in(w, "a");
    ASSERT_TRUE(told);
    EXPECT_EQ(acts(*told), (Lines{"dies a", "restart a", "task_drops ", "starts a"}));
    ASSERT_EQ(told->told.size(), 1U);
    EXPECT_EQ(told->told[0].about, own);
    EXPECT_EQ(rehearse_in(w, "b")->told.at(0).about, w.view("b").device) << "and nobody else's";
    // A task for a victim.
    const auto drop = rehearse_in(w, Victim{no_child, own});
    ASSERT_TRUE(drop);
    EXPECT_EQ(acts(*drop), Lines{"task_drops "});
    EXPECT_EQ(drop->told_total, 1U);
    EXPECT_EQ(drop->told[0].fault.kind, FaultKind::drop);
}

// ---- what is under way, what cannot die, what is too much ---------------------------------------------------------------------

TEST(rehearsal, x17_what_happens_anyway_is_left_out) {
    World w(team({worker("a"), worker("b"), notifying(worker("c"))}));
    w.start();
    w.exits("b", 1).exits("b", 1);  // in its backoff
    ASSERT_EQ(w.states({"a", "b", "c"}), "running restarting starting");
    EXPECT_EQ(impact(w, "a"), (Lines{"dies a", "restart a", "starts a"}));
    EXPECT_EQ(fates(w, "a"), Lines{});
    World used_up(team({no_backoff(worker("a")), worker("b")}, 2));
    used_up.start().exits("b", 1).exits("b", 1);
    EXPECT_EQ(fates(used_up, "a"), (Lines{"/ down ended", "a down ended", "b down terminated"})) << "b would have come back";
}

TEST(rehearsal, x17_a_supervisor_stands_for_all_below_it) {
    World w(team({supervisor("sub", one_for_all({worker("x"), worker("y")}, 1)), worker("z")}));
    w.start();
    EXPECT_EQ(impact(w, "sub"), (Lines{"dies sub/x", "restart sub/x", "dies sub/y", "starts sub/x", "starts sub/y"})) << "S-21";
    World each(team({supervisor("sub", team({worker("x"), worker("y")}, 1)), worker("z")}));
    each.start();
    EXPECT_EQ(rehearse_in(each, "sub")->gives_up, 1U);
}

TEST(rehearsal, x17_what_does_not_run_cannot_die) {
    World w(team({worker("a"), supervisor("sub", team({worker("x")}))}));
    w.start().command(Verb::stop, "a").command(Verb::stop, "sub/x");
    EXPECT_EQ(impact(w, "a"), Lines{"device_down: down"});
    EXPECT_EQ(impact(w, "sub"), Lines{"device_down: nothing runs below it"});
    w.terminate();
    EXPECT_EQ(impact(w, "sub"), Lines{"stopping: the daemon is stopping"});
}

TEST(rehearsal, x17_bounds) {
    World w(one_for_all({worker("a"), worker("b"), worker("c")}));
    w.start();
    RehearsalBounds small;
    small.image_bytes = w.engine().image_bytes() - 1;
    EXPECT_EQ(rehearse_in(w, Victim{w.child("a"), {}}, small).error().code, ErrorCode::limit_reached);
    RehearsalBounds few;
    few.events = 4;
    const auto cut = rehearse_in(w, Victim{w.child("a"), {}}, few);
    ASSERT_TRUE(cut);
    EXPECT_FALSE(cut->is_complete);
    RehearsalBounds short_lists;
    short_lists.happenings = 2;
    const auto told = rehearse_in(w, Victim{w.child("a"), {}}, short_lists);
    ASSERT_TRUE(told);
    EXPECT_TRUE(told->is_complete);
    EXPECT_EQ(told->happenings.size(), 2U);
    EXPECT_GT(told->happenings_total, 2U);
}

TEST(rehearsal, x17_nobody_misses_a_sign_of_life_meanwhile) {
    ChildSpec patient = worker("a");
    patient.backoff.initial = Duration::seconds(60);
    patient.backoff.max = Duration::seconds(60);
    patient.backoff.reset_after = Duration::seconds(600);
    World w(team({patient, watched(worker("b"), Duration::seconds(2))}));
    w.start().beats("b").exits("a", 1);
    const auto told = rehearse_in(w, "a");
    ASSERT_TRUE(told);
    EXPECT_EQ(acts(*told), (Lines{"dies a", "restart a", "starts a"}));
    EXPECT_GE(told->length, Duration::seconds(48));
}

// ---- and then it happens -------------------------------------------------------------------------------------------------------

/// A tree that has a bit of everything.
SupervisorSpec random_tree(std::mt19937_64& random, int depth, const std::string& prefix) {
    const auto below = [&random](std::uint64_t n) { return random() % n; };
    SupervisorSpec spec = team({}, static_cast<std::uint32_t>(below(4)));
    spec.strategy = std::array{Strategy::one_for_one, Strategy::rest_for_one, Strategy::one_for_all}[below(3)];
    const std::uint64_t count = 1 + below(4);
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::string name(1, static_cast<char>('a' + n));
        const auto restart =
            std::array{RestartType::permanent, RestartType::permanent, RestartType::transient, RestartType::temporary}[below(4)];
        if (depth > 0 && below(3) == 0) {
            spec.children.push_back(supervisor(name, random_tree(random, depth - 1, prefix + name + "/"), restart));
            continue;
        }
        ChildSpec child = below(3) == 0 ? no_backoff(worker(name, restart)) : worker(name, restart);
        if (n > 0 && below(3) == 0) {
            const bool is_worker = !spec.children[n - 1].is_supervisor;
            child = is_worker ? managed(child, {{spec.children[n - 1].name, LinkMode::monitor}}) : child;
        }
        if (n > 0 && below(4) == 0) {
            child = requiring(child, {spec.children[below(n)].name});
        }
        if (below(6) == 0) {
            child = limited(child, static_cast<std::uint32_t>(below(2)), OnLimit::quarantine);
        }
        spec.children.push_back(std::move(child));
    }
    return spec;
}

/// What is said of an entry, and when. Which of two that happen at once comes first is the machine's business.
std::string timed(const Record& record, Instant begin) {
    return std::to_string((record.at - begin).ns) + " " + std::to_string(static_cast<int>(record.kind)) + " " +
           std::to_string(record.child);
}

std::map<std::string, std::string> states_of(const World& w) {
    std::map<std::string, std::string> all;
    const Supervision& tree = w.engine().supervision();
    for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
        all[std::string{tree.view(i, w.now).path}] = child_state_name(tree.view(i, w.now).state);
    }
    return all;
}

std::vector<std::string> living(const World& w) {
    std::vector<std::string> paths;
    const Supervision& tree = w.engine().supervision();
    for (ChildIndex i = tree.root(); i != no_child; i = tree.next_in_tree(i)) {
        if (const ChildView view = tree.view(i, w.now); !view.is_supervisor && view.body == Body::alive) {
            paths.emplace_back(view.path);
        }
    }
    return paths;
}

/// Rehearses a death, lets it happen, and compares; answers how much there was to foretell.
std::size_t foretell(World& w, const std::string& victim) {
    const bool at_rest = w.engine().next_deadline().is_never();
    const auto told = rehearse_in(w, victim);
    if (!told || !told->is_complete) {
        ADD_FAILURE() << victim << " cannot be rehearsed, or not to the end";
        return 0;
    }
    const std::size_t first = w.records().size();
    const Instant begin = w.now;
    std::map<std::string, std::string> expected = states_of(w);
    for (const Rehearsal::Fate& fate : told->fates) {
        fate.becomes ? void(expected[fate.name] = child_state_name(*fate.becomes)) : void(expected.erase(fate.name));
    }
    w.is_killed(victim, kill_signal).pass(Duration::seconds(3'000));
    const std::map<std::string, std::string> states = states_of(w);
    for (const Rehearsal::Fate& fate : told->fates) {
        const auto found = states.find(fate.name);
        EXPECT_EQ(found == states.end() ? "gone" : found->second, fate.becomes ? child_state_name(*fate.becomes) : "gone") << fate.name;
    }
    if (!at_rest) {
        return 0;  // the rest goes on as it would have
    }
    // Of two that start at one instant the one that requires the other may or may not have been seen to wait: fates tell who does.
    const auto insert = [&](std::multiset<std::string>& all, const Record& record) {
        if (record.kind != RecordKind::child_blocked) {
            all.insert(timed(record, begin));
        }
    };
    std::multiset<std::string> lines;
    for (const Rehearsal::Happening& happening : told->happenings) {
        insert(lines, happening.record);
    }
    std::multiset<std::string> happened;
    for (std::size_t n = first; n < w.records().size(); ++n) {
        insert(happened, w.records()[n]);
    }
    EXPECT_EQ(states, expected);
    EXPECT_EQ(lines, happened);
    return lines.size();
}

TEST(rehearsal, x17_what_is_foretold_happens_where_all_behave) {
    std::mt19937_64 random(20'261'127);
    std::size_t told_of = 0;
    for (int round = 0; round < 400 && !HasFailure(); ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        World w(random_tree(random, 2, ""), random());
        w.reload_every = 1'000;
        w.start();
        // Something has happened before, and it is not over; or it is.
        std::vector<std::string> alive = living(w);
        for (std::uint64_t n = random() % 4; n > 0 && !alive.empty(); --n) {
            w.exits(alive[random() % alive.size()], 1);
            w.pass(Duration::milliseconds(static_cast<std::int64_t>(random() % 300)));
            alive = living(w);
        }
        if (random() % 2 == 0) {
            w.pass(Duration::seconds(60));
            alive = living(w);
        }
        if (!alive.empty()) {
            told_of += foretell(w, alive[random() % alive.size()]);
        }
    }
    EXPECT_GT(told_of, 500U) << "it was worth it";
}

}  // namespace
