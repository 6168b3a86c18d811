#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C face from outside C: Python's ctypes and what backplane.h says, against a real daemon.

    ctypes_test.py                  with $BP_BIN_DIR, beside which lib/libbackplane.so lies
    ctypes_test.py --other SOCKET   a process with a Device, whose line it prints; it lives until it is killed
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from protocol_test import start_daemon  # noqa: E402

OK, LINK_DOWN, NOT_FOUND, NOT_SUPPORTED, NO_SUPERVISOR, TIMEOUT, INVALID_ARGUMENT = 0, 2, 22, 44, 45, 48, 93
MONITOR = 1
DISCONNECTED = 1
FAULT_DROP = 1
PLENTY = 60 * 10**9
LOGS_SINCE = 1

# `api` falls with `db`; `loser` says why it will not last; `talker` says four words;
# `pool` has two partitions.
CHILDREN = """[
    {"name": "db", "exec": ["sleep", "1000"], "backoff": "none"},
    {"name": "api", "exec": ["sleep", "1000"], "backoff": "none", "managed": true, "links": [{"to": "db", "mode": "monitor"}]},
    {"name": "loser", "exec": ["sh", "-c", "echo out of luck >&2; exec sleep 1000"], "backoff": "none"},
    {"name": "talker", "exec": ["sh", "-c", "echo one; echo two; echo three; echo four; exec sleep 1000"], "stdout": "relay"},
    {"name": "pool", "supervisor": {"partitions": 2, "template": {"exec": ["sleep", "1000"]}}}]"""


class Line(Structure):
    _fields_ = [("size", c_uint32), ("reserved", c_uint32), ("epoch", c_uint64), ("id", c_uint64)]


class Fault(Structure):
    _fields_ = [("size", c_uint32), ("kind", c_uint32), ("argument", c_int32), ("root_kind", c_uint32), ("root_argument", c_int32),
                ("hops", c_uint32), ("cascade", Line), ("root", Line), ("text", c_void_p), ("text_length", c_size_t)]


class Message(Structure):
    _fields_ = [("size", c_uint32), ("kind", c_uint32), ("line", Line), ("fault", POINTER(Fault))]


class ConnectOptions(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("path", c_char_p), ("path_length", c_size_t), ("name", c_char_p),
                ("name_length", c_size_t), ("timeout_ns", c_int64)]


def texts(*names):
    """Members that are texts: each a pointer and a length."""
    return [member for name in names for member in ((name, c_void_p), (name + "_length", c_size_t))]


class Row(Structure):
    _fields_ = ([("size", c_uint32), ("reserved", c_uint32), ("line", Line)] + texts("name", "kind", "state", "supervisor", "fault") +
                [("pid", c_int64), ("restarts", c_int64)] + texts("last_exit", "restart", "strategy") +
                [(name, c_int64) for name in ("failures", "next_start_ms", "window_used", "intensity", "period_ms", "links")] +
                texts("reason", "waits_for"))


class Cause(Structure):
    _fields_ = ([("size", c_uint32), ("was_ready", c_int32), ("line", Line)] + texts("because", "name", "kind", "state", "reason") +
                [(name, c_int64) for name in ("time_us", "age_ms", "uptime_ms", "window_count")] + texts("last_words"))


class Why(Structure):
    _fields_ = ([("size", c_uint32), ("reserved", c_uint32), ("row", POINTER(Row)), ("ends", c_void_p), ("end_count", c_size_t),
                 ("waits", c_void_p), ("wait_count", c_size_t)] + texts("restart") +
                [(name, c_int64) for name in ("failures", "since_ms", "restart_count", "window_used", "window_intensity",
                                              "window_period_ms")])


class Event(Structure):
    _fields_ = ([("size", c_uint32), ("kind", c_uint32), ("status", c_int32), ("up", c_uint32), ("line", Line), ("other", Line)] +
                texts("name", "what", "text") + [("incarnation", c_uint64), ("away_ns", c_int64), ("seq", c_uint64), ("time_us", c_int64),
                                                 ("fields", c_void_p), ("field_count", c_size_t)])


class Impact(Structure):
    _fields_ = ([("size", c_uint32), ("complete", c_uint32), ("line", Line)] + texts("name", "kind", "fault") +
                [("length_ms", c_int64), ("ends", c_uint64), ("falls", c_uint64), ("starts", c_uint64), ("gives_up", c_uint64),
                 ("lists", c_void_p), ("told_count", c_size_t), ("event_count", c_size_t), ("fate_count", c_size_t),
                 ("told_total", c_uint64), ("event_total", c_uint64), ("fate_total", c_uint64)])


class Told(Structure):
    _fields_ = ([("size", c_uint32), ("falls", c_uint32), ("line", Line), ("about", Line)] +
                texts("name", "about_name", "kind", "client", "fault") +
                [("after_ms", c_int64), ("labels", c_void_p), ("label_count", c_size_t)])


class Exit(Structure):
    _fields_ = ([("size", c_uint32), ("was_ready", c_uint32), ("core", c_uint32), ("reserved", c_uint32), ("root", Line),
                 ("time_us", c_int64), ("uptime_ms", c_int64), ("incarnation", c_uint64), ("code", c_int64), ("signal", c_int64)] +
                texts("exit_class", "fault", "root_fault", "last_words"))


class LogLine(Structure):
    _fields_ = ([("size", c_uint32), ("goes_on", c_uint32), ("number", c_uint64), ("time_us", c_int64), ("incarnation", c_uint64)] +
                texts("stream", "text"))


class LogPage(Structure):
    _fields_ = ([("size", c_uint32), ("anew", c_uint32), ("next", c_uint64), ("end", c_uint64), ("missed", c_uint64),
                 ("dropped", c_uint64)] + texts("name", "stdout_to", "stderr_to"))


class LogsOptions(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("since", c_uint64), ("lines", c_uint32), ("reserved", c_uint32)]


ON_EXIT = ctypes.CFUNCTYPE(ctypes.c_int, POINTER(Exit), c_void_p)
ON_LOG_LINE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER(LogLine), c_void_p)
ON_MESSAGE = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Message), c_void_p)


class Handlers(Structure):
    _fields_ = [("size", c_uint32), ("reserved", c_uint32), ("on_message", ON_MESSAGE), ("on_event", c_void_p)]


def sized(kind, **members):
    return kind(size=ctypes.sizeof(kind), **members)


def text_of(struct, name):
    """A text member; None where there is none."""
    at = getattr(struct, name)
    return None if at is None else ctypes.string_at(at, getattr(struct, name + "_length")).decode()


def eventually(holds):
    """What becomes true in the end; gives what it gave."""
    deadline = time.monotonic() + PLENTY / 10**9
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come to it"
        time.sleep(0.005)


def load():
    bp = ctypes.CDLL(os.path.join(os.environ["BP_BIN_DIR"], "..", "lib", "libbackplane.so"))
    for name, arguments in {
            "bp_client_connect": [POINTER(ConnectOptions), POINTER(c_void_p), c_char_p, c_size_t],
            "bp_client_close": [c_void_p], "bp_client_ping": [c_void_p, c_int64, POINTER(c_int64)],
            "bp_client_wait": [c_void_p, c_int64], "bp_client_device": [c_void_p, POINTER(c_void_p)],
            "bp_client_set_handlers": [c_void_p, POINTER(Handlers), c_void_p],
            "bp_device_line": [c_void_p, POINTER(Line)], "bp_device_link_wait": [c_void_p, POINTER(Line), c_uint32, c_int64],
            "bp_device_next": [c_void_p, c_int64, POINTER(Message)], "bp_device_try_receive": [c_void_p, POINTER(Message)],
            "bp_client_route": [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_int64, POINTER(Line)],
            "bp_client_stop": [c_void_p, c_char_p, c_size_t, c_uint32, c_int64],
            "bp_client_start": [c_void_p, c_char_p, c_size_t, c_uint32, c_int64],
            "bp_client_describe": [c_void_p, c_char_p, c_size_t, c_int64, POINTER(Row)],
            "bp_client_why": [c_void_p, c_char_p, c_size_t, c_int64, POINTER(Why)],
            "bp_client_why_line": [c_void_p, POINTER(Line), c_int64, POINTER(Why)],
            "bp_causes_get": [c_void_p, c_size_t, POINTER(Cause)],
            "bp_client_impact": [c_void_p, c_char_p, c_size_t, c_int64, POINTER(Impact)],
            "bp_impact_told": [c_void_p, c_size_t, POINTER(Told)], "bp_impact_event": [c_void_p, c_size_t, POINTER(Event)],
            "bp_client_exits": [c_void_p, c_char_p, c_size_t, c_int64, ON_EXIT, c_void_p],
            "bp_client_logs": [c_void_p, c_char_p, c_size_t, POINTER(LogsOptions), c_int64, ON_LOG_LINE, c_void_p, POINTER(LogPage)],
            "bp_line_parse": [c_char_p, c_size_t, POINTER(Line)],
            "bp_line_format": [POINTER(Line), c_char_p, c_size_t, POINTER(c_size_t)],
            "bp_fault_format": [POINTER(Fault), c_char_p, c_size_t, POINTER(c_size_t)]}.items():
        getattr(bp, name).argtypes = arguments
        getattr(bp, name).restype = c_int32
    bp.bp_status_name.argtypes, bp.bp_status_name.restype = [c_int32, POINTER(c_size_t)], c_char_p
    bp.bp_is_compatible.argtypes, bp.bp_is_compatible.restype = [c_uint32, c_uint32], ctypes.c_int
    return bp


class Client:
    def __init__(self, bp, path):
        self.bp, self.handle, self.device, self.keep = bp, c_void_p(), c_void_p(), None
        path, detail = path.encode(), ctypes.create_string_buffer(200)
        options = sized(ConnectOptions, path=path, path_length=len(path), timeout_ns=PLENTY)
        status = bp.bp_client_connect(byref(options), byref(self.handle), detail, len(detail))
        assert status == OK, (bp.bp_status_name(status, None), detail.value)
        assert bp.bp_client_device(self.handle, byref(self.device)) == OK

    def line(self):
        line = sized(Line)
        assert self.bp.bp_device_line(self.device, byref(line)) == OK
        return line

    def text(self, call, value):
        buffer, length = ctypes.create_string_buffer(320), c_size_t()
        assert call(value, buffer, len(buffer), byref(length)) == OK
        return buffer.raw[:length.value].decode()

    def ask(self, call, name, *more):
        """A question about a name."""
        name = name.encode()
        return call(self.handle, name, len(name), *more)

    def row(self, name):
        """The whole row of a child, whose texts must be read at once."""
        row = sized(Row)
        assert self.ask(self.bp.bp_client_describe, name, PLENTY, byref(row)) == OK
        return row

    def restarts(self, name):
        """How often a child was restarted, once it runs; 0 before."""
        row = self.row(name)
        return row.restarts if text_of(row, "state") == "running" else 0

    def exits(self, name):
        """What is kept of a child's ends: class, fault, code, signal and last words of each, the newest first."""
        told = []
        take = ON_EXIT(lambda one, user: told.append((text_of(one.contents, "exit_class"), text_of(one.contents, "fault"),
                                                      one.contents.code, one.contents.signal, text_of(one.contents, "last_words"))) or 0)
        assert self.ask(self.bp.bp_client_exits, name, PLENTY, take, None) == OK
        return told

    def logs(self, name, **options):
        """A page of what a child wrote, and its lines."""
        lines, page = [], sized(LogPage)
        take = ON_LOG_LINE(lambda one, user: lines.append((one.contents.number, text_of(one.contents, "stream"),
                                                           text_of(one.contents, "text"))) or 0)
        options = sized(LogsOptions, **options)
        assert self.ask(self.bp.bp_client_logs, name, byref(options), PLENTY, take, None, byref(page)) == OK
        return page, lines

    def close(self):
        assert self.bp.bp_client_close(self.handle) == OK


class Other:
    """Another process with a Device."""

    def __init__(self, path):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--other", path], stdout=subprocess.PIPE)
        self.text = self.process.stdout.readline().strip()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def test_version(bp, path):
    assert bp.bp_is_compatible(0, 1) == 1 and bp.bp_is_compatible(9, 0) == 0


def test_killed_process_is_told_once(bp, path):
    client, other, line = Client(bp, path), Other(path), sized(Line)
    try:
        assert bp.bp_line_parse(other.text, len(other.text), byref(line)) == OK
        assert client.text(bp.bp_line_format, line).encode() == other.text
        assert bp.bp_device_link_wait(client.device, byref(line), MONITOR, PLENTY) == OK
    finally:
        other.kill()
    message = sized(Message)
    assert bp.bp_device_next(client.device, PLENTY, byref(message)) == OK
    assert (message.kind, message.line.epoch, message.line.id) == (DISCONNECTED, line.epoch, line.id)
    assert message.fault.contents.kind == FAULT_DROP
    assert client.text(bp.bp_fault_format, message.fault) == "drop"
    assert bp.bp_client_ping(client.handle, PLENTY, None) == OK
    assert bp.bp_device_try_receive(client.device, byref(message)) == TIMEOUT
    assert bp.bp_device_link_wait(client.device, byref(line), MONITOR, PLENTY) == LINK_DOWN
    client.close()


def test_functions_of_python_are_called(bp, path):
    client, other, told = Client(bp, path), Client(bp, path), []
    handlers = sized(Handlers, on_message=ON_MESSAGE(lambda device, message, user: told.append((device, message.contents.line.id))))
    assert bp.bp_client_set_handlers(client.handle, byref(handlers), None) == OK
    line = other.line()
    assert bp.bp_client_ping(other.handle, PLENTY, None) == OK
    assert bp.bp_device_link_wait(client.device, byref(line), MONITOR, PLENTY) == OK
    other.close()
    while not told:
        assert bp.bp_client_wait(client.handle, PLENTY) == OK
    assert told == [(client.device.value, line.id)]
    client.close()


def test_wrong_use_is_answered(bp, path):
    client, message = Client(bp, path), Message()
    assert bp.bp_device_try_receive(client.device, byref(message)) == INVALID_ARGUMENT
    assert bp.bp_device_try_receive(None, byref(message)) == INVALID_ARGUMENT
    assert bp.bp_client_close(None) == INVALID_ARGUMENT
    client.close()


def test_why_names_the_root_and_its_fault(bp, path):
    client, why, cause = Client(bp, path), sized(Why), sized(Cause)
    eventually(lambda: text_of(client.row("api"), "state") == "running" and client.row("db").pid > 0)
    before, db = client.restarts("api"), client.row("db")
    os.kill(db.pid, signal.SIGKILL)
    eventually(lambda: client.restarts("api") > before)
    assert client.ask(bp.bp_client_why, "api", PLENTY, byref(why)) == OK
    assert text_of(why.row.contents, "name") == "api" and why.end_count == 2, why.end_count
    told = []
    while bp.bp_causes_get(why.ends, len(told), byref(cause)) == OK:
        told.append((text_of(cause, "because"), text_of(cause, "name"), text_of(cause, "reason"), cause.was_ready))
    old = client.text(bp.bp_line_format, db.line)
    assert told == [("ended", "api", "cascade(%s)" % old, 1), ("depended_on", "db", "signal(9)", 1)], told
    assert bp.bp_causes_get(why.ends, 2, byref(cause)) == NOT_FOUND
    line = client.row("api").line
    assert bp.bp_client_why_line(client.handle, byref(line), PLENTY, byref(why)) == OK and why.end_count == 2
    assert client.ask(bp.bp_client_why, "nobody", PLENTY, byref(why)) == NOT_FOUND
    client.close()


def test_impact_names_who_would_be_restarted(bp, path):
    client, impact, told, event = Client(bp, path), sized(Impact), sized(Told), sized(Event)
    eventually(lambda: text_of(client.row("api"), "state") == "running" and text_of(client.row("db"), "state") == "running")
    pids = client.row("db").pid, client.row("api").pid
    assert client.ask(bp.bp_client_impact, "db", PLENTY, byref(impact)) == OK
    assert (impact.complete, impact.ends, impact.falls, impact.starts, impact.gives_up) == (1, 2, 1, 2, 0)
    assert bp.bp_impact_told(impact.lists, 0, byref(told)) == OK and impact.told_total == 1
    assert text_of(told, "name") == "api" and told.falls == 1 and text_of(told, "about_name") == "db"
    restarted, index = set(), 0
    while bp.bp_impact_event(impact.lists, index, byref(event)) == OK:
        if text_of(event, "what") == "child_starting":
            restarted.add(text_of(event, "name"))
        index += 1
    assert restarted == {"db", "api"} and index == impact.event_count, restarted
    assert impact.fate_total == 0
    assert pids == (client.row("db").pid, client.row("api").pid), "it was played, and not done"
    client.close()


def test_exits_have_last_words(bp, path):
    client = Client(bp, path)
    eventually(lambda: client.logs("loser")[1])
    os.kill(client.row("loser").pid, signal.SIGKILL)
    told = eventually(lambda: client.exits("loser"))
    assert told == [("abnormal", "signal(9)", -1, 9, "out of luck")], told
    assert client.ask(bp.bp_client_exits, "nobody", PLENTY, ON_EXIT(lambda one, user: 0), None) == NOT_FOUND
    client.close()


def test_logs_are_read_line_by_line(bp, path):
    client = Client(bp, path)
    eventually(lambda: len(client.logs("talker")[1]) == 4)
    page, lines = client.logs("talker", lines=2)
    assert [line[1:] for line in lines] == [("stdout", "three"), ("stdout", "four")], lines
    assert text_of(page, "stdout_to") == "relay" and page.next == page.end == lines[-1][0] + 1
    page, lines = client.logs("talker", flags=LOGS_SINCE, since=lines[-1][0])
    assert [line[2] for line in lines] == ["four"] and page.missed == 0, lines
    client.close()


def test_route_leads_to_a_partition_and_never_to_another(bp, path):
    client, line = Client(bp, path), sized(Line)

    def route(supervisor, key):
        return client.ask(bp.bp_client_route, supervisor, key.encode(), len(key), PLENTY, byref(line))

    for number in "0", "1":
        eventually(lambda: text_of(client.row("pool/" + number), "state") == "running")
        for key in number, "-" + number, str(int(number) + 10**6):
            assert route("pool", key) == OK and line.id == client.row("pool/" + number).line.id, key
    assert route("pool", "a name") == OK
    assert client.ask(bp.bp_client_stop, "pool/1", 0, PLENTY) == OK
    assert route("pool", "1") == LINK_DOWN and route("pool", "0") == OK
    assert client.ask(bp.bp_client_start, "pool/1", 0, PLENTY) == OK
    assert route("pool", "1") == OK
    assert (route("db", "1"), route("nobody", "1"), route("/", "1")) == (NO_SUPERVISOR, NO_SUPERVISOR, NOT_SUPPORTED)
    client.close()


def be_other(path):
    client = Client(load(), path)
    assert client.bp.bp_client_ping(client.handle, PLENTY, None) == OK
    print(client.text(client.bp.bp_line_format, client.line()), flush=True)
    while True:
        signal.pause()


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--other":
        return be_other(sys.argv[2])
    bp, failed, passed = load(), 0, 0
    folder = tempfile.mkdtemp(prefix="bp")
    try:
        daemon, path = start_daemon(folder, CHILDREN)
        for name, test in sorted(globals().items()):
            if name.startswith("test_"):
                try:
                    test(bp, path)
                    passed += 1
                except Exception:  # noqa: BLE001 - whatever it is, it is this test's failure, and the next one runs
                    failed += 1
                    print("FAILED %s" % name)
                    traceback.print_exc(limit=-3, file=sys.stdout)
        daemon.send_signal(signal.SIGTERM)
        if daemon.wait(timeout=60) != 0:
            failed += 1
            print("the daemon ended with %d" % daemon.returncode)
    finally:
        shutil.rmtree(folder)
    print("tally: %d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
