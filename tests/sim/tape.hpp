// SPDX-License-Identifier: Apache-2.0
/// All events of a history, as a journal would hold them, and what must be true of every replay of them.
#pragma once

#include "daemon/session/hub.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace backplane::sim {

class Tape final : public session::Recorder {
  public:
    [[nodiscard]] bool record(Instant now, const core::Event& event) override;
    [[nodiscard]] std::uint64_t bytes() const override { return taken_.size(); }

    /// Two cores take the tape, one of which tells all that happens in the graph. Their states must be the same to the byte, and so
    /// must all records that both make; numbers go up. Empty, or what is wrong.
    [[nodiscard]] std::string compare_replays() const;

  private:
    struct Taken {
        Instant at;
        core::Event event;
        std::string text;
    };
    std::deque<Taken> taken_;
};

}  // namespace backplane::sim
