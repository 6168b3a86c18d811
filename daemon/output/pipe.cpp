// SPDX-License-Identifier: Apache-2.0
/// tee(2) into a pipe of our own, and reading from that.
#include "daemon/output/pipe.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

namespace backplane::output {
namespace {

using process::Descriptor;

/// The number behind `flags:` in /proc/PID/fdinfo/N, octal; -1 where it cannot be read.
int open_flags(std::int32_t pid, int number) {
    const std::string path = "/proc/" + std::to_string(pid) + "/fdinfo/" + std::to_string(number);
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::array<char, 512> text{};
    const ssize_t size = file ? read(file.get(), text.data(), text.size()) : -1;
    const std::string_view all{text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    constexpr std::string_view key = "flags:\t";
    const std::size_t at = all.find(key);
    int flags = -1;
    if (at != std::string_view::npos) {
        std::from_chars(all.data() + at + key.size(), all.data() + all.size(), flags, 8);
    }
    return flags;
}

/// Whether it is where our own output goes: a pipe of somebody who reads us, and whom an inheriting worker shares with us.
bool is_our_own(const struct stat& about) {
    for (const int own : {STDOUT_FILENO, STDERR_FILENO}) {
        struct stat ours {};
        if (fstat(own, &ours) == 0 && ours.st_dev == about.st_dev && ours.st_ino == about.st_ino) {
            return true;
        }
    }
    return false;
}

}  // namespace

int make_pipe(PipeEnds& ends) {
    int both[2] = {-1, -1};
    if (pipe2(both, O_CLOEXEC) != 0) {
        return errno;
    }
    ends.reading.reset(both[0]);
    ends.worker.reset(both[1]);
    fcntl(ends.reading.get(), F_SETFL, O_NONBLOCK);
    const std::string path = "/proc/self/fd/" + std::to_string(ends.worker.get());
    // Where /proc is not there it has to do with an end for writing alone.
    if (Descriptor both_ways{open(path.c_str(), O_RDWR | O_CLOEXEC)}; both_ways) {
        ends.worker = std::move(both_ways);
    }
    return 0;
}

Descriptor find_pipe(std::int32_t pid, int number) {
    const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(number);
    struct stat about {};
    const int flags = open_flags(pid, number);
    // A pipe that is open both ways at this place was made by us; anybody else's is left alone.
    if (flags < 0 || (flags & O_ACCMODE) != O_RDWR || stat(path.c_str(), &about) != 0 || !S_ISFIFO(about.st_mode) || is_our_own(about)) {
        return {};
    }
    return Descriptor{open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
}

Looker::Looker() {
    int both[2] = {-1, -1};
    (void)!pipe2(both, O_CLOEXEC | O_NONBLOCK);
    reading_.reset(both[0]);
    writing_.reset(both[1]);
}

Looker::Seen Looker::look(int pipe, std::string& bytes) {
    bytes.clear();
    const ssize_t seen = tee(pipe, writing_.get(), look_bytes_max, SPLICE_F_NONBLOCK);
    if (seen <= 0) {
        return seen == 0 || (errno != EAGAIN && errno != EINTR) ? Seen::end : Seen::nothing;
    }
    bytes.resize(static_cast<std::size_t>(seen));
    std::size_t copied = 0;
    while (copied < bytes.size()) {
        const ssize_t part = read(reading_.get(), bytes.data() + copied, bytes.size() - copied);
        if (part <= 0 && errno != EINTR) {
            break;
        }
        copied += part > 0 ? static_cast<std::size_t>(part) : 0;
    }
    bytes.resize(copied);
    return Seen::something;
}

void Looker::take(int pipe, std::size_t bytes) {
    std::array<char, 16 * 1024> aside{};
    while (bytes > 0) {
        const ssize_t part = read(pipe, aside.data(), std::min(bytes, aside.size()));
        if (part <= 0) {
            return;  // somebody else has taken them, which only the worker itself could
        }
        bytes -= static_cast<std::size_t>(part);
    }
}

}  // namespace backplane::output
