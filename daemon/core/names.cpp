// SPDX-License-Identifier: Apache-2.0
/// Names in an open-addressing table of entry numbers. The table is derived: an image holds the entries alone.
#include "daemon/core/names.hpp"

namespace backplane::core {

namespace {

constexpr std::size_t name_bytes_max = 255;

std::uint32_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

bool is_name_char(char c) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alphanumeric || c == '.' || c == '_' || c == '@' || c == ':' || c == '+' || c == '-';
}

bool is_valid_element(std::string_view element) {
    if (element.empty() || element == "." || element == "..") {
        return false;
    }
    for (const char c : element) {
        if (!is_name_char(c)) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool is_valid_name(std::string_view name) {
    if (name.size() > name_bytes_max) {
        return false;
    }
    for (;;) {
        const std::size_t slash = name.find('/');
        if (!is_valid_element(name.substr(0, slash))) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        name.remove_prefix(slash + 1);
    }
}

/// Where the name stands in the table, or the empty place where it would.
std::size_t Names::seek(std::string_view name, std::uint32_t hash) const {
    const std::size_t mask = table_.size() - 1;
    std::size_t i = hash & mask;
    while (table_[i] != 0) {
        const NameEntry& entry = entries_[table_[i]];
        if (entry.hash == hash && texts_[entry.text] == name) {
            break;
        }
        i = (i + 1) & mask;
    }
    return i;
}

std::uint32_t Names::find(std::string_view name) const { return table_.empty() ? 0 : table_[seek(name, hash_of(name))]; }

void Names::rebuild(std::size_t size) {
    table_.assign(size, 0);
    for (std::uint32_t i = 1; i < entries_.size(); ++i) {
        if (entries_[i].text != 0) {
            table_[seek(texts_[entries_[i].text], entries_[i].hash)] = i;
        }
    }
}

std::uint32_t Names::obtain(std::string_view name) {
    if ((used_ + 1) * 2 > table_.size()) {
        rebuild(table_.empty() ? 64 : table_.size() * 2);
    }
    const std::uint32_t hash = hash_of(name);
    const std::size_t place = seek(name, hash);
    if (table_[place] != 0) {
        return table_[place];
    }
    std::uint32_t made = free_entry_;
    if (made != 0) {
        free_entry_ = entries_[made].next_free;
    } else {
        made = static_cast<std::uint32_t>(entries_.size());
        entries_.emplace_back();
    }
    entries_[made] = NameEntry{};
    entries_[made].text = texts_.add(name);
    entries_[made].hash = hash;
    table_[place] = made;
    ++used_;
    return made;
}

void Names::tidy(std::uint32_t entry) {
    NameEntry& unused = entries_[entry];
    if (unused.device || unused.reserved_for != no_child || unused.watches != 0) {
        return;
    }
    const std::size_t mask = table_.size() - 1;
    std::size_t hole = seek(texts_[unused.text], unused.hash);
    for (std::size_t next = (hole + 1) & mask; table_[next] != 0; next = (next + 1) & mask) {
        const std::size_t wanted = entries_[table_[next]].hash & mask;
        if (((next - wanted) & mask) >= ((next - hole) & mask)) {
            table_[hole] = table_[next];
            hole = next;
        }
    }
    table_[hole] = 0;
    --used_;
    texts_.release(unused.text);
    unused = NameEntry{};
    unused.next_free = free_entry_;
    free_entry_ = entry;
}

bool Names::reserve(std::string_view path, ChildIndex child) {
    const std::uint32_t entry = obtain(path);
    NameEntry& wanted = entries_[entry];
    if (wanted.device || (wanted.reserved_for != no_child && wanted.reserved_for != child)) {
        return false;
    }
    wanted.reserved_for = child;
    return true;
}

void Names::unreserve(std::string_view path) {
    if (const std::uint32_t entry = find(path); entry != 0) {
        entries_[entry].reserved_for = no_child;
        tidy(entry);
    }
}

std::uint32_t Names::find_watch(std::uint32_t entry, SessionIndex session) const {
    std::uint32_t i = entries_[entry].watches;
    while (i != 0 && watches_[i].session != session) {
        i = watches_[i].name_next;
    }
    return i;
}

std::uint32_t Names::add_watch(std::uint32_t entry, SessionIndex session, std::uint32_t session_next) {
    std::uint32_t made = free_watch_;
    if (made != 0) {
        free_watch_ = watches_[made].name_next;
    } else {
        made = static_cast<std::uint32_t>(watches_.size());
        watches_.emplace_back();
    }
    watches_[made] = NameWatch{0, entry, session, entries_[entry].watches, session_next};
    entries_[entry].watches = made;
    return made;
}

void Names::remove_watch(std::uint32_t watch) {
    const std::uint32_t entry = watches_[watch].name;
    std::uint32_t* at = &entries_[entry].watches;
    while (*at != watch) {
        at = &watches_[*at].name_next;
    }
    *at = watches_[watch].name_next;
    watches_[watch] = NameWatch{};
    watches_[watch].name_next = free_watch_;
    free_watch_ = watch;
    tidy(entry);
}

void Names::save(ImageWriter& image) const {
    image.array(entries_);
    image.array(watches_);
    image.value(used_);
    image.value(free_entry_);
    image.value(free_watch_);
}

bool Names::load(ImageReader& image) {
    if (!image.array(entries_) || !image.array(watches_) || !image.value(used_) || !image.value(free_entry_) || !image.value(free_watch_)) {
        return false;
    }
    if (entries_.empty() || watches_.empty() || free_entry_ >= entries_.size() || free_watch_ >= watches_.size() ||
        used_ >= entries_.size()) {
        return image.fail();
    }
    for (const NameEntry& entry : entries_) {
        if (!texts_.contains(entry.text) || entry.watches >= watches_.size() || entry.device_next >= entries_.size() ||
            entry.next_free >= entries_.size()) {
            return image.fail();
        }
    }
    for (const NameWatch& watch : watches_) {
        if (watch.name >= entries_.size() || watch.name_next >= watches_.size() || watch.session_next >= watches_.size()) {
            return image.fail();
        }
    }
    std::size_t size = 64;
    while (size < (std::size_t{used_} + 1) * 2) {
        size *= 2;
    }
    rebuild(size);
    return true;
}

}  // namespace backplane::core
