// SPDX-License-Identifier: Apache-2.0
/// The ring of the last exits: what is noted of an end, how many are kept, and that they are part of the state.
#include "tests/unit/core/supervision_world.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;
using namespace backplane::core::world;

ExitView exit_of(const World& w, std::string_view path, std::uint32_t back = 0) {
    return w.engine().supervision().exit_of(w.child(path), back);
}

std::uint64_t total(const World& w, std::string_view path) { return w.engine().supervision().exits_total(w.child(path)); }

TEST(SupervisionExits, X10_AnEndIsNotedWithAllThatIsKnown) {
    World w(team({no_backoff(worker("a"))}, 9));
    w.start().pass(Duration::seconds(3));
    const DeviceId device = w.view("a").device;
    w.send(Event::exited(w.child("a"), w.view("a").generation, ExitHow::dumped, 11, "out of\nmemory"));
    const ExitView exit = exit_of(w, "a");
    ASSERT_NE(exit.note, nullptr);
    EXPECT_EQ(exit.words, "out of\nmemory");
    EXPECT_EQ(exit.note->at, w.now);
    EXPECT_EQ(exit.note->uptime, Duration::seconds(3));
    EXPECT_EQ(exit.note->fault.kind, FaultKind::signal);
    EXPECT_EQ(exit.note->how, ExitHow::dumped);
    EXPECT_EQ(exit.note->status, 11);
    EXPECT_EQ(exit.note->exit_class, ExitClass::abnormal);
    EXPECT_EQ(exit.note->device, device);
    EXPECT_EQ(exit.note->was_ready, 1);
    EXPECT_EQ(exit.note->of_process, 1);
    EXPECT_EQ(exit.note->generation, 1U);
    EXPECT_EQ(exit_of(w, "a", 1).note, nullptr);
}

TEST(SupervisionExits, X10_AStartThatCameToNothingIsAnEnd) {
    ChildSpec spec = worker("a");
    spec.restart = RestartType::temporary;
    spec.retain = true;
    World w(team({spec}, 9));
    w.spawn_fails.insert("a");
    w.start();
    const ExitView exit = exit_of(w, "a");
    ASSERT_NE(exit.note, nullptr);
    EXPECT_EQ(exit.note->fault.kind, FaultKind::drop);
    EXPECT_EQ(exit.note->was_ready, 0);
    EXPECT_EQ(exit.note->of_process, 0);
    EXPECT_EQ(exit.note->uptime, Duration{});
    EXPECT_EQ(exit.words, "");
}

TEST(SupervisionExits, X10_ASupervisorsEndIsNotedToo) {
    World w(team({supervisor("s", team({no_backoff(worker("a"))}, 0)), worker("b")}, 9));
    w.start().pass(Duration::seconds(1)).exits("s/a", 3);
    const ExitView exit = exit_of(w, "s");
    ASSERT_NE(exit.note, nullptr);
    EXPECT_EQ(exit.note->of_process, 0);
    EXPECT_EQ(exit.note->uptime, Duration::seconds(1));
}

TEST(SupervisionExits, X10_TheLastOnesAreKept) {
    World w(team({no_backoff(worker("a"))}, 1000));
    w.start();
    for (int i = 1; i <= 20; ++i) {
        w.send(Event::exited(w.child("a"), w.view("a").generation, ExitHow::exited, i, "end " + std::to_string(i)));
        w.send(Event::group_empty(w.child("a"), w.view("a").generation));
        EXPECT_EQ(total(w, "a"), static_cast<std::uint64_t>(i));
    }
    for (std::uint32_t back = 0; back < exits_kept; ++back) {
        ASSERT_NE(exit_of(w, "a", back).note, nullptr);
        EXPECT_EQ(exit_of(w, "a", back).note->status, 20 - static_cast<std::int32_t>(back));
        EXPECT_EQ(exit_of(w, "a", back).words, "end " + std::to_string(20 - back));
    }
    EXPECT_EQ(exit_of(w, "a", exits_kept).note, nullptr);
}

TEST(SupervisionExits, X10_APlaceThatIsAnothersHasNoneOfThem) {
    World w(team({supervisor("pool", dynamic(no_backoff(worker("w"))))}, 9));
    w.start().add_one("pool", "first");
    w.send(Event::exited(w.child("pool/first"), w.view("pool/first").generation, ExitHow::exited, 3, "secret"));
    w.send(Event::group_empty(w.child("pool/first"), w.view("pool/first").generation)).run();
    EXPECT_EQ(total(w, "pool/first"), 1U);
    w.command(Verb::stop, "pool/first");
    ASSERT_EQ(w.child("pool/first"), no_child);
    w.add_one("pool", "second");
    EXPECT_EQ(total(w, "pool/second"), 0U);
    EXPECT_EQ(exit_of(w, "pool/second").note, nullptr);
}

TEST(SupervisionExits, LongerWordsThanThatAreNoEvent) {
    World w(team({worker("a")}, 9));
    w.start();
    const std::string words(last_words_bytes_max, 'x');
    const std::string longer = words + "x";
    EXPECT_TRUE(w.engine().can_happen(Event::exited(w.child("a"), 1, ExitHow::exited, 1, words)));
    EXPECT_FALSE(w.engine().can_happen(Event::exited(w.child("a"), 1, ExitHow::exited, 1, longer)));
}

}  // namespace
