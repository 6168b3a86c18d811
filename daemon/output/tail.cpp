// SPDX-License-Identifier: Apache-2.0
/// See tail.hpp.
#include "daemon/output/tail.hpp"

namespace backplane::output {

void Tail::append(std::string_view bytes) {
    if (bytes.size() > kept_max) {
        bytes.remove_prefix(bytes.size() - kept_max);
        kept_.clear();
        is_cut_ = true;
    }
    if (kept_.size() + bytes.size() > kept_max) {
        kept_.erase(0, kept_.size() + bytes.size() - kept_max);
        is_cut_ = true;
    }
    kept_.append(bytes);
}

std::string_view Tail::text() const {
    std::string_view shown = kept_;
    if (shown.ends_with('\n')) {
        shown.remove_suffix(1);
    }
    bool is_cut = is_cut_;
    if (shown.size() > core::last_words_bytes_max) {
        shown.remove_prefix(shown.size() - core::last_words_bytes_max);
        is_cut = true;
    }
    const std::size_t newline = is_cut ? shown.find('\n') : std::string_view::npos;
    return newline == std::string_view::npos ? shown : shown.substr(newline + 1);
}

}  // namespace backplane::output
