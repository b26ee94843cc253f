"""The log of a project: what its commands said, in a few files of limited size."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

LOG_NAME = "ml-git_execution.log"
FOLDER = "logs"
MAX_BYTES = 5 << 20
_KEPT = 5


def write_log(project_folder: Path, lines: Iterable[str]) -> None:
    """Append lines to the log in ``.ml-git/logs``; a log that cannot be written is no failure of the command.

    Args:
        project_folder: the folder ``.ml-git``.
        lines: without secrets; control characters in them are escaped.
    """
    path = project_folder / FOLDER / LOG_NAME
    head = f"{datetime.now(UTC).isoformat(timespec='seconds')} {os.getpid()}"
    text = "".join(f"{head} {_plain(line)}\n" for line in lines)
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        _rotate(path)
        # One write with O_APPEND, so that the lines of several commands do not mix.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, text.encode("utf-8", "backslashreplace"))
        finally:
            os.close(descriptor)


def _rotate(path: Path) -> None:
    """Rename a full log: ``.1`` is the latest of five."""
    if not path.exists() or path.stat().st_size < MAX_BYTES:
        return
    for number in range(_KEPT - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}.{number}", f"{path}.{number + 1}")
    os.replace(path, f"{path}.1")


def _plain(line: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line[:4000])
