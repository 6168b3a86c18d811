// SPDX-License-Identifier: Apache-2.0
/// Records for systemd-journald in its own form: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
#include "daemon/output/sink.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace backplane::output {
namespace {

/// NAME, a newline, the length in eight bytes from the least on, the text, a newline: any byte may stand in the text.
void append_field(std::string& to, std::string_view name, std::string_view text) {
    to.append(name).push_back('\n');
    for (unsigned shift = 0; shift < 64; shift += 8) {
        to.push_back(static_cast<char>(static_cast<std::uint64_t>(text.size()) >> shift & 0xffU));
    }
    to.append(text).push_back('\n');
}

constexpr std::string_view default_priority = "6";  // informational, as systemd takes what a service writes

}  // namespace

JournalSink::JournalSink(std::string identifier, std::string child, std::string_view which, std::int32_t pid, std::string path)
    : path_(std::move(path)) {
    append_field(fields_, "SYSLOG_IDENTIFIER", identifier);
    append_field(fields_, "BACKPLANE_CHILD", child);
    append_field(fields_, "BACKPLANE_STREAM", which);
    append_field(fields_, "SYSLOG_PID", std::to_string(pid));
    append_field(fields_, "OBJECT_PID", std::to_string(pid));  // where we may say so, the journal looks it up
}

std::string JournalSink::record(std::string_view line) const {
    std::string_view priority = default_priority;
    if (line.size() >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {  // sd-daemon(3)
        priority = line.substr(1, 1);
        line.remove_prefix(3);
    }
    std::string record = fields_;
    append_field(record, "PRIORITY", priority);
    append_field(record, "MESSAGE", line);
    return record;
}

int JournalSink::connect_anew() {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path_.data(), std::min(path_.size(), sizeof to.sun_path - 1));
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool is_there = socket_ && ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    const int wrong = is_there ? 0 : errno;
    if (!is_there) {
        socket_.reset();
    }
    return wrong;
}

/// A journal that was started anew has another socket, and one that is busy gets a moment.
int JournalSink::send(const std::string& record) {
    const bool was_there = static_cast<bool>(socket_);
    if (const int wrong = was_there ? 0 : connect_anew(); wrong != 0) {
        return wrong;
    }
    for (bool again = true;; again = false) {
        if (::send(socket_.get(), record.data(), record.size(), MSG_NOSIGNAL) >= 0) {
            return 0;
        }
        const int wrong = errno;
        pollfd room{socket_.get(), POLLOUT, 0};
        const bool is_full = wrong == EAGAIN || wrong == EINTR;
        const bool may_help = is_full ? poll(&room, 1, sink_patience_ms) == 1 : was_there && connect_anew() == 0;
        if (!again || !may_help) {
            return wrong;
        }
    }
}

Outcome JournalSink::write(std::string_view bytes) {
    Outcome outcome;
    while (!bytes.empty()) {
        const std::size_t newline = std::min(bytes.find('\n'), bytes.size());
        if (newline != 0) {  // the journal has no empty messages
            if (outcome.error_number = send(record(bytes.substr(0, newline))); outcome.error_number != 0) {
                break;
            }
        }
        bytes.remove_prefix(std::min(newline + 1, bytes.size()));
    }
    outcome.dropped = bytes.size();
    return outcome;
}

}  // namespace backplane::output
