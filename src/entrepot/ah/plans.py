"""Plans of commits: ``add`` and ``delete`` as operations of the client.

======================================  ====================
item                                    in the asset
======================================  ====================
``'dir/f.pt'``                          ``f.pt``
``'./d'``, ``'d/'``                     ``d/…``; ``'.'`` and ``'..'`` have their real name
``'./d/*'``                             ``…`` at the root
``{'f.pt': 'x/'}``, ``{'./d': 'x/'}``   ``x/f.pt``, ``x/d/…``
``{'f.pt': 'x/y'}``, ``{'./d': 'x/y'}`` ``x/y``, ``x/y/…``
``{'./d/*': 'x/y'}``                    ``x/y/…``
``{'./d': 'p/[d]'}``                    ``p/d/…``
======================================  ====================
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from entrepot.ah.errors import InvalidPath
from entrepot.client.calls import trees
from entrepot.client.folders import LeftOut, walk
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, Delete, DeleteFolder, Operation
from entrepot.client.sources import PathSource
from entrepot.errors import EntryNotFound, InvalidArgument, SourceUnreadable
from entrepot.errors import InvalidPath as BadRepoPath
from entrepot.names import ROOT, RepoPath, RepoRef, parse_path, parse_stored_path

Additions = Sequence[str] | Sequence[tuple[str, str]] | Mapping[str, str] | None
"""Local files and folders to add: a list, or a mapping from local paths to paths in the asset, also as pairs."""

EVERYTHING = "/"
"""An item of ``delete`` that means every object."""

_CONTENT = "*"
_ATTRIBUTES = ".gitattributes"


@attrs.frozen
class Deletions:
    """Paths to delete: files and folders are apart, since ``a`` never means a folder, nor ``a/`` a file."""

    files: tuple[RepoPath, ...] = ()
    folders: tuple[RepoPath, ...] = ()
    is_all: bool = False

    def __bool__(self) -> bool:
        return self.is_all or bool(self.files or self.folders)


def plan_additions(add: Additions) -> list[Add]:
    """Return an addition for every file that the items name, sorted by item and path.

    Raises:
        TypeError: ``add`` is neither a sequence nor a mapping of paths.
        InvalidArgument: two items have one target, or a target inside another one's file.
        InvalidPath: a target is not a path of an object.
        SourceMissing, SourceUnreadable: a file or folder is absent, or cannot be read.
    """
    owners: dict[str, tuple[str, Add]] = {}
    for local, target in _pairs(add):
        for planned in _of_item(local, target):
            before = owners.get(planned.path)
            if before is not None:
                raise InvalidArgument(f"add: {before[0]!r} and {local!r} both become {planned.path!r} in the asset")
            owners[planned.path] = (local, planned)
    _refuse_nested(owners)
    return [planned for _, planned in owners.values()]


def parse_deletions(delete: Sequence[str] | None) -> Deletions:
    """Return what the items of ``delete`` name; paths that no asset can have name nothing.

    Raises:
        TypeError: ``delete`` is not a sequence of paths.
        InvalidArgument: an item is empty.
    """
    files: dict[RepoPath, None] = {}
    folders: dict[RepoPath, None] = {}
    is_all = False
    for item in listed_paths(delete, "delete"):
        if not item:
            raise InvalidArgument("delete: an item is empty; '/' deletes every object")
        if item == EVERYTHING:
            is_all = True
            continue
        trimmed = item.removeprefix("/")
        while trimmed.startswith("./"):
            trimmed = trimmed[2:]
        is_folder = trimmed.endswith("/")
        try:
            path = parse_stored_path(trimmed.removesuffix("/"))
        except BadRepoPath:
            continue
        (folders if is_folder else files)[path] = None
    return Deletions(tuple(files), tuple(folders), is_all)


def find_deletions(
    hub: Hub, repo: RepoRef, commit: str, wanted: Deletions, adds: Sequence[Add], staged: Iterable[str] = ()
) -> list[Operation]:
    """Return the operations that delete what exists at a commit; what is added anyway is not deleted first.

    Args:
        staged: paths that only the caller's staged changes have, which may be deleted too.
    """
    written: set[str] = {add.path for add in adds}
    if wanted.is_all:
        wanted = _everything(hub, repo, commit)
        if adds:
            written.add(_ATTRIBUTES)  # git needs it for large files that are added again, and so not sent
    else:
        wanted = _existing(hub, repo, commit, wanted, set(staged))
    found: list[Operation] = [Delete(path) for path in wanted.files if path not in written]
    for folder in wanted.folders:
        inside = {path for path in written if path.startswith(f"{folder}/")}
        if not inside:
            found.append(DeleteFolder(folder))
            continue
        entries = hub.pages(trees.page(repo, commit, folder, recursive=True))
        files = (RepoPath(entry.path) for entry in entries if entry.type == "file")
        found.extend(Delete(path) for path in files if path not in inside)
    return found


def _everything(hub: Hub, repo: RepoRef, commit: str) -> Deletions:
    entries = list(hub.pages(trees.page(repo, commit, ROOT)))
    files = tuple(RepoPath(entry.path) for entry in entries if entry.type == "file")
    return Deletions(files, tuple(RepoPath(entry.path) for entry in entries if entry.type == "directory"))


def _existing(hub: Hub, repo: RepoRef, commit: str, wanted: Deletions, staged: set[str]) -> Deletions:
    """Return those of some paths that exist, and are what they were taken for."""
    paths = [*dict.fromkeys((*wanted.files, *wanted.folders))]
    kinds: dict[str, str] = {}
    for at in range(0, len(paths), trees.MAX_PATHS):
        try:
            batch = hub.send(trees.describe(repo, commit, paths[at : at + trees.MAX_PATHS]))
        except EntryNotFound:
            continue
        kinds.update((entry.path, entry.type) for entry in batch)
    files = tuple(path for path in wanted.files if kinds.get(path) == "file" or path in staged)
    folders = tuple(
        path
        for path in wanted.folders
        if kinds.get(path) == "directory" or any(other.startswith(f"{path}/") for other in staged)
    )
    return Deletions(files, folders)


def _pairs(add: Additions) -> Iterator[tuple[str, str | None]]:
    items: object = list(add.items()) if isinstance(add, Mapping) else add
    if not (isinstance(items, list | tuple) and items and all(isinstance(item, tuple) for item in items)):
        yield from ((local, None) for local in listed_paths(items, "add"))
        return
    for local, target in items:
        if not isinstance(target, str):
            raise TypeError(f"add: the path in the asset of {local!r} is text, not {type(target).__name__}")
        yield _text(local, "add"), target


def listed_paths(items: object, name: str) -> list[str]:
    """Return the items of an argument that is a list of paths; None is an empty list.

    Raises:
        TypeError: it is a text, or has items that are none.
    """
    if items is None:
        return []
    # A text is a sequence too: 'abc' would be three paths.
    if isinstance(items, str | bytes | os.PathLike) or not isinstance(items, Iterable):
        raise TypeError(f"{name} is a list of paths, not {type(items).__name__}: write {name}=[{str(items)!r}]")
    return [_text(item, name) for item in items]


def _text(item: object, name: str) -> str:
    if isinstance(item, os.PathLike):
        item = os.fspath(item)
    if not isinstance(item, str):
        raise TypeError(f"{name}: a path is text, not {type(item).__name__}")
    return item


def _of_item(local: str, target: str | None) -> Iterator[Add]:
    """Yield the additions of one item."""
    path = _local(local)
    if not path:
        raise InvalidArgument("add: the path of a local file is empty")
    last = path.replace(os.sep, "/").rpartition("/")[2]
    if last == _CONTENT:
        folder = path[: -len(_CONTENT)] or os.curdir
        yield from _of_folder(folder, "" if target is None else _rooted(target).strip("/"))
        return
    expanded = os.path.expanduser(path)
    if last == "" or os.path.isdir(expanded):
        name = os.path.basename(os.path.abspath(expanded))
        yield from _of_folder(path, _target(name, target))
        return
    source = PathSource.at(path)
    yield Add(_checked(_target(os.path.basename(source.file_path), target)), source)


def _local(path: str) -> str:
    """Return a local path; on Windows, ``\\C\\x`` means ``C:\\x``."""
    if os.name == "nt" and len(path) > 2 and path[0] == path[2] == "\\" and path[1].isalpha():
        return f"{path[1]}:{path[2:]}"
    return path


def _rooted(target: str) -> str:
    """Return a path in the asset without a leading ``/`` or ``./``."""
    target = target.removeprefix("/")
    while target.startswith("./"):
        target = target[2:]
    return "" if target == "." else target


def _target(name: str, target: str | None) -> str:
    """Return the path in the asset of a local file or folder with this name."""
    if target is None:
        return name
    target = _rooted(target)
    if not target or target.endswith("/"):
        return target + name
    folder, slash, last = target.rpartition("/")
    return f"{folder}{slash}{name}" if last == f"[{name}]" else target


def _of_folder(folder: str, below: str) -> Iterator[Add]:
    prefix = f"{below}/" if below else ""
    for entry in walk(folder, on_left_out=lambda left: _refuse(folder, left)):
        yield Add(_checked(prefix + entry.path), entry.source)


def _refuse(folder: str, left: LeftOut) -> None:
    name = left.path.encode("utf-8", "backslashreplace").decode("utf-8")
    raise SourceUnreadable(os.path.join(folder, name), left.reason)


def _checked(path: str) -> RepoPath:
    try:
        return parse_path(path)
    except BadRepoPath as error:
        raise InvalidPath(path, f"it cannot be the path of an object: {error.rule}") from error


def _refuse_nested(owners: Mapping[str, tuple[str, Add]]) -> None:
    """Raise InvalidArgument if a file would also be a folder."""
    for path, (local, _) in owners.items():
        folder = path.rpartition("/")[0]
        while folder:
            if folder in owners:
                other = owners[folder][0]
                raise InvalidArgument(f"add: {other!r} becomes the file {folder!r}, and {local!r} a file inside it")
            folder = folder.rpartition("/")[0]
