"""Operations of a commit, as values."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from entrepot.client import user_warnings
from entrepot.client.sources import Source
from entrepot.errors import InvalidPath
from entrepot.names import RepoPath, RepoRef, Sha256, parse_path


@attrs.frozen
class Add:
    """Write a file, replacing an existing one."""

    path: RepoPath
    source: Source


@attrs.frozen
class AddStored:
    """Write a large file whose content the hub stores already."""

    path: RepoPath
    sha256: Sha256
    size: int


@attrs.frozen
class Delete:
    """Delete a file."""

    path: RepoPath


@attrs.frozen
class DeleteFolder:
    """Delete a folder with its content."""

    path: RepoPath


@attrs.frozen
class Copy:
    """Write to ``path`` the content of another path.

    Args:
        source_revision: None is the target branch of the commit.
        source_repo: None is the target repository of the commit.
    """

    path: RepoPath
    source_path: RepoPath
    source_revision: str | None = None
    source_repo: RepoRef | None = None


Operation = Add | AddStored | Delete | DeleteFolder | Copy


def path_in_folder(folder: str | None, path: str) -> RepoPath:
    """Return the path in a repository of a file below one of its folders; None, ``.`` and ``/`` are the root.

    Raises:
        InvalidPath: the result is not a valid path of a file.
    """
    below = (folder or "").strip("/")
    below = "" if below == "." else below.removeprefix("./")
    return checked(f"{below}/{path}" if below else path)


def repo_path(text: str) -> RepoPath:
    """Parse a path as users write it; a leading ``/`` or ``./`` is ignored.

    Raises:
        InvalidPath: the text is not a valid path of a file.
    """
    trimmed = text.removeprefix("/")
    while trimmed.startswith("./"):
        trimmed = trimmed[2:]
    if not trimmed:
        raise InvalidPath(text, "it does not name a file; pass the file's path in the repository")
    return checked(trimmed)


def checked(path: str) -> RepoPath:
    """Return a valid path of a repository; warn if a name contains a backslash that was probably meant as ``/``.

    Raises:
        InvalidPath: the text is not a valid path of a file.
    """
    parsed = parse_path(path)
    if "\\" in parsed:
        meant = parsed.replace("\\", "/")
        user_warnings.warn(
            f"the backslash in {path!r} becomes part of the file's name in the repository; "
            f"write {meant!r} if you mean a folder",
        )
    return parsed


def common_folder(paths: Iterable[str]) -> str:
    """Return the deepest folder that contains all these files; ``""`` is the root."""
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
