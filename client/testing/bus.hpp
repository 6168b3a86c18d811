// SPDX-License-Identifier: Apache-2.0
/// LocalBusState: the daemon of a LocalBus. Core and hub, the clock that both are told, and the carriage of bytes between the hub
/// and the connections. All movement is `carry` and `fire_next`; whoever adds a source of deadlines adds it to `next_deadline`.
#pragma once

#include "daemon/core/engine.hpp"
#include "daemon/session/hub.hpp"

#include <backplane/testing/local_bus.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backplane::client_detail {

class LocalConnection;

class LocalBusState {
  public:
    explicit LocalBusState(const testing::LocalBusOptions& options);
    LocalBusState(const LocalBusState&) = delete;
    LocalBusState& operator=(const LocalBusState&) = delete;

    // ---- connections: each is here from `attach` to `detach`, in the order in which they came ----
    void attach(LocalConnection& connection) { connections_.push_back(&connection); }
    void detach(LocalConnection& connection);
    /// It has something to say, which goes in behind what others had before it.
    void note_buffered(LocalConnection& connection);

    /// A socket to the daemon: a new session of a process.
    [[nodiscard]] core::SessionIndex open(std::int32_t pid);
    /// The number that the next process gets.
    [[nodiscard]] std::int32_t next_pid() { return ++last_pid_; }
    /// Its end was seen, and it is closed.
    void close(core::SessionIndex session);
    /// What the daemon has to say to this session, which is thereby written; its end where the hub has closed it and nothing is left.
    struct Heard {
        std::string bytes;
        bool is_end = false;
    };
    [[nodiscard]] Heard hear(core::SessionIndex session);
    [[nodiscard]] bool has_news(core::SessionIndex session) const { return !hub().outbox(session).empty() || hub().is_finished(session); }
    [[nodiscard]] bool wants_read(core::SessionIndex session) const { return hub().wants_read(session); }
    void receive(core::SessionIndex session, std::string_view bytes);

    /// Hands in what every connection has to say, and has the core carry it out to the end.
    void carry();

    // ---- time ----
    [[nodiscard]] Instant now() const { return now_; }
    /// When something happens by itself; never: nothing does any more.
    [[nodiscard]] Instant next_deadline() const;
    /// Moves the clock to what is due next and lets it happen; false, and nothing has changed, if that is later than `limit`.
    bool fire_next(Instant limit);
    /// Only the clock; nothing is due before.
    void set_now(Instant at);
    void after(Duration delay, std::function<void()> act);

    [[nodiscard]] Expected<void> configure(std::string_view json);

    void kill(LocalConnection& connection);
    void crash(Duration away);
    void stop();
    /// The end of the bus.
    void end();

  private:
    struct Core {
        core::Engine engine;
        session::Hub hub;
        Core(const core::EngineLimits& limits, const session::HubOptions& options) : engine(limits), hub(engine, options) {
            hub.set_form(&form());
        }
    };
    [[nodiscard]] static const session::ChildForm& form();
    [[nodiscard]] session::Hub& hub() { return core_->hub; }
    [[nodiscard]] const session::Hub& hub() const { return core_->hub; }
    void settle();
    void take_moves();
    void replace_core();
    [[nodiscard]] core::Token fresh_token();

    core::EngineLimits limits_;
    session::HubOptions options_;
    Instant now_;
    std::uint64_t random_;
    std::int32_t last_pid_ = 1;
    std::unique_ptr<Core> core_;
    std::vector<LocalConnection*> connections_;
    std::vector<LocalConnection*> buffering_;             ///< in the order in which they began to
    std::multimap<Instant, std::function<void()>> acts_;  ///< of one moment in the order of their insertion
};

}  // namespace backplane::client_detail
