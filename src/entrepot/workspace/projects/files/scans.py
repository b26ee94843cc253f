"""Scans: the data files of an entity on disk, and what of them cannot be versioned."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

import attrs

from entrepot.errors import InvalidPath, SourceMissing
from entrepot.names import RepoPath, check_extent, name_fault
from entrepot.workspace.entities.ignored_paths import IGNORE_NAME, parse_ignored
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.stores import FileState, Problem


@attrs.frozen
class ScannedFile:
    """A data file on disk; ``file_path`` is where its bytes are, for a link to a file its target."""

    path: RepoPath
    file_path: str
    state: FileState
    is_link: bool = False


@attrs.frozen
class Scan:
    """The data files of an entity by path, ascending, and the files that cannot be versioned."""

    files: dict[RepoPath, ScannedFile]
    refused: tuple[Problem, ...]


def scan_entity(entity: Entity, *, follows_links: bool = False) -> Scan:
    """Return the data files of an entity; nothing is read but the folders.

    Args:
        follows_links: accept links to files outside the entity.

    Raises:
        SourceMissing: the folder of the entity does not exist.
    """
    if not entity.path.is_dir():
        raise SourceMissing(str(entity.path), "folder")
    ignore_file = entity.path / IGNORE_NAME
    text = ignore_file.read_text(encoding="utf-8", errors="replace") if ignore_file.is_file() else ""
    walker = _Walker(entity, parse_ignored(text), follows_links)
    files = {file.path: file for file in walker.walk(str(entity.path), "")}
    return Scan(dict(sorted(files.items(), key=lambda item: item[0].encode())), tuple(walker.refused))


def state_of(found: os.stat_result) -> FileState:
    """Return the part of a ``stat`` result that tells whether a file has changed."""
    return FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode)


class _Walker:
    """Walks through one entity and collects what it has to refuse."""

    def __init__(self, entity: Entity, is_ignored: Callable[[str], bool], follows_links: bool) -> None:
        self.refused: list[Problem] = []
        self._root = os.path.realpath(entity.path)
        self._documents = frozenset(entity.document_names)
        self._is_ignored = is_ignored
        self._follows_links = follows_links

    def walk(self, folder: str, prefix: str) -> Iterator[ScannedFile]:
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            self.refused.append(Problem(prefix or ".", error.strerror or str(error)))
            return
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if (not prefix and entry.name in self._documents) or self._is_ignored(path):
                continue
            fault = self._name_fault(entry.name, path)
            if fault is not None:
                self.refused.append(Problem(_printable(path), fault))
            elif entry.is_dir(follow_symlinks=False):
                yield from self.walk(entry.path, f"{path}/")
            else:
                yield from self._file(entry, RepoPath(path))

    def _name_fault(self, name: str, path: str) -> str | None:
        if name.lower() == ".ml-git":
            return "it is named like the folder of a project's state"
        try:
            check_extent(path)
        except InvalidPath as error:
            return error.rule
        return name_fault(name, is_top=path == name)

    def _file(self, entry: os.DirEntry[str], path: RepoPath) -> Iterator[ScannedFile]:
        try:
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                yield ScannedFile(path, entry.path, state_of(found))
                return
            if stat.S_ISLNK(found.st_mode):
                yield from self._link(entry.path, path)
                return
            self.refused.append(Problem(path, "it is neither a file nor a folder"))
        except OSError as error:
            self.refused.append(Problem(path, error.strerror or str(error)))

    def _link(self, place: str, path: RepoPath) -> Iterator[ScannedFile]:
        target = os.path.realpath(place)
        found = os.stat(target)
        if not stat.S_ISREG(found.st_mode):
            self.refused.append(Problem(path, "it is a link, but not to a file"))
        elif not self._follows_links and os.path.commonpath([self._root, target]) != self._root:
            self.refused.append(Problem(path, "it is a link that leads out of the entity; --follow-links allows it"))
        else:
            yield ScannedFile(path, target, state_of(found), is_link=True)


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
