// SPDX-License-Identifier: Apache-2.0
/// Workers' cgroups, where there are any. A cgroup bears its incarnation's name, so one that nobody occupies any more is never mistaken
/// for another's.
#include "daemon/process/host.hpp"

#include <algorithm>
#include <cerrno>

namespace backplane::process {

int Host::make_cgroup(const Incarnation& who, const core::ControlSpec& values, Descriptor& directory) const {
    if (!has_control_groups()) {
        const bool is_asked = values.memory_max != 0 || values.pids_max != 0 || values.cpu_weight != 0;
        return is_asked ? EOPNOTSUPP : 0;  // no worker runs without the bounds that it was given
    }
    if (const int wrong = options_.control->make(who.child, who.generation, values); wrong != 0) {
        return wrong;
    }
    directory = options_.control->directory(who.child, who.generation);
    return directory ? 0 : errno;
}

void Host::kill_cgroups() {
    for (core::ChildIndex child = 0; child < entries_.size(); ++child) {
        if (entries_[child].has_cgroup) {
            (void)options_.control->kill_all(child, entries_[child].generation);
        }
    }
    for (const Incarnation& left : left_cgroups_) {
        (void)options_.control->kill_all(left.child, left.generation);
    }
}

void Host::remove_left_cgroups() {
    std::erase_if(left_cgroups_, [this](const Incarnation& left) { return options_.control->remove(left.child, left.generation); });
}

void Host::take_control_groups() {
    if (!has_control_groups()) {
        return;
    }
    for (const ControlGroups::Name& name : options_.control->all()) {
        const Incarnation who{name.child, name.generation};
        const bool is_known =
            find(who.child, who.generation) != nullptr || std::find(left_cgroups_.begin(), left_cgroups_.end(), who) != left_cgroups_.end();
        if (!is_known && !options_.control->remove(who.child, who.generation)) {
            left_cgroups_.push_back(who);
        }
    }
}

void Host::clear_control_groups() {
    take_control_groups();
    for (const Incarnation& left : left_cgroups_) {
        (void)options_.control->kill_all(left.child, left.generation);
    }
}

}  // namespace backplane::process
