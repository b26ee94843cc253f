"""Unified diffs in git's format.

Source: git, Documentation/diff-generate-patch.adoc, and ``xdiff/xemit.c``.
"""

from __future__ import annotations

import bisect
import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from entrepot.git.trees import Mode
from entrepot.names import Oid, RepoPath

CONTEXT_LINES: Final = 3
"""The number of unchanged lines shown around a change."""

MAX_COMPARED: Final = 1_000_000
"""The largest product of line counts between two anchors that is compared; larger regions are shown as replaced."""

MAX_STEPS: Final = 20_000_000
"""Steps of comparing lines in regions without anchors, for one diff; they take about a second."""

_FUNCTION_REACH: Final = 2_000  # lines above a hunk that are searched for the name of a function
_BINARY_SAMPLE = 8_000  # the bytes that git searches for a NUL (xdiff-interface.c)
_FORMAT = 0o170000
_NO_OID = "0" * 40
_FUNCTION = re.compile(rb"[A-Za-z_$]")
_SPECIAL: Final = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}

_Match = tuple[int, int, int]
_Code = tuple[str, int, int, int, int]


@attrs.frozen
class Side:
    """One side of a file's diff; the content of a submodule link is ignored."""

    mode: int
    oid: Oid
    content: bytes


@attrs.define
class Effort:
    """The steps that comparisons may still take; what differs after that is shown as replaced."""

    left: int = MAX_STEPS

    def take(self, steps: int) -> bool:
        """Count steps; return False, without counting them, if they are too many."""
        if steps > self.left:
            return False
        self.left -= steps
        return True


def unified_diff(path: RepoPath, old: Side | None, new: Side | None, effort: Effort | None = None) -> bytes:
    """Return the diff of one file as ``git diff`` prints it; empty if nothing differs.

    Args:
        old, new: None if the file does not exist on that side.
        effort: shared by all files of a diff; None: this file has its own.

    Returns:
        Bytes, because a file may have any encoding; decode with ``replace`` to
        show them. ``git apply`` can apply the diff, except for binary files,
        for which it only states that they differ.

    Guarantees: the time is bounded by the number of lines of both sides and by the
    effort: large regions that differ are shown as replaced instead of
    searched for the shortest diff. The caller must limit the size of the contents.
    """
    if old is not None and new is not None and (old.mode ^ new.mode) & _FORMAT:
        # A file that becomes a link is a removal and an addition, not a text change.
        return unified_diff(path, old, None, effort) + unified_diff(path, None, new, effort)
    if old == new:
        return b""
    head = [f"diff --git {_quoted('a/' + path)} {_quoted('b/' + path)}\n"]
    if old is None and new is not None:
        head.append(f"new file mode {new.mode:06o}\n")
    elif new is None and old is not None:
        head.append(f"deleted file mode {old.mode:06o}\n")
    elif old is not None and new is not None and old.mode != new.mode:
        head.append(f"old mode {old.mode:06o}\nnew mode {new.mode:06o}\n")
    before, after = _id(old), _id(new)
    if before == after:
        return "".join(head).encode("utf-8", "surrogateescape")
    mode = f" {old.mode:06o}" if old and new and old.mode == new.mode else ""
    head.append(f"index {before[:7]}..{after[:7]}{mode}\n")
    return "".join(head).encode("utf-8", "surrogateescape") + _body(path, old, new, effort or Effort())


def matching_lines(old: bytes, new: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the regions of lines that two versions of a file have in common: first line in each, and their number.

    Guarantees: as for :func:`unified_diff`; lines are counted from 0, and regions are in ascending order.
    """
    return _merged(_matches(_lines(old), _lines(new), Effort()))


def _body(path: RepoPath, old: Side | None, new: Side | None, effort: Effort) -> bytes:
    left, right = _text(old), _text(new)
    from_name = "/dev/null" if old is None else _quoted("a/" + path)
    to_name = "/dev/null" if new is None else _quoted("b/" + path)
    if b"\0" in left[:_BINARY_SAMPLE] or b"\0" in right[:_BINARY_SAMPLE]:
        return f"Binary files {from_name} and {to_name} differ\n".encode("utf-8", "surrogateescape")
    if left == right:
        return b""
    # A tab terminates a name that contains a space, so that patch programs find its end.
    tail = "\t" if " " in path else ""
    names = f"--- {from_name}{tail if old else ''}\n+++ {to_name}{tail if new else ''}\n"
    return names.encode("utf-8", "surrogateescape") + b"".join(_hunks(_lines(left), _lines(right), effort))


def _id(side: Side | None) -> str:
    return _NO_OID if side is None else side.oid


def _text(side: Side | None) -> bytes:
    if side is None:
        return b""
    return f"Subproject commit {side.oid}\n".encode() if side.mode == Mode.GITLINK else side.content


def _lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _hunks(old: list[bytes], new: list[bytes], effort: Effort) -> Iterator[bytes]:
    functions = _Functions(old)
    for group in _groups(list(_codes(old, new, effort))):
        old_start, old_end, new_start, new_end = group[0][1], group[-1][2], group[0][3], group[-1][4]
        function = functions.above(old_start)
        ranges = f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@"
        yield ranges.encode() + (b" " + function if function else b"") + b"\n"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_row(b" ", line) for line in old[i1:i2])
            else:
                yield from (_row(b"-", line) for line in old[i1:i2])
                yield from (_row(b"+", line) for line in new[j1:j2])


def _row(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _range(start: int, end: int) -> str:
    count = end - start
    first = start + 1 if count else start
    return f"{first}" if count == 1 else f"{first},{count}"


class _Functions:
    """Finds the nearest line above a hunk that starts like an identifier: git's guess at the function."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines, self._searched, self._last = lines, 0, -1

    def above(self, start: int) -> bytes:
        """Return the line for a hunk; hunks are asked for in their order, so that no line is looked at twice."""
        for at in range(start - 1, self._searched - 1, -1):
            if _FUNCTION.match(self._lines[at]):
                self._last = at
                break
        self._searched = max(self._searched, start)
        if not 0 <= start - 1 - self._last < _FUNCTION_REACH or self._last < 0:
            return b""
        return self._lines[self._last][:80].rstrip()


def _groups(codes: list[_Code]) -> Iterator[list[_Code]]:
    """Yield changes with their context; changes closer than twice the context are in one group."""
    group: list[_Code] = []
    for index, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag != "equal":
            group.append((tag, i1, i2, j1, j2))
            continue
        lead = 0 if index == 0 else min(CONTEXT_LINES, i2 - i1)
        trail = 0 if index == len(codes) - 1 else min(CONTEXT_LINES, i2 - i1)
        if group and i2 - i1 <= 2 * CONTEXT_LINES and trail:
            group.append((tag, i1, i2, j1, j2))
            continue
        if group:
            group.append((tag, i1, i1 + lead, j1, j1 + lead))
            yield group
        group = [(tag, i2 - trail, i2, j2 - trail, j2)] if trail else []
    if group:
        yield group


def _codes(old: list[bytes], new: list[bytes], effort: Effort) -> Iterator[_Code]:
    """Yield equal and differing regions alternately."""
    i = j = 0
    for a, b, size in _merged(_matches(old, new, effort)):
        if i < a or j < b:
            yield ("change", i, a, j, b)
        yield ("equal", a, a + size, b, b + size)
        i, j = a + size, b + size
    if i < len(old) or j < len(new):
        yield ("change", i, len(old), j, len(new))


def _merged(matches: Iterator[_Match]) -> Iterator[_Match]:
    run: _Match | None = None
    for a, b, size in matches:
        if not size:
            continue
        if run is not None and (run[0] + run[2], run[1] + run[2]) == (a, b):
            run = (run[0], run[1], run[2] + size)
            continue
        if run is not None:
            yield run
        run = (a, b, size)
    if run is not None:
        yield run


def _matches(old: list[bytes], new: list[bytes], effort: Effort) -> Iterator[_Match]:
    """Yield equal regions in ascending order: common ends, lines unique on both sides, difflib in the gaps."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old_end, new_end = len(old) - end, len(new) - end
    yield (0, 0, start)
    i, j = start, start
    for a, b in _anchors(old[start:old_end], new[start:new_end]):
        yield from _gap(old, new, (i, start + a, j, start + b), effort)
        yield (start + a, start + b, 1)
        i, j = start + a + 1, start + b + 1
    yield from _gap(old, new, (i, old_end, j, new_end), effort)
    yield (old_end, new_end, end)


def _gap(old: list[bytes], new: list[bytes], bounds: tuple[int, int, int, int], effort: Effort) -> Iterator[_Match]:
    i1, i2, j1, j2 = bounds
    if not 0 < (i2 - i1) * (j2 - j1) <= MAX_COMPARED:
        return
    for a, b, size in _BoundedMatcher(old[i1:i2], new[j1:j2], effort).get_matching_blocks():
        yield (i1 + a, j1 + b, size)


class _BoundedMatcher(difflib.SequenceMatcher[bytes]):
    """A matcher whose work is bounded: it may search a region again for each line that both sides have."""

    b2j: dict[bytes, list[int]]  # the places of lines in the second side, which the stubs leave out

    def __init__(self, old: list[bytes], new: list[bytes], effort: Effort) -> None:
        super().__init__(None, old, new)
        self._effort, self._end = effort, len(old)
        each = (1 + len(self.b2j.get(line, ())) for line in old)
        self._steps = list(itertools.accumulate(each, initial=0))

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """Return the longest equal region, an empty one when the effort is used up."""
        end = self._end if ahi is None else ahi
        if not self._effort.take(self._steps[end] - self._steps[alo]):
            return difflib.Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _anchors(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return the longest ascending series of lines that occur once on each side (patience diff)."""
    places = _once(new)
    pairs = [(at, places[line]) for line, at in _once(old).items() if line in places]
    tails: list[int] = []  # the smallest end of an ascending series, by length
    ends: list[int] = []  # the pair with that end
    before: list[int] = []  # the pair that comes before each pair
    for index, (_, place) in enumerate(pairs):
        length = bisect.bisect_left(tails, place)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [place]
        ends[length : length + 1] = [index]
    series: list[tuple[int, int]] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        series.append(pairs[index])
        index = before[index]
    return series[::-1]


def _once(lines: Sequence[bytes]) -> dict[bytes, int]:
    places: dict[bytes, int] = {}
    repeated: set[bytes] = set()
    for at, line in enumerate(lines):
        if line in places:
            repeated.add(line)
        places[line] = at
    return {line: at for line, at in places.items() if line not in repeated}


def _quoted(name: str) -> str:
    """Return a name as git prints it: quoted, with octal escapes, if it contains unusual bytes."""
    raw = name.encode("utf-8", "surrogateescape")
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in raw):
        return name
    return '"' + "".join(_quoted_byte(byte) for byte in raw) + '"'


def _quoted_byte(byte: int) -> str:
    if byte in _SPECIAL:
        return "\\" + _SPECIAL[byte]
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
