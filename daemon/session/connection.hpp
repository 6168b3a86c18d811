// SPDX-License-Identifier: Apache-2.0
/// One connection as the hub keeps it: what it is, what has come in and not been carried out, what is to go out.
///
///   state       leaves by
///   greeting    hello -> open; hello that resumes another -> finished, its socket moves there; deadline, malformed frame, end -> finished
///   open        bye, end, cut -> finished
///   away        no socket: its daemon crashed (T-10). A resume -> open; its grace is over -> finished and released
///   finished    its last word is in the outbox; released by the driver once the socket is closed
#pragma once

#include "daemon/core/types.hpp"
#include "proto/wire/message.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace backplane::session {

/// What the kernel tells of a peer, and where its socket came from.
struct PeerFacts {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int32_t pid = 0;
    core::ChildIndex worker = core::no_child;  ///< the process whose inherited socket it is, judged by that inheritance (T-9)
    std::uint32_t generation = 0;              ///< of that process
    core::Token token;                         ///< fresh random bits: what the session can be resumed with
};

enum class ConnectionState : std::uint8_t { greeting, open, away, finished };

/// A request whose answer is still to come.
struct OpenRequest {
    std::uint64_t id = 0;
    wire::Call call = wire::Call::daemon;
    std::string name;  ///< the full name acted on
};

/// What a connection wants of the event log.
struct Subscription {
    bool active = false;
    bool graph = false;
    bool lagging = false;         ///< the outbox was over its mark: catch up from the ring when there is room
    bool ends = false;            ///< follow = false: answer `request` when the ring has been told
    std::uint64_t request = 0;    ///< to answer; 0 when answered
    std::uint64_t told = 0;       ///< the last seq that was written
    std::uint64_t lost_from = 0;  ///< graph subscribers: first seq that was dropped; 0 for none
    std::uint64_t lost_to = 0;    ///< the last seq that was dropped
};

struct Connection {
    ConnectionState state = ConnectionState::greeting;
    bool dirty = false;
    bool in_use = true;
    bool saw_end = false;  ///< nothing more will come
    PeerFacts peer;
    std::string client;  ///< its own word of itself, from hello
    std::string inbox;   ///< bytes of frames not yet carried out
    std::string outbox;
    std::size_t written = 0;           ///< of the outbox
    std::uint64_t operations = 0;      ///< counted frames taken from the client
    std::uint64_t told = 0;            ///< the last cumulative acknowledgement sent
    std::uint32_t sent_place = 0;      ///< the last owed node that was encoded, while it lives (decision 3)
    std::uint64_t sent = 0;            ///< owed things encoded
    std::uint64_t settles_at = 0;      ///< resumed: its first acknowledgement stands behind so many of them; 0: it is written
    std::int64_t over_mark_since = 0;  ///< ns; 0 while the outbox is below its mark
    std::vector<OpenRequest> requests;
    Subscription subscription;
};

}  // namespace backplane::session
