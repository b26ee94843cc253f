"""Differences between two trees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import attrs

from entrepot.errors import Malformed
from entrepot.git.objects import EMPTY_TREE
from entrepot.git.trees import Entry, entry_of, iterate_blocks, match_entry, sort_key
from entrepot.names import Oid, RepoPath


@attrs.frozen
class Change:
    """A file that was added (``old`` is None), removed (``new`` is None) or modified."""

    path: RepoPath
    old: Entry | None
    new: Entry | None


def diff_trees(old: Oid | None, new: Oid | None, read: Callable[[Oid], bytes]) -> Iterator[Change]:
    """Yield the files in which two trees differ, in git's order of paths.

    Args:
        old, new: root trees; None is equivalent to an empty tree.
        read: returns the content of a tree object; its exceptions propagate.

    A file that became a folder is yielded as its removal and the additions
    below. Links and submodules count as files. Equal subtrees are not read, and
    trees are read lazily. A malicious tree (the same subtree many times, on
    many levels) yields a very long sequence: the caller must limit it.

    Raises:
        Malformed: while iterating, a tree cannot be read.
    """
    waiting = [_pairs("", old, new, read)]
    while waiting:
        pair = next(waiting[-1], None)
        if pair is None:
            waiting.pop()
            continue
        path, before, after = pair
        if (before or after or _NOTHING).is_folder:
            waiting.append(_pairs(f"{path}/", before and before.oid, after and after.oid, read))
        else:
            yield Change(RepoPath(path), before, after)


_NOTHING = Entry("", 0, EMPTY_TREE)

_Pair = tuple[str, Entry | None, Entry | None]


def _pairs(prefix: str, old: Oid | None, new: Oid | None, read: Callable[[Oid], bytes]) -> Iterator[_Pair]:
    """Yield the entries that differ between two folders, entries with the same name and kind paired."""
    if old == new:
        return
    for before, after in _differing(_content(old, read), _content(new, read)):
        yield prefix + (before or after or _NOTHING).name, before, after


def _content(oid: Oid | None, read: Callable[[Oid], bytes]) -> bytes:
    return b"" if oid is None or oid == EMPTY_TREE else read(oid)


def _differing(old: bytes, new: bytes) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield the entries that differ between two trees, in git's order, with None where a side has none.

    Both are read only as far as the caller asks. Two versions of a large folder
    differ in few entries, so blocks of entries are compared as bytes.

    Raises:
        Malformed: while iterating, an entry cannot be read, or entries are not in git's order.
    """
    at, right = 0, _row_at(new, 0, b"")
    for start, stop in iterate_blocks(old):
        if new.startswith(old[start:stop], at):
            at += stop - start
            right = _row_at(new, at, b"")
            continue
        left = _row_at(old, start, b"")
        while left is not None:
            is_older, is_newer = right is None or left.key <= right.key, right is not None and right.key <= left.key
            was, becomes = left if is_older else None, right if is_newer else None
            if was is None or becomes is None or was.found[0] != becomes.found[0]:
                before, after = (entry_of(row.found) if row is not None else None for row in (was, becomes))
                # Modes with and without a leading zero differ as bytes but are the same entry.
                if before != after:
                    yield before, after
            if becomes is not None:
                at = becomes.found.end()
                right = _row_at(new, at, becomes.key)
            if was is not None:
                left = _row_at(old, was.found.end(), was.key) if was.found.end() < stop else None
    while right is not None:
        yield None, entry_of(right.found)
        right = _row_at(new, right.found.end(), right.key)


@attrs.frozen(eq=False)
class _Row:
    """An entry of a tree as it is stored, and the key by which git sorts it."""

    key: bytes
    found: re.Match[bytes]


def _row_at(content: bytes, at: int, last: bytes) -> _Row | None:
    """Return the entry that begins at an offset, None at the end.

    Raises:
        Malformed: it is not complete, or its key is not greater than ``last``.
    """
    if at == len(content):
        return None
    found = match_entry(content, at)
    mode, name, _ = found.groups()
    key = sort_key(name, int(mode, 8))
    if key <= last:
        raise Malformed("tree object", f"the entry at byte {at:,} is not in git's order")
    return _Row(key, found)
