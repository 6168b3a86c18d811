// SPDX-License-Identifier: Apache-2.0
/// What backplanectl prints, value by value, and what of it programs rely on.
#include "client/render/render.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace backplane::render {
namespace {

using nlohmann::json;

Line line(std::uint32_t slot) { return Line{Epoch{0x9f3a}, DeviceId::make(1, slot)}; }

DeviceRow row(std::string name, std::string kind, std::optional<std::string> supervisor, std::uint32_t slot) {
    DeviceRow row;
    row.name = std::move(name);
    row.kind = std::move(kind);
    row.state = "running";
    row.supervisor = std::move(supervisor);
    row.line = line(slot);
    row.restarts = 0;
    return row;
}

std::vector<DeviceRow> sample() {
    std::vector<DeviceRow> rows{row("/", "supervisor", std::nullopt, 1), row("db", "process", "/", 2),
                                row("sub", "supervisor", "/", 3),        row("sub/w1", "process", "sub", 4),
                                row("web", "process", "/", 5),           row("ping", "task", std::nullopt, 6)};
    rows[1].pid = 4242;
    rows[1].restarts = 2;
    rows[3].state = "restarting";
    rows[3].fault = "exit(3)";
    rows[3].line.reset();
    return rows;
}

TEST(TreeTest, DrawsNestedSupervisors) {
    EXPECT_EQ(tree_text(sample()),
              "/         running\n"
              "├─ db     running     pid 4242  2 restarts\n"
              "├─ sub    running\n"
              "│  └─ w1  restarting  exit(3)\n"
              "└─ web    running\n"
              "ping      running     task\n");
}

TEST(TreeTest, RowsWithoutTheirSupervisorStandAtTheTop) { EXPECT_EQ(tree_text({row("sub/w1", "process", "sub", 1)}), "sub/w1  running\n"); }

TEST(TreeTest, HostileRowsAreDrawnOnceAndNeverForEver) {
    // Each other's supervisor: neither is at the top.
    EXPECT_EQ(tree_text({row("a", "supervisor", "b", 1), row("b", "supervisor", "a", 2)}), "a     running\n└─ b  running\n");
    EXPECT_EQ(tree_text({row("a", "supervisor", "a", 1)}), "a  running\n");
}

TEST(ListTest, TextHasADashWhereThereIsNothing) {
    const std::string text = list_text({sample()[3]});
    EXPECT_EQ(text,
              "NAME    KIND     STATE       PID  RESTARTS  FAULT    ID\n"
              "sub/w1  process  restarting  -    0         exit(3)  -\n");
}

TEST(ListTest, JsonHasEveryKeyAndNullWhereThereIsNothing) {
    const json rows = json::parse(list_json(sample()));
    ASSERT_EQ(rows.size(), 6U);
    EXPECT_EQ(rows[1], json::parse(R"({"name":"db","id":"9f3a.1.2","kind":"process","state":"running","pid":4242,"restarts":2,
                                      "supervisor":"/","fault":null,"reason":null,"waits_for":null,"held":false,"next_start_ms":null,
                                      "strategy":null,"window_used":null,"intensity":null,"labels":{}})"));
    EXPECT_TRUE(rows[3].at("id").is_null());
    EXPECT_TRUE(rows[0].at("supervisor").is_null());
    EXPECT_EQ(list_json({}), "[]\n");
}

TEST(ListTest, LabelsHaveAColumnWhereThereAreAny) {
    std::vector<DeviceRow> rows{sample()[3], sample()[3]};
    rows[1].labels = {{"app", "shop"}, {"note", "x\x1b"}};
    EXPECT_EQ(list_text(rows),
              "NAME    KIND     STATE       PID  RESTARTS  FAULT    ID  LABELS\n"
              "sub/w1  process  restarting  -    0         exit(3)  -   -\n"
              "sub/w1  process  restarting  -    0         exit(3)  -   app=shop,note=x\\x1b\n");
    EXPECT_EQ(json::parse(list_json(rows))[1].at("labels"), json::parse(R"({"app":"shop","note":"x\u001b"})"));
    Description description;
    description.row = rows[1];
    const std::string text = status_text(description);
    EXPECT_NE(text.find("  label       app=shop\n"), std::string::npos) << text;
    EXPECT_EQ(json::parse(status_json(description)).at("labels").at("app"), "shop");
}

TEST(StatusTest, TextSaysWhatIsKnownAndNothingElse) {
    Description description;
    description.row = sample()[1];
    description.last_exit = "signal(9)";
    description.links = {{line(5), LinkMode::notify, "web"}};
    description.links_total = 2;
    EXPECT_EQ(status_text(description),
              "db: process, running\n"
              "  pid           4242\n"
              "  id            9f3a.1.2\n"
              "  supervisor    /\n"
              "  restarts      2\n"
              "  last exit     signal(9)\n"
              "  notify        web  9f3a.1.5\n"
              "  links in all  2\n");
    const json all = json::parse(status_json(description));
    EXPECT_EQ(all.at("last_exit"), "signal(9)");
    EXPECT_TRUE(all.at("failures").is_null());
    EXPECT_EQ(all.at("links").at(0).at("mode"), "notify");
}

TEST(ExitsTest, EachIsALineWithItsWordsBelow) {
    ExitRecord crash;
    crash.time_us = 1'738'324'800'000'001;
    crash.uptime_ms = 125'000;
    crash.was_ready = true;
    crash.exit_class = "abnormal";
    crash.fault = "signal(11)";
    crash.signal = 11;
    crash.core = true;
    crash.last_words = "first\n\x1b[2Jlast";
    ExitRecord failed;
    failed.exit_class = "abnormal";
    failed.fault = "cascade(9f3a.1.5)";
    failed.code = 0;
    failed.root = line(5);
    failed.root_fault = "exit(3)";
    EXPECT_EQ(
        exits_text({crash, failed}, 3),
        "  exit 2025-01-31T12:00:00.000001Z  signal(11), core dumped, after 2 min 5 s\n"
        "    | first\n"
        "    | \\x1b[2Jlast\n"
        "  exit 1970-01-01T00:00:00.000000Z  cascade(9f3a.1.5), exit code 0, root 9f3a.1.5 exit(3), after 0 ms, before it was ready\n");
    EXPECT_EQ(exits_text({crash, failed}, 0), "");
    const json all = json::parse(status_json(Description{}, {crash}));
    EXPECT_EQ(all.at("exits").at(0).at("last_words"), "first\n\x1b[2Jlast");
    EXPECT_TRUE(all.at("exits").at(0).at("root").is_null());
}

TEST(LogsTest, LinesAreShownHarmlessAndWhatIsMissingIsSaid) {
    LogPage page;
    page.name = "web";
    page.lines = {{7, 1'738'324'800'000'001, 2, "stderr", true, "a\tb\x9b"}};
    page.stdout_to = "inherit";
    page.stderr_to = "relay";
    EXPECT_EQ(log_line_text(page.lines[0]), "2025-01-31T12:00:00.000001Z stderr> a\\x09b\\x9b\n");
    EXPECT_EQ(log_page_notes(page, true), "(stdout is not kept: it is \"inherit\")\n");
    EXPECT_EQ(log_page_notes(page, false), "");
    page.missed = 3;
    EXPECT_EQ(log_page_notes(page, false), "(3 lines were not kept until now)\n");
    const std::string text = log_page_json(page);
    const json gap = json::parse(text.substr(0, text.find('\n')));
    EXPECT_EQ(gap.at("missed"), 3);
    EXPECT_EQ(json::parse(text.substr(text.find('\n'))).at("number"), 7);
}

TEST(EventTest, JsonAndTextCarryTheOwnFields) {
    LogEvent event;
    event.seq = 131072;
    event.time_us = 1'738'324'800'000'001;
    event.event = "restart";
    event.name = "db";
    event.line = line(2);
    event.fields = {{"cause", std::string{"signal(9)"}}, {"window_count", std::int64_t{1}}, {"other", line(3)}};
    const std::string expected = R"~({"seq":131072,"time":"2025-01-31T12:00:00.000001Z","event":"restart","name":"db","id":"9f3a.1.2",)~"
                                 R"~("cause":"signal(9)","window_count":1,"other":"9f3a.1.3"})~";
    EXPECT_EQ(event_json(event), expected + "\n");
    EXPECT_EQ(event_text(event), "131072  2025-01-31T12:00:00.000001Z  restart  db cause=signal(9) window_count=1 other=9f3a.1.3\n");
}

TEST(EventTest, GapIsItsSpanAndNothingElse) {
    LogEvent gap;
    gap.event = "gap";
    gap.fields = {{"from", std::int64_t{3}}, {"to", std::int64_t{9}}};
    EXPECT_EQ(event_json(gap), "{\"event\":\"gap\",\"from\":3,\"to\":9}\n");
}

TEST(TimeTest, IsRfc3339InUtcWithMicroseconds) {
    EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(time_text(951'782'399'999'999), "2000-02-28T23:59:59.999999Z");
    EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(ShownTest, NoStrangersTextMovesTheCursor) {  // threats: escaped on display
    EXPECT_EQ(shown("db"), "db");
    EXPECT_EQ(shown("bücher €"), "bücher €");
    EXPECT_EQ(shown("a\x1b[2Jb\nc\x7f"), "a\\x1b[2Jb\\x0ac\\x7f");
    EXPECT_EQ(shown("\xc2\x9b"
                    "1m"),
              "\\xc2\\x9b1m");
    EXPECT_EQ(shown("\xff\xc3"), "\\xff\\xc3");
    EXPECT_EQ(shown(std::string_view{"\0", 1}), "\\x00");
    DeviceRow evil = row("a\nb", "process", "/", 1);
    EXPECT_EQ(list_text({evil}).find("a\nb"), std::string::npos);
    EXPECT_EQ(tree_text({evil}).find("a\nb"), std::string::npos);
    evil.name = "\xff";
    EXPECT_TRUE(json::accept(list_json({evil})));
}

TEST(EndedTest, SaysHowItEnded) {
    EXPECT_EQ(ended_text({"db", line(1), std::nullopt}), "db ended without a fault\n");
    EXPECT_EQ(ended_text({"db", line(1), "signal(9)"}), "db went down: signal(9)\n");
    EXPECT_EQ(ended_json({"db", line(1), "signal(9)"}), "{\"name\":\"db\",\"id\":\"9f3a.1.1\",\"fault\":\"signal(9)\"}\n");
}

TEST(ErrorTest, IsOneLine) {
    EXPECT_EQ(error_line({ErrorCode::not_found, "no\nbody"}), "backplanectl: not_found: no\\x0abody\n");
    EXPECT_EQ(error_json({ErrorCode::not_found, "x"}), "{\"error\":\"not_found\",\"detail\":\"x\"}\n");
}

TEST(PongTest, JsonNamesTheDaemonsPid) {
    Pong pong;
    pong.daemon.pid = 17;
    pong.daemon.epoch = Epoch{0x9f3a};
    const json all = json::parse(pong_json(pong));
    EXPECT_EQ(all.at("pid"), 17);
    EXPECT_EQ(all.at("epoch"), "9f3a");
}

}  // namespace
}  // namespace backplane::render
