// SPDX-License-Identifier: Apache-2.0
/// Descriptors and arguments for the keeper's plan.
#include "daemon/shell/launch.hpp"

#include "daemon/keeper/keeper.hpp"
#include "daemon/process/descriptor.hpp"
#include "daemon/shell/system_error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace backplane::shell {
namespace {

using process::Descriptor;

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) {
        pointers.push_back(const_cast<char*>(text.c_str()));
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// How often systemd wants to hear that we are there: only where it means this process.
std::uint64_t watchdog_us() {
    const std::uint64_t pid = number_of("WATCHDOG_PID");
    return pid == 0 || pid == static_cast<std::uint64_t>(getpid()) ? number_of("WATCHDOG_USEC") : 0;
}

}  // namespace

Expected<Descriptor> text_in_memory(const std::string& text) {
    Descriptor memory{memfd_create("backplaned.json", MFD_CLOEXEC)};
    if (!memory) {
        return system_error("memfd_create");
    }
    for (std::size_t written = 0; written < text.size();) {
        const ssize_t bytes = write(memory.get(), text.data() + written, text.size() - written);
        if (bytes < 0 && errno != EINTR) {
            return system_error("configuration in memory");
        }
        written += bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
    }
    return memory;
}

Expected<int> become_keeper(const std::vector<std::string>& arguments, const std::string& configuration, Inherited given) {
    if (given.listening.size() > 1) {
        return unexpected(ErrorCode::system, "the service manager gives " + std::to_string(given.listening.size()) +
                                                 " sockets (LISTEN_FDS); this daemon listens on one");
    }
    Expected<Descriptor> text = text_in_memory(configuration);
    if (!text) {
        return unexpected(text.error());
    }
    Descriptor program{open("/proc/self/exe", O_PATH | O_CLOEXEC)};
    if (!program) {
        return system_error("/proc/self/exe");
    }
    std::vector<std::string> words = arguments;
    words.insert(words.begin() + 1, {kept_argument, std::to_string(keeper::control_descriptor)});
    const std::vector<char*> pointers = pointers_to(words);
    std::vector held{keeper::HeldDescriptor{keeper::key_configuration, text->release()}};
    if (!given.listening.empty()) {
        held.push_back({keeper::key_lent_socket, given.listening.front().release()});
    }
    keeper::KeeperPlan plan;
    plan.executable = program.release();
    plan.arguments = pointers.data();
    plan.environment = environ;
    plan.held = held.data();
    plan.held_count = held.size();
    plan.watchdog_us = watchdog_us();
    plan.notify = std::getenv("NOTIFY_SOCKET");
    return keeper::keep(plan);
}

Expected<std::string> read_descriptor(int descriptor) {
    const Descriptor file{descriptor};
    std::string text;
    std::array<char, 64 * 1024> part{};
    for (;;) {
        const ssize_t bytes = pread(file.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
        if (bytes == 0) {
            return text;
        }
        if (bytes < 0 && errno != EINTR) {
            return system_error("the configuration that was kept");
        }
        text.append(part.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    }
}

Expected<Kept> find_keeper() {
    Expected<std::unique_ptr<KeeperLink>> keeper = KeeperLink::open(Descriptor{keeper::control_descriptor});
    if (!keeper) {
        return unexpected(keeper.error());
    }
    Expected<std::string> text = read_descriptor((*keeper)->take_held(keeper::key_configuration).release());
    if (!text) {
        return unexpected(text.error());
    }
    return Kept{std::move(*keeper), std::move(*text)};
}

Expected<Handoff> find_handoff(int descriptor, std::unique_ptr<KeeperLink>& keeper) {
    Expected<std::string> bytes = read_descriptor(descriptor);
    if (!bytes) {
        return unexpected(bytes.error());
    }
    Expected<Handoff> handoff = decode_handoff(*bytes);
    if (handoff && handoff->control >= 0) {
        keeper = KeeperLink::take_over(Descriptor{handoff->control}, handoff->keeper_pid, handoff->keeper_restarts, handoff->keeper_stops);
    }
    return handoff;
}

int replace_keeper(const std::vector<std::string>& arguments, const std::string& configuration, Descriptor lent) {
    if (std::getenv("NOTIFY_SOCKET") != nullptr) {
        return 1;
    }
    Expected<Descriptor> text = text_in_memory(configuration);
    if (!text) {
        return 1;
    }
    // Out of the way of the socket, which has a place of its own.
    const Descriptor kept{fcntl(text->get(), F_DUPFD, keeper::control_descriptor + 1)};
    if (lent) {
        bequeath(lent.release());
    }
    std::vector<std::string> words = arguments;
    words.insert(words.begin() + 1, {take_over_argument, std::to_string(kept.get())});
    const std::vector<char*> pointers = pointers_to(words);
    execv("/proc/self/exe", pointers.data());
    return 1;
}

}  // namespace backplane::shell
