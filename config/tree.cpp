// SPDX-License-Identifier: Apache-2.0
/// Walks document and tree side by side: element i of `children` is `children[i]` of the supervisor, whatever was wrong.
#include "config/tree.hpp"

#include "config/words.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::config {
namespace {

class TreeCheck {
  public:
    explicit TreeCheck(Reader& reader) : reader_(reader) {}

    /// First pass: names, paths, warnings; collects every path.
    void names(const Node& node, const core::SupervisorSpec& supervisor);
    /// Second pass, when all paths are known.
    void links(const Node& node, const core::SupervisorSpec& supervisor);
    void sort_paths() { std::sort(paths_.begin(), paths_.end()); }
    [[nodiscard]] std::size_t children() const { return children_; }
    [[nodiscard]] bool names_sound() const { return names_sound_; }

  private:
    /// Makes the path that of a child, calls `what(its node, its spec)` and takes it back.
    template <class What>
    void each_child(const Node& node, const core::SupervisorSpec& supervisor, What what);
    void unique(const Node& node, const core::SupervisorSpec& supervisor);
    void warnings(const Node& node, const core::ChildSpec& child);
    void link(const Node& node, const std::string& to, const core::SupervisorSpec& siblings);
    [[nodiscard]] bool exists(const std::string& path) const { return std::binary_search(paths_.begin(), paths_.end(), path); }
    [[nodiscard]] std::string parent_prefix() const { return path_.substr(0, path_.rfind('/') + 1); }

    Reader& reader_;
    std::string path_;  ///< of the child at hand, below the root
    std::vector<std::string> paths_;
    std::size_t children_ = 0;
    bool names_sound_ = true;
};

/// Recursion through `what` is bounded by the depth of the document.
template <class What>
void TreeCheck::each_child(const Node& node, const core::SupervisorSpec& supervisor, What what) {
    const Node* list = node.find("children");
    if (list == nullptr) {
        return;
    }
    const Reader::Within key(reader_, "children");
    const std::size_t before = path_.size();
    for (std::size_t i = 0; i < supervisor.children.size(); ++i) {
        const Reader::Within index(reader_, i);
        path_.append(before > 0 ? "/" : "").append(supervisor.children[i].name);
        what(list->items[i].value, supervisor.children[i]);
        path_.resize(before);
    }
}

void TreeCheck::names(const Node& node, const core::SupervisorSpec& supervisor) {
    unique(node, supervisor);
    each_child(node, supervisor, [this](const Node& element, const core::ChildSpec& child) {
        ++children_;
        if (const Node* name = element.find("name");
            name != nullptr && path_.size() > name_bytes_max && child.name.size() <= name_bytes_max) {
            const Reader::Within key(reader_, "name");
            reader_.error(name->offset, "expected a path below the root of at most 255 bytes, got " + std::to_string(path_.size()),
                          "invalid_id");
        }
        names_sound_ = names_sound_ && !name_flaw(child.name);
        paths_.push_back(path_);
        warnings(element, child);
        if (const Node* nested = element.find("supervisor"); nested != nullptr && !child.supervisor.empty()) {
            const Reader::Within key(reader_, "supervisor");
            names(*nested, child.supervisor.front());
        }
    });
}

/// S-3, duplicate_id. By sorting, so that a hundred thousand children (S-65) are no trouble; the sort is stable, so the
/// later one of two is told.
void TreeCheck::unique(const Node& node, const core::SupervisorSpec& supervisor) {
    std::vector<std::size_t> order(supervisor.children.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    const auto& children = supervisor.children;
    std::stable_sort(order.begin(), order.end(), [&children](std::size_t a, std::size_t b) { return children[a].name < children[b].name; });
    for (std::size_t i = 1; i < order.size(); ++i) {
        const std::string& name = children[order[i]].name;
        if (name.empty() || name != children[order[i - 1]].name) {
            continue;
        }
        names_sound_ = false;
        const Node& element = node.find("children")->items[order[i]].value;
        const Node* given = element.find("name");
        const Reader::Within list(reader_, "children");
        const Reader::Within index(reader_, order[i]);
        const Reader::Within key(reader_, "name");
        reader_.error(
            given != nullptr ? given->offset : element.offset,
            "expected a name that no sibling has, got " + in_quotes(name) + ", which is children[" + std::to_string(order[i - 1]) + "]",
            "duplicate_id");
    }
}

/// What is allowed and mostly not meant: S-40 and S-43.
void TreeCheck::warnings(const Node& node, const core::ChildSpec& child) {
    if (!child.is_supervisor || child.supervisor.empty()) {
        return;
    }
    if (const Node* shutdown = node.find("shutdown"); shutdown != nullptr && child.shutdown_kind != core::ShutdownKind::infinity) {
        const Reader::Within key(reader_, "shutdown");
        reader_.warn(shutdown->offset, "a supervisor whose shutdown is not \"infinity\" has its whole subtree killed when the time is up",
                     "supervisor_shutdown");
    }
    const Node* restart = node.find("restart");
    if (child.restart == core::RestartType::transient && restart != nullptr &&
        child.supervisor.front().on_give_up == core::OnGiveUp::shutdown) {
        const Reader::Within key(reader_, "restart");
        reader_.warn(restart->offset, "a transient supervisor that gives up stays down, unless it has \"on_give_up\": \"crash\"",
                     "transient_supervisor");
    }
}

void TreeCheck::links(const Node& node, const core::SupervisorSpec& supervisor) {
    each_child(node, supervisor, [this, &supervisor](const Node& element, const core::ChildSpec& child) {
        if (const Node* list = element.find("links"); list != nullptr) {
            const Reader::Within key(reader_, "links");
            for (std::size_t i = 0; i < child.links.size(); ++i) {
                const Reader::Within index(reader_, i);
                if (const Node* to = list->items[i].value.find("to"); to != nullptr && !child.links[i].to.empty()) {
                    const Reader::Within target(reader_, "to");
                    link(*to, child.links[i].to, supervisor);
                }
            }
        }
        if (const Node* nested = element.find("supervisor"); nested != nullptr && !child.supervisor.empty()) {
            const Reader::Within key(reader_, "supervisor");
            links(*nested, child.supervisor.front());
        }
    });
}

/// Decision 14: the core looks for a sibling first and for a path below the root second; so must this.
void TreeCheck::link(const Node& node, const std::string& to, const core::SupervisorSpec& siblings) {
    const std::string as_sibling = parent_prefix() + to;
    const std::string& found = exists(as_sibling) ? as_sibling : to;
    if (found == path_) {
        reader_.error(node.offset, "expected another child than itself, got " + in_quotes(to), "self_link");
        return;
    }
    if (exists(found)) {
        return;
    }
    std::vector<std::string_view> names;
    for (const core::ChildSpec& sibling : siblings.children) {
        names.push_back(sibling.name);
    }
    const std::string_view meant = nearest_word(to, names);
    reader_.error(node.offset,
                  "expected a sibling's name, or a path below the root, got " + in_quotes(to) +
                      (meant.empty() ? std::string{} : "; did you mean " + in_quotes(meant) + "?"),
                  "unknown_link_target");
}

}  // namespace

std::size_t check_tree(Reader& reader, const Node& node, const core::SupervisorSpec& root) {
    TreeCheck check(reader);
    check.names(node, root);
    // With a wrong name somewhere a link to it would be told as a second error, which it is not.
    if (check.names_sound()) {
        check.sort_paths();
        check.links(node, root);
    }
    return check.children();
}

}  // namespace backplane::config
