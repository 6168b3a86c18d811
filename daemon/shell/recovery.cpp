// SPDX-License-Identifier: Apache-2.0
/// Replay (idea 5): the image, then every event since, each at its own time.
#include "daemon/shell/recovery.hpp"

#include "daemon/shell/clock.hpp"

#include <utility>

namespace backplane::shell {

namespace {

/// Empty, or what is wrong.
std::string replay(journal::Reader& reader, core::Engine& engine, session::Hub& hub, Instant now) {
    journal::Entry entry;
    Instant last{};
    while (reader.next(entry)) {
        // Times go up, and none is yet to come: the clock is the machine's, and of this boot.
        if (entry.at < last || entry.at > now || !engine.can_happen(entry.event)) {
            return "event " + std::to_string(reader.count()) + " cannot have happened";
        }
        last = entry.at;
        hub.replay(entry.at, entry.event);
    }
    return reader.ending() == journal::Ending::wrong ? "something behind event " + std::to_string(reader.count()) + " was changed"
                                                     : std::string{};
}

}  // namespace

Recovered recover(const std::string& path, core::Engine& engine, session::Hub& hub) {
    Recovered recovered;
    Expected<std::unique_ptr<journal::Journal>> opened = journal::Journal::open(path);
    if (!opened) {
        recovered.unusable = opened.error().code == ErrorCode::not_found ? std::string{} : opened.error().detail;
        return recovered;
    }
    Expected<journal::Reader> reader = (*opened)->reader();
    if (!reader) {
        recovered.unusable = reader.error().detail;
        return recovered;
    }
    const Moment moment = read_clock();
    hub.set_time(moment.now, moment.wall_us);
    if (!reader->image().empty()) {
        if (Expected<void> loaded = hub.load_image(reader->image()); !loaded) {
            recovered.unusable = loaded.error().detail;
            return recovered;
        }
    }
    recovered.unusable = replay(*reader, engine, hub, moment.now);
    if (recovered.unusable.empty() && engine.steps() == 0) {
        recovered.unusable = "it holds nothing";
    }
    if (!recovered.unusable.empty()) {
        return recovered;
    }
    recovered.events = reader->count();
    recovered.was_torn = reader->ending() == journal::Ending::torn;
    if (Expected<void> done = (*opened)->go_on(reader->place()); !done) {
        recovered.unusable = done.error().detail;
        return recovered;
    }
    recovered.journal = std::move(*opened);
    return recovered;
}

}  // namespace backplane::shell
