"""Local folders: the files to upload."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from entrepot.client import user_warnings
from entrepot.client.patterns import Patterns, Selection, select
from entrepot.client.sources import PathSource, Stamp, kind_of
from entrepot.errors import SourceMissing, SourceUnreadable

_OWN_CACHES = frozenset((".cache/huggingface", ".cache/entrepot"))
_MAX_NAMED = 5


@attrs.frozen
class FolderEntry:
    """A file of a folder; ``path`` is relative to the folder, separated by ``/``."""

    path: str
    source: PathSource


@attrs.frozen
class LeftOut:
    """An entry of a folder that cannot be uploaded, and the reason."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{_printable(self.path)} ({self.reason})"


OnLeftOut = Callable[[LeftOut], None]
"""A callback for entries that are left out."""


def walk(
    folder: str | os.PathLike[str],
    *,
    allow: Patterns = None,
    ignore: Patterns = None,
    on_left_out: OnLeftOut | None = None,
) -> Iterator[FolderEntry]:
    """Yield the files of a folder and its subfolders, sorted by path; folders are read as needed.

    Entries named ``.git`` and the caches of clients (``.cache/huggingface``,
    ``.cache/entrepot``) are skipped silently. A link to a file is treated as
    the file. Selected entries that cannot be uploaded are left out and reported:
    broken links, links to folders (which may lead outside or form a
    cycle), pipes, sockets, devices, unreadable files and folders, and
    names that are not valid Unicode.

    Args:
        allow: patterns of which a path must match at least one; None matches all.
        ignore: patterns of which a path must match none; None ignores nothing.
        on_left_out: called for each entry that is left out; None issues one warning at the end.

    Raises:
        SourceMissing: the folder does not exist.
        SourceUnreadable: the folder is unreadable, or so is an entry that ``allow`` names without a wildcard.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise SourceMissing(str(root), "folder")
    left_out: list[LeftOut] = []
    yield from _Walk(select(allow, ignore), on_left_out or left_out.append).inside(str(root), "")
    if left_out:
        user_warnings.warn(_summary(root, left_out))


@attrs.frozen
class _Walk:
    """A traversal of a folder."""

    selection: Selection
    leave_out: OnLeftOut

    def inside(self, folder: str, prefix: str) -> Iterator[FolderEntry]:
        try:
            with os.scandir(folder) as entries:
                # Sort in the order of whole paths: "a-b" comes before "a/c".
                listed = sorted(entries, key=_sorting)
        except OSError as error:
            if not prefix:
                raise SourceUnreadable(folder, error.strerror or str(error)) from error
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
        """Return the file of an entry, or report the entry as left out and return None."""
        fault = _unicode_fault(path)
        if fault is None:
            try:
                facts = entry.stat()
                fault = _fault(entry, facts)
            except FileNotFoundError:
                fault = "a broken link" if entry.is_symlink() else "it was deleted during the scan"
            except OSError as error:
                fault = error.strerror or str(error)
        if fault is None:
            # On Windows, the result of scandir has no inode.
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
    """Return why an entry cannot be uploaded, or None if it can."""
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
    named = ", ".join(map(str, left_out[:_MAX_NAMED])) + (", ..." if len(left_out) > _MAX_NAMED else "")
    count = "1 entry" if len(left_out) == 1 else f"{len(left_out):,} entries"
    return f"{count} of {_printable(str(root))} left out: {named}"
