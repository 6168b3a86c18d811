// SPDX-License-Identifier: Apache-2.0
/// How a Conversation comes back after its daemon died: PROTOCOL.md section 5.6, step by step. See conversation.hpp.
#include "client/talk/conversation.hpp"

#include "proto/wire/codec.hpp"

#include <utility>

namespace backplane::talk {

void Conversation::lost(Error why, Instant now) {
    if (over_) {
        return;
    }
    if (!may_return_ || session_.empty()) {
        end(std::move(why));
        return;
    }
    if (!is_apart()) {
        lost_at_ = now;
    }
    state_ = State::away;
    partial_.clear();  // the other half of the frame will not come: a counted one comes again as a whole
    outbox_.hold();
}

void Conversation::resume() {
    if (is_away()) {
        state_ = State::returning;
        say_hello(wire::Resume{session_, token_, received_});
    }
}

Expected<void> Conversation::on_return(wire::Welcome&& welcome) {
    if (!welcome.resumed) {
        // The session that it offers instead knows none of our Devices: to go on would be to lie to their user.
        outbox_.add([](std::string& out) { wire::encode(out, wire::Bye{}); });
        const bool is_told = welcome.resume_error != ErrorCode::ok;
        end(Error{is_told ? welcome.resume_error : ErrorCode::unknown_session, "the daemon came back without this session"});
        return {};
    }
    if (auto checked = check_return(welcome); !checked) {
        return checked;
    }
    const std::uint64_t carried_out = welcome.received;
    const bool was_greeted = greeted_;
    take_welcome(std::move(welcome));
    if (was_greeted) {
        tell(Resumed{now_ - lost_at_});
    }
    catch_up(carried_out);
    return {};
}

/// A daemon that mistakes us for another must not be told what we have to say.
Expected<void> Conversation::check_return(const wire::Welcome& welcome) const {
    if (welcome.session != session_) {
        return unexpected(ErrorCode::malformed, "welcome.session: another than was resumed");
    }
    if (greeted_ && welcome.epoch != epoch_) {
        return unexpected(ErrorCode::malformed, "welcome.epoch: another than that of the session");
    }
    if (greeted_ && welcome.device != own_device_) {
        return unexpected(ErrorCode::malformed, "welcome.device: another than that of the session");
    }
    if (!outbox_.can_have(welcome.received)) {
        return unexpected(ErrorCode::bad_ack, "welcome.received: " + std::to_string(welcome.received));
    }
    return {};
}

/// Says what the daemon that died took with it. The order is the contract's: the ack confirms the new token, and nothing
/// new may come between frames whose numbers are counted by their order.
void Conversation::catch_up(std::uint64_t carried_out) {
    acknowledged_ = received_;
    outbox_.add([&](std::string& out) { wire::encode(out, wire::Ack{received_}); });
    outbox_.release(carried_out);
    ask_again(carried_out);
    if (last_ping_ > last_pong_) {
        // The last one answers for all before it.
        outbox_.add([&](std::string& out) { wire::encode_ping(out, wire::Ping{last_ping_}); });
    }
}

void Conversation::ask_again(std::uint64_t carried_out) {
    const auto is_wanted = [](const Calls::Open& open) {
        // A renewal of the log's subscription is not repeated but made anew, from what has been seen by now.
        const bool is_renewal = open.waiting == Waiting::library && open.request.call == wire::Call::subscribe;
        // Labels were set by what was carried out; set again they would come behind younger ones.
        return open.waiting != Waiting::nobody && !is_renewal && open.request.call != wire::Call::label;
    };
    calls_.ask_again(carried_out, is_wanted, [this](wire::Request& request) {
        request.again = wire::is_command(request.call);  // a second `start` would be refused, a second `restart` would do it twice
        if (request.call == wire::Call::subscribe) {
            subscription_.go_on(request);
        }
        return outbox_.add_counted([&](std::string& out) { wire::encode(out, request); });
    });
    // A `subscribe` that is open replaces whatever was followed before it.
    if (!calls_.has_open(wire::Call::subscribe)) {
        if (auto renewal = subscription_.renewal()) {
            send_request(std::move(*renewal), Waiting::library);
        }
    }
}

}  // namespace backplane::talk
