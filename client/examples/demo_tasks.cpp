// SPDX-License-Identifier: Apache-2.0
/// The demo's worker with two tasks: Devices of their own on one connection, linked as peers. Every few seconds one of them
/// fails; the other, being managed, goes with it, and the program ends with 1, so that its supervisor starts it again.
#include <backplane/backplane.hpp>

#include <cstdio>

namespace {

using namespace std::chrono_literals;
using backplane::Expected;
using backplane::Fault;

/// Plays until `ping` drops the ball. The error is the connection's, or that we were asked to stop.
Expected<std::string> play(backplane::Client& client) {
    auto ping = client.open_device();
    auto pong = client.open_device({.managed = true});
    if (!ping || !pong) {
        return backplane::unexpected(!ping ? ping.error() : pong.error());
    }
    for (const auto& [name, device] : {std::pair{"ping", &*ping}, std::pair{"pong", &*pong}}) {
        if (const auto done = client.register_name(name, *device); !done) {
            return backplane::unexpected(done.error());
        }
    }
    if (const auto linked = ping->link_wait(pong->line(), backplane::LinkMode::peer); !linked) {
        return backplane::unexpected(linked.error());
    }
    static_cast<void>(client.next_event(3s));  // three seconds pass; nothing is expected
    ping->disconnect(Fault::error("dropped the ball"));
    static_cast<void>(pong->next(5s));  // ends with the Device
    const auto ended = pong->ended();
    return ended && ended->fault ? backplane::fault_text(*ended->fault, client.epoch()) : std::string{"nothing"};
}

}  // namespace

int main() {
    auto client = backplane::Client::from_environment({.name = "demo-tasks"});
    const auto pong_went = client ? play(*client) : Expected<std::string>{backplane::unexpected(client.error())};
    std::printf("tasks: %s\n",
                pong_went ? ("ping dropped the ball, pong went with " + *pong_went).c_str() : pong_went.error().text().c_str());
    return 1;
}
