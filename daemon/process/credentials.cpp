// SPDX-License-Identifier: Apache-2.0
/// Lookups in the user database, which may be a slow one: they come before the child, so that a failure leaves nothing.
#include "daemon/process/credentials.hpp"

#include "daemon/core/capabilities.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string>

namespace backplane::process {
namespace {

using core::SpawnStep;

/// More than any entry that is not a mistake.
constexpr std::size_t entry_bytes_max = 1U << 20;
constexpr int groups_max = 65536;

/// -1 is no id: the kernel takes it for "leave it".
std::optional<std::uint32_t> id_of(const std::string& text) {
    std::uint32_t id = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (wrong != std::errc{} || end != text.data() + text.size() || id == UINT32_MAX) {
        return std::nullopt;
    }
    return id;
}

/// Calls one of the reentrant lookups with a buffer that is large enough. Answers 0, ENOENT where there is no entry, or errno.
template <class Lookup>
int look_up(std::vector<char>& buffer, Lookup lookup) {
    buffer.resize(16384);
    for (;;) {
        bool is_found = false;
        const int wrong = lookup(buffer, is_found);
        if (wrong == ERANGE && buffer.size() < entry_bytes_max) {
            buffer.resize(buffer.size() * 2);
            continue;
        }
        if (wrong == EINTR) {
            continue;
        }
        // Several errors mean no more than that there is no such name (getpwnam(3)).
        const bool is_missing = wrong == ESRCH || wrong == EBADF || wrong == EPERM || (wrong == 0 && !is_found);
        return is_missing ? ENOENT : wrong;
    }
}

struct User {
    std::string name;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    Identity identity;
};

/// By name, else by number.
int find_user(const std::string& name, User& user) {
    std::vector<char> buffer;
    passwd record{};
    const auto by_name = [&](std::vector<char>& room, bool& is_found) {
        passwd* found = nullptr;
        const int wrong = getpwnam_r(name.c_str(), &record, room.data(), room.size(), &found);
        is_found = found != nullptr;
        return wrong;
    };
    int wrong = look_up(buffer, by_name);
    if (const auto id = id_of(name); wrong == ENOENT && id) {
        wrong = look_up(buffer, [&](std::vector<char>& room, bool& is_found) {
            passwd* found = nullptr;
            const int refused = getpwuid_r(*id, &record, room.data(), room.size(), &found);
            is_found = found != nullptr;
            return refused;
        });
    }
    if (wrong != 0) {
        return wrong;
    }
    user = {record.pw_name, record.pw_uid, record.pw_gid, identity_of(record.pw_name, record.pw_dir, record.pw_shell)};
    return 0;
}

int find_group(const std::string& name, std::uint32_t& gid) {
    std::vector<char> buffer;
    group record{};
    const int wrong = look_up(buffer, [&](std::vector<char>& room, bool& is_found) {
        group* found = nullptr;
        const int refused = getgrnam_r(name.c_str(), &record, room.data(), room.size(), &found);
        is_found = found != nullptr;
        return refused;
    });
    if (const auto id = id_of(name); wrong == ENOENT && id) {
        gid = *id;  // a group needs no entry to be one
        return 0;
    }
    gid = record.gr_gid;
    return wrong;
}

std::vector<std::uint32_t> groups_of(const User& user, std::uint32_t gid) {
    std::vector<gid_t> groups(64);
    int count = static_cast<int>(groups.size());
    while (getgrouplist(user.name.c_str(), gid, groups.data(), &count) < 0 && count <= groups_max) {
        groups.resize(static_cast<std::size_t>(count));
    }
    groups.resize(static_cast<std::size_t>(std::min(count, static_cast<int>(groups.size()))));
    return {groups.begin(), groups.end()};
}

Credentials failed(SpawnStep step, int error_number) {
    Credentials credentials;
    credentials.step = step;
    credentials.error_number = error_number;
    return credentials;
}

/// Those that are named; else the user's. Who stays who it is and may not set any keeps what it has.
int choose_groups(const core::CredentialSpec& spec, const User& user, Credentials& credentials) {
    for (const std::string& name : spec.groups) {
        std::uint32_t gid = 0;
        if (const int wrong = find_group(name, gid); wrong != 0) {
            return wrong;
        }
        credentials.groups.push_back(gid);
    }
    const bool is_own = spec.user.empty() || (credentials.uid == geteuid() && credentials.uid != 0);
    credentials.keeps_groups = spec.groups.empty() && is_own;
    if (spec.groups.empty() && !is_own) {
        credentials.groups = groups_of(user, credentials.gid);
    }
    return 0;
}

}  // namespace

Credentials resolve_credentials(const core::CredentialSpec& spec, const Identity& own) {
    Credentials credentials;
    User user{"", geteuid(), getegid(), own};
    if (const int wrong = spec.user.empty() ? 0 : find_user(spec.user, user); wrong != 0) {
        return failed(SpawnStep::user, wrong);
    }
    credentials.uid = user.uid;
    credentials.gid = user.gid;
    credentials.identity = user.identity;
    if (const int wrong = spec.group.empty() ? 0 : find_group(spec.group, credentials.gid); wrong != 0) {
        return failed(SpawnStep::group, wrong);
    }
    if (const int wrong = choose_groups(spec, user, credentials); wrong != 0) {
        return failed(SpawnStep::groups, wrong);
    }
    for (const std::string& name : spec.capabilities) {
        const int number = capability_number(name);
        if (number < 0) {
            return failed(SpawnStep::capabilities, EINVAL);
        }
        credentials.capabilities |= std::uint64_t{1} << static_cast<unsigned>(number);
    }
    return credentials;
}

int capability_number(std::string_view name) {
    constexpr const auto& names = core::capability_names;
    const auto* const found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

}  // namespace backplane::process
