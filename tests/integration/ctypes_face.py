# SPDX-License-Identifier: Apache-2.0
"""What backplane.h declares, in the words of Python's ctypes, as far as ctypes_test.py uses it; and a client over it."""
import ctypes
import os
import time
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

OK, LINK_DOWN, NOT_FOUND, NOT_SUPPORTED, NO_SUPERVISOR, TIMEOUT, INVALID_ARGUMENT = 0, 2, 22, 44, 45, 48, 93
MONITOR = 1
DISCONNECTED, SHUTDOWN = 1, 2
FAULT_DROP, FAULT_ERROR = 1, 2
NO_WAIT = 1
PLENTY = 60 * 10**9
LOGS_SINCE = 1


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


class Task(Structure):
    _fields_ = ([("size", c_uint32), ("restart", c_uint32), ("managed", c_uint32), ("reserved", c_uint32)] + texts("name", "starter") +
                [("argument_count", c_size_t), ("start_timeout_ns", c_int64), ("shutdown_ns", c_int64)])


class LogsOptions(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("since", c_uint64), ("lines", c_uint32), ("reserved", c_uint32)]


ON_EXIT = ctypes.CFUNCTYPE(ctypes.c_int, POINTER(Exit), c_void_p)
ON_LOG_LINE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER(LogLine), c_void_p)
ON_TASK_START = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
ON_MESSAGE = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Message), c_void_p)


class Handlers(Structure):
    _fields_ = [("size", c_uint32), ("reserved", c_uint32), ("on_message", ON_MESSAGE), ("on_event", c_void_p)]


def sized(kind, /, **members):
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
            "bp_client_offer": [c_void_p, c_char_p, c_size_t, ON_TASK_START, c_void_p, c_int64],
            "bp_client_withdraw_offer": [c_void_p, c_char_p, c_size_t],
            "bp_task_start_get": [c_void_p, POINTER(Task)],
            "bp_task_start_argument": [c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t)],
            "bp_task_start_keep": [c_void_p], "bp_task_start_running": [c_void_p, POINTER(c_void_p)],
            "bp_device_disconnect": [c_void_p, POINTER(Fault)], "bp_device_close": [c_void_p],
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
