// SPDX-License-Identifier: Apache-2.0
/// A state at a point of a journal, for people and for programs.
#include "client/render/state.hpp"

#include "client/render/render.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace backplane::render {
namespace {

State sample() {
    State state;
    state.epoch = Epoch{0x9f3a};
    state.steps = 12;
    state.seq = 786433;
    state.time_us = 1'738'324'800'000'001;
    state.ending = "whole";
    state.devices = 2;
    state.links = 1;
    DeviceRow row;
    row.name = "db";
    row.kind = "process";
    row.state = "running";
    row.pid = 17;
    state.rows.push_back(row);
    state.sessions.push_back({3, "open", 42, 1000, "d\nb", 1, 2, 0});
    return state;
}

TEST(StateTest, TextIsTreeListAndSessions) {
    EXPECT_EQ(state_text(sample()),
              "state after step 12, event 786433, 2025-01-31T12:00:00.000001Z: 2 Devices, 1 links, 1 sessions\n\n"
              "db  running  pid 17\n\n"
              "NAME  KIND     STATE    PID  RESTARTS  FAULT  ID\n"
              "db    process  running  17   -         -      -\n\n"
              "SESSION  STATE  PID  UID   WORKER  DEVICES  LINKS  OWED\n"
              "3        open   42   1000  d\\x0ab  1        2      0\n");
    EXPECT_EQ(state_text(State{}), "state after step 0: 0 Devices, 0 links, 0 sessions\n");
}

TEST(StateTest, JsonIsOneObject) {
    const auto json = nlohmann::json::parse(state_json(sample()));
    const auto& state = json.at("state");
    EXPECT_EQ(state.at("epoch"), "9f3a");
    EXPECT_EQ(state.at("time"), "2025-01-31T12:00:00.000001Z");
    EXPECT_EQ(state.at("counts"), nlohmann::json::parse(R"({"devices": 2, "links": 1, "sessions": 1})"));
    EXPECT_EQ(nlohmann::json::array({state.at("devices").at(0)}), nlohmann::json::parse(list_json(sample().rows)));
    EXPECT_EQ(state.at("sessions").at(0).at("worker"), "d\nb");
    EXPECT_TRUE(nlohmann::json::parse(state_json(State{})).at("state").at("seq").is_null());
}

TEST(SavedTest, SaysHowToLookAtIt) {
    const Saved saved{"copy", "/run/x/journal-1", 4096, Epoch{0x9f3a}};
    EXPECT_EQ(saved_text(saved), "4096 bytes of /run/x/journal-1 saved as copy\nLook at it: backplaned --replay copy\n");
    EXPECT_EQ(saved_json(saved), "{\"file\":\"copy\",\"bytes\":4096,\"journal\":\"/run/x/journal-1\",\"epoch\":\"9f3a\"}\n");
}

}  // namespace
}  // namespace backplane::render
