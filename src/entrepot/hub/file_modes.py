"""Modes of the files of a data folder, which keep it private: it holds every secret of the hub, and private files."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from entrepot.errors import DataFolderError

PRIVATE_UMASK = 0o077
"""Umask that a process sets before it serves or manages a hub, so that other users can never open its files."""

_OTHERS = 0o077
_INNER = ("blobs/incoming", "blobs/incoming/parts", "cache/git", "cache/git/.locks")


def make_private(folder: Path) -> None:
    """Remove the access of other users to a data folder, its files, and the folders of unfinished work.

    Deeper files need no change: they are below a folder that only the owner may enter.

    Raises:
        DataFolderError: others may enter the folder, and this process may not change that.
    """
    if not _close(folder):
        mode = stat.S_IMODE(folder.stat().st_mode)
        raise DataFolderError(
            str(folder),
            f"other users of this machine may enter it (mode {mode:04o}), and it belongs to another user; "
            f"its owner must run: chmod 700 {folder}",
        )
    for path in [*folder.iterdir(), *(folder / name for name in _INNER)]:
        with contextlib.suppress(OSError):  # belongs to another user, or is gone: the folder itself is private
            _close(path)


def create_private(path: Path) -> None:
    """Create an empty file that only its owner may read, if it does not exist; ignore the umask."""
    with contextlib.suppress(FileExistsError):
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        os.close(fd)


def _close(path: Path) -> bool:
    """Remove the access of others to a file or folder; return False if that is not permitted."""
    mode = path.stat().st_mode
    if not mode & _OTHERS or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        return True
    try:
        path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    except PermissionError:
        return False
    return True
