// SPDX-License-Identifier: Apache-2.0
/// The README's worker: it does its work until `db` goes, and goes with it.
#include <backplane/backplane.hpp>

#include <cstdio>
#include <thread>

int main() {
    auto client = backplane::Client::from_environment();
    auto db = client ? client->lookup("db") : backplane::unexpected(client.error());
    if (!db || !client->device().link(*db, backplane::LinkMode::monitor)) {
        return 1;
    }
    auto run = client->device().manage([](std::stop_token stop) {
        while (!stop.stop_requested())
            std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the work
    });
    return run ? 0 : (std::puts(run.crash().text().c_str()), 1);  // as in cascade(9f3a.1.4c): signal(9)
}
