#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small truths of the house: README's map and worker, the version in one place, no open ends, exact links between documents.

usage: house.py
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def tracked():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in listed if os.path.isfile(os.path.join(ROOT, name))]


def readme_map(names):
    """Each top folder has exactly one line in README's map, and each line has its folder."""
    folders = {name.split("/")[0] for name in names if "/" in name}
    lines = re.findall(r"^\| `([\w.]+)/` \|", read("README.md"), re.M)
    wrong = [f"README.md: the map does not name {f}/" for f in sorted(folders - set(lines))]
    wrong += [f"README.md: the map names {f}/, which is no folder" for f in sorted(set(lines) - folders)]
    return wrong + [f"README.md: the map names {f}/ twice" for f in sorted({f for f in lines if lines.count(f) > 1})]


def readme_worker():
    """README shows the example that the tests build, to the letter."""
    example = read("client/examples/ten_line_worker.cpp")
    if "```cpp\n" + example[example.index("#include"):] + "```" in read("README.md"):
        return []
    return ["README.md: its worker is not client/examples/ten_line_worker.cpp from the first #include on"]


def one_version():
    version = re.search(r"project\(backplane VERSION ([\d.]+)", read("CMakeLists.txt")).group(1)
    header = read("proto/include/backplane/version.hpp")
    parts = ".".join(re.search(rf"version_{part} = (\d+)", header).group(1) for part in ("major", "minor", "patch"))
    text = re.search(r'version_text = "([^"]+)"', header).group(1)
    wrong = [f"version.hpp says {said}, CMakeLists.txt {version}" for said in (parts, text) if said != version]
    if not re.search(rf"^## {re.escape(version)}\b", read("CHANGELOG.md"), re.M):
        wrong.append(f"CHANGELOG.md: no section for {version}")
    return wrong


def no_open_ends(names):
    wrong = []
    for name in names:
        if not name.endswith((".hpp", ".cpp", ".h", ".c", ".py", ".sh", ".cmake", "CMakeLists.txt")) or name.endswith("house.py"):
            continue
        for number, line in enumerate(read(name).splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                wrong.append(f"{name}:{number}: an open end; make it an issue")
    return wrong


def links(names):
    """Relative links in documents lead to tracked files."""
    wrong, known = [], set(names) | {os.path.dirname(name) for name in names}
    for name in names:
        if not name.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", read(name)):
            path = os.path.normpath(os.path.join(os.path.dirname(name), target)).rstrip("/")
            if path not in known and not any(n.startswith(path + "/") for n in names):
                wrong.append(f"{name}: the link to {target} leads nowhere")
    return wrong


def root_files(names):
    """Nothing lies in the root but what style asks for."""
    allowed = {"CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "LICENSE"}
    return [f"{n}: does not belong in the root" for n in names if "/" not in n and not n.startswith(".") and n not in allowed]


def main():
    names = tracked()
    wrong = readme_map(names) + readme_worker() + one_version() + no_open_ends(names) + links(names) + root_files(names)
    for line in wrong:
        print(line)
    print(f"house: {len(names)} files, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
