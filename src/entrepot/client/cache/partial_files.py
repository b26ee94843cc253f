"""Names for files that are being written, before they get their own.

The name of a draft is made from the place that it is for. A process that is
killed leaves its draft behind under a name that the next one for the same
place takes over; :func:`sweep_drafts` removes the others.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from entrepot.client.cache.file_locks import lock_file

INCOMPLETE = ".incomplete"
_DRAFT = re.compile(rf"\.[0-9a-f]{{20}}{re.escape(INCOMPLETE)}")


def draft_name(place: Path, tag: str = "") -> str:
    """Return the name of the draft for a place: 32 bytes, however long the name of the place is.

    Args:
        tag: that of the content, for drafts that are continued: another content gets another draft.
    """
    key = b"\0".join((os.fsencode(os.path.abspath(place)), tag.encode("utf-8", "backslashreplace")))
    digest = hashlib.sha256(key).hexdigest()[:20]
    return f".{digest}{INCOMPLETE}"


@contextlib.contextmanager
def exclusive_draft(place: Path, folder: Path | None = None) -> Iterator[tuple[Path, FileIO]]:
    """Yield an empty draft for a place, open for writing; no other thread or process writes to it meanwhile.

    The caller renames it. If the block raises, the draft is removed.

    Args:
        folder: where the draft is; None is the folder of the place. It is made.

    Raises:
        OSError: the draft cannot be made.
    """
    folder = folder or place.parent
    path, file = _opened(folder, draft_name(place))
    with file:
        try:
            yield path, file
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise


def _opened(folder: Path, name: str) -> tuple[Path, FileIO]:
    """Open a draft and lock it; where files cannot be locked, open one of another name."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while os.name == "posix":
        path = folder / name
        file = FileIO(_create(path, flags), "r+b")
        try:
            if not lock_file(file.fileno()):
                break
            if _is_same(file.fileno(), path):
                file.truncate(0)
                return path, file
        except BaseException:
            file.close()
            raise
        file.close()  # the one that held the lock has renamed it: begin anew
    path = folder / f".{secrets.token_hex(6)}{INCOMPLETE}"
    return path, FileIO(_create(path, flags | os.O_EXCL), "r+b")


def _create(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether a path still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def sweep_drafts(folder: Path) -> None:
    """Remove the drafts of :func:`exclusive_draft` in a folder that no living thread or process writes to.

    What cannot be removed, or be locked, stays.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _DRAFT.fullmatch(entry.name):
                _remove_abandoned(Path(entry.path))


def _remove_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError), FileIO(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b") as file:
        # Whoever waits for the lock meanwhile finds that its draft has gone, and begins anew.
        if lock_file(file.fileno(), waits=False) and _is_same(file.fileno(), path):
            path.unlink()
