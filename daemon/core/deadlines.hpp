// SPDX-License-Identifier: Apache-2.0
/// Timers as data: an indexed heap of instants. Nothing fires here; the engine asks what is due.
/// Order is (instant, order of setting), so replay fires the same timers in the same order.
#pragma once

#include "daemon/core/image.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <vector>

namespace backplane::core {

enum class DeadlineKind : std::uint8_t {
    start_timeout,  ///< owner: child
    stop_timeout,   ///< owner: child
    kill_overdue,   ///< owner: child; SIGKILL was sent and it is still there (P-6)
    backoff,        ///< owner: child
    settle,         ///< owner: child; the socket of an adopted process ended (T-9)
    handshake,      ///< owner: session
    task_grace,     ///< owner: none; tasks were asked to end (T-13)
    resume_grace,   ///< owner: session; its daemon crashed and it has not come back (T-10)
    heartbeat,      ///< owner: slot of a Device that promised a sign of life by then
    ready_delay,    ///< owner: child; alive for so long is ready (X-3)
    watchdog,       ///< owner: child; its sign of life is due (X-5)
    cooldown,       ///< owner: child; its quarantine is over (X-2)
    postponed,      ///< owner: number of a command that waits for its supervisor (S-58)
    token,          ///< owner: none; one more restart is allowed (X-19)
};
inline constexpr DeadlineKind deadline_kind_last = DeadlineKind::token;

/// Names one set deadline; 0 is none. Reused only after the deadline has fired or was cancelled.
using DeadlineId = std::uint32_t;

struct Due {
    Instant at{};
    DeadlineKind kind{};
    std::uint32_t owner = 0;
    DeadlineId id = 0;
};

class Deadlines {
  public:
    /// Logarithmic. An instant of `never()` sets nothing and answers 0.
    DeadlineId set(Instant at, DeadlineKind kind, std::uint32_t owner);
    /// Logarithmic; 0 is ignored. Zeroes the caller's handle.
    void cancel(DeadlineId& id);
    /// When the first one is due; `never()` where there is none. Constant.
    [[nodiscard]] Instant next() const { return next_; }
    /// Takes the first one that is due at `now`; false where none is.
    bool take_due(Instant now, Due& due);
    /// When a set deadline is due.
    [[nodiscard]] Instant at(DeadlineId id) const;
    /// Nobody was there to meet what came due before `now`: that is due at `until` instead, in the same order. Linear.
    void postpone(Instant now, Instant until);

    /// For a copy that is only played with: puts those of `kinds` (bits by DeadlineKind) that stand before all others off for
    /// good, and answers when the first other one is due; `never()` for none.
    Instant put_off(std::uint32_t kinds);

    /// Calls `look` with every set deadline, in no order.
    template <class Look>
    void each(Look&& look) const {
        for (const std::uint32_t entry : heap_) {
            look(Due{entries_[entry].at, entries_[entry].kind, entries_[entry].owner, entry});
        }
    }

    void save(ImageWriter& image) const;
    bool load(ImageReader& image);

  private:
    struct Entry {
        Instant at{};
        std::uint64_t order = 0;
        std::uint32_t owner = 0;
        std::uint32_t place = 0;  ///< in the heap; free entries: next free
        DeadlineKind kind{};
        std::uint8_t set = 0;
        std::uint8_t reserved[6] = {};
    };
    [[nodiscard]] bool earlier(std::uint32_t a, std::uint32_t b) const;
    void place_at(std::uint32_t position, std::uint32_t entry);
    void sift_up(std::uint32_t position);
    void sift_down(std::uint32_t position);
    void remove(std::uint32_t entry);
    void note_next();

    std::vector<Entry> entries_{Entry{}};  ///< entry 0 is "none"
    std::vector<std::uint32_t> heap_;      ///< entry numbers
    std::uint32_t free_ = 0;
    std::uint64_t order_ = 0;
    Instant next_ = Instant::never();  ///< of the heap's first; read by every step
};

}  // namespace backplane::core
