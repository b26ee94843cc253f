from __future__ import annotations

import subprocess
import sys


def test_a_parent_that_is_gone_ends_the_process() -> None:
    script = "from entrepot.hub.datasets.sandbox import main; main()"
    done = subprocess.run([sys.executable, "-c", script], input=b"", capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"")
