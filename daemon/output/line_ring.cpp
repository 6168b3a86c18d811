// SPDX-License-Identifier: Apache-2.0
/// See line_ring.hpp. The texts lie one behind the other in a circle of `ring_bytes`, which a ring takes with its first line.
#include "daemon/output/line_ring.hpp"

#include <algorithm>
#include <utility>

namespace backplane::output {

void LineRing::append(Which which, std::uint32_t generation, Instant at, std::string_view bytes) {
    Unfinished& open = unfinished_[static_cast<std::size_t>(which)];
    if (open.generation != generation) {
        end_line(which, at);
        open.generation = generation;
    }
    while (!bytes.empty()) {
        const std::size_t newline = bytes.find('\n');
        const std::size_t whole = std::min(newline, bytes.size());
        const std::size_t taken = std::min(whole, line_bytes_max - open.text.size());
        open.text.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (taken == whole && newline != std::string_view::npos) {
            bytes.remove_prefix(1);
            push(which, at, false);
        } else if (open.text.size() == line_bytes_max && !bytes.empty()) {
            push(which, at, true);
        }
    }
}

void LineRing::end_line(Which which, Instant at) {
    if (!unfinished_[static_cast<std::size_t>(which)].text.empty()) {
        push(which, at, false);
    }
}

void LineRing::push(Which which, Instant at, bool goes_on) {
    Unfinished& open = unfinished_[static_cast<std::size_t>(which)];
    const std::size_t size = open.text.size();
    if (bytes_.empty()) {
        bytes_.resize(ring_bytes);
    }
    while (charged_ + size + line_overhead > ring_bytes) {
        drop_first();
    }
    const std::size_t before_end = std::min(size, ring_bytes - end_);
    bytes_.replace(end_, before_end, open.text, 0, before_end);
    bytes_.replace(0, size - before_end, open.text, before_end);
    notes_.push_back(Note{at, open.generation, static_cast<std::uint32_t>(end_), static_cast<std::uint16_t>(size), which, goes_on});
    end_ = (end_ + size) % ring_bytes;
    charged_ += size + line_overhead;
    ++next_;
    open.text.clear();
}

void LineRing::drop_first() {
    charged_ -= notes_.front().bytes + line_overhead;
    notes_.pop_front();
    ++first_;
}

Line LineRing::line(std::uint64_t number) const {
    const Note& note = notes_[static_cast<std::size_t>(number - first_)];
    const std::size_t before_end = std::min<std::size_t>(note.bytes, ring_bytes - note.from);
    Line line{number, note.at, note.generation, note.which, note.goes_on, bytes_.substr(note.from, before_end)};
    line.text.append(bytes_, 0, note.bytes - before_end);
    return line;
}

void LineRing::save(core::ImageWriter& image) const {
    image.value(origin());
    image.value(first_);
    image.value(static_cast<std::uint64_t>(notes_.size()));
    for (std::uint64_t number = first_; number < next_; ++number) {
        const Line kept = line(number);
        image.value(kept.at);
        image.value(kept.generation);
        image.value(static_cast<std::uint8_t>(kept.which));
        image.value(static_cast<std::uint8_t>(kept.goes_on));
        image.text(kept.text);
    }
    for (const Unfinished& open : unfinished_) {
        image.value(open.generation);
        image.text(open.text);
    }
}

bool LineRing::load(core::ImageReader& image) {
    std::uint64_t count = 0, first = 0, origin = 0;
    if (!image.value(origin) || !image.value(first) || !image.value(count) || count > ring_bytes / line_overhead || origin > first ||
        first > UINT64_MAX / 2) {
        return image.fail();
    }
    *this = LineRing{first};
    for (; count > 0; --count) {
        Note note;
        std::uint8_t which = 0, goes_on = 0;
        std::string text;
        if (!image.value(note.at) || !image.value(note.generation) || !image.value(which) || !image.value(goes_on) || !image.text(text) ||
            which > static_cast<std::uint8_t>(Which::err) || goes_on > 1 || text.size() > line_bytes_max) {
            return image.fail();
        }
        unfinished_[which] = Unfinished{std::move(text), note.generation};
        push(static_cast<Which>(which), note.at, goes_on != 0);
    }
    for (Unfinished& open : unfinished_) {
        if (!image.value(open.generation) || !image.text(open.text) || open.text.size() > line_bytes_max) {
            return image.fail();
        }
    }
    origin_ = origin;
    return true;
}

}  // namespace backplane::output
