// SPDX-License-Identifier: Apache-2.0
/// What an entry was asked to be, as it would be given again (`get_childspec`), and how many there are (`count_children`).
#include "daemon/core/supervision.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace backplane::core {

/// S-56: `active` are those that really run.
ChildCount Supervision::count_children(ChildIndex supervisor) const {
    ChildCount count;
    for (ChildIndex i = children_[supervisor].first; i != no_child; i = children_[i].next) {
        const Child& child = children_[i];
        if (child.removed != 0) {
            continue;
        }
        ++count.specs;
        count.active += child.state == ChildState::running ? 1U : 0U;
        ++(child.is_supervisor() ? count.supervisors : count.workers);
    }
    return count;
}

void Supervision::spec_of_limits(const Child& child, ChildSpec& spec) const {
    spec.backoff.enabled = child.backoff != 0;
    spec.backoff.initial = child.backoff_initial;
    spec.backoff.max = child.backoff_max;
    spec.backoff.factor = std::bit_cast<double>(child.backoff_factor);
    spec.backoff.jitter = std::bit_cast<double>(child.backoff_jitter);
    spec.backoff.reset_after = child.reset_after;
    spec.limit.enabled = child.limit != 0;
    spec.limit.intensity = child.limit_intensity;
    spec.limit.period = child.limit_period;
    spec.limit.on_limit = child.on_limit;
    spec.limit.cooldown = child.cooldown;
    spec.exits = policy_of(child);
}

/// Links and requirements by whole paths.
void Supervision::spec_of_orders(const Child& child, ChildSpec& spec) const {
    for (std::uint32_t o = child.orders_from; o != 0; o = orders_[o].next_from) {
        const std::string to{texts_[children_[orders_[o].to].path]};
        if (orders_[o].need != 0) {
            spec.requires_up.insert(spec.requires_up.begin(), to);
        } else {
            spec.links.insert(spec.links.begin(), StandingLink{to, orders_[o].mode});
        }
    }
}

std::vector<OrderView> Supervision::orders_of(ChildIndex i) const {
    std::vector<OrderView> orders;
    for (std::uint32_t o = children_[i].orders_from; o != 0; o = orders_[o].next_from) {
        orders.push_back({orders_[o].to, orders_[o].mode, orders_[o].need != 0, true});
    }
    std::reverse(orders.begin(), orders.end());  // lists begin with the youngest
    const auto own = static_cast<std::ptrdiff_t>(orders.size());
    for (std::uint32_t o = children_[i].orders_to; o != 0; o = orders_[o].next_to) {
        orders.push_back({orders_[o].from, orders_[o].mode, orders_[o].need != 0, false});
    }
    std::reverse(orders.begin() + own, orders.end());
    return orders;
}

SupervisorSpec Supervision::flags_of(ChildIndex i) const {
    const Team& team = team_of(i);
    SupervisorSpec spec;
    spec.strategy = team.strategy;
    spec.intensity = team.intensity;
    spec.period = team.period;
    spec.on_give_up = team.on_give_up;
    spec.auto_shutdown = team.auto_shutdown;
    spec.on_start_failure = team.on_start_failure;
    spec.on_root_give_up = team.on_root_give_up;
    spec.start_order = team.start_order;
    spec.restart_burst = team.restart_burst;
    spec.restart_every = team.restart_every;
    spec.max_children = team.max_children;
    spec.partitions = team.partitions;
    return spec;
}

SupervisorSpec Supervision::spec_of_team(ChildIndex i) const {
    const Team& team = team_of(i);
    SupervisorSpec spec = flags_of(i);
    if (team.template_child != 0) {
        if (Expected<ChildSpec> read = decode_child(texts_[team.template_child], true)) {
            spec.template_child.push_back(std::move(*read));
        }
    }
    for (ChildIndex child = children_[i].first; child != no_child; child = children_[child].next) {
        if (children_[child].added == 0) {
            spec.children.push_back(spec_of(child));
        }
    }
    return spec;
}

/// Recursion is bounded by the nesting of entries.
ChildSpec Supervision::spec_of(ChildIndex i) const {
    const Child& child = children_[i];
    ChildSpec spec;
    spec.name = texts_[child.name];
    spec.is_supervisor = child.is_supervisor();
    spec.restart = child.restart;
    spec.shutdown_kind = child.shutdown_kind;
    spec.shutdown = child.shutdown;
    spec.start_timeout = child.start_timeout;
    spec.readiness = child.readiness;
    spec.ready_delay = child.ready_delay;
    spec.managed = child.managed != 0;
    spec.significant = child.significant != 0;
    spec.retain = child.retain != 0;
    spec.oneshot = child.oneshot != 0;
    spec.watchdog = child.watchdog;
    spec.stop_signal = child.stop_signal;
    spec.signal_group = child.signal_group != 0;
    spec.kill_mode = child.kill_mode;
    spec.kill_after = child.kill_after;
    spec_of_limits(child, spec);
    spec_of_orders(child, spec);
    if (child.is_supervisor()) {
        spec.supervisor.push_back(spec_of_team(i));
    } else if (child.is_task != 0) {
        spec.task = task(i);
    } else if (Expected<LaunchSpec> launch = decode_launch(texts_[child.launch])) {
        spec.launch = std::move(*launch);
    }
    return spec;
}

}  // namespace backplane::core
