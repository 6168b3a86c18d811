// SPDX-License-Identifier: Apache-2.0
/// Copies of children, each with its number in its name, its environment and wherever the placeholder stands. What lies
/// below a copy gets the number too, unless a nearer one was written there first.
#include "config/instances.hpp"

#include "config/words.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace backplane::config {
namespace {

/// What is replaced, and which variable tells it.
struct Numbering {
    std::string_view placeholder;
    std::string_view variable;
};
constexpr Numbering instance_numbering{"{instance}", "BACKPLANE_INSTANCE"};
constexpr Numbering partition_numbering{"{partition}", "BACKPLANE_PARTITION"};

/// One number, without a sign and without a leading zero, which would not be seen again in the names.
std::optional<std::uint32_t> plain_number(std::string_view digits) {
    std::uint32_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto [rest, failure] = std::from_chars(digits.data(), end, number);
    const bool good = failure == std::errc{} && rest == end && (digits == "0" || !digits.starts_with('0'));
    return good ? std::optional{number} : std::nullopt;
}

class Numberer {
  public:
    Numberer(const Numbering& numbering, std::uint32_t number) : numbering_(numbering), number_(std::to_string(number)) {}

    /// Recursion is bounded by the depth of the document.
    void child(core::ChildSpec& spec) const {
        if (!spec.is_supervisor) {
            launch(spec.launch);
        }
        for (core::SupervisorSpec& nested : spec.supervisor) {
            std::for_each(nested.template_child.begin(), nested.template_child.end(), [this](auto& below) { child(below); });
            std::for_each(nested.children.begin(), nested.children.end(), [this](auto& below) { child(below); });
        }
    }

  private:
    void launch(core::LaunchSpec& spec) const {
        std::for_each(spec.exec.begin(), spec.exec.end(), [this](std::string& word) { text(word); });
        bool told = false;
        for (auto& [name, setting] : spec.environment) {
            text(setting);
            told = told || name == numbering_.variable;
        }
        if (!told) {
            spec.environment.emplace_back(numbering_.variable, number_);
        }
        text(spec.working_directory);
        text(spec.stdout_to.path);
        text(spec.stderr_to.path);
    }
    /// Written anew rather than in place, so that many placeholders in a long text are no trouble.
    void text(std::string& item) const {
        std::size_t from = 0;
        std::string out;
        for (std::size_t at = item.find(numbering_.placeholder); at != std::string::npos; at = item.find(numbering_.placeholder, from)) {
            out.append(item, from, at - from).append(number_);
            from = at + numbering_.placeholder.size();
        }
        if (from > 0) {
            item = out.append(item, from);
        }
    }

    const Numbering& numbering_;
    std::string number_;
};

/// Reports where the copies would be too many or too large together.
bool may_copy(Reader& reader, const Node& element, const core::ChildSpec& child, std::uint32_t copies) {
    const bool may = reader.may_copy(copies, core::encode_child(child).size());
    if (!may) {
        reader.error(element.offset,
                     "expected at most 100000 instances and partitions in all, of 64 MiB together, got " + std::to_string(copies) + " more",
                     "too_many_children");
    }
    return may;
}

}  // namespace

std::optional<Instances> parse_instances(std::string_view name) {
    const std::size_t dots = name.rfind("..");
    const std::size_t at = name.rfind('@', dots);
    if (dots == std::string_view::npos || at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::optional<std::uint32_t> first = plain_number(name.substr(at + 1, dots - at - 1));
    const std::optional<std::uint32_t> last = plain_number(name.substr(dots + 2));
    if (!first || !last || *last < *first || *last - *first >= instances_max) {
        return std::nullopt;
    }
    return Instances{name.substr(0, at + 1), *first, *last - *first + 1};
}

std::uint32_t copies_of(const Node& element) {
    const Node* const name = element.find("name");
    const auto instances = name != nullptr && name->kind == NodeKind::string ? parse_instances(name->text) : std::nullopt;
    return instances ? instances->count : 1;
}

void append_instances(Reader& reader, const Node& element, core::ChildSpec child, core::SupervisorSpec& supervisor) {
    const std::string pattern = child.name;
    const std::optional<Instances> instances = parse_instances(pattern);
    if (!instances || !may_copy(reader, element, child, instances->count)) {
        supervisor.children.push_back(std::move(child));
        return;
    }
    for (std::uint32_t i = 0; i < instances->count; ++i) {
        core::ChildSpec& copy = supervisor.children.emplace_back(child);
        copy.name = std::string{instances->stem}.append(std::to_string(instances->first + i));
        Numberer(instance_numbering, instances->first + i).child(copy);
    }
}

void make_partitions(Reader& reader, const Node& element, core::SupervisorSpec& supervisor) {
    const std::vector<core::ChildSpec> pattern = std::exchange(supervisor.template_child, {});
    if (!may_copy(reader, element, pattern.front(), supervisor.partitions)) {
        return;
    }
    for (std::uint32_t i = 0; i < supervisor.partitions; ++i) {
        core::ChildSpec& copy = supervisor.children.emplace_back(pattern.front());
        copy.name = std::to_string(i);
        Numberer(partition_numbering, i).child(copy);
    }
}

}  // namespace backplane::config
