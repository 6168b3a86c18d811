# SPDX-License-Identifier: Apache-2.0
# The worker that process_bench starts, found beside the bench. It is never instrumented and needs no library but C's.
add_executable(bp_process_worker process_worker.cpp)
target_link_options(bp_process_worker PRIVATE -Wl,--as-needed)
