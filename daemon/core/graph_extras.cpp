// SPDX-License-Identifier: Apache-2.0
/// What few Devices have: a heartbeat that is due, and labels. Both stand in a table beside the Devices, whose `life.extra` leads
/// there, so that one word asks whether an end has more to do than take a Device off its lists.
#include "daemon/core/graph_ends_inline.hpp"

#include <backplane/labels.hpp>

namespace backplane::core {

namespace {
constexpr std::int32_t timeout_watchdog = 3;  ///< the argument of FaultKind::timeout (PROTOCOL.md section 8)
}

/// The record of a live Device, made where there is none.
Extra& Graph::obtain_extra(std::uint32_t slot) {
    Device& device = devices_[slot];
    if (device.life.extra == 0) {
        std::uint32_t made = free_extras_;
        if (made != 0) {
            free_extras_ = extras_[made].next_free;
        } else {
            made = static_cast<std::uint32_t>(extras_.size());
            extras_.emplace_back();
        }
        extras_[made] = Extra{};
        extras_[made].slot = slot;
        device.life.extra = made;
    }
    return extras_[device.life.extra];
}

/// Frees the record where nothing is left in it, so that the Device ends the short way again.
void Graph::tidy_extra(Device& device) {
    const std::uint32_t number = device.life.extra;
    Extra& extra = extras_[number];
    if (number == 0 || extra.heartbeat != 0 || extra.labels != 0) {
        return;
    }
    extra = Extra{};
    extra.next_free = free_extras_;
    free_extras_ = number;
    device.life.extra = 0;
}

/// Sets the labels of a record, for which its owner is charged; a process's are bounded by the configuration.
void Graph::put_labels(const Device& device, Extra& extra, std::string_view text) {
    if (device.child == no_child) {
        std::uint32_t& charged = sessions_[device.owner].label_bytes;
        charged = charged - static_cast<std::uint32_t>(texts_[extra.labels].size()) + static_cast<std::uint32_t>(text.size());
    }
    texts_.release(extra.labels);
    extra.labels = texts_.add(text);
}

void Graph::release_extra(Device& device) {
    if (device.life.extra == 0) {
        return;
    }
    Extra& extra = extras_[device.life.extra];
    deadlines_.cancel(extra.heartbeat);
    put_labels(device, extra, {});
    tidy_extra(device);
}

/// Names are released (D-11), nothing is due of it any more, and its labels are forgotten.
void Graph::release_holdings(Step& step, std::uint32_t slot, const FaultRecord& fault) {
    release_names(step, slot, fault);
    release_extra(devices_[slot]);
}

ChildIndex Graph::heartbeat(Step& step, const Event& event) {
    const Device* gone = find(event.device);
    if (gone != nullptr && gone->state != DeviceState::live && was_own(*gone, event)) {
        return no_child;  // a race between its end and the sign of life: `ended` says all that there is to say
    }
    Device* device = own(step, event);
    if (device == nullptr || device->child != no_child) {
        return device != nullptr ? device->child : no_child;
    }
    const std::uint32_t slot = event.device.slot();
    if (device->life.extra != 0) {
        deadlines_.cancel(extras_[device->life.extra].heartbeat);
    }
    if (event.extra != 0) {
        obtain_extra(slot).heartbeat = deadlines_.set(step.now + Duration::milliseconds(event.extra), DeadlineKind::heartbeat, slot);
    }
    tidy_extra(*device);
    return no_child;
}

void Graph::heartbeat_due(Step& step, std::uint32_t slot, Duration grace) {
    Device& device = devices_[slot];
    extras_[device.life.extra].heartbeat = 0;
    const SessionState& owner = sessions_[device.owner];
    const bool was_away = owner.returned.ns != 0;
    // Its daemon crashed: what it said meanwhile arrives when it is back, and not at once (T-10, T-12).
    const Instant spared = owner.away != 0 ? step.now + grace : was_away ? owner.returned + grace : Instant{};
    if (step.now < spared) {
        extras_[device.life.extra].heartbeat = deadlines_.set(spared, DeadlineKind::heartbeat, slot);
        tidy_extra(device);
        return;
    }
    if (owner.open == 0) {
        tidy_extra(device);  // it drops with its session, in a moment
        return;
    }
    FaultRecord fault;
    fault.kind = FaultKind::timeout;
    fault.argument = timeout_watchdog;
    end_and_tell(step, slot, fault);
}

ErrorCode Graph::label(const Event& event) {
    const Device* found = find(event.device);
    if (found == nullptr || found->owner != event.session) {
        return ErrorCode::not_owner;
    }
    if (found->state != DeviceState::live) {
        return was_own(*found, event) ? ErrorCode::device_down : ErrorCode::not_owner;
    }
    Device& device = devices_[event.device.slot()];
    const std::size_t had = texts_[extras_[device.life.extra].labels].size();
    const std::size_t charged = sessions_[event.session].label_bytes + event.text.size();
    if (device.child == no_child && event.text.size() > had && charged - had > limits_.label_bytes_per_session) {
        return ErrorCode::limit_reached;
    }
    if (!event.text.empty() || device.life.extra != 0) {
        put_labels(device, obtain_extra(event.device.slot()), event.text);
    }
    tidy_extra(device);
    return ErrorCode::ok;
}

std::string_view Graph::labels_of(DeviceId id) const {
    return is_live(id) ? texts_[extras_[devices_[id.slot()].life.extra].labels] : std::string_view{};
}

/// Each record that is not free is one live Device's and has something; what is due of it is set, and its labels are some.
std::string Graph::check_extras() const {
    std::vector<std::uint8_t> seen(extras_.size(), 0);
    std::vector<std::uint64_t> bytes(sessions_.size(), 0);
    std::size_t known = 1;
    if (extras_[0].heartbeat != 0 || extras_[0].labels != 0 || extras_[0].slot != 0 || extras_[0].next_free != 0) {
        return "nobody has a heartbeat or labels";  // it is asked of every Device that has none
    }
    for (std::uint32_t slot = page_slots; slot < devices_.size(); ++slot) {
        const Device& device = devices_[slot];
        if (device.state != DeviceState::live || device.life.extra == 0) {
            continue;
        }
        const Extra& extra = extras_[device.life.extra];
        const bool has_any = extra.heartbeat != 0 || extra.labels != 0;
        const bool is_due = extra.heartbeat == 0 || (device.child == no_child && !deadlines_.at(extra.heartbeat).is_never());
        if (seen[device.life.extra]++ != 0 || extra.slot != slot || extra.next_free != 0 || !has_any || !is_due ||
            !is_labels_text(texts_[extra.labels])) {
            return "device " + std::to_string(slot) + ": heartbeat or labels are wrong";
        }
        ++known;
        bytes[device.owner] += device.child == no_child ? texts_[extra.labels].size() : 0;
    }
    for (std::uint32_t i = free_extras_; i != 0; i = extras_[i].next_free, ++known) {
        if (seen[i]++ != 0 || extras_[i].slot != 0 || extras_[i].heartbeat != 0 || extras_[i].labels != 0) {
            return "list of free heartbeats and labels is broken";
        }
    }
    for (SessionIndex s = 0; s < sessions_.size(); ++s) {
        if (bytes[s] != sessions_[s].label_bytes) {
            return "session " + std::to_string(s) + ": count of label bytes is wrong";
        }
    }
    return known == extras_.size() ? std::string{} : std::string{"a heartbeat or labels are nobody's"};
}

bool Graph::is_heartbeat_of(const Due& due) const {
    if (due.owner >= devices_.size() || devices_[due.owner].state != DeviceState::live) {
        return false;
    }
    const std::uint32_t extra = devices_[due.owner].life.extra;
    return extra != 0 && extras_[extra].heartbeat == due.id;
}

std::uint64_t Graph::heartbeat_count() const {
    std::uint64_t count = 0;
    for (const Extra& extra : extras_) {
        count += extra.heartbeat != 0 ? 1U : 0U;
    }
    return count;
}

}  // namespace backplane::core
