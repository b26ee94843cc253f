"""Git's path patterns, matched without exponential backtracking.

``.gitattributes`` and ``.gitignore`` are untrusted input that is matched during
requests. Git's own matcher backtracks. Here a pattern is compiled to a regular
expression in which every ``*`` is an atomic group: the leftmost match of the
text up to the next star is as good as any other, so the search never goes back.
The same holds for ``**`` over whole segments.

One match of a pattern takes up to the product of its length and that of the path, and a path has many folders, each of
which ``.gitignore`` is asked about. :class:`MatchingWork` therefore limits all matches of a request together.

Patterns match bytes, as in git: ``?`` is one byte of UTF-8.
Source: git, ``wildmatch.c`` and ``dir.c`` (``parse_path_pattern``).
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from entrepot.errors import LimitExceeded

MAX_RULES: Final = 2_000
"""The maximum number of rules in one file; later lines are ignored."""

MAX_RULE_BYTES: Final = 4_096
"""The maximum length of a line; longer ones are ignored, as git ignores long attribute lines."""

MAX_TEXT: Final = 256 * 1024
"""The number of characters read of one file; the rest is ignored."""

MAX_LITERALS: Final = 50_000
"""The maximum number of additional rules without wildcards, for readers that find them by hashing."""

MAX_WILDCARD_BYTES: Final = 32 * 1024
"""The maximum total length of the patterns of one file that need a regular expression, to limit compilation."""

MAX_WORK: Final = 20_000_000
"""The maximum number of comparisons of one request: about four seconds of the slowest ones."""

_BYTES_AT_ONCE = 512
"""Bytes of a pattern times bytes of a path that a regular expression compares in the time of one short comparison."""

_COMPARISONS_OF_A_BYTE = 32
"""Comparisons that take as long as the compilation of one byte of a pattern with wildcards."""

_GLOBSTAR = "**"
_NEVER = "(?!)"
_WILDCARD = re.compile(rb"[*?\[\\]")
_SUFFIX = re.compile(rb"\*[^*?\[\\/]*")
_SLASH = 0x2F
_ALPHA = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGIT = frozenset(b"0123456789")
_GRAPH = frozenset(range(0x21, 0x7F))
_CLASSES: Final = {
    b"alnum": _ALPHA | _DIGIT,
    b"alpha": _ALPHA,
    b"blank": frozenset(b" \t"),
    b"cntrl": frozenset(range(0x20)) | {0x7F},
    b"digit": _DIGIT,
    b"graph": _GRAPH,
    b"lower": frozenset(b"abcdefghijklmnopqrstuvwxyz"),
    b"print": _GRAPH | {0x20},
    b"punct": _GRAPH - _ALPHA - _DIGIT,
    b"space": frozenset(b" \t\n\r"),
    b"upper": frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    b"xdigit": frozenset(b"0123456789abcdefABCDEF"),
}


@attrs.frozen
class PathPattern:
    """A compiled pattern.

    ``on_name``: the pattern has no slash and is matched against the last segment
    of a path instead of the whole path. ``folders_only``: it ended in a slash.
    """

    on_name: bool
    folders_only: bool
    _suffix: bytes | None
    _literal: bytes | None
    _compiled: re.Pattern[bytes] | None

    @property
    def literal(self) -> bytes | None:
        """The name or path that a pattern without wildcards matches; None for other patterns."""
        return self._literal

    @property
    def name_suffix(self) -> bytes | None:
        """The suffix of a pattern ``*.suffix``; None for other patterns."""
        return self._suffix if self.on_name and self._literal is None else None

    def matches(self, path: bytes, name: bytes) -> bool:
        """Return whether the pattern matches.

        Args:
            path: relative to the file that holds the pattern, without slashes at its ends.
            name: the last segment of ``path``.
        """
        text = name if self.on_name else path
        if self._literal is not None:
            return text == self._literal
        if self._suffix is not None:
            return text.endswith(self._suffix)
        assert self._compiled is not None
        return self._compiled.fullmatch(text) is not None


class MatchingWork:
    """A count of the comparisons of paths with patterns that one request makes; not thread-safe."""

    def __init__(self, most: int = MAX_WORK) -> None:
        self._most = self._left = most

    def add(self, comparisons: int) -> None:
        """Count comparisons before they are made.

        Raises:
            LimitExceeded: they are too many, with those before.
        """
        self._left -= comparisons
        if self._left < 0:
            what = "the number of comparisons of paths with the rules of .gitattributes and .gitignore"
            raise LimitExceeded(what, self._most, "send fewer files at a time, or write fewer and shorter rules")


@attrs.frozen
class RuleSet:
    """The size of the rules of one file.

    ``rules``: how many are compared with each path; ``wildcard_bytes``: of the patterns among them that have wildcards
    other than ``*.suffix``; ``text_bytes``: of the file, as far as it is read.
    """

    rules: int
    wildcard_bytes: int
    text_bytes: int

    def parsing_work(self) -> int:
        """Return how many comparisons take as long as parsing the file."""
        return self.text_bytes + _COMPARISONS_OF_A_BYTE * self.wildcard_bytes

    def matching_work(self, length: int) -> int:
        """Return how many comparisons a path with this length takes."""
        return 1 + self.rules + self.wildcard_bytes * length // _BYTES_AT_ONCE


NO_RULES: Final = RuleSet(0, 0, 0)


class PatternBudget:
    """A compiler for the patterns of one file that ignores patterns beyond the limits.

    Args:
        literals: the number of patterns without wildcards that do not count as rules.
    """

    def __init__(self, *, literals: int = 0) -> None:
        self._rules = MAX_RULES
        self._literals = literals
        self._wildcard_bytes = MAX_WILDCARD_BYTES

    @property
    def wildcard_bytes(self) -> int:
        """The bytes of the patterns with wildcards other than ``*.suffix`` that were compiled."""
        return MAX_WILDCARD_BYTES - max(0, self._wildcard_bytes)

    def compile(self, text: bytes) -> PathPattern | None:
        """Return the pattern compiled by :func:`compile_pattern`, or None if it exceeds the limits."""
        is_literal = not _WILDCARD.search(text)
        if not is_literal and not _SUFFIX.fullmatch(text):
            self._wildcard_bytes -= len(text)
        if is_literal and self._literals:
            self._literals -= 1
        else:
            self._rules -= 1
        if self._rules < 0 or self._wildcard_bytes < 0:
            return None
        return compile_pattern(text)


def compile_pattern(text: bytes) -> PathPattern:
    """Compile a pattern, without the marks of its file format (``!``, quotes, trailing blanks).

    A pattern that git considers invalid (an unclosed bracket, a trailing
    backslash) is accepted and never matches.
    """
    folders_only = text.endswith(b"/")
    body = text[:-1] if folders_only else text
    on_name = b"/" not in body
    anchored = body.removeprefix(b"/")
    if not _WILDCARD.search(anchored):
        return PathPattern(on_name, folders_only, None, anchored, None)
    if on_name and _SUFFIX.fullmatch(anchored):
        return PathPattern(on_name, folders_only, anchored[1:], None, None)
    # Git compares the text before the first wildcard separately, so "**" right after
    # it behaves as if a slash came before it: "a**/b" matches "ab" and "ax/y/b".
    first = _WILDCARD.search(anchored)
    plain = first.start() if first and not on_name else 0
    expression = "".join(map(_escape, anchored[:plain])) + _translate(anchored[plain:])
    compiled = re.compile(expression.encode("ascii"), re.DOTALL)
    return PathPattern(on_name, folders_only, None, None, compiled)


def _translate(pattern: bytes) -> str:
    segments = _segments(pattern)
    if segments is None:
        return _NEVER
    groups: list[list[str]] = [[]]
    for segment in segments:
        if segment == _GLOBSTAR:
            groups.append([])
        else:
            groups[-1].append(segment)
    if len(groups) == 1:
        return "/".join(groups[0])
    parts = ["".join(f"{segment}/" for segment in groups[0])]
    for group in groups[1:-1]:
        if group:
            parts.append("(?>(?:[^/]*/)*?" + "".join(f"{segment}/" for segment in group) + ")")
    parts.append("(?:[^/]*/)*" + "/".join(groups[-1]) if groups[-1] else ".*")
    return "".join(parts)


def _segments(pattern: bytes) -> list[str] | None:
    """Return one expression for each segment of a path, ``**`` unchanged; None if git would never match."""
    segments: list[str] = []
    chunks: list[str] = [""]
    stars = 0
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        escaped = byte == b"\\"
        if escaped:
            at += 1
            byte = pattern[at : at + 1]
            if not byte:
                return None
        if byte == b"/":
            segments.append(_segment(chunks, stars))
            if escaped and segments[-1] == _GLOBSTAR:
                # Only a plain slash after "**" may be absent from the path.
                segments.append("[^/]*")
            chunks, stars = [""], 0
        elif escaped:
            chunks[-1] += _escape(byte[0])
        elif byte == b"*":
            stars += 1
            chunks.append("")
        elif byte == b"?":
            chunks[-1] += "[^/]"
        elif byte == b"[":
            parsed = _bracket(pattern, at + 1)
            if parsed is None:
                return None
            expression, at = parsed
            chunks[-1] += expression
        else:
            chunks[-1] += _escape(byte[0])
        at += 1
    segments.append(_segment(chunks, stars))
    return segments


def _segment(chunks: list[str], stars: int) -> str:
    if stars >= 2 and not any(chunks):
        return _GLOBSTAR
    if not stars:
        return chunks[0]
    middle = "".join(f"(?>[^/]*?{chunk})" for chunk in chunks[1:-1] if chunk)
    return f"{chunks[0]}{middle}[^/]*{chunks[-1]}"


def _bracket(pattern: bytes, at: int) -> tuple[str, int] | None:
    """Return the expression of a bracket that opens before ``at`` and the index of its end; None if it is invalid."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    previous = -1  # the possible start of a range; -1 after a range or class
    first = True
    while first or pattern[at : at + 1] != b"]":
        first = False
        if at >= len(pattern):
            return None
        byte = pattern[at]
        following = pattern[at + 1 : at + 2]
        if byte == 0x2D and previous >= 0 and following not in (b"", b"]"):
            at += 1
            if pattern[at] == 0x5C:
                at += 1
            if at >= len(pattern):
                return None
            members.update(range(previous, pattern[at] + 1))
            previous = -1
        elif byte == 0x5B and following == b":":
            close = pattern.find(b"]", at + 2)
            if close < 0:
                return None
            if close == at + 2 or pattern[close - 1] != 0x3A:
                members.add(byte)  # no ":]" follows: an ordinary bracket
                previous = byte
            else:
                named = _CLASSES.get(pattern[at + 2 : close - 1])
                if named is None:
                    return None
                members |= named
                at = close
                previous = -1
        else:
            if byte == 0x5C:
                at += 1
                if at >= len(pattern):
                    return None
            members.add(pattern[at])
            previous = pattern[at]
        at += 1
    if negated:
        members = set(range(256)) - members
    members.discard(_SLASH)
    return _set(members), at


def _set(members: set[int]) -> str:
    """Return a set of bytes as ranges, so that its length does not depend on their number."""
    if not members:
        return _NEVER
    starts = [byte for byte in sorted(members) if byte - 1 not in members]
    ends = [byte for byte in sorted(members) if byte + 1 not in members]
    return "[" + "".join(f"{_escape(a)}-{_escape(b)}" for a, b in zip(starts, ends, strict=True)) + "]"


def _escape(byte: int) -> str:
    return f"\\x{byte:02x}"
