// SPDX-License-Identifier: Apache-2.0
/// The graph's part of the state's image. What it holds is judged by `bounds_hold` here and `check` in graph_check.cpp.
#include "daemon/core/graph.hpp"

namespace backplane::core {

void Graph::save(ImageWriter& image) const {
    image.value(epoch_);
    devices_.save(image);
    edges_.save(image);
    pages_.save(image);
    sessions_.save(image);
    image.array(refusals_);
    image.array(name_notes_);
    image.array(extras_);
    index_.save(image);
    names_.save(image);
    for (const std::uint32_t word : {free_edges_, free_refusals_, free_name_notes_, free_extras_, free_pages_, last_free_page_,
                                     free_page_count_, own_page_, own_next_}) {
        image.value(word);
    }
    image.value(fresh_);
    image.value(backlog_);
    image.value(closing_);
    image.value(last_closing_);
    image.value(own_devices_);
}

bool Graph::load(ImageReader& image) {
    if (!image.value(epoch_) || !devices_.load(image) || !edges_.load(image) || !pages_.load(image) || !sessions_.load(image)) {
        return false;
    }
    if (!image.array(refusals_) || !image.array(name_notes_) || !image.array(extras_) || !index_.load(image) || !names_.load(image)) {
        return false;
    }
    for (std::uint32_t* word : {&free_edges_, &free_refusals_, &free_name_notes_, &free_extras_, &free_pages_, &last_free_page_,
                                &free_page_count_, &own_page_, &own_next_}) {
        if (!image.value(*word)) {
            return false;
        }
    }
    if (!image.value(fresh_) || !image.value(backlog_) || !image.value(closing_) || !image.value(last_closing_) ||
        !image.value(own_devices_)) {
        return false;
    }
    doomed.clear();
    asked.clear();
    left.clear();
    granted_.clear();
    attention_ = true;  // looked at once, by the next step
    return bounds_hold() && check().empty() ? true : image.fail();
}

/// Every index is inside its table: what makes the deeper checks safe to walk.
bool Graph::bounds_hold() const {
    const auto slot = [this](std::uint32_t i) { return i < devices_.size(); };
    const auto node = [this](std::uint32_t i) { return i < edges_.size(); };
    const auto known_session = [this](SessionIndex i) { return i < sessions_.size(); };
    bool good = devices_.size() == pages_.size() * page_slots && pages_.size() > 0 && edges_.size() > 0 && sessions_.size() > 0 &&
                !refusals_.empty() && !name_notes_.empty() && !extras_.empty();
    for (std::uint32_t i = 0; good && i < devices_.size(); ++i) {
        const Device& device = devices_[i];
        good = device.state <= DeviceState::dead && static_cast<std::uint8_t>(device.fault_kind) <= fault_kind_max &&
               static_cast<std::uint8_t>(device.root_kind) <= fault_kind_max && known_session(device.owner) && node(device.out) &&
               node(device.in) && slot(device.work_next);
        if (good && device.state == DeviceState::live) {
            good = node(device.life.out_tail) && slot(device.life.owner_next) && slot(device.life.owner_previous) &&
                   device.life.name < names_.size() && device.life.extra < extras_.size();
        } else if (good && device.state != DeviceState::unused) {
            good = texts_.contains(device.exit.text);
        }
    }
    for (std::uint32_t i = 0; good && i < edges_.size(); ++i) {
        const Edge& edge = edges_[i];
        const bool notes = edge.owed == Owed::refusal || edge.owed == Owed::lost;
        good = edge.owed <= Owed::start && slot(edge.watcher) && node(edge.out_next) && node(edge.out_previous) && node(edge.in_next) &&
               node(edge.in_previous) && node(edge.owed_next);
        good = good && (notes                           ? edge.target < refusals_.size()
                        : edge.owed == Owed::name_state ? edge.target < name_notes_.size()
                                                        : slot(edge.target));
    }
    for (std::uint32_t i = 0; good && i < pages_.size(); ++i) {
        good = known_session(pages_[i].owner) && pages_[i].next < pages_.size() && pages_[i].open <= page_slots;
    }
    for (std::uint32_t i = 0; good && i < sessions_.size(); ++i) {
        const SessionState& session = sessions_[i];
        good = slot(session.devices) && slot(session.last_device) && session.pages < pages_.size() && node(session.owed) &&
               node(session.last_owed) && known_session(session.work_next) && session.watches < names_.watches_size() &&
               texts_.contains(session.why);
    }
    for (std::size_t i = 0; good && i < refusals_.size(); ++i) {
        good = refusals_[i].next_free < refusals_.size();
    }
    for (std::size_t i = 0; good && i < name_notes_.size(); ++i) {
        good = name_notes_[i].next_free < name_notes_.size() && texts_.contains(name_notes_[i].name) &&
               texts_.contains(name_notes_[i].fault.text);
    }
    for (std::size_t i = 0; good && i < extras_.size(); ++i) {
        good = texts_.contains(extras_[i].labels) && extras_[i].next_free < extras_.size();
    }
    return good && node(free_edges_) && free_refusals_ < refusals_.size() && free_name_notes_ < name_notes_.size() &&
           free_extras_ < extras_.size() && free_pages_ < pages_.size() && last_free_page_ < pages_.size() && own_page_ < pages_.size() &&
           own_next_ <= page_slots && slot(fresh_.first) && slot(fresh_.last) && slot(backlog_.first) && slot(backlog_.last) &&
           known_session(closing_) && known_session(last_closing_);
}

}  // namespace backplane::core
