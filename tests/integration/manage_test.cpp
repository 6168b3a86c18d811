// SPDX-License-Identifier: Apache-2.0
/// The management calls of 8.10 and 8.11 and the operator's verbs of decision 37, by backplanectl against the real daemon.
#include "tests/integration/daemon.hpp"
#include "tests/integration/json_lines.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <fstream>
#include <nlohmann/json.hpp>

namespace backplane::integration {
namespace {

using nlohmann::json;

/// `error` of a run that failed with --json, or what else came.
std::string error_of(const Run& run) {
    const json said = json::parse(run.out, nullptr, false);
    return run.code != 0 && said.is_object() ? said.value("error", "none") : "no error: " + run.out;
}

std::vector<std::string> names_in_order(Daemon& daemon, const std::string& supervisor) {
    std::vector<std::string> names;
    for (const json& row : json::parse(daemon.ctl({"child", "list", supervisor, "--json"}).out)) {
        names.push_back(row.at("name").get<std::string>());
    }
    return names;
}

std::string spec_file(const Daemon& daemon, const std::string& text) {
    const std::string path = daemon.folder() + "/child.json";
    std::ofstream{path} << text;
    return path;
}

constexpr const char* two = R"([{"name": "a", "exec": ["sleep", "1000"]}, {"name": "s", "supervisor": {"children": [
    {"name": "x", "exec": ["sleep", "1000"]}]}}])";

TEST(ManageTest, S53_TheTableOfStartRestartTerminateAndDelete) {
    Daemon daemon{two};
    daemon.await_state("s/x", "running");
    const std::string spec = spec_file(daemon, R"({"name": "y", "exec": ["sleep", "1000"], "restart": "transient"})");
    const integration::Run started = daemon.ctl({"child", "start", "s", "--spec", spec, "--json"});
    ASSERT_EQ(started.code, 0) << started.out << started.err;
    EXPECT_EQ(json::parse(started.out).at("name"), "s/y");
    EXPECT_EQ(json::parse(started.out).at("key"), "y");
    EXPECT_TRUE(Line::parse(json::parse(started.out).at("id").get<std::string>()));
    EXPECT_EQ(error_of(daemon.ctl({"child", "start", "s", "--spec", spec, "--json"})), "already_started");
    EXPECT_EQ(error_of(daemon.ctl({"child", "restart", "s", "y", "--json"})), "running");
    EXPECT_EQ(error_of(daemon.ctl({"child", "delete", "s", "y", "--json"})), "running");
    EXPECT_EQ(daemon.ctl({"child", "terminate", "s", "y"}).code, 0);
    EXPECT_EQ(error_of(daemon.ctl({"child", "start", "s", "--spec", spec, "--json"})), "already_present");
    EXPECT_EQ(daemon.ctl({"child", "restart", "s", "y"}).code, 0);
    EXPECT_EQ(daemon.ctl({"child", "terminate", "s", "y"}).code, 0);
    EXPECT_EQ(daemon.ctl({"child", "delete", "s", "y"}).code, 0);
    for (const char* verb : {"restart", "terminate", "delete", "spec"}) {
        EXPECT_EQ(error_of(daemon.ctl({"child", verb, "s", "y", "--json"})), "not_found") << verb;
    }
    EXPECT_EQ(error_of(daemon.ctl({"child", "start", "nobody", "--spec", spec, "--json"})), "no_supervisor");
    EXPECT_EQ(error_of(daemon.ctl({"child", "list", "a", "--json"})), "no_supervisor");
}

TEST(ManageTest, S20_S56_ChildrenStandInTheOrderOfStartAndAreCounted) {
    Daemon daemon{two};
    daemon.await_state("s/x", "running");
    const std::string spec = spec_file(daemon, R"({"name": "y", "exec": ["sleep", "1000"]})");
    ASSERT_EQ(daemon.ctl({"child", "start", "s", "--spec", spec}).code, 0);
    EXPECT_EQ(names_in_order(daemon, "s"), (std::vector<std::string>{"s/x", "s/y"}));
    ASSERT_EQ(daemon.ctl({"child", "terminate", "s", "x"}).code, 0);
    ASSERT_EQ(daemon.ctl({"child", "restart", "s", "x"}).code, 0);
    EXPECT_EQ(names_in_order(daemon, "s"), (std::vector<std::string>{"s/x", "s/y"}));  // it keeps its place
    ASSERT_EQ(daemon.ctl({"child", "terminate", "s", "x"}).code, 0);
    const json counts = json::parse(daemon.ctl({"child", "count", "/", "--json"}).out);
    EXPECT_EQ(counts, (json{{"specs", 2}, {"active", 2}, {"supervisors", 1}, {"workers", 1}}));
    EXPECT_EQ(json::parse(daemon.ctl({"child", "count", "s", "--json"}).out).at("active"), 1);
}

TEST(ManageTest, S54_AFailedStartKeepsNothingAndSaysWhy) {
    Daemon daemon{two};
    daemon.await_state("s/x", "running");
    const integration::Run failed =
        daemon.ctl({"child", "start", "s", "--spec", spec_file(daemon, R"({"name": "bad", "exec": ["/nowhere/at/all"]})"), "--json"});
    EXPECT_EQ(error_of(failed), "start_failed");
    EXPECT_NE(json::parse(failed.out).at("detail").get<std::string>().find("exec: No such file or directory"), std::string::npos)
        << failed.out;
    EXPECT_EQ(error_of(daemon.ctl({"status", "s/bad", "--json"})), "not_found");
    const integration::Run wrong = daemon.ctl(
        {"child", "start", "s", "--spec", spec_file(daemon, "{\"name\": \"c\", \"exec\": [\"true\"],\n \"restrat\": 1}"), "--json"});
    EXPECT_EQ(error_of(wrong), "bad_spec");
    EXPECT_NE(wrong.out.find("2:"), std::string::npos) << wrong.out;
    EXPECT_NE(wrong.out.find("restrat"), std::string::npos) << wrong.out;
}

TEST(ManageTest, ASpecIsGivenAsItCouldBeGivenAgain) {
    Daemon daemon{two};
    daemon.await_state("s/x", "running");
    const std::string given = R"({"name":"y","restart":"transient","exec":["sleep","1000"],"stop_signal":"SIGINT"})";
    ASSERT_EQ(daemon.ctl({"child", "start", "s", "--spec", spec_file(daemon, given)}).code, 0);
    const integration::Run spec = daemon.ctl({"child", "spec", "s", "y"});
    EXPECT_EQ(json::parse(spec.out), json::parse(given)) << spec.out;
    ASSERT_EQ(daemon.ctl({"child", "terminate", "s", "y"}).code, 0);
    ASSERT_EQ(daemon.ctl({"child", "delete", "s", "y"}).code, 0);
    const integration::Run again = daemon.ctl({"child", "start", "s", "--spec", spec_file(daemon, spec.out)});
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(daemon.ctl({"child", "spec", "s", "y"}).out, spec.out);
}

constexpr const char* pool = R"([{"name": "p", "supervisor": {"strategy": "dynamic", "max_children": 2,
    "template": {"exec": ["sleep"], "restart": "transient", "backoff": "none"}}}])";

TEST(ManageTest, S60_S61_S62_ADynamicSupervisorsChildren) {
    Daemon daemon{pool};
    daemon.await_state("p", "running");
    const integration::Run first = daemon.ctl({"child", "start", "p", "--args", R"(["1000"])", "--json"});
    ASSERT_EQ(first.code, 0) << first.out;
    EXPECT_EQ(json::parse(first.out).at("name"), "p/0");
    ASSERT_EQ(daemon.ctl({"child", "start", "p", "--args", R"(["1001"])", "--key", "k"}).code, 0);
    EXPECT_EQ(error_of(daemon.ctl({"child", "start", "p", "--args", R"(["1002"])", "--json"})), "max_children");
    EXPECT_EQ(error_of(daemon.ctl({"child", "restart", "p", "k", "--json"})), "not_supported");
    EXPECT_EQ(error_of(daemon.ctl({"child", "delete", "p", "k", "--json"})), "not_supported");
    const DeviceRow before = daemon.await_state("p/k", "running");
    ASSERT_EQ(::kill(static_cast<pid_t>(*before.pid), SIGKILL), 0);
    daemon.await_restart(before);  // its key and its arguments are kept (S-63)
    EXPECT_EQ(error_of(daemon.ctl({"child", "start", "p", "--args", R"(["1002"])", "--json"})), "max_children");
    EXPECT_EQ(daemon.ctl({"child", "terminate", "p", json::parse(first.out).at("id").get<std::string>()}).code, 0);
    EXPECT_EQ(names_in_order(daemon, "p"), std::vector<std::string>{"p/k"});
    EXPECT_EQ(error_of(daemon.ctl({"child", "terminate", "p", "0", "--json"})), "not_found");
    EXPECT_EQ(daemon.ctl({"child", "start", "p", "--args", R"(["1002"])", "--key", "m"}).code, 0);
    EXPECT_EQ(names_in_order(daemon, "p"), (std::vector<std::string>{"p/k", "p/m"}));
}

constexpr const char* row_of_three = R"([{"name": "a", "exec": ["sleep", "1000"]}, {"name": "b", "exec": ["sleep", "1001"]},
    {"name": "c", "exec": ["sleep", "1002"]}])";

void kill_child(Daemon& daemon, const std::string& name) {
    const DeviceRow row = daemon.await_state(name, "running");
    ASSERT_EQ(::kill(static_cast<pid_t>(*row.pid), SIGKILL), 0);
}

TEST(ManageTest, S16_X14_AGroupRestartRevivesWhatWasStoppedAndNotWhatIsDisabled) {
    Daemon daemon{row_of_three, R"("strategy": "one_for_all", )"};
    daemon.await_state("c", "running");
    ASSERT_EQ(daemon.ctl({"stop", "b"}).code, 0);
    ASSERT_EQ(daemon.ctl({"disable", "c"}).code, 0);
    kill_child(daemon, "a");
    daemon.await_state("b", "running");
    EXPECT_EQ(daemon.ctl({"wait", "c", "--for", "disabled", "--timeout", "10s"}).code, 0);
    EXPECT_EQ(error_of(daemon.ctl({"start", "c", "--json"})), "disabled");
    EXPECT_EQ(daemon.ctl({"enable", "c"}).code, 0);
    EXPECT_EQ(daemon.ctl({"wait", "c", "--timeout", "60s"}).code, 0);
}

TEST(ManageTest, S64_AKeyFindsItsPartitionAndNoOther) {
    Daemon daemon{R"([{"name": "p", "supervisor": {"partitions": 3, "template": {"exec": ["sleep", "1000"]}}},
                      {"name": "a", "exec": ["sleep", "1000"]}])"};
    daemon.await_state("a", "running");
    Client client = daemon.connect();
    const auto part = [&](const std::string& key) {
        const auto line = client.route("p", key, plenty);
        const auto about = line ? client.describe(*line, plenty) : unexpected(line.error());
        return about ? *about->row.name : about.error().text();
    };
    EXPECT_EQ(part("0"), "p/0");
    EXPECT_EQ(part("7"), "p/1");
    EXPECT_EQ(part("-8"), "p/2");
    EXPECT_EQ(part("alice"), part("alice"));
    const integration::Run shown = daemon.ctl({"route", "p", "7"});
    EXPECT_EQ(shown.code, 0);
    EXPECT_EQ(shown.out.substr(0, 3), "p/1");
    ASSERT_EQ(daemon.ctl({"stop", "p/1"}).code, 0);
    EXPECT_EQ(part("7"), "link_down: p/1 is down");
    EXPECT_EQ(part("6"), "p/0");
    EXPECT_EQ(client.route("a", "1", plenty).error().code, ErrorCode::no_supervisor);
    EXPECT_EQ(client.route("/", "1", plenty).error().code, ErrorCode::not_supported);
}

TEST(ManageTest, X16_ARollingRestartTakesOneAtATimeAndEndsWithTheFirstThatFails) {
    Daemon daemon{R"([{"name": "s", "supervisor": {"children": [
        {"name": "a", "exec": ["sleep", "1000"]},
        {"name": "b", "exec": ["sh", "-c", "test ! -e @DIR@/bad && exec sleep 1000"], "readiness": "delay", "delay": "50ms"},
        {"name": "off", "exec": ["sleep", "1000"]}, {"name": "c", "exec": ["sleep", "1000"]}]}}])"};
    const DeviceRow first = daemon.await_state("s/c", "running");
    ASSERT_EQ(daemon.ctl({"stop", "s/off"}).code, 0);
    const integration::Run run = daemon.ctl({"restart", "--rolling", "s"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.out, "s/a: restarted\ns/b: restarted\ns/c: restarted\n");
    const DeviceRow second = daemon.await_state("s/c", "running");
    EXPECT_NE(second.pid, first.pid);
    EXPECT_EQ(daemon.await_state("s/off", "down").reason, "terminated");
    std::ofstream{daemon.folder() + "/bad"} << "x";
    const integration::Run failed = daemon.ctl({"restart", "--rolling", "s"});
    EXPECT_EQ(failed.code, 1);
    EXPECT_NE(failed.err.find("start_failed: s/b: exit(1)"), std::string::npos) << failed.err;
    EXPECT_EQ(daemon.await_state("s/c", "running").pid, second.pid) << "those behind it were left alone";
}

TEST(ManageTest, HoldKeepsWhatRunsAndRestartsNothing) {
    Daemon daemon{row_of_three, R"("strategy": "rest_for_one", )"};
    const DeviceRow c = daemon.await_state("c", "running");
    ASSERT_EQ(daemon.ctl({"hold", "/"}).code, 0);
    kill_child(daemon, "a");
    daemon.await("a", [](const DeviceRow& row) { return row.state == "restarting" && row.reason == "held"; });
    EXPECT_EQ(daemon.await_state("c", "running").pid, c.pid);
    ASSERT_EQ(daemon.ctl({"release", "/"}).code, 0);
    daemon.await_restart(c);
    daemon.await_state("a", "running");
}

TEST(ManageTest, X2_QuarantineEndsByRelease) {
    Daemon daemon{R"([{"name": "x", "exec": ["sh", "-c", "test -e @DIR@/good && exec sleep 1000; exit 3"], "intensity": 2, "period": "60s",
        "on_limit": "quarantine", "backoff": "none"}, {"name": "y", "exec": ["sleep", "1000"]}])"};
    EXPECT_EQ(daemon.ctl({"wait", "x", "--for", "quarantined", "--timeout", "60s"}).code, 0);
    daemon.await_state("y", "running");
    EXPECT_EQ(error_of(daemon.ctl({"start", "x", "--json"})), "quarantined");
    std::ofstream{daemon.folder() + "/good"} << "x";
    EXPECT_EQ(daemon.ctl({"release", "x"}).code, 0);
    daemon.await_state("x", "running");
    const json status = json::parse(daemon.ctl({"status", "/", "--json"}).out);
    EXPECT_EQ(status.at("strategy"), "one_for_one");
    EXPECT_EQ(status.at("window_used"), 2);
}

TEST(ManageTest, X6_ARequirementBlocksAndSaysSo) {
    Daemon daemon{R"([{"name": "db", "exec": ["sleep", "1000"]}, {"name": "api", "exec": ["sleep", "1000"], "requires": ["db"]}])"};
    daemon.await_state("api", "running");
    ASSERT_EQ(daemon.ctl({"stop", "db"}).code, 0);
    kill_child(daemon, "api");
    const DeviceRow blocked = daemon.await("api", [](const DeviceRow& row) { return row.reason == "blocked"; });
    EXPECT_EQ(blocked.waits_for, "db");
    EXPECT_EQ(blocked.state, "restarting");
    EXPECT_NE(daemon.ctl({"tree"}).out.find("blocked for db"), std::string::npos) << daemon.ctl({"tree"}).out;
    ASSERT_EQ(daemon.ctl({"start", "db"}).code, 0);
    daemon.await_state("api", "running");
}

TEST(ManageTest, ResetAndStartNowEndABackoff) {
    Daemon daemon{R"([{"name": "x", "exec": ["sh", "-c", "test -e @DIR@/good && exec sleep 1000; exit 3"],
        "backoff": {"initial": "1h", "max": "1h"}}])"};
    daemon.await("x", [](const DeviceRow& row) { return row.reason == "backoff" && row.next_start_ms.value_or(0) > 60'000; });
    EXPECT_EQ(error_of(daemon.ctl({"start", "x", "--json"})), "restarting");
    std::ofstream{daemon.folder() + "/good"} << "x";
    EXPECT_EQ(daemon.ctl({"start", "x", "--now"}).code, 0);
    daemon.await_state("x", "running");
    ASSERT_EQ(daemon.ctl({"reset", "x"}).code, 0);
    EXPECT_EQ(json::parse(daemon.ctl({"status", "x", "--json"}).out).at("failures"), 0);
}

TEST(ManageTest, S59_AChildThatStopsItsOwnSupervisorIsAnsweredAndEnds) {
    Daemon daemon{R"([{"name": "s", "restart": "temporary", "supervisor": {"children": [{"name": "w", "restart": "temporary",
        "exec": ["sh", "-c", "@BIN@/backplanectl --socket @DIR@/s stop s --no-wait; exec sleep 1000"]}]}}])"};
    EXPECT_TRUE(eventually([&] { return daemon.ctl({"status", "s", "--json"}).code == 4; }));
}

}  // namespace
}  // namespace backplane::integration
