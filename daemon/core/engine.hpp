// SPDX-License-Identifier: Apache-2.0
/// The functional core: one deterministic state machine, *event in (with its time), effects out*.
///
/// It knows no socket, clock, process, thread or random source. The daemon, the simulator, the journal's replay and the
/// benchmarks drive the same `step`. `step` first fires the deadlines that are due, in order (decision 10).
#pragma once

#include "daemon/core/deadlines.hpp"
#include "daemon/core/effect.hpp"
#include "daemon/core/event.hpp"
#include "daemon/core/graph.hpp"
#include "daemon/core/supervision.hpp"
#include "daemon/core/texts.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::core {

struct EngineLimits {
    GraphLimits graph;
    Duration handshake = Duration::seconds(5);     ///< from accept to hello
    Duration task_grace = Duration::seconds(5);    ///< for tasks when the daemon stops (T-13)
    Duration resume_grace = Duration::seconds(5);  ///< for sessions to come back after a crash of the daemon (T-10)
    std::uint32_t starts_at_once = 64;             ///< processes between spawn and ready, at most (X-13); at least 1
};

/// As `Event::boot` carries them, so that a replay runs under the limits of the run.
[[nodiscard]] std::string encode_limits(const EngineLimits& limits);
/// False, and nothing changed, for bytes that `encode_limits` did not write.
[[nodiscard]] bool decode_limits(std::string_view bytes, EngineLimits& limits);

/// What came due while nobody was there, in a crash of the daemon or a gap in its loop, is due so much later: whoever was to be heard in
/// time may not have been.
inline constexpr Duration late_grace = Duration::seconds(1);

class Engine {
  public:
    explicit Engine(const EngineLimits& limits = {});
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Carries out one event at time `now` (never earlier than the one before) and appends what is to be done.
    /// Linear in what the event touches, bounded by one slice (decision 11).
    void step(Instant now, const Event& event, Effects& out);

    /// When the next `step` is needed at the latest although nothing happens; `never()` for no deadline.
    [[nodiscard]] Instant next_deadline() const { return deadlines_.next(); }
    /// How many steps were taken.
    [[nodiscard]] std::uint64_t steps() const { return steps_; }
    [[nodiscard]] bool is_stopping() const { return urgency_ >= 0; }
    /// How often `terminate` was taken.
    [[nodiscard]] std::uint32_t terminations() const { return terminations_; }
    [[nodiscard]] const EngineLimits& limits() const { return limits_; }
    /// What an open session can be resumed with: the token of its last welcome, and where that one is not known to have been heard,
    /// the one before it.
    [[nodiscard]] Token token(SessionIndex session) const { return tokens_[session].now; }
    [[nodiscard]] Token last_token(SessionIndex session) const { return tokens_[session].before; }
    /// Whether an event can have happened in this state: every index, enumerator and length in it is judged. A journal is
    /// hostile until it is replayed; what a driver makes of its own need not be asked.
    [[nodiscard]] bool can_happen(const Event& event) const;

    [[nodiscard]] const Graph& graph() const { return graph_; }
    [[nodiscard]] const Supervision& supervision() const { return supervision_; }
    [[nodiscard]] const Texts& texts() const { return texts_; }

    /// From here on graph records are made whether or not a session wants them: for whoever replays a journal to look at it.
    /// Nothing but records comes of it: the state, the effects and the other records' numbers are those of the run. Records that
    /// nobody wanted then are numbered behind the others of their step, so that numbers still go up.
    void tell_all() {
        tells_all_ = true;
        hold_or_not();
    }

    /// For a copy that is only played with: no sign of life is missed, nobody fails to come in time, no quarantine is over. Such
    /// deadlines are put off for good as far as they come first. Answers when the first other one is due; `never()` for none.
    Instant pass_over_watches();

    /// How long `save`'s image would be. Cheap: nothing is copied.
    [[nodiscard]] std::size_t image_bytes() const;
    /// The whole state as bytes (decision 9): loading them into a fresh engine and going on must not be noticeable.
    void save(std::string& image) const;
    /// Replaces the state. The bytes may be hostile: any that `save` did not write give `corrupt_image`, and the
    /// engine must then not be used.
    [[nodiscard]] Expected<void> load(std::string_view image);
    /// Checks the invariants of the whole state; for tests. Empty, or what is wrong.
    [[nodiscard]] std::string check() const { return graph_.check(); }

  private:
    /// Whether each step needs a look afterwards: somebody watches the graph, or the daemon is stopping.
    void hold_or_not() { graph_.hold(graph_watchers_ != 0 || urgency_ >= 0 || tells_all_); }
    void step_whole(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void create(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void link(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void link_with_care(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void disconnect(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void leave(const Event& event);
    [[gnu::noinline]] void end_with_care(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void end_for_many(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void end_rest(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void acknowledge(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void acknowledge_with_care(Instant now, const Event& event, Effects& out);
    [[gnu::noinline]] void end(Instant now, const Event& event, Effects& out);
    void conclude(Step& step, const Event& event);
    static void number_unasked(Step& step, std::size_t first);
    void dispatch(Step& step, const Event& event);
    void dispatch_session(Step& step, const Event& event);
    void dispatch_naming(Step& step, const Event& event);
    void dispatch_process(Step& step, const Event& event);
    void open_session(Step& step, const Event& event);
    void close_session(Step& step, const Event& event);
    void fire_due(Step& step);
    void cut_late(Step& step, SessionIndex session, ErrorCode code, std::string_view why);
    void fire(Step& step, const Due& due);
    void settle(Step& step, bool fresh);
    struct Tokens {
        Token now, before;
    };
    void confirm(SessionIndex session);
    void resume_session(Step& step, const Event& event);
    void refuse_session(Step& step, const Event& event);
    void recover(Step& step);
    void recover_session(Step& step, SessionIndex session);
    void grant(Step& step, const Event& event);
    void label(Step& step, const Event& event);
    void terminate(Step& step);
    void go_down(Step& step);
    void halt(Step& step);
    [[nodiscard]] bool parts_agree() const;
    void save(ImageWriter& writer) const;

    EngineLimits limits_;
    Texts texts_;
    Deadlines deadlines_;
    Graph graph_;
    Supervision supervision_;
    std::uint64_t steps_ = 0;
    std::uint32_t graph_watchers_ = 0;  ///< sessions that want graph records
    std::int32_t urgency_ = -1;         ///< how often `terminate` came, less one, 2 at the most (T-13)
    std::uint32_t terminations_ = 0;
    std::vector<Tokens> tokens_;  ///< by session; beside the sessions, as they are seldom looked at
    DeadlineId task_grace_ = 0;
    bool tasks_asked_ = false;
    bool halted_ = false;
    bool tells_all_ = false;  ///< no part of the state: not saved
};

}  // namespace backplane::core
