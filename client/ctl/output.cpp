// SPDX-License-Identifier: Apache-2.0
/// See output.hpp.
#include "client/ctl/output.hpp"

#include <unistd.h>
#include <cerrno>

namespace backplane::ctl {

Written write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(descriptor, text.data(), text.size());
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EPIPE) {
            return Written::reader_gone;
        } else if (errno != EINTR) {
            return Written::failed;
        }
    }
    return Written::all;
}

}  // namespace backplane::ctl
