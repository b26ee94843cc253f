"""Which paths are meant: standard wildcards, as they are used for uploads and downloads.

``*`` also matches ``/``; ``dir/`` means everything in ``dir``; upper and
lower case differ; a backslash counts as ``/``, so that patterns made on
Windows work. Source: huggingface_hub 2.4.0, ``utils/_paths.py``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import attrs

T = TypeVar("T")

Patterns = str | Iterable[str] | None
"""One pattern, several, or none given."""


@attrs.frozen
class Selection:
    """Paths that match one of ``allowed`` (None: any path does) and none of ``ignored``.

    ``names`` are the allowed patterns without a wildcard: paths that were named explicitly.
    """

    allowed: re.Pattern[str] | None
    ignored: re.Pattern[str] | None
    names: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        """Whether a path is selected."""
        path = path.replace("\\", "/")
        if self.allowed is not None and not self.allowed.match(path):
            return False
        return self.ignored is None or not self.ignored.match(path)

    def may_have_inside(self, folder: str) -> bool:
        """Return whether a file in this folder could be selected, as far as ``ignored`` tells; it ends in ``/``."""
        return self.ignored is None or not (self.ignored.match(folder) or self.ignored.match(folder.rstrip("/")))


def select(allow: Patterns = None, ignore: Patterns = None) -> Selection:
    """The selection that two sets of patterns make; an empty ``allow`` allows nothing, None allows all."""
    allowed, ignored = _listed(allow), _listed(ignore)
    names = frozenset(pattern for pattern in allowed or () if not set("*?[") & set(pattern))
    return Selection(None if allowed is None else _either(allowed), _either(ignored) if ignored else None, names)


def keep(
    items: Iterable[T], *, allow: Patterns = None, ignore: Patterns = None, key: Callable[[T], str] = str
) -> Iterator[T]:
    """The items whose path is selected, in their order.

    Args:
        key: gives the path of an item; ``str`` will do for paths.
    """
    selection = select(allow, ignore)
    return (item for item in items if selection.has(key(item)))


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
    """Return patterns as messages show them, at most five of each kind; ``""``: there are none."""
    parts = []
    for word, patterns in (("", allow), ("without ", ignore)):
        listed = _listed(patterns)
        if listed is not None and (listed or not word):
            named = ", ".join(repr(pattern) for pattern in listed[:5]) or "no pattern"
            parts.append(f"{word}{named}{', ...' if len(listed) > 5 else ''}")
    return " ".join(parts)
