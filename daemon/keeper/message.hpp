// SPDX-License-Identifier: Apache-2.0
/// What the keeper and its daemon say to each other, on a SOCK_SEQPACKET pair: one packet is one message. Both are one program of one
/// version (or of two, for the moment of an upgrade), so the layout is the machine's own; a kind that is not known is ignored.
///
/// A new daemon is told `welcome`, a `held` for each thing that is held for it, `all_held`, and only then anything else.
/// It hands nothing over before that.
/// Neither side ever waits for the other: what finds the socket full is said later.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace backplane::keeper {

/// The daemon finds its end of the socket here. It is not close-on-exec: the daemon must see to that.
constexpr int control_descriptor = 3;
constexpr std::int32_t protocol_version = 1;
/// How many descriptors are held, at most: two pipes of each worker are the most of them. What does not fit is `refused`.
constexpr std::size_t held_max = 4096;
/// How long the text behind a `notify` may be.
constexpr std::size_t text_bytes_max = 512;

enum class Kind : std::uint32_t {
    // The keeper says to the daemon:
    welcome =
        1,     ///< `pid` of the keeper, `number` of daemons that ended so far, `status` protocol_version, `how` many stop requests so far
    held = 2,  ///< `number`: the key; with its descriptor
    all_held = 3,  ///< that was all
    ended = 4,     ///< child `pid`, which is no daemon, has ended; `how` CLD_EXITED, CLD_KILLED or CLD_DUMPED, `status`. Not reaped yet
    stop = 5,      ///< `number` of stop requests (SIGTERM, SIGINT) so far
    signal = 6,    ///< `status`: SIGHUP or SIGUSR2
    probe = 7,     ///< `number`: are you there? Answer `alive` with it
    refused = 8,   ///< `number`: the key of a `hold` for which there is no room
    // The daemon says to the keeper:
    serving = 32,  ///< it serves: the limit of failed starts begins anew
    hold = 33,     ///< `number`: the key; keep this descriptor, in place of the one that is held under that key
    drop = 34,     ///< `number`: the key; close what is held under it
    reaped = 35,   ///< `pid` of the child that `ended` told of: take it away. The next one is told only then
    alive = 36,    ///< `number` of the probe
    notify = 37,   ///< with a text: pass it on to the service manager as it is
    done = 38,     ///< an orderly end follows: its exit code is the keeper's
};

/// What is held is known by a number. These mean something to both; from `key_first_free` on the daemon chooses.
enum Key : std::uint64_t {
    no_key = 0,  ///< holds nothing
    key_listening_socket = 1,
    key_lock_file = 2,
    key_executable = 3,  ///< what the keeper runs as the next daemon; replaced by `hold`, never dropped
    key_configuration = 4,
    key_lent_socket = 5,  ///< listens too, and is the service manager's: used in place of one of our own, never removed
    key_first_free = 16,
};

struct HeldDescriptor {
    std::uint64_t key = no_key;
    int descriptor = -1;
};

struct Message {
    Kind kind{};
    std::int32_t pid = 0;
    std::int32_t how = 0;
    std::int32_t status = 0;
    std::uint64_t number = 0;
};
static_assert(sizeof(Message) == 24);

struct Incoming {
    Message message;
    int descriptor = -1;  ///< -1: none came; else the receiver's, close-on-exec
    std::size_t text_bytes = 0;
    char text[text_bytes_max + 1] = {};  ///< ends with a NUL
};

enum class Sent {
    yes,
    full,  ///< not now: again when poll() says POLLOUT
    no,    ///< the other side is gone (EPIPE), or the descriptor cannot be sent
};

enum class Received {
    message,
    nothing,    ///< for now
    malformed,  ///< thrown away, with its descriptors
    closed,     ///< the other side is gone, and everything that it said has been received
};

inline void close_one(int& descriptor) {
    if (descriptor >= 0) {
        close(descriptor);
        descriptor = -1;
    }
}

/// Sends one message, with at most one descriptor, which stays the caller's. Never waits.
inline Sent send_message(int control, const Message& message, int descriptor = -1, const char* text = nullptr, std::size_t text_bytes = 0) {
    iovec parts[2] = {{const_cast<Message*>(&message), sizeof message}, {const_cast<char*>(text), text_bytes}};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof descriptor)] = {};
    msghdr packet{};
    packet.msg_iov = parts;
    packet.msg_iovlen = text_bytes == 0 ? 1 : 2;
    if (descriptor >= 0) {
        packet.msg_control = space;
        packet.msg_controllen = sizeof space;
        cmsghdr* const head = CMSG_FIRSTHDR(&packet);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof descriptor);
        std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    }
    for (;;) {
        if (sendmsg(control, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return Sent::yes;
        }
        if (errno != EINTR) {
            return errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS ? Sent::full : Sent::no;
        }
    }
}

/// Takes in the descriptors of a packet: true where there is none, or exactly one. Else none is left open.
inline bool take_descriptor(msghdr& packet, int& descriptor) {
    descriptor = -1;
    int count = 0;
    for (cmsghdr* head = CMSG_FIRSTHDR(&packet); head != nullptr; head = CMSG_NXTHDR(&packet, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= head->cmsg_len; at += sizeof(int), ++count) {
            close_one(descriptor);
            std::memcpy(&descriptor, reinterpret_cast<const char*>(head) + at, sizeof descriptor);
        }
    }
    if (count <= 1 && (packet.msg_flags & MSG_CTRUNC) == 0) {
        return true;
    }
    close_one(descriptor);
    return false;
}

/// Receives one message. Never waits. A descriptor in `into` from before is not closed.
inline Received receive_message(int control, Incoming& into) {
    iovec parts[2] = {{&into.message, sizeof into.message}, {into.text, text_bytes_max}};
    // As small as can be, yet the padding has room for a second descriptor: take_descriptor() closes both.
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof into.descriptor)] = {};
    msghdr packet{};
    packet.msg_iov = parts;
    packet.msg_iovlen = 2;
    packet.msg_control = space;
    ssize_t bytes = 0;
    do {
        packet.msg_controllen = sizeof space;
        bytes = recvmsg(control, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        // ECONNRESET says only once that the other side went without having read everything; what it said is still there.
    } while (bytes < 0 && (errno == EINTR || errno == ECONNRESET));
    if (bytes < 0) {
        into.descriptor = -1;
        return errno == EAGAIN ? Received::nothing : Received::closed;
    }
    const bool sound = take_descriptor(packet, into.descriptor);
    if (bytes == 0 && sound && into.descriptor < 0) {
        return Received::closed;
    }
    if (!sound || static_cast<std::size_t>(bytes) < sizeof(Message) || (packet.msg_flags & MSG_TRUNC) != 0) {
        close_one(into.descriptor);
        return Received::malformed;
    }
    into.text_bytes = static_cast<std::size_t>(bytes) - sizeof(Message);
    into.text[into.text_bytes] = '\0';
    return Received::message;
}

}  // namespace backplane::keeper
