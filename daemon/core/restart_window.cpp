// SPDX-License-Identifier: Apache-2.0
/// The window's list: appended at the end, forgotten from the front, so an event costs constant time on average.
#include "daemon/core/restart_window.hpp"

#include <algorithm>

namespace backplane::core {

namespace {

bool is_older(Instant entry, Instant now, Duration period) { return now - entry > period; }

}  // namespace

bool RestartWindow::is_known(DeviceId root) const { return root && std::find(roots_.begin(), roots_.end(), root) != roots_.end(); }

void RestartWindow::remember(DeviceId root) {
    if (!root) {
        return;
    }
    if (roots_.size() < roots_max) {
        roots_.push_back(root);
    } else {
        roots_[next_root_] = root;
    }
    next_root_ = (next_root_ + 1) % roots_max;
}

void RestartWindow::forget(Instant now, Duration period) {
    while (first_ < entries_.size() && is_older(entries_[first_], now, period)) {
        ++first_;
    }
    if (first_ > entries_.size() / 2) {
        entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

RestartWindow::Verdict RestartWindow::add(Instant now, DeviceId root, std::uint32_t intensity, Duration period) {
    forget(now, period);
    Verdict verdict;
    verdict.counted = !is_known(root);
    if (verdict.counted) {
        entries_.push_back(now);
        remember(root);
    }
    const std::uint64_t count = entries_.size() - first_;
    verdict.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX));
    verdict.exceeded = count > intensity;
    return verdict;
}

std::uint32_t RestartWindow::used(Instant now, Duration period) const {
    std::uint64_t first = first_;
    while (first < entries_.size() && is_older(entries_[first], now, period)) {
        ++first;
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(entries_.size() - first, UINT32_MAX));
}

void RestartWindow::clear() {
    entries_.clear();
    first_ = 0;
    roots_.clear();
    next_root_ = 0;
}

void RestartWindow::save(ImageWriter& image) const {
    image.array(entries_);
    image.value(first_);
    image.array(roots_);
    image.value(next_root_);
}

bool RestartWindow::load(ImageReader& image) {
    if (!image.array(entries_) || !image.value(first_) || !image.array(roots_) || !image.value(next_root_)) {
        return false;
    }
    const bool ring = roots_.size() <= roots_max && next_root_ < roots_max && (roots_.size() == roots_max || next_root_ == roots_.size());
    const bool ascending = std::is_sorted(entries_.begin(), entries_.end()) && (entries_.empty() || entries_.front().ns >= 0);
    return (first_ <= entries_.size() && ring && ascending) || image.fail();
}

}  // namespace backplane::core
