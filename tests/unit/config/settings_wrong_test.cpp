// SPDX-License-Identifier: Apache-2.0
/// Every kind of wrong configuration with the whole message that it gets: file, line, column, key, what was expected,
/// what stands there, the nearest known word, and the name of rule S-3 or one like it (S-2, S-3, decisions 15, 29, 30).
#include "config/settings.hpp"
#include "tests/unit/config/wrong_case.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using namespace backplane::config;
using std::string_view_literals::operator""sv;

class wrong_settings : public testing::TestWithParam<Case> {};

TEST_P(wrong_settings, are_refused_with_place_key_and_reason_S_3) { GetParam().expect_errors(); }

const Case cases[] = {
    {"empty_file", whole, "",
     "t.json:1:1: not JSON, while parsing value - unexpected end of input; expected '[', '{', or a literal [invalid_json]\n"},
    {"only_a_comment", whole,
     R"(// nothing
)",
     "t.json:2:1: not JSON, while parsing value - unexpected end of input; expected '[', '{', or a literal [invalid_json]\n"},
    {"array_at_the_top", whole, "[]", "t.json:1:1: expected an object, got an empty array [invalid_settings]\n"},
    {"string_at_the_top", whole, R"("supervisor")", "t.json:1:1: expected an object, got \"supervisor\" [invalid_settings]\n"},
    {"nothing_in_it", whole,
     R"({
})",
     "t.json:1:1: key \"supervisor\": expected a supervisor, got nothing [missing_supervisor]\n"},
    {"trailing_content", whole,
     R"({"supervisor": {}}
{})",
     "t.json:2:1: not JSON, while parsing value - unexpected '{'; expected end of input [invalid_json]\n"},
    {"trailing_comma_in_object", whole,
     R"({
  "supervisor": {},
})",
     "t.json:3:1: key \"supervisor\": not JSON, while parsing object key - unexpected '}'; expected string literal; the comma before it is "
     "one too many [invalid_json]\n"},
    {"trailing_comma_in_array", whole,
     R"({"supervisor": {"children": [
  {"name": "a", "exec": ["a"]},
]}})",
     "t.json:3:1: key \"supervisor.children[0]\": not JSON, while parsing value - unexpected ']'; expected '[', '{', or a literal; the "
     "comma before it is one too many [invalid_json]\n"},
    {"two_commas", whole, R"({"socket": "/s",,"supervisor": {}})",
     "t.json:1:17: key \"socket\": not JSON, while parsing object key - unexpected ','; expected string literal [invalid_json]\n"},
    {"missing_comma", whole,
     R"({"socket": "/s"
 "supervisor": {}})",
     "t.json:2:2: key \"socket\": not JSON, while parsing object - unexpected string literal; expected '}' [invalid_json]\n"},
    {"missing_colon", whole, R"({"socket" "/s"})",
     "t.json:1:11: key \"socket\": not JSON, while parsing object separator - unexpected string literal; expected ':' [invalid_json]\n"},
    {"missing_bracket", whole, R"({"supervisor": {"children": [}})",
     "t.json:1:30: key \"supervisor.children\": not JSON, while parsing value - unexpected '}'; expected '[', '{', or a literal "
     "[invalid_json]\n"},
    {"unfinished_text", whole,
     R"({"supervisor": {
)",
     "t.json:2:1: key \"supervisor\": not JSON, while parsing object key - unexpected end of input; expected string literal "
     "[invalid_json]\n"},
    {"unfinished_string", whole, R"({"socket": "/s)",
     "t.json:1:14: key \"socket\": not JSON, while parsing value - invalid string: missing closing quote [invalid_json]\n"},
    {"unfinished_comment", whole,
     R"({ /* open
 "supervisor": {}})",
     "t.json:2:18: not JSON, while parsing object key - invalid comment; missing closing '*/'; expected string literal [invalid_json]\n"},
    {"single_quotes", whole, "{'supervisor': {}}",
     "t.json:1:2: not JSON, while parsing object key - invalid literal; expected string literal [invalid_json]\n"},
    {"bare_key", whole, "{supervisor: {}}",
     "t.json:1:2: not JSON, while parsing object key - invalid literal; expected string literal [invalid_json]\n"},
    {"bad_literal", whole, R"({"supervisor": {"children": [{"managed": True}]}})",
     "t.json:1:42: key \"supervisor.children[0].managed\": not JSON, while parsing value - invalid literal [invalid_json]\n"},
    {"bad_utf8", whole, "{\"socket\": \"/\377\"}"sv,
     "t.json:1:14: key \"socket\": not JSON, while parsing value - invalid string: ill-formed UTF-8 byte [invalid_json]\n"},
    {"surrogate_utf8", whole, "{\"socket\": \"/\355\240\200\"}"sv,
     "t.json:1:15: key \"socket\": not JSON, while parsing value - invalid string: ill-formed UTF-8 byte [invalid_json]\n"},
    {"control_character", whole,
     R"({"socket": "/a
b"})",
     "t.json:1:15: key \"socket\": not JSON, while parsing value - invalid string: control character U+000A (LF) must be escaped to "
     "\\u000A or \\n [invalid_json]\n"},
    {"bad_escape", whole, R"({"socket": "/\x"})",
     "t.json:1:15: key \"socket\": not JSON, while parsing value - invalid string: forbidden character after backslash [invalid_json]\n"},
    {"lone_surrogate", whole, R"({"socket": "/\ud800"})",
     "t.json:1:20: key \"socket\": not JSON, while parsing value - invalid string: surrogate U+D800..U+DBFF must be followed by "
     "U+DC00..U+DFFF [invalid_json]\n"},
    {"leading_zero", whole, R"({"supervisor": {"intensity": 05}})",
     "t.json:1:32: key \"supervisor.intensity\": not JSON, while parsing object - unexpected number literal; expected '}' "
     "[invalid_json]\n"},
    {"number_too_large", whole, R"({"supervisor": {"intensity": 1e999}})",
     "t.json:1:30: key \"supervisor.intensity\": not JSON, number overflow [invalid_json]\n"},
    {"nul_byte", whole, "{\"supervisor\": {}}\000 x"sv, "t.json:1:19: not JSON, a NUL byte [invalid_json]\n"},
    {"duplicate_key_top", whole,
     R"({"supervisor": {},
 "supervisor": {}})",
     "t.json:2:2: key \"supervisor\": expected each key once in an object, got \"supervisor\" again [duplicate_key]\n"},
    {"missing_supervisor", whole, R"({"log_level": "info"})",
     "t.json:1:1: key \"supervisor\": expected a supervisor, got nothing [missing_supervisor]\n"},
    {"supervisor_is_array", whole, R"({"supervisor": []})",
     "t.json:1:16: key \"supervisor\": expected an object, got an empty array [invalid_supervisor]\n"},
    {"typo_supervisor", whole, R"({"supervizor": {}})",
     "t.json:1:1: key \"supervisor\": expected a supervisor, got nothing [missing_supervisor]\n"
     "t.json:1:2: key \"supervizor\": expected a known key, got \"supervizor\"; did you mean \"supervisor\"? [unknown_key]\n"},
    {"unknown_top_key", whole, R"({"colour": 1, "supervisor": {}})",
     "t.json:1:2: key \"colour\": expected a known key, got \"colour\"; known here: socket, log_level, resume_grace, supervisor "
     "[unknown_key]\n"},
    {"relative_socket", whole, R"({"socket": "backplane.sock", "supervisor": {}})",
     "t.json:1:12: key \"socket\": expected an absolute path of at most 107 bytes, got \"backplane.sock\" [invalid_socket]\n"},
    {"socket_number", whole, R"({"socket": 5, "supervisor": {}})",
     "t.json:1:12: key \"socket\": expected an absolute path of at most 107 bytes, got 5 [invalid_socket]\n"},
    {"log_level_typo", whole, R"({"log_level": "inof", "supervisor": {}})",
     "t.json:1:15: key \"log_level\": expected \"trace\", \"debug\", \"info\", \"warning\" or \"error\", got \"inof\"; did you mean "
     "\"info\"? [invalid_log_level]\n"},
    {"strategy_typo", in_supervisor, R"("strategy": "one_for_on")",
     "t.json:1:29: key \"supervisor.strategy\": expected \"one_for_one\", \"rest_for_one\", \"one_for_all\" or \"dynamic\", got "
     "\"one_for_on\"; did you mean \"one_for_one\"? "
     "[invalid_strategy]\n"},
    {"strategy_number", in_supervisor, R"("strategy": 1)",
     "t.json:1:29: key \"supervisor.strategy\": expected \"one_for_one\", \"rest_for_one\", \"one_for_all\" or \"dynamic\", got 1 "
     "[invalid_strategy]\n"},
    {"intensity_negative", in_supervisor, R"("intensity": -1)",
     "t.json:1:30: key \"supervisor.intensity\": expected a whole number from 0 to 4294967295, got -1 [invalid_intensity]\n"},
    {"intensity_fraction", in_supervisor, R"("intensity": 2.5)",
     "t.json:1:30: key \"supervisor.intensity\": expected a whole number from 0 to 4294967295, got 2.5 [invalid_intensity]\n"},
    {"intensity_string", in_supervisor, R"("intensity": "5")",
     "t.json:1:30: key \"supervisor.intensity\": expected a whole number from 0 to 4294967295, got \"5\" [invalid_intensity]\n"},
    {"intensity_too_large", in_supervisor, R"("intensity": 4294967296)",
     "t.json:1:30: key \"supervisor.intensity\": expected a whole number from 0 to 4294967295, got 4294967296 [invalid_intensity]\n"},
    {"period_number", in_supervisor, R"("period": 5)",
     "t.json:1:27: key \"supervisor.period\": expected a duration above 0, such as \"5s\", got 5; did you mean \"5s\"? (units: ns, us, ms, "
     "s, m, h) [invalid_period]\n"},
    {"period_zero", in_supervisor, R"("period": "0s")",
     "t.json:1:27: key \"supervisor.period\": expected a duration above 0, such as \"5s\", got \"0s\" [invalid_period]\n"},
    {"period_without_unit", in_supervisor, R"("period": "60")",
     "t.json:1:27: key \"supervisor.period\": expected a duration above 0, such as \"5s\", got \"60\"; did you mean \"60s\"? (units: ns, "
     "us, ms, s, m, h) [invalid_period]\n"},
    {"period_unknown_unit", in_supervisor, R"("period": "5sec")",
     "t.json:1:27: key \"supervisor.period\": expected a duration above 0, such as \"5s\", got \"5sec\" [invalid_period]\n"},
    {"period_negative", in_supervisor, R"("period": "-5s")",
     "t.json:1:27: key \"supervisor.period\": expected a duration above 0, such as \"5s\", got \"-5s\" [invalid_period]\n"},
    {"period_null", in_supervisor, R"("period": null)",
     "t.json:1:27: key \"supervisor.period\": expected a duration above 0, such as \"5s\", got null [invalid_period]\n"},
    {"on_give_up_typo", in_supervisor, R"("on_give_up": "chrash")",
     "t.json:1:31: key \"supervisor.on_give_up\": expected \"shutdown\" or \"crash\", got \"chrash\"; did you mean \"crash\"? "
     "[invalid_on_give_up]\n"},
    {"otp_key", in_supervisor, R"("max_restarts": 5)",
     "t.json:1:17: key \"supervisor.max_restarts\": expected a known key, got \"max_restarts\"; did you mean \"intensity\"? "
     "[unknown_key]\n"},
    {"children_object", in_supervisor, R"("children": {"name": "a"})",
     "t.json:1:29: key \"supervisor.children\": expected an array of children, got an object [invalid_children]\n"},
    {"child_string", in_supervisor, R"("children": ["redis-server"])",
     "t.json:1:30: key \"supervisor.children[0]\": expected an object, got \"redis-server\" [invalid_child]\n"},
    {"no_name", in_children, R"({"exec": ["a"]})",
     "t.json:2:1: key \"supervisor.children[0].name\": expected a name, got nothing [missing_id]\n"},
    {"no_start", in_children, R"({"name": "a"})",
     "t.json:2:1: key \"supervisor.children[0]\": expected \"exec\", \"task\" or \"supervisor\", got none [missing_start]\n"},
    {"both_starts", in_children, R"({"name": "a", "exec": ["a"], "supervisor": {}})",
     "t.json:2:1: key \"supervisor.children[0]\": expected \"exec\", \"task\" or \"supervisor\", got more than one [bad_combination]\n"},
    {"empty_name", in_children, R"({"name": "", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name of 1 to 255 characters, got \"\" [invalid_id]\n"},
    {"slash_in_name", in_children, R"({"name": "a/b", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name of letters, digits and . _ @ : + -, got \"a/b\" [invalid_id]\n"},
    {"dots_in_name", in_children, R"({"name": "a..b", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name that is not \".\" and has no \"..\", got \"a..b\" [invalid_id]\n"},
    {"dot_name", in_children, R"({"name": ".", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name that is not \".\" and has no \"..\", got \".\" [invalid_id]\n"},
    {"control_in_name", in_children, R"({"name": "a\u001b[31m", "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name of letters, digits and . _ @ : + -, got \"a\\u001b[31m\" "
     "[invalid_id]\n"},
    {"number_as_name", in_children, R"({"name": 7, "exec": ["a"]})",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name, got 7 [invalid_id]\n"},
    {"long_name", in_children, "{\"name\": \"" + std::string(256, 'n') + "\", \"exec\": [\"a\"]}",
     "t.json:2:10: key \"supervisor.children[0].name\": expected a name of 1 to 255 characters, got "
     "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...\" [invalid_id]\n"},
    {"duplicate_name", in_children,
     R"({"name": "a", "exec": ["a"]},
{"name": "b", "exec": ["a"]},
{"name": "a", "exec": ["a"]})",
     "t.json:4:10: key \"supervisor.children[2].name\": expected a name that no sibling has, got \"a\", which is children[0] "
     "[duplicate_id]\n"},
    {"exec_string", in_children, R"({"name": "a", "exec": "/bin/true"})",
     "t.json:2:23: key \"supervisor.children[0].exec\": expected an array of the program and its arguments, got \"/bin/true\" "
     "[invalid_start]\n"},
    {"exec_empty", in_children, R"({"name": "a", "exec": []})",
     "t.json:2:23: key \"supervisor.children[0].exec\": expected an array of the program and its arguments, got an empty array "
     "[invalid_start]\n"},
    {"exec_relative", in_children, R"({"name": "a", "exec": ["./run"]})",
     "t.json:2:24: key \"supervisor.children[0].exec[0]\": expected an absolute path, or a bare name to be looked up in PATH, got "
     "\"./run\" [invalid_start]\n"},
    {"exec_empty_program", in_children, R"({"name": "a", "exec": [""]})",
     "t.json:2:24: key \"supervisor.children[0].exec[0]\": expected an absolute path, or a bare name to be looked up in PATH, got \"\" "
     "[invalid_start]\n"},
    {"exec_number_argument", in_children, R"({"name": "a", "exec": ["a", "--port", 80]})",
     "t.json:2:39: key \"supervisor.children[0].exec[2]\": expected a string without NUL, got 80 [invalid_start]\n"},
    {"exec_nul", in_children, R"({"name": "a", "exec": ["a", "x\u0000y"]})",
     "t.json:2:29: key \"supervisor.children[0].exec[1]\": expected a string without NUL, got \"x\\u0000y\" [invalid_start]\n"},
    {"restart_typo", in_children, R"({"name": "a", "exec": ["a"], "restart": "permanant"})",
     "t.json:2:41: key \"supervisor.children[0].restart\": expected \"permanent\", \"transient\" or \"temporary\", got \"permanant\"; did "
     "you mean \"permanent\"? [invalid_restart]\n"},
    {"restart_unknown", in_children, R"({"name": "a", "exec": ["a"], "restart": "on-failure"})",
     "t.json:2:41: key \"supervisor.children[0].restart\": expected \"permanent\", \"transient\" or \"temporary\", got \"on-failure\" "
     "[invalid_restart]\n"},
    {"restart_boolean", in_children, R"({"name": "a", "exec": ["a"], "restart": true})",
     "t.json:2:41: key \"supervisor.children[0].restart\": expected \"permanent\", \"transient\" or \"temporary\", got true "
     "[invalid_restart]\n"},
    {"shutdown_number", in_children, R"({"name": "a", "exec": ["a"], "shutdown": 5000})",
     "t.json:2:42: key \"supervisor.children[0].shutdown\": expected a duration such as \"5s\", \"infinity\", \"brutal_kill\" or "
     "\"no_wait\", got 5000; "
     "did you mean \"5000ms\"? (units: ns, us, ms, s, m, h) [invalid_shutdown]\n"},
    {"shutdown_typo", in_children, R"({"name": "a", "exec": ["a"], "shutdown": "infinty"})",
     "t.json:2:42: key \"supervisor.children[0].shutdown\": expected a duration such as \"5s\", \"infinity\", \"brutal_kill\" or "
     "\"no_wait\", got "
     "\"infinty\"; did you mean \"infinity\"? [invalid_shutdown]\n"},
    {"shutdown_too_long", in_children, R"({"name": "a", "exec": ["a"], "shutdown": "99999999h"})",
     "t.json:2:42: key \"supervisor.children[0].shutdown\": expected a duration such as \"5s\", \"infinity\", \"brutal_kill\" or "
     "\"no_wait\", got "
     "\"99999999h\" [invalid_shutdown]\n"},
    {"start_timeout_brutal", in_children, R"({"name": "a", "exec": ["a"], "start_timeout": "brutal_kill"})",
     "t.json:2:47: key \"supervisor.children[0].start_timeout\": expected a duration such as \"5s\", \"infinity\" or \"no_wait\", got "
     "\"brutal_kill\" "
     "[invalid_start_timeout]\n"},
    {"start_timeout_fraction", in_children, R"({"name": "a", "exec": ["a"], "start_timeout": 0.5})",
     "t.json:2:47: key \"supervisor.children[0].start_timeout\": expected a duration such as \"5s\", \"infinity\" or \"no_wait\", got 0.5 "
     "[invalid_start_timeout]\n"},
    {"readiness_typo", in_children, R"({"name": "a", "exec": ["a"], "readiness": "prob"})",
     "t.json:2:43: key \"supervisor.children[0].readiness\": expected \"exec\", \"notify\", \"probe\" or \"delay\", got \"prob\"; did you "
     "mean \"probe\"? [invalid_readiness]\n"},
    {"readiness_on_supervisor", in_children, R"({"name": "a", "readiness": "exec", "supervisor": {}})",
     "t.json:2:28: key \"supervisor.children[0].readiness\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"},
    {"environment_on_supervisor", in_children, R"({"name": "a", "environment": {}, "supervisor": {}})",
     "t.json:2:30: key \"supervisor.children[0].environment\": expected on a child with \"exec\" only, got it on a supervisor "
     "[bad_combination]\n"},
    {"managed_string", in_children, R"({"name": "a", "exec": ["a"], "managed": "yes"})",
     "t.json:2:41: key \"supervisor.children[0].managed\": expected true or false, got \"yes\" [invalid_managed]\n"},
    {"working_directory_relative", in_children, R"({"name": "a", "exec": ["a"], "working_directory": "srv"})",
     "t.json:2:51: key \"supervisor.children[0].working_directory\": expected an absolute path, got \"srv\" [invalid_working_directory]\n"},
    {"stdout_relative", in_children, R"({"name": "a", "exec": ["a"], "stdout": "a.log"})",
     "t.json:2:40: key \"supervisor.children[0].stdout\": expected \"inherit\", \"null\", \"relay\", \"journal\", an absolute path, or an "
     "object with \"file\", got \"a.log\" [invalid_stdout]\n"},
    {"output_without_file", in_children, R"({"name": "a", "exec": ["a"], "stdout": {"keep": 1}})",
     "t.json:2:40: key \"supervisor.children[0].stdout.file\": expected an absolute path, got nothing [missing_output_file]\n"},
    {"output_too_small", in_children, R"({"name": "a", "exec": ["a"], "stdout": {"file": "/l", "max_size": 4095}})",
     "t.json:2:67: key \"supervisor.children[0].stdout.max_size\": expected a number of bytes from 4096, such as \"10M\", got 4095 "
     "[invalid_output]\n"},
    {"output_folder", in_children, R"({"name": "a", "exec": ["a"], "stdout": {"file": "/l/"}})",
     "t.json:2:49: key \"supervisor.children[0].stdout.file\": expected an absolute path, got \"/l/\" [invalid_output]\n"},
    {"stderr_typo", in_children, R"({"name": "a", "exec": ["a"], "stderr": "inherrit"})",
     "t.json:2:40: key \"supervisor.children[0].stderr\": expected \"inherit\", \"null\", \"relay\", \"journal\", an absolute path, or an "
     "object with \"file\", got \"inherrit\"; did you mean \"inherit\"? [invalid_stderr]\n"},
    {"environment_array", in_children, R"({"name": "a", "exec": ["a"], "environment": ["A=b"]})",
     "t.json:2:45: key \"supervisor.children[0].environment\": expected an object of strings, got an array [invalid_environment]\n"},
    {"environment_number", in_children, R"({"name": "a", "exec": ["a"], "environment": {"PORT": 80}})",
     "t.json:2:54: key \"supervisor.children[0].environment.PORT\": expected a string without NUL, got 80 [invalid_environment]\n"},
    {"environment_equals", in_children, R"({"name": "a", "exec": ["a"], "environment": {"A=B": "c"}})",
     "t.json:2:46: key \"supervisor.children[0].environment.A=B\": expected a variable's name without = and NUL, got \"A=B\" "
     "[invalid_environment]\n"},
    {"environment_empty_name", in_children, R"({"name": "a", "exec": ["a"], "environment": {"": "c"}})",
     "t.json:2:46: key \"supervisor.children[0].environment.\": expected a variable's name without = and NUL, got \"\" "
     "[invalid_environment]\n"},
    {"key_typo", in_children, R"({"name": "a", "exec": ["a"], "restrat": "permanent"})",
     "t.json:2:30: key \"supervisor.children[0].restrat\": expected a known key, got \"restrat\"; did you mean \"restart\"? "
     "[unknown_key]\n"},
    {"key_hyphen", in_children, R"({"name": "a", "exec": ["a"], "start-timeout": "5s"})",
     "t.json:2:30: key \"supervisor.children[0].start-timeout\": expected a known key, got \"start-timeout\"; did you mean "
     "\"start_timeout\"? [unknown_key]\n"},
    {"key_of_another_supervisor", in_children, R"({"name": "a", "command": ["a"]})",
     "t.json:2:1: key \"supervisor.children[0]\": expected \"exec\", \"task\" or \"supervisor\", got none [missing_start]\n"
     "t.json:2:15: key \"supervisor.children[0].command\": expected a known key, got \"command\"; did you mean \"exec\"? [unknown_key]\n"},
    {"duplicate_key", in_children,
     R"({"name": "a", "exec": ["a"],
 "exec": ["b"]})",
     "t.json:3:2: key \"supervisor.children[0].exec\": expected each key once in an object, got \"exec\" again [duplicate_key]\n"},
    {"backoff_word", in_children, R"({"name": "a", "exec": ["a"], "backoff": "nne"})",
     "t.json:2:41: key \"supervisor.children[0].backoff\": expected \"none\" or an object, got \"nne\"; did you mean \"none\"? "
     "[invalid_backoff]\n"},
    {"backoff_false", in_children, R"({"name": "a", "exec": ["a"], "backoff": false})",
     "t.json:2:41: key \"supervisor.children[0].backoff\": expected \"none\" or an object, got false [invalid_backoff]\n"},
    {"backoff_factor", in_children, R"({"name": "a", "exec": ["a"], "backoff": {"factor": 0.5}})",
     "t.json:2:52: key \"supervisor.children[0].backoff.factor\": expected a number from 1 to 1000, got 0.5 [invalid_backoff]\n"},
    {"backoff_jitter", in_children, R"({"name": "a", "exec": ["a"], "backoff": {"jitter": 1.5}})",
     "t.json:2:52: key \"supervisor.children[0].backoff.jitter\": expected a number from 0 to 1, got 1.5 [invalid_backoff]\n"},
    {"backoff_initial", in_children, R"({"name": "a", "exec": ["a"], "backoff": {"initial": 100}})",
     "t.json:2:53: key \"supervisor.children[0].backoff.initial\": expected a duration such as \"500ms\", got 100; did you mean \"100s\"? "
     "(units: ns, us, ms, s, m, h) [invalid_backoff]\n"},
    {"backoff_key", in_children, R"({"name": "a", "exec": ["a"], "backoff": {"intial": "1s"}})",
     "t.json:2:42: key \"supervisor.children[0].backoff.intial\": expected a known key, got \"intial\"; did you mean \"initial\"? "
     "[unknown_key]\n"},
    {"links_object", in_children, R"({"name": "a", "exec": ["a"], "links": {"to": "b"}})",
     "t.json:2:39: key \"supervisor.children[0].links\": expected an array of links, got an object [invalid_links]\n"},
    {"link_string", in_children, R"({"name": "a", "exec": ["a"], "links": ["b"]})",
     "t.json:2:40: key \"supervisor.children[0].links[0]\": expected an object, got \"b\" [invalid_links]\n"},
    {"link_without_target", in_children, R"({"name": "a", "exec": ["a"], "links": [{"mode": "peer"}]})",
     "t.json:2:40: key \"supervisor.children[0].links[0].to\": expected a sibling's name, or a path below the root, got nothing "
     "[missing_link_target]\n"},
    {"link_mode", in_children,
     R"({"name": "a", "exec": ["a"], "links": [{"to": "b", "mode": "watch"}]},
{"name": "b", "exec": ["b"]})",
     "t.json:2:60: key \"supervisor.children[0].links[0].mode\": expected \"monitor\", \"notify\" or \"peer\", got \"watch\" "
     "[invalid_link_mode]\n"},
    {"link_to_itself", in_children, R"({"name": "a", "exec": ["a"], "links": [{"to": "a"}]})",
     "t.json:2:47: key \"supervisor.children[0].links[0].to\": expected another child than itself, got \"a\" [self_link]\n"},
    {"link_to_itself_by_path", in_children,
     R"({"name": "s", "supervisor": {"children": [
{"name": "a", "exec": ["a"], "links": [{"to": "s/a"}]}]}})",
     "t.json:3:47: key \"supervisor.children[0].supervisor.children[0].links[0].to\": expected another child than itself, got \"s/a\" "
     "[self_link]\n"},
    {"link_to_nobody", in_children,
     R"({"name": "worker", "exec": ["a"], "links": [{"to": "databse"}]},
{"name": "database", "exec": ["b"]})",
     "t.json:2:52: key \"supervisor.children[0].links[0].to\": expected a sibling's name, or a path below the root, got \"databse\"; did "
     "you mean \"database\"? [unknown_link_target]\n"},
    {"link_path_to_nobody", in_children,
     R"({"name": "a", "exec": ["a"], "links": [{"to": "s/b"}]},
{"name": "s", "supervisor": {}})",
     "t.json:2:47: key \"supervisor.children[0].links[0].to\": expected a sibling's name, or a path below the root, got \"s/b\" "
     "[unknown_link_target]\n"},
    {"nested_error", in_children,
     R"({"name": "s", "supervisor": {"children": [
{"name": "t", "supervisor": {"children": [
{"name": "u", "exec": ["u"], "restart": "never"}]}}]}})",
     "t.json:4:41: key \"supervisor.children[0].supervisor.children[0].supervisor.children[0].restart\": expected \"permanent\", "
     "\"transient\" or \"temporary\", got \"never\" [invalid_restart]\n"},
    {"several_errors_in_the_order_of_the_text", in_children,
     R"({"exec": ["b/c"],
 "shutdown": 5,
 "restart": "sometimes"})",
     "t.json:2:1: key \"supervisor.children[0].name\": expected a name, got nothing [missing_id]\n"
     "t.json:2:11: key \"supervisor.children[0].exec[0]\": expected an absolute path, or a bare name to be looked up in PATH, got \"b/c\" "
     "[invalid_start]\n"
     "t.json:3:14: key \"supervisor.children[0].shutdown\": expected a duration such as \"5s\", \"infinity\", \"brutal_kill\" or "
     "\"no_wait\", got 5; "
     "did you mean \"5s\"? (units: ns, us, ms, s, m, h) [invalid_shutdown]\n"
     "t.json:4:13: key \"supervisor.children[0].restart\": expected \"permanent\", \"transient\" or \"temporary\", got \"sometimes\" "
     "[invalid_restart]\n"},
    {"columns_count_characters", in_children, "{\"name\": \"a\", /* \303\244\303\266\303\274 */ \"exec\": 5}"sv,
     "t.json:2:33: key \"supervisor.children[0].exec\": expected an array of the program and its arguments, got 5 [invalid_start]\n"},
};

INSTANTIATE_TEST_SUITE_P(config, wrong_settings, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case>& tested) { return tested.param.name; });

TEST(wrong_settings_many, no_more_than_twenty_are_told_and_the_rest_counted) {
    std::string text = "{\"supervisor\": {\"children\": [";
    for (int i = 0; i < 50; ++i) {
        text += (i > 0 ? ", " : "") + std::to_string(i);
    }
    const Reading reading = read_settings(text + "]}}", "t.json");
    EXPECT_EQ(reading.errors.size(), problems_max);
    EXPECT_EQ(reading.errors_hidden, 30U);
    const CheckResult result = check_config(text + "]}}", "t.json");
    EXPECT_TRUE(result.err.ends_with("t.json: and 30 more errors\n")) << result.err;
}

TEST(wrong_settings_many, a_path_below_the_root_is_bounded_as_names_are_decision_15) {
    const std::string name(200, 'n');
    const std::string text = R"({"supervisor": {"children": [{"name": ")" + name + R"(", "supervisor": {"children": [{"name": ")" + name +
                             R"(", "exec": ["a"]}]}}]}})";
    const Reading reading = read_settings(text, "t.json");
    ASSERT_EQ(reading.errors.size(), 1U);
    EXPECT_EQ(reading.errors[0].text, "expected a path below the root of at most 255 bytes, got 401");
}

TEST(wrong_settings_many, nesting_is_bounded_and_a_hundred_thousand_brackets_do_no_harm) {
    const Reading reading = read_settings(std::string(100'000, '['), "t.json");
    ASSERT_EQ(reading.errors.size(), 1U);
    EXPECT_EQ(reading.errors[0].column, 65U);
    EXPECT_EQ(reading.errors[0].text, "nested deeper than 64");
    EXPECT_EQ(reading.errors[0].name, "too_deep");
}

TEST(wrong_settings_many, a_list_of_nothing_takes_no_more_memory_than_one_of_children_S_65) {
    std::string text = "{\"supervisor\": {\"children\": [0";
    for (int i = 0; i < 250'000; ++i) {
        text += ",0";
    }
    const Reading reading = read_settings(text + "]}}", "t.json");
    ASSERT_EQ(reading.errors.size(), 1U);
    EXPECT_EQ(reading.errors_hidden, 0U);
    EXPECT_EQ(reading.errors[0].text, "expected at most 250000 children in all, got 250001 more");
    EXPECT_EQ(reading.errors[0].name, "too_many_children");
}

TEST(wrong_settings_many, a_file_name_is_escaped_as_well) {
    const Reading reading = read_settings("[]", "a\n\x1b[2J.json");
    EXPECT_EQ(problem_text(reading.errors.at(0)), "a\\u000a\\u001b[2J.json:1:1: expected an object, got an empty array [invalid_settings]");
}

}  // namespace
