// SPDX-License-Identifier: Apache-2.0
/// Ids in pages: who may create which id, and when a page's slots may be used again (decision 1, rule D-10).
#include "daemon/core/graph_inline.hpp"

namespace backplane::core {

namespace {
/// A page rests behind this many others, so that the last 4 096 exits at least can still be told (L-8).
constexpr std::uint32_t pages_at_rest = 64;
constexpr std::uint32_t generation_last = UINT32_MAX;
}  // namespace

/// A page for `owner`: one that rested long enough, else a new one; nil where the slots are used up.
std::uint32_t Graph::take_page(SessionIndex owner) {
    std::uint32_t page = nil;
    if (free_page_count_ > pages_at_rest) {
        page = free_pages_;
        free_pages_ = pages_[page].next;
        --free_page_count_;
    } else {
        if (devices_.size() + page_slots > limits_.slots) {
            return nil;
        }
        page = pages_.grow();
        devices_.grow_by(page_slots);
        pages_[page].generation = 1;
    }
    Page& taken = pages_[page];
    taken.owner = owner;
    taken.open = page_slots;
    taken.next = nil;
    return page;
}

ErrorCode Graph::grant(SessionIndex session, std::uint32_t pages) {
    granted_.clear();
    for (std::uint32_t i = 0; i < pages; ++i) {
        const std::uint32_t page = take_page(session);
        if (page == nil) {
            return granted_.empty() ? ErrorCode::limit_reached : ErrorCode::ok;
        }
        pages_[page].next = sessions_[session].pages;
        sessions_[session].pages = page;
        granted_.push_back(DeviceId::make(pages_[page].generation, page * page_slots));
    }
    return ErrorCode::ok;
}

/// A page none of whose ids matters any more leaves its owner and rests, its generation raised.
void Graph::rest_page(std::uint32_t number) {
    Page& page = pages_[number];
    if (page.owner != daemon_session) {
        std::uint32_t* at = &sessions_[page.owner].pages;
        while (*at != number) {
            at = &pages_[*at].next;
        }
        *at = page.next;
    }
    page.owner = daemon_session;
    page.next = nil;
    if (page.generation == generation_last) {
        return;  // its ids are used up for ever
    }
    ++page.generation;
    if (free_page_count_++ == 0) {
        free_pages_ = number;
    } else {
        pages_[last_free_page_].next = number;
    }
    last_free_page_ = number;
}

/// The unused ids of a session that ends are burnt (D-10); its pages stay open for what still lives or is owed.
void Graph::burn_pages(SessionIndex session) {
    std::uint32_t number = sessions_[session].pages;
    sessions_[session].pages = nil;
    while (number != nil) {
        const std::uint32_t next = pages_[number].next;
        pages_[number].owner = daemon_session;
        pages_[number].next = nil;
        std::uint32_t unused = 0;
        for (std::uint32_t i = 0; i < page_slots; ++i) {
            const std::uint32_t slot = number * page_slots + i;
            unused += devices_[slot].generation != pages_[number].generation ? 1U : 0U;
        }
        const std::uint32_t first = number * page_slots;
        for (std::uint32_t i = 0; i < unused; ++i) {
            close_id(first);
        }
        number = next;
    }
}

}  // namespace backplane::core
