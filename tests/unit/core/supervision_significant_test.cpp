// SPDX-License-Identifier: Apache-2.0
/// Significant children and auto_shutdown (rules S-48..S-52).
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

SupervisorSpec shutting(AutoShutdown when, std::vector<ChildSpec> children, Strategy strategy = Strategy::one_for_one) {
    SupervisorSpec spec = with(team(std::move(children), 9), strategy);
    spec.auto_shutdown = when;
    return spec;
}

ChildSpec vital(std::string name, RestartType restart = RestartType::transient) {
    return significant(no_backoff(worker(std::move(name), restart)));
}

/// S below the root, transient itself, so that one sees it down (S-43).
World below(const SupervisorSpec& spec) {
    World w(team({supervisor("S", spec, RestartType::transient), worker("other")}));
    w.start();
    return w;
}

constexpr AutoShutdown any = AutoShutdown::any_significant;
constexpr AutoShutdown all = AutoShutdown::all_significant;

TEST(supervision_significant, s48_s49_a_transient_one_that_ends_well_takes_the_rest_down_in_reverse) {
    for (const int code : {0, 11}) {
        ChildSpec child = vital("b");
        child.exits.shutdown_codes = {11};
        World w = below(shutting(any, {worker("a"), child, worker("c"), worker("d")}));
        w.take();
        w.exits("S/b", code);
        EXPECT_EQ(w.take({"child_stopping", "sup_down", "sup_giving_up"}),
                  (Lines{"child_stopping S/d 15", "child_stopping S/c 15", "child_stopping S/a 15", "sup_down S none shutdown"}));
        EXPECT_EQ(w.states({"S", "S/a", "S/b", "S/c", "other"}), "down down down down running");
    }
}

TEST(supervision_significant, s48_a_transient_one_that_crashes_is_restarted_instead) {
    World w = below(shutting(any, {vital("a"), worker("b")}));
    w.exits("S/a", 1);
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running running running");
}

TEST(supervision_significant, s48_a_temporary_one_ends_in_any_way) {
    for (const int code : {0, 1}) {
        World w = below(shutting(any, {vital("a", RestartType::temporary), worker("b")}));
        w.exits("S/a", code);
        EXPECT_EQ(w.states({"S", "S/b"}), "down down") << code;
    }
}

TEST(supervision_significant, s48_others_do_not_count) {
    World w = below(shutting(any, {vital("a"), worker("b", RestartType::transient)}));
    w.exits("S/b", 0);
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running running down");
    World never(team({supervisor("S", team({vital("a")}))}));
    never.start().exits("S/a", 0);
    EXPECT_EQ(never.states({"S", "S/a"}), "running down");
}

TEST(supervision_significant, s48_terminate_child_does_not_count) {
    for (const AutoShutdown when : {any, all}) {
        World w = below(shutting(when, {vital("a"), worker("b")}));
        w.command(Verb::stop, "S/a", true, 2);
        EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running down running");
        w.command(Verb::start, "S/a", true, 3).command(Verb::disable, "S/a", true, 4);
        EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running disabled running");
    }
}

TEST(supervision_significant, s48_a_stop_caused_by_a_sibling_does_not_count) {
    for (const RestartType restart : {RestartType::transient, RestartType::temporary}) {
        World w = below(shutting(any, {worker("a"), vital("b", restart)}, Strategy::one_for_all));
        w.exits("S/a", 1);
        EXPECT_EQ(w.states({"S", "S/a"}), "running running");
        EXPECT_EQ(w.starts("S/a"), 2);
    }
}

TEST(supervision_significant, s48_an_end_by_itself_while_a_group_is_stopped_is_part_of_it) {
    World w = below(shutting(any, {worker("a"), vital("b"), worker("c")}, Strategy::one_for_all));
    w.manners["S/c"] = Manners{Manners::On::ignores, 0};
    w.exits("S/a", 1).exits("S/b", 0);
    w.pass(Duration::seconds(5));
    EXPECT_EQ(w.states({"S", "S/a", "S/b", "S/c"}), "running running running running");
}

TEST(supervision_significant, s48_one_that_completes_does_not_count) {
    World w = below(shutting(any, {significant(oneshot(worker("a", RestartType::transient))), worker("b")}));
    w.exits("S/a", 0);
    EXPECT_EQ(w.states({"S", "S/b"}), "running running");
}

TEST(supervision_significant, s50_all_waits_for_the_last_active_one) {
    World w = below(shutting(all, {vital("a"), vital("b"), worker("c")}));
    w.exits("S/a", 0);
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running down running");
    w.exits("S/b", 0);
    EXPECT_EQ(w.states({"S", "S/c"}), "down down");
}

TEST(supervision_significant, s50_one_that_is_restarting_is_active) {
    ChildSpec slow = significant(worker("b", RestartType::transient));
    World w = below(shutting(all, {vital("a"), slow}));
    w.exits("S/b", 1).exits("S/b", 1);
    EXPECT_EQ(w.waits("S/b"), Waits::backoff);
    w.exits("S/a", 0);
    EXPECT_EQ(w.state("S"), ChildState::running);
    w.pass(Duration::seconds(1));
    EXPECT_EQ(w.states({"S", "S/a", "S/b"}), "running down running");
}

TEST(supervision_significant, s50_one_that_was_terminated_or_completed_is_not_and_does_not_itself_trigger) {
    World w = below(shutting(all, {vital("a"), vital("b"), significant(oneshot(worker("c", RestartType::transient)))}));
    w.exits("S/c", 0).command(Verb::stop, "S/b", true, 2);
    EXPECT_EQ(w.state("S"), ChildState::running);
    w.exits("S/a", 0);
    EXPECT_EQ(w.state("S"), ChildState::down);
}

TEST(supervision_significant, s50_started_again_it_is_active_again) {
    World w = below(shutting(all, {vital("a"), vital("b")}));
    w.exits("S/b", 0).command(Verb::start, "S/b", true, 3).exits("S/a", 0);
    EXPECT_EQ(w.states({"S", "S/b"}), "running running");
}

TEST(supervision_significant, s51_a_permanent_supervisor_loops_and_eats_its_parents_intensity) {
    World w(team({no_backoff(supervisor("S", shutting(any, {vital("a")})))}, 2));
    w.start().exits("S/a", 0).exits("S/a", 0);
    EXPECT_EQ(w.states({"/", "S"}), "running running");
    w.exits("S/a", 0);
    EXPECT_EQ(w.state("/"), ChildState::down);
    EXPECT_EQ(w.starts("S/a"), 3);
}

TEST(supervision_significant, s43_the_root_goes_down_without_an_alert_and_without_ending_the_daemon) {
    SupervisorSpec root = shutting(any, {vital("a"), worker("b")});
    root.on_root_give_up = OnRootGiveUp::exit;
    World w(root);
    w.start().exits("a", 0);
    EXPECT_EQ(w.states({"/", "a", "b"}), "down down down");
    EXPECT_EQ(w.take({"alert"}), Lines{});
    EXPECT_FALSE(w.engine().supervision().wants_exit());
    EXPECT_EQ(w.fault("/"), "");
}

TEST(supervision_significant, s52_dynamic_all_significant_is_the_last_child_gone) {
    SupervisorSpec pool = dynamic(vital("", RestartType::temporary));
    pool.auto_shutdown = all;
    World w = below(pool);
    w.add_one("S", "x").add_one("S", "y").exits("S/x", 1);
    EXPECT_EQ(w.states({"S", "S/x", "S/y"}), "running gone running");
    w.exits("S/y", 0);
    EXPECT_EQ(w.states({"S", "other"}), "down running");
}

TEST(supervision_significant, s49_a_significant_supervisor_too) {
    World w = below(shutting(any, {significant(supervisor("T", shutting(any, {vital("a")}), RestartType::transient)), worker("b")}));
    w.exits("S/T/a", 0);
    EXPECT_EQ(w.states({"S", "S/T", "S/b"}), "down down down");
}

TEST(supervision_significant, s49_in_the_middle_of_its_own_start) {
    World w(team({supervisor("S", shutting(any, {vital("a"), notifying(worker("b")), worker("c")}), RestartType::transient)}));
    w.start().exits("S/a", 0);
    EXPECT_EQ(w.starts("S/c"), 0);
    EXPECT_EQ(w.alive_count(), 0U);
    EXPECT_EQ(w.states({"/", "S"}), "running down");
}

}  // namespace
