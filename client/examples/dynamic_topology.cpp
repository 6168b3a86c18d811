// SPDX-License-Identifier: Apache-2.0
/// Links between Devices, between a Device and a Line, and between two Lines, of which the program need own neither.
#include <backplane/backplane.hpp>

#include <cstdio>

using namespace backplane;

Task<> demo(Client& client) {
    Device a = std::move(*client.open_device());
    Device b = std::move(*client.open_device());
    Device c = std::move(*client.open_device({.managed = true}));
    Device d = std::move(*client.open_device());
    const Line c2 = c.line();
    const Line d2 = d.line();
    std::ignore = a.link(b, LinkMode::peer);                           // Device to Device
    std::ignore = b.link(c2, LinkMode::peer);                          // Device to Line
    std::ignore = co_await client.link_async(c2, d2, LinkMode::peer);  // Line to Line, with the daemon's word
    d.disconnect(Fault::error());                                      // c falls with d, being managed; b is told, and a is not
    const auto told = co_await b.next();
    std::printf("b was told: %s\n", fault_text(*told->fault(), client.epoch()).c_str());
}

int main() {
    auto client = Client::from_environment();
    if (!client) {
        return std::puts(client.error().text().c_str()), 1;
    }
    return client->run(demo(*client)) ? 0 : 1;
}
