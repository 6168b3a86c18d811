// SPDX-License-Identifier: Apache-2.0
/// bp_scenarios: each scenario of a folder is a test case of GoogleTest, `FILE.SCENARIO`, so that one can be run alone.
///
///   bp_scenarios [--texts FOLDER] [--patience SECONDS] [--draft NAME]... [GoogleTest's options]
///
/// `--draft` plays a scenario, or all of a file, without expecting anything and prints it with what came, for a reader to judge by the
/// rules. `--patience`: a step that has not come to its end by then has failed.
#include "tests/integration/scenarios/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace backplane::integration::scenarios {
namespace {

class ScenarioTest : public testing::Test {
  public:
    explicit ScenarioTest(const Scenario& scenario) : scenario_(scenario) {}
    void TestBody() override {
        Stage stage{scenario_};
        stage.play();
    }

  private:
    const Scenario& scenario_;
};

int draft(const std::vector<Scenario>& all, const std::vector<std::string>& names) {
    for (const Scenario& scenario : all) {
        if (std::find(names.begin(), names.end(), scenario.name) != names.end() ||
            std::find(names.begin(), names.end(), scenario.suite) != names.end()) {
            Stage stage{scenario};
            stage.draft();
            std::cout << std::endl;
        }
    }
    return 0;
}

int run(int count, char** words) {
    testing::InitGoogleTest(&count, words);
    std::string folder = BP_SCENARIO_TEXTS;
    std::vector<std::string> drafts;
    for (int i = 1; i + 1 < count; i += 2) {
        if (std::string_view{words[i]} == "--texts") {
            folder = words[i + 1];
        } else if (std::string_view{words[i]} == "--draft") {
            drafts.emplace_back(words[i + 1]);
        } else if (std::string_view{words[i]} == "--patience") {
            patience = Duration::seconds(std::atoi(words[i + 1]));
        }
    }
    std::vector<std::string> wrong;
    static const std::vector<Scenario> all = read_scenarios(folder, wrong);
    for (const std::string& line : wrong) {
        std::cerr << line << "\n";
    }
    if (!wrong.empty()) {
        return 2;
    }
    if (!drafts.empty()) {
        return draft(all, drafts);
    }
    for (const Scenario& scenario : all) {
        testing::RegisterTest(scenario.suite.c_str(), scenario.name.c_str(), nullptr, nullptr, scenario.file.c_str(), scenario.line,
                              [&scenario]() -> ScenarioTest* { return new ScenarioTest{scenario}; });
    }
    return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace backplane::integration::scenarios

int main(int count, char** words) { return backplane::integration::scenarios::run(count, words); }
