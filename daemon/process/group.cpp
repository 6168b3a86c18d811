// SPDX-License-Identifier: Apache-2.0
/// Groups by kill and waitid, children by /proc.
#include "daemon/process/group.hpp"

#include "daemon/process/reap.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace backplane::process {

int become_subreaper() { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }

int signal_members(std::int32_t group, int signal_number) {
    // Groups 0 and 1 would be our own and everybody's.
    if (group <= 1) {
        return ESRCH;
    }
    return kill(-group, signal_number) == 0 ? 0 : errno;
}

void reap_members(std::int32_t group) {
    while (reap(Whom::group, group).pid != 0) {
    }
}

bool group_is_gone(std::int32_t group) {
    if (kill(-group, 0) != 0 && errno == ESRCH) {
        return true;
    }
    // The kernel gives a number to no new process while a group of that number has a member. So where a process of that
    // number is there, the leader being reaped, the group that answered is a stranger's and ours is gone.
    return kill(group, 0) == 0 || errno != ESRCH;
}

std::vector<std::int32_t> own_children() { return children_of(getpid()); }

std::vector<std::int32_t> children_of(std::int32_t parent) {
    std::vector<std::int32_t> children;
    std::error_code wrong;
    for (std::filesystem::directory_iterator task{"/proc/" + std::to_string(parent) + "/task", wrong}, end; !wrong && task != end;
         task.increment(wrong)) {
        std::ifstream list{task->path() / "children"};
        for (std::int32_t pid = 0; list >> pid;) {
            children.push_back(pid);
        }
    }
    return children;
}

}  // namespace backplane::process
