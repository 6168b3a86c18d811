// SPDX-License-Identifier: Apache-2.0
/// The sockets of all connections: bytes between the kernel and the hub, one large read and one coalesced write a tick.
///
///   state      a connection's socket                         leaves by
///   open       read when readable, written when dirty        end of stream, its peer's death, the hub's last word
///   ended      the hub knows of the end                      last word written, or it cannot be
///   lingering  the last word found no room in the socket     written, cannot be, or linger_ms
///   gone       closed, its index released
#pragma once

#include "daemon/process/descriptor.hpp"
#include "daemon/process/host.hpp"
#include "daemon/session/hub.hpp"
#include "daemon/shell/handoff.hpp"
#include "daemon/shell/watch.hpp"

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace backplane::shell {

/// How long a last word may wait for room before its socket is closed all the same.
inline constexpr std::int64_t linger_ms = 1000;
/// How much one read takes.
inline constexpr std::size_t read_bytes_max = 256 * 1024;

class Connections final : private Watcher {
  public:
    Connections(uv_loop_t* loop, session::Hub& hub);
    ~Connections() = default;

    /// A socket that connected to us: learns who it is, and watches its process where the kernel can (T-8).
    void add_client(process::Descriptor socket);
    /// Our end of a worker's socketpair. Who the peer is follows from the inheritance (T-9).
    core::SessionIndex add_worker(process::Descriptor socket, core::ChildIndex child, std::uint32_t generation, std::int32_t pid);

    /// That worker did not come to be: its socket goes, and its session with it.
    void close_worker(core::SessionIndex session);

    /// Reads once from each connection that is readable.
    void read_ready();
    /// The worker is dead: reads all that it left in its socket, which then ends with `tell_ends` whoever else holds it (T-8).
    /// Nothing where `session`, which `add_worker` answered, is not that worker's any more.
    void drain_worker(core::SessionIndex session, core::ChildIndex child, std::uint32_t generation);
    /// Tells the hub of the ends that the reads found: all of a tick together (decision 22). Answers whose inherited sockets were
    /// among them; valid until the next call.
    const std::vector<process::Incarnation>& tell_ends();
    /// Writes what the hub has for each dirty connection, and closes what is finished.
    void flush(Instant now);
    /// When a lingering connection is to be closed; `never()` for none.
    [[nodiscard]] Instant next_deadline() const;

    /// Whether something happened that a tick must look at.
    [[nodiscard]] bool has_work() const { return !ready_.empty() || !ends_.empty() || !writable_.empty(); }
    /// Open sockets, finished ones that linger included.
    [[nodiscard]] std::size_t count() const { return count_; }
    /// How many were closed so far: whoever waits for descriptors looks whether it grew.
    [[nodiscard]] std::uint64_t closed() const { return closed_; }
    /// The sockets that a program after this one takes over; those with nothing left but a last word are not among them.
    [[nodiscard]] std::vector<HandedSocket> hand_over() const;
    /// A socket of the program before this one, for a session that the hub was given.
    void take_over(const HandedSocket& handed);
    /// Closes everything, without a word.
    void close_all();

  private:
    struct Connection {
        process::Descriptor socket;
        process::Descriptor peer;  ///< pidfd of the process that connected; none for workers
        core::ChildIndex worker = core::no_child;
        std::uint32_t generation = 0;  ///< of the worker
        Watch socket_watch;
        Watch peer_watch;
        bool is_ready = false;      ///< stands in ready_
        bool must_drain = false;    ///< nothing more will come than what is there: its process died, or the kernel reports an error
        bool has_ended = false;     ///< stands in ends_, or the hub was told
        bool is_mute = false;       ///< nobody takes what we write
        bool is_lingering = false;  ///< stands in lingering_
        Instant linger_until = Instant::never();
    };

    void on_ready(std::uint64_t token, unsigned events) noexcept override;
    core::SessionIndex add(std::unique_ptr<Connection> connection, const session::PeerFacts& peer);
    [[nodiscard]] Connection* find(core::SessionIndex session);
    void mark_ready(core::SessionIndex session, Connection& connection);
    void read(core::SessionIndex session, Connection& connection);
    void drain(core::SessionIndex session, Connection& connection);
    void end(core::SessionIndex session, Connection& connection);
    void write(core::SessionIndex session, Connection& connection);
    void settle(core::SessionIndex session, Connection& connection, Instant now);
    void move_sockets();
    [[nodiscard]] bool watch(core::SessionIndex session, Connection& connection);
    void close(core::SessionIndex session);

    uv_loop_t* loop_;
    session::Hub& hub_;
    bool watches_peers_;
    std::vector<std::unique_ptr<Connection>> connections_;  ///< by SessionIndex
    std::vector<core::SessionIndex> ready_;
    std::vector<core::SessionIndex> writable_;
    std::vector<core::SessionIndex> ends_;
    std::vector<core::SessionIndex> lingering_;
    std::vector<session::Move> moves_;        ///< scratch
    std::vector<core::SessionIndex> taken_;   ///< scratch
    std::vector<process::Incarnation> left_;  ///< scratch
    std::vector<core::SessionIndex> dirty_;   ///< scratch
    std::vector<std::byte> buffer_;
    std::size_t count_ = 0;
    std::uint64_t closed_ = 0;
};

}  // namespace backplane::shell
