#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Refuses includes and words that tests/checks/rooms.md does not allow.

usage: rooms.py [--root DIR] [--self-test]

Reads the table, then every tracked C and C++ file below the root. Prints one line for each violation and ends
with 1 where there is any. --self-test plants violations in a temporary tree and demands that each is seen.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

STANDARD = set("""algorithm any array atomic barrier bit bitset charconv chrono codecvt compare complex concepts
condition_variable coroutine deque exception execution filesystem format forward_list fstream functional future
initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex new
numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex
source_location span sstream stack stdexcept stop_token streambuf string string_view strstream syncstream system_error
thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef cstdint cstdio
cstdlib cstring ctime cuchar cwchar cwctype""".split())
NOT_PURE = {"thread", "mutex", "random", "filesystem", "fstream", "iostream", "ctime", "csignal", "cerrno"}
WORDS = re.compile(r"\w*_clock\b|\bgetenv\b|\berrno\b")
THIRD_PARTY = ("nlohmann/", "spdlog/", "uv.h", "CLI/", "gtest/", "gmock/", "benchmark/")
ROOTS = ("proto/include", "client/include")
SOURCES = (".hpp", ".cpp", ".h", ".c")
TOP = ("proto", "daemon", "config", "client", "tests", "systemd")


class Room:
    def __init__(self, path, pure, rooms, headers):
        self.path, self.pure, self.rooms, self.headers = path, pure, rooms, headers


def covers(entry, path):
    return path == entry or path.startswith(entry + "/")


def read_table(text):
    """The rows of the markdown table, longest path first."""
    rooms = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 4 or not cells[0].startswith("`"):
            continue
        quoted = [re.findall(r"`([^`]+)`", cell) for cell in cells]
        rooms.append(Room(quoted[0][0], cells[0].endswith("pure"), quoted[1], quoted[2]))
    return sorted(rooms, key=lambda room: -len(room.path))


LEXEME = re.compile(r'//[^\n]*|/\*.*?\*/|(R"([^(\s]*)\(.*?\)\2"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])*\')', re.S)


def strip_comments(text):
    """The text without comments; line breaks stay, so that line numbers hold."""
    return LEXEME.sub(lambda found: found.group(1) or "\n" * found.group(0).count("\n") or " ", text)


def strip_code(text):
    """The text without comments and without the content of literals."""
    return LEXEME.sub(lambda found: "\n" * found.group(0).count("\n") or " ", text)


def room_of(rooms, path):
    for room in rooms:
        if covers(room.path, os.path.dirname(path)):
            return room
    return None


def target_of(root, quoted, name):
    """The repository's path behind an include, or nothing where it is no file of ours."""
    if quoted and os.path.exists(os.path.join(root, name)):
        return name
    for base in ROOTS:
        if os.path.exists(os.path.join(root, base, name)):
            return base + "/" + name
    return None


def judge_include(root, rooms, room, path, quoted, name):
    """What is wrong with one include; an empty string where nothing is."""
    ours = target_of(root, quoted, name)
    if ours:
        if quoted and ours.startswith(ROOTS):
            return f'"{name}" is installed: include it as <backplane/...>'
        other = room_of(rooms, ours)
        if other is None:
            return f'"{name}" lies in no room'
        allowed = covers(room.path, other.path) if room.path == other.path else any(covers(e, other.path) for e in room.rooms)
        return "" if allowed else f'"{name}": {room.path} may not include {other.path}'
    if quoted:
        return f'"{name}" is no file of the repository: include private headers by full path'
    if name in STANDARD:
        return f"<{name}> is refused in a pure room" if room.pure and name in NOT_PURE else ""
    if not any(name == header or (header.endswith("/") and name.startswith(header)) for header in room.headers):
        return f"<{name}> is not listed for {room.path}"
    third = name.startswith(THIRD_PARTY) and path.endswith((".hpp", ".h"))
    may_show = ("daemon/shell", "tests", "client/include/backplane/adaptors")
    if third and not any(covers(shown, room.path) for shown in may_show):
        return f"<{name}>: third-party headers stay in .cpp files"
    return ""


def check_file(root, rooms, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    room = room_of(rooms, path)
    if room is None:
        return [f"{path}:1: lies in no room of rooms.md"]
    wrong = []
    for number, line in enumerate(strip_comments(text).splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            problem = judge_include(root, rooms, room, path, found.group(1) == '"', found.group(2))
            if problem:
                wrong.append(f"{path}:{number}: {problem}")
    if room.pure:
        for number, line in enumerate(strip_code(text).splitlines(), 1):
            if not line.lstrip().startswith("#"):
                wrong += [f"{path}:{number}: the word {word} is refused in a pure room" for word in WORDS.findall(line)]
    return wrong


def tracked(root):
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True)
        names = listed.stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        names = [os.path.relpath(os.path.join(d, f), root) for d, _, files in os.walk(root) for f in files]
    names = [n for n in names if n.endswith(SOURCES) and n.split("/")[0] in TOP and "build" not in n.split("/")]
    return sorted(n for n in set(names) if os.path.exists(os.path.join(root, n)))


def check(root):
    with open(os.path.join(root, "tests/checks/rooms.md"), encoding="utf-8") as file:
        rooms = read_table(file.read())
    if not rooms:
        return ["tests/checks/rooms.md: no table found"], 0
    names = tracked(root)
    return [problem for name in names for problem in check_file(root, rooms, name)], len(names)


PLANTED = {  # file: (content, the complaint or nothing)
    "daemon/core/a.hpp": ('#include <vector>\n// std::chrono::steady_clock, errno\n', None),
    "daemon/core/b.cpp": ('#include "daemon/core/a.hpp"\nconst char* text = "errno";\n', None),
    "daemon/core/c.cpp": ('auto t = std::chrono::steady_clock::now();\n', "the word steady_clock"),
    "daemon/core/d.cpp": ('#include <mutex>\n', "<mutex> is refused"),
    "daemon/core/e.cpp": ('#include "proto/wire/w.hpp"\n', "may not include proto/wire"),
    "daemon/core/f.cpp": ('#include <unistd.h>\n', "<unistd.h> is not listed"),
    "daemon/core/g.cpp": ('/* a\n b */ int e = errno;\n', "g.cpp:2: the word errno"),
    "daemon/core/m.cpp": ("char q = '\"'; int n = 16'384; // errno\nint e = errno; char r = '\"';\n", "m.cpp:2: the word errno"),
    "daemon/core/h.cpp": ('#include "a.hpp"\n', "is no file of the repository"),
    "daemon/shell/i.cpp": ('#include "daemon/core/a.hpp"\n#include <uv.h>\n#include <sys/socket.h>\n', None),
    "daemon/session/j.cpp": ('#include "proto/wire/w.hpp"\n#include <backplane/v.hpp>\n', None),
    "proto/wire/w.hpp": ('#include <nlohmann/json.hpp>\n', "third-party headers stay"),
    "proto/include/backplane/v.hpp": ('#include <string>\n', None),
    "client/ctl/k.cpp": ('#include "client/talk/t.hpp"\n', "may not include client/talk"),
    "client/talk/t.hpp": ('const char* e = getenv("X");\n', "the word getenv"),
    "client/other/l.cpp": ('', "lies in no room"),
}


def self_test(table):
    with tempfile.TemporaryDirectory() as root:
        for name, (content, _) in list(PLANTED.items()) + [("tests/checks/rooms.md", (table, None))]:
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(content)
        seen, _ = check(root)
        wrong = []
        for name, (_, complaint) in PLANTED.items():
            mine = [line for line in seen if line.startswith(name + ":")]
            if complaint is None and mine:
                wrong.append(f"self-test: {mine[0]} (should pass)")
            if complaint is not None and not any(complaint in line for line in mine):
                wrong.append(f"self-test: {name}: `{complaint}` was not seen, but {mine}")
        return wrong


def main():
    parser = argparse.ArgumentParser(description="Refuse includes that rooms.md does not list.")
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(here)))
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        with open(os.path.join(here, "rooms.md"), encoding="utf-8") as file:
            wrong, count = self_test(file.read()), len(PLANTED)
    else:
        wrong, count = check(options.root)
    for line in wrong:
        print(line)
    print(f"rooms: {count} files, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
