// SPDX-License-Identifier: Apache-2.0
/// Judging a journal, record by record.
#include "daemon/journal/reader.hpp"

#include <algorithm>
#include <cstring>

namespace backplane::journal {
namespace {

/// No event of a client has a longer text, with much to spare.
constexpr std::size_t unfinished_bytes_max = 64U << 10;

}  // namespace

Expected<Reader> Reader::open(std::string_view bytes) {
    const auto wrong = [](std::string what) { return unexpected(ErrorCode::corrupt_image, "journal: " + std::move(what)); };
    if (bytes.size() < head_bytes) {
        return wrong("shorter than its head");
    }
    Reader reader;
    reader.bytes_ = bytes;
    std::memcpy(static_cast<void*>(&reader.head_), bytes.data(), sizeof reader.head_);
    const Head& head = reader.head_;
    if (head.magic != head_magic) {
        return wrong("not a journal");
    }
    if (head.version != format_version) {
        return wrong("of version " + std::to_string(head.version) + "; this daemon reads " + std::to_string(format_version));
    }
    if (head.sum != head_sum(head)) {
        return wrong("its head was changed");
    }
    if (head.state != HeadState::good) {
        return wrong("its writer said that it is not complete");
    }
    const std::size_t left = bytes.size() - head_bytes;
    if (head.image_bytes > left || stride(static_cast<std::size_t>(head.image_bytes)) > left) {
        return wrong("shorter than its image");
    }
    reader.image_ = bytes.substr(head_bytes, static_cast<std::size_t>(head.image_bytes));
    if (head.image_sum != checksum(reader.image_.data(), reader.image_.size(), head.nonce)) {
        return wrong("its image was changed");
    }
    reader.place_ = head_bytes + stride(static_cast<std::size_t>(head.image_bytes));
    return reader;
}

bool Reader::nothing_behind(std::uint64_t place) const {
    return place >= bytes_.size() || bytes_.find_first_not_of('\0', static_cast<std::size_t>(place)) == std::string_view::npos;
}

/// Whether a whole record lies somewhere behind `place`: one that the nonce and its place vouch for is no chance and no text of a
/// client, who knows neither. Looks no further than one unfinished record can reach.
bool Reader::record_behind(std::uint64_t place) const {
    // Only the second record of all, the configuration, is long.
    const std::uint64_t reach = count_ <= 1 ? bytes_.size() : std::min<std::uint64_t>(bytes_.size(), place + unfinished_bytes_max + 64);
    for (std::uint64_t at = place; at + sizeof(RecordHead) <= reach; at += stride(1)) {
        RecordHead record;
        std::memcpy(&record.size, bytes_.data() + at, sizeof record.size);
        if (record.size < sizeof(RecordHead) || record.size > sizeof(RecordHead) + unfinished_bytes_max ||
            record.size > bytes_.size() - at) {
            continue;
        }
        std::memcpy(static_cast<void*>(&record), bytes_.data() + at, sizeof record);
        const std::string_view text = bytes_.substr(static_cast<std::size_t>(at) + sizeof record, record.size - sizeof record);
        if (record.sum == record_sum(record, text, head_.nonce, at)) {
            return true;
        }
    }
    return false;
}

bool Reader::next(Entry& entry) {
    if (place_ + sizeof(RecordHead) > bytes_.size()) {
        ending_ = nothing_behind(place_) ? Ending::whole : Ending::torn;  // a copy may have been cut anywhere
        return false;
    }
    RecordHead record;
    std::memcpy(static_cast<void*>(&record), bytes_.data() + place_, sizeof record);
    if (record.size == 0) {
        // What follows is at the most one record that was being written; only a configuration, the second of all, can be long.
        const bool is_end = (count_ <= 1 || nothing_behind(place_ + unfinished_bytes_max)) && !record_behind(place_ + stride(1));
        ending_ = is_end ? Ending::whole : Ending::wrong;
        return false;
    }
    const std::uint64_t left = bytes_.size() - place_;
    const bool fits =
        record.size >= sizeof(RecordHead) && record.size - sizeof(RecordHead) <= text_bytes_max && stride(record.size) <= left;
    const std::string_view text =
        fits ? bytes_.substr(static_cast<std::size_t>(place_) + sizeof(RecordHead), record.size - sizeof(RecordHead)) : std::string_view{};
    if (!fits || record.sum != record_sum(record, text, head_.nonce, place_)) {
        const bool is_last = nothing_behind(place_ + (fits ? stride(record.size) : sizeof(RecordHead)));
        ending_ = is_last && !record_behind(place_ + stride(1)) ? Ending::torn : Ending::wrong;
        return false;
    }
    entry.at = record.at;
    entry.event = event_of(record, text);
    place_ += stride(record.size);
    ++count_;
    return true;
}

}  // namespace backplane::journal
