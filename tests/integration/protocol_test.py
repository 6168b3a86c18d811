#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds a daemon to proto/PROTOCOL.md as a stranger would, who knows nothing but that page.

    protocol_test.py SOCKET      against a daemon that runs already
    protocol_test.py             starts $BP_BIN_DIR/backplaned on a temporary socket, or, where that is not set, only
                                 checks this client against the samples of tests/vectors

Each test_ function is one promise of the document; rule numbers are in its words.
"""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from protocol_client import ACK, ERRORS, FAULTS, OPTIONAL, TYPES, Closed, Connection, pack, raw_frame  # noqa: E402
from protocol_samples import check_vectors, samples  # noqa: E402

PATH = None


def connect(**hello):
    return Connection(PATH).hello(**hello)


# ---- section 2: the handshake --------------------------------------------------------------------------------------

def test_welcome_has_all_that_the_document_lists():
    c = connect()
    w = c.welcome
    assert w["version"] == 1 and w["daemon"].startswith("backplaned/"), w
    assert w["epoch"] == w["epoch"].lower().lstrip("0") and len(w["epoch"]) <= 16, w
    assert w["session"] and w["token"] and w["resumed"] is False and w["resume_error"] is None and w["received"] == 0, w
    assert w["device"] is None and len(w["grants"]) == 4 and all(g["count"] == 64 for g in w["grants"]), w
    assert w["limits"]["frame_bytes_max"] == 65536 and w["limits"]["text_bytes_max"] == 200, w
    assert len(set(c.grants)) == 256, "each granted id is one's own"


def test_resume_is_answered_by_a_fresh_session():
    old = connect()
    new = connect(resume={"session": old.welcome["session"], "token": old.welcome["token"], "received": 0})
    assert new.welcome["resumed"] is False and new.welcome["resume_error"] == "unknown_session", new.welcome
    assert not set(new.grants) & set(old.grants), "no id twice (D-10)"


def test_no_common_version_is_said_whatever_else_is_in_hello():
    c = Connection(PATH)
    c.send(raw_frame(TYPES["hello"], 0, b'{"version_min":2,"version_max":9,"client":"later/1","colour":"red"}'))
    c.expect_bye("unsupported_version")


def test_frames_out_of_order_end_the_session():
    first = Connection(PATH)
    first.hot("create", id=1 << 32)
    first.expect_bye("out_of_order")
    second = connect()
    second.send(raw_frame(TYPES["hello"], 0, b'{"version_min":1,"version_max":1,"client":"again/1"}'))
    second.expect_bye("out_of_order")
    forger = connect()  # M-3: only the daemon makes notices.
    a = forger.create()
    forger.send(pack("notice", to=a, about=a, fault=1))
    forger.expect_bye("out_of_order")


def test_a_request_may_follow_hello_at_once():
    c = Connection(PATH)
    c.send(raw_frame(TYPES["hello"], 0, b'{"version_min":1,"version_max":1,"client":"hasty/1"}') +
           raw_frame(TYPES["request"], 0, struct.pack("<Q", 77) + b'{"call":"daemon"}'))
    c.expect("welcome")
    assert c.reply(77)["ok"]["pid"] > 0


# ---- section 5: links and what is told of a death -------------------------------------------------------------------

def test_the_death_of_anothers_device_is_told_once_with_drop():
    """The whole story: register, look up, link, connection closed, notice, name free (D-3, D-6, D-11)."""
    owner, watcher = connect(), connect()
    device = owner.create()
    owner.call("register", name="stranger.story", device=owner.line_of(device))
    found = watcher.call("lookup", name="stranger.story")
    assert watcher.id_of(found["device"]) == device and found["name"] == "stranger.story", found
    mine = watcher.create()
    watcher.hot("link", ACK, **{"from": mine, "to": device, "mode": 1})
    watcher.acknowledged()
    owner.close()
    notice = watcher.expect("notice", to=mine, about=device, text="").body
    assert FAULTS[notice["fault"]] == "drop" and notice["root"] == 0 and notice["cascade"] == 0, notice
    watcher.hot("ack", count=watcher.received)
    watcher.fails("not_found", "lookup", name="stranger.story")
    watcher.barrier()


def test_a_breach_drops_the_devices():
    """D-2: whatever a connection is cut for, its Devices go at once, each told once, with the reason as detail."""
    watcher = connect()
    mine = watcher.create()
    for error, breach in (("out_of_order", pack("notice", fault=1)), ("unknown_frame", raw_frame(0x42, 0, b"")),
                          ("malformed", raw_frame(TYPES["create"], 0, b"short")), ("bad_ack", pack("ack", count=77)),
                          ("oversized", struct.pack("<IHH", 1 << 30, 1, 0))):
        owner = connect()
        devices = [owner.create(), owner.create(flags=ACK)]
        owner.acknowledged()
        for device in devices:
            watcher.hot("link", **{"from": mine, "to": device, "mode": 1})
        watcher.barrier()
        owner.send(breach)
        for device in devices:
            watcher.expect("notice", to=mine, about=device, fault=FAULTS.index("drop"), text=error)
        owner.expect_bye(error)
        watcher.barrier()


def test_the_ack_of_a_link_stands_before_its_notice():
    """T-4: on the wire, also where link and death are carried out in one go, by one connection or by two."""
    owner, c = connect(), connect()
    a = c.create()
    for turn in range(100):
        dying = c.create() if turn % 2 else owner.create(flags=ACK)
        if turn % 2 == 0:
            owner.acknowledged()
        number = c.sent + 1
        link = pack("link", ACK, **{"from": a, "to": dying, "mode": 1})
        end = pack("disconnect", id=dying, fault=1)
        if turn % 2:
            c.send(link + end, 2)
        else:
            c.send(link, 1)
            owner.send(end, 1)
        while True:
            frame = c.next_of_all()
            if frame.name != "ack":
                break
        if frame.name == "refusal":  # the death was first
            assert turn % 2 == 0 and frame.body["operation"] == number and frame.body["code"] == ERRORS["link_down"], frame
            c.acknowledged(number)
        else:
            assert frame.name == "notice" and frame.body["about"] == dying and c.acked >= number, (frame, c.acked, number)
        c.barrier()


def test_requests_before_the_close_are_carried_out():
    """T-6: whole frames count, whatever their number; the half one at the end does not; then the Devices drop in creation order."""
    watcher = connect()
    mine = watcher.create(flags=ACK)
    watcher.acknowledged()
    for end in (b"", pack("bye", code=ERRORS["closed"])):
        owner = connect()
        ids = owner.grants[:200]
        frames = [pack("create", id=i) + pack("link", **{"from": i, "to": mine, "mode": 2}) for i in ids]
        frames.append(pack("disconnect", id=ids[7], fault=2, text="said in time"))
        last = pack("disconnect", id=ids[8], fault=2, text="cut in the middle")
        owner.send(b"".join(frames) + (end or last[:-3]))
        owner.close()
        watcher.expect("notice", about=ids[7], fault=FAULTS.index("error"), text="said in time")
        for device in ids[:7] + ids[8:]:
            watcher.expect("notice", to=mine, about=device, fault=FAULTS.index("drop"), text="")
        watcher.barrier()


def test_success_without_the_flag_is_silent():
    c = connect()
    a, b = c.create(), c.create()
    c.hot("link", **{"from": a, "to": b, "mode": 3})
    c.hot("unlink", **{"from": a, "to": b, "mode": 3})
    c.hot("manage", id=a, on=1)
    c.hot("disconnect", id=b)
    c.barrier()


def test_ack_is_cumulative_and_skipped_frames_do_not_count():
    c = connect()
    for _ in range(9):
        c.create()
    c.send(raw_frame(0x7F, OPTIONAL, b"not known to anybody"))
    c.create(flags=ACK)
    c.acknowledged(10)
    c.send(raw_frame(0x1FF, OPTIONAL, b""))
    c.request("daemon")
    c.expect("reply")
    c.create(flags=ACK)
    c.acknowledged(12)


def test_frames_may_arrive_byte_by_byte():
    c = connect()
    frame = pack("create", ACK, id=c.grants.pop(0))
    for place, byte in enumerate(frame):
        c.send(bytes([byte]), 1 if place + 1 == len(frame) else 0)
    c.acknowledged(1)


def test_a_fault_is_told_as_it_was_given():
    c = connect()
    told = c.create()
    for fault, argument, text in ((0, 0, ""), (2, 0, "disk full à ras bord"), (4, 3, ""), (5, 9, "stray"), (6, 2, ""), (8, 0, "")):
        b = c.create()
        c.hot("link", **{"from": told, "to": b, "mode": 1})
        c.hot("disconnect", id=b, fault=fault, argument=argument, text=text)
        c.expect("notice", to=told, about=b, fault=fault, argument=argument, text=text)


def test_links_are_one_edge_however_often_they_are_made():
    """L-2, L-3, L-4: additive, subtractive, one notice."""
    c = connect()
    a, b = c.create(), c.create()
    for _ in range(3):
        c.hot("link", **{"from": a, "to": b, "mode": 1})
    c.hot("link", **{"from": b, "to": a, "mode": 2})  # the same edge from the other side
    c.hot("disconnect", id=b, fault=1)
    c.expect("notice", to=a, about=b)
    c.barrier()
    x, y, z = c.create(), c.create(), c.create()
    c.hot("link", **{"from": x, "to": y, "mode": 3})
    c.hot("unlink", **{"from": x, "to": y, "mode": 1})  # only "tell y when x goes" is left
    c.hot("link", **{"from": z, "to": y, "mode": 1})
    c.hot("disconnect", id=y, fault=1)
    c.expect("notice", to=z, about=y)  # x would have been told before: its link is older
    c.barrier()


def test_linking_to_the_dead_has_exactly_one_outcome():
    """L-9 in its three forms, for a Device that died with a fault and for one that nobody knows."""
    c = connect()
    a, dead = c.create(), c.create()
    unknown = c.grants[-1]
    c.hot("disconnect", id=dead, fault=2, text="worn out")
    for target in (dead, unknown):
        number = c.hot("link", ACK, **{"from": a, "to": target, "mode": 1})
        c.expect("refusal", operation=number, code=ERRORS["link_down"], refused=TYPES["link"], device=a, other=target)
        c.acknowledged(number)
        number = c.hot("link", **{"from": a, "to": target, "mode": 2})
        c.expect("refusal", operation=number, code=ERRORS["link_down"], device=a, other=target)
        c.hot("link", **{"from": a, "to": target, "mode": 3})
        notice = c.expect("notice", to=a, about=target).body
        assert FAULTS[notice["fault"]] == ("error" if target == dead else "unreachable"), notice
        assert notice["text"] == ("worn out" if target == dead else ""), notice
    c.barrier()


def test_a_refusal_says_what_is_known_of_the_dead():
    """L-8: the tail of link_down."""
    c = connect()
    a, well, faulted, worded = c.create(), c.create(), c.create(), c.create()
    c.hot("disconnect", id=well)
    c.hot("disconnect", id=faulted, fault=4, argument=3)
    c.hot("disconnect", id=worded, fault=2, text="disk full")
    for target, text in ((well, "dead"), (faulted, "dead(exit(3))"), (worded, "dead(error{disk full})"), (c.grants[-1], "unknown")):
        c.hot("link", **{"from": a, "to": target, "mode": 2})
        c.expect("refusal", code=ERRORS["link_down"], other=target, text=text)


def test_other_failures_are_refused_and_change_nothing():
    c, other = connect(), connect()
    a = c.create()
    theirs = other.create(flags=ACK)
    other.acknowledged()
    for name, fields, error in (("link", {"from": a, "to": a, "mode": 1}, "self_link"),
                                ("create", {"id": a}, "id_in_use"),
                                ("create", {"id": other.grants[0]}, "not_owner"),
                                ("disconnect", {"id": theirs}, "not_owner"),
                                ("manage", {"id": theirs, "on": 1}, "not_owner")):
        number = c.hot(name, **fields)
        c.expect("refusal", operation=number, code=ERRORS[error], refused=TYPES[name])
    b = c.create()
    c.hot("disconnect", id=a)
    number = c.hot("link", **{"from": a, "to": b, "mode": 1})
    c.expect("refusal", operation=number, code=ERRORS["device_down"], device=a)
    c.hot("disconnect", id=a)  # D-4: once more is silent
    c.barrier()
    other.barrier()


def test_after_the_ack_of_unlink_nothing_is_told():
    """T-5, in both orders of unlink and death."""
    owner, c = connect(), connect()
    gone, kept = owner.create(), owner.create(flags=ACK)
    owner.acknowledged()
    a = c.create()
    for target in (gone, kept):
        c.hot("link", **{"from": a, "to": target, "mode": 1})
    c.hot("unlink", ACK, **{"from": a, "to": gone, "mode": 1})
    c.acknowledged()
    owner.close()  # they drop in creation order (T-6): the notice of `gone` would come first
    c.expect("notice", about=kept)
    owner, late = connect(), c.create()
    dying = owner.create(flags=ACK)
    owner.acknowledged()
    c.hot("link", ACK, **{"from": late, "to": dying, "mode": 1})
    c.acknowledged()
    owner.hot("disconnect", id=dying, fault=1)
    owner.barrier()  # T-2: the death is taken before our unlink is sent
    number = c.hot("unlink", ACK, **{"from": late, "to": dying, "mode": 1})
    frame = c.next()
    while frame.name in ("notice", "withdrawn"):  # on their way before the unlink was taken: ours to drop
        frame = c.next()
    assert frame.name == "refusal" and frame.body["code"] == ERRORS["was_down"] and frame.body["operation"] == number, frame
    c.acknowledged(number)
    c.barrier()


def test_a_managed_device_cascades_and_knows_the_root():
    """W-6, W-8, F-2: ended{cascade} to its owner, the cascade to its watchers, the root and hops along."""
    c, owner = connect(), connect()
    root = owner.create(flags=ACK)
    owner.acknowledged()
    near, far, eye = c.create(managed=True), c.create(managed=True), c.create()
    for pair in ((near, root), (far, near), (eye, far)):
        c.hot("link", **{"from": pair[0], "to": pair[1], "mode": 1})
    c.barrier()
    owner.hot("disconnect", id=root, fault=5, argument=9)
    told = {}
    while not all(key in told for key in (("ended", near), ("ended", far), ("notice", eye))):
        frame = c.next()
        told[frame.name, frame.body["to"]] = frame.body
    cascade = FAULTS.index("cascade")
    for key, neighbour, hops in ((("ended", near), root, 1), (("ended", far), near, 2), (("notice", eye), near, 2)):
        body = told[key]
        assert body["fault"] == cascade and body["cascade"] == neighbour and body["root"] == root, (key, body)
        assert FAULTS[body["root_fault"]] == "signal" and body["root_argument"] == 9 and body["hops"] == hops, (key, body)


def test_a_shutdown_request_is_delivered_or_refused():
    """M-2."""
    c, other = connect(), connect()
    a, b = c.create(), other.create(flags=ACK)
    other.acknowledged()
    c.hot("shutdown", ACK, **{"from": a, "to": b})
    c.acknowledged()
    other.expect("shutdown_requested", to=b, **{"from": a})
    number = c.hot("shutdown", **{"from": a, "to": c.grants[-1]})
    c.expect("refusal", operation=number, code=ERRORS["link_down"], refused=TYPES["shutdown"])


def test_devices_drop_at_bye_too():
    owner, watcher = connect(), connect()
    device = owner.create(flags=ACK)
    owner.acknowledged()
    mine = watcher.create()
    watcher.hot("link", ACK, **{"from": mine, "to": device, "mode": 1})
    watcher.acknowledged()
    owner.hot("bye", code=ERRORS["closed"])
    watcher.expect("notice", about=device, fault=FAULTS.index("drop"))
    try:
        while True:
            assert owner.next().name == "bye"
    except Closed:
        pass


def test_acknowledging_more_than_was_sent_ends_the_session():
    c = connect()
    c.hot("ack", count=0)
    c.barrier()
    c.hot("ack", count=1)
    c.expect_bye("bad_ack")


# ---- section 6: calls ----------------------------------------------------------------------------------------------

def test_what_is_sent_at_once_is_answered_in_order():
    """T-1: calls, operations and what they cause make one stream, in the order in which they were sent."""
    c = connect()
    a = c.create()
    for turn in range(20):
        b = c.create()
        line = c.line_of(b)
        calls = [{"call": "register", "name": "one", "device": line}, {"call": "lookup", "name": "one"}, {"call": "nonsense"},
                 {"call": "daemon"}, {"call": "list", "count": 1}, {"call": "lookup", "name": "one"}]
        frames = [raw_frame(TYPES["request"], 0, struct.pack("<Q", 900 - n) + json.dumps(call).encode()) for n, call in enumerate(calls)]
        frames.insert(3, pack("link", **{"from": a, "to": b, "mode": 1}))
        frames.insert(6, pack("disconnect", id=b, fault=1))
        c.send(b"".join(frames), len(frames))
        assert c.reply(900) == {"ok": {}} and c.reply(899)["ok"] == {"device": line, "name": "one"}
        assert c.reply(898)["error"]["name"] == "unknown_call"
        assert c.reply(897)["ok"]["pid"] > 0 and len(c.reply(896)["ok"]["devices"]) == 1
        c.expect("notice", to=a, about=b)
        assert c.reply(895)["error"]["name"] == "not_found"


def test_grants_can_be_asked_for():
    c = connect()
    c.grants = []
    grants = c.call("grant", count=3)["grants"]
    assert len(grants) == 3, grants
    for grant in grants:
        c.add_grant(grant)
    for _ in range(3 * 64):
        c.create()
    c.barrier()


def test_names_belong_to_one_device():
    c, other = connect(), connect()
    a, b = c.create(), other.create()
    c.call("register", name="stranger.name", device=c.line_of(a))
    other.fails("name_taken", "register", name="stranger.name", device=other.line_of(b))
    other.fails("not_owner", "register", name="stranger.other", device=c.line_of(a))
    other.fails("name_invalid", "register", name="no\nname", device=other.line_of(b))
    c.call("release", name="stranger.name")
    other.call("register", name="stranger.name", device=other.line_of(b))
    c.fails("not_found", "release", name="stranger.nobody")


def test_a_name_watch_sees_incarnations():
    """X-20."""
    watcher = connect()
    number = watcher.request("watch", name="stranger.watched")
    frames = [watcher.next(), watcher.next()]
    assert {f.name for f in frames} == {"reply", "name_state"} and [f for f in frames if f.name == "reply"][0].number == number
    state = [f for f in frames if f.name == "name_state"][0].body
    assert state == {"name": "stranger.watched", "up": False, "device": None, "incarnation": 0, "fault": None}, state
    for incarnation in (1, 2):
        owner = connect()
        device = owner.create()
        owner.call("register", name="stranger.watched", device=owner.line_of(device))
        watcher.expect("name_state", up=True, device=owner.line_of(device), incarnation=incarnation)
        owner.close()
        down = watcher.expect("name_state", up=False, incarnation=incarnation).body
        assert down["fault"].startswith("drop"), down
    watcher.call("unwatch", name="stranger.watched")


def test_a_task_that_the_daemon_asks_for():
    """Section 6.1, S-8, decision 13: start_task, what is said of it, and its ends."""
    runner, eye = connect(), connect()
    offer = runner.create()
    runner.call("register", name="stranger.pool", device=runner.line_of(offer))
    spec = json.dumps({"name": "tasked", "task": "stranger.pool", "arguments": ["x"], "shutdown": "0s", "backoff": "none"})
    added = eye.request("start_child", name="/", spec=spec)
    start = runner.expect("start_task", starter="stranger.pool", by=runner.line_of(offer), arguments=["x"], managed=False, restart=False,
                          start_timeout_ms=5000, shutdown_ms=0).body
    assert start["name"] == "tasked", start
    device = runner.id_of(start["device"])
    runner.call("task", task=start["task"], state="running")
    told = eye.reply(added)["ok"]
    assert told["name"] == "tasked" and told["id"] == start["device"], told
    mine = eye.create()
    eye.hot("link", ACK, **{"from": mine, "to": device, "mode": 1})
    eye.acknowledged()

    runner.hot("disconnect", id=device, fault=FAULTS.index("error"), text="out of ink")
    eye.expect("notice", to=mine, about=device, fault=FAULTS.index("error"), text="out of ink")
    again = runner.expect("start_task", restart=True).body
    assert again["task"] != start["task"] and again["device"] != start["device"], again
    runner.fails("not_found", "task", task=start["task"], state="over")
    eye.fails("not_found", "task", task=again["task"], state="running")
    assert "state" in runner.fails("bad_request", "task", task=again["task"], state="well")
    runner.fails("bad_request", "task", task="x", state="over")
    runner.call("task", task=again["task"], state="running")

    stopped = eye.request("stop", name="tasked")
    asked = runner.expect("shutdown_requested", to=runner.id_of(again["device"]))
    assert asked.body["from"] != 0, "by its supervisor"
    runner.expect("ended", to=runner.id_of(again["device"]), fault=FAULTS.index("timeout"), argument=2)
    assert eye.call("describe", name="tasked")["state"] == "stopping", "until nothing of it is left"
    runner.call("task", task=again["task"], state="over")
    assert eye.reply(stopped)["ok"] == {"name": "tasked"}
    assert eye.call("describe", name="tasked")["last_exit"] == "timeout(stop)"

    eye.call("start", name="tasked", wait=False)
    last = runner.expect("start_task").body
    runner.call("task", task=last["task"], state="failed", why="no paper")
    assert eye.call("describe", name="tasked")["last_exit"] == "error{no paper}"
    eye.call("start", name="tasked", wait=False)
    last = runner.expect("start_task").body
    runner.call("task", task=last["task"], state="ignored")
    assert eye.call("describe", name="tasked")["reason"] == "ignored"
    eye.call("delete_child", name="tasked")


def test_list_and_describe_show_a_task():
    c = connect()
    a, b = c.create(), c.create()
    c.call("register", name="stranger.shown", device=c.line_of(a))
    c.hot("link", **{"from": a, "to": b, "mode": 1})
    rows, after = [], None
    while True:
        page = c.call("list", **({"after": after, "count": 5} if after else {"count": 5}))
        rows += page["devices"]
        after = page["next"]
        if after is None:
            break
        assert len(page["devices"]) <= 5, page
    keys = {"name", "id", "kind", "state", "pid", "restarts", "supervisor", "fault"}
    assert all(keys <= set(row) for row in rows), rows
    assert [r for r in rows if r["name"] == "/"][0]["kind"] == "supervisor", rows
    mine = [r for r in rows if r["name"] == "stranger.shown"]
    assert len(mine) == 1 and mine[0]["kind"] == "task" and mine[0]["id"] == c.line_of(a) and mine[0]["state"] == "running", mine
    for arguments in ({"name": "stranger.shown"}, {"device": c.line_of(a)}):
        about = c.call("describe", **arguments)
        assert about["links_total"] == 1 and about["links"][0]["other"] == c.line_of(b) and about["links"][0]["mode"] == "monitor", about
    c.fails("not_found", "describe", name="stranger.nobody")
    c.fails("not_found", "lookup", name="stranger.nobody")


def test_daemon_tells_its_figures():
    info = connect().call("daemon")
    assert set(info) >= {"pid", "version", "epoch", "devices", "links", "sessions", "uptime_ms", "counters", "weaker"}, info
    assert info["sessions"] >= 1 and all(isinstance(v, int) for v in info["counters"].values()), info


def test_events_are_replayed_and_end_with_the_reply():
    c = connect()
    number = c.request("subscribe", since=0, follow=False)
    last = 0
    while True:
        frame = c.next()
        if frame.name == "reply":
            assert frame.number == number and frame.body == {"ok": {}}, frame
            break
        assert frame.name == "event", frame
        if frame.body["event"] != "gap":
            assert frame.body["seq"] > last and {"time", "name", "id"} <= set(frame.body), frame
            last = frame.body["seq"]
    assert last > 0, "the root supervisor's sup_up is in the ring"
    c.barrier()


def test_graph_events_follow_while_they_are_wanted():
    c, other = connect(), connect()
    c.call("subscribe", graph=True)
    device = other.create(flags=ACK)
    other.acknowledged()
    event = c.expect("event").body
    while event["id"] != c.line_of(device):
        event = c.expect("event").body
    assert event["event"] == "device_up", event
    number = c.request("unsubscribe")
    while c.next().name == "event":
        pass
    assert number


def test_a_silent_device_goes_with_timeout_watchdog():
    """F-1, section 4: what is promised by a heartbeat and not kept ends the Device, and its owner and watchers are told."""
    c, eye = connect(), connect()
    device, other = c.create(), c.create(flags=ACK)
    c.acknowledged()
    mine = eye.create()
    eye.hot("link", ACK, **{"from": mine, "to": device, "mode": 1})
    eye.acknowledged()
    c.hot("heartbeat", id=other, interval_ms=1)
    c.hot("heartbeat", id=other, interval_ms=86400000)
    c.hot("heartbeat", id=device, interval_ms=20)
    ended = c.expect("ended", to=device, about=device, fault=FAULTS.index("timeout"), argument=3, text="")
    eye.expect("notice", to=mine, about=device, fault=FAULTS.index("timeout"), argument=3)
    assert ended.body["root"] == 0 and ended.body["cascade"] == 0, ended
    c.hot("heartbeat", id=device, interval_ms=1)  # down already: its end says all
    c.hot("heartbeat", id=other, interval_ms=0)
    c.barrier()
    number = eye.hot("heartbeat", id=other, interval_ms=1)
    eye.expect("refusal", operation=number, code=ERRORS["not_owner"], refused=TYPES["heartbeat"], device=other)
    eye.barrier()


def row_of(c, device):
    after, line = None, c.line_of(device)
    while True:
        page = c.call("list", **({"after": after} if after else {}))
        for row in page["devices"]:
            if row["id"] == line:
                return row
        after = page["next"]
        assert after, "%s is not in the list" % line


def test_labels_are_replaced_as_a_whole_and_shown():
    c, other = connect(), connect()
    device = c.create()
    line = c.line_of(device)
    assert row_of(c, device)["labels"] == {}
    assert c.call("label", device=line, labels={"b": "2", "a/x": "é \"1\""}) == {}
    row = row_of(other, device)
    assert list(row["labels"].items()) == [("a/x", "é \"1\""), ("b", "2")], row
    assert other.call("describe", device=line)["labels"] == row["labels"]
    assert c.call("label", device=line, labels={"c": ""}) == {}
    assert row_of(other, device)["labels"] == {"c": ""}
    other.fails("not_owner", "label", device=line, labels={})
    c.fails("not_owner", "label", device=c.line_of(c.grants[0]), labels={})
    limits = c.welcome["limits"]
    most = {"k%02d" % i: "v" * (limits["labels_bytes_max"] // 16 - 3) for i in range(limits["labels_per_device_max"])}
    assert c.call("label", device=line, labels=most) == {}
    assert "labels" in c.fails("bad_request", "label", device=line, labels=dict(most, k00="v" * 62))
    assert "labels.-" in c.fails("bad_request", "label", device=line, labels={"-": ""})
    assert row_of(other, device)["labels"] == most, "what is refused changes nothing"
    c.hot("disconnect", id=device)
    c.fails("device_down", "label", device=line, labels={})
    assert c.call("describe", device=line)["labels"] == {}


# ---- what is wrong is refused, and nobody else notices (T-11) ----------------------------------------------------------

FROM_CLIENT = ["create", "link", "unlink", "disconnect", "shutdown", "manage", "heartbeat", "ack", "ping", "pong", "bye", "request"]


def refuse_sample(c, sample):
    """A wrong request is answered and the conversation goes on; anything else wrong is the end of it."""
    c.send(bytes.fromhex(sample["hex"]), 1)
    if sample.get("number"):
        error = c.reply(sample["number"])["error"]
        assert error["name"] == sample["error"] and error["detail"].startswith(sample["field"]), error
        c.barrier()
    else:
        text = c.expect_bye(sample["error"])
        assert text.startswith(sample["field"]), text
    c.close()


def test_every_wrong_sample_is_refused_by_its_field():
    witness, refused = connect(), 0
    mine, friend = witness.create(), witness.create()
    witness.hot("link", **{"from": mine, "to": friend, "mode": 1})
    for name in FROM_CLIENT + ["hello", "header"]:
        for sample in samples("bad_%s.json" % name):
            try:
                refuse_sample(Connection(PATH) if name == "hello" else connect(), sample)
            except (AssertionError, OSError, Closed) as wrong:
                raise AssertionError("bad_%s.json, %s: %r" % (name, sample["name"], wrong)) from wrong
            refused += 1
    assert refused > 100, refused
    witness.hot("disconnect", id=friend, fault=1)
    witness.expect("notice", about=friend)
    witness.barrier()


def test_unknown_mandatory_frames_end_the_session():
    c = connect()
    c.send(raw_frame(0x42, 0, b""))
    assert "0x42" in c.expect_bye("unknown_frame")


# ---- running -------------------------------------------------------------------------------------------------------------

def start_daemon(folder, configuration='{"supervisor": {"children": []}}'):
    """A daemon on a temporary socket, ready when it says so."""
    path = os.path.join(folder, "s")
    config = os.path.join(folder, "c.json")
    with open(config, "w", encoding="utf-8") as stream:
        stream.write(configuration)
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ready.bind(os.path.join(folder, "n"))
    ready.settimeout(20)
    daemon = subprocess.Popen([os.path.join(os.environ["BP_BIN_DIR"], "backplaned"), "--config", config, "--socket", path],
                              env=dict(os.environ, NOTIFY_SOCKET=os.path.join(folder, "n")),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while "READY=1" not in ready.recv(4096).decode().split("\n"):
            pass
    except OSError:
        daemon.kill()
        daemon.wait()
        raise
    return daemon, path


def run_all():
    passed, failed = 0, []
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            try:
                test()
                passed += 1
            except Exception:  # noqa: BLE001 - whatever it is, it is this test's failure, and the next one runs
                failed.append(name)
                print("FAILED %s" % name)
                traceback.print_exc(limit=-3, file=sys.stdout)
    return passed, failed


def main():
    global PATH
    count = check_vectors()
    if len(sys.argv) == 2:
        PATH = sys.argv[1]
        passed, failed = run_all()
    elif os.environ.get("BP_BIN_DIR"):
        folder = tempfile.mkdtemp(prefix="bp")
        try:
            daemon, PATH = start_daemon(folder)
            passed, failed = run_all()
            daemon.send_signal(signal.SIGTERM)
            if daemon.wait(timeout=20) != 0:
                failed.append("the daemon ended with %d" % daemon.returncode)
                print(failed[-1])
        finally:
            shutil.rmtree(folder)
    else:
        print("only the samples: %d are read and written as they say" % count)
        return 0
    print("tally: %d passed, %d failed, 0 skipped" % (passed + 1, len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
