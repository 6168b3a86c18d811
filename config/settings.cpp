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
    std::string line = problem.file.empty() ? std::string{} : escaped(problem.file).append(":");
    line.append(std::to_string(problem.line)).append(":").append(std::to_string(problem.column)).append(": ").append(kind);
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

/// The further files last: they need to know what the root is.
void read_documents(Reader& reader, const std::vector<Document>& documents, Settings& settings) {
    for (std::size_t i = 0; i < documents.size(); ++i) {
        const Reader::InFile file(reader, i);
        if (!documents[i].complete) {
            continue;
        }
        if (i == 0) {
            reader.object(documents[i].root, settings_fields(), "invalid_settings", settings);
        } else {
            reader.object(documents[i].root, part_fields(), "invalid_settings", settings.root);
        }
    }
}

/// The objects that the root's children stand in.
std::vector<Source> sources_of(const std::vector<Document>& documents) {
    std::vector<Source> sources;
    for (std::size_t i = 0; i < documents.size(); ++i) {
        const Node* const object = i == 0 ? documents[i].root.find("supervisor") : &documents[i].root;
        if (object != nullptr) {
            sources.push_back(Source{i, i == 0 ? "supervisor" : "", object});
        }
    }
    return sources;
}

}  // namespace

std::string problem_text(const Problem& problem) { return problem_line(problem, ""); }

Reading read_settings(std::span<const SourceFile> files, std::uint32_t cpus) {
    Reading reading;
    Reader reader(files, cpus);
    std::vector<Document> documents;
    bool flawed = false;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const Reader::InFile file(reader, i);
        const Document& document = documents.emplace_back(parse_document(files[i].text));
        for (const Flaw& flaw : document.flaws) {
            reader.flaw(flaw);
        }
        flawed = flawed || !document.flaws.empty() || !document.complete;
    }
    read_documents(reader, documents, reading.settings);
    // Where a key stands twice the tree need not match what `find` finds, and the error is known already.
    if (!flawed && reader.tree_trusted()) {
        reading.children = check_tree(reader, sources_of(documents), reading.settings.root);
    }
    reader.finish(reading);
    return reading;
}

Reading read_settings(std::string_view text, std::string_view file_name, std::uint32_t cpus) {
    const SourceFile file{std::string{file_name}, std::string{text}};
    return read_settings({&file, 1}, cpus);
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

CheckResult check_config(std::span<const SourceFile> files, std::uint32_t cpus) {
    const Reading reading = read_settings(files, cpus);
    const std::string& name = files.front().name;
    CheckResult result;
    result.err = problem_lines(reading, name);
    result.exit_code = reading.ok() ? 0 : 1;
    if (reading.ok()) {
        result.out = escaped(name) + ": ok, " + std::to_string(reading.children) + (reading.children == 1 ? " child\n" : " children\n");
    }
    return result;
}

CheckResult check_config(std::string_view text, std::string_view file_name, std::uint32_t cpus) {
    const SourceFile file{std::string{file_name}, std::string{text}};
    return check_config({&file, 1}, cpus);
}

}  // namespace backplane::config
