"""Scan a file with the command that an administrator has set, such as a virus scanner.

The command gets the file on its standard input. Exit code 0: no known threat; 1: a threat; any other: an
error. It may write one JSON object with ``status`` and ``message`` to its standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Generator, Sequence

from entrepot.hub.scanning.scanners import Pipes, ScanFailed, Verdict, said_by, started
from entrepot.storage.contents import Content

WALL_S = 1800.0
"""How long a command may take for one file."""

_PIECE = 1 << 20
_MAX_OUTPUT = 64 << 10
_CPU_S, _MEMORY, _WRITTEN = 1200, 8 << 30, 64 << 30
# The limits are set in the process itself, before it becomes the command.
_START = f"""
import os, resource as r, sys
limits = {{r.RLIMIT_CPU: {_CPU_S}, r.RLIMIT_AS: {_MEMORY}, r.RLIMIT_FSIZE: {_WRITTEN}, r.RLIMIT_CORE: 0}}
for kind, most in limits.items():
    hard = r.getrlimit(kind)[1]
    most = most if hard == r.RLIM_INFINITY else min(most, hard)
    r.setrlimit(kind, (most, most))
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except OSError:
    sys.exit(127)
"""


def scan_content(content: Content, command: Sequence[str]) -> Generator[None, None, Verdict]:
    """Return the verdict of a command about a content.

    Raises:
        ScanFailed: the command cannot run, fails, takes too long or says too much.
        BlobMissing, BlobUnreadable, XorbDamaged: the content cannot be read.
    """
    environ = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    with started([sys.executable, "-I", "-c", _START, *command], environ) as process:
        pipes = Pipes(process, time.monotonic() + WALL_S)
        at = 0
        while at < content.size:
            data = content.read_at(at, _PIECE)
            if not data or not (yield from pipes.send(data)):
                break  # a scanner may decide before it has read everything
            at += len(data)
            yield
        output = yield from pipes.drain(_MAX_OUTPUT)
        code = process.wait(10)
    return judge_output(code, output)


def judge_output(code: int, output: bytes) -> Verdict:
    """Return the verdict for an exit code and an output.

    Raises:
        ScanFailed: the exit code means that the scan failed.
    """
    if code not in (0, 1):
        raise ScanFailed("the command cannot be run" if code == 127 else f"the command failed with exit code {code}")
    said = _parse(output)
    text = said_by(said)
    if code == 0:
        # A command may be unsure, but its exit code is what counts for a threat.
        return Verdict("caution" if said.get("status") == "caution" else "safe", text or "no known threat")
    return Verdict(
        "suspicious" if said.get("status") == "suspicious" else "unsafe", text or "the scanner found a threat"
    )


def _parse(output: bytes) -> dict[str, object]:
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
