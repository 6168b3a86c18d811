// SPDX-License-Identifier: Apache-2.0
/// Stage: plays a scenario with a real daemon, real workers and a folder of its own, and compares what comes with what the scenario says.
///
/// Nothing is waited out: a step is over when its events and answers have come. At `show` a question to the daemon, over the connection of
/// the events and behind them, makes sure that no further event came.
#pragma once

#include "tests/integration/bare_daemon.hpp"
#include "tests/integration/scenarios/events.hpp"
#include "tests/integration/scenarios/scenario.hpp"

#include <deque>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace backplane::integration::scenarios {

/// How long a step may take: far beyond what any does, unless a developer says less.
inline Duration patience = plenty;

/// What a call answered: `ok`, what it gave, or the error's name; and the error's whole text.
struct Answer {
    std::string text;
    std::string detail;
};

class Stage {
  public:
    explicit Stage(const Scenario& scenario) : scenario_(scenario) {}
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage();

    /// Plays it to the first step that goes wrong, where the test fails with the lines that should have come and those that did.
    void play();
    /// Plays it without expecting anything, waits behind each step until nothing comes any more, and prints the scenario with what
    /// came, to be judged by a reader before it is kept.
    void draft();

  private:
    [[nodiscard]] bool hears(Duration within);
    void act(const Step& step);
    bool act_on_daemon(const Words& words, const Step& step);
    bool act_on_worker(const Words& words);
    void judge_events(const Step& step);
    void judge_answers(const Step& step);
    void judge_rows(const Step& step);
    void fence(const Step& step);
    void draft_outcome(const Step& step);
    void fail(int line, const std::string& what);

    void start();
    void write_config(const std::vector<Line>& tree);
    void check_configuration();
    void freeze(bool stop);
    void send_signal(const Words& names, int number);
    void tell(const Words& words);
    void link(const Words& words);
    void ask_to_shut_down(const std::string& name);
    void look(const Words& words);
    void count_left(const std::string& name);
    void clear_left(const std::string& name);
    void reload(const Step& step, const Words& words);
    /// A call on a connection of its own, at the same time as what follows; its answer is kept under its label.
    void call(const Words& words);
    /// Adds the spec or the arguments of `add PATH ...`.
    [[nodiscard]] NewChild new_child(const Words& words) const;

    [[nodiscard]] std::optional<DeviceRow> row(const std::string& name);
    [[nodiscard]] pid_t pid_of(const std::string& name);
    [[nodiscard]] std::vector<DeviceRow> list();
    [[nodiscard]] std::vector<std::string> rows();
    /// The path of a file of a worker, without its ending.
    [[nodiscard]] std::string place(const std::string& name) const;
    [[nodiscard]] std::vector<pid_t> left_by(const std::string& name) const;

    const Scenario& scenario_;
    std::optional<BareDaemon> daemon_;
    std::optional<Client> client_;
    std::deque<std::string> events_;                      ///< that came and were not yet expected
    std::map<std::string, std::future<Answer>> answers_;  ///< by label; that of a step's own answer is empty
    NamesOfLines names_;
    std::map<std::string, pid_t> pids_;  ///< as last heard, for when the daemon is frozen
    pid_t daemon_pid_ = 0;
    bool frozen_ = false;
    bool failed_ = false;
};

/// The answer of a call by its words, `as LABEL` left out.
[[nodiscard]] Answer call_daemon(Client& client, const Words& words, const NewChild& child);
[[nodiscard]] bool is_call(const std::string& verb);

/// A row of `list` as `show` has it.
[[nodiscard]] std::string text_of(const DeviceRow& row);
/// `a b running, restarts 0` as two rows.
[[nodiscard]] std::vector<std::string> expand_rows(const std::vector<Line>& lines);
[[nodiscard]] std::vector<std::string> shortened_rows(const std::vector<std::string>& rows);

/// Both beside one another, and where they differ.
[[nodiscard]] std::string side_by_side(const std::vector<std::string>& expected, const std::vector<std::string>& got);

}  // namespace backplane::integration::scenarios
