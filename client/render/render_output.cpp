// SPDX-License-Identifier: Apache-2.0
/// Exits and lines of children to text for people. Everything in them is a stranger's, and harmless when it leaves here.
#include "client/render/diagnosis.hpp"
#include "client/render/render.hpp"

#include <algorithm>

namespace backplane::render {
namespace {

std::string how_text(const ExitRecord& exit) {
    std::string text = exit.fault ? shown(*exit.fault) : shown(exit.exit_class);
    if (exit.signal && (!exit.fault || !exit.fault->starts_with("signal("))) {
        text += ", signal " + std::to_string(*exit.signal);
    }
    if (exit.code && (!exit.fault || !exit.fault->starts_with("exit("))) {
        text += ", exit code " + std::to_string(*exit.code);
    }
    text += exit.core ? ", core dumped" : "";
    if (exit.root) {
        text += ", root " + exit.root->text() + (exit.root_fault ? " " + shown(*exit.root_fault) : "");
    }
    return text;
}

}  // namespace

std::string words_text(std::string_view words, std::size_t indent) {
    std::string text;
    while (!words.empty()) {
        const std::size_t end = std::min(words.find('\n'), words.size());
        text.append(indent, ' ').append("| ").append(shown(words.substr(0, end))).append("\n");
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return text;
}

std::string exits_text(const std::vector<ExitRecord>& exits, std::size_t at_most) {
    std::string text;
    for (std::size_t i = 0; i < std::min(exits.size(), at_most); ++i) {
        const ExitRecord& exit = exits[i];
        text += "  exit " + time_text(exit.time_us) + "  " + how_text(exit) + ", after " + span_text(exit.uptime_ms) +
                (exit.was_ready ? "" : ", before it was ready") + "\n";
        text += words_text(exit.last_words, 4);
    }
    return text;
}

std::string log_line_text(const LogLine& line) {
    return time_text(line.time_us) + " " + shown(line.stream) + (line.goes_on ? "> " : "| ") + shown(line.text) + "\n";
}

std::string log_page_notes(const LogPage& page, bool is_first) {
    std::string text;
    if (page.anew) {
        text += "(another daemon than before: what lies between is not known)\n";
    }
    if (page.missed != 0) {
        text += "(" + std::to_string(page.missed) + " lines were not kept until now)\n";
    }
    for (const auto& [stream, where] : {std::pair{"stdout", &page.stdout_to}, std::pair{"stderr", &page.stderr_to}}) {
        if (is_first && (*where == "inherit" || *where == "null" || *where == "file")) {
            text += std::string{"("} + stream + " is not kept: it is \"" + *where + "\")\n";
        }
    }
    if (is_first && page.dropped != 0) {
        text += "(" + std::to_string(page.dropped) + " bytes of it did not get to where they were to go)\n";
    }
    return text;
}

}  // namespace backplane::render
