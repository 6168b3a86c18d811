#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds tests/RULES.md to one row for each rule, with tests that exist.

usage: rules.py [--self-test]

Each section's rules stand once, from 1 to its last one. The third column is `none yet` or names in backticks: `Suite.Name`, a
TEST of the C++ sources below tests; `script:NAME`, a file of tests/sim/scripts; `scenario:NAME`, one of
tests/integration/scenarios/texts; `protocol:test_name`, a function of tests/integration/protocol_test.py. Rules without a test are counted. --self-test plants wrong tables and demands that each is seen.
"""
import glob
import os
import re
import sys
import tempfile

from rooms import strip_comments

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = "tests/RULES.md"
LAST = {"D": 12, "L": 13, "M": 6, "F": 7, "W": 9, "T": 13, "P": 7, "S": 66, "X": 20}  # the highest number of each section
SPDX = "<!-- SPDX-License-Identifier: Apache-2.0 -->"
HEAD = "| rule | what it says, in one line | test |"
RULE = re.compile(r"([A-Z])-([1-9]\d*)")
TESTS = re.compile(r"`[^`]+`(, `[^`]+`)*")
# A disabled test fails for nothing.
CPP_TEST = re.compile(r"^[ \t]*TEST(?:_[FP])?\(\s*(\w+)\s*,\s*(?!DISABLED_)(\w+)\s*\)", re.M)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def known_tests(root):
    """The name of every test that a row may name."""
    names = set()
    for path in glob.glob(os.path.join(root, "tests/**/*.cpp"), recursive=True):
        names |= {f"{suite}.{name}" for suite, name in CPP_TEST.findall(strip_comments(read(path)))}
    for path in glob.glob(os.path.join(root, "tests/sim/scripts/*.txt")):
        names.add("script:" + os.path.basename(path)[: -len(".txt")])
    for path in glob.glob(os.path.join(root, "tests/integration/scenarios/texts/*.txt")):
        names |= {"scenario:" + name for name in re.findall(r"^scenario (\w+)$", read(path), re.M)}
    found = re.findall(r"^def (test_\w+)\(", read(os.path.join(root, "tests/integration/protocol_test.py")), re.M)
    return names | {"protocol:" + name for name in found}


def check_tests(cell, known):
    """What is wrong with the names of one row."""
    if cell == "none yet":
        return []
    if not TESTS.fullmatch(cell):
        return ["its tests are neither names in backticks nor `none yet`"]
    names = re.findall(r"`([^`]+)`", cell)
    wrong = [f"no test {name}" for name in names if name not in known]
    return wrong + [f"names {name} twice" for name in sorted({n for n in names if names.count(n) > 1})]


def missing(last, line_of, end):
    """A complaint for each rule without a row, at the row behind it, else at the section's last one."""
    wrong = []
    for letter, highest in last.items():
        there = {index: line for (of, index), line in line_of.items() if of == letter}
        for index in range(1, highest + 1):
            if index not in there:
                behind = [line for other, line in there.items() if other > index]
                wrong.append((min(behind) if behind else max(there.values(), default=end), f"no row for {letter}-{index}"))
    return wrong


def check(text, known, last=None):
    """(complaints, rules, rules without a test)"""
    last = LAST if last is None else last
    lines = text.splitlines()
    wrong = [] if lines[:1] == [SPDX] else [(1, f"the first line should be `{SPDX}`")]
    count, untested, line_of, highest = 0, 0, {}, {}
    for number, line in enumerate(lines, 1):
        if not line.startswith("|") or re.fullmatch(r"[|: -]+", line) or line == HEAD:
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        rule = RULE.fullmatch(cells[0])
        if len(cells) != 3 or not rule:
            wrong.append((number, f"neither `{HEAD}` nor a row of a rule"))
            continue
        letter, index = rule.group(1), int(rule.group(2))
        count += 1
        untested += cells[2] == "none yet"
        if index > last.get(letter, 0):
            wrong.append((number, f"no rule {cells[0]}"))
        elif (letter, index) in line_of:
            wrong.append((number, f"{cells[0]} stands in line {line_of[letter, index]} already"))
        else:
            if index < highest.get(letter, 0):
                wrong.append((number, f"{cells[0]} stands behind {letter}-{highest[letter]}"))
            line_of[letter, index] = number
            highest[letter] = max(index, highest.get(letter, 0))
        if not cells[1]:
            wrong.append((number, f"{cells[0]} says nothing"))
        wrong += [(number, f"{cells[0]}: {problem}") for problem in check_tests(cells[2], known)]
    wrong += missing(last, line_of, max(1, len(lines)))
    return [f"{TABLE}:{number}: {problem}" for number, problem in sorted(wrong)], count, untested


SOURCES = {
    "tests/unit/core/a_test.cpp": "TEST(Suite, Good) {}\nTEST_F(Fixture,\n       AlsoGood) {}\n"
                                 "// TEST(Suite, Commented) {}\nTEST(Suite, DISABLED_Off) {}\n",
    "tests/integration/b_test.cpp": "TEST_P(Cases, Each) {}\n",
    "tests/integration/protocol_test.py": "def test_promise():\n    pass\n\n\ndef helper():\n    pass\n",
    "tests/sim/scripts/story.txt": "# D-1: a story.\n",
    "tests/integration/scenarios/texts/a.txt": "scenario first\n# D-1: a\nstart\n\nscenario second\n# D-1: b\nstart\n",
}
TWO = {"D": 2, "L": 1}
GOOD = ("| D-1 | a | `Suite.Good`, `Fixture.AlsoGood` |", "| D-2 | b (open: c) | none yet |",
        "| L-1 | d | `Cases.Each`, `script:story`, `scenario:second`, `protocol:test_promise` |")
PLANTED = (  # rows, the complaint or nothing
    (GOOD, None),
    ((GOOD[1], GOOD[2]), ":5: no row for D-1"),
    ((GOOD[0], GOOD[2]), ":5: no row for D-2"),
    ((GOOD[0], GOOD[1]), ":6: no row for L-1"),
    ((GOOD[0], GOOD[0], GOOD[1], GOOD[2]), ":6: D-1 stands in line 5 already"),
    ((GOOD[1], GOOD[0], GOOD[2]), ":6: D-1 stands behind D-2"),
    (GOOD + ("| D-3 | e | none yet |",), ":8: no rule D-3"),
    (GOOD + ("| X-1 | e | none yet |",), ":8: no rule X-1"),
    (GOOD + ("| rule | test |",), ":8: neither"),
    (GOOD + ("| D-1 | e |",), ":8: neither"),
    ((GOOD[0], "| D-2 | | none yet |", GOOD[2]), ":6: D-2 says nothing"),
    ((GOOD[0], "| D-2 | b | |", GOOD[2]), ":6: D-2: its tests are neither"),
    ((GOOD[0], "| D-2 | b | Suite.Good |", GOOD[2]), ":6: D-2: its tests are neither"),
    ((GOOD[0], "| D-2 | b | `Suite.Good`, none yet |", GOOD[2]), ":6: D-2: its tests are neither"),
    ((GOOD[0], "| D-2 | b | `Suite.Good`, `Suite.Good` |", GOOD[2]), ":6: D-2: names Suite.Good twice"),
) + tuple(((GOOD[0], f"| D-2 | b | `Suite.Good`, `{name}` |", GOOD[2]), f":6: D-2: no test {name}")
          for name in ("Suite.Bad", "Good", "Suite.Commented", "Suite.DISABLED_Off", "script:tale", "script:story.txt", "scenario:third", "scenario:a", "protocol:helper",
                       "protocol:test_other"))


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for name, content in SOURCES.items():
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(content)
        known = known_tests(root)
    wrong = []
    for rows, complaint in PLANTED:
        seen, count, untested = check("\n".join((SPDX, "", HEAD, "| --- | --- | --- |") + rows) + "\n", known, TWO)
        if complaint is None:
            wrong += [f"self-test: {line} (should pass)" for line in seen]
            if (count, untested) != (3, 1):
                wrong.append(f"self-test: {count} rules, {untested} without a test; should be 3 and 1")
        elif len(seen) != 1 or TABLE + complaint not in seen[0]:
            wrong.append(f"self-test: `{complaint}` was to be the one complaint, not {seen}")
    if len(check("", known, TWO)[0]) != 4:
        wrong.append("self-test: an empty file lacks its first line and three rules")
    return wrong


def main():
    if "--self-test" in sys.argv:
        wrong, count, untested = self_test(), len(PLANTED) + 1, 0
    else:
        wrong, count, untested = check(read(os.path.join(ROOT, TABLE)), known_tests(ROOT))
    for line in wrong:
        print(line)
    print(f"rules: {count} rules, {len(wrong)} wrong" + (f", {untested} without a test" if untested else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
