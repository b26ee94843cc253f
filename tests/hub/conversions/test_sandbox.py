from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

from entrepot.hub.conversions.sandbox import WRITTEN, ParquetOutput
from entrepot.hub.tables.child_pipes import LENGTH, ChildPipe

ATTEMPTS = """
import json, os, socket
from entrepot.hub.conversions.sandbox import _warm, confine, limit_work
_warm()
limit_work(5, 4 << 30)
confine()
found = {}
for name, attempt in {
    "open": lambda: open("/etc/hostname"),
    "write": lambda: open("/tmp/entrepot-sandbox", "w"),
    "socket": socket.socket,
    "pipe": os.pipe,
    "memory": lambda: bytearray(8 << 30),
}.items():
    try:
        attempt()
        found[name] = "done"
    except (OSError, MemoryError) as error:
        found[name] = type(error).__name__
print(json.dumps(found))
"""


def run(script: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", script], input=b"", capture_output=True, timeout=240)


def test_the_kernel_lets_the_process_open_nothing() -> None:
    found: dict[str, Any] = json.loads(run(ATTEMPTS).stdout)
    assert found.pop("memory") == "MemoryError"
    assert set(found.values()) == {"OSError"}


def test_a_parent_that_is_gone_ends_the_process() -> None:
    done = run("from entrepot.hub.conversions.sandbox import main; main()")
    assert (done.returncode, done.stdout) == (0, b"")


def test_files_are_sent_in_pieces() -> None:
    sent = io.BytesIO()
    output = ParquetOutput(ChildPipe(io.BytesIO(), sent))
    assert output.write(b"y" * (WRITTEN + 1)) == WRITTEN + 1
    output.end()
    assert sent.getvalue() == b"W" + LENGTH.pack(WRITTEN) + b"y" * WRITTEN + b"W" + LENGTH.pack(1) + b"y" + b"N"
