// SPDX-License-Identifier: Apache-2.0
/// TaskStart: the daemon asks this client to run a task for one of its supervisors.
#pragma once

#include <backplane/export.h>
#include <backplane/device.hpp>
#include <backplane/expected.hpp>
#include <backplane/message.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backplane {

/// One attempt to start a task (rule S-8). It comes to the function that was given to `Client::offer`, which says what becomes of it, at
/// once or later: it may be moved to wherever that is known, as into a coroutine. One that is destroyed before anything was said has
/// failed.
///
/// The task's Device is the daemon's child: its name, links and restarts are those of the configuration. It is there before the task runs,
/// and what is linked to it now is honoured (rule D-12). When its owner lets go of it, the task has ended: `disconnect` says how, otherwise
/// it was dropped; and its supervisor decides. A supervisor that wants it to end sends it a Shutdown message, and when its grace is over
/// ends the Device itself; either way nothing is started anew before the handle is gone.
class BP_EXPORT TaskStart {
  public:
    TaskStart(TaskStart&& other) noexcept = default;
    TaskStart& operator=(TaskStart&& other) = delete;
    TaskStart(const TaskStart&) = delete;
    TaskStart& operator=(const TaskStart&) = delete;
    /// Says `failed` where nothing was said.
    ~TaskStart();

    /// The child's full name, as `pool/3`.
    [[nodiscard]] const std::string& name() const { return name_; }
    /// Under which name what it is asked for was offered.
    [[nodiscard]] const std::string& starter() const { return starter_; }
    /// As the configuration gives them, then those of `start_child`.
    [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }
    /// Whether the configuration wants it managed (section 5 of the rules).
    [[nodiscard]] bool is_managed() const { return managed_; }
    /// Whether it ran before.
    [[nodiscard]] bool is_restart() const { return restart_; }
    /// How long the daemon waits for one of the words below; nothing: for ever.
    [[nodiscard]] std::optional<Duration> start_timeout() const { return start_timeout_; }
    /// How long it has to end after a Shutdown message; nothing: for ever.
    [[nodiscard]] std::optional<Duration> shutdown() const { return shutdown_; }

    /// The task's Device, for links that are to be there before it runs.
    [[nodiscard]] Device& device() { return device_; }

    /// It runs, and its Device is the caller's from here on.
    [[nodiscard]] Device running();
    /// It did its work and keeps nothing running; those that require it may start.
    void completed();
    /// It is not to be run, and not tried again (rule S-28).
    void ignored();
    /// It could not be started. `why` is cut at 200 bytes.
    void failed(std::string_view why);

    /// Whether nothing was said yet.
    [[nodiscard]] explicit operator bool() const { return connection_ != nullptr; }

  private:
    friend class Client;
    struct Request;
    BP_HIDDEN TaskStart(std::shared_ptr<client_detail::Connection> connection, const Request& request);
    BP_HIDDEN void say(std::string_view state, std::string_view why);

    std::shared_ptr<client_detail::Connection> connection_;  ///< nothing: all is said
    Device device_;
    std::string name_, starter_;
    std::vector<std::string> arguments_;
    std::optional<Duration> start_timeout_, shutdown_;
    bool managed_ = false, restart_ = false;
};

}  // namespace backplane
