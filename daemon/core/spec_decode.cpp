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
    bool supervisor(SupervisorSpec& spec, int depth);

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
    bool child(ChildSpec& spec, int depth);
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

/// A path and nothing else makes a file of it.
bool SpecReader::output(std::string_view field, OutputSpec& spec) {
    const bool read = choice(field, spec.kind, OutputKind::file) && text(field, spec.path);
    return read && ((spec.kind == OutputKind::file) == !spec.path.empty() || wrong(field));
}

bool SpecReader::launch(LaunchSpec& spec) {
    std::uint64_t items = 0;
    if (!count("exec", items)) {
        return false;
    }
    for (; items > 0; --items) {
        if (!text("exec", spec.exec.emplace_back())) {
            return false;
        }
    }
    if (!count("environment", items)) {
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
    return text("working_directory", spec.working_directory) && output("stdout", spec.stdout_to) && output("stderr", spec.stderr_to);
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

/// A child is a program or a subtree, never both and never neither.
bool SpecReader::child_kind(const ChildSpec& spec) {
    if (spec.is_supervisor) {
        return (spec.supervisor.size() == 1 && spec.launch.exec.empty()) || wrong("supervisor");
    }
    return (spec.supervisor.empty() && !spec.launch.exec.empty() && !spec.launch.exec.front().empty()) || wrong("exec");
}

bool SpecReader::child(ChildSpec& spec, int depth) {
    const bool head = text("name", spec.name) && flag("is_supervisor", spec.is_supervisor) &&
                      choice("restart", spec.restart, RestartType::temporary) &&
                      choice("shutdown_kind", spec.shutdown_kind, ShutdownKind::brutal_kill) && duration("shutdown", spec.shutdown) &&
                      duration("start_timeout", spec.start_timeout) && choice("readiness", spec.readiness, Readiness::notify) &&
                      flag("managed", spec.managed) && backoff(spec.backoff) && links(spec.links) && launch(spec.launch);
    if (!head) {
        return false;
    }
    // A name's first part is looked up by splitting at '/', so an entry's own name must have none.
    if (spec.name.empty() || spec.name.find('/') != std::string::npos) {
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

bool SpecReader::supervisor(SupervisorSpec& spec, int depth) {
    if (depth > nesting_max) {
        return wrong("nesting");
    }
    std::uint64_t items = 0;
    const bool head = choice("strategy", spec.strategy, Strategy::one_for_one) && number("intensity", spec.intensity) &&
                      duration("period", spec.period) && choice("on_give_up", spec.on_give_up, OnGiveUp::crash) && count("children", items);
    if (!head) {
        return false;
    }
    if (spec.period.ns == 0) {
        return wrong("period");
    }
    for (; items > 0; --items) {
        if (!child(spec.children.emplace_back(), depth)) {
            return false;
        }
    }
    return names_unique(spec);
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

Expected<LaunchSpec> decode_launch(std::string_view bytes) {
    SpecReader reader(bytes);
    LaunchSpec launch;
    if (!reader.version() || !reader.launch(launch) || !reader.end()) {
        return reader.error("launch");
    }
    return launch;
}

}  // namespace backplane::core
