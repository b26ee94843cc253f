"""Wildcard patterns that select paths for uploads and downloads.

``*`` also matches ``/``; ``dir/`` matches everything in ``dir``; matching is
case-sensitive; a backslash is treated as ``/``, so patterns written on
Windows work. Source: huggingface_hub 2.4.0, ``utils/_paths.py``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import TypeVar

import attrs

T = TypeVar("T")

Patterns = str | Iterable[str] | None
"""One pattern, several, or None."""


@attrs.frozen
class Selection:
    """Paths that match one of ``allowed`` (None: all paths do) and none of ``ignored``.

    ``names`` are the allowed patterns without a wildcard, which name files explicitly.
    """

    allowed: re.Pattern[str] | None
    ignored: re.Pattern[str] | None
    names: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        """Return whether a path is selected."""
        path = path.replace("\\", "/")
        if self.allowed is not None and not self.allowed.match(path):
            return False
        return self.ignored is None or not self.ignored.match(path)

    def may_have_inside(self, folder: str) -> bool:
        """Return whether files in this folder may be selected, judging by ``ignored``; the folder ends in ``/``."""
        return self.ignored is None or not (self.ignored.match(folder) or self.ignored.match(folder.rstrip("/")))


def select(allow: Patterns = None, ignore: Patterns = None) -> Selection:
    """Combine two sets of patterns to a selection; an empty ``allow`` selects nothing, None selects all."""
    allowed, ignored = _listed(allow), _listed(ignore)
    names = frozenset(pattern for pattern in allowed or () if not set("*?[") & set(pattern))
    return Selection(None if allowed is None else _either(allowed), _either(ignored) if ignored else None, names)


def _listed(patterns: Patterns) -> list[str] | None:
    if patterns is None:
        return None
    return [patterns] if isinstance(patterns, str) else list(patterns)


def _either(patterns: list[str]) -> re.Pattern[str]:
    if not patterns:
        return re.compile(r"(?!)")
    return re.compile("|".join(fnmatch.translate(_widened(pattern.replace("\\", "/"))) for pattern in patterns))


def _widened(pattern: str) -> str:
    return f"{pattern}*" if pattern.endswith("/") else pattern


def described(allow: Patterns, ignore: Patterns = None) -> str:
    """Format patterns for messages, at most five of each kind; empty if there are none."""
    parts = []
    for word, patterns in (("", allow), ("without ", ignore)):
        listed = _listed(patterns)
        if listed is not None and (listed or not word):
            named = ", ".join(repr(pattern) for pattern in listed[:5]) or "no pattern"
            parts.append(f"{word}{named}{', ...' if len(listed) > 5 else ''}")
    return " ".join(parts)
