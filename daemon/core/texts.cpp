// SPDX-License-Identifier: Apache-2.0
/// The string pool. Item 0 is the empty text and is never counted; a free place holds no bytes and no holder.
#include "daemon/core/texts.hpp"

#include <utility>

namespace backplane::core {

TextIndex Texts::add(std::string_view text) {
    if (text.empty()) {
        return 0;
    }
    std::string bytes{text};  // first, as the text may lie in this very pool, which may move
    TextIndex made = 0;
    if (free_.empty()) {
        made = static_cast<TextIndex>(items_.size());
        items_.emplace_back();
    } else {
        made = free_.back();
        free_.pop_back();
    }
    items_[made].bytes = std::move(bytes);
    items_[made].holders = 1;
    return made;
}

TextIndex Texts::share(TextIndex text) {
    if (text != 0) {
        ++items_[text].holders;
    }
    return text;
}

void Texts::release(TextIndex& text) {
    const TextIndex released = std::exchange(text, 0);
    if (released == 0 || items_[released].holders == 0) {
        return;
    }
    if (--items_[released].holders == 0) {
        items_[released].bytes.clear();
        free_.push_back(released);
    }
}

void Texts::save(ImageWriter& image) const {
    image.value(static_cast<std::uint64_t>(items_.size()));
    for (const Item& item : items_) {
        image.value(item.holders);
        image.text(item.bytes);
    }
    image.array(free_);  // in order: the next place to be reused is part of the state
}

bool Texts::load(ImageReader& image) {
    std::uint64_t count = 0;
    if (!image.value(count) || count == 0) {
        return image.fail();
    }
    items_.clear();
    free_.clear();
    // Items come one at a time, so memory follows the bytes that are really there.
    for (; count > 0; --count) {
        Item item;
        if (!image.value(item.holders) || !image.text(item.bytes)) {
            return false;
        }
        items_.push_back(std::move(item));
    }
    if (items_[0].holders != 0 || !items_[0].bytes.empty() || !image.array(free_)) {
        return image.fail();
    }
    std::vector<bool> seen(items_.size());
    for (const TextIndex place : free_) {
        if (place == 0 || place >= items_.size() || items_[place].holders != 0 || seen[place]) {
            return image.fail();
        }
        seen[place] = true;
    }
    return true;
}

}  // namespace backplane::core
