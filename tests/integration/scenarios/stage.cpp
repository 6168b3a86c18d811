// SPDX-License-Identifier: Apache-2.0
/// See stage.hpp; what the steps do is in stage_acts.cpp.
#include "tests/integration/scenarios/stage.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <chrono>
#include <filesystem>
#include <iostream>

namespace backplane::integration::scenarios {
namespace {

/// How long a draft listens behind each step.
constexpr Duration silence = Duration::milliseconds(200);

std::vector<std::string> texts_of(const std::vector<Line>& lines) {
    std::vector<std::string> out;
    for (const Line& line : lines) {
        out.push_back(line.text);
    }
    return out;
}

}  // namespace

Stage::~Stage() {
    if (frozen_) {
        ::kill(daemon_pid_, SIGCONT);
    }
    if (!daemon_) {
        return;
    }
    if (failed_ && daemon_->pid() > 0) {  // whatever it waits for (T-13)
        daemon_->signal(SIGTERM);
        daemon_->signal(SIGTERM);
    }
    if (daemon_->pid() > 0) {
        EXPECT_EQ(daemon_->stop(), 0) << "the daemon's end";
    }
    for (const pid_t left : workers_of(daemon_->socket())) {
        ADD_FAILURE_AT(scenario_.file.c_str(), scenario_.line) << scenario_.name << ": process " << left << " is left";
        ::kill(left, SIGKILL);
    }
    answers_.clear();  // which waits for calls that the daemon's end has ended
}

void Stage::fail(int line, const std::string& what) {
    failed_ = true;
    ADD_FAILURE_AT(scenario_.file.c_str(), line) << scenario_.name << ": " << what;
}

/// Whether something came from the daemon in time.
bool Stage::hears(Duration within) {
    const auto heard = client_ ? client_->wait(within) : Expected<bool>{false};
    return heard && *heard;
}

void Stage::play() {
    for (const Step& step : scenario_.steps) {
        if (client_ && !frozen_ && client_->dispatch() && !events_.empty()) {
            fail(step.line.number, "before `" + step.line.text + "` came also\n" + side_by_side({}, {events_.begin(), events_.end()}));
        }
        if (!failed_) {
            act(step);
        }
        if (!failed_) {
            judge_events(step);
        }
        if (!failed_) {
            judge_answers(step);
        }
        if (!failed_ && step.line.text == "show") {
            judge_rows(step);
            fence(step);
        }
        if (failed_) {
            return;
        }
    }
    for (const auto& [label, answer] : answers_) {
        fail(scenario_.line, "nothing is said of the answer" + (label.empty() ? "" : " " + label));
    }
}

void Stage::judge_events(const Step& step) {
    ExpectedEvents expected{step.events};
    std::vector<std::string> came;
    bool in_time = true;
    bool fits = true;
    while (!expected.is_complete() && in_time && fits) {
        if (events_.empty()) {
            in_time = hears(patience) || !events_.empty();  // the last words come with the end of the connection
            continue;
        }
        came.push_back(events_.front());
        events_.pop_front();
        fits = expected.meet(came.back());
    }
    if (expected.is_complete()) {
        return;
    }
    while (hears(silence)) {
    }
    came.insert(came.end(), events_.begin(), events_.end());
    std::string missing;
    for (const Line& line : expected.missing()) {
        missing += "\n  line " + std::to_string(line.number) + ": " + line.text;
    }
    const std::string what = "`" + step.line.text + "` (line " + std::to_string(step.line.number) + ")\n";
    fail(expected.missing().front().number, what + side_by_side(texts_of(expected.all()), came) + "still missing:" + missing);
}

void Stage::judge_answers(const Step& step) {
    for (const Line& line : step.answers) {
        const auto colon = line.text.find(": ");
        const Words head = split(line.text.substr(0, colon));
        const std::string label = head.size() > 1 ? head[1] : "";
        std::string wanted = colon == std::string::npos ? "" : line.text.substr(colon + 2);
        std::string part;
        if (const auto with = wanted.find(" with "); with != std::string::npos) {
            part = wanted.substr(with + 6);
            wanted.resize(with);
        }
        const auto found = answers_.find(label);
        if (found == answers_.end() || found->second.wait_for(std::chrono::nanoseconds{patience.ns}) == std::future_status::timeout) {
            fail(line.number, "no answer came");
            return;
        }
        const Answer answer = found->second.get();
        answers_.erase(found);
        if (answer.text != wanted || answer.detail.find(part) == std::string::npos) {
            fail(line.number, "the answer\n" + side_by_side({wanted, part}, {answer.text, answer.detail}));
            return;
        }
    }
    if (answers_.contains("")) {
        fail(step.line.number, "nothing is said of the answer to `" + step.line.text + "`");
    }
}

void Stage::judge_rows(const Step& step) {
    const std::vector<std::string> expected = expand_rows(step.body);
    std::vector<std::string> got;
    // What a child waits for may change without an event.
    const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds{patience.ns};
    while ((got = rows()) != expected && std::chrono::steady_clock::now() < until) {
        (void)hears(Duration::milliseconds(2));
    }
    if (got != expected) {
        fail(step.line.number, "the states\n" + side_by_side(expected, got));
    }
}

void Stage::fence(const Step& step) {
    EXPECT_TRUE(client_->daemon_info(plenty));
    if (!events_.empty()) {
        fail(step.line.number, "at its end came also\n" + side_by_side({}, {events_.begin(), events_.end()}));
    }
}

void Stage::draft() {
    std::cout << "scenario " << scenario_.name << "\n";
    for (const auto* lines : {&scenario_.head, &scenario_.tree}) {
        for (const Line& line : *lines) {
            std::cout << line.text << "\n";
        }
    }
    for (const Step& step : scenario_.steps) {
        act(step);
        while (!frozen_ && hears(silence)) {
        }
        std::cout << step.line.text << "\n";
        draft_outcome(step);
    }
}

void Stage::draft_outcome(const Step& step) {
    const auto put = [](const std::vector<std::string>& lines, const char* before) {
        for (const std::string& line : lines) {
            std::cout << "    " << before << line << "\n";
        }
    };
    put(step.line.text == "show" ? shortened_rows(rows()) : texts_of(step.body), "");
    put(shortened({events_.begin(), events_.end()}), "* ");
    events_.clear();
    for (auto answer = answers_.begin(); answer != answers_.end();) {
        if (answer->second.wait_for(std::chrono::nanoseconds{silence.ns}) == std::future_status::timeout) {
            ++answer;
            continue;
        }
        const Answer came = answer->second.get();
        put({"answer" + (answer->first.empty() ? "" : " " + answer->first) + ": " + came.text}, "");
        answer = answers_.erase(answer);
    }
}

}  // namespace backplane::integration::scenarios
