// SPDX-License-Identifier: Apache-2.0
/// Readiness by probe: asks a worker's command or address again and again until it answers, and says so once.
///
///     state   | entered by                        | left when
///     --------+-----------------------------------+------------------------------------------------------
///     waiting | begin; a try that failed          | its time has come: the next try
///     trying  | a command or a connection began   | it succeeds: told, and over; it fails or its timeout is over: waiting
///
/// Without a probe nothing here costs anything: no timer, no descriptor.
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

/// So many commands begin in one tick; the rest in the next ones.
inline constexpr std::size_t probes_per_tick_max = 4;

class Probes final : private Watcher {
  public:
    Probes(uv_loop_t* loop, process::Host& host);
    ~Probes();

    /// The worker runs, and is to be asked from the next `run` on. `launch`: the worker's, whose `probe` says how.
    void begin(process::Incarnation worker, core::LaunchSpec launch, process::SpawnOptions options);
    /// It needs no asking any more. What runs is killed with its group.
    void end(core::ChildIndex child);
    /// All of them.
    void clear();
    /// Kills what runs; it is asked again with the next `run`. For a program that is about to be replaced.
    void halt();

    /// Looks at tries, begins those whose time has come. Answers who is ready now, each once; good until the next call.
    [[nodiscard]] const std::vector<process::Incarnation>& run(Instant now);
    /// When `run` has something to do though nothing became readable.
    [[nodiscard]] Instant next() const;
    [[nodiscard]] bool has_work() const { return is_touched_; }

  private:
    enum class Try : std::uint8_t { runs, succeeded, failed };
    struct Probe {
        process::Incarnation worker;
        core::LaunchSpec launch;
        process::SpawnOptions options;
        Instant due{};
        Instant begun{};
        bool is_trying = false;
        bool is_touched = false;  ///< what is watched has something to say
        bool said_why = false;
        std::uint32_t tries = 0;
        std::int32_t pid = 0;  ///< of the command that runs
        process::Descriptor socket;
        Watch watch;
    };

    void on_ready(std::uint64_t token, unsigned events) noexcept override;
    void stop_try(Probe& probe);
    [[nodiscard]] bool step(Probe& probe, Instant now, std::size_t& commands);
    [[nodiscard]] Try begin_try(Probe& probe, Instant now);
    [[nodiscard]] Try begin_command(Probe& probe);
    [[nodiscard]] Try begin_connect(Probe& probe);
    [[nodiscard]] Try look(Probe& probe, Instant now);
    void say_why(Probe& probe, const std::string& why);

    uv_loop_t* loop_;
    process::Host& host_;
    std::vector<std::unique_ptr<Probe>> probes_;
    std::vector<process::Incarnation> ready_;
    bool is_touched_ = false;
};

}  // namespace backplane::shell
