// SPDX-License-Identifier: Apache-2.0
/// Drain hooks: a command beside a worker that is about to be stopped, run once. However it ends, its end is told; that it takes
/// too long is for the core to see, whose stop signal ends it.
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

class Drains final : private Watcher {
  public:
    Drains(uv_loop_t* loop, process::Host& host);
    ~Drains();

    /// Runs the hook of `launch`, a worker's, whose process is `pid`. Where that cannot be it is over at once, with a warning.
    void begin(process::Incarnation worker, std::int32_t pid, core::LaunchSpec launch, const std::string& socket_path, std::string name);
    /// Nobody waits for it any more. What runs is killed with its group.
    void end(core::ChildIndex child);
    /// All of them.
    void clear();

    /// Whose hooks are over now, each once; good until the next call.
    [[nodiscard]] const std::vector<process::Incarnation>& run();
    [[nodiscard]] bool has_work() const { return is_touched_; }

  private:
    struct Drain {
        process::Incarnation worker;
        std::string name;
        std::int32_t pid = 0;  ///< of the command; 0: it could not be begun
        Watch watch;
    };

    void on_ready(std::uint64_t token, unsigned events) noexcept override;
    [[nodiscard]] bool is_over(Drain& drain);

    uv_loop_t* loop_;
    process::Host& host_;
    std::vector<std::unique_ptr<Drain>> drains_;
    std::vector<process::Incarnation> over_;
    bool is_touched_ = false;
};

}  // namespace backplane::shell
