// SPDX-License-Identifier: Apache-2.0
/// The crash storm: the daemon is killed, again and again, at random moments and under load, and nobody loses anything by it.
///
///   bp_crash_storm ROUNDS [SEED] [--upgrades]
///
/// With --upgrades it is not killed but replaced in place, by itself: then no session may even notice.
/// A hundred clients create, link, unlink and end Devices all the time, some of them die; fifty workers are supervised, some of them
/// crash, above all while no daemon is there. What each is owed is kept in memory that they share (storm/board.hpp), beside the daemon.
/// Prints what was tried and what was lost, and how long nobody was served, beside the least that a start of anything takes here.
#include "tests/integration/bare_daemon.hpp"
#include "tests/integration/storm/board.hpp"
#include "tests/integration/storm/client.hpp"
#include "tests/integration/storm/figures.hpp"
#include "tests/integration/storm/watcher.hpp"
#include "tests/integration/storm/workers.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string_view>
#include <thread>

namespace backplane::storm {
namespace {

using integration::BareDaemon;

constexpr Duration patience = Duration::seconds(120);
constexpr const char* resume_grace = R"("resume_grace": "5s", )";
constexpr std::int64_t resume_grace_ns = 5'000'000'000;
constexpr std::int64_t slack_ns = 5'000'000'000;

void sleep_us(std::uint64_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }

class Storm {
  public:
    Storm(std::uint64_t rounds, std::uint64_t seed, bool upgrades)
        : rounds_(rounds),
          upgrades_(upgrades),
          random_(seed),
          board_(*Board::make()),
          daemon_(worker_specs()),
          workers_(board_, daemon_.folder(), daemon_.socket()) {
        daemon_.set_settings(resume_grace);
        board_.grace_ns = resume_grace_ns + slack_ns;
    }

    int run() {
        workers_.make_pipes();
        if (!daemon_.start() || !begin()) {
            board_.lose(Check::served, "it does not begin");
            return 1;
        }
        for (std::uint64_t round = 0; round < rounds_ && board_.lost[0] == 0; ++round) {
            upgrades_ ? play_upgrade() : play_round(round);
        }
        settle();
        end();
        return report();
    }

  private:
    bool begin() {
        if (!integration::eventually([this] { return workers_.remember(); })) {
            return false;
        }
        probe_.emplace(daemon_.connect());
        const auto info = probe_->daemon_info(patience);
        if (!info) {
            return false;
        }
        served_by_ = static_cast<pid_t>(info->pid);
        before_ = *info;
        descriptors_before_ = integration::open_descriptors(served_by_);
        keeper_descriptors_before_ = integration::open_descriptors(daemon_.pid());
        watcher_ = start_watcher(board_, daemon_.socket());
        for (std::size_t i = 0; i < client_processes; ++i) {
            clients_.push_back(start_clients(board_, daemon_.socket(), next_owner_++, random_()));
        }
        const auto is_busy = [this] { return board_.watcher_ready && board_.devices > 2 * client_processes * clients_per_process; };
        return integration::eventually(is_busy);
    }

    // ---- a round ---------------------------------------------------------------------------------------------------------

    void play_round(std::uint64_t round) {
        sleep_us(roll(150'000));
        if (roll(2) == 0) {
            give_orders(roll(3));
            sleep_us(roll(3'000));
        }
        board_.kills += 1;
        board_.killed_at = now_ns();
        const std::int64_t killed_at = now_ns();
        ::kill(served_by_, SIGKILL);
        if (roll(3) != 0) {
            give_orders(1 + roll(4));  // ends that no daemon sees
        }
        if (roll(5) == 0) {
            kill_the_next();
        }
        if (roll(6) == 0) {
            kill_clients(roll(clients_.size()));
        }
        await_service(round % 2 == 0, killed_at);
        workers_.check(daemon_.pid(), served_by_);
        floors_.push_back(floor_ns(daemon_.folder() + "/floor"));
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    }

    void play_upgrade() {
        sleep_us(roll(60'000));
        give_orders(roll(4));  // ends in the midst of it
        if (roll(10) == 0) {
            kill_clients(roll(clients_.size()));
        }
        const std::int64_t begun_at = now_ns();
        const auto upgraded = probe_->upgrade(patience);
        fresh_.push_back(now_ns() - begun_at);
        const auto info = probe_->daemon_info(patience);
        if (!upgraded || !info) {
            return board_.lose(Check::served,
                               "upgrade: " + (upgraded ? info : Expected<DaemonInfo>{unexpected(upgraded.error())}).error().text());
        }
        static_cast<pid_t>(info->pid) == served_by_ ? board_.pass(Check::served) : board_.lose(Check::served, "it is another process");
        workers_.check(daemon_.pid(), served_by_);
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    }

    void give_orders(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::size_t worker = healthy_count + roll(workers_count - healthy_count);
            constexpr std::array<int, 3> signals{SIGKILL, SIGUSR1, SIGTERM};
            const std::uint64_t code = roll(4) == 0 ? 256 + static_cast<std::uint64_t>(signals[roll(3)]) : 1 + roll(250);
            if (workers_.is_free(worker)) {
                workers_.order(worker, static_cast<std::uint16_t>(code));
            }
        }
    }

    /// The one that is only beginning, somewhere on its way.
    void kill_the_next() {
        for (int i = 0; i < 200; ++i) {
            if (const pid_t next = daemon_child_of(daemon_.pid(), served_by_); next > 0) {
                sleep_us(100 + roll(15'000));
                if (daemon_child_of(daemon_.pid(), served_by_) != next) {
                    continue;
                }
                board_.kills += 1;
                board_.killed_at = now_ns();
                ::kill(next, SIGKILL);
                served_by_ = next;
                return;
            }
            sleep_us(50);
        }
    }

    void kill_clients(std::size_t which) {
        if (next_owner_ >= Board::owners_max) {
            return;
        }
        board_.owner_gone_at[owner_of(which)] = now_ns();
        ::kill(clients_[which], SIGKILL);
        ::waitpid(clients_[which], nullptr, 0);
        owners_[which] = next_owner_++;
        clients_[which] = start_clients(board_, daemon_.socket(), owners_[which], random_());
    }

    std::uint32_t owner_of(std::size_t which) {
        while (owners_.size() <= which) {
            owners_.push_back(static_cast<std::uint32_t>(owners_.size()));
        }
        return owners_[which];
    }

    /// Until a fresh connection, or the session of before, is answered.
    void await_service(bool by_fresh, std::int64_t killed_at) {
        bool is_served = false;
        if (by_fresh) {
            is_served = integration::eventually([this] {
                auto fresh = Client::connect({.path = daemon_.socket(), .name = "fresh", .within = patience});
                return fresh && fresh->ping(patience).has_value();
            });
        } else {
            is_served = probe_->ping(patience).has_value();
        }
        (by_fresh ? fresh_ : resumed_).push_back(now_ns() - killed_at);
        const auto info = probe_->daemon_info(patience);
        if (!is_served || !info) {
            return board_.lose(Check::served, info ? "nobody answers" : info.error().text());
        }
        board_.pass(Check::served);
        served_by_ = static_cast<pid_t>(info->pid);
        while (const auto event = probe_->try_event()) {
            if (const auto* lost = std::get_if<ConnectionLost>(&*event)) {
                board_.lose(Check::sessions, "the storm's own: " + lost->error.text());
            }
        }
    }

    // ---- the end ---------------------------------------------------------------------------------------------------------

    void settle() {
        for (const Phase phase : {Phase::settle, Phase::audit}) {
            board_.phase = phase;
            const auto all = static_cast<std::uint32_t>(client_processes * clients_per_process);
            const bool are_there = integration::eventually([&] { return board_.arrived[static_cast<std::size_t>(phase)] == all; });
            if (!are_there) {
                board_.lose(Check::notices, "phase " + std::to_string(static_cast<int>(phase)) + ": " +
                                                std::to_string(board_.arrived[static_cast<std::size_t>(phase)]) + " clients are through");
            }
        }
        check_children();
        board_.phase = Phase::leave;
        ::waitpid(watcher_, nullptr, 0);
        for (const pid_t pid : clients_) {
            ::waitpid(pid, nullptr, 0);
        }
    }

    /// What the tree says of itself.
    void check_children() {
        (void)integration::eventually([this] { return board_.watcher_done.load(); });
        for (std::size_t worker = 0; worker < workers_count; ++worker) {
            Expected<Description> described = unexpected(ErrorCode::not_found, "");
            // The last restart is known before its worker has said that it is ready.
            const bool is_up = integration::eventually([&] {
                described = probe_->describe(worker_name(worker), patience);
                return described && described->row.state == "running";
            });
            const Orders& orders = board_.orders[worker];
            const std::string last = described ? described->last_exit.value_or("") : described.error().text();
            const bool is_right = is_up && (orders.given == 0 || last == order_text(orders.codes[orders.given - 1])) &&
                                  described->row.restarts == orders.given;
            is_right ? board_.pass(Check::known_in_log) : board_.lose(Check::known_in_log, worker_name(worker) + ": last " + last);
        }
        const auto info = probe_->daemon_info(patience);
        const std::string counted = info ? std::to_string(info->daemon_restarts) : info.error().text();
        counted == std::to_string(board_.kills) ? board_.pass(Check::served)
                                                : board_.lose(Check::served, "crashes as the keeper counts them: " + counted);
    }

    void end() {
        workers_.check(daemon_.pid(), served_by_);
        workers_.check_starts();
        DaemonInfo info;
        const auto has_few = [&] {
            const auto asked = probe_->daemon_info(patience);
            info = asked ? *asked : DaemonInfo{};
            return info.sessions > 0 && info.sessions <= before_.sessions && info.devices <= before_.devices;
        };
        const bool are_few = integration::eventually(has_few);
        expect(are_few, "clients that are gone: sessions " + std::to_string(info.sessions) + ", Devices " + std::to_string(info.devices) +
                            "; before " + std::to_string(before_.sessions) + ", " + std::to_string(before_.devices));
        descriptors_after_ = integration::open_descriptors(served_by_);
        keeper_descriptors_after_ = integration::open_descriptors(daemon_.pid());
        expect(descriptors_after_ <= descriptors_before_, "descriptors of the daemon");
        expect(keeper_descriptors_after_ <= keeper_descriptors_before_, "descriptors of the keeper");
        zombies_ = zombies_of(daemon_.pid()) + zombies_of(served_by_);
        expect(zombies_ == 0, "zombies");
        if (upgrades_ && board_.resumed == 0) {
            board_.pass(Check::sessions, client_processes * clients_per_process);
        } else if (upgrades_) {
            board_.lose(Check::sessions, std::to_string(board_.resumed) + " sessions had to come back");
        }
        probe_.reset();
        expect(daemon_.stop() == 0, "the keeper's exit code");
        expect(integration::workers_of(daemon_.socket()).empty(), "processes");
        expect(!std::filesystem::exists(daemon_.socket()), "the socket");
        expect(!std::filesystem::exists(daemon_.socket() + ".notify"), "the folder of notify sockets");
        expect(!before_.journal.empty() && !std::filesystem::exists(before_.journal), "the journal");
    }

    void expect(bool holds, const std::string& what) { holds ? board_.pass(Check::endings) : board_.lose(Check::endings, what); }

    int report() {
        std::printf("figure: rounds %llu, kills %llu, sessions resumed %llu, Devices %llu, links %llu, notices %llu\n",
                    static_cast<unsigned long long>(rounds_), static_cast<unsigned long long>(board_.kills),
                    static_cast<unsigned long long>(board_.resumed), static_cast<unsigned long long>(board_.devices),
                    static_cast<unsigned long long>(board_.links), static_cast<unsigned long long>(board_.notices_told));
        print_times(upgrades_ ? "upgrade, as the client who asked for it sees it" : "SIGKILL until a fresh connection is answered", fresh_);
        if (!upgrades_) {
            print_times("SIGKILL until a session of before is answered", resumed_);
            print_times("floor: start, exec, end of /bin/true, a connection", floors_);
        }
        std::printf("figure: descriptors of the daemon %zu before, %zu after; of the keeper %zu, %zu; zombies %zu\n", descriptors_before_,
                    descriptors_after_, keeper_descriptors_before_, keeper_descriptors_after_, zombies_);
        const std::size_t failed = print_checks(board_);
        if (failed != 0) {
            const std::string log = daemon_.log();
            std::fprintf(stderr, "the end of the daemon's log:\n%s\n",
                         log.substr(log.size() - std::min<std::size_t>(log.size(), 4000)).c_str());
        }
        std::printf("tally: %zu passed, %zu failed, 0 skipped\n", checks_count - failed, failed);
        return failed == 0 && !testing::Test::HasFailure() ? 0 : 1;
    }

    [[nodiscard]] std::uint64_t roll(std::uint64_t below) { return random_() % below; }

    std::uint64_t rounds_;
    bool upgrades_;
    std::mt19937_64 random_;
    Board& board_;
    BareDaemon daemon_;
    WorkerWatch workers_;
    std::optional<Client> probe_;
    pid_t served_by_ = 0;
    pid_t watcher_ = 0;
    DaemonInfo before_;
    std::vector<pid_t> clients_;
    std::vector<std::uint32_t> owners_;
    std::uint32_t next_owner_ = 0;
    std::vector<std::int64_t> fresh_, resumed_, floors_;
    std::size_t descriptors_before_ = 0, descriptors_after_ = 0, keeper_descriptors_before_ = 0, keeper_descriptors_after_ = 0,
                zombies_ = 0;
};

}  // namespace
}  // namespace backplane::storm

int main(int count, char** words) {
    const bool upgrades = count > 2 && std::string_view{words[count - 1]} == "--upgrades";
    count -= upgrades ? 1 : 0;
    const std::uint64_t rounds = count > 1 ? std::strtoull(words[1], nullptr, 10) : 0;
    const std::uint64_t seed = count > 2 ? std::strtoull(words[2], nullptr, 10) : static_cast<std::uint64_t>(backplane::storm::now_ns());
    if (rounds == 0 || count > 3) {
        std::fprintf(stderr, "usage: bp_crash_storm ROUNDS [SEED] [--upgrades]\n");
        return 2;
    }
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);  // before anything is forked
    return backplane::storm::Storm{rounds, seed, upgrades}.run();
}
