// SPDX-License-Identifier: Apache-2.0
/// Outputs across daemons: after a crash, in a program that takes over in place, and at the end.
#include "daemon/core/image.hpp"
#include "daemon/shell/log.hpp"
#include "daemon/shell/outputs.hpp"

#include <utility>

namespace backplane::shell {

using output::Which;

void Outputs::recover() {
    if (keeper_ == nullptr) {
        return;
    }
    for (const std::uint64_t key : keeper_->held_from(first_key)) {
        add(key, keeper_->take_held(key));
    }
}

void Outputs::adopt(core::ChildIndex child, std::uint32_t generation, std::int32_t pid) {
    for (const Which which : {Which::out, Which::err}) {
        const std::uint64_t key = key_of({child, generation, which});
        if (find(key) != nullptr) {
            continue;
        }
        process::Descriptor pipe = output::find_pipe(pid, which == Which::out ? 1 : 2);
        if (!pipe) {
            continue;
        }
        if (keeper_ != nullptr) {
            keeper_->hold(key, pipe.get());
        }
        add(key, std::move(pipe));
    }
}

void Outputs::refused(std::uint64_t key) {
    if (key >= first_key && !std::exchange(said_refused_, true)) {
        log_warning(
            "the keeper holds as many descriptors as it can: what a worker writes right before it ends is lost where the daemon has "
            "crashed just then");
    }
}

bool Outputs::pause(Instant now) {
    if (!std::exchange(is_paused_, true)) {
        pause_ends_ = now + last_patience;
        for (const auto& [key, stream] : streams_) {
            stream->watch.change(0);
        }
    }
    for (const auto& [key, stream] : streams_) {
        if (stream->queued != 0 && now < pause_ends_) {
            next_look_ = std::min(next_look_, pause_ends_);
            return false;
        }
    }
    return true;
}

void Outputs::go_on() {
    is_paused_ = false;
    for (const auto& [key, stream] : streams_) {
        queue(key);
    }
}

std::vector<HandedOutput> Outputs::hand_over() const {
    std::vector<HandedOutput> handed;
    for (const auto& [key, stream] : streams_) {
        handed.push_back({key, stream->fed, stream->pipe.get(), 0});
    }
    return handed;
}

std::string Outputs::save() const {
    std::string bytes;
    core::ImageWriter image(bytes);
    image.value(static_cast<std::uint64_t>(kept_.size()));
    for (const auto& [child, what] : kept_) {
        image.value(child);
        image.text(what->name);
        image.value(what->dropped);
        image.value(what->ended);
        image.text(what->words);
        what->ring.save(image);
    }
    image.value(static_cast<std::uint64_t>(streams_.size()));
    for (const auto& [key, stream] : streams_) {
        image.value(key);
        image.text(stream->tail.kept());
    }
    return bytes;
}

/// What does not read as it was written is not kept: the pipes are what counts.
void Outputs::take_over(const std::vector<HandedOutput>& handed, const std::string& saved) {
    for (const HandedOutput& output : handed) {
        add(output.key, process::Descriptor{output.descriptor}).fed = static_cast<std::size_t>(output.fed);
    }
    core::ImageReader image(saved);
    std::uint64_t count = 0;
    bool good = image.value(count);
    for (; good && count > 0; --count) {
        core::ChildIndex child = core::no_child;
        std::string name;
        good = image.value(child) && image.text(name);
        auto what = std::make_unique<Kept>(std::move(name), first_line_);
        good = good && image.value(what->dropped) && image.value(what->ended) && image.text(what->words) && what->ring.load(image);
        if (good) {
            kept_[child] = std::move(what);
        }
    }
    good = good && image.value(count);
    for (; good && count > 0; --count) {
        std::uint64_t key = 0;
        std::string tail;
        good = image.value(key) && image.text(tail);
        if (Stream* stream = good ? find(key) : nullptr; stream != nullptr) {
            stream->tail.append(tail);
        }
    }
}

/// What is written is taken out of its pipe, so that the next daemon does not write it again.
void Outputs::let_go() {
    (void)writer_.finish(static_cast<int>(last_patience.ns / 1'000'000));
    is_written_ = true;
    take_written();
    streams_.clear();
    writer_watch_.stop();
}

void Outputs::close() {
    for (auto& [key, stream] : streams_) {
        stream->watch.stop();
        if (stream->handed != 0) {
            take_out(*stream, std::exchange(stream->handed, 0));
        }
        stream->is_overrun = true;  // it is emptied at once, and the rest is bounded by the queue
        while (looker_.look(stream->pipe.get(), seen_) == output::Looker::Seen::something && stream->queued < queue_bytes_max) {
            hand(*stream, seen_, now_);
        }
    }
    if (!writer_.finish(static_cast<int>(last_patience.ns / 1'000'000))) {
        log_warning("not all that workers wrote before they ended could be written");
    }
    streams_.clear();
    writer_watch_.stop();
}

}  // namespace backplane::shell
