// SPDX-License-Identifier: Apache-2.0
/// The handoff as bytes in memory of their own, and the two calls of exec.
#include "daemon/shell/handoff.hpp"

#include "daemon/core/image.hpp"
#include "daemon/journal/record.hpp"
#include "daemon/process/descriptor.hpp"
#include "daemon/shell/launch.hpp"
#include "daemon/shell/system_error.hpp"

#include <backplane/version.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace backplane::shell {
namespace {

using process::Descriptor;

constexpr std::uint64_t magic = 0x6666'6f64'6e61'6870ULL;  // "phandoff"
constexpr int answer_ms = 1000;

std::vector<int> descriptors_of(const Handoff& handoff) {
    std::vector<int> all{handoff.listening, handoff.lock, handoff.control};
    for (const HandedSocket& socket : handoff.sockets) {
        all.push_back(socket.descriptor);
    }
    for (const HandedWorker& worker : handoff.workers) {
        all.push_back(worker.notify_descriptor);
    }
    for (const HandedOutput& output : handoff.outputs) {
        all.push_back(output.descriptor);
    }
    std::erase(all, -1);
    return all;
}

void set_close_on_exec(const std::vector<int>& descriptors, bool closes) {
    for (const int descriptor : descriptors) {
        fcntl(descriptor, F_SETFD, closes ? FD_CLOEXEC : 0);
    }
}

/// Reads what is said until the end of the stream or the time; at most a few lines.
std::string answer_from(int descriptor) {
    std::string text;
    std::array<char, 1024> part{};
    pollfd more{descriptor, POLLIN, 0};
    while (text.size() < part.size() && poll(&more, 1, answer_ms) > 0) {
        const ssize_t bytes = read(descriptor, part.data(), part.size());
        if (bytes <= 0) {
            break;
        }
        text.append(part.data(), static_cast<std::size_t>(bytes));
    }
    return text.substr(0, text.find('\n'));
}

}  // namespace

std::string encode_handoff(const Handoff& handoff) {
    std::string bytes;
    core::ImageWriter writer(bytes);
    writer.value(magic);
    writer.value(handoff_version);
    for (const std::int32_t number : {handoff.listening, handoff.lock, handoff.is_lent, handoff.control, handoff.keeper_pid}) {
        writer.value(number);
    }
    for (const std::uint64_t number : {handoff.keeper_restarts, handoff.keeper_stops, handoff.direct_stops, handoff.open_files_before}) {
        writer.value(number);
    }
    writer.text(handoff.configuration);
    writer.text(handoff.connections);
    writer.array(handoff.sockets);
    writer.array(handoff.workers);
    writer.array(handoff.outputs);
    writer.text(handoff.lines);
    return bytes;
}

Expected<Handoff> decode_handoff(std::string_view bytes) {
    core::ImageReader reader(bytes);
    Handoff handoff;
    std::uint64_t what = 0;
    std::uint32_t version = 0;
    bool good = reader.value(what) && what == magic && reader.value(version) && version == handoff_version;
    for (std::int32_t* number : {&handoff.listening, &handoff.lock, &handoff.is_lent, &handoff.control, &handoff.keeper_pid}) {
        good = good && reader.value(*number);
    }
    for (std::uint64_t* number : {&handoff.keeper_restarts, &handoff.keeper_stops, &handoff.direct_stops, &handoff.open_files_before}) {
        good = good && reader.value(*number);
    }
    good = good && reader.text(handoff.configuration) && reader.text(handoff.connections) && reader.array(handoff.sockets) &&
           reader.array(handoff.workers) && reader.array(handoff.outputs) && reader.text(handoff.lines) && reader.at_end();
    return good ? Expected<Handoff>{std::move(handoff)} : unexpected(ErrorCode::corrupt_image, "the handoff is not of this version");
}

Error replace_program(const std::string& program, const std::vector<std::string>& words, const Handoff& handoff) {
    const std::string bytes = encode_handoff(handoff);
    Descriptor memory{memfd_create("backplaned-handoff", MFD_CLOEXEC)};
    if (!memory || write(memory.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
        return system_error("handoff in memory").error;
    }
    std::vector<std::string> called = words;
    called.insert(called.begin() + 1, {handed_argument, std::to_string(memory.get())});
    std::vector<char*> pointers;
    for (std::string& word : called) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    std::vector<int> descriptors = descriptors_of(handoff);
    descriptors.push_back(memory.get());
    set_close_on_exec(descriptors, false);
    execv(program.c_str(), pointers.data());
    const Error wrong = system_error(program.c_str()).error;
    set_close_on_exec(descriptors, true);
    return wrong;
}

Expected<std::string> program_path() {
    std::array<char, 4096> path{};
    const ssize_t size = readlink("/proc/self/exe", path.data(), path.size() - 1);
    if (size <= 0) {
        return system_error("/proc/self/exe");
    }
    // A package that was upgraded has put another file in the place of the one that runs.
    std::string text{path.data(), static_cast<std::size_t>(size)};
    constexpr std::string_view deleted = " (deleted)";
    if (text.ends_with(deleted)) {
        text.resize(text.size() - deleted.size());
    }
    return text;
}

Expected<void> ask_program(const std::string& program) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return system_error("pipe");
    }
    const Descriptor reading{ends[0]};
    Descriptor writing{ends[1]};
    const std::string formats = own_formats();
    const pid_t child = fork();
    if (child < 0) {
        return system_error("fork");
    }
    if (child == 0) {
        dup2(writing.get(), STDOUT_FILENO);
        dup2(writing.get(), STDERR_FILENO);
        execl(program.c_str(), program.c_str(), can_take_over_argument, formats.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    writing.reset();
    const std::string answer = answer_from(reading.get());
    kill(child, SIGKILL);  // it has answered, or its time is over
    int status = 0;
    waitpid(child, &status, 0);
    if (answer == "yes") {
        return {};
    }
    return unexpected(ErrorCode::not_supported, program + ": " + (answer.empty() ? "it does not answer" : answer));
}

std::string own_formats() {
    return "handoff=" + std::to_string(handoff_version) + " journal=" + std::to_string(journal::format_version) +
           " image=" + std::to_string(core::image_version);
}

std::string objection_to(std::string_view formats) {
    const std::string own = own_formats();
    return formats == own ? std::string{}
                          : "backplaned " + std::string{version_text} + " takes over from [" + own + "], and what runs is [" +
                                std::string{formats} + "]: stop and start, or detach and start";
}

}  // namespace backplane::shell
