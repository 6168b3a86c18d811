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
        if (spec.is_task()) {
            std::for_each(spec.task.arguments.begin(), spec.task.arguments.end(), [this](std::string& word) { text(word); });
        } else if (!spec.is_supervisor) {
            launch(spec.launch);
        }
        for (core::SupervisorSpec& nested : spec.supervisor) {
            std::for_each(nested.template_child.begin(), nested.template_child.end(), [this](auto& below) { child(below); });
            std::for_each(nested.children.begin(), nested.children.end(), [this](auto& below) { child(below); });
        }
    }

  private:
    void launch(core::LaunchSpec& spec) const {
        for (std::vector<std::string>* const command : {&spec.exec, &spec.probe.command, &spec.drain.command}) {
            std::for_each(command->begin(), command->end(), [this](std::string& word) { text(word); });
        }
        text(spec.probe.connect);
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

/// Calls `what` with a child and each below it.
template <class What>
void each_child(core::ChildSpec& child, const What& what) {
    what(child);
    for (core::SupervisorSpec& nested : child.supervisor) {
        std::for_each(nested.template_child.begin(), nested.template_child.end(), [&what](auto& below) { each_child(below, what); });
        std::for_each(nested.children.begin(), nested.children.end(), [&what](auto& below) { each_child(below, what); });
    }
}

/// Calls `what` with each program of a child.
template <class What>
void each_program(core::ChildSpec& child, const What& what) {
    each_child(child, [&what](core::ChildSpec& one) { one.is_supervisor || one.is_task() ? void() : what(one.launch); });
}

template <class What>
void each_task(core::ChildSpec& child, const What& what) {
    each_child(child, [&what](core::ChildSpec& one) { one.is_task() ? what(one.task) : void(); });
}

/// A number is longer than what stands for it.
void check_length(Reader& reader, const Node& element, core::ChildSpec& copy) {
    each_task(copy, [&](const core::TaskSpec& task) {
        if (!core::is_sound_task(task)) {
            reader.error(element.offset, "expected arguments of 8192 bytes at most, got more in the instance " + copy.name,
                         "invalid_arguments");
        }
    });
}

/// The texts in which a placeholder may stand.
std::vector<std::string*> texts_of(core::ChildSpec& child) {
    std::vector<std::string*> texts;
    each_task(child, [&texts](core::TaskSpec& task) {
        std::for_each(task.arguments.begin(), task.arguments.end(), [&texts](std::string& word) { texts.push_back(&word); });
    });
    each_program(child, [&texts](core::LaunchSpec& launch) {
        std::for_each(launch.exec.begin(), launch.exec.end(), [&texts](std::string& word) { texts.push_back(&word); });
        std::for_each(launch.environment.begin(), launch.environment.end(), [&texts](auto& pair) { texts.push_back(&pair.second); });
        texts.insert(texts.end(), {&launch.working_directory, &launch.stdout_to.path, &launch.stderr_to.path});
    });
    return texts;
}

/// The variable that making a copy adds by itself.
void drop_variable(core::LaunchSpec& launch) {
    auto& environment = launch.environment;
    if (!environment.empty() && environment.back().first == partition_numbering.variable &&
        environment.back().second == partition_numbering.placeholder) {
        environment.pop_back();
    }
}

/// What becomes `zeroth` with the number 0 and `first` with 1: both have one digit, so it stands where they differ.
std::string unnumbered(const std::string& zeroth, const std::string& first) {
    std::string out;
    for (std::size_t i = 0; i < zeroth.size(); ++i) {
        const bool number = i < first.size() && zeroth[i] != first[i];
        out.append(number ? partition_numbering.placeholder : std::string_view{zeroth}.substr(i, 1));
    }
    return out;
}

/// The template of children that one has made. One alone is its own template, as it tells its number itself.
core::ChildSpec template_of(const std::vector<core::ChildSpec>& children) {
    core::ChildSpec pattern = children[0];
    pattern.name.clear();
    if (children.size() > 1) {
        core::ChildSpec other = children[1];
        const std::vector<std::string*> texts = texts_of(pattern);
        const std::vector<std::string*> others = texts_of(other);
        for (std::size_t i = 0; i < texts.size() && i < others.size(); ++i) {
            *texts[i] = unnumbered(*texts[i], *others[i]);
        }
        each_program(pattern, drop_variable);
    }
    return pattern;
}

core::ChildSpec numbered(const core::ChildSpec& pattern, std::uint32_t number) {
    core::ChildSpec copy = pattern;
    copy.name = std::to_string(number);
    Numberer(partition_numbering, number).child(copy);
    return copy;
}

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
        check_length(reader, element, copy);
    }
}

void make_partitions(Reader& reader, const Node& element, core::SupervisorSpec& supervisor) {
    const std::vector<core::ChildSpec> pattern = std::exchange(supervisor.template_child, {});
    if (!may_copy(reader, element, pattern.front(), supervisor.partitions)) {
        return;
    }
    for (std::uint32_t i = 0; i < supervisor.partitions; ++i) {
        supervisor.children.push_back(numbered(pattern.front(), i));
        check_length(reader, element, supervisor.children.back());
    }
}

/// Whether it is the right template is found out by making the children again.
std::optional<core::SupervisorSpec> fold_partitions(const core::SupervisorSpec& supervisor) {
    const std::vector<core::ChildSpec>& children = supervisor.children;
    if (supervisor.partitions == 0 || children.size() != supervisor.partitions || !supervisor.template_child.empty()) {
        return std::nullopt;
    }
    core::ChildSpec pattern = template_of(children);
    for (std::uint32_t i = 0; i < supervisor.partitions; ++i) {
        if (core::encode_child(numbered(pattern, i)) != core::encode_child(children[i])) {
            return std::nullopt;
        }
    }
    core::SupervisorSpec folded = supervisor;
    folded.children.clear();
    folded.template_child.push_back(std::move(pattern));
    return folded;
}

}  // namespace backplane::config
