// SPDX-License-Identifier: Apache-2.0
/// See crash.hpp.
#include "daemon/shell/crash.hpp"

#include "daemon/shell/log.hpp"

#include <unistd.h>
#include <uv.h>

#include <cstdlib>
#include <new>

namespace backplane::shell {
namespace {

[[noreturn]] void out_of_memory() {
    constexpr std::string_view words = "backplaned: out of memory\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, words.data(), words.size());
    std::abort();
}

void* demand(void* made, std::size_t size) {
    if (made == nullptr && size != 0) {
        out_of_memory();
    }
    return made;
}

void* allocate(std::size_t size) { return demand(std::malloc(size), size); }
void* allocate_again(void* block, std::size_t size) { return demand(std::realloc(block, size), size); }
void* allocate_zeroed(std::size_t count, std::size_t size) { return demand(std::calloc(count, size), count * size); }

}  // namespace

void crash(std::string_view why) {
    log_error(why);
    std::_Exit(1);
}

void crash_without_memory() {
    std::set_new_handler(out_of_memory);
    static_cast<void>(uv_replace_allocator(allocate, allocate_again, allocate_zeroed, std::free));
}

}  // namespace backplane::shell
