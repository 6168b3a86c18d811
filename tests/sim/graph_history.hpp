// SPDX-License-Identifier: Apache-2.0
/// One random history of clients and tasks: what they send, cut anywhere, and what each must be told, frame by frame.
///
/// The model is stepped by what the hub has carried out, which the count of the core's steps tells: each frame used here
/// is a known number of steps. So the model stays exact under back-pressure, when frames wait inside the hub.
#pragma once

#include "proto/wire/codec.hpp"
#include "tests/sim/naive_graph.hpp"
#include "tests/sim/world.hpp"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace backplane::sim {

/// A frame on its way: how many steps of the core it is, and what it does to the model.
struct Sent {
    std::uint64_t steps = 1;
    std::function<void()> carry_out;
    bool ends = false;         ///< the connection is over with it
    std::string what = {};     ///< for people
    std::uint64_t end_at = 0;  ///< its last byte's place in the stream
    bool counted = false;      ///< sent again after a crash of the daemon, until it is carried out
    std::string bytes = {};    ///< of a counted one
};

/// A request without its answer, which is asked again after a crash (PROTOCOL.md 5.6).
struct Asked {
    wire::Call call = wire::Call::daemon;
    std::uint64_t operation = 0;
    std::string bytes;
    std::function<ErrorCode()> carry_out;
};

struct Client {
    core::SessionIndex index = 0;   ///< its session's; 0 when that is over
    core::SessionIndex socket = 0;  ///< the connection that it speaks on: its session's own, or one that says hello for it; 0: none
    Serial serial = 0;
    std::uint32_t uid = 0;
    bool greeted = false;
    bool gone = false;      ///< its end was seen by the hub, or it was cut
    bool said_end = false;  ///< nothing more is sent
    std::string to_daemon;
    std::uint64_t sent_bytes = 0, delivered_bytes = 0;
    std::deque<Sent> pending;
    std::string from_daemon;
    std::vector<Id> ids;            ///< granted and unused
    std::vector<Id> own;            ///< created, perhaps still on the way
    std::uint64_t operations = 0;   ///< counted frames sent
    std::uint64_t carried_out = 0;  ///< of them
    std::uint64_t asked_ack = 0;    ///< number of the last carried out that asked for an ack
    std::uint64_t acked = 0;        ///< by the daemon
    std::size_t received = 0;       ///< counted frames of the daemon
    std::size_t told = 0;           ///< of them acknowledged (sent)
    std::uint64_t next_request = 1;
    std::map<std::uint64_t, std::pair<wire::Call, ErrorCode>> expected;  ///< carried out requests: what the reply must say
    std::map<std::uint64_t, Asked> asked;                                ///< open requests
    bool said_bye = false;                                               ///< the daemon's last word was seen
    ErrorCode bye_expected = ErrorCode::ok;
    // After a crash of the daemon (T-10).
    bool away = false;               ///< its session is there and waits for it
    bool lost = false;               ///< and it will not come
    std::string session, token;      ///< of its last welcome
    std::deque<Sent> unsent;         ///< counted frames that were not carried out
    std::size_t owed_at_return = 0;  ///< what it was owed when its session was taken up: told before the acknowledgement of its links
    bool said_hello = false;         ///< hello was carried out
    Instant due = Instant::never();  ///< when it must have said hello, or come back
    std::uint64_t due_order = 0;
};

class GraphHistory {
  public:
    explicit GraphHistory(const Options& options);
    Outcome run();

  private:
    // what clients do (graph_history_acts.cpp)
    [[nodiscard]] Client& any_client();
    void act();
    void operate(Client& client);
    void operate_link(Client& client);
    void operate_name(Client& client);
    void operate_self(Client& client);
    void send_ack(Client& client);
    void misbehave(Client& client);
    void send(Client& client, const std::string& bytes, Sent sent);
    void send_counted(Client& client, std::string bytes, bool asked, std::function<void(std::uint64_t)> carry_out);
    void send_request(Client& client, wire::Request request, std::function<ErrorCode()> carry_out);
    [[nodiscard]] Id own_device(Client& client);
    [[nodiscard]] Id any_device();

    // the network and the driver (graph_history.cpp)
    void open();
    void deliver(Client& client, std::size_t bytes);
    void read(Client& client, std::size_t bytes);
    void end(Client& client);
    void go_on();
    void account(Client& client, std::uint64_t steps, bool ended);
    void close(Client& client, const std::string& why);
    void tick();
    void compare();
    void quiet();
    void finish();

    // crashes of the daemon and the way back (graph_history_crash.cpp)
    void crash();
    void lose(Client& client);
    void come_back(Client& client);
    void hang_up(Client& client);
    void take_moves();
    void take_resumed(Client& client, const wire::Welcome& welcome);
    void await(Client& client);
    [[nodiscard]] bool bring_back();

    // what clients are told (graph_history_told.cpp)
    void parse(Client& client);
    void take_frame(Client& client, const wire::FrameView& frame);
    void take_counted(Client& client, const wire::FrameView& frame);
    void take_notice(Client& client, const wire::FrameView& frame, const NaiveItem& item);
    void take_ack(Client& client, const wire::FrameView& frame);
    void take_reply(Client& client, const wire::FrameView& frame);

    World world_;
    NaiveGraph model_;
    int steps_;
    std::size_t clients_max_;  ///< ever: a history ends when they are gone
    bool hurries_;             ///< where the daemon crashes there must be something that could get lost
    std::deque<Client> clients_;
    std::uint64_t due_order_ = 0;
    std::vector<Id> known_;  ///< ids that any client has used or will have
    std::string names_[4] = {"db", "cache/1", "a.b:c", "web"};
};

}  // namespace backplane::sim
