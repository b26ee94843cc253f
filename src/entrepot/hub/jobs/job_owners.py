"""Names of the processes that claim jobs, which tell whether a process of this machine has ended."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import socket
import uuid
from pathlib import Path

_PROC = Path("/proc")


def new_owner() -> str:
    """Return a name for a claimer of jobs, unique among all processes and machines.

    It consists of the name of the host, the identity of the machine, and the number and the start of the process.
    """
    pid = os.getpid()
    host = socket.gethostname()[:24].replace(":", "-")
    return f"{host}:{machine()}:{pid}:{_start_of(pid) or 0}:{secrets.token_hex(4)}"


def has_ended(owner: str) -> bool:
    """Return whether the process of a claimer has ended; False if it is not known.

    Only processes of this machine since its last start are known. Containers count
    as machines: they number their processes separately, whatever their host name is.
    """
    parts = owner.split(":")
    if len(parts) != 5 or parts[1] != machine() or not parts[2].isdigit():
        return False
    pid = int(parts[2])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    start = _start_of(pid)
    return start is not None and parts[3] not in (start, "0")  # else another process has the number now


@functools.cache
def machine() -> str:
    """Return the identity of this machine or container, which changes when it starts again."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text()
        known = f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"
    except OSError:  # not Linux
        known = f"{uuid.getnode():x}"
    return hashlib.blake2b(f"{socket.gethostname()} {known}".encode(), digest_size=6).hexdigest()


def _start_of(pid: int) -> str | None:
    """Return when a process has started, in ticks since the start of the machine; None if it is not known."""
    try:
        # The name of the program is in parentheses and may contain any character.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return None
