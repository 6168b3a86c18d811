// SPDX-License-Identifier: Apache-2.0
/// Readiness (X-3, S-8..S-10), the watchdog, and how the specification says to stop (S-35, P-3, P-4).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

Lines signals(World& w) { return w.take({"signal", "signal_group"}); }

ChildSpec delayed(std::string name, Duration delay) {
    ChildSpec spec = worker(std::move(name));
    spec.readiness = Readiness::delay;
    spec.ready_delay = delay;
    return spec;
}

// ---- readiness -------------------------------------------------------------------------------------------------

TEST(supervision_watch, x3_delay_is_ready_when_it_has_lived_so_long) {
    World w(team({delayed("a", Duration::seconds(2)), worker("b")}));
    w.start().pass(Duration::milliseconds(1'999));
    EXPECT_EQ(w.states({"a", "b"}), "starting down");
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_watch, x3_an_end_within_the_delay_is_a_failed_start) {
    World w(team({delayed("a", Duration::seconds(2)), worker("b")}, 9));
    w.start().exits("a", 0);
    EXPECT_EQ(w.view("a").last_class, ExitClass::abnormal);
    EXPECT_EQ(w.take({"child_start_failed"}), Lines{"child_start_failed a exit(0) abnormal"});
    w.pass(Duration::milliseconds(1'999));
    EXPECT_EQ(w.state("a"), ChildState::restarting) << "the delay of the first one is over and means nothing";
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_watch, x3_a_delay_longer_than_the_start_timeout_never_gets_ready) {
    World w(team({delayed("a", Duration::seconds(6))}, 0));
    w.start().pass(Duration::seconds(6));
    EXPECT_EQ(w.state("/"), ChildState::down);
    EXPECT_EQ(w.take({"child_start_failed"}), Lines{"child_start_failed a timeout(start) abnormal"});
}

TEST(supervision_watch, x3_probe_is_ready_when_its_host_says_so) {
    ChildSpec probed = worker("a");
    probed.readiness = Readiness::probe;
    World w(team({probed, worker("b")}));
    w.start();
    EXPECT_EQ(w.states({"a", "b"}), "starting down");
    w.says_ready("a");
    EXPECT_EQ(w.states({"a", "b"}), "running running");
}

TEST(supervision_watch, decision36_a_oneshot_is_started_when_it_has_ended_well) {
    World w(team({oneshot(worker("init")), worker("b")}));
    w.start().says_ready("init");
    EXPECT_EQ(w.states({"init", "b"}), "starting down") << "whatever it says";
    w.take();
    w.exits("init", 0);
    EXPECT_EQ(w.take({"child_completed", "child_down", "restart"}), Lines{"child_completed init"});
    EXPECT_EQ(w.states({"/", "init", "b"}), "running down running");
    EXPECT_EQ(w.reason("init"), DownReason::completed);
    EXPECT_EQ(w.fault("init"), "");
    w.pass(Duration::seconds(60));
    EXPECT_EQ(w.starts("init"), 1) << "S-9: not restarted, although it is permanent";
}

TEST(supervision_watch, decision36_one_that_fails_or_takes_too_long_is_a_failed_start) {
    World w(team({oneshot(no_backoff(worker("init"))), worker("b")}, 9));
    w.start().exits("init", 1);
    EXPECT_EQ(w.take({"child_start_failed"}), Lines{"child_start_failed init exit(1) abnormal"});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.take({"child_start_failed"}), Lines{"child_start_failed init timeout(start) abnormal"});
    w.exits("init", 0);
    EXPECT_EQ(w.states({"/", "init", "b"}), "running down running");
}

TEST(supervision_watch, s9_a_temporary_oneshot_is_dropped_and_a_retained_one_kept) {
    World w(team({oneshot(worker("t", RestartType::temporary)), oneshot(retained(worker("r"))), worker("b")}));
    w.start().exits("t", 0).exits("r", 0);
    EXPECT_EQ(w.states({"t", "r", "b"}), "gone down running");
}

TEST(supervision_watch, s9_a_stop_of_a_oneshot_in_its_work_is_no_completion) {
    World w(team({worker("a"), oneshot(worker("init")), worker("b")}));
    w.manners["init"] = Manners{Manners::On::exits, 0};
    w.start().command(Verb::stop, "init", true, 3);
    EXPECT_EQ(w.reason("init"), DownReason::terminated);
    EXPECT_EQ(w.take({"child_completed"}), Lines{});
    EXPECT_EQ(w.states({"/", "a", "b"}), "running running running");
}

// ---- the watchdog ----------------------------------------------------------------------------------------------

TEST(supervision_watch, x5_a_silent_one_gets_abort_then_kill_and_it_is_a_crash_by_timeout) {
    World w(team({no_backoff(watched(worker("a"), Duration::seconds(2)))}, 9));
    w.manners["a"] = ignores;
    w.start().take();
    w.pass(Duration::milliseconds(1'999));
    EXPECT_EQ(signals(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(signals(w), Lines{"signal a 6"});
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.take({"signal_group", "child_down", "restart"}),
              (Lines{"signal_group a 9", "child_down a timeout(watchdog) abnormal", "restart a 1", "signal_group a 9"}));
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.view("/").window_used, 1U);
}

TEST(supervision_watch, x5_signs_of_life_put_it_off) {
    World w(team({watched(worker("a"), Duration::seconds(2))}, 9));
    w.start();
    for (int n = 0; n < 5; ++n) {
        w.pass(Duration::milliseconds(1'900)).beats("a");
    }
    w.take();
    w.pass(Duration::milliseconds(1'999));
    EXPECT_EQ(signals(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_FALSE(signals(w).empty());
}

TEST(supervision_watch, x5_it_begins_when_the_program_is_ready_and_each_incarnation_anew) {
    World w(team({watched(no_backoff(notifying(worker("a"), Duration::seconds(60))), Duration::seconds(2))}, 9));
    w.start().pass(Duration::seconds(30));
    EXPECT_EQ(w.state("a"), ChildState::starting);
    w.says_ready("a").pass(Duration::seconds(1)).exits("a", 1).pass(Duration::seconds(30));
    EXPECT_EQ(w.state("a"), ChildState::restarting) << "the old one's watchdog means nothing";
    w.says_ready("a").take();
    w.pass(Duration::seconds(2));
    EXPECT_FALSE(signals(w).empty());
}

TEST(supervision_watch, x5_after_a_gap_in_our_own_loop_there_is_one_grace) {
    World w(team({watched(worker("a"), Duration::seconds(2))}, 9));
    w.start().take();
    w.now = w.now + Duration::seconds(60);  // nobody fired anything meanwhile
    w.send(Event::of(EventKind::late));
    EXPECT_EQ(signals(w), Lines{});
    w.pass(Duration::milliseconds(999));
    EXPECT_EQ(signals(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_FALSE(signals(w).empty());
}

TEST(supervision_watch, x5_after_a_gap_every_deadline_has_one_grace) {
    World w(team({notifying(worker("a"), Duration::seconds(2)), notifying(worker("b"), Duration::seconds(2))}, 9));
    w.start().take();
    w.now = w.now + Duration::seconds(60);
    w.send(Event::of(EventKind::late));
    EXPECT_EQ(w.state("a"), ChildState::starting) << "its word may be on its way";
    w.says_ready("a");
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.take();
    w.now = w.now + Duration::milliseconds(2999);
    w.send(Event::of(EventKind::late));  // again, after b's time
    w.pass(Duration::milliseconds(999));
    EXPECT_EQ(signals(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(signals(w), (Lines{"signal b 15", "signal_group b 9"})) << "and it heeds that";
}

TEST(supervision_watch, x5_a_stop_that_is_under_way_is_not_disturbed) {
    ChildSpec spec = watched(worker("a"), Duration::seconds(2));
    spec.shutdown = Duration::seconds(30);
    World w(team({spec}, 9));
    w.manners["a"] = ignores;
    w.start().command(Verb::stop, "a", true, 3).take();
    w.pass(Duration::seconds(29));
    EXPECT_EQ(signals(w), Lines{});
    w.exits("a", 0);
    EXPECT_EQ(w.take({"child_down"}), Lines{"child_down a none shutdown"});
}

TEST(supervision_watch, x5_a_stop_of_one_that_was_aborted_rules_out_the_restart) {
    World w(team({no_backoff(watched(worker("a"), Duration::seconds(2)))}, 9));
    w.manners["a"] = ignores;
    w.start().pass(Duration::seconds(2)).command(Verb::stop, "a", true, 3).take();
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.state("a"), ChildState::down);
    EXPECT_EQ(w.take({"child_down", "restart"}), Lines{"child_down a timeout(watchdog) shutdown"});
}

TEST(supervision_watch, x5_the_heartbeat_of_its_own_device_is_a_sign_of_life) {
    World w(team({watched(worker("a"), Duration::seconds(2))}, 9));
    w.manners["a"] = ignores;
    w.start().adopts("a", 2).take();
    for (int n = 0; n < 3; ++n) {
        w.pass(Duration::milliseconds(1'900));
        w.send(Event::heartbeat(2, w.view("a").device, 3'000, 1));
    }
    EXPECT_EQ(signals(w), Lines{});
    w.pass(Duration::milliseconds(2'999));  // the program itself said until when
    EXPECT_EQ(signals(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(signals(w), Lines{"signal a 6"});
}

TEST(supervision_watch, x5_a_heartbeat_makes_a_watchdog_where_none_was_configured_and_takes_it_back) {
    World w(team({worker("a")}, 9));
    w.manners["a"] = ignores;
    w.start().adopts("a", 2).take();
    w.send(Event::heartbeat(2, w.view("a").device, 1'000, 1)).send(Event::heartbeat(2, w.view("a").device, 0, 2));
    w.pass(Duration::seconds(10));
    EXPECT_EQ(signals(w), Lines{});
    w.send(Event::heartbeat(2, w.view("a").device, 1'000, 3)).pass(Duration::seconds(1));
    EXPECT_EQ(signals(w), Lines{"signal a 6"});
}

// ---- S-10, S-35, P-3, P-4: by the specification ---------------------------------------------------------------------

TEST(supervision_watch, s35_no_wait_carries_on_and_kills_after_kill_after) {
    ChildSpec lazy = worker("b");
    lazy.shutdown_kind = ShutdownKind::no_wait;
    lazy.kill_after = Duration::seconds(3);
    World w(team({supervisor("S", team({worker("a"), lazy, worker("c")}))}));
    w.manners["S/b"] = ignores;
    w.start().take();
    w.command(Verb::stop, "S", true, 3);
    EXPECT_EQ(w.take({"signal", "answer"}), (Lines{"signal S/c 15", "signal S/b 15", "signal S/a 15"}));
    EXPECT_EQ(w.states({"S", "S/a", "S/b", "S/c"}), "stopping down stopping down");
    w.pass(Duration::milliseconds(2'999));
    EXPECT_TRUE(w.alive("S/b"));
    w.pass(Duration::milliseconds(1));
    EXPECT_FALSE(w.alive("S/b")) << "no kind leaves an unowned process";
    EXPECT_EQ(w.take({"answer"}), Lines{"answer 3 ok"});
}

TEST(supervision_watch, s35_no_wait_of_one_that_obeys) {
    ChildSpec lazy = worker("b");
    lazy.shutdown_kind = ShutdownKind::no_wait;
    World w(team({worker("a"), lazy}));
    w.start().take();
    w.command(Verb::stop, "b", true, 3).terminate();
    EXPECT_TRUE(w.engine().supervision().all_down());
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_watch, s35_no_wait_of_a_supervisor_kills_what_is_left_below_it) {
    ChildSpec lazy = supervisor("T", team({worker("x"), worker("y")}));
    lazy.shutdown_kind = ShutdownKind::no_wait;
    lazy.kill_after = Duration::seconds(3);
    World w(team({supervisor("S", team({worker("a"), lazy}))}));
    w.manners["S/T/x"] = w.manners["S/T/y"] = ignores;
    w.start().command(Verb::stop, "S", true, 3).take();
    EXPECT_EQ(w.states({"S", "S/a", "S/T"}), "stopping down stopping");
    w.pass(Duration::seconds(3));
    EXPECT_EQ(w.take({"answer"}), Lines{"answer 3 ok"});
    EXPECT_EQ(w.alive_count(), 0U);
}

TEST(supervision_watch, p4_s35_a_group_waits_for_the_old_process_of_a_no_wait_member) {
    ChildSpec lazy = worker("b");
    lazy.shutdown_kind = ShutdownKind::no_wait;
    World w(one_for_all({worker("a"), lazy, worker("c")}));
    w.manners["b"] = ignores;
    w.start().exits("c", 1);
    EXPECT_EQ(w.starts("b"), 1);
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.starts("b"), 2) << "never two at once";
    EXPECT_EQ(w.states({"a", "b", "c"}), "running running running");
}

TEST(supervision_watch, p3_stop_signal_and_to_whom) {
    ChildSpec spec = worker("a");
    spec.stop_signal = 2;
    World w(team({spec}));
    w.start().take();
    w.command(Verb::stop, "a", true, 3);
    EXPECT_EQ(w.take({"signal", "signal_group", "child_stopping", "child_down"}),
              (Lines{"child_stopping a 2", "signal a 2", "child_down a none shutdown", "signal_group a 9"}));
    spec.signal_group = true;
    World whole(team({spec}));
    whole.start().take();
    whole.command(Verb::stop, "a", true, 3);
    EXPECT_EQ(signals(whole), (Lines{"signal_group a 2", "signal_group a 9"}));
}

TEST(supervision_watch, f5_a_death_by_another_signal_than_ours_is_no_clean_stop) {
    ChildSpec spec = worker("a");
    spec.stop_signal = 2;
    World w(team({spec}));
    w.manners["a"] = ignores;
    w.start().command(Verb::stop, "a", false, 3).take();
    w.is_killed("a", term);
    EXPECT_EQ(w.take({"shutdown_error"}), Lines{"shutdown_error a signal(15) shutdown"});
}

TEST(supervision_watch, p4_kill_mode_leader_leaves_the_group_alone_and_does_not_wait_for_it) {
    ChildSpec spec = no_backoff(worker("a"));
    spec.kill_mode = KillMode::leader;
    World w(team({spec}, 9));
    w.start().take();
    w.exits("a", 1);
    EXPECT_EQ(signals(w), Lines{});
    EXPECT_EQ(w.starts("a"), 2);
    w.manners["a"] = ignores;
    w.command(Verb::stop, "a", true, 3).pass(Duration::seconds(5));
    EXPECT_EQ(signals(w), (Lines{"signal a 15", "signal a 9"}));
    EXPECT_FALSE(w.alive("a"));
}

TEST(supervision_watch, p4_the_host_is_told_which_reap_is_meant) {
    for (const KillMode mode : {KillMode::group, KillMode::leader}) {
        ChildSpec spec = worker("a");
        spec.kill_mode = mode;
        Engine engine;
        Effects out;
        engine.step(Instant{1}, Event::boot(Epoch{1}, 1, 0), out);
        const std::string tree = encode_spec(team({spec}));
        engine.step(Instant{2}, Event::configure(tree), out);
        const ChildIndex a = engine.supervision().find("a");
        engine.step(Instant{3}, Event::spawned(a, 1, 7), out);
        out.clear();
        engine.step(Instant{4}, Event::exited(a, 1, ExitHow::exited, 0), out);
        const auto reap = std::find_if(out.list.begin(), out.list.end(), [](const Effect& e) { return e.kind == EffectKind::reap; });
        ASSERT_NE(reap, out.list.end());
        EXPECT_EQ(reap->argument, mode == KillMode::leader ? 1 : 0);
    }
}

TEST(supervision_watch, t13_a_hurried_stop_shortens_kill_after_and_reaches_the_aborted) {
    ChildSpec lazy = worker("b");
    lazy.shutdown_kind = ShutdownKind::no_wait;
    lazy.kill_after = Duration::seconds(300);
    World w(team({worker("a"), lazy, watched(worker("c"), Duration::seconds(2))}));
    w.manners["b"] = w.manners["c"] = ignores;
    w.start().pass(Duration::seconds(2));
    w.terminate().terminate().terminate();
    EXPECT_TRUE(w.engine().supervision().all_down());
    EXPECT_EQ(w.alive_count(), 0U);
}

// ---- recovery says again what was said ------------------------------------------------------------------------

/// The effects of `recovered` in this state, as texts.
Lines recovered(const ChildSpec& spec, const std::vector<Event>& events) {
    Engine engine;
    Effects out;
    std::int64_t now = 1;
    engine.step(Instant{now++}, Event::boot(Epoch{1}, 1, 0), out);
    const std::string tree = encode_spec(team({spec}));
    engine.step(Instant{now++}, Event::configure(tree), out);
    for (const Event& event : events) {
        engine.step(Instant{now++}, event, out);
    }
    out.clear();
    engine.step(Instant{now++}, Event::of(EventKind::recovered), out);
    Lines lines;
    for (const Effect& effect : out.list) {
        if (effect.kind == EffectKind::signal || effect.kind == EffectKind::signal_group) {
            lines.push_back((effect.kind == EffectKind::signal ? "leader " : "group ") + std::to_string(effect.argument));
        } else if (effect.kind == EffectKind::reap) {
            lines.push_back("reap " + std::to_string(effect.argument));
        }
    }
    return lines;
}

TEST(supervision_watch, x12_after_a_crash_the_specified_signal_goes_to_whom_it_went) {
    ChildSpec spec = worker("a");
    spec.stop_signal = 2;
    const std::vector<Event> stopped{Event::spawned(2, 1, 7), Event::command(0, Verb::stop, 2, false, 0)};
    EXPECT_EQ(recovered(spec, stopped), Lines{"leader 2"});
    spec.signal_group = true;
    EXPECT_EQ(recovered(spec, stopped), Lines{"group 2"});
    const std::vector<Event> silent{Event::spawned(2, 1, 7), Event::of(EventKind::tick)};
    EXPECT_EQ(recovered(watched(spec, Duration{1}), silent), Lines{"leader 6"});
    spec.shutdown_kind = ShutdownKind::brutal_kill;
    EXPECT_EQ(recovered(spec, stopped), Lines{"group 9"});
    spec.kill_mode = KillMode::leader;
    EXPECT_EQ(recovered(spec, stopped), Lines{"leader 9"}) << "the others are spared";
    const std::vector<Event> dead{Event::spawned(2, 1, 7), Event::exited(2, 1, ExitHow::exited, 0)};
    EXPECT_EQ(recovered(spec, dead), Lines{"reap 1"});
    spec.kill_mode = KillMode::group;
    EXPECT_EQ(recovered(spec, dead), (Lines{"group 9", "reap 0"}));
}

}  // namespace
