// SPDX-License-Identifier: Apache-2.0
/// The journal as hub and workers see it.
#pragma once

#include "daemon/journal/journal.hpp"
#include "daemon/session/hub.hpp"
#include "daemon/shell/workers.hpp"

namespace backplane::shell {

class JournalRecorder final : public session::Recorder, public SpawnNotes {
  public:
    /// Borrowed; outlives this.
    explicit JournalRecorder(journal::Journal& journal) : journal_(journal) {}

    [[nodiscard]] bool record(Instant now, const core::Event& event) override {
        // Where it is broken the daemon goes on without it: what it refused would not be remembered either.
        return journal_.append(now, event) || journal_.is_broken() || !journal::Journal::can_refuse(event.kind);
    }
    [[nodiscard]] std::uint64_t bytes() const override { return journal_.used(); }
    [[nodiscard]] std::int32_t* begin(core::ChildIndex child, std::uint32_t generation) override {
        journal::SpawnSlot& slot = journal_.slot();
        slot = journal::SpawnSlot{child, generation, 0, 0};
        return &slot.pid;
    }
    [[nodiscard]] std::int32_t find(core::ChildIndex child, std::uint32_t generation) const override {
        const journal::SpawnSlot& slot = journal_.slot();
        return slot.child == child && slot.generation == generation ? slot.pid : 0;
    }

    [[nodiscard]] bool is_scarce() const override { return journal_.is_full(); }

  private:
    journal::Journal& journal_;
};

}  // namespace backplane::shell
