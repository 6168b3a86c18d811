// SPDX-License-Identifier: Apache-2.0
/// What one program hands to the next when the daemon is replaced in place (idea 5): the process stays, and with it every descriptor
/// that is named here. The state itself is in the journal.
#pragma once

#include "daemon/core/types.hpp"

#include <backplane/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::shell {

/// Raised with every change of what is written here, of the journal's format or of the core's image.
inline constexpr std::uint32_t handoff_version = 3;

struct HandedSocket {
    core::SessionIndex session = 0;
    std::int32_t descriptor = -1;
    core::ChildIndex worker = core::no_child;
    std::uint32_t generation = 0;
};

struct HandedWorker {
    core::ChildIndex child = core::no_child;
    std::uint32_t generation = 0;
    std::int32_t pid = 0;
    std::int32_t notify_descriptor = -1;
    std::uint64_t started_at = 0;
    core::SessionIndex session = 0;
    std::uint32_t is_gone = 0;  ///< 1: only its group is still watched
};

/// The reading end of one output, by the key that the keeper knows it by too.
struct HandedOutput {
    std::uint64_t key = 0;
    std::uint64_t fed = 0;  ///< bytes in the pipe that are in the ring already
    std::int32_t descriptor = -1;
    std::uint32_t reserved = 0;
};

struct Handoff {
    std::string configuration;
    std::string connections;  ///< of `Hub::save_connections`
    std::vector<HandedSocket> sockets;
    std::vector<HandedWorker> workers;
    std::vector<HandedOutput> outputs;
    std::string lines;  ///< of `Outputs::save`
    std::int32_t listening = -1, lock = -1;
    std::int32_t is_lent = 0;   ///< 1: the listening socket is the service manager's, and not ours to remove
    std::int32_t control = -1;  ///< to the keeper; -1: there is none
    std::int32_t keeper_pid = 0;
    std::uint64_t keeper_restarts = 0, keeper_stops = 0, direct_stops = 0;
    std::uint64_t open_files_before = 0;
};

[[nodiscard]] std::string encode_handoff(const Handoff& handoff);
/// Reads hostile bytes; `corrupt_image` for any that `encode_handoff` of this version did not write.
[[nodiscard]] Expected<Handoff> decode_handoff(std::string_view bytes);

/// Becomes the program at `program` with these words, taking the handoff and all that it names along. Returns only where that is
/// not possible, with the reason; then nothing has changed.
[[nodiscard]] Error replace_program(const std::string& program, const std::vector<std::string>& words, const Handoff& handoff);

/// The path of the program that would take over: where this one was started from, whatever lies there now.
[[nodiscard]] Expected<std::string> program_path();
/// Asks that program whether it can take over from this one; it has a second to answer. The error's detail is its own word.
[[nodiscard]] Expected<void> ask_program(const std::string& program);
/// The other side of that question: empty, or why not. `formats` is what the old program says of itself.
[[nodiscard]] std::string objection_to(std::string_view formats);
/// What this program writes: as it stands behind `--can-take-over`.
[[nodiscard]] std::string own_formats();

}  // namespace backplane::shell
