// SPDX-License-Identifier: Apache-2.0
/// What the steps of a scenario do; see stage.hpp, and texts/README.md for their words.
#include "tests/integration/scenarios/stage.hpp"
#include "tests/integration/scenarios/tree.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <utility>

namespace backplane::integration::scenarios {
namespace {

sockaddr_un address(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::snprintf(to.sun_path, sizeof to.sun_path, "%s", path.c_str());
    return to;
}

/// Sends an order to a worker as soon as it listens, and waits until it has taken it.
bool order(const std::string& to, const std::string& from, const std::string& text) {
    ::unlink(from.c_str());
    const sockaddr_un here = address(from);
    const sockaddr_un there = address(to);
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool sent = ::bind(socket, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0 && eventually([&] {
                          return ::sendto(socket, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&there), sizeof there) > 0;
                      });
    pollfd answered{socket, POLLIN, 0};
    const bool taken = sent && ::poll(&answered, 1, static_cast<int>(plenty.ns / 1'000'000)) == 1;
    ::close(socket);
    ::unlink(from.c_str());
    return taken;
}

bool is_dead(pid_t pid) {
    const char state = process_state(pid);
    return state == 'Z' || state == '-';
}

int signal_number(const std::string& name) {
    for (int number = 1; number < 65; ++number) {
        if (const char* known = ::sigabbrev_np(number); known != nullptr && name == std::string{"SIG"} + known) {
            return number;
        }
    }
    return 0;
}

LinkMode mode_of(const Words& words) {
    const std::string mode = words.size() > 3 ? words[3] : "peer";
    return mode == "monitor" ? LinkMode::monitor : mode == "notify" ? LinkMode::notify : LinkMode::peer;
}

std::future<Answer> given(Answer answer) {
    std::promise<Answer> promise;
    promise.set_value(std::move(answer));
    return promise.get_future();
}

}  // namespace

std::string Stage::place(const std::string& name) const {
    std::string file = name;
    std::replace(file.begin(), file.end(), '/', '.');
    return daemon_->folder() + "/" + file;
}

void Stage::act(const Step& step) {
    const Words words = split(step.line.text);
    if (!act_on_daemon(words, step) && !act_on_worker(words)) {
        fail(step.line.number, "no such step: " + step.line.text);
    }
}

bool Stage::act_on_daemon(const Words& words, const Step& step) {
    const std::string& verb = words[0];
    if (verb == "start" && words.size() == 1) {
        start();
    } else if (verb == "check") {
        check_configuration();
    } else if (verb == "show") {
        return true;
    } else if (verb == "end" || verb == "ended") {
        if (verb == "end") {
            daemon_->signal(SIGTERM);
        }
        answers_[""] = std::async(std::launch::deferred, [this] { return Answer{std::to_string(daemon_->wait_end()), {}}; });
    } else if (verb == "daemon") {
        daemon_->signal(signal_number(words[1]));
    } else if (verb == "crash") {
        EXPECT_EQ(::kill(daemon_pid_, SIGKILL), 0);
        frozen_ = false;
        EXPECT_TRUE(eventually([&] { return (daemon_pid_ = daemon_->daemon_pid()) > 0; }));
    } else if (verb == "upgrade") {
        const auto done = client_->upgrade(patience);
        answers_[""] = given({done ? "ok" : std::string{error_name(done.error().code)}, done ? "" : done.error().text()});
        daemon_pid_ = daemon_->daemon_pid();
    } else if (verb == "freeze" || verb == "thaw") {
        freeze(verb == "freeze");
    } else if (verb == "reload") {
        reload(step, words);
    } else if (verb == "look") {
        look(words);
    } else if (is_call(verb) && words.size() > 1) {
        call(words);
    } else {
        return false;
    }
    return true;
}

bool Stage::act_on_worker(const Words& words) {
    const std::string& verb = words[0];
    if (words.size() < 2) {
        return false;
    }
    if (verb == "kill") {
        send_signal({words.begin() + 1, words.end()}, SIGKILL);
    } else if (verb == "signal") {
        send_signal({words.begin() + 2, words.end()}, signal_number(words[1]));
    } else if (verb == "tell") {
        tell(words);
    } else if (verb == "touch") {
        std::ofstream{daemon_->folder() + "/" + words[1]} << "here\n";
    } else if (verb == "remove") {
        std::filesystem::remove(daemon_->folder() + "/" + words[1]);
    } else if (verb == "left") {
        count_left(words[1]);
    } else if (verb == "gone") {
        EXPECT_TRUE(eventually([&] { return left_by(words[1]).empty(); })) << "something that " << words[1] << " left lives on";
    } else if (verb == "clear") {
        clear_left(words[1]);
    } else if (verb == "link" || verb == "unlink") {
        link(words);
    } else if (verb == "shutdown") {
        ask_to_shut_down(words[1]);
    } else {
        return false;
    }
    return true;
}

void Stage::write_config(const std::vector<Line>& tree) {
    std::ofstream{daemon_->config()} << configuration_of(tree, daemon_->folder()).dump(1) << "\n";
}

void Stage::start() {
    daemon_.emplace();
    write_config(scenario_.tree);
    if (!daemon_->start()) {
        failed_ = true;
        return;
    }
    daemon_pid_ = daemon_->daemon_pid();
    client_.emplace(daemon_->connect());
    const auto subscribed = client_->subscribe(
        {.since = 0}, [this](const LogEvent& event) { events_.push_back(text_of(event, names_)); }, plenty);
    EXPECT_TRUE(subscribed);
}

void Stage::check_configuration() {
    daemon_.emplace();
    write_config(scenario_.tree);
    const integration::Run run = daemon_->run({"--check-config", daemon_->config()});
    std::string text = run.code == 0 ? "ok" : "";
    static const std::regex kind{R"(\[([a-z_]+)\]\n)"};
    const std::string said = run.out + run.err;
    for (std::sregex_iterator one{said.begin(), said.end(), kind}; one != std::sregex_iterator{}; ++one) {
        text += (text.empty() ? "" : ", ") + (*one)[1].str();
    }
    answers_[""] = given({text, said});
}

std::optional<DeviceRow> Stage::row(const std::string& name) {
    const auto described = client_->describe(name, plenty);
    return described ? std::optional{described->row} : std::nullopt;
}

pid_t Stage::pid_of(const std::string& name) {
    if (!frozen_) {
        const auto found = row(name);
        pids_[name] = found ? static_cast<pid_t>(found->pid.value_or(0)) : 0;
    }
    return pids_[name];
}

std::vector<DeviceRow> Stage::list() {
    auto rows = client_->list(plenty);
    return rows ? std::move(*rows) : std::vector<DeviceRow>{};
}

std::vector<std::string> Stage::rows() {
    std::vector<std::string> out;
    for (const DeviceRow& one : list()) {
        if (one.kind != "task") {
            out.push_back(text_of(one));
        }
    }
    return out;
}

/// While it is frozen the daemon sees nothing, and all at once when it thaws.
void Stage::freeze(bool stop) {
    if (stop) {
        for (const DeviceRow& one : list()) {
            pids_[one.name.value_or("")] = static_cast<pid_t>(one.pid.value_or(0));
        }
    }
    frozen_ = stop;
    EXPECT_EQ(::kill(daemon_pid_, stop ? SIGSTOP : SIGCONT), 0);
    EXPECT_TRUE(!stop || eventually([this] { return process_state(daemon_pid_) == 'T'; }));
}

void Stage::send_signal(const Words& names, int number) {
    const bool together = names.size() > 1 && !frozen_;
    if (together) {
        freeze(true);
    }
    for (const std::string& name : names) {
        const pid_t pid = pid_of(name);
        const bool sent = pid > 1 && ::kill(pid, number) == 0;
        EXPECT_TRUE(sent) << name << " does not run";
        EXPECT_TRUE(!sent || !frozen_ || eventually([&] { return is_dead(pid); })) << name;
    }
    if (together) {
        freeze(false);
    }
}

void Stage::tell(const Words& words) {
    const pid_t pid = pid_of(words[1]);
    EXPECT_TRUE(order(place(words[1]) + ".orders", daemon_->folder() + "/told", joined(words, 2))) << words[1] << " takes no order";
    EXPECT_TRUE(!frozen_ || eventually([&] { return is_dead(pid); })) << words[1];
}

void Stage::link(const Words& words) {
    const auto from = row(words[1]);
    const auto to = row(words[2]);
    ASSERT_TRUE(from && to && from->line && to->line);
    const auto done = words[0] == "link" ? client_->link_wait(*from->line, *to->line, mode_of(words), plenty)
                                         : client_->unlink_wait(*from->line, *to->line, mode_of(words), plenty);
    answers_[""] = given({done ? "ok" : std::string{error_name(done.error().code)}, {}});
}

void Stage::ask_to_shut_down(const std::string& name) {
    const auto whom = row(name);
    ASSERT_TRUE(whom && whom->line);
    EXPECT_TRUE(client_->device().request_shutdown(*whom->line) && client_->flush());
}

void Stage::look(const Words& words) {
    const auto described = client_->describe(words[1], plenty);
    std::string text = described ? "" : std::string{error_name(described.error().code)};
    const auto add = [&](const std::string& key, const std::string& value) { text += (text.empty() ? "" : ", ") + key + " " + value; };
    for (std::size_t i = 2; described && i < words.size(); ++i) {
        if (words[i] == "failures") {
            add(words[i], std::to_string(described->failures.value_or(0)));
        } else if (words[i] == "window_used") {
            add(words[i], std::to_string(described->window_used.value_or(0)));
        } else if (words[i] == "intensity") {
            add(words[i], std::to_string(described->intensity.value_or(0)));
        } else if (words[i] == "last_exit") {
            add(words[i], described->last_exit.value_or("none"));
        } else if (words[i] == "links") {
            add(words[i], std::to_string(described->links_total));
        }
    }
    answers_[""] = given({text, {}});
}

std::vector<pid_t> Stage::left_by(const std::string& name) const {
    std::vector<pid_t> pids;
    std::ifstream file{place(name) + ".left"};
    for (pid_t pid = 0; file >> pid;) {
        if (!is_dead(pid)) {
            pids.push_back(pid);
        }
    }
    return pids;
}

void Stage::count_left(const std::string& name) { answers_[""] = given({std::to_string(left_by(name).size()), {}}); }

void Stage::clear_left(const std::string& name) {
    for (const pid_t pid : left_by(name)) {
        ::kill(pid, SIGKILL);
        EXPECT_TRUE(eventually([&] { return is_dead(pid); }));
    }
}

void Stage::reload(const Step& step, const Words& words) {
    const auto has = [&](const char* word) { return std::find(words.begin(), words.end(), word) != words.end(); };
    write_config(step.body);
    const auto plan = client_->reload({has("dry_run"), has("start_new"), has("remove_missing")}, patience);
    if (!plan) {
        answers_[""] = given({std::string{error_name(plan.error().code)}, plan.error().text()});
        return;
    }
    std::string text;
    for (const ReloadPlan::Change& change : plan->changes) {
        text += (text.empty() ? "" : ", ") + change.change + " " + change.name + (change.restart ? " restart" : "");
    }
    answers_[""] = given({text.empty() ? "nothing" : text, {}});
}

NewChild Stage::new_child(const Words& words) const {
    NewChild out;
    if (words[0] != "add") {
        return out;
    }
    Words own{words};
    for (const char* of_the_call : {"as", "within"}) {
        if (const auto found = std::find(own.begin(), own.end(), of_the_call); found != own.end()) {
            own.erase(found, found + 2);
        }
    }
    std::erase(own, "unawaited");
    if (is_dynamic(scenario_.tree, parent_of(words[1]))) {
        const bool numbered = own.size() > 2 && own[2] == "numbered";
        out.arguments = dynamic_arguments(own);
        out.key = numbered ? "" : name_of(words[1]);
    } else {
        out.spec = child_of(own, daemon_->folder()).dump();
    }
    return out;
}

void Stage::call(const Words& words) {
    const auto as = std::find(words.begin(), words.end(), "as");
    const std::string label = as == words.end() ? "" : *(as + 1);
    answers_[label] = std::async(std::launch::async, [this, words, child = new_child(words)] {
        auto client = Client::connect({.path = daemon_->socket(), .name = "caller", .within = plenty});
        return client ? call_daemon(*client, words, child) : Answer{"no connection", client.error().text()};
    });
}

}  // namespace backplane::integration::scenarios
