// SPDX-License-Identifier: Apache-2.0
/// Why a child or a Device is as it is: the chain of causes from its last end back to whatever went by itself, and what a start that
/// is wanted waits for. All of it is the daemon's own knowledge, which survives its crash: the core's exit records, the dead Devices that
/// are still known, and the event log, which has the times.
#pragma once

#include "daemon/core/engine.hpp"
#include "daemon/session/event_log.hpp"
#include "proto/wire/message.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::session {

class Inquest {
  public:
    /// All borrowed, for one question. `wall_us`: the wall clock at `now`.
    Inquest(const core::Engine& engine, const EventLog& log, Instant now, std::int64_t wall_us)
        : engine_(engine), events_(log.events()), now_(now), wall_us_(wall_us) {}

    /// Why the entry ended last, back to the root; nothing where it has not ended since it was made.
    [[nodiscard]] std::vector<wire::Cause> ends_of(core::ChildIndex child) const;
    /// The same of a Device that is gone and still known.
    [[nodiscard]] std::vector<wire::Cause> ends_of(DeviceId device) const;
    /// Whom its start waits for, and what became of that one.
    [[nodiscard]] std::vector<wire::Cause> waits_of(core::ChildIndex child) const;
    /// Which restart in its supervisor's window its last one was, and when it was counted; nothing where the log does not say so.
    void tell_restart(core::ChildIndex child, wire::Why& why) const;

  private:
    using Place = std::deque<wire::Event>::const_reverse_iterator;

    /// What is known of one end.
    struct End {
        std::string name;  ///< empty: none
        DeviceId id{};
        core::ChildIndex child = core::no_child;  ///< whose entry that is
        std::optional<core::FaultRecord> fault;   ///< nothing: only its text is known
        std::string reason;                       ///< fault text, `normal`, `shutdown`
        bool asked = false;                       ///< somebody had it stopped
    };

    void follow(std::vector<wire::Cause>& chain, End end) const;
    [[nodiscard]] bool step_back(std::vector<wire::Cause>& chain, End& end) const;
    [[nodiscard]] bool to_neighbour(std::vector<wire::Cause>& chain, End& end) const;
    [[nodiscard]] bool to_offender(std::vector<wire::Cause>& chain, End& end) const;
    [[nodiscard]] bool to_stopper(std::vector<wire::Cause>& chain, End& end) const;
    [[nodiscard]] bool stops_with(core::ChildIndex supervisor, std::string_view crashed, core::ChildIndex child) const;
    [[nodiscard]] End end_of(core::ChildIndex child) const;
    [[nodiscard]] End end_of(DeviceId device) const;
    [[nodiscard]] End end_at(const wire::Event& event, std::string_view key) const;
    [[nodiscard]] wire::Cause cause(std::string_view because, const End& end) const;
    void tell_times(wire::Cause& cause) const;
    void tell_exit(wire::Cause& cause, const End& end) const;
    [[nodiscard]] const wire::Event* event_of_end(std::string_view name, DeviceId id) const;
    [[nodiscard]] std::string text_of(const core::FaultRecord& fault, core::ExitClass exit_class) const;
    [[nodiscard]] std::string name_of(DeviceId id) const;
    [[nodiscard]] std::string path_of(core::ChildIndex child) const;
    void tell_time(wire::Cause& cause, std::int64_t time_us) const;

    const core::Engine& engine_;
    const std::deque<wire::Event>& events_;
    Instant now_;
    std::int64_t wall_us_;
};

}  // namespace backplane::session
