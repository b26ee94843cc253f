from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from entrepot.hub.tables.child_pipes import PIECE, ChildPipe, RemoteFile

ATTEMPTS = """
import json, os, socket, sys
from entrepot.hub.tables.child_pipes import confine, limit_work
limit_work(5, 1 << 30)
confine()
found = {}
for name, attempt in {
    "open": lambda: open("/etc/hostname"),
    "write": lambda: open("/tmp/entrepot-sandbox", "w"),
    "socket": socket.socket,
    "pipe": os.pipe,
    "dup": lambda: os.dup(0),
    "listdir": lambda: os.listdir("/"),
    "memory": lambda: bytearray(8 << 30),
}.items():
    try:
        attempt()
        found[name] = "done"
    except (OSError, MemoryError) as error:
        found[name] = type(error).__name__
print(json.dumps(found))
"""


def run(script: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", script], input=given, capture_output=True, timeout=240)


def test_the_kernel_lets_the_process_open_nothing() -> None:
    found: dict[str, Any] = json.loads(run(ATTEMPTS).stdout)
    assert found.pop("memory") == "MemoryError"
    assert set(found.values()) == {"OSError"}


def test_ranges_are_read_in_pieces() -> None:
    asked: list[tuple[int, int]] = []

    class Recorded(ChildPipe):
        def __init__(self) -> None:
            """Have no pipes."""

        def read(self, file: int, offset: int, length: int) -> bytes:
            asked.append((offset, length))
            return bytes([file]) * length

    file = RemoteFile(Recorded(), 7, 2 * PIECE + 5)
    assert file.read_at(1, 3 * PIECE) == b"\x07" * (2 * PIECE + 4)
    assert asked == [(1, PIECE), (1 + PIECE, PIECE), (1 + 2 * PIECE, 4)]
    assert file.read_at(2 * PIECE + 5, 1) == file.read_at(3 * PIECE, 1) == b""
