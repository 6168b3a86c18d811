// SPDX-License-Identifier: Apache-2.0
/// Where a journal lies (decision 26), and of which boot it is.
#include "daemon/journal/place.hpp"

#include "daemon/journal/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace backplane::journal {
namespace {

constexpr long tmpfs_type = 0x01021994;
constexpr long ramfs_type = 0x858458f6;

bool is_in_memory(const std::string& folder) {
    struct statfs info {};
    return statfs(folder.c_str(), &info) == 0 && (info.f_type == tmpfs_type || info.f_type == ramfs_type);
}

/// A folder that only we can write to, so that nobody puts a file of his in the journal's place.
bool is_private(const std::string& folder) {
    struct stat info {};
    return lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 022) == 0;
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

/// The folder as the kernel sees it, so that two ways to one socket lead to one journal.
std::string real_path(const std::string& socket) {
    std::array<char, PATH_MAX> resolved{};
    const std::size_t slash = socket.rfind('/');
    if (slash == std::string::npos || realpath(folder_of(socket).c_str(), resolved.data()) == nullptr) {
        return socket;
    }
    return std::string{resolved.data()} + socket.substr(slash);
}

std::string file_name(const std::string& socket) {
    const std::string real = real_path(socket);
    std::array<char, 40> name{};
    std::snprintf(name.data(), name.size(), "/journal-%016llx", static_cast<unsigned long long>(checksum(real.data(), real.size(), 0)));
    return name.data();
}

}  // namespace

std::string boot_id() {
    std::array<char, boot_id_bytes> text{};
    const int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = fd < 0 ? 0 : read(fd, text.data(), text.size() - 1);
    if (fd >= 0) {
        close(fd);
    }
    const std::string read_text{text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
    return read_text.substr(0, read_text.find('\n'));
}

Expected<std::string> Journal::choose_path(const std::string& socket, const std::string& runtime_directory) {
    // systemd's variable may name several folders; ours is the first.
    const std::string runtime = runtime_directory.substr(0, runtime_directory.find(':'));
    for (const std::string& folder : {runtime, folder_of(socket)}) {
        if (!folder.empty() && is_private(folder) && is_in_memory(folder)) {
            return folder + file_name(socket);
        }
    }
    const std::string shared = "/dev/shm/backplane-" + std::to_string(geteuid());
    if (mkdir(shared.c_str(), 0700) != 0 && errno != EEXIST) {
        return unexpected(ErrorCode::system, "no place for the journal: " + shared + ": " + std::strerror(errno));
    }
    if (!is_private(shared) || !is_in_memory(shared)) {
        return unexpected(ErrorCode::system, "no place for the journal: " + shared + " is not a private folder of ours on tmpfs");
    }
    return shared + file_name(socket);
}

}  // namespace backplane::journal
