// SPDX-License-Identifier: Apache-2.0
/// See daemon.hpp.
#include "tests/integration/daemon.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <utility>

namespace backplane::integration {

std::string read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    // Not by an iterator: the file of a process that ends between open and read answers an error, which that would throw.
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

std::string next_of(Device& device) {
    const auto message = device.next(plenty);
    if (!message) {
        return message.error().text();
    }
    const auto* gone = std::get_if<Disconnected>(&*message);
    return gone == nullptr ? "shutdown" : "disconnected " + (gone->fault ? fault_text(*gone->fault, gone->device.epoch()) : "none");
}

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
    return text;
}

std::string make_folder() {
    std::string folder = "/tmp/backplane-test.XXXXXX";
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    std::filesystem::permissions(folder, std::filesystem::perms{0755});
    return folder;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) {
        out.push_back(text.data());
    }
    out.push_back(nullptr);
    return out;
}

/// The test's own environment without what would point the program elsewhere.
std::vector<std::string> clean_environment(const std::vector<std::string>& more) {
    std::vector<std::string> out = more;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        if (!text.starts_with("BACKPLANE_") && !text.starts_with("NOTIFY_SOCKET=")) {
            out.push_back(text);
        }
    }
    return out;
}

}  // namespace

std::string program(const std::string& name) {
    const char* folder = std::getenv("BP_BIN_DIR");
    return std::string{folder != nullptr ? folder : BP_BUILD_BIN_DIR} + "/" + name;
}

std::uint64_t test_seed() {
    const char* seed = std::getenv("BP_SEED");
    return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds{plenty.ns};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

Process::Process(const std::vector<std::string>& words, const std::vector<std::string>& environment, const std::string& files)
    : files_(files) {
    auto arguments = words;
    auto variables = clean_environment(environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, (files + ".out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&actions, 2, (files + ".err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int wrong = ::posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, pointers(arguments).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    EXPECT_EQ(wrong, 0) << words[0];
    pid_ = wrong == 0 ? pid_ : -1;
}

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), files_(std::move(other.files_)) {}

Process& Process::operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(files_, other.files_);
    return *this;
}

Process::~Process() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        static_cast<void>(wait());
    }
}

void Process::signal(int number) const {
    if (pid_ > 0) {
        ::kill(pid_, number);
    }
}

Run Process::wait() {
    Run run;
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, 0) != pid_) {
        return run;
    }
    pid_ = -1;
    run.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    run.out = read_file(files_ + ".out");
    run.err = read_file(files_ + ".err");
    return run;
}

Daemon::Daemon(const std::string& children, const std::string& flags) : folder_(make_folder()) {
    std::string config = "{\"supervisor\": {" + flags + "\"children\": " + children + "}}";
    config = replaced(replaced(std::move(config), "@DIR@", folder_), "@BIN@", program("."));
    std::ofstream{folder_ + "/config.json"} << config;
    daemon_ = Process{{program("backplaned"), "--config", folder_ + "/config.json", "--socket", socket()}, {}, folder_ + "/daemon"};
    EXPECT_TRUE(eventually([this] { return Client::connect({.path = socket()}).has_value(); })) << read_file(folder_ + "/daemon.err");
}

Daemon::~Daemon() {
    if (daemon_.pid() > 0) {
        EXPECT_EQ(stop(), 0);
        EXPECT_FALSE(std::filesystem::exists(socket())) << "the socket is left";
    }
    if (testing::Test::HasFailure()) {
        std::cerr << read_file(folder_ + "/daemon.err");
    }
    std::filesystem::remove_all(folder_);
}

Client Daemon::connect() const {
    auto client = Client::connect({.path = socket(), .name = "test", .within = plenty});
    EXPECT_TRUE(client) << client.error().text();
    if (!client) {
        std::abort();  // nothing of the test can be done, and a Client has no empty state to go on with
    }
    return std::move(*client);
}

std::vector<std::string> Daemon::ctl_words(std::vector<std::string> words) const {
    words.insert(words.begin(), {program("backplanectl"), "--socket", socket()});
    return words;
}

Process Daemon::ctl_beside(std::vector<std::string> words) {
    return Process{ctl_words(std::move(words)), {}, folder_ + "/run" + std::to_string(++runs_)};
}

Run Daemon::ctl(std::vector<std::string> words) { return ctl_beside(std::move(words)).wait(); }

int Daemon::stop() {
    daemon_.signal(SIGTERM);
    return daemon_.wait().code;
}

DeviceRow Daemon::await(const std::string& name, const std::function<bool(const DeviceRow&)>& fits) {
    DeviceRow row;
    Client client = connect();
    const bool met = eventually([&] {
        const auto description = client.describe(name, plenty);
        if (description) {
            row = description->row;
        }
        return description && fits(row);
    });
    EXPECT_TRUE(met) << name << " is " << row.state;
    return row;
}

DeviceRow Daemon::await_state(const std::string& name, const std::string& state) {
    return await(name, [&](const DeviceRow& row) { return row.state == state; });
}

DeviceRow Daemon::await_restart(const DeviceRow& before) {
    return await(*before.name, [&](const DeviceRow& row) { return row.state == "running" && row.pid != before.pid; });
}

}  // namespace backplane::integration
