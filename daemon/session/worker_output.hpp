// SPDX-License-Identifier: Apache-2.0
/// The seam through which a hub shows what workers wrote. Who reads their pipes is not of this room.
#pragma once

#include "daemon/core/types.hpp"

#include <backplane/ids.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace backplane::session {

class WorkerOutput {
  public:
    /// The numbers of the lines that are kept of one child, from `first` until before `next`. A number below `origin`, or above `next`,
    /// is one out of a daemon before this one.
    struct Range {
        std::uint64_t origin = 0, first = 0, next = 0;
    };
    struct OutputLine {
        Instant at{};
        std::uint32_t generation = 0;
        std::string_view stream;  ///< `stdout` or `stderr`
        bool goes_on = false;     ///< the next line of the same stream is the rest of it
        std::string text;
    };

    virtual ~WorkerOutput() = default;

    [[nodiscard]] virtual Range lines_of(core::ChildIndex child) const = 0;
    /// `number` within the range.
    [[nodiscard]] virtual OutputLine line_of(core::ChildIndex child, std::uint64_t number) const = 0;
    /// How many bytes of this child did not get to where they were to go.
    [[nodiscard]] virtual std::uint64_t dropped_of(core::ChildIndex child) const = 0;
};

}  // namespace backplane::session
