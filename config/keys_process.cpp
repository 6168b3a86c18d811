// SPDX-License-Identifier: Apache-2.0
/// The rows of programs: what is executed with what around it, and when it counts as ready.
#include "config/keys.hpp"

#include "config/reader.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace backplane::config {
namespace {

using core::ChildSpec;
using core::DrainSpec;
using core::LaunchSpec;
using core::ProbeSpec;

// Words stand in the order of their enumerators: `take_word` counts.
constexpr std::array<std::string_view, 4> readiness_words{"exec", "notify", "probe", "delay"};

/// What the daemon tells a worker in its environment, where there is something to tell.
constexpr std::array<std::string_view, 3> own_variables{"BACKPLANE_FD", "BACKPLANE_SOCKET", "NOTIFY_SOCKET"};

/// Decision 30: a relative program would depend on a working directory that nobody sees here.
bool take_command(Reader& reader, const Node& value, const KeyInfo& info, std::vector<std::string>& command) {
    if (value.kind != NodeKind::array || value.items.empty()) {
        return false;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Node& item = value.items[i].value;
        const Reader::Within index(reader, i);
        if (!is_text(item)) {
            reader.wrong(item, "a string without NUL", info.problem);
            continue;
        }
        const bool relative = !item.text.starts_with('/') && item.text.find('/') != std::string::npos;
        if (i == 0 && (item.text.empty() || relative)) {
            reader.wrong(item, "an absolute path, or a bare name to be looked up in PATH", info.problem);
        }
        command.push_back(item.text);
    }
    return true;
}

bool read_exec(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    return take_command(reader, value, info, child.launch.exec);
}

std::optional<Node> write_exec(const KeyInfo& info, const ChildSpec& child) { return value_of(info, child.launch.exec); }

bool read_task(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ChildSpec& child) {
    const bool sound = is_text(value) && !value.text.empty() && value.text.size() <= core::starter_bytes_max;
    if (sound) {
        child.task.starter = value.text;
    }
    return sound;
}

std::optional<Node> write_task(const KeyInfo& info, const ChildSpec& child) {
    return child.is_task() ? std::optional{value_of(info, child.task.starter)} : std::nullopt;
}

bool read_task_arguments(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ChildSpec& child) {
    if (value.kind != NodeKind::array ||
        !std::all_of(value.items.begin(), value.items.end(), [](const Member& item) { return is_text(item.value); })) {
        return false;
    }
    core::TaskSpec task{"any", {}};
    for (const Member& item : value.items) {
        task.arguments.push_back(item.value.text);
    }
    if (!core::is_sound_task(task)) {
        return false;
    }
    child.task.arguments = std::move(task.arguments);
    return true;
}

std::optional<Node> write_task_arguments(const KeyInfo& info, const ChildSpec& child) {
    return child.task.arguments.empty() ? std::nullopt : std::optional{value_of(info, child.task.arguments)};
}

/// Nothing is refused for what it means to the worker, only for what execve could not carry.
bool read_environment(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind != NodeKind::object) {
        return false;
    }
    for (const Member& member : value.items) {
        const Reader::Within key(reader, member.key);
        if (member.key.empty() || member.key.find_first_of(std::string_view{"=\0", 2}) != std::string::npos) {
            reader.error(member.offset, "expected a variable's name without = and NUL, got " + in_quotes(member.key), info.problem);
        } else if (!is_text(member.value)) {
            reader.wrong(member.value, "a string without NUL", info.problem);
        } else if (std::find(own_variables.begin(), own_variables.end(), member.key) != own_variables.end()) {
            reader.warn(member.offset, "the daemon sets this variable itself, where it is wanted", "environment_overridden");
        }
        child.launch.environment.emplace_back(member.key, member.value.text);
    }
    return true;
}

std::optional<Node> write_environment(const KeyInfo& /*info*/, const ChildSpec& child) {
    if (child.launch.environment.empty()) {
        return std::nullopt;
    }
    Node object;
    object.kind = NodeKind::object;
    for (const auto& [name, setting] : child.launch.environment) {
        object.items.push_back(Member{name, 0, text_value(setting)});
    }
    return object;
}

/// Whether it exists is found out when the worker is started, which may be much later (F-5, step directory).
bool read_directory(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ChildSpec& child) {
    child.launch.working_directory = value.text;
    return is_absolute(value);
}

/// Where it means something it must be there, also with nothing to wait for.
std::optional<Node> write_delay(const KeyInfo& info, const ChildSpec& child) {
    return child.readiness == core::Readiness::delay ? std::optional{value_of(info, child.ready_delay)} : std::nullopt;
}

std::optional<Node> write_probe(const KeyInfo& /*info*/, const ChildSpec& child) {
    const bool probed = child.readiness == core::Readiness::probe;
    return probed ? std::optional{written_object(probe_fields(), child.launch.probe)} : std::nullopt;
}

bool read_probe(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    ProbeSpec& probe = child.launch.probe;
    if (!reader.object(value, probe_fields(), info.problem, probe)) {
        return true;
    }
    const bool command = value.find("command") != nullptr;
    if (command == (value.find("connect") != nullptr)) {
        reader.error(value.offset, std::string{"expected \"command\" or \"connect\", got "}.append(command ? "both" : "neither"),
                     command ? "bad_combination" : "missing_probe");
    }
    return true;
}

constexpr std::string_view positive_expected = "a duration above 0, such as \"5s\"";

constexpr std::array<Field<ChildSpec>, 11> process_rows{{
    {{.section = Section::child,
      .key = "exec",
      .shape = Shape::texts,
      .problem = "invalid_start",
      .expected = "an array of the program and its arguments",
      .low = 1,
      .holder = Holder::process,
      .about = "The program, an absolute path or a bare name that is looked up in PATH, and its arguments."},
     {read_exec, write_exec}},
    {{.section = Section::child,
      .key = "task",
      .shape = Shape::text,
      .problem = "invalid_start",
      .expected = "the name under which a client offers to start it",
      .low = 1,
      .holder = Holder::task,
      .about = "A task that a client runs: the name under which one offers to start it. As long as nobody does, the child waits."},
     {read_task, write_task}},
    {{.section = Section::child,
      .key = "arguments",
      .shape = Shape::texts,
      .problem = "invalid_arguments",
      .expected = "an array of strings without NUL, of 8192 bytes together at most",
      .holder = Holder::task,
      .about = "What the client is handed for the task, as it is."},
     {read_task_arguments, write_task_arguments}},
    {{.section = Section::child,
      .key = "readiness",
      .shape = Shape::choice,
      .problem = "invalid_readiness",
      .fallback = "\"exec\"",
      .words = readiness_words,
      .holder = Holder::process,
      .about = "When a start has succeeded: the program has been executed, has said READY=1, answers a probe, or has lived for a delay."},
     member<&ChildSpec::readiness>},
    {{.section = Section::child,
      .key = "delay",
      .shape = Shape::duration,
      .problem = "invalid_delay",
      .expected = "a duration such as \"500ms\"",
      .holder = Holder::process,
      .about = "With readiness delay: alive for so long is ready."},
     {read_member<&ChildSpec::ready_delay, ChildSpec>, write_delay}},
    {{.section = Section::child,
      .key = "probe",
      .shape = Shape::object,
      .problem = "invalid_probe",
      .expected = "a probe",
      .inner = Section::probe,
      .holder = Holder::process,
      .about = "With readiness probe: how the daemon finds out."},
     {read_probe, write_probe}},
    {{.section = Section::child,
      .key = "oneshot",
      .shape = Shape::yes_no,
      .problem = "invalid_oneshot",
      .expected = "true or false",
      .fallback = "false",
      .holder = Holder::process,
      .about = "A program that does its work and ends: it is started when it has ended with success, and not restarted then."},
     member<&ChildSpec::oneshot>},
    {{.section = Section::child,
      .key = "watchdog",
      .shape = Shape::duration,
      .problem = "invalid_watchdog",
      .expected = positive_expected,
      .low = 1,
      .holder = Holder::process,
      .about = "The longest silence once the program is ready; without a sign of life for so long it has failed."},
     member<&ChildSpec::watchdog>},
    {{.section = Section::child,
      .key = "managed",
      .shape = Shape::yes_no,
      .problem = "invalid_managed",
      .expected = "true or false",
      .fallback = "false",
      .holder = Holder::worker,
      .about = "Whether the child goes when something goes with a fault that it monitors."},
     member<&ChildSpec::managed>},
    {{.section = Section::child,
      .key = "environment",
      .shape = Shape::settings,
      .problem = "invalid_environment",
      .expected = "an object of strings",
      .fallback = "{}",
      .holder = Holder::process,
      .about = "Variables for the worker, on top of a fresh environment."},
     {read_environment, write_environment}},
    {{.section = Section::child,
      .key = "working_directory",
      .shape = Shape::path,
      .problem = "invalid_working_directory",
      .expected = "an absolute path",
      .fallback = "\"/\"",
      .holder = Holder::process,
      .about = "Where the worker is started."},
     {read_directory, write_inner_member<&ChildSpec::launch, &LaunchSpec::working_directory, ChildSpec>}},
}};

// ---- commands beside it: probes, the drain hook -------------------------------------------------------------------------------

template <class Spec>
bool read_command(Reader& reader, const Node& value, const KeyInfo& info, Spec& spec) {
    return take_command(reader, value, info, spec.command);
}

/// A host may be written as numbers with colons; so the last colon separates.
bool is_host_and_port(std::string_view text) {
    constexpr unsigned port_max = 65535;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) {
        return false;
    }
    unsigned port = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failure] = std::from_chars(text.data() + colon + 1, end, port);
    return failure == std::errc{} && rest == end && port >= 1 && port <= port_max;
}

bool read_connect(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ProbeSpec& probe) {
    constexpr std::size_t socket_bytes_max = 107;  // sockaddr_un's path and its NUL
    const bool path = is_absolute(value) && value.text.size() <= socket_bytes_max;
    if (!path && (!is_text(value) || value.text.starts_with('/') || !is_host_and_port(value.text))) {
        return false;
    }
    probe.connect = value.text;
    return true;
}

constexpr std::array<Field<ProbeSpec>, 4> probe_rows{{
    {{.section = Section::probe,
      .key = "command",
      .shape = Shape::texts,
      .problem = "invalid_probe",
      .expected = "an array of the program and its arguments",
      .low = 1,
      .about = "A program and its arguments that ends with 0 when the worker is ready."},
     {read_command<ProbeSpec>, write_member<&ProbeSpec::command, ProbeSpec>}},
    {{.section = Section::probe,
      .key = "connect",
      .shape = Shape::text,
      .problem = "invalid_probe",
      .expected = "HOST:PORT, or the absolute path of a socket",
      .about = "An address that takes a connection when the worker is ready: HOST:PORT, or the path of a socket."},
     {read_connect, write_member<&ProbeSpec::connect, ProbeSpec>}},
    {{.section = Section::probe,
      .key = "interval",
      .shape = Shape::duration,
      .problem = "invalid_probe",
      .expected = positive_expected,
      .fallback = "\"500ms\"",
      .low = 1,
      .about = "The time from one attempt to the next."},
     member<&ProbeSpec::interval>},
    {{.section = Section::probe,
      .key = "timeout",
      .shape = Shape::duration,
      .problem = "invalid_probe",
      .expected = positive_expected,
      .fallback = "\"1s\"",
      .low = 1,
      .about = "How long one attempt may take."},
     member<&ProbeSpec::timeout>},
}};

constexpr std::array<Field<DrainSpec>, 2> drain_rows{{
    {{.section = Section::drain,
      .key = "command",
      .shape = Shape::texts,
      .problem = "invalid_drain",
      .expected = "an array of the program and its arguments",
      .missing = "missing_drain",
      .low = 1,
      .about = "A program and its arguments; the worker's pid is in its variable MAINPID."},
     {read_command<DrainSpec>, write_member<&DrainSpec::command, DrainSpec>}},
    {{.section = Section::drain,
      .key = "timeout",
      .shape = Shape::duration,
      .problem = "invalid_drain",
      .expected = positive_expected,
      .fallback = "\"10s\"",
      .low = 1,
      .about = "After so long it is killed, and the worker told to stop all the same."},
     member<&DrainSpec::timeout>},
}};

}  // namespace

Fields<ChildSpec> process_fields() { return process_rows; }
Fields<ProbeSpec> probe_fields() { return probe_rows; }
Fields<DrainSpec> drain_fields() { return drain_rows; }

}  // namespace backplane::config
