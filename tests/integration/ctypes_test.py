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
from ctypes import byref, c_size_t, c_void_p

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ctypes_face import *  # noqa: E402,F403
from protocol_test import start_daemon  # noqa: E402

# `api` falls with `db`; `loser` says why it will not last; `talker` says four words; `pool` has two partitions; `job` runs here.
CONFIGURATION = """{"supervisor": {"intensity": 100, "children": [
    {"name": "db", "exec": ["sleep", "1000"], "backoff": "none"},
    {"name": "api", "exec": ["sleep", "1000"], "backoff": "none", "managed": true, "links": [{"to": "db", "mode": "monitor"}]},
    {"name": "loser", "exec": ["sh", "-c", "echo out of luck >&2; exec sleep 1000"], "backoff": "none"},
    {"name": "talker", "exec": ["sh", "-c", "echo one; echo two; echo three; echo four; exec sleep 1000"], "stdout": "relay"},
    {"name": "pool", "supervisor": {"partitions": 2, "template": {"exec": ["sleep", "1000"]}}},
    {"name": "job", "task": "ctypes.job", "arguments": ["x", "y"], "backoff": "none"}]}}"""


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


class Runner:
    """Offers the tasks of `job`. The second that it is asked for it forgets, the third one it puts aside, the others it runs."""

    def __init__(self, bp, client):
        self.bp, self.client, self.asked, self.kept, self.device = bp, client, [], None, c_void_p()
        self.function = ON_TASK_START(self.take)
        assert client.ask(bp.bp_client_offer, "ctypes.job", self.function, None, PLENTY) == OK

    def take(self, start, _):
        task, words = sized(Task), []
        assert self.bp.bp_task_start_get(start, byref(task)) == OK
        for index in range(task.argument_count):
            at, length = c_void_p(), c_size_t()
            assert self.bp.bp_task_start_argument(start, index, byref(at), byref(length)) == OK
            words.append(ctypes.string_at(at, length.value).decode())
        self.asked.append((text_of(task, "name"), text_of(task, "starter"), words, task.restart))
        if len(self.asked) == 3:
            assert self.bp.bp_task_start_keep(start) == OK
            self.kept = start
        elif len(self.asked) != 2:
            self.run(start)

    def run(self, start):
        assert self.bp.bp_task_start_running(start, byref(self.device)) == OK

    def wait_for(self, count):
        while len(self.asked) < count:
            assert self.bp.bp_client_wait(self.client.handle, PLENTY) == OK

    def end(self, fault=None):
        """The task ends, and its handle goes."""
        assert self.bp.bp_device_disconnect(self.device, byref(fault) if fault else None) == OK
        assert self.bp.bp_device_close(self.device) == OK


def test_task_is_offered_started_and_restarted(bp, path):
    client, eye, message, why = Client(bp, path), Client(bp, path), sized(Message), b"no paper"
    assert (text_of(eye.row("job"), "reason"), text_of(eye.row("job"), "waits_for")) == ("starter", "ctypes.job")
    runner = Runner(bp, client)
    runner.wait_for(1)
    eventually(lambda: text_of(eye.row("job"), "state") == "running")
    assert text_of(eye.row("job"), "kind") == "task"
    text = ctypes.create_string_buffer(why)
    runner.end(sized(Fault, kind=FAULT_ERROR, text=ctypes.addressof(text), text_length=len(why)))
    # Its supervisor restarts it. The attempt of which nothing is said has failed, and the next is running when it is said so.
    runner.wait_for(3)
    job = ("job", "ctypes.job", ["x", "y"])
    assert runner.asked == [job + (0,), job + (1,), job + (1,)], runner.asked
    assert [one[1] for one in eye.exits("job")] == ["error{its start function did not say what became of it}", "error{no paper}"]
    assert text_of(eye.row("job"), "state") == "restarting"
    runner.run(runner.kept)
    assert bp.bp_client_ping(client.handle, PLENTY, None) == OK
    assert text_of(eye.row("job"), "state") == "running"
    # Its supervisor asks it to end, and it does.
    assert eye.ask(bp.bp_client_stop, "job", NO_WAIT, PLENTY) == OK
    assert bp.bp_device_next(runner.device, PLENTY, byref(message)) == OK and message.kind == SHUTDOWN
    runner.end()
    eventually(lambda: text_of(eye.row("job"), "state") == "down")
    client.close()
    eye.close()


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
        daemon, path = start_daemon(folder, CONFIGURATION)
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
