// SPDX-License-Identifier: Apache-2.0
/// /proc/PID/stat, whose second field may hold anything: what is read begins behind its last parenthesis.
#include "daemon/process/identity.hpp"

#include "daemon/process/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

namespace backplane::process {
namespace {

/// Fields behind the command's name, counted from 0: state, ppid, pgrp, session … starttime.
constexpr std::size_t field_state = 0;
constexpr std::size_t field_parent = 1;
constexpr std::size_t field_group = 2;
constexpr std::size_t field_session = 3;
constexpr std::size_t field_start = 19;
constexpr std::size_t field_memory = 20;

/// More than the kernel lets an environment be by default.
constexpr std::size_t environment_bytes_max = 4U << 20;

std::string_view field(std::string_view text, std::size_t number) {
    for (; number > 0 && !text.empty(); --number) {
        const std::size_t space = text.find(' ');
        text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    }
    return text.substr(0, text.find(' '));
}

template <class Number>
Number number(std::string_view text) {
    Number value{};
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

ProcessFacts facts_of(std::int32_t pid) {
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const Descriptor file{open(path.data(), O_RDONLY | O_CLOEXEC)};
    std::array<char, 1024> buffer{};
    const ssize_t bytes = file ? read(file.get(), buffer.data(), buffer.size()) : -1;
    ProcessFacts facts;
    if (bytes <= 0) {
        return facts;
    }
    struct stat info {};
    facts.uid = fstat(file.get(), &info) == 0 ? info.st_uid : 0;
    std::string_view text{buffer.data(), static_cast<std::size_t>(bytes)};
    const std::size_t end_of_name = text.rfind(") ");
    if (end_of_name == std::string_view::npos) {
        return facts;
    }
    text.remove_prefix(end_of_name + 2);
    facts.is_dead = field(text, field_state) == "Z" || field(text, field_state) == "X";
    facts.parent = number<std::int32_t>(field(text, field_parent));
    facts.group = number<std::int32_t>(field(text, field_group));
    facts.session = number<std::int32_t>(field(text, field_session));
    facts.started_at = number<std::uint64_t>(field(text, field_start));
    facts.is_ending = facts.is_dead || field(text, field_memory) == "0";
    return facts;
}

bool environment_holds(std::int32_t pid, std::string_view text) {
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/environ", pid);
    const Descriptor file{open(path.data(), O_RDONLY | O_CLOEXEC)};
    std::string whole;
    std::array<char, 4096> part{};
    while (file && whole.size() < environment_bytes_max) {
        const ssize_t bytes = read(file.get(), part.data(), part.size());
        if (bytes <= 0) {
            break;
        }
        whole.append(part.data(), static_cast<std::size_t>(bytes));
    }
    return !text.empty() && whole.find(text) != std::string::npos;
}

}  // namespace backplane::process
