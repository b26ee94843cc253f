"""Differences between two trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from entrepot.git.objects import EMPTY_TREE
from entrepot.git.trees import Entry, block_starts, iterate_tree, parse_tree, sort_key, split_tree
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
    contents = _content(old, read), _content(new, read)
    if not all(contents):
        # Lazily: only the caller knows how many entries of a folder that exists on one side it needs.
        for entry in iterate_tree(contents[0] or contents[1]):
            yield prefix + entry.name, *((entry, None) if contents[0] else (None, entry))
        return
    before, after = _without_shared(*contents)
    same = set(before).intersection(after) if before and after else set()
    left, right = _keyed(before, same), _keyed(after, same)
    for key in sorted(left.keys() | right.keys()):
        was, becomes = left.get(key), right.get(key)
        # Modes with and without a leading zero differ as bytes but are the same entry.
        if was != becomes:
            name = (was or becomes or _NOTHING).name
            yield prefix + name, was, becomes


def _content(oid: Oid | None, read: Callable[[Oid], bytes]) -> bytes:
    return b"" if oid is None or oid == EMPTY_TREE else read(oid)


def _without_shared(old: bytes, new: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the entries of two trees, without most of those that they share.

    Two versions of a large folder differ in few entries, so blocks of entries
    are compared as bytes. Both trees are assumed to be sorted; if one is not,
    fewer entries are removed, but never a differing one.
    """
    before: list[bytes] = []
    after: list[bytes] = []
    starts = block_starts(old)
    block_starts(new)  # validates: from here on both consist of complete entries
    at, here, size = 0, memoryview(new), len(new)
    for start, stop in zip(starts, [*starts[1:], len(old)], strict=True):
        if here[at : at + stop - start] == old[start:stop]:
            at += stop - start
            continue
        place = start
        while place < stop:
            left = _row(old, place)
            right = _row(new, at) if at < size else b""
            is_shared, is_older = left == right, not right or _key(left) <= _key(right)
            is_newer = bool(right) and (not is_older or _key(left) == _key(right))
            if is_older and not is_shared:
                before.append(left)
            if is_newer and not is_shared:
                after.append(right)
            place += len(left) if is_older else 0
            at += len(right) if is_newer else 0
    return before, after + split_tree(new[at:])


def _row(content: bytes, at: int) -> bytes:
    return content[at : content.index(0, at) + 21]


def _key(row: bytes) -> bytes:
    mode, _, name = row[: row.index(0)].partition(b" ")
    return sort_key(name, int(mode, 8))


def _keyed(rows: list[bytes], without: set[bytes]) -> dict[bytes, Entry]:
    entries = parse_tree(b"".join(row for row in rows if row not in without))
    return {sort_key(entry.name.encode("utf-8", "surrogateescape"), entry.mode): entry for entry in entries}
