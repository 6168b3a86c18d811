// SPDX-License-Identifier: Apache-2.0
/// See writer.hpp.
#include "daemon/output/writer.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace backplane::output {

Writer::Writer() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), shared_(std::make_shared<Shared>()) {
    shared_->wake.reset(fcntl(wake_.get(), F_DUPFD_CLOEXEC, 3));
}

Writer::~Writer() {
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::lock_guard lock{shared_->mutex};
        shared_->waiting.clear();
        shared_->ends = true;
    }
    shared_->changed.notify_all();
    // A write into a hanging file system cannot be called off, and must not keep the daemon from ending.
    finish(0) ? thread_.join() : thread_.detach();
}

void Writer::write(Piece piece) {
    if (!thread_.joinable()) {
        // Signals are the loop's, which reads them from a descriptor: one that this thread let in would be taken by nobody.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        thread_ = std::thread{[shared = shared_] { run(shared); }};
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    {
        const std::lock_guard lock{shared_->mutex};
        shared_->waiting.push_back(std::move(piece));
    }
    shared_->changed.notify_all();
}

void Writer::take(std::vector<Written>& done) {
    std::uint64_t count = 0;
    (void)!read(wake_.get(), &count, sizeof count);
    done.clear();
    const std::lock_guard lock{shared_->mutex};
    std::swap(done, shared_->done);
}

bool Writer::finish(int wait_ms) {
    std::unique_lock lock{shared_->mutex};
    return shared_->changed.wait_for(lock, std::chrono::milliseconds(wait_ms),
                                     [this] { return shared_->waiting.empty() && !shared_->is_busy; });
}

void Writer::run(const std::shared_ptr<Shared>& shared) {
    std::unique_lock lock{shared->mutex};
    for (;;) {
        shared->changed.wait(lock, [&] { return shared->ends || !shared->waiting.empty(); });
        if (shared->waiting.empty()) {
            return;
        }
        Piece piece = std::move(shared->waiting.front());
        shared->waiting.pop_front();
        shared->is_busy = true;
        lock.unlock();
        const Written written{piece.token, piece.bytes.size(), piece.sink->write(piece.bytes)};
        piece = Piece{};  // what it alone still held is closed here, where that may take its time
        lock.lock();
        shared->is_busy = false;
        shared->done.push_back(written);
        const std::uint64_t one = 1;
        (void)!::write(shared->wake.get(), &one, sizeof one);
        shared->changed.notify_all();
    }
}

}  // namespace backplane::output
