// SPDX-License-Identifier: Apache-2.0
/// The C face's tasks, asked for by a script: when the caller's function is called, what is said of an attempt, whose its Device is.
#include "tests/unit/client/c_face_fixture.hpp"

#include <cstddef>
#include <functional>

namespace backplane {
namespace {

#if defined(__LP64__)
static_assert(sizeof(bp_task) == 72 && offsetof(bp_task, name) == 16 && offsetof(bp_task, argument_count) == 48);
#endif

/// Does what the test says with each attempt.
struct Runner {
    std::function<void(bp_task_start*)> take;
    int calls = 0;
};

void on_start(bp_task_start* start, void* user) {
    auto& runner = *static_cast<Runner*>(user);
    runner.calls += 1;
    runner.take(start);
}

class CTasksTest : public CFaceTest {
  protected:
    void SetUp() override {
        CFaceTest::SetUp();
        static_cast<void>(heard());
        say(daemon.reply(1));
        ASSERT_EQ(bp_client_offer(client, "pool, and more", 4, on_start, &runner, plenty_ns), BP_OK);
        by = asked().at(0).device;
    }
    std::vector<SentFrame> heard() {
        std::string bytes(1 << 16, '\0');
        const ssize_t count = ::recv(peer, bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return frames_of(bytes);
    }
    std::vector<wire::Request> asked() {
        std::vector<wire::Request> requests;
        for (const SentFrame& frame : heard()) {
            if (frame.type == wire::FrameType::request) {
                std::uint64_t number = 0;
                requests.push_back(*wire::decode_request(frame.view(), number));
            }
        }
        return requests;
    }
    /// `task state why` of what the client has said of its tasks.
    std::vector<std::string> said() {
        EXPECT_EQ(bp_client_flush(client), BP_OK);
        std::vector<std::string> all;
        for (const wire::Request& request : asked()) {
            all.push_back(request.task + " " + request.state + (request.why.empty() ? "" : " " + request.why));
        }
        return all;
    }
    static DeviceId device_of(std::uint32_t slot) { return DeviceId::make(5, slot); }
    /// The daemon asks for task `t<slot>`.
    ScriptedDaemon& ask(std::uint32_t slot) {
        wire::StartTask start;
        start.task = "t" + std::to_string(slot);
        start.device = device_of(slot);
        start.name = "sub/" + std::to_string(slot);
        start.starter = "pool";
        start.by = by;
        start.arguments = {"x", ""};
        start.restart = true;
        start.shutdown_ms = 1500;
        std::string bytes;
        wire::encode(bytes, start, ScriptedDaemon::epoch);
        return daemon.raw(bytes);
    }

    Runner runner;
    DeviceId by;  ///< the Device of the offer
};

TEST(CTasks, NullHandlesAreRefusedEverywhere) {
    bp_device* device = nullptr;
    auto task = sized<bp_task>();
    const char* text = nullptr;
    std::size_t length = 0;
    for (const bp_status answer :
         {bp_client_offer(nullptr, "n", 1, on_start, nullptr, 0), bp_client_withdraw_offer(nullptr, "n", 1),
          bp_task_start_get(nullptr, &task), bp_task_start_argument(nullptr, 0, &text, &length), bp_task_start_device(nullptr, &device),
          bp_task_start_keep(nullptr), bp_task_start_running(nullptr, &device), bp_task_start_completed(nullptr),
          bp_task_start_ignored(nullptr), bp_task_start_failed(nullptr, "w", 1)}) {
        EXPECT_EQ(answer, BP_INVALID_ARGUMENT);
    }
}

TEST_F(CTasksTest, AttemptSaysWhatIsToBeStartedAndRuns) {
    bp_device* running = nullptr;
    runner.take = [&](bp_task_start* start) {
        auto task = sized<bp_task>();
        ASSERT_EQ(bp_task_start_get(start, &task), BP_OK);
        EXPECT_EQ(text_of(task.name, task.name_length) + " " + text_of(task.starter, task.starter_length), "sub/1 pool");
        EXPECT_EQ(task.restart, 1U);
        EXPECT_EQ(task.managed, 0U);
        EXPECT_EQ(task.start_timeout_ns, BP_FOREVER);
        EXPECT_EQ(task.shutdown_ns, 1'500'000'000);
        EXPECT_EQ(task.argument_count, 2U);
        const char* text = nullptr;
        std::size_t length = 9;
        ASSERT_EQ(bp_task_start_argument(start, 0, &text, &length), BP_OK);
        EXPECT_EQ(text_of(text, length), "x");
        ASSERT_EQ(bp_task_start_argument(start, 1, &text, &length), BP_OK);
        EXPECT_EQ(length, 0U);
        EXPECT_EQ(bp_task_start_argument(start, 2, &text, &length), BP_NOT_FOUND);
        bp_device* early = nullptr;
        ASSERT_EQ(bp_task_start_device(start, &early), BP_OK);
        EXPECT_EQ(bp_device_id(early), device_of(1).value);
        const bp_line other = c_line(1);
        EXPECT_EQ(bp_device_link(early, &other, BP_LINK_MONITOR), BP_OK);
        EXPECT_EQ(bp_device_close(early), BP_INVALID_ARGUMENT) << "it is not the caller's yet";
        EXPECT_EQ(bp_task_start_running(start, nullptr), BP_INVALID_ARGUMENT);
        ASSERT_EQ(bp_task_start_running(start, &running), BP_OK);
        EXPECT_EQ(running, early);
        EXPECT_EQ(bp_task_start_failed(start, "no", 2), BP_INVALID_ARGUMENT) << "one word, and no other";
        EXPECT_EQ(error(), "invalid_argument: it is said already what became of it");
        EXPECT_EQ(bp_client_close(client), BP_BUSY);
    };
    say(ask(1).pong(1));
    ASSERT_EQ(bp_client_ping(client, plenty_ns, nullptr), BP_OK);
    EXPECT_EQ(runner.calls, 0) << "not within a call that asks";
    ASSERT_EQ(bp_client_wait(client, plenty_ns), BP_OK);
    EXPECT_EQ(runner.calls, 1);
    EXPECT_EQ(said(), (std::vector<std::string>{"t1 running"}));
    EXPECT_EQ(bp_device_is_alive(running), 1);
    say(daemon.shutdown_requested(device_of(1), ScriptedDaemon::line(2)));
    bp_device* whose = nullptr;
    auto message = sized<bp_message>();
    ASSERT_EQ(bp_client_next_message(client, plenty_ns, &whose, &message), BP_OK);
    EXPECT_EQ(whose, running);
    EXPECT_EQ(bp_device_disconnect(running, nullptr), BP_OK);
    EXPECT_EQ(bp_device_is_alive(running), 0);
    EXPECT_EQ(bp_device_close(running), BP_OK);
}

TEST_F(CTasksTest, EachWordIsSaidOnceAndSilenceIsAFailure) {
    std::vector<bp_task_start*> kept;
    runner.take = [&](bp_task_start* start) {
        switch (runner.calls) {
            case 1:
                EXPECT_EQ(bp_task_start_completed(start), BP_OK);
                EXPECT_EQ(bp_task_start_keep(start), BP_OK) << "too late, and harmless";
                break;
            case 2: EXPECT_EQ(bp_task_start_ignored(start), BP_OK); break;
            case 3:
                EXPECT_EQ(bp_task_start_failed(start, nullptr, 3), BP_INVALID_ARGUMENT);
                EXPECT_EQ(bp_task_start_failed(start, "no paper, and more", 8), BP_OK);
                break;
            case 4: break;
            default: EXPECT_EQ(bp_task_start_keep(start), BP_OK); kept.push_back(start);
        }
    };
    ask(1);
    ask(2);
    ask(3);
    ask(4);
    ask(5);
    say(ask(6));
    ASSERT_EQ(bp_client_wait(client, plenty_ns), BP_OK);
    EXPECT_EQ(runner.calls, 6);
    EXPECT_EQ(said(), (std::vector<std::string>{"t1 completed", "t2 ignored", "t3 failed no paper",
                                                "t4 failed its start function did not say what became of it"}));
    ASSERT_EQ(kept.size(), 2U);
    bp_device* running = nullptr;
    EXPECT_EQ(bp_task_start_running(kept[0], &running), BP_OK);
    EXPECT_EQ(said(), (std::vector<std::string>{"t5 running"}));
    EXPECT_EQ(bp_device_id(running), device_of(5).value) << "the Device outlives the attempt";
    EXPECT_EQ(bp_device_is_alive(running), 1);
    // The last one, of which nothing is said, goes with its client.
}

TEST_F(CTasksTest, StartComesBeforeWhatItsDeviceReceives) {
    bp_device* early = nullptr;
    runner.take = [&](bp_task_start* start) {
        EXPECT_EQ(bp_task_start_device(start, &early), BP_OK);
        EXPECT_EQ(bp_task_start_keep(start), BP_OK);
    };
    ask(1);
    say(daemon.shutdown_requested(device_of(1), ScriptedDaemon::line(2)).pong(1));
    ASSERT_EQ(bp_client_ping(client, plenty_ns, nullptr), BP_OK);  // both are here now
    bp_device* whose = nullptr;
    auto message = sized<bp_message>();
    ASSERT_EQ(bp_client_next_message(client, 0, &whose, &message), BP_OK);
    EXPECT_EQ(runner.calls, 1);
    EXPECT_EQ(whose, early);
    EXPECT_EQ(message.kind, BP_MESSAGE_SHUTDOWN);
    say(daemon.shutdown_requested(by, ScriptedDaemon::line(2)));
    EXPECT_EQ(bp_client_next_message(client, 0, &whose, &message), BP_TIMEOUT) << "an offer's Device is nobody's";
    EXPECT_EQ(bp_client_next_message(client, 0, &whose, &message), BP_TIMEOUT);
}

TEST_F(CTasksTest, FunctionsAreNotCalledWithinOneAnother) {
    std::vector<std::string> order;
    struct Nested {
        std::function<void()> ask;
        std::vector<std::string>* order;
    } nested{[this] { say(ask(1)); }, &order};
    runner.take = [&](bp_task_start* start) {
        order.push_back("start");
        EXPECT_EQ(bp_task_start_completed(start), BP_OK);
    };
    auto handlers = sized<bp_handlers>();
    handlers.on_message = [](bp_device* whose, const bp_message*, void* user) {
        const auto& in = *static_cast<Nested*>(user);
        in.order->push_back("message begins");
        in.ask();
        EXPECT_EQ(bp_client_wait(bp_device_client(whose), plenty_ns), BP_OK);
        in.order->push_back("message ends");
    };
    ASSERT_EQ(bp_client_set_handlers(client, &handlers, &nested), BP_OK);
    say(daemon.notice(id, ScriptedDaemon::line(1)));
    ASSERT_EQ(bp_client_wait(client, plenty_ns), BP_OK);
    EXPECT_EQ(order, (std::vector<std::string>{"message begins", "message ends", "start"})) << "and it is not left lying";
}

TEST_F(CTasksTest, MessageThatAHandlerPullsBeforeTheStartIsTheTasks) {
    struct Pulled {
        std::function<void()> ask;
        std::uint64_t whose = 0;
    } pulled{[this] { say(ask(1).shutdown_requested(device_of(1), ScriptedDaemon::line(2)).pong(1)); }};
    std::uint64_t started = 0;
    runner.take = [&](bp_task_start* start) {
        bp_device* early = nullptr;
        ASSERT_EQ(bp_task_start_device(start, &early), BP_OK);
        started = bp_device_id(early);
    };
    auto handlers = sized<bp_handlers>();
    handlers.on_message = [](bp_device* of, const bp_message*, void* user) {
        auto& all = *static_cast<Pulled*>(user);
        all.ask();
        bp_device* whose = nullptr;
        auto message = sized<bp_message>();
        EXPECT_EQ(bp_client_ping(bp_device_client(of), plenty_ns, nullptr), BP_OK);
        ASSERT_EQ(bp_client_next_message(bp_device_client(of), 0, &whose, &message), BP_OK);
        all.whose = bp_device_id(whose);
    };
    ASSERT_EQ(bp_client_set_handlers(client, &handlers, &pulled), BP_OK);
    say(daemon.notice(id, ScriptedDaemon::line(1)));
    ASSERT_EQ(bp_client_wait(client, plenty_ns), BP_OK);
    EXPECT_EQ(pulled.whose, device_of(1).value);
    EXPECT_EQ(started, device_of(1).value);
}

TEST_F(CTasksTest, WithdrawnOfferCallsNobody) {
    runner.take = [&](bp_task_start* start) {
        EXPECT_EQ(bp_task_start_completed(start), BP_OK);
        EXPECT_EQ(bp_client_withdraw_offer(client, "pool", 4), BP_OK);
    };
    ask(1);
    say(ask(2));
    ASSERT_EQ(bp_client_wait(client, plenty_ns), BP_OK);
    EXPECT_EQ(runner.calls, 1);
    EXPECT_EQ(said(), (std::vector<std::string>{"t1 completed", "t2 failed the offer was withdrawn"}));
    say(ask(3));
    ASSERT_EQ(bp_client_wait(client, plenty_ns), BP_OK);
    EXPECT_EQ(runner.calls, 1);
    EXPECT_EQ(said(), (std::vector<std::string>{"t3 failed this client offers nothing under that name"}));
    EXPECT_EQ(bp_client_withdraw_offer(client, "pool", 4), BP_OK) << "nothing to do";
    EXPECT_EQ(bp_client_offer(client, "pool", 4, nullptr, nullptr, plenty_ns), BP_INVALID_ARGUMENT);
    EXPECT_EQ(bp_client_offer(client, "", 0, on_start, &runner, plenty_ns), BP_INVALID_ARGUMENT);
    say(daemon.reply_error(5, ErrorCode::name_taken));
    EXPECT_EQ(bp_client_offer(client, "other", 5, on_start, &runner, plenty_ns), BP_NAME_TAKEN);
}

}  // namespace
}  // namespace backplane
