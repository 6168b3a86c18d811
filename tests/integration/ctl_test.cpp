// SPDX-License-Identifier: Apache-2.0
/// backplanectl against the real daemon: its JSON, its exit codes and its verbs, which programs rely on.
#include "tests/integration/daemon.hpp"
#include "tests/integration/json_lines.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

namespace backplane::integration {
namespace {

using nlohmann::json;

constexpr const char* tree = R"([{"name": "db", "exec": ["sleep", "1000"], "backoff": "none"},
    {"name": "sub", "supervisor": {"children": [{"name": "w1", "exec": ["sleep", "1000"]}]}}])";

std::size_t line_count(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

/// So many supervisors without children, as a list: much to tell of, and no process.
std::string supervisors(int count) {
    std::string children;
    for (int i = 0; i < count; ++i) {
        children += (i == 0 ? "" : ",") + std::string{R"({"name": "sup)"} + std::to_string(i) + R"(", "supervisor": {"children": []}})";
    }
    return "[" + children + "]";
}

TEST(CtlTest, ListNamesEveryChildWithEveryKey) {
    Daemon daemon{tree};
    daemon.await_state("sub/w1", "running");
    const auto run = daemon.ctl({"list", "--json"});
    ASSERT_EQ(run.code, 0) << run.err;
    const json rows = json::parse(run.out);
    std::set<std::string> names;
    for (const json& row : rows) {
        for (const char* key : {"name", "id", "kind", "state", "pid", "restarts", "supervisor", "fault", "labels"}) {
            EXPECT_TRUE(row.contains(key)) << key;
        }
        EXPECT_TRUE(Line::parse(row.at("id").get<std::string>()));
        names.insert(row.at("name").get<std::string>());
    }
    EXPECT_EQ(names, (std::set<std::string>{"/", "db", "sub", "sub/w1"}));
    EXPECT_EQ(line_count(daemon.ctl({"list"}).out), 5U);
}

TEST(CtlTest, ListHasMoreThanOnePage) {  // PROTOCOL 6: cursors
    Daemon daemon{supervisors(150)};
    daemon.await_state("sup149", "running");
    EXPECT_EQ(json::parse(daemon.ctl({"list", "--json"}).out).size(), 151U);
}

TEST(CtlTest, TreeDrawsWhatRuns) {
    Daemon daemon{tree};
    daemon.await_state("sub/w1", "running");
    const auto run = daemon.ctl({"tree"});
    EXPECT_EQ(run.code, 0);
    EXPECT_NE(run.out.find("├─ db"), std::string::npos) << run.out;
    EXPECT_NE(run.out.find("└─ sub"), std::string::npos);
    EXPECT_NE(run.out.find("   └─ w1"), std::string::npos);
}

TEST(CtlTest, StatusDescribesOneByNameShortNameOrLine) {
    Daemon daemon{tree};
    const DeviceRow row = daemon.await_state("sub/w1", "running");
    for (const std::string& name : {std::string{"sub/w1"}, std::string{"w1"}, row.line->text()}) {
        const auto run = daemon.ctl({"status", name, "--json"});
        ASSERT_EQ(run.code, 0) << run.out;
        const json one = json::parse(run.out);
        EXPECT_EQ(one.at("name"), "sub/w1");
        EXPECT_EQ(one.at("pid"), *row.pid);
        EXPECT_TRUE(one.contains("last_exit") && one.contains("failures") && one.contains("links"));
    }
    EXPECT_EQ(daemon.ctl({"status", "/"}).code, 0);
}

TEST(CtlTest, PingAndVersion) {
    Daemon daemon;
    const json pong = json::parse(daemon.ctl({"ping", "--json"}).out);
    EXPECT_EQ(pong.at("keeper_pid"), daemon.pid());
    EXPECT_NE(pong.at("pid"), daemon.pid());
    EXPECT_EQ(pong.at("daemon_restarts"), 0);
    EXPECT_GT(pong.at("journal_bytes"), 4096);
    EXPECT_TRUE(std::filesystem::exists(pong.at("journal").get<std::string>()));
    Client client = daemon.connect();
    EXPECT_EQ(client.device().line().text().rfind(pong.at("epoch").get<std::string>() + ".", 0), 0U);  // as it begins every line
    EXPECT_EQ(daemon.ctl({"version"}).code, 0);
}

TEST(CtlTest, VerbsStopStartAndRestart) {  // decision 37, S-53, decision 32
    Daemon daemon{tree};
    const DeviceRow before = daemon.await_state("db", "running");
    EXPECT_EQ(daemon.ctl({"stop", "db"}).code, 0);
    EXPECT_EQ(daemon.ctl({"stop", "db"}).code, 0) << "stopping what is down is done";
    const DeviceRow down = daemon.await_state("db", "down");
    EXPECT_FALSE(down.pid);
    EXPECT_EQ(daemon.ctl({"watch", "db"}).code, 3) << "there is nothing to watch";
    EXPECT_EQ(daemon.ctl({"start", "db"}).code, 0);
    EXPECT_EQ(daemon.ctl({"start", "db"}).code, 3) << "it runs already";
    const DeviceRow started = daemon.await_state("db", "running");
    const auto restarted = daemon.ctl({"restart", "db", "--json"});
    EXPECT_EQ(restarted.code, 0) << restarted.out;
    EXPECT_EQ(json::parse(restarted.out).at("name"), "db");
    const DeviceRow after = daemon.await_state("db", "running");
    EXPECT_NE(after.pid, started.pid);
    EXPECT_EQ(after.restarts, before.restarts) << "what an operator does does not count";
    EXPECT_EQ(daemon.ctl({"restart", "db", "--no-wait"}).code, 0);
    daemon.await_restart(after);
    EXPECT_EQ(daemon.ctl({"stop", "w1", "--no-wait"}).code, 0) << "by its short name";
    daemon.await_state("sub/w1", "down");
}

TEST(CtlTest, WatchEndsAsTheDeviceDid) {
    Daemon daemon{R"([{"name": "bad", "exec": ["sleep", "1000"], "restart": "temporary"},
                      {"name": "good", "exec": ["sleep", "1000"], "restart": "temporary"}])"};
    const DeviceRow bad = daemon.await_state("bad", "running");
    const DeviceRow good = daemon.await_state("good", "running");
    Process watch_bad = daemon.ctl_beside({"watch", "bad"});
    Process watch_good = daemon.ctl_beside({"watch", good.line->text(), "--json"});
    Client client = daemon.connect();
    const auto is_watched = [&](const DeviceRow& row) {
        const auto description = client.describe(*row.line, plenty);
        return description && description->links_total == 1;
    };
    ASSERT_TRUE(eventually([&] { return is_watched(bad) && is_watched(good); }));
    ASSERT_EQ(::kill(static_cast<pid_t>(*bad.pid), SIGKILL), 0);
    const auto faulted = watch_bad.wait();
    EXPECT_EQ(faulted.code, 1);
    EXPECT_EQ(faulted.out, "bad went down: signal(9)\n");
    ASSERT_TRUE(client.stop("good", WaitFor::done, plenty));
    const auto ended = watch_good.wait();
    EXPECT_EQ(ended.code, 0) << ended.out;
    EXPECT_TRUE(json::parse(ended.out).at("fault").is_null());
}

TEST(CtlTest, ExitCodesSayWhatKindOfFailure) {
    Daemon daemon{tree};
    daemon.await_state("sub/w1", "running");
    EXPECT_EQ(daemon.ctl({"bogus"}).code, 2);
    EXPECT_EQ(daemon.ctl({"list", "--timeout", "5"}).code, 2);
    EXPECT_EQ(daemon.ctl({"status", "nobody"}).code, 4);
    EXPECT_EQ(daemon.ctl({"stop", "nobody"}).code, 4);
    EXPECT_EQ(daemon.ctl({"watch", "nobody"}).code, 4);
    EXPECT_EQ(daemon.ctl({"watch", "1.2.3"}).code, 4) << "a line of another epoch";
    EXPECT_EQ(daemon.ctl({"watch", "db", "--timeout", "50ms"}).code, 5);
    EXPECT_EQ(daemon.ctl({"--socket", "/nowhere/s", "ping"}).code, 2) << "an option twice";
    const auto error = daemon.ctl({"status", "nobody", "--json"});
    EXPECT_EQ(json::parse(error.out).at("error"), "not_found");
    EXPECT_TRUE(json::parse(error.out).contains("detail"));
    EXPECT_EQ(line_count(daemon.ctl({"status", "nobody"}).err), 1U);
}

TEST(CtlTest, NoDaemonIsSeven) {
    const std::string files = testing::TempDir() + "backplane-ctl-" + std::to_string(::getpid());
    const auto run = Process{{program("backplanectl"), "--socket", files + ".none", "ping"}, {}, files}.wait();
    EXPECT_EQ(run.code, 7);
    EXPECT_EQ(run.err.substr(0, 26), "backplanectl: unreachable:");
    ::unlink((files + ".out").c_str());
    ::unlink((files + ".err").c_str());
}

TEST(EventsTest, SinceAndNoFollow) {
    Daemon daemon{tree};
    daemon.await_state("sub/w1", "running");
    const auto all = daemon.ctl({"events", "--json", "--no-follow"});
    ASSERT_EQ(all.code, 0);
    const auto events = lines(all.out);
    ASSERT_GE(events.size(), 6U);
    std::int64_t last = 0;
    for (const json& event : events) {
        EXPECT_GT(event.at("seq").get<std::int64_t>(), last) << "strictly increasing";
        last = event.at("seq").get<std::int64_t>();
        EXPECT_EQ(event.at("time").get<std::string>().size(), 27U) << "RFC 3339 with microseconds";
        EXPECT_TRUE(event.contains("event") && event.contains("name") && event.contains("id"));
    }
    EXPECT_EQ(events.front().at("event"), "child_starting");
    EXPECT_EQ(events.back().at("event"), "sup_up");
    const auto middle = events[2].at("seq").get<std::int64_t>();
    const auto rest = lines(daemon.ctl({"events", "--json", "--no-follow", "--since", std::to_string(middle)}).out);
    ASSERT_EQ(rest.size(), events.size() - 3);
    EXPECT_EQ(rest.front(), events[3]);
    EXPECT_TRUE(daemon.ctl({"events", "--json", "--no-follow", "--since", std::to_string(last)}).out.empty());
}

TEST(EventsTest, FollowTellsWhatHappensFromNowOn) {
    Daemon daemon{tree};
    const DeviceRow db = daemon.await_state("db", "running");
    daemon.await_state("sub/w1", "running");
    Process follower = daemon.ctl_beside({"events", "--json"});
    Client client = daemon.connect();
    ASSERT_TRUE(eventually([&] {
        const auto info = client.daemon_info(plenty);
        return info && info->sessions >= 2;
    }));
    // It may not have subscribed yet, so things are made to happen until one is told.
    EXPECT_TRUE(eventually([&] {
        static_cast<void>(client.restart("db", WaitFor::done, plenty));
        struct stat file {};
        return ::stat((daemon.folder() + "/run1.out").c_str(), &file) == 0 && file.st_size > 0;
    }));
    follower.signal(SIGTERM);
    EXPECT_EQ(follower.wait().code, 128 + SIGTERM);
}

TEST(EventsTest, OlderThanTheRingIsAGap) {  // section 0, the issue's 4 096
    Daemon daemon{R"([{"name": "many", "supervisor": {"children": )" + supervisors(200) + "}}]"};
    daemon.await_state("many/sup199", "running");
    Client client = daemon.connect();
    const auto has_gap = [&] {
        std::size_t gaps = 0;
        if (!client.subscribe({.since = 0, .graph = false, .follow = false}, {}, plenty)) {
            return false;
        }
        while (const auto event = client.try_event()) {
            const auto* log = std::get_if<LogEvent>(&*event);
            gaps += log != nullptr && log->event == "gap" ? 1U : 0U;
        }
        return gaps == 1;
    };
    for (int round = 0; round < 30; ++round) {  // each tells of the end and the start of two hundred
        ASSERT_TRUE(client.restart("many", WaitFor::done, plenty));
    }
    ASSERT_TRUE(has_gap());
    const auto events = lines(daemon.ctl({"events", "--json", "--no-follow", "--since", "0"}).out);
    ASSERT_GE(events.size(), 4096U);
    EXPECT_EQ(events.front().at("event"), "gap");
    EXPECT_FALSE(events.front().contains("seq"));
    EXPECT_LT(events.front().at("to").get<std::int64_t>(), events.at(1).at("seq").get<std::int64_t>());
}

TEST(CtlTest, ReaderThatGoesAwayEndsItQuietly) {
    Daemon daemon{tree};
    daemon.await_state("sub/w1", "running");
    const std::string pipe = program("backplanectl") + " --socket " + daemon.socket() + " events --no-follow";
    const auto run = Process{{"/bin/sh", "-c", "{ " + pipe + "; echo \"ended $?\" >&2; } | true"}, {}, daemon.folder() + "/pipe"}.wait();
    EXPECT_EQ(run.err, "ended 0\n");
}

}  // namespace
}  // namespace backplane::integration
