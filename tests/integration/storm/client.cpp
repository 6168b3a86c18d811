// SPDX-License-Identifier: Apache-2.0
/// See client.hpp. Of two Devices it is always the younger that links and unlinks, so that each edge has one keeper of its books.
#include "tests/integration/storm/client.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace backplane::storm {

namespace {

constexpr Duration patience = Duration::seconds(120);
constexpr std::size_t devices_max = 6;
constexpr std::int64_t lifetime_ns = 4'000'000'000;

std::uint64_t number_in(std::uint64_t record) { return record / 8; }
PeerLink link_in(std::uint64_t record) { return static_cast<PeerLink>(record % 8); }
std::uint64_t record_of(std::uint64_t number, PeerLink link) { return number * 8 + static_cast<std::uint64_t>(link); }

}  // namespace

StormClient::StormClient(Board& board, std::string socket, std::uint32_t owner, std::uint64_t seed)
    : board_(board), socket_(std::move(socket)), owner_(owner), random_(seed) {}

bool StormClient::connect() {
    kills_before_ = board_.kills;
    resumed_ = 0;
    auto made = Client::connect({.path = socket_, .name = "storm", .within = patience});
    // A daemon that dies before its welcome is nobody's session yet: the connection is simply tried again.
    for (int i = 0; !made && i < 100; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        made = Client::connect({.path = socket_, .name = "storm", .within = patience});
    }
    if (!made) {
        board_.lose(Check::served, "connect: " + made.error().text());
        return false;
    }
    client_.emplace(std::move(*made));
    create();
    if (!mine_.empty()) {
        auto named = client_->register_name("n" + std::to_string(mine_[0].number), mine_[0].device, patience);
        named ? board_.pass(Check::operations) : board_.lose(Check::operations, "register: " + named.error().text());
    }
    return !mine_.empty();
}

void StormClient::close() {
    const std::int64_t now = now_ns();
    for (const Mine& mine : mine_) {
        board_.being(mine.number).gone_at = now;
    }
    for (const std::uint64_t number : ending_) {
        board_.being(number).gone_at = now;
    }
    ending_.clear();
    fading_.clear();
    client_.reset();
    mine_.clear();
}

void StormClient::run() {
    while (!in_phase(Phase::leave)) {
        if (!client_ && !connect()) {
            return;
        }
        (void)client_->wait(Duration::milliseconds(static_cast<std::int64_t>(roll(20))));
        take_messages();
        if (in_phase(Phase::storm)) {
            act();
        } else {
            settle();
        }
        take_events();
    }
    close();
}

void StormClient::act() {
    const std::uint64_t what = roll(1000);
    if (what < 250) {
        create();
    } else if (what < 600) {
        link();
    } else if (what < 700) {
        unlink();
    } else if (what < 850 && mine_.size() > 1) {
        end_one(1 + roll(mine_.size() - 1));
    } else if (what < 960) {
        audit();
    } else if (what < 997) {
        look_up();
    } else {
        close();
        return;
    }
    if (mine_.size() > 1 && now_ns() - mine_[1].born > lifetime_ns) {
        end_one(1);
    }
}

void StormClient::create() {
    std::vector<std::uint64_t> made;
    for (std::uint64_t i = 0; i <= roll(3) && mine_.size() < devices_max; ++i) {
        auto device = client_->open_device({.within = patience});
        if (!device) {
            board_.lose(Check::operations, "create: " + device.error().text());
            return;
        }
        const std::uint64_t number = ++board_.next_number;
        Being& being = board_.being(number);
        being.id = device->id().value;
        being.owner = owner_;
        being.gone_at = 0;
        being.going = Going::with_text;
        being.stage = Stage::up;
        for (auto& peer : being.peers) {
            peer = 0;
        }
        being.number = number;
        Mine mine;
        mine.device = std::move(*device);
        mine.number = number;
        mine.born = now_ns();
        mine_.push_back(std::move(mine));
        made.push_back(number);
        board_.devices += 1;
    }
    confirm();  // nobody else may link to it before the daemon knows it
    for (const std::uint64_t number : made) {
        board_.places[roll(Board::places_max)] = number;
    }
}

void StormClient::link() {
    Mine& mine = mine_[roll(mine_.size())];
    const std::uint64_t number = board_.places[roll(Board::places_max)];
    Being& other = board_.being(number);
    const Line line{client_->epoch(), DeviceId{other.id}};
    if (number == 0 || other.number != number || number >= mine.number || !line || mine.debts.contains(line.id().value) ||
        mine.told.contains(line.id().value)) {
        return;
    }
    board_.links += 1;
    const std::uint64_t how = roll(10);
    if (how >= 4) {
        link_waiting(mine, number, line, how < 6 ? LinkMode::monitor : how < 9 ? LinkMode::peer : LinkMode::notify);
        return;
    }
    const bool is_late = other.stage == Stage::ended || board_.may_drop(number);
    if (auto laid = mine.device.link(line, LinkMode::monitor); !laid) {
        board_.lose(Check::operations, "link: " + laid.error().text());
        return;
    }
    mine.debts[line.id().value] = Debt{.number = number, .late = is_late};
}

void StormClient::link_waiting(Mine& mine, std::uint64_t number, const Line& line, LinkMode mode) {
    std::atomic<std::uint64_t>* record = nullptr;
    if (has(mode, LinkMode::notify)) {
        for (auto& peer : board_.being(number).peers) {
            if (number_in(peer) == mine.number) {
                return;  // one record a pair: an unlink ends both ways at once, and would be noted in one of two
            }
            std::uint64_t none = 0;
            if (record == nullptr && peer.compare_exchange_strong(none, record_of(mine.number, PeerLink::linking))) {
                record = &peer;
            }
        }
        if (record == nullptr) {
            return;
        }
    }
    const auto laid = mine.device.link_wait(line, mode, patience);
    if (record != nullptr) {
        *record = record_of(mine.number, laid ? PeerLink::linked : PeerLink::unlinked);
    }
    const bool is_owed = laid && has(mode, LinkMode::monitor);
    if (is_owed || mode == LinkMode::monitor) {
        mine.debts[line.id().value] = Debt{.number = number, .must = is_owed, .may = is_owed};
    }
    if (laid || (laid.error().code == ErrorCode::link_down && board_.may_be_gone(number))) {
        board_.pass(Check::operations);
    } else {
        board_.lose(Check::operations, "link_wait " + text_of(number) + ": " + laid.error().text());
    }
}

void StormClient::unlink() {
    Mine& mine = mine_[roll(mine_.size())];
    std::vector<std::uint64_t> open;
    for (const auto& [id, debt] : mine.debts) {
        if (debt.must && !debt.told) {
            open.push_back(id);
        }
    }
    if (open.empty()) {
        return;
    }
    const std::uint64_t id = open[roll(open.size())];
    Debt& debt = mine.debts[id];
    std::atomic<std::uint64_t>* record = nullptr;
    for (auto& peer : board_.being(debt.number).peers) {
        record = peer == record_of(mine.number, PeerLink::linked) ? &peer : record;
    }
    const Line line{client_->epoch(), DeviceId{id}};
    if (record == nullptr && roll(3) == 0) {
        (void)mine.device.unlink(line);
        debt.must = false;
        fading_.push_back(Fading{mine.number, id});
        return;
    }
    if (record != nullptr) {
        *record = record_of(mine.number, PeerLink::unlinking);
    }
    const auto gone = mine.device.unlink_wait(line, LinkMode::peer, patience);
    debt.must = false;
    debt.may = false;
    if (record != nullptr) {
        *record = record_of(mine.number, PeerLink::unlinked);
    }
    gone ? board_.pass(Check::unlinks) : board_.lose(Check::unlinks, gone.error().text());
}

void StormClient::end_one(std::size_t index) {
    Mine& mine = mine_[index];
    Being& being = board_.being(mine.number);
    const std::uint64_t how = roll(10);
    being.going = how < 7 ? Going::with_text : how < 9 ? Going::by_drop : Going::well;
    being.stage = Stage::ending;
    if (how < 7) {
        mine.device.disconnect(Fault::error(text_of(mine.number)));
    } else if (how == 9) {
        mine.device.disconnect();
    }
    ending_.push_back(mine.number);
    mine_.erase(mine_.begin() + static_cast<std::ptrdiff_t>(index));
}

void StormClient::look_up() {
    const auto line = client_->lookup("n" + std::to_string(mine_[0].number), patience);
    if (line && line->id() == mine_[0].device.id()) {
        board_.pass(Check::operations);
    } else {
        board_.lose(Check::operations, "lookup: " + (line ? line->text() : line.error().text()));
    }
}

void StormClient::confirm() {
    const std::vector<std::uint64_t> ended = std::exchange(ending_, {});
    const std::vector<Fading> faded = std::exchange(fading_, {});
    if (auto answered = client_->ping(patience); !answered) {
        board_.lose(Check::operations, "ping: " + answered.error().text());
        return;
    }
    board_.pass(Check::operations);
    take_messages();
    for (const std::uint64_t number : ended) {
        board_.being(number).stage = Stage::ended;
    }
    for (const Fading& fading : faded) {
        const auto mine = std::find_if(mine_.begin(), mine_.end(), [&](const Mine& one) { return one.number == fading.mine; });
        if (mine != mine_.end()) {
            mine->debts[fading.other].may = false;
            board_.pass(Check::unlinks);
        }
    }
}

// ---- what arrives --------------------------------------------------------------------------------------------------------

void StormClient::take_messages() {
    for (Mine& mine : mine_) {
        while (const auto message = mine.device.try_receive()) {
            if (const auto* told = std::get_if<Disconnected>(&*message)) {
                take(mine, *told);
            } else {
                board_.lose(Check::once, "somebody asked " + text_of(mine.number) + " to shut down");
            }
        }
    }
}

std::atomic<std::uint64_t>* StormClient::find_peer(const Mine& mine, std::uint64_t id) {
    for (auto& peer : board_.being(mine.number).peers) {
        const std::uint64_t number = number_in(peer);
        if (number != 0 && board_.being(number).number == number && board_.being(number).id == id) {
            return &peer;
        }
    }
    return nullptr;
}

void StormClient::take(Mine& mine, const Disconnected& told) {
    const std::uint64_t id = told.device.id().value;
    const std::string whom = text_of(mine.number) + " of " + told.device.text();
    board_.notices_told += 1;
    if (!mine.told.insert(id).second) {
        board_.lose(Check::once, whom + " twice");
        return;
    }
    board_.pass(Check::once);
    std::uint64_t number = 0;
    const auto debt = mine.debts.find(id);
    if (debt != mine.debts.end()) {
        number = debt->second.number;
        debt->second.told = true;
        if (!debt->second.may) {
            board_.lose(Check::unlinks, whom + " behind an unlink or a refusal");
            return;
        }
    } else if (const auto* peer = find_peer(mine, id)) {
        const std::uint64_t record = *peer;
        number = number_in(record);
        if (link_in(record) == PeerLink::unlinked) {
            board_.lose(Check::unlinks, whom + " behind the unlink of its peer");
            return;
        }
    } else {
        board_.lose(Check::once, whom + ", which it is not linked with");
        return;
    }
    if (debt != mine.debts.end() && debt->second.late && told.fault && told.fault->kind == FaultKind::unreachable) {
        return board_.pass(Check::notices);
    }
    const std::string wrong = board_.wrong_fault(number, told);
    wrong.empty() ? board_.pass(Check::notices) : board_.lose(Check::notices, "to " + whom + ": " + wrong);
}

void StormClient::take_events() {
    while (client_) {
        const auto event = client_->try_event();
        if (!event) {
            break;
        }
        if (std::holds_alternative<Resumed>(*event)) {
            resumed_ += 1;
            board_.resumed += 1;
            const std::uint64_t met = board_.kills - kills_before_;
            resumed_ <= met ? board_.pass(Check::sessions) : board_.lose(Check::sessions, "resumed more often than the daemon crashed");
        } else if (const auto* refused = std::get_if<Refused>(&*event)) {
            board_.lose(Check::operations, refused->operation + " refused: " + refused->error.text());
        } else if (const auto* lost = std::get_if<ConnectionLost>(&*event)) {
            board_.lose(Check::sessions, lost->error.text());
            close();
        }
    }
}

// ---- the books -----------------------------------------------------------------------------------------------------------

void StormClient::audit() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> due;  // mine, other id
    for (const Mine& mine : mine_) {
        for (const auto& [id, debt] : mine.debts) {
            if (debt.must && !debt.told && board_.is_due(debt.number)) {
                due.emplace_back(mine.number, id);
            }
        }
        for (const auto& peer : board_.being(mine.number).peers) {
            const std::uint64_t record = peer;
            const std::uint64_t id = board_.being(number_in(record)).id;
            const bool is_owed = link_in(record) == PeerLink::linked && !mine.told.contains(id) && board_.is_due(number_in(record));
            if (is_owed && peer == record) {  // as it was before: an unlink comes before an end
                due.emplace_back(mine.number, id);
            }
        }
    }
    confirm();
    for (const auto& [number, id] : due) {
        const auto mine = std::find_if(mine_.begin(), mine_.end(), [n = number](const Mine& one) { return one.number == n; });
        if (mine == mine_.end() || mine->told.contains(id)) {
            continue;
        }
        const bool by_other = !mine->debts.contains(id);
        // Late or never? Either is a loss, but not of the same thing.
        for (int look = 0; look < 10 && !mine->told.contains(id); ++look) {
            (void)client_->wait(Duration::milliseconds(50));
            confirm();
        }
        const std::string when = mine->told.contains(id) ? " (it came late)" : " (it never came)";
        board_.lose(Check::notices, text_of(number) + " was not told of " + Line{client_->epoch(), DeviceId{id}}.text() +
                                        (by_other ? ", whose link it was" : "") + when);
        mine->told.insert(id);
        if (!by_other) {
            mine->debts[id].told = true;
        }
    }
}

std::size_t StormClient::owed_later() {
    std::size_t owed = 0;
    for (const Mine& mine : mine_) {
        for (const auto& [id, debt] : mine.debts) {
            owed += debt.must && !debt.told && board_.may_be_gone(debt.number) ? 1U : 0U;
        }
        for (const auto& peer : board_.being(mine.number).peers) {
            const std::uint64_t record = peer;
            const bool is_owed = link_in(record) == PeerLink::linked && board_.may_be_gone(number_in(record));
            owed += is_owed && !mine.told.contains(board_.being(number_in(record)).id) ? 1U : 0U;
        }
    }
    return owed;
}

/// The end of the storm: all but the first Device go, then all that is owed comes.
void StormClient::settle() {
    if (arrived_ == Phase::storm) {
        while (mine_.size() > 1) {
            end_one(mine_.size() - 1);
        }
        confirm();
        arrive(Phase::settle);
    } else if (arrived_ == Phase::settle && in_phase(Phase::audit)) {
        audit();
        if (owed_later() == 0) {
            arrive(Phase::audit);
        }
    }
}

void StormClient::arrive(Phase phase) {
    arrived_ = phase;
    board_.arrived[static_cast<std::size_t>(phase)] += 1;
}

pid_t start_clients(Board& board, const std::string& socket, std::uint32_t owner, std::uint64_t seed) {
    const pid_t pid = ::fork();
    if (pid != 0) {
        return pid;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody else would end it
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < clients_per_process; ++i) {
        threads.emplace_back([&board, &socket, owner, seed, i] {
            StormClient client{board, socket, owner, seed * clients_per_process + i};
            client.run();
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    ::_exit(0);
}

}  // namespace backplane::storm
