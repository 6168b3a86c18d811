// SPDX-License-Identifier: Apache-2.0
/// Scenario: a story of supervision as text, read from the files of `texts/`; its form is described in `texts/README.md`.
#pragma once

#include <string>
#include <vector>

namespace backplane::integration::scenarios {

using Words = std::vector<std::string>;

/// Words of a line, split at blanks.
[[nodiscard]] Words split(const std::string& line);
/// The words from `first` on with a blank between them.
[[nodiscard]] std::string joined(const Words& words, std::size_t first = 0);

struct Line {
    int number = 0;  ///< within its file, from 1
    std::string text;
};

/// What is done, and what must come of it.
struct Step {
    Line line;
    std::vector<Line> events;   ///< `* …` in this order, `~ …` beside one another
    std::vector<Line> answers;  ///< `answer …`
    std::vector<Line> body;     ///< rows of `show`, the tree of `reload`
};

struct Scenario {
    std::string file;
    int line = 0;
    std::string suite;       ///< the file's name without its ending
    std::string name;        ///< unique in all files
    std::vector<Line> head;  ///< comments: the rules, and what it shows
    std::vector<Line> tree;
    std::vector<Step> steps;
};

/// All scenarios of a folder's files in the order of their names and lines. What is wrong with a file's form is told in `wrong`, a
/// line each.
[[nodiscard]] std::vector<Scenario> read_scenarios(const std::string& folder, std::vector<std::string>& wrong);

}  // namespace backplane::integration::scenarios
