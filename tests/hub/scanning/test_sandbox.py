from __future__ import annotations

import json
import subprocess
import sys

ATTEMPTS = """
import json, os, resource, socket
from entrepot.hub.tables.child_pipes import confine, limit_work, seal_limits
limit_work(5, 2 << 30)
seal_limits()
confine()
found = {}
for name, attempt in {
    "open": lambda: open("/etc/hostname"),
    "write": lambda: open("/tmp/entrepot-scan", "w"),
    "socket": socket.socket,
    "pipe": os.pipe,
    "memory": lambda: bytearray(4 << 30),
    "limits": lambda: resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30)),
}.items():
    try:
        attempt()
        found[name] = "done"
    except (OSError, MemoryError, ValueError) as error:
        found[name] = type(error).__name__
print(json.dumps(found))
"""


def test_the_kernel_lets_the_process_open_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", ATTEMPTS], capture_output=True, timeout=240, check=True)
    found = json.loads(done.stdout)
    assert found.pop("memory") == "MemoryError"
    assert found.pop("limits") == "ValueError"
    assert set(found.values()) == {"OSError"}
