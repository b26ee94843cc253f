"""Names of drafts: temporary files that are renamed to their final path when complete.

The name of a draft is derived from its final path. If a process is killed, the
next writer of the same path reuses its draft; :func:`sweep_drafts` removes
the others.
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


def draft_name(target: Path, tag: str = "") -> str:
    """Return the name of the draft for a path: 32 bytes, regardless of the length of the path.

    Args:
        tag: the etag of the content for drafts that are resumed, so that different contents use different drafts.
    """
    key = b"\0".join((os.fsencode(os.path.abspath(target)), tag.encode("utf-8", "backslashreplace")))
    digest = hashlib.sha256(key).hexdigest()[:20]
    return f".{digest}{INCOMPLETE}"


@contextlib.contextmanager
def exclusive_draft(target: Path, folder: Path | None = None) -> Iterator[tuple[Path, FileIO]]:
    """Yield an empty draft for a path, open for writing; no other thread or process can write to it.

    The caller renames the draft. If the block raises, the draft is removed.

    Args:
        folder: folder of the draft, created if missing; None is the folder of the path.

    Raises:
        OSError: the draft cannot be created.
    """
    folder = folder or target.parent
    path, file = _opened(folder, draft_name(target))
    with file:
        try:
            yield path, file
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise


def _opened(folder: Path, name: str) -> tuple[Path, FileIO]:
    """Open and lock a draft; if files cannot be locked, open one with a random name."""
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
        file.close()  # the previous holder of the lock has renamed the draft: retry
    path = folder / f".{secrets.token_hex(6)}{INCOMPLETE}"
    return path, FileIO(_create(path, flags | os.O_EXCL), "r+b")


def _create(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def _is_same(descriptor: int, path: Path) -> bool:
    """Return whether a path still refers to the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def sweep_drafts(folder: Path) -> None:
    """Remove drafts of :func:`exclusive_draft` in a folder that no running thread or process is writing.

    Drafts that cannot be removed or locked are kept.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _DRAFT.fullmatch(entry.name):
                _remove_abandoned(Path(entry.path))


def _remove_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError), FileIO(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b") as file:
        # A process that is waiting for the lock will see that the draft is gone and retry.
        if lock_file(file.fileno(), waits=False) and _is_same(file.fileno(), path):
            path.unlink()
