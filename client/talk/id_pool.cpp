// SPDX-License-Identifier: Apache-2.0
/// See id_pool.hpp.
#include "client/talk/id_pool.hpp"

#include <algorithm>

namespace backplane::talk {

void IdPool::add(const wire::Grant& grant) {
    if (grant.count != 0 && grant.first) {
        pages_.push_back(grant);
        left_ += grant.count;
    }
}

std::optional<DeviceId> IdPool::take() {
    if (pages_.empty()) {
        return std::nullopt;
    }
    wire::Grant& page = pages_.front();
    const DeviceId id = page.first;
    page.first.value += 1;
    page.count -= 1;
    left_ -= 1;
    if (page.count == 0) {
        pages_.pop_front();
    }
    return id;
}

std::uint32_t IdPool::pages_to_ask() {
    const std::uint64_t half = static_cast<std::uint64_t>(set_pages_) * wire::ids_per_grant / 2;
    if (asking_ || left_ >= half) {
        return 0;
    }
    asking_ = true;
    set_pages_ = std::min(set_pages_ * 2, wire::grants_per_request_max);
    return set_pages_;
}

}  // namespace backplane::talk
