// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/memory_journal.hpp"

#include "daemon/journal/place.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace backplane::sim {

namespace {

/// What lies behind the last record, so that a reader meets its end as in the real file.
constexpr std::size_t zeros_behind = 4096;
constexpr std::size_t file_step = 64 * 1024;

}  // namespace

/// A second daemon that only ever replays.
struct MemoryJournal::Shadow {
    core::Engine engine;
    session::Hub hub{engine, session::HubOptions{}};
    std::uint64_t place = 0;
};

MemoryJournal::MemoryJournal(const core::Engine& engine, const session::Hub& hub, const Options& options)
    : engine_(engine), hub_(hub), options_(options), chance_(options.seed + 1234) {
    begin({});
}

MemoryJournal::~MemoryJournal() = default;

void MemoryJournal::fail(const std::string& what) {
    if (wrong_.empty()) {
        wrong_ = "journal, event " + std::to_string(count_) + ": " + what;
    }
}

void MemoryJournal::begin(std::string_view image) {
    journal::Head head;
    head.magic = journal::head_magic;
    head.version = journal::format_version;
    std::snprintf(head.boot_id, sizeof head.boot_id, "%s", journal::boot_id().c_str());
    head.nonce = nonce_ = chance_.next();
    head.image_bytes = image.size();
    head.image_sum = journal::checksum(image.data(), image.size(), nonce_);
    head.sum = journal::head_sum(head);
    head.state = journal::HeadState::good;
    file_.assign(journal::head_bytes, '\0');
    std::memcpy(file_.data(), static_cast<const void*>(&head), sizeof head);
    file_.append(image);
    used_ = journal::head_bytes + journal::stride(image.size());
    file_.resize(used_ + file_step);
    if (!options_.shadowed) {
        return;
    }
    shadow_ = std::make_unique<Shadow>();
    shadow_->place = used_;
    if (!image.empty()) {
        const auto reader = journal::Reader::open(file_);
        if (!reader || !shadow_->hub.load_image(reader->image())) {
            fail("a compacted journal's image is refused");
        }
    }
}

void MemoryJournal::append(Instant at, const core::Event& event) {
    const journal::RecordHead record = journal::make_record(at, event, nonce_, used_);
    if (used_ + journal::stride(record.size) + zeros_behind > file_.size()) {
        file_.resize(used_ + journal::stride(record.size) + file_step);
    }
    std::memcpy(file_.data() + used_, static_cast<const void*>(&record), sizeof record);
    std::copy(event.text.begin(), event.text.end(), file_.begin() + static_cast<std::ptrdiff_t>(used_ + sizeof record));
    used_ += journal::stride(record.size);
}

bool MemoryJournal::record(Instant now, const core::Event& event) {
    if (life_ == 0) {
        asked_after_ = true;  // whatever is still done is done by a dead one
        return true;
    }
    compare();
    if (!engine_.can_happen(event)) {
        fail("kind " + std::to_string(static_cast<int>(event.kind)) + " happens, and could not have");
    }
    if (options_.compacts && engine_.steps() != 0 && chance_.one_in(60)) {
        begin(hub_.image());
        compare();
    }
    append(now, event);
    ++count_;
    life_ -= life_ != immortal ? 1U : 0U;
    if (shadow_) {
        journal::RecordHead record;
        std::memcpy(static_cast<void*>(&record), file_.data() + shadow_->place, sizeof record);
        const std::string_view text = std::string_view{file_}.substr(shadow_->place + sizeof record, record.size - sizeof record);
        shadow_->hub.set_time(record.at, record.at.ns / 1000);
        shadow_->hub.replay(record.at, journal::event_of(record, text));
        shadow_->place += journal::stride(record.size);
    }
    return true;
}

void MemoryJournal::compare() {
    if (!shadow_ || !wrong_.empty() || is_dead()) {
        return;
    }
    std::string was;
    engine_.save(was);
    std::string is;
    shadow_->engine.save(is);
    if (was != is) {
        const auto differ =
            std::mismatch(was.begin(), was.begin() + static_cast<std::ptrdiff_t>(std::min(was.size(), is.size())), is.begin());
        fail("the replayed state differs, at byte " + std::to_string(differ.first - was.begin()) + " of " + std::to_string(was.size()));
    }
}

std::string MemoryJournal::replay(core::Engine& engine, session::Hub& hub) const {
    auto reader = journal::Reader::open(file_);
    if (!reader) {
        return reader.error().detail;
    }
    if (!reader->image().empty() && !hub.load_image(reader->image())) {
        return "its image is refused";
    }
    journal::Entry entry;
    Instant last{};
    while (reader->next(entry)) {
        if (entry.at < last || !engine.can_happen(entry.event)) {
            return "event " + std::to_string(reader->count()) + " cannot have happened";
        }
        last = entry.at;
        hub.replay(entry.at, entry.event);
    }
    return reader->ending() == journal::Ending::whole && reader->place() == used_ ? std::string{}
                                                                                  : "it does not end where it was written to";
}

void MemoryJournal::compare_at_end() {
    compare();
    core::Engine engine;
    session::Hub hub(engine, session::HubOptions{});
    if (const std::string refused = replay(engine, hub); !refused.empty()) {
        fail(refused);
    }
    std::string was;
    engine_.save(was);
    std::string is;
    engine.save(is);
    if (was != is) {
        fail("replayed as a whole its state differs");
    }
    if (engine_.steps() != engine.steps() || hub.log().last() != hub_.log().last() || hub.log().size() != hub_.log().size()) {
        fail("replayed as a whole its event log differs");
    }
}

bool MemoryJournal::write_file(const std::string& path) const {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(file_.data(), static_cast<std::streamsize>(file_.size()));
    file.close();
    std::error_code wrong;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, wrong);
    return file.good() && !wrong;
}

}  // namespace backplane::sim
