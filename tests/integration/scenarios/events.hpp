// SPDX-License-Identifier: Apache-2.0
/// The daemon's events as lines of a scenario, and what a step expects of them.
#pragma once

#include "tests/integration/scenarios/scenario.hpp"

#include <backplane/backplane.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace backplane::integration::scenarios {

/// What stands for a line is the name of the Device that it means.
using NamesOfLines = std::map<std::string, std::string>;

/// An event as a scenario writes it: `restart a by /, window 1, cause exit(1)`. The name that it is about is remembered with its line.
[[nodiscard]] std::string text_of(const LogEvent& event, NamesOfLines& names);

/// The events of a step, met one by one. Those of `*` come in their order. Those of neighbouring `~` come beside one another: all of
/// them, and the events of each name in their order. `started a b` stands for child_starting and child_ready of a, then of b,
/// `stopped a` for child_stopping by SIGTERM and child_down by shutdown; any other event without more to it takes several names as well.
class ExpectedEvents {
  public:
    explicit ExpectedEvents(const std::vector<Line>& lines);

    /// False, and nothing is met, where this event may not come now.
    bool meet(const std::string& event);
    [[nodiscard]] bool is_complete() const { return open_ == 0; }
    /// What is still missing, each with its line.
    [[nodiscard]] std::vector<Line> missing() const;
    [[nodiscard]] std::vector<Line> all() const;

  private:
    struct Item {
        Line line;
        std::size_t group = 0;  ///< those of one group come beside one another
        bool met = false;
    };
    void expand(const Words& words, int line, bool beside);
    void add(const std::string& event, int line, bool beside);

    std::vector<Item> items_;
    std::size_t open_ = 0;
    bool was_beside_ = false;
};

/// Events as lines of a scenario, as short as they can be written.
[[nodiscard]] std::vector<std::string> shortened(const std::vector<std::string>& events);

}  // namespace backplane::integration::scenarios
