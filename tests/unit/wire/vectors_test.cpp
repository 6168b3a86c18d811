// SPDX-License-Identifier: Apache-2.0
/// Runs every sample of tests/vectors through both directions of the codec: right ones decode to their fields and encode to
/// their bytes again, wrong ones are refused with their error and by their field (T-11).
#include "tests/unit/wire/samples.hpp"

#include <gtest/gtest.h>

namespace backplane::wire {
namespace {

/// What one frame says, and the bytes that say it again.
struct Outcome {
    json fields;
    std::string again;
    Error error;
    std::uint64_t number = 0;
};

template <class Message>
void take_error(const Expected<Message>& decoded, Outcome& outcome) {
    if (!decoded) {
        outcome.error = decoded.error();
    }
}

json fields_of(const LinkOperation& m) { return {{"from", id_text(m.from)}, {"to", id_text(m.to)}, {"mode", link_mode_name(m.mode)}}; }

json fields_of(const Shutdown& m) { return {{"from", id_text(m.from)}, {"to", id_text(m.to)}}; }

json fields_of(const Notice& m) {
    return {{"to", id_text(m.to)},
            {"about", id_text(m.about)},
            {"fault", kind_name(m.fault)},
            {"root_fault", kind_name(m.root_fault)},
            {"hops", m.hops},
            {"argument", m.argument},
            {"root_argument", m.root_argument},
            {"cascade", id_text(m.cascade)},
            {"root", id_text(m.root)},
            {"text", m.text}};
}

Outcome run_operation(const FrameView& frame) {
    Outcome out;
    const std::uint16_t flags = frame.flags & flag::ack;
    switch (frame.type) {
        case FrameType::create: {
            const auto m = decode_create(frame);
            take_error(m, out);
            if (m) {
                out.fields = {{"id", id_text(m->id)}, {"managed", m->managed}};
                encode(out.again, *m, flags);
            }
            break;
        }
        case FrameType::link:
        case FrameType::unlink: {
            const auto m = decode_link(frame);
            take_error(m, out);
            if (m) {
                out.fields = fields_of(*m);
                frame.type == FrameType::link ? encode_link(out.again, *m, flags) : encode_unlink(out.again, *m, flags);
            }
            break;
        }
        case FrameType::disconnect: {
            const auto m = decode_disconnect(frame);
            take_error(m, out);
            if (m) {
                out.fields = {{"id", id_text(m->id)},
                              {"fault", kind_name(m->fault)},
                              {"argument", m->argument},
                              {"cascade", id_text(m->cascade)},
                              {"text", m->text}};
                encode(out.again, *m, flags);
            }
            break;
        }
        case FrameType::heartbeat: {
            const auto m = decode_heartbeat(frame);
            take_error(m, out);
            if (m) {
                out.fields = {{"id", id_text(m->id)}, {"interval_ms", m->interval_ms}};
                encode(out.again, *m, flags);
            }
            break;
        }
        default: {
            const auto m = decode_manage(frame);
            take_error(m, out);
            if (m) {
                out.fields = {{"id", id_text(m->id)}, {"on", m->on}};
                encode(out.again, *m, flags);
            }
        }
    }
    return out;
}

Outcome run_message(const FrameView& frame) {
    Outcome out;
    switch (frame.type) {
        case FrameType::shutdown:
        case FrameType::shutdown_requested: {
            const auto m = decode_shutdown(frame);
            take_error(m, out);
            if (m) {
                out.fields = fields_of(*m);
                frame.type == FrameType::shutdown ? encode_shutdown(out.again, *m, frame.flags & flag::ack)
                                                  : encode_shutdown_requested(out.again, *m);
            }
            break;
        }
        case FrameType::notice:
        case FrameType::ended: {
            const auto m = decode_notice(frame);
            take_error(m, out);
            if (m) {
                out.fields = fields_of(*m);
                frame.type == FrameType::notice ? encode_notice(out.again, *m) : encode_ended(out.again, *m);
            }
            break;
        }
        case FrameType::refusal: {
            const auto m = decode_refusal(frame);
            take_error(m, out);
            if (m) {
                out.fields = {{"operation", m->operation},    {"code", error_name(m->code)}, {"refused", frame_name(m->refused)},
                              {"device", id_text(m->device)}, {"other", id_text(m->other)},  {"text", m->text}};
                encode(out.again, *m);
            }
            break;
        }
        default: {
            const auto m = decode_withdrawn(frame);
            take_error(m, out);
            out.fields = json::object();
            encode_withdrawn(out.again);
        }
    }
    return out;
}

Outcome run_small(const FrameView& frame) {
    Outcome out;
    if (frame.type == FrameType::ack) {
        const auto m = decode_ack(frame);
        take_error(m, out);
        if (m) {
            out.fields = {{"count", m->count}};
            encode(out.again, *m);
        }
    } else if (frame.type == FrameType::bye) {
        const auto m = decode_bye(frame);
        take_error(m, out);
        if (m) {
            out.fields = {{"code", error_name(m->code)}, {"text", m->text}};
            encode(out.again, *m);
        }
    } else {
        const auto m = decode_ping(frame);
        take_error(m, out);
        if (m) {
            out.fields = {{"nonce", m->nonce}};
            frame.type == FrameType::ping ? encode_ping(out.again, *m) : encode_pong(out.again, *m);
        }
    }
    return out;
}

template <class Message, class Encode>
Outcome run_json(const Expected<Message>& decoded, std::size_t skip, const Encode& encode_it) {
    Outcome out;
    take_error(decoded, out);
    if (decoded) {
        encode_it(out.again, *decoded);
        out.fields = json::parse(out.again.substr(header_bytes + skip));
    }
    return out;
}

Call call_of(const json& sample) {
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(call_last); ++i) {
        if (sample.contains("call") && call_name(static_cast<Call>(i)) == sample["call"]) {
            return static_cast<Call>(i);
        }
    }
    ADD_FAILURE() << "no such call: " << sample;
    return Call::daemon;
}

Outcome run_control(const FrameView& frame, const json& sample) {
    const auto plain = [](std::string& out, const auto& m) { encode(out, m); };
    const auto with_epoch = [](std::string& out, const auto& m) { encode(out, m, sample_epoch); };
    switch (frame.type) {
        case FrameType::hello: return run_json(decode_hello(frame), 0, plain);
        case FrameType::welcome: return run_json(decode_welcome(frame), 0, plain);
        case FrameType::event: return run_json(decode_event(frame), 0, with_epoch);
        case FrameType::name_state: return run_json(decode_name_state(frame), 0, with_epoch);
        case FrameType::start_task: return run_json(decode_start_task(frame), 0, with_epoch);
        case FrameType::reply: return run_json(decode_reply(frame, call_of(sample)), 8, with_epoch);
        default: break;
    }
    std::uint64_t number = 0;
    const auto request = decode_request(frame, number);
    Outcome out = run_json(request, 8, [&frame](std::string& to, const Request& m) { encode(to, m, frame.flags & flag::ack); });
    out.number = number;
    return out;
}

Outcome run(const FrameView& frame, const json& sample) {
    const auto type = static_cast<std::uint16_t>(frame.type);
    if (type >= 0x100) {
        return run_control(frame, sample);
    }
    if (type >= 0x20) {
        return run_small(frame);
    }
    return type >= 0x10 || frame.type == FrameType::shutdown ? run_message(frame) : run_operation(frame);
}

class Vectors : public ::testing::TestWithParam<const char*> {};

TEST_P(Vectors, RightSamplesMeanTheirFieldsAndEncodeToTheirBytes) {
    const json file = read_samples(std::string{"ok_"} + GetParam() + ".json");
    ASSERT_EQ(static_cast<std::uint16_t>(type_of(GetParam())), file["type"]);
    ASSERT_FALSE(file["samples"].empty());
    for (const json& sample : file["samples"]) {
        SCOPED_TRACE(sample["name"]);
        const std::string bytes = from_hex(sample["hex"]);
        const FrameResult result = next_frame(as_bytes(bytes));
        ASSERT_EQ(result.status, FrameStatus::whole);
        ASSERT_EQ(result.size, bytes.size());
        const Outcome outcome = run(result.frame, sample);
        ASSERT_EQ(outcome.error.code, ErrorCode::ok) << outcome.error.text();
        EXPECT_EQ(outcome.fields, sample["fields"]);
        EXPECT_EQ(to_hex(outcome.again), sample.value("again", sample["hex"].get<std::string>()));
        if (result.frame.type == FrameType::request) {
            EXPECT_EQ(outcome.number, sample["number"]);
        }
    }
}

TEST_P(Vectors, WrongSamplesAreRefusedByFieldT11) {
    const json file = read_samples(std::string{"bad_"} + GetParam() + ".json");
    ASSERT_FALSE(file["samples"].empty());
    for (const json& sample : file["samples"]) {
        SCOPED_TRACE(sample["name"]);
        const std::string bytes = from_hex(sample["hex"]);
        const FrameResult result = next_frame(as_bytes(bytes));
        ASSERT_EQ(result.status, FrameStatus::whole);
        const Outcome outcome = run(result.frame, sample);
        EXPECT_EQ(error_name(outcome.error.code), sample["error"].get<std::string>());
        EXPECT_EQ(outcome.error.detail.substr(0, sample["field"].get<std::string>().size()), sample["field"]) << outcome.error.detail;
        if (sample.contains("number")) {
            EXPECT_EQ(outcome.number, sample["number"]);
        }
    }
}

/// A small generator of our own, so that a seed means the same everywhere.
struct Dice {
    std::uint64_t state;
    std::uint64_t operator()(std::uint64_t below) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state % below;
    }
};

/// One frame, changed in up to three bytes: whatever it says now, what the codec writes for it is read as the same.
void run_changed(const json& sample, Dice& dice) {
    std::string bytes = from_hex(sample["hex"]);
    for (std::uint64_t change = 0; change <= dice(3); ++change) {
        bytes[dice(bytes.size())] = static_cast<char>(dice(256));
    }
    const FrameResult result = next_frame(as_bytes(bytes));
    if (result.status != FrameStatus::whole || !is_known(result.frame.type)) {
        return;
    }
    json asked = sample;
    asked.emplace("call", "list");  // A frame that has become a reply is read as one to a list.
    const Outcome first = run(result.frame, asked);
    if (first.error.code != ErrorCode::ok) {
        EXPECT_FALSE(first.error.detail.empty()) << to_hex(bytes);
        return;
    }
    const Outcome second = run(next_frame(as_bytes(first.again)).frame, asked);
    EXPECT_EQ(second.error.code, ErrorCode::ok) << to_hex(bytes) << " " << second.error.text();
    EXPECT_EQ(to_hex(second.again), to_hex(first.again)) << to_hex(bytes);
}

// T-11: no bytes whatever bring the decoders down, and what they accept they can write and read again.
TEST_P(Vectors, ChangedSamplesAreRefusedOrMeanSomethingT11) {
    const json file = read_samples(std::string{"ok_"} + GetParam() + ".json");
    Dice dice{0x5eed};
    for (const json& sample : file["samples"]) {
        for (int round = 0; round < 20; ++round) {
            run_changed(sample, dice);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Frames, Vectors,
                         ::testing::Values("create", "link", "unlink", "disconnect", "shutdown", "manage", "heartbeat", "notice",
                                           "shutdown_requested", "ended", "refusal", "withdrawn", "ack", "ping", "pong", "bye", "hello",
                                           "welcome", "request", "reply", "event", "name_state", "start_task"),
                         [](const auto& sample) { return std::string{sample.param}; });

// T-11: the header is judged before the type, and a type that is not known says whether it may be skipped.
TEST(VectorsOfHeaders, AreRefusedByField) {
    const json file = read_samples("bad_header.json");
    for (const json& sample : file["samples"]) {
        SCOPED_TRACE(sample["name"]);
        const std::string bytes = from_hex(sample["hex"]);
        const FrameResult result = next_frame(as_bytes(bytes));
        const std::string field = sample["field"];
        if (sample["error"] == "unknown_frame") {
            ASSERT_EQ(result.status, FrameStatus::whole);
            EXPECT_FALSE(is_known(result.frame.type));
            EXPECT_FALSE(result.frame.is_optional());
            EXPECT_EQ(frame_name(result.frame.type), field);
            continue;
        }
        ASSERT_EQ(result.status, FrameStatus::wrong);
        EXPECT_EQ(error_name(result.error.code), sample["error"].get<std::string>());
        EXPECT_EQ(result.error.detail.substr(0, field.size()), field);
    }
}

TEST(VectorsOfStreams, ComeApartIntoTheirFrames) {
    const json file = read_samples("ok_stream.json");
    for (const json& sample : file["samples"]) {
        SCOPED_TRACE(sample["name"]);
        const std::string bytes = from_hex(sample["hex"]);
        Bytes rest = as_bytes(bytes);
        json names = json::array();
        for (FrameResult result = next_frame(rest); result.status == FrameStatus::whole; result = next_frame(rest)) {
            if (is_known(result.frame.type)) {
                names.push_back(frame_name(result.frame.type));
            } else {
                EXPECT_TRUE(result.frame.is_optional());
            }
            rest = rest.subspan(result.size);
        }
        EXPECT_EQ(next_frame(rest).status, FrameStatus::incomplete);
        EXPECT_EQ(names, sample["frames"]);
        EXPECT_EQ(rest.size(), sample["rest"]);
    }
}

}  // namespace
}  // namespace backplane::wire
