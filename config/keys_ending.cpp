// SPDX-License-Identifier: Apache-2.0
/// The rows that say how a program is stopped (P-3, P-4, S-35) and what its ends mean (F-5, X-7).
#include "config/keys.hpp"

#include "config/reader.hpp"
#include "config/system_words.hpp"
#include "config/values.hpp"

#include <array>
#include <optional>

namespace backplane::config {
namespace {

using core::ChildSpec;
using core::ExitPolicy;

// Words stand in the order of their enumerators: `take_word` counts.
constexpr std::array<std::string_view, 2> kill_mode_words{"group", "leader"};

bool read_stop_signal(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind != NodeKind::string) {
        return take(value, info, child.stop_signal);
    }
    const std::optional<std::int32_t> signal = signal_number(value.text);
    child.stop_signal = signal.value_or(child.stop_signal);
    return signal.has_value();
}

std::optional<Node> write_stop_signal(const KeyInfo& /*info*/, const ChildSpec& child) {
    const bool usual = child.stop_signal == fresh<ChildSpec>().stop_signal;
    return usual ? std::nullopt : std::optional{signal_value(child.stop_signal)};
}

bool read_drain(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    (void)reader.object(value, drain_fields(), info.problem, child.launch.drain);  // which has reported what is wrong
    return true;
}

std::optional<Node> write_drain(const KeyInfo& /*info*/, const ChildSpec& child) {
    const core::DrainSpec& drain = child.launch.drain;
    return drain.command.empty() ? std::nullopt : std::optional{written_object(drain_fields(), drain)};
}

/// Numbers are codes and names are signals, so one list of the document becomes two.
template <auto Codes, auto Signals>
bool read_ends(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    return take_ends(reader, value, info, child.exits.*Codes, child.exits.*Signals);
}

template <auto Codes, auto Signals>
std::optional<Node> write_ends(const KeyInfo& /*info*/, const ChildSpec& child) {
    const std::vector<std::uint8_t>& codes = child.exits.*Codes;
    const std::vector<std::uint8_t>& signals = child.exits.*Signals;
    if (codes.empty() && signals.empty()) {
        return std::nullopt;
    }
    Node list = array_of(codes, [](std::uint8_t code) { return whole_value(code); });
    for (const std::uint8_t signal : signals) {
        list.items.push_back(Member{{}, 0, signal_value(signal)});
    }
    return list;
}

template <auto Codes, auto Signals>
constexpr Ways<ChildSpec> ends{read_ends<Codes, Signals>, write_ends<Codes, Signals>};

constexpr std::string_view codes_expected = "an array of exit codes from 0 to 255";
constexpr std::string_view ends_expected = "an array of exit codes from 0 to 255 and names of signals";

constexpr std::array<Field<ChildSpec>, 10> ending_rows{{
    {{.section = Section::child,
      .key = "stop_signal",
      .shape = Shape::signal,
      .problem = "invalid_stop_signal",
      .expected = "a signal such as \"SIGINT\" or \"INT\", or a number from 1 to 64",
      .fallback = "\"SIGTERM\"",
      .low = 1,
      .high = signal_max,
      .holder = Holder::process,
      .about = "The signal that asks the program to end."},
     {read_stop_signal, write_stop_signal}},
    {{.section = Section::child,
      .key = "signal_group",
      .shape = Shape::yes_no,
      .problem = "invalid_signal_group",
      .expected = "true or false",
      .fallback = "false",
      .holder = Holder::process,
      .about = "Whether the stop signal goes to all processes of the child rather than to the first."},
     member<&ChildSpec::signal_group>},
    {{.section = Section::child,
      .key = "kill_mode",
      .shape = Shape::choice,
      .problem = "invalid_kill_mode",
      .fallback = "\"group\"",
      .words = kill_mode_words,
      .holder = Holder::process,
      .about = "Whether what the program has started is killed with it and waited for, or left alone."},
     member<&ChildSpec::kill_mode>},
    {{.section = Section::child,
      .key = "kill_after",
      .shape = Shape::duration,
      .problem = "invalid_kill_after",
      .expected = "a duration such as \"5s\"",
      .fallback = "\"5s\"",
      .holder = Holder::worker,
      .about = "With shutdown no_wait: how long after the stop signal SIGKILL follows."},
     member<&ChildSpec::kill_after>},
    {{.section = Section::child,
      .key = "drain",
      .shape = Shape::object,
      .problem = "invalid_drain",
      .expected = "a drain hook",
      .inner = Section::drain,
      .holder = Holder::process,
      .about =
          "A command that is run before the program is told to stop, while it still works. The stop signal follows when it has ended."},
     {read_drain, write_drain}},
    {{.section = Section::child,
      .key = "success_exit_codes",
      .shape = Shape::codes,
      .problem = "invalid_success_exit_codes",
      .expected = codes_expected,
      .fallback = "[]",
      .holder = Holder::process,
      .about = "Exit codes beside 0 that are no failure."},
     inner_member<&ChildSpec::exits, &ExitPolicy::success_codes>},
    {{.section = Section::child,
      .key = "shutdown_exit_codes",
      .shape = Shape::codes,
      .problem = "invalid_shutdown_exit_codes",
      .expected = codes_expected,
      .fallback = "[]",
      .holder = Holder::process,
      .about = "Exit codes by which the program says that it stopped on purpose."},
     inner_member<&ChildSpec::exits, &ExitPolicy::shutdown_codes>},
    {{.section = Section::child,
      .key = "success_signals",
      .shape = Shape::signals,
      .problem = "invalid_success_signals",
      .expected = "an array of signals such as \"SIGINT\" or \"INT\", or numbers from 1 to 64",
      .fallback = "[]",
      .holder = Holder::process,
      .about = "Signals a death by which is no failure."},
     inner_member<&ChildSpec::exits, &ExitPolicy::success_signals>},
    {{.section = Section::child,
      .key = "no_restart_exit_codes",
      .shape = Shape::ends,
      .problem = "invalid_no_restart_exit_codes",
      .expected = ends_expected,
      .fallback = "[]",
      .holder = Holder::process,
      .about = "Ends that are never followed by a start, whatever restart says: numbers are exit codes, names are signals."},
     ends<&ExitPolicy::no_restart_codes, &ExitPolicy::no_restart_signals>},
    {{.section = Section::child,
      .key = "force_restart_exit_codes",
      .shape = Shape::ends,
      .problem = "invalid_force_restart_exit_codes",
      .expected = ends_expected,
      .fallback = "[]",
      .holder = Holder::process,
      .about = "Ends that are always followed by a start, whatever restart says: numbers are exit codes, names are signals."},
     ends<&ExitPolicy::force_restart_codes, &ExitPolicy::force_restart_signals>},
}};

}  // namespace

Fields<ChildSpec> ending_fields() { return ending_rows; }

}  // namespace backplane::config
