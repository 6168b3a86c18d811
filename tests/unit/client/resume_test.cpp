// SPDX-License-Identifier: Apache-2.0
/// A Client whose daemon dies and comes back. Where a call blocks, a thread plays the daemon; everything else is one step after
/// the other, without a sleep.
#include "tests/unit/client/resume_fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace backplane {
namespace {

using std::chrono_literals::operator""ms;

constexpr Duration at_once{};

TEST_F(ClientResumeTest, ComesBackOnTheSameDescriptorAndSaysSo) {
    greet();
    const int fd = client->fd();
    auto device = client->open_device();
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(peer.heard().size(), 1U);
    const auto resume = die_and_meet();
    ASSERT_TRUE(resume);
    EXPECT_EQ(resume->session, "s");
    EXPECT_EQ(resume->token, "t");
    EXPECT_FALSE(client->try_event());
    EXPECT_FALSE(readable()) << "nothing to do before the welcome";
    peer.say(daemon.welcome_back(1).notice(device->id(), ScriptedDaemon::line(1)).ack(1));
    EXPECT_TRUE(readable());
    EXPECT_TRUE(*client->wait(plenty));
    EXPECT_EQ(client->fd(), fd);
    const auto event = client->try_event();
    ASSERT_TRUE(event && std::holds_alternative<Resumed>(*event));
    EXPECT_GE(std::get<Resumed>(*event).away.ns, 0);
    EXPECT_TRUE(*device);
    EXPECT_TRUE(device->try_receive());
    EXPECT_FALSE(client->ended());
    EXPECT_FALSE(readable());
    EXPECT_TRUE(client->open_device()) << "and it goes on";
}

TEST_F(ClientResumeTest, WithoutTheWishItEndsAsEver) {
    greet({.resume = false});
    peer.die();
    EXPECT_EQ(client->dispatch().error().code, ErrorCode::unreachable);
    EXPECT_FALSE(somebody_waits());
    EXPECT_TRUE(std::holds_alternative<ConnectionLost>(*client->try_event()));
}

TEST_F(ClientResumeTest, UserNeedsNoTimeoutWhileNobodyListens) {  // contract 5
    greet();
    auto device = client->open_device();
    peer.die();
    stop_listening();
    // The loop turns on the alarm alone: some tries fail, then there is somebody again.
    for (int tries = 0; tries < 4; ++tries) {
        ASSERT_TRUE(readable_within(10'000));
        EXPECT_TRUE(client->dispatch()) << "it is not over";
    }
    listen_again();
    serve_until([&] { return somebody_waits(); });
    peer = accept();
    peer.say(daemon.welcome_back(0));
    serve_until([&] { return client->try_event().has_value(); });
    EXPECT_EQ(peer.hear(wire::FrameType::create).type, wire::FrameType::create);
}

TEST_F(ClientResumeTest, PausesGrow) {  // contract 5: no spinning
    greet();
    peer.die();
    stop_listening();
    ASSERT_TRUE(client->dispatch());
    int tries = 0;
    EXPECT_EQ(client->next_event(Within{40ms}).error().code, ErrorCode::timeout);
    while (readable() && tries < 20) {
        ASSERT_TRUE(client->dispatch());
        ++tries;
    }
    EXPECT_LT(tries, 20) << "each next one is further off, however slow this machine is";
}

TEST_F(ClientResumeTest, SocketFileThatNobodyHoldsOpenIsWaitedForToo) {  // ECONNREFUSED
    greet();
    peer.die();
    ::close(listener);
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(client->dispatch());
    EXPECT_FALSE(client->ended());
    ::unlink(path.c_str());
    listen_again();
    serve_until([&] { return somebody_waits(); });
}

TEST_F(ClientResumeTest, WithoutADaemonForTooLongItIsOver) {  // contract 5
    greet({}, 30);
    auto device = client->open_device();
    peer.die();
    stop_listening();
    serve_until([&] { return client->ended().has_value(); });
    EXPECT_EQ(client->ended()->code, ErrorCode::unreachable);
    EXPECT_EQ(device->ended()->fault->kind, FaultKind::unreachable);
    EXPECT_TRUE(std::holds_alternative<ConnectionLost>(*client->try_event()));
    EXPECT_FALSE(client->dispatch());
    EXPECT_FALSE(readable()) << "an end that has been told does not make a loop spin";
}

TEST_F(ClientResumeTest, DaemonThatDoesNotAnswerInTimeIsNone) {  // contract 5: the welcome is bounded, too
    greet({}, 30);
    static_cast<void>(die_and_meet());
    serve_until([&] { return client->ended().has_value(); });
    EXPECT_EQ(client->ended()->code, ErrorCode::unreachable);
    EXPECT_TRUE(peer.at_end()) << "a late daemon must not find it there";
    EXPECT_FALSE(readable());
}

TEST_F(ClientResumeTest, EndThatABlockingCallSawIsStillToldToTheLoop) {
    greet({}, 20);
    peer.die();
    stop_listening();
    EXPECT_EQ(client->lookup("db", plenty).error().code, ErrorCode::unreachable);
    EXPECT_TRUE(readable()) << "without a socket, too";
    EXPECT_FALSE(client->dispatch());
    EXPECT_FALSE(readable());
}

TEST_F(ClientResumeTest, RefusedResumeIsTheEnd) {  // contract 4
    greet();
    auto device = client->open_device();
    ASSERT_TRUE(device->link(ScriptedDaemon::line(1), LinkMode::monitor));
    static_cast<void>(die_and_meet());
    peer.say(daemon.welcome_instead());
    EXPECT_EQ(client->dispatch().error().code, ErrorCode::unknown_session);
    const auto frames = peer.heard();
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].type, wire::FrameType::bye);
    EXPECT_EQ(device->next(plenty).error().code, ErrorCode::unknown_session);
    EXPECT_EQ(device->ended()->fault->kind, FaultKind::unreachable);
    EXPECT_EQ(std::get<ConnectionLost>(*client->try_event()).error.code, ErrorCode::unknown_session);
    EXPECT_FALSE(readable());
}

TEST_F(ClientResumeTest, OperationsMadeWhileAwayAreCarriedOutOnce) {
    greet();
    auto device = client->open_device();
    ASSERT_TRUE(client->dispatch());
    static_cast<void>(die_and_meet());
    EXPECT_TRUE(device->link(ScriptedDaemon::line(1), LinkMode::monitor));
    auto second = client->open_device();
    ASSERT_TRUE(second);
    second->disconnect(Fault::error("disk full"));
    EXPECT_TRUE(client->flush());
    EXPECT_TRUE(peer.heard().empty());
    peer.say(daemon.welcome_back(1));
    ASSERT_TRUE(client->dispatch());
    const auto frames = peer.heard();
    ASSERT_EQ(frames.size(), 4U);
    EXPECT_EQ(frames[0].type, wire::FrameType::ack);
    EXPECT_EQ(frames[1].type, wire::FrameType::link);
    EXPECT_EQ(frames[2].type, wire::FrameType::create);
    EXPECT_EQ(wire::decode_disconnect(frames[3].view())->text, "disk full");
}

TEST_F(ClientResumeTest, HalfANoticeAndUnreadMessages) {
    greet();
    auto device = client->open_device();
    ASSERT_TRUE(client->dispatch());
    const std::string last = daemon.notice(device->id(), ScriptedDaemon::line(2)).say();
    peer.say(daemon.notice(device->id(), ScriptedDaemon::line(1)).raw(last.substr(0, 20)));
    const auto resume = die_and_meet();
    ASSERT_TRUE(resume);
    EXPECT_EQ(resume->received, 1U) << "what arrived before the end counts, half a frame does not";
    peer.say(daemon.welcome_back(1).raw(last).ack(1));
    EXPECT_EQ(std::get<Disconnected>(*device->next(plenty)).device, ScriptedDaemon::line(1));
    EXPECT_EQ(std::get<Disconnected>(*device->next(plenty)).device, ScriptedDaemon::line(2));
    EXPECT_EQ(device->next(at_once).error().code, ErrorCode::timeout);
}

TEST_F(ClientResumeTest, CallThatIsOpenIsAnsweredOnce) {
    greet();
    std::string asked;
    std::thread crash{[&] {
        std::uint64_t id = 0;
        const auto first = wire::decode_request(peer.hear(wire::FrameType::request).view(), id);
        peer.die();
        peer = accept();
        EXPECT_EQ(peer.hear(wire::FrameType::hello).type, wire::FrameType::hello);
        peer.say(daemon.welcome_back(1));
        const auto second = wire::decode_request(peer.hear(wire::FrameType::request).view(), id);
        asked = std::string{first->again ? "again" : "first"} + (second->again ? " again" : " first");
        peer.say(daemon.ack(2).reply(id, wire::Named{"sub/db"}));
    }};
    const auto started = client->start("db", WaitFor::done, plenty);
    crash.join();
    ASSERT_TRUE(started) << started.error().text();
    EXPECT_EQ(*started, "sub/db");
    EXPECT_EQ(asked, "first again");
}

TEST_F(ClientResumeTest, LinkThatIsAwaitedIsRefusedAfterTheCrash) {
    greet();
    auto device = client->open_device();
    std::thread crash{[&] {
        EXPECT_EQ(peer.hear(wire::FrameType::link).type, wire::FrameType::link);
        peer.die();
        peer = accept();
        EXPECT_EQ(peer.hear(wire::FrameType::hello).type, wire::FrameType::hello);
        peer.say(daemon.welcome_back(2).refuse(2, ErrorCode::link_down, wire::FrameType::link, device->id()).ack(2));
    }};
    EXPECT_EQ(device->link_wait(ScriptedDaemon::line(1), LinkMode::monitor, plenty).error().code, ErrorCode::link_down);
    crash.join();
    EXPECT_TRUE(std::holds_alternative<Resumed>(*client->try_event()));
    EXPECT_FALSE(client->try_event()) << "the refusal had its answer";
}

TEST_F(ClientResumeTest, UnlinkThatWasNotCarriedOutIsSentAgain) {
    greet();
    auto device = client->open_device();
    std::thread crash{[&] {
        EXPECT_EQ(peer.hear(wire::FrameType::unlink).type, wire::FrameType::unlink);
        peer.die();
        peer = accept();
        EXPECT_EQ(peer.hear(wire::FrameType::hello).type, wire::FrameType::hello);
        peer.say(daemon.welcome_back(1).notice(device->id(), ScriptedDaemon::line(1)).ack(1));
        EXPECT_EQ(peer.hear(wire::FrameType::unlink).type, wire::FrameType::unlink);
        peer.say(daemon.ack(2));
    }};
    const auto unlinked = device->unlink_wait(ScriptedDaemon::line(1), LinkMode::monitor, plenty);
    crash.join();
    ASSERT_TRUE(unlinked) << unlinked.error().text();
    EXPECT_TRUE(unlinked->was_down);
    EXPECT_FALSE(device->try_receive());
}

TEST_F(ClientResumeTest, LostTwiceInARow) {
    greet();
    auto device = client->open_device();
    ASSERT_TRUE(device->link(ScriptedDaemon::line(1), LinkMode::monitor));
    ASSERT_TRUE(client->dispatch());
    static_cast<void>(die_and_meet());
    peer.die();  // before its welcome
    EXPECT_TRUE(client->dispatch());
    serve_until([&] { return somebody_waits(); });
    peer = accept();
    auto hello = wire::decode_hello(peer.heard().at(0).view());
    EXPECT_EQ(hello->resume->token, "t");
    peer.say(daemon.welcome_back(1, "t2"));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(peer.heard().size(), 2U);
    peer.die();  // behind its welcome
    ASSERT_TRUE(client->dispatch());
    ASSERT_TRUE(somebody_waits());
    peer = accept();
    hello = wire::decode_hello(peer.heard().at(0).view());
    EXPECT_EQ(hello->resume->token, "t2");
    peer.say(daemon.welcome_back(2, "t3").ack(2));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(peer.heard().size(), 1U) << "an ack and nothing that was carried out";
    EXPECT_TRUE(*device);
}

TEST_F(ClientResumeTest, BlockingCallsKeepTheirOwnTime) {
    greet();
    auto device = client->open_device();
    peer.die();
    stop_listening();
    EXPECT_EQ(client->lookup("db", 5ms).error().text(), "timeout: the daemon died and is not back yet");
    EXPECT_EQ(device->next(5ms).error().code, ErrorCode::timeout);
    EXPECT_EQ(device->link_wait(ScriptedDaemon::line(1), LinkMode::peer, at_once).error().code, ErrorCode::timeout);
    EXPECT_FALSE(*client->wait(5ms));
    EXPECT_EQ(client->ping(at_once).error().code, ErrorCode::timeout);
    EXPECT_FALSE(client->ended());
}

TEST_F(ClientResumeTest, DeadSocketRaisesNoSignal) {
    greet();
    auto device = client->open_device();
    peer.die();
    device->disconnect();  // writes at once, into a socket without another end
    EXPECT_TRUE(client->dispatch());
    EXPECT_FALSE(client->ended());
}

TEST_F(ClientResumeTest, UnreadBytesAtTheDaemonsEndAreALossLikeAnyOther) {  // ECONNRESET
    greet();
    auto device = client->open_device();
    ASSERT_TRUE(client->dispatch());
    EXPECT_TRUE(die_and_meet());  // the daemon died with the `create` unread
    peer.say(daemon.welcome_back(0));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(peer.heard().size(), 2U) << "ack and the create, again";
}

TEST_F(ClientResumeTest, RelativePathIsFoundFromAnotherFolder) {
    std::array<char, 4096> before{};
    ASSERT_NE(::getcwd(before.data(), before.size()), nullptr);
    ASSERT_EQ(::chdir(folder.c_str()), 0);
    greet({.path = "s"});
    ASSERT_EQ(::chdir("/"), 0);
    EXPECT_TRUE(die_and_meet());
    ASSERT_EQ(::chdir(before.data()), 0);
}

TEST_F(ClientResumeTest, ForkedChildDoesNotComeBack) {
    greet();
    auto device = client->open_device();
    ASSERT_TRUE(client->dispatch());
    static_cast<void>(peer.heard());
    std::array<int, 2> hold{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hold.data()), 0);
    char byte = 0;
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(hold[1]);
        ::close(listener);
        peer.die();
        const bool in_step = ::write(hold[0], &byte, 1) == 1 && ::read(hold[0], &byte, 1) == 0;  // until the parent has come back
        const bool refused = in_step && client->dispatch().error().code == ErrorCode::wrong_process &&
                             client->lookup("db").error().code == ErrorCode::wrong_process &&
                             client->wait(plenty).error().code == ErrorCode::wrong_process;
        device->disconnect();
        client.reset();
        ::_exit(refused ? 0 : 1);
    }
    ::close(hold[0]);
    ASSERT_EQ(::read(hold[1], &byte, 1), 1);
    EXPECT_TRUE(die_and_meet());
    EXPECT_FALSE(readable()) << "the old socket, which the child still holds, is out of the set";
    peer.say(daemon.welcome_back(1).ack(1));
    ASSERT_TRUE(client->dispatch());
    ::close(hold[1]);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(somebody_waits()) << "only the parent came";
    EXPECT_EQ(peer.heard().size(), 1U) << "and only it spoke";
    EXPECT_TRUE(client->dispatch());
}

TEST_F(ClientResumeTest, LastWordsAreSaidAfterTheCrash) {
    greet();
    auto device = client->open_device();
    device->disconnect(Fault::error("disk full"));
    static_cast<void>(die_and_meet());
    std::thread late{[&] { peer.say(daemon.welcome_back(0)); }};
    client.reset();
    late.join();
    const auto frames = peer.heard();
    ASSERT_EQ(frames.size(), 4U);
    EXPECT_EQ(wire::decode_disconnect(frames[2].view())->text, "disk full");
    EXPECT_EQ(frames[3].type, wire::FrameType::bye);
}

TEST_F(ClientResumeTest, ManagedRunGoesOnThroughACrash) {
    greet();
    Device device = std::move(*client->open_device());
    const auto run = device.manage([&](std::stop_token) {
        peer.die();
        peer = accept();
        EXPECT_EQ(peer.hear(wire::FrameType::hello).type, wire::FrameType::hello);
        peer.say(daemon.welcome_back(2).ack(2));
        EXPECT_EQ(peer.hear(wire::FrameType::ack).type, wire::FrameType::ack);
        return 42;
    });
    ASSERT_TRUE(run) << run.crash().text();
    EXPECT_EQ(*run, 42);
}

TEST_F(ClientResumeTest, LogGoesOnInTheSameFunction) {
    greet();
    std::vector<std::string> seen;
    peer.say(daemon.reply(1).event(4, "child_down"));
    ASSERT_TRUE(client->subscribe(
        {}, [&](const LogEvent& e) { seen.push_back(e.event + std::to_string(e.seq)); }, plenty));
    ASSERT_TRUE(client->dispatch());
    static_cast<void>(die_and_meet());
    peer.say(daemon.welcome_back(1).event(6, "restart").reply(2).event(7, "child_ready"));
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(seen, (std::vector<std::string>{"child_down4", "restart6", "child_ready7"}));
    EXPECT_TRUE(std::holds_alternative<Resumed>(*client->try_event()));
}

/// A worker: its socket is inherited, and the daemon can be reached by a path as well.
class WorkerResumeTest : public ClientResumeTest {
  protected:
    void SetUp() override {
        ClientResumeTest::SetUp();
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        peer = ScriptedPeer{ends[0]};
        ::setenv("BACKPLANE_FD", std::to_string(ends[1]).c_str(), 1);
        ::setenv("BACKPLANE_SOCKET", path.c_str(), 1);
        ::setenv("BACKPLANE_RESUME", "s:t0", 1);
    }
    void TearDown() override {
        for (const char* name : {"BACKPLANE_FD", "BACKPLANE_SOCKET", "BACKPLANE_RESUME"}) {
            ::unsetenv(name);
        }
        ClientResumeTest::TearDown();
    }
    void adopt() {
        auto made = Client::adopt({.within = plenty});
        ASSERT_TRUE(made) << made.error().text();
        client.emplace(std::move(*made));
    }
};

TEST_F(WorkerResumeTest, ComesBackThroughThePathItRemembers) {  // contract 6
    peer.say(daemon.welcome(4, ScriptedDaemon::worker));
    adopt();
    EXPECT_EQ(::getenv("BACKPLANE_FD"), nullptr);
    EXPECT_EQ(::getenv("BACKPLANE_RESUME"), nullptr) << "no grandchild's";
    ::setenv("BACKPLANE_SOCKET", "/nowhere", 1);
    const auto resume = die_and_meet();
    ASSERT_TRUE(resume);
    EXPECT_EQ(resume->token, "t") << "the welcome's, not that of the environment";
    peer.say(daemon.welcome_back(0, "t2", ScriptedDaemon::worker).shutdown_requested(ScriptedDaemon::worker, Line{}));
    EXPECT_TRUE(client->device().next(plenty));
    EXPECT_TRUE(client->is_worker());
}

TEST_F(WorkerResumeTest, SocketThatEndsUngreetedIsResumedOutOfTheEnvironment) {  // contract 6
    peer.die();
    std::optional<wire::Resume> resume;
    std::thread back{[&] {
        peer = accept();
        resume = wire::decode_hello(peer.hear(wire::FrameType::hello).view())->resume;
        peer.say(daemon.welcome_back(0, "t1", ScriptedDaemon::worker).ack(0));
    }};
    adopt();
    back.join();
    ASSERT_TRUE(resume);
    EXPECT_EQ(resume->session, "s");
    EXPECT_EQ(resume->token, "t0");
    EXPECT_EQ(resume->received, 0U);
    EXPECT_TRUE(client->is_worker());
    EXPECT_EQ(client->device().id(), ScriptedDaemon::worker);
    EXPECT_FALSE(client->try_event()) << "it was never there before";
    EXPECT_EQ(::getenv("BACKPLANE_RESUME"), nullptr);
}

TEST_F(WorkerResumeTest, WithoutASessionInTheEnvironmentThatIsTheEnd) {
    for (const char* text : {"", "no-colon", ":t", "s"}) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        ::close(ends[0]);
        ::setenv("BACKPLANE_FD", std::to_string(ends[1]).c_str(), 1);
        ::setenv("BACKPLANE_RESUME", text, 1);
        EXPECT_EQ(Client::adopt().error().code, ErrorCode::unreachable) << text;
        EXPECT_FALSE(somebody_waits()) << text;
    }
}

TEST_F(WorkerResumeTest, SessionThatTheDaemonForgotIsSaid) {
    peer.die();
    std::thread back{[&] {
        peer = accept();
        EXPECT_EQ(peer.hear(wire::FrameType::hello).type, wire::FrameType::hello);
        peer.say(daemon.welcome_instead());
    }};
    EXPECT_EQ(Client::adopt({.within = plenty}).error().code, ErrorCode::unknown_session);
    back.join();
}

TEST_F(WorkerResumeTest, AdoptHasItsDeadlineAlsoWhenNobodyIsThere) {
    peer.die();
    stop_listening();
    EXPECT_EQ(Client::adopt({.within = 5ms}).error().code, ErrorCode::timeout);
}

}  // namespace
}  // namespace backplane
