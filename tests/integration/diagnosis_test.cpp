// SPDX-License-Identifier: Apache-2.0
/// describe, why, impact and run of backplanectl, against the real daemon and real processes.
#include "tests/integration/daemon.hpp"
#include "tests/integration/json_lines.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace backplane::integration {
namespace {

using nlohmann::json;

/// `api` falls with `db`; `web` requires it; `log` is told when `web` goes.
constexpr const char* shop = R"([
    {"name": "db", "exec": ["sleep", "1000"], "backoff": "none"},
    {"name": "api", "exec": ["sleep", "1000"], "backoff": "none", "managed": true, "links": [{"to": "db", "mode": "monitor"}]},
    {"name": "web", "exec": ["sleep", "1000"], "requires": ["db"], "links": [{"to": "log", "mode": "notify"}]},
    {"name": "log", "exec": ["sleep", "1000"]}])";

json ask(Daemon& daemon, const std::vector<std::string>& words) {
    std::vector<std::string> all = words;
    all.insert(all.begin(), "--json");
    const Run run = daemon.ctl(all);
    EXPECT_EQ(run.code, 0) << run.out << run.err;
    return json::parse(run.out, nullptr, false);
}

std::string error_of(const Run& run) {
    const json said = json::parse(run.out, nullptr, false);
    return run.code != 0 && said.is_object() ? said.value("error", "none") : "no error: " + run.out + run.err;
}

void kill_one(Daemon& daemon, const std::string& name) {
    const DeviceRow before = daemon.await_state(name, "running");
    ASSERT_EQ(::kill(static_cast<pid_t>(before.pid.value()), SIGKILL), 0);
    daemon.await_restart(before);
}

/// `event name` of those that say who ends, who is counted and who is started.
std::vector<std::string> core_of(const json& events) {
    std::vector<std::string> told;
    for (const json& event : events) {
        const std::string kind = event.at("event").get<std::string>();
        if (kind == "child_down" || kind == "restart" || kind == "child_starting" || kind == "child_stopping") {
            told.push_back(kind + " " + event.at("name").get<std::string>());
        }
    }
    return told;
}

// ---- describe -----------------------------------------------------------------------------------------------------------------------

TEST(DiagnosisTest, DescribeTellsWhatConfigurationSaysAndWhereItRuns) {
    Daemon daemon{shop};
    daemon.await_state("log", "running");
    const json web = ask(daemon, {"describe", "web"});
    EXPECT_EQ(web.at("requires"), json::array({"db"}));
    EXPECT_EQ(web.at("orders"), json::array({{{"name", "log"}, {"mode", "notify"}}}));
    EXPECT_EQ(web.at("spec").at("exec"), json::array({"sleep", "1000"}));
    EXPECT_EQ(web.at("readiness"), "exec");
    EXPECT_FALSE(web.at("containment").is_null());
    const json db = ask(daemon, {"describe", "db"});
    EXPECT_EQ(db.at("required_by"), json::array({"web"}));
    EXPECT_EQ(db.at("ordered_by"), json::array({{{"name", "api"}, {"mode", "monitor"}}}));
    EXPECT_TRUE(ask(daemon, {"describe", "api"}).at("managed").get<bool>());
    const json root = ask(daemon, {"describe", "/"});
    EXPECT_EQ(root.at("children"), 4);
    EXPECT_EQ(root.at("spec").at("supervisor").at("children").size(), 4U);
    // A Device of a task, by name and by line.
    Client client = daemon.connect();
    DeviceOptions options;
    options.name = "orders";
    auto device = client.open_device(options);
    ASSERT_TRUE(device);
    const json task = ask(daemon, {"describe", device->line().text()});
    EXPECT_EQ(task.at("names"), json::array({"orders"}));
    EXPECT_EQ(task.at("kind"), "task");
    EXPECT_FALSE(task.at("client").is_null());
    EXPECT_EQ(daemon.ctl({"describe", "nobody"}).code, 4);
    EXPECT_NE(daemon.ctl({"describe", "web"}).out.find("requires"), std::string::npos);
}

// ---- why ----------------------------------------------------------------------------------------------------------------------------

TEST(DiagnosisTest, X9_WhyFollowsACascadeToItsRootAlsoAfterACrashOfTheDaemon) {
    Daemon daemon{shop};
    const DeviceRow api = daemon.await_state("api", "running");
    const std::string old = daemon.await_state("db", "running").line->text();
    kill_one(daemon, "db");
    daemon.await_restart(api);
    const auto check = [&] {
        const json why = ask(daemon, {"why", "api"});
        ASSERT_EQ(why.at("ends").size(), 2U) << why.dump();
        EXPECT_EQ(why.at("ends")[0].at("reason"), "cascade(" + old + ")");
        EXPECT_EQ(why.at("ends")[1].at("because"), "depended_on");
        EXPECT_EQ(why.at("ends")[1].at("name"), "db");
        EXPECT_EQ(why.at("ends")[1].at("reason"), "signal(9)");
        EXPECT_TRUE(why.at("ends")[1].at("was_ready").get<bool>());
        EXPECT_TRUE(why.at("ends")[1].at("time").is_string());
    };
    check();
    ASSERT_EQ(::kill(static_cast<pid_t>(ask(daemon, {"ping"}).at("pid").get<int>()), SIGKILL), 0);
    check();
    const std::string text = daemon.ctl({"why", "api"}).out;
    EXPECT_NE(text.find("api depended on db"), std::string::npos) << text;
    EXPECT_NE(text.find("signal(9)"), std::string::npos) << text;
    EXPECT_EQ(error_of(daemon.ctl({"why", "nobody", "--json"})), "not_found");
    EXPECT_TRUE(ask(daemon, {"why", "log"}).at("ends").empty());
}

TEST(DiagnosisTest, WhyNamesWhoMadeASupervisorGiveUp) {
    Daemon daemon{R"([{"name": "sub", "restart": "transient", "supervisor": {"intensity": 0, "children": [
        {"name": "good", "exec": ["sleep", "1000"]}, {"name": "bad", "exec": ["sleep", "1000"]}]}}])"};
    const DeviceRow bad = daemon.await_state("sub/bad", "running");
    ASSERT_EQ(::kill(static_cast<pid_t>(bad.pid.value()), SIGSEGV), 0);
    daemon.await_state("sub", "down");
    const json why = ask(daemon, {"why", "sub/good"});
    ASSERT_EQ(why.at("ends").size(), 3U) << why.dump();
    EXPECT_EQ(why.at("ends")[1].at("because"), "supervisor");
    EXPECT_EQ(why.at("ends")[2].at("because"), "gave_up");
    EXPECT_EQ(why.at("ends")[2].at("name"), "sub/bad");
    EXPECT_EQ(why.at("ends")[2].at("reason"), "signal(11)");
    EXPECT_EQ(why.at("ends")[2].at("window_count"), 1);
}

// ---- impact -------------------------------------------------------------------------------------------------------------------------

TEST(DiagnosisTest, X17_WhatImpactForetellsIsWhatHappens) {
    Daemon daemon{shop};
    daemon.await_state("log", "running");
    const DeviceRow api = daemon.await_state("api", "running");
    Client client = daemon.connect();
    auto line = client.lookup("db");
    ASSERT_TRUE(line);
    ASSERT_TRUE(client.device().link_wait(*line, LinkMode::monitor));
    const json impact = ask(daemon, {"impact", "db"});
    EXPECT_EQ(impact.at("told_total"), 2) << impact.dump();
    EXPECT_EQ(impact.at("falls"), 1);
    EXPECT_TRUE(impact.at("fates").empty());
    EXPECT_TRUE(impact.at("complete").get<bool>());
    EXPECT_FALSE(client.device().try_receive()) << "nobody was told";
    const std::vector<std::string> foretold = core_of(impact.at("events"));
    EXPECT_FALSE(foretold.empty());
    const std::string since =
        std::to_string(lines(daemon.ctl({"events", "--no-follow", "--json"}).out).back().at("seq").get<std::uint64_t>());
    kill_one(daemon, "db");
    daemon.await_restart(api);
    std::vector<std::string> happened = core_of(json(lines(daemon.ctl({"events", "--no-follow", "--json", "--since", since}).out)));
    std::vector<std::string> sorted = foretold;
    std::sort(sorted.begin(), sorted.end());
    std::sort(happened.begin(), happened.end());
    EXPECT_EQ(happened, sorted);
    EXPECT_EQ(next_of(client.device()), "disconnected signal(9)");
}

TEST(DiagnosisTest, X17_ImpactOfWhatIsNotThere) {
    Daemon daemon{shop};
    daemon.await_state("log", "running");
    EXPECT_EQ(error_of(daemon.ctl({"impact", "nobody", "--json"})), "not_found");
    EXPECT_EQ(daemon.ctl({"stop", "log"}).code, 0);
    const integration::Run down = daemon.ctl({"impact", "log"});
    EXPECT_EQ(down.code, 3) << down.out;
    EXPECT_NE(down.err.find("log: down"), std::string::npos) << down.err;
    const std::string text = daemon.ctl({"impact", "/"}).out;
    EXPECT_NE(text.find("If all below / died now"), std::string::npos) << text;
}

// ---- run ----------------------------------------------------------------------------------------------------------------------------

TEST(DiagnosisTest, RunStartsAProgramAsItWasTyped) {
    Daemon daemon{"[]"};
    const json started = ask(daemon, {"run", "--name", "sleeper", "--env", "SHOP=open", "--", "sleep", "1000"});
    EXPECT_EQ(started.at("name"), "sleeper");
    const DeviceRow row = daemon.await_state("sleeper", "running");
    const std::string proc = "/proc/" + std::to_string(*row.pid);
    EXPECT_EQ(std::filesystem::read_symlink(proc + "/cwd"), std::filesystem::current_path());
    // The kernel shows words and variables a moment after the exec.
    const auto shows = [&](const char* file, const std::string& part) {
        return eventually([&] { return read_file(proc + file).find(part) != std::string::npos; });
    };
    EXPECT_TRUE(shows("/environ", "SHOP=open"));
    EXPECT_TRUE(shows("/environ", std::string{"PATH="} + ::getenv("PATH")));
    EXPECT_TRUE(shows("/cmdline", std::string{"sleep\0"
                                              "1000",
                                              10}));
    EXPECT_EQ(ask(daemon, {"describe", "sleeper"}).at("restart"), "transient");
    EXPECT_EQ(error_of(daemon.ctl({"run", "--name", "sleeper", "--json", "--", "sleep", "1000"})), "already_started");
    // Without a name it is the program's, and the next one has a number.
    EXPECT_EQ(ask(daemon, {"run", "--", "sleep", "1000"}).at("name"), "sleep");
    EXPECT_EQ(ask(daemon, {"run", "--", "sleep", "1000"}).at("name"), "sleep-2");
}

TEST(DiagnosisTest, RunWaitsForTheEndWhereItIsAskedTo) {
    Daemon daemon{"[]"};
    EXPECT_EQ(daemon.ctl({"run", "--wait", "--restart", "temporary", "--", "sh", "-c", "exit 0"}).code, 0);
    const integration::Run failed = daemon.ctl({"run", "--wait", "--restart", "temporary", "--", "sh", "-c", "exit 3"});
    EXPECT_EQ(failed.code, 1);
    EXPECT_NE(failed.out.find("exit(3)"), std::string::npos) << failed.out << failed.err;
    const integration::Run kept = daemon.ctl({"run", "--wait", "--", "true"});
    EXPECT_EQ(kept.code, 0) << kept.out << kept.err;
    daemon.await_state("true", "down");
}

TEST(DiagnosisTest, RunOfAProgramThatCrashesAgainAndAgainHarmsNobody) {
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"]}])", R"("intensity": 5, "period": "5s",)"};
    const DeviceRow db = daemon.await_state("db", "running");
    EXPECT_EQ(daemon.ctl({"run", "--wait", "--name", "bad", "--", "false"}).code, 1);
    const DeviceRow bad = daemon.await_state("bad", "down");
    EXPECT_EQ(bad.reason, "gave_up");
    EXPECT_EQ(daemon.await_state("db", "running").pid, db.pid);
}

TEST(DiagnosisTest, RunSaysWhatIsWrong) {
    Daemon daemon{"[]"};
    EXPECT_EQ(error_of(daemon.ctl({"run", "--json", "--", "no-such-program"})), "not_found");
    EXPECT_EQ(error_of(daemon.ctl({"run", "--json", "--under", "nobody", "--", "sleep", "1"})), "no_supervisor");
    EXPECT_EQ(error_of(daemon.ctl({"run", "--json", "--env", "NOT_SET_HERE", "--", "sleep", "1"})), "usage");
    EXPECT_EQ(daemon.ctl({"run"}).code, 2);
    EXPECT_EQ(daemon.ctl({"run", "sleep", "1"}).code, 2);
    EXPECT_EQ(daemon.ctl({"run", "--restart", "sometimes", "--", "sleep", "1"}).code, 2);
}

}  // namespace
}  // namespace backplane::integration
