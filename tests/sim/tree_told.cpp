// SPDX-License-Identifier: Apache-2.0
/// What clients and programs are told, against what the model says that this step owes them.
#include "tests/sim/tree_history.hpp"

#include <algorithm>

namespace backplane::sim {

void TreeHistory::read_all() {
    world_.hub.take_dirty(dirty_);
    for (const core::SessionIndex index : dirty_) {
        const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.index == index; });
        if (found == peers_.end()) {
            world_.fail("bytes for nobody");
            return;
        }
        const std::string bytes{world_.hub.outbox(index)};
        world_.trace_bytes(bytes);
        found->from_daemon += bytes;
        world_.hub.wrote(index, bytes.size());
        for (;;) {
            const wire::FrameResult next = wire::next_frame(std::as_bytes(std::span{found->from_daemon}));
            if (next.status != wire::FrameStatus::whole) {
                break;
            }
            take_frame(*found, next.frame);
            found->from_daemon.erase(0, next.size);
        }
        if (!found->from_daemon.empty()) {
            world_.fail("a frame that is not whole");
        }
    }
}

void TreeHistory::take_frame(Peer& peer, const wire::FrameView& frame) {
    peer.received += wire::is_counted(frame.type) ? 1U : 0U;
    switch (frame.type) {
        case wire::FrameType::ack: break;
        case wire::FrameType::welcome: take_welcome(peer, frame); break;
        case wire::FrameType::reply: take_reply(peer, frame); break;
        case wire::FrameType::event: take_event(peer, frame); break;
        case wire::FrameType::refusal: take_told(peer, "refusal"); break;
        case wire::FrameType::withdrawn: break;
        case wire::FrameType::bye:
            if (!peer.may_be_cut) {
                world_.fail("a peer was cut");
            }
            break;
        case wire::FrameType::shutdown_requested:
            if (const auto asked = wire::decode_shutdown(frame)) {
                peer.shutdown_waits = true;
                take_told(peer, "shutdown to #" + std::to_string(asked->to.value));
            }
            break;
        case wire::FrameType::name_state:
            if (const auto state = wire::decode_name_state(frame); state && peer.watches.contains(state->name)) {
                peer.watches[state->name].told = *state;
            } else {
                world_.fail("told of a name that it does not watch");
            }
            break;
        case wire::FrameType::notice:
            if (const auto notice = wire::decode_notice(frame)) {
                const Fault fault{notice->fault,         notice->root_fault, notice->hops, notice->argument,
                                  notice->root_argument, notice->cascade,    notice->root, std::string{notice->text}};
                take_told(peer, model_.notice_words(notice->to, notice->about, fault));
            }
            break;
        default: world_.fail("unexpected frame " + wire::frame_name(frame.type)); break;
    }
}

/// Section 10, (5): one notice for each edge, with the fault of F-5.
void TreeHistory::take_told(Peer& peer, const std::string& words) {
    world_.say("    peer " + std::to_string(peer.number) + " is told: " + words);
    auto& owed = model_.notices;
    const auto found = std::find_if(owed.begin(), owed.end(), [&](const OwedNotice& notice) {
        return notice.peer == peer.number && (notice.words == words || notice.or_words == words);
    });
    if (found != owed.end()) {
        owed.erase(found);
        return;
    }
    std::string instead;
    for (const OwedNotice& notice : owed) {
        instead += notice.peer == peer.number ? "\n    owed: " + notice.words : "";
    }
    world_.fail("peer " + std::to_string(peer.number) + " was told what it is not owed: " + words + instead);
}

void TreeHistory::take_welcome(Peer& peer, const wire::FrameView& frame) {
    const auto welcome = wire::decode_welcome(frame);
    if (!welcome || peer.may_be_cut) {
        world_.fail("a welcome that cannot be read, or at the wrong time");
        return;
    }
    peer.device = welcome->device;
    for (const wire::Grant& grant : welcome->grants) {
        for (std::uint32_t i = 0; i < 4; ++i) {
            peer.ids.push_back(DeviceId{grant.first.value + i});
        }
    }
    const Process* process = machine_.find(peer.worker, peer.generation);
    if (peer.worker != 0 && (process == nullptr || peer.device != process->device)) {
        world_.fail("a program is welcomed with another Device than its process has");
    }
}

/// Section 8.10: each request is answered once, by the table.
void TreeHistory::take_reply(Peer& peer, const wire::FrameView& frame) {
    const auto id = wire::decode_reply_id(frame);
    if (!id || !peer.asked.contains(*id)) {
        world_.fail("a reply to no request, or a second one");
        return;
    }
    const wire::Call call = peer.asked[*id];
    peer.asked.erase(*id);
    const auto reply = wire::decode_reply(frame, call);
    auto& owed = model_.answers;
    const auto found = std::find_if(owed.begin(), owed.end(),
                                    [&](const OwedAnswer& answer) { return answer.peer == peer.number && answer.request == *id; });
    const std::string got = reply ? std::string{error_name(reply->error.code)} + " " + reply->error.detail : "?";
    if (found == owed.end()) {
        world_.fail(std::string{wire::call_name(call)} + " is answered before its time: " + got);
    } else if (!reply || reply->error.code != found->code || (!found->detail.empty() && reply->error.detail != found->detail)) {
        world_.fail(std::string{wire::call_name(call)} + " is answered by " + got + "; should be " + std::string{error_name(found->code)} +
                    " " + found->detail);
    } else {
        owed.erase(found);
    }
}

void TreeHistory::take_event(Peer& peer, const wire::FrameView& frame) {
    const auto event = wire::decode_event(frame);
    if (!event || !peer.subscribed || event->seq <= peer.last_seq) {
        world_.fail("an event that cannot be read, or its number does not rise");
        return;
    }
    peer.last_seq = event->seq;
}

/// Nothing that this step owed may be missing, and every watched name must stand as it is (X-20).
void TreeHistory::compare_peers() {
    for (const OwedNotice& notice : model_.notices) {
        if (peers_[notice.peer].greeted) {
            world_.fail("peer " + std::to_string(notice.peer) + " was not told: " + notice.words);
        }
    }
    for (const OwedAnswer& answer : model_.answers) {
        if (peers_[answer.peer].greeted) {
            world_.fail("peer " + std::to_string(answer.peer) + " has no answer to request " + std::to_string(answer.request));
        }
    }
    for (const Peer& peer : peers_) {
        for (const auto& [name, watch] : peer.watches) {
            const Entry& e = entry(watch.child);
            const bool up = model_.is_live(e.device);
            const bool same =
                watch.told.up == up && (!up || watch.told.device == e.device) && watch.told.incarnation == e.name_ups - watch.ups_before;
            if (peer.greeted && !same) {
                world_.fail("peer " + std::to_string(peer.number) + " is not told how " + name + " stands");
            }
        }
        if (peer.greeted && peer.subscribed && peer.last_seq < seen_seq_) {
            world_.fail("a subscriber has not been told of an event");
        }
    }
}

}  // namespace backplane::sim
