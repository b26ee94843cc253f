"""The lock of the writers of a project: one at a time for each kind of entities."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from entrepot.client.cache.file_locks import lock_file
from entrepot.errors import ProjectBusy

PATIENCE_S = 60.0
_POLL_S = 0.05


@contextlib.contextmanager
def exclusive(path: Path, what: str, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold a lock inside the ``with``; it is released when the process ends, even if it is killed.

    Args:
        path: the file of the lock; it keeps the process id of its holder.
        what: what the lock protects, for the message.

    Raises:
        ProjectBusy: another process held it for longer than the patience.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        end = time.monotonic() + patience_s
        while not lock_file(descriptor, waits=False):
            if time.monotonic() >= end:
                raise ProjectBusy(what, os.read(descriptor, 20).decode("ascii", "replace").strip())
            time.sleep(_POLL_S)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether another process or thread holds a lock at this moment."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not lock_file(descriptor, waits=False)
    finally:
        os.close(descriptor)
