// SPDX-License-Identifier: Apache-2.0
/// Management calls (table 8.10, S-54..S-63, decisions 31 and 37): children that calls add and remove, dynamic supervisors, what is
/// told of a tree, and entries and names that are used again.
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

const std::string no_file = "start_failed drop{exec: No such file or directory}";

ChildSpec steady(std::string name) {
    ChildSpec spec = worker(std::move(name));
    spec.backoff.jitter = 0;
    return spec;
}

/// `a` in the state that the table's columns name.
World in_state(const std::string& state) {
    World w(team({steady("a"), worker("b")}, 9));
    w.start();
    if (state == "down") {
        w.command(Verb::stop, "a");
    } else if (state == "backoff") {
        w.exits("a", 1).exits("a", 1);
    } else if (state == "restarting") {
        w.spawn_held.insert("a");
        w.exits("a", 1);
    }
    w.take();
    return w;
}

// ---- the table, cell by cell (S-53) ---------------------------------------------------------------------------------

TEST(supervision_manage, s53_start_child) {
    World w = in_state("running");
    w.add("/", worker("new"), 1);
    EXPECT_EQ(answers(w), Lines{"answer 1 ok new"});
    EXPECT_EQ(w.children_of("/"), (Lines{"a", "b", "new"}));
    EXPECT_EQ(w.state("new"), ChildState::running);
    w.add("/", worker("a"), 2);
    EXPECT_EQ(answers(w), Lines{"answer 2 already_started a"});
    for (const std::string state : {"down", "backoff", "restarting"}) {
        World other = in_state(state);
        other.add("/", worker("a"), 3);
        EXPECT_EQ(answers(other), Lines{"answer 3 already_present a"}) << state;
    }
}

TEST(supervision_manage, s53_restart_child) {
    World w = in_state("running");
    w.command(Verb::start, "a", true, 1).send(Event::command(1, Verb::start, 4711, true, 2));
    EXPECT_EQ(answers(w), (Lines{"answer 1 running", "answer 2 not_found"}));
    World down = in_state("down");
    down.command(Verb::start, "a", true, 3);
    EXPECT_EQ(answers(down), Lines{"answer 3 ok"});
    for (const std::string state : {"backoff", "restarting"}) {
        World other = in_state(state);
        other.command(Verb::start, "a", true, 4);
        EXPECT_EQ(answers(other), Lines{"answer 4 restarting"}) << state;
    }
}

TEST(supervision_manage, s53_terminate_child) {
    for (const std::string state : {"down", "running", "backoff", "restarting"}) {
        World w = in_state(state);
        const std::uint32_t counted = w.view("/").window_used;
        w.command(Verb::stop, "a", true, 5).release_spawn("a");
        EXPECT_EQ(answers(w), Lines{"answer 5 ok"}) << state;
        w.pass(Duration::milliseconds(500));
        EXPECT_EQ(w.states({"a", "b"}), "down running") << state;
        EXPECT_EQ(w.view("/").window_used, counted) << state;
    }
}

TEST(supervision_manage, s53_delete_child) {
    for (const auto& [state, answer] : std::map<std::string, std::string>{
             {"down", "ok"}, {"running", "running"}, {"backoff", "restarting"}, {"restarting", "restarting"}}) {
        World w = in_state(state);
        w.command(Verb::remove, "a", true, 6);
        EXPECT_EQ(answers(w), Lines{"answer 6 " + answer}) << state;
        EXPECT_EQ(w.child("a") == no_child, state == "down") << state;
    }
    World w = in_state("running");
    w.manners["a"] = ignores;
    w.command(Verb::stop, "a", false, 7).command(Verb::remove, "a", true, 8);
    EXPECT_EQ(answers(w), (Lines{"answer 7 ok", "answer 8 stopping"}));
}

TEST(supervision_manage, s53_get_childspec_is_what_it_was_asked_to_be_in_every_state) {
    ChildSpec spec = limited(requiring(significant(worker("a", RestartType::transient)), {"b"}), 3, OnLimit::quarantine);
    spec.exits.success_codes = {3, 9};
    spec.links = {StandingLink{"b", LinkMode::peer}};
    spec.launch.exec = {"/bin/worker", "--loud"};
    SupervisorSpec root = team({worker("b"), spec}, 9);
    root.auto_shutdown = AutoShutdown::all_significant;
    World w(root);
    w.start();
    const std::string whole = encode_child(spec);
    EXPECT_EQ(encode_child(w.engine().supervision().spec_of(w.child("a"))), whole);
    w.exits("a", 1).exits("a", 1);
    EXPECT_EQ(encode_child(w.engine().supervision().spec_of(w.child("a"))), whole);
    w.command(Verb::stop, "a");
    EXPECT_EQ(encode_child(w.engine().supervision().spec_of(w.child("a"))), whole);
}

TEST(supervision_manage, s53_terminate_starts_no_strategy) {
    for (const Strategy strategy : {Strategy::rest_for_one, Strategy::one_for_all}) {
        World w(with(team({worker("a"), worker("b")}, 9), strategy));
        w.start().take();
        w.command(Verb::stop, "a", true, 2);
        EXPECT_EQ(w.take({"child_stopping", "child_starting", "restart"}), Lines{"child_stopping a 15"});
        EXPECT_EQ(w.states({"a", "b"}), "down running");
        EXPECT_EQ(w.view("/").window_used, 0U);
    }
}

// ---- start_child (S-54, S-18, S-44) ---------------------------------------------------------------------------------

TEST(supervision_manage, s54_a_start_that_fails_discards_what_was_added) {
    World w = in_state("running");
    w.spawn_fails.insert("new");
    w.add("/", worker("new"), 1);
    EXPECT_EQ(answers(w), Lines{"answer 1 " + no_file});
    EXPECT_EQ(w.child("new"), no_child);
    EXPECT_EQ(w.view("/").window_used, 0U);
    EXPECT_EQ(w.engine().supervision().count_children(w.child("/")).specs, 2U);
    w.spawn_fails.clear();
    w.add("/", worker("new"), 2);
    EXPECT_EQ(w.state("new"), ChildState::running);
}

TEST(supervision_manage, s54_also_by_timeout_and_by_an_end_before_ready) {
    World w = in_state("running");
    w.add("/", notifying(worker("slow"), Duration::seconds(1)), 1).add("/", notifying(worker("dead")), 2);
    w.exits("dead", 0).pass(Duration::seconds(1));
    EXPECT_EQ(answers(w), (Lines{"answer 2 start_failed exit(0)", "answer 1 start_failed timeout(start)"}));
    EXPECT_EQ(w.children_of("/"), (Lines{"a", "b"}));
    EXPECT_EQ(w.alive_count(), 2U);
}

TEST(supervision_manage, s54_once_it_has_run_its_crash_is_one_like_any) {
    World w = in_state("running");
    w.add("/", worker("new"), 1).exits("new", 1);
    EXPECT_EQ(w.state("new"), ChildState::running);
    EXPECT_EQ(w.view("/").window_used, 1U);
    w.spawn_fails.insert("new");
    w.exits("new", 1).pass(Duration::milliseconds(100));
    EXPECT_EQ(w.state("new"), ChildState::restarting) << "S-24";
}

TEST(supervision_manage, s54_a_temporary_oneshot_leaves_nothing) {
    World w = in_state("running");
    ChildSpec once = oneshot(worker("once", RestartType::temporary));
    w.add("/", once, 1).exits("once", 0);
    EXPECT_EQ(answers(w), Lines{"answer 1 ok once"});
    EXPECT_EQ(w.child("once"), no_child);
    once.restart = RestartType::permanent;
    w.add("/", once, 2).exits("once", 0);
    EXPECT_EQ(w.state("once"), ChildState::down) << "S-9: the spec is kept";
    EXPECT_EQ(w.reason("once"), DownReason::completed);
}

TEST(supervision_manage, s54_not_waited_for_is_answered_at_once_with_its_id) {
    World w = in_state("running");
    NewChild added;
    added.spec.push_back(notifying(worker("new")));
    w.add_new("/", added, 1, false);
    EXPECT_EQ(answers(w), Lines{"answer 1 ok new"});
    EXPECT_EQ(w.state("new"), ChildState::starting);
}

TEST(supervision_manage, s54_what_cannot_be_is_refused_and_leaves_nothing) {
    World w = in_state("running");
    w.send(Event::add_child(1, w.child("/"), "nonsense", true, 1));
    w.add("/", requiring(worker("new"), {"nobody"}), 2);
    w.add("/", worker(""), 3);
    w.add("b", worker("x"), 4);
    w.send(Event::add_child(1, 4711, encode_new_child({}), true, 5));
    const Lines told = answers(w);
    ASSERT_EQ(told.size(), 5U);
    EXPECT_EQ(told[0].substr(0, 17), "answer 1 bad_spec");
    EXPECT_EQ(told[1], "answer 2 bad_spec new");
    EXPECT_EQ(told[2].substr(0, 17), "answer 3 bad_spec");
    EXPECT_EQ(told[3], "answer 4 no_supervisor");
    EXPECT_EQ(told[4], "answer 5 no_supervisor");
    EXPECT_EQ(w.children_of("/"), (Lines{"a", "b"}));
    w.add("/", worker("new"), 6);
    EXPECT_EQ(answers(w), Lines{"answer 6 ok new"}) << "its name is free";
}

TEST(supervision_manage, s44_what_was_added_is_gone_when_its_supervisor_starts_anew) {
    World w(team({no_backoff(supervisor("S", team({no_backoff(worker("a"))}, 0)))}, 9));
    w.start().add("S", worker("n"), 1).add("S", supervisor("T", team({worker("x")})), 2);
    EXPECT_EQ(w.states({"S/n", "S/T", "S/T/x"}), "running running running");
    w.exits("S/a", 1);
    EXPECT_EQ(w.states({"S", "S/a", "S/n", "S/T", "S/T/x"}), "running running gone gone gone");
    EXPECT_EQ(w.alive_count(), 1U);
    w.add("S", worker("n"), 3);
    EXPECT_EQ(w.state("S/n"), ChildState::running);
}

TEST(supervision_manage, s44_a_removed_static_one_is_back_when_its_supervisor_starts_anew) {
    World w(team({supervisor("S", team({worker("a"), worker("b")}))}));
    w.start().command(Verb::stop, "S/a").command(Verb::remove, "S/a").command(Verb::restart, "S");
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running running running");
    EXPECT_EQ(w.children_of("S"), (Lines{"a", "b"}));
}

TEST(supervision_manage, s18_a_removed_temporarys_id_is_free_at_once) {
    World w(team({worker("t", RestartType::temporary), worker("b")}));
    w.start().exits("t", 1);
    w.add("/", worker("t"), 1);
    EXPECT_EQ(answers(w), Lines{"answer 1 ok t"});
    EXPECT_EQ(w.state("t"), ChildState::running);
    EXPECT_EQ(w.view("t").restarts, 0U);
    EXPECT_FALSE(w.view("t").ended) << "nothing of the old one is kept";
}

// ---- entries and names that are used again --------------------------------------------------------------------------

TEST(supervision_manage, a_late_event_of_a_freed_entry_meets_nobody) {
    World w(team({worker("b")}));
    w.start().add("/", notifying(worker("n")), 1);
    const ChildIndex entry = w.child("n");
    const std::uint32_t life = w.view("n").generation;
    w.says_ready("n").command(Verb::stop, "n").command(Verb::remove, "n");
    w.send(Event::exited(entry, life, ExitHow::exited, 1)).send(Event::group_empty(entry, life)).send(Event::ready(entry, life));
    w.add("/", notifying(worker("m")), 2);
    ASSERT_EQ(w.child("m"), entry) << "its place is used again";
    EXPECT_GT(w.view("m").generation, life);
    w.send(Event::ready(entry, life)).send(Event::exited(entry, life, ExitHow::exited, 1)).send(Event::alive(entry, life));
    EXPECT_EQ(w.state("m"), ChildState::starting);
    w.says_ready("m");
    EXPECT_EQ(w.state("m"), ChildState::running);
}

TEST(supervision_manage, a_waiter_for_a_child_that_is_removed_is_answered) {
    World w(team({worker("b")}));
    w.manners["t"] = ignores;
    w.start().add("/", worker("t", RestartType::temporary), 1).take();
    w.command(Verb::stop, "t", true, 2, 1).command(Verb::restart, "t", true, 3, 2).command(Verb::stop, "t", true, 4, 1);
    w.pass(Duration::seconds(5));
    Lines told = answers(w);
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (Lines{"answer 2 ok", "answer 3 stopping", "answer 4 ok"}));
    EXPECT_EQ(w.child("t"), no_child);
}

TEST(supervision_manage, a_task_cannot_take_a_childs_name) {
    World w(team({worker("a"), worker("b")}));
    w.start().watch("b", 1).take();
    w.send(Event::naming(EventKind::register_name, 1, "a", w.watcher(1), 3));
    w.command(Verb::stop, "a").take();
    w.send(Event::naming(EventKind::register_name, 1, "a", w.watcher(1), 4));
    const Lines told = answers(w);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].find(" ok"), std::string::npos) << told[0];
    w.add("/", worker("n"), 5).command(Verb::stop, "n").command(Verb::remove, "n").take();
    w.send(Event::naming(EventKind::register_name, 1, "n", w.watcher(1), 6));
    EXPECT_EQ(answers(w), Lines{"answer 6 ok"}) << "freed with its entry";
    w.add("/", worker("n"), 7);
    EXPECT_EQ(answers(w), Lines{"answer 7 bad_spec n"}) << "now it is the task's";
}

TEST(supervision_manage, a_removed_static_childs_name_goes_to_an_added_one_and_back) {
    World w(team({supervisor("S", team({worker("a"), worker("b")}))}));
    w.start().command(Verb::stop, "S/a").command(Verb::remove, "S/a");
    w.add("S", worker("a", RestartType::temporary), 1);
    EXPECT_EQ(w.children_of("S"), (Lines{"b", "a"}));
    w.exits("S/a", 0);
    EXPECT_EQ(w.child("S/a"), no_child);
    w.add("S", worker("a"), 2);
    w.command(Verb::restart, "S");
    EXPECT_EQ(w.children_of("S"), (Lines{"a", "b"}));
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running running running");
}

TEST(supervision_manage, d10_no_device_id_comes_twice) {
    World w(team({worker("b")}));
    w.start();
    std::set<std::uint64_t> seen;
    for (int n = 0; n < 20; ++n) {
        w.add("/", worker("n"), 1);
        EXPECT_TRUE(seen.insert(w.view("n").device.value).second);
        w.command(Verb::restart, "n");
        EXPECT_TRUE(seen.insert(w.view("n").device.value).second);
        w.command(Verb::stop, "n").command(Verb::remove, "n");
    }
}

// ---- order and deadlines (S-55..S-59) -------------------------------------------------------------------------------

TEST(supervision_manage, s55_a_crash_that_was_accepted_before_the_call_is_handled_first) {
    World w(team({no_backoff(worker("a"))}, 0));
    w.start().exits("a", 1);
    w.take();
    w.add("/", worker("n"), 2);
    EXPECT_EQ(answers(w), Lines{"answer 2 no_supervisor"}) << "it tripped the limit";
}

TEST(supervision_manage, s57_no_supervisor_and_stopping) {
    World w(team({supervisor("S", team({worker("a"), worker("b")}))}));
    w.manners["S/b"] = ignores;
    w.start().command(Verb::stop, "S", false, 1).take();
    w.add("S", worker("n"), 2).command(Verb::start, "S/a", true, 3).command(Verb::restart, "S/a", true, 4);
    EXPECT_EQ(answers(w), (Lines{"answer 2 stopping", "answer 3 stopping", "answer 4 stopping"}));
    w.pass(Duration::seconds(5));
    w.add("S", worker("n"), 5).command(Verb::start, "S/a", true, 6).command(Verb::restart, "S/a", true, 7);
    EXPECT_EQ(answers(w), (Lines{"answer 5 no_supervisor", "answer 6 no_supervisor", "answer 7 no_supervisor"}));
    w.command(Verb::stop, "S/a", true, 8);
    EXPECT_EQ(answers(w), Lines{"answer 8 ok"});
}

TEST(supervision_manage, s57_those_that_wait_are_refused_when_the_supervisor_stops) {
    World w(team({supervisor("S", one_for_all({worker("a"), notifying(worker("b"))}))}));
    w.start().says_ready("S/b").exits("S/a", 1).take();
    w.command(Verb::restart, "S/a", true, 2).add("S", worker("n"), 3);
    EXPECT_EQ(answers(w), Lines{});
    w.command(Verb::stop, "S", true, 4);
    EXPECT_EQ(answers(w), (Lines{"answer 2 stopping", "answer 3 stopping", "answer 4 ok"}));
}

TEST(supervision_manage, s58_a_deadline_ends_the_wait_and_nothing_happened) {
    World w(one_for_all({worker("a"), notifying(worker("b"))}));
    w.start().says_ready("b").exits("a", 1).take();
    w.command_within(Duration::seconds(1), Verb::restart, "a", 2).command_within(Duration::seconds(3), Verb::restart, "a", 3);
    w.pass(Duration::milliseconds(999));
    EXPECT_EQ(answers(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(answers(w), Lines{"answer 2 timeout"});
    w.says_ready("b");
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.starts("a"), 3) << "once by the group and once by command 3";
    w.pass(Duration::seconds(10));
    EXPECT_EQ(answers(w), Lines{});
}

TEST(supervision_manage, s58_stop_and_disable_act_at_once) {
    World w(one_for_all({worker("a"), notifying(worker("b")), worker("c")}));
    w.start().says_ready("b").exits("a", 1).take();
    w.command(Verb::disable, "a", true, 2).command(Verb::stop, "b", true, 3);
    EXPECT_EQ(answers(w), (Lines{"answer 2 ok", "answer 3 ok"}));
}

TEST(supervision_manage, s59_a_child_that_stops_its_own_supervisor_is_answered_before_it_goes) {
    World w(team({supervisor("S", team({worker("a")}))}));
    w.start().adopts("S/a", 3).take();
    w.command(Verb::stop, "S", false, 2, 3);
    EXPECT_EQ(answers(w), Lines{"answer 2 ok"});
    EXPECT_EQ(w.states({"S", "S/a"}), "down down");
}

TEST(supervision_manage, s56_counts) {
    World w(team({steady("a"), worker("b", RestartType::transient), supervisor("S", team({worker("x")})), worker("c")}, 9));
    w.start().exits("b", 0).exits("a", 1).exits("a", 1);
    const ChildCount count = w.engine().supervision().count_children(w.child("/"));
    EXPECT_EQ(count.specs, 4U);
    EXPECT_EQ(count.active, 2U) << "one that is restarting is not";
    EXPECT_EQ(count.supervisors, 1U);
    EXPECT_EQ(count.workers, 3U);
    EXPECT_EQ(w.view("/").window_used, 2U);
    EXPECT_EQ(w.children_of("/"), (Lines{"a", "b", "S", "c"}));
    EXPECT_EQ(w.view("a").next_start, w.now + Duration::milliseconds(100));
}

// ---- dynamic supervisors (S-60..S-63) -------------------------------------------------------------------------------

/// A dynamic supervisor `P` of steady workers.
World pool(RestartType restart = RestartType::permanent, std::uint32_t max_children = 0) {
    ChildSpec each = steady("");
    each.restart = restart;
    World w(team({supervisor("P", dynamic(each, max_children)), worker("b")}, 9));
    w.start();
    return w;
}

TEST(supervision_manage, s60_decision31_children_of_the_template_by_key_or_by_number) {
    World w = pool();
    w.add_one("P", "red", {"--colour", "red"}, 1).add_one("P", "", {}, 2).add_one("P", "", {}, 3);
    EXPECT_EQ(answers(w), (Lines{"answer 1 ok P/red", "answer 2 ok P/0", "answer 3 ok P/1"}));
    EXPECT_EQ(w.children_of("P"), (Lines{"red", "0", "1"}));
    const Expected<LaunchSpec> launch = decode_launch(w.engine().supervision().launch(w.child("P/red")));
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->exec, (Lines{"/bin/worker", "--colour", "red"}));
    w.add_one("P", "red", {}, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 already_started P/red"});
    w.add_one("P", "2", {}, 5).add_one("P", "", {}, 6);
    EXPECT_EQ(w.children_of("P"), (Lines{"red", "0", "1", "2", "3"})) << "a number that was given by hand is passed over";
}

TEST(supervision_manage, s60_full_specs_without_ids) {
    World w = pool();
    w.add("P", worker(""), 1).add("P", worker("named"), 2);
    EXPECT_EQ(answers(w), (Lines{"answer 1 ok P/0", "answer 2 ok P/named"}));
    EXPECT_EQ(w.children_of("P"), (Lines{"0", "named"}));
}

TEST(supervision_manage, s60_restart_and_delete_are_not_supported_and_terminate_removes) {
    World w = pool();
    w.add_one("P", "x").take();
    for (const Verb verb : {Verb::start, Verb::start_now, Verb::restart, Verb::remove, Verb::disable}) {
        w.command(verb, "P/x", true, 2);
        EXPECT_EQ(answers(w), Lines{"answer 2 not_supported"}) << static_cast<int>(verb);
    }
    EXPECT_EQ(w.state("P/x"), ChildState::running);
    w.command(Verb::stop, "P/x", true, 3);
    EXPECT_EQ(answers(w), Lines{"answer 3 ok"});
    EXPECT_EQ(w.child("P/x"), no_child);
    w.send(Event::command(1, Verb::stop, w.child("P/x"), true, 4));
    EXPECT_EQ(answers(w), Lines{"answer 4 not_found"});
}

TEST(supervision_manage, s60_s54_a_failed_start_leaves_nothing) {
    World w = pool();
    w.spawn_fails.insert("P/x");
    w.add_one("P", "x", {}, 1);
    EXPECT_EQ(answers(w), Lines{"answer 1 " + no_file});
    EXPECT_EQ(w.children_of("P"), Lines{});
    EXPECT_EQ(w.engine().supervision().count_children(w.child("P")).specs, 0U);
}

TEST(supervision_manage, s61_s63_key_and_arguments_are_kept_across_restarts) {
    World w = pool();
    w.add_one("P", "x", {"--twice"}, 1).exits("P/x", 1);
    EXPECT_EQ(w.state("P/x"), ChildState::running);
    const Expected<LaunchSpec> launch = decode_launch(w.engine().supervision().launch(w.child("P/x")));
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->exec, (Lines{"/bin/worker", "--twice"}));
}

TEST(supervision_manage, s13_the_dynamic_table) {
    World transient = pool(RestartType::transient);
    transient.add_one("P", "x").exits("P/x", 0);
    EXPECT_EQ(transient.child("P/x"), no_child) << "one that ended well has no way back";
    transient.add_one("P", "y").exits("P/y", 1);
    EXPECT_EQ(transient.state("P/y"), ChildState::running);
    World temporary = pool(RestartType::temporary);
    temporary.add_one("P", "x").exits("P/x", 1);
    EXPECT_EQ(temporary.child("P/x"), no_child);
    EXPECT_EQ(temporary.view("P").window_used, 0U);
}

TEST(supervision_manage, s62_max_children_counts_restarting_ones_and_frees_with_the_entry) {
    World w = pool(RestartType::permanent, 2);
    w.add_one("P", "x", {}, 1).add_one("P", "y", {}, 2).add_one("P", "z", {}, 3);
    EXPECT_EQ(answers(w), (Lines{"answer 1 ok P/x", "answer 2 ok P/y", "answer 3 max_children 2"}));
    w.exits("P/x", 1).exits("P/x", 1);
    EXPECT_EQ(w.waits("P/x"), Waits::backoff);
    w.add_one("P", "z", {}, 4);
    EXPECT_EQ(answers(w), Lines{"answer 4 max_children 2"});
    w.pass(Duration::seconds(1)).exits("P/y", 1);
    w.manners["P/y"] = ignores;
    w.command(Verb::stop, "P/y", false, 5).add_one("P", "z", {}, 6);
    EXPECT_EQ(answers(w), (Lines{"answer 5 ok", "answer 6 max_children 2"})) << "not before the entry is gone";
    w.pass(Duration::seconds(5));
    w.add_one("P", "z", {}, 7).add_one("P", "w", {}, 8);
    EXPECT_EQ(answers(w), (Lines{"answer 7 ok P/z", "answer 8 max_children 2"})) << "no drift on restarts";
    EXPECT_EQ(w.view("P").children, 2U);
}

TEST(supervision_manage, s62_a_failed_start_frees_its_slot) {
    World w = pool(RestartType::permanent, 1);
    w.spawn_fails.insert("P/x");
    for (std::uint64_t n = 1; n < 4; ++n) {
        w.add_one("P", "x", {}, n);
    }
    EXPECT_EQ(answers(w), (Lines{"answer 1 " + no_file, "answer 2 " + no_file, "answer 3 " + no_file}));
    w.add_one("P", "y", {}, 9);
    EXPECT_EQ(answers(w), Lines{"answer 9 ok P/y"});
}

TEST(supervision_manage, s23_a_dynamic_supervisor_stops_all_at_once_each_with_its_own_deadline) {
    World w = pool();
    for (const std::string key : {"x", "y", "z"}) {
        w.manners["P/" + key] = ignores;
        w.add_one("P", key);
    }
    w.take();
    w.command(Verb::stop, "P", true, 9);
    EXPECT_EQ(w.take({"signal"}), (Lines{"signal P/x 15", "signal P/y 15", "signal P/z 15"}));
    w.exits("P/y", 0);
    EXPECT_EQ(w.state("P"), ChildState::stopping);
    w.pass(Duration::seconds(5));
    EXPECT_EQ(answers(w), Lines{"answer 9 ok"});
    EXPECT_EQ(w.states({"P"}), "down");
    EXPECT_EQ(w.alive_count(), 1U);
    w.command(Verb::start, "P", true, 10);
    EXPECT_EQ(w.children_of("P"), Lines{}) << "S-44";
}

TEST(supervision_manage, s33_a_dynamic_supervisor_gives_up_like_any) {
    ChildSpec each = no_backoff(worker(""));
    SupervisorSpec spec = dynamic(each);
    spec.intensity = 1;
    World w(team({supervisor("P", spec, RestartType::transient), worker("b")}, 9));
    w.start().add_one("P", "x").add_one("P", "y").exits("P/x", 1).exits("P/y", 1);
    EXPECT_EQ(w.states({"P", "b"}), "down running");
    EXPECT_EQ(w.alive_count(), 1U);
}

TEST(supervision_manage, a_template_of_a_supervisor) {
    World w(team({supervisor("P", dynamic(supervisor("", one_for_all({worker("a"), worker("b")}))))}, 9));
    w.start().add_one("P", "x").add_one("P", "y");
    EXPECT_EQ(w.states({"P/x/a", "P/x/b", "P/y/a", "P/y/b"}), "running running running running");
    w.exits("P/x/a", 1);
    EXPECT_EQ(w.starts("P/x/b"), 2);
    EXPECT_EQ(w.starts("P/y/b"), 1);
    w.command(Verb::stop, "P/x", true, 3);
    EXPECT_EQ(w.states({"P/x", "P/x/a", "P/y/a"}), "gone gone running");
}

// ---- what a journal may say of it -----------------------------------------------------------------------------------

TEST(supervision_manage, an_added_child_of_any_size_can_have_happened) {
    World w(team({worker("b")}));
    w.start().watch("b", 1);
    NewChild added;
    added.spec.push_back(worker("n"));
    added.spec.back().launch.exec.assign(50, "--an-argument");
    const std::string bytes = encode_new_child(added);
    EXPECT_GT(bytes.size(), 255U);
    EXPECT_TRUE(w.engine().can_happen(Event::add_child(1, w.child("/"), bytes, true, 7)));
    EXPECT_FALSE(w.engine().can_happen(Event::add_child(9, w.child("/"), bytes, true, 7)));
}

}  // namespace
