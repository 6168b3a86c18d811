// SPDX-License-Identifier: Apache-2.0
/// What the bodies of replies share: each pair reads and writes the keys of one value within an object that is open. Reading is lenient,
/// as in codec_reply_body.cpp.
#pragma once

#include "proto/wire/json_fields.hpp"
#include "proto/wire/json_out.hpp"
#include "proto/wire/message.hpp"

namespace backplane::wire {

/// A line that may be missing.
void take_id(Fields& fields, std::string_view key, std::optional<DeviceId>& out);
void take_labels(Fields& fields, Labels& labels);
void write_labels(JsonOut& json, const Labels& labels);
void take_row(Fields& fields, Row& row);
void write_row(JsonOut& json, const Row& row, Epoch epoch);
void take_description(Fields& fields, Description& about);
void write_description(JsonOut& json, const Description& about, Epoch epoch);
void take_impact(Fields& fields, Impact& impact);
void write_impact(JsonOut& json, const Impact& impact, Epoch epoch);
void take_why(Fields& fields, Why& why);
void write_why(JsonOut& json, const Why& why, Epoch epoch);

/// An event that only would happen: `after_ms` stands in the place of `seq` and `time`.
void take_event_to_come(Fields& fields, const JsonValue& object, Event& event);
void write_event_to_come(JsonOut& json, const Event& event, Epoch epoch);

}  // namespace backplane::wire
