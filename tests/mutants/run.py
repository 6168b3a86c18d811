#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Applies each mutant to a copy of the tree and demands that a test sees it.

usage: run.py [--only NAME]... [--sample N] [--seed S] [--budget SECONDS] [--jobs N] [--list] [--self-test]

A mutant is a file NNN-name.patch in this folder: a unified diff with lines like these above it.

    # rule: S-33                                   the rule that the bug breaks, and in words what it does
    # killed by: bp_unit_core --gtest_filter=...   a test program (its CMake target) and arguments; one line for each;
                                                   an argument may be a path in the tree

The runner keeps warm build trees in build/mutants (or in a temporary folder while another run holds those). For each mutant it
applies the patch, builds the named programs and runs them until one fails: killed. A mutant that survives, no longer
applies, does not compile, or whose programs fail (or run no test) without it, is a failure. --budget stops starting mutants
after that many seconds; those not tried are skipped, by name, and the order depends on the seed.
The last line is `tally: N passed, N failed, N skipped`.
"""
import argparse
import fcntl
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TEST_TIMEOUT = 120
BUILD_TIMEOUT = 900
# Programs that start others need them built as well.
NEEDS = {"bp_integration_tests": ["backplaned", "backplanectl"], "bp_scenarios": ["backplaned", "bp_scenario_worker"]}


class Mutant:
    def __init__(self, path):
        self.name = os.path.basename(path)[: -len(".patch")]
        self.path = path
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.rules = re.findall(r"^# rule: (.+)$", text, re.M)
        self.kills = [line.split() for line in re.findall(r"^# killed by: (.+)$", text, re.M)]
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.M)

    def malformed(self):
        if not re.match(r"^\d{3}-[a-z0-9-]+$", self.name):
            return "its name is not like 001-what-it-breaks.patch"
        if not self.rules or not self.kills or not self.files:
            return "needs `# rule:`, `# killed by:` and a diff"
        return ""


class Tree:
    """One copy of the sources with its build folder."""

    def __init__(self, root, base, number, ninja_jobs):
        self.root, self.ninja_jobs = root, ninja_jobs
        self.source = os.path.join(base, f"tree-{number}")
        self.build = os.path.join(base, f"build-{number}")
        self.scratch = os.path.join(base, f"tmp-{number}")
        self.judged = {}

    def run(self, command, timeout, cwd=None):
        """(exit code, output); a timeout kills the whole group and counts as 124."""
        environment = dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.dirname(self.source), CCACHE_BASEDIR=self.source,
                           CCACHE_NOHASHDIR="1", TMPDIR=self.scratch, BP_BIN_DIR=os.path.join(self.build, "bin"))
        process = subprocess.Popen(command, cwd=cwd or self.source, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True)
        try:
            output, _ = process.communicate(timeout=timeout)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            return 124, output + "\n(timed out)"

    def synchronize(self):
        """Makes the copy equal to the checkout; untouched files keep their times, so that the build stays warm."""
        listed = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True)
        wanted = {name for name in listed.stdout.splitlines() if os.path.isfile(os.path.join(self.root, name))}
        for name in wanted:
            copy_if_changed(os.path.join(self.root, name), os.path.join(self.source, name))
        for folder, _, files in os.walk(self.source):
            for name in files:
                path = os.path.join(folder, name)
                if os.path.relpath(path, self.source) not in wanted:
                    os.unlink(path)
        os.makedirs(self.scratch, exist_ok=True)

    def configure(self):
        return self.run(["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DBP_TESTS=ON",
                         "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -w"], BUILD_TIMEOUT)

    def compile(self, kills):
        targets = sorted({target for kill in kills for target in [kill[0]] + NEEDS.get(kill[0], [])})
        return self.run(["cmake", "--build", self.build, "--target", *targets, "--", f"-j{self.ninja_jobs}"], BUILD_TIMEOUT)

    def test(self, kill):
        inputs = [os.path.join(self.source, word) if os.path.exists(os.path.join(self.source, word)) else word for word in kill[1:]]
        code, output = self.run([os.path.join(self.build, "bin", kill[0]), *inputs], TEST_TIMEOUT, cwd=self.scratch)
        self.kill_strays()
        for name in os.listdir(self.scratch):  # what a dying test left behind
            shutil.rmtree(os.path.join(self.scratch, name), ignore_errors=True)
        return code, output

    def kill_strays(self):
        """A mutant may leave a daemon that has gone its own way: whoever still names this tree's scratch folder goes."""
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    if entry.isdigit() and (self.scratch + os.sep).encode() in file.read():
                        os.kill(int(entry), 9)
            except OSError:
                continue

    def sound(self, kills):
        """What is wrong with the programs without any mutant; judged once for each."""
        for kill in kills:
            key = " ".join(kill)
            if key not in self.judged:
                code, output = self.test(kill)
                empty = re.search(r"^\[==========\] Running 0 tests", output, re.M)
                self.judged[key] = "runs no test" if empty else f"fails without the mutant ({code})\n{output[-1500:]}" if code else ""
            if self.judged[key]:
                return f"{key}: {self.judged[key]}"
        return ""

    def restore(self, mutant):
        for name in mutant.files:
            copy_if_changed(os.path.join(self.root, name), os.path.join(self.source, name))

    def judge(self, mutant):
        """An empty string where a test killed it, else why it is a failure."""
        wrong = mutant.malformed()
        if wrong:
            return wrong
        code, output = self.compile(mutant.kills)
        if code:
            return f"the tree does not build without it\n{output[-3000:]}"
        wrong = self.sound(mutant.kills)
        if wrong:
            return wrong
        try:
            code, output = self.run(["git", "apply", "--whitespace=nowarn", mutant.path], 60)
            if code:
                return f"does not apply any more\n{output.strip()}"
            code, output = self.compile(mutant.kills)
            if code:
                return f"does not compile\n{output[-3000:]}"
            return "" if any(self.test(kill)[0] for kill in mutant.kills) else "SURVIVED"
        finally:
            self.restore(mutant)


def copy_if_changed(source, target):
    with open(source, "rb") as file:
        content = file.read()
    try:
        with open(target, "rb") as file:
            if file.read() == content:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:  # a new time, so that the build sees it
        file.write(content)
    shutil.copymode(source, target)


def work(tree, waiting, report, deadline):
    """One worker: takes mutants until there are none or the time is up."""
    ready = ""
    while True:
        try:
            mutant = waiting.get_nowait()
        except queue.Empty:
            return
        start = time.monotonic()
        if deadline is not None and start >= deadline:
            report(mutant, None, 0.0)
            continue
        if ready == "":
            tree.synchronize()
            code, output = tree.configure()
            ready = "yes" if code == 0 else f"the tree does not configure\n{output[-3000:]}"
        report(mutant, tree.judge(mutant) if ready == "yes" else ready, time.monotonic() - start)


def run_all(root, base, mutants, jobs, budget):
    """Judges the mutants in order on `jobs` trees; returns [(mutant, verdict or None)]."""
    waiting, verdicts, lock = queue.Queue(), [], threading.Lock()
    for mutant in mutants:
        waiting.put(mutant)
    deadline = None if budget is None else time.monotonic() + budget

    def report(mutant, verdict, seconds):
        with lock:
            verdicts.append((mutant, verdict))
            if verdict is None:
                print(f"skipped: {mutant.name}: the time budget is used up", flush=True)
            elif verdict:
                print(f"FAILED   {mutant.name} ({seconds:.1f} s): {verdict}", flush=True)
            else:
                print(f"killed   {mutant.name} ({seconds:.1f} s)", flush=True)

    jobs = max(1, min(jobs, len(mutants)))
    each = max(1, (os.cpu_count() or 1) // jobs)
    workers = [threading.Thread(target=work, args=(Tree(root, base, n, each), waiting, report, deadline)) for n in range(jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return verdicts


def with_base(root, action):
    """Calls action(folder): build/mutants where no other run holds it, else a temporary folder."""
    kept = os.path.join(root, "build", "mutants")
    os.makedirs(kept, exist_ok=True)
    with open(os.path.join(kept, ".lock"), "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return action(kept)
        except BlockingIOError:
            with tempfile.TemporaryDirectory(prefix="bp-mutants.") as folder:
                return action(folder)


def load(folder):
    return [Mutant(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".patch")]


FIXTURE = {
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.25)\nproject(x LANGUAGES CXX)\nset(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)\n"
                      "add_executable(t t.cpp)\nadd_executable(u u.cpp)\n",
    "t.cpp": "int sum(int a, int b) {\n    return a + b;\n}\n\nint main() {\n    return sum(2, 2) == 4 ? 0 : 1;\n}\n",
    "u.cpp": "int main() {\n    return 1;\n}\n",
}


def fixture_patch(old, new, program="t", file="t.cpp"):
    return (f"# rule: X-0 a fixture\n# killed by: {program}\n--- a/{file}\n+++ b/{file}\n@@ -1,3 +1,3 @@\n int sum(int a, int b) {{\n"
            f"-    {old}\n+    {new}\n }}\n")


def self_test():
    """Runs the runner on a tiny project whose mutants have known ends."""
    patches = {
        "001-killed": (fixture_patch("return a + b;", "return a - b;"), ""),
        "002-survivor": (fixture_patch("return a + b;", "return a * b;"), "SURVIVED"),
        "003-stale": (fixture_patch("return a | b;", "return a;"), "does not apply"),
        "004-broken": (fixture_patch("return a + b;", "return c;"), "does not compile"),
        "005-unsound": (fixture_patch("return a + b;", "return 0;", program="u"), "fails without the mutant"),
        "006-bare": ("--- a/t.cpp\n+++ b/t.cpp\n", "needs `# rule:`"),
        "007-killed-again": (fixture_patch("return a + b;", "return a;"), ""),
    }
    with tempfile.TemporaryDirectory(prefix="bp-mutants-test.") as folder:
        root, store = os.path.join(folder, "root"), os.path.join(folder, "patches")
        os.makedirs(root)
        os.makedirs(store)
        for name, text in FIXTURE.items():
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(text)
        for name, (text, _) in patches.items():
            with open(os.path.join(store, name + ".patch"), "w", encoding="utf-8") as file:
                file.write(text)
        subprocess.run(["git", "init", "-q", root], check=True)
        verdicts = dict((mutant.name, verdict) for mutant, verdict in run_all(root, os.path.join(folder, "base"), load(store), 2, None))
        late = run_all(root, os.path.join(folder, "base"), load(store), 1, 0)
    wrong = [f"{name}: expected `{want}`, got `{verdicts[name]}`" for name, (_, want) in patches.items()
             if (verdicts[name] != "" if want == "" else want not in verdicts[name])]
    if any(verdict is not None for _, verdict in late):
        wrong.append("a budget of nothing still ran mutants")
    for line in wrong:
        print(f"self-test: {line}")
    print(f"self-test of the runner: {len(patches) + 1 - len(wrong)} as expected, {len(wrong)} not")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description="Demand that the tests kill every mutant.")
    parser.add_argument("--only", action="append", default=[], help="a mutant's name, or how it begins")
    parser.add_argument("--sample", type=int, help="as many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, help="seconds after which no mutant is begun")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    mutants = [m for m in load(HERE) if not options.only or any(m.name.startswith(only) for only in options.only)]
    if options.list:
        for mutant in mutants:
            print(f"{mutant.name}: {'; '.join(mutant.rules)}")
        return 0
    if not mutants:
        print("no mutant found")
        return 1
    random.Random(options.seed).shuffle(mutants)
    mutants = mutants[: options.sample] if options.sample else mutants
    verdicts = with_base(ROOT, lambda base: run_all(ROOT, base, mutants, options.jobs, options.budget))
    failed = [m.name for m, verdict in verdicts if verdict]
    tried = [m for m, verdict in verdicts if verdict is not None]
    for name in sorted(failed):
        print(f"not killed: {name}")
    print(f"tally: {len(tried) - len(failed)} passed, {len(failed)} failed, {len(verdicts) - len(tried)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
