// SPDX-License-Identifier: Apache-2.0
/// See new_child.hpp.
#include "client/ctl/new_child.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

namespace backplane::ctl {

namespace {

/// The daemon takes no longer frame; what is longer is not a child.
constexpr std::size_t spec_bytes_max = 512 * 1024;

Expected<std::string> read_all(std::istream& in, const std::string& name) {
    std::string text;
    std::array<char, 4096> part{};
    while (in.read(part.data(), part.size()) || in.gcount() > 0) {
        text.append(part.data(), static_cast<std::size_t>(in.gcount()));
        if (text.size() > spec_bytes_max) {
            return unexpected(ErrorCode::usage, name + ": longer than a child can be");
        }
    }
    return text;
}

Expected<std::string> read_spec(const std::string& file) {
    if (file == "-") {
        return read_all(std::cin, "stdin");
    }
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        return unexpected(ErrorCode::system, file + ": " + std::strerror(errno));
    }
    return read_all(in, file);
}

Expected<std::vector<std::string>> read_arguments(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_array()) {
        return unexpected(ErrorCode::usage, "--args: expected a JSON array of strings, got " + text);
    }
    std::vector<std::string> arguments;
    for (const auto& item : json) {
        if (!item.is_string()) {
            return unexpected(ErrorCode::usage, "--args: expected a JSON array of strings, got " + text);
        }
        arguments.push_back(item.get<std::string>());
    }
    return arguments;
}

}  // namespace

Expected<NewChild> read_new_child(const Arguments& arguments) {
    NewChild child;
    child.key = arguments.key;
    if (!arguments.spec_file.empty()) {
        auto spec = read_spec(arguments.spec_file);
        if (!spec) {
            return unexpected(spec.error());
        }
        child.spec = std::move(*spec);
    } else if (!arguments.spec_args.empty()) {
        auto words = read_arguments(arguments.spec_args);
        if (!words) {
            return unexpected(words.error());
        }
        child.arguments = std::move(*words);
    }
    return child;
}

}  // namespace backplane::ctl
