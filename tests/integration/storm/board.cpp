// SPDX-License-Identifier: Apache-2.0
/// See board.hpp.
#include "tests/integration/storm/board.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace backplane::storm {

namespace {

constexpr std::array<const char*, checks_count> check_names{
    "served again", "sessions",         "operations", "notices",    "once",   "unlinks",     "healthy workers",
    "one process",  "exits in the log", "restarts",   "exits told", "starts", "nothing left"};
constexpr std::uint32_t said_max = 100;

}  // namespace

Board* Board::make() {
    void* memory = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("mmap");
        std::abort();
    }
    return static_cast<Board*>(memory);  // zero is the beginning of everything in it, and most of it is never touched
}

void Board::lose(Check check, const std::string& what) {
    pass(check);
    lost[static_cast<std::size_t>(check)] += 1;
    if (said.fetch_add(1) < said_max) {
        const std::string line = "LOST (" + std::string{check_names[static_cast<std::size_t>(check)]} + ", kill " +
                                 std::to_string(kills.load()) + ", pid " + std::to_string(::getpid()) + "): " + what + "\n";
        (void)!::write(STDERR_FILENO, line.data(), line.size());
    }
}

bool Board::may_drop(std::uint64_t number) {
    const Being& it = being(number);
    return it.gone_at != 0 || owner_gone_at[it.owner] != 0 || (it.going == Going::by_drop && it.stage != Stage::up);
}

bool Board::is_due(std::uint64_t number) {
    const Being& it = being(number);
    if (it.stage == Stage::ended) {
        return true;
    }
    const std::int64_t gone = it.gone_at != 0 ? it.gone_at.load() : owner_gone_at[it.owner].load();
    return gone != 0 && now_ns() > std::max(gone, killed_at.load()) + grace_ns;
}

std::string Board::wrong_fault(std::uint64_t number, const Disconnected& told) {
    const Being& it = being(number);
    const FaultKind kind = told.fault ? told.fault->kind : FaultKind::none;
    const bool is_its_own =
        it.stage != Stage::up && ((kind == FaultKind::error && it.going == Going::with_text && told.fault->text == text_of(number)) ||
                                  (kind == FaultKind::none && it.going == Going::well));
    if (is_its_own || (kind == FaultKind::drop && may_drop(number))) {
        return {};
    }
    return text_of(number) + " (" + told.device.text() + ") went with " +
           (told.fault ? fault_text(*told.fault, told.device.epoch()) : "none") + ", stage " +
           std::to_string(static_cast<int>(it.stage.load())) + ", going " + std::to_string(static_cast<int>(it.going.load()));
}

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string text_of(std::uint64_t number) { return "u" + std::to_string(number); }

std::string worker_name(std::size_t worker) { return (worker < 10 ? "w0" : "w") + std::to_string(worker); }

std::string order_text(std::uint16_t code) {
    return code < 256 ? "exit(" + std::to_string(code) + ")" : "signal(" + std::to_string(code - 256) + ")";
}

}  // namespace backplane::storm
