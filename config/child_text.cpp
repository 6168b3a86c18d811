// SPDX-License-Identifier: Apache-2.0
/// The document, the table and the checks of the tree, for one child.
#include "config/child_text.hpp"

#include "config/document.hpp"
#include "config/instances.hpp"
#include "config/keys.hpp"
#include "config/reader.hpp"
#include "config/settings.hpp"
#include "config/tree.hpp"
#include "config/words.hpp"
#include "config/written.hpp"

#include <utility>

namespace backplane::config {
namespace {

/// Into `alone`, which becomes a supervisor with nothing but this child.
void read_alone(Reader& reader, const Document& document, const core::SupervisorSpec& among, core::SupervisorSpec& alone) {
    core::ChildSpec& child = alone.children.emplace_back();
    const bool dynamic = among.strategy == core::Strategy::dynamic;
    read_child(reader, document.root, {among}, dynamic ? Naming::optional : Naming::wanted, child);
    if (parse_instances(child.name)) {
        reader.error_at(document.root, "name", "expected the name of one child, got " + in_quotes(child.name), "invalid_id");
        reader.distrust_tree();
    }
}

std::string first_problem(const Reading& reading) {
    const std::size_t more = reading.errors.size() - 1 + reading.errors_hidden;
    return problem_text(reading.errors.front()) + (more > 0 ? " (and " + std::to_string(more) + " more)" : "");
}

}  // namespace

Expected<core::ChildSpec> read_child_text(std::string_view text, const core::SupervisorSpec& among, std::uint32_t cpus) {
    const SourceFile nameless{{}, std::string{text}};
    Reader reader({&nameless, 1}, cpus);
    const Document document = parse_document(nameless.text);
    for (const Flaw& flaw : document.flaws) {
        reader.flaw(flaw);
    }
    core::SupervisorSpec alone;
    if (document.complete) {
        read_alone(reader, document, among, alone);
        // As with whole files, a tree that is not what the text says is not walked.
        if (document.flaws.empty() && reader.tree_trusted()) {
            check_child_tree(reader, document.root, alone);
        }
    }
    Reading reading;
    reader.finish(reading);
    if (!reading.ok()) {
        return unexpected(ErrorCode::bad_spec, first_problem(reading));
    }
    return std::move(alone.children.front());
}

std::string child_text(const core::ChildSpec& child) { return text_of(written_child(child)); }

}  // namespace backplane::config
