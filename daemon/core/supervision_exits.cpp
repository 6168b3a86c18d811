// SPDX-License-Identifier: Apache-2.0
/// The ring of the last exits: taken, read, given back, and checked where it comes out of an image.
#include "daemon/core/supervision.hpp"

#include <algorithm>

namespace backplane::core {

void Supervision::note_exit(const Step& step, ChildIndex i, const Ending& ending) {
    Child& child = children_[i];
    if (child.history == 0) {
        if (free_histories_.empty()) {
            histories_.emplace_back();
            child.history = static_cast<std::uint32_t>(histories_.size() - 1);
        } else {
            child.history = free_histories_.back();
            free_histories_.pop_back();
        }
    }
    ExitHistory& history = histories_[child.history];
    ExitNote& note = history.notes[history.total % exits_kept];
    keep_fault(note.fault, ending.fault);
    texts_.release(note.words);
    note.words = texts_.add(ending.words);
    note.at = step.now;
    note.uptime = child.began.ns == 0 ? Duration{} : step.now - child.began;
    note.device = child.device;
    note.generation = child.generation;
    note.status = ending.of_process ? child.last_status : 0;
    note.how = ending.of_process ? static_cast<ExitHow>(child.last_how) : ExitHow::unknown;
    note.exit_class = ending.exit_class;
    note.was_ready = child.life.ready;
    note.of_process = ending.of_process ? 1 : 0;
    ++history.total;
}

void Supervision::free_history(Child& child) {
    if (child.history == 0) {
        return;
    }
    for (ExitNote& note : histories_[child.history].notes) {
        texts_.release(note.fault.text);
        texts_.release(note.words);
    }
    histories_[child.history] = ExitHistory{};
    free_histories_.push_back(child.history);
    child.history = 0;
}

std::uint64_t Supervision::exits_total(ChildIndex i) const { return contains(i) ? histories_[children_[i].history].total : 0; }

ExitView Supervision::exit_of(ChildIndex i, std::uint32_t back) const {
    const std::uint64_t total = exits_total(i);
    if (back >= exits_kept || back >= total) {
        return {};
    }
    const ExitNote& note = histories_[children_[i].history].notes[(total - 1 - back) % exits_kept];
    return {&note, texts_[note.words]};
}

/// Each history is one entry's or free, and none says what no end could have been.
bool Supervision::histories_hold() const {
    std::vector<bool> taken(histories_.size());
    const auto take = [&](std::uint32_t history) {
        if (history == 0 || history >= histories_.size() || taken[history]) {
            return false;
        }
        taken[history] = true;
        return true;
    };
    for (const Child& child : children_) {
        if (child.history != 0 && !take(child.history)) {
            return false;
        }
    }
    const auto is_free = [&](std::uint32_t history) { return take(history) && histories_[history].total == 0; };
    if (!std::all_of(free_histories_.begin(), free_histories_.end(), is_free) || histories_[0].total != 0 ||
        std::count(taken.begin(), taken.end(), false) != 1) {  // place 0 is nobody's
        return false;
    }
    const auto is_sound = [&](const ExitNote& note) {
        return note.at.ns >= 0 && note.uptime.ns >= 0 && note.fault.kind <= FaultKind::unreachable && texts_.contains(note.fault.text) &&
               texts_.contains(note.words) && note.how <= ExitHow::unknown && note.exit_class <= ExitClass::abnormal &&
               note.was_ready <= 1 && note.of_process <= 1;
    };
    return std::all_of(histories_.begin(), histories_.end(),
                       [&](const ExitHistory& history) { return std::all_of(history.notes.begin(), history.notes.end(), is_sound); });
}

}  // namespace backplane::core
