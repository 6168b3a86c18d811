// SPDX-License-Identifier: Apache-2.0
/// Tasks for the daemon's supervisors: this program offers "squares"; each child with `"task": "squares"` runs here, as a coroutine with
/// a Device of its own, and is started again by its supervisor when it fails.
#include <backplane/backplane.hpp>

#include <cstdio>
#include <string>
#include <utility>

using namespace backplane;
using namespace std::chrono_literals;

/// Fails at a number that it does not like, until somebody asks it to end.
Task<Expected<void>> print_squares(Client& client, std::string name, int bad) {
    for (int i = 1;; ++i) {
        if (i == bad) {
            co_return unexpected(ErrorCode::invalid_argument, "a " + std::to_string(i));
        }
        std::printf("%s: %d\n", name.c_str(), i * i);
        co_await client.sleep(1ms);
    }
}

Task<> serve(Client& client, TaskStart start) {
    const int bad = start.arguments().empty() ? 0 : std::stoi(start.arguments().front());
    auto work = print_squares(client, start.name(), bad);
    Device device = start.running();
    std::ignore = co_await device.manage(std::move(work));  // its Device goes with what the work came to
}

int main() {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    auto client = Client::from_environment();
    if (!client) {
        return std::puts(client.error().text().c_str()), 1;
    }
    const auto offered = client->offer("squares", [&](TaskStart& start) { client->spawn(serve(*client, std::move(start))); });
    if (!offered) {
        return std::puts(offered.error().text().c_str()), 1;
    }
    while (client->wait(Within::forever())) {
    }
}
