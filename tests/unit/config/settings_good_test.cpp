// SPDX-License-Identifier: Apache-2.0
/// What a right configuration means: all forms, all defaults (S-1, S-2, X-1, decisions 29, 30), warnings that do not
/// refuse (S-40, S-43), and that hostile text of any kind is only ever refused.
#include "config/keys.hpp"
#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace {

using namespace backplane;
using namespace backplane::config;

/// Reads a text that must be right.
Settings read(std::string_view text) {
    Reading reading = read_settings(text, "t.json");
    EXPECT_EQ(problem_lines(reading, "t.json"), "");
    return std::move(reading.settings);
}

/// Reads one child that must be right.
core::ChildSpec child(const std::string& text) {
    Settings settings = read("{\"supervisor\": {\"children\": [" + text + "]}}");
    EXPECT_EQ(settings.root.children.size(), 1U);
    return settings.root.children.empty() ? core::ChildSpec{} : std::move(settings.root.children[0]);
}

std::string warnings(const std::string& children) {
    const Reading reading = read_settings("{\"supervisor\": {\"children\": [\n" + children + "\n]}}", "t.json");
    EXPECT_TRUE(reading.ok());
    return problem_lines(reading, "t.json");
}

TEST(good_settings, defaults_S_1) {
    const Settings settings = read("{\"supervisor\": {}}");
    EXPECT_EQ(settings.socket, "");
    EXPECT_EQ(settings.log_level, LogLevel::info);
    EXPECT_EQ(settings.task_grace, Duration::seconds(5));
    EXPECT_EQ(settings.root.strategy, core::Strategy::one_for_one);
    EXPECT_EQ(settings.root.intensity, 5U);
    EXPECT_EQ(settings.root.period, Duration::seconds(5));
    EXPECT_EQ(settings.root.on_give_up, core::OnGiveUp::shutdown);
    EXPECT_TRUE(settings.root.children.empty());
}

TEST(good_settings, defaults_of_a_process_S_2_X_1) {
    const core::ChildSpec spec = child(R"({"name": "a", "exec": ["a"]})");
    EXPECT_EQ(spec.name, "a");
    EXPECT_FALSE(spec.is_supervisor);
    EXPECT_EQ(spec.restart, core::RestartType::permanent);
    EXPECT_EQ(spec.shutdown_kind, core::ShutdownKind::timed);
    EXPECT_EQ(spec.shutdown, Duration::seconds(5));
    EXPECT_EQ(spec.start_timeout, Duration::seconds(5));
    EXPECT_EQ(spec.readiness, core::Readiness::exec);
    EXPECT_FALSE(spec.managed);
    EXPECT_TRUE(spec.links.empty());
    EXPECT_TRUE(spec.backoff.enabled);
    EXPECT_EQ(spec.backoff.initial, Duration::milliseconds(100));
    EXPECT_EQ(spec.backoff.factor, 2.0);
    EXPECT_EQ(spec.backoff.max, Duration::seconds(30));
    EXPECT_EQ(spec.backoff.jitter, 0.2);
    EXPECT_EQ(spec.backoff.reset_after, Duration::seconds(10));
    EXPECT_EQ(spec.launch.exec, std::vector<std::string>{"a"});
    EXPECT_TRUE(spec.launch.environment.empty());
    EXPECT_EQ(spec.launch.working_directory, "");
    EXPECT_EQ(spec.launch.stdout_to.kind, core::OutputKind::inherit);
    EXPECT_EQ(spec.launch.stderr_to.kind, core::OutputKind::relay);
}

TEST(good_settings, defaults_of_a_supervisor_as_a_child_S_2) {
    const core::ChildSpec spec = child(R"({"name": "s", "supervisor": {}})");
    EXPECT_TRUE(spec.is_supervisor);
    EXPECT_EQ(spec.shutdown_kind, core::ShutdownKind::infinity);
    EXPECT_TRUE(spec.start_timeout.is_forever());
    ASSERT_EQ(spec.supervisor.size(), 1U);
    EXPECT_EQ(spec.supervisor[0].intensity, 5U);
    EXPECT_TRUE(spec.launch.exec.empty());
}

TEST(good_settings, every_key_of_a_process) {
    const core::ChildSpec spec = child(R"({
        "name": "web.1_a@b:c+d-e", "exec": ["/usr/bin/web", "", "ä ß", "--port=80"], "restart": "transient",
        "shutdown": "1m", "start_timeout": "250ms", "readiness": "notify", "managed": true,
        "links": [], "backoff": {"initial": "1s", "factor": 1.5, "max": "2h", "jitter": 0, "reset_after": "0s"},
        "environment": {"A": "b=c", "EMPTY": ""}, "working_directory": "/srv/web", "stdout": "null", "stderr": "/var/log/web"})");
    EXPECT_EQ(spec.name, "web.1_a@b:c+d-e");
    EXPECT_EQ(spec.launch.exec, (std::vector<std::string>{"/usr/bin/web", "", "ä ß", "--port=80"}));
    EXPECT_EQ(spec.restart, core::RestartType::transient);
    EXPECT_EQ(spec.shutdown, Duration::seconds(60));
    EXPECT_EQ(spec.start_timeout, Duration::milliseconds(250));
    EXPECT_EQ(spec.readiness, core::Readiness::notify);
    EXPECT_TRUE(spec.managed);
    EXPECT_EQ(spec.backoff.initial, Duration::seconds(1));
    EXPECT_EQ(spec.backoff.factor, 1.5);
    EXPECT_EQ(spec.backoff.max, Duration::seconds(7200));
    EXPECT_EQ(spec.backoff.jitter, 0.0);
    EXPECT_EQ(spec.backoff.reset_after, Duration{0});
    const std::vector<std::pair<std::string, std::string>> environment{{"A", "b=c"}, {"EMPTY", ""}};
    EXPECT_EQ(spec.launch.environment, environment);
    EXPECT_EQ(spec.launch.working_directory, "/srv/web");
    EXPECT_EQ(spec.launch.stdout_to.kind, core::OutputKind::null);
    EXPECT_EQ(spec.launch.stderr_to.kind, core::OutputKind::file);
    EXPECT_EQ(spec.launch.stderr_to.path, "/var/log/web");
}

TEST(good_settings, every_form_of_an_output) {
    const auto output = [](const std::string& form) {
        return child(R"({"name": "a", "exec": ["a"], "stdout": )" + form + "}").launch.stdout_to;
    };
    using core::OutputKind;
    EXPECT_EQ(output(R"("inherit")"), core::OutputSpec{});
    EXPECT_EQ(output(R"("relay")"), core::OutputSpec{.kind = OutputKind::relay});
    EXPECT_EQ(output(R"("journal")"), core::OutputSpec{.kind = OutputKind::journal});
    EXPECT_EQ(output(R"({"file": "/l"})"), (core::OutputSpec{OutputKind::rotated, "/l", 10U << 20U, 5}));
    EXPECT_EQ(output(R"({"keep": 0, "max_size": 4096, "file": "/l"})"), (core::OutputSpec{OutputKind::rotated, "/l", 4096, 0}));
    EXPECT_EQ(output(R"({"file": "/l", "max_size": "1G", "keep": 1000})"), (core::OutputSpec{OutputKind::rotated, "/l", 1U << 30U, 1000}));
}

TEST(good_settings, every_form_of_shutdown_restart_and_timeout_S_3_S_35) {
    EXPECT_EQ(child(R"({"name": "a", "exec": ["a"], "shutdown": "0s"})").shutdown, Duration{0});
    EXPECT_EQ(child(R"({"name": "a", "exec": ["a"], "shutdown": "0s"})").shutdown_kind, core::ShutdownKind::timed);
    EXPECT_EQ(child(R"({"name": "a", "exec": ["a"], "shutdown": "infinity"})").shutdown_kind, core::ShutdownKind::infinity);
    EXPECT_EQ(child(R"({"name": "a", "exec": ["a"], "shutdown": "brutal_kill"})").shutdown_kind, core::ShutdownKind::brutal_kill);
    EXPECT_EQ(child(R"({"name": "a", "exec": ["a"], "restart": "temporary"})").restart, core::RestartType::temporary);
    EXPECT_EQ(child(R"({"name": "a", "exec": ["a"], "restart": "permanent"})").restart, core::RestartType::permanent);
    EXPECT_TRUE(child(R"({"name": "a", "exec": ["a"], "start_timeout": "infinity"})").start_timeout.is_forever());
    EXPECT_FALSE(child(R"({"name": "a", "exec": ["a"], "backoff": "none"})").backoff.enabled);
    EXPECT_EQ(child(R"({"name": "s", "supervisor": {}, "start_timeout": "9s"})").start_timeout, Duration::seconds(9));
}

TEST(good_settings, a_supervisor_in_full_and_intensity_0_S_30) {
    const Settings settings = read(R"({"socket": "/tmp/b.sock", "log_level": "debug", "supervisor": {
        "strategy": "one_for_one", "intensity": 0, "period": "1ns", "on_give_up": "crash", "children": []}})");
    EXPECT_EQ(settings.socket, "/tmp/b.sock");
    EXPECT_EQ(settings.log_level, LogLevel::debug);
    EXPECT_EQ(settings.root.intensity, 0U);
    EXPECT_EQ(settings.root.period, Duration{1});
    EXPECT_EQ(settings.root.on_give_up, core::OnGiveUp::crash);
}

TEST(good_settings, links_to_siblings_and_paths_in_every_mode_decision_14) {
    const Settings settings = read(R"({"supervisor": {"children": [
        {"name": "a", "exec": ["a"], "links": [{"to": "b"}, {"to": "s/x", "mode": "notify"}, {"to": "s", "mode": "peer"}]},
        {"name": "b", "exec": ["b"]},
        {"name": "s", "links": [{"to": "a", "mode": "monitor"}], "supervisor": {"children": [
            {"name": "x", "exec": ["x"], "links": [{"to": "y"}, {"to": "a"}, {"to": "s/y"}]},
            {"name": "y", "exec": ["y"]}]}}]}})");
    const auto& links = settings.root.children.at(0).links;
    ASSERT_EQ(links.size(), 3U);
    EXPECT_EQ(links[0].to, "b");
    EXPECT_EQ(links[0].mode, LinkMode::monitor);
    EXPECT_EQ(links[1].to, "s/x");
    EXPECT_EQ(links[1].mode, LinkMode::notify);
    EXPECT_EQ(links[2].mode, LinkMode::peer);
    EXPECT_EQ(settings.root.children.at(2).supervisor.at(0).children.at(0).links.size(), 3U);
}

TEST(good_settings, a_sibling_is_meant_before_a_path_of_the_same_name_decision_14) {
    // Below the root there is an `a` as well, which is the supervisor; the sibling of that name is meant.
    const std::string_view text = R"({"supervisor": {"children": [{"name": "a", "supervisor": {"children": [
        {"name": "a", "exec": ["a"]}, {"name": "b", "exec": ["b"], "links": [{"to": "a"}]}]}}]}})";
    read(text);
    const Reading itself = read_settings(R"({"supervisor": {"children": [{"name": "a", "supervisor": {"children": [
        {"name": "a", "exec": ["a"], "links": [{"to": "a"}]}]}}]}})",
                                         "t.json");
    ASSERT_EQ(itself.errors.size(), 1U);
    EXPECT_EQ(itself.errors[0].name, "self_link");
}

TEST(good_settings, comments_and_a_byte_order_mark_are_skipped) {
    const Settings settings = read("\xef\xbb\xbf// one\n{ /* two\n */ \"supervisor\": // three\n {\"intensity\": /**/ 7}}\n// four");
    EXPECT_EQ(settings.root.intensity, 7U);
}

TEST(good_settings, nothing_is_expanded) {
    const core::ChildSpec spec = child(R"({"name": "a", "exec": ["a", "$HOME", "${X}", "~", "%i"]})");
    EXPECT_EQ(spec.launch.exec, (std::vector<std::string>{"a", "$HOME", "${X}", "~", "%i"}));
}

TEST(warned_settings, a_supervisor_with_a_finite_shutdown_S_40) {
    EXPECT_EQ(
        warnings(R"({"name": "s", "shutdown": "5s", "supervisor": {}})"),
        "t.json:2:27: warning: key \"supervisor.children[0].shutdown\": a supervisor whose shutdown is not \"infinity\" has its whole "
        "subtree killed when the time is up [supervisor_shutdown]\n");
    EXPECT_EQ(warnings(R"({"name": "s", "shutdown": "infinity", "supervisor": {}})"), "");
}

TEST(warned_settings, a_transient_supervisor_without_crash_S_43) {
    EXPECT_EQ(
        warnings(R"({"name": "s", "restart": "transient", "supervisor": {}})"),
        "t.json:2:26: warning: key \"supervisor.children[0].restart\": a transient supervisor that gives up stays down, unless it has "
        "\"on_give_up\": \"crash\" [transient_supervisor]\n");
    EXPECT_EQ(warnings(R"({"name": "s", "restart": "transient", "supervisor": {"on_give_up": "crash"}})"), "");
    EXPECT_EQ(warnings(R"({"name": "s", "restart": "temporary", "supervisor": {}})"), "");
}

TEST(warned_settings, a_backoff_that_is_always_capped_X_1) {
    EXPECT_EQ(
        warnings(R"({"name": "a", "exec": ["a"], "backoff": {"initial": "1m"}})"),
        "t.json:2:41: warning: key \"supervisor.children[0].backoff\": \"initial\" (1m) is longer than \"max\" (30s), so every delay is "
        "\"max\" [backoff_capped]\n");
}

TEST(warned_settings, a_variable_that_the_daemon_sets) {
    EXPECT_EQ(
        warnings(R"({"name": "a", "exec": ["a"], "environment": {"NOTIFY_SOCKET": "/x"}})"),
        "t.json:2:46: warning: key \"supervisor.children[0].environment.NOTIFY_SOCKET\": the daemon sets this variable itself, where it "
        "is wanted [environment_overridden]\n");
}

TEST(check_config, says_ok_with_the_number_of_children_and_warns_with_exit_0_decision_30) {
    CheckResult result = check_config(R"({"supervisor": {"children": [{"name": "s", "shutdown": "1s", "supervisor":
        {"children": [{"name": "a", "exec": ["a"]}]}}]}})",
                                      "t.json");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, "t.json: ok, 2 children\n");
    EXPECT_NE(result.err.find("[supervisor_shutdown]"), std::string::npos);

    result = check_config(R"({"supervisor": {"children": [{"name": "a", "exec": ["a"]}]}})", "t.json");
    EXPECT_EQ(result.out, "t.json: ok, 1 child\n");
    EXPECT_EQ(result.err, "");

    result = check_config("{}", "t.json");
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "t.json:1:1: key \"supervisor\": expected a supervisor, got nothing [missing_supervisor]\n");
}

TEST(check_config, names_of_log_levels) {
    EXPECT_EQ(log_level_name(LogLevel::trace), "trace");
    EXPECT_EQ(log_level_name(LogLevel::error), "error");
}

/// A text that holds every kind of token, for the tests below to spoil.
constexpr std::string_view whole = R"({"log_level": "info", /* c */ "supervisor": {"intensity": 3, "period": "5s", "children": [
    {"name": "a", "exec": ["/bin/a", "\u00e4\n"], "managed": true, "backoff": {"factor": 1.5e0, "jitter": 0.25}}, // d
    {"name": "s", "supervisor": {"children": [{"name": "b", "exec": ["b"], "links": [{"to": "a", "mode": "peer"}]}]}}]}})";

TEST(hostile_settings, every_prefix_is_refused_and_none_crashes) {
    ASSERT_TRUE(read_settings(whole, "t.json").ok());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(read_settings(whole.substr(0, size), "t.json").ok()) << size;
    }
}

TEST(hostile_settings, spoiled_text_never_crashes_and_what_is_accepted_can_be_encoded) {
    constexpr std::string_view spoilers{"{}[],:\"\\/*tfn019-+.eE \n\x80\xff\0", 26};
    for (std::uint32_t seed = 0; seed < 1500; ++seed) {
        std::mt19937 chance(seed);
        std::string text{whole};
        for (std::uint_fast32_t n = 1 + chance() % 3; n > 0; --n) {
            text[chance() % text.size()] = spoilers[chance() % spoilers.size()];
        }
        const Reading reading = read_settings(text, "t.json");
        for (const Problem& problem : reading.errors) {
            EXPECT_EQ(problem_text(problem).find_first_of("\n\x1b"), std::string::npos) << seed;
        }
        if (reading.ok()) {
            EXPECT_TRUE(core::decode_spec(core::encode_spec(reading.settings.root))) << seed << "\n" << text;
        }
    }
}

TEST(hostile_settings, many_children_with_links_are_no_trouble_S_65) {
    std::string text = "{\"supervisor\": {\"children\": [";
    constexpr int children = 5'000;
    for (int i = 0; i < children; ++i) {
        text += (i > 0 ? ",{\"name\":\"c" : "{\"name\":\"c") + std::to_string(i) + R"(","exec":["x"],"links":[{"to":"c)" +
                std::to_string((i + 1) % children) + "\"}]}";
    }
    EXPECT_EQ(read_settings(text + "]}}", "t.json").children, static_cast<std::size_t>(children));
}

}  // namespace
