// SPDX-License-Identifier: Apache-2.0
/// The file that is put aside when it is full (sink.hpp).
#include "daemon/output/sink.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace backplane::output {
namespace {

constexpr mode_t file_mode = 0640;

/// How much of `bytes` fits into `room`, as whole lines; nothing where not even the first one does.
std::size_t whole_lines(std::string_view bytes, std::uint64_t room) {
    if (bytes.size() <= room) {
        return bytes.size();
    }
    const std::size_t newline = bytes.substr(0, static_cast<std::size_t>(room)).rfind('\n');
    return newline == std::string_view::npos ? 0 : newline + 1;
}

}  // namespace

RotatedFile::RotatedFile(std::string path, std::uint64_t max_bytes, std::uint32_t keep) : max_bytes_(max_bytes), keep_(keep) {
    const std::size_t slash = path.rfind('/');
    folder_ = slash == 0 ? "/" : path.substr(0, slash);
    name_ = path.substr(slash + 1);
}

void RotatedFile::set_bounds(std::uint64_t max_bytes, std::uint32_t keep) {
    max_bytes_ = max_bytes;
    keep_ = keep;
}

int RotatedFile::open() {
    if (!folder_fd_) {
        folder_fd_.reset(::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    return folder_fd_ ? open_file() : errno;
}

int RotatedFile::open_file() {
    // Not waiting is for whoever has put a pipe there.
    constexpr int how = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    process::Descriptor file{openat(folder_fd_.get(), name_.c_str(), how, file_mode)};
    struct stat about {};
    if (!file || fstat(file.get(), &about) != 0) {
        return errno;
    }
    if (!S_ISREG(about.st_mode)) {
        return EEXIST;
    }
    if (about.st_nlink != 1) {
        return EMLINK;
    }
    if (about.st_uid != geteuid()) {
        return EPERM;
    }
    size_ = static_cast<std::uint64_t>(about.st_size);
    file_ = std::move(file);
    return 0;
}

/// From the oldest down, so that nothing is lost where it is broken off. What is not there is no trouble.
int RotatedFile::put_aside() {
    const auto aside = [this](std::uint32_t number) { return number == 0 ? name_ : name_ + "." + std::to_string(number); };
    const std::uint32_t keep = keep_;
    if (keep == 0 && unlinkat(folder_fd_.get(), name_.c_str(), 0) != 0 && errno != ENOENT) {
        return errno;
    }
    for (std::uint32_t number = keep; number > 0; --number) {
        const bool is_moved =
            renameat(folder_fd_.get(), aside(number - 1).c_str(), folder_fd_.get(), aside(number).c_str()) == 0 || errno == ENOENT;
        if (!is_moved) {
            return errno;
        }
    }
    // A new one that cannot be made is tried for again with the next line: what was put aside is not put aside twice.
    is_torn_ = false;
    file_.reset();
    return open_file();
}

/// Answers how much went, and errno where that is not all.
std::size_t RotatedFile::append(std::string_view bytes, int& error_number) {
    std::size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t went = ::write(file_.get(), bytes.data() + written, bytes.size() - written);
        if (went < 0 && errno == EINTR) {
            continue;
        }
        if (went <= 0) {
            error_number = went < 0 ? errno : EIO;
            break;
        }
        written += static_cast<std::size_t>(went);
    }
    size_ += written;
    return written;
}

Outcome RotatedFile::write(std::string_view bytes) {
    Outcome outcome;
    while (!bytes.empty()) {
        if (outcome.error_number = file_ ? 0 : open(); outcome.error_number != 0) {
            break;
        }
        if (is_torn_ && append("\n", outcome.error_number) == 0) {
            break;
        }
        is_torn_ = false;
        const std::uint64_t max_bytes = max_bytes_;
        const std::uint64_t room = size_ < max_bytes ? max_bytes - size_ : 0;
        std::size_t part = whole_lines(bytes, room);
        if (part == 0 && size_ != 0) {
            if (outcome.error_number = put_aside(); outcome.error_number != 0) {
                break;
            }
            continue;
        }
        part = part == 0 ? static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), max_bytes)) : part;  // longer than a whole file
        const std::size_t written = append(bytes.substr(0, part), outcome.error_number);
        is_torn_ = written < part && written != 0 && bytes[written - 1] != '\n';
        bytes.remove_prefix(written);
        if (outcome.error_number != 0) {
            break;
        }
    }
    outcome.dropped = bytes.size();
    return outcome;
}

}  // namespace backplane::output
