// SPDX-License-Identifier: Apache-2.0
/// Client and Device over a socket pair whose other end is scripted: what the daemon will answer is written before it is
/// asked, so that nothing here waits for anything that has not happened yet.
#include "tests/unit/client/scripted_daemon.hpp"

#include <backplane/backplane.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdlib>
#include <optional>
#include <thread>

namespace backplane {
namespace {

using std::chrono_literals::operator""ms;

constexpr Duration at_once{};

/// Where a test would hang if it were wrong, it ends with an error instead; no right answer takes so long.
constexpr Within plenty{Duration::seconds(30)};

class ClientTest : public testing::Test {
  protected:
    void SetUp() override {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        peer = ends[0];
        ours = ends[1];
    }
    void TearDown() override {
        client.reset();
        hang_up();
    }
    void say(ScriptedDaemon& from) {
        const std::string bytes = from.say();
        ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    void hang_up() {
        if (peer >= 0) {
            ::close(peer);
            peer = -1;
        }
    }
    /// What the client has written so far.
    std::vector<SentFrame> heard() {
        std::string bytes(1 << 16, '\0');
        const ssize_t count = ::recv(peer, bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return frames_of(bytes);
    }
    /// Waits for one frame and gives it.
    SentFrame hear_one() {
        std::string bytes;
        while (frames_of(bytes).empty()) {
            std::array<char, 4096> piece{};
            const ssize_t count = ::recv(peer, piece.data(), piece.size(), 0);
            if (count <= 0) {
                return {};
            }
            bytes.append(piece.data(), static_cast<std::size_t>(count));
        }
        return frames_of(bytes).front();
    }
    void greet(DeviceId own = {}) {
        say(daemon.welcome(4, own));
        auto made = Client::over(ours, {.name = "test", .within = plenty});
        ASSERT_TRUE(made) << made.error().text();
        client.emplace(std::move(*made));
        static_cast<void>(heard());
    }
    bool readable() const {
        pollfd watched{client->fd(), POLLIN, 0};
        return ::poll(&watched, 1, 0) == 1;
    }

    int peer = -1;
    int ours = -1;
    ScriptedDaemon daemon;
    std::optional<Client> client;
};

TEST_F(ClientTest, GreetingMayFailInEveryWay) {
    say(daemon.bye(ErrorCode::forbidden_peer, "uid 5"));
    const auto made = Client::over(ours);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().text(), "forbidden_peer: uid 5");
}

TEST_F(ClientTest, GreetingHasADeadline) {
    const auto made = Client::over(ours, {.within = at_once});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::timeout);
}

TEST_F(ClientTest, OperationsLeaveWithDispatchInOneWrite) {  // "no operation waits"
    greet();
    EXPECT_FALSE(readable());
    auto a = client->open_device();
    auto b = client->open_device();
    ASSERT_TRUE(a && b);
    EXPECT_TRUE(a->link(*b, LinkMode::peer));
    EXPECT_TRUE(heard().empty());
    EXPECT_TRUE(readable()) << "the one descriptor says that there is something to write";
    ASSERT_TRUE(client->dispatch());
    EXPECT_EQ(heard().size(), 3U);
    EXPECT_FALSE(readable());
}

TEST_F(ClientTest, DropSaysDropAtOnce) {  // D-3
    greet();
    {
        auto device = client->open_device();
        ASSERT_TRUE(device);
        Device moved = std::move(*device);
        EXPECT_FALSE(*device);
        EXPECT_TRUE(moved);
    }
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(wire::decode_disconnect(frames[1].view())->fault, FaultKind::drop);
}

TEST_F(ClientTest, ExplicitDisconnectComesBeforeTheDrop) {  // D-4
    greet();
    {
        auto device = client->open_device();
        device->disconnect(Fault::error("disk full"));
        EXPECT_FALSE(*device);
        EXPECT_EQ(device->link(ScriptedDaemon::line(1), LinkMode::peer).error().code, ErrorCode::device_down);
        EXPECT_EQ(device->next(plenty).error().code, ErrorCode::device_down);
    }
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(wire::decode_disconnect(frames[1].view())->text, "disk full");
}

TEST_F(ClientTest, MessagesOfEveryDeviceAreKeptApart) {  // M-4, M-5
    greet();
    auto a = client->open_device();
    auto b = client->open_device();
    say(daemon.notice(b->id(), ScriptedDaemon::line(1)).notice(a->id(), ScriptedDaemon::line(2)));
    const auto first = a->next(plenty);
    ASSERT_TRUE(first);
    EXPECT_EQ(std::get<Disconnected>(*first).device, ScriptedDaemon::line(2));
    EXPECT_TRUE(readable()) << "b's message is off the socket, and a loop must still hear of it";
    ASSERT_TRUE(client->dispatch());
    EXPECT_FALSE(readable());
    EXPECT_TRUE(b->try_receive());
    EXPECT_FALSE(b->try_receive());
    EXPECT_EQ(a->next(at_once).error().code, ErrorCode::timeout);
}

TEST_F(ClientTest, AcknowledgedLinkAndUnlink) {  // L-9, T-5
    greet();
    auto device = client->open_device();
    const Line other = ScriptedDaemon::line(1);
    say(daemon.ack(2));
    EXPECT_TRUE(device->link_wait(other, LinkMode::monitor, plenty));
    say(daemon.notice(device->id(), other).ack(3));
    const auto unlinked = device->unlink_wait(other, LinkMode::monitor, plenty);
    ASSERT_TRUE(unlinked);
    EXPECT_TRUE(unlinked->was_down);
    EXPECT_FALSE(device->try_receive());
    EXPECT_EQ(device->link_wait(other, LinkMode::monitor, at_once).error().code, ErrorCode::timeout);
}

TEST_F(ClientTest, CallsAnswerWithValuesAndErrors) {
    greet();
    say(daemon.reply(1, wire::Found{ScriptedDaemon::line(3).id(), "sub/db"}));
    EXPECT_EQ(*client->lookup("db", plenty), ScriptedDaemon::line(3));
    say(daemon.reply_error(2, ErrorCode::not_found, "no such name"));
    EXPECT_EQ(client->lookup("nobody", plenty).error().text(), "not_found: no such name");
    say(daemon.reply(3, wire::Named{"sub/db"}));
    EXPECT_EQ(*client->stop("db", WaitFor::accepted, plenty), "sub/db");
    std::uint64_t id = 0;
    EXPECT_FALSE(wire::decode_request(heard().at(2).view(), id)->wait);
}

TEST_F(ClientTest, ListFollowsTheCursor) {
    greet();
    wire::Listing page;
    page.rows.push_back({});
    page.rows[0].name = "db";
    page.rows[0].id = ScriptedDaemon::line(1).id();
    page.rows[0].kind = "process";
    page.rows[0].state = "running";
    // The second page is asked for when the first has come, so a thread plays the daemon: it answers what it reads.
    std::string cursor;
    std::thread pages{[&] {
        for (int i = 0; i < 2; ++i) {
            std::uint64_t id = 0;
            const auto request = wire::decode_request(hear_one().view(), id);
            cursor = request->after;
            page.next = i == 0 ? "db" : "";
            say(daemon.reply(id, page));
        }
    }};
    const auto rows = client->list(plenty);
    pages.join();
    ASSERT_TRUE(rows) << rows.error().text();
    ASSERT_EQ(rows->size(), 2U);
    EXPECT_EQ((*rows)[1].line, ScriptedDaemon::line(1));
    EXPECT_EQ(cursor, "db");
}

TEST_F(ClientTest, CallHasADeadlineAndTheLateReplyHarmsNobody) {
    greet();
    EXPECT_EQ(client->lookup("db", at_once).error().code, ErrorCode::timeout);
    say(daemon.reply_error(1, ErrorCode::not_found).reply(2, wire::Found{ScriptedDaemon::line(3).id(), "db"}));
    EXPECT_EQ(*client->lookup("db", plenty), ScriptedDaemon::line(3));
}

TEST_F(ClientTest, PingTakesTime) {
    greet();
    say(daemon.pong(1));
    const auto length = client->ping(plenty);
    ASSERT_TRUE(length);
    EXPECT_GE(length->ns, 0);
}

TEST_F(ClientTest, SubscriptionByFunctionOrByQueue) {
    greet();
    std::vector<std::uint64_t> seen;
    say(daemon.event(1, "sup_up").reply(1).event(2, "child_down"));
    ASSERT_TRUE(client->subscribe(
        {.since = 0, .graph = false, .follow = true}, [&](const LogEvent& e) { seen.push_back(e.seq); }, plenty));
    EXPECT_TRUE(seen.empty()) << "only within dispatch and wait";
    EXPECT_TRUE(*client->wait(plenty));
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2}));
    say(daemon.reply(2).event(3, "child_down"));
    ASSERT_TRUE(client->subscribe({}, {}, plenty));
    EXPECT_EQ(std::get<LogEvent>(*client->next_event(plenty)).seq, 3U);
    ASSERT_TRUE(client->dispatch());
    EXPECT_FALSE(*client->wait(at_once));
}

TEST_F(ClientTest, EndOfTheConnectionIsAnEventAndEveryCallsAnswer) {  // D-2
    greet();
    auto device = client->open_device();
    say(daemon.shutdown_requested(device->id(), Line{}));
    hang_up();
    const auto last = device->next(plenty);
    ASSERT_TRUE(last) << "what came before the end is still told";
    EXPECT_FALSE(std::get<Shutdown>(*last).from);
    EXPECT_EQ(device->next(plenty).error().code, ErrorCode::unreachable);
    EXPECT_FALSE(*device);
    EXPECT_EQ(client->lookup("db").error().code, ErrorCode::unreachable);
    EXPECT_EQ(client->open_device().error().code, ErrorCode::unreachable);
    EXPECT_TRUE(std::holds_alternative<ConnectionLost>(*client->try_event()));
    EXPECT_FALSE(client->dispatch());
    EXPECT_FALSE(readable()) << "an end that has been told does not make a loop spin";
}

TEST_F(ClientTest, WritingToAClosedSocketRaisesNoSignal) {
    greet();
    auto device = client->open_device();
    hang_up();
    device->disconnect();
    EXPECT_FALSE(client->dispatch());
}

TEST_F(ClientTest, LastWordsAndBye) {
    greet();
    auto device = client->open_device();
    client.reset();
    auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[1].type, wire::FrameType::bye);
    EXPECT_FALSE(*device) << "a Device does not outlive its Client";
    EXPECT_EQ(device->link(ScriptedDaemon::line(1), LinkMode::peer).error().code, ErrorCode::closed);
}

TEST_F(ClientTest, ForkedChildIsRefused) {  // threats: a client forks and both halves go on
    greet();
    auto device = client->open_device();
    ASSERT_TRUE(client->dispatch());
    static_cast<void>(heard());
    const pid_t child = ::fork();
    if (child == 0) {
        const bool refused = client->dispatch().error().code == ErrorCode::wrong_process &&
                             device->link(ScriptedDaemon::line(1), LinkMode::peer).error().code == ErrorCode::wrong_process &&
                             client->lookup("db").error().code == ErrorCode::wrong_process &&
                             client->open_device().error().code == ErrorCode::wrong_process && !device->try_receive();
        device->disconnect();
        *device = Device{};
        client.reset();
        ::_exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(heard().empty()) << "the child said nothing";
    EXPECT_TRUE(client->dispatch()) << "and the parent goes on";
}

class WorkerTest : public ClientTest {
  protected:
    void TearDown() override {
        ::unsetenv("BACKPLANE_FD");
        ClientTest::TearDown();
    }
    void inherit(DeviceId own) {
        say(daemon.welcome(4, own));
        ::setenv("BACKPLANE_FD", std::to_string(ours).c_str(), 1);
    }
};

TEST_F(WorkerTest, AdoptsItsSocketOnce) {  // T-9
    inherit(ScriptedDaemon::worker);
    auto adopted = Client::from_environment();
    ASSERT_TRUE(adopted) << adopted.error().text();
    EXPECT_TRUE(adopted->is_worker());
    EXPECT_EQ(adopted->device().id(), ScriptedDaemon::worker);
    EXPECT_EQ(::getenv("BACKPLANE_FD"), nullptr);
    EXPECT_EQ(::fcntl(ours, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_EQ(Client::adopt().error().code, ErrorCode::not_found);
}

TEST_F(WorkerTest, OwnDeviceEndsWithItsProcessNotWithItsClient) {  // T-9, F-5
    inherit(ScriptedDaemon::worker);
    {
        auto adopted = Client::adopt();
        ASSERT_TRUE(adopted);
        EXPECT_TRUE(adopted->device());
        static_cast<void>(heard());
    }
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].type, wire::FrameType::bye) << "and no drop";
}

TEST_F(WorkerTest, RefusesWhatIsNoWorkersSocket) {
    ::setenv("BACKPLANE_FD", "99999", 1);
    EXPECT_EQ(Client::adopt().error().code, ErrorCode::invalid_argument);
    inherit(DeviceId{});
    EXPECT_EQ(Client::adopt().error().code, ErrorCode::not_found);
}

TEST(PathTest, DefaultPathByTheBook) {  // PROTOCOL 1
    ::setenv("BACKPLANE_SOCKET", "/tmp/somewhere.sock", 1);
    EXPECT_EQ(*Client::default_path(), "/tmp/somewhere.sock");
    ::setenv("BACKPLANE_SOCKET", "", 1);
    if (::geteuid() == 0) {
        EXPECT_EQ(*Client::default_path(), "/run/backplane/backplane.sock");
    }
    ::unsetenv("BACKPLANE_SOCKET");
}

TEST(PathTest, ConnectSaysWhatIsWrong) {
    EXPECT_EQ(Client::connect({.path = "/nowhere/at/all.sock"}).error().text(),
              "unreachable: /nowhere/at/all.sock: No such file or directory");
    EXPECT_EQ(Client::connect({.path = std::string(200, 'x')}).error().code, ErrorCode::invalid_argument);
}

TEST(LineTest, TextFormBothWaysAndHash) {  // D-10
    const Line line{Epoch{0x9f3ac41d20b7e655}, DeviceId::make(1, 0x4c)};
    EXPECT_EQ(line.text(), "9f3ac41d20b7e655.1.4c");
    EXPECT_EQ(Line::parse(line.text()), line);
    EXPECT_FALSE(Line::parse("db"));
    EXPECT_NE(std::hash<Line>{}(line), std::hash<Line>{}(Line{}));
    EXPECT_FALSE(Line{});
}

TEST(WithinTest, TakesEveryKindOfDuration) {
    EXPECT_EQ(Within{1500ms}.length, Duration::milliseconds(1500));
    EXPECT_TRUE(Within{std::chrono::hours::max()}.length.is_forever());
    EXPECT_TRUE(Within::forever().length.is_forever());
}

}  // namespace
}  // namespace backplane
