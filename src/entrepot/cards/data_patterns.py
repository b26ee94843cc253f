"""Patterns of data files in cards, matched with names of files as ``datasets`` does, in bounded time.

A card is untrusted, and is read during requests. Every ``*`` is an atomic group: the leftmost match of what follows it
is as good as any other, so the search never goes back; the same holds for ``**`` over whole folders. Names are only
compared if they begin as the pattern does before its first wildcard, at most :data:`MAX_COMPARED` for one card; a long
pattern counts several times, because the work for each character of a name grows with the length of the pattern.

Source: docs/protocols/metadata.md, section 5; ``datasets`` 5.2.0, which is the oracle of the tests.
"""

from __future__ import annotations

import bisect
import posixpath
import re
from collections.abc import Sequence

from entrepot.errors import Malformed

MAX_COMPARED = 2_000_000
"""Comparisons of a file name with a pattern, for one card."""

SIGNS = 16
"""Characters of a pattern, from its first wildcard on, that count as one comparison more."""

INFERRED = 8
"""As how many comparisons a file name counts whose split is inferred from it, by several rules."""

MAX_PATTERNS = 128 << 10
"""Characters in all patterns with wildcards of one card."""

_WILDCARD = re.compile(r"[*?\[]")
_IGNORED = frozenset(
    {"README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dummy_data.zip", "dataset_dict.json"}
)
_LAST = "\U0010ffff"
_GLOBSTAR = "**"


class DataPaths:
    """The paths of all files of a repository, in order."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = sorted(paths)
        self._left, self._left_characters = MAX_COMPARED, MAX_PATTERNS
        self._usable: list[str] | None = None

    def matching(self, pattern: str) -> list[str]:
        """Return the paths that a pattern matches; hidden files and files such as README.md only if it names them.

        Raises:
            Malformed: the pattern cannot be read, or the patterns of the card are too long or need too many
                comparisons.
        """
        found = _WILDCARD.search(pattern)
        if found is None:
            at = bisect.bisect_left(self._paths, pattern)
            return _usable(self._paths[at : at + 1], pattern) if pattern in self._paths[at : at + 1] else []
        self._left_characters -= len(pattern)
        if self._left_characters < 0:
            raise Malformed("card", f"its patterns of data files have more than {MAX_PATTERNS:,} characters")
        try:
            compiled = re.compile(_translate(pattern), re.DOTALL)
        except re.error as error:
            raise Malformed("card", f"the pattern {pattern!r} cannot be read: {error}") from error
        near = self._beginning_with(
            self._paths, pattern[: found.start()], times=1 + (len(pattern) - found.start()) // SIGNS
        )
        return _usable([path for path in near if compiled.fullmatch(path)], pattern)

    def below(self, folder: str) -> list[str]:
        """Return the paths below a folder, which ends in a slash, without hidden files and files such as README.md.

        Each counts as :data:`INFERRED` comparisons, for the rules that find its split.

        Raises:
            Malformed: the patterns of the card need too many comparisons.
        """
        if self._usable is None:
            self._usable = _usable(self._paths, "")
        return self._beginning_with(self._usable, folder, times=INFERRED)

    def _beginning_with(self, paths: list[str], text: str, *, times: int = 1) -> list[str]:
        first, end = bisect.bisect_left(paths, text), bisect.bisect_right(paths, text + _LAST)
        self._left -= (end - first) * times
        if self._left < 0:
            raise Malformed(
                "card", f"its patterns of data files need more than {MAX_COMPARED:,} comparisons with file names"
            )
        return paths[first:end]


def _usable(paths: Sequence[str], pattern: str) -> list[str]:
    hidden = [sum(part.startswith(mark) for part in pattern.split("/")) for mark in (".", "__")]
    last = posixpath.basename(pattern)
    return [
        path
        for path in paths
        if (posixpath.basename(path) not in _IGNORED or posixpath.basename(path) == last)
        and sum(part.startswith(".") for part in path.split("/")) == hidden[0]
        and sum(part.startswith("__") for part in path.split("/")[:-1]) == hidden[1]
    ]


def _translate(pattern: str) -> str:
    """Return a pattern as a regular expression; ``**`` stands for any folders."""
    groups: list[list[str]] = [[]]
    *folders, name = pattern.split("/")
    for part in folders:
        if part == _GLOBSTAR:
            groups.append([])
        else:
            groups[-1].append(_segment(part) + "/")
    last = ".+" if name == _GLOBSTAR else _segment(name)
    parts = ["".join(groups[0])]
    parts += [f"(?>(?:[^/]+/)*?{''.join(group)})" for group in groups[1:-1] if group]
    if len(groups) > 1:
        parts.append("(?:[^/]+/)*" + "".join(groups[-1]))
    return "".join(parts) + last


def _segment(part: str) -> str:
    """Return a pattern that matches one name; it finds each text between stars as far to the left as possible."""
    chunks, stars = _chunks(part)
    if not stars:
        return chunks[0]
    middle = "".join(f"(?>[^/]*?{chunk})" for chunk in chunks[1:-1] if chunk)
    return f"{chunks[0]}{middle}[^/]*{chunks[-1]}"


def _chunks(part: str) -> tuple[list[str], int]:
    """Return the expressions between the stars of a name, and the number of stars."""
    chunks, at = [""], 0
    while at < len(part):
        sign = part[at]
        end = part.find("]", at + 2) if sign == "[" else -1
        if sign == "*":
            chunks.append("")
        elif sign == "?":
            chunks[-1] += "[^/]"
        elif end > 0:
            # Twice the same of these signs may become an operator of sets in regular expressions.
            inside = re.sub(r"([\\\[&|~])", r"\\\1", part[at + 1 : end])
            chunks[-1] += f"[^{inside[1:]}]" if inside[0] in "!^" else f"[{inside}]"
            at = end
        else:
            chunks[-1] += re.escape(sign)
        at += 1
    return chunks, len(chunks) - 1
