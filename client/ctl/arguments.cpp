// SPDX-License-Identifier: Apache-2.0
/// See arguments.hpp. CLI11 is met here and nowhere else; its exceptions end in `read_arguments`.
#include "client/ctl/arguments.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
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

/// The management calls of a supervisor's children (rules 8.10, decision 31).
void add_child(CLI::App& app, Arguments& to) {
    CLI::App* child = app.add_subcommand("child", "a supervisor's children: add, remove, look at");
    child->require_subcommand(1)->fallthrough();
    const auto add = [&](const char* name, Command command, const char* text) {
        CLI::App* sub = child->add_subcommand(name, text);
        sub->fallthrough();
        sub->callback([&to, command] { to.command = command; });
        sub->add_option("SUP", to.name, "the supervisor: its path, or / for the root")->required();
        return sub;
    };
    CLI::App* start = add("start", Command::child_start, "add a child and start it");
    CLI::Option* spec = start->add_option("--spec", to.spec_file, "a file that describes it as configuration does; - for stdin");
    start->add_option("--args", to.spec_args, "a JSON array: more arguments for a dynamic supervisor's template")->excludes(spec);
    start->add_option("--key", to.key, "its name below a dynamic supervisor; the next number if not given");
    start->add_flag("!--no-wait", to.wait, "return when the daemon has accepted it");
    add("list", Command::child_list, "its children in the order of start");
    add("count", Command::child_count, "how many, and how many run");
    for (const auto& [name, verb, text] : {std::tuple{"restart", ChildVerb::start, "start one that is down (restart_child)"},
                                           std::tuple{"terminate", ChildVerb::stop, "stop one and leave it down"},
                                           std::tuple{"delete", ChildVerb::remove, "take one out that is down"}}) {
        CLI::App* sub = add(name, Command::act, text);
        sub->add_option("ID", to.id, "the child's name within it")->required();
        sub->add_flag("!--no-wait", to.wait, "return when the daemon has accepted it");
        sub->callback([&to, verb = verb] {
            to.command = Command::act;
            to.verb = verb;
        });
    }
    add("spec", Command::child_spec, "what one was asked to be, as configuration")
        ->add_option("ID", to.id, "the child's name within it")
        ->required();
}

/// What an operator asks of a child.
template <class Add>
void add_verbs(Add add_named, Arguments& to) {
    constexpr std::array verbs{
        std::tuple{"start", ChildVerb::start, "start a child that is down"},
        std::tuple{"stop", ChildVerb::stop, "stop a child and leave it down"},
        std::tuple{"restart", ChildVerb::restart, "stop a child and start it again"},
        std::tuple{"enable", ChildVerb::enable, "let a disabled child run again"},
        std::tuple{"disable", ChildVerb::disable, "stop a child and keep it down, whatever its group does"},
        std::tuple{"hold", ChildVerb::hold, "restart nothing below NAME until it is released; what runs goes on"},
        std::tuple{"release", ChildVerb::release, "end a hold, or a quarantine"},
        std::tuple{"reset", ChildVerb::reset, "forget failures, the restart window and a backoff"},
    };
    for (const auto& [name, verb, text] : verbs) {
        CLI::App* sub = add_named(name, Command::act, text);
        sub->callback([&to, verb = verb] {
            to.command = Command::act;
            to.verb = verb == ChildVerb::start && to.now ? ChildVerb::start_now : verb;
        });
        sub->add_flag("!--no-wait", to.wait, "return when the daemon has accepted it");
        if (verb == ChildVerb::restart) {
            sub->add_flag("--rolling", to.rolling, "a supervisor's children one after the other, each when the one before is ready");
        }
        if (verb == ChildVerb::start) {
            sub->add_flag("--now", to.now, "also one in backoff or quarantine");
        }
    }
}

/// A command line as a child.
void add_run(CLI::App& app, Arguments& to) {
    CLI::App* run = app.add_subcommand("run", "start a program as a supervised child");
    run->fallthrough();
    run->footer("Behind -- stand the program and its arguments, as in: backplanectl run --name web -- ./server --port 80");
    run->callback([&to] {
        to.command = Command::run;
        if (to.words.empty()) {
            throw CLI::RequiredError("-- CMD");
        }
    });
    run->add_option("--name", to.name, "its name; at first that of the program");
    run->add_option("--under", to.under, "its supervisor; at first /, the root");
    run->add_option("--restart", to.restart, "permanent, transient (at first: restarted when it fails) or temporary")
        ->check(CLI::IsMember({"permanent", "transient", "temporary"}));
    run->add_option("--env", to.env, "NAME=VALUE, or NAME for the value that it has here")->allow_extra_args(false);
    run->add_flag("--all-env", to.all_env, "the whole environment goes along, not only PATH, TZ and the locale");
    CLI::Option* wait = run->add_flag("--wait", to.until_end, "return when it has ended: 0 if well, 1 if not");
    run->add_flag("!--no-wait", to.wait, "return when the daemon has accepted it")->excludes(wait);
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
    add_named("describe", Command::describe, "all that is known of it, its configuration included");
    add_named("why", Command::why, "why it is as it is: the chain of causes, back to the root");
    add_named("impact", Command::impact, "what would happen if it died now; nothing does");
    CLI::App* logs = add_named("logs", Command::logs, "the last lines that it wrote, as far as they go through the daemon");
    logs->add_flag("-f,--follow", to.follow_logs, "go on with what comes");
    logs->add_option("-n,--lines", to.lines, "so many of the last lines; all that are kept if not given")
        ->check(CLI::Range(1U, 1'000'000U));
    add_named("route", Command::route, "the partition of a supervisor to which a key belongs")
        ->add_option("KEY", to.key, "a whole number, or any other text")
        ->required();
    add_named("watch", Command::watch, "wait until it ends: exit code 0 without a fault, 1 with one");
    CLI::App* events = add("events", Command::events, "what happens, an event a line");
    events->add_option("--since", to.since, "begin behind this sequence number")->check([](const std::string& text) {
        // CLI11 reads as strtoull does, which takes a minus sign.
        return text.find_first_not_of("0123456789") == std::string::npos ? std::string{} : "not a sequence number: " + text;
    });
    events->add_flag("!--no-follow", to.follow, "end with what has happened so far");
    events->add_flag("--graph", to.graph, "also Devices, links and notices");
    add_named("wait", Command::wait, "until it is as wanted")
        ->add_option("--for", to.wait_for, "running (at first), or down, restarting, quarantined, disabled, gone")
        ->check(CLI::IsMember({"running", "down", "restarting", "quarantined", "disabled", "gone"}));
    add_verbs(add_named, to);
    add_run(app, to);
    add_child(app, to);
    add_journal(app, to);
    add("ping", Command::ping, "whether the daemon answers, and how fast");
    add("reexec", Command::reexec, "let the program at the daemon's path take over in place; nothing is lost");
    CLI::App* reload = add("reload", Command::reload, "read the configuration anew; what runs goes on");
    reload->add_flag("--dry-run", to.reload.dry_run, "only say what would be done");
    reload->add_flag("--start-new", to.reload.start_new, "start the children that are new");
    reload->add_flag("--remove-missing", to.reload.remove_missing, "stop and remove the children that are there no more");
    reload->add_flag("--wait", to.wait_all, "until all that is wanted runs");
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
    // What stands behind `run ... --` is somebody else's command line.
    const auto last = std::find(words, words + count, std::string_view{"--"});
    if (std::find(words, last, std::string_view{"run"}) != last && last != words + count) {
        to.words.assign(last + 1, words + count);
        count = static_cast<int>(last - words);
    }
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
