// SPDX-License-Identifier: Apache-2.0
/// A binary heap of entry numbers; each entry knows its place in the heap, so that a cancel needs no search.
#include "daemon/core/deadlines.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace backplane::core {

bool Deadlines::earlier(std::uint32_t a, std::uint32_t b) const {
    const Entry& first = entries_[a];
    const Entry& second = entries_[b];
    return first.at != second.at ? first.at < second.at : first.order < second.order;
}

void Deadlines::place_at(std::uint32_t position, std::uint32_t entry) {
    heap_[position] = entry;
    entries_[entry].place = position;
}

void Deadlines::sift_up(std::uint32_t position) {
    const std::uint32_t entry = heap_[position];
    while (position > 0) {
        const std::uint32_t parent = (position - 1) / 2;
        if (!earlier(entry, heap_[parent])) {
            break;
        }
        place_at(position, heap_[parent]);
        position = parent;
    }
    place_at(position, entry);
}

void Deadlines::sift_down(std::uint32_t position) {
    const std::uint32_t entry = heap_[position];
    const auto size = static_cast<std::uint32_t>(heap_.size());
    for (;;) {
        std::uint32_t child = position * 2 + 1;
        if (child >= size) {
            break;
        }
        if (child + 1 < size && earlier(heap_[child + 1], heap_[child])) {
            ++child;
        }
        if (!earlier(heap_[child], entry)) {
            break;
        }
        place_at(position, heap_[child]);
        position = child;
    }
    place_at(position, entry);
}

DeadlineId Deadlines::set(Instant at, DeadlineKind kind, std::uint32_t owner) {
    if (at.is_never()) {
        return 0;
    }
    DeadlineId id = free_;
    if (id != 0) {
        free_ = entries_[id].place;
    } else {
        id = static_cast<DeadlineId>(entries_.size());
        entries_.emplace_back();
    }
    Entry& entry = entries_[id];
    entry = Entry{};
    entry.at = at;
    entry.order = order_++;
    entry.owner = owner;
    entry.kind = kind;
    entry.set = 1;
    heap_.push_back(id);
    sift_up(static_cast<std::uint32_t>(heap_.size() - 1));
    note_next();
    return id;
}

void Deadlines::remove(std::uint32_t entry) {
    const std::uint32_t position = entries_[entry].place;
    const std::uint32_t last = heap_.back();
    heap_.pop_back();
    if (last != entry) {
        place_at(position, last);
        sift_up(position);
        sift_down(entries_[last].place);
    }
    entries_[entry] = Entry{};
    entries_[entry].place = free_;
    free_ = entry;
    note_next();
}

void Deadlines::note_next() { next_ = heap_.empty() ? Instant::never() : entries_[heap_.front()].at; }

void Deadlines::cancel(DeadlineId& id) {
    const DeadlineId cancelled = std::exchange(id, 0);
    if (cancelled != 0 && cancelled < entries_.size() && entries_[cancelled].set != 0) {
        remove(cancelled);
    }
}

bool Deadlines::take_due(Instant now, Due& due) {
    if (heap_.empty() || now < entries_[heap_.front()].at) {
        return false;
    }
    const std::uint32_t first = heap_.front();
    const Entry& entry = entries_[first];
    due = Due{entry.at, entry.kind, entry.owner, first};
    remove(first);
    return true;
}

void Deadlines::postpone(Instant now, Instant until) {
    std::vector<std::uint32_t> late;
    std::copy_if(heap_.begin(), heap_.end(), std::back_inserter(late), [&](std::uint32_t entry) { return entries_[entry].at <= now; });
    std::sort(late.begin(), late.end(), [this](std::uint32_t a, std::uint32_t b) { return earlier(a, b); });
    for (const std::uint32_t entry : late) {
        entries_[entry].at = until;
        entries_[entry].order = order_++;
        sift_down(entries_[entry].place);
    }
    note_next();
}

Instant Deadlines::put_off(std::uint32_t kinds) {
    constexpr Instant for_good{INT64_MAX - 1};
    while (!heap_.empty()) {
        Entry& first = entries_[heap_.front()];
        if (first.at == for_good) {
            break;
        }
        if ((kinds >> static_cast<unsigned>(first.kind) & 1U) == 0) {
            return first.at;
        }
        first.at = for_good;
        sift_down(0);
        note_next();
    }
    return Instant::never();
}

Instant Deadlines::at(DeadlineId id) const {
    const bool set = id != 0 && id < entries_.size() && entries_[id].set != 0;
    return set ? entries_[id].at : Instant::never();
}

void Deadlines::save(ImageWriter& image) const {
    image.array(entries_);
    image.array(heap_);
    image.value(free_);
    image.value(order_);
}

bool Deadlines::load(ImageReader& image) {
    if (!image.array(entries_) || !image.array(heap_) || !image.value(free_) || !image.value(order_)) {
        return false;
    }
    std::uint64_t set_count = 0;
    for (const Entry& entry : entries_) {
        set_count += entry.set == 1 ? 1 : 0;
        if (entry.set > 1 || entry.kind > deadline_kind_last) {
            return image.fail();
        }
    }
    if (entries_.empty() || entries_[0].set != 0 || set_count != heap_.size()) {
        return image.fail();
    }
    for (std::uint32_t i = 0; i < heap_.size(); ++i) {
        const std::uint32_t entry = heap_[i];
        const bool named = entry < entries_.size() && entries_[entry].set == 1 && entries_[entry].place == i;
        if (!named || (i > 0 && earlier(entry, heap_[(i - 1) / 2]))) {
            return image.fail();
        }
    }
    // The free list must hold exactly the entries that are not set; a longer walk would be a cycle.
    std::uint64_t free_count = 0;
    for (std::uint32_t i = free_; i != 0; i = entries_[i].place) {
        if (i >= entries_.size() || entries_[i].set != 0 || ++free_count > entries_.size()) {
            return image.fail();
        }
    }
    note_next();
    return free_count + set_count + 1 == entries_.size() || image.fail();
}

}  // namespace backplane::core
