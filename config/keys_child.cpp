// SPDX-License-Identifier: Apache-2.0
/// The rows of children, their backoff and their links. Defaults are those of the structs (S-2, X-1); what depends on
/// more than one key of a child is settled behind its last key, in `finish_child`.
#include "config/keys.hpp"
#include "config/reader.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <array>

namespace backplane::config {
namespace {

using core::BackoffSpec;
using core::ChildSpec;
using core::StandingLink;

// Words stand in the order of their enumerators: `take_word` counts.
constexpr std::array<std::string_view, 3> restart_words{"permanent", "transient", "temporary"};
constexpr std::array<std::string_view, 2> shutdown_words{"infinity", "brutal_kill"};
constexpr std::array<std::string_view, 1> infinity_word{"infinity"};
constexpr std::array<std::string_view, 2> readiness_words{"exec", "notify"};
constexpr std::array<std::string_view, 2> later_readiness{"probe", "delay"};
constexpr std::array<std::string_view, 3> link_mode_words{"monitor", "notify", "peer"};
constexpr std::array<std::string_view, 1> none_word{"none"};
constexpr std::array<std::string_view, 2> output_words{"inherit", "null"};

/// Kept even if it is wrong, for the messages of the checks of the whole tree.
bool read_name(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind != NodeKind::string) {
        return false;
    }
    if (const auto flaw = name_flaw(value.text)) {
        reader.wrong(value, *flaw, info.problem);
    }
    child.name = value.text;
    return true;
}

/// Decision 30: a relative program would depend on a working directory that nobody sees here.
bool read_exec(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
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
        child.launch.exec.push_back(item.text);
    }
    return true;
}

/// The vector holds the subtree only because a struct cannot hold itself: it has exactly one element.
bool read_nested(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    child.supervisor.emplace_back();
    reader.object(value, supervisor_fields(), info.problem, child.supervisor.back());
    return true;
}

/// `"0s"` is a duration (S-3): the stop signal and SIGKILL at once.
bool read_shutdown(Reader& /*reader*/, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (take_duration(value, child.shutdown)) {
        child.shutdown_kind = core::ShutdownKind::timed;
        return true;
    }
    return take_word(value, info, child.shutdown_kind, static_cast<std::uint8_t>(core::ShutdownKind::infinity));
}

bool read_start_timeout(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ChildSpec& child) {
    if (value.kind == NodeKind::string && value.text == infinity_word[0]) {
        child.start_timeout = Duration::forever();
        return true;
    }
    return take_duration(value, child.start_timeout);
}

/// As with children, element i of the document is `links[i]` even if it is wrong. Where they lead is checked later.
bool read_links(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind != NodeKind::array) {
        return false;
    }
    child.links.resize(value.items.size());
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Reader::Within index(reader, i);
        reader.object(value.items[i].value, link_fields(), info.problem, child.links[i]);
    }
    return true;
}

/// `"none"` is pure OTP; an object changes what it names and leaves the other defaults.
bool read_backoff(Reader& reader, const Node& value, const KeyInfo& info, ChildSpec& child) {
    if (value.kind == NodeKind::string) {
        child.backoff.enabled = false;
        return value.text == none_word[0];
    }
    if (value.kind != NodeKind::object) {
        return false;
    }
    reader.object(value, backoff_fields(), info.problem, child.backoff);
    if (child.backoff.initial > child.backoff.max) {
        reader.warn(value.offset,
                    "\"initial\" (" + duration_text(child.backoff.initial) + ") is longer than \"max\" (" +
                        duration_text(child.backoff.max) + "), so every delay is \"max\"",
                    "backoff_capped");
    }
    return true;
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
        } else if (member.key == "BACKPLANE_FD" || member.key == "BACKPLANE_SOCKET" || member.key == "NOTIFY_SOCKET") {
            reader.warn(member.offset, "the daemon sets this variable itself, where it is wanted", "environment_overridden");
        }
        child.launch.environment.emplace_back(member.key, member.value.text);
    }
    return true;
}

/// Whether it exists is found out when the worker is started, which may be much later (F-5, step directory).
bool read_directory(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, ChildSpec& child) {
    child.launch.working_directory = value.text;
    return is_absolute(value);
}

constexpr std::string_view output_expected = "\"inherit\", \"null\" or an absolute path";
constexpr std::string_view wait_expected = "a duration such as \"5s\", or \"infinity\"";

constexpr std::array<Field<ChildSpec>, 14> child_rows{{
    {{Section::child, "name", Shape::text, "invalid_id", "a name", "", "missing_id"}, read_name},
    {{Section::child, "exec", Shape::texts, "invalid_start", "an array of the program and its arguments", "", "", {}, {}, true}, read_exec},
    {{Section::child, "supervisor", Shape::object, "invalid_supervisor", "a supervisor", ""}, read_nested},
    {{Section::child, "restart", Shape::choice, "invalid_restart", "", "\"permanent\"", "", restart_words},
     [](Reader&, const Node& value, const KeyInfo& info, ChildSpec& child) { return take_word(value, info, child.restart); }},
    {{Section::child, "shutdown", Shape::wait, "invalid_shutdown", "a duration such as \"5s\", \"infinity\" or \"brutal_kill\"", "\"5s\"",
      "", shutdown_words},
     read_shutdown},
    {{Section::child, "start_timeout", Shape::wait, "invalid_start_timeout", wait_expected, "\"5s\"", "", infinity_word},
     read_start_timeout},
    {{Section::child, "readiness", Shape::choice, "invalid_readiness", "", "\"exec\"", "", readiness_words, later_readiness, true},
     [](Reader&, const Node& value, const KeyInfo& info, ChildSpec& child) { return take_word(value, info, child.readiness); }},
    {{Section::child, "managed", Shape::yes_no, "invalid_managed", "true or false", "false", "", {}, {}, true},
     [](Reader&, const Node& value, const KeyInfo&, ChildSpec& child) { return take_flag(value, child.managed); }},
    {{Section::child, "links", Shape::objects, "invalid_links", "an array of links", "[]"}, read_links},
    {{Section::child, "backoff", Shape::object, "invalid_backoff", "\"none\" or an object", "{}", "", none_word}, read_backoff},
    {{Section::child, "environment", Shape::settings, "invalid_environment", "an object of strings", "{}", "", {}, {}, true},
     read_environment},
    {{Section::child, "working_directory", Shape::text, "invalid_working_directory", "an absolute path", "\"/\"", "", {}, {}, true},
     read_directory},
    {{Section::child, "stdout", Shape::text, "invalid_stdout", output_expected, "\"inherit\"", "", output_words, {}, true},
     [](Reader&, const Node& value, const KeyInfo& info, ChildSpec& child) { return take_output(value, info, child.launch.stdout_to); }},
    {{Section::child, "stderr", Shape::text, "invalid_stderr", output_expected, "\"inherit\"", "", output_words, {}, true},
     [](Reader&, const Node& value, const KeyInfo& info, ChildSpec& child) { return take_output(value, info, child.launch.stderr_to); }},
}};

// ---- backoff and links (decision 14) ----------------------------------------------------------------------

// Beyond this a second delay would be the longest possible anyhow; the bound keeps the arithmetic finite.
constexpr double factor_max = 1000.0;
constexpr std::string_view duration_expected = "a duration such as \"500ms\"";

constexpr std::array<Field<BackoffSpec>, 5> backoff_rows{{
    {{Section::backoff, "initial", Shape::duration, "invalid_backoff", duration_expected, "\"100ms\""},
     [](Reader&, const Node& value, const KeyInfo&, BackoffSpec& target) { return take_duration(value, target.initial); }},
    {{Section::backoff, "factor", Shape::real, "invalid_backoff", "a number from 1 to 1000", "2"},
     [](Reader&, const Node& value, const KeyInfo&, BackoffSpec& target) { return take_real(value, 1.0, factor_max, target.factor); }},
    {{Section::backoff, "max", Shape::duration, "invalid_backoff", duration_expected, "\"30s\""},
     [](Reader&, const Node& value, const KeyInfo&, BackoffSpec& target) { return take_duration(value, target.max); }},
    {{Section::backoff, "jitter", Shape::real, "invalid_backoff", "a number from 0 to 1", "0.2"},
     [](Reader&, const Node& value, const KeyInfo&, BackoffSpec& target) { return take_real(value, 0.0, 1.0, target.jitter); }},
    {{Section::backoff, "reset_after", Shape::duration, "invalid_backoff", duration_expected, "\"10s\""},
     [](Reader&, const Node& value, const KeyInfo&, BackoffSpec& target) { return take_duration(value, target.reset_after); }},
}};

/// Only the form: the target may stand further down in the text.
bool read_link_target(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, StandingLink& link) {
    if (!is_text(value) || value.text.empty()) {
        return false;
    }
    link.to = value.text;
    return true;
}

constexpr std::array<Field<StandingLink>, 2> link_rows{{
    {{Section::link, "to", Shape::text, "invalid_link", "a sibling's name, or a path below the root", "", "missing_link_target"},
     read_link_target},
    {{Section::link, "mode", Shape::choice, "invalid_link_mode", "", "\"monitor\"", "", link_mode_words},
     [](Reader&, const Node& value, const KeyInfo& info, StandingLink& link) { return take_word(value, info, link.mode, 1); }},
}};

// ---- what depends on several keys -------------------------------------------------------------------------------

/// What depends on several keys of a child: the program or the subtree, and a supervisor's own defaults (S-2).
void finish_child(Reader& reader, const Node& value, ChildSpec& child) {
    const bool has_exec = value.find("exec") != nullptr;
    const bool has_supervisor = value.find("supervisor") != nullptr;
    if (!has_exec && !has_supervisor) {
        reader.error(value.offset, "expected \"exec\" or \"supervisor\", got neither", "missing_start");
    }
    if (has_exec && has_supervisor) {
        reader.error(value.offset, "expected \"exec\" or \"supervisor\", got both", "bad_combination");
        return;
    }
    child.is_supervisor = has_supervisor;
    if (!has_supervisor) {
        return;
    }
    if (value.find("shutdown") == nullptr) {
        child.shutdown_kind = core::ShutdownKind::infinity;
    }
    if (value.find("start_timeout") == nullptr) {
        child.start_timeout = Duration::forever();
    }
    for (const Field<ChildSpec>& field : child_fields()) {
        const Node* given = field.info.process_only ? value.find(field.info.key) : nullptr;
        if (given != nullptr) {
            const Reader::Within key(reader, field.info.key);
            reader.error(given->offset, "expected on a child with \"exec\" only, got it on a supervisor", "bad_combination");
        }
    }
}

}  // namespace

std::span<const Field<ChildSpec>> child_fields() { return child_rows; }
std::span<const Field<BackoffSpec>> backoff_fields() { return backoff_rows; }
std::span<const Field<StandingLink>> link_fields() { return link_rows; }

void read_child(Reader& reader, const Node& value, core::ChildSpec& child) {
    if (reader.object(value, child_fields(), "invalid_child", child)) {
        finish_child(reader, value, child);
    }
}

}  // namespace backplane::config
