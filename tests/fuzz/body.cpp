// SPDX-License-Identifier: Apache-2.0
/// The decoder of one frame type, BP_FRAME: the input is a body, so that no mutation is lost on the header's length. For
/// the hot types, which share a target, type and flags come before the body.
#include "tests/fuzz/round_trip.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace backplane;
    wire::Bytes body = fuzz::as_bytes(fuzz::as_text(data, size));
    wire::FrameView frame;
#ifdef BP_FRAME
    frame.type = wire::FrameType::BP_FRAME;
#else
    if (body.size() < 2) {
        return 0;
    }
    frame.type = static_cast<wire::FrameType>(body[0]);
    frame.flags = static_cast<std::uint16_t>(body[1]) & wire::flag::known;
    body = body.subspan(2);
#endif
    frame.body = body;
    fuzz::try_frame(frame);
    return 0;
}
