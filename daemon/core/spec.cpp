// SPDX-License-Identifier: Apache-2.0
/// The flat form of a supervision tree, written depth first: each struct's fields in the order of their declaration,
/// enumerators and flags as one byte, doubles by their bits, texts and lists behind their count. The first byte is the
/// form's version. Readers: spec_decode.cpp, which must be changed along with this file.
#include "daemon/core/spec.hpp"

#include "daemon/core/image.hpp"

#include <bit>

namespace backplane::core {
namespace {

/// Appends a tree piece by piece. It cannot fail: a tree that breaks the invariants is written as it is and refused when
/// it is read, where the error can be told.
class SpecWriter {
  public:
    explicit SpecWriter(std::string& out) : image_(out) {}

    template <class E>
    void byte(E item) {
        image_.value(static_cast<std::uint8_t>(item));
    }
    void number(std::uint32_t item) { image_.value(item); }
    void count(std::size_t items) { image_.value(static_cast<std::uint64_t>(items)); }
    void duration(Duration item) { image_.value(item.ns); }
    /// By its bits, as the image takes only what has one representation for each value.
    void real(double item) { image_.value(std::bit_cast<std::uint64_t>(item)); }
    void text(std::string_view item) { image_.text(item); }

    void texts(const std::vector<std::string>& items) {
        count(items.size());
        for (const std::string& item : items) {
            text(item);
        }
    }

    void launch(const LaunchSpec& spec);
    void task(const TaskSpec& spec);
    void exits(const ExitPolicy& spec);
    void child(const ChildSpec& spec);
    void supervisor(const SupervisorSpec& spec);

  private:
    void output(const OutputSpec& spec) {
        byte(spec.kind);
        text(spec.path);
        image_.value(spec.max_bytes);
        number(spec.keep);
    }
    void bytes(const std::vector<std::uint8_t>& items) { text({reinterpret_cast<const char*>(items.data()), items.size()}); }
    void backoff(const BackoffSpec& spec);
    void limit(const LimitSpec& spec);
    void rest_of_launch(const LaunchSpec& spec);

    ImageWriter image_;
};

void SpecWriter::task(const TaskSpec& spec) {
    text(spec.starter);
    texts(spec.arguments);
}

void SpecWriter::launch(const LaunchSpec& spec) {
    texts(spec.exec);
    count(spec.environment.size());
    for (const auto& [name, setting] : spec.environment) {
        text(name);
        text(setting);
    }
    text(spec.working_directory);
    output(spec.stdout_to);
    output(spec.stderr_to);
    rest_of_launch(spec);
}

void SpecWriter::rest_of_launch(const LaunchSpec& spec) {
    text(spec.credentials.user);
    text(spec.credentials.group);
    texts(spec.credentials.groups);
    texts(spec.credentials.capabilities);
    count(spec.limits.size());
    for (const ResourceLimit& item : spec.limits) {
        text(item.name);
        image_.value(item.soft);
        image_.value(item.hard);
    }
    byte(spec.set_nice);
    image_.value(spec.nice);
    number(spec.umask);
    byte(spec.set_oom_score);
    image_.value(spec.oom_score);
    image_.value(spec.control.memory_max);
    image_.value(spec.control.pids_max);
    image_.value(spec.control.cpu_weight);
    texts(spec.probe.command);
    text(spec.probe.connect);
    duration(spec.probe.interval);
    duration(spec.probe.timeout);
    texts(spec.drain.command);
    duration(spec.drain.timeout);
}

void SpecWriter::exits(const ExitPolicy& spec) {
    bytes(spec.success_codes);
    bytes(spec.shutdown_codes);
    bytes(spec.no_restart_codes);
    bytes(spec.force_restart_codes);
    bytes(spec.success_signals);
    bytes(spec.no_restart_signals);
    bytes(spec.force_restart_signals);
}

void SpecWriter::limit(const LimitSpec& spec) {
    byte(spec.enabled);
    number(spec.intensity);
    duration(spec.period);
    byte(spec.on_limit);
    duration(spec.cooldown);
}

void SpecWriter::backoff(const BackoffSpec& spec) {
    byte(spec.enabled);
    duration(spec.initial);
    real(spec.factor);
    duration(spec.max);
    real(spec.jitter);
    duration(spec.reset_after);
}

void SpecWriter::child(const ChildSpec& spec) {
    text(spec.name);
    byte(spec.is_supervisor);
    byte(spec.restart);
    byte(spec.shutdown_kind);
    duration(spec.shutdown);
    duration(spec.start_timeout);
    byte(spec.readiness);
    duration(spec.ready_delay);
    byte(spec.managed);
    byte(spec.significant);
    byte(spec.retain);
    byte(spec.oneshot);
    backoff(spec.backoff);
    limit(spec.limit);
    duration(spec.watchdog);
    image_.value(spec.stop_signal);
    byte(spec.signal_group);
    byte(spec.kill_mode);
    duration(spec.kill_after);
    exits(spec.exits);
    count(spec.links.size());
    for (const StandingLink& link : spec.links) {
        text(link.to);
        byte(link.mode);
    }
    texts(spec.requires_up);
    launch(spec.launch);
    task(spec.task);
    count(spec.supervisor.size());
    for (const SupervisorSpec& nested : spec.supervisor) {
        supervisor(nested);
    }
}

void SpecWriter::supervisor(const SupervisorSpec& spec) {
    byte(spec.strategy);
    number(spec.intensity);
    duration(spec.period);
    byte(spec.on_give_up);
    byte(spec.auto_shutdown);
    byte(spec.on_start_failure);
    byte(spec.on_root_give_up);
    byte(spec.start_order);
    number(spec.restart_burst);
    duration(spec.restart_every);
    number(spec.max_children);
    number(spec.partitions);
    count(spec.template_child.size());
    for (const ChildSpec& entry : spec.template_child) {
        child(entry);
    }
    count(spec.children.size());
    for (const ChildSpec& entry : spec.children) {
        child(entry);
    }
}

}  // namespace

std::string encode_spec(const SupervisorSpec& tree) {
    std::string out;
    SpecWriter writer(out);
    writer.byte(spec_form_version);
    writer.supervisor(tree);
    return out;
}

std::string encode_child(const ChildSpec& child) {
    std::string out;
    SpecWriter writer(out);
    writer.byte(spec_form_version);
    writer.child(child);
    return out;
}

std::string encode_new_child(const NewChild& added) {
    std::string out;
    SpecWriter writer(out);
    writer.byte(spec_form_version);
    writer.text(added.key);
    writer.texts(added.arguments);
    writer.count(added.spec.size());
    for (const ChildSpec& child : added.spec) {
        writer.child(child);
    }
    return out;
}

std::string encode_exits(const ExitPolicy& exits) {
    std::string out;
    SpecWriter writer(out);
    writer.byte(spec_form_version);
    writer.exits(exits);
    return out;
}

std::string encode_launch(const LaunchSpec& launch) {
    std::string out;
    SpecWriter writer(out);
    writer.byte(spec_form_version);
    writer.launch(launch);
    return out;
}

std::string encode_task(const TaskSpec& task) {
    std::string out;
    SpecWriter writer(out);
    writer.byte(spec_form_version);
    writer.task(task);
    return out;
}

bool is_sound_task(const TaskSpec& task) {
    std::size_t bytes = 0;
    for (const std::string& argument : task.arguments) {
        bytes += argument.size() + sizeof(std::uint32_t);
    }
    return !task.starter.empty() && task.starter.size() <= starter_bytes_max && bytes <= task_arguments_bytes_max;
}

bool ExitPolicy::empty() const {
    return success_codes.empty() && shutdown_codes.empty() && no_restart_codes.empty() && force_restart_codes.empty() &&
           success_signals.empty() && no_restart_signals.empty() && force_restart_signals.empty();
}

std::string_view strategy_name(Strategy strategy) {
    switch (strategy) {
        case Strategy::one_for_one: return "one_for_one";
        case Strategy::rest_for_one: return "rest_for_one";
        case Strategy::one_for_all: return "one_for_all";
        case Strategy::dynamic: return "dynamic";
    }
    return "unknown";
}

std::string_view restart_type_name(RestartType type) {
    switch (type) {
        case RestartType::permanent: return "permanent";
        case RestartType::transient: return "transient";
        case RestartType::temporary: return "temporary";
    }
    return "unknown";
}

std::string_view auto_shutdown_name(AutoShutdown when) {
    switch (when) {
        case AutoShutdown::never: return "never";
        case AutoShutdown::any_significant: return "any_significant";
        case AutoShutdown::all_significant: return "all_significant";
    }
    return "unknown";
}

}  // namespace backplane::core
