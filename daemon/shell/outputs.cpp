// SPDX-License-Identifier: Apache-2.0
/// Pipes, pieces and the writer's answers. See outputs.hpp for the states.
#include "daemon/shell/outputs.hpp"

#include "daemon/shell/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace backplane::shell {
namespace {

using output::Which;

constexpr std::uint64_t writer_token = 0;  ///< no stream's key
constexpr unsigned which_shift = 61;
constexpr unsigned generation_shift = 32;
constexpr std::uint32_t generation_mask = (std::uint32_t{1} << (which_shift - generation_shift)) - 1;
/// A line that is longer goes on its way in pieces.
constexpr std::size_t line_wait_bytes_max = output::look_bytes_max / 2;

}  // namespace

std::uint64_t Outputs::key_of(const Name& name) {
    return first_key | static_cast<std::uint64_t>(name.which) << which_shift |
           static_cast<std::uint64_t>(name.generation & generation_mask) << generation_shift | name.child;
}

Outputs::Name Outputs::name_of(std::uint64_t key) {
    return {static_cast<core::ChildIndex>(key), static_cast<std::uint32_t>(key >> generation_shift) & generation_mask,
            (key >> which_shift & 1U) != 0 ? Which::err : Which::out};
}

Outputs::Outputs(uv_loop_t* loop, session::Hub& hub, std::uint64_t first_line) : loop_(loop), hub_(hub), first_line_(first_line) {
    relays_[0] = std::make_shared<output::Relay>(STDOUT_FILENO);
    relays_[1] = std::make_shared<output::Relay>(STDERR_FILENO);
    if (writer_watch_.start(loop_, writer_.fd(), watch_readable, *this, writer_token) != 0) {
        log_error("what workers write cannot be written: the writer cannot be watched");
    }
}

void Outputs::on_ready(std::uint64_t token, unsigned) noexcept {
    if (token == writer_token) {
        is_written_ = true;
    } else {
        queue(token);
    }
}

Outputs::Stream* Outputs::find(std::uint64_t key) {
    const auto found = streams_.find(key);
    return found == streams_.end() ? nullptr : found->second.get();
}

std::string_view Outputs::path_of(core::ChildIndex child) const {
    const core::Supervision& tree = hub_.engine().supervision();
    return tree.contains(child) ? tree.view(child, Instant{}).path : std::string_view{};
}

std::string Outputs::label(const Stream& stream) const {
    return std::string{path_of(stream.name.child)} + ": " + std::string{output::which_name(stream.name.which)};
}

/// An entry's place may have become another's, who has no business with its lines.
Outputs::Kept& Outputs::kept(core::ChildIndex child) {
    std::unique_ptr<Kept>& place = kept_[child];
    const std::string_view path = path_of(child);
    if (!place || (!path.empty() && place->name != path)) {
        place = std::make_unique<Kept>(std::string{path}, first_line_);
    }
    return *place;
}

const Outputs::Kept* Outputs::kept_of(core::ChildIndex child) const {
    const auto found = kept_.find(child);
    return found != kept_.end() && found->second->name == path_of(child) ? found->second.get() : nullptr;
}

// ---- a stream's beginning --------------------------------------------------------------------------------------------------

core::OutputSpec Outputs::spec_of(const Name& name) const {
    const core::Supervision& tree = hub_.engine().supervision();
    if (!tree.contains(name.child)) {
        return {};
    }
    const Expected<core::LaunchSpec> launch = core::decode_launch(tree.launch(name.child));
    return !launch ? core::OutputSpec{} : name.which == Which::out ? launch->stdout_to : launch->stderr_to;
}

/// A worker whose configuration says by now that it is not read at all is relayed: it was started otherwise.
std::shared_ptr<output::Sink> Outputs::sink_for(const Name& name, const core::OutputSpec& spec, int& error_number) {
    if (spec.kind == core::OutputKind::journal) {
        const std::string path{path_of(name.child)};
        const std::int32_t pid = hub_.engine().supervision().view(name.child, Instant{}).pid;
        return std::make_shared<output::JournalSink>(path, path, output::which_name(name.which), pid);
    }
    if (spec.kind != core::OutputKind::rotated) {
        return relays_[static_cast<std::size_t>(name.which)];
    }
    std::shared_ptr<output::RotatedFile> file = files_[spec.path].lock();
    if (file) {
        file->set_bounds(spec.max_bytes, spec.keep);
        return file;
    }
    file = std::make_shared<output::RotatedFile>(spec.path, spec.max_bytes, spec.keep);
    error_number = file->open();
    std::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
    files_[spec.path] = file;
    return file;
}

Outputs::Stream& Outputs::add(std::uint64_t key, process::Descriptor pipe) {
    std::unique_ptr<Stream>& stream = streams_[key];
    stream = std::make_unique<Stream>();
    stream->key = key;
    stream->name = name_of(key);
    stream->pipe = std::move(pipe);
    if (stream->watch.start(loop_, stream->pipe.get(), watch_readable, *this, key) != 0) {
        log_warning(label(*stream) + " cannot be watched, and is read no further");
    }
    return *stream;
}

Outputs::Given Outputs::give(core::ChildIndex child, std::uint32_t generation, const core::LaunchSpec& launch) {
    Given given;
    for (const Which which : {Which::out, Which::err}) {
        const core::OutputSpec& spec = which == Which::out ? launch.stdout_to : launch.stderr_to;
        if (!spec.is_read() || given.error_number != 0) {
            continue;
        }
        const Name name{child, generation, which};
        // A file is opened here: that it cannot be is the start's failure, which names its step (F-5).
        std::shared_ptr<output::Sink> sink;
        if (spec.kind == core::OutputKind::rotated) {
            sink = sink_for(name, spec, given.error_number);
        }
        output::PipeEnds ends;
        given.error_number = given.error_number != 0 ? given.error_number : output::make_pipe(ends);
        if (given.error_number != 0) {
            continue;
        }
        const std::uint64_t key = key_of(name);
        if (keeper_ != nullptr) {
            keeper_->hold(key, ends.reading.get());  // before anybody can write: a crash of ours loses no byte
        }
        add(key, std::move(ends.reading)).sink = std::move(sink);
        given.ends[static_cast<std::size_t>(which)] = std::move(ends.worker);
    }
    return given;
}

// ---- a turn ----------------------------------------------------------------------------------------------------------------

void Outputs::run(Instant now) {
    now_ = now;
    take_written();
    take_due(now);
    if (!is_paused_) {
        std::size_t pieces = 0;
        for (std::size_t looks = std::min(ready_.size(), looks_per_tick_max); looks > 0 && pieces < pieces_per_tick_max; --looks) {
            const std::uint64_t key = ready_.front();
            ready_.pop_front();
            if (Stream* stream = find(key); stream != nullptr) {
                stream->is_queued = false;
                pieces += stream->handed == 0 && look_at(*stream, now) ? 1U : 0U;
            }
        }
    }
    tell_readers();
}

/// A pipe says that it is ready until it is looked at, which under a storm of ends is some ticks later: it stands in the row once.
void Outputs::queue(std::uint64_t key) {
    if (Stream* stream = find(key); stream != nullptr && !std::exchange(stream->is_queued, true)) {
        ready_.push_back(key);
    }
}

/// True where there was something.
bool Outputs::look_at(Stream& stream, Instant now) {
    switch (looker_.look(stream.pipe.get(), seen_)) {
        case output::Looker::Seen::nothing: stream.watch.change(watch_readable); return false;
        case output::Looker::Seen::end: ended(stream, now); return false;
        case output::Looker::Seen::something: break;
    }
    feed(stream, now);
    const std::size_t newline = seen_.rfind('\n');
    std::size_t whole = newline == std::string::npos ? 0 : newline + 1;
    if (whole == 0 && seen_.size() < line_wait_bytes_max && (stream.due.is_never() || stream.due > now)) {
        stream.watch.change(0);  // it would only say again that there is half a line
        wait_until(stream, stream.due.is_never() ? now + line_patience : stream.due);
        return true;
    }
    if (whole == 0) {
        kept(stream.name.child).ring.end_line(stream.name.which, now);
        whole = seen_.size();
    }
    stream.due = Instant::never();
    hand(stream, std::string_view{seen_}.substr(0, whole), now);
    return true;
}

/// What ring and tail do not have yet of what was seen.
void Outputs::feed(Stream& stream, Instant now) {
    if (seen_.size() <= stream.fed) {
        return;
    }
    const std::string_view fresh = std::string_view{seen_}.substr(stream.fed);
    stream.fed = seen_.size();
    kept(stream.name.child).ring.append(stream.name.which, stream.name.generation, now, fresh);
    if (stream.name.which == Which::err) {
        stream.tail.append(fresh);
    }
    if (news_.empty() || news_.back() != stream.name.child) {
        news_.push_back(stream.name.child);
    }
}

void Outputs::hand(Stream& stream, std::string_view bytes, Instant now) {
    if (!stream.sink) {
        int error_number = 0;
        stream.sink = sink_for(stream.name, spec_of(stream.name), error_number);  // a file that cannot be opened says so with each piece
    }
    if (stream.is_overrun && stream.queued + bytes.size() > queue_bytes_max) {
        dropped(stream, bytes.size(), EAGAIN);
        take_out(stream, bytes.size());
        stream.watch.change(watch_readable);
        return;
    }
    output::Piece piece{stream.key, {}, stream.sink};
    if (stream.unsaid != 0 && !stream.is_failing) {
        piece.bytes =
            "backplaned: " + label(stream) + ": " + std::to_string(std::exchange(stream.unsaid, 0)) + " bytes were dropped here\n";
    }
    piece.bytes.append(bytes);
    stream.queued += piece.bytes.size();
    if (stream.is_overrun) {
        take_out(stream, bytes.size());
        stream.watch.change(watch_readable);
    } else {
        stream.handed = bytes.size();
        stream.watch.change(0);
        wait_until(stream, now + write_patience);
    }
    writer_.write(std::move(piece));
}

void Outputs::take_out(Stream& stream, std::size_t bytes) {
    looker_.take(stream.pipe.get(), bytes);
    stream.fed -= std::min(bytes, stream.fed);
}

void Outputs::take_written() {
    if (!std::exchange(is_written_, false)) {
        return;
    }
    writer_.take(written_);
    for (const output::Written& written : written_) {
        Stream* stream = find(written.token);
        if (stream == nullptr) {
            continue;
        }
        stream->queued -= std::min(written.bytes, stream->queued);
        if (written.outcome.dropped != 0) {
            dropped(*stream, written.outcome.dropped, written.outcome.error_number);
        } else if (stream->is_failing && stream->queued == 0) {
            recovered_from_drop(*stream);
        }
        if (stream->handed != 0) {
            take_out(*stream, std::exchange(stream->handed, 0));
            stream->due = Instant::never();
            queue(stream->key);
        }
        stream->is_overrun = stream->is_overrun && stream->queued != 0;
    }
}

/// Half a line has waited long enough, or the writer has kept us waiting.
void Outputs::take_due(Instant now) {
    next_look_ = Instant::never();
    std::erase_if(timed_, [&](std::uint64_t key) {
        Stream* stream = find(key);
        if (stream == nullptr || stream->due.is_never()) {
            return true;
        }
        if (stream->due > now) {
            next_look_ = std::min(next_look_, stream->due);
            return false;
        }
        if (stream->handed != 0) {
            take_out(*stream, std::exchange(stream->handed, 0));
            stream->is_overrun = true;
            stream->due = Instant::never();
            stream->watch.change(watch_readable);
            return true;
        }
        queue(key);  // `due` stays: it says that the line goes as it is
        return true;
    });
}

void Outputs::wait_until(Stream& stream, Instant due) {
    stream.due = due;
    timed_.push_back(stream.key);
    next_look_ = std::min(next_look_, due);
}

void Outputs::dropped(Stream& stream, std::size_t bytes, int error_number) {
    stream.unsaid += bytes;
    kept(stream.name.child).dropped += bytes;
    if (!std::exchange(stream.is_failing, true)) {
        const std::string why = error_number == EAGAIN ? "it comes faster than it is taken" : std::strerror(error_number);
        log_warning(label(stream) + " is dropped and counted: " + why);
    }
}

void Outputs::recovered_from_drop(Stream& stream) {
    stream.is_failing = false;
    log_info(label(stream) + " is written again; " + std::to_string(stream.unsaid) + " bytes were dropped");
}

void Outputs::ended(Stream& stream, Instant now) {
    Kept& what = kept(stream.name.child);
    what.ring.end_line(stream.name.which, now);
    if (stream.name.which == Which::err) {
        what.ended = stream.name.generation;
        what.words = stream.tail.text();
    }
    news_.push_back(stream.name.child);
    if (keeper_ != nullptr) {
        keeper_->drop(stream.key);
    }
    streams_.erase(stream.key);
}

void Outputs::tell_readers() {
    for (const core::ChildIndex child : std::exchange(news_, {})) {
        hub_.output_came(child);
    }
}

std::string Outputs::last_words(core::ChildIndex child, std::uint32_t generation) {
    const Name name{child, generation & generation_mask, Which::err};
    if (Stream* stream = find(key_of(name)); stream != nullptr) {
        if (looker_.look(stream->pipe.get(), seen_) == output::Looker::Seen::something) {
            feed(*stream, now_);
        }
        return std::string{stream->tail.text()};
    }
    const Kept* what = kept_of(child);
    return what != nullptr && what->ended == name.generation ? what->words : std::string{};
}

// ---- for readers -----------------------------------------------------------------------------------------------------------

session::WorkerOutput::Range Outputs::lines_of(core::ChildIndex child) const {
    const Kept* what = kept_of(child);
    return what == nullptr ? Range{first_line_, first_line_, first_line_}
                           : Range{what->ring.origin(), what->ring.first(), what->ring.next()};
}

session::WorkerOutput::OutputLine Outputs::line_of(core::ChildIndex child, std::uint64_t number) const {
    output::Line line = kept_of(child)->ring.line(number);
    return {line.at, line.generation, output::which_name(line.which), line.goes_on, std::move(line.text)};
}

std::uint64_t Outputs::dropped_of(core::ChildIndex child) const {
    const Kept* what = kept_of(child);
    return what == nullptr ? 0 : what->dropped;
}

}  // namespace backplane::shell
