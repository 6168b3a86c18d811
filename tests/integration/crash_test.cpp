// SPDX-License-Identifier: Apache-2.0
/// The daemon is killed, and nobody notices: workers, sessions, notices and exit statuses (T-10, T-12, X-12, idea 5).
#include "tests/integration/bare_daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace backplane::integration {
namespace {

constexpr const char* two_sleepers = R"({"name": "a", "exec": ["sleep", "1000"], "backoff": "none"},
                                        {"name": "b", "exec": ["sleep", "1000"], "backoff": "none"})";

std::map<std::string, std::int64_t> pids_of(Client& client) {
    std::map<std::string, std::int64_t> pids;
    const auto rows = client.list(plenty);
    for (const DeviceRow& row : rows ? *rows : std::vector<DeviceRow>{}) {
        if (row.pid && row.kind == "process") {
            pids[*row.name] = *row.pid;
        }
    }
    return pids;
}

/// Once both sleepers run.
std::map<std::string, std::int64_t> pids_of_both(const BareDaemon& daemon, Client& client) {
    (void)daemon.wait_for(client, "b", "running");
    return pids_of(client);
}

/// Kills the daemon and waits until another one serves.
void crash(const BareDaemon& daemon) {
    const pid_t before = daemon.daemon_pid();
    ASSERT_GT(before, 0);
    ASSERT_EQ(::kill(before, SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return daemon.daemon_pid() != before && daemon.daemon_pid() > 0; }));
}

TEST(Crash, X12_WorkersLiveOn) {
    BareDaemon daemon{two_sleepers};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto before = pids_of_both(daemon, client);
    for (int i = 0; i < 3; ++i) {
        crash(daemon);
    }
    Client other = daemon.connect();
    EXPECT_EQ(pids_of(other), before);
    const auto info = other.daemon_info(plenty);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->daemon_restarts, 3U);
    EXPECT_EQ(info->keeper_pid, daemon.pid());
    // Its end is seen as before, with its status, by whoever is its parent now.
    ASSERT_TRUE(other.device().link_wait(*other.lookup("a", plenty), LinkMode::monitor, plenty));
    ASSERT_EQ(::kill(static_cast<pid_t>(before.at("a")), SIGUSR1), 0);
    EXPECT_EQ(next_of(other.device()), "disconnected signal(10)");
    EXPECT_NE(daemon.wait_for(other, "a", "running", before.at("a")).pid, before.at("a"));
}

TEST(Crash, T10_SessionsGoOnAndNoticesComeOnce) {
    BareDaemon daemon{two_sleepers};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    Client victim = daemon.connect();
    (void)daemon.wait_for(client, "b", "running");
    Device& mine = client.device();
    const DeviceId id = mine.id();
    auto target = victim.open_device();
    ASSERT_TRUE(target && victim.ping(plenty));  // it is there for others, too
    ASSERT_TRUE(mine.link_wait(target->line(), LinkMode::monitor, plenty));
    ASSERT_TRUE(mine.link_wait(*client.lookup("a", plenty), LinkMode::monitor, plenty));
    ASSERT_TRUE(client.register_name("me", mine, plenty));

    const auto before = pids_of(client);
    ASSERT_TRUE(daemon.kill_daemon());
    // While nobody is there: an end with a status, and an operation.
    ASSERT_EQ(::kill(static_cast<pid_t>(before.at("a")), SIGKILL), 0);
    target->disconnect(Fault::error("out of disk"));
    ASSERT_TRUE(victim.ping(plenty));  // comes back, and sends again what got lost

    std::vector<std::string> told{next_of(mine), next_of(mine)};
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (std::vector<std::string>{"disconnected error{out of disk}", "disconnected signal(9)"}));
    EXPECT_EQ(mine.id(), id);
    Client other = daemon.connect();
    const auto me = other.lookup("me", plenty);
    ASSERT_TRUE(me);
    EXPECT_EQ(me->id(), id);
    crash(daemon);
    ASSERT_TRUE(client.ping(plenty));
    EXPECT_FALSE(mine.try_receive()) << "a notice came twice";
    bool resumed = false;
    while (const auto event = client.try_event()) {
        resumed = resumed || std::holds_alternative<Resumed>(*event);
        EXPECT_FALSE(std::holds_alternative<ConnectionLost>(*event));
    }
    EXPECT_TRUE(resumed);
}

TEST(Crash, T10_WhoDoesNotComeBackDrops) {
    BareDaemon daemon{two_sleepers};
    daemon.set_settings(R"("resume_grace": "3s", )");
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    auto lost = Client::connect({.path = daemon.socket(), .resume = false});
    ASSERT_TRUE(lost);
    auto target = lost->open_device();
    ASSERT_TRUE(target && lost->ping(plenty));
    ASSERT_TRUE(client.device().link_wait(target->line(), LinkMode::monitor, plenty));
    ASSERT_TRUE(daemon.kill_daemon());
    ASSERT_TRUE(client.ping(plenty));  // at once, for this one has no more time than the other
    EXPECT_EQ(next_of(client.device()).substr(0, 17), "disconnected drop");
}

TEST(Crash, T12_WhoseProcessIsGoneDropsAtOnce) {
    BareDaemon daemon{two_sleepers};
    daemon.set_settings(R"("resume_grace": "10m", )");
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    int line[2] = {-1, -1};
    ASSERT_EQ(::pipe(line), 0);
    const pid_t other = ::fork();
    if (other == 0) {
        Client mine = daemon.connect();
        const std::string text = mine.device().line().text();
        const bool told = mine.ping(plenty) && ::write(line[1], text.data(), text.size()) > 0;
        ::pause();
        ::_exit(told ? 0 : 1);
    }
    char text[128] = {};
    ASSERT_GT(::read(line[0], text, sizeof text - 1), 0);
    const auto target = Line::parse(text);
    ASSERT_TRUE(target && client.device().link_wait(*target, LinkMode::monitor, plenty));
    daemon.signal(SIGSTOP);  // the keeper: both are gone before there is another daemon
    ASSERT_TRUE(daemon.kill_daemon());
    ASSERT_EQ(::kill(other, SIGKILL), 0);
    ASSERT_EQ(::waitpid(other, nullptr, 0), other);
    daemon.signal(SIGCONT);
    EXPECT_EQ(next_of(client.device()).substr(0, 17), "disconnected drop");
    ::close(line[0]);
    ::close(line[1]);
}

TEST(Crash, T9_WorkersThatSpeakComeBackByThemselves) {
    BareDaemon daemon{R"({"name": "w", "exec": ["@BIN@/bp_test_worker", "ready"],
                          "readiness": "notify", "start_timeout": "60s", "backoff": "none"})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const DeviceRow row = daemon.wait_for(client, "w", "running");
    for (int i = 0; i < 5; ++i) {
        crash(daemon);
    }
    Client other = daemon.connect();
    EXPECT_EQ(daemon.wait_for(other, "w", "running").pid, row.pid);
    // It hears of what it is asked, so its conversation is there again.
    ASSERT_TRUE(other.device().link_wait(*row.line, LinkMode::monitor, plenty));
    ASSERT_TRUE(other.device().request_shutdown(*row.line) && other.flush());
    EXPECT_EQ(next_of(other.device()), "disconnected none");
}

TEST(Crash, X3_ReadyThatIsSaidWhileNobodyIsThereIsHeard) {
    BareDaemon daemon{R"({"name": "w", "readiness": "notify", "start_timeout": "30s", "exec": ["python3", "@DIR@/late.py"]})"};
    write_late_worker(daemon.folder(),
                      "left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                      "left.bind(os.path.dirname(os.environ['NOTIFY_SOCKET']) + '/notify-77-1')\n");
    ASSERT_TRUE(daemon.start());
    const auto is_there = [&](const char* file) { return eventually([&] { return std::filesystem::exists(daemon.folder() + file); }); };
    ASSERT_TRUE(is_there("/up"));
    const pid_t served = daemon.daemon_pid();
    ASSERT_GT(served, 0);
    daemon.signal(SIGSTOP);  // the keeper, so that the gap is as long as we like
    ASSERT_EQ(::kill(served, SIGKILL), 0);
    std::ofstream{daemon.folder() + "/go"};
    EXPECT_TRUE(is_there("/said"));
    daemon.signal(SIGCONT);
    Client client = daemon.connect();
    const DeviceRow row = daemon.wait_for(client, "w", "running");
    EXPECT_EQ(row.restarts, 0U);
    std::vector<std::string> left;  // a socket that the crash left to nobody is gone, the living one's is not
    for (const auto& entry : std::filesystem::directory_iterator{daemon.socket() + ".notify"}) {
        left.push_back(entry.path().filename());
    }
    ASSERT_EQ(left.size(), 1U);
    EXPECT_NE(left[0], "notify-77-1");
}

TEST(Crash, T8_SessionsOfWorkersThatEndAfterACrashGoWithThem) {
    BareDaemon daemon{R"({"name": "a", "exec": ["sleep", "1000"], "backoff": "none"},
                         {"name": "b", "exec": ["sleep", "1000"], "backoff": "none"},
                         {"name": "w", "exec": ["@BIN@/bp_test_worker", "ready"],
                          "readiness": "notify", "start_timeout": "60s", "backoff": "none"})"};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    (void)daemon.wait_for(client, "w", "running");
    const auto before = pids_of(client);
    const auto sessions = client.daemon_info(plenty);
    ASSERT_TRUE(sessions);
    const pid_t served = static_cast<pid_t>(sessions->pid);
    ASSERT_EQ(::kill(served, SIGKILL), 0);
    ASSERT_EQ(::kill(static_cast<pid_t>(before.at("a")), SIGKILL), 0);  // nobody sees it
    ASSERT_EQ(::kill(static_cast<pid_t>(before.at("w")), SIGKILL), 0);
    (void)daemon.wait_for(client, "a", "running", before.at("a"));
    (void)daemon.wait_for(client, "w", "running", before.at("w"));
    ASSERT_EQ(::kill(static_cast<pid_t>(before.at("b")), SIGKILL), 0);  // it spoke to no daemon, and has no socket to this one
    (void)daemon.wait_for(client, "b", "running", before.at("b"));
    const auto now = client.daemon_info(plenty);
    ASSERT_TRUE(now);
    EXPECT_EQ(now->sessions, sessions->sessions);
}

TEST(Crash, OneWhoseKeeperIsKilledTakesItsPlace) {
    BareDaemon daemon{two_sleepers};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto before = pids_of_both(daemon, client);
    const pid_t orphan = daemon.daemon_pid();
    ASSERT_GT(orphan, 0);
    daemon.signal(SIGKILL);
    ASSERT_EQ(daemon.wait_end(), 128 + SIGKILL);
    EXPECT_TRUE(eventually([&] { return daemon.daemon_pid() > 0 && daemon.daemon_pid() != orphan; }));
    EXPECT_EQ(pids_of(client), before);  // the session went on, too
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->keeper_pid, orphan);
    const integration::Run second = daemon.run_beside();
    EXPECT_EQ(second.code, 1);
    EXPECT_NE(second.err.find("already_running: pid " + std::to_string(orphan)), std::string::npos) << second.err;
    // Its children are its own still: how one ends is known.
    ASSERT_TRUE(client.device().link_wait(*client.lookup("a", plenty), LinkMode::monitor, plenty));
    ASSERT_EQ(::kill(static_cast<pid_t>(before.at("a")), SIGUSR1), 0);
    EXPECT_EQ(next_of(client.device()), "disconnected signal(10)");
    client.device().disconnect();
    ASSERT_TRUE(client.ping(plenty));
    ASSERT_EQ(::kill(orphan, SIGTERM), 0);
    EXPECT_TRUE(eventually([&] { return workers_of(daemon.socket()).empty() && !std::filesystem::exists(daemon.socket()); }));
}

TEST(Crash, T13_WhenBothAreKilledTheNextStartAdopts) {
    BareDaemon daemon{two_sleepers};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto before = pids_of_both(daemon, client);
    daemon.kill_service();
    ASSERT_EQ(::kill(static_cast<pid_t>(before.at("b")), SIGKILL), 0);  // nobody sees it
    ASSERT_TRUE(daemon.start());
    Client other = daemon.connect();
    const DeviceRow b = daemon.wait_for(other, "b", "running", before.at("b"));
    EXPECT_EQ(pids_of(other).at("a"), before.at("a"));
    const auto description = other.describe("b", plenty);
    ASSERT_TRUE(description);
    EXPECT_EQ(description->last_exit, "unreachable{unknown}");  // F-5: never "exit 0"
    EXPECT_TRUE(eventually([&] { return workers_of(daemon.socket()).size() == 2U; }));
}

TEST(Crash, T13_WorkersThatEndedUnseenAndWereTakenAwayAreStartedAgain) {
    BareDaemon daemon{two_sleepers};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto before = pids_of_both(daemon, client);
    daemon.kill_service();
    for (const auto& [name, pid] : before) {
        ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
    }
    // Whoever is their parent now takes them away: nothing but their numbers is left.
    ASSERT_TRUE(eventually([&] { return process_state(static_cast<pid_t>(before.at("a"))) == '-'; }));
    ASSERT_TRUE(eventually([&] { return process_state(static_cast<pid_t>(before.at("b"))) == '-'; }));
    ASSERT_TRUE(daemon.start());
    Client other = daemon.connect();
    EXPECT_NE(daemon.wait_for(other, "a", "running", before.at("a")).pid, before.at("a"));
    EXPECT_NE(daemon.wait_for(other, "b", "running", before.at("b")).pid, before.at("b"));
    EXPECT_TRUE(eventually([&] { return workers_of(daemon.socket()).size() == 2U; }));
}

TEST(Crash, T13_AStopThatWasUnderWayGoesOn) {
    BareDaemon daemon{
        R"({"name": "slow", "shutdown": "60s", "exec": ["/bin/sh", "-c",
               "trap 'until [ -e @DIR@/go ]; do sleep 0.02; done; exit 0' TERM; echo up > @DIR@/up; while :; do sleep 0.1; done"]},
           {"name": "quick", "exec": ["sleep", "1000"]})"};
    ASSERT_TRUE(daemon.start());
    const pid_t served = daemon.daemon_pid();
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(daemon.folder() + "/up"); }));
    daemon.signal(SIGTERM);
    EXPECT_TRUE(daemon.logs("child_stopping slow"));
    ASSERT_EQ(::kill(served, SIGKILL), 0);
    std::ofstream{daemon.folder() + "/go"};
    EXPECT_EQ(daemon.wait_end(), 0);
    EXPECT_TRUE(workers_of(daemon.socket()).empty());
    EXPECT_FALSE(std::filesystem::exists(daemon.socket()));
}

TEST(Crash, D10_NoIdComesTwice) {
    BareDaemon daemon{R"({"name": "w", "exec": ["sleep", "1000"], "backoff": "none"})"};
    ASSERT_TRUE(daemon.start());
    Client stays = daemon.connect();
    const Epoch epoch = stays.epoch();
    std::set<std::uint64_t> seen;
    const auto use_ids = [&](Client& client) {  // more than a welcome grants, so some are asked for
        std::vector<Device> devices;
        for (int i = 0; i < 300; ++i) {
            auto device = client.open_device({.within = plenty});
            ASSERT_TRUE(device) << device.error().text();
            ASSERT_TRUE(seen.insert(device->id().value).second) << device->line().text() << " came twice";
            devices.push_back(std::move(*device));
        }
        ASSERT_TRUE(client.ping(plenty));
    };
    std::int64_t dead = 0;
    for (int round = 0; round < 7; ++round) {
        const DeviceRow worker = daemon.wait_for(stays, "w", "running", dead);
        ASSERT_TRUE(worker.line && worker.pid);
        EXPECT_EQ(seen.insert(worker.line->id().value).second, round != 6) << "of the worker, which lives on at the end";
        {
            Client goes = daemon.connect();
            ASSERT_NO_FATAL_FAILURE(use_ids(goes));
            ASSERT_EQ(goes.epoch(), epoch) << "in another epoch all ids are others";
        }
        ASSERT_NO_FATAL_FAILURE(use_ids(stays));
        if (round < 5) {
            dead = *worker.pid;
            ASSERT_EQ(::kill(static_cast<pid_t>(dead), SIGKILL), 0);
            crash(daemon);
        } else if (round == 5) {  // the keeper, too: the next start takes up the same state
            daemon.kill_service();
            ASSERT_TRUE(daemon.start());
        }
        ASSERT_TRUE(stays.ping(plenty));
    }
}

TEST(Crash, BadStateIsGivenUpLoudly) {
    BareDaemon daemon{two_sleepers};
    ASSERT_TRUE(daemon.start());
    Client client = daemon.connect();
    const auto before = pids_of_both(daemon, client);
    const auto info = client.daemon_info(plenty);
    ASSERT_TRUE(info);
    {
        std::fstream journal{info->journal, std::ios::in | std::ios::out | std::ios::binary};
        journal.seekp(4096 + 20);
        journal.put('x');
    }
    ASSERT_EQ(::kill(static_cast<pid_t>(info->pid), SIGKILL), 0);
    EXPECT_TRUE(daemon.logs("this one begins empty"));
    EXPECT_TRUE(daemon.logs("2 workers of that daemon were stopped"));
    Client other = daemon.connect();
    (void)daemon.wait_for(other, "b", "running");
    EXPECT_NE(pids_of(other), before);
    EXPECT_TRUE(eventually([&] { return workers_of(daemon.socket()).size() == 2U; }));
    EXPECT_NE(other.epoch(), client.epoch());
}

}  // namespace
}  // namespace backplane::integration
