// SPDX-License-Identifier: Apache-2.0
/// The rows of the file and of supervisors, and the lists that hold for all sections. Those of children are in
/// keys_child.cpp and its neighbours. Defaults are the ones of the structs (S-1); a row's `fallback` only tells them.
#include "config/keys.hpp"

#include "config/combinations.hpp"
#include "config/instances.hpp"
#include "config/reader.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace backplane::config {
namespace {

using core::SupervisorSpec;

// Words stand in the order of their enumerators: `take_word` counts.
constexpr std::array<std::string_view, 5> log_level_words{"trace", "debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 4> strategy_words{"one_for_one", "rest_for_one", "one_for_all", "dynamic"};
constexpr std::array<std::string_view, 2> on_give_up_words{"shutdown", "crash"};
constexpr std::array<std::string_view, 3> auto_shutdown_words{"never", "any_significant", "all_significant"};
constexpr std::array<std::string_view, 2> on_start_failure_words{"retry", "stop"};
constexpr std::array<std::string_view, 2> on_root_give_up_words{"stay", "exit"};
constexpr std::array<std::string_view, 2> start_order_words{"list", "parallel"};
constexpr std::array<std::string_view, 1> cpus_word{"cpus"};

constexpr std::int64_t count_max = std::numeric_limits<std::uint32_t>::max();

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
    read_supervisor(reader, value, info.problem, true, settings.root);
    return true;
}

constexpr std::array<Field<Settings>, 4> settings_rows{{
    {{.section = Section::settings,
      .key = "socket",
      .shape = Shape::path,
      .problem = "invalid_socket",
      .expected = "an absolute path of at most 107 bytes",
      .about = "Where the daemon listens; the option --socket takes precedence."},
     {read_socket, nullptr}},
    {{.section = Section::settings,
      .key = "log_level",
      .shape = Shape::choice,
      .problem = "invalid_log_level",
      .fallback = "\"info\"",
      .words = log_level_words,
      .about = "How much goes to standard error."},
     member<&Settings::log_level>},
    {{.section = Section::settings,
      .key = "resume_grace",
      .shape = Shape::duration,
      .problem = "invalid_resume_grace",
      .expected = "a duration, such as \"5s\"",
      .fallback = "\"5s\"",
      .about = "How long clients may take to come back after a crash of the daemon; those that do not are dropped."},
     member<&Settings::resume_grace>},
    {{.section = Section::settings,
      .key = "supervisor",
      .shape = Shape::object,
      .problem = "invalid_supervisor",
      .expected = "a supervisor",
      .missing = "missing_supervisor",
      .inner = Section::supervisor,
      .about = "The root supervisor."},
     {read_root, nullptr}},
}};

// ---- a supervisor -----------------------------------------------------------------------------------------------

/// S-64. The number of CPUs is the caller's to know.
bool read_partitions(Reader& reader, const Node& value, const KeyInfo& info, SupervisorSpec& supervisor) {
    if (value.kind == NodeKind::string && value.text == cpus_word[0]) {
        supervisor.partitions = std::clamp(reader.cpus(), std::uint32_t{1}, instances_max);
        return true;
    }
    return take(value, info, supervisor.partitions);
}

/// As a number: the machine that reads it may have other CPUs. Children that no template makes are written as they are.
std::optional<Node> write_partitions(const KeyInfo& info, const SupervisorSpec& supervisor) {
    const bool made = supervisor.partitions > 0 && !supervisor.template_child.empty();
    return made ? std::optional{value_of(info, supervisor.partitions)} : std::nullopt;
}

/// S-4. The vector holds the child only because a struct cannot hold one that holds it.
bool read_template(Reader& reader, const Node& value, const KeyInfo& /*info*/, SupervisorSpec& supervisor) {
    read_child(reader, value, {supervisor, reader.object_sound()}, Naming::refused, supervisor.template_child.emplace_back());
    return true;
}

std::optional<Node> write_template(const KeyInfo& /*info*/, const SupervisorSpec& supervisor) {
    return supervisor.template_child.empty() ? std::nullopt : std::optional{written_child(supervisor.template_child.front())};
}

/// An array of objects; each is read although another one was wrong, so that one run tells all.
bool read_children(Reader& reader, const Node& value, const KeyInfo& /*info*/, SupervisorSpec& supervisor) {
    if (value.kind != NodeKind::array) {
        return false;
    }
    if (!reader.may_add(value.items.size())) {
        reader.error(value.offset, "expected at most 250000 children in all, got " + std::to_string(value.items.size()) + " more",
                     "too_many_children");
        return true;
    }
    // In a further file the supervisor is the root, which stands in the first.
    const bool sound = reader.file() == 0 ? reader.object_sound() : reader.errors() == 0;
    supervisor.children.reserve(supervisor.children.size() + value.items.size());
    // One entry for each element, also a wrong one: the checks of the whole tree walk document and tree side by side.
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const Reader::Within index(reader, i);
        core::ChildSpec child;
        read_child(reader, value.items[i].value, {supervisor, sound}, Naming::wanted, child);
        append_instances(reader, value.items[i].value, std::move(child), supervisor);
    }
    return true;
}

std::optional<Node> write_children(const KeyInfo& /*info*/, const SupervisorSpec& supervisor) {
    return written_list(supervisor.children, written_child);
}

/// A further file cannot see the root, so what the root may not have is told where it is added.
bool read_more_children(Reader& reader, const Node& value, const KeyInfo& info, SupervisorSpec& root) {
    if (value.kind == NodeKind::array && !value.items.empty() && !has_list(root)) {
        reader.error(value.offset, "expected nothing, as the root supervisor makes its children out of a template, got children",
                     "bad_start_spec");
        reader.distrust_tree();
        return true;
    }
    return read_children(reader, value, info, root);
}

constexpr KeyInfo children_info{.section = Section::supervisor,
                                .key = "children",
                                .shape = Shape::objects,
                                .problem = "invalid_children",
                                .expected = "an array of children",
                                .fallback = "[]",
                                .inner = Section::child,
                                .about = "The children, in the order in which they are started."};

constexpr std::array<Field<SupervisorSpec>, 14> supervisor_rows{{
    {{.section = Section::supervisor,
      .key = "strategy",
      .shape = Shape::choice,
      .problem = "invalid_strategy",
      .fallback = "\"one_for_one\"",
      .words = strategy_words,
      .about = "What a failing child means for its siblings: nothing, a restart of those behind it, or of all; a dynamic supervisor "
               "begins without children and makes them out of its template on request."},
     member<&SupervisorSpec::strategy>},
    {{.section = Section::supervisor,
      .key = "intensity",
      .shape = Shape::whole,
      .problem = "invalid_intensity",
      .fallback = "5",
      .high = count_max,  // 0 is a value: the first failure is the last (S-30)
      .about = "The number of restarts allowed within any period; the next one makes the supervisor give up."},
     member<&SupervisorSpec::intensity>},
    {{.section = Section::supervisor,
      .key = "period",
      .shape = Shape::duration,
      .problem = "invalid_period",
      .expected = "a duration above 0, such as \"5s\"",
      .fallback = "\"5s\"",
      .low = 1,  // a window without length would forget every restart at once (S-3)
      .about = "The length of the window in which restarts are counted."},
     member<&SupervisorSpec::period>},
    {{.section = Section::supervisor,
      .key = "on_give_up",
      .shape = Shape::choice,
      .problem = "invalid_on_give_up",
      .fallback = "\"shutdown\"",
      .words = on_give_up_words,
      .about = "What giving up is to the supervisor above: an end on purpose, or a failure."},
     member<&SupervisorSpec::on_give_up>},
    {{.section = Section::supervisor,
      .key = "auto_shutdown",
      .shape = Shape::choice,
      .problem = "invalid_auto_shutdown",
      .fallback = "\"never\"",
      .words = auto_shutdown_words,
      .about = "Whether the supervisor ends when any of its significant children, or the last of them, has ended by itself."},
     member<&SupervisorSpec::auto_shutdown>},
    {{.section = Section::supervisor,
      .key = "on_start_failure",
      .shape = Shape::choice,
      .problem = "invalid_on_start_failure",
      .fallback = "\"retry\"",
      .words = on_start_failure_words,
      .holder = Holder::root,
      .about = "What a failed start of a child of the root leads to: a further attempt as after a failed restart, or the end of the tree."},
     member<&SupervisorSpec::on_start_failure>},
    {{.section = Section::supervisor,
      .key = "on_root_give_up",
      .shape = Shape::choice,
      .problem = "invalid_on_root_give_up",
      .fallback = "\"stay\"",
      .words = on_root_give_up_words,
      .holder = Holder::root,
      .about = "Whether the daemon stays for its clients when the root has given up, or ends with a failure."},
     member<&SupervisorSpec::on_root_give_up>},
    {{.section = Section::supervisor,
      .key = "restart_burst",
      .shape = Shape::whole,
      .problem = "invalid_restart_burst",
      .low = 1,
      .high = count_max,
      .holder = Holder::root,
      .about = "So many restarts may follow one another at once, in the whole daemon; further ones wait. Without it there is no bound."},
     member<&SupervisorSpec::restart_burst>},
    {{.section = Section::supervisor,
      .key = "restart_every",
      .shape = Shape::duration,
      .problem = "invalid_restart_every",
      .expected = "a duration above 0, such as \"100ms\"",
      .fallback = "\"1s\"",
      .low = 1,
      .holder = Holder::root,
      .about = "How often one more restart is allowed when restart_burst is used up."},
     member<&SupervisorSpec::restart_every>},
    {{.section = Section::supervisor,
      .key = "start_order",
      .shape = Shape::choice,
      .problem = "invalid_start_order",
      .fallback = "\"list\"",
      .words = start_order_words,
      .about = "Whether children start one after the other, each when the one before is ready, or all at once."},
     member<&SupervisorSpec::start_order>},
    {{.section = Section::supervisor,
      .key = "max_children",
      .shape = Shape::whole,
      .problem = "invalid_max_children",
      .low = 1,
      .high = count_max,
      .about = "The most children that a dynamic supervisor has at once; without it there is no bound."},
     member<&SupervisorSpec::max_children>},
    {{.section = Section::supervisor,
      .key = "partitions",
      .shape = Shape::whole,
      .problem = "invalid_partitions",
      .expected = "a whole number from 1 to 10000, or \"cpus\"",
      .words = cpus_word,
      .low = 1,
      .high = instances_max,
      .about = "Makes so many children out of the template, named by their numbers from 0: among them a key always finds the same one."},
     {read_partitions, write_partitions}},
    {{.section = Section::supervisor,
      .key = "template",
      .shape = Shape::object,
      .problem = "invalid_template",
      .expected = "a child without a name",
      .inner = Section::child,
      .about = "The child that a dynamic supervisor or one with partitions makes its children of, without a name."},
     {read_template, write_template}},
    {children_info, {read_children, write_children}},
}};

constexpr std::array<Field<SupervisorSpec>, 1> part_rows{{{children_info, {read_more_children, nullptr}}}};

template <class Target>
void append_infos(std::vector<KeyInfo>& all, std::span<const Field<Target>> fields) {
    for (const Field<Target>& field : fields) {
        all.push_back(field.info);
    }
}

/// How systemd, supervisord, PM2 and OTP call what we call otherwise.
constexpr std::array<std::pair<std::string_view, std::string_view>, 25> strangers{{
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
    {"depends_on", "requires"},
    {"after", "requires"},
    {"uid", "user"},
    {"gid", "group"},
    {"stopsignal", "stop_signal"},
    {"kill_signal", "stop_signal"},
    {"exitcodes", "success_exit_codes"},
    {"rlimits", "limits"},
    {"memory_limit", "memory_max"},
    {"tasks_max", "pids_max"},
    {"oom_score_adj", "oom_score_adjust"},
}};

}  // namespace

void read_supervisor(Reader& reader, const Node& value, std::string_view problem, bool is_root, SupervisorSpec& supervisor) {
    const std::size_t before = reader.errors();
    if (!reader.object(value, supervisor_fields(), problem, supervisor)) {
        return;
    }
    if (!check_supervisor(reader, value, is_root, reader.errors() == before, supervisor)) {
        reader.distrust_tree();
    } else if (supervisor.partitions > 0) {
        make_partitions(reader, value, supervisor);
    }
}

/// Partitions are written as what makes them.
Node written_supervisor(const SupervisorSpec& supervisor) {
    const std::optional<SupervisorSpec> folded = fold_partitions(supervisor);
    return written_object(supervisor_fields(), folded ? *folded : supervisor, [](Holder holder) { return holder == Holder::root; });
}

Fields<Settings> settings_fields() { return settings_rows; }
Fields<SupervisorSpec> supervisor_fields() { return supervisor_rows; }
Fields<SupervisorSpec> part_fields() { return part_rows; }

std::vector<KeyInfo> all_keys() {
    std::vector<KeyInfo> all;
    append_infos(all, settings_fields());
    append_infos(all, supervisor_fields());
    append_infos(all, child_fields());
    append_infos(all, backoff_fields());
    append_infos(all, link_fields());
    append_infos(all, probe_fields());
    append_infos(all, drain_fields());
    append_infos(all, limits_fields());
    append_infos(all, limit_fields());
    append_infos(all, output_fields());
    return all;
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
