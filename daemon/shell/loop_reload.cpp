// SPDX-License-Identifier: Apache-2.0
/// A new configuration for what runs (S-66): everything is read and judged before anything changes, and then all of it is one event.
#include "config/bundle.hpp"
#include "config/settings.hpp"
#include "daemon/shell/config_files.hpp"
#include "daemon/shell/launch.hpp"
#include "daemon/shell/log.hpp"
#include "daemon/shell/loop.hpp"

#include <utility>

namespace backplane::shell {
namespace {

std::string_view change_name(core::ChangeKind kind) {
    switch (kind) {
        case core::ChangeKind::added: return "added";
        case core::ChangeKind::changed: return "changed";
        case core::ChangeKind::missing: return "missing";
    }
    return "unknown";
}

wire::Plan plan_of(const std::vector<core::Change>& changes, const config::Reading& reading) {
    wire::Plan plan;
    for (const core::Change& change : changes) {
        plan.changes.push_back(wire::PlannedChange{change.path, std::string{change_name(change.kind)}, change.restart});
    }
    for (const config::Problem& problem : reading.warnings) {
        plan.warnings.push_back(config::problem_text(problem));
    }
    return plan;
}

/// All that is wrong, a line each; without the last one's end.
std::string all_errors(const config::Reading& reading) {
    std::string text;
    for (const config::Problem& problem : reading.errors) {
        text.append(text.empty() ? "" : "\n").append(config::problem_text(problem));
    }
    return text;
}

}  // namespace

/// Asked for by a client, or by SIGHUP: then nobody is answered, and the log is told.
void Loop::reload(const session::ShellRequest& asked) {
    Expected<wire::Plan> done = try_reload(asked);
    if (!done) {
        log_error("not reloaded: " + done.error().detail);
        parts_.hub.answer_shell(done.error().code, done.error().detail);
    } else {
        if (!asked.dry_run) {
            log_info("reloaded " + parts_.config_path + ": " + std::to_string(done->changes.size()) + " changes");
        }
        for (const std::string& warning : done->warnings) {
            log_warning(warning);
        }
        parts_.hub.answer_plan(*std::move(done));
    }
    settle_machine();
    tell();
    write_lines();
}

Expected<wire::Plan> Loop::try_reload(const session::ShellRequest& asked) {
    const Expected<std::vector<config::SourceFile>> files = read_config_files(parts_.config_path);
    if (!files) {
        return unexpected(ErrorCode::config_invalid, files.error().detail);
    }
    const config::Reading reading = config::read_settings(*files, parts_.cpus);
    if (!reading.ok()) {
        return unexpected(ErrorCode::config_invalid, all_errors(reading));
    }
    const std::string tree = core::encode_spec(reading.settings.root);
    const Expected<std::vector<core::Change>> changes = parts_.hub.engine().supervision().plan(tree);
    if (!changes) {
        return unexpected(changes.error().code, parts_.config_path + ": what runs cannot become this: " + changes.error().detail);
    }
    if (parts_.hub.engine().is_stopping()) {
        return unexpected(ErrorCode::stopping, "the daemon is stopping");
    }
    if (!asked.dry_run) {
        parts_.hub.feed(core::Event::reload(tree, asked.start_new, asked.remove_missing));
        keep_configuration(config::pack_files(*files));
        set_log_level(reading.settings.log_level);
    }
    return plan_of(*changes, reading);
}

/// The daemons after this one begin with the configuration as it is now.
void Loop::keep_configuration(const std::string& text) {
    parts_.configuration = text;
    if (parts_.keeper == nullptr) {
        return;
    }
    if (Expected<process::Descriptor> memory = text_in_memory(text)) {
        parts_.keeper->hold(keeper::key_configuration, memory->get());
    } else {
        log_error("the keeper keeps the old configuration: " + memory.error().text());
    }
}

}  // namespace backplane::shell
