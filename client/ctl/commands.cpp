// SPDX-License-Identifier: Apache-2.0
/// See commands.hpp. Each command is a function of the open session that answers its exit code, or the error that `run`
/// reports and translates.
#include "client/ctl/commands.hpp"

#include "client/ctl/diagnose.hpp"
#include "client/ctl/journal_save.hpp"
#include "client/ctl/new_child.hpp"
#include "client/ctl/output.hpp"
#include "client/ctl/run_child.hpp"
#include "client/ctl/turns.hpp"
#include "client/render/render.hpp"

#include <backplane/client.hpp>
#include <backplane/version.hpp>

#include <unistd.h>
#include <chrono>
#include <utility>

namespace backplane::ctl {

namespace {

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
/// More of them are in `--json`.
constexpr std::size_t exits_in_status = 3;

/// Prints a command's result; the exit code `then`, unless it cannot be written.
Expected<int> print(std::string_view text, int then = exit_done) {
    switch (write_all(STDOUT_FILENO, text)) {
        case Written::all: return then;
        case Written::reader_gone: return exit_done;
        case Written::failed: break;
    }
    return unexpected(ErrorCode::system, "stdout cannot be written");
}

Instant steady_now() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return Instant{std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()};
}

class Session {
  public:
    Session(Client client, const Arguments& arguments) : client_(std::move(client)), arguments_(arguments) {}

    Expected<int> list() {
        const auto rows = client_.list(question());
        if (!rows) {
            return unexpected(rows.error());
        }
        if (arguments_.json) {
            return print(render::list_json(*rows));
        }
        return print(arguments_.command == Command::tree ? render::tree_text(*rows) : render::list_text(*rows));
    }

    Expected<int> status() {
        const auto description = describe();
        if (!description) {
            return unexpected(description.error());
        }
        // A task of nobody's supervisor has no exits that are kept, and neither has a child that an older daemon tells of.
        const bool is_child = description->row.name && (description->row.kind != "task" || description->row.supervisor);
        const auto exits = is_child ? client_.exits(*description->row.name, question()) : unexpected(ErrorCode::not_found);
        const std::vector<ExitRecord> ends = exits ? *exits : std::vector<ExitRecord>{};
        return print(arguments_.json ? render::status_json(*description, ends)
                                     : render::status_text(*description) + render::exits_text(ends, exits_in_status));
    }

    /// Page by page; what comes later answers a question that waits for it.
    Expected<int> logs() {
        auto name = full_name(arguments_.name);
        if (!name) {
            return unexpected(name.error());
        }
        LogOptions options;
        options.lines = arguments_.lines;
        std::uint64_t end = 0;  // without -f: what is written meanwhile is not waited for
        for (bool is_first = true;; is_first = false) {
            const auto page = client_.logs(*name, options, options.wait ? patience() : question());
            if (!page) {
                return unexpected(page.error());
            }
            const Written written = tell_page(*page, is_first);
            if (written == Written::failed) {
                return unexpected(ErrorCode::system, "stdout cannot be written");
            }
            end = is_first ? page->end : end;
            if (written == Written::reader_gone || (!arguments_.follow_logs && page->next >= end)) {
                return exit_done;
            }
            options.since = page->next;
            options.wait = page->next >= page->end;
        }
    }

    Expected<int> diagnosis() {
        const auto text = diagnose(client_, arguments_, question());
        return text ? print(*text) : Expected<int>{unexpected(text.error())};
    }

    /// A link and its one message: if the Device goes before the link is laid, the answer is the same (L-9).
    Expected<int> watch() {
        const auto line = find_line();
        if (!line) {
            return unexpected(line.error());
        }
        Device& self = client_.device();
        if (const auto linked = self.link(*line, LinkMode::monitor); !linked) {
            return unexpected(linked.error());
        }
        auto message = self.next(patience());
        while (message && !std::holds_alternative<Disconnected>(*message)) {
            message = self.next(patience());  // somebody asks this tool's own Device to shut down; it watches on
        }
        if (!message) {
            const bool late = message.error().code == ErrorCode::timeout;
            return late ? unexpected(ErrorCode::timeout, arguments_.name + " has not ended") : unexpected(message.error());
        }
        return tell_end(std::get<Disconnected>(*message));
    }

    Expected<int> events() {
        SubscribeOptions options;
        options.graph = arguments_.graph;
        options.follow = arguments_.follow;
        options.since = arguments_.since;
        if (!options.since && !options.follow) {
            options.since = 0;  // what else could there be to print
        }
        // The replay comes before the reply: with much of it, patience is for the daemon's pace and not for its length.
        if (const auto done = client_.subscribe(options, {}, question()); !done) {
            return unexpected(done.error());
        }
        for (;;) {
            std::string text;
            while (auto event = client_.try_event()) {
                if (const auto* lost = std::get_if<ConnectionLost>(&*event)) {
                    static_cast<void>(print(text));
                    return unexpected(lost->error);
                }
                // A daemon that crashed and is back is no news here: the log goes on, with a gap if something was missed.
                if (const auto* log = std::get_if<LogEvent>(&*event)) {
                    text += arguments_.json ? render::event_json(*log) : render::event_text(*log);
                }
            }
            const Written written = write_all(STDOUT_FILENO, text);
            if (written != Written::all || !options.follow) {
                return written == Written::failed ? print(text) : Expected<int>{exit_done};
            }
            // An error is the connection's end, which comes as an event too.
            static_cast<void>(client_.wait(Within::forever()));
        }
    }

    /// What takes its name and answers a text.
    template <class Ask>
    Expected<int> tell(const Ask& ask, Within within) {
        const auto name = full_name(arguments_.name);
        const auto text = name ? ask(client_, *name, arguments_, within) : unexpected(name.error());
        return text ? print(*text) : Expected<int>{unexpected(text.error())};
    }
    Expected<int> route() { return tell(route_to, question()); }

    Expected<int> command() {
        if (arguments_.rolling) {
            return tell(restart_in_turn, patience());
        }
        auto name = full_name(arguments_.id.empty() ? arguments_.name : child_name());
        if (!name) {
            return unexpected(name.error());
        }
        const WaitFor wait = arguments_.wait ? WaitFor::done : WaitFor::accepted;
        Expected<std::string> done = client_.command(arguments_.verb, *name, wait, patience());
        if (!done) {
            return unexpected(done.error());
        }
        if (arguments_.json) {
            return print(render::named_json(*done));
        }
        return print(render::shown(*done) + (arguments_.wait ? outcome() : ": accepted\n"));
    }

    Expected<int> wait() {
        auto state = wait_until(arguments_.name, arguments_.wait_for, steady_now() + patience().length);
        if (!state) {
            return unexpected(state.error());
        }
        const auto description = arguments_.json ? client_.describe(arguments_.name, question()) : unexpected(ErrorCode::not_found);
        return print(description ? render::status_json(*description) : render::shown(arguments_.name) + ": " + *state + "\n");
    }

    Expected<int> child_start() {
        auto child = read_new_child(arguments_);
        if (!child) {
            return unexpected(child.error());
        }
        const WaitFor wait = arguments_.wait ? WaitFor::done : WaitFor::accepted;
        const auto added = client_.start_child(arguments_.name, *child, wait, patience());
        if (!added) {
            return unexpected(added.error());
        }
        return tell_added(*added);
    }

    /// Where the name was not asked for, one that is taken is no failure.
    Expected<int> run() {
        constexpr unsigned names_max = 100;
        if (arguments_.until_end) {
            if (const auto done = client_.subscribe({}, {}, question()); !done) {
                return unexpected(done.error());
            }
        }
        for (unsigned attempt = 1;; ++attempt) {
            const auto child = make_run_child(arguments_, name_to_try(arguments_, attempt));
            if (!child) {
                return unexpected(child.error());
            }
            const WaitFor wait = arguments_.wait ? WaitFor::done : WaitFor::accepted;
            const auto added = client_.start_child(arguments_.under, *child, wait, patience());
            if (added) {
                return arguments_.until_end ? until_end(added->name) : tell_added(*added);
            }
            const ErrorCode code = added.error().code;
            const bool taken = code == ErrorCode::already_started || code == ErrorCode::already_present || code == ErrorCode::name_taken;
            if (!taken || !arguments_.name.empty() || attempt == names_max) {
                return unexpected(added.error());
            }
        }
    }

    Expected<int> child_list() {
        const auto rows = client_.children(arguments_.name, question());
        if (!rows) {
            return unexpected(rows.error());
        }
        return print(arguments_.json ? render::list_json(*rows) : render::list_text(*rows));
    }

    Expected<int> child_count() {
        const auto counts = client_.count_children(arguments_.name, question());
        if (!counts) {
            return unexpected(counts.error());
        }
        return print(arguments_.json ? render::counts_json(*counts) : render::counts_text(*counts));
    }

    Expected<int> child_spec() {
        const auto spec = client_.child_spec(child_name(), question());
        return spec ? print(*spec + "\n") : Expected<int>{unexpected(spec.error())};
    }

    Expected<int> ping() {
        const auto time = client_.ping(question());
        if (!time) {
            return unexpected(time.error());
        }
        auto info = client_.daemon_info(question());
        if (!info) {
            return unexpected(info.error());
        }
        const render::Pong pong{std::move(*info), *time};
        return print(arguments_.json ? render::pong_json(pong) : render::pong_text(pong));
    }

    Expected<int> journal_save() {
        const auto saved = save_journal([this] { return client_.daemon_info(question()); }, arguments_.file, arguments_.force);
        if (!saved) {
            return unexpected(saved.error());
        }
        return print(arguments_.json ? render::saved_json(*saved) : render::saved_text(*saved));
    }

    Expected<int> reexec() {
        if (const auto done = client_.upgrade(question()); !done) {
            return unexpected(done.error());
        }
        const auto info = client_.daemon_info(question());
        if (!info) {
            return unexpected(info.error());
        }
        return print(arguments_.json ? render::versions_json(render::Versions{std::string{version_text}, *info})
                                     : "backplaned " + info->version + " serves\n");
    }

    Expected<int> reload() {
        const auto plan = client_.reload(arguments_.reload, question());
        if (!plan) {
            return unexpected(plan.error());
        }
        if (arguments_.wait_all && !arguments_.reload.dry_run) {
            if (const auto done = wait_for(*plan); !done) {
                return unexpected(done.error());
            }
        }
        return print(arguments_.json ? render::plan_json(*plan) : render::plan_text(*plan, arguments_.reload));
    }

    Expected<int> detach() {
        const auto done = client_.detach(question());
        return done ? print(arguments_.json ? "{}\n" : "detached: the workers run on, the next start adopts them\n")
                    : Expected<int>{unexpected(done.error())};
    }

    Expected<DaemonInfo> daemon() { return client_.daemon_info(question()); }

  private:
    [[nodiscard]] Within question() const { return arguments_.timeout ? Within{*arguments_.timeout} : default_patience; }
    /// For what waits by its nature: without end unless the user says otherwise.
    [[nodiscard]] Within patience() const { return arguments_.timeout ? Within{*arguments_.timeout} : Within::forever(); }

    Expected<int> tell_added(const AddedChild& added) {
        const char* done = arguments_.wait ? ": started\n" : ": accepted\n";
        return print(arguments_.json ? render::added_json(added) : render::shown(added.name) + done);
    }

    void note_end(const LogEvent& log) {
        for (const LogEvent::Field& field : log.fields) {
            if (field.key == "reason" && (log.event == "child_down" || log.event == "child_start_failed")) {
                last_end_ = std::get<std::string>(field.value);
            }
        }
    }

    Expected<int> tell_how(const std::string& name, const std::string& end) {
        const bool well = end == "normal" || end == "shutdown";
        const std::string text = arguments_.json ? render::run_json(name, end) : render::shown(name) + ": " + render::shown(end) + "\n";
        return print(text, well ? exit_done : exit_failed);
    }

    /// Until nothing is to be started of it any more; how it ended is the exit code.
    Expected<int> until_end(const std::string& name) {
        const Instant deadline = steady_now() + patience().length;
        for (;;) {
            const auto about = client_.describe(name, question());
            if (!about && about.error().code != ErrorCode::not_found) {
                return unexpected(about.error());
            }
            if (!about) {  // a temporary one is gone when it has ended, and the log has told how
                while (auto event = client_.try_event()) {
                    if (const auto* log = std::get_if<LogEvent>(&*event); log != nullptr && log->name == name) {
                        note_end(*log);
                    }
                }
                return tell_how(name, last_end_);
            }
            const std::string& state = about->row.state;
            if (state == "down" || state == "quarantined" || state == "disabled") {
                return tell_how(name, about->last_exit.value_or(state));
            }
            if (const auto news = next_news(name, deadline); !news) {
                return unexpected(news.error().code, name + " is " + state);
            }
        }
    }

    Expected<Description> describe() {
        const auto line = Line::parse(arguments_.name);
        return line ? client_.describe(*line, question()) : client_.describe(arguments_.name, question());
    }

    /// The name to act on: as given, or of the child that a line stands for.
    Expected<std::string> full_name(const std::string& given) {
        const auto line = Line::parse(given);
        if (!line) {
            return given;
        }
        auto description = client_.describe(*line, question());
        if (!description) {
            return unexpected(description.error());
        }
        if (!description->row.name) {
            return unexpected(ErrorCode::not_found, given + " has no name");
        }
        return std::move(*description->row.name);
    }

    Expected<Line> find_line() {
        if (const auto line = Line::parse(arguments_.name)) {
            return *line;
        }
        auto found = client_.lookup(arguments_.name, question());
        if (found || found.error().code != ErrorCode::not_found) {
            return found;
        }
        // A configured child that is down has no Device: that is another answer than a name that nobody knows.
        const auto description = client_.describe(arguments_.name, question());
        if (description && !description->row.line) {
            return unexpected(ErrorCode::device_down, arguments_.name + " is " + description->row.state);
        }
        return found;
    }

    Expected<int> tell_end(const Disconnected& message) {
        const bool by_line = Line::parse(arguments_.name).has_value();
        if (by_line && message.fault && message.fault->kind == FaultKind::unreachable) {
            return unexpected(ErrorCode::not_found, "nothing is known of " + arguments_.name);
        }
        render::Ended ended{arguments_.name, message.device, std::nullopt};
        if (message.fault) {
            ended.fault = fault_text(*message.fault, message.device.epoch());
        }
        return print(arguments_.json ? render::ended_json(ended) : render::ended_text(ended), message.fault ? exit_failed : exit_done);
    }

    /// A child by its supervisor and its name there; a line stands for itself (S-60).
    [[nodiscard]] std::string child_name() const {
        if (Line::parse(arguments_.id)) {
            return arguments_.id;
        }
        return arguments_.name == "/" || arguments_.name.empty() ? arguments_.id : arguments_.name + "/" + arguments_.id;
    }

    /// The state of a child as it is, then as each event about it leaves it, until it is `wanted`.
    Expected<std::string> wait_until(const std::string& name, const std::string& wanted, Instant deadline) {
        if (const auto done = client_.subscribe({}, {}, question()); !done) {
            return unexpected(done.error());
        }
        for (;;) {
            const auto description = client_.describe(name, question());
            const bool gone = !description && description.error().code == ErrorCode::not_found;
            if (!description && !gone) {
                return unexpected(description.error());
            }
            const std::string state = gone ? "gone" : description->row.state;
            if (state == wanted) {
                return state;
            }
            if (gone) {
                return unexpected(ErrorCode::not_found, name);
            }
            if (const auto news = next_news(description->row.name.value_or(name), deadline); !news) {
                return unexpected(news.error().code, name + " is " + state);
            }
        }
    }

    /// Until what a reload started runs, and what it removed is gone.
    Expected<void> wait_for(const ReloadPlan& plan) {
        const Instant deadline = steady_now() + patience().length;
        for (const ReloadPlan::Change& change : plan.changes) {
            const bool starts = change.change == "added" && arguments_.reload.start_new;
            const bool goes = change.change == "missing" && arguments_.reload.remove_missing;
            if (starts || goes) {
                if (const auto done = wait_until(change.name, starts ? "running" : "gone", deadline); !done) {
                    return unexpected(done.error());
                }
            }
        }
        return {};
    }

    /// Waits for an event of the log about `name`; what else comes is no news here.
    Expected<void> next_news(const std::string& name, Instant deadline) {
        for (;;) {
            while (auto event = client_.try_event()) {
                if (const auto* lost = std::get_if<ConnectionLost>(&*event)) {
                    return unexpected(lost->error);
                }
                if (const auto* log = std::get_if<LogEvent>(&*event); log != nullptr && (log->name == name || log->event == "gap")) {
                    note_end(*log);
                    return {};
                }
            }
            const Duration left = deadline.is_never() ? Duration::forever() : deadline - steady_now();
            if (left.ns <= 0) {
                return unexpected(ErrorCode::timeout);
            }
            static_cast<void>(client_.wait(Within{left}));
        }
    }

    /// Lines to stdout; what is to be known of them to stderr, out of the way of whoever reads them on.
    [[nodiscard]] Written tell_page(const LogPage& page, bool is_first) const {
        if (arguments_.json) {
            return write_all(STDOUT_FILENO, render::log_page_json(page));
        }
        static_cast<void>(write_all(STDERR_FILENO, render::log_page_notes(page, is_first)));
        std::string text;
        for (const LogLine& line : page.lines) {
            text += render::log_line_text(line);
        }
        return write_all(STDOUT_FILENO, text);
    }

    [[nodiscard]] std::string outcome() const {
        switch (arguments_.verb) {
            case ChildVerb::start:
            case ChildVerb::start_now: return ": started\n";
            case ChildVerb::stop: return ": stopped\n";
            case ChildVerb::restart: return ": restarted\n";
            case ChildVerb::enable: return ": enabled\n";
            case ChildVerb::disable: return ": disabled\n";
            case ChildVerb::hold: return ": held\n";
            case ChildVerb::release: return ": released\n";
            case ChildVerb::reset: return ": reset\n";
            case ChildVerb::remove: return ": removed\n";
        }
        return "\n";
    }

    Client client_;
    const Arguments& arguments_;
    std::string last_end_ = "gone";  ///< of the child that `run` waits for
};

Expected<Session> open(const Arguments& arguments) {
    ConnectOptions options;
    options.path = arguments.socket;
    options.name = "backplanectl/" + std::string{version_text};
    if (arguments.timeout) {
        options.within = *arguments.timeout;
    }
    auto client = Client::connect(std::move(options));
    if (!client) {
        return unexpected(client.error());
    }
    return Session{std::move(*client), arguments};
}

/// The one command that is no failure without a daemon.
Expected<int> version(const Arguments& arguments) {
    render::Versions versions{std::string{version_text}, std::nullopt};
    if (auto session = open(arguments)) {
        if (auto info = session->daemon()) {
            versions.daemon = std::move(*info);
        }
    }
    return print(arguments.json ? render::versions_json(versions) : render::versions_text(versions));
}

Expected<int> carry_out(const Arguments& arguments) {
    if (arguments.command == Command::version) {
        return version(arguments);
    }
    auto session = open(arguments);
    if (!session) {
        return unexpected(session.error());
    }
    switch (arguments.command) {
        case Command::status: return session->status();
        case Command::describe:
        case Command::why:
        case Command::impact: return session->diagnosis();
        case Command::run: return session->run();
        case Command::logs: return session->logs();
        case Command::route: return session->route();
        case Command::watch: return session->watch();
        case Command::events: return session->events();
        case Command::wait: return session->wait();
        case Command::act: return session->command();
        case Command::child_start: return session->child_start();
        case Command::child_list: return session->child_list();
        case Command::child_count: return session->child_count();
        case Command::child_spec: return session->child_spec();
        case Command::ping: return session->ping();
        case Command::reexec: return session->reexec();
        case Command::reload: return session->reload();
        case Command::detach: return session->detach();
        case Command::journal_save: return session->journal_save();
        default: return session->list();
    }
}

}  // namespace

int run(const Arguments& arguments) {
    const auto done = carry_out(arguments);
    if (done) {
        return *done;
    }
    const Error& error = done.error();
    // Nothing can be told to somebody who has closed both outputs.
    static_cast<void>(arguments.json ? write_all(STDOUT_FILENO, render::error_json(error))
                                     : write_all(STDERR_FILENO, render::error_line(error)));
    return error_exit_code(error.code);
}

}  // namespace backplane::ctl
