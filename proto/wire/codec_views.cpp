// SPDX-License-Identifier: Apache-2.0
/// Rows and descriptions as JSON (PROTOCOL.md section 6).
#include "proto/wire/codec_body.hpp"
#include "proto/wire/codec_control.hpp"
#include "proto/wire/json_out.hpp"

namespace backplane::wire {

void take_id(Fields& fields, std::string_view key, std::optional<DeviceId>& out) {
    LineParts line;
    fields.line(key, line, Need::optional);
    if (line.id) {
        out = line.id;
    }
}

/// Of a daemon, which may know more of labels than we do: what is no text is left out.
void take_labels(Fields& fields, Labels& labels) {
    if (const JsonValue* object = fields.nested("labels", JsonKind::object, Need::optional)) {
        for (const JsonMember& member : object->members) {
            if (member.value.kind == JsonKind::text) {
                labels.emplace_back(member.key, member.value.text);
            }
        }
    }
}

void write_labels(JsonOut& json, const Labels& labels) {
    json.key("labels");
    json.begin_object();
    for (const auto& [key, value] : labels) {
        json.member(key, value);
    }
    json.end_object();
}

void take_row(Fields& fields, Row& row) {
    fields.optional_text("name", row.name, any_text);
    take_id(fields, "id", row.id);
    fields.text("kind", row.kind, any_text);
    fields.text("state", row.state, any_text);
    fields.optional_number("pid", row.pid);
    fields.optional_number("restarts", row.restarts);
    fields.optional_text("supervisor", row.supervisor, any_text);
    fields.optional_text("fault", row.fault, any_text);
    fields.optional_text("reason", row.reason, any_text);
    fields.optional_text("waits_for", row.waits_for, any_text);
    fields.boolean("held", row.held, Need::optional);
    fields.optional_number("next_start_ms", row.next_start_ms);
    fields.optional_text("strategy", row.strategy, any_text);
    fields.optional_number("window_used", row.window_used);
    fields.optional_number("intensity", row.intensity);
    take_labels(fields, row.labels);
}

void write_row(JsonOut& json, const Row& row, Epoch epoch) {
    json.member("name", row.name);
    json.member_line("id", epoch, row.id.value_or(DeviceId{}));
    json.member("kind", row.kind);
    json.member("state", row.state);
    json.member("pid", row.pid);
    json.member("restarts", row.restarts);
    json.member("supervisor", row.supervisor);
    json.member("fault", row.fault);
    const auto where_known = [&json](std::string_view key, const auto& value) {
        if (value) {
            json.member(key, value);
        }
    };
    where_known("reason", row.reason);
    where_known("waits_for", row.waits_for);
    where_known("next_start_ms", row.next_start_ms);
    where_known("strategy", row.strategy);
    where_known("window_used", row.window_used);
    where_known("intensity", row.intensity);
    if (row.held) {
        json.member("held", true);
    }
    write_labels(json, row.labels);
}

namespace {

LinkMode mode_of(std::string_view name) {
    for (const LinkMode mode : {LinkMode::monitor, LinkMode::notify, LinkMode::peer}) {
        if (link_mode_name(mode) == name) {
            return mode;
        }
    }
    return LinkMode::none;
}

void take_links(Fields& fields, std::vector<LinkRow>& links) {
    const JsonValue* array = fields.nested("links", JsonKind::array, Need::optional);
    if (array == nullptr) {
        return;
    }
    for (const JsonValue& item : array->items) {
        Fields inner(item, "reply.ok.links", ErrorCode::malformed);
        LineParts other;
        std::string mode;
        LinkRow& link = links.emplace_back();
        inner.line("other", other);
        inner.text("mode", mode, any_text);
        inner.optional_text("name", link.name, any_text);
        link.other = other.id;
        link.mode = mode_of(mode);
        fields.take_error(inner);
    }
}

void take_orders(Fields& fields, std::string_view key, std::vector<OrderRow>& orders) {
    const JsonValue* array = fields.nested(key, JsonKind::array, Need::optional);
    if (array == nullptr) {
        return;
    }
    for (const JsonValue& item : array->items) {
        Fields inner(item, "reply.ok.orders", ErrorCode::malformed);
        std::string mode;
        OrderRow& order = orders.emplace_back();
        inner.text("name", order.name, any_text);
        inner.text("mode", mode, any_text);
        order.mode = mode_of(mode);
        fields.take_error(inner);
    }
}

void write_orders(JsonOut& json, std::string_view key, const std::vector<OrderRow>& orders) {
    if (orders.empty()) {
        return;
    }
    json.key(key);
    json.begin_array();
    for (const OrderRow& order : orders) {
        json.begin_object();
        json.member("name", order.name);
        json.member("mode", link_mode_name(order.mode));
        json.end_object();
    }
    json.end_array();
}

void take_texts(Fields& fields, std::string_view key, std::vector<std::string>& texts) {
    if (const JsonValue* array = fields.nested(key, JsonKind::array, Need::optional)) {
        for (const JsonValue& item : array->items) {
            if (item.kind == JsonKind::text) {
                texts.push_back(item.text);
            }
        }
    }
}

void write_texts(JsonOut& json, std::string_view key, const std::vector<std::string>& texts) {
    if (texts.empty()) {
        return;
    }
    json.key(key);
    json.begin_array();
    for (const std::string& text : texts) {
        json.value(text);
    }
    json.end_array();
}

}  // namespace

void take_description(Fields& fields, Description& about) {
    take_row(fields, about.row);
    fields.optional_text("last_exit", about.last_exit, any_text);
    fields.optional_number("failures", about.failures);
    fields.optional_number("period_ms", about.period_ms);
    fields.optional_text("restart", about.restart, any_text);
    fields.optional_number("since_ms", about.since_ms);
    fields.optional_number("watchdog_ms", about.watchdog_ms);
    fields.boolean("significant", about.significant, Need::optional);
    fields.optional_text("auto_shutdown", about.auto_shutdown, any_text);
    fields.optional_number("children", about.children);
    fields.optional_number("max_children", about.max_children);
    fields.optional_number("partitions", about.partitions);
    take_links(fields, about.links);
    fields.any_number("links_total", about.links_total, Need::optional);
    fields.boolean("managed", about.managed, Need::optional);
    fields.optional_text("readiness", about.readiness, any_text);
    take_id(fields, "last_id", about.last_id);
    take_orders(fields, "orders", about.orders);
    take_orders(fields, "ordered_by", about.ordered_by);
    take_texts(fields, "requires", about.needs);
    take_texts(fields, "required_by", about.needed_by);
    fields.any_number("orders_total", about.orders_total, Need::optional);
    take_texts(fields, "names", about.names);
    fields.optional_number("name_watches", about.name_watches);
    fields.optional_text("client", about.client, any_text);
}

void write_description(JsonOut& json, const Description& about, Epoch epoch) {
    write_row(json, about.row, epoch);
    json.member("last_exit", about.last_exit);
    json.member("failures", about.failures);
    json.member("period_ms", about.period_ms);
    json.member("restart", about.restart);
    json.member("since_ms", about.since_ms);
    json.member("watchdog_ms", about.watchdog_ms);
    json.member("significant", about.significant);
    json.member("auto_shutdown", about.auto_shutdown);
    json.member("children", about.children);
    json.member("max_children", about.max_children);
    json.member("partitions", about.partitions);
    json.key("links");
    json.begin_array();
    for (const LinkRow& link : about.links) {
        json.begin_object();
        json.member_line("other", epoch, link.other);
        json.member("mode", link_mode_name(link.mode));
        json.member("name", link.name);
        json.end_object();
    }
    json.end_array();
    json.member("links_total", about.links_total);
    const auto where_known = [&json](std::string_view key, const auto& value) {
        if (value) {
            json.member(key, value);
        }
    };
    if (about.managed) {
        json.member("managed", true);
    }
    where_known("readiness", about.readiness);
    if (about.last_id) {
        json.member_line("last_id", epoch, *about.last_id);
    }
    write_orders(json, "orders", about.orders);
    write_orders(json, "ordered_by", about.ordered_by);
    write_texts(json, "requires", about.needs);
    write_texts(json, "required_by", about.needed_by);
    if (about.orders_total != 0) {
        json.member("orders_total", about.orders_total);
    }
    write_texts(json, "names", about.names);
    where_known("name_watches", about.name_watches);
    where_known("client", about.client);
}

std::size_t row_bytes(const Row& row, Epoch epoch) {
    std::string bytes;
    JsonOut json(bytes);
    json.begin_object();
    write_row(json, row, epoch);
    json.end_object();
    return bytes.size() + 1;  // and what parts it from the next
}

}  // namespace backplane::wire
