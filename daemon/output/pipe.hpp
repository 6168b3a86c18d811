// SPDX-License-Identifier: Apache-2.0
/// The pipe of one output. Its bytes are looked at where they are and taken out only when they have reached where they go: a daemon that
/// is killed in between leaves them to the next one, which the keeper gives the same reading end.
///
/// The worker's end is open for reading too (like a terminal's): so a pipe without a daemon is a full pipe at worst, and never a broken
/// one, whose SIGPIPE would kill the worker for a trouble of ours.
#pragma once

#include "daemon/process/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace backplane::output {

/// What one look shows at most; the size of a pipe unless somebody has changed it.
inline constexpr std::size_t look_bytes_max = 64 * 1024;

struct PipeEnds {
    process::Descriptor reading;  ///< non-blocking
    process::Descriptor worker;   ///< to become its stdout or stderr
};
/// Answers 0 or errno.
[[nodiscard]] int make_pipe(PipeEnds& ends);

/// Opens the reading end of a pipe that is descriptor `number` of a process and was made by make_pipe, of which nobody kept an end.
/// Empty where it is anything else, or our own output, or that may not be done.
[[nodiscard]] process::Descriptor find_pipe(std::int32_t pid, int number);

/// Looks into pipes, by way of a pipe of its own.
class Looker {
  public:
    Looker();
    enum class Seen : std::uint8_t {
        something,
        nothing,  ///< for now
        end,      ///< and nobody is left who could write
    };
    /// The pipe's first bytes, at most look_bytes_max, in place of what `bytes` held. They stay in the pipe.
    [[nodiscard]] Seen look(int pipe, std::string& bytes);
    /// Takes so many out.
    void take(int pipe, std::size_t bytes);

  private:
    process::Descriptor reading_, writing_;
};

}  // namespace backplane::output
