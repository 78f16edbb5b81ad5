"""Hostile pickles: both readers refuse them, at once, without effect and in little memory."""

import functools
import io
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from similar_images.backbones import efficientnet_lite2
from similar_images.core.errors import DamagedFileError
from similar_images.features import feature_table

TRACE = "trace-of-a-hostile-pickle"
DTYPE = "numpy", "dtype"
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Call:
    """Pickles as a call, and maybe a state that is set on what the call returns."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.reduced


CALLS: dict[str, Any] = {
    "a command": Call(os.system, f"touch {TRACE}"),
    "another command": Call(subprocess.call, ["touch", TRACE]),
    "a folder": Call(os.mkdir, TRACE),
    "evaluation": Call(eval, f"__import__('os').mkdir({TRACE!r})"),
    "execution": Call(exec, f"__import__('os').mkdir({TRACE!r})"),
    "an opened file": Call(open, TRACE, "w"),
    "an import": Call(__import__, "antigravity"),
    "an attribute": Call(getattr, "", "join"),
    "a partial call": Call(functools.partial, os.mkdir, TRACE),
    "a call in a call": Call(print, Call(os.mkdir, TRACE)),
    "a nested pickle": Call(pickle.loads, pickle.dumps(Call(os.mkdir, TRACE))),
    "a saved array": Call(np.save, TRACE, 1),
    "a loaded array": Call(np.load, TRACE),
    "an array from a file": Call(np.fromfile, TRACE),
    "an array of objects": np.array([Call(os.mkdir, TRACE)], object),
    "a masked array": np.ma.masked_array([1.0], [True]),
    "a type of fields": np.dtype([("x", object)]),
    "a state": Call(object, state={"x": 1}),
    "an exit": Call(sys.exit, 0),
}


def by_hand(*parts: bytes) -> bytes:
    return b"\x80\x05" + b"".join(parts) + b"."


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def nested_tuples(depth: int) -> bytes:
    """Return a tuple that holds the one before it twice, and so on: 2 ** depth in all."""
    return b")" + b"\x94h\x00\x86" + b"".join(b"\x94h%c\x86" % n for n in range(1, depth))


BY_HAND: dict[str, bytes] = {
    "a memo of 2 GB": by_hand(b"Nr" + struct.pack("<L", 2**27)),
    "a memo of 64 GB": by_hand(b"Nr" + struct.pack("<L", 2**32 - 1)),
    "a memo at a number in text": by_hand(b"Np134217728\n"),
    "huge bytes": by_hand(b"\x8e" + struct.pack("<Q", 2**40)),
    "huge bytes that can be filled": by_hand(b"\x96" + struct.pack("<Q", 2**33)),
    "bytes without end": by_hand(b"\x96" + struct.pack("<Q", 2**64 - 1)),
    "huge text": by_hand(b"\x8d" + struct.pack("<Q", 2**40)),
    "text of four gigabytes": by_hand(b"X" + struct.pack("<L", 2**32 - 1)),
    "a huge frame": by_hand(b"\x95" + struct.pack("<Q", 2**40)),
    "a huge number": by_hand(b"\x8b" + struct.pack("<l", 2**31 - 1)),
    "a number of many digits": by_hand(b"L" + b"9" * 10_000_000 + b"L\n"),
    "tuples that double, as a value": by_hand(b"}\x8c\x06format", nested_tuples(60), b"s"),
    "tuples that double, as a key": by_hand(b"}", nested_tuples(60), b"Ns"),
    "tuples that double, as keys": by_hand(b"}(", nested_tuples(60), b"Nu"),
    "tuples that double, as a member": by_hand(b"\x8f(", nested_tuples(60), b"\x90"),
    "a deep nest": by_hand(b")" + b"\x85" * 3_000_000),
    "a deep nest of lists": by_hand(b"]" * 1_000_000, b"a" * 999_999),
    "marks without end": b"\x80\x05" + b"(" * 1_000_000,
    "lists without end": b"\x80\x05" + b"]" * 1_000_000,
    "no end": b"\x80\x05N",
    "nothing": b"",
    "a later protocol": b"\x80\xffN.",
    "an empty stack": by_hand(b"0"),
    "a place that was never filled": by_hand(b"h\x07"),
    "a type's attribute": by_hand(name(*DTYPE), b"N}X\4\0\0\0flagNs\x86b"),
    "a stand-in's class": by_hand(name(*DTYPE), b"X\2\0\0\0f4\x85R}X\x09\0\0\0__class__Nsb"),
    "a path through a name": by_hand(b"\x8c\x05numpy\x8c\x0edtype.__init__\x93"),
    "an object": by_hand(name("builtins", "object"), b")\x81"),
    "an instance": by_hand(b"(i" + b"os\nsystem\n"),
    "an extension": by_hand(b"\x82\x01"),
    "an identity": by_hand(b"NQ"),
    "an identity in text": by_hand(b"P" + TRACE.encode() + b"\n"),
    "the next buffer": by_hand(b"\x97"),
}
HOSTILE = BY_HAND | {
    f"{what}, protocol {protocol}": pickle.dumps(call, protocol)
    for what, call in CALLS.items()
    for protocol in PROTOCOLS
}
HEADER = [pickle.dumps(value, 2) for value in ("magic", 1001, {"little_endian": True})]


def read_index(data: bytes, folder: Path) -> None:
    path = folder / "features.pkl"
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match=r"features\.pkl is damaged") as refused:
        feature_table.read(path)
    assert len(str(refused.value)) < 1000


def read_weights(data: bytes, folder: Path) -> None:
    """Read the weights with `data` in the place of each of the pickles that describe them."""
    for pickles in ([data], [*HEADER, data], [*HEADER, pickle.dumps({}, 2), data]):
        with pytest.raises(Exception):  # noqa: B017, PT011, as its documentation says
            efficientnet_lite2._read_stream(io.BytesIO(b"".join(pickles)))


def all_refused(read: Callable[[bytes, Path], None], folder: Path) -> None:
    for what, data in HOSTILE.items():
        print(what, flush=True)
        read(data, folder)


CHECK = """
import re, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import test_unpickling

def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])

before = peak()
test_unpickling.all_refused(getattr(test_unpickling, sys.argv[1]), Path())
print(peak() - before)
"""


@pytest.mark.parametrize("read", [read_index, read_weights])
def test_hostile_pickles_are_refused_at_once_without_effect_in_little_memory(
    tmp_path: Path, read: Callable[[bytes, Path], None]
) -> None:
    folders = [str(Path(feature_table.__file__).parents[2]), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", CHECK, read.__name__, *folders],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-3000:]
    *_, growth = done.stdout.split()
    assert int(growth) < 300 * 1024
    assert {path.name for path in tmp_path.iterdir()} <= {"features.pkl"}
