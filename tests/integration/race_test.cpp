// SPDX-License-Identifier: Apache-2.0
/// Races against the real daemon, ten thousand rounds each, every outcome counted on both sides: a link and the death of its
/// target (T-4, L-7, L-9), an unlink and that death (T-5), a close and the requests before it (T-6). Rounds go in batches whose two
/// sides are let go at the same moment and take the batch in orders of their own, so that each is often ahead of the other. What
/// the daemon took first cannot be seen, but bounds of it can: what was answered comes before what is sent afterwards (T-2).
#include "tests/integration/daemon.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <thread>

namespace backplane::integration {
namespace {

constexpr std::size_t rounds = 10'000;
constexpr std::size_t batch = 100;

using Random = std::mt19937_64;

/// As often next to no time as some microseconds.
void hesitate(Random& random) {
    const std::uint64_t turns = random() % (std::uint64_t{1} << (random() % 13));
    for (std::uint64_t i = 0; i < turns; ++i) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    if (random() % 32 == 0) {
        std::this_thread::yield();
    }
}

std::string text_of(const Disconnected& gone) { return gone.fault ? fault_text(*gone.fault, gone.device.epoch()) : "none"; }

std::vector<std::size_t> shuffled(Random& random) {
    std::vector<std::size_t> order(batch);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), random);
    return order;
}

/// Where two sides wait for each other. They spin, since to be woken takes longer than what they are to race in.
class Gate {
  public:
    /// False where the other side does not come any more.
    [[nodiscard]] bool pass() {
        const unsigned both = (arrived_.fetch_add(1) / 2 + 1) * 2;
        while (arrived_ < both && !is_abandoned_) {
            std::this_thread::yield();
        }
        return !is_abandoned_;
    }
    void abandon() { is_abandoned_ = true; }

  private:
    std::atomic<unsigned> arrived_ = 0;
    std::atomic<bool> is_abandoned_ = false;
};

// ---- the side that dies ------------------------------------------------------------------------------------------------

/// How far a target's end is, as its owner knows.
enum class Stage : int { lives, asked, taken };

/// Its Devices are ended once each: by its word, with a fault of their own, or in each fourth batch by the connection's end.
class Owner {
  public:
    explicit Owner(const Daemon& daemon) : daemon_(daemon) {}

    /// Both sides pass the gate four times a batch: the targets are there; ready; all is over; all is judged.
    void run(Gate& gate) {
        Client client = daemon_.connect();
        for (std::size_t n = 0; n < rounds / batch; ++n) {
            std::optional<Client> other;
            if (closes(n)) {
                other.emplace(daemon_.connect());
            }
            std::vector<Device> devices = prepare(other ? *other : client);
            if (!gate.pass() || !gate.pass()) {
                return;
            }
            if (other) {
                close(*other);
                other.reset();
            } else {
                end_all(client, devices);
            }
            if (!gate.pass() || !gate.pass()) {
                return;
            }
        }
        EXPECT_FALSE(client.try_event()) << "an end was refused";
    }

    [[nodiscard]] static bool closes(std::size_t batch_number) { return batch_number % 4 == 3; }
    /// What a watcher is to be told of a target.
    [[nodiscard]] static std::string fault_of(std::size_t batch_number, std::size_t i) {
        return closes(batch_number) ? "drop" : "error{" + std::to_string(i) + "}";
    }
    [[nodiscard]] const std::array<Line, batch>& lines() const { return lines_; }
    [[nodiscard]] Stage stage(std::size_t i) const { return stages_[i]; }
    [[nodiscard]] std::size_t index_of(const Line& line) const {
        return static_cast<std::size_t>(std::find(lines_.begin(), lines_.end(), line) - lines_.begin());
    }

  private:
    std::vector<Device> prepare(Client& client) {
        std::vector<Device> devices;
        for (std::size_t i = 0; i < batch; ++i) {
            auto device = client.open_device({.within = plenty});
            EXPECT_TRUE(device) << device.error().text();
            lines_[i] = device ? device->line() : Line{};
            stages_[i] = Stage::lives;
            devices.push_back(device ? std::move(*device) : Device{});
        }
        EXPECT_TRUE(client.ping(plenty));  // they are there for others, too
        return devices;
    }

    void close(Client& client) {
        EXPECT_TRUE(client.flush());
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % 1'500));
        for (auto& stage : stages_) {
            stage = Stage::asked;
        }
    }

    void end_all(Client& client, std::vector<Device>& devices) {
        std::vector<std::size_t> asked;
        const auto settle = [&] {
            EXPECT_TRUE(client.ping(plenty));
            for (const std::size_t i : asked) {
                stages_[i] = Stage::taken;
            }
            asked.clear();
        };
        for (const std::size_t i : shuffled(random_)) {
            hesitate(random_);
            EXPECT_FALSE(devices[i].try_receive()) << "nobody whom it could mind has gone";
            stages_[i] = Stage::asked;
            devices[i].disconnect(Fault::error(std::to_string(i)));
            asked.push_back(i);
            if (random_() % 8 == 0) {
                settle();
            }
        }
        settle();
    }

    const Daemon& daemon_;
    Random random_{test_seed()};
    std::array<Line, batch> lines_;
    std::array<std::atomic<Stage>, batch> stages_{};
};

// ---- the side that links -------------------------------------------------------------------------------------------------

class Race : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(client_.device() && witness_.device());
        ASSERT_TRUE(client_.ping(plenty) && witness_.ping(plenty));
        const auto info = client_.daemon_info(plenty);
        ASSERT_TRUE(info);
        devices_before_ = info->devices;
    }

    /// All rounds: `prepare` where all targets live, `race` at the same time as their ends, `judge` when all is over.
    template <class Prepare, class Operation, class Judge>
    void run(const Prepare& prepare, const Operation& operation, const Judge& judge) {
        std::thread other{[this] { owner_.run(gate_); }};
        for (batch_ = 0; batch_ < rounds / batch && !HasFailure() && gate_.pass(); ++batch_) {
            told_ = {};
            link_witness();
            prepare();
            if (!gate_.pass()) {
                break;
            }
            for (const std::size_t i : shuffled(random_)) {
                hesitate(random_);
                operation(i);
                if (random_() % 4 == 0) {
                    EXPECT_TRUE(client_.flush());
                }
            }
            EXPECT_TRUE(client_.flush());
            if (!gate_.pass()) {
                break;
            }
            await_witness();
            EXPECT_TRUE(client_.ping(plenty));  // what the witness was told of, this one has been told of
            read();
            judge();
            if (!gate_.pass()) {
                break;
            }
        }
        gate_.abandon();
        other.join();
        EXPECT_EQ(witnessed_, rounds);
        expect_nothing_left();
    }

    /// Takes what has arrived.
    void read() {
        EXPECT_TRUE(client_.dispatch());
        while (const auto message = client_.device().try_receive()) {
            count(*message, told_);
        }
    }

    Daemon daemon_;
    Owner owner_{daemon_};
    Client client_ = daemon_.connect();
    Random random_{test_seed() + 1};
    std::array<int, batch> told_{};  ///< how often of each target of this batch

  private:
    void count(const Message& message, std::array<int, batch>& told) {
        const auto* gone = std::get_if<Disconnected>(&message);
        const std::size_t i = gone == nullptr ? batch : owner_.index_of(gone->device);
        if (i == batch) {
            ADD_FAILURE() << "of no Device of this batch";
            return;
        }
        EXPECT_EQ(text_of(*gone), Owner::fault_of(batch_, i));
        EXPECT_EQ(++told[i], 1) << "told twice";
    }
    /// A third party is told of all of them, whatever becomes of the race.
    void link_witness() {
        for (const Line& line : owner_.lines()) {
            EXPECT_TRUE(witness_.device().link(line, LinkMode::monitor));
        }
        EXPECT_TRUE(witness_.ping(plenty));
    }
    void await_witness() {
        std::array<int, batch> told{};
        for (std::size_t n = 0; n < batch; ++n) {
            const auto message = witness_.device().next(plenty);
            if (!message) {
                ADD_FAILURE() << message.error().text() << " after " << n;
                return;
            }
            count(*message, told);
            ++witnessed_;
        }
        EXPECT_TRUE(witness_.ping(plenty));
        EXPECT_FALSE(witness_.device().try_receive());
    }
    /// No Device, and no edge of those that live.
    void expect_nothing_left() {
        for (Client* client : {&client_, &witness_}) {
            const auto self = client->describe(client->device().line(), plenty);
            ASSERT_TRUE(self);
            EXPECT_EQ(self->links_total, 0U);
        }
        const auto info = client_.daemon_info(plenty);
        ASSERT_TRUE(info);
        EXPECT_EQ(info->links, 0U);
        EXPECT_EQ(info->devices, devices_before_);
    }

    Client witness_ = daemon_.connect();
    Gate gate_;
    std::size_t batch_ = 0;
    std::size_t witnessed_ = 0;
    std::uint64_t devices_before_ = 0;
};

TEST_F(Race, L7_L9_T4_ALinkAndTheDeathOfItsTargetHaveOneOutcome) {
    struct Tried {
        LinkMode mode = LinkMode::none;
        std::optional<bool> acknowledged;  ///< nothing where it was not waited for
    };
    std::array<Tried, batch> tried;
    std::size_t linked = 0, refused = 0, silent = 0, answered = 0, told = 0;
    const auto link = [&](std::size_t i) {
        constexpr std::array<LinkMode, 3> modes{LinkMode::monitor, LinkMode::peer, LinkMode::notify};
        tried[i] = {modes[random_() % modes.size()], {}};
        if (random_() % 2 == 0) {
            EXPECT_TRUE(client_.device().link(owner_.lines()[i], tried[i].mode));
            return;
        }
        const Stage before = owner_.stage(i);
        const auto done = client_.device().link_wait(owner_.lines()[i], tried[i].mode, plenty);
        const Stage after = owner_.stage(i);
        EXPECT_TRUE(done ? before != Stage::taken : after != Stage::lives && done.error().code == ErrorCode::link_down)
            << (done ? "a link to what was gone was acknowledged" : done.error().text());
        tried[i].acknowledged = done.has_value();
    };
    const auto judge = [&] {
        std::array<int, batch> refusals{};
        while (const auto event = client_.try_event()) {
            const auto* refusal = std::get_if<Refused>(&*event);
            const std::size_t i = refusal == nullptr ? batch : owner_.index_of(refusal->other);
            ASSERT_TRUE(i != batch && refusal->error.code == ErrorCode::link_down);
            ++refusals[i];
        }
        for (std::size_t i = 0; i < batch; ++i) {
            const Tried& it = tried[i];
            const bool is_owed = it.mode != LinkMode::notify && it.acknowledged.value_or(true);
            const bool may_be_refused = it.mode == LinkMode::notify && !it.acknowledged;
            EXPECT_EQ(told_[i], is_owed ? 1 : 0) << "mode " << static_cast<int>(it.mode);
            EXPECT_LE(refusals[i], may_be_refused ? 1 : 0);
            std::size_t& outcome = it.acknowledged ? (*it.acknowledged ? linked : refused)
                                                   : (is_owed            ? told
                                                      : refusals[i] == 1 ? answered
                                                                         : silent);
            ++outcome;
        }
    };
    run([] {}, link, judge);
    EXPECT_EQ(linked + refused + silent + answered + told, rounds);
    std::printf(
        "figure: link and death, %zu rounds: waited for: %zu before the death, %zu refused; `notify` alone: %zu before, %zu "
        "refused; others: %zu told once\n",
        rounds, linked, refused, silent, answered, told);
    EXPECT_TRUE(linked > 0 && refused > 0 && silent > 0 && answered > 0 && told > 0) << "one side has always won: this was no race";
}

TEST_F(Race, T5_AfterAnAcknowledgedUnlinkNoNoticeIsRead) {
    enum class Outcome : int { read_before, in_time, taken_back, not_waited_for };
    std::array<LinkMode, batch> modes{};
    std::array<Outcome, batch> outcomes{};
    std::array<std::size_t, 4> counts{};
    std::size_t told_all_the_same = 0;
    const auto link = [&] {
        for (std::size_t i = 0; i < batch; ++i) {
            modes[i] = random_() % 2 == 0 ? LinkMode::monitor : LinkMode::peer;
            EXPECT_TRUE(client_.device().link(owner_.lines()[i], modes[i]));
        }
        EXPECT_TRUE(client_.ping(plenty));
    };
    const auto unlink = [&](std::size_t i) {
        if (random_() % 48 == 0) {
            read();
        }
        if (told_[i] != 0) {
            outcomes[i] = Outcome::read_before;
        } else if (random_() % 3 == 0) {
            outcomes[i] = Outcome::not_waited_for;
            EXPECT_TRUE(client_.device().unlink(owner_.lines()[i], modes[i]));
        } else {
            const Stage before = owner_.stage(i);
            const auto unlinked = client_.device().unlink_wait(owner_.lines()[i], modes[i], plenty);
            const Stage after = owner_.stage(i);
            ASSERT_TRUE(unlinked) << unlinked.error().text();
            EXPECT_NE(unlinked->was_down ? after : before, unlinked->was_down ? Stage::lives : Stage::taken) << "was_down is wrong";
            outcomes[i] = unlinked->was_down ? Outcome::taken_back : Outcome::in_time;
        }
    };
    const auto judge = [&] {
        EXPECT_FALSE(client_.try_event());
        for (std::size_t i = 0; i < batch; ++i) {
            ++counts[static_cast<std::size_t>(outcomes[i])];
            if (outcomes[i] == Outcome::not_waited_for) {
                told_all_the_same += static_cast<std::size_t>(told_[i]);
            } else {
                EXPECT_EQ(told_[i], outcomes[i] == Outcome::read_before ? 1 : 0) << "outcome " << static_cast<int>(outcomes[i]);
            }
        }
    };
    run(link, unlink, judge);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::size_t{0}), rounds);
    std::printf(
        "figure: unlink and death, %zu rounds: waited for: %zu before the death, %zu notices taken back; %zu read before; %zu not "
        "waited for, of which %zu were told\n",
        rounds, counts[1], counts[2], counts[0], counts[3], told_all_the_same);
    EXPECT_TRUE(counts[0] > 0 && counts[1] > 0 && counts[2] > 0 && counts[3] > 0) << "one side has always won: this was no race";
}

// ---- a close and the requests before it ----------------------------------------------------------------------------------

constexpr std::size_t in_flight = 25;

/// What a process that is killed leaves behind for its parent to see.
struct Left {
    std::atomic<bool> is_connected = false;
    std::atomic<std::size_t> written = 0;  ///< so many Devices, with their links, have left for the daemon
    std::array<DeviceId, in_flight> ids;
};

/// A process that makes Devices which two others are told of, and ends in the midst of it.
class Victim {
  public:
    Victim(const Daemon& daemon, const Line& first, const Line& second) : daemon_(daemon), watchers_{first, second} {
        void* const memory = ::mmap(nullptr, sizeof(Left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        left_ = memory == MAP_FAILED ? nullptr : new (memory) Left;
    }
    Victim(const Victim&) = delete;
    Victim& operator=(const Victim&) = delete;
    ~Victim() {
        if (left_ != nullptr) {
            ::munmap(left_, sizeof(Left));
        }
    }
    [[nodiscard]] const Left* left() const { return left_; }

    /// Everything is in flight when the connection is closed in good order.
    void close() {
        left_->written = 0;
        std::vector<Device> devices;
        Client client = daemon_.connect();
        write(client, devices, in_flight);
    }
    /// The same, but the process is killed the moment it has written all.
    void die() {
        run([this] {
            std::vector<Device> devices;
            Client client = daemon_.connect();
            write(client, devices, in_flight);
            ::kill(::getpid(), SIGKILL);
        });
    }
    /// Killed from outside at any moment, by chance.
    void be_killed(Random& random) {
        left_->is_connected = false;
        const pid_t pid = begin([this] {
            std::vector<Device> devices;
            Client client = daemon_.connect();
            left_->is_connected = true;
            write(client, devices, 1);
            ::pause();
        });
        if (pid < 0) {
            return;
        }
        // By its own progress and not by a time, which a slow machine would stretch for one of the two alone.
        const std::size_t target = random() % in_flight;
        while (!left_->is_connected || left_->written < target) {
            if (::waitpid(pid, nullptr, WNOHANG) != 0) {
                return;  // it has gone by itself, and its pid may be another's
            }
            std::this_thread::yield();
        }
        hesitate(random);
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }

  private:
    /// `at_once`: so many Devices leave together.
    void write(Client& client, std::vector<Device>& devices, std::size_t at_once) {
        Random random{left_->ids[0].value + test_seed()};
        for (std::size_t i = 0; i < in_flight; ++i) {
            if (at_once == 1) {
                hesitate(random);
            }
            auto device = client.open_device({.within = plenty});
            if (!device) {
                return;
            }
            left_->ids[i] = device->id();
            for (const Line& watcher : watchers_) {
                static_cast<void>(device->link(watcher, LinkMode::notify));
            }
            devices.push_back(std::move(*device));
            if ((i + 1) % at_once == 0 && client.flush()) {
                left_->written = i + 1;
            }
        }
    }
    template <class Body>
    pid_t begin(const Body& body) {
        left_->written = 0;
        const pid_t pid = ::fork();
        EXPECT_GE(pid, 0);
        if (pid == 0) {
            body();
            ::_exit(1);
        }
        return pid;
    }
    template <class Body>
    void run(const Body& body) {
        int status = 0;
        const pid_t pid = begin(body);
        EXPECT_EQ(::waitpid(pid, &status, 0), pid);
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    }

    const Daemon& daemon_;
    std::array<Line, 2> watchers_;
    Left* left_;
};

/// How many Devices a watcher has been told of: the victim's first ones in the order of their creation, each once, with `drop`.
std::size_t told_of(Client& client, const Left& left) {
    std::size_t count = 0;
    while (const auto message = client.device().try_receive()) {
        const auto* gone = std::get_if<Disconnected>(&*message);
        if (gone == nullptr || count == in_flight || gone->device.id() != left.ids[count]) {
            ADD_FAILURE() << "notice " << count << " is of no Device, of one told before, or out of order";
            return count;
        }
        EXPECT_EQ(text_of(*gone), "drop");
        ++count;
    }
    return count;
}

TEST(CloseRace, T6_WhatWasWrittenBeforeACloseIsCarriedOutAndThenAllDropOnce) {
    Daemon daemon;
    Client first = daemon.connect();
    Client second = daemon.connect();
    ASSERT_TRUE(first.device() && second.device() && first.ping(plenty) && second.ping(plenty));
    const auto before = first.daemon_info(plenty);
    ASSERT_TRUE(before);
    Victim victim{daemon, first.device().line(), second.device().line()};
    ASSERT_NE(victim.left(), nullptr);
    Random random{test_seed()};
    std::array<std::size_t, 3> carried_out{};
    std::size_t cut = 0, beyond = 0;
    for (std::size_t n = 0; n < rounds / in_flight && !testing::Test::HasFailure(); ++n) {
        const std::size_t how = n % 3;
        if (how == 0) {
            victim.close();
        } else if (how == 1) {
            victim.die();
        } else {
            victim.be_killed(random);
        }
        const std::size_t written = victim.left()->written;
        EXPECT_TRUE(how == 2 || written == in_flight);
        EXPECT_TRUE(eventually([&] {
            const auto now = first.daemon_info(plenty);
            return now && now->devices == before->devices && now->sessions == before->sessions;
        })) << "something is left";
        ASSERT_TRUE(first.ping(plenty) && second.ping(plenty));
        const std::size_t told = told_of(first, *victim.left());
        EXPECT_EQ(told_of(second, *victim.left()), told) << "one was told of more than the other";
        EXPECT_GE(told, written);
        carried_out[how] += told;
        cut += in_flight - told;
        beyond += told - std::min(told, written);
    }
    std::printf(
        "figure: close and requests, %zu rounds: carried out before the end: %zu closed, %zu killed behind the last, %zu killed at any "
        "moment, %zu of them not yet noted by the killed; %zu had not been sent\n",
        rounds, carried_out[0], carried_out[1], carried_out[2], beyond, cut);
    EXPECT_EQ(carried_out[0] + carried_out[1] + carried_out[2] + cut, rounds);
    EXPECT_TRUE(carried_out[2] > 0 && cut > 0) << "the killer was always too late, or too early: this was no race";
}

}  // namespace
}  // namespace backplane::integration
