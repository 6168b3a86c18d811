// SPDX-License-Identifier: Apache-2.0
/// Managed processes, programs that speak, standing links (rules W-6..W-8, T-9, D-4, D-11, F-2, F-7, decisions 14, 15).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

std::vector<StandingLink> monitors(const char* other) { return {StandingLink{other, LinkMode::monitor}}; }

// ---- managed processes -------------------------------------------------------------------------------------------------

TEST(supervision_program, w6_w7_a_doomed_process_is_stopped_and_announced_when_it_is_dead) {
    World w(team({no_backoff(worker("db")), no_backoff(managed(worker("web"), monitors("db")))}));
    w.manners["web"] = ignores;
    w.start().watch("web", 1).take();
    w.is_killed("db", 9);
    EXPECT_EQ(w.state("web"), ChildState::stopping);
    EXPECT_EQ(w.owed(1), Lines{});  // W-7: not when the stop is decided
    EXPECT_EQ(w.state("db"), ChildState::running);
    w.pass(Duration::seconds(5));  // its grace runs out: still a cascade, not the kill's status
    EXPECT_EQ(w.owed(1), Lines{"web cascade(db)"});
    EXPECT_EQ(w.view("web").last_class, ExitClass::abnormal);
    EXPECT_EQ(w.view("web").last_fault.root_kind, FaultKind::signal);
    EXPECT_EQ(w.view("web").last_fault.hops, 1U);
    EXPECT_EQ(w.state("web"), ChildState::running);
    EXPECT_EQ(w.take({"child_down", "child_stopping", "child_killing", "restart"}),
              (Lines{"child_down db signal(9) abnormal", "child_stopping web 15", "restart db 1", "child_killing web",
                     "child_down web cascade(db) abnormal"}));
}

TEST(supervision_program, f2_a_chain_names_the_neighbour_and_keeps_the_root) {
    World w(
        team({no_backoff(worker("a")), no_backoff(managed(worker("b"), monitors("a"))), no_backoff(managed(worker("c"), monitors("b")))}));
    w.start();
    const DeviceId first = w.view("a").device;
    w.exits("a", 3);
    const FaultRecord fault = w.view("c").last_fault;
    EXPECT_EQ(fault.kind, FaultKind::cascade);
    EXPECT_EQ(fault.root, first);
    EXPECT_EQ(fault.root_kind, FaultKind::exit);
    EXPECT_EQ(fault.root_argument, 3);
    EXPECT_EQ(fault.hops, 2U);
    EXPECT_EQ(w.view("/").window_used, 1U);  // S-29: one root cause
}

TEST(supervision_program, w8_the_first_fatal_notice_fixes_the_fault_and_cycles_end) {
    ChildSpec x = no_backoff(managed(worker("x"), monitors("a")));
    x.links.push_back(StandingLink{"b", LinkMode::monitor});
    World w(team({no_backoff(worker("a")), no_backoff(worker("b")), x}));
    w.manners["x"] = ignores;
    w.start().exits("b", 1).take();
    w.exits("a", 1);
    EXPECT_EQ(w.take({"child_stopping", "signal"}), Lines{});
    w.exits("x", 0);
    EXPECT_EQ(w.take({"child_down"}), Lines{"child_down x cascade(b) abnormal"});
}

std::vector<ChildSpec> ring_of_three() {
    return {no_backoff(managed(worker("a"), monitors("c"))), no_backoff(managed(worker("b"), monitors("a"))),
            no_backoff(managed(worker("c"), monitors("b")))};
}

TEST(supervision_program, w8_a_ring_falls_once_and_is_one_event) {
    World w(team(ring_of_three(), 1));
    w.start().exits("b", 1);
    for (const char* name : {"a", "b", "c"}) {
        EXPECT_EQ(w.starts(name), 2) << name;
        EXPECT_EQ(w.state(name), ChildState::running);
    }
    EXPECT_EQ(w.view("/").window_used, 1U);
    w.exits("b", 1);  // it stands again, so it falls again, and the limit holds
    EXPECT_EQ(w.state("/"), ChildState::down);
}

TEST(supervision_program, s29_w8_a_ring_of_programs_that_speak_is_bounded_by_the_limit) {
    World w(team(ring_of_three(), 5));
    w.start().adopts("a", 1).adopts("b", 2).adopts("c", 3).exits("b", 1);
    EXPECT_LE(w.starts("a") + w.starts("b") + w.starts("c"), 12);
}

TEST(supervision_program, w7_a_chain_takes_one_grace_and_each_is_announced_when_it_is_dead) {
    World w(
        team({no_backoff(worker("a")), no_backoff(managed(worker("b"), monitors("a"))), no_backoff(managed(worker("c"), monitors("b")))}));
    w.manners["b"] = ignores;
    w.manners["c"] = ignores;
    w.start().watch("b", 1).watch("c", 2).take();
    w.exits("a", 1);
    EXPECT_EQ(w.take({"signal"}), (Lines{"signal b 15", "signal c 15"}));
    w.exits("c", 0);
    EXPECT_EQ(w.owed(1), Lines{});
    EXPECT_EQ(w.owed(2), Lines{"c cascade(b)"});
    EXPECT_EQ(w.state("c"), ChildState::running);
    w.exits("b", 0);
    EXPECT_EQ(w.owed(1), Lines{"b cascade(a)"});
    EXPECT_EQ(w.starts("c"), 2);  // it was not linked to one that was still to fall
}

TEST(supervision_program, w8_a_notice_during_a_stop_is_swallowed) {
    World w(team({no_backoff(worker("db")), managed(worker("web"), monitors("db"))}));
    w.manners["web"] = ignores;
    w.start().command(Verb::stop, "web", true, 3).exits("db", 1).take();
    w.exits("web", 0);
    EXPECT_EQ(w.take({"child_down", "answer", "spawn"}), (Lines{"child_down web none shutdown", "answer 3 ok"}));
}

TEST(supervision_program, a_stop_of_a_doomed_one_keeps_the_cascade_and_rules_out_the_restart) {
    World w(team({no_backoff(worker("db")), managed(worker("web"), monitors("db"))}));
    w.manners["web"] = ignores;
    w.start().exits("db", 1).command(Verb::stop, "web", true, 3).take();
    w.exits("web", 0);
    EXPECT_EQ(w.take({"child_down", "answer", "signal", "spawn"}), (Lines{"child_down web cascade(db) shutdown", "answer 3 ok"}));
    EXPECT_EQ(w.state("web"), ChildState::down);
}

TEST(supervision_program, w9_an_unmanaged_process_is_never_killed_by_notices) {
    ChildSpec web = worker("web");
    web.links = monitors("db");
    World w(team({no_backoff(worker("db")), web}));
    w.start().exits("db", 1);
    EXPECT_EQ(w.starts("web"), 1);
    EXPECT_EQ(w.state("web"), ChildState::running);
}

TEST(supervision_program, w5_notify_alone_does_not_kill_its_owner_but_tells_the_other) {
    World w(team({no_backoff(managed(worker("a"), {})), no_backoff(managed(worker("b"), {StandingLink{"a", LinkMode::notify}}))}));
    w.start().exits("a", 1);
    EXPECT_EQ(w.starts("b"), 1);
    w.exits("b", 1);
    EXPECT_EQ(w.starts("a"), 3);
}

TEST(supervision_program, w6_a_shutdown_request_ends_a_managed_process_without_fault) {
    World w(team({no_backoff(managed(worker("a"), {}))}));
    w.start().watch("a", 1).take();
    w.asks_to_shut_down("a", 1);
    EXPECT_EQ(w.take({"child_stopping", "child_down", "restart"}),
              (Lines{"child_stopping a 15", "child_down a none shutdown", "restart a 1"}));
    EXPECT_EQ(w.owed(1), Lines{"a none"});
    EXPECT_EQ(w.starts("a"), 2);
}

TEST(supervision_program, a_clean_end_dooms_nobody) {
    World w(team({worker("db", RestartType::transient), managed(worker("web"), monitors("db"))}));
    w.start().exits("db", 0);
    EXPECT_EQ(w.starts("web"), 1);
}

TEST(supervision_program, doomed_before_ready_is_a_failed_start_with_the_cascade) {
    World w(team({no_backoff(worker("db")), no_backoff(notifying(managed(worker("web"), monitors("db"))))}));
    w.start().take();
    w.exits("db", 1);
    EXPECT_EQ(w.take({"child_start_failed", "child_stopping", "restart"}),
              (Lines{"child_stopping web 15", "restart db 1", "child_start_failed web cascade(db) abnormal"}));
    EXPECT_EQ(w.starts("web"), 2);
}

// ---- standing orders ------------------------------------------------------------------------------------------------------

TEST(supervision_program, decision14_laid_again_for_each_incarnation_of_either_end) {
    World w(team({no_backoff(worker("db")), no_backoff(managed(worker("web"), monitors("db")))}, 50));
    w.start();
    for (int round = 1; round <= 3; ++round) {
        w.exits("db", 1);
        EXPECT_EQ(w.starts("web"), round + 1);
    }
    w.exits("web", 1);
    EXPECT_EQ(w.starts("db"), 4);
    w.exits("db", 1);
    EXPECT_EQ(w.starts("web"), 6);
}

TEST(supervision_program, decision14_not_up_yet_is_no_death) {
    World w(team({managed(worker("web"), monitors("sub/db")), supervisor("sub", team({notifying(worker("db"))}, 50))}, 50));
    w.start();
    w.exits("sub/db", 1);  // never ready: fails to start
    EXPECT_EQ(w.starts("web"), 1);
    w.says_ready("sub/db").exits("sub/db", 1);
    EXPECT_EQ(w.starts("web"), 2);
}

TEST(supervision_program, decision14_a_target_in_its_backoff_leaves_a_restarted_watcher_alone) {
    World w(team({worker("db"), no_backoff(managed(worker("web"), monitors("db")))}, 50));
    w.start().exits("db", 1);
    w.spawn_fails.insert("db");
    w.exits("db", 1).pass(Duration::seconds(3));
    EXPECT_EQ(w.starts("web"), 3);
    EXPECT_EQ(w.state("web"), ChildState::running);
}

TEST(supervision_program, a_supervisor_can_be_watched_and_f6_giving_up_is_a_fault) {
    World w(team({no_backoff(supervisor("S", team({no_backoff(worker("a"))}, 0))), no_backoff(managed(worker("web"), monitors("S")))}));
    w.start();
    w.exits("S/a", 1);
    EXPECT_EQ(w.view("web").last_fault.kind, FaultKind::cascade);
    EXPECT_EQ(w.view("web").last_fault.root_argument, static_cast<std::int32_t>(ErrorDetail::gave_up));
    EXPECT_EQ(w.starts("web"), 2);
    EXPECT_EQ(w.view("/").window_used, 1U);
}

// ---- programs that speak -----------------------------------------------------------------------------------------------------

TEST(supervision_program, t9_an_exit_within_the_settle_time_is_judged_by_f5) {
    World w(team({worker("a")}));
    w.start().watch("a", 1).adopts("a", 2).take();
    w.send(Event::session_close(2)).pass(Duration::milliseconds(19));
    EXPECT_EQ(w.owed(1), Lines{});
    w.exits("a", 4);
    EXPECT_EQ(w.owed(1), Lines{"a exit(4)"});
}

TEST(supervision_program, t9_an_exit_that_is_certain_is_waited_for) {
    World w(team({worker("a")}));
    w.start().watch("a", 1).adopts("a", 2).take();
    const ChildView a = w.view("a");
    w.send(Event::session_close(2)).send(Event::exiting(w.child("a"), a.generation)).pass(Duration::seconds(3));
    EXPECT_EQ(w.owed(1), Lines{});
    w.exits("a", 4);
    EXPECT_EQ(w.owed(1), Lines{"a exit(4)"});
}

TEST(supervision_program, t9_otherwise_it_dropped_is_told_then_and_stopped) {
    World w(team({no_backoff(worker("a", RestartType::transient))}));
    w.manners["a"] = ignores;
    w.start().watch("a", 1).adopts("a", 2).take();
    w.send(Event::session_close(2)).pass(Duration::milliseconds(20));
    EXPECT_EQ(w.owed(1), Lines{"a drop"});
    EXPECT_EQ(w.take({"child_stopping", "child_down"}), Lines{"child_stopping a 15"});
    EXPECT_EQ(w.state("a"), ChildState::stopping);
    w.group_held.insert("a");
    w.exits("a", 0);
    EXPECT_EQ(w.take({"child_down", "spawn"}), Lines{"child_down a drop abnormal"});  // F-7
    w.release_group("a");
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.owed(1), Lines{"a drop"});
}

TEST(supervision_program, t9_after_a_bye_it_has_its_shutdown_time_to_exit) {
    World w(team({no_backoff(worker("a"))}));
    w.manners["a"] = ignores;
    w.start().watch("a", 1).adopts("a", 2).take();
    w.send(Event::session_close(2, {}, true)).pass(Duration::milliseconds(4'900));
    EXPECT_EQ(w.owed(1), Lines{});
    w.exits("a", 4);
    EXPECT_EQ(w.owed(1), Lines{"a exit(4)"});
    w.adopts("a", 3).watch("a", 4).send(Event::session_close(3, {}, true)).pass(Duration::seconds(5));
    EXPECT_EQ(w.owed(4), Lines{"a drop"});
}

TEST(supervision_program, t9_one_that_speaks_again_within_the_settle_time_has_not_dropped) {
    World w(team({worker("a", RestartType::temporary), worker("b")}));
    w.start().adopts("a", 1).send(Event::session_close(1)).send(Event::of(EventKind::go_on));
    w.adopts("a", 2).pass(Duration::seconds(1));
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.send(Event::session_close(2)).send(Event::of(EventKind::go_on)).exits("a", 0).pass(Duration::seconds(1));
    EXPECT_EQ(w.child("a"), no_child);
}

TEST(supervision_program, t9_a_program_that_never_spoke_is_judged_by_its_exit_alone) {
    World w(team({worker("a")}));
    w.start();
    w.send(Event::session_open(2, 0, 1, w.child("a"), w.view("a").generation)).send(Event::session_close(2)).pass(Duration::seconds(1));
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.starts("a"), 1);
}

TEST(supervision_program, t9_a_goodbye_is_told_at_once_and_then_it_has_its_time) {
    World w(team({no_backoff(worker("a"))}));
    w.manners["a"] = ignores;
    w.start().watch("a", 1).adopts("a", 2).take();
    w.says_goodbye("a", 2, FaultKind::error, "disk full");
    EXPECT_EQ(w.owed(1), Lines{"a error{disk full}"});
    EXPECT_EQ(w.state("a"), ChildState::stopping);
    EXPECT_EQ(w.take({"signal", "child_down"}), Lines{});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.take({"child_stopping", "child_killing"}), Lines{"child_stopping a 15"});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.take({"child_killing", "child_down"}), (Lines{"child_killing a", "child_down a error{disk full} abnormal"}));
    EXPECT_EQ(w.owed(1).size(), 1U);  // D-4: one notice for each edge
    EXPECT_EQ(w.starts("a"), 2);
}

TEST(supervision_program, d4_the_real_exit_alone_decides_the_class) {
    World clean(team({worker("a", RestartType::transient)}));
    clean.start().adopts("a", 2).says_goodbye("a", 2, FaultKind::error, "");
    clean.exits("a", 0);
    EXPECT_EQ(clean.state("a"), ChildState::down);
    World bad(team({worker("a", RestartType::transient)}));
    bad.start().adopts("a", 2).says_goodbye("a", 2, FaultKind::none, "").take();
    bad.exits("a", 3);
    EXPECT_EQ(bad.take({"child_down"}), Lines{"child_down a exit(3) abnormal"});
    EXPECT_EQ(bad.starts("a"), 2);
}

TEST(supervision_program, t9_w7_an_announced_cascade_is_held_back_until_it_is_dead) {
    World w(team({worker("db"), worker("a")}));
    w.start().watch("a", 1).adopts("a", 2);
    const DeviceId db = w.view("db").device;
    w.send(Event::disconnect(2, w.view("a").device, FaultKind::cascade, 0, db, "", 1));
    EXPECT_EQ(w.owed(1), Lines{});
    EXPECT_EQ(w.state("a"), ChildState::stopping);
    w.exits("a", 1);
    EXPECT_EQ(w.owed(1), Lines{"a cascade(db)"});
}

TEST(supervision_program, t9_a_program_that_manages_itself_gets_its_time_before_the_signal) {
    ChildSpec web = worker("web");
    web.links = monitors("db");
    World w(team({no_backoff(worker("db")), no_backoff(web)}));
    w.start().adopts("web", 2);
    w.send(Event::manage(2, w.view("web").device, true, 1)).take();
    w.exits("db", 1);
    EXPECT_EQ(w.state("web"), ChildState::stopping);
    EXPECT_EQ(w.take({"signal"}), Lines{});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.take({"signal", "child_down"}), (Lines{"signal web 15", "child_down web cascade(db) abnormal"}));
    EXPECT_EQ(w.starts("web"), 2);
}

TEST(supervision_program, t9_one_that_manages_itself_and_goes_in_time_gets_no_signal) {
    ChildSpec web = worker("web");
    web.links = monitors("db");
    World w(team({no_backoff(worker("db")), no_backoff(web)}));
    w.start().watch("web", 1).adopts("web", 2);
    w.send(Event::manage(2, w.view("web").device, true, 1)).exits("db", 1).take();
    w.send(Event::session_close(2)).exits("web", 1);
    EXPECT_EQ(w.take({"signal", "child_down"}), Lines{"child_down web cascade(db) abnormal"});
    EXPECT_EQ(w.owed(1), Lines{"web cascade(db)"});
}

TEST(supervision_program, an_adopted_process_managed_by_configuration_is_stopped_at_once) {
    World w(team({no_backoff(worker("db")), no_backoff(managed(worker("web"), monitors("db")))}));
    w.start().adopts("web", 2).take();
    w.exits("db", 1);
    EXPECT_EQ(w.take({"signal"}), Lines{"signal web 15"});
}

TEST(supervision_program, the_socket_that_ends_during_a_stop_is_part_of_it) {
    World w(team({worker("a")}));
    w.manners["a"] = ignores;
    w.start().watch("a", 1).adopts("a", 2).command(Verb::stop, "a", true, 3).send(Event::session_close(2));
    w.pass(Duration::milliseconds(500));
    EXPECT_EQ(w.owed(1), Lines{});
    w.exits("a", 0);
    EXPECT_EQ(w.owed(1), Lines{"a none"});
}

// ---- names ----------------------------------------------------------------------------------------------------------------------

TEST(supervision_program, decision15_paths_and_unambiguous_ends_of_them) {
    World w(team({worker("db"), supervisor("s", team({worker("w1"), worker("db"), supervisor("t", team({worker("w2")}))})),
                  supervisor("r", team({worker("w1")}))}));
    w.start();
    EXPECT_EQ(w.view("db").path, "db");  // a whole path means itself
    EXPECT_EQ(w.view("s/db").path, "s/db");
    EXPECT_EQ(w.view("w2").path, "s/t/w2");
    EXPECT_EQ(w.view("t/w2").path, "s/t/w2");
    EXPECT_EQ(w.child("w1"), no_child);  // ambiguous
    EXPECT_EQ(w.child("2"), no_child);   // whole elements only
    EXPECT_EQ(w.child("/w2"), no_child);
    EXPECT_EQ(w.child(""), no_child);
    EXPECT_EQ(w.child("/"), w.engine().supervision().root());
}

TEST(supervision_program, decision15_a_name_stays_reserved_while_its_child_is_down) {
    World w(team({worker("db"), worker("x")}));
    w.start().watch("x", 1).exits("db", 1).exits("db", 1).take();
    ASSERT_EQ(w.state("db"), ChildState::restarting);
    w.send(Event::naming(EventKind::register_name, 1, "db", w.watcher(1), 7));
    EXPECT_EQ(w.take({"answer"}), Lines{"answer 7 name_taken db"});
}

TEST(supervision_program, the_tree_is_walked_in_order) {
    World w(team({worker("a"), supervisor("s", team({worker("b"), worker("c")})), worker("d")}));
    w.start();
    Lines paths;
    for (ChildIndex i = w.engine().supervision().root(); i != no_child; i = w.engine().supervision().next_in_tree(i)) {
        paths.emplace_back(w.engine().supervision().view(i, w.now).path);
    }
    EXPECT_EQ(paths, (Lines{"/", "a", "s", "s/b", "s/c", "d"}));
    const Expected<LaunchSpec> launch = decode_launch(w.engine().supervision().launch(w.child("s/b")));
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->exec.front(), "/bin/worker");
}

}  // namespace
