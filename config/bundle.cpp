// SPDX-License-Identifier: Apache-2.0
/// Files to one text and back.
#include "config/bundle.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

namespace backplane::config {
namespace {

constexpr std::string_view opening{"\0backplane-files 1\n", 19};

/// A number of bytes that are left, and the character behind it; both are taken.
std::optional<std::size_t> take_count(std::string_view& rest, char end) {
    std::size_t count = 0;
    const auto [behind, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    const auto digits = static_cast<std::size_t>(behind - rest.data());
    if (failure != std::errc{} || digits == rest.size() || *behind != end || count > rest.size()) {
        return std::nullopt;
    }
    rest.remove_prefix(digits + 1);
    return count;
}

/// Each count alone fits what was left when it was read, so their sum cannot overflow.
std::optional<SourceFile> take_file(std::string_view& rest) {
    const std::optional<std::size_t> name = take_count(rest, ' ');
    const std::optional<std::size_t> text = name ? take_count(rest, '\n') : std::nullopt;
    if (!text || *name + *text >= rest.size() || rest[*name + *text] != '\n') {
        return std::nullopt;
    }
    SourceFile file{std::string{rest.substr(0, *name)}, std::string{rest.substr(*name, *text)}};
    rest.remove_prefix(*name + *text + 1);
    return file;
}

}  // namespace

std::string pack_files(std::span<const SourceFile> files) {
    if (files.size() == 1 && !files.front().text.starts_with(opening)) {
        return files.front().text;
    }
    std::string packed{opening};
    for (const SourceFile& file : files) {
        packed.append(std::to_string(file.name.size())).append(" ").append(std::to_string(file.text.size())).append("\n");
        packed.append(file.name).append(file.text).append("\n");
    }
    return packed;
}

Expected<std::vector<SourceFile>> unpack_files(std::string_view packed, std::string_view name) {
    if (!packed.starts_with(opening)) {
        return std::vector<SourceFile>{{std::string{name}, std::string{packed}}};
    }
    std::vector<SourceFile> files;
    std::string_view rest = packed.substr(opening.size());
    do {
        std::optional<SourceFile> file = take_file(rest);
        if (!file) {
            return unexpected(ErrorCode::config_invalid, "the files of the configuration are not what was packed, from byte " +
                                                             std::to_string(packed.size() - rest.size()));
        }
        files.push_back(std::move(*file));
    } while (!rest.empty());
    return files;
}

}  // namespace backplane::config
