// SPDX-License-Identifier: Apache-2.0
/// S-66: a new configuration for the tree that runs. The integration tests hold files and signals; here is what becomes of entries.
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

World& reload(World& w, const SupervisorSpec& tree, bool start_new = false, bool remove_missing = false) {
    const std::string text = encode_spec(tree);
    return w.send(Event::reload(text, start_new, remove_missing));
}

std::map<std::string, std::string> plan(const World& w, const SupervisorSpec& tree) {
    std::map<std::string, std::string> out;
    const auto changes = w.engine().supervision().plan(encode_spec(tree));
    if (!changes) {
        return {{"wrong", changes.error().detail}};
    }
    for (const Change& change : *changes) {
        const char* kind = change.kind == ChangeKind::added ? "added" : change.kind == ChangeKind::changed ? "changed" : "missing";
        out[change.path] = std::string{kind} + (change.restart ? ", restart" : "");
    }
    return out;
}

std::vector<std::string> row(const World& w) {
    std::vector<std::string> names;
    const Supervision& tree = w.engine().supervision();
    for (ChildIndex i = tree.next_among(tree.root(), no_child); i != no_child; i = tree.next_among(tree.root(), i)) {
        names.emplace_back(tree.view(i, w.now).path);
    }
    return names;
}

ChildSpec other_program(ChildSpec spec) {
    spec.launch.exec = {"/bin/other"};
    return spec;
}

using Names = std::vector<std::string>;
using Plan = std::map<std::string, std::string>;

TEST(supervision_reload, s66_the_same_tree_changes_nothing) {
    const SupervisorSpec tree = rest_for_one({worker("a"), requiring(worker("b"), {"a"}), supervisor("s", team({worker("x")})),
                                              supervisor("d", dynamic(worker("t"))), limited(worker("q"), 2, OnLimit::quarantine)});
    World w(tree);
    w.start().take();
    EXPECT_EQ(plan(w, tree), Plan{});
    const DeviceId a = w.view("a").device;
    reload(w, tree);
    EXPECT_EQ(w.take({"start", "stop", "signal"}), Lines{});
    EXPECT_EQ(w.view("a").device, a);
    EXPECT_EQ(plan(w, tree), Plan{});
}

TEST(supervision_reload, s66_the_same_id_keeps_its_device_and_has_the_new_spec_from_its_next_start_on) {
    World w(team({worker("a", RestartType::temporary), worker("b")}));
    w.start().take();
    const SupervisorSpec tree = team({other_program(worker("a")), worker("b", RestartType::transient)}, 1);
    EXPECT_EQ(plan(w, tree), (Plan{{"/", "changed"}, {"a", "changed, restart"}, {"b", "changed"}}));
    const DeviceId device = w.view("a").device;
    reload(w, tree);
    EXPECT_EQ(w.view("a").device, device);
    EXPECT_EQ(w.view("a").restart, RestartType::permanent);
    EXPECT_EQ(decode_launch(w.engine().supervision().launch(w.child("a")))->exec.front(), "/bin/other");
    w.exits("a", 1);  // permanent now
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.view("/").window_used, 1U);
    EXPECT_EQ(w.view("/").intensity, 1U);
}

TEST(supervision_reload, s66_a_new_one_stands_in_the_new_order_and_is_not_started) {
    World w(team({worker("a"), worker("b")}));
    w.start().take();
    reload(w, team({worker("n"), worker("b"), worker("a")}));
    EXPECT_EQ(row(w), (Names{"n", "b", "a"}));
    EXPECT_EQ(w.state("n"), ChildState::down);
    EXPECT_EQ(w.starts("n"), 0);
    w.command(Verb::start, "n");
    EXPECT_EQ(w.state("n"), ChildState::running);
    reload(w, team({worker("n"), worker("b"), worker("a"), worker("m")}), true);
    EXPECT_EQ(w.state("m"), ChildState::running);
}

TEST(supervision_reload, s66_a_missing_one_stays_until_its_supervisor_starts_anew_or_goes_if_that_is_wanted) {
    World w(team({supervisor("s", team({worker("a"), worker("b")})), worker("c")}));
    w.start().take();
    const SupervisorSpec tree = team({supervisor("s", team({worker("b")}))});
    EXPECT_EQ(plan(w, tree), (Plan{{"s/a", "missing"}, {"c", "missing"}}));
    reload(w, tree);
    EXPECT_EQ(w.state("s/a"), ChildState::running);
    EXPECT_EQ(row(w), (Names{"s", "c"}));
    w.command(Verb::restart, "s");
    EXPECT_EQ(w.child("s/a"), no_child);
    EXPECT_EQ(w.state("s/b"), ChildState::running);
    reload(w, tree, false, true);
    EXPECT_EQ(w.child("c"), no_child);
    EXPECT_FALSE(w.alive("c"));
}

TEST(supervision_reload, s66_any_error_and_nothing_changes) {
    World w(team({worker("a"), supervisor("s", team({worker("x")}))}));
    w.start().take();
    EXPECT_EQ(plan(w, team({supervisor("a", team({}))})), (Plan{{"wrong", "a"}}));
    EXPECT_EQ(plan(w, team({worker("s")})), (Plan{{"wrong", "s"}}));
    EXPECT_EQ(plan(w, team({supervisor("s", dynamic(worker("t")))})), (Plan{{"wrong", "s"}}));
    EXPECT_EQ(plan(w, team({requiring(worker("b"), {"nobody"})})), (Plan{{"wrong", "b"}}));
    const SupervisorSpec wrong = team({worker("n"), requiring(worker("b"), {"nobody"})});
    reload(w, wrong, true, true);
    EXPECT_EQ(w.child("n"), no_child);
    EXPECT_EQ(w.state("s/x"), ChildState::running);
    EXPECT_EQ(row(w), (Names{"a", "s"}));
}

TEST(supervision_reload, s66_during_a_group_operation_the_walk_goes_on_in_the_new_order) {
    World w(one_for_all({worker("a"), notifying(worker("b")), worker("c")}));
    w.start();
    w.says_ready("b").take();
    w.exits("a", 1);  // all are stopped; a runs again, b is being started
    ASSERT_EQ(w.state("b"), ChildState::restarting);
    reload(w, one_for_all({worker("c"), worker("n"), notifying(worker("b")), worker("a")}));
    w.says_ready("b");
    EXPECT_EQ(w.state("a"), ChildState::running);
    EXPECT_EQ(w.state("b"), ChildState::running);
    EXPECT_EQ(w.state("c"), ChildState::running);
    EXPECT_EQ(w.state("n"), ChildState::down);
    EXPECT_EQ(w.state("/"), ChildState::running);
}

TEST(supervision_reload, s18_one_that_had_ended_for_good_is_new_again) {
    World w(team({worker("t", RestartType::temporary), worker("a")}));
    w.start();
    w.exits("t", 0);
    ASSERT_EQ(w.child("t"), no_child);
    const SupervisorSpec tree = team({worker("t", RestartType::temporary), worker("a")});
    EXPECT_EQ(plan(w, tree), (Plan{{"t", "added"}}));
    reload(w, tree);
    EXPECT_EQ(w.state("t"), ChildState::down);
    w.command(Verb::start, "t");
    EXPECT_EQ(w.state("t"), ChildState::running);
}

}  // namespace
