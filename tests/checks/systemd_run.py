#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the user units under a real `systemd --user` that nobody else sees, and shows what becomes of the workers.

    BP_BIN_DIR=build/release/bin tests/checks/systemd_run.py [--keep-log]

One line `ok` or `FAILED` for each claim, then a tally. Exit 0: all hold, 1: one does not, 77: it cannot be tried here.

The manager lives in a mount namespace with a /run of its own, in a pid namespace whose end is its end, and in a cgroup of
its own. That last one matters: a manager that finds itself in the root of the hierarchy moves every process of the machine
into its init.scope. So it is started only where the move into the group is seen to have worked.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANAGER = "/usr/lib/systemd/systemd"
PATIENCE = 30.0  # for what must come; nothing waits that long where all is well
WATCHDOG = 4.0  # seconds, in place of the unit's
STOP_TIMEOUT = 4.0
UNIT = "backplaned.service"
RUN = pathlib.Path("/run/user/0")
HOME = pathlib.Path("/run/home")
UNITS = pathlib.Path("/run/units")
SOCKET = RUN / "backplane/backplane.sock"
LOG = pathlib.Path("/run/manager.log")

CONFIG = """{"supervisor": {"intensity": 1000, "children": [
    {"name": "a", "exec": ["sleep", "100001"], "backoff": "none"},
    {"name": "b", "exec": ["sleep", "100002"], "backoff": "none"},
    {"name": "c", "exec": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"], "backoff": "none"}%s]}}
"""
STUBBORN = """,
    {"name": "stubborn", "exec": ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], "shutdown": "infinity"}"""


class Skip(Exception):
    """Why it cannot be tried here."""


class Wrong(Exception):
    """A claim that does not hold."""


def eventually(what, question, seconds=PATIENCE):
    """The first answer that is true."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Wrong(f"not in {seconds:g} s: {what}")
        time.sleep(0.02)


def expect(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


# ---- outside: the cgroup, the namespaces, and what is left of them ------------------------------------------------------


def hierarchies():
    """(mount point, our path in it) of what systemd tracks processes in: the unified one, and the named one of version 1."""
    mounts = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            mounts[""] = left.split()[4]
        elif kind == "cgroup" and "name=systemd" in options:
            mounts["name=systemd"] = left.split()[4]
    found = []
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in mounts:
            found.append((pathlib.Path(mounts[controllers]), path.lstrip("/")))
    return found


def make_groups(name):
    groups = []
    try:
        for mount, path in hierarchies():
            groups.append(mount / path / name)
            groups[-1].mkdir()
    except OSError as wrong:
        remove_groups(name)
        raise Skip(f"no cgroup can be made: {wrong}") from wrong
    if not groups:
        raise Skip("no cgroup hierarchy of systemd is mounted")
    return groups


def remove_groups(name):
    """Also in the hierarchies of single controllers, where the manager has made the same. False where something lives there."""
    clean = True
    for mount in {line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line}:
        for top in [found for found in pathlib.Path(mount).rglob(name) if found.is_dir()]:
            folders = sorted((folder for folder in [top, *top.rglob("*")] if folder.is_dir()), key=lambda f: -len(f.parts))
            for folder in folders:
                try:
                    folder.rmdir()
                except OSError:
                    clean = False
    return clean


def check_machine(programs):
    if os.geteuid() != 0:
        raise Skip("only root may have a mount namespace with a systemd in it")
    for tool in (MANAGER, *(shutil.which(name) or name for name in ("systemctl", "unshare", "mount"))):
        if not os.access(tool, os.X_OK):
            raise Skip(f"{tool} is not there")
    for program in ("backplaned", "backplanectl"):
        if not os.access(programs / program, os.X_OK):
            sys.exit(f"{programs / program} is not built")
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "tmpfs", "/run"],
                           capture_output=True, text=True)
    if tried.returncode != 0:
        raise Skip(f"no namespace of mounts and pids can be had: {tried.stderr.strip()}")


def outside(words):
    programs = pathlib.Path(os.environ.get("BP_BIN_DIR", ROOT / "build/release/bin")).resolve()
    check_machine(programs)
    name = f"backplane-test-{os.getpid()}"
    groups = make_groups(name)
    kept = tempfile.NamedTemporaryFile(prefix="backplane-systemd.", suffix=".log", delete=False)
    inner = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, __file__,
                              "--inside", str(programs), kept.name, *map(str, groups)])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: inner.kill())
    try:
        code = inner.wait(timeout=600)
    except subprocess.TimeoutExpired:
        inner.kill()
        code = inner.wait()
    end = time.monotonic() + PATIENCE
    while not remove_groups(name) and time.monotonic() < end:
        time.sleep(0.05)
    if code != 0 and code != 77:
        print(pathlib.Path(kept.name).read_text(errors="replace")[-20000:], file=sys.stderr)
    if "--keep-log" in words:
        print(kept.name, file=sys.stderr)
    else:
        os.unlink(kept.name)
    return code


# ---- inside: the manager ------------------------------------------------------------------------------------------------


class Manager:
    def __init__(self, programs, groups):
        self.programs = programs
        self.process = None
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(HOME), "XDG_RUNTIME_DIR": str(RUN),
                            "XDG_CONFIG_HOME": str(HOME / ".config"), "LANG": "C", "SYSTEMD_UNIT_PATH": str(UNITS),
                            "SYSTEMD_LOG_LEVEL": "info", "SYSTEMD_PAGER": ""}
        self.groups = groups
        self.make_files()

    def make_files(self):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        for folder in (RUN, HOME / ".config/backplane", UNITS, pathlib.Path("/run/systemd/system")):
            folder.mkdir(parents=True)
        RUN.chmod(0o700)
        for kind in ("service", "socket"):
            text = (ROOT / f"systemd/backplaned-user.{kind}").read_text()
            (UNITS / f"backplaned.{kind}").write_text(text.replace("/usr/bin/backplane", f"{self.programs}/backplane"))
        # Those that every unit leans on, without what the machine has put behind them.
        for target in ("basic", "default", "shutdown", "sockets", "timers", "paths", "exit"):
            (UNITS / f"{target}.target").write_text(f"[Unit]\nDescription={target}\nDefaultDependencies=no\n")
        self.configure()
        self.drop_in("short", f"[Service]\nWatchdogSec={WATCHDOG:g}s\nTimeoutStopSec={STOP_TIMEOUT:g}s\n"
                     f"StandardError=append:{LOG}\n[Unit]\nStartLimitBurst=1000\n")

    def configure(self, more=""):
        (HOME / ".config/backplane/backplaned.json").write_text(CONFIG % more)

    def drop_in(self, name, text):
        folder = UNITS / f"{UNIT}.d"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.conf").write_text(text)

    def enter_group(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text("0")

    def start(self):
        # Whoever was moved must see it: see above.
        probe = subprocess.run(["cat", "/proc/self/cgroup"], preexec_fn=self.enter_group, capture_output=True, text=True, check=True)
        own = self.groups[0].name
        moved = [line for line in probe.stdout.splitlines() if line.split(":", 2)[1] in ("", "name=systemd")]
        if not moved or any(not line.endswith("/" + own) for line in moved):
            raise Skip(f"the test cannot move into a cgroup of its own: {moved}")
        log = LOG.open("ab")
        self.process = subprocess.Popen([MANAGER, "--user", "--log-target=console", "--unit=basic.target"], env=self.environment,
                                        preexec_fn=self.enter_group, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        start_new_session=True)
        try:
            eventually("a manager that answers", lambda: self.process.poll() is not None or self.ctl("is-system-running").stdout.strip()
                       in ("running", "degraded"))
        except Wrong as wrong:
            raise Skip(f"systemd --user does not run here: {wrong}; {self.last_words()}") from wrong
        if self.process.poll() is not None:
            raise Skip(f"systemd --user ends with {self.process.returncode}: {self.last_words()}")

    def last_words(self):
        lines = LOG.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def ctl(self, *words, seconds=PATIENCE):
        return subprocess.run(["systemctl", "--user", *words], env=self.environment, capture_output=True, text=True, timeout=seconds)

    def do(self, *words):
        done = self.ctl(*words)
        expect(done.returncode == 0, f"systemctl --user {' '.join(words)}: {done.stderr.strip()}")

    def show(self, name, unit=UNIT):
        return self.ctl("show", "--value", "-p", name, unit).stdout.strip()

    def main_pid(self):
        return int(self.show("MainPID") or 0)

    def backplanectl(self, *words, wait=True):
        call = [str(self.programs / "backplanectl"), "--socket", str(SOCKET), *words]
        environment = {**self.environment, "BACKPLANE_SOCKET": str(SOCKET)}
        if wait:
            return subprocess.run(call, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        return subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


# ---- what is seen from outside of the daemon ------------------------------------------------------------------------------


def processes():
    """pid -> (parent, state, command line, session)"""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            rest = stat[stat.rindex(")") + 2:].split()
            found[int(entry.name)] = (int(rest[1]), rest[0], words, int(rest[3]))
    return found


def workers():
    """Those with this socket in their environment that lead a session, as a worker does and what it starts does not."""
    found = set()
    wanted = f"BACKPLANE_SOCKET={SOCKET}".encode()
    for pid, (_, state, _, session) in processes().items():
        try:
            variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in variables and state != "Z" and session == pid:
            found.add(pid)
    return found


def daemons():
    """Those that a keeper started, and those that took over in place."""
    return [pid for pid, (_, state, words, _) in processes().items()
            if words.split(" ")[1:2] in (["--kept-by"], ["--handed"]) and state != "Z"]


def serving(manager):
    return manager.backplanectl("--timeout", "2s", "ping").returncode == 0


def settled(manager, count=3):
    """All workers run and one daemon serves; their pids."""
    eventually("a daemon that answers", lambda: serving(manager))
    eventually("all workers", lambda: len(workers()) == count)
    eventually("one daemon", lambda: len(daemons()) == 1)
    return workers()


class Watch:
    """Somebody who wants to be told of the death of worker `a`."""

    def __init__(self, manager):
        self.manager = manager
        self.process = manager.backplanectl("watch", "a", wait=False)
        eventually("a link of the monitor's", lambda: self.status()["links_total"] == 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def status(self):
        return json.loads(self.manager.backplanectl("status", "a", "--json").stdout or '{"links_total": 0}')

    def told_nothing(self):
        if self.process.poll() is not None:
            raise Wrong(f"the monitor was told {self.process.communicate()[0]!r}")
        expect(self.status()["links_total"] == 1, "the monitor's link is gone")

    def told_of_a_death(self):
        os.kill(self.status()["pid"], signal.SIGKILL)
        told, _ = self.process.communicate(timeout=PATIENCE)
        expect(self.process.returncode == 1 and len(told.strip().splitlines()) == 1, f"the monitor is told {told!r}")


# ---- the claims ----------------------------------------------------------------------------------------------------------


def ready(manager):
    manager.do("start", UNIT)  # returns when READY=1 was said
    expect(manager.show("ActiveState") == "active" and manager.show("SubState") == "running", "the unit is not active")
    expect(daemons() and processes()[daemons()[0]][0] == manager.main_pid(), "the main process is not the daemon's keeper")
    expect(manager.show("StatusText") != "", "no status is shown")
    settled(manager)


def restart_keeps_workers(manager):
    before = settled(manager)
    with Watch(manager) as watch:
        for _ in range(3):
            keeper = manager.main_pid()
            manager.do("restart", UNIT)
            expect(settled(manager) == before, f"workers {before} became {workers()}")
            expect(manager.main_pid() not in (0, keeper), "nothing was restarted")
        watch.told_nothing()
        watch.told_of_a_death()
    settled(manager)


def stop_leaves_none(manager):
    settled(manager)
    manager.do("stop", UNIT)
    expect(not workers() and not daemons(), f"left: {[processes().get(pid) for pid in [*workers(), *daemons()]]}")
    expect(manager.show("Result") == "success" and manager.show("ActiveState") == "inactive", "the unit did not end in order")
    expect(not list(SOCKET.parent.iterdir()), f"left: {list(SOCKET.parent.iterdir())}")


def late_stop_leaves_none(manager):
    manager.configure(STUBBORN)
    try:
        manager.do("start", UNIT)
        settled(manager, 4)
        manager.do("stop", UNIT)
        expect(not workers() and not daemons(), f"left: {[processes().get(pid) for pid in [*workers(), *daemons()]]}")
        expect(manager.show("Result") == "timeout", f"the result is {manager.show('Result')}")
        manager.configure()
        manager.do("start", UNIT)  # and the next daemon does not go on with that stop
        settled(manager)
        time.sleep(1)
        expect(manager.show("ActiveState") == "active" and len(workers()) == 3, "the next daemon ends too")
        manager.do("stop", UNIT)
    finally:
        manager.configure()
        manager.ctl("reset-failed", UNIT)


def crash_is_not_noticed(manager):
    before = settled(manager)
    keeper, daemon, starts = manager.main_pid(), daemons()[0], manager.show("NRestarts")
    with Watch(manager) as watch:
        os.kill(daemon, signal.SIGKILL)
        eventually("another daemon", lambda: daemons() and daemons() != [daemon])
        expect(settled(manager) == before, f"workers {before} became {workers()}")
        expect(manager.main_pid() == keeper and manager.show("NRestarts") == starts, "systemd has noticed")
        watch.told_nothing()


def keeper_is_started_anew(manager):
    before = settled(manager)
    keeper = manager.main_pid()
    with Watch(manager) as watch:
        os.kill(keeper, signal.SIGKILL)
        eventually("another main process", lambda: manager.main_pid() not in (0, keeper) and manager.show("SubState") == "running")
        expect(settled(manager) == before, f"workers {before} became {workers()}")
        expect(processes()[daemons()[0]][0] == manager.main_pid(), "the daemon is not the new keeper's")
        watch.told_nothing()


def failed_for_good(manager):
    manager.drop_in("once", "[Service]\nRestart=no\n")
    manager.do("daemon-reload")
    try:
        before = settled(manager)
        os.kill(manager.main_pid(), signal.SIGKILL)
        eventually("a failed unit and no daemon", lambda: manager.show("ActiveState") == "failed" and not daemons())
        expect(workers() == before, f"workers {before} became {workers()}")
        manager.do("start", UNIT)
        expect(settled(manager) == before, f"adopted: {workers()} of {before}")
        os.kill(manager.main_pid(), signal.SIGKILL)
        eventually("a failed unit and no daemon", lambda: manager.show("ActiveState") == "failed" and not daemons())
        manager.do("kill", "--signal=SIGKILL", UNIT)
        eventually("the end of all workers", lambda: not workers())
    finally:
        (UNITS / f"{UNIT}.d/once.conf").unlink()
        manager.do("daemon-reload")
        manager.do("start", UNIT)


def hang_is_ended(manager):
    before = settled(manager)
    keeper, daemon, starts = manager.main_pid(), daemons()[0], manager.show("NRestarts")
    os.kill(daemon, signal.SIGSTOP)
    eventually("another daemon", lambda: daemons() and daemons() != [daemon], PATIENCE + WATCHDOG)
    expect(settled(manager) == before, f"workers {before} became {workers()}")
    time.sleep(1.5 * WATCHDOG)  # longer than systemd itself would wait
    expect(manager.main_pid() == keeper and manager.show("NRestarts") == starts, "systemd has noticed")
    expect(workers() == before and len(daemons()) == 1, "workers or daemon have changed since")


def socket_starts_it(manager):
    manager.do("start", "backplaned.socket")
    there = SOCKET.stat().st_ino
    expect(SOCKET.stat().st_mode & 0o777 == 0o600, "others may connect")
    expect(manager.show("ActiveState") == "inactive" and not daemons(), "it runs already")
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(SOCKET))
        eventually("a started unit", lambda: manager.show("ActiveState") == "active")
    before = settled(manager)
    expect(SOCKET.stat().st_ino == there, "it listens on another socket")
    os.kill(daemons()[0], signal.SIGKILL)
    expect(settled(manager) == before and SOCKET.stat().st_ino == there, "a crash loses workers or the socket")
    expect(manager.backplanectl("reexec").returncode == 0, "it cannot be replaced in place")
    expect(settled(manager) == before and SOCKET.stat().st_ino == there, "a program in its place loses workers or the socket")
    manager.do("restart", UNIT)
    expect(settled(manager) == before and SOCKET.stat().st_ino == there, "a restart loses workers or the socket")
    names = {words.split("=")[0] for pid in [*before, *daemons()] for words in
             pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")}
    expect(not any(name.startswith("LISTEN_") for name in names), "LISTEN_ variables went along")


def socket_outlives_it(manager):
    there = SOCKET.stat().st_ino
    manager.do("stop", UNIT)
    expect(not workers() and not daemons(), "something is left")
    expect(SOCKET.exists() and SOCKET.stat().st_ino == there, "the manager's socket was removed")
    expect(serving(manager), "nobody is started by who connects then")
    settled(manager)
    manager.do("stop", "backplaned.socket", UNIT)
    expect(not SOCKET.exists() and not workers(), "socket or workers are left")


CLAIMS = [
    ("READY is said, and the main process is the keeper", ready),
    ("restart: no worker is lost, a monitor is told nothing, and of a death afterwards", restart_keeps_workers),
    ("SIGKILL of the daemon: systemd does not notice, the workers live", crash_is_not_noticed),
    ("SIGKILL of the keeper: it is started anew, the workers live, there is one daemon", keeper_is_started_anew),
    ("failed for good: workers run on, a later start adopts them, systemctl kill ends them", failed_for_good),
    ("SIGSTOP of the daemon: the keeper replaces it, systemd does not notice", hang_is_ended),
    ("stop: no worker is left", stop_leaves_none),
    ("stop: none is left either where one does not end in time", late_stop_leaves_none),
    ("socket: who connects has the daemon started; crash, reexec and restart keep the socket", socket_starts_it),
    ("socket: it outlives a stop of the daemon", socket_outlives_it),
]


def init(words):
    """As process 1 of the namespace: whoever loses its parent becomes our child and is taken away, and all end with us."""
    tester = os.fork()
    if tester == 0:
        try:
            code = main(["--test", *words])
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
            code = 1
        os._exit(code)
    while True:
        pid, status = os.wait()
        if pid == tester:
            return os.waitstatus_to_exitcode(status) & 0xff


def inside(words):
    manager = Manager(pathlib.Path(words[0]), [pathlib.Path(group) for group in words[2:]])
    passed = failed = 0
    try:
        manager.start()
        for text, claim in CLAIMS:
            begun = time.monotonic()
            try:
                claim(manager)
                passed += 1
                print(f"ok      {text} ({time.monotonic() - begun:.1f} s)", flush=True)
            except Exception as wrong:  # one that fails must not hide the others
                failed += 1
                print(f"FAILED  {text}: {wrong}", flush=True)
                if not isinstance(wrong, Wrong):
                    traceback.print_exc()
                manager.ctl("reset-failed", UNIT)
                if claim is not stop_leaves_none:
                    manager.ctl("start", UNIT)
    finally:
        if LOG.exists():
            shutil.copyfile(LOG, words[1])
    print(f"tally: {passed} passed, {failed} failed, 0 skipped", flush=True)
    return 1 if failed else 0


def main(words):
    try:
        if words[:1] == ["--inside"]:
            return init(words[1:])
        return inside(words[1:]) if words[:1] == ["--test"] else outside(words)
    except Skip as why:
        print(f"skipped: {why}")
        return 77


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
