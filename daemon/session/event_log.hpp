// SPDX-License-Identifier: Apache-2.0
/// The event log as subscribers see it: the ring of the last supervision events, and the naming of their fields
/// (section 0 of the rules, decision 33).
#pragma once

#include "daemon/core/effect.hpp"
#include "daemon/core/graph.hpp"
#include "daemon/core/supervision.hpp"
#include "proto/wire/limits.hpp"
#include "proto/wire/message.hpp"

#include <cstdint>
#include <deque>

namespace backplane::session {

/// The event's name on the wire, as in `child_ready`.
[[nodiscard]] std::string_view record_name(core::RecordKind kind);
/// Graph events are told live only and not kept in the ring.
[[nodiscard]] bool is_graph_record(core::RecordKind kind);

/// What turning a record into an event needs beside the record.
struct RecordContext {
    const core::Effects& effects;
    const core::Supervision& supervision;
    Epoch epoch;
    Instant now;
    std::int64_t wall_us;  ///< the wall clock at `now`
};
[[nodiscard]] wire::Event event_of(const core::Record& record, const RecordContext& context);

class EventLog {
  public:
    explicit EventLog(std::size_t capacity = wire::event_ring_records) : capacity_(capacity) {}

    void append(wire::Event event);
    /// The first kept event with a seq greater than `after`; none where there is no such.
    [[nodiscard]] const wire::Event* next(std::uint64_t after) const;
    /// Whether events with a seq greater than `after` have left the ring; `from` and `to` are then the bounds of the gap.
    [[nodiscard]] bool gap(std::uint64_t after, std::uint64_t& from, std::uint64_t& to) const;
    [[nodiscard]] std::uint64_t last() const { return ring_.empty() ? last_dropped_ : ring_.back().seq; }
    [[nodiscard]] std::size_t size() const { return ring_.size(); }
    /// What is kept, the oldest first.
    [[nodiscard]] const std::deque<wire::Event>& events() const { return ring_; }

  private:
    std::size_t capacity_;
    std::deque<wire::Event> ring_;
    std::uint64_t last_dropped_ = 0;  ///< the seq of the last event that left the ring
};

}  // namespace backplane::session
