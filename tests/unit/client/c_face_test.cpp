// SPDX-License-Identifier: Apache-2.0
/// The C face over a socket pair whose other end is scripted: what it refuses, how it copes with older and newer structs, when it calls.
/// tests/integration/c_face.c uses it from C.
#include "tests/unit/client/c_face_fixture.hpp"

#include <backplane/backplane.h>
#include <backplane/backplane.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

namespace backplane {
namespace {

// The layouts that programs are built against: members may be added at the end, and nothing else.
#if defined(__LP64__)
static_assert(sizeof(bp_line) == 24 && offsetof(bp_line, epoch) == 8 && offsetof(bp_line, id) == 16);
static_assert(sizeof(bp_fault) == 88 && offsetof(bp_fault, cascade) == 24 && offsetof(bp_fault, text) == 72);
static_assert(sizeof(bp_message) == 40 && offsetof(bp_message, line) == 8 && offsetof(bp_message, fault) == 32);
static_assert(sizeof(bp_event) == 160 && offsetof(bp_event, line) == 16 && offsetof(bp_event, name) == 64);
static_assert(offsetof(bp_event, incarnation) == 112 && offsetof(bp_event, fields) == 144);
static_assert(sizeof(bp_field) == 72 && offsetof(bp_field, number) == 24 && offsetof(bp_field, line) == 48);
static_assert(sizeof(bp_row) == 256 && offsetof(bp_row, reason) == 224 && offsetof(bp_row, name) == 32 && offsetof(bp_row, pid) == 112);
static_assert(offsetof(bp_row, last_exit) == 128 && offsetof(bp_row, failures) == 176);
static_assert(sizeof(bp_connect_options) == 48 && offsetof(bp_connect_options, timeout_ns) == 40);
static_assert(sizeof(bp_device_options) == 56 && offsetof(bp_device_options, labels) == 40 && sizeof(bp_subscribe_options) == 16);
static_assert(sizeof(bp_handlers) == 24 && sizeof(bp_end) == 40);
#endif

/// `name -> number` of what a header's enumeration says.
std::map<std::string, int> enumerators(const std::string& path, const std::string& begin, const std::regex& entry) {
    std::ifstream file{std::string{BP_SOURCE_DIR} + "/" + path};
    std::ostringstream all;
    all << file.rdbuf();
    std::string text = all.str();
    text = text.substr(text.find(begin));
    text = text.substr(0, text.find("};"));
    std::map<std::string, int> found;
    for (std::sregex_iterator at{text.begin(), text.end(), entry}, end; at != end; ++at) {
        std::string name = (*at)[1];
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        found.emplace(name, std::stoi((*at)[2]));
    }
    return found;
}

TEST(CFace, CodesAreThoseOfErrorHpp) {  // in both directions, as the headers say and as the table knows them
    const auto c = enumerators("client/include/backplane/backplane.h", "enum bp_status_code {", std::regex{R"(\bBP_([A-Z_]+) = (\d+))"});
    const auto cpp = enumerators("proto/include/backplane/error.hpp", "enum class ErrorCode", std::regex{R"(\b([a-z_]+) = (\d+),)"});
    EXPECT_GT(c.size(), 40U);
    EXPECT_EQ(c, cpp);
    for (const auto& [name, number] : c) {
        std::size_t length = 0;
        EXPECT_STREQ(bp_status_name(number, &length), name.c_str());
        EXPECT_EQ(length, name.size());
    }
    for (const bp_status unknown : {-1, 8, 65535, 65536, INT32_MAX, INT32_MIN}) {
        EXPECT_STREQ(bp_status_name(unknown, nullptr), "unknown_error") << unknown;
    }
    EXPECT_EQ(BP_WRONG_PROCESS, static_cast<int>(ErrorCode::wrong_process));
}

TEST(CFace, VersionsAreCompared) {
    EXPECT_EQ(bp_api_version(), (std::uint32_t{BP_API_VERSION_MAJOR} << 16) | BP_API_VERSION_MINOR);
    EXPECT_EQ(bp_is_compatible(BP_API_VERSION_MAJOR, BP_API_VERSION_MINOR), 1);
    EXPECT_EQ(bp_is_compatible(BP_API_VERSION_MAJOR, 0), 1);
    EXPECT_EQ(bp_is_compatible(BP_API_VERSION_MAJOR, BP_API_VERSION_MINOR + 1), 0);
    EXPECT_EQ(bp_is_compatible(BP_API_VERSION_MAJOR + 1, 0), 0);
    std::size_t length = 0;
    const char* text = bp_version_text(&length);
    EXPECT_EQ(std::strlen(text), length);
}

TEST(CFace, LinesAreValues) {
    auto line = sized<bp_line>();
    const std::string text = "9f3ac41d20b7e655.1.4c";
    ASSERT_EQ(bp_line_parse((text + "and more").data(), text.size(), &line), BP_OK) << "the length ends the text";
    EXPECT_EQ(line.epoch, 0x9f3ac41d20b7e655U);
    EXPECT_EQ(line.id, DeviceId::make(1, 0x4c).value);
    std::array<char, BP_LINE_TEXT_MAX> buffer{};
    std::size_t length = 0;
    ASSERT_EQ(bp_line_format(&line, buffer.data(), text.size(), &length), BP_OK) << "exactly as much room as it takes";
    EXPECT_EQ(text_of(buffer.data(), length), text);
    length = 0;
    EXPECT_EQ(bp_line_format(&line, buffer.data(), text.size() - 1, &length), BP_INVALID_ARGUMENT);
    EXPECT_EQ(length, text.size()) << "what it would take";
    bp_line other = line;
    EXPECT_EQ(bp_line_compare(&line, &other), 0);
    EXPECT_EQ(bp_line_hash(&line), bp_line_hash(&other));
    other.id += 1;
    EXPECT_LT(bp_line_compare(&line, &other), 0);
    EXPECT_GT(bp_line_compare(&other, &line), 0);
    EXPECT_GT(bp_line_compare(&line, nullptr), 0);
    EXPECT_EQ(bp_line_parse("nonsense", 8, &line), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_line_parse(nullptr, 3, &line), BP_INVALID_ARGUMENT);
    line.size = 8;
    EXPECT_EQ(bp_line_parse(text.data(), text.size(), &line), BP_INVALID_ARGUMENT) << "a line is whole or not at all";
}

TEST(CFace, NullHandlesAreRefusedEverywhere) {
    auto line = sized<bp_line>();
    auto row = sized<bp_row>();
    auto message = sized<bp_message>();
    auto event = sized<bp_event>();
    auto end = sized<bp_end>();
    bp_device* device = nullptr;
    const auto on_row = [](const bp_row*, void*) { return 0; };
    const std::vector<bp_status> answers{bp_client_close(nullptr),
                                         bp_client_error(nullptr, nullptr, nullptr),
                                         bp_client_ended(nullptr, nullptr, nullptr),
                                         bp_client_dispatch(nullptr),
                                         bp_client_wait(nullptr, 0),
                                         bp_client_flush(nullptr),
                                         bp_client_set_handlers(nullptr, nullptr, nullptr),
                                         bp_client_next_message(nullptr, 0, &device, &message),
                                         bp_client_next_event(nullptr, 0, &event),
                                         bp_client_register_name(nullptr, "n", 1, nullptr, 0),
                                         bp_client_release_name(nullptr, "n", 1, 0),
                                         bp_client_lookup(nullptr, "n", 1, 0, &line),
                                         bp_client_route(nullptr, "n", 1, "k", 1, 0, &line),
                                         bp_client_watch_name(nullptr, "n", 1, 0),
                                         bp_client_unwatch_name(nullptr, "n", 1, 0),
                                         bp_client_ping(nullptr, 0, nullptr),
                                         bp_client_list(nullptr, 0, on_row, nullptr),
                                         bp_client_describe(nullptr, "n", 1, 0, &row),
                                         bp_client_describe_line(nullptr, &line, 0, &row),
                                         bp_client_start(nullptr, "n", 1, 0, 0),
                                         bp_client_stop(nullptr, "n", 1, 0, 0),
                                         bp_client_restart(nullptr, "n", 1, 0, 0),
                                         bp_client_ready(nullptr, 0),
                                         bp_client_subscribe(nullptr, nullptr, 0),
                                         bp_client_unsubscribe(nullptr, 0),
                                         bp_client_device(nullptr, &device),
                                         bp_client_open_device(nullptr, nullptr, &device),
                                         bp_device_close(nullptr),
                                         bp_device_set_user(nullptr, nullptr),
                                         bp_device_line(nullptr, &line),
                                         bp_device_link(nullptr, &line, BP_LINK_PEER),
                                         bp_device_link_wait(nullptr, &line, BP_LINK_PEER, 0),
                                         bp_device_unlink(nullptr, &line, BP_LINK_PEER),
                                         bp_device_unlink_wait(nullptr, &line, BP_LINK_PEER, 0, nullptr),
                                         bp_device_request_shutdown(nullptr, &line),
                                         bp_device_disconnect(nullptr, nullptr),
                                         bp_device_try_receive(nullptr, &message),
                                         bp_device_next(nullptr, 0, &message),
                                         bp_device_ended(nullptr, &end),
                                         bp_client_connect(nullptr, nullptr, nullptr, 0),
                                         bp_client_adopt(nullptr, nullptr, nullptr, 0),
                                         bp_client_from_environment(nullptr, nullptr, nullptr, 0),
                                         bp_client_over(0, nullptr, nullptr, nullptr, 0),
                                         bp_line_format(nullptr, nullptr, 0, nullptr),
                                         bp_fault_format(nullptr, nullptr, 0, nullptr),
                                         bp_fields_get(nullptr, 0, nullptr),
                                         bp_line_parse("", 0, nullptr)};
    for (std::size_t i = 0; i < answers.size(); ++i) {
        EXPECT_EQ(answers[i], BP_INVALID_ARGUMENT) << i;
    }
    EXPECT_EQ(bp_client_fd(nullptr), -1);
    EXPECT_EQ(bp_client_epoch(nullptr), 0U);
    EXPECT_EQ(bp_client_is_worker(nullptr) + bp_device_is_alive(nullptr), 0);
    EXPECT_EQ(bp_device_id(nullptr), 0U);
    EXPECT_EQ(bp_device_user(nullptr), nullptr);
    EXPECT_EQ(bp_device_client(nullptr), nullptr);
    EXPECT_EQ(bp_line_hash(nullptr), 0U);
}

TEST(CFace, FailedConnectSaysWhy) {
    auto options = sized<bp_connect_options>();
    const std::string path = "/nonexistent/backplane.sock, and what stands behind";
    options.path = path.data();
    options.path_length = path.find(',');
    std::array<char, 64> detail{};
    bp_client* client = reinterpret_cast<bp_client*>(&options);
    EXPECT_EQ(bp_client_connect(&options, &client, detail.data(), detail.size()), BP_UNREACHABLE);
    EXPECT_EQ(client, nullptr);
    EXPECT_NE(std::string{detail.data()}.find("/nonexistent/backplane.sock"), std::string::npos) << detail.data();
    EXPECT_EQ(std::string{detail.data()}.find("behind"), std::string::npos);
    EXPECT_EQ(bp_client_connect(&options, &client, detail.data(), 4), BP_UNREACHABLE);
    EXPECT_EQ(std::strlen(detail.data()), 3U) << "cut, and ended";
    options.flags = 0x80;
    EXPECT_EQ(bp_client_connect(&options, &client, nullptr, 0), BP_INVALID_ARGUMENT) << "a flag of the future is not passed over";
}

TEST_F(CFaceTest, OlderAndNewerStructsAreUnderstood) {
    struct Newer {
        bp_device_options known;
        std::uint64_t more;
    } newer{sized<bp_device_options>(), 0};
    newer.known.size = sizeof(newer);
    bp_device* another = nullptr;
    EXPECT_EQ(bp_client_open_device(client, &newer.known, &another), BP_OK) << "what is zero is not asked for";
    newer.more = 1;
    EXPECT_EQ(bp_client_open_device(client, &newer.known, &another), BP_INVALID_ARGUMENT) << "what is asked for is not passed over";
    auto older = sized<bp_device_options>();
    older.size = 8;
    older.flags = BP_DEVICE_MANAGED;
    older.timeout_ns = INT64_MIN;
    EXPECT_EQ(bp_client_open_device(client, &older, &another), BP_OK) << "what is beyond the size is not read";
    for (const std::uint32_t wrong : {0U, 4U, 7U, 4097U, UINT32_MAX}) {
        older.size = wrong;
        EXPECT_EQ(bp_client_open_device(client, &older, &another), BP_INVALID_ARGUMENT) << wrong;
    }

    say(daemon.notice(id, ScriptedDaemon::line(1)).notice(id, ScriptedDaemon::line(2)).notice(id, ScriptedDaemon::line(3)));
    ASSERT_EQ(bp_client_dispatch(client), BP_OK);
    struct Old {
        std::uint32_t size, kind;
        bp_line line;
        std::uint64_t canary;
    } old{offsetof(Old, canary), 0, {}, 0xabcd};
    ASSERT_EQ(bp_device_try_receive(device, reinterpret_cast<bp_message*>(&old)), BP_OK);
    EXPECT_EQ(old.size, offsetof(Old, canary));
    EXPECT_EQ(old.line.id, ScriptedDaemon::line(1).id().value);
    EXPECT_EQ(old.canary, 0xabcdU) << "what an older caller did not give room for is not touched";
    struct New {
        bp_message known;
        std::uint64_t canary;
    } fresh{{}, 0xabcd};
    fresh.known.size = sizeof(fresh);
    ASSERT_EQ(bp_device_try_receive(device, &fresh.known), BP_OK);
    EXPECT_EQ(fresh.known.size, sizeof(bp_message)) << "a newer caller sees what an older library does not know";
    EXPECT_EQ(fresh.canary, 0xabcdU);
    bp_message none{};
    EXPECT_EQ(bp_device_try_receive(device, &none), BP_INVALID_ARGUMENT) << "a size that was forgotten";
    none.size = sizeof(none);
    EXPECT_EQ(bp_device_try_receive(device, &none), BP_OK) << "and the message was not lost by that";
    EXPECT_EQ(none.line.id, ScriptedDaemon::line(3).id().value);
}

TEST_F(CFaceTest, MessagesArePulledInTheOrderOfTheirArrival) {
    bp_device* other = nullptr;
    ASSERT_EQ(bp_client_open_device(client, nullptr, &other), BP_OK);
    int mark = 0;
    ASSERT_EQ(bp_device_set_user(other, &mark), BP_OK);
    const DeviceId second{bp_device_id(other)};
    say(daemon.notice(second, ScriptedDaemon::line(1))
            .shutdown_requested(id, ScriptedDaemon::line(2))
            .notice(second, ScriptedDaemon::line(3)));
    bp_device* whose = nullptr;
    auto message = sized<bp_message>();
    ASSERT_EQ(bp_client_next_message(client, plenty_ns, &whose, &message), BP_OK);
    EXPECT_EQ(whose, other);
    EXPECT_EQ(bp_device_user(whose), &mark);
    EXPECT_EQ(message.kind, BP_MESSAGE_DISCONNECTED);
    ASSERT_NE(message.fault, nullptr);
    EXPECT_EQ(message.fault->size, sizeof(bp_fault));
    std::array<char, 320> text{};
    std::size_t length = 0;
    ASSERT_EQ(bp_fault_format(message.fault, text.data(), text.size(), &length), BP_OK);
    EXPECT_EQ(text_of(text.data(), length), "signal(9)");
    ASSERT_EQ(bp_client_next_message(client, plenty_ns, &whose, &message), BP_OK);
    EXPECT_EQ(whose, device);
    EXPECT_EQ(message.kind, BP_MESSAGE_SHUTDOWN);
    EXPECT_EQ(message.fault, nullptr);
    EXPECT_EQ(message.line.id, ScriptedDaemon::line(2).id().value);
    ASSERT_EQ(bp_device_next(other, plenty_ns, &message), BP_OK);
    EXPECT_EQ(message.line.id, ScriptedDaemon::line(3).id().value);
    EXPECT_EQ(bp_client_next_message(client, 0, &whose, &message), BP_TIMEOUT);
    EXPECT_EQ(bp_device_try_receive(device, &message), BP_TIMEOUT);
}

TEST_F(CFaceTest, FaultsCarryTheirCascade) {
    auto options = sized<bp_device_options>();
    options.flags = BP_DEVICE_MANAGED;
    bp_device* managed = nullptr;
    ASSERT_EQ(bp_client_open_device(client, &options, &managed), BP_OK);
    say(daemon.cascaded(DeviceId{bp_device_id(managed)}, ScriptedDaemon::line(1), 2));
    auto message = sized<bp_message>();
    auto end = sized<bp_end>();
    EXPECT_EQ(bp_device_ended(managed, &end), BP_NOT_FOUND);
    EXPECT_EQ(bp_device_next(managed, plenty_ns, &message), BP_DEVICE_DOWN);
    EXPECT_EQ(bp_device_try_receive(managed, &message), BP_DEVICE_DOWN);
    EXPECT_EQ(bp_device_is_alive(managed), 0);
    ASSERT_EQ(bp_device_ended(managed, &end), BP_OK);
    const bp_line by = c_line(1);
    EXPECT_EQ(bp_line_compare(&end.by, &by), 0);
    ASSERT_NE(end.fault, nullptr);
    EXPECT_EQ(end.fault->kind, BP_FAULT_CASCADE);
    EXPECT_EQ(end.fault->root_kind, BP_FAULT_SIGNAL);
    EXPECT_EQ(end.fault->root_argument, 9);
    EXPECT_EQ(end.fault->hops, 2U);
    EXPECT_EQ(end.fault->root.id, DeviceId::make(9, 9).value);
    std::array<char, 320> text{};
    std::size_t length = 0;
    ASSERT_EQ(bp_fault_format(end.fault, text.data(), text.size(), &length), BP_OK);
    EXPECT_EQ(text_of(text.data(), length), "cascade(" + ScriptedDaemon::line(1).text() + ")");
}

struct Seen {
    std::vector<std::string> said;
    bp_status close = BP_OK;
    bp_status nested = BP_INVALID_ARGUMENT;
    bool closes_device = false;
};

void on_message(bp_device* device, const bp_message* message, void* user) {
    auto& seen = *static_cast<Seen*>(user);
    bp_client* client = bp_device_client(device);
    seen.said.push_back("message " + std::to_string(message->line.id & 0xff));
    seen.close = bp_client_close(client);
    seen.nested = bp_client_dispatch(client);
    if (seen.closes_device) {
        EXPECT_EQ(bp_device_close(device), BP_OK);
    }
}

void on_event(bp_client* client, const bp_event* event, void* user) {
    auto& seen = *static_cast<Seen*>(user);
    seen.said.push_back("event " + std::to_string(event->kind) + " " + text_of(event->what, event->what_length));
    seen.close = bp_client_close(client);
}

TEST_F(CFaceTest, HandlersAreCalledWithinDispatchAlone) {
    Seen seen;
    auto handlers = sized<bp_handlers>();
    handlers.on_message = on_message;
    handlers.on_event = on_event;
    ASSERT_EQ(bp_client_set_handlers(client, &handlers, &seen), BP_OK);
    const Line slot[] = {ScriptedDaemon::line(1), ScriptedDaemon::line(2)};
    say(daemon.notice(id, slot[0]).event(7, "child_down").pong(1).notice(id, slot[1]));
    ASSERT_EQ(bp_client_ping(client, plenty_ns, nullptr), BP_OK);
    EXPECT_TRUE(seen.said.empty()) << "not within a call that asks";
    ASSERT_EQ(bp_client_wait(client, plenty_ns), BP_OK);
    EXPECT_EQ(seen.said, (std::vector<std::string>{"message " + std::to_string(slot[0].id().value & 0xff),
                                                   "message " + std::to_string(slot[1].id().value & 0xff), "event 4 child_down"}));
    EXPECT_EQ(seen.close, BP_BUSY);
    EXPECT_EQ(seen.nested, BP_OK);
    EXPECT_EQ(bp_client_wait(client, 0), BP_TIMEOUT);

    // Null ones are pulled again, and what waits is delivered to those that come.
    ASSERT_EQ(bp_client_set_handlers(client, nullptr, nullptr), BP_OK);
    seen.said.clear();
    say(daemon.notice(id, slot[0]).notice(id, slot[1]));
    ASSERT_EQ(bp_client_dispatch(client), BP_OK);
    EXPECT_TRUE(seen.said.empty());
    seen.closes_device = true;
    ASSERT_EQ(bp_client_set_handlers(client, &handlers, &seen), BP_OK);
    ASSERT_EQ(bp_client_wait(client, BP_FOREVER), BP_OK) << "what is there is an arrival";
    EXPECT_EQ(seen.said.size(), 1U) << "the handler closed the Device, and the rest is gone with it";
}

TEST_F(CFaceTest, LossIsTheLastEventAfterWhatCameBefore) {
    Seen seen;
    auto handlers = sized<bp_handlers>();
    handlers.on_message = on_message;
    handlers.on_event = on_event;
    ASSERT_EQ(bp_client_set_handlers(client, &handlers, &seen), BP_OK);
    EXPECT_EQ(bp_client_ended(client, nullptr, nullptr), BP_OK);
    say(daemon.notice(id, ScriptedDaemon::line(1)).bye(ErrorCode::slow_consumer, "too slow"));
    EXPECT_EQ(bp_client_dispatch(client), BP_SLOW_CONSUMER);
    ASSERT_EQ(seen.said.size(), 2U);
    EXPECT_EQ(seen.said[1], "event 2 -");
    const char* detail = nullptr;
    std::size_t length = 0;
    EXPECT_EQ(bp_client_ended(client, &detail, &length), BP_SLOW_CONSUMER);
    EXPECT_EQ(text_of(detail, length), "too slow");
    auto message = sized<bp_message>();
    EXPECT_EQ(bp_device_try_receive(device, &message), BP_SLOW_CONSUMER);
    EXPECT_EQ(error(), "slow_consumer: too slow");
}

TEST_F(CFaceTest, LogEventsShowTheirFields) {
    wire::Event wired;
    wired.seq = 12;
    wired.time_us = 34;
    wired.event = "child_down";
    wired.name = "web";
    wired.id = ScriptedDaemon::line(1).id();
    wired.fields = {{"restarts", std::int64_t{3}}, {"fault", std::string{"exit(1)"}}, {"to", ScriptedDaemon::line(2).id()}};
    std::string bytes;
    wire::encode(bytes, wired, ScriptedDaemon::epoch);
    say(daemon.raw(bytes));
    auto event = sized<bp_event>();
    ASSERT_EQ(bp_client_next_event(client, plenty_ns, &event), BP_OK);
    EXPECT_EQ(event.kind, BP_EVENT_LOG);
    EXPECT_EQ(event.seq, 12U);
    EXPECT_EQ(event.time_us, 34);
    EXPECT_EQ(text_of(event.what, event.what_length), "child_down");
    EXPECT_EQ(text_of(event.name, event.name_length), "web");
    const bp_line about = c_line(1);
    EXPECT_EQ(bp_line_compare(&event.line, &about), 0);
    auto field = sized<bp_field>();
    std::map<std::string, std::string> fields;
    for (std::size_t i = 0; bp_fields_get(event.fields, i, &field) == BP_OK; ++i) {
        std::string& value = fields[text_of(field.key, field.key_length)];
        value = field.kind == BP_FIELD_NUMBER ? std::to_string(field.number) : text_of(field.text, field.text_length);
    }
    // The wire says a line as text.
    EXPECT_EQ(fields,
              (std::map<std::string, std::string>{{"restarts", "3"}, {"fault", "exit(1)"}, {"to", ScriptedDaemon::line(2).text()}}));
    EXPECT_EQ(event.field_count, 3U);
    EXPECT_EQ(bp_fields_get(event.fields, event.field_count, &field), BP_NOT_FOUND);
    EXPECT_EQ(bp_client_next_event(client, 0, &event), BP_TIMEOUT);
}

TEST_F(CFaceTest, WrongArgumentsChangeNothing) {
    const bp_line line = c_line(1);
    bp_line unsized = line;
    unsized.size = 0;
    EXPECT_EQ(bp_device_link(device, &unsized, BP_LINK_MONITOR), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_device_link(device, nullptr, BP_LINK_MONITOR), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_device_link(device, &line, 0), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_device_link(device, &line, 4), BP_INVALID_ARGUMENT);
    EXPECT_EQ(error(), "invalid_argument: a link has a line and a mode");
    auto self = sized<bp_line>();
    ASSERT_EQ(bp_device_line(device, &self), BP_OK);
    EXPECT_EQ(bp_device_link(device, &self, BP_LINK_PEER), BP_SELF_LINK);
    EXPECT_EQ(bp_client_lookup(client, nullptr, 4, 0, &self), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_route(client, "a", 1, nullptr, 4, 0, &self), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_route(client, "a", 1, "key", 3, 0, nullptr), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_list(client, 0, nullptr, nullptr), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_start(client, "a", 1, 8, 0), BP_INVALID_ARGUMENT);
    auto fault = sized<bp_fault>();
    fault.kind = 77;
    EXPECT_EQ(bp_device_disconnect(device, &fault), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_device_is_alive(device), 1);
    fault.kind = BP_FAULT_ERROR;
    fault.text = "disk full, and more";
    fault.text_length = 9;
    EXPECT_EQ(bp_device_disconnect(device, &fault), BP_OK);
    EXPECT_EQ(bp_device_disconnect(device, &fault), BP_OK) << "D-4: a second time does nothing";
    EXPECT_EQ(bp_device_is_alive(device), 0);
    bp_device* own = nullptr;
    ASSERT_EQ(bp_client_device(client, &own), BP_OK);
    EXPECT_EQ(bp_device_close(own), BP_INVALID_ARGUMENT) << "it goes with its client";
}

TEST_F(CFaceTest, LabelsHeartbeatsAndLinksOfOthersAreFrames) {
    const auto label = [](std::string_view key, std::string_view value) {
        auto made = sized<bp_label>();
        made.key = key.data();
        made.key_length = key.size();
        made.value = value.data();
        made.value_length = value.size();
        return made;
    };
    const std::array labels{label("app", "shop"), label("tier", "front")};
    const bp_line a = c_line(1);
    const bp_line b = c_line(2);
    std::string discarded(1 << 16, '\0');
    static_cast<void>(::recv(peer, discarded.data(), discarded.size(), MSG_DONTWAIT));
    EXPECT_EQ(bp_device_heartbeat(device), BP_INVALID_ARGUMENT) << "no interval yet";
    EXPECT_EQ(bp_device_set_heartbeat(device, 2'000'000'000), BP_OK);
    EXPECT_EQ(bp_device_set_labels(device, labels.data(), labels.size()), BP_OK);
    EXPECT_EQ(bp_device_set_labels(device, nullptr, 1), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_link(client, &a, &b, BP_LINK_PEER), BP_OK);
    EXPECT_EQ(bp_client_unlink(client, &a, &b, BP_LINK_NOTIFY), BP_OK);
    EXPECT_EQ(bp_client_link(client, &a, &a, BP_LINK_PEER), BP_SELF_LINK);
    EXPECT_EQ(bp_client_link(client, &a, nullptr, BP_LINK_PEER), BP_INVALID_ARGUMENT);
    ASSERT_EQ(bp_client_dispatch(client), BP_OK);
    std::string bytes(1 << 16, '\0');
    const ssize_t count = ::recv(peer, bytes.data(), bytes.size(), MSG_DONTWAIT);
    ASSERT_GT(count, 0);
    bytes.resize(static_cast<std::size_t>(count));
    const auto frames = frames_of(bytes);
    ASSERT_EQ(frames.size(), 4U);
    EXPECT_EQ(wire::decode_heartbeat(frames[0].view())->interval_ms, 2'000U);
    EXPECT_NE(frames[1].body.find(R"("app":"shop","tier":"front")"), std::string::npos) << frames[1].body;
    EXPECT_EQ(frames[2].type, wire::FrameType::link);
    EXPECT_EQ(wire::decode_link(frames[3].view())->mode, LinkMode::notify);
}

TEST_F(CFaceTest, ForkedChildIsRefused) {  // threats: a client forks and both halves go on
    const pid_t child = ::fork();
    if (child == 0) {
        auto message = sized<bp_message>();
        const bp_line line = c_line(1);
        const bool refused = bp_client_dispatch(client) == BP_WRONG_PROCESS &&
                             bp_device_link(device, &line, BP_LINK_PEER) == BP_WRONG_PROCESS &&
                             bp_device_try_receive(device, &message) == BP_WRONG_PROCESS &&
                             bp_device_disconnect(device, nullptr) == BP_WRONG_PROCESS && bp_client_close(client) == BP_OK;
        ::_exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(bp_client_dispatch(client), BP_OK) << "and the parent goes on";
}

}  // namespace
}  // namespace backplane
