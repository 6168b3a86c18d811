// SPDX-License-Identifier: Apache-2.0
/// See arguments.hpp. CLI11 is met here and nowhere else; its exceptions end in `read_arguments`.
#include "client/ctl/arguments.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <charconv>
#include <utility>

namespace backplane::ctl {

namespace {

constexpr int exit_usage = 2;

/// `journal` has a command of its own.
void add_journal(CLI::App& app, Arguments& to) {
    CLI::App* journal = app.add_subcommand("journal", "the daemon's journal, from which a crashed one is restored");
    journal->require_subcommand(1)->fallthrough();
    CLI::App* save = journal->add_subcommand("save", "copy it, to be looked at by backplaned --replay FILE");
    save->fallthrough();
    save->add_option("FILE", to.file, "the copy; only its owner may read it")->required();
    save->add_flag("--force", to.force, "replace a file that is there");
    save->callback([&to] { to.command = Command::journal_save; });
}

/// Sub-commands in the order in which help shows them.
void add_commands(CLI::App& app, Arguments& to) {
    const auto add = [&](const char* name, Command command, const char* text) {
        CLI::App* sub = app.add_subcommand(name, text);
        sub->fallthrough();  // --json, --socket and --timeout may stand before or behind the command
        sub->callback([&to, command] { to.command = command; });
        return sub;
    };
    const auto add_named = [&](const char* name, Command command, const char* text) {
        CLI::App* sub = add(name, command, text);
        sub->add_option("NAME", to.name, "its path, its short name, or a line")->required();
        return sub;
    };
    add("list", Command::list, "every configured child and every Device, a row each");
    add("tree", Command::tree, "the same as a tree of supervisors");
    add_named("status", Command::status, "one of them in detail");
    add_named("watch", Command::watch, "wait until it ends: exit code 0 without a fault, 1 with one");
    CLI::App* events = add("events", Command::events, "what happens, an event a line");
    events->add_option("--since", to.since, "begin behind this sequence number")->check([](const std::string& text) {
        // CLI11 reads as strtoull does, which takes a minus sign.
        return text.find_first_not_of("0123456789") == std::string::npos ? std::string{} : "not a sequence number: " + text;
    });
    events->add_flag("!--no-follow", to.follow, "end with what has happened so far");
    events->add_flag("--graph", to.graph, "also Devices, links and notices");
    for (const auto& [name, command, text] : {std::tuple{"start", Command::start, "start a child that is down"},
                                              std::tuple{"stop", Command::stop, "stop a child and leave it down"},
                                              std::tuple{"restart", Command::restart, "stop a child and start it again"}}) {
        add_named(name, command, text)->add_flag("!--no-wait", to.wait, "return when the daemon has accepted it");
    }
    add_journal(app, to);
    add("ping", Command::ping, "whether the daemon answers, and how fast");
    add("reexec", Command::reexec, "let the program at the daemon's path take over in place; nothing is lost");
    add("detach", Command::detach, "end the daemon and leave its workers running, for the next start to adopt");
    add("version", Command::version, "the versions of this program and of the daemon");
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    double amount = 0;
    const auto [rest, wrong] = std::from_chars(text.data(), text.data() + text.size(), amount, std::chars_format::fixed);
    if (wrong != std::errc{} || !(amount >= 0)) {
        return std::nullopt;
    }
    const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
    constexpr std::array<std::pair<std::string_view, double>, 6> units{
        {{"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 6e10}, {"h", 3.6e12}}};
    for (const auto& [name, ns] : units) {
        // Beyond a century the sum would leave the range, and the meaning anyway.
        if (unit == name && amount * ns < 3.2e18) {
            return Duration{static_cast<std::int64_t>(amount * ns)};
        }
    }
    return std::nullopt;
}

std::variant<Arguments, int> read_arguments(int count, const char* const* words) {
    Arguments to;
    std::string timeout;
    CLI::App app{"Look at and act on a backplane of processes", "backplanectl"};
    app.require_subcommand(1);
    app.failure_message(
        [](const CLI::App*, const CLI::Error& error) { return std::string{"backplanectl: "} + error.what() + "; --help tells more\n"; });
    app.add_option("--socket", to.socket, "the daemon's socket");
    app.add_option("--timeout", timeout, "how long to wait, as in 500ms")->check([](const std::string& text) {
        return parse_duration(text) ? std::string{} : "a duration has a unit, as in 500ms or 5s: " + text;
    });
    app.add_flag("--json", to.json, "for programs: JSON, errors included, on stdout");
    add_commands(app, to);
    try {
        app.parse(count, words);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    if (!timeout.empty()) {
        to.timeout = parse_duration(timeout);
    }
    return to;
}

}  // namespace backplane::ctl
