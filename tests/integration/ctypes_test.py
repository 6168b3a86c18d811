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
import traceback
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from protocol_test import start_daemon  # noqa: E402

OK, LINK_DOWN, TIMEOUT, INVALID_ARGUMENT = 0, 2, 48, 93
MONITOR = 1
DISCONNECTED = 1
FAULT_DROP = 1
PLENTY = 60 * 10**9


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


ON_MESSAGE = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Message), c_void_p)


class Handlers(Structure):
    _fields_ = [("size", c_uint32), ("reserved", c_uint32), ("on_message", ON_MESSAGE), ("on_event", c_void_p)]


def sized(kind, **members):
    return kind(size=ctypes.sizeof(kind), **members)


def load():
    bp = ctypes.CDLL(os.path.join(os.environ["BP_BIN_DIR"], "..", "lib", "libbackplane.so"))
    for name, arguments in {
            "bp_client_connect": [POINTER(ConnectOptions), POINTER(c_void_p), c_char_p, c_size_t],
            "bp_client_close": [c_void_p], "bp_client_ping": [c_void_p, c_int64, POINTER(c_int64)],
            "bp_client_wait": [c_void_p, c_int64], "bp_client_device": [c_void_p, POINTER(c_void_p)],
            "bp_client_set_handlers": [c_void_p, POINTER(Handlers), c_void_p],
            "bp_device_line": [c_void_p, POINTER(Line)], "bp_device_link_wait": [c_void_p, POINTER(Line), c_uint32, c_int64],
            "bp_device_next": [c_void_p, c_int64, POINTER(Message)], "bp_device_try_receive": [c_void_p, POINTER(Message)],
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
        daemon, path = start_daemon(folder)
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
