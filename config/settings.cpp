// SPDX-License-Identifier: Apache-2.0
/// Text to checked settings: the document, the table, the whole tree, and the printed form of what is wrong.
#include "config/settings.hpp"

#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/reader.hpp"
#include "config/tree.hpp"
#include "config/words.hpp"

namespace backplane::config {
namespace {

std::string problem_line(const Problem& problem, std::string_view kind) {
    std::string line = escaped(problem.file);
    line.append(":").append(std::to_string(problem.line)).append(":").append(std::to_string(problem.column)).append(": ").append(kind);
    if (!problem.key.empty()) {
        line.append("key \"").append(problem.key).append("\": ");
    }
    return line.append(problem.text).append(" [").append(problem.name).append("]");
}

void append_hidden(std::string& lines, std::string_view file_name, std::size_t hidden, std::string_view what) {
    if (hidden > 0) {
        lines.append(escaped(file_name)).append(": and ").append(std::to_string(hidden)).append(" more ").append(what).append("\n");
    }
}

}  // namespace

std::string problem_text(const Problem& problem) { return problem_line(problem, ""); }

Reading read_settings(std::string_view text, std::string_view file_name) {
    Reading reading;
    Reader reader(text);
    const Document document = parse_document(text);
    for (const Flaw& flaw : document.flaws) {
        reader.flaw(flaw);
    }
    if (document.complete && reader.object(document.root, settings_fields(), "invalid_settings", reading.settings)) {
        // Where a key stands twice the tree need not match what `find` finds, and the error is known already.
        if (const Node* root = document.root.find("supervisor"); root != nullptr && document.flaws.empty()) {
            const Reader::Within key(reader, "supervisor");
            reading.children = check_tree(reader, *root, reading.settings.root);
        }
    }
    reader.finish(reading, file_name);
    return reading;
}

std::string problem_lines(const Reading& reading, std::string_view file_name) {
    std::string lines;
    for (const Problem& problem : reading.errors) {
        lines.append(problem_text(problem)).append("\n");
    }
    append_hidden(lines, file_name, reading.errors_hidden, "errors");
    for (const Problem& problem : reading.warnings) {
        lines.append(problem_line(problem, "warning: ")).append("\n");
    }
    append_hidden(lines, file_name, reading.warnings_hidden, "warnings");
    return lines;
}

CheckResult check_config(std::string_view text, std::string_view file_name) {
    const Reading reading = read_settings(text, file_name);
    CheckResult result;
    result.err = problem_lines(reading, file_name);
    result.exit_code = reading.ok() ? 0 : 1;
    if (reading.ok()) {
        result.out =
            escaped(file_name) + ": ok, " + std::to_string(reading.children) + (reading.children == 1 ? " child\n" : " children\n");
    }
    return result;
}

}  // namespace backplane::config
