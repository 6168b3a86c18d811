// SPDX-License-Identifier: Apache-2.0
/// Rows to a tree: supervisors with their children below them, in the order of the rows; then what has no supervisor.
///
/// Rows come from the daemon page by page, so a parent may be missing or, in a hostile answer, be its own descendant: a row
/// whose supervisor is not there stands at the top, and each row is drawn once.
#include "client/render/render.hpp"

#include <map>
#include <set>
#include <utility>

namespace backplane::render {

namespace {

class Tree {
  public:
    explicit Tree(const std::vector<DeviceRow>& rows) : rows_(rows) {
        std::set<std::string> names;
        for (const DeviceRow& row : rows) {
            if (row.name) {
                names.insert(*row.name);
            }
        }
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto& parent = rows[i].supervisor;
            if (parent && names.contains(*parent) && parent != rows[i].name) {
                children_[*parent].push_back(i);
            } else {
                tops_.push_back(i);
            }
        }
    }

    std::string draw() {
        for (const std::size_t top : tops_) {
            draw_row(top, "", "");
        }
        // What hangs together in a circle hangs on no top.
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            draw_row(i, "", "");
        }
        return table(cells_);
    }

  private:
    /// `lead`: what stands before this row's label; `below`: before its children's.
    void draw_row(std::size_t index, const std::string& lead, const std::string& below) {
        if (!drawn_.insert(index).second) {
            return;
        }
        const DeviceRow& row = rows_[index];
        cells_.push_back({lead + label(row, !lead.empty()), shown(row.state), details(row)});
        const auto found = row.name ? children_.find(*row.name) : children_.end();
        if (found == children_.end()) {
            return;
        }
        const std::vector<std::size_t>& inner = found->second;
        for (std::size_t i = 0; i < inner.size(); ++i) {
            const bool last = i + 1 == inner.size();
            draw_row(inner[i], below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "));
        }
    }

    /// The last part of its path below a parent, the whole name at the top; a Device without a name goes by its line.
    static std::string label(const DeviceRow& row, bool below) {
        if (!row.name) {
            return row.line ? row.line->text() : "-";
        }
        const auto slash = row.name->rfind('/');
        const bool cut = below && slash != std::string::npos && slash + 1 < row.name->size();
        return shown(cut ? row.name->substr(slash + 1) : *row.name);
    }

    static std::string details(const DeviceRow& row) {
        std::string text = row.kind == "process" || row.kind == "supervisor" ? "" : shown(row.kind);
        const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "  ") + part; };
        if (row.pid) {
            add("pid " + std::to_string(*row.pid));
        }
        if (row.restarts.value_or(0) != 0) {
            add(std::to_string(*row.restarts) + (*row.restarts == 1 ? " restart" : " restarts"));
        }
        if (row.strategy) {
            add(shown(*row.strategy));
        }
        if (row.window_used.value_or(0) != 0) {
            add(std::to_string(*row.window_used) + " of " + std::to_string(row.intensity.value_or(0)) + " restarts used");
        }
        if (row.fault) {
            add(shown(*row.fault));
        }
        if (const std::string why = why_text(row); !why.empty()) {
            add(why);
        }
        return text;
    }

    const std::vector<DeviceRow>& rows_;
    std::map<std::string, std::vector<std::size_t>> children_;
    std::vector<std::size_t> tops_;
    std::set<std::size_t> drawn_;
    std::vector<std::vector<std::string>> cells_;
};

}  // namespace

std::string tree_text(const std::vector<DeviceRow>& rows) { return Tree{rows}.draw(); }

}  // namespace backplane::render
