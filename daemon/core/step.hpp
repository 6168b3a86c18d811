// SPDX-License-Identifier: Apache-2.0
/// One call of `Engine::step` as its parts see it: the time, and where effects and log records go.
#pragma once

#include "daemon/core/effect.hpp"
#include "daemon/core/texts.hpp"

#include <backplane/ids.hpp>

#include <string_view>

namespace backplane::core {

struct Step {
    Instant now{};
    std::uint64_t seq = 0;  ///< of the next record
    Effects& out;
    Texts& texts;
    bool graph_records = false;  ///< a subscriber wants device_up, device_down, link, unlink, notice
    std::uint32_t mark = 0;      ///< low word of the step's number: what was already said in this step
    bool unasked = false;        ///< nobody wants graph records but `Engine::tell_all`: they are numbered behind the others

    Effect& effect(EffectKind kind) {
        Effect& made = out.list.append();
        made.kind = kind;
        return made;
    }
    /// An effect with a text; `code` and `request` as the kind needs.
    Effect& effect(EffectKind kind, std::string_view text) {
        Effect& made = effect(kind);
        made.text_at = static_cast<std::uint32_t>(out.text.size());
        made.text_size = static_cast<std::uint32_t>(text.size());
        out.text.append(text);
        return made;
    }
    /// Answers request `request` of `session`; nothing where the daemon itself asked. `text`: an error's detail, or the path of the
    /// entry that the request made; `device`: that one's. They go with the answer, as the entry may be gone before it is written (S-54).
    void answer(SessionIndex session, std::uint64_t request, ErrorCode code, std::string_view text = {}, DeviceId device = {}) {
        if (session == daemon_session) {
            return;
        }
        Effect& made = effect(EffectKind::answer, text);
        made.session = session;
        made.number = request;
        made.code = code;
        made.device = device;
    }
    /// A log record with the next seq. `name`: path of the child, or a task's name.
    Record& record(RecordKind kind, std::string_view name) {
        Record& made = out.records.emplace_back();
        made.seq = unasked && kind <= RecordKind::notice ? 0 : seq++;
        made.at = now;
        made.kind = kind;
        made.name_at = static_cast<std::uint32_t>(out.text.size());
        made.name_size = static_cast<std::uint32_t>(name.size());
        out.text.append(name);
        return made;
    }
    /// Puts a fault and its text into a record.
    void set_fault(Record& record, const FaultRecord& fault) {
        record.fault = fault;
        const std::string_view text = texts[fault.text];
        record.text_at = static_cast<std::uint32_t>(out.text.size());
        record.text_size = static_cast<std::uint32_t>(text.size());
        out.text.append(text);
    }
};

}  // namespace backplane::core
