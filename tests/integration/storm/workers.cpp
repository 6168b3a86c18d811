// SPDX-License-Identifier: Apache-2.0
/// See workers.hpp.
#include "tests/integration/storm/workers.hpp"

#include "tests/integration/bare_daemon.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace backplane::storm {

namespace {

constexpr const char* mark = "STORM_WORKER=";
/// One order and the next may wait: so an incarnation also ends in its first instant.
constexpr std::uint64_t orders_ahead = 2;

std::string spec(std::size_t worker) {
    const std::string name = worker_name(worker);
    const std::string head =
        R"({"name": ")" + name + R"(", "backoff": "none", "environment": {")" + std::string{mark, 12} + R"(": ")" + name + R"("}, )";
    const std::string shell = R"("exec": ["/bin/sh", "-c", "echo $$ >> @DIR@/)" + name + ".pids; ";
    const bool is_healthy = worker < healthy_count;
    if (is_healthy ? worker >= first_speaker : worker >= first_crash_speaker) {
        const std::string how = worker % 2 == 0 ? "storm" : "storm-notify";
        // A machine with more to do than it can may let a process wait for seconds before its first instruction. That is not what is
        // asked here, and a word that is lost for good shows all the same.
        return head + R"("readiness": "notify", "start_timeout": "10m", "exec": ["@BIN@/bp_test_worker", ")" + how + R"(", "@DIR@/)" +
               name + R"("]})";
    }
    if (is_healthy) {
        return head + shell + R"(exec sleep 1000000"]})";
    }
    // `read` takes byte by byte: the next order is for the next incarnation.
    return head + shell + "read c < @DIR@/" + name + R"(.pipe; case $c in s*) kill -${c#s} $$;; esac; exit $c"]})";
}

}  // namespace

std::string worker_specs() {
    std::string all;
    for (std::size_t worker = 0; worker < workers_count; ++worker) {
        all += (worker == 0 ? "" : ",\n") + spec(worker);
    }
    return all;
}

WorkerWatch::WorkerWatch(Board& board, std::string folder, std::string socket)
    : board_(board), folder_(std::move(folder)), socket_(std::move(socket)) {
    pipes_.fill(-1);
}

WorkerWatch::~WorkerWatch() {
    for (const int pipe : pipes_) {
        ::close(pipe);
    }
}

void WorkerWatch::make_pipes() {
    for (std::size_t worker = 0; worker < workers_count; ++worker) {
        const std::string path = folder_ + "/" + worker_name(worker) + ".pipe";
        ::mkfifo(path.c_str(), 0600);
        // For reading too, so that neither side waits for the other and nothing is lost between two incarnations.
        pipes_[worker] = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    }
}

std::map<std::size_t, std::vector<WorkerWatch::Identity>> WorkerWatch::table() const {
    std::map<std::size_t, std::vector<Identity>> found;
    for (const pid_t pid : integration::workers_of(socket_)) {
        const std::string variables = integration::read_file("/proc/" + std::to_string(pid) + "/environ");
        const std::size_t at = variables.find(std::string{mark} + "w");
        const std::string stat = integration::read_file("/proc/" + std::to_string(pid) + "/stat");
        const std::size_t behind = stat.rfind(')');
        if (at == std::string::npos || behind == std::string::npos) {
            continue;
        }
        std::istringstream rest{stat.substr(behind + 1)};
        std::string state;
        std::string skipped;
        Identity one{pid, {}, 0};
        rest >> state >> one.parent;
        for (int field = 5; field < 22; ++field) {
            rest >> skipped;
        }
        rest >> one.started;
        if (state != "Z" && state != "X") {
            found[std::strtoul(variables.c_str() + at + 14, nullptr, 10)].push_back(one);
        }
    }
    return found;
}

bool WorkerWatch::remember() {
    const auto now = table();
    for (std::size_t worker = 0; worker < healthy_count; ++worker) {
        const auto found = now.find(worker);
        if (found == now.end() || found->second.size() != 1) {
            return false;
        }
        healthy_[worker] = found->second[0];
    }
    return now.size() == workers_count;
}

bool WorkerWatch::is_free(std::size_t worker) const {
    const Orders& orders = board_.orders[worker];
    return worker >= healthy_count && orders.given < orders.seen + orders_ahead && orders.given + 1 < Orders::max;
}

void WorkerWatch::order(std::size_t worker, std::uint16_t code) {
    Orders& orders = board_.orders[worker];
    orders.codes[orders.given] = code;
    orders.given += 1;
    const std::string line = (code < 256 ? std::to_string(code) : "s" + std::to_string(code - 256)) + "\n";
    if (::write(pipes_[worker], line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        board_.lose(Check::known_in_log, "an order could not be written");
    }
}

void WorkerWatch::check(pid_t keeper, pid_t daemon) {
    const auto now = table();
    for (std::size_t worker = 0; worker < workers_count; ++worker) {
        const auto found = now.find(worker);
        const std::vector<Identity> here = found == now.end() ? std::vector<Identity>{} : found->second;
        const bool is_child =
            std::all_of(here.begin(), here.end(), [&](const Identity& one) { return one.parent == keeper || one.parent == daemon; });
        if (here.size() <= 1 && is_child) {
            board_.pass(Check::single);
        } else {
            std::string who;
            for (const Identity& one : here) {
                who += " " + std::to_string(one.pid) + " of " + std::to_string(one.parent);
            }
            board_.lose(Check::single, worker_name(worker) + " runs as" + who);
        }
        if (worker < healthy_count) {
            here.size() == 1 && here[0] == healthy_[worker] ? board_.pass(Check::healthy)
                                                            : board_.lose(Check::healthy, worker_name(worker) + " is another process");
        }
    }
}

void WorkerWatch::check_starts() {
    for (std::size_t worker = 0; worker < workers_count; ++worker) {
        const std::string pids = integration::read_file(folder_ + "/" + worker_name(worker) + ".pids");
        const auto starts = static_cast<std::uint64_t>(std::count(pids.begin(), pids.end(), '\n'));
        const std::uint64_t wanted = board_.orders[worker].given + 1;
        starts == wanted ? board_.pass(Check::starts)
                         : board_.lose(Check::starts, worker_name(worker) + " was started " + std::to_string(starts) + " times and not " +
                                                          std::to_string(wanted));
    }
}

}  // namespace backplane::storm
