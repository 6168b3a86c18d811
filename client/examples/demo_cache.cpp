// SPDX-License-Identifier: Apache-2.0
/// The demo's worker that depends on Redis: it counts in Redis for as long as that lives, and goes with it when it goes.
///
///     backplane-demo-cache REDIS_SOCKET     started by backplaned, beside a child named `db`
#include "client/examples/demo_redis.hpp"

#include <backplane/backplane.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

namespace {

using namespace std::chrono_literals;

/// Set by SIGTERM, by which the supervisor stops a worker.
std::atomic<bool> stopped = false;

int say(const std::string& text, int code) {
    std::printf("cache: %s\n", text.c_str());
    std::fflush(stdout);
    return code;
}

/// The work: SET and GET in turn. A reply that is missing is no reason to end; if Redis is dead, we will be told.
void use_redis(const char* path, const std::stop_token& stop) {
    demo::Redis redis;
    bool connected = false;
    for (int i = 1; !stop.stop_requested() && !stopped; std::this_thread::sleep_for(5ms)) {
        connected = connected || redis.connect(path);
        connected = connected && redis.command({"SET", "count", std::to_string(i)}).starts_with("+OK");
        if (const std::string reply = connected ? redis.command({"GET", "count"}) : ""; !reply.empty() && i++ == 1) {
            say("Redis answers; it holds what was set", 0);
        }
    }
}

/// Waits until something runs under the name: it may be on its way back just now.
backplane::Expected<backplane::Line> await_name(backplane::Client& client, const char* name) {
    if (const auto watched = client.watch_name(name); !watched) {
        return backplane::unexpected(watched.error());
    }
    for (;;) {
        const auto event = client.next_event(30s);
        if (!event) {
            return backplane::unexpected(event.error());
        }
        if (const auto* change = std::get_if<backplane::NameChange>(&*event); change != nullptr && change->up) {
            return change->device;
        }
    }
}

}  // namespace

int main(int count, char** words) {
    std::signal(SIGTERM, [](int) { stopped = true; });
    auto client = backplane::Client::from_environment({.name = "demo-cache"});
    if (!client || count != 2) {
        return say(client ? "usage: backplane-demo-cache REDIS_SOCKET" : client.error().text(), 2);
    }
    const auto db = await_name(*client, "db");
    if (!db) {
        return say(db.error().text(), 1);
    }
    if (const auto linked = client->device().link(*db, backplane::LinkMode::monitor); !linked) {
        return say(linked.error().text(), 1);
    }
    const auto run = client->device().manage([&](std::stop_token stop) { use_redis(words[1], stop); });
    return run ? say("stopped", 0) : say("told " + run.crash().text(), 1);
}
