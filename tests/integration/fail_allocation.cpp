// SPDX-License-Identifier: Apache-2.0
/// Preloaded into a daemon: its Nth allocation finds no memory, once. N is what the file named by BP_FAIL_ALLOCATION holds, and the
/// first daemon that a keeper starts while it is there takes it away.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
}

namespace {

long left = 0;  // allocations until the one that fails; 0: none does

bool fails() {
    if (left == 0 || --left != 0) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

/// The beginning of a file, as a text; its length or -1.
ssize_t read_some(const char* path, char* text, std::size_t room) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = file < 0 ? -1 : read(file, text, room - 1);
    if (file >= 0) {
        close(file);
    }
    text[size > 0 ? size : 0] = '\0';
    return size;
}

[[gnu::constructor]] void arm() {
    char words[4096];
    const ssize_t size = read_some("/proc/self/cmdline", words, sizeof words);
    const char* path = getenv("BP_FAIL_ALLOCATION");
    if (size <= 0 || path == nullptr || memmem(words, static_cast<std::size_t>(size), "--kept-by", 9) == nullptr) {
        return;
    }
    char number[32];
    if (read_some(path, number, sizeof number) > 0 && unlink(path) == 0) {
        left = strtol(number, nullptr, 10);
    }
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] void* malloc(std::size_t size) { return fails() ? nullptr : __libc_malloc(size); }
[[gnu::visibility("default")]] void* calloc(std::size_t count, std::size_t size) { return fails() ? nullptr : __libc_calloc(count, size); }
[[gnu::visibility("default")]] void* realloc(void* block, std::size_t size) { return fails() ? nullptr : __libc_realloc(block, size); }
}
