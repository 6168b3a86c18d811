// SPDX-License-Identifier: Apache-2.0
/// Reads the flat form of a supervision tree (spec.cpp) from bytes that may have been edited by anybody. Whatever it
/// returns keeps every invariant that the core relies on: ranges, one nested tree for each supervisor, names unique among
/// siblings, no NUL inside what exec will see. Recursion is bounded by the nesting, memory by the length of the bytes.
#include "daemon/core/image.hpp"
#include "daemon/core/spec.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace backplane::core {
namespace {

constexpr int nesting_max = 64;

/// Every function answers whether it could; the first failure's field is kept for the error.
class SpecReader {
  public:
    explicit SpecReader(std::string_view bytes) : bytes_(bytes.size()), image_(bytes) {}

    bool version();
    bool launch(LaunchSpec& spec);
    bool task(TaskSpec& spec);
    bool supervisor(SupervisorSpec& spec, int depth);
    /// Where it may do without a name.
    enum class Name : std::uint8_t { wanted, none, either };
    bool child(ChildSpec& spec, int depth, Name name);
    bool new_child(NewChild& added);
    bool exits(ExitPolicy& spec);

    /// The end of the bytes must be the end of the tree.
    bool end() { return image_.at_end() || wrong("trailing bytes"); }
    [[nodiscard]] Unexpected error(std::string_view what) const {
        std::string detail{what};
        detail.append(": ").append(field_);
        return unexpected(ErrorCode::corrupt_image, std::move(detail));
    }

  private:
    bool wrong(std::string_view field) {
        if (field_.empty()) {
            field_ = field;
        }
        return image_.fail();
    }
    template <class E>
    bool choice(std::string_view field, E& item, E last) {
        std::uint8_t raw = 0;
        if (!image_.value(raw) || raw > static_cast<std::uint8_t>(last)) {
            return wrong(field);
        }
        item = static_cast<E>(raw);
        return true;
    }
    /// Exactly 0 or 1: any other byte in a bool would be undefined behaviour later on.
    bool flag(std::string_view field, bool& item) { return choice(field, item, true); }
    bool number(std::string_view field, std::uint32_t& item) { return image_.value(item) || wrong(field); }
    /// `forever()` included. Negative lengths of time would put deadlines in the past.
    bool duration(std::string_view field, Duration& item) { return (image_.value(item.ns) && item.ns >= 0) || wrong(field); }
    bool real(std::string_view field, double& item, double low, double high);
    bool text(std::string_view field, std::string& item);
    bool count(std::string_view field, std::uint64_t& items);
    bool output(std::string_view field, OutputSpec& spec);
    bool backoff(BackoffSpec& spec);
    bool links(std::vector<StandingLink>& list);
    bool texts(std::string_view field, std::vector<std::string>& items);
    bool codes(std::string_view field, std::vector<std::uint8_t>& items, std::uint8_t low);
    bool integer(std::string_view field, std::int32_t& item, std::int32_t low, std::int32_t high);
    bool limit(LimitSpec& spec);
    bool credentials(CredentialSpec& spec);
    bool resource_limits(std::vector<ResourceLimit>& list);
    bool rest_of_launch(LaunchSpec& spec);
    bool head(ChildSpec& spec);
    bool middle(ChildSpec& spec);
    bool flags(SupervisorSpec& spec);
    bool template_of(SupervisorSpec& spec, int depth);
    bool child_kind(const ChildSpec& spec);
    bool names_unique(const SupervisorSpec& spec);

    std::uint64_t bytes_;
    ImageReader image_;
    std::string_view field_;
};

bool SpecReader::version() {
    std::uint8_t found = 0;
    return (image_.value(found) && found == spec_form_version) || wrong("version");
}

/// NaN compares false with everything, so only finite numbers reach the arithmetic of backoff.
bool SpecReader::real(std::string_view field, double& item, double low, double high) {
    std::uint64_t bits = 0;
    if (!image_.value(bits)) {
        return wrong(field);
    }
    item = std::bit_cast<double>(bits);
    return (std::isfinite(item) && item >= low && item <= high) || wrong(field);
}

bool SpecReader::text(std::string_view field, std::string& item) {
    return (image_.text(item) && item.find('\0') == std::string::npos) || wrong(field);
}

bool SpecReader::count(std::string_view field, std::uint64_t& items) {
    // No element of any list takes less than a byte, so a count beyond the input is a lie; and as lists grow one
    // element at a time, memory follows what was really there.
    return (image_.value(items) && items <= bytes_) || wrong(field);
}

/// A path and nothing else makes a file of it, and a length one that is put aside.
bool SpecReader::output(std::string_view field, OutputSpec& spec) {
    const bool read =
        choice(field, spec.kind, OutputKind::rotated) && text(field, spec.path) && image_.value(spec.max_bytes) && number(field, spec.keep);
    const bool is_rotated = spec.kind == OutputKind::rotated;
    const bool is_file = is_rotated || spec.kind == OutputKind::file;
    const bool fits = is_rotated ? spec.max_bytes >= rotated_bytes_min : spec.max_bytes == 0 && spec.keep == 0;
    return read && ((is_file == !spec.path.empty() && fits) || wrong(field));
}

bool SpecReader::texts(std::string_view field, std::vector<std::string>& items) {
    std::uint64_t left = 0;
    if (!count(field, left)) {
        return false;
    }
    for (; left > 0; --left) {
        if (!text(field, items.emplace_back())) {
            return false;
        }
    }
    return true;
}

/// Ascending, none twice, none below `low`.
bool SpecReader::codes(std::string_view field, std::vector<std::uint8_t>& items, std::uint8_t low) {
    std::string raw;
    if (!image_.text(raw)) {
        return wrong(field);
    }
    items.assign(raw.begin(), raw.end());
    const bool ascends = std::adjacent_find(items.begin(), items.end(), [](auto a, auto b) { return a >= b; }) == items.end();
    return (ascends && (items.empty() || items.front() >= low)) || wrong(field);
}

bool SpecReader::integer(std::string_view field, std::int32_t& item, std::int32_t low, std::int32_t high) {
    return (image_.value(item) && item >= low && item <= high) || wrong(field);
}

bool SpecReader::credentials(CredentialSpec& spec) {
    return text("user", spec.user) && text("group", spec.group) && texts("groups", spec.groups) && texts("capabilities", spec.capabilities);
}

bool SpecReader::resource_limits(std::vector<ResourceLimit>& list) {
    std::uint64_t items = 0;
    if (!count("limits", items)) {
        return false;
    }
    for (; items > 0; --items) {
        ResourceLimit& item = list.emplace_back();
        if (!text("limits", item.name) || !image_.value(item.soft) || !image_.value(item.hard) || item.soft > item.hard ||
            item.name.empty()) {
            return wrong("limits");
        }
    }
    return true;
}

bool SpecReader::rest_of_launch(LaunchSpec& spec) {
    constexpr std::uint32_t umask_max = 0777;
    constexpr std::uint64_t weight_max = 10000;
    ControlSpec& control = spec.control;
    ProbeSpec& probe = spec.probe;
    return credentials(spec.credentials) && resource_limits(spec.limits) && flag("nice", spec.set_nice) &&
           integer("nice", spec.nice, -20, 19) && number("umask", spec.umask) && (spec.umask <= umask_max || wrong("umask")) &&
           flag("oom_score", spec.set_oom_score) && integer("oom_score", spec.oom_score, -1000, 1000) &&
           ((image_.value(control.memory_max) && image_.value(control.pids_max) && image_.value(control.cpu_weight) &&
             control.cpu_weight <= weight_max) ||
            wrong("cgroup")) &&
           texts("probe.command", probe.command) && text("probe.connect", probe.connect) && duration("probe.interval", probe.interval) &&
           duration("probe.timeout", probe.timeout) && (probe.interval.ns > 0 || wrong("probe.interval")) &&
           texts("drain.command", spec.drain.command) && duration("drain.timeout", spec.drain.timeout) &&
           (spec.drain.timeout.ns > 0 || wrong("drain.timeout"));
}

bool SpecReader::exits(ExitPolicy& spec) {
    return codes("success_exit_codes", spec.success_codes, 0) && codes("shutdown_exit_codes", spec.shutdown_codes, 0) &&
           codes("no_restart_exit_codes", spec.no_restart_codes, 0) && codes("force_restart_exit_codes", spec.force_restart_codes, 0) &&
           codes("success_signals", spec.success_signals, 1) && codes("no_restart_exit_codes", spec.no_restart_signals, 1) &&
           codes("force_restart_exit_codes", spec.force_restart_signals, 1);
}

bool SpecReader::limit(LimitSpec& spec) {
    return flag("intensity", spec.enabled) && number("intensity", spec.intensity) && duration("period", spec.period) &&
           (spec.period.ns > 0 || wrong("period")) && choice("on_limit", spec.on_limit, OnLimit::stop_child) &&
           duration("cooldown", spec.cooldown);
}

bool SpecReader::launch(LaunchSpec& spec) {
    std::uint64_t items = 0;
    if (!texts("exec", spec.exec) || !count("environment", items)) {
        return false;
    }
    for (; items > 0; --items) {
        auto& [name, setting] = spec.environment.emplace_back();
        if (!text("environment", name) || !text("environment", setting)) {
            return false;
        }
        if (name.empty() || name.find('=') != std::string::npos) {
            return wrong("environment");
        }
    }
    return text("working_directory", spec.working_directory) && output("stdout", spec.stdout_to) && output("stderr", spec.stderr_to) &&
           rest_of_launch(spec);
}

bool SpecReader::backoff(BackoffSpec& spec) {
    constexpr double factor_max = 1e6;
    return flag("backoff", spec.enabled) && duration("backoff.initial", spec.initial) &&
           real("backoff.factor", spec.factor, 1.0, factor_max) && duration("backoff.max", spec.max) &&
           real("backoff.jitter", spec.jitter, 0.0, 1.0) && duration("backoff.reset_after", spec.reset_after);
}

bool SpecReader::links(std::vector<StandingLink>& list) {
    std::uint64_t items = 0;
    if (!count("links", items)) {
        return false;
    }
    for (; items > 0; --items) {
        StandingLink& link = list.emplace_back();
        if (!text("links.to", link.to) || !choice("links.mode", link.mode, LinkMode::peer)) {
            return false;
        }
        if (link.to.empty() || link.mode == LinkMode::none) {
            return wrong("links");
        }
    }
    return true;
}

/// A child is a program, a task or a subtree, one of them.
bool SpecReader::child_kind(const ChildSpec& spec) {
    if (spec.is_supervisor) {
        return (spec.supervisor.size() == 1 && spec.launch.exec.empty() && !spec.is_task()) || wrong("supervisor");
    }
    if (spec.is_task()) {
        return (spec.supervisor.empty() && spec.launch.exec.empty() && !spec.oneshot && is_sound_task(spec.task)) || wrong("task");
    }
    return (spec.supervisor.empty() && !spec.launch.exec.empty() && !spec.launch.exec.front().empty()) || wrong("exec");
}

bool SpecReader::head(ChildSpec& spec) {
    return text("name", spec.name) && flag("is_supervisor", spec.is_supervisor) &&
           choice("restart", spec.restart, RestartType::temporary) && choice("shutdown_kind", spec.shutdown_kind, ShutdownKind::no_wait) &&
           duration("shutdown", spec.shutdown) && duration("start_timeout", spec.start_timeout) &&
           choice("readiness", spec.readiness, Readiness::delay) && duration("ready_delay", spec.ready_delay) &&
           flag("managed", spec.managed) && flag("significant", spec.significant) && flag("retain", spec.retain) &&
           flag("oneshot", spec.oneshot);
}

bool SpecReader::middle(ChildSpec& spec) {
    constexpr std::int32_t signals_max = 64;
    return backoff(spec.backoff) && limit(spec.limit) && duration("watchdog", spec.watchdog) &&
           integer("stop_signal", spec.stop_signal, 1, signals_max) && flag("signal_group", spec.signal_group) &&
           choice("kill_mode", spec.kill_mode, KillMode::leader) && duration("kill_after", spec.kill_after) && exits(spec.exits) &&
           links(spec.links) && texts("requires", spec.requires_up) && launch(spec.launch) && task(spec.task);
}

bool SpecReader::task(TaskSpec& spec) { return text("task", spec.starter) && texts("task.arguments", spec.arguments); }

bool SpecReader::child(ChildSpec& spec, int depth, Name name) {
    if (!head(spec) || !middle(spec)) {
        return false;
    }
    // A name's first part is looked up by splitting at '/', so an entry's own name must have none.
    const bool named = name == Name::either || spec.name.empty() == (name == Name::none);
    if (!named || spec.name.find('/') != std::string::npos) {
        return wrong("name");
    }
    std::uint64_t nested = 0;
    if (!count("supervisor", nested) || nested > 1) {
        return wrong("supervisor");
    }
    if (nested == 1 && !supervisor(spec.supervisor.emplace_back(), depth + 1)) {
        return false;
    }
    return child_kind(spec);
}

/// By sorting: a list of children is as long as its writer liked.
bool SpecReader::names_unique(const SupervisorSpec& spec) {
    std::vector<std::string_view> names;
    names.reserve(spec.children.size());
    for (const ChildSpec& child : spec.children) {
        names.emplace_back(child.name);
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end() || wrong("name");
}

bool SpecReader::flags(SupervisorSpec& spec) {
    const bool read = choice("strategy", spec.strategy, Strategy::dynamic) && number("intensity", spec.intensity) &&
                      duration("period", spec.period) && choice("on_give_up", spec.on_give_up, OnGiveUp::crash) &&
                      choice("auto_shutdown", spec.auto_shutdown, AutoShutdown::all_significant) &&
                      choice("on_start_failure", spec.on_start_failure, OnStartFailure::stop) &&
                      choice("on_root_give_up", spec.on_root_give_up, OnRootGiveUp::exit) &&
                      choice("start_order", spec.start_order, StartOrder::parallel) && number("restart_burst", spec.restart_burst) &&
                      duration("restart_every", spec.restart_every) && number("max_children", spec.max_children) &&
                      number("partitions", spec.partitions);
    return read && (spec.period.ns != 0 || wrong("period")) && (spec.restart_every.ns != 0 || wrong("restart_every"));
}

/// S-4: a dynamic supervisor has one, and no other has any.
bool SpecReader::template_of(SupervisorSpec& spec, int depth) {
    std::uint64_t items = 0;
    if (!count("template", items) || items != (spec.strategy == Strategy::dynamic ? 1U : 0U)) {
        return wrong("template");
    }
    return items == 0 || child(spec.template_child.emplace_back(), depth, Name::none);
}

bool SpecReader::supervisor(SupervisorSpec& spec, int depth) {
    if (depth > nesting_max) {
        return wrong("nesting");
    }
    std::uint64_t items = 0;
    if (!flags(spec) || !template_of(spec, depth) || !count("children", items)) {
        return false;
    }
    for (; items > 0; --items) {
        if (!child(spec.children.emplace_back(), depth, Name::wanted)) {
            return false;
        }
    }
    return names_unique(spec);
}

/// Arguments go to a template, so they and a child of its own exclude each other.
bool SpecReader::new_child(NewChild& added) {
    std::uint64_t items = 0;
    if (!text("key", added.key) || !texts("arguments", added.arguments) || !count("spec", items) || items > 1) {
        return wrong("spec");
    }
    if (added.key.find('/') != std::string::npos) {
        return wrong("key");
    }
    if (items == 0) {
        return true;
    }
    return (added.arguments.empty() || wrong("arguments")) && child(added.spec.emplace_back(), 1, Name::either);
}

}  // namespace

Expected<SupervisorSpec> decode_spec(std::string_view bytes) {
    SpecReader reader(bytes);
    SupervisorSpec tree;
    if (!reader.version() || !reader.supervisor(tree, 1) || !reader.end()) {
        return reader.error("supervision tree");
    }
    return tree;
}

Expected<ChildSpec> decode_child(std::string_view bytes, bool is_template) {
    SpecReader reader(bytes);
    ChildSpec child;
    if (!reader.version() || !reader.child(child, 1, is_template ? SpecReader::Name::none : SpecReader::Name::wanted) || !reader.end()) {
        return reader.error("child");
    }
    return child;
}

Expected<NewChild> decode_new_child(std::string_view bytes) {
    SpecReader reader(bytes);
    NewChild added;
    if (!reader.version() || !reader.new_child(added) || !reader.end()) {
        return reader.error("added child");
    }
    return added;
}

Expected<ExitPolicy> decode_exits(std::string_view bytes) {
    SpecReader reader(bytes);
    ExitPolicy exits;
    if (!reader.version() || !reader.exits(exits) || !reader.end()) {
        return reader.error("exits");
    }
    return exits;
}

Expected<LaunchSpec> decode_launch(std::string_view bytes) {
    SpecReader reader(bytes);
    LaunchSpec launch;
    if (!reader.version() || !reader.launch(launch) || !reader.end()) {
        return reader.error("launch");
    }
    return launch;
}

Expected<TaskSpec> decode_task(std::string_view bytes) {
    SpecReader reader(bytes);
    TaskSpec task;
    if (!reader.version() || !reader.task(task) || !reader.end()) {
        return reader.error("task");
    }
    return task;
}

}  // namespace backplane::core
