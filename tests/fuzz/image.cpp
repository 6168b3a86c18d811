// SPDX-License-Identifier: Apache-2.0
/// The core's image, damaged: `load` refuses it, or the engine that took it goes on without breaking its own invariants.
/// The first byte of the input chooses how far a small history had come when its image was taken.
#include "daemon/core/engine.hpp"
#include "daemon/core/spec.hpp"
#include "tests/fuzz/patched.hpp"

#include <vector>

namespace {

using namespace backplane;
using namespace backplane::core;

ChildSpec worker(std::string name) {
    ChildSpec spec;
    spec.name = std::move(name);
    spec.launch.exec = {"/usr/bin/worker"};
    spec.managed = true;
    return spec;
}

std::string small_tree() {
    SupervisorSpec root;
    root.children = {worker("db"), worker("web"), worker("sub")};
    root.children[1].links = {{"db", LinkMode::monitor}};
    root.children[2].is_supervisor = true;
    root.children[2].supervisor.emplace_back().children = {worker("w1")};
    return encode_spec(root);
}

/// Feeds one event and answers what it asks of the machine as a willing machine would.
class Player {
  public:
    explicit Player(Engine& engine) : engine_(engine) {}

    void play(const Event& event) {
        now_.ns += 1'000'000;
        std::vector<Event> next{event};
        for (std::size_t i = 0; i < next.size() && i < 64; ++i) {
            Effects out;
            engine_.step(now_, next[i], out);
            for (const Effect& effect : out.list) {
                answer(effect, next);
            }
        }
    }

  private:
    static void answer(const Effect& effect, std::vector<Event>& next) {
        switch (effect.kind) {
            case EffectKind::go_on: next.push_back(Event::of(EventKind::go_on)); break;
            case EffectKind::spawn: next.push_back(Event::spawned(effect.child, effect.generation, 4000)); break;
            case EffectKind::signal:
                next.push_back(Event::exited(effect.child, effect.generation, ExitHow::signalled, effect.argument));
                break;
            case EffectKind::reap: next.push_back(Event::group_empty(effect.child, effect.generation)); break;
            default: break;
        }
    }

    Engine& engine_;
    Instant now_{1};
};

/// What happens after the image was loaded, whatever it was: a client comes, links, and goes; time passes; all is stopped.
std::vector<Event> afterwards() {
    const DeviceId own = DeviceId::make(1, 64);
    return {Event::of(EventKind::tick),
            Event::session_open(2, 0, 11, no_child, 0),
            Event::session_greeted(2),
            Event::grant(2, 1, 1),
            Event::create(2, own, true, 1),
            Event::link(2, own, DeviceId::make(1, 1), LinkMode::peer, false, 2),
            Event::heartbeat(2, own, 1, 3),
            Event::label(2, own, "app=shop\n", 3),
            Event::naming(EventKind::watch_name, 2, "db", DeviceId{}, 3),
            Event::command(2, Verb::restart, 1, true, 4),
            Event::session_ack(2, 0),
            Event::session_close(1),
            Event::session_close(2),
            Event::of(EventKind::terminate),
            Event::of(EventKind::terminate)};
}

std::vector<std::string> make_images() {
    std::vector<std::string> images;
    static const std::string tree = small_tree();
    const DeviceId a = DeviceId::make(1, 64);
    const DeviceId b = DeviceId::make(1, 65);
    const std::vector<Event> history{Event::boot(Epoch{0xabc}, 7, 0),
                                     Event::configure(tree),
                                     Event::session_open(1, 0, 10, no_child, 0),
                                     Event::session_greeted(1),
                                     Event::grant(1, 2, 1),
                                     Event::create(1, a, false, 1),
                                     Event::create(1, b, true, 2),
                                     Event::link(1, a, b, LinkMode::peer, false, 3),
                                     Event::naming(EventKind::register_name, 1, "task", a, 4),
                                     Event::naming(EventKind::watch_name, 1, "db", DeviceId{}, 5),
                                     Event::heartbeat(1, a, 1000, 6),
                                     Event::label(1, b, "app=shop\nenv=prod\n", 6),
                                     Event::disconnect(1, b, FaultKind::error, 0, DeviceId{}, "why", 6),
                                     Event::command(1, Verb::stop, 2, true, 7)};
    Engine engine;
    Player player(engine);
    for (const Event& event : history) {
        player.play(event);
        engine.save(images.emplace_back());
    }
    return images;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::string> images = make_images();
    if (size == 0) {
        return 0;
    }
    const std::string image = fuzz::patched(images[data[0] % images.size()], fuzz::as_text(data + 1, size - 1));
    Engine engine;
    if (!engine.load(image)) {
        return 0;
    }
    std::string once;
    engine.save(once);
    Engine other;
    std::string twice;
    fuzz::hold(other.load(once).has_value(), "what was taken is written and taken again");
    other.save(twice);
    fuzz::hold(once == twice, "what was taken is written the same");
    Player player(engine);
    for (const Event& event : afterwards()) {
        player.play(event);
    }
    return 0;
}
