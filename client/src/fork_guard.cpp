// SPDX-License-Identifier: Apache-2.0
/// See fork_guard.hpp.
#include "client/src/fork_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <atomic>
#include <new>

namespace backplane::client_detail {

namespace {

using Mark = std::atomic<std::uint64_t>;

/// The page that a fork empties; null where the kernel cannot do it. Lives as long as the process.
Mark* make_page() {
    constexpr std::size_t page_bytes = 4096;
    void* page = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return nullptr;
    }
    if (::madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
        ::munmap(page, page_bytes);
        return nullptr;
    }
    return new (page) Mark{0};
}

std::uint64_t own_pid() { return static_cast<std::uint64_t>(::getpid()); }

/// This process's mark: 0 in a forked child until it asks for one of its own.
std::uint64_t current_mark(bool claim) {
    static Mark* const page = make_page();
    if (page == nullptr) {
        return own_pid();
    }
    if (claim && page->load(std::memory_order_relaxed) == 0) {
        page->store(own_pid(), std::memory_order_relaxed);
    }
    return page->load(std::memory_order_relaxed);
}

}  // namespace

ForkGuard::ForkGuard() : mark_(current_mark(true)) {}

bool ForkGuard::is_same_process() const { return current_mark(false) == mark_; }

}  // namespace backplane::client_detail
