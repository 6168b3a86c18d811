// SPDX-License-Identifier: Apache-2.0
/// What stands between a command line and a running daemon: the keeper, which the process that was started becomes.
#pragma once

#include "daemon/process/descriptor.hpp"
#include "daemon/shell/handoff.hpp"
#include "daemon/shell/inherited.hpp"
#include "daemon/shell/keeper_link.hpp"

#include <backplane/expected.hpp>

#include <memory>
#include <string>
#include <vector>

namespace backplane::shell {

/// The first arguments of a process that a keeper started; the control socket is descriptor 3.
inline constexpr const char* kept_argument = "--kept-by";
/// Those of a keeper that takes the place of one that died: the next argument is the descriptor of the configuration's text.
inline constexpr const char* take_over_argument = "--take-over";

/// That of a program that takes over in place: the next argument is the descriptor of the handoff (handoff.hpp).
inline constexpr const char* handed_argument = "--handed";
/// Asks a program whether it can; it answers on stdout and ends.
inline constexpr const char* can_take_over_argument = "--can-take-over";

/// Becomes the keeper of daemons that are called with `arguments` (the program's name first) and read this configuration. They listen on
/// what was inherited, where that is one socket. Answers the exit code at the end of the service; `system` where it cannot begin.
[[nodiscard]] Expected<int> become_keeper(const std::vector<std::string>& arguments, const std::string& configuration, Inherited given);

/// The keeper's end of its socket, and the configuration that it holds.
struct Kept {
    std::unique_ptr<KeeperLink> keeper;
    std::string configuration;
};
[[nodiscard]] Expected<Kept> find_keeper();

/// What the program before this one handed over, and its end of the keeper's socket; empty where it had none.
[[nodiscard]] Expected<Handoff> find_handoff(int descriptor, std::unique_ptr<KeeperLink>& keeper);

/// The text in memory of its own: every daemon of this service reads the same one, whatever becomes of the file.
[[nodiscard]] Expected<process::Descriptor> text_in_memory(const std::string& text);

/// The text behind a descriptor, which is closed.
[[nodiscard]] Expected<std::string> read_descriptor(int descriptor);

/// A keeper died and its daemon did not: where a service manager sees to the service it starts it anew, and this answers 1. Else
/// this process becomes the next keeper, so that its workers keep their parent, and this does not return. `lent`: the socket of another
/// that the daemon listened on, which goes along; may be empty.
[[nodiscard]] int replace_keeper(const std::vector<std::string>& arguments, const std::string& configuration, process::Descriptor lent);

}  // namespace backplane::shell
