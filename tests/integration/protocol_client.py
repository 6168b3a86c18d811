# SPDX-License-Identifier: Apache-2.0
"""A client of Backplane in Python's standard library, written from proto/PROTOCOL.md alone.

It is deliberately naive: one blocking socket, one frame at a time, every wait with a deadline.
"""
import json
import socket
import struct
import time

TYPES = {
    "create": 0x01, "link": 0x02, "unlink": 0x03, "disconnect": 0x04, "shutdown": 0x05, "manage": 0x06,
    "heartbeat": 0x07,
    "notice": 0x11, "shutdown_requested": 0x12, "ended": 0x13, "refusal": 0x14, "withdrawn": 0x15,
    "ack": 0x21, "ping": 0x22, "pong": 0x23, "bye": 0x24,
    "hello": 0x101, "welcome": 0x102, "request": 0x103, "reply": 0x104, "event": 0x105, "name_state": 0x106,
    "start_task": 0x107,
}
NAMES = {number: name for name, number in TYPES.items()}
COUNTED_BY_CLIENT = {"create", "link", "unlink", "disconnect", "shutdown", "manage", "heartbeat", "request"}
COUNTED_BY_DAEMON = {"notice", "shutdown_requested", "ended", "refusal", "withdrawn", "name_state", "start_task"}
ACK, OPTIONAL, TAIL = 1, 2, 4

# Section 4: the fixed bodies, as struct formats and field names; "reserved" must be zero.
HOT = {
    "create": ("<QII", ["id", "device_flags", "reserved"]),
    "link": ("<QQB7s", ["from", "to", "mode", "reserved"]),
    "unlink": ("<QQB7s", ["from", "to", "mode", "reserved"]),
    "disconnect": ("<QB3siQ", ["id", "fault", "reserved", "argument", "cascade"]),
    "shutdown": ("<QQ", ["from", "to"]),
    "shutdown_requested": ("<QQ", ["from", "to"]),
    "manage": ("<QB7s", ["id", "on", "reserved"]),
    "heartbeat": ("<QII", ["id", "interval_ms", "reserved"]),
    "notice": ("<QQBBHIiiQQ", ["to", "about", "fault", "root_fault", "reserved", "hops", "argument", "root_argument",
                               "cascade", "root"]),
    "ended": ("<QQBBHIiiQQ", ["to", "about", "fault", "root_fault", "reserved", "hops", "argument", "root_argument",
                              "cascade", "root"]),
    "refusal": ("<QHHIQQ", ["operation", "code", "refused", "reserved", "device", "other"]),
    "withdrawn": ("<", []),
    "ack": ("<Q", ["count"]),
    "ping": ("<Q", ["nonce"]),
    "pong": ("<Q", ["nonce"]),
    "bye": ("<H6s", ["code", "reserved"]),
}
FAULTS = ["none", "drop", "error", "cascade", "exit", "signal", "timeout", "killed", "unreachable"]
MODES = {"monitor": 1, "notify": 2, "peer": 3}
ERRORS = {
    "device_down": 1, "link_down": 2, "self_link": 3, "not_owner": 4, "id_in_use": 5, "not_permitted": 6, "was_down": 7,
    "name_taken": 20, "name_invalid": 21, "not_found": 22, "bad_request": 23, "unknown_call": 24, "limit_reached": 25,
    "malformed": 60, "oversized": 61, "unknown_frame": 62, "unsupported_version": 63, "out_of_order": 64, "bad_ack": 68,
    "unknown_session": 69, "closed": 72,
}


def pack(name, flags=0, text="", **fields):
    """The bytes of a hot frame; fields that are not given are zero."""
    layout, names = HOT[name]
    sizes = dict(zip(names, [part for part in _parts(layout)]))
    values = [fields.get(key, b"" if sizes[key].endswith("s") else 0) for key in names]
    body = struct.pack(layout, *values)
    if text:
        raw = text.encode()
        body += struct.pack("<H", len(raw)) + raw
        flags |= TAIL
    return raw_frame(TYPES[name], flags, body)


def _parts(layout):
    parts, count = [], ""
    for c in layout[1:]:
        if c.isdigit():
            count += c
        else:
            parts.append(count + c)
            count = ""
    return parts


def raw_frame(kind, flags, body):
    return struct.pack("<IHH", 8 + len(body), kind, flags) + body


def unpack(name, flags, body):
    """The fields of a hot frame as a dictionary, its tail under `text`."""
    layout, names = HOT[name]
    size = struct.calcsize(layout)
    fields = dict(zip(names, struct.unpack(layout, body[:size])))
    assert not any(fields.pop("reserved", b"") or b""), "%s: reserved bytes" % name
    fields["text"] = ""
    if flags & TAIL:
        (length,) = struct.unpack_from("<H", body, size)
        assert len(body) == size + 2 + length and 1 <= length <= 200, "%s: tail" % name
        fields["text"] = body[size + 2:].decode()
    else:
        assert len(body) == size, "%s: size" % name
    return fields


class Frame:
    """One frame from the daemon: its name, flags, and hot fields or JSON body (`body`, with `number` for replies)."""

    def __init__(self, kind, flags, body):
        self.name = NAMES.get(kind, hex(kind))
        self.flags = flags
        self.number = None
        if self.name in HOT:
            self.body = unpack(self.name, flags, body)
        else:
            if self.name == "reply":
                (self.number,) = struct.unpack("<Q", body[:8])
                body = body[8:]
            self.body = json.loads(body.decode())

    def __repr__(self):
        return "%s%r" % (self.name, self.body)


class Closed(Exception):
    """The daemon ended the stream."""


class Connection:
    """One session. Counts what section 5.1 counts, and acknowledges nothing unless told to.

    The daemon may acknowledge unasked at any time (5.2), so `ack` frames are taken in as they come and only their count is
    kept; what they promise is checked here, once, for all tests.
    """

    def __init__(self, path, deadline=10.0):
        self.deadline = deadline
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer = b""
        self.sent = 0
        self.received = 0
        self.acked = 0
        self.requests = 0
        self.grants = []
        self.welcome = None

    def close(self):
        self.socket.close()

    def send(self, data, counted=0):
        self.sent += counted
        self.socket.sendall(data)

    def hot(self, name, flags=0, text="", **fields):
        """Sends a hot frame and answers its number in our count."""
        self.send(pack(name, flags, text, **fields), 1 if name in COUNTED_BY_CLIENT else 0)
        return self.sent

    def hello(self, **more):
        body = dict({"version_min": 1, "version_max": 1, "client": "stranger/1"}, **more)
        self.send(raw_frame(TYPES["hello"], 0, json.dumps(body).encode()))
        self.welcome = self.expect("welcome").body
        for grant in self.welcome["grants"]:
            self.add_grant(grant)
        return self

    def add_grant(self, grant):
        first = self.id_of(grant["first"])
        self.grants += range(first, first + grant["count"])

    def id_of(self, line):
        epoch, generation, slot = line.split(".")
        assert epoch == self.welcome["epoch"], line
        return int(generation, 16) << 32 | int(slot, 16)

    def line_of(self, number):
        return "%s.%x.%x" % (self.welcome["epoch"], number >> 32, number & 0xFFFFFFFF)

    def create(self, managed=False, flags=0):
        number = self.grants.pop(0)
        self.hot("create", flags, id=number, device_flags=1 if managed else 0)
        return number

    def next(self):
        """The next frame that is no `ack`, within the deadline."""
        frame = self.next_of_all()
        while frame.name == "ack":
            frame = self.next_of_all()
        return frame

    def take(self, frame):
        """Counts a frame, and checks what 5.2 says of it: acks grow, cover what was sent, and come behind refusals."""
        if frame.name == "ack":
            assert self.acked < frame.body["count"] <= self.sent, "%r after %d of %d" % (frame, self.acked, self.sent)
            self.acked = frame.body["count"]
        if frame.name == "refusal":
            assert self.acked < frame.body["operation"] <= self.sent, "%r behind its ack of %d" % (frame, self.acked)
        self.received += 1 if frame.name in COUNTED_BY_DAEMON else 0
        return frame

    def acknowledged(self, number=None):
        """Waits for an ack of our frame `number` (the last one); nothing else may come first."""
        number = self.sent if number is None else number
        while self.acked < number:
            frame = self.next_of_all()
            assert frame.name == "ack", "expected an ack of %d, got %r" % (number, frame)

    def next_of_all(self):
        until = time.monotonic() + self.deadline
        while True:
            if len(self.buffer) >= 8:
                length, kind, flags = struct.unpack_from("<IHH", self.buffer)
                assert 8 <= length <= 65536, "length %d" % length
                if len(self.buffer) >= length:
                    frame = Frame(kind, flags, self.buffer[8:length])
                    self.buffer = self.buffer[length:]
                    return self.take(frame)
            self.socket.settimeout(max(0.001, until - time.monotonic()))
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed()
            self.buffer += more

    def expect(self, name, **fields):
        frame = self.next()
        assert frame.name == name, "expected %s, got %r" % (name, frame)
        for key, value in fields.items():
            assert frame.body[key] == value, "%s.%s: expected %r, got %r" % (name, key, value, frame)
        return frame

    def expect_bye(self, error):
        """The daemon's last word, then the end of the stream."""
        frame = self.expect("bye", code=ERRORS[error])
        try:
            extra = self.next()
        except Closed:
            return frame.body["text"]
        raise AssertionError("%r behind bye" % extra)

    def request(self, call, **arguments):
        """Sends a request and answers its number."""
        self.requests += 1
        body = json.dumps(dict({"call": call}, **arguments)).encode()
        self.send(raw_frame(TYPES["request"], 0, struct.pack("<Q", self.requests) + body), 1)
        return self.requests

    def reply(self, number):
        """The reply to a request; every other frame before it is a mistake of the test."""
        frame = self.expect("reply")
        assert frame.number == number, frame
        return frame.body

    def call(self, call, **arguments):
        body = self.reply(self.request(call, **arguments))
        assert "ok" in body, body
        return body["ok"]

    def fails(self, error, call, **arguments):
        body = self.reply(self.request(call, **arguments))
        assert body.get("error", {}).get("name") == error and body["error"]["code"] == ERRORS[error], body
        return body["error"]["detail"]

    def barrier(self):
        """Waits until the daemon has taken everything sent so far; nothing else may be on its way."""
        self.hot("ping", nonce=self.sent)
        self.expect("pong", nonce=self.sent)
