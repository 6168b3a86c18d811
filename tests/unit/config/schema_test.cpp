// SPDX-License-Identifier: Apache-2.0
/// The committed schema is what the table makes, every configuration that the project prints satisfies it, and it refuses
/// what has a wrong form. Checked by a small validator that knows the words of the standard which the schema uses, no more.
#include "config/schema.hpp"
#include "config/keys.hpp"
#include "config/settings.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <string>

namespace {

using namespace backplane::config;
using Json = nlohmann::json;

const std::filesystem::path source{BP_SOURCE_DIR};

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const Json& schema() {
    static const Json parsed = Json::parse(schema_text());
    return parsed;
}

bool fits(const Json& form, const Json& value);

std::ptrdiff_t count_fitting(const Json& forms, const Json& value) {
    return std::count_if(forms.begin(), forms.end(), [&value](const Json& form) { return fits(form, value); });
}

bool fits_type(const std::string& type, const Json& value) {
    return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) || (type == "string" && value.is_string()) ||
           (type == "boolean" && value.is_boolean()) || (type == "integer" && value.is_number_integer()) ||
           (type == "number" && value.is_number());
}

bool fits_object(const Json& form, const Json& value) {
    const Json properties = form.value("properties", Json::object());
    const Json required = form.value("required", Json::array());
    const Json others = form.value("additionalProperties", Json(true));
    for (const auto& [key, member] : value.items()) {
        if (!fits(properties.contains(key) ? properties.at(key) : others, member)) {
            return false;
        }
    }
    return std::all_of(required.begin(), required.end(), [&value](const Json& key) { return value.contains(key.get<std::string>()); });
}

using Judge = std::function<bool(const Json&, const Json&)>;

/// What each word of a form asks of a value; words that only explain ask nothing.
const std::map<std::string, Judge>& judges() {
    static const std::map<std::string, Judge> known{
        {"$ref",
         [](const Json& to, const Json& value) { return fits(schema().at(Json::json_pointer(to.get<std::string>().substr(1))), value); }},
        {"type", [](const Json& type, const Json& value) { return fits_type(type, value); }},
        {"enum", [](const Json& words, const Json& value) { return std::find(words.begin(), words.end(), value) != words.end(); }},
        {"anyOf", [](const Json& forms, const Json& value) { return count_fitting(forms, value) > 0; }},
        {"allOf",
         [](const Json& forms, const Json& value) { return count_fitting(forms, value) == static_cast<std::ptrdiff_t>(forms.size()); }},
        {"oneOf", [](const Json& forms, const Json& value) { return count_fitting(forms, value) == 1; }},
        {"pattern",
         [](const Json& pattern, const Json& value) {
             return !value.is_string() || std::regex_search(value.get<std::string>(), std::regex(pattern.get<std::string>()));
         }},
        {"minimum", [](const Json& low, const Json& value) { return !value.is_number() || value >= low; }},
        {"maximum", [](const Json& high, const Json& value) { return !value.is_number() || value <= high; }},
        {"minLength", [](const Json& low, const Json& value) { return !value.is_string() || value.get<std::string>().size() >= low; }},
        {"minItems", [](const Json& low, const Json& value) { return !value.is_array() || value.size() >= low; }},
        {"items",
         [](const Json& form, const Json& value) {
             return !value.is_array() || std::all_of(value.begin(), value.end(), [&form](const Json& item) { return fits(form, item); });
         }},
    };
    return known;
}

bool fits(const Json& form, const Json& value) {
    if (form.is_boolean()) {
        return form.get<bool>();
    }
    for (const auto& [word, operand] : form.items()) {
        const auto judge = judges().find(word);
        if (judge != judges().end() && !judge->second(operand, value)) {
            return false;
        }
    }
    if (form.contains("if") && fits(form.at("if"), value) && !fits(form.at("then"), value)) {
        return false;
    }
    return !value.is_object() || fits_object(form, value);
}

Json parse(const std::string& text) { return Json::parse(text, nullptr, true, true); }

bool child_fits(const std::string& text) { return fits(schema(), parse(R"({"supervisor": {"children": [)" + text + "]}}")); }

TEST(schema, is_committed_as_the_table_makes_it) {
    // On a difference: backplaned --print-schema > config/backplaned.schema.json
    EXPECT_EQ(contents(source / "config/backplaned.schema.json"), schema_text());
}

TEST(schema, uses_no_word_that_this_test_does_not_know) {
    const std::vector<std::string> others{
        "$schema", "$defs", "title", "description", "default", "properties", "required", "additionalProperties", "if", "then"};
    const std::function<void(const Json&)> look = [&](const Json& form) {
        if (!form.is_object()) {
            return;
        }
        for (const auto& [word, operand] : form.items()) {
            EXPECT_TRUE(judges().contains(word) || std::find(others.begin(), others.end(), word) != others.end()) << word;
            if (word == "properties" || word == "$defs") {
                std::for_each(operand.begin(), operand.end(), look);
            } else if (word == "anyOf" || word == "oneOf" || word == "allOf") {
                std::for_each(operand.begin(), operand.end(), look);
            } else if (word == "items" || word == "if" || word == "then" || word == "additionalProperties") {
                look(operand);
            }
        }
    };
    look(schema());
}

TEST(schema, defaults_and_descriptions_are_those_of_the_table_and_defaults_fit) {
    for (const auto& [section, name] : {std::pair{Section::supervisor, "root"},
                                        {Section::child, "child"},
                                        {Section::backoff, "backoff"},
                                        {Section::link, "link"},
                                        {Section::probe, "probe"},
                                        {Section::drain, "drain"},
                                        {Section::limits, "limits"}}) {
        for (const KeyInfo& info : all_keys()) {
            if (info.section != section) {
                continue;
            }
            const Json& property = schema().at("$defs").at(name).at("properties").at(std::string{info.key});
            EXPECT_EQ(property.at("description"), info.about) << info.key;
            ASSERT_EQ(property.contains("default"), !info.fallback.empty()) << info.key;
            EXPECT_TRUE(!property.contains("default") || fits(property, property.at("default"))) << info.key;
        }
    }
}

TEST(schema, what_the_project_prints_satisfies_it) {
    EXPECT_TRUE(fits(schema(), parse(contents(source / "config/backplaned.json"))));
    std::size_t examples = 0;
    for (const auto& entry : std::filesystem::directory_iterator(source / "config/examples")) {
        const std::string text = std::regex_replace(contents(entry.path()), std::regex("@DIR@|@BIN@"), "/tmp");
        EXPECT_TRUE(fits(schema(), parse(text))) << entry.path();
        ++examples;
    }
    EXPECT_GE(examples, 3U);
}

/// One value of each shape, and beside it one that is not of it.
TEST(schema, judges_as_the_reader_does) {
    const std::pair<const char*, const char*> pairs[] = {
        {R"("shutdown": "5s")", R"("shutdown": "5 s")"},
        {R"("shutdown": "no_wait")", R"("shutdown": 5)"},
        {R"("watchdog": "1ms")", R"("watchdog": "0s")"},
        {R"("restart": "transient")", R"("restart": "always")"},
        {R"("managed": true)", R"("managed": "true")"},
        {R"("intensity": 4294967295)", R"("intensity": 4294967296)"},
        {R"("nice": -20)", R"("nice": -21)"},
        {R"("requires": [])", R"("requires": "b")"},
        {R"("stop_signal": "RTMIN+1")", R"("stop_signal": "sigint")"},
        {R"("stop_signal": 64)", R"("stop_signal": 65)"},
        {R"("success_exit_codes": [0, 255])", R"("success_exit_codes": [256])"},
        {R"("success_signals": ["SIGUSR1", 2])", R"("success_signals": [0])"},
        {R"("no_restart_exit_codes": [3, "INT"])", R"("no_restart_exit_codes": [-1])"},
        {R"("memory_max": "512M")", R"("memory_max": "512MB")"},
        {R"("memory_max": 1)", R"("memory_max": 0)"},
        {R"("umask": "027")", R"("umask": "028")"},
        {R"("limits": {"nofile": {"soft": 1, "hard": "infinity"}})", R"("limits": {"nofile": {"soft": 1}})"},
        {R"("limits": {"core": "infinity"})", R"("limits": {"cores": 1})"},
        {R"("backoff": "none")", R"("backoff": "no")"},
        {R"("backoff": {"factor": 1.5})", R"("backoff": {"factor": 0.5})"},
        {R"("environment": {"A": "b"})", R"("environment": {"A": 1})"},
        {R"("stdout": "/a")", R"("stdout": "a")"},
        {R"("stdout": "relay", "stderr": "journal")", R"("stdout": "relays")"},
        {R"("stdout": {"file": "/a", "max_size": "64K", "keep": 0})", R"("stdout": {"file": "/a", "keep": 1001})"},
        {R"("stderr": {"file": "/a"})", R"("stderr": {"max_size": "1M"})"},
        {R"("probe": {"connect": "/s"}, "readiness": "probe")", R"("probe": {}, "readiness": "probe")"},
        {R"("drain": {"command": ["true"], "timeout": "1m"})", R"("drain": {"timeout": "1m"})"},
        {R"("drain": {"command": ["true"]})", R"("drain": {"command": []})"},
        {R"("links": [])", R"("links": [{"mode": "peer"}])"},
    };
    for (const auto& [good, bad] : pairs) {
        for (const std::string keys : {good, bad}) {
            const std::string child = R"({"name": "a", "exec": ["a"], )" + keys + "}";
            const bool read = read_settings(R"({"supervisor": {"children": [)" + child + "]}}", "t.json").ok();
            EXPECT_EQ(read, keys == good) << keys;
            EXPECT_EQ(child_fits(child), read) << keys;
        }
    }
}

TEST(schema, knows_which_object_may_have_which_key) {
    EXPECT_TRUE(child_fits(R"({"name": "s", "supervisor": {"children": [{"name": "a", "exec": ["a"]}]}})"));
    EXPECT_FALSE(child_fits(R"({"name": "s", "supervisor": {}, "managed": true})"));
    EXPECT_FALSE(child_fits(R"({"name": "s", "supervisor": {}, "exec": ["a"]})"));
    EXPECT_FALSE(child_fits(R"({"name": "s"})"));
    EXPECT_TRUE(child_fits(R"({"name": "s", "task": "t", "arguments": ["a"], "managed": true})"));
    EXPECT_FALSE(child_fits(R"({"name": "s", "task": "t", "user": "nobody"})"));
    EXPECT_FALSE(child_fits(R"({"name": "s", "exec": ["a"], "arguments": ["a"]})"));
    EXPECT_FALSE(child_fits(R"({"name": "s", "supervisor": {}, "task": "t"})"));
    EXPECT_FALSE(child_fits(R"({"exec": ["a"]})"));
    EXPECT_FALSE(child_fits(R"({"name": "s", "supervisor": {"on_root_give_up": "exit"}})"));
    EXPECT_TRUE(fits(schema(), parse(R"({"supervisor": {"on_root_give_up": "exit"}})")));
    EXPECT_TRUE(fits(schema(), parse(R"({"supervisor": {"strategy": "dynamic", "template": {"exec": ["a"]}}})")));
    EXPECT_FALSE(fits(schema(), parse(R"({"supervisor": {"strategy": "dynamic", "template": {"name": "a", "exec": ["a"]}}})")));
    EXPECT_FALSE(fits(schema(), parse("{}")));
    const Json part = {{"$ref", "#/$defs/part"}};
    EXPECT_TRUE(fits(part, parse(R"({"children": [{"name": "a", "exec": ["a"]}]})")));
    EXPECT_FALSE(fits(part, parse(R"({"supervisor": {}})")));
}

}  // namespace
