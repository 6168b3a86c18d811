// SPDX-License-Identifier: Apache-2.0
/// The output of a program that prints a JSON value a line.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace backplane::integration {

/// Every line as JSON; throws what the parser throws where one is none.
inline std::vector<nlohmann::json> lines(const std::string& text) {
    std::vector<nlohmann::json> out;
    std::istringstream all{text};
    for (std::string line; std::getline(all, line);) {
        out.push_back(nlohmann::json::parse(line));
    }
    return out;
}

}  // namespace backplane::integration
