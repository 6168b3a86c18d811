// SPDX-License-Identifier: Apache-2.0
/// The supervised half of the storm: fifty workers, most of them healthy, some that end when they are told to, with the status that
/// they are told. Each is marked in its environment, and each incarnation writes down its pid.
#pragma once

#include "tests/integration/storm/board.hpp"

#include <sys/types.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace backplane::storm {

/// The children of the root supervisor, for BareDaemon.
[[nodiscard]] std::string worker_specs();

class WorkerWatch {
  public:
    WorkerWatch(Board& board, std::string folder, std::string socket);
    ~WorkerWatch();
    WorkerWatch(const WorkerWatch&) = delete;
    WorkerWatch& operator=(const WorkerWatch&) = delete;

    /// Before the daemon's start.
    void make_pipes();
    /// When all run: who the healthy ones are.
    [[nodiscard]] bool remember();
    /// Whether the worker may be given one more order now.
    [[nodiscard]] bool is_free(std::size_t worker) const;
    void order(std::size_t worker, std::uint16_t code);
    /// The process table, while a daemon serves: no entry twice, nobody's child, the healthy ones as they were.
    void check(pid_t keeper, pid_t daemon);
    /// At the end: how often each was started.
    void check_starts();

  private:
    struct Identity {
        pid_t pid = 0;
        std::string started;
        pid_t parent = 0;
        bool operator==(const Identity& other) const { return pid == other.pid && started == other.started; }
    };

    /// Living processes of each worker.
    [[nodiscard]] std::map<std::size_t, std::vector<Identity>> table() const;

    Board& board_;
    std::string folder_;
    std::string socket_;
    std::array<int, workers_count> pipes_{};
    std::array<Identity, healthy_count> healthy_{};
};

}  // namespace backplane::storm
