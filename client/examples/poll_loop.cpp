// SPDX-License-Identifier: Apache-2.0
/// A plain poll(2) loop with a Client and the standard input in it: says who has a name, and each of its changes, until the input ends.
///
///     backplane-example-poll NAME
#include <backplane/adaptors/poll.hpp>
#include <backplane/backplane.hpp>

#include <unistd.h>
#include <cstdio>

int main(int count, char** words) {
    auto client = backplane::Client::from_environment();
    if (!client || count != 2 || !client->watch_name(words[1])) {
        return 1;
    }
    backplane::adaptors::PollLoop loop;
    const auto tell = [](backplane::Client& from) {
        while (const auto event = from.try_event()) {
            if (const auto* change = std::get_if<backplane::NameChange>(&*event)) {
                std::printf("%s is %s\n", change->name.c_str(), change->up ? change->device.text().c_str() : "down");
                std::fflush(stdout);
            }
        }
    };
    loop.serve(*client, tell);
    loop.watch(STDIN_FILENO, POLLIN, [&](short) { loop.stop(); });
    tell(*client);  // what came with the call
    return loop.run() ? 0 : 1;
}
