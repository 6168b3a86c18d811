// SPDX-License-Identifier: Apache-2.0
/// Linear probing with backward-shift deletion in the present table; marks in the old one, which only shrinks.
#include "daemon/core/edge_index.hpp"

namespace backplane::core {

namespace {
constexpr std::size_t entries_first = 64;
constexpr std::size_t moved_per_insert = 16;
}  // namespace

std::size_t EdgeIndex::home(const Table& table, std::uint64_t key) {
    // The finalizer of MurmurHash3: slots are small numbers, so every bit must reach the low ones.
    key ^= key >> 33;
    key *= 0xff51afd7ed558ccdULL;
    key ^= key >> 33;
    key *= 0xc4ceb9fe1a85ec53ULL;
    key ^= key >> 33;
    return static_cast<std::size_t>(key) & (table.entries.size() - 1);
}

/// Where the key is, or the size of the table where it is not.
std::size_t EdgeIndex::seek(const Table& table, std::uint64_t key) {
    if (table.used == 0) {
        return table.entries.size();
    }
    const std::size_t mask = table.entries.size() - 1;
    for (std::size_t i = home(table, key);; i = (i + 1) & mask) {
        const Entry& entry = table.entries[i];
        if (entry.edge == 0) {
            return table.entries.size();
        }
        if (entry.key == key && entry.gone == 0) {
            return i;
        }
    }
}

std::uint32_t EdgeIndex::find(std::uint64_t key) const {
    if (const std::size_t i = seek(now_, key); i < now_.entries.size()) {
        return now_.entries[i].edge;
    }
    if (const std::size_t i = seek(old_, key); i < old_.entries.size()) {
        return old_.entries[i].edge;
    }
    return 0;
}

void EdgeIndex::put(Table& table, const Entry& entry) {
    const std::size_t mask = table.entries.size() - 1;
    std::size_t i = home(table, entry.key);
    while (table.entries[i].edge != 0) {
        i = (i + 1) & mask;
    }
    table.entries[i] = entry;
    ++table.used;
}

void EdgeIndex::insert(std::uint64_t key, std::uint32_t edge) {
    if ((now_.used + 1) * 2 > now_.entries.size()) {
        grow();
    }
    move_some();
    put(now_, Entry{key, edge, 0});
}

void EdgeIndex::erase(std::uint64_t key) {
    if (const std::size_t i = seek(now_, key); i < now_.entries.size()) {
        shift_out(now_, i);
        return;
    }
    if (const std::size_t i = seek(old_, key); i < old_.entries.size()) {
        old_.entries[i].gone = 1;
        --old_.used;
    }
}

void EdgeIndex::shift_out(Table& table, std::size_t at) {
    const std::size_t mask = table.entries.size() - 1;
    std::size_t hole = at;
    for (std::size_t next = (at + 1) & mask; table.entries[next].edge != 0; next = (next + 1) & mask) {
        const std::size_t wanted = home(table, table.entries[next].key);
        if (((next - wanted) & mask) >= ((next - hole) & mask)) {
            table.entries[hole] = table.entries[next];
            hole = next;
        }
    }
    table.entries[hole] = Entry{};
    --table.used;
}

void EdgeIndex::grow() {
    while (old_.used != 0) {
        move_some();  // only where a table doubles before its predecessor is empty, which 16 moves an insertion prevent
    }
    const std::size_t size = now_.entries.empty() ? entries_first : now_.entries.size() * 2;
    old_ = std::move(now_);
    now_ = Table{};
    now_.entries.resize(size);
    moved_ = 0;
}

void EdgeIndex::move_some() {
    if (old_.entries.empty()) {
        return;
    }
    for (std::size_t n = 0; n < moved_per_insert && moved_ < old_.entries.size(); ++n, ++moved_) {
        Entry& entry = old_.entries[moved_];
        if (entry.edge != 0 && entry.gone == 0) {
            put(now_, entry);
            entry.gone = 1;
            --old_.used;
        }
    }
    if (moved_ >= old_.entries.size()) {
        old_ = Table{};
    }
}

void EdgeIndex::save(ImageWriter& image) const {
    image.array(now_.entries);
    image.array(old_.entries);
    image.value(now_.used);
    image.value(old_.used);
    image.value(moved_);
}

bool EdgeIndex::load(ImageReader& image) {
    const auto whole = [](const Table& table) {
        const std::size_t size = table.entries.size();
        std::uint64_t used = 0;
        std::uint64_t filled = 0;
        for (const Entry& entry : table.entries) {
            used += entry.edge != 0 && entry.gone == 0 ? 1 : 0;
            filled += entry.edge != 0 ? 1 : 0;
        }
        // A full table would make a search endless; an image that claims one is not ours.
        return (size & (size - 1)) == 0 && used == table.used && (size == 0 || filled < size);
    };
    if (!image.array(now_.entries) || !image.array(old_.entries) || !image.value(now_.used) || !image.value(old_.used) ||
        !image.value(moved_)) {
        return false;
    }
    return whole(now_) && whole(old_) ? true : image.fail();
}

}  // namespace backplane::core
