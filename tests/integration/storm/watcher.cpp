// SPDX-License-Identifier: Apache-2.0
/// See watcher.hpp.
#include "tests/integration/storm/watcher.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <map>
#include <optional>

namespace backplane::storm {

namespace {

constexpr std::int64_t patience_ns = 120'000'000'000;

class Watcher {
  public:
    Watcher(Board& board, Client client) : board_(board), client_(std::move(client)) {}

    void run() {
        auto subscribed = client_.subscribe({.since = 0}, [this](const LogEvent& event) { take(event); });
        if (!subscribed) {
            board_.lose(Check::known_in_log, "subscribe: " + subscribed.error().text());
        }
        for (std::size_t worker = 0; worker < workers_count; ++worker) {
            if (const auto line = client_.lookup(worker_name(worker)); line && names_.emplace(line->id().value, worker).second) {
                (void)client_.device().link(*line, LinkMode::monitor);
            }
        }
        board_.watcher_ready = true;
        std::int64_t until = INT64_MAX;
        while (now_ns() < until && !(until != INT64_MAX && is_complete())) {
            (void)client_.wait(Duration::milliseconds(100));
            take_messages();
            take_events();
            if (board_.phase != Phase::storm && until == INT64_MAX) {
                until = now_ns() + patience_ns;
            }
        }
        say_missing();
    }

  private:
    struct Seen {
        std::uint64_t ends = 0, restarts = 0, notices = 0;
        std::string last;
    };

    static std::string field(const LogEvent& event, const std::string& key) {
        for (const LogEvent::Field& one : event.fields) {
            if (const auto* text = std::get_if<std::string>(&one.value); text != nullptr && one.key == key) {
                return *text;
            }
        }
        return {};
    }

    static std::optional<std::size_t> worker_of(const LogEvent& event) {
        if (!event.name || event.name->size() != 3 || event.name->front() != 'w') {
            return std::nullopt;
        }
        return static_cast<std::size_t>(((*event.name)[1] - '0') * 10 + ((*event.name)[2] - '0'));
    }

    void take(const LogEvent& event) {
        if (event.event == "gap") {
            return board_.lose(Check::known_in_log, "a gap in the log");
        }
        if (event.seq <= last_seq_) {
            board_.lose(Check::known_in_log, "event " + std::to_string(event.seq) + " behind " + std::to_string(last_seq_));
        }
        last_seq_ = event.seq;
        const auto worker = worker_of(event);
        if (!worker) {
            return;
        }
        const bool is_start = event.event == "child_starting" || event.event == "child_ready";
        if (*worker < healthy_count && (!is_start || board_.kills != 0)) {
            return board_.lose(Check::healthy, worker_name(*worker) + ": " + event.event + " " + field(event, "reason"));
        }
        if (event.event == "child_down") {
            take_end(*worker, event);
        } else if (event.event == "restart") {
            take_restart(*worker, event);
        } else if (event.event == "child_ready" && event.line && names_.emplace(event.line->id().value, *worker).second) {
            (void)client_.device().link(*event.line, LinkMode::monitor);
        } else if (!is_start) {
            board_.lose(Check::known_in_log, worker_name(*worker) + ": " + event.event + " " + field(event, "reason"));
        }
    }

    void take_end(std::size_t worker, const LogEvent& event) {
        Orders& orders = board_.orders[worker];
        Seen& seen = seen_[worker];
        const std::uint64_t n = seen.ends++;
        const std::string reason = field(event, "reason");
        const std::string wanted = n < orders.given ? order_text(orders.codes[n]) : "no end";
        orders.seen = seen.ends;
        if (event.line) {
            expected_[event.line->id().value] = reason;
        }
        seen.last = reason;
        reason == wanted ? board_.pass(Check::known_in_log)
                         : board_.lose(Check::known_in_log,
                                       worker_name(worker) + ": end " + std::to_string(n + 1) + " is " + reason + " and not " + wanted);
    }

    void take_restart(std::size_t worker, const LogEvent& event) {
        Seen& seen = seen_[worker];
        seen.restarts += 1;
        const bool is_right = seen.restarts == seen.ends && field(event, "cause") == seen.last;
        is_right ? board_.pass(Check::restarts)
                 : board_.lose(Check::restarts, worker_name(worker) + ": restart " + std::to_string(seen.restarts) + " behind end " +
                                                    std::to_string(seen.ends) + " by " + field(event, "cause"));
    }

    void take_messages() {
        while (const auto message = client_.device().try_receive()) {
            const auto* told = std::get_if<Disconnected>(&*message);
            const auto name = told == nullptr ? names_.end() : names_.find(told->device.id().value);
            if (name == names_.end()) {
                board_.lose(Check::known_to_watch, "a message of a stranger");
            } else if (!told_.emplace(told->device.id().value, told->fault ? fault_text(*told->fault, told->device.epoch()) : "none")
                            .second) {
                board_.lose(Check::once, worker_name(name->second) + " told twice");
            } else {
                seen_[name->second].notices += 1;
            }
        }
        compare();
    }

    /// Where both the notice and the log's word are there.
    void compare() {
        for (auto expected = expected_.begin(); expected != expected_.end();) {
            const auto told = told_.find(expected->first);
            if (told == told_.end()) {
                ++expected;
                continue;
            }
            expected->second == told->second ? board_.pass(Check::known_to_watch)
                                             : board_.lose(Check::known_to_watch, worker_name(names_[told->first]) + " told as " +
                                                                                      told->second + ", logged as " + expected->second);
            expected = expected_.erase(expected);
        }
    }

    void take_events() {
        while (const auto event = client_.try_event()) {
            if (std::holds_alternative<Resumed>(*event)) {
                board_.pass(Check::sessions);
            } else if (const auto* lost = std::get_if<ConnectionLost>(&*event)) {
                board_.lose(Check::sessions, "the watcher's: " + lost->error.text());
            } else if (const auto* refused = std::get_if<Refused>(&*event)) {
                board_.lose(Check::operations, "the watcher's " + refused->operation + ": " + refused->error.text());
            }
        }
    }

    bool is_complete() {
        for (std::size_t worker = healthy_count; worker < workers_count; ++worker) {
            const Seen& seen = seen_[worker];
            const std::uint64_t given = board_.orders[worker].given;
            if (seen.ends != given || seen.restarts != given || seen.notices != given) {
                return false;
            }
        }
        return true;
    }

    void say_missing() {
        for (std::size_t worker = healthy_count; worker < workers_count; ++worker) {
            const Seen& seen = seen_[worker];
            const std::uint64_t given = board_.orders[worker].given;
            if (seen.ends != given || seen.restarts != given || seen.notices != given) {
                board_.lose(Check::known_in_log, worker_name(worker) + ": ordered " + std::to_string(given) + " ends, seen " +
                                                     std::to_string(seen.ends) + ", restarts " + std::to_string(seen.restarts) +
                                                     ", notices " + std::to_string(seen.notices));
            }
        }
        board_.watcher_done = true;
    }

    Board& board_;
    Client client_;
    std::uint64_t last_seq_ = 0;
    std::map<std::uint64_t, std::size_t> names_;     ///< incarnations that are monitored, by id
    std::map<std::uint64_t, std::string> expected_;  ///< what the log said
    std::map<std::uint64_t, std::string> told_;      ///< what the notice said
    std::array<Seen, workers_count> seen_;
};

}  // namespace

pid_t start_watcher(Board& board, const std::string& socket) {
    const pid_t pid = ::fork();
    if (pid != 0) {
        return pid;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody else would end it
    {
        auto client = Client::connect({.path = socket, .name = "watcher", .within = Duration::seconds(30)});
        if (!client) {
            board.lose(Check::served, "the watcher: " + client.error().text());
        } else {
            Watcher{board, std::move(*client)}.run();
        }
    }
    ::_exit(0);
}

}  // namespace backplane::storm
