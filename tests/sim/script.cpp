// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/script.hpp"

#include <algorithm>
#include <cstdlib>

namespace backplane::sim {

using core::Event;
using core::EventKind;

namespace {

Words split(const std::string& line) {
    Words words;
    std::size_t at = 0;
    while ((at = line.find_first_not_of(' ', at)) != std::string::npos) {
        const std::size_t end = std::min(line.find(' ', at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end;
    }
    return words;
}

std::uint32_t number(const std::string& text) { return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10)); }

bool has_word(const Words& words, std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); }

std::string after(const Words& words, std::string_view key) {
    const auto found = std::find(words.begin(), words.end(), key);
    return found == words.end() || found + 1 == words.end() ? std::string{} : *(found + 1);
}

/// Which of these words follows the key; the first one where it does not stand there.
template <class Kind>
Kind choice(const Words& words, std::string_view key, const Words& names) {
    const auto found = std::find(names.begin(), names.end(), after(words, key));
    return static_cast<Kind>(found == names.end() ? 0 : found - names.begin());
}

LinkMode mode_of(const std::string& text) {
    return text == "monitor" ? LinkMode::monitor : text == "notify" ? LinkMode::notify : text == "peer" ? LinkMode::peer : LinkMode::none;
}

FaultKind fault_of(const std::string& text) {
    static const Words kinds = {"well", "drop", "error", "cascade", "exit", "signal", "timeout", "killed", "unreachable"};
    const auto found = std::find(kinds.begin(), kinds.end(), text);
    return found == kinds.end() ? FaultKind::none : static_cast<FaultKind>(found - kinds.begin());
}

}  // namespace

Duration duration_of(const std::string& text) {
    if (text == "infinity") {
        return Duration::forever();
    }
    const auto count = static_cast<std::int64_t>(number(text));
    return text.ends_with("ms") ? Duration::milliseconds(count) : Duration::seconds(count);
}

Script::Script() : engine_(std::make_unique<core::Engine>()) { step(Event::boot(Epoch{1}, 42, 1000)); }

Words Script::run(const std::string& line) {
    said_.clear();
    const Words words = split(line);
    if (!words.empty() && !run_session(words) && !run_graph(words) && !run_tree(words) && !run_process(words)) {
        say("UNKNOWN COMMAND");
    }
    return said_;
}

/// Each step is taken by an engine that was saved and loaded a moment before: no script may notice (decision 9).
void Script::step(const Event& event) {
    std::string image;
    engine_->save(image);
    auto loaded = std::make_unique<core::Engine>();
    if (!loaded->load(image)) {
        say("A SAVED STATE WAS REFUSED");
    } else {
        engine_ = std::move(loaded);
    }
    out_.clear();
    engine_->step(now_, event, out_);
    print_effects();
    print_owed();
    if (const std::string wrong = engine_->check(); !wrong.empty()) {
        say("CHECK: " + wrong);
    }
}

/// Time passes as the shell lets it: each deadline is met when it is due.
void Script::wait(Duration time) {
    const Instant from = now_;
    const Instant until = now_ + time;
    while (engine_->next_deadline() <= until) {
        const Instant due = engine_->next_deadline();
        if (due > now_) {
            say("+" + std::to_string((due - from).ns / 1'000'000) + "ms");
        }
        now_ = std::max(now_, due);
        step(Event::of(EventKind::tick));
    }
    now_ = until;
}

DeviceId Script::id(const std::string& name) const {
    const auto found = ids_.find(name);
    if (found != ids_.end()) {
        return found->second;
    }
    const core::ChildIndex entry = child(name);
    return entry == core::no_child ? DeviceId::make(99, 99) : engine_->supervision().view(entry, now_).device;
}

core::SessionIndex Script::owner(const std::string& name) const {
    const auto found = owners_.find(name);
    return found != owners_.end() ? found->second : engine_->graph().device(id(name).slot()).owner;
}

DeviceId Script::fresh_id(core::SessionIndex session) {
    auto& free = free_[session];
    if (free.empty()) {
        core::Effects quiet;
        engine_->step(now_, Event::grant(session, 1, 0), quiet);
        for (std::uint32_t i = 0; i < core::page_slots; ++i) {
            const DeviceId first = engine_->graph().granted().front();
            free.push_back(DeviceId::make(first.generation(), first.slot() + i));
        }
        std::reverse(free.begin(), free.end());
    }
    const DeviceId made = free.back();
    free.pop_back();
    return made;
}

bool Script::run_session(const Words& words) {
    const std::string& verb = words[0];
    const core::SessionIndex session = words.size() > 1 ? number(words[1]) : 0;
    if (verb == "open") {
        const std::string uid = after(words, "uid");
        const std::string worker = after(words, "worker");
        const core::ChildIndex entry = worker.empty() ? core::no_child : child(worker);
        free_[session].clear();
        shown_[session] = 0;
        step(Event::session_open(session, uid.empty() ? 1000 : number(uid), 77, entry, entry == core::no_child ? 0 : generation(entry)));
        step(Event::session_greeted(session));
    } else if (verb == "close") {
        step(Event::session_close(session, words.size() > 2 ? std::string_view{words[2]} : std::string_view{}));
    } else if (verb == "crash") {  // the state lives on, the daemon is another one
        step(Event::of(EventKind::recovered));
    } else if (verb == "resume" && words.size() >= 3) {
        shown_[session] = number(words[2]);  // what it has not taken is told again
        step(Event::session_resumed(session, 78, number(words[2]), core::Token{7, request_}));
    } else if (verb == "go") {
        step(Event::of(EventKind::go_on));
    } else if (verb == "take") {
        step(Event::session_ack(session, engine_->graph().session(session).owed_total));
    } else if (verb == "ack" && words.size() == 3) {
        step(Event::session_ack(session, number(words[2])));
    } else if (verb == "wait") {
        wait(duration_of(words[1]));
    } else if (verb == "name" && words.size() >= 4) {
        static const std::map<std::string, EventKind> kinds = {{"register", EventKind::register_name},
                                                               {"release", EventKind::release_name},
                                                               {"watch", EventKind::watch_name},
                                                               {"unwatch", EventKind::unwatch_name}};
        const DeviceId device = words.size() > 4 ? id(words[4]) : DeviceId{};
        step(Event::naming(kinds.at(words[1]), number(words[2]), words[3], device, ++request_));
    } else {
        return false;
    }
    return true;
}

bool Script::run_graph(const Words& words) {
    const std::string& verb = words[0];
    if (verb == "create" && words.size() >= 3) {
        const core::SessionIndex session = number(words[1]);
        const DeviceId made = fresh_id(session);
        ids_[words[2]] = made;
        names_[made.value] = words[2];
        owners_[words[2]] = session;
        step(Event::create(session, made, has_word(words, "managed"), ++request_));
    } else if ((verb == "link" || verb == "unlink") && words.size() >= 4) {
        Event event = Event::link(owner(words[1]), id(words[1]), id(words[2]), mode_of(words[3]), has_word(words, "ack"), ++request_);
        event.kind = verb == "link" ? EventKind::link : EventKind::unlink;
        step(event);
    } else if (verb == "end" && words.size() >= 2) {
        const FaultKind fault = words.size() > 2 ? fault_of(words[2]) : FaultKind::none;
        const std::string cascade = after(words, "cascade");
        const std::int32_t argument = words.size() > 3 && cascade.empty() ? static_cast<std::int32_t>(number(words[3])) : 0;
        step(Event::disconnect(owner(words[1]), id(words[1]), fault, argument, cascade.empty() ? DeviceId{} : id(cascade), {}, ++request_));
    } else if (verb == "ask" && words.size() == 3) {
        step(Event::shutdown_request(owner(words[1]), id(words[1]), id(words[2]), ++request_));
    } else if (verb == "manage" && words.size() == 3) {
        step(Event::manage(owner(words[1]), id(words[1]), words[2] == "on", ++request_));
    } else if (verb == "beat" && words.size() == 3) {
        const auto interval = static_cast<std::uint32_t>(duration_of(words[2]).ns / 1'000'000);
        step(Event::heartbeat(owner(words[1]), id(words[1]), interval, ++request_));
    } else if (verb == "label" && words.size() >= 2) {
        std::string labels;
        for (std::size_t i = 2; i < words.size(); ++i) {
            labels.append(words[i]).append("\n");
        }
        step(Event::label(owner(words[1]), id(words[1]), labels, ++request_));
    } else if (verb == "labels" && words.size() == 2) {
        std::string kept{engine_->graph().labels_of(id(words[1]))};
        std::replace(kept.begin(), kept.end(), '\n', ';');
        say("labels of " + words[1] + ": " + (kept.empty() ? "none" : kept));
    } else {
        return false;
    }
    return true;
}

bool Script::run_process(const Words& words) {
    const std::string& verb = words[0];
    if (verb == "terminate") {
        step(Event::of(EventKind::terminate));
        return true;
    }
    if (verb == "show") {
        print_tree();
        return true;
    }
    if (words.size() < 2) {
        return false;
    }
    const bool old = has_word(words, "old");
    const core::ChildIndex entry = child(words[1]);
    const std::uint32_t life = entry == core::no_child ? 0 : generation(entry) - (old ? 1 : 0);
    if (verb == "spawned") {
        step(Event::spawned(entry, life, static_cast<std::int32_t>(100 + entry)));
    } else if (verb == "spawn_failed") {
        step(Event::spawn_failed(entry, life, core::SpawnStep::exec, 2));
    } else if (verb == "ready") {
        step(Event::ready(entry, life));
    } else if (verb == "exiting") {
        step(Event::exiting(entry, life));
    } else if (verb == "exited" && words.size() >= 4) {
        const core::ExitHow how = words[2] == "exit"     ? core::ExitHow::exited
                                  : words[2] == "signal" ? core::ExitHow::signalled
                                                         : core::ExitHow::unknown;
        step(Event::exited(entry, life, how, static_cast<std::int32_t>(number(words[3]))));
    } else if (verb == "group_empty") {
        step(Event::group_empty(entry, life));
    } else if (verb == "alive") {
        step(Event::alive(entry, life));
    } else {
        return run_command(words);
    }
    return true;
}

/// `start 1 db`, `stop 1 db nowait`, `restart 1 db within 2s`; `add 1 pool key red with --colour red`.
bool Script::run_command(const Words& words) {
    static const std::map<std::string, core::Verb> verbs = {{"start", core::Verb::start},     {"stop", core::Verb::stop},
                                                            {"restart", core::Verb::restart}, {"start_now", core::Verb::start_now},
                                                            {"remove", core::Verb::remove},   {"enable", core::Verb::enable},
                                                            {"disable", core::Verb::disable}, {"hold", core::Verb::hold},
                                                            {"release", core::Verb::release}, {"reset", core::Verb::reset}};
    const auto verb = verbs.find(words[0]);
    if (words.size() < 3 || (verb == verbs.end() && words[0] != "add")) {
        return false;
    }
    const bool again = has_word(words, "again");
    const std::string within = after(words, "within");
    const auto deadline = within.empty() ? 0U : static_cast<std::uint32_t>(duration_of(within).ns / 1'000'000);
    request_ += again ? 0 : 1;
    if (verb != verbs.end()) {
        step(Event::command(number(words[1]), verb->second, child(words[2]), !has_word(words, "nowait"), request_, again, deadline));
        return true;
    }
    core::NewChild added;
    added.key = after(words, "key");
    if (const auto with = std::find(words.begin(), words.end(), "with"); with != words.end()) {
        added.arguments.assign(with + 1, words.end());
    }
    const std::string bytes = core::encode_new_child(added);
    step(Event::add_child(number(words[1]), child(words[2]), bytes, true, request_, again, deadline));
    return true;
}

// ---- the tree --------------------------------------------------------------------------------------------------------

core::SupervisorSpec* Script::find_supervisor(core::SupervisorSpec& from, std::string_view path) {
    if (path.empty()) {
        return &from;
    }
    const std::string_view first = path.substr(0, path.find('/'));
    for (core::ChildSpec& entry : from.children) {
        if (entry.name == first && entry.is_supervisor) {
            return find_supervisor(entry.supervisor[0], path.size() == first.size() ? std::string_view{} : path.substr(first.size() + 1));
        }
    }
    return nullptr;
}

void Script::set_supervisor(core::SupervisorSpec& supervisor, const Words& words) {
    if (const std::string value = after(words, "intensity"); !value.empty()) {
        supervisor.intensity = number(value);
    }
    if (const std::string value = after(words, "period"); !value.empty()) {
        supervisor.period = duration_of(value);
    }
    if (const std::string value = after(words, "max_children"); !value.empty()) {
        supervisor.max_children = number(value);
    }
    supervisor.on_give_up = choice<core::OnGiveUp>(words, "on_give_up", {"shutdown", "crash"});
    supervisor.strategy = choice<core::Strategy>(words, "strategy", {"one_for_one", "rest_for_one", "one_for_all", "dynamic"});
    supervisor.auto_shutdown = choice<core::AutoShutdown>(words, "auto_shutdown", {"never", "any_significant", "all_significant"});
    supervisor.on_start_failure = choice<core::OnStartFailure>(words, "on_start_failure", {"retry", "stop"});
    supervisor.start_order = choice<core::StartOrder>(words, "start_order", {"list", "parallel"});
    if (supervisor.strategy == core::Strategy::dynamic) {  // its template is a plain worker
        core::ChildSpec each;
        each.launch.exec = {"/bin/worker"};
        each.backoff.jitter = 0;
        supervisor.template_child.push_back(each);
    }
}

/// What a child may have beside the oldest keys.
void Script::set_more(core::ChildSpec& entry, const Words& words) {
    entry.significant = has_word(words, "significant");
    entry.retain = has_word(words, "retain");
    entry.oneshot = has_word(words, "oneshot");
    entry.signal_group = has_word(words, "signal_group");
    entry.kill_mode = choice<core::KillMode>(words, "kill_mode", {"group", "leader"});
    if (const std::string value = after(words, "watchdog"); !value.empty()) {
        entry.watchdog = duration_of(value);
    }
    if (const std::string value = after(words, "stop_signal"); !value.empty()) {
        entry.stop_signal = static_cast<std::int32_t>(number(value));
    }
    if (const std::string value = after(words, "limit"); !value.empty()) {
        entry.limit.enabled = true;
        entry.limit.intensity = number(value);
        entry.limit.on_limit = choice<core::OnLimit>(words, "on_limit", {"escalate", "quarantine", "stop_child"});
        entry.limit.cooldown = has_word(words, "cooldown") ? duration_of(after(words, "cooldown")) : Duration::forever();
    }
    for (std::size_t i = 2; i + 1 < words.size(); ++i) {
        if (words[i] == "requires") {
            entry.requires_up.push_back(words[i + 1]);
        }
    }
}

void Script::set_child(core::ChildSpec& entry, const Words& words) {
    const std::string restart = after(words, "restart");
    entry.restart = restart == "transient"   ? core::RestartType::transient
                    : restart == "temporary" ? core::RestartType::temporary
                                             : core::RestartType::permanent;
    if (const std::string value = after(words, "shutdown"); value == "brutal_kill") {
        entry.shutdown_kind = core::ShutdownKind::brutal_kill;
    } else if (value == "no_wait") {
        entry.shutdown_kind = core::ShutdownKind::no_wait;
    } else if (value == "infinity" || (value.empty() && entry.is_supervisor)) {
        entry.shutdown_kind = core::ShutdownKind::infinity;
    } else if (!value.empty()) {
        entry.shutdown = duration_of(value);
    }
    const std::string limit = after(words, "start_timeout");
    entry.start_timeout = !limit.empty() ? duration_of(limit) : entry.is_supervisor ? Duration::forever() : entry.start_timeout;
    entry.readiness = choice<core::Readiness>(words, "readiness", {"exec", "notify", "probe"});
    entry.managed = has_word(words, "managed");
    set_more(entry, words);
    entry.backoff.jitter = 0;
    if (const std::string value = after(words, "backoff"); value == "none") {
        entry.backoff.enabled = false;
    } else if (!value.empty()) {
        entry.backoff.initial = duration_of(value);
    }
    if (const std::string value = after(words, "max"); !value.empty()) {
        entry.backoff.max = duration_of(value);
    }
    if (const std::string value = after(words, "reset_after"); !value.empty()) {
        entry.backoff.reset_after = duration_of(value);
    }
    for (std::size_t i = 2; i + 2 < words.size(); ++i) {
        if (words[i] == "link") {
            entry.links.push_back(core::StandingLink{words[i + 1], mode_of(words[i + 2])});
        }
    }
}

void Script::describe(const Words& words) {
    if (words[1] == "/") {
        set_supervisor(tree_, words);
        return;
    }
    const std::size_t slash = words[1].rfind('/');
    const std::string parent = slash == std::string::npos ? std::string{} : words[1].substr(0, slash);
    core::SupervisorSpec* above = find_supervisor(tree_, parent);
    if (above == nullptr) {
        say("NO SUCH SUPERVISOR");
        return;
    }
    core::ChildSpec entry;
    entry.name = slash == std::string::npos ? words[1] : words[1].substr(slash + 1);
    entry.is_supervisor = words[0] == "sup";
    if (entry.is_supervisor) {
        entry.supervisor.emplace_back();
        set_supervisor(entry.supervisor[0], words);
    } else {
        entry.launch.exec = {"/bin/" + entry.name};
    }
    set_child(entry, words);
    above->children.push_back(entry);
}

bool Script::run_tree(const Words& words) {
    if ((words[0] == "sup" || words[0] == "child") && words.size() >= 2) {
        describe(words);
    } else if (words[0] == "configure") {
        step(Event::configure(core::encode_spec(tree_)));
    } else {
        return false;
    }
    return true;
}

}  // namespace backplane::sim
