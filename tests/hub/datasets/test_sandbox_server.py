from __future__ import annotations

import socket
import subprocess
import sys


def test_a_parent_that_is_gone_ends_the_process() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        script = "from entrepot.hub.datasets.sandbox_server import main; main()"
        done = subprocess.run([sys.executable, "-c", script], stdin=theirs.fileno(), capture_output=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, b"")
