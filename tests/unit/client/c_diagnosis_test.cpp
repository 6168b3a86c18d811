// SPDX-License-Identifier: Apache-2.0
/// The C face's questions of an incident, answered by a script: what is shown, what is refused, what may be called meanwhile.
#include "tests/unit/client/c_face_fixture.hpp"

#include <cstddef>
#include <functional>

namespace backplane {
namespace {

// The layouts that programs are built against: members may be added at the end, and nothing else.
#if defined(__LP64__)
static_assert(sizeof(bp_cause) == 160 && offsetof(bp_cause, because) == 32 && offsetof(bp_cause, last_words) == 144);
static_assert(sizeof(bp_why) == 112 && offsetof(bp_why, ends) == 16 && offsetof(bp_why, failures) == 64);
static_assert(sizeof(bp_impact) == 176 && offsetof(bp_impact, length_ms) == 80 && offsetof(bp_impact, lists) == 120);
static_assert(sizeof(bp_told) == 160 && offsetof(bp_told, name) == 56 && offsetof(bp_told, labels) == 144);
static_assert(sizeof(bp_fate) == 96 && offsetof(bp_fate, after_ms) == 88);
static_assert(sizeof(bp_exit) == 144 && offsetof(bp_exit, code) == 64 && offsetof(bp_exit, last_words) == 128);
static_assert(sizeof(bp_log_line) == 64 && offsetof(bp_log_line, text) == 48);
static_assert(sizeof(bp_log_page) == 88 && offsetof(bp_log_page, name) == 40 && sizeof(bp_logs_options) == 24);
#endif

std::string cause_at(const bp_causes* causes, std::size_t index) {
    auto cause = sized<bp_cause>();
    const bp_status status = bp_causes_get(causes, index, &cause);
    return status != BP_OK ? bp_status_name(status, nullptr)
                           : text_of(cause.because, cause.because_length) + " " + text_of(cause.name, cause.name_length) + " " +
                                 text_of(cause.reason, cause.reason_length) + " " + std::to_string(cause.time_us) + " " +
                                 std::to_string(cause.was_ready) + " " + text_of(cause.last_words, cause.last_words_length);
}

TEST(CDiagnosis, NullHandlesAreRefusedEverywhere) {
    const bp_line line{sizeof(bp_line), 0, 1, 1};
    auto why = sized<bp_why>();
    auto impact = sized<bp_impact>();
    const auto on_exit = [](const bp_exit*, void*) { return 0; };
    const auto on_line = [](const bp_log_line*, void*) { return 0; };
    for (const bp_status answer :
         {bp_client_why(nullptr, "n", 1, 0, &why), bp_client_why_line(nullptr, &line, 0, &why),
          bp_client_impact(nullptr, "n", 1, 0, &impact), bp_client_impact_line(nullptr, &line, 0, &impact),
          bp_client_exits(nullptr, "n", 1, 0, on_exit, nullptr), bp_client_logs(nullptr, "n", 1, nullptr, 0, on_line, nullptr, nullptr),
          bp_causes_get(nullptr, 0, nullptr), bp_impact_told(nullptr, 0, nullptr), bp_impact_event(nullptr, 0, nullptr),
          bp_impact_fate(nullptr, 0, nullptr)}) {
        EXPECT_EQ(answer, BP_INVALID_ARGUMENT);
    }
    auto cause = sized<bp_cause>();
    EXPECT_EQ(bp_causes_get(nullptr, 0, &cause), BP_NOT_FOUND) << "no causes are an empty chain";
}

TEST_F(CFaceTest, WhyIsAChainFromTheEndToTheRoot) {
    wire::Why all;
    all.row.name = "web";
    all.row.kind = "process";
    all.row.state = "restarting";
    all.row.reason = "backoff";
    all.restart = "permanent";
    all.failures = 3;
    wire::Cause first;
    first.because = "ended";
    first.name = "web";
    first.id = ScriptedDaemon::line(1).id();
    first.was_ready = false;
    wire::Cause root;
    root.because = "depended_on";
    root.name = "db";
    root.reason = "signal(9)";
    root.time_us = 77;
    root.was_ready = true;
    root.last_words = "disk full\n";
    all.ends = {first, root};
    say(daemon.reply(1, all));
    auto why = sized<bp_why>();
    ASSERT_EQ(bp_client_why(client, "web, and more", 3, plenty_ns, &why), BP_OK);
    EXPECT_EQ(text_of(why.row->name, why.row->name_length), "web");
    EXPECT_EQ(text_of(why.row->reason, why.row->reason_length), "backoff");
    EXPECT_EQ(why.row->links, -1);
    EXPECT_EQ(text_of(why.restart, why.restart_length), "permanent");
    EXPECT_EQ(why.failures, 3);
    EXPECT_EQ(why.since_ms, -1) << "not known";
    ASSERT_EQ(why.end_count, 2U);
    EXPECT_EQ(cause_at(why.ends, 0), "ended web - -1 0 -");
    EXPECT_EQ(cause_at(why.ends, 1), "depended_on db signal(9) 77 1 disk full\n");
    EXPECT_EQ(cause_at(why.ends, 2), "not_found");
    EXPECT_EQ(why.waits, nullptr);
    EXPECT_EQ(why.wait_count, 0U);
    auto cause = sized<bp_cause>();
    ASSERT_EQ(bp_causes_get(why.ends, 0, &cause), BP_OK);
    const bp_line whose = c_line(1);
    EXPECT_EQ(bp_line_compare(&cause.line, &whose), 0);

    say(daemon.reply_error(2, ErrorCode::not_found, "nobody"));
    EXPECT_EQ(bp_client_why(client, "nobody", 6, plenty_ns, &why), BP_NOT_FOUND);
    bp_why unsized{};
    EXPECT_EQ(bp_client_why(client, "web", 3, plenty_ns, &unsized), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_why_line(client, nullptr, plenty_ns, &why), BP_INVALID_ARGUMENT);
    const bp_line foreign{sizeof(bp_line), 0, 1, 1};
    EXPECT_EQ(bp_client_why_line(client, &foreign, plenty_ns, &why), BP_NOT_FOUND) << "of another epoch";
}

TEST_F(CFaceTest, ImpactListsWhoIsToldWhatHappensAndWhatIsLeft) {
    wire::Impact all;
    all.name = "db";
    all.id = ScriptedDaemon::line(1).id();
    all.kind = "process";
    all.fault = "signal(9)";
    all.complete = false;
    all.ends = 2;
    all.told_total = 5;
    wire::ToldRow told;
    told.id = ScriptedDaemon::line(2).id();
    told.about = ScriptedDaemon::line(1).id();
    told.kind = "task";
    told.client = "shop/2";
    told.labels = {{"tier", "front"}};
    told.fault = "signal(9)";
    told.falls = true;
    told.after_ms = 4;
    all.told = {told};
    wire::Event event;
    event.event = "child_down";
    event.time_us = 3000;
    event.name = "db";
    event.fields = {{"restarts", std::int64_t{1}}};
    all.events = {event, event};
    all.fates.push_back({"web", "running", "down", "gave_up", std::nullopt, 9});
    say(daemon.reply(1, all));
    const bp_line line = c_line(1);
    auto impact = sized<bp_impact>();
    ASSERT_EQ(bp_client_impact_line(client, &line, plenty_ns, &impact), BP_OK);
    EXPECT_EQ(text_of(impact.name, impact.name_length) + " " + text_of(impact.fault, impact.fault_length), "db signal(9)");
    EXPECT_EQ(bp_line_compare(&impact.line, &line), 0);
    EXPECT_EQ(impact.complete, 0U);
    EXPECT_EQ(impact.ends, 2U);
    EXPECT_EQ(impact.told_count, 1U);
    EXPECT_EQ(impact.told_total, 5U);

    auto one = sized<bp_told>();
    ASSERT_EQ(bp_impact_told(impact.lists, 0, &one), BP_OK);
    EXPECT_EQ(one.falls, 1U);
    EXPECT_EQ(one.name, nullptr);
    EXPECT_EQ(bp_line_compare(&one.about, &line), 0);
    EXPECT_EQ(text_of(one.client, one.client_length), "shop/2");
    EXPECT_EQ(one.after_ms, 4);
    auto field = sized<bp_field>();
    ASSERT_EQ(one.label_count, 1U);
    ASSERT_EQ(bp_fields_get(one.labels, 0, &field), BP_OK);
    EXPECT_EQ(field.kind, BP_FIELD_TEXT);
    EXPECT_EQ(text_of(field.key, field.key_length) + "=" + text_of(field.text, field.text_length), "tier=front");
    EXPECT_EQ(bp_impact_told(impact.lists, 1, &one), BP_NOT_FOUND);

    auto step = sized<bp_event>();
    ASSERT_EQ(bp_impact_event(impact.lists, 1, &step), BP_OK);
    EXPECT_EQ(step.kind, BP_EVENT_LOG);
    EXPECT_EQ(text_of(step.what, step.what_length), "child_down");
    EXPECT_EQ(step.time_us, 3000);
    ASSERT_EQ(bp_fields_get(step.fields, 0, &field), BP_OK);
    EXPECT_EQ(field.number, 1);
    EXPECT_EQ(bp_impact_event(impact.lists, 2, &step), BP_NOT_FOUND);

    auto fate = sized<bp_fate>();
    ASSERT_EQ(bp_impact_fate(impact.lists, 0, &fate), BP_OK);
    EXPECT_EQ(text_of(fate.name, fate.name_length) + " " + text_of(fate.was, fate.was_length) + " " +
                  text_of(fate.state, fate.state_length) + " " + text_of(fate.reason, fate.reason_length),
              "web running down gave_up");
    EXPECT_EQ(fate.waits_for, nullptr);
    EXPECT_EQ(bp_impact_fate(impact.lists, 1, &fate), BP_NOT_FOUND);
}

struct Taken {
    bp_client* client = nullptr;
    std::vector<std::string> said{};
    std::size_t enough = 10;
    bp_status close = BP_OK;
    std::function<void()> first{};  ///< what is done with the first one
};

int take_exit(const bp_exit* exit, void* user) {
    auto& taken = *static_cast<Taken*>(user);
    taken.said.push_back(text_of(exit->exit_class, exit->exit_class_length) + " " + text_of(exit->fault, exit->fault_length) + " " +
                         std::to_string(exit->code) + " " + std::to_string(exit->signal) + " " +
                         text_of(exit->last_words, exit->last_words_length));
    taken.close = bp_client_close(taken.client);
    return taken.said.size() >= taken.enough ? 1 : 0;
}

TEST_F(CFaceTest, ExitsAreHandedOutUntilThereAreEnough) {
    wire::ExitRows rows;
    rows.name = "web";
    wire::ExitRow killed;
    killed.exit_class = "abnormal";
    killed.fault = "signal(9)";
    killed.signal = 9;
    killed.last_words = "out of luck\n";
    wire::ExitRow well;
    well.exit_class = "normal";
    well.code = 0;
    rows.rows = {killed, well};
    say(daemon.reply(1, rows));
    Taken taken{client};
    ASSERT_EQ(bp_client_exits(client, "web", 3, plenty_ns, take_exit, &taken), BP_OK);
    EXPECT_EQ(taken.said, (std::vector<std::string>{"abnormal signal(9) -1 9 out of luck\n", "normal - 0 -1 -"}));
    EXPECT_EQ(taken.close, BP_BUSY);
    taken.said.clear();
    taken.enough = 1;
    say(daemon.reply(2, rows));
    ASSERT_EQ(bp_client_exits(client, "web", 3, plenty_ns, take_exit, &taken), BP_OK);
    EXPECT_EQ(taken.said.size(), 1U);
    EXPECT_EQ(bp_client_exits(client, "web", 3, plenty_ns, nullptr, nullptr), BP_INVALID_ARGUMENT);
}

int take_line(const bp_log_line* line, void* user) {
    auto& taken = *static_cast<Taken*>(user);
    taken.said.push_back(std::to_string(line->number) + " " + text_of(line->stream, line->stream_length) + " " +
                         text_of(line->text, line->text_length) + (line->goes_on != 0 ? " …" : ""));
    if (taken.said.size() == 1) {
        taken.first();
    }
    return 0;
}

TEST_F(CFaceTest, LogsAreLinesAndAPage) {
    wire::LogRows rows;
    rows.name = "web";
    rows.rows = {{7, 1, 1, "stdout", true, "long"}, {8, 2, 1, "stderr", false, "err"}};
    rows.next = 9;
    rows.end = 12;
    rows.missed = 3;
    rows.stderr_to = "relay";
    wire::LogRows other;
    other.name = "other";
    other.rows = {{1, 1, 1, "stdout", false, "inner"}};
    say(daemon.reply(1, rows));
    Taken taken{client};
    taken.first = [&] {  // a page within a page
        say(daemon.reply(2, other));
        auto inner = sized<bp_log_page>();
        EXPECT_EQ(bp_client_logs(client, "other", 5, nullptr, plenty_ns, take_line, &taken, &inner), BP_OK);
        EXPECT_EQ(text_of(inner.name, inner.name_length), "other");
    };
    auto options = sized<bp_logs_options>();
    options.flags = BP_LOGS_SINCE;
    options.since = 4;
    auto page = sized<bp_log_page>();
    std::string sent(1 << 16, '\0');
    static_cast<void>(::recv(peer, sent.data(), sent.size(), MSG_DONTWAIT));
    ASSERT_EQ(bp_client_logs(client, "web", 3, &options, plenty_ns, take_line, &taken, &page), BP_OK);
    EXPECT_EQ(taken.said, (std::vector<std::string>{"7 stdout long …", "1 stdout inner", "8 stderr err"}));
    EXPECT_EQ(text_of(page.name, page.name_length), "web");
    EXPECT_EQ(page.next, 9U);
    EXPECT_EQ(page.end, 12U);
    EXPECT_EQ(page.missed, 3U);
    EXPECT_EQ(text_of(page.stdout_to, page.stdout_to_length) + text_of(page.stderr_to, page.stderr_to_length), "-relay");
    const ssize_t count = ::recv(peer, sent.data(), sent.size(), MSG_DONTWAIT);
    ASSERT_GT(count, 0);
    std::vector<wire::Request> asked;
    for (const SentFrame& frame : frames_of(std::string_view{sent}.substr(0, static_cast<std::size_t>(count)))) {
        if (frame.type == wire::FrameType::request) {
            std::uint64_t number = 0;
            asked.push_back(*wire::decode_request(frame.view(), number));
        }
    }
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[0].since, 4U);
    EXPECT_EQ(asked[1].since, std::nullopt) << "nothing was asked for";
    options.flags = 8;
    EXPECT_EQ(bp_client_logs(client, "web", 3, &options, plenty_ns, take_line, &taken, &page), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_logs(client, "web", 3, nullptr, plenty_ns, nullptr, &taken, &page), BP_INVALID_ARGUMENT);
    page.size = 0;
    EXPECT_EQ(bp_client_logs(client, "web", 3, nullptr, plenty_ns, take_line, &taken, &page), BP_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace backplane
