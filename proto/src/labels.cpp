// SPDX-License-Identifier: Apache-2.0
/// Labels as one text and back. No key holds `=` and no value a line feed, so the text needs no escapes.
#include <backplane/labels.hpp>

#include <algorithm>

namespace backplane {

namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_key(std::string_view key) {
    return !key.empty() && is_alphanumeric(key[0]) &&
           std::all_of(key.begin(), key.end(), [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-' || c == '/'; });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Why this may not be a label; empty if it may.
std::string fault_of(std::string_view key, std::string_view value) {
    if (!is_key(key)) {
        return "not a key";
    }
    if (key.size() > label_key_bytes_max) {
        return "a key longer than " + std::to_string(label_key_bytes_max) + " bytes";
    }
    if (value.size() > label_value_bytes_max) {
        return "longer than " + std::to_string(label_value_bytes_max) + " bytes";
    }
    return std::any_of(value.begin(), value.end(), is_control) ? "control characters" : std::string{};
}

/// Takes the next line off the front; false at the end, or where no whole line is left.
bool next_line(std::string_view& text, std::string_view& line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
        return false;
    }
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
}

}  // namespace

Expected<std::string> labels_text(Labels labels, ErrorCode code) {
    std::sort(labels.begin(), labels.end());
    std::string text;
    std::string_view before;
    for (const auto& [key, value] : labels) {
        std::string fault = fault_of(key, value);
        if (fault.empty() && key == before) {
            fault = "given twice";
        }
        if (!fault.empty()) {
            // A hostile key may be as long as a frame and hold anything; its beginning is enough to find it by.
            return unexpected(code, "labels." + key.substr(0, label_key_bytes_max) + ": " + fault);
        }
        text.append(key).append("=").append(value).append("\n");
        before = key;
    }
    if (labels.size() > labels_per_device_max) {
        return unexpected(code, "labels: more than " + std::to_string(labels_per_device_max));
    }
    if (text.size() > labels_bytes_max + 2 * labels.size()) {
        return unexpected(code, "labels: more than " + std::to_string(labels_bytes_max) + " bytes together");
    }
    return text;
}

bool is_labels_text(std::string_view text) {
    const Expected<std::string> again = labels_text(read_labels(text), ErrorCode::bad_request);
    return again && *again == text;
}

Labels read_labels(std::string_view text) {
    Labels labels;
    std::string_view line;
    while (next_line(text, line)) {
        if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
            labels.emplace_back(line.substr(0, equals), line.substr(equals + 1));
        }
    }
    return labels;
}

}  // namespace backplane
