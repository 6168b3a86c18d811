// SPDX-License-Identifier: Apache-2.0
/// What the awaited forms of Client and Device answer, to be awaited at once: `co_await device.next()`. They are resumed by the Client's
/// `dispatch` and whatever calls that. A coroutine that is destroyed while it waits waits no longer.
#pragma once

#include <backplane/export.h>
#include <backplane/expected.hpp>
#include <backplane/ids.hpp>
#include <backplane/message.hpp>
#include <backplane/values.hpp>

#include <coroutine>
#include <cstdint>
#include <memory>

namespace backplane {

/// What `unlink_wait` and `unlink_async` found.
struct Unlinked {
    bool was_down = false;  ///< the other end had gone before; its notice was taken back and will not be seen (rule T-5)
};

namespace client_detail {
class Connection;
}

/// A place among those who wait for something of a Connection.
class BP_EXPORT Wait {
  public:
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

  protected:
    BP_HIDDEN explicit Wait(std::shared_ptr<client_detail::Connection> connection);
    ~Wait();

    std::shared_ptr<client_detail::Connection> connection_;  ///< null: there is nothing to wait for
    std::uint64_t ticket_ = 0;
};

/// The next message of a Device, as `Device::next` with a patience gives it.
class BP_EXPORT MessageWait : public Wait {
  public:
    BP_HIDDEN MessageWait(std::shared_ptr<client_detail::Connection> connection, DeviceId id);
    ~MessageWait();

    [[nodiscard]] bool await_ready() const;
    /// False where another coroutine waits already (`busy`).
    bool await_suspend(std::coroutine_handle<> waiting);
    Expected<Message> await_resume();

    /// Waits no longer; what has come stays.
    void leave();
    /// It was woken: whether what it was woken for has gone again, so that it goes on waiting.
    bool waits_on();

  private:
    DeviceId id_;
    bool is_second_ = false;
};

/// The outcome of an unlink; `LinkWait` is that of a link.
class BP_EXPORT UnlinkWait : public Wait {
  public:
    /// `operation`: its number, 0 for one that is settled; or why it could not be asked for.
    BP_HIDDEN UnlinkWait(std::shared_ptr<client_detail::Connection> connection, Expected<std::uint64_t> operation);
    ~UnlinkWait();

    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> waiting);
    Expected<Unlinked> await_resume();

  private:
    Expected<std::uint64_t> operation_;
};

class BP_EXPORT LinkWait : public UnlinkWait {
  public:
    using UnlinkWait::UnlinkWait;
    Expected<void> await_resume();
};

/// A time that passes.
class BP_EXPORT SleepWait : public Wait {
  public:
    BP_HIDDEN SleepWait(std::shared_ptr<client_detail::Connection> connection, Duration length);

    [[nodiscard]] bool await_ready() const;
    bool await_suspend(std::coroutine_handle<> waiting);
    Expected<void> await_resume();

  private:
    Instant until_;
    Expected<void> outcome_;
};

/// The next event of a Client.
class BP_EXPORT EventWait : public Wait {
  public:
    BP_HIDDEN explicit EventWait(std::shared_ptr<client_detail::Connection> connection);
    ~EventWait();

    [[nodiscard]] bool await_ready() const;
    bool await_suspend(std::coroutine_handle<> waiting);
    Expected<ClientEvent> await_resume();

  private:
    bool is_second_ = false;
};

}  // namespace backplane
