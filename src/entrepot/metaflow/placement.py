"""Copies of cached files in folders of a task.

Files are cloned where the file system can share blocks, else copied by the
system; never linked, so that nothing a step writes reaches the cache or
another task.
"""

from __future__ import annotations

import errno
import filecmp
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

import attrs

from entrepot.client.cache.caches import checked_path, writing
from entrepot.client.cache.partial_files import INCOMPLETE
from entrepot.client.downloads.local_folders import check_inside
from entrepot.errors import CannotWrite

_PIECE = 1 << 30
_NOT_HERE = frozenset(
    {errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EBADF, errno.ETXTBSY}
)
"""Errors of ``copy_file_range`` that say nothing about the files: copy the bytes instead."""


@attrs.frozen
class PlacedFile:
    """A file to copy: its path below the folder, and the cached file."""

    path: str
    source: Path
    size: int


def place_new(files: Iterable[PlacedFile], folder: Path) -> None:
    """Copy files into an empty folder of this task.

    Raises:
        DiskFull, CannotWrite: a file cannot be written.
        InvalidPath: the path of a file leads outside the folder.
    """
    made: set[Path] = set()
    for file in files:
        target = folder / checked_path(file.path)
        with writing(target, file.size):
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            copy(file.source, target)


def place(files: Iterable[PlacedFile], folder: Path) -> None:
    """Copy files into a folder that may have content; it is created if it does not exist.

    Guarantees: a file with the same content is left as it is, another one is
    replaced atomically, and files under other paths are not touched.

    Raises:
        DiskFull, CannotWrite: a file cannot be written, or a file is where a folder is needed, or the reverse.
        InvalidPath: the path of a file leads outside the folder.
    """
    if folder.exists() and not folder.is_dir():
        raise CannotWrite(str(folder), "it is a file, and a folder is needed")
    for file in files:
        target = folder / checked_path(file.path)
        with writing(target, file.size):
            check_inside(folder, target)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise CannotWrite(str(target.parent), "a file with this name is in the way") from error
            if target.is_dir() and not target.is_symlink():
                raise CannotWrite(str(target), "a folder with this name is in the way")
            if not _is_same(file, target):
                _replace(file.source, target)


def _is_same(file: PlacedFile, target: Path) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_nlink > 1:
        return False  # another name of the same bytes would be written through
    return target.stat().st_size == file.size and filecmp.cmp(file.source, target, shallow=False)


def _replace(source: Path, target: Path) -> None:
    draft = target.with_name(f".{secrets.token_hex(6)}{INCOMPLETE}")
    try:
        copy(source, draft)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy the content of a file to a new file, which is writable; blocks are shared if the file system can.

    Raises:
        OSError: as opening, reading and writing.
    """
    if not hasattr(os, "copy_file_range"):
        shutil.copyfile(source, target)
        return
    with open(source, "rb", 0) as reader, open(target, "xb", 0) as writer:
        size = os.fstat(reader.fileno()).st_size
        while size:
            try:
                count = os.copy_file_range(reader.fileno(), writer.fileno(), min(size, _PIECE))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                count = 0
            if not count:
                # The positions of both files moved together.
                shutil.copyfileobj(reader, writer, 1 << 20)
                return
            size -= count
