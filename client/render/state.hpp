// SPDX-License-Identifier: Apache-2.0
/// A state at one point of a journal, as text: what `list` and `tree` would have shown then, and the sessions of that moment.
#pragma once

#include <backplane/ids.hpp>
#include <backplane/values.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backplane::render {

/// One client's session. What resumes it is no part of this, and nobody's business.
struct SessionRow {
    std::uint32_t number = 0;
    std::string state;  ///< `open`, `greeting` (no hello yet), `silent` (a worker that never spoke), `away` (since a crash of the daemon)
    std::int64_t pid = 0;
    std::uint64_t uid = 0;
    std::optional<std::string> worker;  ///< the child whose inherited socket it is
    std::uint64_t devices = 0;
    std::uint64_t links = 0;
    std::uint64_t owed = 0;  ///< told or to be told, and not yet acknowledged
};

struct State {
    Epoch epoch;
    std::uint64_t steps = 0;              ///< of the core since it began
    std::optional<std::uint64_t> seq;     ///< of the last event up to here; nothing where there was none
    std::optional<std::int64_t> time_us;  ///< when the last step was; nothing where the journal holds none
    std::string ending;                   ///< of the journal: `whole`, `torn`, `broken`, `wrong`
    std::uint64_t devices = 0;
    std::uint64_t links = 0;
    std::vector<DeviceRow> rows;
    std::vector<SessionRow> sessions;
};

[[nodiscard]] std::string state_text(const State& state);
/// One line: `{"state": {...}}`, its rows under `devices` as `list` gives them.
[[nodiscard]] std::string state_json(const State& state);

/// The epoch as every line begins with it.
[[nodiscard]] std::string epoch_text(Epoch epoch);

}  // namespace backplane::render
