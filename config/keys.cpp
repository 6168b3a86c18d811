// SPDX-License-Identifier: Apache-2.0
/// The rows of the file and of supervisors, and the lists that hold for all sections. Those of children are in
/// keys_child.cpp. Defaults are the ones of the structs (S-1); a row's `fallback` only tells them.
#include "config/keys.hpp"

#include "config/reader.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <array>
#include <limits>
#include <utility>

namespace backplane::config {
namespace {

using core::SupervisorSpec;

// Words stand in the order of their enumerators: `take_word` counts.
constexpr std::array<std::string_view, 5> log_level_words{"trace", "debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 1> strategy_words{"one_for_one"};
constexpr std::array<std::string_view, 2> on_give_up_words{"shutdown", "crash"};

// What decision 29 has and this version has not: told apart from a typo, so that nobody hunts for one.
constexpr std::array<std::string_view, 3> later_strategies{"rest_for_one", "one_for_all", "dynamic"};
constexpr std::array<std::string_view, 5> later_supervisor_keys{"auto_shutdown", "on_start_failure", "max_children", "template",
                                                                "on_root_give_up"};
constexpr std::array<std::string_view, 21> later_child_keys{"significant",
                                                            "retain",
                                                            "oneshot",
                                                            "requires",
                                                            "watchdog",
                                                            "stop_signal",
                                                            "kill_mode",
                                                            "kill_after",
                                                            "intensity",
                                                            "period",
                                                            "on_limit",
                                                            "cooldown",
                                                            "success_exit_codes",
                                                            "shutdown_exit_codes",
                                                            "success_signals",
                                                            "no_restart_exit_codes",
                                                            "force_restart_exit_codes",
                                                            "user",
                                                            "group",
                                                            "type",
                                                            "probe"};

// ---- the file as a whole ----------------------------------------------------------------------------------------

/// The bound is the kernel's, and is better met here than when the daemon binds.
bool read_socket(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, Settings& settings) {
    constexpr std::size_t socket_bytes_max = 107;  // sockaddr_un's path and its NUL
    if (!is_absolute(value) || value.text.size() > socket_bytes_max) {
        return false;
    }
    settings.socket = value.text;
    return true;
}

/// What is wrong inside has been reported inside, so the value itself is taken as read; the same holds below.
bool read_root(Reader& reader, const Node& value, const KeyInfo& info, Settings& settings) {
    reader.object(value, supervisor_fields(), info.problem, settings.root);
    return true;
}

constexpr std::array<Field<Settings>, 4> settings_rows{{
    {{Section::settings, "socket", Shape::text, "invalid_socket", "an absolute path of at most 107 bytes", ""}, read_socket},
    {{Section::settings, "log_level", Shape::choice, "invalid_log_level", "", "\"info\"", "", log_level_words},
     [](Reader&, const Node& value, const KeyInfo& info, Settings& settings) { return take_word(value, info, settings.log_level); }},
    {{Section::settings, "resume_grace", Shape::duration, "invalid_resume_grace", "a duration, such as \"5s\"", "\"5s\""},
     [](Reader&, const Node& value, const KeyInfo&, Settings& settings) { return take_duration(value, settings.resume_grace); }},
    {{Section::settings, "supervisor", Shape::object, "invalid_supervisor", "a supervisor", "", "missing_supervisor"}, read_root},
}};

// ---- a supervisor -----------------------------------------------------------------------------------------------

/// 0 is a value: the first failure is the last (S-30).
bool read_intensity(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, SupervisorSpec& supervisor) {
    if (value.kind != NodeKind::natural || value.natural > std::numeric_limits<std::uint32_t>::max()) {
        return false;
    }
    supervisor.intensity = static_cast<std::uint32_t>(value.natural);
    return true;
}

/// A window without length would forget every restart at once (S-3: > 0).
bool read_period(Reader& /*reader*/, const Node& value, const KeyInfo& /*info*/, SupervisorSpec& supervisor) {
    Duration period;
    if (!take_duration(value, period) || period.ns == 0) {
        return false;
    }
    supervisor.period = period;
    return true;
}

/// An array of objects; each is read although another one was wrong, so that one run tells all.
bool read_children(Reader& reader, const Node& value, const KeyInfo& /*info*/, SupervisorSpec& supervisor) {
    if (value.kind != NodeKind::array) {
        return false;
    }
    // One entry for each element, also a wrong one: the checks of the whole tree walk document and tree side by side.
    supervisor.children.resize(value.items.size());
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Reader::Within index(reader, i);
        read_child(reader, value.items[i].value, supervisor.children[i]);
    }
    return true;
}

constexpr std::array<Field<SupervisorSpec>, 5> supervisor_rows{{
    {{Section::supervisor, "strategy", Shape::choice, "invalid_strategy", "", "\"one_for_one\"", "", strategy_words, later_strategies},
     [](Reader&, const Node& value, const KeyInfo& info, SupervisorSpec& target) { return take_word(value, info, target.strategy); }},
    {{Section::supervisor, "intensity", Shape::whole, "invalid_intensity", "a whole number from 0 to 4294967295", "5"}, read_intensity},
    {{Section::supervisor, "period", Shape::duration, "invalid_period", "a duration above 0, such as \"5s\"", "\"5s\""}, read_period},
    {{Section::supervisor, "on_give_up", Shape::choice, "invalid_on_give_up", "", "\"shutdown\"", "", on_give_up_words},
     [](Reader&, const Node& value, const KeyInfo& info, SupervisorSpec& target) { return take_word(value, info, target.on_give_up); }},
    {{Section::supervisor, "children", Shape::objects, "invalid_children", "an array of children", "[]"}, read_children},
}};

template <class Target>
void append_infos(std::vector<KeyInfo>& all, std::span<const Field<Target>> fields) {
    for (const Field<Target>& field : fields) {
        all.push_back(field.info);
    }
}

/// How systemd, supervisord, PM2 and OTP call what we call otherwise.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> strangers{{
    {"id", "name"},
    {"start", "exec"},
    {"command", "exec"},
    {"cmd", "exec"},
    {"script", "exec"},
    {"program", "exec"},
    {"args", "exec"},
    {"env", "environment"},
    {"cwd", "working_directory"},
    {"directory", "working_directory"},
    {"max_restarts", "intensity"},
    {"max_seconds", "period"},
    {"processes", "children"},
    {"stop_timeout", "shutdown"},
}};

}  // namespace

std::span<const Field<Settings>> settings_fields() { return settings_rows; }
std::span<const Field<SupervisorSpec>> supervisor_fields() { return supervisor_rows; }

std::vector<KeyInfo> all_keys() {
    std::vector<KeyInfo> all;
    append_infos(all, settings_fields());
    append_infos(all, supervisor_fields());
    append_infos(all, child_fields());
    append_infos(all, backoff_fields());
    append_infos(all, link_fields());
    return all;
}

std::span<const std::string_view> later_keys(Section section) {
    switch (section) {
        case Section::supervisor: return later_supervisor_keys;
        case Section::child: return later_child_keys;
        case Section::settings:
        case Section::backoff:
        case Section::link: break;
    }
    return {};
}

std::string_view key_for_stranger(std::string_view key) {
    for (const auto& [stranger, known] : strangers) {
        if (stranger == key) {
            return known;
        }
    }
    return {};
}

std::string_view log_level_name(LogLevel level) { return log_level_words.at(static_cast<std::size_t>(level)); }

}  // namespace backplane::config
