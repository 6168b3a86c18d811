// SPDX-License-Identifier: Apache-2.0
/// One definition for each kind of object, one property for each row of the table.
#include "config/schema.hpp"

#include "config/keys.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>

#include <string_view>
#include <utility>

namespace backplane::config {
namespace {

using Json = nlohmann::ordered_json;  // in the order of the table, so that a changed row is a changed line

std::string_view section_name(Section section) {
    switch (section) {
        case Section::settings: return "settings";
        case Section::supervisor: return "supervisor";
        case Section::child: return "child";
        case Section::backoff: return "backoff";
        case Section::link: return "link";
        case Section::probe: return "probe";
        case Section::drain: return "drain";
        case Section::limits: return "limits";
        case Section::limit: return "limit";
        case Section::output: return "output";
    }
    return {};
}

Json reference(std::string_view definition) { return {{"$ref", std::string{"#/$defs/"}.append(definition)}}; }

Json text_like(std::string_view pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

Json whole_between(std::int64_t low, std::int64_t high) { return {{"type", "integer"}, {"minimum", low}, {"maximum", high}}; }

Json array_of(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }

Json one_of_words(const KeyInfo& info) {
    Json words = Json::array();
    for (const std::string_view word : info.words) {
        words.push_back(word);
    }
    return {{"enum", std::move(words)}};
}

constexpr std::string_view signal_pattern = "^(SIG)?([A-Z]+[0-9]*|RTMIN(\\+[0-9]+)?|RTMAX(-[0-9]+)?)$";
constexpr std::int64_t code_max = 255;
constexpr std::int64_t signal_number_max = 64;

Json signal_form() { return {{"anyOf", {text_like(signal_pattern), whole_between(1, signal_number_max)}}}; }

/// What a row's shape alone allows, without its words.
Json shape_form(const KeyInfo& info) {
    switch (info.shape) {
        case Shape::text: return {{"type", "string"}, {"minLength", 1}};
        case Shape::path: return text_like("^/");
        case Shape::duration: return text_like(info.low > 0 ? "^0*[1-9][0-9]*(ns|us|ms|s|m|h)$" : "^[0-9]+(ns|us|ms|s|m|h)$");
        case Shape::whole: return whole_between(info.low, info.high);
        case Shape::real: return {{"type", "number"}, {"minimum", info.low}, {"maximum", info.high}};
        case Shape::yes_no: return {{"type", "boolean"}};
        case Shape::choice: return one_of_words(info);
        case Shape::texts: {
            Json form = array_of({{"type", "string"}});
            return info.low > 0 ? (form["minItems"] = info.low, form) : form;
        }
        case Shape::settings: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
        case Shape::objects: return array_of(reference(section_name(info.inner)));
        case Shape::object: return reference(section_name(info.inner));
        case Shape::signal: return signal_form();
        case Shape::codes: return array_of(whole_between(0, code_max));
        case Shape::signals: return array_of(signal_form());
        case Shape::ends: return array_of({{"anyOf", {whole_between(0, code_max), text_like(signal_pattern)}}});
        case Shape::bytes: return {{"anyOf", {Json{{"type", "integer"}, {"minimum", 1}}, text_like("^0*[1-9][0-9]*[KMG]$")}}};
        case Shape::octal: return text_like("^0?[0-7]{1,3}$");
        case Shape::destination: return {{"anyOf", {text_like("^/"), reference(section_name(info.inner))}}};
        case Shape::bound: return {{"anyOf", {whole_between(info.low, info.high), reference(section_name(info.inner))}}};
    }
    return {};
}

/// A template is a child, but for its name; the root may have keys that no other supervisor has.
Json value_form(const KeyInfo& info) {
    if (info.key == "template") {
        return reference("template");
    }
    if (info.section == Section::settings && info.key == "supervisor") {
        return reference("root");
    }
    if (info.words.empty() || info.shape == Shape::choice) {
        return shape_form(info);
    }
    return {{"anyOf", {one_of_words(info), shape_form(info)}}};
}

Json property(const KeyInfo& info) {
    Json form = value_form(info);
    form["description"] = info.about;
    if (!info.fallback.empty()) {
        form["default"] = Json::parse(info.fallback);
    }
    return form;
}

/// An object with these keys and no others.
template <class Target, class Wanted>
Json object_of(Fields<Target> fields, Wanted wanted) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const Field<Target>& field : fields) {
        if (wanted(field.info)) {
            properties[std::string{field.info.key}] = property(field.info);
        }
        if (wanted(field.info) && !field.info.missing.empty()) {
            required.push_back(field.info.key);
        }
    }
    Json form{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) {
        form["required"] = std::move(required);
    }
    form["additionalProperties"] = false;
    return form;
}

bool any_key(const KeyInfo& /*info*/) { return true; }

Json exactly_one(std::initializer_list<std::string_view> keys) {
    Json forms = Json::array();
    for (const std::string_view key : keys) {
        forms.push_back({{"required", {key}}});
    }
    return forms;
}

/// Which keys an object must not have that has `key`.
Json without(std::string_view key, std::initializer_list<Holder> holders) {
    Json refused = Json::object();
    for (const Field<core::ChildSpec>& field : child_fields()) {
        if (std::find(holders.begin(), holders.end(), field.info.holder) != holders.end()) {
            refused[std::string{field.info.key}] = false;
        }
    }
    return {{"if", {{"required", {key}}}}, {"then", {{"properties", std::move(refused)}}}};
}

/// A program, a task or a supervisor, and what is for one of them with that only.
Json child_form(bool is_template) {
    const auto wanted = [is_template](const KeyInfo& info) { return !is_template || info.key != "name"; };
    Json form = object_of(child_fields(), wanted);
    form["oneOf"] = exactly_one({"exec", "task", "supervisor"});
    form["allOf"] = Json::array({without("supervisor", {Holder::process, Holder::task, Holder::worker}), without("task", {Holder::process}),
                                 without("exec", {Holder::task})});
    return form;
}

Json probe_form() {
    Json form = object_of(probe_fields(), any_key);
    form["oneOf"] = exactly_one({"command", "connect"});
    return form;
}

Json definitions() {
    return {{"root", object_of(supervisor_fields(), any_key)},
            {"supervisor", object_of(supervisor_fields(), [](const KeyInfo& info) { return info.holder != Holder::root; })},
            {"child", child_form(false)},
            {"template", child_form(true)},
            {"backoff", object_of(backoff_fields(), any_key)},
            {"link", object_of(link_fields(), any_key)},
            {"probe", probe_form()},
            {"drain", object_of(drain_fields(), any_key)},
            {"limits", object_of(limits_fields(), any_key)},
            {"limit", object_of(limit_fields(), any_key)},
            {"output", object_of(output_fields(), any_key)},
            {"part", object_of(part_fields(), any_key)}};
}

}  // namespace

std::string schema_text() {
    Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", "backplaned.json"},
                {"description", "Configuration of backplaned; see backplaned.json(5)."}};
    schema.update(object_of(settings_fields(), any_key));
    schema["$defs"] = definitions();
    constexpr int indent = 4;
    return schema.dump(indent) + "\n";
}

}  // namespace backplane::config
