// SPDX-License-Identifier: Apache-2.0
/// A managed Device: its work goes on until it succeeds, fails, is asked to stop, or something that it depends on faults.
#include <backplane/backplane.hpp>

#include <cstdio>

using namespace backplane;
using namespace std::chrono_literals;

Task<Expected<int>> count_to(Client& client, int end) {
    int count = 0;
    while (count < end) {
        co_await client.sleep(1ms);
        ++count;
    }
    co_return count;
}

int main() {
    auto client = Client::from_environment();
    if (!client) {
        return std::puts(client.error().text().c_str()), 1;
    }
    Device device = std::move(*client->open_device());
    const auto counted = client->run(device.manage(count_to(*client, 10)));  // succeeds
    std::printf("counted to %d\n", **counted);

    Device neighbour = std::move(*client->open_device());
    Device dependent = std::move(*client->open_device());
    std::ignore = dependent.link(neighbour, LinkMode::monitor);
    neighbour.disconnect(Fault::error("on purpose"));
    const auto run = client->run(dependent.manage(count_to(*client, 1'000'000)));  // goes with its neighbour
    std::printf("ended by %s\n", run->crash().text().c_str());
}
