// SPDX-License-Identifier: Apache-2.0
/// How the daemon orders a program by way of the exec helper (decision 18), and how the helper answers.
///
/// The orders are arguments at fixed places, in front of everything that belongs to the program, so nothing of it can be
/// taken for an order. The helper is started with an empty environment, and carries the program's among its arguments: what a
/// worker is configured with must not work on a program that still has the daemon's rights.
///
///     name report parent uid gid groups capabilities directory environment-count candidate-count
///     environment... candidates... arguments...
#pragma once

#include <cstdint>

namespace backplane::process {

enum ExecOrder : int {
    order_report = 1,         ///< descriptor of the answer's pipe; `-`: nobody asks
    order_parent,             ///< whose child it must be, and dies with; 0: it need not
    order_uid,                ///< decimal
    order_gid,                ///< decimal
    order_groups,             ///< decimal, with commas; empty: none; `-`: those that it has
    order_capabilities,       ///< a mask, decimal
    order_directory,          ///< where the program starts; entered as its user
    order_environment_count,  ///< of texts that follow
    order_candidate_count,    ///< of programs to try, behind those
    order_end                 ///< here the environment begins
};

/// The answer, written only where the program was not executed. The pipe closes on exec.
struct ExecReport {
    std::int32_t step = 0;  ///< a core::SpawnStep
    std::int32_t error_number = 0;
};

}  // namespace backplane::process
