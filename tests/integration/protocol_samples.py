# SPDX-License-Identifier: Apache-2.0
"""The samples of tests/vectors, as the client of protocol_client.py reads and writes them."""
import json
import os
import struct

from protocol_client import ACK, ERRORS, FAULTS, HOT, MODES, TYPES, pack, unpack

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")


def samples(file):
    with open(os.path.join(VECTORS, file), encoding="utf-8") as stream:
        return json.load(stream)["samples"]


def sample_id(text):
    if text is None:
        return 0
    generation, slot = text.split(".")
    return int(generation, 16) << 32 | int(slot, 16)


def sample_fields(name, fields):
    """A sample's fields as numbers of the wire."""
    wire = {}
    for key, value in fields.items():
        if key in ("id", "from", "to", "about", "cascade", "root", "device", "other"):
            wire[key] = sample_id(value)
        elif key in ("fault", "root_fault"):
            wire[key] = FAULTS.index(value)
        elif key == "mode":
            wire[key] = MODES[value]
        elif key == "managed":
            wire["device_flags"] = int(value)
        elif key == "code":
            wire[key] = ERRORS[value]
        elif key == "refused":
            wire[key] = TYPES[value]
        else:
            wire[key] = int(value) if isinstance(value, bool) else value
    return wire


def check_vectors():
    """This client reads and writes the samples as they say, so that what it finds below is the daemon's doing."""
    count = 0
    for name in HOT:
        for sample in samples("ok_%s.json" % name):
            data = bytes.fromhex(sample["hex"])
            length, kind, flags = struct.unpack_from("<IHH", data)
            assert length == len(data) and kind == TYPES[name], sample
            fields = dict({"text": ""}, **sample_fields(name, sample["fields"]))
            assert unpack(name, flags, data[8:]) == fields, sample
            text = fields.pop("text")
            assert pack(name, flags & ACK, text, **fields) == bytes.fromhex(sample.get("again", sample["hex"])), sample
            count += 1
    return count
