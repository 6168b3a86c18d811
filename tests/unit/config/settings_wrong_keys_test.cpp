// SPDX-License-Identifier: Apache-2.0
/// Every key of decision 29 with a wrong value and every combination that is refused, each with the whole message that it
/// gets; requirements that cannot be met (X-6), and instances and partitions that are none (S-3, S-4, S-64).
#include "config/settings.hpp"
#include "tests/unit/config/wrong_case.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace backplane::config;

class wrong_keys : public testing::TestWithParam<Case> {};

TEST_P(wrong_keys, are_refused_with_place_key_and_reason_S_3) { GetParam().expect_errors(); }

const Case cases[] = {
    {"auto_shutdown", in_supervisor, R"("auto_shutdown": "any")",
     "t.json:1:34: key \"supervisor.auto_shutdown\": expected \"never\", \"any_significant\" or \"all_significant\", got \"any\" "
     "[invalid_auto_shutdown]\n"},
    {"auto_shutdown_boolean", in_supervisor, R"("auto_shutdown": true)",
     "t.json:1:34: key \"supervisor.auto_shutdown\": expected \"never\", \"any_significant\" or \"all_significant\", got true "
     "[invalid_auto_shutdown]\n"},
    {"on_start_failure", in_supervisor, R"("on_start_failure": "retri")",
     "t.json:1:37: key \"supervisor.on_start_failure\": expected \"retry\" or \"stop\", got \"retri\"; did you mean \"retry\"? "
     "[invalid_on_start_failure]\n"},
    {"on_root_give_up", in_supervisor, R"("on_root_give_up": "leave")",
     "t.json:1:36: key \"supervisor.on_root_give_up\": expected \"stay\" or \"exit\", got \"leave\" [invalid_on_root_give_up]\n"},
    {"start_order", in_supervisor, R"("start_order": "paralel")",
     "t.json:1:32: key \"supervisor.start_order\": expected \"list\" or \"parallel\", got \"paralel\"; did you mean \"parallel\"? "
     "[invalid_start_order]\n"},
    {"max_children_zero", in_supervisor, R"("strategy": "dynamic", "max_children": 0, "template": {"exec": ["a"]})",
     "t.json:1:56: key \"supervisor.max_children\": expected a whole number from 1 to 4294967295, got 0 [invalid_max_children]\n"},
    {"max_children_text", in_supervisor, R"("strategy": "dynamic", "max_children": "7", "template": {"exec": ["a"]})",
     "t.json:1:56: key \"supervisor.max_children\": expected a whole number from 1 to 4294967295, got \"7\" [invalid_max_children]\n"},
    {"template_array", in_supervisor, R"("strategy": "dynamic", "template": [])",
     "t.json:1:52: key \"supervisor.template\": expected an object, got an empty array [invalid_template]\n"},
    {"template_with_a_name", in_supervisor, R"("strategy": "dynamic", "template": {"name": "w", "exec": ["a"]})",
     "t.json:1:61: key \"supervisor.template.name\": expected a template without a name, got \"w\" [bad_start_spec]\n"},
    {"template_without_a_start", in_supervisor, R"("strategy": "dynamic", "template": {})",
     "t.json:1:52: key \"supervisor.template\": expected \"exec\", \"task\" or \"supervisor\", got none [missing_start]\n"},
    {"template_with_a_typo", in_supervisor, R"("strategy": "dynamic", "template": {"exec": ["a"], "restart": "permanant"})",
     "t.json:1:79: key \"supervisor.template.restart\": expected \"permanent\", \"transient\" or \"temporary\", got \"permanant\"; did you "
     "mean \"permanent\"? [invalid_restart]\n"},
    {"partitions_zero", in_supervisor, R"("partitions": 0, "template": {"exec": ["a"]})",
     "t.json:1:31: key \"supervisor.partitions\": expected a whole number from 1 to 10000, or \"cpus\", got 0 [invalid_partitions]\n"},
    {"partitions_too_many", in_supervisor, R"("partitions": 10001, "template": {"exec": ["a"]})",
     "t.json:1:31: key \"supervisor.partitions\": expected a whole number from 1 to 10000, or \"cpus\", got 10001 [invalid_partitions]\n"},
    {"partitions_word", in_supervisor, R"("partitions": "cpu", "template": {"exec": ["a"]})",
     "t.json:1:31: key \"supervisor.partitions\": expected a whole number from 1 to 10000, or \"cpus\", got \"cpu\"; did you mean "
     "\"cpus\"? [invalid_partitions]\n"},
    {"root_key_below", in_children, R"({"name": "s", "supervisor": {"on_start_failure": "stop", "on_root_give_up": "exit"}})",
     "t.json:2:50: key \"supervisor.children[0].supervisor.on_start_failure\": expected on the root supervisor only, got it on another "
     "[bad_combination]\n"
     "t.json:2:77: key \"supervisor.children[0].supervisor.on_root_give_up\": expected on the root supervisor only, got it on another "
     "[bad_combination]\n"},
    {"significant", in_children, R"({"name": "a", "exec": ["a"], "significant": 1})",
     "t.json:2:45: key \"supervisor.children[0].significant\": expected true or false, got 1 [invalid_significant]\n"},
    {"retain", in_children, R"({"name": "a", "exec": ["a"], "retain": "yes"})",
     "t.json:2:40: key \"supervisor.children[0].retain\": expected true or false, got \"yes\" [invalid_retain]\n"},
    {"oneshot", in_children, R"({"name": "a", "exec": ["a"], "oneshot": "yes"})",
     "t.json:2:41: key \"supervisor.children[0].oneshot\": expected true or false, got \"yes\" [invalid_oneshot]\n"},
    {"requires_text", in_children, R"({"name": "a", "exec": ["a"], "requires": "b"})",
     "t.json:2:42: key \"supervisor.children[0].requires\": expected an array of names of siblings, or paths below the root, got \"b\" "
     "[invalid_requires]\n"},
    {"requires_number", in_children, R"({"name": "a", "exec": ["a"], "requires": [1]})",
     "t.json:2:43: key \"supervisor.children[0].requires[0]\": expected a string that is not empty and without NUL, got 1 "
     "[invalid_requires]\n"},
    {"watchdog_number", in_children, R"({"name": "a", "exec": ["a"], "watchdog": 5})",
     "t.json:2:42: key \"supervisor.children[0].watchdog\": expected a duration above 0, such as \"5s\", got 5; did you mean \"5s\"? "
     "(units: ns, us, ms, s, m, h) [invalid_watchdog]\n"},
    {"watchdog_zero", in_children, R"({"name": "a", "exec": ["a"], "watchdog": "0s"})",
     "t.json:2:42: key \"supervisor.children[0].watchdog\": expected a duration above 0, such as \"5s\", got \"0s\" [invalid_watchdog]\n"},
    {"stop_signal_unknown", in_children, R"({"name": "a", "exec": ["a"], "stop_signal": "SIGFOO"})",
     "t.json:2:45: key \"supervisor.children[0].stop_signal\": expected a signal such as \"SIGINT\" or \"INT\", or a number from 1 to 64, "
     "got \"SIGFOO\" [invalid_stop_signal]\n"},
    {"stop_signal_small", in_children, R"({"name": "a", "exec": ["a"], "stop_signal": "int"})",
     "t.json:2:45: key \"supervisor.children[0].stop_signal\": expected a signal such as \"SIGINT\" or \"INT\", or a number from 1 to 64, "
     "got \"int\" [invalid_stop_signal]\n"},
    {"stop_signal_zero", in_children, R"({"name": "a", "exec": ["a"], "stop_signal": 0})",
     "t.json:2:45: key \"supervisor.children[0].stop_signal\": expected a signal such as \"SIGINT\" or \"INT\", or a number from 1 to 64, "
     "got 0 [invalid_stop_signal]\n"},
    {"stop_signal_large", in_children, R"({"name": "a", "exec": ["a"], "stop_signal": 65})",
     "t.json:2:45: key \"supervisor.children[0].stop_signal\": expected a signal such as \"SIGINT\" or \"INT\", or a number from 1 to 64, "
     "got 65 [invalid_stop_signal]\n"},
    {"signal_group", in_children, R"({"name": "a", "exec": ["a"], "signal_group": 0})",
     "t.json:2:46: key \"supervisor.children[0].signal_group\": expected true or false, got 0 [invalid_signal_group]\n"},
    {"kill_mode", in_children, R"({"name": "a", "exec": ["a"], "kill_mode": "process"})",
     "t.json:2:43: key \"supervisor.children[0].kill_mode\": expected \"group\" or \"leader\", got \"process\" [invalid_kill_mode]\n"},
    {"kill_after", in_children, R"({"name": "a", "exec": ["a"], "kill_after": 5})",
     "t.json:2:44: key \"supervisor.children[0].kill_after\": expected a duration such as \"5s\", got 5; did you mean \"5s\"? (units: ns, "
     "us, ms, s, m, h) [invalid_kill_after]\n"},
    {"own_intensity", in_children, R"({"name": "a", "exec": ["a"], "intensity": -1})",
     "t.json:2:43: key \"supervisor.children[0].intensity\": expected a whole number from 0 to 4294967295, got -1 [invalid_intensity]\n"},
    {"own_period", in_children, R"({"name": "a", "exec": ["a"], "period": "0s"})",
     "t.json:2:40: key \"supervisor.children[0].period\": expected a duration above 0, such as \"5s\", got \"0s\" [invalid_period]\n"},
    {"on_limit", in_children, R"({"name": "a", "exec": ["a"], "on_limit": "quarantaine"})",
     "t.json:2:42: key \"supervisor.children[0].on_limit\": expected \"escalate\", \"quarantine\" or \"stop_child\", got \"quarantaine\"; "
     "did you mean \"quarantine\"? [invalid_on_limit]\n"},
    {"cooldown", in_children, R"({"name": "a", "exec": ["a"], "on_limit": "quarantine", "cooldown": 60})",
     "t.json:2:68: key \"supervisor.children[0].cooldown\": expected a duration such as \"5s\", or \"infinity\", got 60; did you mean "
     "\"60s\"? (units: ns, us, ms, s, m, h) [invalid_cooldown]\n"},
    {"success_exit_codes_number", in_children, R"({"name": "a", "exec": ["a"], "success_exit_codes": 3})",
     "t.json:2:52: key \"supervisor.children[0].success_exit_codes\": expected an array of exit codes from 0 to 255, got 3 "
     "[invalid_success_exit_codes]\n"},
    {"success_exit_codes_too_large", in_children, R"({"name": "a", "exec": ["a"], "success_exit_codes": [256]})",
     "t.json:2:53: key \"supervisor.children[0].success_exit_codes[0]\": expected an exit code from 0 to 255, got 256 "
     "[invalid_success_exit_codes]\n"},
    {"success_exit_codes_signal", in_children, R"({"name": "a", "exec": ["a"], "success_exit_codes": ["SIGINT"]})",
     "t.json:2:53: key \"supervisor.children[0].success_exit_codes[0]\": expected an exit code from 0 to 255, got \"SIGINT\" "
     "[invalid_success_exit_codes]\n"},
    {"shutdown_exit_codes", in_children, R"({"name": "a", "exec": ["a"], "shutdown_exit_codes": [-1]})",
     "t.json:2:54: key \"supervisor.children[0].shutdown_exit_codes[0]\": expected an exit code from 0 to 255, got -1 "
     "[invalid_shutdown_exit_codes]\n"},
    {"success_signals", in_children, R"({"name": "a", "exec": ["a"], "success_signals": ["SIGINT", "SIGFOO"]})",
     "t.json:2:60: key \"supervisor.children[0].success_signals[1]\": expected a signal such as \"SIGINT\" or \"INT\", or a number from 1 "
     "to 64, got \"SIGFOO\" [invalid_success_signals]\n"},
    {"success_signals_zero", in_children, R"({"name": "a", "exec": ["a"], "success_signals": [0]})",
     "t.json:2:50: key \"supervisor.children[0].success_signals[0]\": expected a signal such as \"SIGINT\" or \"INT\", or a number from 1 "
     "to 64, got 0 [invalid_success_signals]\n"},
    {"no_restart_exit_codes", in_children, R"({"name": "a", "exec": ["a"], "no_restart_exit_codes": [3, "NOSUCH"]})",
     "t.json:2:59: key \"supervisor.children[0].no_restart_exit_codes[1]\": expected an exit code from 0 to 255, or a signal such as "
     "\"SIGINT\" or \"INT\", got \"NOSUCH\" [invalid_no_restart_exit_codes]\n"},
    {"force_restart_exit_codes", in_children, R"({"name": "a", "exec": ["a"], "force_restart_exit_codes": [1.5]})",
     "t.json:2:59: key \"supervisor.children[0].force_restart_exit_codes[0]\": expected an exit code from 0 to 255, or a signal such as "
     "\"SIGINT\" or \"INT\", got 1.5 [invalid_force_restart_exit_codes]\n"},
    {"readiness_delay_number", in_children, R"({"name": "a", "exec": ["a"], "readiness": "delay", "delay": 1})",
     "t.json:2:61: key \"supervisor.children[0].delay\": expected a duration such as \"500ms\", got 1; did you mean \"1s\"? (units: ns, "
     "us, ms, s, m, h) [invalid_delay]\n"},
    {"probe_text", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": "true"})",
     "t.json:2:61: key \"supervisor.children[0].probe\": expected an object, got \"true\" [invalid_probe]\n"},
    {"probe_empty", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {}})",
     "t.json:2:61: key \"supervisor.children[0].probe\": expected \"command\" or \"connect\", got neither [missing_probe]\n"},
    {"probe_both", in_children,
     R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {"command": ["true"], "connect": "localhost:80"}})",
     "t.json:2:61: key \"supervisor.children[0].probe\": expected \"command\" or \"connect\", got both [bad_combination]\n"},
    {"probe_command", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {"command": ["./true"]}})",
     "t.json:2:74: key \"supervisor.children[0].probe.command[0]\": expected an absolute path, or a bare name to be looked up in PATH, got "
     "\"./true\" [invalid_probe]\n"},
    {"probe_connect_without_port", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {"connect": "localhost"}})",
     "t.json:2:73: key \"supervisor.children[0].probe.connect\": expected HOST:PORT, or the absolute path of a socket, got \"localhost\" "
     "[invalid_probe]\n"},
    {"probe_connect_port", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {"connect": "localhost:65536"}})",
     "t.json:2:73: key \"supervisor.children[0].probe.connect\": expected HOST:PORT, or the absolute path of a socket, got "
     "\"localhost:65536\" [invalid_probe]\n"},
    {"probe_interval", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {"connect": "/s", "interval": "0s"}})",
     "t.json:2:91: key \"supervisor.children[0].probe.interval\": expected a duration above 0, such as \"5s\", got \"0s\" "
     "[invalid_probe]\n"},
    {"probe_timeout", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {"connect": "/s", "timeout": 1}})",
     "t.json:2:90: key \"supervisor.children[0].probe.timeout\": expected a duration above 0, such as \"5s\", got 1; did you mean \"1s\"? "
     "(units: ns, us, ms, s, m, h) [invalid_probe]\n"},
    {"probe_typo", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe", "probe": {"conect": "/s"}})",
     "t.json:2:61: key \"supervisor.children[0].probe\": expected \"command\" or \"connect\", got neither [missing_probe]\n"
     "t.json:2:62: key \"supervisor.children[0].probe.conect\": expected a known key, got \"conect\"; did you mean \"connect\"? "
     "[unknown_key]\n"},
    {"drain_empty", in_children, R"({"name": "a", "exec": ["a"], "drain": {"timeout": "1s"}})",
     "t.json:2:39: key \"supervisor.children[0].drain.command\": expected an array of the program and its arguments, got nothing "
     "[missing_drain]\n"},
    {"drain_command", in_children, R"({"name": "a", "exec": ["a"], "drain": {"command": ["./leave"]}})",
     "t.json:2:52: key \"supervisor.children[0].drain.command[0]\": expected an absolute path, or a bare name to be looked up in PATH, got "
     "\"./leave\" [invalid_drain]\n"},
    {"drain_oneshot", in_children, R"({"name": "a", "exec": ["a"], "oneshot": true, "drain": {"command": ["a"]}})",
     "t.json:2:56: key \"supervisor.children[0].drain\": expected \"drain\" on a child that stays only, got it on a oneshot "
     "[bad_combination]\n"},
    {"drain_brutal", in_children, R"({"name": "a", "exec": ["a"], "shutdown": "brutal_kill", "drain": {"command": ["a"]}})",
     "t.json:2:66: key \"supervisor.children[0].drain\": expected \"drain\" on a child that is asked to stop, got it with \"shutdown\": "
     "\"brutal_kill\" [bad_combination]\n"},
    {"user_number", in_children, R"({"name": "a", "exec": ["a"], "user": 1000})",
     "t.json:2:38: key \"supervisor.children[0].user\": expected a user's name or number, as a text, got 1000 [invalid_user]\n"},
    {"group_empty", in_children, R"({"name": "a", "exec": ["a"], "group": ""})",
     "t.json:2:39: key \"supervisor.children[0].group\": expected a group's name or number, as a text, got \"\" [invalid_group]\n"},
    {"groups", in_children, R"({"name": "a", "exec": ["a"], "groups": ["a", 2]})",
     "t.json:2:46: key \"supervisor.children[0].groups[1]\": expected a string that is not empty and without NUL, got 2 "
     "[invalid_groups]\n"},
    {"capabilities", in_children, R"({"name": "a", "exec": ["a"], "capabilities": ["cap_net_bind_services"]})",
     "t.json:2:47: key \"supervisor.children[0].capabilities[0]\": expected a capability such as \"cap_net_bind_service\", got "
     "\"cap_net_bind_services\"; did you mean \"cap_net_bind_service\"? [invalid_capabilities]\n"},
    {"capabilities_text", in_children, R"({"name": "a", "exec": ["a"], "capabilities": "cap_kill"})",
     "t.json:2:46: key \"supervisor.children[0].capabilities\": expected an array of capabilities such as \"cap_net_bind_service\", got "
     "\"cap_kill\" [invalid_capabilities]\n"},
    {"limits_array", in_children, R"({"name": "a", "exec": ["a"], "limits": []})",
     "t.json:2:40: key \"supervisor.children[0].limits\": expected an object, got an empty array [invalid_limits]\n"},
    {"limits_key", in_children, R"({"name": "a", "exec": ["a"], "limits": {"nofiles": 1}})",
     "t.json:2:41: key \"supervisor.children[0].limits.nofiles\": expected a known key, got \"nofiles\"; did you mean \"nofile\"? "
     "[unknown_key]\n"},
    {"limits_value", in_children, R"({"name": "a", "exec": ["a"], "limits": {"nofile": "infinte"}})",
     "t.json:2:51: key \"supervisor.children[0].limits.nofile\": expected a whole number, \"infinity\", or an object of \"soft\" and "
     "\"hard\", got \"infinte\"; did you mean \"infinity\"? [invalid_limits]\n"},
    {"limits_negative", in_children, R"({"name": "a", "exec": ["a"], "limits": {"nofile": -1}})",
     "t.json:2:51: key \"supervisor.children[0].limits.nofile\": expected a whole number, \"infinity\", or an object of \"soft\" and "
     "\"hard\", got -1 [invalid_limits]\n"},
    {"limits_soft_above_hard", in_children, R"({"name": "a", "exec": ["a"], "limits": {"nofile": {"soft": 2, "hard": 1}}})",
     "t.json:2:51: key \"supervisor.children[0].limits.nofile\": expected \"soft\" not above \"hard\", got it above [invalid_limits]\n"},
    {"limits_half", in_children, R"({"name": "a", "exec": ["a"], "limits": {"nofile": {"soft": 2}}})",
     "t.json:2:51: key \"supervisor.children[0].limits.nofile.hard\": expected a whole number, or \"infinity\", got nothing "
     "[invalid_limits]\n"},
    {"limits_inner", in_children, R"({"name": "a", "exec": ["a"], "limits": {"nofile": {"soft": 2, "hard": "all"}}})",
     "t.json:2:71: key \"supervisor.children[0].limits.nofile.hard\": expected a whole number, or \"infinity\", got \"all\" "
     "[invalid_limits]\n"},
    {"nice_low", in_children, R"({"name": "a", "exec": ["a"], "nice": -21})",
     "t.json:2:38: key \"supervisor.children[0].nice\": expected a whole number from -20 to 19, got -21 [invalid_nice]\n"},
    {"nice_high", in_children, R"({"name": "a", "exec": ["a"], "nice": 20})",
     "t.json:2:38: key \"supervisor.children[0].nice\": expected a whole number from -20 to 19, got 20 [invalid_nice]\n"},
    {"umask_number", in_children, R"({"name": "a", "exec": ["a"], "umask": 27})",
     "t.json:2:39: key \"supervisor.children[0].umask\": expected octal digits as a text, such as \"027\", got 27; did you mean \"027\"? "
     "[invalid_umask]\n"},
    {"umask_not_octal", in_children, R"({"name": "a", "exec": ["a"], "umask": "028"})",
     "t.json:2:39: key \"supervisor.children[0].umask\": expected octal digits as a text, such as \"027\", got \"028\" [invalid_umask]\n"},
    {"umask_too_large", in_children, R"({"name": "a", "exec": ["a"], "umask": "1000"})",
     "t.json:2:39: key \"supervisor.children[0].umask\": expected octal digits as a text, such as \"027\", got \"1000\" [invalid_umask]\n"},
    {"oom_score_adjust", in_children, R"({"name": "a", "exec": ["a"], "oom_score_adjust": 1001})",
     "t.json:2:50: key \"supervisor.children[0].oom_score_adjust\": expected a whole number from -1000 to 1000, got 1001 "
     "[invalid_oom_score_adjust]\n"},
    {"memory_max_zero", in_children, R"({"name": "a", "exec": ["a"], "memory_max": 0})",
     "t.json:2:44: key \"supervisor.children[0].memory_max\": expected a number of bytes above 0, or a text such as \"512M\" (units: K, M, "
     "G), got 0 [invalid_memory_max]\n"},
    {"memory_max_unit", in_children, R"({"name": "a", "exec": ["a"], "memory_max": "512MB"})",
     "t.json:2:44: key \"supervisor.children[0].memory_max\": expected a number of bytes above 0, or a text such as \"512M\" (units: K, M, "
     "G), got \"512MB\" [invalid_memory_max]\n"},
    {"memory_max_overflow", in_children, R"({"name": "a", "exec": ["a"], "memory_max": "9999999999G"})",
     "t.json:2:44: key \"supervisor.children[0].memory_max\": expected a number of bytes above 0, or a text such as \"512M\" (units: K, M, "
     "G), got \"9999999999G\" [invalid_memory_max]\n"},
    {"pids_max", in_children, R"({"name": "a", "exec": ["a"], "pids_max": 0})",
     "t.json:2:42: key \"supervisor.children[0].pids_max\": expected a whole number from 1 to 4194304, got 0 [invalid_pids_max]\n"},
    {"cpu_weight", in_children, R"({"name": "a", "exec": ["a"], "cpu_weight": 10001})",
     "t.json:2:44: key \"supervisor.children[0].cpu_weight\": expected a whole number from 1 to 10000, got 10001 [invalid_cpu_weight]\n"},
    {"significant_permanent", in_children, R"({"name": "a", "exec": ["a"], "significant": true})",
     "t.json:2:45: key \"supervisor.children[0].significant\": expected \"restart\": \"transient\" or \"temporary\" on a significant "
     "child, got \"permanent\" [bad_combination]\n"},
    {"significant_without_auto_shutdown", in_children, R"({"name": "a", "exec": ["a"], "restart": "transient", "significant": true})",
     "t.json:2:69: key \"supervisor.children[0].significant\": expected a significant child below a supervisor with \"auto_shutdown\" "
     "only, got it without [bad_combination]\n"},
    {"significant_template_permanent", in_supervisor,
     R"("strategy": "dynamic", "auto_shutdown": "all_significant", "template": {"exec": ["a"], "significant": true})",
     "t.json:1:119: key \"supervisor.template.significant\": expected \"restart\": \"transient\" or \"temporary\" on a significant child, "
     "got \"permanent\" [bad_combination]\n"},
    {"retain_on_permanent", in_children, R"({"name": "a", "exec": ["a"], "retain": true})",
     "t.json:2:40: key \"supervisor.children[0].retain\": expected \"retain\" on a temporary child only, as others are kept anyway, got it "
     "on another [bad_combination]\n"},
    {"oneshot_with_readiness", in_children, R"({"name": "a", "exec": ["a"], "oneshot": true, "readiness": "notify"})",
     "t.json:2:41: key \"supervisor.children[0].oneshot\": expected \"readiness\": \"exec\" on a child that is ready when it has ended, "
     "got another word [bad_combination]\n"},
    {"oneshot_with_watchdog", in_children, R"({"name": "a", "exec": ["a"], "oneshot": true, "watchdog": "1s"})",
     "t.json:2:59: key \"supervisor.children[0].watchdog\": expected \"watchdog\" on a child that stays only, got it on a oneshot "
     "[bad_combination]\n"},
    {"delay_without_readiness", in_children, R"({"name": "a", "exec": ["a"], "delay": "1s"})",
     "t.json:2:39: key \"supervisor.children[0].delay\": expected \"delay\" with \"readiness\": \"delay\" only, got it without "
     "[bad_combination]\n"},
    {"readiness_without_delay", in_children, R"({"name": "a", "exec": ["a"], "readiness": "delay"})",
     "t.json:2:1: key \"supervisor.children[0]\": expected \"delay\" with \"readiness\": \"delay\", got nothing [bad_combination]\n"},
    {"probe_without_readiness", in_children, R"({"name": "a", "exec": ["a"], "probe": {"connect": "/s"}})",
     "t.json:2:39: key \"supervisor.children[0].probe\": expected \"probe\" with \"readiness\": \"probe\" only, got it without "
     "[bad_combination]\n"},
    {"readiness_without_probe", in_children, R"({"name": "a", "exec": ["a"], "readiness": "probe"})",
     "t.json:2:1: key \"supervisor.children[0]\": expected \"probe\" with \"readiness\": \"probe\", got nothing [bad_combination]\n"},
    {"no_wait_with_readiness", in_children, R"({"name": "a", "exec": ["a"], "start_timeout": "no_wait", "readiness": "notify"})",
     "t.json:2:47: key \"supervisor.children[0].start_timeout\": expected a duration or \"infinity\" where readiness is waited for, got "
     "\"no_wait\" [bad_combination]\n"},
    {"no_wait_with_oneshot", in_children, R"({"name": "a", "exec": ["a"], "start_timeout": "no_wait", "oneshot": true})",
     "t.json:2:47: key \"supervisor.children[0].start_timeout\": expected a duration or \"infinity\" where readiness is waited for, got "
     "\"no_wait\" [bad_combination]\n"},
    {"no_wait_on_supervisor", in_children, R"({"name": "s", "start_timeout": "no_wait", "supervisor": {}})",
     "t.json:2:32: key \"supervisor.children[0].start_timeout\": expected a duration or \"infinity\" on a supervisor, got \"no_wait\" "
     "[bad_combination]\n"},
    {"cooldown_without_quarantine", in_children, R"({"name": "a", "exec": ["a"], "on_limit": "stop_child", "cooldown": "1m"})",
     "t.json:2:68: key \"supervisor.children[0].cooldown\": expected \"cooldown\" with \"on_limit\": \"quarantine\" only, got it without "
     "[bad_combination]\n"},
    {"two_answers_for_one_code", in_children, R"({"name": "a", "exec": ["a"], "success_exit_codes": [3, 4], "shutdown_exit_codes": [4]})",
     "t.json:2:83: key \"supervisor.children[0].shutdown_exit_codes\": expected other codes than in \"success_exit_codes\", got one of "
     "them [bad_combination]\n"},
    {"two_answers_for_one_end", in_children,
     R"({"name": "a", "exec": ["a"], "no_restart_exit_codes": ["SIGINT"], "force_restart_exit_codes": [2, 3, "INT"]})",
     "t.json:2:95: key \"supervisor.children[0].force_restart_exit_codes\": expected other ends than in \"no_restart_exit_codes\", got one "
     "of them [bad_combination]\n"},
    {"parallel_rest_for_one", in_supervisor, R"("strategy": "rest_for_one", "start_order": "parallel")",
     "t.json:1:60: key \"supervisor.start_order\": expected \"list\" with a strategy that restarts groups, which follow the order of the "
     "list, got \"parallel\" [bad_combination]\n"},
    {"parallel_one_for_all", in_supervisor, R"("start_order": "parallel", "strategy": "one_for_all")",
     "t.json:1:32: key \"supervisor.start_order\": expected \"list\" with a strategy that restarts groups, which follow the order of the "
     "list, got \"parallel\" [bad_combination]\n"},
    {"partitions_with_auto_shutdown", in_supervisor, R"("partitions": 2, "auto_shutdown": "any_significant", "template": {"exec": ["a"]})",
     "t.json:1:51: key \"supervisor.auto_shutdown\": expected \"never\" with \"partitions\", as each key needs its own, got another word "
     "[bad_combination]\n"},
    {"partitions_with_children", in_supervisor, R"("partitions": 2, "template": {"exec": ["a"]}, "children": [])",
     "t.json:1:75: key \"supervisor.children\": expected \"template\" only, as the children are made out of it, got \"children\" too "
     "[bad_start_spec]\n"},
    {"dynamic_with_children", in_supervisor, R"("strategy": "dynamic", "template": {"exec": ["a"]}, "children": [])",
     "t.json:1:81: key \"supervisor.children\": expected \"template\" only, as the children are made out of it, got \"children\" too "
     "[bad_start_spec]\n"},
    {"dynamic_without_template", in_supervisor, R"("strategy": "dynamic")",
     "t.json:1:16: key \"supervisor\": expected exactly one \"template\" to make the children of, got none [bad_start_spec]\n"},
    {"partitions_without_template", in_supervisor, R"("partitions": 2)",
     "t.json:1:16: key \"supervisor\": expected exactly one \"template\" to make the children of, got none [bad_start_spec]\n"},
    {"template_alone", in_supervisor, R"("template": {"exec": ["a"]})",
     "t.json:1:29: key \"supervisor.template\": expected \"template\" with \"strategy\": \"dynamic\" or with \"partitions\" only, got it "
     "without [bad_start_spec]\n"},
    {"partitions_and_dynamic", in_supervisor, R"("strategy": "dynamic", "partitions": 2, "template": {"exec": ["a"]})",
     "t.json:1:54: key \"supervisor.partitions\": expected \"partitions\" or \"strategy\": \"dynamic\", got both [bad_combination]\n"},
    {"max_children_without_dynamic", in_supervisor, R"("max_children": 2)",
     "t.json:1:33: key \"supervisor.max_children\": expected \"max_children\" with \"strategy\": \"dynamic\" only, got it without "
     "[bad_combination]\n"},
    {"every_key_of_programs_on_a_supervisor", in_children, R"({"name": "s", "supervisor": {}, "oneshot": false,
 "watchdog": "1s", "stop_signal": 2, "signal_group": true, "kill_mode": "group", "kill_after": "1s",
 "success_exit_codes": [], "shutdown_exit_codes": [], "success_signals": [],
 "no_restart_exit_codes": [], "force_restart_exit_codes": []})",
     "t.json:2:44: key \"supervisor.children[0].oneshot\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:14: key \"supervisor.children[0].watchdog\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:35: key \"supervisor.children[0].stop_signal\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:54: key \"supervisor.children[0].signal_group\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:73: key \"supervisor.children[0].kill_mode\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:96: key \"supervisor.children[0].kill_after\": expected on a child with \"exec\" or \"task\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:4:24: key \"supervisor.children[0].success_exit_codes\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:4:51: key \"supervisor.children[0].shutdown_exit_codes\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:4:74: key \"supervisor.children[0].success_signals\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:5:27: key \"supervisor.children[0].no_restart_exit_codes\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:5:59: key \"supervisor.children[0].force_restart_exit_codes\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"},
    {"every_right_on_a_supervisor", in_children, R"({"name": "s", "supervisor": {}, "user": "u", "group": "g", "groups": [],
 "capabilities": [], "limits": {}, "nice": 1, "umask": "027", "oom_score_adjust": 1, "memory_max": 1,
 "pids_max": 1, "cpu_weight": 1, "delay": "1s", "probe": {"connect": "/s"}})",
     "t.json:2:41: key \"supervisor.children[0].user\": expected on a child with \"exec\" only, got it on a supervisor [bad_combination]\n"
     "t.json:2:55: key \"supervisor.children[0].group\": expected on a child with \"exec\" only, got it on a supervisor [bad_combination]\n"
     "t.json:2:70: key \"supervisor.children[0].groups\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:18: key \"supervisor.children[0].capabilities\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:32: key \"supervisor.children[0].limits\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:44: key \"supervisor.children[0].nice\": expected on a child with \"exec\" only, got it on a supervisor [bad_combination]\n"
     "t.json:3:56: key \"supervisor.children[0].umask\": expected on a child with \"exec\" only, got it on a supervisor [bad_combination]\n"
     "t.json:3:83: key \"supervisor.children[0].oom_score_adjust\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:3:100: key \"supervisor.children[0].memory_max\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:4:14: key \"supervisor.children[0].pids_max\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:4:31: key \"supervisor.children[0].cpu_weight\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"
     "t.json:4:43: key \"supervisor.children[0].delay\": expected on a child with \"exec\" only, got it on a supervisor [bad_combination]\n"
     "t.json:4:58: key \"supervisor.children[0].probe\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"},
    {"requires_itself", in_children, R"({"name": "a", "exec": ["a"], "requires": ["a"]})",
     "t.json:2:43: key \"supervisor.children[0].requires[0]\": expected another child than itself, got \"a\" [self_requirement]\n"},
    {"requires_nobody", in_children, R"({"name": "a", "exec": ["a"], "requires": ["nobody"]})",
     "t.json:2:43: key \"supervisor.children[0].requires[0]\": expected a sibling's name, or a path below the root, got \"nobody\" "
     "[unknown_requirement]\n"},
    {"requires_typo", in_children, R"({"name": "web", "exec": ["a"], "requires": ["databse"]},
{"name": "database", "exec": ["b"]})",
     "t.json:2:45: key \"supervisor.children[0].requires[0]\": expected a sibling's name, or a path below the root, got \"databse\"; did "
     "you mean \"database\"? [unknown_requirement]\n"},
    {"requires_what_is_started_later", in_children, R"({"name": "a", "exec": ["a"], "requires": ["b"]},
{"name": "b", "exec": ["b"]})",
     "t.json:2:43: key \"supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"a\" requires \"b\", which is "
     "started after \"a\" [requirement_cycle]\n"},
    {"requires_what_is_started_much_later", in_children, R"({"name": "a", "exec": ["a"]},
{"name": "b", "exec": ["a"], "requires": ["e"]},
{"name": "c", "exec": ["a"]},
{"name": "d", "exec": ["a"]},
{"name": "e", "exec": ["b"]})",
     "t.json:3:43: key \"supervisor.children[1].requires[0]\": expected requirements without a cycle, got: \"b\" requires \"e\", which is "
     "started after \"b\" [requirement_cycle]\n"},
    {"requires_in_a_circle", in_supervisor, R"("start_order": "parallel", "children": [
{"name": "a", "exec": ["a"], "requires": ["b"]},
{"name": "b", "exec": ["a"], "requires": ["c"]},
{"name": "c", "exec": ["a"], "requires": ["a"]}])",
     "t.json:2:43: key \"supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"a\" requires \"b\", which "
     "requires \"c\", which requires \"a\" [requirement_cycle]\n"},
    {"requires_its_own_supervisor", in_children, R"({"name": "s", "supervisor": {"children": [
{"name": "a", "exec": ["a"], "requires": ["s"]}]}})",
     "t.json:3:43: key \"supervisor.children[0].supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"s/a\" "
     "requires \"s\", which is up with its child \"s/a\" [requirement_cycle]\n"},
    {"requires_across_supervisors", in_supervisor, R"("start_order": "parallel", "children": [
{"name": "s", "supervisor": {"children": [{"name": "a", "exec": ["a"], "requires": ["t"]}]}},
{"name": "t", "supervisor": {"children": [{"name": "b", "exec": ["b"], "requires": ["s/a"]}]}}])",
     "t.json:2:85: key \"supervisor.children[0].supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"s/a\" "
     "requires \"t\", which is up with its child \"t/b\", which requires \"s/a\" [requirement_cycle]\n"},
    {"requires_what_is_below_a_later_one", in_children, R"({"name": "a", "exec": ["a"], "requires": ["s/b"]},
{"name": "s", "supervisor": {"children": [{"name": "b", "exec": ["b"]}]}})",
     "t.json:2:43: key \"supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"a\" requires \"s/b\", which "
     "is part of \"s\", which is started after \"a\" [requirement_cycle]\n"},
    {"requires_within_a_template", in_supervisor, R"("strategy": "dynamic", "template": {"supervisor": {"children": [
{"name": "a", "exec": ["a"], "requires": ["b"]}, {"name": "b", "exec": ["b"]}]}})",
     "t.json:2:43: key \"supervisor.template.supervisor.children[0].requires[0]\": expected requirements without a cycle, got: \"{key}/a\" "
     "requires \"{key}/b\", which is started after \"{key}/a\" [requirement_cycle]\n"},
    {"instances_backwards", in_children, R"({"name": "w@3..1", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name without \"..\", or at most 10000 instances such as \"web@1..8\", "
     "got \"w@3..1\" [invalid_id]\n"},
    {"instances_too_many", in_children, R"({"name": "w@1..10001", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name without \"..\", or at most 10000 instances such as \"web@1..8\", "
     "got \"w@1..10001\" [invalid_id]\n"},
    {"instances_with_leading_zero", in_children, R"({"name": "w@01..08", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name without \"..\", or at most 10000 instances such as \"web@1..8\", "
     "got \"w@01..08\" [invalid_id]\n"},
    {"instances_without_at", in_children, R"({"name": "w1..8", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name that is not \".\" and has no \"..\", got \"w1..8\" [invalid_id]\n"},
    {"instances_of_a_wrong_name", in_children, R"({"name": "a/b@1..3", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name of letters, digits and . _ @ : + -, got \"a/b@1..3\" "
     "[invalid_id]\n"},
    {"instance_that_a_sibling_is_called", in_children, R"({"name": "w@1..3", "exec": ["a"]},
{"name": "w@2", "exec": ["a"]})",
     "t.json:3:10: key \"supervisor.children[1].name\": expected a name that no sibling has, got \"w@2\", which is children[0] "
     "[duplicate_id]\n"},
    {"instances_tell_one_error_once", in_children, R"({"name": "w@1..3", "exec": ["a"], "links": [{"to": "nobody"}], "requires": ["w@2"]})",
     "t.json:2:52: key \"supervisor.children[0].links[0].to\": expected a sibling's name, or a path below the root, got \"nobody\" "
     "[unknown_link_target]\n"
     "t.json:2:77: key \"supervisor.children[0].requires[0]\": expected another child than itself, got \"w@2\" [self_requirement]\n"},
    {"partitions_tell_one_error_once", in_supervisor, R"("partitions": 3, "template": {"exec": ["a"], "links": [{"to": "nobody"}]})",
     "t.json:1:79: key \"supervisor.template.links[0].to\": expected a sibling's name, or a path below the root, got \"nobody\" "
     "[unknown_link_target]\n"},
};

INSTANTIATE_TEST_SUITE_P(config, wrong_keys, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case>& tested) { return tested.param.name; });

}  // namespace
