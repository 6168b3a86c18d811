// SPDX-License-Identifier: Apache-2.0
/// One client of the storm: Devices that come and go, links to those of others, and books of what it is owed.
#pragma once

#include "tests/integration/storm/board.hpp"

#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace backplane::storm {

class StormClient {
  public:
    StormClient(Board& board, std::string socket, std::uint32_t owner, std::uint64_t seed);
    /// Until the board's last phase.
    void run();

  private:
    /// What one Device is owed of another, whom it linked with.
    struct Debt {
        std::uint64_t number = 0;
        bool must = true;   ///< a notice has to come
        bool may = true;    ///< a notice may come
        bool told = false;  ///< it has come
        bool late = false;  ///< linked with what had gone: how may be forgotten by then (L-9)
    };
    struct Mine {
        Device device;
        std::uint64_t number = 0;
        std::int64_t born = 0;
        std::unordered_map<std::uint64_t, Debt> debts;  ///< by id
        std::unordered_set<std::uint64_t> told;         ///< ids
    };
    struct Fading {
        std::uint64_t mine = 0;
        std::uint64_t other = 0;
    };

    bool connect();
    void close();
    void act();
    void create();
    void publish(std::uint64_t number);
    void link();
    void link_waiting(Mine& mine, std::uint64_t number, const Line& line, LinkMode mode);
    void unlink();
    void end_one(std::size_t index);
    void look_up();
    /// A ping: all that was sent before it is done, all that was owed before it has come.
    void confirm();
    void take_messages();
    void take_events();
    void take(Mine& mine, const Disconnected& told);
    /// What others' records say that it is owed. `wants` is asked for each.
    std::atomic<std::uint64_t>* find_peer(const Mine& mine, std::uint64_t id);
    /// Looks whether all that must have come by now has. Answers how much may still come.
    void audit();
    [[nodiscard]] std::size_t owed_later();
    void settle();
    void arrive(Phase phase);
    [[nodiscard]] std::uint64_t roll(std::uint64_t below) { return random_() % below; }
    [[nodiscard]] bool in_phase(Phase phase) const { return board_.phase.load() == phase; }

    Board& board_;
    std::string socket_;
    std::uint32_t owner_;
    std::mt19937_64 random_;
    std::optional<Client> client_;
    std::vector<Mine> mine_;
    std::vector<std::uint64_t> ending_;  ///< numbers whose end is not acknowledged yet
    std::vector<Fading> fading_;         ///< unlinked, not acknowledged yet
    std::uint64_t kills_before_ = 0;
    std::uint64_t resumed_ = 0;
    Phase arrived_ = Phase::storm;
};

/// A process of such clients, forked; answers its pid. It ends by itself after the last phase.
pid_t start_clients(Board& board, const std::string& socket, std::uint32_t owner, std::uint64_t seed);

}  // namespace backplane::storm
