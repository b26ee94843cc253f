"""Which files git-lfs should keep: those that are large, and those that are no text."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from entrepot.client.git.worktrees import WorkTree

LARGE: Final = 10 * 1024 * 1024
"""From this size, in bytes, a file is large."""

# Bytes that texts contain, in whichever encoding that has ASCII in it.
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27} | set(range(0x20, 0x100)) - {0x7F})
_PIECE = 1024 * 1024


def is_binary(file: Path) -> bool:
    """Whether one of the first 10 MiB of a file is a byte that no text contains."""
    left = LARGE
    with file.open("rb") as content:
        while left and (piece := content.read(min(_PIECE, left))):
            if piece.translate(None, _TEXT):
                return True
            left -= len(piece)
    return False


def is_large(file: Path) -> bool:
    """Whether a file has 10 MiB or more."""
    return file.stat().st_size >= LARGE


def track_where(tree: WorkTree, wanted: Callable[[Path], bool], pattern: str = ".") -> list[str]:
    """Let git-lfs keep the changed files that are wanted, and forget those that were deleted.

    Returns:
        Paths that are tracked now and were not before, in git's order.
    """
    found = [path for path in untracked(tree, list(_files(tree, pattern))) if wanted(tree.folder / path)]
    if found:
        tree.track(found, are_names=True)
    if (gone := tree.deleted()) and (tree.folder / ".gitattributes").exists():
        tree.untrack(gone)
    return found


def untracked(tree: WorkTree, paths: list[str]) -> list[str]:
    """Those of the paths that git-lfs does not keep."""
    if not paths:
        return []
    asked = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
    answers = tree.git.run("check-attr", "-z", "--stdin", "filter", stdin=asked).decode("utf-8", "surrogateescape")
    fields = answers.split("\0")[:-1]
    kept = {path for path, value in zip(fields[::3], fields[2::3], strict=True) if value == "lfs"}
    return [path for path in paths if path not in kept]


def _files(tree: WorkTree, pattern: str) -> Iterator[str]:
    """Changed paths that are regular files: no links, no repositories inside this one, nothing deleted."""
    for path in dict.fromkeys(tree.changed(pattern)):
        try:
            mode = (tree.folder / path).lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISREG(mode):
            yield path
