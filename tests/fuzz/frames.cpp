// SPDX-License-Identifier: Apache-2.0
/// Streams of frames, of both directions: the header's reader, and behind it every decoder (T-11).
#include "tests/fuzz/round_trip.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace backplane;
    wire::Bytes rest = fuzz::as_bytes(fuzz::as_text(data, size));
    wire::FrameResult result = wire::next_frame(rest);
    while (result.status == wire::FrameStatus::whole) {
        fuzz::hold(result.size <= rest.size() && result.size >= wire::header_bytes, "a frame lies within its stream");
        fuzz::try_frame(result.frame);
        rest = rest.subspan(result.size);
        result = wire::next_frame(rest);
    }
    const bool wrong = result.status == wire::FrameStatus::wrong;
    fuzz::hold(!wrong || !result.error.detail.empty(), "an error names the field");
    return 0;
}
