// SPDX-License-Identifier: Apache-2.0
/// What workers write, from their pipes to where it goes: the loop's side. Decides nothing and waits for nothing.
///
/// One stream is one output of one incarnation. Its bytes lie in the pipe until they have reached their sink:
///
///   state      meaning                                             the pipe is     leaves by
///   idle       nothing is there                                    watched         bytes -> pending
///   partial    a line that nobody has ended yet                    let be          its newline, or `line_patience` -> pending
///   pending    one piece is with the writer                        let be          it is written -> taken out of the pipe, idle
///   overrun    the writer does not come after (`write_patience`)   emptied         all is written -> idle
///
/// Overrun, pieces wait in memory up to `queue_bytes_max`, and what is more is dropped and counted: a worker never waits for a disk. In a
/// tick at most `pieces_per_tick_max` pieces are looked at, so that one that floods holds up nobody.
#pragma once

#include "daemon/core/spec.hpp"
#include "daemon/output/line_ring.hpp"
#include "daemon/output/pipe.hpp"
#include "daemon/output/tail.hpp"
#include "daemon/output/writer.hpp"
#include "daemon/session/hub.hpp"
#include "daemon/session/worker_output.hpp"
#include "daemon/shell/handoff.hpp"
#include "daemon/shell/keeper_link.hpp"
#include "daemon/shell/watch.hpp"

#include <uv.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace backplane::shell {

inline constexpr Duration line_patience = Duration::milliseconds(100);
inline constexpr Duration write_patience = Duration::milliseconds(50);
inline constexpr std::size_t queue_bytes_max = 1024 * 1024;  ///< of one stream
inline constexpr std::size_t looks_per_tick_max = 256;       ///< most find an end, or nothing
inline constexpr std::size_t pieces_per_tick_max = 4;        ///< each of at most output::look_bytes_max
/// How long the end of the daemon, or its replacement, waits for what is still to be written.
inline constexpr Duration last_patience = Duration::seconds(1);

class Outputs final : public session::WorkerOutput, private Watcher {
  public:
    /// `first_line`: above the number of any line of a daemon before this one.
    Outputs(uv_loop_t* loop, session::Hub& hub, std::uint64_t first_line);
    /// The keeper holds the reading ends too. Null: nobody does.
    void held_by(KeeperLink* keeper) { keeper_ = keeper; }

    /// The worker's ends of what is to be read of an incarnation that is about to be spawned. They close with this: what is never
    /// spawned is then at its end.
    struct Given {
        std::array<process::Descriptor, output::outputs_per_worker> ends;
        int error_number = 0;  ///< of what could not be opened; 0: all is well
        [[nodiscard]] std::array<int, output::outputs_per_worker> numbers() const { return {ends[0].get(), ends[1].get()}; }
    };
    [[nodiscard]] Given give(core::ChildIndex child, std::uint32_t generation, const core::LaunchSpec& launch);
    /// What it last wrote on its stderr, everything included that still lies in its pipe. Empty where that is not read.
    [[nodiscard]] std::string last_words(core::ChildIndex child, std::uint32_t generation);

    // ---- one turn of the loop ---------------------------------------------------------------------------------------------
    void run(Instant now);
    [[nodiscard]] bool has_work() const { return (!is_paused_ && !ready_.empty()) || is_written_; }
    [[nodiscard]] Instant next_look() const { return next_look_; }

    // ---- before and after this program --------------------------------------------------------------------------------------
    /// After a crash: takes what the keeper holds.
    void recover();
    /// A worker was found again: its pipes, where the keeper had no room for them.
    void adopt(core::ChildIndex child, std::uint32_t generation, std::int32_t pid);
    /// The keeper would not hold this one.
    void refused(std::uint64_t key);
    /// Nothing more is begun, until `go_on`; true when nothing is on its way, or that has taken too long.
    [[nodiscard]] bool pause(Instant now);
    void go_on();
    [[nodiscard]] std::vector<HandedOutput> hand_over() const;
    /// Rings and tails as bytes.
    [[nodiscard]] std::string save() const;
    void take_over(const std::vector<HandedOutput>& handed, const std::string& saved);
    /// The workers live on and so do their pipes: watches nothing any more.
    void let_go();
    /// The daemon ends, and all its workers have: what is left is written.
    void close();

    /// Under keys from here on the keeper holds reading ends.
    static constexpr std::uint64_t first_key = std::uint64_t{1} << 62U;

    // session::WorkerOutput
    [[nodiscard]] Range lines_of(core::ChildIndex child) const override;
    [[nodiscard]] OutputLine line_of(core::ChildIndex child, std::uint64_t number) const override;
    [[nodiscard]] std::uint64_t dropped_of(core::ChildIndex child) const override;

  private:
    /// Whose stream a key means, which is also how the keeper knows it.
    struct Name {
        core::ChildIndex child = core::no_child;
        std::uint32_t generation = 0;  ///< its lower bits: as many as a key has room for
        output::Which which = output::Which::out;
    };
    struct Stream {
        std::uint64_t key = 0;
        Name name;
        process::Descriptor pipe;
        Watch watch;
        output::Tail tail;
        std::shared_ptr<output::Sink> sink;
        std::size_t fed = 0;     ///< bytes at the pipe's front that ring and tail have
        std::size_t handed = 0;  ///< of those, with the writer, and to be taken out when it is done
        std::size_t queued = 0;  ///< bytes with the writer
        Instant due = Instant::never();
        std::uint64_t unsaid = 0;  ///< dropped bytes that its sink has not been told of
        bool is_queued = false;    ///< in `ready_`, once
        bool is_overrun = false;
        bool is_failing = false;
    };
    /// What is kept of one child, whichever incarnation wrote it.
    struct Kept {
        explicit Kept(std::string path, std::uint64_t first) : name(std::move(path)), ring(first) {}
        std::string name;
        output::LineRing ring;
        std::uint64_t dropped = 0;
        std::uint32_t ended = 0;  ///< the incarnation whose stderr ended last
        std::string words;        ///< its tail
    };

    [[nodiscard]] static std::uint64_t key_of(const Name& name);
    [[nodiscard]] static Name name_of(std::uint64_t key);
    void on_ready(std::uint64_t token, unsigned events) noexcept override;
    [[nodiscard]] Stream* find(std::uint64_t key);
    Stream& add(std::uint64_t key, process::Descriptor pipe);
    [[nodiscard]] Kept& kept(core::ChildIndex child);
    [[nodiscard]] const Kept* kept_of(core::ChildIndex child) const;
    [[nodiscard]] std::string_view path_of(core::ChildIndex child) const;
    [[nodiscard]] core::OutputSpec spec_of(const Name& name) const;
    [[nodiscard]] std::shared_ptr<output::Sink> sink_for(const Name& name, const core::OutputSpec& spec, int& error_number);
    void take_written();
    void take_due(Instant now);
    void queue(std::uint64_t key);
    [[nodiscard]] bool look_at(Stream& stream, Instant now);
    void feed(Stream& stream, Instant now);
    void hand(Stream& stream, std::string_view bytes, Instant now);
    void take_out(Stream& stream, std::size_t bytes);
    void dropped(Stream& stream, std::size_t bytes, int error_number);
    void recovered_from_drop(Stream& stream);
    void wait_until(Stream& stream, Instant due);
    void ended(Stream& stream, Instant now);
    void tell_readers();
    [[nodiscard]] std::string label(const Stream& stream) const;

    uv_loop_t* loop_;
    session::Hub& hub_;
    KeeperLink* keeper_ = nullptr;
    std::uint64_t first_line_;
    output::Looker looker_;
    output::Writer writer_;
    Watch writer_watch_;
    std::array<std::shared_ptr<output::Sink>, output::outputs_per_worker> relays_;
    std::unordered_map<std::string, std::weak_ptr<output::RotatedFile>> files_;  ///< by path: whoever writes there shares one
    std::unordered_map<std::uint64_t, std::unique_ptr<Stream>> streams_;
    std::unordered_map<core::ChildIndex, std::unique_ptr<Kept>> kept_;
    std::deque<std::uint64_t> ready_;       ///< keys; what is gone is passed over
    std::vector<std::uint64_t> timed_;      ///< keys of those with a `due`
    std::vector<core::ChildIndex> news_;    ///< children with new lines
    std::vector<output::Written> written_;  ///< scratch
    std::string seen_;                      ///< scratch
    Instant now_{};
    Instant next_look_ = Instant::never();
    Instant pause_ends_ = Instant::never();
    bool is_paused_ = false;
    bool is_written_ = false;
    bool said_refused_ = false;
};

}  // namespace backplane::shell
