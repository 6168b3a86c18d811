// SPDX-License-Identifier: Apache-2.0
/// The command line of backplanectl as a value.
#pragma once

#include <backplane/ids.hpp>
#include <backplane/values.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace backplane::ctl {

enum class Command : std::uint8_t {
    list,
    tree,
    status,
    logs,
    watch,
    route,
    events,
    wait,
    act,  ///< `verb` says what
    child_start,
    child_list,
    child_count,
    child_spec,
    ping,
    version,
    reexec,
    reload,
    detach,
    journal_save,
    describe,
    why,
    impact,
    run
};

struct Arguments {
    Command command = Command::list;
    ChildVerb verb = ChildVerb::start;   ///< act
    std::string name;                    ///< status, watch, act; child: the supervisor; run: of the child, empty: of its program
    std::string id;                      ///< child: the child's name within its supervisor
    std::string spec_file;               ///< child start: where the child is described; `-`: stdin
    std::string spec_args;               ///< child start: a JSON array of strings
    std::string key;                     ///< child start, route
    std::string wait_for = "running";    ///< wait: a state, or `gone`
    std::string file;                    ///< journal save
    std::string socket;                  ///< empty: the default
    std::optional<Duration> timeout;     ///< nothing: 5 s for questions; without end for what waits by its nature
    std::optional<std::uint64_t> since;  ///< events
    bool json = false;
    bool follow = true;  ///< events
    bool follow_logs = false;
    std::uint32_t lines = 0;  ///< logs: so many of the last ones; 0: all that are kept
    bool graph = false;       ///< events
    bool wait = true;         ///< act, child start
    bool now = false;         ///< start
    bool rolling = false;     ///< restart
    bool wait_all = false;    ///< reload: until what it names is as it should be
    ReloadOptions reload;
    bool force = false;  ///< journal save: a file that is there is replaced
    // run
    std::string under = "/";            ///< the supervisor
    std::string restart = "transient";  ///< as in configuration
    std::vector<std::string> words;     ///< the program and its arguments
    std::vector<std::string> env;       ///< `NAME=VALUE`, or `NAME` for the value that it has here
    bool all_env = false;               ///< the whole environment goes along
    bool until_end = false;             ///< return when it has ended
};

/// Reads the command line. The other outcome is what the program's exit code then is: 0 after help was asked for and
/// printed, 2 after a usage error was explained on stderr.
[[nodiscard]] std::variant<Arguments, int> read_arguments(int count, const char* const* words);

/// `500ms`, `1.5s`, `2min`; units ns, us, ms, s, min, h. Nothing for any other text, a bare number included.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

}  // namespace backplane::ctl
