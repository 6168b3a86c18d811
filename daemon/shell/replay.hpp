// SPDX-License-Identifier: Apache-2.0
/// A journal told to people: its events in order, in the words of `backplanectl events`, and the state that they lead to, as `tree`
/// and `list` would have shown it. Bytes in, text out: nothing here touches a file, a clock or a process.
///
/// Of a journal only what happened and what was there is told, never what a session is resumed with.
#pragma once

#include "daemon/journal/reader.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace backplane::shell {

struct ReplayOptions {
    std::string name;                    ///< of the journal, for what is printed
    std::optional<std::uint64_t> until;  ///< the seq of the last event that is told; nothing: all
    bool json = false;
};

/// A journal at a glance, before any event of it is believed.
struct JournalSurvey {
    std::uint64_t events = 0;  ///< of the core
    Instant first{}, last{};   ///< when; only where there are any
    journal::Ending ending = journal::Ending::whole;
    std::uint64_t end = 0;       ///< the offset at which the reading ended
    bool was_broken = false;     ///< its own daemon had no room to go on with it
    std::optional<Epoch> epoch;  ///< nothing where the journal begins with an image, which has it
};

/// Reads heads and sums only. An error where it is no journal of this format, or one whose image was changed. One that its daemon gave
/// up is right as far as it goes: that word is noted and taken out of the head, so that a Reader takes it.
[[nodiscard]] Expected<JournalSurvey> survey_journal(std::string& bytes);

/// Takes text to be printed, some lines at a time. False: nobody reads any more.
using Print = std::function<bool(std::string_view)>;

/// Steps a fresh core through the journal and prints. The error, where there is one, comes behind all that could be told: the journal is
/// damaged in its middle, or does not have the event that was asked for.
[[nodiscard]] Expected<void> replay_journal(std::string_view bytes, const JournalSurvey& survey, const ReplayOptions& options,
                                            const Print& print);

}  // namespace backplane::shell
