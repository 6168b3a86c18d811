// SPDX-License-Identifier: Apache-2.0
/// See commands.hpp. Each command is a function of the open session that answers its exit code, or the error that `run`
/// reports and translates.
#include "client/ctl/commands.hpp"

#include "client/ctl/journal_save.hpp"
#include "client/ctl/output.hpp"
#include "client/render/render.hpp"

#include <backplane/client.hpp>
#include <backplane/version.hpp>

#include <unistd.h>
#include <utility>

namespace backplane::ctl {

namespace {

constexpr int exit_done = 0;
constexpr int exit_failed = 1;

/// Prints a command's result; the exit code `then`, unless it cannot be written.
Expected<int> print(std::string_view text, int then = exit_done) {
    switch (write_all(STDOUT_FILENO, text)) {
        case Written::all: return then;
        case Written::reader_gone: return exit_done;
        case Written::failed: break;
    }
    return unexpected(ErrorCode::system, "stdout cannot be written");
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
        return print(arguments_.json ? render::status_json(*description) : render::status_text(*description));
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

    Expected<int> command() {
        auto name = full_name();
        if (!name) {
            return unexpected(name.error());
        }
        const WaitFor wait = arguments_.wait ? WaitFor::done : WaitFor::accepted;
        Expected<std::string> done = ask(*name, wait);
        if (!done) {
            return unexpected(done.error());
        }
        if (arguments_.json) {
            return print(render::named_json(*done));
        }
        return print(render::shown(*done) + (arguments_.wait ? outcome() : ": accepted\n"));
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

    Expected<Description> describe() {
        const auto line = Line::parse(arguments_.name);
        return line ? client_.describe(*line, question()) : client_.describe(arguments_.name, question());
    }

    /// The name to act on: as given, or of the child that a line stands for.
    Expected<std::string> full_name() {
        if (!Line::parse(arguments_.name)) {
            return arguments_.name;
        }
        auto description = describe();
        if (!description) {
            return unexpected(description.error());
        }
        if (!description->row.name) {
            return unexpected(ErrorCode::not_found, arguments_.name + " has no name");
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

    Expected<std::string> ask(const std::string& name, WaitFor wait) {
        switch (arguments_.command) {
            case Command::start: return client_.start(name, wait, patience());
            case Command::stop: return client_.stop(name, wait, patience());
            default: return client_.restart(name, wait, patience());
        }
    }

    [[nodiscard]] std::string outcome() const {
        switch (arguments_.command) {
            case Command::start: return ": started\n";
            case Command::stop: return ": stopped\n";
            default: return ": restarted\n";
        }
    }

    Client client_;
    const Arguments& arguments_;
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
        case Command::watch: return session->watch();
        case Command::events: return session->events();
        case Command::start:
        case Command::stop:
        case Command::restart: return session->command();
        case Command::ping: return session->ping();
        case Command::reexec: return session->reexec();
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
