// SPDX-License-Identifier: Apache-2.0
/// Board: what the processes of a crash storm know of each other, in memory that they share. It is the oracle: who was there, what was
/// to become of it, and what was counted. None of it goes through the daemon.
#pragma once

#include <backplane/backplane.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace backplane::storm {

inline constexpr std::size_t workers_count = 50;
inline constexpr std::size_t healthy_count = 34;        ///< the first of them never crash
inline constexpr std::size_t first_speaker = 30;        ///< from here on healthy ones use the library
inline constexpr std::size_t first_crash_speaker = 46;  ///< from here on crashing ones use the library
inline constexpr std::size_t client_processes = 10;
inline constexpr std::size_t clients_per_process = 10;

/// What is checked; `Board::tried` and `Board::lost` count each.
enum class Check : std::size_t {
    served,          ///< the daemon was killed, and another one serves in time
    sessions,        ///< sessions that met a crash and went on
    operations,      ///< acknowledged ones that answered what they should
    notices,         ///< each owed notice came, with the right fault
    once,            ///< none came twice, none that nobody owed
    unlinks,         ///< acknowledged ones, and no notice came behind them
    healthy,         ///< workers that are the same process as at the beginning
    single,          ///< child entries with at most one process, a child of keeper or daemon
    known_in_log,    ///< ends of workers, with their status, in the log, in order
    restarts,        ///< restarts in the log, one for each end, with its cause
    known_to_watch,  ///< ends of workers, with their status, told to who monitors them
    starts,          ///< processes that child entries ran as, exactly one more than ends
    endings,         ///< nothing is left at the end
    count
};
inline constexpr auto checks_count = static_cast<std::size_t>(Check::count);

enum class Going : std::uint8_t { with_text, by_drop, well };
enum class Stage : std::uint8_t { up, ending, ended };
enum class PeerLink : std::uint64_t { none, linking, linked, unlinking, unlinked };

/// A Device of a client. Its number is also its fault's text.
struct Being {
    static constexpr std::size_t peers_max = 8;

    std::atomic<std::uint64_t> number;  ///< whose place this is now
    std::atomic<std::uint64_t> id;
    std::atomic<std::uint32_t> owner;   ///< of the process
    std::atomic<std::int64_t> gone_at;  ///< its client closed; 0: it has not
    std::atomic<Stage> stage;
    std::atomic<Going> going;
    /// Younger Devices whose end this one is to be told of: number · 8 + PeerLink.
    std::array<std::atomic<std::uint64_t>, peers_max> peers;
};

/// What the workers are told to end with: an exit code, or 256 + a signal.
struct Orders {
    static constexpr std::size_t max = 8192;
    std::atomic<std::uint64_t> given;
    std::atomic<std::uint64_t> seen;  ///< ends in the log so far
    std::array<std::atomic<std::uint16_t>, max> codes;
};

enum class Phase : int { storm, settle, audit, leave };

struct Board {
    static constexpr std::size_t beings_max = 1U << 18U;
    static constexpr std::size_t places_max = 512;
    static constexpr std::size_t owners_max = 4096;

    std::array<std::atomic<std::uint64_t>, checks_count> tried, lost;
    std::atomic<std::uint64_t> kills, resumed, devices, links, notices_told;
    std::atomic<std::uint64_t> next_number;
    std::atomic<Phase> phase;
    std::array<std::atomic<std::uint32_t>, 4> arrived;  ///< clients in each phase
    std::atomic<bool> watcher_ready, watcher_done;
    std::atomic<std::uint32_t> said;
    std::atomic<std::int64_t> killed_at;  ///< the last time; the grace of who is away begins anew with each crash
    std::int64_t grace_ns;                ///< how long who went without a word may still be there
    std::array<std::atomic<std::int64_t>, owners_max> owner_gone_at;
    std::array<std::atomic<std::uint64_t>, places_max> places;  ///< numbers of Devices that may be linked with
    std::array<Orders, workers_count> orders;
    std::array<Being, beings_max> beings;

    /// In shared memory, all zero; for all processes that are forked from here on.
    static Board* make();

    [[nodiscard]] Being& being(std::uint64_t number) { return beings[number % beings_max]; }
    void pass(Check check, std::uint64_t count = 1) { tried[static_cast<std::size_t>(check)] += count; }
    /// One that was tried is lost; says so.
    void lose(Check check, const std::string& what);

    /// Whether whoever monitors it must have been told by now, if it asks the daemon once more.
    [[nodiscard]] bool is_due(std::uint64_t number);
    /// Whether it went, or may have gone, without a word of its own.
    [[nodiscard]] bool may_drop(std::uint64_t number);
    [[nodiscard]] bool may_be_gone(std::uint64_t number) { return being(number).stage != Stage::up || may_drop(number); }
    /// Empty, or what is wrong with the fault that its end was told with.
    [[nodiscard]] std::string wrong_fault(std::uint64_t number, const Disconnected& told);
};

[[nodiscard]] std::int64_t now_ns();
[[nodiscard]] std::string text_of(std::uint64_t number);
/// `w07`.
[[nodiscard]] std::string worker_name(std::size_t worker);
/// As a fault's text: `exit(3)`, `signal(9)`.
[[nodiscard]] std::string order_text(std::uint16_t code);

}  // namespace backplane::storm
