// SPDX-License-Identifier: Apache-2.0
/// A supervisor in ten lines: it starts a task, is told when that fails, and starts it again, for all eternity.
#include <backplane/backplane.hpp>

#include <cstdio>

using namespace backplane;
using namespace std::chrono_literals;

template <class Spawn>
Task<> never_stop(Client& client, Spawn spawn) {
    Device device = std::move(*client.open_device());
    for (int starts = 1;; ++starts) {
        Device task = std::move(*client.open_device());
        std::ignore = device.link(task, LinkMode::monitor);
        spawn(std::move(task));
        while (const auto message = co_await device.next()) {
            if (message->is_disconnected()) {
                std::printf("start %d went with %s\n", starts, fault_text(*message->fault(), client.epoch()).c_str());
                break;
            }
        }
        std::fflush(stdout);
    }
}

/// This is quite obviously not going to succeed. Maybe yours should!
Task<> failing_task(Client& client, Device device) {
    co_await client.sleep(10ms);
    device.disconnect(Fault::error());
}

int main() {
    auto client = Client::from_environment();
    if (!client) {
        return std::puts(client.error().text().c_str()), 1;
    }
    return client->run(never_stop(*client, [&](Device device) { client->spawn(failing_task(*client, std::move(device))); })) ? 0 : 1;
}
