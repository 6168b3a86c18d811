// SPDX-License-Identifier: Apache-2.0
/// Walks documents and tree side by side: the elements of `children` are the supervisor's children, whatever was wrong, an
/// element with instances so many of them. Children are numbered in the order of this walk.
#include "config/tree.hpp"

#include "config/instances.hpp"
#include "config/requirements.hpp"
#include "config/words.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::config {
namespace {

/// What stands in a path for the key of a dynamic child; no name can be this.
constexpr std::string_view key_placeholder = "{key}";

/// One element at hand: its object in the document, its spec, and where both stand.
struct Place {
    const Node& node;
    const core::ChildSpec& child;
    const core::SupervisorSpec& siblings;
    const Source& source;
    std::size_t element = 0;  ///< its index in that source's list
    bool is_template = false;
};

/// Leads the reader to where a source stands, for as long as it lives.
class AtSource {
  public:
    AtSource(Reader& reader, const Source& source) : file_(reader, source.file) {
        if (!source.key.empty()) {
            key_.emplace(reader, source.key);
        }
    }

  private:
    Reader::InFile file_;
    std::optional<Reader::Within> key_;
};

class TreeCheck {
  public:
    /// `alone`: other children stand around this tree, and it is not known which.
    TreeCheck(Reader& reader, bool alone) : reader_(reader), alone_(alone) {}

    /// All passes.
    void all(const std::vector<Source>& sources, const core::SupervisorSpec& root);
    [[nodiscard]] std::size_t children() const { return children_; }

  private:
    /// First pass: names, paths, warnings; collects every path and the order of the starts.
    void names(const std::vector<Source>& sources, const core::SupervisorSpec& supervisor, std::uint32_t number);
    /// Second pass, when all paths are known.
    void references(const std::vector<Source>& sources, const core::SupervisorSpec& supervisor);
    /// Third pass, over requirements that lead somewhere.
    void cycles(const std::vector<Source>& sources, const core::SupervisorSpec& root);

    void sort_paths();

    /// Makes the path that of a child, calls `what(its place)` and takes it back; for a template as well.
    template <class What>
    void each_child(const std::vector<Source>& sources, const core::SupervisorSpec& supervisor, What what);
    template <class What>
    void at(const Place& place, What& what);
    /// The same within the child, where it is a supervisor.
    template <class What>
    void nested(const Place& place, What what);

    void name(const Place& place);
    void unique(const std::vector<Place>& places);
    void warnings(const Node& node, const core::ChildSpec& child);
    /// The number of what is meant; `none` has been reported.
    std::uint32_t resolve(const Node& node, const std::string& to, const core::SupervisorSpec& siblings, std::string_view self,
                          std::string_view unknown);
    void link(const Node& node, const std::string& to, const core::SupervisorSpec& siblings);
    void require(const Place& place);
    [[nodiscard]] std::uint32_t find(const std::string& path) const;
    /// Whether what is meant is beyond this tree, where the core finds it or does not.
    [[nodiscard]] bool elsewhere(const std::string& to) const { return alone_ && find(parent_prefix() + to) == StartGraph::none; }
    [[nodiscard]] std::string parent_prefix() const { return path_.substr(0, path_.rfind('/') + 1); }
    [[nodiscard]] std::string cycle_text(const std::vector<StartGraph::Step>& steps) const;

    Reader& reader_;
    bool alone_;
    std::string path_;                  ///< of the child at hand, below the root
    std::vector<std::string> paths_;    ///< of each child by its number
    std::vector<std::uint32_t> order_;  ///< numbers by their paths
    StartGraph starts_;
    std::uint32_t number_ = 0;  ///< of the child at hand, in the passes behind the first
    std::size_t children_ = 0;
    bool names_sound_ = true;
    bool references_sound_ = true;
};

template <class What>
void TreeCheck::at(const Place& place, What& what) {
    const std::size_t before = path_.size();
    path_.append(before > 0 ? "/" : "").append(place.is_template ? key_placeholder : std::string_view{place.child.name});
    what(place);
    path_.resize(before);
}

/// Recursion through `what` is bounded by the depth of the document.
template <class What>
void TreeCheck::each_child(const std::vector<Source>& sources, const core::SupervisorSpec& supervisor, What what) {
    std::size_t next = 0;
    for (const Source& source : sources) {
        const AtSource there(reader_, source);
        if (source.element != nullptr) {
            const core::ChildSpec& child = supervisor.children[next++];
            at(Place{*source.element, child, supervisor, source, 0, child.name.empty()}, what);
            continue;
        }
        if (const Node* pattern = source.object->find("template"); pattern != nullptr) {
            const Reader::Within key(reader_, "template");
            for (const core::ChildSpec& child : supervisor.template_child) {
                at(Place{*pattern, child, supervisor, source, 0, true}, what);
            }
            for (; next < supervisor.partitions; ++next) {
                const Reader::Again again(reader_, next > 0);
                at(Place{*pattern, supervisor.children[next], supervisor, source, 0, false}, what);
            }
        }
        const Node* const list = source.object->find("children");
        const Reader::Within key(reader_, "children");
        for (std::size_t i = 0; list != nullptr && list->kind == NodeKind::array && i < list->items.size(); ++i) {
            const Reader::Within index(reader_, i);
            for (std::uint32_t copies = copies_of(list->items[i].value), copy = 0; copy < copies; ++copy) {
                const Reader::Again again(reader_, copy > 0);
                at(Place{list->items[i].value, supervisor.children[next++], supervisor, source, i, false}, what);
            }
        }
    }
}

template <class What>
void TreeCheck::nested(const Place& place, What what) {
    if (const Node* object = place.node.find("supervisor"); object != nullptr && !place.child.supervisor.empty()) {
        const Reader::Within key(reader_, "supervisor");
        what(std::vector<Source>{{place.source.file, {}, object}}, place.child.supervisor.front());
    }
}

void TreeCheck::names(const std::vector<Source>& sources, const core::SupervisorSpec& supervisor, std::uint32_t number) {
    std::vector<Place> places;
    std::uint32_t before = StartGraph::none;
    each_child(sources, supervisor, [&](const Place& place) {
        const auto own = static_cast<std::uint32_t>(paths_.size());
        starts_.add(number, before, place.is_template);
        before = supervisor.start_order == core::StartOrder::list && !place.is_template ? own : StartGraph::none;
        if (!place.is_template) {
            places.push_back(place);
            name(place);
        }
        // What a template makes is not configured, and neither is what lies below it.
        children_ += path_.find(key_placeholder) == std::string::npos ? 1U : 0U;
        paths_.push_back(path_);
        warnings(place.node, place.child);
        nested(place, [&](const std::vector<Source>& inner, const core::SupervisorSpec& below) { names(inner, below, own); });
    });
    unique(places);
}

void TreeCheck::name(const Place& place) {
    const std::string& own = place.child.name;
    if (const Node* given = place.node.find("name"); given != nullptr && path_.size() > name_bytes_max && own.size() <= name_bytes_max) {
        const Reader::Within key(reader_, "name");
        reader_.error(given->offset, "expected a path below the root of at most 255 bytes, got " + std::to_string(path_.size()),
                      "invalid_id");
    }
    names_sound_ = names_sound_ && !name_flaw(own);
}

/// S-3, duplicate_id. By sorting, so that a hundred thousand children (S-65) are no trouble; the sort is stable, so the
/// later one of two is told.
void TreeCheck::unique(const std::vector<Place>& places) {
    std::vector<std::size_t> order(places.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::stable_sort(order.begin(), order.end(),
                     [&places](std::size_t a, std::size_t b) { return places[a].child.name < places[b].child.name; });
    for (std::size_t i = 1; i < order.size(); ++i) {
        const Place& place = places[order[i]];
        const Place& other = places[order[i - 1]];
        const std::string& name = place.child.name;
        if (name.empty() || name != other.child.name) {
            continue;
        }
        names_sound_ = false;
        const AtSource there(reader_, place.source);
        const Reader::Within list(reader_, "children");
        const Reader::Within index(reader_, place.element);
        std::string where = "children[" + std::to_string(other.element) + "]";
        if (other.source.file != place.source.file) {
            where.append(" of ").append(escaped(reader_.file_name(other.source.file)));
        }
        reader_.error_at(place.node, "name", "expected a name that no sibling has, got " + in_quotes(name) + ", which is " + where,
                         "duplicate_id");
    }
}

/// What is allowed and mostly not meant: S-40, S-43 and S-51.
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
    if (child.restart == core::RestartType::permanent && child.supervisor.front().auto_shutdown != core::AutoShutdown::never) {
        const Node* object = node.find("supervisor");
        const Node* word = object->find("auto_shutdown");
        const Reader::Within key(reader_, "supervisor");
        const Reader::Within inner(reader_, "auto_shutdown");
        reader_.warn(word != nullptr ? word->offset : object->offset,
                     "a permanent supervisor that shuts itself down is started again each time, which spends the restarts of the one above",
                     "permanent_auto_shutdown");
    }
}

void TreeCheck::references(const std::vector<Source>& sources, const core::SupervisorSpec& supervisor) {
    each_child(sources, supervisor, [this](const Place& place) {
        if (const Node* list = place.node.find("links"); list != nullptr) {
            const Reader::Within key(reader_, "links");
            for (std::size_t i = 0; i < place.child.links.size(); ++i) {
                const Reader::Within index(reader_, i);
                if (const Node* to = list->items[i].value.find("to"); to != nullptr && !place.child.links[i].to.empty()) {
                    const Reader::Within target(reader_, "to");
                    link(*to, place.child.links[i].to, place.siblings);
                }
            }
        }
        require(place);
        ++number_;
        nested(place, [this](const std::vector<Source>& inner, const core::SupervisorSpec& below) { references(inner, below); });
    });
}

void TreeCheck::require(const Place& place) {
    const Node* const list = place.node.find("requires");
    const std::vector<std::string>& names = place.child.requires_up;
    if (list == nullptr || list->items.size() != names.size()) {
        return;
    }
    const Reader::Within key(reader_, "requires");
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty() || elsewhere(names[i])) {
            continue;  // no text at all has been told
        }
        const Reader::Within index(reader_, i);
        const std::uint32_t other = resolve(list->items[i].value, names[i], place.siblings, "self_requirement", "unknown_requirement");
        references_sound_ = references_sound_ && other != StartGraph::none;
        if (other != StartGraph::none) {
            starts_.require(number_, other, static_cast<std::uint32_t>(i));
        }
    }
}

void TreeCheck::sort_paths() {
    order_.resize(paths_.size());
    for (std::uint32_t i = 0; i < order_.size(); ++i) {
        order_[i] = i;
    }
    std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) { return paths_[a] < paths_[b]; });
}

std::uint32_t TreeCheck::find(const std::string& path) const {
    const auto found = std::lower_bound(order_.begin(), order_.end(), path,
                                        [this](std::uint32_t number, const std::string& wanted) { return paths_[number] < wanted; });
    return found != order_.end() && paths_[*found] == path ? *found : StartGraph::none;
}

/// Decision 14: the core looks for a sibling first and for a path below the root second; so must this.
std::uint32_t TreeCheck::resolve(const Node& node, const std::string& to, const core::SupervisorSpec& siblings, std::string_view self,
                                 std::string_view unknown) {
    const std::string as_sibling = parent_prefix() + to;
    const std::string& found = find(as_sibling) != StartGraph::none ? as_sibling : to;
    if (found == path_) {
        reader_.error(node.offset, "expected another child than itself, got " + in_quotes(to), self);
        return StartGraph::none;
    }
    const std::uint32_t number = find(found);
    if (number != StartGraph::none) {
        return number;
    }
    std::vector<std::string_view> names;
    // Where no more errors are shown no more hints are sought, of which each one looks at all siblings.
    for (std::size_t i = 0; i < siblings.children.size() && reader_.errors() < problems_max; ++i) {
        names.push_back(siblings.children[i].name);
    }
    const std::string_view meant = nearest_word(to, names);
    reader_.error(node.offset,
                  "expected a sibling's name, or a path below the root, got " + in_quotes(to) +
                      (meant.empty() ? std::string{} : "; did you mean " + in_quotes(meant) + "?"),
                  unknown);
    return StartGraph::none;
}

void TreeCheck::link(const Node& node, const std::string& to, const core::SupervisorSpec& siblings) {
    if (!elsewhere(to)) {
        static_cast<void>(resolve(node, to, siblings, "self_link", "unknown_link_target"));
    }
}

/// One is told: with it gone another one may be gone as well.
void TreeCheck::cycles(const std::vector<Source>& sources, const core::SupervisorSpec& root) {
    const auto cycle = references_sound_ ? starts_.find_cycle() : std::nullopt;
    if (!cycle) {
        return;
    }
    number_ = 0;
    const auto tell = [this, &cycle](const auto& self, const std::vector<Source>& list, const core::SupervisorSpec& supervisor) -> void {
        each_child(list, supervisor, [&](const Place& place) {
            if (number_++ == cycle->front().child) {
                const Node& item = place.node.find("requires")->items[cycle->front().requirement].value;
                const Reader::Within key(reader_, "requires");
                const Reader::Within index(reader_, cycle->front().requirement);
                reader_.error(item.offset, cycle_text(*cycle), "requirement_cycle");
            }
            nested(place, [&](const std::vector<Source>& inner, const core::SupervisorSpec& below) { self(self, inner, below); });
        });
    };
    tell(tell, sources, root);
}

void TreeCheck::all(const std::vector<Source>& sources, const core::SupervisorSpec& root) {
    names(sources, root, StartGraph::none);
    // With a wrong name somewhere a link to it would be told as a second error, which it is not.
    if (names_sound_) {
        sort_paths();
        references(sources, root);
        cycles(sources, root);
    }
}

std::string TreeCheck::cycle_text(const std::vector<StartGraph::Step>& steps) const {
    constexpr std::size_t shown_max = 8;
    std::string text = "expected requirements without a cycle, got: " + in_quotes(paths_[steps.front().child]);
    std::size_t shown = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        // Of a list's members that are started one after the other only the ends matter.
        if (steps[i].why == StartGraph::Why::before && i + 1 < steps.size() && steps[i + 1].why == steps[i].why) {
            continue;
        }
        if (++shown > shown_max) {
            return text.append(", and so on");
        }
        text.append(i == 0 ? "" : ", which");
        switch (steps[i].why) {
            case StartGraph::Why::required: text.append(" requires "); break;
            case StartGraph::Why::before: text.append(" is started after "); break;
            case StartGraph::Why::above: text.append(" is part of "); break;
            case StartGraph::Why::below: text.append(" is up with its child "); break;
            case StartGraph::Why::itself: break;
        }
        text.append(in_quotes(paths_[steps[i].other]));
    }
    return text;
}

}  // namespace

std::size_t check_tree(Reader& reader, const std::vector<Source>& sources, const core::SupervisorSpec& root) {
    if (sources.empty()) {
        return 0;
    }
    TreeCheck check(reader, false);
    check.all(sources, root);
    return check.children();
}

void check_child_tree(Reader& reader, const Node& element, const core::SupervisorSpec& around) {
    TreeCheck(reader, true).all({Source{reader.file(), {}, nullptr, &element}}, around);
}

}  // namespace backplane::config
