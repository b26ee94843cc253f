from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

ATTEMPTS = """
import json, os, socket, sys
from entrepot.hub.datasets.sandbox import _confine
_confine(5)
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
    return subprocess.run([sys.executable, "-c", script], input=given, capture_output=True, timeout=60)


def test_the_kernel_lets_the_process_open_nothing() -> None:
    found: dict[str, Any] = json.loads(run(ATTEMPTS).stdout)
    assert found.pop("memory") == "MemoryError"
    assert set(found.values()) == {"OSError"}


def test_a_parent_that_is_gone_ends_the_process() -> None:
    done = run("from entrepot.hub.datasets.sandbox import main; main()")
    assert (done.returncode, done.stdout) == (0, b"")
