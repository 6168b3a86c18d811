// SPDX-License-Identifier: Apache-2.0
/// What `why`, `impact` and `describe` print: sentences for people, every key for programs.
#include "client/render/diagnosis.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace backplane::render {
namespace {

using nlohmann::json;

Line line(std::uint32_t slot) { return Line{Epoch{0x9f3a}, DeviceId::make(1, slot)}; }

Cause cause(std::string because, std::string name, std::uint32_t slot, std::string reason) {
    Cause cause;
    cause.because = std::move(because);
    cause.name = std::move(name);
    cause.line = line(slot);
    cause.state = "running";
    cause.reason = std::move(reason);
    return cause;
}

Why cascade() {
    Why why;
    why.row.name = "api";
    why.row.kind = "process";
    why.row.state = "restarting";
    why.row.supervisor = "/";
    why.row.reason = "backoff";
    why.row.next_start_ms = 1'200;
    why.failures = 2;
    why.since_ms = 90'000;
    why.restart_count = 3;
    why.window_used = 3;
    why.window_intensity = 5;
    why.window_period_ms = 5'000;
    why.ends = {cause("ended", "api", 2, "cascade(" + line(1).text() + ")"), cause("depended_on", "db", 1, "exit(3)")};
    why.ends[1].age_ms = 90'000;
    why.ends[1].time_us = 0;
    why.ends[1].was_ready = true;
    why.ends[1].uptime_ms = 7'205'000;
    return why;
}

TEST(WhyTextTest, LeadsFromTheStateToTheRoot) {
    EXPECT_EQ(why_it_is_text(cascade()),
              "api is restarting: backoff, 1.2 s left, for 1 min 30 s\n"
              "  api ended last: cascade of db\n"
              "    because api depended on db (now running), which ended: exit(3), 1 min 30 s ago (1970-01-01T00:00:00.000000Z), "
              "after it had been ready for 2 h\n"
              "  then: its last restart was number 3 in the window of /; of the 5 restarts that / allows in 5 s, 3 are used now; "
              "2 failures in a row\n");
}

TEST(WhyTextTest, SaysWhatItDoesNotKnow) {
    Why why;
    why.row.name = "a\x1b";
    why.row.state = "running";
    EXPECT_EQ(why_it_is_text(why), "a\\x1b is running\n  it has never ended, as far as is known\n");
    why.ends = {cause("ended", "a", 1, "shutdown"), Cause{}};
    why.ends[1].because = "asked";
    EXPECT_NE(why_it_is_text(why).find("because somebody had it stopped"), std::string::npos);
    why.ends[1].because = "moonlight";
    EXPECT_NE(why_it_is_text(why).find("because moonlight something that is forgotten: how it ended is not known"), std::string::npos);
}

TEST(WhyTextTest, JsonHasEveryKey) {
    const json said = json::parse(why_it_is_json(cascade()));
    EXPECT_EQ(said.at("ends").size(), 2U);
    for (const char* key :
         {"because", "name", "id", "kind", "state", "reason", "time", "age_ms", "uptime_ms", "was_ready", "window_count"}) {
        EXPECT_TRUE(said.at("ends")[0].contains(key)) << key;
    }
    EXPECT_EQ(said.at("window").at("intensity"), 5);
    EXPECT_EQ(said.at("waits"), json::array());
    EXPECT_EQ(said.at("state"), "restarting");
}

Impact impact() {
    Impact impact;
    impact.name = "db";
    impact.line = line(1);
    impact.kind = "process";
    impact.fault = "signal(9)";
    impact.length_ms = 200;
    impact.ends = 2;
    impact.falls = 1;
    impact.starts = 1;
    const auto add = [&](std::int64_t after, std::string event, std::string name, std::vector<LogEvent::Field> fields) {
        LogEvent happens;
        happens.time_us = after * 1'000;
        happens.event = std::move(event);
        happens.name = std::move(name);
        happens.fields = std::move(fields);
        impact.events.push_back(std::move(happens));
    };
    add(0, "child_down", "db", {{"reason", std::string{"signal(9)"}}});
    add(0, "restart", "db", {{"supervisor", std::string{"/"}}, {"window_count", std::int64_t{2}}});
    add(0, "child_ready", "db", {});
    add(0, "child_down", "api", {{"reason", "cascade(" + line(1).text() + ")"}});
    add(200, "child_starting", "db", {});
    impact.events_total = 7;
    Impact::Told told;
    told.line = line(7);
    told.kind = "task";
    told.client = "shop/1";
    told.about = line(1);
    told.about_name = "db";
    told.fault = "signal(9)";
    told.labels = {{"app", "shop"}};
    impact.told = {told};
    impact.told_total = 1;
    impact.fates = {{"web", "running", "restarting", "blocked", "db", 0}};
    impact.fates_total = 1;
    return impact;
}

TEST(ImpactTextTest, TellsInItsOrderWithNamesForLines) {
    EXPECT_EQ(impact_text(impact()),
              "If db died now, by signal(9), and all others behaved:\n"
              "           db   dies: signal(9)\n"
              "           db   is to be restarted: number 2 in the window of /\n"
              "           api  falls: cascade of db\n"
              "  +200 ms  db   is started\n"
              "  and 2 more\n"
              "1 is told:\n"
              "  9f3a.1.7  task  shop/1  of db: signal(9)    app=shop\n"
              "In the end not as before:\n"
              "  web  restarting: blocked for db  (now running)\n"
              "2 would end, 1 of them by a cascade; 1 would be started; 0 supervisors would give up.\n");
}

TEST(ImpactTextTest, SaysThatItIsNotAll) {
    Impact cut;
    cut.name = "sub";
    cut.kind = "supervisor";
    cut.fault = "signal(9)";
    cut.complete = false;
    const std::string text = impact_text(cut);
    EXPECT_TRUE(text.starts_with("If all below sub died now, each by signal(9)")) << text;
    EXPECT_NE(text.find("Nobody is told.\nIn the end all is as before.\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("cut short.\n")) << text;
}

TEST(ImpactTextTest, JsonHasEveryKey) {
    const json said = json::parse(impact_json(impact()));
    for (const char* key : {"name", "id", "kind", "fault", "complete", "length_ms", "ends", "falls", "starts", "gives_up", "told",
                            "told_total", "events", "events_total", "fates", "fates_total"}) {
        EXPECT_TRUE(said.contains(key)) << key;
    }
    EXPECT_EQ(said.at("events")[4].at("after_ms"), 200);
    EXPECT_EQ(said.at("told")[0].at("labels").at("app"), "shop");
    EXPECT_EQ(said.at("fates")[0].at("waits_for"), "db");
}

TEST(DetailsTest, ShowConfigurationAndBothEndsOfOrders) {
    Details details;
    details.about.row.name = "web";
    details.about.row.kind = "process";
    details.about.row.state = "running";
    details.about.orders = {{"log", LinkMode::notify}};
    details.about.needs = {"db"};
    details.about.needed_by = {"api"};
    details.about.orders_total = 9;
    details.spec = R"({"name":"web"})";
    details.cgroup = "/backplaned/worker-2-1";
    const std::string text = details_text(details);
    for (const char* part : {"web: process, running\n", "is to be linked", "notify  log", "requires", "required by",
                             "such relations in all", R"({"name":"web"})", "/backplaned/worker-2-1"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
    }
    const json said = json::parse(details_json(details));
    EXPECT_EQ(said.at("spec").at("name"), "web");
    EXPECT_EQ(said.at("requires"), json::array({"db"}));
    EXPECT_EQ(said.at("orders")[0].at("mode"), "notify");
}

TEST(SpanTest, IsShortAndTrue) {
    EXPECT_EQ(span_text(350), "350 ms");
    EXPECT_EQ(span_text(1'997), "1.9 s");
    EXPECT_EQ(span_text(5'000), "5 s");
    EXPECT_EQ(span_text(59'999), "59 s");
    EXPECT_EQ(span_text(185'000), "3 min 5 s");
    EXPECT_EQ(span_text(7'800'000), "2 h 10 min");
    EXPECT_EQ(span_text(97LL * 3'600'000), "4 d 1 h");
}

}  // namespace
}  // namespace backplane::render
