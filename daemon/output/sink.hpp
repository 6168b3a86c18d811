// SPDX-License-Identifier: Apache-2.0
/// Where a worker's output goes in the end. Everything here may wait for a disk or a reader and runs on the writer's thread alone, but
/// for what says that it does not.
#pragma once

#include "daemon/process/descriptor.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace backplane::output {

/// What became of a piece of output.
struct Outcome {
    std::size_t dropped = 0;  ///< of its bytes
    int error_number = 0;     ///< why; 0: nothing was dropped
};

/// How long a sink that somebody must empty is waited for, before what does not fit is dropped.
inline constexpr int sink_patience_ms = 100;

class Sink {
  public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;
    /// Whole lines, mostly: one that is too long comes in pieces, and one that nobody ends comes as it is.
    [[nodiscard]] virtual Outcome write(std::string_view bytes) = 0;
};

/// A file that is put aside when it is full: FILE becomes FILE.1, that one FILE.2, and the last of them goes.
///
/// The folder is held open, and every name is looked up in it, so that nobody can lead us elsewhere by exchanging a folder on the way.
/// The file itself must be a regular one of ours with one name: where others may write in the folder, what they lay there (a link, a
/// pipe, somebody's file under another name) is refused and never followed.
class RotatedFile final : public Sink {
  public:
    RotatedFile(std::string path, std::uint64_t max_bytes, std::uint32_t keep);
    /// Opens the file, on any thread, before it is first written to. Answers 0 or errno: ELOOP a link, EEXIST no regular file,
    /// EMLINK one with several names, EPERM somebody else's.
    [[nodiscard]] int open();
    [[nodiscard]] Outcome write(std::string_view bytes) override;
    /// The bounds hold from the next line on. Any thread.
    void set_bounds(std::uint64_t max_bytes, std::uint32_t keep);

  private:
    [[nodiscard]] int open_file();
    [[nodiscard]] int put_aside();
    [[nodiscard]] std::size_t append(std::string_view bytes, int& error_number);

    std::string folder_, name_;
    std::atomic<std::uint64_t> max_bytes_;
    std::atomic<std::uint32_t> keep_;
    process::Descriptor folder_fd_, file_;
    std::uint64_t size_ = 0;
    bool is_torn_ = false;  ///< the last line in the file is not whole, because the rest of it was dropped
};

/// Where the daemon's own stdout or stderr goes. Nobody who does not read there holds others up: after a short patience it is given up
/// for a while, and what comes meanwhile is dropped.
class Relay final : public Sink {
  public:
    /// Borrowed.
    explicit Relay(int fd) : fd_(fd) {}
    [[nodiscard]] Outcome write(std::string_view bytes) override;

  private:
    [[nodiscard]] bool has_room();

    int fd_;
    std::chrono::steady_clock::time_point again_{};
};

/// The machine's journal: one record for each line, with the child's name beside it.
class JournalSink final : public Sink {
  public:
    static constexpr const char* socket_path = "/run/systemd/journal/socket";
    /// `identifier`: what journalctl shows in front of the line (SYSLOG_IDENTIFIER); `child`: its whole path.
    JournalSink(std::string identifier, std::string child, std::string_view which, std::int32_t pid, std::string path = socket_path);
    [[nodiscard]] Outcome write(std::string_view bytes) override;
    /// One line as a record: fields with their lengths, so that no byte of it can begin another field. `<3>` in front is its priority.
    [[nodiscard]] std::string record(std::string_view line) const;

  private:
    [[nodiscard]] int connect_anew();
    [[nodiscard]] int send(const std::string& record);

    std::string path_, fields_;
    process::Descriptor socket_;
};

}  // namespace backplane::output
