// SPDX-License-Identifier: Apache-2.0
/// A folder of a test's own, and what lies in its files.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace backplane::output::testing {

class OutputTest : public ::testing::Test {
  protected:
    OutputTest() {
        std::string pattern = std::filesystem::temp_directory_path() / "backplane-output-XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    ~OutputTest() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::ifstream file{path(name), std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }

    std::string folder_;
};

}  // namespace backplane::output::testing
