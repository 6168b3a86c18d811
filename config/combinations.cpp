// SPDX-License-Identifier: Apache-2.0
/// Each check is told at the key that would have to change. Where one of the keys has a wrong value itself nothing more is
/// said: what was meant is not known.
#include "config/combinations.hpp"

#include "config/words.hpp"

#include <algorithm>

namespace backplane::config {
namespace {

using core::ChildSpec;
using core::SupervisorSpec;

constexpr std::string_view bad_combination = "bad_combination";
constexpr std::string_view bad_start_spec = "bad_start_spec";

/// The checks of one object.
class Checks {
  public:
    Checks(Reader& reader, const Node& node) : reader_(reader), node_(node) {}

    [[nodiscard]] bool has(std::string_view key) const { return node_.find(key) != nullptr; }
    /// Told at `key`, which is given.
    void refuse(std::string_view key, std::string_view expected, std::string_view got, std::string_view name = bad_combination) {
        reader_.error_at(node_, key, std::string{"expected "}.append(expected).append(", got ").append(got), name);
    }
    /// `key` makes sense with something else only.
    void only(bool good, std::string_view key, std::string_view with) {
        if (!good && has(key)) {
            refuse(key, std::string{with}, "it without");
        }
    }
    /// `first` makes sense with `second` only, and that needs it.
    void both(bool second, std::string_view first, std::string_view with) {
        only(second, first, std::string{"\""}.append(first).append("\" ").append(with).append(" only"));
        if (second && !has(first)) {
            reader_.error(node_.offset, std::string{"expected \""}.append(first).append("\" ").append(with).append(", got nothing"),
                          bad_combination);
        }
    }
    /// Keys that the table gives to one kind of object only.
    template <class Target>
    void holders(std::span<const Field<Target>> fields, Holder holder, std::string_view expected, std::string_view got) {
        for (const Field<Target>& field : fields) {
            if (field.info.holder == holder && has(field.info.key)) {
                refuse(field.info.key, expected, got);
            }
        }
    }

    [[nodiscard]] Reader& reader() const { return reader_; }
    [[nodiscard]] const Node& node() const { return node_; }

  private:
    Reader& reader_;
    const Node& node_;
};

/// S-4 and S-64: a list, or one template; never both and never neither where one is needed.
bool check_children(Checks& checks, const SupervisorSpec& supervisor) {
    const bool listed = has_list(supervisor);
    const bool has_template = checks.has("template");
    if (listed && has_template) {
        checks.refuse("template", "\"template\" with \"strategy\": \"dynamic\" or with \"partitions\" only", "it without", bad_start_spec);
        return false;
    }
    if (!listed && !has_template) {
        checks.reader().error(checks.node().offset, "expected exactly one \"template\" to make the children of, got none", bad_start_spec);
        return false;
    }
    if (!listed && checks.has("children")) {
        checks.refuse("children", "\"template\" only, as the children are made out of it", "\"children\" too", bad_start_spec);
        return false;
    }
    return true;
}

void check_flags(Checks& checks, const SupervisorSpec& supervisor) {
    const bool dynamic = supervisor.strategy == core::Strategy::dynamic;
    const bool grouped = supervisor.strategy == core::Strategy::rest_for_one || supervisor.strategy == core::Strategy::one_for_all;
    if (supervisor.start_order == core::StartOrder::parallel && grouped) {
        checks.refuse("start_order", "\"list\" with a strategy that restarts groups, which follow the order of the list", "\"parallel\"");
    }
    if (supervisor.partitions > 0 && supervisor.auto_shutdown != core::AutoShutdown::never) {
        checks.refuse("auto_shutdown", "\"never\" with \"partitions\", as each key needs its own", "another word");
    }
    if (supervisor.partitions > 0 && dynamic) {
        checks.refuse("partitions", "\"partitions\" or \"strategy\": \"dynamic\"", "both");
    }
    checks.only(supervisor.restart_burst > 0, "restart_every", "\"restart_every\" with \"restart_burst\" only");
    checks.only(dynamic, "max_children", "\"max_children\" with \"strategy\": \"dynamic\" only");
}

/// S-2: a supervisor's own defaults, and the keys that it has not.
void check_nested(Checks& checks, ChildSpec& child) {
    if (!checks.has("shutdown")) {
        child.shutdown_kind = core::ShutdownKind::infinity;
    }
    if (!checks.has("start_timeout")) {
        child.start_timeout = Duration::forever();
    }
    const Node* const timeout = checks.node().find("start_timeout");
    if (timeout != nullptr && timeout->text == "no_wait") {
        checks.refuse("start_timeout", "a duration or \"infinity\" on a supervisor", "\"no_wait\"");
    }
    checks.holders(child_fields(), Holder::process, "on a child with \"exec\" only", "it on a supervisor");
    checks.holders(child_fields(), Holder::worker, "on a child with \"exec\" or \"task\" only", "it on a supervisor");
}

/// S-10: it is started when its client says so, or at once.
void check_task(Checks& checks, core::ChildSpec& child) {
    const Node* const timeout = checks.node().find("start_timeout");
    child.readiness = timeout != nullptr && timeout->text == "no_wait" ? core::Readiness::exec : core::Readiness::notify;
    checks.holders(child_fields(), Holder::process, "on a child with \"exec\" only", "it on a task");
}

/// S-3 and S-51: what may end a supervisor must end by itself, once and for all.
void check_significance(Checks& checks, const Surroundings& around, const ChildSpec& child) {
    if (child.significant && child.restart == core::RestartType::permanent) {
        checks.refuse("significant", "\"restart\": \"transient\" or \"temporary\" on a significant child", "\"permanent\"");
    } else if (child.significant && around.sound && around.supervisor.auto_shutdown == core::AutoShutdown::never) {
        checks.refuse("significant", "a significant child below a supervisor with \"auto_shutdown\" only", "it without");
    }
    if (child.retain && child.restart != core::RestartType::temporary) {
        checks.refuse("retain", "\"retain\" on a temporary child only, as others are kept anyway", "it on another");
    }
}

void check_readiness(Checks& checks, const ChildSpec& child) {
    const Node* const timeout = checks.node().find("start_timeout");
    const bool no_wait = timeout != nullptr && timeout->text == "no_wait";
    if (child.oneshot && child.readiness != core::Readiness::exec) {
        checks.refuse("oneshot", "\"readiness\": \"exec\" on a child that is ready when it has ended", "another word");
    }
    if (no_wait && (child.readiness != core::Readiness::exec || child.oneshot)) {
        checks.refuse("start_timeout", "a duration or \"infinity\" where readiness is waited for", "\"no_wait\"");
    }
    if (child.oneshot && checks.has("watchdog")) {
        checks.refuse("watchdog", "\"watchdog\" on a child that stays only", "it on a oneshot");
    }
    if (checks.has("drain") && child.oneshot) {
        checks.refuse("drain", "\"drain\" on a child that stays only", "it on a oneshot");
    }
    if (checks.has("drain") && child.shutdown_kind == core::ShutdownKind::brutal_kill) {
        checks.refuse("drain", "\"drain\" on a child that is asked to stop", "it with \"shutdown\": \"brutal_kill\"");
    }
    checks.both(child.readiness == core::Readiness::delay, "delay", "with \"readiness\": \"delay\"");
    checks.both(child.readiness == core::Readiness::probe, "probe", "with \"readiness\": \"probe\"");
    if (child.readiness == core::Readiness::delay && checks.has("delay") && child.ready_delay >= child.start_timeout) {
        const Reader::Within key(checks.reader(), "delay");
        checks.reader().warn(checks.node().find("delay")->offset,
                             "the start times out (" + duration_text(child.start_timeout) + ") before the delay is over (" +
                                 duration_text(child.ready_delay) + "), so the child is never ready",
                             "never_ready");
    }
}

/// what the child's own limit does not say is as its supervisor's.
void check_limit(Checks& checks, const Surroundings& around, ChildSpec& child) {
    const bool intensity = checks.has("intensity");
    const bool period = checks.has("period");
    child.limit.enabled = intensity || period || checks.has("on_limit");
    if (!intensity) {
        child.limit.intensity = around.supervisor.intensity;
    }
    if (!period) {
        child.limit.period = around.supervisor.period;
    }
    checks.only(child.limit.on_limit == core::OnLimit::quarantine, "cooldown", "\"cooldown\" with \"on_limit\": \"quarantine\" only");
}

/// Both lists are ascending.
bool meet(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
    return std::any_of(a.begin(), a.end(), [&b](std::uint8_t item) { return std::binary_search(b.begin(), b.end(), item); });
}

/// two answers for one end.
void check_ends(Checks& checks, const core::ExitPolicy& exits) {
    if (meet(exits.success_codes, exits.shutdown_codes)) {
        checks.refuse("shutdown_exit_codes", "other codes than in \"success_exit_codes\"", "one of them");
    }
    if (meet(exits.no_restart_codes, exits.force_restart_codes) || meet(exits.no_restart_signals, exits.force_restart_signals)) {
        checks.refuse("force_restart_exit_codes", "other ends than in \"no_restart_exit_codes\"", "one of them");
    }
}

}  // namespace

bool has_list(const SupervisorSpec& supervisor) { return supervisor.strategy != core::Strategy::dynamic && supervisor.partitions == 0; }

bool check_supervisor(Reader& reader, const Node& node, bool is_root, bool sound, const SupervisorSpec& supervisor) {
    Checks checks(reader, node);
    if (!is_root) {
        checks.holders(supervisor_fields(), Holder::root, "on the root supervisor only", "it on another");
    }
    if (sound) {
        check_flags(checks, supervisor);
        return check_children(checks, supervisor);
    }
    return has_list(supervisor) && supervisor.template_child.empty();
}

void check_child(Reader& reader, const Node& node, const Surroundings& around, bool sound, ChildSpec& child) {
    Checks checks(reader, node);
    const int starts =
        static_cast<int>(checks.has("exec")) + static_cast<int>(checks.has("task")) + static_cast<int>(checks.has("supervisor"));
    child.is_supervisor = checks.has("supervisor");
    if (starts == 0) {
        reader.error(node.offset, "expected \"exec\", \"task\" or \"supervisor\", got none", "missing_start");
    }
    if (starts > 1) {
        reader.error(node.offset, "expected \"exec\", \"task\" or \"supervisor\", got more than one", bad_combination);
        return;
    }
    if (child.is_supervisor) {
        check_nested(checks, child);
    }
    if (checks.has("task")) {
        check_task(checks, child);
    } else {
        checks.holders(child_fields(), Holder::task, "on a child with \"task\" only", "it on another");
    }
    check_limit(checks, around, child);
    if (!sound) {
        return;
    }
    check_significance(checks, around, child);
    if (!child.is_supervisor && !checks.has("task")) {
        check_readiness(checks, child);
        check_ends(checks, child.exits);
    }
}

}  // namespace backplane::config
