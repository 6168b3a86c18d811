// SPDX-License-Identifier: Apache-2.0
/// From a journal to the state that it tells of.
#pragma once

#include "daemon/journal/journal.hpp"
#include "daemon/session/hub.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace backplane::shell {

/// What became of a journal that was found.
struct Recovered {
    std::unique_ptr<journal::Journal> journal;  ///< to be gone on with; empty where none was found, or it is unusable
    std::string unusable;                       ///< why it cannot be gone on with; empty: it can, or there was none
    std::uint64_t events = 0;
    bool was_torn = false;  ///< its last record was not whole and is gone
};

/// Opens the journal at `path` and steps core and hub through it. Both must be fresh; where the journal is unusable they are spoilt.
[[nodiscard]] Recovered recover(const std::string& path, core::Engine& engine, session::Hub& hub);

}  // namespace backplane::shell
