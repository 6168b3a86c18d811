// SPDX-License-Identifier: Apache-2.0
/// The header's reader and the table of frame types (PROTOCOL.md section 3).
#include "proto/wire/frame.hpp"

#include "proto/wire/bytes.hpp"

#include <charconv>

namespace backplane::wire {
namespace {

/// Who may send a type, and whether it counts.
struct Kind {
    FrameType type;
    std::string_view name;
    bool client;
    bool daemon;
    bool counted;
};

constexpr std::array kinds{
    Kind{FrameType::create, "create", true, false, true},
    Kind{FrameType::link, "link", true, false, true},
    Kind{FrameType::unlink, "unlink", true, false, true},
    Kind{FrameType::disconnect, "disconnect", true, false, true},
    Kind{FrameType::shutdown, "shutdown", true, false, true},
    Kind{FrameType::manage, "manage", true, false, true},
    Kind{FrameType::heartbeat, "heartbeat", true, false, true},
    Kind{FrameType::notice, "notice", false, true, true},
    Kind{FrameType::shutdown_requested, "shutdown_requested", false, true, true},
    Kind{FrameType::ended, "ended", false, true, true},
    Kind{FrameType::refusal, "refusal", false, true, true},
    Kind{FrameType::withdrawn, "withdrawn", false, true, true},
    Kind{FrameType::ack, "ack", true, true, false},
    Kind{FrameType::ping, "ping", true, true, false},
    Kind{FrameType::pong, "pong", true, true, false},
    Kind{FrameType::bye, "bye", true, true, false},
    Kind{FrameType::hello, "hello", true, false, false},
    Kind{FrameType::welcome, "welcome", false, true, false},
    Kind{FrameType::request, "request", true, false, true},
    Kind{FrameType::reply, "reply", false, true, false},
    Kind{FrameType::event, "event", false, true, false},
    Kind{FrameType::name_state, "name_state", false, true, true},
    Kind{FrameType::start_task, "start_task", false, true, true},
};

// Types come in two runs, 0x00.. and 0x100..; one small table answers for any of them without a search.
constexpr std::size_t run_size = 0x30;
constexpr std::uint8_t not_there = 0xff;

constexpr std::size_t place_of(std::uint16_t type) {
    if (type < run_size) {
        return type;
    }
    return type >= 0x100 && type < 0x100 + run_size ? type - 0x100u + run_size : 2 * run_size;
}

constexpr std::array<std::uint8_t, 2 * run_size + 1> make_places() {
    std::array<std::uint8_t, 2 * run_size + 1> places{};
    places.fill(not_there);
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        places[place_of(static_cast<std::uint16_t>(kinds[i].type))] = static_cast<std::uint8_t>(i);
    }
    return places;
}
constexpr auto places = make_places();

const Kind* find(FrameType type) {
    const std::uint8_t place = places[place_of(static_cast<std::uint16_t>(type))];
    return place == not_there ? nullptr : &kinds[place];
}

FrameResult wrong(ErrorCode code, std::string detail) {
    FrameResult result;
    result.status = FrameStatus::wrong;
    result.error = Error{code, std::move(detail)};
    return result;
}

}  // namespace

FrameResult next_frame(Bytes bytes) {
    // A length that cannot be is refused as soon as it is there, before the rest of the header is waited for.
    if (bytes.size() < sizeof(std::uint32_t)) {
        return {};
    }
    const auto length = load<std::uint32_t>(bytes, 0);
    if (length < header_bytes) {
        return wrong(ErrorCode::malformed, "header.length: " + std::to_string(length) + " is less than the header");
    }
    if (length > frame_bytes_max) {
        return wrong(ErrorCode::oversized,
                     "header.length: " + std::to_string(length) + " is above the bound of " + std::to_string(frame_bytes_max));
    }
    if (bytes.size() < header_bytes) {
        return {};
    }
    const auto flags = load<std::uint16_t>(bytes, 6);
    if ((flags & ~flag::known) != 0) {
        return wrong(ErrorCode::malformed, "header.flags: unknown bits");
    }
    if (bytes.size() < length) {
        return {};
    }
    FrameResult result;
    result.status = FrameStatus::whole;
    result.frame.type = static_cast<FrameType>(load<std::uint16_t>(bytes, 4));
    result.frame.flags = flags;
    result.frame.body = bytes.subspan(header_bytes, length - header_bytes);
    result.size = length;
    return result;
}

bool is_known(FrameType type) { return find(type) != nullptr; }

bool is_counted(FrameType type) {
    const Kind* kind = find(type);
    return kind != nullptr && kind->counted;
}

bool is_from_client(FrameType type) {
    const Kind* kind = find(type);
    return kind != nullptr && kind->client;
}

bool is_from_daemon(FrameType type) {
    const Kind* kind = find(type);
    return kind != nullptr && kind->daemon;
}

std::string frame_name(FrameType type) {
    if (const Kind* kind = find(type)) {
        return std::string{kind->name};
    }
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::uint16_t>(type), 16).ptr;
    return "0x" + std::string(digits.data(), end);
}

}  // namespace backplane::wire
