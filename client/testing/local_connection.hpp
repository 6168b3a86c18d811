// SPDX-License-Identifier: Apache-2.0
/// LocalConnection: a Conversation whose bytes go to a core in the same process, by the clock of a LocalBus.
///
/// Bytes are taken in by `exchange` and nowhere else, and a wait is `pass`, which moves the bus's clock: another source of deadlines of
/// this connection belongs there, and what is to run when bytes have come, behind `exchange`.
#pragma once

#include "client/src/connection.hpp"
#include "client/src/descriptor.hpp"
#include "client/src/fork_guard.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace backplane::client_detail {

class LocalBusState;

class LocalConnection final : public Connection {
  public:
    LocalConnection(std::shared_ptr<LocalBusState> bus, std::string_view name, bool resumes);
    ~LocalConnection() override;

    [[nodiscard]] Instant now() const override;
    [[nodiscard]] bool has_own_clock() const override { return true; }
    [[nodiscard]] int descriptor() const override { return epoll_.get(); }
    [[nodiscard]] Expected<void> watch(int descriptor) override;
    [[nodiscard]] bool is_same_process() const override { return guard_.is_same_process(); }

    using Connection::pump;
    void buffered() override;
    void flush() override;
    Expected<void> dispatch() override;
    Expected<bool> pump(Instant deadline, int other) override;
    void close() override;

    // ---- for the bus ----
    [[nodiscard]] const LocalBusState* bus() const { return bus_.get(); }
    /// What is buffered goes to the daemon, if that reads.
    void hand_in();
    /// The descriptor says what there is to do.
    void update_descriptor();
    /// Its session turned out to be another one.
    void move(core::SessionIndex from, core::SessionIndex to);
    /// Its process is gone: nothing is said, and nothing comes back.
    void lose(Error why);
    /// The daemon died, and the stream with it.
    void stream_lost();
    /// There is a daemon again.
    void come_back();

  private:
    bool exchange();
    bool hear();
    Expected<bool> pass(Instant deadline);
    Expected<bool> await_other(Instant deadline, int other);
    void leave();

    std::shared_ptr<LocalBusState> bus_;
    ForkGuard guard_;
    Descriptor epoll_;     ///< what the user watches
    Descriptor readable_;  ///< in it: an eventfd that counts 1 while there is something to do
    bool is_readable_ = false;
    std::int32_t pid_;
    core::SessionIndex session_ = core::daemon_session;  ///< the daemon's own: there is no stream
};

}  // namespace backplane::client_detail
