// SPDX-License-Identifier: Apache-2.0
/// Standing orders (decision 14): links given in configuration, laid whenever both ends are up.
///
/// The end that hears counts as up from the birth of its Device, so that it is linked before it runs (D-12). The end that
/// is heard of counts from when it is started: one that fails to start has not been up, and "not up yet" is no death.
#include "daemon/core/supervision.hpp"

#include <string>

namespace backplane::core {

/// A sibling's name, or else a path below the root.
ChildIndex Supervision::resolve(ChildIndex i, std::string_view to) const {
    const std::string path = path_below(children_[i].supervisor, to);
    for (const std::string_view wanted : {std::string_view{path}, to}) {
        const std::uint32_t entry = graph_.names().find(wanted);
        const ChildIndex found = entry != 0 ? graph_.names()[entry].reserved_for : no_child;
        if (contains(found)) {
            return found;
        }
    }
    return no_child;
}

bool Supervision::add_orders(ChildIndex i, const ChildSpec& spec) {
    for (const StandingLink& link : spec.links) {
        const ChildIndex to = resolve(i, link.to);
        if (to == no_child || to == i) {
            return false;
        }
        add_order(Order{i, to, 0, 0, link.mode, 0, {}});
    }
    for (const std::string& name : spec.requires_up) {
        const ChildIndex on = resolve(i, name);
        if (on == no_child || on == i) {
            return false;
        }
        add_order(Order{i, on, 0, 0, LinkMode::none, 1, {}});
    }
    return true;
}

void Supervision::add_order(const Order& order) {
    std::uint32_t made = free_order_;
    if (made != 0) {
        free_order_ = orders_[made].next_from;
    } else {
        made = static_cast<std::uint32_t>(orders_.size());
        orders_.emplace_back();
    }
    orders_[made] = order;
    orders_[made].next_from = children_[order.from].orders_from;
    orders_[made].next_to = children_[order.to].orders_to;
    children_[order.from].orders_from = made;
    children_[order.to].orders_to = made;
}

void Supervision::unlink_order(std::uint32_t& head, std::uint32_t Order::*next, std::uint32_t gone) {
    std::uint32_t* at = &head;
    while (*at != gone) {
        at = &(orders_[*at].*next);
    }
    *at = orders_[gone].*next;
}

void Supervision::free_order(std::uint32_t gone) {
    orders_[gone] = Order{};
    orders_[gone].next_from = free_order_;
    free_order_ = gone;
}

/// What it says itself.
void Supervision::remove_orders_from(ChildIndex i) {
    while (children_[i].orders_from != 0) {
        const std::uint32_t gone = children_[i].orders_from;
        children_[i].orders_from = orders_[gone].next_from;
        unlink_order(children_[orders_[gone].to].orders_to, &Order::next_to, gone);
        free_order(gone);
    }
}

/// What others say of it goes along: their links to it are over, and they require it no longer.
void Supervision::remove_orders(ChildIndex i) {
    remove_orders_from(i);
    while (children_[i].orders_to != 0) {
        const std::uint32_t gone = children_[i].orders_to;
        children_[i].orders_to = orders_[gone].next_to;
        unlink_order(children_[orders_[gone].from].orders_from, &Order::next_from, gone);
        free_order(gone);
    }
}

/// The child's Device was born: it hears from now on of those that are up.
void Supervision::lay_own(Step& step, ChildIndex i) {
    const DeviceId device = children_[i].device;
    for (std::uint32_t o = children_[i].orders_from; o != 0; o = orders_[o].next_from) {
        const Child& other = children_[orders_[o].to];
        if (has(orders_[o].mode, LinkMode::monitor) && other.state == ChildState::running) {
            graph_.add_edge(step, device, other.device);
        }
    }
    for (std::uint32_t o = children_[i].orders_to; o != 0; o = orders_[o].next_to) {
        const Child& other = children_[orders_[o].from];
        if (has(orders_[o].mode, LinkMode::notify) && other.state == ChildState::running) {
            graph_.add_edge(step, device, other.device);
        }
    }
}

/// The child is started: those that are to hear of it do, as far as they have a Device.
void Supervision::lay_others(Step& step, ChildIndex i) {
    const DeviceId device = children_[i].device;
    for (std::uint32_t o = children_[i].orders_from; o != 0; o = orders_[o].next_from) {
        if (has(orders_[o].mode, LinkMode::notify)) {
            graph_.add_edge(step, children_[orders_[o].to].device, device);
        }
    }
    for (std::uint32_t o = children_[i].orders_to; o != 0; o = orders_[o].next_to) {
        if (has(orders_[o].mode, LinkMode::monitor)) {
            graph_.add_edge(step, children_[orders_[o].from].device, device);
        }
    }
}

}  // namespace backplane::core
