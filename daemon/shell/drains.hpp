// SPDX-License-Identifier: Apache-2.0
/// Drain hooks: a command beside a worker that is about to be stopped, run once. However it ends, its end is told; that it takes
/// too long is for the core to see, whose stop signal ends it.
///
///     state    | entered by           | left when
///     ---------+----------------------+------------------------------------------------------------------------------
///     waiting  | begin; halt          | `run` comes to it: so many in a tick, as a whole pool may be stopped at once
///     running  | its command began    | it has ended, or cannot be run: told, and over
///
/// `end` takes it out of either: its worker has ended, or is sent its signal. So none begins beside a corpse.
#pragma once

#include "daemon/core/spec.hpp"
#include "daemon/process/host.hpp"
#include "daemon/shell/watch.hpp"

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace backplane::shell {

/// So many hooks begin in one tick; the rest in the next ones.
inline constexpr std::size_t drains_per_tick_max = 4;

class Drains final : private Watcher {
  public:
    Drains(uv_loop_t* loop, process::Host& host);
    ~Drains();

    /// The hook of `launch`, a worker's, whose process is `pid`, is run from the next `run` on. One that cannot be run is over then, with a
    /// warning.
    void begin(process::Incarnation worker, std::int32_t pid, core::LaunchSpec launch, const std::string& socket_path, std::string name);
    /// Nobody waits for it any more. What runs is killed with its group.
    void end(core::ChildIndex child);
    /// All of them.
    void clear();
    /// Kills what runs; it begins anew with the next `run`. For a program that is about to be replaced.
    void halt();

    /// Looks at what runs and begins what waits. Answers whose hooks are over now, each once; good until the next call.
    [[nodiscard]] const std::vector<process::Incarnation>& run();
    [[nodiscard]] bool has_work() const;

  private:
    struct Drain {
        process::Incarnation worker;
        std::string name;
        core::LaunchSpec launch;
        process::SpawnOptions options;
        std::int32_t pid = 0;  ///< of the command that runs; 0: it waits
        Watch watch;
    };

    void on_ready(std::uint64_t token, unsigned events) noexcept override;
    [[nodiscard]] bool start(Drain& drain);
    [[nodiscard]] bool is_over(Drain& drain);
    void stop(Drain& drain);

    uv_loop_t* loop_;
    process::Host& host_;
    std::vector<std::unique_ptr<Drain>> drains_;
    std::vector<process::Incarnation> over_;
    bool is_touched_ = false;
};

}  // namespace backplane::shell
