// SPDX-License-Identifier: Apache-2.0
/// One frame through its decoder and encoder, both ways.
#pragma once

#include "proto/wire/frame.hpp"

namespace backplane::fuzz {

/// Decodes the frame by its type; ends the process where what was decoded cannot be written and decoded again. Frames of
/// unknown types are let through.
void try_frame(const wire::FrameView& frame);

}  // namespace backplane::fuzz
