// SPDX-License-Identifier: Apache-2.0
/// The drain hook: what is run beside a program before it is told to stop.
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

ChildSpec drained(ChildSpec spec, Duration timeout = Duration::seconds(10)) {
    spec.launch.drain.command = {"/bin/drain"};
    spec.launch.drain.timeout = timeout;
    return spec;
}

Lines deeds(World& w) { return w.take({"child_draining", "drain", "child_stopping", "signal", "signal_group"}); }

World& hook_ends(World& w, std::string_view path) { return w.send(Event::drained(w.child(path), w.view(path).generation)); }

TEST(supervision_drain, x16_the_hook_comes_first_and_the_program_works_on_meanwhile) {
    World w(team({drained(worker("a"))}));
    w.drain_held = {"a"};
    w.start().take();
    w.command(Verb::stop, "a", true, 3);
    EXPECT_EQ(w.take(), (Lines{"child_draining a", "drain a"}));
    EXPECT_EQ(w.state("a"), ChildState::stopping);
    EXPECT_TRUE(w.view("a").runs_hook);
    EXPECT_TRUE(w.alive("a"));
    w.command(Verb::stop, "a", true, 4).pass(Duration::seconds(9));
    EXPECT_EQ(deeds(w), Lines{}) << "asking twice does not hurry it";
    hook_ends(w, "a");
    EXPECT_EQ(w.take({"child_stopping", "signal", "answer"}), (Lines{"child_stopping a 15", "signal a 15", "answer 3 ok", "answer 4 ok"}));
    EXPECT_EQ(w.state("a"), ChildState::down);
    hook_ends(w, "a");
    EXPECT_EQ(w.take(), Lines{}) << "late news of it mean nothing";
}

TEST(supervision_drain, x16_a_hook_that_takes_too_long_is_passed_over) {
    World w(team({drained(worker("a"), Duration::seconds(2))}));
    w.drain_held = {"a"};
    w.manners["a"] = ignores;
    w.start().command(Verb::stop, "a").take();
    w.pass(Duration::milliseconds(1999));
    EXPECT_EQ(deeds(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(deeds(w), (Lines{"child_stopping a 15", "signal a 15"}));
    hook_ends(w, "a");
    EXPECT_EQ(deeds(w), Lines{}) << "it is stopped once";
    w.pass(Duration::seconds(5));
    EXPECT_EQ(deeds(w), (Lines{"signal_group a 9", "signal_group a 9"})) << "with its whole shutdown time";
}

TEST(supervision_drain, x16_every_stop_in_order_has_it_a_restart_too) {
    World w(one_for_all({drained(worker("a")), worker("b")}));
    w.start().take();
    w.command(Verb::restart, "a");
    EXPECT_EQ(deeds(w), (Lines{"child_draining a", "drain a", "child_stopping a 15", "signal a 15", "signal_group a 9"}));
    EXPECT_EQ(w.state("a"), ChildState::running);
    w.exits("b", 1);
    EXPECT_EQ(deeds(w).front(), "signal_group b 9");
    EXPECT_EQ(w.starts("a"), 3) << "stopped for its sibling";
    w.terminate();
    EXPECT_EQ(deeds(w).size(), 8U);
}

TEST(supervision_drain, x16_what_has_no_grace_or_nothing_to_drain_has_none) {
    ChildSpec brutal = drained(worker("brutal"));
    brutal.shutdown_kind = ShutdownKind::brutal_kill;
    ChildSpec slow = drained(notifying(worker("slow"), Duration::seconds(60)));
    World w(team({brutal, slow}));
    w.start().take();
    w.command(Verb::stop, "slow").command(Verb::stop, "brutal");
    for (const std::string& line : deeds(w)) {
        EXPECT_EQ(line.find("drain"), std::string::npos) << line;
    }
    World crashed(team({drained(no_backoff(worker("a")))}, 9));
    crashed.start().exits("a", 1);
    EXPECT_EQ(crashed.take({"drain"}), Lines{});
    World hung(team({watched(drained(worker("a")), Duration::seconds(1))}, 9));
    hung.start().pass(Duration::seconds(1));
    EXPECT_EQ(hung.take({"drain"}), Lines{}) << "who is silent is not waited for";
}

TEST(supervision_drain, x16_a_program_that_ends_meanwhile_was_stopped) {
    World w(team({drained(worker("a"))}, 0));
    w.drain_held = {"a"};
    w.start().command(Verb::stop, "a", true, 3).exits("a", 7);
    EXPECT_EQ(w.take({"answer", "restart", "child_down"}), (Lines{"child_down a exit(7) shutdown", "answer 3 ok"}));
    w.command(Verb::start, "a").command(Verb::restart, "a", true, 4).exits("a", 0);
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.view("/").window_used, 0U);
}

TEST(supervision_drain, x16_x5_its_watchdog_goes_on) {
    World w(team({watched(drained(worker("a"), Duration::seconds(60)), Duration::seconds(2))}));
    w.drain_held = {"a"};
    w.start().command(Verb::stop, "a").take();
    w.pass(Duration::seconds(1)).beats("a").pass(Duration::seconds(1));
    EXPECT_EQ(deeds(w), Lines{}) << "it gave a sign of life";
    w.pass(Duration::seconds(1));
    EXPECT_EQ(deeds(w).front(), "child_stopping a 6");
}

TEST(supervision_drain, x16_t13_the_daemons_stop_hurries_it) {
    World w(team({drained(worker("a"), Duration::seconds(100))}));
    w.drain_held = {"a"};
    w.start().terminate().take();
    w.terminate().pass(Duration::milliseconds(9'999));
    EXPECT_EQ(deeds(w), Lines{});
    w.pass(Duration::milliseconds(1));
    EXPECT_EQ(deeds(w).front(), "child_stopping a 15") << "a tenth of what it had";
    World other(team({drained(worker("a"), Duration::seconds(100))}));
    other.drain_held = {"a"};
    other.start().terminate().terminate().terminate();
    EXPECT_FALSE(other.alive("a")) << "the third time leaves no grace";
}

TEST(supervision_drain, x16_s40_a_supervisor_whose_time_is_over_waits_for_no_hook) {
    ChildSpec nested = supervisor("S", team({drained(worker("a"), Duration::seconds(100))}));
    nested.shutdown_kind = ShutdownKind::timed;
    nested.shutdown = Duration::seconds(3);
    World w(team({nested}));
    w.drain_held = {"S/a"};
    w.start().command(Verb::stop, "S").take();
    w.pass(Duration::seconds(3));
    EXPECT_EQ(deeds(w).front(), "signal_group S/a 9");
    EXPECT_EQ(w.state("S"), ChildState::down);
}

TEST(supervision_drain, x16_t12_after_a_crash_of_the_daemon_the_hook_is_run_again) {
    World w(team({drained(worker("a"))}));
    w.drain_held = {"a"};
    w.start().command(Verb::stop, "a").take();
    std::string image;
    w.engine().save(image);
    Engine next;
    ASSERT_TRUE(next.load(image));
    Effects said;
    next.step(w.now, Event::of(EventKind::recovered), said);
    std::vector<EffectKind> kinds;
    for (const Effect& effect : said.list) {
        kinds.push_back(effect.kind);
    }
    EXPECT_EQ(kinds, (std::vector{EffectKind::adopt, EffectKind::drain}));
}

}  // namespace
