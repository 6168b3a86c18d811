#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Refuses functions over 70 lines, files over 600 and lines over 140 columns in C++ sources.

usage: size.py [--self-test]

A function is a brace that opens behind `)` (with qualifiers, a trailing return type or an initialiser list) and is no
type, namespace or enumeration; its length is counted from the brace's line to the closing one, both included.
"""
import re
import subprocess
import sys

from rooms import strip_code

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
COLUMNS_MAX = 140
NO_FUNCTION = re.compile(r"\b(namespace|class|struct|union|enum|if|for|while|switch|do|else|try|catch)\b")


def functions(text):
    """(first line, lines) of every outermost function body."""
    code = strip_code(text)
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: "\n" * m.group(0).count("\n"), code, flags=re.M)
    line, head, stack, found, inside = 1, "", [], [], None
    for char in code:
        if char == "\n":
            line += 1
        if char == "{":
            is_function = inside is None and ")" in head and not NO_FUNCTION.search(head.split("(")[0])
            stack.append(line if is_function else None)
            if is_function:
                inside = len(stack)
            head = ""
        elif char == "}":
            if stack:
                first = stack.pop()
                if first is not None:
                    found.append((first, line - first + 1))
                    inside = None
            head = ""
        elif char == ";":
            head = ""
        else:
            head += char
    return found


def check(name, text):
    lines = text.splitlines()
    wrong = []
    if len(lines) > FILE_LINES_MAX:
        wrong.append(f"{name}:1: {len(lines)} lines; at most {FILE_LINES_MAX}")
    wrong += [f"{name}:{n}: {len(line)} columns; at most {COLUMNS_MAX}" for n, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX]
    wrong += [f"{name}:{first}: a function of {length} lines; at most {FUNCTION_LINES_MAX}"
              for first, length in functions(text) if length > FUNCTION_LINES_MAX]
    return wrong


def self_test():
    long_one = "namespace n {\nclass C {\n  void f(int a) const noexcept {\n" + "    g();\n" * 70 + "  }\n};\n}\n"
    short_one = "namespace n {\nvoid f() {\n" + "    if (a) {\n    }\n" * 30 + "}\nint x[] = {1};\n}\n"
    planted = [long_one, "int a;\n" * 601, "// " + "x" * 140 + "\n"]
    missed = [f"self-test: planted case {n} was not seen" for n, text in enumerate(planted) if not check("x.cpp", text)]
    return missed + [f"self-test: {line}" for line in check("x.cpp", short_one)]


def main():
    if "--self-test" in sys.argv:
        wrong, count = self_test(), 4
    else:
        root = subprocess.run(["git", "rev-parse", "--show-toplevel"], check=True, capture_output=True, text=True).stdout.strip()
        names = subprocess.run(["git", "-C", root, "ls-files", "*.hpp", "*.cpp", "*.h", "*.c"], check=True, capture_output=True, text=True)
        wrong, count = [], 0
        for name in names.stdout.splitlines():
            try:
                with open(f"{root}/{name}", encoding="utf-8") as file:
                    wrong += check(name, file.read())
                    count += 1
            except FileNotFoundError:
                continue
    for line in wrong:
        print(line)
    print(f"size: {count} files, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
