// SPDX-License-Identifier: Apache-2.0
/// What clients do in a random history, well and badly.
#include "tests/sim/graph_history.hpp"

#include <algorithm>
#include <cstring>

namespace backplane::sim {

namespace {

/// A frame of a client for people; hot ones with their ids.
std::string words_of(const std::string& bytes) {
    const wire::FrameResult found = wire::next_frame(std::as_bytes(std::span{bytes}));
    if (found.status != wire::FrameStatus::whole) {
        return "a frame that cannot be";
    }
    const wire::FrameType type = found.frame.type;
    std::string words = wire::frame_name(type) + (found.frame.asks_ack() ? " (asks for ack)" : "");
    const bool hot = wire::is_counted(type) && type != wire::FrameType::request;
    const std::size_t fields = !hot ? 0 : type == wire::FrameType::link || type == wire::FrameType::unlink ? 3 : 2;
    for (std::size_t i = 0; i < fields && (i + 1) * 8 <= found.frame.body.size(); ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, found.frame.body.data() + i * 8, sizeof word);
        words += " " + std::to_string(word >> 32) + "." + std::to_string(word & 0xffffffff);
    }
    return words;
}

}  // namespace

/// Where it hurries, mostly one that is there, or comes back.
Client& GraphHistory::any_client() {
    Client* client = &world_.chance.of(clients_);
    for (int n = 0; n < 12 && hurries_ && client->socket == 0 && (!client->away || client->lost); ++n) {
        client = &world_.chance.of(clients_);
    }
    return *client;
}

void GraphHistory::act() {
    Chance& chance = world_.chance;
    Client& client = any_client();
    if (client.socket == 0) {
        if (client.away && !client.lost) {
            come_back(client);
        } else if (clients_.size() < clients_max_ && chance.one_in(3)) {
            open();
        }
        return;
    }
    std::uint64_t what = chance.below(100);
    if (hurries_ && what >= 96 && !chance.one_in(8)) {
        what = 0;  // few end before something has happened to them
    }
    if (what < 40) {
        for (std::uint64_t n = hurries_ ? chance.below(8) + 1 : 1; n > 0 && client.greeted && !client.said_end; --n) {
            operate(client);
        }
    } else if (what < 62) {
        const bool little = chance.one_in(hurries_ ? 6 : 2);
        deliver(client, static_cast<std::size_t>(little ? chance.below(20) + 1 : chance.below(400) + 1));
    } else if (what < 82) {
        const bool little = chance.one_in(hurries_ ? 6 : 2);
        read(client, static_cast<std::size_t>(little ? chance.below(20) + 1 : chance.below(2000) + 1));
    } else if (what < 88) {
        if (client.told < client.received && client.greeted && !client.said_end) {
            send_ack(client);
        }
    } else if (what < 94) {
        if (world_.hub.wants_go_on()) {
            go_on();
        }
        world_.pass(Duration::milliseconds(chance.between(0, 20)));
        tick();
    } else if (what < 96) {
        if (clients_.size() < clients_max_ && (!hurries_ || chance.one_in(4))) {
            open();
        }
    } else if (what < 97) {
        end(client);
    } else if (what < 98 && client.greeted && !client.said_end) {
        misbehave(client);
    }
}

void GraphHistory::send(Client& client, const std::string& bytes, Sent sent) {
    client.to_daemon += bytes;
    client.sent_bytes += bytes.size();
    sent.end_at = client.sent_bytes;
    sent.what = bytes.empty() ? "and what follows from that" : words_of(bytes) + " carried out";
    client.pending.push_back(std::move(sent));
}

void GraphHistory::send_counted(Client& client, std::string bytes, bool asked, std::function<void(std::uint64_t)> carry_out) {
    const std::uint64_t operation = ++client.operations;
    Sent sent;
    sent.carry_out = [&client, asked, operation, carry_out = std::move(carry_out)] {
        client.carried_out = operation;
        client.asked_ack = asked ? operation : client.asked_ack;
        carry_out(operation);
    };
    sent.counted = true;
    sent.bytes = bytes;
    send(client, bytes, std::move(sent));
}

void GraphHistory::send_request(Client& client, wire::Request request, std::function<ErrorCode()> carry_out) {
    request.id = client.next_request++;
    std::string bytes;
    wire::encode(bytes, request);
    const std::uint64_t id = request.id;
    client.asked[id] = Asked{request.call, client.operations + 1, bytes, carry_out};
    send_counted(client, bytes, false, [&client, id, call = request.call, carry_out = std::move(carry_out)](std::uint64_t) {
        client.expected[id] = {call, carry_out()};
    });
}

Id GraphHistory::own_device(Client& client) {
    if (client.own.empty() || world_.chance.one_in(40)) {
        return any_device();  // another's, or nobody's
    }
    // Mostly a young one: most of the others are gone.
    const std::size_t size = client.own.size();
    return world_.chance.one_in(4) ? world_.chance.of(client.own)
                                   : client.own[size - 1 - world_.chance.below(std::min<std::size_t>(size, 4))];
}

Id GraphHistory::any_device() {
    if (known_.empty() || world_.chance.one_in(50)) {
        return DeviceId::make(static_cast<std::uint32_t>(world_.chance.between(1, 3)),
                              static_cast<std::uint32_t>(world_.chance.between(20'000, 24'000)))  // of no page that was ever granted
            .value;
    }
    const std::size_t size = known_.size();
    return world_.chance.one_in(4) ? world_.chance.of(known_) : known_[size - 1 - world_.chance.below(std::min<std::size_t>(size, 10))];
}

void GraphHistory::operate(Client& client) {
    Chance& chance = world_.chance;
    const Serial serial = client.serial;
    const bool asked = chance.one_in(3);
    const std::uint16_t flags = asked ? wire::flag::ack : std::uint16_t{0};
    const std::uint64_t what = chance.below(100);
    std::string bytes;
    if (what < 28) {
        Id id = 0;
        if (client.ids.empty() || chance.one_in(40)) {
            id = own_device(client);  // not a fresh one: refused
        } else {
            id = client.ids.back();
            client.ids.pop_back();
            client.own.push_back(id);
            known_.push_back(id);
        }
        const bool managed = chance.one_in(3);
        wire::encode(bytes, wire::Create{DeviceId{id}, managed}, flags);
        send_counted(client, bytes, asked, [this, serial, id, managed](std::uint64_t op) { model_.create(serial, id, managed, op); });
    } else if (what < 68) {
        operate_link(client);
    } else if (what < 80) {
        const Id id = own_device(client);
        NaiveFault fault;
        constexpr FaultKind kinds[] = {FaultKind::none, FaultKind::error, FaultKind::exit, FaultKind::drop, FaultKind::cascade};
        fault.kind = chance.of(kinds);
        fault.argument = fault.kind == FaultKind::exit ? static_cast<std::int32_t>(chance.between(1, 255)) : 0;
        fault.cascade = fault.kind == FaultKind::cascade ? any_device() : 0;
        fault.text = chance.one_in(3) ? "text" + std::to_string(chance.below(5)) : "";
        wire::encode(bytes, wire::Disconnect{DeviceId{id}, fault.kind, fault.argument, DeviceId{fault.cascade}, fault.text}, flags);
        send_counted(client, bytes, asked, [this, serial, id, fault](std::uint64_t op) { model_.disconnect(serial, id, fault, op); });
    } else if (what < 86) {
        const Id from = own_device(client);
        const Id to = any_device();
        wire::encode_shutdown(bytes, wire::Shutdown{DeviceId{from}, DeviceId{to}}, flags);
        send_counted(client, bytes, asked, [this, serial, from, to](std::uint64_t op) { model_.shutdown(serial, from, to, op); });
    } else if (what < 88) {
        const Id id = own_device(client);
        const bool on = chance.one_in(2);
        wire::encode(bytes, wire::Manage{DeviceId{id}, on}, flags);
        send_counted(client, bytes, asked, [this, serial, id, on](std::uint64_t op) { model_.manage(serial, id, on, op); });
    } else if (what < 94) {
        operate_self(client);
    } else {
        operate_name(client);
    }
}

/// What a Device says of itself: that it lives and until when to expect the next word, or its labels.
void GraphHistory::operate_self(Client& client) {
    Chance& chance = world_.chance;
    const Serial serial = client.serial;
    const Id id = own_device(client);
    if (chance.percent(60)) {
        const bool asked = chance.one_in(3);
        const auto interval = static_cast<std::uint32_t>(chance.one_in(5)   ? 0
                                                         : chance.one_in(4) ? chance.between(1'000, 20'000)
                                                                            : chance.between(1, 60));
        std::string bytes;
        wire::encode(bytes, wire::Heartbeat{DeviceId{id}, interval}, asked ? wire::flag::ack : std::uint16_t{0});
        send_counted(client, bytes, asked,
                     [this, serial, id, interval](std::uint64_t op) { model_.heartbeat(serial, id, interval, world_.now, op); });
        return;
    }
    wire::Request request;
    request.call = wire::Call::label;
    request.device = DeviceId{id};
    request.epoch = world_.engine.graph().epoch();
    std::string kept;
    for (const char* const key : {"a/b", "app", "env"}) {
        if (chance.one_in(2)) {
            request.labels.emplace_back(key, std::to_string(chance.below(1000)));
            kept.append(key).append("=").append(request.labels.back().second).append("\n");
        }
    }
    send_request(client, request, [this, serial, id, kept] { return model_.label(serial, id, kept); });
}

void GraphHistory::operate_link(Client& client) {
    const Serial serial = client.serial;
    const Id from = own_device(client);
    const Id to = world_.chance.one_in(30) ? from : any_device();
    const auto mode = static_cast<LinkMode>(world_.chance.between(1, 3));
    const bool asked = world_.chance.one_in(3);
    const std::uint16_t flags = asked ? wire::flag::ack : std::uint16_t{0};
    const wire::LinkOperation operation{DeviceId{from}, DeviceId{to}, mode};
    std::string bytes;
    if (world_.chance.percent(72)) {
        wire::encode_link(bytes, operation, flags);
        send_counted(client, bytes, asked, [=, this](std::uint64_t op) { model_.link(serial, from, to, mode, asked, op); });
    } else {
        wire::encode_unlink(bytes, operation, flags);
        send_counted(client, bytes, asked, [=, this](std::uint64_t op) { model_.unlink(serial, from, to, mode, asked, op); });
    }
}

void GraphHistory::operate_name(Client& client) {
    const Serial serial = client.serial;
    wire::Request request;
    request.name = world_.chance.of(names_);
    request.epoch = world_.engine.graph().epoch();
    const std::string name = request.name;
    switch (world_.chance.below(5)) {
        case 0:
            request.call = wire::Call::register_name;
            request.device = DeviceId{own_device(client)};
            send_request(client, request,
                         [this, serial, name, id = request.device.value] { return model_.register_name(serial, name, id); });
            break;
        case 1:
            request.call = wire::Call::release_name;
            send_request(client, request, [this, serial, name] { return model_.release_name(serial, name); });
            break;
        case 2:
            request.call = wire::Call::watch_name;
            send_request(client, request, [this, serial, name] { return model_.watch_name(serial, name); });
            break;
        case 3:
            request.call = wire::Call::unwatch_name;
            send_request(client, request, [this, serial, name] { return model_.unwatch_name(serial, name); });
            break;
        default:
            request.call = wire::Call::grant;
            request.name.clear();
            request.count = 1;
            send_request(client, request, [] { return ErrorCode::ok; });
            break;
    }
}

void GraphHistory::send_ack(Client& client) {
    const auto count = static_cast<std::size_t>(world_.chance.one_in(3) ? world_.chance.between(static_cast<std::int64_t>(client.told) + 1,
                                                                                                static_cast<std::int64_t>(client.received))
                                                                        : static_cast<std::int64_t>(client.received));
    client.told = count;
    std::string bytes;
    wire::encode(bytes, wire::Ack{count});
    send(client, bytes, Sent{1, [this, serial = client.serial, count] { model_.acknowledge(serial, count); }});
}

/// What a session may not do ends it with the right word; an orderly end; and what is odd and allowed.
void GraphHistory::misbehave(Client& client) {
    std::string bytes;
    const auto last_word = [&](ErrorCode code) {
        client.said_end = true;
        client.bye_expected = code;
        const std::string why = code == ErrorCode::ok ? std::string{} : std::string{error_name(code)};
        Sent end{1, [this, serial = client.serial, why] { model_.close(serial, why); }, true};
        send(client, bytes, std::move(end));
        if (code == ErrorCode::oversized) {
            client.pending.back().end_at -= 4;  // a length is judged by itself, before the rest of its header is there
        }
    };
    switch (world_.chance.below(6)) {
        case 0:
            wire::encode(bytes, wire::Bye{});
            last_word(ErrorCode::ok);
            break;
        case 1:
            bytes = std::string("\x08\0\0\0\x99\x09\0\0", 8);  // an unknown mandatory frame
            last_word(ErrorCode::unknown_frame);
            break;
        case 2:
            bytes = std::string("\xff\xff\xff\x00\x01\0\0\0", 8);
            last_word(ErrorCode::oversized);
            break;
        case 3:
            bytes = std::string("\x0a\0\0\0\x01\0\0\0zz", 10);  // a create of the wrong size
            last_word(ErrorCode::malformed);
            break;
        case 4:
            wire::encode(bytes, wire::Ack{1'000'000});
            last_word(ErrorCode::bad_ack);
            break;
        default:
            bytes = std::string("\x0c\0\0\0\x99\x09\x02\0abcd", 12);  // an unknown optional frame is skipped
            send(client, bytes, Sent{0, [] {}});
            break;
    }
}

}  // namespace backplane::sim
