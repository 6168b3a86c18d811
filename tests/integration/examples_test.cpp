// SPDX-License-Identifier: Apache-2.0
/// The programs of client/examples do what they say, against a real daemon.
#include "tests/integration/daemon.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <optional>

namespace backplane::integration {
namespace {

/// An example beside the test, its output in the daemon's folder under its own name.
class Example {
  public:
    Example(const Daemon& daemon, const std::string& name, std::vector<std::string> words = {})
        : output_(daemon.folder() + "/" + name), process_(line(name, std::move(words)), {"BACKPLANE_SOCKET=" + daemon.socket()}, output_) {}

    [[nodiscard]] std::string said() const { return read_file(output_ + ".out"); }
    [[nodiscard]] bool says(const std::string& part) const {
        return eventually([&] { return said().find(part) != std::string::npos; });
    }
    integration::Run wait() { return process_.wait(); }

  private:
    static std::vector<std::string> line(const std::string& name, std::vector<std::string> words) {
        words.insert(words.begin(), program("backplane-example-" + name));
        return words;
    }

    std::string output_;
    Process process_;
};

TEST(ExampleTest, ReadmesWorkerGoesWithWhatItMinds) {
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"], "backoff": "none"},
                      {"name": "worker", "exec": ["@BIN@/backplane-example-worker"], "stdout": "@DIR@/worker.log",
                       "restart": "temporary"}])"};
    const DeviceRow db = daemon.await_state("db", "running");
    Client client = daemon.connect();
    ASSERT_TRUE(eventually([&] {
        const auto description = client.describe("db", plenty);
        return description && description->links_total == 1;
    }));
    ASSERT_EQ(::kill(static_cast<pid_t>(*db.pid), SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return read_file(daemon.folder() + "/worker.log") == "cascade(" + db.line->text() + "): signal(9)\n"; }))
        << read_file(daemon.folder() + "/worker.log");
}

TEST(ExampleTest, TaskPoolRunsTheDaemonsTasksUntilItIsKilled) {  // S-8, D-2
    Daemon daemon{R"([{"name": "app", "exec": ["@BIN@/backplane-example-task-pool"], "stdout": "@DIR@/app.log", "backoff": "none"},
                      {"name": "good", "task": "squares", "backoff": "none"},
                      {"name": "bad", "task": "squares", "arguments": ["3"], "restart": "transient", "backoff": {"initial": "1h"}}])"};
    const DeviceRow good = daemon.await_state("good", "running");
    const DeviceRow app = daemon.await_state("app", "running");
    EXPECT_EQ(good.kind, "task");
    EXPECT_EQ(good.pid, app.pid);
    const DeviceRow bad = daemon.await("bad", [](const DeviceRow& row) { return row.reason == "backoff"; });  // its second failure
    EXPECT_EQ(bad.fault.value_or(""), "error{invalid_argument: a 3}");

    ASSERT_EQ(::kill(static_cast<pid_t>(*app.pid), SIGKILL), 0);
    const DeviceRow back = daemon.await("good", [](const DeviceRow& row) { return row.restarts == 1U && row.state == "running"; });
    EXPECT_NE(back.pid, app.pid) << "in the program that has come back";
}

TEST(ExampleTest, MonitorTellsOfEveryIncarnation) {  // X-20
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"], "backoff": "none"}])"};
    const DeviceRow db = daemon.await_state("db", "running");
    const Process monitor{
        {program("backplane-example-monitor"), "db"}, {"BACKPLANE_SOCKET=" + daemon.socket()}, daemon.folder() + "/monitor"};
    const auto said = [&](const std::string& part) { return read_file(daemon.folder() + "/monitor.out").find(part) != std::string::npos; };
    ASSERT_TRUE(eventually([&] { return said("db (" + db.line->text() + ") is up\n"); }));
    ASSERT_EQ(::kill(static_cast<pid_t>(*db.pid), SIGKILL), 0);
    const DeviceRow again = daemon.await_restart(db);
    EXPECT_TRUE(eventually([&] { return said("db (" + again.line->text() + ") is up\n"); }));
}

TEST(ExampleTest, TasksFailTogether) {  // decision 13, L-1
    Daemon daemon{R"([{"name": "tasks", "exec": ["@BIN@/backplane-demo-tasks"], "stdout": "@DIR@/tasks.log", "restart": "temporary"}])"};
    EXPECT_TRUE(eventually([&] { return read_file(daemon.folder() + "/tasks.log").find("pong went with cascade(") != std::string::npos; }));
}

TEST(ExampleTest, NeverStopStartsItsTaskAgainAndAgain) {  // the reference's first supervisor
    const Daemon daemon;
    const Example never_stop{daemon, "never-stop"};
    EXPECT_TRUE(never_stop.says("start 3 went with error\n")) << never_stop.said();
}

TEST(ExampleTest, ManagedDeviceSucceedsAndThenGoesWithItsNeighbour) {
    const Daemon daemon;
    Example managed{daemon, "managed"};
    const auto run = managed.wait();
    EXPECT_EQ(run.code, 0);
    EXPECT_NE(run.out.find("counted to 10\nended by cascade("), std::string::npos) << run.out;
    EXPECT_NE(run.out.find("): error{on purpose}\n"), std::string::npos) << run.out;
}

TEST(ExampleTest, DynamicTopologyTellsTheNeighbourOfTheOneThatFell) {
    const Daemon daemon;
    Example topology{daemon, "topology"};
    const auto run = topology.wait();
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.out.substr(0, 19), "b was told: cascade") << run.out;
}

TEST(ExampleTest, HeartbeatWorkerThatHangsIsToldOf) {  // F-1: timeout(watchdog)
    const Daemon daemon;
    Client client = daemon.connect();
    ASSERT_TRUE(client.watch_name("job", plenty));
    Example worker{daemon, "heartbeat"};
    std::optional<NameChange> last;
    while (!last || last->up || last->incarnation == 0) {
        const auto event = client.next_event(plenty);
        ASSERT_TRUE(event) << event.error().text();
        last = std::get<NameChange>(*event);
    }
    EXPECT_EQ(last->fault, "timeout(watchdog)");
    const auto run = worker.wait();
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.out, "the work hangs\ntimeout(watchdog)\n");
}

TEST(ExampleTest, PollLoopTellsOfANameUntilItsInputEnds) {
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"], "backoff": "none"}])"};
    const DeviceRow db = daemon.await_state("db", "running");
    const std::string input = daemon.folder() + "/input";
    ASSERT_EQ(::mkfifo(input.c_str(), 0600), 0);
    const int held = ::open(input.c_str(), O_RDWR | O_CLOEXEC);  // for both, so that neither waits for the other
    ASSERT_GE(held, 0);
    const std::string files = daemon.folder() + "/poll";
    Process poll{{"/bin/sh", "-c", "exec \"$0\" db <\"$1\"", program("backplane-example-poll"), input},
                 {"BACKPLANE_SOCKET=" + daemon.socket()},
                 files};
    const auto says = [&](const std::string& part) {
        return eventually([&] { return read_file(files + ".out").find(part) != std::string::npos; });
    };
    EXPECT_TRUE(says("db is " + db.line->text() + "\n"));
    ASSERT_EQ(::kill(static_cast<pid_t>(*db.pid), SIGKILL), 0);
    EXPECT_TRUE(says("db is " + daemon.await_restart(db).line->text() + "\n"));
    ASSERT_EQ(::write(held, "\n", 1), 1);
    EXPECT_EQ(poll.wait().code, 0);
    ::close(held);
}

TEST(ExampleTest, UvServersConnectionsHaveDevices) {
    const Daemon daemon;
    const std::string path = daemon.folder() + "/uv";
    const Example server{daemon, "uv", {path}};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    int fd = -1;
    ASSERT_TRUE(eventually([&] {
        fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
        if (!connected) {
            ::close(fd);
        }
        return connected;
    }));
    std::string text(100, '\0');
    const ssize_t count = ::recv(fd, text.data(), text.size(), 0);
    ASSERT_GT(count, 1);
    text.resize(static_cast<std::size_t>(count) - 1);
    const auto line = Line::parse(text);
    ASSERT_TRUE(line) << text;
    Client client = daemon.connect();
    ASSERT_TRUE(client.device().link_wait(*line, LinkMode::monitor, plenty));
    ::close(fd);
    const auto told = client.device().next(plenty);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->sender(), *line);
    EXPECT_EQ(told->fault()->kind, FaultKind::drop);
}

TEST(ExampleTest, FaultHandlingIsTestedWithoutADaemon) {
    const Daemon daemon;  // only for a folder
    Process test{{program("backplane-example-fault-handling")}, {}, daemon.folder() + "/test"};
    const auto run = test.wait();
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.out, "copy\n");
}

}  // namespace
}  // namespace backplane::integration
