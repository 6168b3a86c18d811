// SPDX-License-Identifier: Apache-2.0
/// A hostile daemon against the client's conversation: any bytes, after a welcome or instead of one, and now and then a crash
/// behind which it is resumed or the next bytes are its welcome. The conversation ends with a reason or goes on; what it sends in
/// answer are whole frames of a client, before a welcome nothing but its hello, and after one what was not carried out, once.
#include "client/talk/conversation.hpp"
#include "proto/wire/codec.hpp"
#include "tests/fuzz/target.hpp"

namespace {

using namespace backplane;

std::string welcome(bool resumed = false, std::uint64_t received = 0) {
    wire::Welcome message;
    message.epoch = Epoch{0x9f3ac41d20b7e655};
    message.session = "1";
    message.token = "2";
    message.resumed = resumed;
    message.received = received;
    if (!resumed) {
        message.grants = {wire::Grant{DeviceId::make(1, 64), 64}, wire::Grant{DeviceId::make(1, 128), 64}};
    }
    std::string bytes;
    wire::encode(bytes, message);
    return bytes;
}

/// Everything that a client may be doing when the bytes arrive: links awaited, calls open, a ping out.
void get_busy(talk::Conversation& talk) {
    const auto a = talk.create(true);
    const auto b = talk.create(false);
    if (!a || !b) {
        return;
    }
    const Line line{Epoch{0x9f3ac41d20b7e655}, DeviceId::make(1, 0x101)};
    (void)talk.link(*a, line, LinkMode::peer, talk::Ask::acknowledgement);
    (void)talk.unlink(*b, line, LinkMode::monitor, talk::Ask::acknowledgement);
    (void)talk.ping();
    for (const wire::Call call : {wire::Call::list, wire::Call::describe, wire::Call::lookup, wire::Call::daemon, wire::Call::watch_name,
                                  wire::Call::start, wire::Call::unwatch_name, wire::Call::subscribe}) {
        wire::Request request;
        request.call = call;
        request.name = "db";
        (void)talk.request(request);
    }
}

/// What waits to be sent: how many frames, and how many of them count.
struct Outgoing {
    std::uint64_t frames = 0;
    std::uint64_t counted = 0;
    wire::FrameType first{};
};

Outgoing check_outgoing(const talk::Conversation& talk) {
    Outgoing out;
    wire::Bytes rest = fuzz::as_bytes(talk.outgoing());
    while (!rest.empty()) {
        const wire::FrameResult result = wire::next_frame(rest);
        fuzz::hold(result.status == wire::FrameStatus::whole, "a client sends whole frames");
        fuzz::hold(wire::is_from_client(result.frame.type), "a client sends a client's frames");
        out.first = out.frames == 0 ? result.frame.type : out.first;
        out.frames += 1;
        out.counted += wire::is_counted(result.frame.type) ? 1U : 0U;
        rest = rest.subspan(result.size);
    }
    return out;
}

/// The daemon dies; `how` says what the next one has to say: 1 that the session goes on, with 2 that all was carried out.
void crash(talk::Conversation& talk, unsigned how) {
    const bool was_greeted = talk.greeted();
    talk.lost(Error{ErrorCode::unreachable, "gone"}, Instant{1});
    fuzz::hold(was_greeted || !talk.is_away(), "who was never greeted has nothing to come back to");
    if (!talk.is_away()) {
        return;
    }
    (void)talk.create(true);
    (void)talk.ping();
    fuzz::hold(talk.outgoing().empty(), "away, nothing is sent");
    talk.resume();
    (void)talk.create(false);
    const Outgoing hello = check_outgoing(talk);
    fuzz::hold(hello.frames == 1 && hello.first == wire::FrameType::hello, "nothing but the hello before the welcome");
    talk.sent(talk.outgoing().size());
    if ((how & 1U) == 0) {
        return;  // the input's next bytes are the welcome
    }
    const std::uint64_t before = talk.outbox().operations();
    const std::uint64_t received = (how & 2U) == 0 ? talk.outbox().acknowledged() : before;
    fuzz::hold(talk.take(fuzz::as_bytes(welcome(true, received)), Instant{2}).has_value(), "a right welcome back is taken");
    const Outgoing again = check_outgoing(talk);
    fuzz::hold(again.first == wire::FrameType::ack, "the ack comes first");
    fuzz::hold(again.counted == talk.outbox().operations() - received, "what was not carried out is sent, once");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    talk::Conversation talk("fuzz/1", talk::Comeback{true, {}, {}});
    const bool is_ours = (data[0] & 1) == 0;
    if (is_ours) {
        fuzz::hold(talk.take(fuzz::as_bytes(welcome())).has_value(), "a right welcome is taken");
        get_busy(talk);
    }
    std::string_view bytes = fuzz::as_text(data + 1, size - 1);
    const std::size_t piece = (data[0] >> 1) == 0 ? bytes.size() + 1 : static_cast<std::size_t>(data[0] >> 1);
    while (!bytes.empty() && talk.over() == nullptr) {
        const auto dice = static_cast<unsigned char>(bytes.front());
        if ((dice & 0x0fU) == 0x0f) {
            check_outgoing(talk);
            // A session that the input itself has begun can only be taken up by the input.
            crash(talk, is_ours ? dice >> 4U : 0);
            if (talk.over() != nullptr) {
                break;
            }
        }
        const std::string_view now = bytes.substr(0, piece);
        const bool taken = talk.take(fuzz::as_bytes(now)).has_value();
        fuzz::hold(taken || talk.over() != nullptr, "an error is the conversation's end");
        bytes.remove_prefix(now.size());
    }
    check_outgoing(talk);
    return 0;
}
