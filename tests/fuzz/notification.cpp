// SPDX-License-Identifier: Apache-2.0
/// Datagrams on a worker's NOTIFY_SOCKET (decision 20): any bytes, and a status that can be shown.
#include "daemon/process/notify_socket.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace backplane;
    process::Notification said;
    const bool taken = process::parse_notification(fuzz::as_text(data, size), said);
    fuzz::hold(taken || said.says_nothing(), "what is refused says nothing");
    if (said.status) {
        fuzz::hold(said.status->size() <= process::notify_status_bytes_max, "a status is bounded");
        for (const char c : *said.status) {
            fuzz::hold(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a status has no control characters");
        }
    }
    return 0;
}
