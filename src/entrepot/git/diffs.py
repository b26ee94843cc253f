"""What changed between two trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from entrepot.git.objects import EMPTY_TREE
from entrepot.git.trees import Entry, parse_tree, sort_key, split_tree
from entrepot.names import Oid, RepoPath


@attrs.frozen
class Change:
    """One file that was added (``old`` is None), removed (``new`` is None) or altered."""

    path: RepoPath
    old: Entry | None
    new: Entry | None


def diff_trees(old: Oid | None, new: Oid | None, read: Callable[[Oid], bytes]) -> Iterator[Change]:
    """The files in which two trees differ, in git's order of paths.

    Args:
        old, new: root trees; None stands for no tree, the same as an empty one.
        read: returns the content of a tree object; what it raises passes through.

    A file that became a folder comes as its removal and the additions below.
    Links and submodules count as files. Equal subtrees are not read, and
    nothing is read before it is needed. A tree that was made to explode
    (the same subtree many times, on many levels) makes a very long iterator:
    stop reading where the answer gets too long.

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
    """Entries that differ between two folders, those of one name and sort together."""
    if old == new:
        return
    before, after = _rows(old, read), _rows(new, read)
    same = set(before).intersection(after) if before and after else set()
    left, right = _keyed(before, same), _keyed(after, same)
    for key in sorted(left.keys() | right.keys()):
        was, becomes = left.get(key), right.get(key)
        # Modes with and without a leading zero are different bytes but the same entry.
        if was != becomes:
            name = (was or becomes or _NOTHING).name
            yield prefix + name, was, becomes


def _rows(oid: Oid | None, read: Callable[[Oid], bytes]) -> list[bytes]:
    return [] if oid is None or oid == EMPTY_TREE else split_tree(read(oid))


def _keyed(rows: list[bytes], without: set[bytes]) -> dict[bytes, Entry]:
    entries = parse_tree(b"".join(row for row in rows if row not in without))
    return {sort_key(entry.name.encode("utf-8", "surrogateescape"), entry.mode): entry for entry in entries}
