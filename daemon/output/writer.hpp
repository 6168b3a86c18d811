// SPDX-License-Identifier: Apache-2.0
/// The one thread that waits for disks and readers, so that the loop does not. It owns nothing of the daemon's state: it takes a piece
/// of output with the sink to write it to, and hands back what became of it.
///
/// The loop bounds what it gives: it asks nobody for room here. The thread begins with the first piece.
#pragma once

#include "daemon/output/sink.hpp"
#include "daemon/process/descriptor.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace backplane::output {

/// A piece of output.
struct Piece {
    std::uint64_t token = 0;  ///< whose it is, for the one who gave it
    std::string bytes;
    std::shared_ptr<Sink> sink;
};

struct Written {
    std::uint64_t token = 0;
    std::size_t bytes = 0;  ///< all of the piece's
    Outcome outcome;
};

class Writer {
  public:
    Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    /// Leaves a thread that hangs in a write to itself: it keeps what it needs alive.
    ~Writer();

    /// Readable when `take` has something. -1: there is none, and nothing can be written.
    [[nodiscard]] int fd() const { return wake_.get(); }
    void write(Piece piece);
    /// What is done since the last call, in order.
    void take(std::vector<Written>& done);
    /// Waits until everything that was given is done, at most so long. For the end of the daemon. False: it is not.
    bool finish(int wait_ms);

  private:
    /// What both threads use, under its mutex.
    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<Piece> waiting;
        std::vector<Written> done;
        process::Descriptor wake;  ///< the thread's copy
        bool is_busy = false;
        bool ends = false;
    };
    static void run(const std::shared_ptr<Shared>& shared);

    process::Descriptor wake_;
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace backplane::output
