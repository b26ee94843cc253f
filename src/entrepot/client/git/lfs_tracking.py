"""Selects files for git-lfs: large files and binary files."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from entrepot.client.git.worktrees import WorkTree

LARGE: Final = 10 * 1024 * 1024
"""Minimum size of a large file in bytes."""

# Bytes that may occur in text of any encoding based on ASCII.
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27} | set(range(0x20, 0x100)) - {0x7F})
_PIECE = 1024 * 1024


def is_binary(file: Path) -> bool:
    """Return whether the first 10 MiB of a file contain a byte that text never contains."""
    left = LARGE
    with file.open("rb") as content:
        while left and (piece := content.read(min(_PIECE, left))):
            if piece.translate(None, _TEXT):
                return True
            left -= len(piece)
    return False


def is_large(file: Path) -> bool:
    """Return whether a file has at least 10 MiB."""
    return file.stat().st_size >= LARGE


def track_where(tree: WorkTree, wanted: Callable[[Path], bool], pattern: str = ".") -> list[str]:
    """Track the changed files that a predicate selects with git-lfs, and untrack deleted ones.

    Returns:
        Newly tracked paths, in git's order.
    """
    found = [path for path in untracked(tree, list(_files(tree, pattern))) if wanted(tree.folder / path)]
    if found:
        tree.track(found, are_names=True)
    if (gone := tree.deleted()) and (tree.folder / ".gitattributes").exists():
        tree.untrack(gone)
    return found


def untracked(tree: WorkTree, paths: list[str]) -> list[str]:
    """Return the paths that git-lfs does not track."""
    if not paths:
        return []
    asked = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
    answers = tree.git.run("check-attr", "-z", "--stdin", "filter", stdin=asked).decode("utf-8", "surrogateescape")
    fields = answers.split("\0")[:-1]
    kept = {path for path, value in zip(fields[::3], fields[2::3], strict=True) if value == "lfs"}
    return [path for path in paths if path not in kept]


def _files(tree: WorkTree, pattern: str) -> Iterator[str]:
    """Yield changed paths that are regular files: no links, nested repositories or deleted files."""
    for path in dict.fromkeys(tree.changed(pattern)):
        try:
            mode = (tree.folder / path).lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISREG(mode):
            yield path
