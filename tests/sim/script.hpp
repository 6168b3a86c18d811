// SPDX-License-Identifier: Apache-2.0
/// Readable scripts of the core: lines of events, and under each, indented, exactly what came of it. `--rewrite` writes
/// what came instead of comparing it; a change is committed when it can be explained.
///
///   open S [uid N] [worker CHILD]      session_open and session_greeted       close S [TEXT]
///   create S NAME [managed]            link|unlink A B MODE [ack]             end NAME [FAULT [ARGUMENT]] [cascade OTHER]
///   ask A B                            manage NAME on|off                     take S: acknowledge all    ack S N
///   beat NAME TIME                     label NAME [KEY=VALUE ...]             labels NAME
///   name register|release|watch|unwatch S NAME [DEVICE]
///   sup PATH KEY VALUE ...             child PATH KEY VALUE ...               configure
///   spawned CHILD   spawn_failed CHILD STEP ERRNO   ready CHILD   exited CHILD exit|signal N   group_empty CHILD
///   start|stop|restart S CHILD [nowait]    terminate    wait TIME    go    show
#pragma once

#include "daemon/core/engine.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::sim {

using Words = std::vector<std::string>;

class Script {
  public:
    Script();
    /// Carries out one line; what came of it, one text a line.
    [[nodiscard]] Words run(const std::string& line);

  private:
    [[nodiscard]] bool run_graph(const Words& words);
    [[nodiscard]] bool run_session(const Words& words);
    [[nodiscard]] bool run_tree(const Words& words);
    [[nodiscard]] bool run_process(const Words& words);
    [[nodiscard]] bool run_command(const Words& words);
    void describe(const Words& words);
    void set_child(core::ChildSpec& child, const Words& words);
    void set_more(core::ChildSpec& child, const Words& words);
    void set_supervisor(core::SupervisorSpec& supervisor, const Words& words);
    [[nodiscard]] core::SupervisorSpec* find_supervisor(core::SupervisorSpec& from, std::string_view path);
    void wait(Duration time);
    void step(const core::Event& event);

    // what came of it (script_print.cpp)
    void print_effects();
    void print_record(const core::Record& record);
    void print_owed();
    void print_tree();
    [[nodiscard]] std::string name_of(DeviceId id) const;
    [[nodiscard]] std::string child_name(core::ChildIndex child) const;
    [[nodiscard]] std::string fault_words(const core::FaultRecord& fault, std::string_view text) const;
    [[nodiscard]] std::string owed_words(const core::OwedView& owed) const;
    void say(const std::string& line) { said_.push_back(line); }

    [[nodiscard]] DeviceId id(const std::string& name) const;
    [[nodiscard]] core::SessionIndex owner(const std::string& name) const;
    [[nodiscard]] core::ChildIndex child(const std::string& path) const { return engine_->supervision().find(path); }
    [[nodiscard]] std::uint32_t generation(core::ChildIndex child) const { return engine_->supervision().view(child, now_).generation; }
    [[nodiscard]] DeviceId fresh_id(core::SessionIndex session);

    std::unique_ptr<core::Engine> engine_;
    core::Effects out_;
    Instant now_{1'000'000'000};
    Words said_;
    std::string tell_name_;  ///< the child that the step is about, for records without a name
    core::SupervisorSpec tree_;
    std::map<std::string, DeviceId> ids_;
    std::map<std::uint64_t, std::string> names_;
    std::map<std::string, core::SessionIndex> owners_;
    std::map<core::SessionIndex, std::vector<DeviceId>> free_;
    std::map<core::SessionIndex, std::uint64_t> shown_;  ///< things owed that were printed
    std::uint64_t request_ = 0;
};

/// Runs all scripts of a folder; 0 if all came as written (or were rewritten).
int run_scripts(const std::string& folder, bool rewrite);

/// `500ms`, `5s`, `0s`, `infinity`.
[[nodiscard]] Duration duration_of(const std::string& text);

}  // namespace backplane::sim
