// SPDX-License-Identifier: Apache-2.0
/// Names over the real daemon: registering, looking up, watching (rules D-11 and X-20).
#include "tests/integration/daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>

namespace backplane::integration {
namespace {

/// The next change of a watched name; anything else that comes first is a failure.
NameChange next_change(Client& client) {
    const auto event = client.next_event(plenty);
    if (!event || !std::holds_alternative<NameChange>(*event)) {
        ADD_FAILURE() << (event ? "another event" : event.error().text());
        return {};
    }
    return std::get<NameChange>(*event);
}

TEST(NamesTest, BelongToOneDeviceAtATime) {
    Daemon daemon;
    Client a = daemon.connect();
    Client b = daemon.connect();
    auto first = a.open_device();
    auto second = b.open_device();
    ASSERT_TRUE(a.register_name("queue", *first, plenty));
    EXPECT_EQ(*b.lookup("queue", plenty), first->line());
    EXPECT_EQ(b.register_name("queue", *second, plenty).error().code, ErrorCode::name_taken);
    EXPECT_FALSE(b.release_name("queue", plenty)) << "it is another's";
    EXPECT_TRUE(a.release_name("queue", plenty));
    EXPECT_TRUE(b.register_name("queue", *second, plenty));
    EXPECT_EQ(*a.lookup("queue", plenty), second->line());
}

TEST(NamesTest, OddNamesAreRefused) {  // threats: control characters, `..`
    Daemon daemon;
    Client client = daemon.connect();
    auto device = client.open_device();
    for (const std::string& name : {std::string{}, std::string{"a\nb"}, std::string{"../etc"}, std::string(300, 'x')}) {
        const auto done = client.register_name(name, *device, plenty);
        ASSERT_FALSE(done) << name;
        EXPECT_TRUE(done.error().code == ErrorCode::name_invalid || done.error().code == ErrorCode::bad_request) << done.error().text();
    }
    EXPECT_TRUE(client.register_name("good", *device, plenty)) << "and nobody was cut off for it";
}

TEST(NamesTest, AreFreeBeforeTheFirstNotice) {  // D-11
    Daemon daemon;
    Client owner = daemon.connect();
    Client watcher = daemon.connect();
    auto device = owner.open_device();
    ASSERT_TRUE(owner.register_name("leader", *device, plenty));
    ASSERT_TRUE(watcher.device().link_wait(device->line(), LinkMode::monitor, plenty));
    device->disconnect();
    ASSERT_TRUE(watcher.device().next(plenty));
    EXPECT_EQ(watcher.lookup("leader", plenty).error().code, ErrorCode::not_found);
    EXPECT_TRUE(watcher.register_name("leader", watcher.device(), plenty));
}

TEST(NamesTest, WatchTellsTheStateAndEveryEnd) {  // X-20
    Daemon daemon{R"([{"name": "w", "exec": ["sleep", "1000"], "backoff": "none"}])"};
    const DeviceRow before = daemon.await_state("w", "running");
    Client client = daemon.connect();
    ASSERT_TRUE(client.watch_name("w", plenty));
    const NameChange now = next_change(client);
    EXPECT_TRUE(now.up) << "the present state comes first";
    EXPECT_EQ(now.device, *before.line);
    ASSERT_EQ(::kill(static_cast<pid_t>(*before.pid), SIGKILL), 0);
    NameChange change = next_change(client);
    if (!change.up) {  // a slow reader may miss the step between two incarnations, which the count shows
        EXPECT_EQ(change.fault, "signal(9)");
        change = next_change(client);
    }
    EXPECT_TRUE(change.up);
    EXPECT_EQ(change.incarnation, now.incarnation + 1);
    EXPECT_NE(change.device, *before.line);
}

TEST(NamesTest, WatchOfANameThatNobodyHasYet) {  // X-20
    Daemon daemon;
    Client watcher = daemon.connect();
    Client owner = daemon.connect();
    ASSERT_TRUE(watcher.watch_name("later", plenty));
    EXPECT_FALSE(next_change(watcher).up);
    auto device = owner.open_device();
    ASSERT_TRUE(owner.register_name("later", *device, plenty));
    EXPECT_EQ(next_change(watcher).device, device->line());
    ASSERT_TRUE(watcher.unwatch_name("later", plenty));
    device->disconnect();
    ASSERT_TRUE(owner.ping(plenty));
    ASSERT_TRUE(watcher.ping(plenty));
    EXPECT_FALSE(watcher.try_event()) << "nothing of a name that is not watched any more";
}

TEST(NamesTest, TasksCannotTakeAChildsName) {  // decision 15
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"]}])"};
    daemon.await_state("db", "running");
    Client client = daemon.connect();
    EXPECT_EQ(client.register_name("db", client.device(), plenty).error().code, ErrorCode::name_taken);
    ASSERT_TRUE(client.stop("db", WaitFor::done, plenty));
    EXPECT_EQ(client.register_name("db", client.device(), plenty).error().code, ErrorCode::name_taken) << "it stays reserved";
}

}  // namespace
}  // namespace backplane::integration
