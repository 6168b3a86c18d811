// SPDX-License-Identifier: Apache-2.0
/// How a program tests what it does when others go, or when the daemon does: on a LocalBus, in milliseconds. Links with
/// backplane::testing.
#include <backplane/backplane.hpp>
#include <backplane/testing/local_bus.hpp>

#include <cstdio>

using namespace backplane;

/// What is to be tested: works with `db`, and with its copy when `db` has gone. Answers where it stands in the end.
static const char* serve(Client& client, Device& self) {
    const auto db = client.lookup("db");
    if (!db || !self.link_wait(*db, LinkMode::monitor)) {
        return "copy";
    }
    const auto message = self.next(Within::forever());
    return message && std::holds_alternative<Disconnected>(*message) ? "copy" : "lost";
}

int main() {
    testing::LocalBus bus;
    Client ours = bus.connect();
    Client database = bus.connect();
    auto db = database.open_device();
    if (!db || !database.register_name("db", *db)) {
        return 1;
    }
    bus.after(Duration::seconds(60), [&] { bus.crash(); });           // the daemon crashes: nothing of it is to be seen
    bus.after(Duration::seconds(3600), [&] { bus.kill(database); });  // an hour that takes no time
    const Instant begin = bus.now();
    const std::string stands = serve(ours, ours.device());
    const bool is_right = stands == "copy" && bus.now() == begin + Duration::seconds(3600);
    std::printf("%s\n", stands.c_str());
    return is_right ? 0 : 1;
}
