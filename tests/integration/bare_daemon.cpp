// SPDX-License-Identifier: Apache-2.0
/// See bare_daemon.hpp.
#include "tests/integration/bare_daemon.hpp"

#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace backplane::integration {
namespace {

std::string make_folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "backplane-test.XXXXXX";
    return ::mkdtemp(pattern.data()) == nullptr ? std::string{} : pattern;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
}

std::vector<pid_t> all_pids() {
    std::vector<pid_t> pids;
    DIR* listing = ::opendir("/proc");
    while (const dirent* entry = listing == nullptr ? nullptr : ::readdir(listing)) {
        if (const int pid = std::atoi(entry->d_name); pid > 0) {
            pids.push_back(pid);
        }
    }
    if (listing != nullptr) {
        ::closedir(listing);
    }
    return pids;
}

/// The fields behind the name in /proc/PID/stat: the state, then the parent.
std::pair<char, pid_t> state_and_parent(pid_t pid) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t behind = stat.rfind(')');
    if (behind == std::string::npos) {
        return {'-', 0};
    }
    std::istringstream rest{stat.substr(behind + 1)};
    char state = '-';
    pid_t parent = 0;
    rest >> state >> parent;
    return {state, parent};
}

/// Whether our child has ended, without taking its status.
bool has_ended(pid_t pid) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

}  // namespace

std::vector<pid_t> workers_of(const std::string& socket) {
    const std::string wanted = "BACKPLANE_SOCKET=" + socket + '\0';
    std::vector<pid_t> found = all_pids();
    std::erase_if(found,
                  [&](pid_t pid) { return read_file("/proc/" + std::to_string(pid) + "/environ").find(wanted) == std::string::npos; });
    return found;
}

std::size_t open_descriptors(pid_t pid) {
    std::error_code ignored;
    const std::filesystem::directory_iterator entries{"/proc/" + std::to_string(pid) + "/fd", ignored};
    return static_cast<std::size_t>(std::distance(entries, std::filesystem::directory_iterator{}));
}

char process_state(pid_t pid) { return state_and_parent(pid).first; }

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> found = all_pids();
    std::erase_if(found, [pid](pid_t other) { return state_and_parent(other).second != pid; });
    return found;
}

void write_late_worker(const std::string& folder, std::string_view at_first) {
    std::ofstream{folder + "/late.py"} << "import os, socket, time\n"
                                          "folder = os.path.dirname(__file__)\n"
                                       << at_first
                                       << "open(folder + '/up', 'w').close()\n"
                                          "while not os.path.exists(folder + '/go'): time.sleep(0.005)\n"
                                          "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                                          "s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])\n"
                                          "open(folder + '/said', 'w').close()\n"
                                          "time.sleep(1000)\n";
}

BareDaemon::BareDaemon(std::string children) : folder_(make_folder()), children_(std::move(children)) {
    replace_all(children_, "@DIR@", folder_);
    replace_all(children_, "@BIN@", program("."));
    set_settings(R"("resume_grace": "1m", )");
}

void BareDaemon::set_settings(const std::string& settings) {
    std::ofstream{config()} << "{" << settings << R"("supervisor": {"intensity": 1000, "children": [)" << children_ << "]}}\n";
}

pid_t BareDaemon::daemon_pid() const {
    auto client = Client::connect({.path = socket()});
    const auto info = client ? client->daemon_info(plenty) : unexpected(client.error());
    return info ? static_cast<pid_t>(info->pid) : 0;
}

bool BareDaemon::kill_daemon() const {
    const pid_t pid = daemon_pid();
    return pid > 0 && ::kill(pid, SIGKILL) == 0;  // 0 would be the group of this test
}

void BareDaemon::kill_service() {
    const auto is_ours = [this](pid_t pid) {
        const std::string words = read_file("/proc/" + std::to_string(pid) + "/cmdline");
        return words.find("backplaned") != std::string::npos && words.find(socket() + '\0') != std::string::npos;
    };
    // One that is killed may have started another a moment before.
    EXPECT_TRUE(eventually([&] {
        std::vector<pid_t> pids = all_pids();
        std::erase_if(pids, [&](pid_t pid) { return !is_ours(pid); });
        for (const pid_t pid : pids) {
            ::kill(pid, SIGKILL);
        }
        return pids.empty();
    }));
    (void)wait_end();
}

BareDaemon::~BareDaemon() {
    if (pid() > 0) {
        EXPECT_EQ(stop(), 0) << "the daemon's end";
    }
    if (testing::Test::HasFailure()) {
        std::cerr << log();
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void BareDaemon::begin() {
    std::vector<std::string> words{program_.empty() ? program("backplaned") : program_, "--config", config(), "--socket", socket()};
    if (open_files_ != 0) {
        const std::string limited = "ulimit -n " + std::to_string(open_files_) + " && exec \"$@\"";
        words.insert(words.begin(), {"/bin/sh", "-c", limited, "sh"});
    }
    daemon_ = Process{words, environment_, folder_ + "/daemon"};
}

bool BareDaemon::start() {
    begin();
    const bool answers = eventually([this] { return Client::connect({.path = socket()}).has_value(); });
    EXPECT_TRUE(answers) << "the daemon does not answer";
    return answers;
}

Run BareDaemon::run(std::vector<std::string> words) const {
    words.insert(words.begin(), program("backplaned"));
    Process process{words, environment_, folder_ + "/run"};
    EXPECT_TRUE(eventually([&] { return integration::has_ended(process.pid()); })) << "it does not end";
    process.signal(SIGKILL);
    return process.wait();
}

Run BareDaemon::run_beside(const std::string& other_socket) const {
    return run({"--config", config(), "--socket", other_socket.empty() ? socket() : other_socket});
}

Client BareDaemon::connect() const {
    auto client = Client::connect({.path = socket(), .name = "test", .within = plenty});
    if (!client) {
        ADD_FAILURE() << client.error().text() << "\n" << log();
        std::abort();  // a Client has no empty state to go on with
    }
    return std::move(*client);
}

DeviceRow BareDaemon::wait_for(Client& client, std::string_view name, std::string_view state, std::int64_t not_pid) const {
    DeviceRow row;
    const bool found = eventually([&] {
        const auto described = client.describe(name, plenty);
        if (described) {
            row = described->row;
        }
        return described && row.state == state && row.pid.value_or(0) != not_pid;
    });
    EXPECT_TRUE(found) << name << " is " << row.state << " and not " << state;
    return row;
}

bool BareDaemon::has_ended() const { return integration::has_ended(pid()); }

int BareDaemon::wait_end() {
    EXPECT_TRUE(eventually([this] { return has_ended(); })) << "the daemon does not end";
    daemon_.signal(SIGKILL);
    return daemon_.wait().code;
}

int BareDaemon::stop() {
    signal(SIGTERM);
    return wait_end();
}

bool BareDaemon::logs(std::string_view part) const {
    return eventually([&] { return log().find(part) != std::string::npos; });
}

}  // namespace backplane::integration
