"""Local folders: which files in them are to be uploaded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import attrs

from entrepot.client.patterns import Patterns, Selection, select
from entrepot.client.sources import PathSource, Stamp
from entrepot.errors import InvalidPath, SourceMissing, SourceUnreadable

_OWN_CACHES = frozenset((".cache/huggingface", ".cache/entrepot"))


@attrs.frozen
class Found:
    """A file of a folder; ``path`` is relative to it, with ``/`` between the parts."""

    path: str
    source: PathSource


def walk(folder: str | os.PathLike[str], *, allow: Patterns = None, ignore: Patterns = None) -> Iterator[Found]:
    """The files of a folder and of all folders in it, sorted by path, found as they are asked for.

    Left out are everything called ``.git`` and what clients keep for
    themselves (``.cache/huggingface``, ``.cache/entrepot``). A link to a file
    stands for the file; a link to a folder is not followed.

    Args:
        allow: None, or the patterns of which a path must match one.
        ignore: None, or the patterns of which it may match none.

    Raises:
        SourceMissing: there is no such folder.
        SourceUnreadable: a folder or a selected file in it cannot be read, or
            a selected link leads nowhere; each names the path.
        InvalidPath: the name of a selected file is not valid Unicode.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise SourceMissing(str(root), "folder")
    yield from _inside(str(root), "", select(allow, ignore))


def _inside(place: str, prefix: str, selection: Selection) -> Iterator[Found]:
    try:
        with os.scandir(place) as entries:
            # Sorted as whole paths are: "a-b" stands before "a/c".
            listed = sorted(entries, key=_sorting)
    except OSError as error:
        raise SourceUnreadable(place, error.strerror or str(error)) from error
    for entry in listed:
        path = prefix + entry.name
        if entry.name == ".git" or path in _OWN_CACHES or path.endswith(("/.cache/huggingface", "/.cache/entrepot")):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(entry.path, f"{path}/", selection)
        elif selection.has(path) and (source := _source(entry)) is not None:
            _check_unicode(path)
            yield Found(path, source)


def _sorting(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _source(entry: os.DirEntry[str]) -> PathSource | None:
    """The file behind an entry; None for what holds no bytes (a socket, a link to a folder)."""
    try:
        facts = entry.stat()
    except FileNotFoundError:
        raise SourceUnreadable(entry.path, "it is a link that leads nowhere") from None
    except OSError as error:
        raise SourceUnreadable(entry.path, error.strerror or str(error)) from error
    if not stat.S_ISREG(facts.st_mode):
        return None
    if not os.access(entry.path, os.R_OK):
        raise SourceUnreadable(entry.path, "permission denied")
    # What scandir knows on Windows has no inode, so there the file is asked itself.
    return PathSource(entry.path, Stamp.of(facts if os.name != "nt" else os.stat(entry.path)))


def _check_unicode(path: str) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidPath(path, "it is not valid Unicode; rename the file") from None
