"""Local folders: which files in them are to be uploaded."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from entrepot.client.patterns import Patterns, Selection, select
from entrepot.client.sources import PathSource, Stamp, kind_of
from entrepot.errors import SourceMissing, SourceUnreadable

_OWN_CACHES = frozenset((".cache/huggingface", ".cache/entrepot"))
_MOST_NAMED = 5


@attrs.frozen
class FolderEntry:
    """A file of a folder; ``path`` is relative to it, with ``/`` between the parts."""

    path: str
    source: PathSource


@attrs.frozen
class LeftOut:
    """An entry of a folder that cannot be uploaded, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{_printable(self.path)} ({self.reason})"


OnLeftOut = Callable[[LeftOut], None]
"""Is told of every entry that is left out."""


def walk(
    folder: str | os.PathLike[str],
    *,
    allow: Patterns = None,
    ignore: Patterns = None,
    on_left_out: OnLeftOut | None = None,
) -> Iterator[FolderEntry]:
    """Yield the files of a folder and of all folders in it, sorted by path, found as they are asked for.

    Left out silently are everything called ``.git`` and what clients keep for
    themselves (``.cache/huggingface``, ``.cache/entrepot``). A link to a file
    stands for the file. Left out and reported are selected entries that
    cannot be uploaded: links that lead nowhere, links to folders (which may
    lead anywhere, or in a circle), pipes, sockets, devices, files and folders
    that cannot be read, names that are not valid Unicode.

    Args:
        allow: None, or the patterns of which a path must match one.
        ignore: None, or the patterns of which it may match none.
        on_left_out: None warns once, at the end, of everything that was left out.

    Raises:
        SourceMissing: there is no such folder.
        SourceUnreadable: the folder itself cannot be read, or an entry that ``allow`` names without a wildcard.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise SourceMissing(str(root), "folder")
    left_out: list[LeftOut] = []
    yield from _Walk(select(allow, ignore), on_left_out or left_out.append).inside(str(root), "")
    if left_out:
        warnings.warn(_summary(root, left_out), stacklevel=2)


@attrs.frozen
class _Walk:
    """One walk through a folder."""

    selection: Selection
    leave_out: OnLeftOut

    def inside(self, place: str, prefix: str) -> Iterator[FolderEntry]:
        try:
            with os.scandir(place) as entries:
                # Sorted as whole paths are: "a-b" stands before "a/c".
                listed = sorted(entries, key=_sorting)
        except OSError as error:
            if not prefix:
                raise SourceUnreadable(place, error.strerror or str(error)) from error
            if self.selection.may_have_inside(prefix):
                self.leave_out(LeftOut(prefix, error.strerror or str(error)))
            return
        for entry in listed:
            path = prefix + entry.name
            if (
                entry.name == ".git"
                or path in _OWN_CACHES
                or path.endswith(("/.cache/huggingface", "/.cache/entrepot"))
            ):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self.inside(entry.path, f"{path}/")
            elif self._is_selected(entry, path):
                source = self._source(entry, path)
                if source is not None:
                    yield FolderEntry(path, source)

    def _is_selected(self, entry: os.DirEntry[str], path: str) -> bool:
        if _leads_to_folder(entry):
            return self.selection.may_have_inside(f"{path}/")
        return self.selection.has(path)

    def _source(self, entry: os.DirEntry[str], path: str) -> PathSource | None:
        """Return the file behind an entry, or leave the entry out."""
        fault = _unicode_fault(path)
        if fault is None:
            try:
                facts = entry.stat()
                fault = _fault(entry, facts)
            except FileNotFoundError:
                fault = "a link that leads nowhere" if entry.is_symlink() else "it was removed meanwhile"
            except OSError as error:
                fault = error.strerror or str(error)
        if fault is None:
            # What scandir knows on Windows has no inode, so there the file is asked itself.
            return PathSource(entry.path, Stamp.of(facts if os.name != "nt" else os.stat(entry.path)))
        if path in self.selection.names:
            raise SourceUnreadable(entry.path, fault)
        self.leave_out(LeftOut(path, fault))
        return None


def _sorting(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _fault(entry: os.DirEntry[str], facts: os.stat_result) -> str | None:
    """Say why an entry cannot be uploaded; None: it can."""
    if stat.S_ISDIR(facts.st_mode):
        return "a link to a folder, which is not followed"
    if not stat.S_ISREG(facts.st_mode):
        return kind_of(facts.st_mode)
    return None if os.access(entry.path, os.R_OK) else "permission denied"


def _unicode_fault(path: str) -> str | None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not valid Unicode"
    return None


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _summary(root: Path, left_out: list[LeftOut]) -> str:
    named = ", ".join(map(str, left_out[:_MOST_NAMED])) + (", ..." if len(left_out) > _MOST_NAMED else "")
    count = "1 entry" if len(left_out) == 1 else f"{len(left_out):,} entries"
    return f"{count} of {_printable(str(root))} left out: {named}"
