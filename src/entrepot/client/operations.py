"""What a commit shall do, as values."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import attrs

from entrepot.client.sources import Source
from entrepot.errors import InvalidPath
from entrepot.names import RepoPath, RepoRef, Sha256, parse_path


@attrs.frozen
class Add:
    """Write a content at a path, over whatever is there."""

    path: RepoPath
    source: Source


@attrs.frozen
class AddStored:
    """Write, at a path, a large file that the hub has already."""

    path: RepoPath
    sha256: Sha256
    size: int


@attrs.frozen
class Delete:
    """Remove a file."""

    path: RepoPath


@attrs.frozen
class DeleteFolder:
    """Remove a folder with everything in it."""

    path: RepoPath


@attrs.frozen
class Copy:
    """Write, at ``path``, what is at another path.

    Args:
        source_revision: None is the branch that is written to.
        source_repo: None is the repository that is written to.
    """

    path: RepoPath
    source_path: RepoPath
    source_revision: str | None = None
    source_repo: RepoRef | None = None


Operation = Add | AddStored | Delete | DeleteFolder | Copy


def place(folder: str | None, path: str) -> RepoPath:
    """The path in a repository of a file below a folder of it; None, ``.`` and ``/`` are its root.

    Raises:
        InvalidPath: no file can have this path.
    """
    below = (folder or "").strip("/")
    below = "" if below == "." else below.removeprefix("./")
    return checked(f"{below}/{path}" if below else path)


def repo_path(text: str) -> RepoPath:
    """A path as people write it: a leading ``/`` or ``./`` counts for nothing.

    Raises:
        InvalidPath: no file can have this path.
    """
    trimmed = text.removeprefix("/")
    while trimmed.startswith("./"):
        trimmed = trimmed[2:]
    if not trimmed:
        raise InvalidPath(text, "it names no file; say what the file shall be called in the repository")
    return checked(trimmed)


def checked(path: str) -> RepoPath:
    """Return a path of a repository; warns where a backslash is a part of a name, and was probably meant as ``/``.

    Raises:
        InvalidPath: no file can have this path.
    """
    parsed = parse_path(path)
    if "\\" in parsed:
        meant = parsed.replace("\\", "/")
        warnings.warn(
            f"the backslash in {path!r} is a part of the file's name in a repository; "
            f"write {meant!r} if a folder is meant",
            stacklevel=4,
        )
    return parsed


def common_folder(paths: Iterable[str]) -> str:
    """The deepest folder in which all these files are; ``""``: the root."""
    common: list[str] | None = None
    for path in paths:
        parts = path.split("/")[:-1]
        if common is None:
            common = parts
            continue
        length = 0
        for left, right in zip(common, parts, strict=False):
            if left != right:
                break
            length += 1
        common = common[:length]
    return "/".join(common or [])
