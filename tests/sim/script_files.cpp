// SPDX-License-Identifier: Apache-2.0
/// Script files: read, run, compared or written again.
#include "tests/sim/script.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace backplane::sim {

namespace {

Words read_lines(const std::filesystem::path& path) {
    Words lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// The script with what came of each of its lines in the place of what was written.
Words run_file(const Words& lines) {
    Script script;
    Words out;
    for (const std::string& line : lines) {
        if (line.starts_with("    ")) {
            continue;
        }
        out.push_back(line);
        if (line.empty() || line.starts_with("#")) {
            continue;
        }
        for (const std::string& said : script.run(line)) {
            out.push_back("    " + said);
        }
    }
    return out;
}

bool names_a_rule(const Words& lines) { return !lines.empty() && lines[0].starts_with("# ") && lines[0].find('-') != std::string::npos; }

void print_difference(const std::string& name, const Words& written, const Words& came) {
    std::size_t at = 0;
    while (at < written.size() && at < came.size() && written[at] == came[at]) {
        ++at;
    }
    std::printf("FAILED %s line %zu\n  written: %s\n  came:    %s\n", name.c_str(), at + 1,
                at < written.size() ? written[at].c_str() : "(end)", at < came.size() ? came[at].c_str() : "(end)");
}

}  // namespace

int run_scripts(const std::string& folder, bool rewrite) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".txt") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    int failed = 0;
    for (const std::filesystem::path& path : files) {
        const Words written = read_lines(path);
        const Words came = run_file(written);
        if (!names_a_rule(written)) {
            std::printf("FAILED %s: its first line names no rule\n", path.filename().c_str());
            ++failed;
        } else if (rewrite) {
            std::ofstream file(path);
            for (const std::string& line : came) {
                file << line << '\n';
            }
        } else if (came != written) {
            print_difference(path.filename(), written, came);
            ++failed;
        }
    }
    std::printf("%zu scripts, %d failed\ntally: %zu passed, %d failed, 0 skipped\n", files.size(), failed,
                files.size() - static_cast<std::size_t>(failed), failed);
    return failed == 0 && !files.empty() ? 0 : 1;
}

}  // namespace backplane::sim
