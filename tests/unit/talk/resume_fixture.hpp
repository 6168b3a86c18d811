// SPDX-License-Identifier: Apache-2.0
/// A greeted conversation that may come back, the daemon that greeted it and will die, and words for what is said behind that.
#pragma once

#include "client/talk/conversation.hpp"
#include "tests/unit/client/scripted_daemon.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace backplane {

using talk::Ask;
using talk::Comeback;
using talk::Conversation;

inline const Error gone{ErrorCode::unreachable, "the daemon has gone"};
inline constexpr Instant noon{1'000'000};

/// What frames are, as one line: `ack 2, link, request start again`.
inline std::string text_of(const std::vector<SentFrame>& frames) {
    std::string text;
    for (const SentFrame& frame : frames) {
        text += text.empty() ? "" : ", ";
        text += wire::frame_name(frame.type);
        if (frame.type == wire::FrameType::ack) {
            text += " " + std::to_string(wire::decode_ack(frame.view())->count);
        }
        if (frame.type == wire::FrameType::request) {
            std::uint64_t id = 0;
            const auto request = wire::decode_request(frame.view(), id);
            text += " " + std::to_string(id) + " " + std::string{wire::call_name(request->call)};
            text += request->again ? " again" : "";
            text += request->since ? " since " + std::to_string(*request->since) : "";
            text += request->graph ? " graph" : "";
        }
    }
    return text;
}

class ResumeTest : public testing::Test {
  protected:
    void SetUp() override {
        hear(daemon.welcome());
        ASSERT_TRUE(talk.greeted());
        static_cast<void>(sent());
    }
    void hear(ScriptedDaemon& from, Instant now = {}) {
        const std::string bytes = from.say();
        heard = talk.take(std::as_bytes(std::span{bytes}), now);
    }
    std::vector<SentFrame> sent() {
        auto frames = frames_of(talk.outgoing());
        talk.sent(talk.outgoing().size());
        return frames;
    }
    /// The stream ends and another begins; the hello that is said on it.
    wire::Hello lose_and_return() {
        talk.lost(gone, noon);
        EXPECT_TRUE(talk.outgoing().empty());
        talk.resume();
        const auto frames = sent();
        EXPECT_EQ(text_of(frames), "hello") << "nothing else before the welcome";
        return frames.empty() ? wire::Hello{} : *wire::decode_hello(frames[0].view());
    }
    /// The whole way: what is sent behind the welcome of a resume.
    std::string come_back(std::uint64_t received, std::string token = "t2") {
        lose_and_return();
        hear(daemon.welcome_back(received, std::move(token)));
        EXPECT_TRUE(heard) << heard.error().text();
        return text_of(sent());
    }
    std::uint64_t ask(wire::Call call, std::string name = "db") {
        wire::Request request;
        request.call = call;
        request.name = std::move(name);
        return talk.request(std::move(request));
    }
    std::uint64_t subscribe(std::optional<std::uint64_t> since, bool graph = false, bool follow = true) {
        wire::Request request;
        request.call = wire::Call::subscribe;
        request.since = since;
        request.graph = graph;
        request.follow = follow;
        return talk.request(std::move(request));
    }
    /// All client events that wait: `resumed`, `event 5`, `gap 6-9`, `refused subscribe`, `lost`.
    std::string news() {
        std::string text;
        while (auto event = talk.news().take()) {
            text += text.empty() ? "" : ", ";
            if (const auto* log = std::get_if<LogEvent>(&*event)) {
                if (log->event == "gap") {
                    text += "gap " + std::to_string(std::get<std::int64_t>(log->fields.at(0).value)) + "-" +
                            std::to_string(std::get<std::int64_t>(log->fields.at(1).value));
                } else {
                    text += "event " + std::to_string(log->seq);
                }
            } else if (const auto* refused = std::get_if<Refused>(&*event)) {
                text += "refused " + refused->operation;
            } else if (std::holds_alternative<Resumed>(*event)) {
                text += "resumed";
            } else if (std::holds_alternative<ConnectionLost>(*event)) {
                text += "lost";
            } else {
                text += "name";
            }
        }
        return text;
    }

    Conversation talk{"test/1", Comeback{true, {}, {}}};
    ScriptedDaemon daemon;
    Expected<void> heard;
    const Line other = ScriptedDaemon::line(1);
};

}  // namespace backplane
