// SPDX-License-Identifier: Apache-2.0
/// Reads the main file and what lies in conf.d.
#include "daemon/shell/config_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace backplane::shell {
namespace {

/// A configuration is written by people; what is larger is not one.
constexpr std::size_t config_bytes_max = 16 * 1024 * 1024;

Unexpected cannot_read(const std::string& path, const std::string& why) {
    return unexpected(ErrorCode::config_invalid, "cannot read " + path + ": " + why);
}

Expected<config::SourceFile> read_file(const std::string& path, std::size_t bytes_left) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "re"), &std::fclose};
    if (!file) {
        return cannot_read(path, std::strerror(errno));
    }
    config::SourceFile read{path, {}};
    std::array<char, 64 * 1024> part{};
    while (const std::size_t bytes = std::fread(part.data(), 1, part.size(), file.get())) {
        read.text.append(part.data(), bytes);
        if (read.text.size() > bytes_left) {
            return unexpected(
                ErrorCode::config_invalid,
                path + (bytes_left == config_bytes_max ? " is larger than 16 MiB" : " and the files before it have more than 16 MiB"));
        }
    }
    if (std::ferror(file.get()) != 0) {
        return cannot_read(path, std::strerror(errno));
    }
    return read;
}

/// Editors and package managers leave other things there.
bool is_part(const std::filesystem::directory_entry& entry) {
    std::error_code ignored;
    const std::string name = entry.path().filename().string();
    return !name.starts_with('.') && name.ends_with(".json") && entry.is_regular_file(ignored);
}

/// In the order of their names' bytes.
Expected<std::vector<std::string>> list_parts(const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path{path}.parent_path() / "conf.d";
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at{folder, error}; !error && at != std::filesystem::directory_iterator{};
         at.increment(error)) {
        if (is_part(*at)) {
            names.push_back(at->path().string());
        }
    }
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
        return cannot_read(folder.string(), error.message());
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

Expected<std::vector<config::SourceFile>> read_config_files(const std::string& path) {
    Expected<std::vector<std::string>> parts = list_parts(path);
    if (!parts) {
        return unexpected(parts.error());
    }
    std::vector<std::string> names = std::move(*parts);
    names.insert(names.begin(), path);
    std::vector<config::SourceFile> files;
    std::size_t bytes_left = config_bytes_max;
    for (const std::string& name : names) {
        Expected<config::SourceFile> file = read_file(name, bytes_left);
        if (!file) {
            return unexpected(file.error());
        }
        bytes_left -= file->text.size();
        files.push_back(std::move(*file));
    }
    return files;
}

}  // namespace backplane::shell
