// SPDX-License-Identifier: Apache-2.0
/// Control groups (cgroup v2): a worker and all of its descendants, whatever session or group they moved to (P-3 to P-5, X-11).
///
///     BASE/                        the cgroup that was delegated to us; no process stays in it
///     BASE/backplaned.self/        the daemon and its keeper, which moved there
///     BASE/backplaned.main/        the same, started there by a service manager (systemd's DelegateSubgroup=)
///     BASE/worker-CHILD-GENERATION/  one incarnation; found again by its name after a crash
///
/// BASE is ours where we may write there and nobody else is in it: a cgroup that others live in is theirs, and the root is
/// everybody's. Where there is none, nothing here does anything, and process groups have to do.
///
/// Controllers are enabled when values first ask for them, and never where a manager starts the daemon in BASE itself: the kernel lets
/// no process into a cgroup that hands controllers on, so with workers left the next daemon could not be started.
#pragma once

#include "daemon/core/spec.hpp"
#include "daemon/core/types.hpp"
#include "daemon/process/descriptor.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::process {

/// Where a hierarchy is mounted, and where in it we are.
struct ControlPlace {
    std::string mount;  ///< empty: there is no cgroup v2
    std::string own;    ///< below the mount; `/` is its root
};
/// As /proc tells.
[[nodiscard]] ControlPlace find_control_place();
/// The same out of the texts of /proc/self/mountinfo and /proc/self/cgroup.
[[nodiscard]] ControlPlace parse_control_place(std::string_view mounts, std::string_view own);

class ControlGroups {
  public:
    ControlGroups() = default;
    ControlGroups(const ControlGroups&) = delete;
    ControlGroups& operator=(const ControlGroups&) = delete;
    virtual ~ControlGroups() = default;

    /// Takes BASE for ours if it is, and moves this process and the keeper (0: there is none) out of it. `is_managed`: a service manager
    /// started us, and will start the next one. False where it is not ours, with the reason in `why_not`.
    bool open(const ControlPlace& place, std::int32_t keeper, bool is_managed);
    [[nodiscard]] bool is_open() const { return !base_.empty(); }
    /// In words for an operator.
    [[nodiscard]] const std::string& why_not() const { return why_not_; }
    /// Whether values may be given at all.
    [[nodiscard]] bool has_values() const { return has_values_; }
    /// Gives BASE back as it was found: for an ordinary end, when no worker is left.
    void close(std::int32_t keeper);

    /// Makes an empty one with these values. Answers 0 or errno: EBUSY where one of that name has processes, which are then killed;
    /// EOPNOTSUPP where values may not be given; ENOENT where there is no such controller.
    [[nodiscard]] int make(core::ChildIndex child, std::uint32_t generation, const core::ControlSpec& values);
    /// For a child that is to be born in it. Empty where it is not there.
    [[nodiscard]] Descriptor directory(core::ChildIndex child, std::uint32_t generation) const;
    [[nodiscard]] bool exists(core::ChildIndex child, std::uint32_t generation) const;
    /// SIGKILL to everybody in it; nobody who is forked meanwhile escapes. Answers 0 or errno.
    int kill_all(core::ChildIndex child, std::uint32_t generation) const;
    /// Whether nobody lives in it, zombies aside. True where it is not there.
    [[nodiscard]] bool is_empty(core::ChildIndex child, std::uint32_t generation) const;
    /// Removes an empty one with everything below it. False where it stays.
    bool remove(core::ChildIndex child, std::uint32_t generation);

    /// Of which incarnations there is one.
    struct Name {
        core::ChildIndex child = core::no_child;
        std::uint32_t generation = 0;
    };
    [[nodiscard]] std::vector<Name> all() const;

  protected:
    /// Answers 0 or errno. Tests write into a tree that no kernel fills.
    [[nodiscard]] virtual int write(const std::string& path, std::string_view text) const;

  private:
    [[nodiscard]] bool refuse(std::string why);
    [[nodiscard]] bool is_ours_alone(const std::string& base, std::int32_t keeper);
    [[nodiscard]] std::string path_of(core::ChildIndex child, std::uint32_t generation) const;
    [[nodiscard]] int enable(std::string_view controller) const;
    [[nodiscard]] int set(const std::string& path, const core::ControlSpec& values) const;

    std::string base_;
    std::string why_not_ = "nobody has looked";
    std::string leaf_;
    bool has_values_ = false;
};

}  // namespace backplane::process
