// SPDX-License-Identifier: Apache-2.0
/// The daemon's one loop (decision 22). libuv's callbacks only mark what is ready; each turn of the loop then runs one tick:
///
///   1. the time is read, once;
///   2. signals; exits, in start order; what workers said; orphans and emptied groups;
///   3. new connections; one read of each readable connection; then all ends that were seen;
///   4. one slice of what is left: only now, all ends known, are deaths told;
///   5. signals to workers and reaping, which feed back at once;
///   6. one write to each connection that has something coming: those who monitor hear before anything is started anew;
///   7. a few spawns, then 5 and 6 again for what they led to;
///   8. one timer is set for the next thing due. Nothing due: the loop sleeps until something happens.
#pragma once

#include "daemon/process/host.hpp"
#include "daemon/session/hub.hpp"
#include "daemon/shell/connection.hpp"
#include "daemon/shell/handoff.hpp"
#include "daemon/shell/keeper_link.hpp"
#include "daemon/shell/listener.hpp"
#include "daemon/shell/notify.hpp"
#include "daemon/shell/outputs.hpp"
#include "daemon/shell/recorder.hpp"
#include "daemon/shell/signals.hpp"
#include "daemon/shell/watch.hpp"
#include "daemon/shell/workers.hpp"

#include <uv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::shell {

/// Owned by the caller, and outliving the loop.
struct LoopParts {
    session::Hub& hub;
    process::Host& host;
    Listener& listener;
    Signals& signals;
    Notify& notify;
    std::uint64_t open_files_max = 0;     ///< the daemon's own soft RLIMIT_NOFILE
    KeeperLink* keeper = nullptr;         ///< null: there is none
    journal::Journal* journal = nullptr;  ///< null: nothing is kept
    JournalRecorder* recorder = nullptr;  ///< of that journal
    std::uint64_t open_files_before = 0;  ///< what workers get
    std::vector<std::string> words{};     ///< the command line, for a program after this one
    std::string configuration{};          ///< its text
    std::string config_path{};            ///< where that was read, and is read again
    std::uint32_t cpus = 1;               ///< what `"partitions": "cpus"` means
};

/// How a loop ended.
enum class LoopEnd : std::uint8_t {
    stopped,      ///< everything is stopped, nothing is left
    keeper_gone,  ///< workers and sessions live on, for whoever comes next
    detached,     ///< the same, because somebody wanted it so
};

class Loop final : private Watcher {
  public:
    explicit Loop(const LoopParts& parts);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    /// A state that begins: `tree` is the encoded configuration, `limits` what `encode_limits` made.
    void boot(std::string_view tree, std::string_view limits);
    /// A state that goes on after a crash: core and hub were replayed.
    void recover();
    /// A state that goes on in the same process under a new program: core and hub were replayed, nobody was away.
    [[nodiscard]] bool take_over(const Handoff& handoff);
    /// Runs until the core halts, or the keeper is gone. Answers the exit code.
    [[nodiscard]] int run();
    [[nodiscard]] LoopEnd ending() const { return ending_; }

  private:
    enum class Mark : std::uint64_t { signals, listener, keeper };

    void on_ready(std::uint64_t token, unsigned events) noexcept override;
    [[nodiscard]] bool open_handles();
    void begin();
    void tick();
    void meet_deadlines();
    void take_keeper();
    void take_signals();
    void terminate();
    void keep_journal();
    void take_requests();
    void upgrade();
    void reload(const session::ShellRequest& asked);
    [[nodiscard]] Expected<wire::Plan> try_reload(const session::ShellRequest& asked);
    void keep_configuration(const std::string& text);
    [[nodiscard]] Handoff hand_over() const;
    void take_connections();
    [[nodiscard]] bool has_room() const;
    void pause_accepting(bool for_others);
    [[nodiscard]] bool can_resume() const;
    void resume_accepting();
    void settle_machine();
    void tell();
    void tell_manager();
    void write_lines();
    void sleep();
    static void on_timer(uv_timer_t* timer);
    void stay_awake();
    void stop();

    LoopParts parts_;
    uv_loop_t loop_{};
    uv_check_t check_{};
    uv_idle_t idle_{};
    uv_timer_t timer_{};
    Watch signal_watch_;
    Watch accept_watch_;
    Watch keeper_watch_;
    std::optional<Connections> connections_;
    std::optional<Outputs> outputs_;
    std::optional<Workers> workers_;
    std::vector<core::Effect> machine_;  ///< scratch
    std::vector<std::string> lines_;     ///< scratch
    Instant now_{};
    Instant timer_due_ = Instant::never();  ///< what the timer is set for
    Instant put_off_until_{};               ///< what was due while the loop was away
    Instant accept_again_ = Instant::never();
    Instant status_due_ = Instant::never();
    Instant compact_again_{};
    std::uint64_t closed_at_pause_ = 0;
    std::uint64_t direct_stops_ = 0;  ///< signals that came to us and not to the keeper
    std::uint32_t steps_told_ = 0;
    LoopEnd ending_ = LoopEnd::stopped;
    bool keeper_spoke_ = false;
    bool said_full_ = false;
    bool upgrade_wanted_ = false;
    bool reload_wanted_ = false;
    bool signalled_ = false;
    bool child_died_ = false;
    bool somebody_waits_ = false;  ///< on the listening socket
    bool is_paused_ = false;
    bool said_paused_ = false;
    bool said_stopping_ = false;
    bool is_open_ = false;  ///< libuv's loop was made
    std::optional<int> exit_code_;
};

}  // namespace backplane::shell
