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

    void launch(const LaunchSpec& spec);
    void child(const ChildSpec& spec);
    void supervisor(const SupervisorSpec& spec);

  private:
    void output(const OutputSpec& spec) {
        byte(spec.kind);
        text(spec.path);
    }
    void backoff(const BackoffSpec& spec);

    ImageWriter image_;
};

void SpecWriter::launch(const LaunchSpec& spec) {
    count(spec.exec.size());
    for (const std::string& argument : spec.exec) {
        text(argument);
    }
    count(spec.environment.size());
    for (const auto& [name, setting] : spec.environment) {
        text(name);
        text(setting);
    }
    text(spec.working_directory);
    output(spec.stdout_to);
    output(spec.stderr_to);
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
    byte(spec.managed);
    backoff(spec.backoff);
    count(spec.links.size());
    for (const StandingLink& link : spec.links) {
        text(link.to);
        byte(link.mode);
    }
    launch(spec.launch);
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

std::string encode_launch(const LaunchSpec& launch) {
    std::string out;
    SpecWriter writer(out);
    writer.byte(spec_form_version);
    writer.launch(launch);
    return out;
}

std::string_view strategy_name(Strategy strategy) {
    switch (strategy) {
        case Strategy::one_for_one: return "one_for_one";
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

}  // namespace backplane::core
