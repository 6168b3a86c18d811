// SPDX-License-Identifier: Apache-2.0
/// Heartbeats (F-1: `timeout(watchdog)`) and labels of Devices, as far as they are the core's. The world saves and loads the state
/// at each step, so each of these is a test of that too.
#include "tests/unit/core/graph_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::testing;

class GraphExtras : public ::testing::Test {
  protected:
    GraphExtras() : one_(world_.open()), two_(world_.open()) {
        world_.create(one_, "x");
        world_.create(two_, "a");
        world_.link("x", "a", monitor);
    }
    void beat(const std::string& name, std::uint32_t interval_ms) { beat(two_, name, interval_ms); }
    void beat(SessionIndex session, const std::string& name, std::uint32_t interval_ms) {
        world_.step(Event::heartbeat(session, world_.id(name), interval_ms, 77));
    }
    void wait_ms(std::int64_t ms) { world_.wait(Duration::milliseconds(ms)); }
    ErrorCode label(SessionIndex session, const std::string& name, std::string_view labels) {
        return world_.naming(EventKind::label, session, labels, name);
    }
    [[nodiscard]] std::string labels(const std::string& name) const { return std::string{world_.graph().labels_of(world_.id(name))}; }
    /// Nothing is due of anybody.
    [[nodiscard]] bool is_quiet() const { return world_.engine().next_deadline().is_never(); }

    GraphWorld world_;
    SessionIndex one_, two_;
};

TEST_F(GraphExtras, F1_a_device_that_is_silent_for_too_long_goes_once_with_timeout_watchdog) {
    beat("a", 100);
    wait_ms(99);
    EXPECT_EQ(world_.owed(one_), Lines{});
    wait_ms(1);
    EXPECT_EQ(world_.news(one_), Lines{"x told of a: timeout(3)"});
    EXPECT_EQ(world_.news(two_), Lines{"a ended: timeout(3)"});
    EXPECT_TRUE(is_quiet());
    wait_ms(1000);
    EXPECT_EQ(world_.owed(one_), Lines{});
    EXPECT_EQ(world_.owed(two_), Lines{});
}

TEST_F(GraphExtras, F1_each_sign_of_life_counts_anew_and_may_change_the_interval) {
    beat("a", 100);
    for (int i = 0; i < 5; ++i) {
        wait_ms(60);
        beat("a", 100);
    }
    beat("a", 500);
    wait_ms(499);
    EXPECT_TRUE(world_.graph().is_live(world_.id("a")));
    beat("a", 10);
    wait_ms(10);
    EXPECT_EQ(world_.news(two_), Lines{"a ended: timeout(3)"});
}

TEST_F(GraphExtras, F1_nothing_is_due_after_a_zero) {
    beat("a", 100);
    beat("a", 0);
    EXPECT_TRUE(is_quiet());
    beat("a", 0);
    wait_ms(1000);
    EXPECT_TRUE(world_.graph().is_live(world_.id("a")));
}

TEST_F(GraphExtras, F1_no_way_to_end_leaves_a_deadline_behind) {
    beat("a", 100);
    world_.end("a");
    EXPECT_TRUE(is_quiet()) << "by its own word, told to one";

    world_.create(two_, "alone");
    beat("alone", 100);
    world_.end("alone", FaultKind::error);
    EXPECT_TRUE(is_quiet()) << "nobody hears of it";

    world_.create(two_, "many");
    for (const char* name : {"p", "q", "r"}) {
        world_.create(one_, name);
        world_.link(name, "many", monitor);
    }
    world_.link("many", "p", monitor);
    beat("many", 100);
    world_.end("many", FaultKind::exit, 3, {}, "a text");
    EXPECT_TRUE(is_quiet()) << "many hear of it, and it has a text";

    world_.create(two_, "managed", true);
    world_.link("managed", "p", monitor);
    beat("managed", 100);
    world_.end("p", FaultKind::error);
    EXPECT_TRUE(is_quiet()) << "by a cascade";

    world_.create(two_, "b");
    beat("b", 100);
    world_.close(two_);
    world_.settle();
    EXPECT_TRUE(is_quiet()) << "with its session";
}

TEST_F(GraphExtras, F1_a_fall_takes_the_heartbeats_of_those_who_cascade) {
    world_.create(two_, "m", true);
    world_.link("m", "a", monitor);
    beat("a", 100);
    beat("m", 100);
    wait_ms(100);
    EXPECT_EQ(world_.news(two_), (Lines{"m ended: cascade(a) root a timeout hops 1", "a ended: timeout(3)"}));
    EXPECT_TRUE(is_quiet());
}

TEST_F(GraphExtras, a_session_that_closed_drops_its_devices_whatever_is_due) {
    beat("a", 100);
    world_.close(two_);
    wait_ms(100);
    world_.settle();
    EXPECT_EQ(world_.owed(one_), Lines{"x told of a: drop"});
}

TEST_F(GraphExtras, a_sign_of_life_of_what_is_gone_is_silent_and_of_others_refused) {
    world_.end("a");
    world_.take(one_);
    beat("a", 100);
    EXPECT_EQ(world_.owed(two_), Lines{});
    EXPECT_TRUE(is_quiet());
    beat(one_, "a", 100);
    EXPECT_EQ(world_.news(one_), Lines{"refused a nobody: not_owner"});
    beat(two_, "x", 100);
    EXPECT_EQ(world_.news(two_), Lines{"refused x nobody: not_owner"});
    world_.define(two_, "unborn", world_.fresh_id(two_));
    beat("unborn", 100);
    EXPECT_EQ(world_.news(two_), Lines{"refused unborn nobody: not_owner"});
    EXPECT_TRUE(is_quiet());
}

TEST_F(GraphExtras, T10_T12_after_a_crash_deadlines_go_on_with_one_grace_period) {
    beat("a", 100);
    wait_ms(50);
    world_.step(Event::of(EventKind::recovered));
    wait_ms(100);
    EXPECT_TRUE(world_.graph().is_live(world_.id("a"))) << "it can have said what has not arrived";
    world_.step(Event::session_resumed(one_, 100, 0, Token{1, 1}));
    world_.step(Event::session_resumed(two_, 100, 0, Token{2, 1}));
    wait_ms(4999);
    EXPECT_TRUE(world_.graph().is_live(world_.id("a")));
    wait_ms(200);
    EXPECT_EQ(world_.news(two_), Lines{"a ended: timeout(3)"}) << "it is back and was silent";
}

TEST_F(GraphExtras, T10_who_comes_back_in_time_has_a_grace_from_then_on) {
    beat("a", 100);
    world_.step(Event::of(EventKind::recovered));
    world_.step(Event::session_resumed(two_, 100, 0, Token{2, 1}));
    wait_ms(150);
    EXPECT_TRUE(world_.graph().is_live(world_.id("a"))) << "due just after the return";
    beat("a", 100);
    wait_ms(99);
    beat("a", 100);
    EXPECT_EQ(world_.owed(two_), Lines{});
}

TEST_F(GraphExtras, T10_who_does_not_come_back_drops) {
    beat("a", 100);
    world_.step(Event::of(EventKind::recovered));
    world_.step(Event::session_resumed(one_, 100, 0, Token{1, 1}));
    wait_ms(5000);
    world_.close(two_, "unreachable");
    world_.settle();
    EXPECT_EQ(world_.owed(one_), Lines{"x told of a: drop \"unreachable\""});
    EXPECT_TRUE(is_quiet());
}

TEST_F(GraphExtras, labels_replace_those_before_and_go_with_the_device) {
    EXPECT_EQ(label(two_, "a", "app=shop\nenv=prod\n"), ErrorCode::ok);
    EXPECT_EQ(labels("a"), "app=shop\nenv=prod\n");
    EXPECT_EQ(label(two_, "a", "app=store\n"), ErrorCode::ok);
    EXPECT_EQ(labels("a"), "app=store\n");
    EXPECT_EQ(world_.graph().session(two_).label_bytes, 10U);
    world_.step(Event::of(EventKind::recovered));
    EXPECT_EQ(labels("a"), "app=store\n") << "a crash costs nothing";
    world_.step(Event::session_resumed(two_, 100, 0, Token{2, 1}));
    world_.end("a");
    EXPECT_EQ(labels("a"), "");
    EXPECT_EQ(world_.graph().session(two_).label_bytes, 0U);
    world_.create(two_, "b");
    EXPECT_EQ(labels("b"), "");
    EXPECT_EQ(label(two_, "b", "k=\n"), ErrorCode::ok);
    EXPECT_EQ(label(two_, "b", ""), ErrorCode::ok);
    EXPECT_EQ(labels("b"), "");
}

TEST_F(GraphExtras, labels_that_were_replaced_leave_nothing_behind) {
    std::string once;
    std::string often;
    EXPECT_EQ(label(two_, "a", "k=0\n"), ErrorCode::ok);
    world_.engine().save(once);
    for (const std::string_view next : {"k=1\n", "k=2\n", "", "k=3\n"}) {
        EXPECT_EQ(label(two_, "a", next), ErrorCode::ok);
    }
    world_.engine().save(often);
    EXPECT_EQ(often.size(), once.size());
}

TEST_F(GraphExtras, labels_and_a_heartbeat_do_not_disturb_each_other) {
    EXPECT_EQ(label(two_, "a", "app=shop\n"), ErrorCode::ok);
    beat("a", 100);
    beat("a", 0);
    EXPECT_EQ(labels("a"), "app=shop\n");
    beat("a", 100);
    EXPECT_EQ(label(two_, "a", ""), ErrorCode::ok);
    wait_ms(100);
    EXPECT_EQ(world_.news(two_), Lines{"a ended: timeout(3)"});
}

TEST_F(GraphExtras, labels_are_their_owners_word) {
    EXPECT_EQ(label(one_, "a", "k=v\n"), ErrorCode::not_owner);
    world_.define(two_, "unborn", world_.fresh_id(two_));
    EXPECT_EQ(label(two_, "unborn", "k=v\n"), ErrorCode::not_owner);
    world_.end("a");
    EXPECT_EQ(label(two_, "a", "k=v\n"), ErrorCode::device_down);
    EXPECT_EQ(label(one_, "a", "k=v\n"), ErrorCode::not_owner);
}

TEST(GraphExtrasLimits, a_sessions_labels_are_bounded_together) {
    EngineLimits limits;
    limits.graph.label_bytes_per_session = 20;
    GraphWorld world(limits);
    const SessionIndex s = world.open();
    world.create(s, "a");
    world.create(s, "b");
    EXPECT_EQ(world.naming(EventKind::label, s, "k=1234567\n", "a"), ErrorCode::ok);
    EXPECT_EQ(world.naming(EventKind::label, s, "k=12345678\n", "b"), ErrorCode::limit_reached);
    EXPECT_EQ(world.naming(EventKind::label, s, "k=1234567\n", "b"), ErrorCode::ok) << "exactly as much as there may be";
    EXPECT_EQ(world.naming(EventKind::label, s, "k=123456789\n", "a"), ErrorCode::limit_reached);
    EXPECT_EQ(world.graph().labels_of(world.id("a")), "k=1234567\n") << "an error changes nothing";
    EXPECT_EQ(world.naming(EventKind::label, s, "k=1\n", "a"), ErrorCode::ok);
    EXPECT_EQ(world.naming(EventKind::label, s, "k=123456\n", "a"), ErrorCode::ok);
    world.end("b");
    EXPECT_EQ(world.naming(EventKind::label, s, "k=12345678901234567\n", "a"), ErrorCode::ok);
}

TEST_F(GraphExtras, T11_an_event_out_of_a_file_is_judged) {
    const auto can_happen = [&](const Event& event) { return world_.engine().can_happen(event); };
    const DeviceId a = world_.id("a");
    EXPECT_TRUE(can_happen(Event::heartbeat(two_, a, heartbeat_ms_max, 1)));
    EXPECT_FALSE(can_happen(Event::heartbeat(two_, a, heartbeat_ms_max + 1, 1)));
    EXPECT_FALSE(can_happen(Event::heartbeat(9, a, 1, 1)));
    for (const std::string_view good : {"", "a=\n", "a=b=c\n", "A.b-c/d_e=x y\nB=\n"}) {
        EXPECT_TRUE(can_happen(Event::label(two_, a, good, 1))) << good;
    }
    for (const std::string_view bad : {"a", "a=1", "a\n", "=1\n", "-a=1\n", "b=1\na=1\n", "a=1\na=2\n", "a=\t\n", "a=1\n\n", "a b=1\n"}) {
        EXPECT_FALSE(can_happen(Event::label(two_, a, bad, 1))) << bad;
    }
    std::string many;
    for (int i = 10; i < 26; ++i) {
        many.append("k").append(std::to_string(i)).append("=\n");
    }
    EXPECT_TRUE(can_happen(Event::label(two_, a, many, 1))) << "sixteen";
    EXPECT_FALSE(can_happen(Event::label(two_, a, many + "l=\n", 1)));
    EXPECT_FALSE(can_happen(Event::label(9, a, "a=\n", 1)));
}

}  // namespace
