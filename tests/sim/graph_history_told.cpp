// SPDX-License-Identifier: Apache-2.0
/// What clients are told in a random history: each frame of the daemon against the model.
#include "tests/sim/graph_history.hpp"

namespace backplane::sim {

void GraphHistory::parse(Client& client) {
    for (;;) {
        const wire::FrameResult next = wire::next_frame(std::as_bytes(std::span{client.from_daemon}));
        if (next.status == wire::FrameStatus::incomplete) {
            return;
        }
        if (next.status == wire::FrameStatus::wrong) {
            world_.fail("the daemon sent a frame that cannot be");
            return;
        }
        if (client.said_bye) {
            world_.fail("something follows the daemon's last word");
            return;
        }
        world_.say("session " + std::to_string(client.serial) + " is told " + wire::frame_name(next.frame.type));
        take_frame(client, next.frame);
        client.from_daemon.erase(0, next.size);
    }
}

void GraphHistory::take_frame(Client& client, const wire::FrameView& frame) {
    if (wire::is_counted(frame.type)) {
        take_counted(client, frame);
        return;
    }
    switch (frame.type) {
        case wire::FrameType::welcome: {
            const auto welcome = wire::decode_welcome(frame);
            client.greeted = welcome.has_value();
            if (client.greeted && !client.session.empty()) {
                take_resumed(client, *welcome);
                break;
            }
            client.session = welcome ? welcome->session : std::string{};
            client.token = welcome ? welcome->token : std::string{};
            for (const wire::Grant& grant : welcome ? welcome->grants : std::vector<wire::Grant>{}) {
                if (!model_.grant(client.serial, grant.first.value, grant.count)) {
                    world_.fail("an id was granted twice");
                }
                for (std::uint32_t i = 0; i < 12; ++i) {  // few, so that histories meet their end
                    client.ids.push_back(grant.first.value + i);
                }
            }
            break;
        }
        case wire::FrameType::ack: take_ack(client, frame); break;
        case wire::FrameType::reply: take_reply(client, frame); break;
        case wire::FrameType::bye: {
            const auto bye = wire::decode_bye(frame);
            client.said_bye = true;
            if (!bye || bye->code != client.bye_expected) {
                world_.fail("a session was cut: " + std::string{bye ? error_name(bye->code) : "?"} + " " +
                            std::string{bye ? bye->text : ""});
            }
            break;
        }
        default: world_.fail("unexpected frame " + wire::frame_name(frame.type)); break;
    }
}

void GraphHistory::take_counted(Client& client, const wire::FrameView& frame) {
    const auto& items = model_.session(client.serial).items;
    if (client.received >= items.size()) {
        world_.fail("told more than was owed: " + wire::frame_name(frame.type));
        return;
    }
    const NaiveItem& item = items[client.received++];
    bool same = false;
    switch (frame.type) {
        case wire::FrameType::withdrawn: same = item.withdrawn; break;
        case wire::FrameType::notice:
        case wire::FrameType::ended: take_notice(client, frame, item); return;
        case wire::FrameType::shutdown_requested:
            if (const auto asked = wire::decode_shutdown(frame)) {
                same = item.kind == NaiveItem::Kind::shutdown && asked->from.value == item.about && asked->to.value == item.to;
            }
            break;
        case wire::FrameType::refusal:
            if (const auto refusal = wire::decode_refusal(frame)) {
                const bool loose = item.loose && (refusal->code == ErrorCode::self_link || refusal->code == ErrorCode::device_down);
                const bool code = loose || refusal->code == item.code || (item.also != ErrorCode::ok && refusal->code == item.also);
                same = item.kind == NaiveItem::Kind::refusal && code && refusal->operation == item.operation;
            }
            break;
        default:
            if (const auto state = wire::decode_name_state(frame)) {
                same = item.kind == NaiveItem::Kind::name_state && state->name == item.name && state->up == item.up &&
                       state->incarnation == item.incarnation && state->device.value == item.about;
            }
            break;
    }
    if (!same) {
        world_.fail("told " + wire::frame_name(frame.type) + "; should be: " + item.words());
    }
}

void GraphHistory::take_notice(Client& client, const wire::FrameView& frame, const NaiveItem& item) {
    const auto notice = wire::decode_notice(frame);
    if (!notice) {
        world_.fail("a notice that cannot be read");
        return;
    }
    NaiveItem got = item;
    got.kind = frame.type == wire::FrameType::notice ? NaiveItem::Kind::notice : NaiveItem::Kind::ended;
    got.withdrawn = false;
    got.to = notice->to.value;
    got.about = notice->about.value;
    got.fault = NaiveFault{notice->fault,         notice->root_fault,    notice->hops,       notice->argument,
                           notice->root_argument, notice->cascade.value, notice->root.value, std::string{notice->text}};
    NaiveItem expected = item;
    expected.withdrawn = false;
    if (got.words() != expected.words()) {
        world_.fail("told " + got.words() + "; should be: " + expected.words());
    }
    // T-5: after the reply to an unlink that asked for one, nothing of that edge is written.
    if (item.withdrawn && item.withdrawn_by != 0 && client.acked >= item.withdrawn_by) {
        world_.fail("a notice after the acknowledged unlink: " + got.words());
    }
    // T-4, rule 6 of section 10: the link's acknowledgement stands before its notice. What was owed when a session was taken up
    // stands before the acknowledgement that settles its operations (PROTOCOL.md 5.6).
    if (item.linked_by != 0 && client.acked < item.linked_by && client.received > client.owed_at_return) {
        world_.fail("a notice before its link was acknowledged: " + got.words());
    }
}

void GraphHistory::take_ack(Client& client, const wire::FrameView& frame) {
    const auto ack = wire::decode_ack(frame);
    if (!ack || ack->count < client.acked || ack->count > client.carried_out) {
        world_.fail("an acknowledgement of what was not carried out, or less than before");
        return;
    }
    client.acked = ack->count;
    const auto& items = model_.session(client.serial).items;
    for (std::size_t i = client.received; i < items.size(); ++i) {
        if (items[i].kind == NaiveItem::Kind::refusal && items[i].operation <= ack->count) {
            world_.fail("acknowledged before its refusal was told: " + items[i].words());  // PROTOCOL.md 5.2
            return;
        }
    }
}

void GraphHistory::take_reply(Client& client, const wire::FrameView& frame) {
    const auto id = wire::decode_reply_id(frame);
    if (!id || !client.asked.contains(*id)) {
        world_.fail("a reply to no request");
        return;
    }
    const wire::Call call = client.asked[*id].call;
    client.asked.erase(*id);
    const auto reply = wire::decode_reply(frame, call);
    const auto expected = client.expected.find(*id);
    if (!reply || expected == client.expected.end()) {
        world_.fail("a reply that cannot be read, or before its request was carried out");
        return;
    }
    if (reply->error.code != expected->second.second) {
        world_.fail("reply to " + std::string{wire::call_name(call)} + ": " + std::string{error_name(reply->error.code)} +
                    "; should be: " + std::string{error_name(expected->second.second)});
    }
    if (const auto* grants = std::get_if<wire::Grants>(&reply->body)) {
        for (const wire::Grant& grant : grants->grants) {
            if (!model_.grant(client.serial, grant.first.value, grant.count)) {
                world_.fail("an id was granted twice");
            }
            client.ids.push_back(grant.first.value);
            client.ids.push_back(grant.first.value + 63);
        }
    }
}

}  // namespace backplane::sim
