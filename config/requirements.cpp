// SPDX-License-Identifier: Apache-2.0
/// A depth-first search with a stack of its own: what is met again while it is still on the stack closes a cycle.
#include "config/requirements.hpp"

#include <algorithm>

namespace backplane::config {
namespace {

std::uint32_t begins(std::uint32_t child) { return 2 * child; }
std::uint32_t started(std::uint32_t child) { return 2 * child + 1; }

}  // namespace

void StartGraph::add(std::uint32_t supervisor, std::uint32_t before, bool on_request) {
    const std::uint32_t child = children_++;
    waits_.push_back({started(child), begins(child), Why::itself});
    if (before != none) {
        waits_.push_back({begins(child), started(before), Why::before});
    }
    if (supervisor == none) {
        return;
    }
    waits_.push_back({begins(child), on_request ? started(supervisor) : begins(supervisor), Why::above});
    if (!on_request) {
        waits_.push_back({started(supervisor), started(child), Why::below});
    }
}

void StartGraph::require(std::uint32_t child, std::uint32_t other, std::uint32_t requirement) {
    waits_.push_back({begins(child), started(other), Why::required, requirement});
}

class StartGraph::Search {
  public:
    explicit Search(const StartGraph& graph) : waits_(graph.waits_), first_(2 * graph.children_ + 1), seen_(2 * graph.children_) {
        std::stable_sort(waits_.begin(), waits_.end(), [](const Wait& a, const Wait& b) { return a.from < b.from; });
        for (const Wait& wait : waits_) {
            ++first_[wait.from + 1];
        }
        for (std::size_t i = 1; i < first_.size(); ++i) {
            first_[i] += first_[i - 1];
        }
        next_ = first_;
    }

    std::optional<std::vector<Step>> run() {
        for (std::uint32_t node = 0; node < seen_.size(); ++node) {
            if (seen_[node] == Seen::never && visit(node)) {
                return cycle();
            }
        }
        return std::nullopt;
    }

  private:
    enum class Seen : std::uint8_t { never, on_stack, done };

    /// True: the last wait of `path_` leads back into the path.
    bool visit(std::uint32_t node) {
        seen_[node] = Seen::on_stack;
        for (;;) {
            if (next_[node] == first_[node + 1]) {
                seen_[node] = Seen::done;
                if (path_.empty()) {
                    return false;
                }
                node = waits_[path_.back()].from;
                path_.pop_back();
                continue;
            }
            const std::uint32_t wait = next_[node]++;
            const std::uint32_t to = waits_[wait].to;
            if (seen_[to] == Seen::done) {
                continue;
            }
            path_.push_back(wait);
            if (seen_[to] == Seen::on_stack) {
                return true;
            }
            seen_[to] = Seen::on_stack;
            node = to;
        }
    }

    /// What is implied alone has no cycle, so there is a requirement to begin with.
    [[nodiscard]] std::vector<Step> cycle() const {
        const std::uint32_t closed = waits_[path_.back()].to;
        std::vector<Step> steps;
        bool inside = false;
        for (const std::uint32_t at : path_) {
            const Wait& wait = waits_[at];
            inside = inside || wait.from == closed;
            if (inside && wait.why != Why::itself) {
                steps.push_back({wait.from / 2, wait.to / 2, wait.why, wait.requirement});
            }
        }
        const auto head = std::find_if(steps.begin(), steps.end(), [](const Step& step) { return step.why == Why::required; });
        std::rotate(steps.begin(), head, steps.end());
        return steps;
    }

    std::vector<Wait> waits_;           ///< by where they begin
    std::vector<std::uint32_t> first_;  ///< of each node's waits
    std::vector<std::uint32_t> next_;   ///< the first that has not been followed yet
    std::vector<Seen> seen_;
    std::vector<std::uint32_t> path_;  ///< waits from the node where the search began to the one at hand
};

std::optional<std::vector<StartGraph::Step>> StartGraph::find_cycle() const { return Search(*this).run(); }

}  // namespace backplane::config
