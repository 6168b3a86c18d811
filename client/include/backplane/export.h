// SPDX-License-Identifier: Apache-2.0
/// BP_EXPORT marks what libbackplane shows to the programs that link with it; everything else stays hidden. BP_HIDDEN marks the
/// private members of a class that is shown.
#pragma once

#if defined(__GNUC__)
#define BP_EXPORT __attribute__((visibility("default")))
#define BP_HIDDEN __attribute__((visibility("hidden")))
#else
#define BP_EXPORT
#define BP_HIDDEN
#endif
