// SPDX-License-Identifier: Apache-2.0
/// A worker that promises signs of life while it works, and then hangs: whoever minds `job` is told, and so is the worker.
#include <backplane/backplane.hpp>

#include <cstdio>
#include <thread>

using namespace backplane;
using namespace std::chrono_literals;

int main() {
    auto client = Client::from_environment();
    auto job = client ? client->open_device({.name = "job", .labels = {{"role", "example"}}, .heartbeat = Duration::milliseconds(500)})
                      : unexpected(client.error());
    if (!job) {
        return std::puts(job.error().text().c_str()), 1;
    }
    for (int piece = 0; piece < 20; ++piece) {
        std::this_thread::sleep_for(10ms);  // the work
        std::ignore = job->heartbeat();     // as often as one likes: no more is sent than is needed
    }
    std::puts("the work hangs");
    std::fflush(stdout);
    std::ignore = job->next(Within::forever());  // nothing more is said, and the daemon ends the Device
    const auto end = job->ended();
    std::puts(end && end->fault ? fault_text(*end->fault, client->epoch()).c_str() : "it goes on");
}
