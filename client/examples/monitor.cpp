// SPDX-License-Identifier: Apache-2.0
/// Says whenever something comes up or goes down under a name, across all its incarnations (rule X-20).
///
///     backplane-example-monitor NAME
#include <backplane/backplane.hpp>

#include <cstdio>

using namespace backplane;

static int fail(const Error& error) {
    std::fprintf(stderr, "monitor: %s\n", error.text().c_str());
    return 1;
}

int main(int count, char** words) {
    auto client = Client::from_environment({.name = "monitor"});
    if (!client || count != 2) {
        return client ? fail({ErrorCode::usage, "monitor NAME"}) : fail(client.error());
    }
    if (const auto watched = client->watch_name(words[1]); !watched) {
        return fail(watched.error());
    }
    for (;;) {
        const auto event = client->next_event(Within::forever());
        if (!event) {
            return fail(event.error());
        }
        if (const auto* change = std::get_if<NameChange>(&*event)) {
            const std::string who = change->device ? change->device.text() : "nobody";
            const std::string what = change->up ? "is up" : change->fault ? "went down: " + *change->fault : "is down";
            std::printf("%s (%s) %s\n", change->name.c_str(), who.c_str(), what.c_str());
            std::fflush(stdout);
        }
    }
}
