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
    const Child& child = children_[i];
    const Child& parent = children_[child.supervisor];
    std::string path = parent.depth > 0 ? std::string{texts_[parent.path]}.append("/") : std::string{};
    path.append(to);
    for (const std::string_view wanted : {std::string_view{path}, to}) {
        const ChildIndex found = find(wanted);
        if (found != no_child && texts_[children_[found].path] == wanted) {
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
        Order order;
        order.from = i;
        order.to = to;
        order.mode = link.mode;
        order.next_from = children_[i].orders_from;
        order.next_to = children_[to].orders_to;
        const auto made = static_cast<std::uint32_t>(orders_.size());
        children_[i].orders_from = made;
        children_[to].orders_to = made;
        orders_.push_back(order);
    }
    return true;
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
