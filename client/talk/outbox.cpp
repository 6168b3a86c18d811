// SPDX-License-Identifier: Apache-2.0
/// See outbox.hpp. Both buffers drop their used front when it has grown to half, so that neither moves bytes often.
#include "client/talk/outbox.hpp"

#include <numeric>

namespace backplane::talk {

namespace {

void drop_front(std::string& buffer, std::size_t& begin) {
    if (begin == buffer.size()) {
        buffer.clear();
        begin = 0;
    } else if (begin > 4096 && begin > buffer.size() / 2) {
        buffer.erase(0, begin);
        begin = 0;
    }
}

}  // namespace

void Outbox::sent(std::size_t count) {
    sent_ += count;
    drop_front(bytes_, sent_);
}

void Outbox::hold() {
    bytes_.clear();
    sent_ = 0;
    held_ = true;
}

void Outbox::release(std::uint64_t received) {
    const auto first = kept_sizes_.begin();
    const auto carried_out = std::accumulate(first, first + static_cast<std::ptrdiff_t>(received - acknowledged_), std::size_t{0});
    bytes_.append(kept_, kept_begin_ + carried_out);
    held_ = false;
}

bool Outbox::acknowledge(std::uint64_t count) {
    if (!can_have(count)) {
        return false;
    }
    while (acknowledged_ < count) {
        kept_begin_ += kept_sizes_.front();
        kept_sizes_.pop_front();
        ++acknowledged_;
    }
    drop_front(kept_, kept_begin_);
    return true;
}

}  // namespace backplane::talk
