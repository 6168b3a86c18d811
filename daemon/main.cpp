// SPDX-License-Identifier: Apache-2.0
/// backplaned: arguments, configuration, run. The process that is started reads the configuration and becomes the keeper; the daemon is
/// its child, called with the same arguments behind one more (launch.hpp).
#include "config/bundle.hpp"
#include "config/schema.hpp"
#include "config/settings.hpp"
#include "daemon/shell/config_files.hpp"
#include "daemon/shell/daemon.hpp"
#include "daemon/shell/launch.hpp"
#include "daemon/shell/replay_file.hpp"

#include <backplane/expected.hpp>
#include <backplane/version.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using backplane::config::LogLevel;

constexpr const char* default_config = "/etc/backplane/backplaned.json";

/// What `"partitions": "cpus"` stands for (S-64).
std::uint32_t cpus() { return std::max(1U, std::thread::hardware_concurrency()); }

struct Arguments {
    std::string config = default_config;
    std::string check;
    std::string socket;
    backplane::shell::ReplayOptions replay;
    LogLevel log_level = LogLevel::info;
    bool has_log_level = false;
    bool schema = false;
    bool version = false;
};

void print(std::FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

int check_config(const std::string& path) {
    const backplane::Expected<std::vector<backplane::config::SourceFile>> files = backplane::shell::read_config_files(path);
    if (!files) {
        print(stderr, "backplaned: " + files.error().detail + "\n");
        return 1;
    }
    const backplane::config::CheckResult result = backplane::config::check_config(*files, cpus());
    print(stderr, result.err);
    print(stdout, result.out);
    return result.exit_code;
}

/// How this process was called: by whom, and with what for the daemons to come.
struct Caller {
    bool is_keeper = false;          ///< this is a daemon
    int configuration = -1;          ///< the text of the keeper's that died, whose place this process takes
    int handoff = -1;                ///< of the program that this one replaces in place
    std::vector<std::string> words;  ///< the command line without what says so
    backplane::shell::Inherited given;
};

Caller who_called(int argc, char** argv) {
    Caller caller;
    caller.words.assign(argv, argv + argc);
    if (argc < 3) {
        return caller;
    }
    caller.is_keeper = caller.words[1] == backplane::shell::kept_argument;
    if (caller.words[1] == backplane::shell::take_over_argument) {
        caller.configuration = std::atoi(argv[2]);
    }
    if (caller.words[1] == backplane::shell::handed_argument) {
        caller.handoff = std::atoi(argv[2]);
    }
    if (caller.is_keeper || caller.configuration >= 0 || caller.handoff >= 0) {
        caller.words.erase(caller.words.begin() + 1, caller.words.begin() + 3);
    }
    return caller;
}

int fail(const backplane::Error& error) {
    print(stderr, "backplaned: " + error.detail + "\n");
    return 1;
}

/// The configuration's files as one text: read anew, or as the keeper that died had them.
backplane::Expected<std::string> configuration_of(const Arguments& arguments, const Caller& caller) {
    if (caller.configuration >= 0) {
        return backplane::shell::read_descriptor(caller.configuration);
    }
    const backplane::Expected<std::vector<backplane::config::SourceFile>> files = backplane::shell::read_config_files(arguments.config);
    if (!files) {
        return backplane::unexpected(files.error());
    }
    return backplane::config::pack_files(*files);
}

/// What the text says, which is told where it has `problems_to`; nothing where it is wrong.
std::optional<backplane::config::Settings> read_configuration(const Arguments& arguments, const std::string& text, std::FILE* problems_to) {
    const backplane::Expected<std::vector<backplane::config::SourceFile>> files = backplane::config::unpack_files(text, arguments.config);
    if (!files) {
        print(stderr, "backplaned: " + files.error().detail + "\n");
        return std::nullopt;
    }
    backplane::config::Reading reading = backplane::config::read_settings(*files, cpus());
    if (problems_to != nullptr) {
        print(problems_to, backplane::config::problem_lines(reading, arguments.config));
    }
    return reading.ok() ? std::optional{std::move(reading.settings)} : std::nullopt;
}

/// A wrong configuration is told here, at once and on the caller's terminal; the daemons read the same text.
int keep(const Arguments& arguments, Caller& caller) {
    const backplane::Expected<std::string> text = configuration_of(arguments, caller);
    if (!text) {
        return fail(text.error());
    }
    if (!read_configuration(arguments, *text, stderr)) {
        return 1;
    }
    const backplane::Expected<int> code = backplane::shell::become_keeper(caller.words, *text, std::move(caller.given));
    return code ? *code : fail(code.error());
}

/// What this daemon is called with: by its keeper, or by the program that it replaces.
backplane::Expected<backplane::shell::DaemonCall> called(const Caller& caller) {
    backplane::shell::DaemonCall call;
    if (caller.handoff >= 0) {
        backplane::Expected<backplane::shell::Handoff> handoff = backplane::shell::find_handoff(caller.handoff, call.keeper);
        if (!handoff) {
            return backplane::unexpected(handoff.error());
        }
        call.configuration = handoff->configuration;
        call.handoff = std::move(*handoff);
        return call;
    }
    backplane::Expected<backplane::shell::Kept> kept = backplane::shell::find_keeper();
    if (!kept) {
        return backplane::unexpected(kept.error());
    }
    call.configuration = std::move(kept->configuration);
    call.keeper = std::move(kept->keeper);
    return call;
}

int run(const Arguments& arguments, const Caller& caller) {
    backplane::Expected<backplane::shell::DaemonCall> call = called(caller);
    if (!call) {
        return fail(call.error());
    }
    const std::string configuration = call->configuration;
    std::optional<backplane::config::Settings> settings = read_configuration(arguments, configuration, nullptr);
    if (!settings) {
        return 1;
    }
    if (arguments.has_log_level) {
        settings->log_level = arguments.log_level;
    }
    call->socket = arguments.socket;
    call->words = caller.words;
    call->config_path = arguments.config;
    call->cpus = cpus();
    backplane::shell::DaemonEnd end = backplane::shell::run_daemon(*settings, std::move(*call));
    return end.keeper_gone ? backplane::shell::replace_keeper(caller.words, configuration, std::move(end.lent_socket)) : end.exit_code;
}

/// To look at a journal, whoever's.
void add_replay(CLI::App& app, backplane::shell::ReplayOptions& replay) {
    CLI::Option* option = app.add_option("--replay", replay.name, "tell what a journal holds, and start nothing")->type_name("JOURNAL");
    app.add_option("--until", replay.until, "with --replay: the state after the event of this number")
        ->type_name("SEQ")
        ->needs(option)
        ->check([](const std::string& text) {
            // CLI11 reads as strtoull does, which takes a minus sign.
            return text.find_first_not_of("0123456789") == std::string::npos ? std::string{} : "not a sequence number: " + text;
        });
    app.add_flag("--json", replay.json, "with --replay: JSON, an object a line")->needs(option);
}

int parse_and_run(Caller caller) {
    Arguments arguments;
    CLI::App app{"Supervises processes and tells who depends on whom when one of them goes."};
    const std::map<std::string, LogLevel> levels{{"trace", LogLevel::trace},
                                                 {"debug", LogLevel::debug},
                                                 {"info", LogLevel::info},
                                                 {"warning", LogLevel::warning},
                                                 {"error", LogLevel::error}};
    app.add_option("--config", arguments.config, "the configuration")->type_name("FILE")->capture_default_str();
    app.add_option("--socket", arguments.socket, "where to listen, whatever the configuration says")->type_name("PATH");
    app.add_option("--check-config", arguments.check, "say what is wrong with a configuration, and start nothing")->type_name("FILE");
    const CLI::Option* level =
        app.add_option("--log-level", arguments.log_level, "how much is written to stderr, whatever the configuration says")
            ->transform(CLI::CheckedTransformer(levels).description(""))
            ->type_name("trace|debug|info|warning|error");
    add_replay(app, arguments.replay);
    app.add_flag("--print-schema", arguments.schema, "print the JSON Schema of configurations");
    app.add_flag("--version", arguments.version, "print the version");
    try {
        // CLI11 takes words from the back, without the program's name.
        app.parse(std::vector<std::string>{caller.words.rbegin(), caller.words.rend() - 1});
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? 0 : 2;
    }
    if (arguments.version) {
        print(stdout, "backplaned " + std::string{backplane::version_text} + "\n");
        return 0;
    }
    if (arguments.schema) {
        print(stdout, backplane::config::schema_text());
        return 0;
    }
    arguments.has_log_level = level->count() != 0;
    if (!arguments.check.empty()) {
        return check_config(arguments.check);
    }
    if (!arguments.replay.name.empty()) {
        return backplane::shell::replay_file(arguments.replay);
    }
    return caller.is_keeper || caller.handoff >= 0 ? run(arguments, caller) : keep(arguments, caller);
}

/// Another program that is to be replaced by this one asks whether it can be (`--can-take-over FORMATS`).
int answer_formats(const char* formats) {
    const std::string objection = backplane::shell::objection_to(formats);
    print(stdout, (objection.empty() ? "yes" : objection) + "\n");
    return objection.empty() ? 0 : 1;
}

}  // namespace

/// No exception is caught here. One that comes this far is a crash, and a crash costs nobody anything (T-10); to unwind would be to end
/// the workers in good order, and to take socket and journal away from the daemon that comes next.
int main(int argc, char** argv) {
    if (argc == 3 && std::string_view{argv[1]} == backplane::shell::can_take_over_argument) {
        return answer_formats(argv[2]);
    }
    backplane::shell::Inherited given = backplane::shell::prepare_process();
    Caller caller = who_called(argc, argv);
    caller.given = std::move(given);
    return parse_and_run(std::move(caller));
}
