"""Rules for the paths of a manifest: a checkout must be able to write every one of them, inside its folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from entrepot.errors import InvalidPath, Malformed
from entrepot.names import RepoPath, parse_path

_SETTINGS = ".ml-git"

# Most paths need no closer look: no rule concerns these characters between letters, digits and underscores.
_SEGMENT = r"[A-Za-z0-9_](?:[A-Za-z0-9_ ()+,=@.-]{0,200}[A-Za-z0-9_()])?"
_ORDINARY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,15}}", re.ASCII)


def check_paths(paths: Iterable[str]) -> None:
    """Check that files with these paths can be written together.

    Args:
        paths: all different.

    Raises:
        Malformed: a path is invalid (see ``names.parse_path``), inside ``.ml-git``, or below another file.
    """
    known = paths if isinstance(paths, dict | set | frozenset) else set(paths)
    folder = ""
    for path in known:
        if not _ORDINARY.fullmatch(path):
            _check_unusual(path)
        parent = path.rpartition("/")[0]
        if parent != folder:
            folder = parent
            file = next((above for above in _folders(parent) if above in known), None)
            if file is not None:
                raise Malformed("manifest", f"it has a file {file[:100]!r} and another one below it")


def find_collision(paths: Iterable[RepoPath]) -> tuple[RepoPath, RepoPath] | None:
    """Return two paths, or their folders, that are one name where a file system ignores case or normalises Unicode."""
    seen: dict[str, str] = {}
    for path in paths:
        for name in _folders(path):
            folded = _fold(name)
            other = seen.get(folded)
            if other is None:
                seen[folded] = name
            elif other == name:
                break  # the folders above it are known too
            else:
                return RepoPath(other), RepoPath(name)
    return None


def _fold(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_unusual(path: str) -> None:
    try:
        parse_path(path)
    except InvalidPath as error:
        raise Malformed("manifest", str(error)) from error
    first = path.partition("/")[0]
    if first.rstrip(". ").casefold() == _SETTINGS:
        raise Malformed("manifest", f"the path {path[:100]!r} is inside the settings of the project")


def _folders(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
