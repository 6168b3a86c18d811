// SPDX-License-Identifier: Apache-2.0
/// What the keys of decision 29 mean: their defaults and their forms, instances and partitions (S-64), requirements that can
/// be met (X-6), and what is loaded with a warning (S-51).
#include "config/settings.hpp"
#include "config/system_words.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace backplane;
using namespace backplane::config;
using core::ChildSpec;
using core::SupervisorSpec;

/// Reads a root supervisor that must be right, with 4 CPUs.
SupervisorSpec root(const std::string& text) {
    Reading reading = read_settings("{\"supervisor\": {" + text + "}}", "t.json", 4);
    EXPECT_EQ(problem_lines(reading, "t.json"), "") << text;
    EXPECT_TRUE(core::decode_spec(core::encode_spec(reading.settings.root))) << text;
    return std::move(reading.settings.root);
}

SupervisorSpec with_children(const std::string& children) { return root("\"children\": [" + children + "]"); }

/// Reads the keys of one program that must be right.
ChildSpec program(const std::string& keys) {
    SupervisorSpec spec = with_children(R"({"name": "a", "exec": ["a"], )" + keys + "}");
    return spec.children.empty() ? ChildSpec{} : std::move(spec.children[0]);
}

std::vector<std::string> names(const SupervisorSpec& spec) {
    std::vector<std::string> all;
    for (const ChildSpec& child : spec.children) {
        all.push_back(child.name);
    }
    return all;
}

std::string warnings(const std::string& children) {
    const Reading reading = read_settings("{\"supervisor\": {\"children\": [\n" + children + "\n]}}", "t.json");
    EXPECT_TRUE(reading.ok());
    return problem_lines(reading, "t.json");
}

TEST(supervisor_keys, defaults_S_1) {
    const SupervisorSpec spec = root("");
    EXPECT_EQ(spec.auto_shutdown, core::AutoShutdown::never);
    EXPECT_EQ(spec.on_start_failure, core::OnStartFailure::retry);
    EXPECT_EQ(spec.on_root_give_up, core::OnRootGiveUp::stay);
    EXPECT_EQ(spec.start_order, core::StartOrder::list);
    EXPECT_EQ(spec.max_children, 0U);
    EXPECT_EQ(spec.partitions, 0U);
    EXPECT_TRUE(spec.template_child.empty());
}

TEST(supervisor_keys, every_word) {
    EXPECT_EQ(root(R"("strategy": "rest_for_one")").strategy, core::Strategy::rest_for_one);
    EXPECT_EQ(root(R"("strategy": "one_for_all")").strategy, core::Strategy::one_for_all);
    EXPECT_EQ(root(R"("auto_shutdown": "any_significant")").auto_shutdown, core::AutoShutdown::any_significant);
    EXPECT_EQ(root(R"("auto_shutdown": "all_significant")").auto_shutdown, core::AutoShutdown::all_significant);
    EXPECT_EQ(root(R"("on_start_failure": "stop")").on_start_failure, core::OnStartFailure::stop);
    EXPECT_EQ(root(R"("on_root_give_up": "exit")").on_root_give_up, core::OnRootGiveUp::exit);
    EXPECT_EQ(root(R"("start_order": "parallel")").start_order, core::StartOrder::parallel);
}

TEST(supervisor_keys, dynamic_has_one_template_without_a_name_S_4_S_52) {
    const SupervisorSpec spec = root(R"("template": {"exec": ["w"], "restart": "temporary", "significant": true},
        "strategy": "dynamic", "max_children": 100, "auto_shutdown": "all_significant")");
    EXPECT_EQ(spec.strategy, core::Strategy::dynamic);
    EXPECT_EQ(spec.max_children, 100U);
    ASSERT_EQ(spec.template_child.size(), 1U);
    EXPECT_EQ(spec.template_child[0].name, "");
    EXPECT_TRUE(spec.template_child[0].significant);
    EXPECT_EQ(spec.template_child[0].launch.exec, std::vector<std::string>{"w"});
    EXPECT_TRUE(spec.children.empty());
}

TEST(supervisor_keys, a_templates_children_are_not_counted_and_may_refer_to_each_other) {
    const std::string text = R"({"supervisor": {"children": [{"name": "db", "exec": ["db"]}, {"name": "d", "supervisor": {
        "strategy": "dynamic", "template": {"requires": ["db", "d"], "supervisor": {"children": [{"name": "a", "exec": ["a"]},
        {"name": "b", "exec": ["b"], "requires": ["a", "db"], "links": [{"to": "a"}]}]}}}}]}})";
    const Reading reading = read_settings(text, "t.json");
    EXPECT_EQ(problem_lines(reading, "t.json"), "");
    EXPECT_EQ(reading.children, 2U);
}

TEST(child_keys, defaults_S_2) {
    const ChildSpec spec = program(R"("managed": false)");
    EXPECT_FALSE(spec.significant);
    EXPECT_FALSE(spec.retain);
    EXPECT_FALSE(spec.oneshot);
    EXPECT_FALSE(spec.limit.enabled);
    EXPECT_EQ(spec.watchdog, Duration{0});
    EXPECT_EQ(spec.stop_signal, SIGTERM);
    EXPECT_FALSE(spec.signal_group);
    EXPECT_EQ(spec.kill_mode, core::KillMode::group);
    EXPECT_EQ(spec.kill_after, Duration::seconds(5));
    EXPECT_TRUE(spec.exits.empty());
    EXPECT_TRUE(spec.requires_up.empty());
    EXPECT_TRUE(spec.launch.credentials.empty());
    EXPECT_TRUE(spec.launch.limits.empty());
    EXPECT_FALSE(spec.launch.set_nice);
    EXPECT_FALSE(spec.launch.set_oom_score);
    EXPECT_EQ(spec.launch.umask, 0022U);
    EXPECT_EQ(spec.launch.control.memory_max, 0U);
    EXPECT_EQ(spec.launch.control.pids_max, 0U);
    EXPECT_EQ(spec.launch.control.cpu_weight, 0U);
}

TEST(child_keys, significance_and_retain_S_17_S_48) {
    const SupervisorSpec spec = root(R"("auto_shutdown": "any_significant", "children": [
        {"name": "a", "exec": ["a"], "restart": "transient", "significant": true},
        {"name": "b", "exec": ["b"], "restart": "temporary", "retain": true},
        {"name": "s", "restart": "temporary", "retain": true, "significant": true, "supervisor": {}}])");
    EXPECT_TRUE(spec.children.at(0).significant);
    EXPECT_TRUE(spec.children.at(1).retain);
    EXPECT_TRUE(spec.children.at(2).significant && spec.children.at(2).retain);
}

TEST(child_keys, how_it_is_stopped_P_3_P_4_S_35) {
    const ChildSpec spec = program(R"("shutdown": "no_wait", "kill_after": "7s", "stop_signal": "SIGINT", "signal_group": true,
        "kill_mode": "leader")");
    EXPECT_EQ(spec.shutdown_kind, core::ShutdownKind::no_wait);
    EXPECT_EQ(spec.kill_after, Duration::seconds(7));
    EXPECT_EQ(spec.stop_signal, SIGINT);
    EXPECT_TRUE(spec.signal_group);
    EXPECT_EQ(spec.kill_mode, core::KillMode::leader);
    EXPECT_EQ(program(R"("stop_signal": "INT")").stop_signal, SIGINT);
    EXPECT_EQ(program(R"("stop_signal": 1)").stop_signal, 1);
    EXPECT_EQ(program(R"("stop_signal": 64)").stop_signal, 64);
}

TEST(child_keys, names_of_signals_are_the_systems) {
    const std::pair<std::string_view, int> known[] = {
        {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ILL", SIGILL},     {"TRAP", SIGTRAP},  {"ABRT", SIGABRT},
        {"BUS", SIGBUS},       {"FPE", SIGFPE},   {"KILL", SIGKILL},   {"USR1", SIGUSR1},   {"SEGV", SIGSEGV},  {"USR2", SIGUSR2},
        {"PIPE", SIGPIPE},     {"ALRM", SIGALRM}, {"TERM", SIGTERM},   {"CHLD", SIGCHLD},   {"CONT", SIGCONT},  {"STOP", SIGSTOP},
        {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},   {"URG", SIGURG},     {"XCPU", SIGXCPU},  {"XFSZ", SIGXFSZ},
        {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},       {"PWR", SIGPWR},    {"SYS", SIGSYS},
        {"STKFLT", SIGSTKFLT}, {"POLL", SIGPOLL}, {"IOT", SIGABRT},    {"RTMIN", SIGRTMIN}, {"RTMAX", SIGRTMAX}};
    for (const auto& [name, number] : known) {
        EXPECT_EQ(signal_number(name), number) << name;
        EXPECT_EQ(signal_number("SIG" + std::string{name}), number) << name;
    }
    EXPECT_EQ(signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
    EXPECT_EQ(signal_number("RTMAX-30"), SIGRTMIN);
    for (const char* const wrong : {"", "SIG", "term", "SIGSIGTERM", "RTMIN-1", "RTMIN+", "RTMIN+31", "RTMAX+1", "RTMAX--1", "15"}) {
        EXPECT_EQ(signal_number(wrong), std::nullopt) << wrong;
    }
}

TEST(child_keys, own_limit_takes_what_it_does_not_say_from_its_supervisor_X_2_X_4) {
    // Behind the children in the text, and yet what they fall back to.
    const SupervisorSpec spec = root(R"("children": [
        {"name": "a", "exec": ["a"], "intensity": 0},
        {"name": "b", "exec": ["b"], "period": "1h"},
        {"name": "c", "exec": ["c"], "on_limit": "quarantine", "cooldown": "10m"},
        {"name": "d", "exec": ["d"], "on_limit": "stop_child", "intensity": 3, "period": "9s"},
        {"name": "e", "exec": ["e"], "on_limit": "quarantine", "cooldown": "infinity"},
        {"name": "f", "supervisor": {}, "on_limit": "escalate"}], "intensity": 7, "period": "2m")");
    const auto expect = [&spec](std::size_t i, std::uint32_t intensity, Duration period, core::OnLimit on_limit, Duration cooldown) {
        const core::LimitSpec& limit = spec.children.at(i).limit;
        EXPECT_TRUE(limit.enabled) << i;
        EXPECT_EQ(limit.intensity, intensity) << i;
        EXPECT_EQ(limit.period, period) << i;
        EXPECT_EQ(limit.on_limit, on_limit) << i;
        EXPECT_EQ(limit.cooldown, cooldown) << i;
    };
    expect(0, 0, Duration::seconds(120), core::OnLimit::escalate, Duration::forever());
    expect(1, 7, Duration::seconds(3600), core::OnLimit::escalate, Duration::forever());
    expect(2, 7, Duration::seconds(120), core::OnLimit::quarantine, Duration::seconds(600));
    expect(3, 3, Duration::seconds(9), core::OnLimit::stop_child, Duration::forever());
    expect(4, 7, Duration::seconds(120), core::OnLimit::quarantine, Duration::forever());
    expect(5, 7, Duration::seconds(120), core::OnLimit::escalate, Duration::forever());
}

TEST(child_keys, what_ends_mean_F_5_X_7) {
    using Codes = std::vector<std::uint8_t>;
    const core::ExitPolicy exits = program(R"("success_exit_codes": [255, 3, 3, 0], "shutdown_exit_codes": [143],
        "success_signals": ["SIGINT", "HUP", 2, 64], "no_restart_exit_codes": [78, "SIGSYS", 2],
        "force_restart_exit_codes": ["RTMIN+1", 75])")
                                       .exits;
    EXPECT_EQ(exits.success_codes, (Codes{0, 3, 255}));
    EXPECT_EQ(exits.shutdown_codes, Codes{143});
    EXPECT_EQ(exits.success_signals, (Codes{SIGHUP, SIGINT, 64}));
    EXPECT_EQ(exits.no_restart_codes, (Codes{2, 78}));
    EXPECT_EQ(exits.no_restart_signals, Codes{SIGSYS});
    EXPECT_EQ(exits.force_restart_codes, Codes{75});
    EXPECT_EQ(exits.force_restart_signals, Codes{35});
}

TEST(child_keys, what_is_run_before_its_stop_X_16) {
    EXPECT_TRUE(program(R"("restart": "transient")").launch.drain.command.empty());
    ChildSpec spec = program(R"("drain": {"command": ["/bin/leave", "pool"]})");
    EXPECT_EQ(spec.launch.drain.command, (std::vector<std::string>{"/bin/leave", "pool"}));
    EXPECT_EQ(spec.launch.drain.timeout, Duration::seconds(10));
    spec = program(R"("drain": {"timeout": "2m", "command": ["leave"]})");
    EXPECT_EQ(spec.launch.drain.timeout, Duration::seconds(120));
}

TEST(child_keys, when_it_is_ready_X_3_S_10) {
    EXPECT_EQ(program(R"("readiness": "delay", "delay": "2s")").readiness, core::Readiness::delay);
    EXPECT_EQ(program(R"("delay": "2s", "readiness": "delay")").ready_delay, Duration::seconds(2));
    ChildSpec spec = program(R"("readiness": "probe", "probe": {"command": ["/bin/check", "-q"], "interval": "3s"})");
    EXPECT_EQ(spec.readiness, core::Readiness::probe);
    EXPECT_EQ(spec.launch.probe.command, (std::vector<std::string>{"/bin/check", "-q"}));
    EXPECT_EQ(spec.launch.probe.interval, Duration::seconds(3));
    EXPECT_EQ(spec.launch.probe.timeout, Duration::seconds(1));
    for (const std::string address : {"localhost:80", "[::1]:65535", "10.0.0.1:1", "/run/a.sock"}) {
        spec = program(R"("readiness": "probe", "probe": {"timeout": "9s", "connect": ")" + address + "\"}");
        EXPECT_EQ(spec.launch.probe.connect, address);
        EXPECT_EQ(spec.launch.probe.timeout, Duration::seconds(9));
    }
    spec = program(R"("start_timeout": "no_wait")");
    EXPECT_EQ(spec.readiness, core::Readiness::exec);
    EXPECT_EQ(spec.start_timeout, Duration::seconds(5));
    EXPECT_TRUE(program(R"("oneshot": true, "restart": "permanent", "readiness": "exec")").oneshot);
    EXPECT_EQ(program(R"("watchdog": "10s")").watchdog, Duration::seconds(10));
}

TEST(child_keys, who_it_is_and_what_it_may_have) {
    const core::LaunchSpec launch = program(R"("user": "www-data", "group": "33", "groups": ["adm", "ssl-cert"],
        "capabilities": ["cap_net_bind_service", "cap_checkpoint_restore"], "nice": -5, "umask": "0027", "oom_score_adjust": -1000,
        "memory_max": "512M", "pids_max": 64, "cpu_weight": 10000, "limits": {"nofile": 1024, "core": "infinity",
        "stack": {"soft": 8388608, "hard": "infinity"}, "rss": 0})")
                                        .launch;
    EXPECT_EQ(launch.credentials.user, "www-data");
    EXPECT_EQ(launch.credentials.group, "33");
    EXPECT_EQ(launch.credentials.groups, (std::vector<std::string>{"adm", "ssl-cert"}));
    EXPECT_EQ(launch.credentials.capabilities, (std::vector<std::string>{"cap_net_bind_service", "cap_checkpoint_restore"}));
    EXPECT_TRUE(launch.set_nice);
    EXPECT_EQ(launch.nice, -5);
    EXPECT_EQ(launch.umask, 0027U);
    EXPECT_TRUE(launch.set_oom_score);
    EXPECT_EQ(launch.oom_score, -1000);
    EXPECT_EQ(launch.control.memory_max, 512ULL << 20);
    EXPECT_EQ(launch.control.pids_max, 64U);
    EXPECT_EQ(launch.control.cpu_weight, 10000U);
    ASSERT_EQ(launch.limits.size(), 4U);
    for (const core::ResourceLimit& limit : launch.limits) {
        const bool bounded = limit.name == "nofile" || limit.name == "stack" || limit.name == "rss";
        EXPECT_EQ(limit.soft == core::no_limit, !bounded) << limit.name;
        EXPECT_EQ(limit.hard == core::no_limit, limit.name == "core" || limit.name == "stack") << limit.name;
    }
}

TEST(child_keys, amounts_of_memory_and_umasks) {
    EXPECT_EQ(program(R"("memory_max": 1)").launch.control.memory_max, 1U);
    EXPECT_EQ(program(R"("memory_max": "4K")").launch.control.memory_max, 4096U);
    EXPECT_EQ(program(R"("memory_max": "2G")").launch.control.memory_max, 2ULL << 30);
    EXPECT_EQ(program(R"("umask": "0")").launch.umask, 0U);
    EXPECT_EQ(program(R"("umask": "777")").launch.umask, 0777U);
    EXPECT_EQ(program(R"("nice": 19)").launch.nice, 19);
    EXPECT_EQ(program(R"("nice": 0)").launch.set_nice, true);
    EXPECT_EQ(program(R"("oom_score_adjust": 1000)").launch.oom_score, 1000);
}

TEST(requirements, of_siblings_and_paths_that_are_started_before_X_6) {
    const SupervisorSpec spec = with_children(R"({"name": "db", "exec": ["a"]}, {"name": "s", "supervisor": {"children": [
        {"name": "a", "exec": ["a"]}, {"name": "b", "exec": ["b"], "requires": ["a", "db", "s/a"]}]}},
        {"name": "web", "exec": ["a"], "requires": ["db", "s", "s/b"]})");
    EXPECT_EQ(spec.children.at(2).requires_up, (std::vector<std::string>{"db", "s", "s/b"}));
}

TEST(requirements, without_an_order_of_the_list_later_ones_may_be_required_X_18) {
    const SupervisorSpec spec = root(R"("start_order": "parallel", "children": [{"name": "a", "exec": ["a"], "requires": ["b"]},
        {"name": "b", "exec": ["b"]}, {"name": "s", "requires": ["t"], "supervisor": {}},
        {"name": "t", "supervisor": {"children": [{"name": "c", "exec": ["c"], "requires": ["b"]}]}}])");
    EXPECT_EQ(spec.children.size(), 4U);
}

TEST(requirements, a_long_chain_is_no_trouble_S_65) {
    std::string text = R"({"supervisor": {"start_order": "parallel", "children": [)";
    constexpr int children = 20'000;  // linear: a hundred thousand take five times as long
    for (int i = 0; i < children; ++i) {
        text += (i > 0 ? ",{\"name\":\"c" : "{\"name\":\"c") + std::to_string(i) + R"(","exec":["x"],"requires":["c)" +
                std::to_string((i + 1) % children) + "\"]}";
    }
    const Reading reading = read_settings(text + "]}}", "t.json");
    ASSERT_EQ(reading.errors.size(), 1U);
    EXPECT_EQ(reading.errors[0].name, "requirement_cycle");
    EXPECT_TRUE(reading.errors[0].text.ends_with("which requires \"c8\", and so on")) << reading.errors[0].text;
}

TEST(instances, are_children_with_their_number) {
    const SupervisorSpec spec = with_children(R"({"name": "w@2..4", "exec": ["w", "--id={instance}/{instance}", "{partition}"],
        "environment": {"A": "{instance}"}, "working_directory": "/srv/{instance}", "stdout": "/log/{instance}.log",
        "stderr": "/log/{instance}.err", "readiness": "probe", "probe": {"connect": "/run/{instance}.sock"},
        "drain": {"command": ["leave", "{instance}"]}}, {"name": "x", "exec": ["x"], "requires": ["w@4"], "links": [{"to": "w@2"}]})");
    EXPECT_EQ(names(spec), (std::vector<std::string>{"w@2", "w@3", "w@4", "x"}));
    const core::LaunchSpec& launch = spec.children.at(1).launch;
    EXPECT_EQ(launch.exec, (std::vector<std::string>{"w", "--id=3/3", "{partition}"}));
    EXPECT_EQ(launch.environment, (std::vector<std::pair<std::string, std::string>>{{"A", "3"}, {"BACKPLANE_INSTANCE", "3"}}));
    EXPECT_EQ(launch.working_directory, "/srv/3");
    EXPECT_EQ(launch.stdout_to.path, "/log/3.log");
    EXPECT_EQ(launch.stderr_to.path, "/log/3.err");
    EXPECT_EQ(launch.probe.connect, "/run/3.sock");
    EXPECT_EQ(launch.drain.command, (std::vector<std::string>{"leave", "3"}));
    EXPECT_TRUE(spec.children.at(3).launch.environment.empty());
}

TEST(instances, of_a_supervisor_number_what_is_below_unless_it_has_a_nearer_number) {
    const SupervisorSpec spec = with_children(R"({"name": "s@0..1", "supervisor": {"children": [
        {"name": "a", "exec": ["a", "{instance}"]}, {"name": "b@7..7", "exec": ["b", "{instance}"]}]}})");
    EXPECT_EQ(names(spec), (std::vector<std::string>{"s@0", "s@1"}));
    const SupervisorSpec& below = spec.children.at(1).supervisor.at(0);
    EXPECT_EQ(below.children.at(0).launch.exec.at(1), "1");
    EXPECT_EQ(below.children.at(0).launch.environment.at(0).second, "1");
    EXPECT_EQ(below.children.at(1).name, "b@7");
    EXPECT_EQ(below.children.at(1).launch.exec.at(1), "7");
    ASSERT_EQ(below.children.at(1).launch.environment.size(), 1U);
    EXPECT_EQ(below.children.at(1).launch.environment[0].second, "7");
}

TEST(instances, a_bare_name_with_an_at_sign_is_a_name) {
    EXPECT_EQ(names(with_children(R"({"name": "w@1", "exec": ["{instance}"]})")), std::vector<std::string>{"w@1"});
    EXPECT_EQ(names(with_children(R"({"name": "w@5..5", "exec": ["w"]})")), std::vector<std::string>{"w@5"});
    EXPECT_EQ(with_children(R"({"name": "w@1..10000", "exec": ["w"]})").children.size(), 10'000U);
}

TEST(instances, cannot_multiply_without_a_bound) {
    std::string text = R"({"name": "w@1..1000", "exec": ["w"]})";
    for (int depth = 0; depth < 4; ++depth) {
        text = R"({"name": "s@1..1000", "supervisor": {"children": [)" + text + "]}}";
    }
    const Reading reading = read_settings("{\"supervisor\": {\"children\": [" + text + "]}}", "t.json");
    ASSERT_FALSE(reading.ok());
    EXPECT_EQ(reading.errors[0].name, "too_many_children");
}

TEST(instances, of_a_long_text_cannot_take_more_memory_than_bounded) {
    const std::string text = R"({"name": "w@1..10000", "exec": ["w", ")" + std::string(100'000, 'x') + "\"]}";
    const Reading reading = read_settings("{\"supervisor\": {\"children\": [" + text + "]}}", "t.json");
    ASSERT_EQ(reading.errors.size(), 1U);
    EXPECT_EQ(reading.errors[0].text, "expected at most 100000 instances and partitions in all, of 64 MiB together, got 10000 more");
    EXPECT_EQ(reading.errors[0].key, "supervisor.children[0]");
}

TEST(partitions, are_plain_children_named_by_number_S_64) {
    const SupervisorSpec spec = with_children(R"({"name": "p", "supervisor": {"partitions": 3, "intensity": 9,
        "template": {"exec": ["w", "{partition}"], "intensity": 2, "stdout": "/log/{partition}"}}})")
                                    .children.at(0)
                                    .supervisor.at(0);
    EXPECT_EQ(spec.partitions, 3U);
    EXPECT_TRUE(spec.template_child.empty());
    EXPECT_EQ(names(spec), (std::vector<std::string>{"0", "1", "2"}));
    const ChildSpec& last = spec.children.at(2);
    EXPECT_EQ(last.launch.exec.at(1), "2");
    EXPECT_EQ(last.launch.stdout_to.path, "/log/2");
    EXPECT_EQ(last.launch.environment, (std::vector<std::pair<std::string, std::string>>{{"BACKPLANE_PARTITION", "2"}}));
    EXPECT_EQ(last.limit.intensity, 2U);
}

TEST(partitions, as_many_as_the_caller_says_there_are_cpus) {
    EXPECT_EQ(names(root(R"("partitions": "cpus", "template": {"exec": ["w"]})")), (std::vector<std::string>{"0", "1", "2", "3"}));
}

TEST(partitions, may_be_required_and_linked_to) {
    const SupervisorSpec spec = with_children(R"({"name": "p", "supervisor": {"partitions": 2, "template": {"exec": ["w"]}}},
        {"name": "a", "exec": ["a"], "requires": ["p/1"], "links": [{"to": "p/0"}]})");
    EXPECT_EQ(spec.children.size(), 2U);
}

TEST(warned_keys, a_permanent_supervisor_that_shuts_itself_down_S_51) {
    const std::string inner = R"("supervisor": {"auto_shutdown": "any_significant"}})";
    EXPECT_EQ(
        warnings(R"({"name": "s", )" + inner),
        "t.json:2:47: warning: key \"supervisor.children[0].supervisor.auto_shutdown\": a permanent supervisor that shuts itself down "
        "is started again each time, which spends the restarts of the one above [permanent_auto_shutdown]\n");
    EXPECT_EQ(warnings(R"({"name": "s", "restart": "temporary", )" + inner), "");
}

TEST(warned_keys, a_delay_that_the_start_times_out_before_S_10) {
    EXPECT_EQ(warnings(R"({"name": "a", "exec": ["a"], "readiness": "delay", "delay": "5s"})"),
              "t.json:2:61: warning: key \"supervisor.children[0].delay\": the start times out (5s) before the delay is over (5s), so the "
              "child is never ready [never_ready]\n");
    EXPECT_EQ(warnings(R"({"name": "a", "exec": ["a"], "readiness": "delay", "delay": "5s", "start_timeout": "infinity"})"), "");
}

}  // namespace
