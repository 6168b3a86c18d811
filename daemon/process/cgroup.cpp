// SPDX-License-Identifier: Apache-2.0
/// The files of cgroup v2, by their documented names (the kernel's Documentation/admin-guide/cgroup-v2.rst).
#include "daemon/process/cgroup.hpp"

#include "daemon/process/reap.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

namespace backplane::process {
namespace {

constexpr std::string_view own_leaf = "/backplaned.self";
constexpr std::string_view given_leaf = "/backplaned.main";
constexpr std::string_view worker_prefix = "worker-";
constexpr std::array<std::string_view, 3> controllers = {"memory", "pids", "cpu"};
/// A fork bomb forks between the reading of the list and the signals; so many rounds are tried without cgroup.kill.
constexpr int kill_rounds_max = 50;

std::string text_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<std::int32_t> pids_in(const std::string& path) {
    std::istringstream list{text_of(path + "/cgroup.procs")};
    return {std::istream_iterator<std::int32_t>{list}, {}};
}

/// The descriptor first and then the list once more: so a number that changed hands in between is not signalled.
void kill_listed(const std::string& path) {
    std::vector<std::pair<std::int32_t, Descriptor>> seen;
    for (const std::int32_t pid : pids_in(path)) {
        seen.emplace_back(pid, pid > 1 ? open_pidfd(pid) : Descriptor{});
    }
    const std::vector<std::int32_t> still = pids_in(path);
    for (const auto& [pid, pidfd] : seen) {
        if (pidfd && std::find(still.begin(), still.end(), pid) != still.end()) {
            (void)send_signal(pidfd.get(), SIGKILL);
        }
    }
}

std::string_view next_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

/// The kernel writes space, tab, newline and backslash in mountinfo as three octal digits.
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned code = 0;
        if (text[at] == '\\' && at + 3 < text.size() && std::from_chars(&text[at + 1], &text[at + 1] + 3, code, 8).ec == std::errc{}) {
            plain.push_back(static_cast<char>(code));
            at += 3;
        } else {
            plain.push_back(text[at]);
        }
    }
    return plain;
}

bool is_below(std::string_view path, std::string_view root) {
    return root == "/" || (path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/'));
}

/// Removes what is empty, children first.
bool remove_tree(const std::string& path) {
    std::error_code wrong;
    for (std::filesystem::directory_iterator entry{path, wrong}, end; !wrong && entry != end; entry.increment(wrong)) {
        if (entry->is_directory(wrong)) {
            remove_tree(entry->path());
        }
    }
    return rmdir(path.c_str()) == 0 || errno == ENOENT;
}

std::optional<ControlGroups::Name> read_name(std::string_view text) {
    ControlGroups::Name name;
    if (!text.starts_with(worker_prefix)) {
        return std::nullopt;
    }
    const char* const end = text.data() + text.size();
    const auto [dash, wrong] = std::from_chars(text.data() + worker_prefix.size(), end, name.child);
    if (wrong != std::errc{} || dash == end || *dash != '-') {
        return std::nullopt;
    }
    const auto [rest, bad] = std::from_chars(dash + 1, end, name.generation);
    return bad == std::errc{} && rest == end ? std::optional{name} : std::nullopt;
}

}  // namespace

ControlPlace parse_control_place(std::string_view mounts, std::string_view own) {
    ControlPlace place;
    std::string path;
    while (!own.empty()) {
        const std::string_view line = next_line(own);
        if (line.starts_with("0::/")) {
            path = line.substr(3);
        }
    }
    while (!mounts.empty() && !path.empty()) {
        const std::string line{next_line(mounts)};
        const std::size_t dash = line.find(" - ");
        if (dash == std::string::npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) {
            continue;
        }
        std::istringstream fields{line};
        std::string skipped;
        std::string root;
        std::string mount;
        fields >> skipped >> skipped >> skipped >> root >> mount;
        if (is_below(path, unescaped(root))) {
            const std::string below = root == "/" ? path : path.substr(unescaped(root).size());
            return {unescaped(mount), below.empty() ? "/" : below};
        }
    }
    return place;
}

ControlPlace find_control_place() { return parse_control_place(text_of("/proc/self/mountinfo"), text_of("/proc/self/cgroup")); }

// ---- taking and giving back ----------------------------------------------------------------------------------------------

bool ControlGroups::refuse(std::string why) {
    why_not_ = std::move(why);
    return false;
}

bool ControlGroups::is_ours_alone(const std::string& base, std::int32_t keeper) {
    if (access((base + "/cgroup.events").c_str(), F_OK) != 0) {
        return refuse("the daemon is in the root cgroup, which is nobody's");
    }
    if (text_of(base + "/cgroup.type") != "domain\n") {
        return refuse(base + " is no ordinary cgroup (cgroup.type)");
    }
    if (access(base.c_str(), W_OK) != 0 || access((base + "/cgroup.procs").c_str(), W_OK) != 0) {
        return refuse(base + " is not delegated: " + std::strerror(errno));
    }
    for (const std::int32_t pid : pids_in(base)) {
        if (pid != getpid() && pid != keeper) {
            return refuse(base + " is not the daemon's alone: process " + std::to_string(pid) + " is in it");
        }
    }
    return true;
}

bool ControlGroups::open(const ControlPlace& place, std::int32_t keeper, bool is_managed) {
    if (place.mount.empty()) {
        return refuse("there is no cgroup v2");
    }
    std::string base = place.own == "/" ? place.mount : place.mount + place.own;
    const bool is_given = base.ends_with(given_leaf);
    if (is_given || base.ends_with(own_leaf)) {  // we were born in the leaf: so it was wanted, or a daemon before this one has moved
        base.resize(base.rfind('/'));
    }
    if (!is_ours_alone(base, keeper)) {
        return false;
    }
    const std::string leaf = base.append(is_given ? given_leaf : own_leaf);
    base.resize(base.rfind('/'));
    if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) {
        return refuse(leaf + ": " + std::strerror(errno));
    }
    for (const std::int32_t pid : {keeper, static_cast<std::int32_t>(getpid())}) {
        if (const int wrong = pid == 0 ? 0 : write(leaf + "/cgroup.procs", std::to_string(pid)); wrong != 0) {
            return refuse(leaf + ": " + std::strerror(wrong));
        }
    }
    base_ = std::move(base);
    leaf_ = leaf;
    has_values_ = is_given || !is_managed;
    why_not_.clear();
    return true;
}

void ControlGroups::close(std::int32_t keeper) {
    if (!is_open()) {
        return;
    }
    for (const Name& name : all()) {
        (void)remove(name.child, name.generation);
    }
    for (const std::string_view controller : controllers) {
        (void)write(base_ + "/cgroup.subtree_control", "-" + std::string{controller});
    }
    for (const std::int32_t pid : {keeper, static_cast<std::int32_t>(getpid())}) {
        (void)(pid == 0 ? 0 : write(base_ + "/cgroup.procs", std::to_string(pid)));
    }
    rmdir(leaf_.c_str());
    base_.clear();
    why_not_ = "given back";
}

int ControlGroups::enable(std::string_view controller) const {
    std::istringstream there{text_of(base_ + "/cgroup.controllers")};
    for (std::string name; there >> name;) {
        if (name == controller) {
            return write(base_ + "/cgroup.subtree_control", "+" + name);
        }
    }
    return ENOENT;
}

// ---- one worker's --------------------------------------------------------------------------------------------------------

std::string ControlGroups::path_of(core::ChildIndex child, std::uint32_t generation) const {
    return base_ + "/" + std::string{worker_prefix} + std::to_string(child) + "-" + std::to_string(generation);
}

int ControlGroups::set(const std::string& path, const core::ControlSpec& values) const {
    constexpr std::array<const char*, controllers.size()> files{"/memory.max", "/pids.max", "/cpu.weight"};
    const std::array<std::uint64_t, controllers.size()> wanted{values.memory_max, values.pids_max, values.cpu_weight};
    for (std::size_t i = 0; i < controllers.size(); ++i) {
        if (wanted[i] == 0) {
            continue;
        }
        int wrong = has_values_ ? enable(controllers[i]) : EOPNOTSUPP;
        if (wrong == 0) {
            wrong = write(path + files[i], std::to_string(wanted[i]));
        }
        if (wrong != 0) {
            return wrong;
        }
    }
    return 0;
}

int ControlGroups::make(core::ChildIndex child, std::uint32_t generation, const core::ControlSpec& values) {
    const std::string path = path_of(child, generation);
    if (exists(child, generation) && !remove(child, generation)) {
        kill_all(child, generation);
        return EBUSY;
    }
    if (mkdir(path.c_str(), 0755) != 0) {
        return errno;
    }
    const int wrong = set(path, values);
    if (wrong != 0) {
        rmdir(path.c_str());
    }
    return wrong;
}

Descriptor ControlGroups::directory(core::ChildIndex child, std::uint32_t generation) const {
    return Descriptor{is_open() ? ::open(path_of(child, generation).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1};
}

bool ControlGroups::exists(core::ChildIndex child, std::uint32_t generation) const {
    return is_open() && access(path_of(child, generation).c_str(), F_OK) == 0;
}

int ControlGroups::kill_all(core::ChildIndex child, std::uint32_t generation) const {
    if (!exists(child, generation)) {
        return ESRCH;
    }
    const std::string path = path_of(child, generation);
    if (write(path + "/cgroup.kill", "1") == 0) {
        return 0;
    }
    // Before Linux 5.14. Who is forked meanwhile is met in the next round.
    for (int round = 0; round < kill_rounds_max && !is_empty(child, generation); ++round) {
        kill_listed(path);
    }
    return 0;
}

bool ControlGroups::is_empty(core::ChildIndex child, std::uint32_t generation) const {
    if (!exists(child, generation)) {
        return true;
    }
    const std::string events = text_of(path_of(child, generation) + "/cgroup.events");
    return events.find("populated 1") == std::string::npos;
}

bool ControlGroups::remove(core::ChildIndex child, std::uint32_t generation) {
    return !exists(child, generation) || (is_empty(child, generation) && remove_tree(path_of(child, generation)));
}

std::vector<ControlGroups::Name> ControlGroups::all() const {
    std::vector<Name> names;
    std::error_code wrong;
    if (!is_open()) {
        return names;
    }
    for (std::filesystem::directory_iterator entry{base_, wrong}, end; !wrong && entry != end; entry.increment(wrong)) {
        if (const auto name = read_name(entry->path().filename().string())) {
            names.push_back(*name);
        }
    }
    return names;
}

int ControlGroups::write(const std::string& path, std::string_view text) const {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file) {
        return errno;
    }
    return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

}  // namespace backplane::process
