"""The file ``.mlgitignore``: patterns of paths that are not data of an entity."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

IGNORE_NAME = ".mlgitignore"


def parse_ignored(text: str) -> Callable[[str], bool]:
    """Return a function that says whether a path is ignored.

    Each line is a pattern of fnmatch, matched against the whole path and
    against its last name; ``dir/`` matches everything in a folder of that
    path or name. Lines that begin with ``#`` are comments.
    """
    wholes: list[str] = []
    folders: list[str] = []
    for line in text.splitlines():
        pattern = line.strip().replace("\\", "/")
        if pattern and not pattern.startswith("#"):
            (folders if pattern.endswith("/") else wholes).append(pattern.strip("/"))
    if not wholes and not folders:
        return lambda _path: False
    whole, folder = _either(wholes), _either(folders)

    def is_ignored(path: str) -> bool:
        names = path.split("/")
        if whole.fullmatch(path) or whole.fullmatch(names[-1]):
            return True
        return any(
            folder.fullmatch("/".join(names[:depth])) or folder.fullmatch(names[depth - 1])
            for depth in range(1, len(names))
        )

    return is_ignored


def _either(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")
