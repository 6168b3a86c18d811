// SPDX-License-Identifier: Apache-2.0
/// A real backplaned for the end-to-end benches: in a temporary folder of its own, ended and removed with its object.
#pragma once

#include <backplane/client.hpp>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace backplane::bench {

inline std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A bench that cannot measure says why and ends.
[[noreturn]] inline void give_up(const std::string& what) {
    std::fprintf(stderr, "bench: %s\n", what.c_str());
    std::exit(1);
}

/// `fork` and exec of a program that dies with us.
inline pid_t start_program(const std::vector<std::string>& words, int output = -1) {
    std::vector<char*> arguments;
    for (const std::string& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (output >= 0) {
            dup2(output, STDOUT_FILENO);
        }
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    return pid;
}

class RealDaemon {
  public:
    /// `children`: the list in the configuration, where @DIR@ stands for the daemon's folder.
    explicit RealDaemon(std::string children) {
        std::string pattern = std::filesystem::temp_directory_path() / "bp-bench.XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) {
            give_up("no temporary folder");
        }
        folder_ = pattern;
        for (std::size_t at = children.find("@DIR@"); at != std::string::npos; at = children.find("@DIR@")) {
            children.replace(at, 5, folder_);
        }
        std::ofstream{folder_ + "/bench.json"}
            << R"({"log_level": "error", "supervisor": {"intensity": 1000000, "period": "1s", "children": [)" << children << "]}}";
    }
    RealDaemon(const RealDaemon&) = delete;
    RealDaemon& operator=(const RealDaemon&) = delete;
    ~RealDaemon() {
        if (pid_ > 0) {
            kill(pid_, SIGTERM);
            waitpid(pid_, nullptr, 0);
        }
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    /// Starts it and gives a first conversation with it.
    [[nodiscard]] Client start(const std::string& program) {
        pid_ = start_program({program, "--config", folder_ + "/bench.json", "--socket", socket()});
        const std::int64_t deadline = now_ns() + 10'000'000'000;
        while (now_ns() < deadline) {
            ConnectOptions options;
            options.path = socket();
            auto client = Client::connect(options);
            if (client) {
                return std::move(*client);
            }
            usleep(2000);
        }
        give_up("the daemon does not answer");
    }

    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] std::string socket() const { return folder_ + "/s"; }

  private:
    std::string folder_;
    pid_t pid_ = 0;
};

}  // namespace backplane::bench
