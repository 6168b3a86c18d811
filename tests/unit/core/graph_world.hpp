// SPDX-License-Identifier: Apache-2.0
/// A small world for tests of the Device graph: sessions and Devices by name, and what is owed as readable text.
///
/// Every step is taken twice: by the engine, and by one that was loaded from its saved state a moment before. Effects,
/// owed lists and the state afterwards must be the same (decision 9), and the state's invariants must hold. So each
/// test of this world is a test of saving and loading at each of its points as well.
#pragma once

#include "daemon/core/engine.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace backplane::core::testing {

using Lines = std::vector<std::string>;

inline std::string_view fault_word(FaultKind kind) {
    constexpr std::string_view words[] = {"well", "drop", "error", "cascade", "exit", "signal", "timeout", "killed", "unreachable"};
    return words[static_cast<std::size_t>(kind)];
}

class GraphWorld {
  public:
    explicit GraphWorld(const EngineLimits& limits = {}) : limits_(limits), engine_(std::make_unique<Engine>(limits)) {
        step(Event::boot(Epoch{0x77}, 1, 0));
    }

    /// Saving and loading at each step costs what the state is large: tests of many thousand Devices go without.
    void trust(bool on = true) { trusting_ = on; }

    // ---- sessions ---------------------------------------------------------------------------------------------------
    SessionIndex open(std::uint32_t uid = 1000) {
        const SessionIndex session = next_session_++;
        reopen(session, uid);
        return session;
    }
    void reopen(SessionIndex session, std::uint32_t uid = 1000) {
        step(Event::session_open(session, uid, 100, no_child, 0));
        step(Event::session_greeted(session));
        ids_[session].clear();
        seen_[session] = 0;
    }
    void close(SessionIndex session, std::string_view why = {}) { step(Event::session_close(session, why)); }
    /// Work in slices until nothing is left, as the shell does once all ends of a tick are known.
    void settle() {
        while (engine_->graph().work_left()) {
            step(Event::of(EventKind::go_on));
        }
    }
    void acknowledge(SessionIndex session, std::uint64_t count) { step(Event::session_ack(session, count)); }
    /// Acknowledges all that is owed.
    void take(SessionIndex session) { acknowledge(session, engine_->graph().session(session).owed_total); }

    // ---- operations; a Device is commanded by the session that made it ------------------------------------------------
    DeviceId fresh_id(SessionIndex session) {
        auto& ids = ids_[session];
        if (ids.empty()) {
            step(Event::grant(session, 1, 1));
            for (const DeviceId first : engine_->graph().granted()) {
                for (std::uint32_t i = 0; i < page_slots; ++i) {
                    ids.push_back(DeviceId::make(first.generation(), first.slot() + i));
                }
            }
        }
        const DeviceId id = ids.front();
        ids.erase(ids.begin());
        return id;
    }
    DeviceId create(SessionIndex session, const std::string& name, bool managed = false) {
        const DeviceId id = fresh_id(session);
        define(session, name, id);
        step(Event::create(session, id, managed, ++operation_));
        return id;
    }
    /// Gives an id a name of the test's, without an event.
    void define(SessionIndex session, const std::string& name, DeviceId id) {
        id_of_[name] = id;
        name_of_[id.value] = name;
        owner_[name] = session;
    }
    void link(const std::string& from, const std::string& to, LinkMode mode, bool acknowledged = false) {
        step(Event::link(owner_[from], id(from), id(to), mode, acknowledged, ++operation_));
    }
    void unlink(const std::string& from, const std::string& to, LinkMode mode, bool acknowledged = false) {
        step(Event::unlink(owner_[from], id(from), id(to), mode, acknowledged, ++operation_));
    }
    void end(const std::string& name, FaultKind fault = FaultKind::none, std::int32_t argument = 0, const std::string& cascade = {},
             std::string_view text = {}) {
        step(Event::disconnect(owner_[name], id(name), fault, argument, cascade.empty() ? DeviceId{} : id(cascade), text, ++operation_));
    }
    void ask(const std::string& from, const std::string& to) {
        step(Event::shutdown_request(owner_[from], id(from), id(to), ++operation_));
    }
    void manage(const std::string& name, bool on) { step(Event::manage(owner_[name], id(name), on, ++operation_)); }
    /// A name call; answers its code.
    ErrorCode naming(EventKind kind, SessionIndex session, std::string_view text, const std::string& device = {}) {
        step(Event::naming(kind, session, text, device.empty() ? DeviceId{} : id(device), 9));
        for (const Effect& effect : out_.list) {
            if (effect.kind == EffectKind::answer) {
                return effect.code;
            }
        }
        ADD_FAILURE() << "no answer";
        return ErrorCode::busy;
    }

    // ---- what is to be seen -------------------------------------------------------------------------------------------
    [[nodiscard]] DeviceId id(const std::string& name) const { return id_of_.at(name); }
    [[nodiscard]] const Engine& engine() const { return *engine_; }
    [[nodiscard]] const Graph& graph() const { return engine_->graph(); }
    [[nodiscard]] const Effects& effects() const { return out_; }
    [[nodiscard]] std::uint64_t operation() const { return operation_; }
    /// All that a session is owed and has not acknowledged.
    [[nodiscard]] Lines owed(SessionIndex session) const { return lines_of(*engine_, session); }
    /// What came onto the list since the last call, acknowledged at once.
    Lines news(SessionIndex session) {
        Lines lines = owed(session);
        take(session);
        return lines;
    }
    /// How often the last step said that the session has something new.
    [[nodiscard]] int ready_effects(SessionIndex session) const {
        int count = 0;
        for (const Effect& effect : out_.list) {
            count += effect.kind == EffectKind::session_ready && effect.session == session ? 1 : 0;
        }
        return count;
    }

    /// One step, of the engine and of its twin. `out` of the last step stays readable until the next.
    void step(const Event& event) {
        std::string before;
        if (!trusting_) {
            engine_->save(before);
        }
        out_.clear();
        engine_->step(now_, event, out_);
        if (trusting_) {
            return;
        }
        ASSERT_EQ(engine_->check(), "");
        auto twin = std::make_unique<Engine>(limits_);
        ASSERT_TRUE(twin->load(before)) << "a saved state was refused";
        Effects twins;
        twin->step(now_, event, twins);
        std::string mine;
        std::string its;
        engine_->save(mine);
        twin->save(its);
        ASSERT_EQ(mine, its) << "saving and loading was noticed";
        ASSERT_EQ(lines_of(out_), lines_of(twins));
        if (engine_->steps() % 2 == 0) {
            engine_.swap(twin);  // the loaded one goes on
        }
    }
    void wait(Duration time) {
        now_ = now_ + time;
        step(Event::of(EventKind::tick));
    }

  private:
    [[nodiscard]] std::string name(DeviceId id) const {
        const auto found = name_of_.find(id.value);
        return found != name_of_.end() ? found->second : id ? "#" + std::to_string(id.value) : "nobody";
    }
    [[nodiscard]] std::string fault(const Engine& engine, const FaultRecord& fault) const {
        std::string text{fault_word(fault.kind)};
        if (fault.kind == FaultKind::cascade) {
            text += "(" + name(fault.cascade) + ") root " + name(fault.root) + " " + std::string{fault_word(fault.root_kind)} + " hops " +
                    std::to_string(fault.hops);
        } else if (fault.argument != 0) {
            text += "(" + std::to_string(fault.argument) + ")";
        }
        if (fault.text != 0) {
            text += " \"" + std::string{engine.texts()[fault.text]} + "\"";
        }
        return text;
    }
    [[nodiscard]] std::string line(const Engine& engine, const OwedView& owed) const {
        switch (owed.kind) {
            case Owed::notice:
            case Owed::lost: return name(owed.to) + " told of " + name(owed.about) + ": " + fault(engine, owed.fault);
            case Owed::ended: return name(owed.to) + " ended: " + fault(engine, owed.fault);
            case Owed::start: return name(owed.to) + " to start";
            case Owed::shutdown: return name(owed.to) + " asked by " + name(owed.about);
            case Owed::refusal:
                return "refused " + name(owed.refusal->device) + " " + name(owed.refusal->other) + ": " +
                       std::string{error_name(owed.refusal->code)};
            case Owed::name_state: {
                const NameNote& note = *owed.name;
                std::string text = std::string{engine.texts()[note.name]} + (note.up != 0 ? " up " : " down ") + name(note.device);
                return text + " " + std::to_string(note.incarnation) + (note.up != 0 ? "" : " " + fault(engine, note.fault));
            }
            case Owed::withdrawn: return "withdrawn";
            case Owed::nothing: break;
        }
        return "NOTHING";
    }
    [[nodiscard]] Lines lines_of(const Engine& engine, SessionIndex session) const {
        Lines lines;
        const Graph& graph = engine.graph();
        for (std::uint32_t at = graph.first_owed(session); at != 0; at = graph.next_owed(at)) {
            lines.push_back(line(engine, graph.owed(at)));
        }
        return lines;
    }
    static Lines lines_of(const Effects& effects) {
        Lines lines;
        for (const Effect& effect : effects.list) {
            lines.push_back(std::to_string(static_cast<int>(effect.kind)) + " " + std::to_string(static_cast<int>(effect.code)) + " " +
                            std::to_string(effect.session) + " " + std::to_string(effect.number) + " " +
                            std::string{effects.text_of(effect)});
        }
        for (const Record& record : effects.records) {
            lines.push_back(std::to_string(record.seq) + " " + std::to_string(static_cast<int>(record.kind)) + " " +
                            std::to_string(record.device.value) + " " + std::to_string(record.other.value));
        }
        return lines;
    }

    EngineLimits limits_;
    std::unique_ptr<Engine> engine_;
    Effects out_;
    Instant now_{1'000};
    bool trusting_ = false;
    SessionIndex next_session_ = 1;
    std::uint64_t operation_ = 0;
    std::map<SessionIndex, std::vector<DeviceId>> ids_;
    std::map<SessionIndex, std::uint64_t> seen_;
    std::map<std::string, DeviceId> id_of_;
    std::map<std::uint64_t, std::string> name_of_;
    std::map<std::string, SessionIndex> owner_;
};

inline constexpr LinkMode monitor = LinkMode::monitor;
inline constexpr LinkMode notify = LinkMode::notify;
inline constexpr LinkMode peer = LinkMode::peer;

}  // namespace backplane::core::testing
