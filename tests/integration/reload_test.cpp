// SPDX-License-Identifier: Apache-2.0
/// S-66: a new configuration for what runs, by SIGHUP and by `backplanectl reload`. Whatever is wrong with it, the old tree stays whole
/// and the answer names file, line, column and key.
#include "tests/integration/daemon.hpp"
#include "tests/integration/json_lines.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace backplane::integration {
namespace {

using nlohmann::json;

constexpr const char* before = R"([{"name": "a", "exec": ["sleep", "1000"]}, {"name": "b", "exec": ["sleep", "1001"]},
    {"name": "s", "supervisor": {"children": [{"name": "x", "exec": ["sleep", "1002"]}]}}])";

std::string config_of(const Daemon& daemon) { return daemon.folder() + "/config.json"; }

void write_config(const Daemon& daemon, const std::string& supervisor) {
    std::ofstream{config_of(daemon)} << "{\"socket\": \"" << daemon.socket() << "\",\n \"supervisor\": " << supervisor << "}\n";
}

std::string children(const std::string& list) { return "{\"children\": [" + list + "]}"; }

constexpr const char* a_and_s =
    R"({"name": "a", "exec": ["sleep", "1000"]}, {"name": "s", "supervisor": {"children": [{"name": "x", "exec": ["sleep", "1002"]}]}})";

std::map<std::string, std::string> changes_of(const Run& run) {
    std::map<std::string, std::string> changes;
    const json said = json::parse(run.out, nullptr, false);
    for (const json& change : said.is_object() ? said.value("changes", json::array()) : json::array()) {
        changes[change.at("name")] = change.at("change").get<std::string>() + (change.at("restart").get<bool>() ? ", restart" : "");
    }
    return changes;
}

std::map<std::string, std::string> states(Daemon& daemon) {
    std::map<std::string, std::string> states;
    for (const json& row : json::parse(daemon.ctl({"list", "--json"}).out)) {
        states[row.at("name")] = row.at("state").get<std::string>() + " " + row.at("pid").dump();
    }
    return states;
}

TEST(ReloadTest, S66_SameIdsKeepTheirDevicesNewOnesStayDownMissingOnesStay) {
    Daemon daemon{before};
    daemon.await_state("s/x", "running");
    const DeviceRow a = daemon.await_state("a", "running");
    const DeviceRow b = daemon.await_state("b", "running");
    write_config(daemon,
                 children(R"({"name": "n", "exec": ["sleep", "1003"]}, {"name": "a", "exec": ["sleep", "2000"]},)"
                          R"({"name": "s", "supervisor": {"intensity": 9, "children": [{"name": "x", "exec": ["sleep", "1002"]}]}})"));
    const std::map<std::string, std::string> planned{{"n", "added"}, {"a", "changed, restart"}, {"s", "changed"}, {"b", "missing"}};
    EXPECT_EQ(changes_of(daemon.ctl({"reload", "--dry-run", "--json"})), planned);
    EXPECT_EQ(daemon.ctl({"status", "n"}).code, 4);  // nothing has happened
    EXPECT_EQ(changes_of(daemon.ctl({"reload", "--json"})), planned);
    EXPECT_EQ(daemon.await_state("n", "down").pid, std::nullopt);
    EXPECT_EQ(daemon.await_state("a", "running").pid, a.pid);
    EXPECT_EQ(daemon.await_state("b", "running").pid, b.pid);
    EXPECT_EQ(json::parse(daemon.ctl({"status", "s", "--json"}).out).at("intensity"), 9);
    std::vector<std::string> order;
    for (const json& row : json::parse(daemon.ctl({"child", "list", "/", "--json"}).out)) {
        order.push_back(row.at("name"));
    }
    EXPECT_EQ(order, (std::vector<std::string>{"n", "a", "s", "b"}));
    ASSERT_EQ(daemon.ctl({"restart", "a"}).code, 0);
    const DeviceRow again = daemon.await_state("a", "running");
    // A process runs a moment before its arguments can be seen.
    EXPECT_TRUE(eventually([&] {
        return read_file("/proc/" + std::to_string(*again.pid) + "/cmdline") == std::string(
                                                                                    "sleep\0"
                                                                                    "2000\0",
                                                                                    11);
    }));
    EXPECT_EQ(changes_of(daemon.ctl({"reload", "--json"})), (std::map<std::string, std::string>{{"b", "missing"}}));
}

TEST(ReloadTest, StartNewAndRemoveMissingAndWait) {
    Daemon daemon{before};
    daemon.await_state("s/x", "running");
    write_config(daemon, children(R"({"name": "a", "exec": ["sleep", "1000"]}, {"name": "n", "exec": ["sleep", "1003"]})"));
    const integration::Run run = daemon.ctl({"reload", "--start-new", "--remove-missing", "--wait", "--timeout", "60s"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(daemon.await_state("n", "running").state, "running");
    for (const char* gone : {"b", "s", "s/x"}) {
        EXPECT_EQ(daemon.ctl({"status", gone}).code, 4) << gone;
    }
}

TEST(ReloadTest, SighupIsAReloadWithoutFlags) {
    Daemon daemon{before};
    daemon.await_state("s/x", "running");
    write_config(daemon, children(std::string{a_and_s} + R"(, {"name": "n", "exec": ["sleep", "1003"]})"));
    daemon.signal(SIGHUP);
    daemon.signal(SIGHUP);
    daemon.await_state("n", "down");
    daemon.await_state("b", "running");
    // What is wrong is told in the log, and changes nothing.
    write_config(daemon, "{\"children\": 7}");
    const auto was = states(daemon);
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return read_file(daemon.folder() + "/daemon.err").find("not reloaded") != std::string::npos; }));
    EXPECT_EQ(states(daemon), was);
}

/// A wrong file, and what the answer must name: the place, and words.
struct Wrong {
    std::string supervisor;
    std::string key, name;
};

std::vector<Wrong> wrong_children() {
    const auto child = [](const std::string& more) { return children(R"({"name": "a", "exec": ["sleep", "1000"], )" + more + "}"); };
    std::vector<Wrong> all;
    const std::vector<std::array<std::string, 3>> keys{{
        {R"("restart": "alwys")", "restart", "invalid_restart"},
        {R"("shutdown": 5)", "shutdown", "invalid_shutdown"},
        {R"("shutdown": "5")", "shutdown", "invalid_shutdown"},
        {R"("start_timeout": "soon")", "start_timeout", "invalid_start_timeout"},
        {R"("significant": 1)", "significant", "invalid_significant"},
        {R"("significant": true)", "significant", "bad_combination"},
        {R"("retain": true)", "retain", "bad_combination"},
        {R"("readiness": "guess")", "readiness", "invalid_readiness"},
        {R"("readiness": "delay")", "readiness", "bad_combination"},
        {R"("readiness": "probe")", "readiness", "bad_combination"},
        {R"("oneshot": true, "readiness": "notify")", "", "bad_combination"},
        {R"("watchdog": "0s")", "watchdog", "invalid_watchdog"},
        {R"("stop_signal": "SIGNONE")", "stop_signal", "invalid_stop_signal"},
        {R"("kill_mode": "process")", "kill_mode", "invalid_kill_mode"},
        {R"("kill_after": 3)", "kill_after", "invalid_kill_after"},
        {R"("intensity": -1)", "intensity", "invalid_intensity"},
        {R"("period": "0s")", "period", "invalid_period"},
        {R"("on_limit": "panic")", "on_limit", "invalid_on_limit"},
        {R"("cooldown": "5s")", "cooldown", "bad_combination"},
        {R"("success_exit_codes": [256])", "success_exit_codes", "invalid_success_exit_codes"},
        {R"("no_restart_exit_codes": ["SIGX"])", "no_restart_exit_codes", "invalid_no_restart_exit_codes"},
        {R"("requires": ["nobody"])", "requires", "unknown_requirement"},
        {R"("requires": ["a"])", "requires", "self_requirement"},
        {R"("links": [{"to": "nobody"}])", "links", "unknown_link_target"},
        {R"("links": [{"to": "a"}])", "links", "self_link"},
        {R"("user": 0)", "user", "invalid_user"},
        {R"("limits": {"nofiles": 3})", "limits", ""},
        {R"("nice": 20)", "nice", "invalid_nice"},
        {R"("umask": 22)", "umask", "invalid_umask"},
        {R"("memory_max": "1X")", "memory_max", "invalid_memory_max"},
        {R"("environment": {"A=B": "c"})", "environment", "invalid_environment"},
        {R"("working_directory": "here")", "working_directory", "invalid_working_directory"},
        {R"("stdout": "there")", "stdout", "invalid_stdout"},
        {R"("backoff": {"factor": 0.5})", "backoff", "invalid_backoff"},
        {R"("exce": [])", "exce", "unknown_key"},
        {R"("name": "twice")", "name", ""},
    }};
    for (const auto& [text, key, name] : keys) {
        all.push_back(Wrong{child(text), key, name});
    }
    return all;
}

std::vector<Wrong> wrong_trees() {
    return {
        {"7", "supervisor", "invalid_supervisor"},
        {R"({"strategy": "all_for_none"})", "strategy", "invalid_strategy"},
        {R"({"strategy": "dynamic"})", "", "bad_start_spec"},
        {R"({"auto_shutdown": "always"})", "auto_shutdown", "invalid_auto_shutdown"},
        {R"({"max_children": 3})", "max_children", "bad_combination"},
        {R"({"period": "0s"})", "period", "invalid_period"},
        {children(R"({"name": "a"})"), "", "missing_start"},
        {children(R"({"exec": ["true"]})"), "", "missing_id"},
        {children(R"({"name": "a/b", "exec": ["true"]})"), "name", "invalid_id"},
        {children(R"({"name": "a", "exec": ["./true"]})"), "exec", "invalid_start"},
        {children(R"({"name": "a", "exec": ["true"]}, {"name": "a", "exec": ["true"]})"), "name", "duplicate_id"},
        {children(R"({"name": "a", "exec": ["true"], "requires": ["b"]}, {"name": "b", "exec": ["true"]})"), "requires",
         "requirement_cycle"},
        {R"({"children": [)", "", "invalid_json"},
    };
}

TEST(ReloadTest, WhateverIsWrongTheOldTreeStaysAndThePlaceIsNamed) {
    Daemon daemon{before};
    daemon.await_state("s/x", "running");
    const auto was = states(daemon);
    std::vector<Wrong> all = wrong_children();
    for (Wrong& wrong : wrong_trees()) {
        all.push_back(std::move(wrong));
    }
    std::size_t refused = 0;
    for (const Wrong& wrong : all) {
        write_config(daemon, wrong.supervisor);
        const integration::Run run = daemon.ctl({"reload", "--start-new", "--remove-missing", "--json"});
        const json said = json::parse(run.out, nullptr, false);
        ASSERT_EQ(run.code, 1) << wrong.supervisor << run.out;
        EXPECT_EQ(said.at("error"), "config_invalid") << wrong.supervisor;
        const std::string detail = said.at("detail");
        EXPECT_NE(detail.find("config.json:2:"), std::string::npos) << wrong.supervisor << detail;
        EXPECT_NE(detail.find("key \""), std::string::npos) << detail;
        EXPECT_NE(detail.find(wrong.key), std::string::npos) << wrong.supervisor << detail;
        EXPECT_NE(detail.find(wrong.name.empty() ? "[" : "[" + wrong.name + "]"), std::string::npos) << wrong.supervisor << detail;
        ++refused;
    }
    EXPECT_EQ(states(daemon), was);
    EXPECT_GE(refused, 40U);
    RecordProperty("refused", static_cast<int>(refused));
}

TEST(ReloadTest, WhatRunsCannotBecomeAnotherKindOfThing) {
    Daemon daemon{before};
    daemon.await_state("s/x", "running");
    auto client = daemon.connect();
    auto task = client.open_device({.name = "task"});
    ASSERT_TRUE(task);
    const auto was = states(daemon);
    for (const char* list :
         {R"({"name": "s", "exec": ["true"]})", R"({"name": "a", "supervisor": {"children": []}})", R"({"name": "task", "exec": ["true"]})",
          R"({"name": "s", "supervisor": {"strategy": "dynamic", "template": {"exec": ["true"]}}})"}) {
        write_config(daemon, children(list));
        const integration::Run run = daemon.ctl({"reload", "--json"});
        EXPECT_EQ(run.code, 1) << list;
        EXPECT_NE(run.out.find("cannot become"), std::string::npos) << run.out;
    }
    EXPECT_EQ(states(daemon), was);
}

}  // namespace
}  // namespace backplane::integration
