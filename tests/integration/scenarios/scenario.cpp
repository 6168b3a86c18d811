// SPDX-License-Identifier: Apache-2.0
/// See scenario.hpp.
#include "tests/integration/scenarios/scenario.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace backplane::integration::scenarios {
namespace {

class Reader {
  public:
    Reader(std::vector<Scenario>& out, std::vector<std::string>& wrong) : out_(out), wrong_(wrong) {}

    void read(const std::filesystem::path& path) {
        path_ = path.string();
        suite_ = path.stem().string();
        number_ = 0;
        inside_ = false;
        std::ifstream file{path};
        for (std::string line; std::getline(file, line);) {
            ++number_;
            if (!line.empty()) {
                take(line);
            }
        }
        finish();
    }

  private:
    void take(const std::string& line) {
        if (line.starts_with("scenario ")) {
            begin(line.substr(9));
        } else if (!inside_) {
            complain(line.front() != '#', "stands before the first scenario");
        } else if (line.front() == '#') {
            head(line);
        } else if (line.front() == ' ') {
            inner(line.substr(line.find_first_not_of(' ')));
        } else if (is_tree(line)) {
            complain(!scenario().steps.empty(), "a line of the tree behind the first step");
            scenario().tree.push_back({number_, line});
        } else {
            scenario().steps.push_back({{number_, line}, {}, {}, {}});
        }
    }

    void begin(const std::string& name) {
        finish();
        static const std::regex form{"[a-z][a-z0-9_]*"};
        complain(!std::regex_match(name, form), "a name has small letters, digits and _ only");
        complain(!names_.insert(name).second, "this name was given before");
        out_.push_back({path_, number_, suite_, name, {}, {}, {}});
        inside_ = true;
        has_rules_ = false;
    }

    /// The first comment of a scenario names its rules.
    void head(const std::string& line) {
        static const std::string one = R"(([A-Z]-\d+a?|8\.\d+|12[a-n]|otp [a-z0-9_]+))";
        static const std::regex rules{"# " + one + "(, " + one + ")*: .+"};
        complain(!has_rules_ && !std::regex_match(line, rules), "should be `# RULE, ..., otp CASE: text`");
        has_rules_ = true;
        scenario().head.push_back({number_, line});
    }

    void inner(const std::string& text) {
        if (scenario().steps.empty()) {
            complain(true, "stands under no step");
            return;
        }
        Step& step = scenario().steps.back();
        const Line line{number_, text};
        if (text.starts_with("* ") || text.starts_with("~ ")) {
            step.events.push_back(line);
        } else if (text.starts_with("answer")) {
            step.answers.push_back(line);
        } else {
            step.body.push_back(line);
        }
    }

    void finish() {
        if (inside_) {
            complain(!has_rules_, "the scenario above names no rule");
            const auto& steps = scenario().steps;
            complain(steps.empty() || (steps.back().line.text != "show" && !steps.back().line.text.starts_with("end") &&
                                       !steps.back().line.text.starts_with("check")),
                     "the scenario above does not end with show, end or check");
        }
        inside_ = false;
    }

    static bool is_tree(const std::string& line) {
        const std::string word = split(line)[0];
        return word == "sup" || word == "child" || word == "template" || word == "raw" || word == "settings";
    }

    void complain(bool is_wrong, const std::string& what) {
        if (is_wrong) {
            wrong_.push_back(path_ + ":" + std::to_string(number_) + ": " + what);
        }
    }

    Scenario& scenario() { return out_.back(); }

    std::vector<Scenario>& out_;
    std::vector<std::string>& wrong_;
    std::set<std::string> names_;
    std::string path_;
    std::string suite_;
    int number_ = 0;
    bool inside_ = false;
    bool has_rules_ = false;
};

}  // namespace

Words split(const std::string& line) {
    Words words;
    std::istringstream all{line};
    for (std::string word; all >> word;) {
        words.push_back(word);
    }
    return words;
}

std::string joined(const Words& words, std::size_t first) {
    std::string out;
    for (std::size_t i = first; i < words.size(); ++i) {
        out += (out.empty() ? "" : " ") + words[i];
    }
    return out;
}

std::vector<Scenario> read_scenarios(const std::string& folder, std::vector<std::string>& wrong) {
    std::vector<Scenario> out;
    std::vector<std::filesystem::path> paths;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator{folder, failed}) {
        if (entry.path().extension() == ".txt") {
            paths.push_back(entry.path());
        }
    }
    if (failed || paths.empty()) {
        wrong.push_back(folder + ": holds no scenarios");
    }
    std::sort(paths.begin(), paths.end());
    Reader reader{out, wrong};
    for (const auto& path : paths) {
        reader.read(path);
    }
    return out;
}

}  // namespace backplane::integration::scenarios
